"""An installation in use, at whose source an hour's changes wait: what every fault is tried on."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from coaching_assets_tests.faults.ledger import Trial, table, trials_in
from coaching_assets_tests.faults.read_api import STORAGE, ReadApi, read_api
from coaching_assets_tests.faults.scene import Scene
from coaching_assets_tests.faults.servers import OwnPostgres, own_postgres
from coaching_assets_tests.stateful.world import World


@pytest.fixture
def trial(request: pytest.FixtureRequest) -> Iterator[Trial]:
    """The test's part of a line in the table at the end; its marker `breaks` names the fault, else its own name."""
    marker = request.node.get_closest_marker("breaks")
    trial = Trial(marker.args[0] if marker else request.function.__name__.removeprefix("test_").replace("_", " "))
    yield trial
    request.node.user_properties.append(trial.as_property())


@pytest.fixture
def scene(
    world: World, trial: Trial, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    source = world.begin(monkeypatch)
    # several batches of each group, so that there is something between them
    monkeypatch.setenv("PUBLISH_BATCH_SIZE", "1")
    yield Scene(world, source, tmp_path_factory.mktemp("scene"), trial)
    world.end()


@pytest.fixture
def reading(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Iterator[ReadApi]:
    """The Storage Read API, by which the syncs go, with faults in between."""
    with read_api(scene.world.variable(STORAGE)) as (api, address):
        monkeypatch.setenv(STORAGE, address)
        yield api
    if api.injected:
        scene.trial.injected = api.injected


@pytest.fixture
def own(scene: Scene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[OwnPostgres]:
    """A Postgres of this test's own with the scene's database, by which the syncs go."""
    with own_postgres(scene, tmp_path, monkeypatch) as own:
        yield own


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table of all faults that were tried."""
    reports = chain.from_iterable(terminalreporter.stats.values())
    trials = list(trials_in(report for report in reports if getattr(report, "when", None) == "teardown"))
    if trials:
        terminalreporter.section("faults")
        for line in table(trials):
            terminalreporter.write_line(line)
