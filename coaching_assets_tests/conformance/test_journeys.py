"""An installation lives through everything in each environment: no row of the application is lost or wrong."""

from pathlib import Path

import pytest

from coaching_assets.demo.sample import Sample, SampleTable, generate
from coaching_assets.demo.servers import BigQueryEmulator, EmbeddedPostgres
from coaching_assets_tests.conformance.environments import ENVIRONMENTS, Environment
from coaching_assets_tests.conformance.installation import installed_in
from coaching_assets_tests.conformance.journey import Journey

pytestmark = pytest.mark.postgres
MOST_MONOLOGUES = 10
"""Of a call; the others of the sample would only cost time."""


@pytest.fixture(scope="module")
def small() -> Sample:
    """Two dozen calls with short transcripts."""
    sample = generate(0.08)
    transcript = sample["gong", "transcript"]
    is_short = [not index.isdigit() or int(index) < MOST_MONOLOGUES for index in transcript.rows["index"].to_pylist()]
    return sample.replaced({("gong", "transcript"): SampleTable(transcript.fields, transcript.rows.filter(is_short))})


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda environment: environment.name)
def test_an_installation_keeps_peoples_work(
    environment: Environment,
    postgres: EmbeddedPostgres,
    emulator: BigQueryEmulator,
    small: Sample,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    with installed_in(environment, postgres, emulator, monkeypatch) as installation:
        journey = Journey(installation, small, tmp_path)
        journey.adopt()
        journey.change()
        journey.delete_under_peoples_work()
        journey.reconcile()
        journey.erase()
