"""The process is killed at a hundred random moments, of first syncs and of later ones; the next sync mends it all.

`KILLS_SEED` draws other moments than the last time.
"""

import os
import random
import signal
import time

import pytest

from coaching_assets_tests.faults.scene import Scene
from coaching_assets_tests.faults.test_state import LOSSES
from coaching_assets_tests.stateful.world import World

SEED = int(os.environ.get("KILLS_SEED", "1"))
KILLS = 100
FIRST, LATER = "a first sync", "a later sync"


def begin(scene: Scene, kind: str) -> None:
    """Stand where such a sync begins."""
    if kind == FIRST:
        scene.world.query(LOSSES["everything of ours"])


@pytest.fixture(scope="module")
def undisturbed(world: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    """How many seconds a sync of each kind takes by itself."""
    seconds = {}
    for kind in (FIRST, LATER):
        with pytest.MonkeyPatch.context() as environment:
            scene = Scene(world, world.begin(environment), tmp_path_factory.mktemp("undisturbed"))
            begin(scene, kind)
            started = time.monotonic()
            command = scene.start("sync", PUBLISH_BATCH_SIZE="1")
            assert command.wait() == 0, command.printed()
            seconds[kind] = time.monotonic() - started
            world.end()
    return seconds


@pytest.mark.faults
@pytest.mark.breaks("the process is killed at a random moment")
@pytest.mark.parametrize("number", range(KILLS // 2))
@pytest.mark.parametrize("kind", [FIRST, LATER])
def test_killed_at_a_random_moment(undisturbed: dict[str, float], scene: Scene, kind: str, number: int) -> None:
    moment = undisturbed[kind] * random.Random(f"{SEED} {kind} {number}").random()
    begin(scene, kind)
    command = scene.start("sync")
    command.process.join(moment)
    command.process.kill()
    # where it was faster than expected there was nothing left to kill, and the table at the end says so
    scene.trial.injected = int(command.wait() == -signal.SIGKILL)
    scene.assert_healed()
