"""An installation in use, at whose source an hour's changes wait: what every fault is tried on."""

from collections.abc import Iterator

import pytest

from coaching_assets_tests.faults.scene import Scene
from coaching_assets_tests.stateful.world import World


@pytest.fixture
def scene(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    source = world.begin(monkeypatch)
    # several batches of each group, so that there is something between them
    monkeypatch.setenv("PUBLISH_BATCH_SIZE", "1")
    yield Scene(world, source, tmp_path_factory.mktemp("scene"))
    world.end()
