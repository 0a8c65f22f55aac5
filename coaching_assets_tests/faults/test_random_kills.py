"""The process is killed at a hundred random moments, of first syncs and of later ones; the next sync repairs it all.

`KILLS_SEED` draws other moments than the last time; the table at the end names the seed, and how far the syncs had got.
"""

import os
import random
import signal
import time

import pytest

from coaching_assets_tests.faults.ledger import Trial
from coaching_assets_tests.faults.scene import Scene
from coaching_assets_tests.faults.test_state import LOSSES
from coaching_assets_tests.stateful import application
from coaching_assets_tests.stateful.world import World

SEED = int(os.environ.get("KILLS_SEED", "1"))
KILLS = 102
PARTS = 5
MOST_DRAWS = 10
"""How often a moment is drawn for one kill; a sync that was done by then could not be killed."""

EMPTY, FILLED, LATER = "a first sync into empty tables", "a first sync into tables that are filled", "a later sync"
KINDS = (EMPTY, FILLED, LATER)


def begin(scene: Scene, kind: str) -> None:
    """Stand where such a sync begins."""
    if kind == EMPTY:
        with scene.world.connect() as connection:
            scene.world.query("truncate calls, opportunities, emails cascade")
            application.write_something(connection, "a call of its own", 1)
            scene.owned = application.owned(connection)
    if kind != LATER:
        scene.world.query(LOSSES["everything of ours"])


@pytest.fixture(scope="module")
def undisturbed(world: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    """How many seconds a sync of each kind takes by itself."""
    seconds = {}
    # the first one of all is slower: it starts the process that the others are forked from
    for kind in (LATER, *KINDS):
        with pytest.MonkeyPatch.context() as environment:
            scene = Scene(world, world.begin(environment), tmp_path_factory.mktemp("undisturbed"))
            begin(scene, kind)
            started = time.monotonic()
            command = scene.start("sync", PUBLISH_BATCH_SIZE="1")
            assert command.wait() == 0, command.printed()
            seconds[kind] = time.monotonic() - started
            world.end()
    return seconds


def killed(scene: Scene, kind: str, moment: float) -> bool:
    """Kill a sync so many seconds after its start; False where it was done by then."""
    begin(scene, kind)
    command = scene.start("sync", PUBLISH_BATCH_SIZE="1")
    command.process.join(moment)
    command.process.kill()
    status = command.wait()
    assert status in (0, -signal.SIGKILL), command.printed()
    return status != 0


@pytest.mark.long
@pytest.mark.parametrize("number", range(KILLS // len(KINDS)))
@pytest.mark.parametrize("kind", KINDS)
def test_killed_at_a_random_moment(
    world: World,
    trial: Trial,
    undisturbed: dict[str, float],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
    kind: str,
    number: int,
) -> None:
    chance = random.Random(f"{SEED} {kind} {number}")
    for _ in range(MOST_DRAWS):
        share = chance.random()
        trial.fault = f"killed in part {int(share * PARTS) + 1} of {PARTS} of {kind} (KILLS_SEED={SEED})"
        scene = Scene(world, world.begin(monkeypatch), tmp_path_factory.mktemp("scene"), trial)
        try:
            if killed(scene, kind, share * undisturbed[kind]):
                print(f"killed after {share * undisturbed[kind]:.3f} s of {undisturbed[kind]:.3f} s")
                scene.assert_healed()
                return
        finally:
            world.end()
    pytest.fail(f"Each of {MOST_DRAWS} syncs was done within a part of {undisturbed[kind]:.1f} s.")
