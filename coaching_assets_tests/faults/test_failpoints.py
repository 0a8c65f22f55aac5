"""A sync is killed at each failpoint, and the next sync completes it."""

import signal
from pkgutil import resolve_name

import pytest

from coaching_assets.working_folder import PREFIX, working_folder
from coaching_assets_tests.faults.failpoints import PLACES, VARIABLE, Failpoint
from coaching_assets_tests.faults.scene import Scene

REPRESENTATIVE = (Failpoint.BATCH_COMMITTED,)
"""The failpoints that `make test` tries too."""


@pytest.mark.representatives(5)
@pytest.mark.breaks("the process is killed at a failpoint")
@pytest.mark.parametrize(
    "point",
    [point if point in REPRESENTATIVE else pytest.param(point, marks=pytest.mark.slow) for point in Failpoint],
)
def test_killed_at(scene: Scene, point: Failpoint) -> None:
    with scene.in_use():
        command = scene.start("sync", **{VARIABLE: point})
        assert command.wait() == -signal.SIGKILL, command.printed()
    scene.assert_healed()


def test_each_failpoint_is_at_a_function_of_the_product() -> None:
    for point in Failpoint:
        _, owner, name = PLACES[point]
        assert hasattr(resolve_name(owner), name), f"{point}: {owner} has no {name}; name the function in PLACES"


@pytest.mark.slow
def test_what_a_killed_process_leaves_in_temporary_folders_is_removed(scene: Scene) -> None:
    command = scene.start("sync", **{VARIABLE: Failpoint.STAGED})
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
