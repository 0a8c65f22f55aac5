"""The process is killed at each point that is named, and the next sync brings everything about."""

import signal

import pytest

from coaching_assets.kill_points import VARIABLE, KillPoint
from coaching_assets.working_folder import PREFIX, working_folder
from coaching_assets_tests.faults.scene import Scene

REPRESENTATIVE = (KillPoint.STAGED, KillPoint.BEFORE_LOAD_NOTED, KillPoint.BATCH_COMMITTED, KillPoint.LOADS_NOTED)
"""Those that `make test` tries too."""


@pytest.mark.breaks("the process is killed at a named point")
@pytest.mark.parametrize(
    "point",
    [point if point in REPRESENTATIVE else pytest.param(point, marks=pytest.mark.faults) for point in KillPoint],
)
def test_killed_at(scene: Scene, point: KillPoint) -> None:
    with scene.in_use():
        command = scene.start("sync", **{VARIABLE: point})
        assert command.wait() == -signal.SIGKILL, command.printed()
    scene.assert_healed()


def test_what_a_killed_process_leaves_in_temporary_folders_is_removed(scene: Scene) -> None:
    command = scene.start("sync", **{VARIABLE: KillPoint.STAGED})
    assert command.wait() == -signal.SIGKILL, command.printed()
    left_behind = set(scene.folder.glob(f"{PREFIX}*"))
    assert len(left_behind) == 2, "dlt's and Dagster's"
    command = scene.start("sync")
    assert command.wait() == 0, command.printed()
    assert set(scene.folder.glob(f"{PREFIX}*")) == set()
    scene.assert_healed()


def test_what_a_process_that_lives_has_in_temporary_folders_stays() -> None:
    with working_folder("one") as one, working_folder("another") as another:
        assert one.is_dir()
        assert another.is_dir()
    assert not one.exists()
    assert not another.exists()
