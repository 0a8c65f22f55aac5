"""Sync, change sets, late rows, reconciliation, erasure and cost on datasets of the suite's own."""

from pathlib import Path

import pytest

from coaching_assets.demo.sample import generate
from coaching_assets_tests.live.journey import Journey
from coaching_assets_tests.support.deployment import Deployment

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
    """All steps, within the limit of bytes."""
    Journey(own_installation, generate(1.0), tmp_path).run()


@PLACES
def test_typed_columns_are_copied_too(own_installation: Deployment, tmp_path: Path) -> None:
    """Times, numbers and JSON in columns of their own types. These steps run no query, so they bill nothing."""
    journey = Journey(own_installation, generate(1.0, connector="typed"), tmp_path)
    journey.run(journey.first_sync, journey.nothing_changes, journey.change_sets, journey.no_queries)
