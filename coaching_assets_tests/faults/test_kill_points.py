"""The process is killed at each point that is named, and the next sync brings everything about."""

import signal

import pytest

from coaching_assets.kill_points import VARIABLE, KillPoint
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
