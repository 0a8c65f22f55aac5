"""Random sequences of edits and syncs: the tables equal the oracle, and what the application wrote stays."""

from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from coaching_assets_tests.stateful.machine import Sequence
from coaching_assets_tests.stateful.world import World
from coaching_assets_tests.support.deployment import Deployment

COMMON = settings(
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # a sequence takes seconds, so that making a failing one shorter would take hours
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    report_multiple_bugs=False,
    print_blob=True,
)
ONE = settings(COMMON, max_examples=1, stateful_step_count=10, derandomize=True)
SHORT = settings(COMMON, max_examples=2, stateful_step_count=15, derandomize=True)
LONG = settings(COMMON, max_examples=100, stateful_step_count=30)


def test_one_sequence(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    run_state_machine_as_test(partial(Sequence, world, monkeypatch), settings=ONE)


@pytest.mark.slow
def test_a_few_sequences(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    run_state_machine_as_test(partial(Sequence, world, monkeypatch), settings=SHORT)


@pytest.mark.long
@pytest.mark.parametrize("connector", ["strings", "typed"])
def test_many_sequences(
    deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, connector: str
) -> None:
    world = World(deployment, connector, tmp_path / "source")
    run_state_machine_as_test(partial(Sequence, world, monkeypatch), settings=LONG)
