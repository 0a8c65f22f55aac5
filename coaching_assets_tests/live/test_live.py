"""Sync, change sets, late rows, reconciliation, erasure and cost on datasets of the suite's own."""

from pathlib import Path

import pytest

from coaching_assets.demo.sample import TableKey, generate
from coaching_assets_tests.live.journey import MB, Journey
from coaching_assets_tests.support.deployment import Deployment

LEFT_OUT: tuple[TableKey, ...] = (
    ("gong", "opportunity"),
    ("salesforce", "opportunity_history"),
    ("salesforce", "opportunity_field_history"),
)
PLACES = pytest.mark.parametrize(
    "place",
    [
        pytest.param("emulator", marks=pytest.mark.slow, id="emulator"),
        pytest.param("google", marks=pytest.mark.live, id="google"),
    ],
    indirect=True,
)


@PLACES
def test_an_installation_lives_on_datasets_of_its_own(own_installation: Deployment, tmp_path: Path) -> None:
    """All steps. Each query of the reconciliation bills at least 10 MB, so three optional tables are left out."""
    sample = generate(1.0).without(*LEFT_OUT)
    Journey(own_installation, sample, tmp_path, maximum_bytes=185 * MB).run()


@PLACES
def test_typed_columns_are_copied_too(own_installation: Deployment, tmp_path: Path) -> None:
    """Times, numbers and JSON in columns of their own types, in all tables. A sync runs no query."""
    journey = Journey(own_installation, generate(0.3, connector="typed"), tmp_path, maximum_bytes=15 * MB)
    journey.run(journey.first_sync, journey.nothing_changes, journey.changes, journey.cost)
