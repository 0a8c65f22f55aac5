"""An installation on datasets of its own, in the emulator or in the Google Cloud project of the environment."""

import os
from collections.abc import Iterator
from itertools import count
from typing import TYPE_CHECKING

import pytest

from coaching_assets.bigquery import connect
from coaching_assets.demo.servers import EmbeddedPostgres
from coaching_assets.settings import Settings, load_settings
from coaching_assets_tests.live.bill import MAXIMUM_BYTES_PER_QUERY
from coaching_assets_tests.live.requirements import missing_requirement
from coaching_assets_tests.support.deployment import Deployment, created

if TYPE_CHECKING:
    from coaching_assets_tests.front.server import Front

NUMBERS = count(1)
KEPT = frozenset(
    {
        "bigquery_project",
        "bigquery_billing_project",
        "google_application_credentials",
        "bigquery_emulator_host",
        "bigquery_storage_emulator_host",
    }
)
"""The settings by which the suite finds BigQuery. All others have their defaults."""


@pytest.fixture(params=["emulator", "google"])
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where BigQuery is; the environment has its address."""
    if request.param == "google" and (sentence := missing_requirement(os.environ)):
        pytest.skip(sentence)
    if request.param == "emulator":
        front: Front = request.getfixturevalue("front")
        for name, value in front.emulator.environment().items():
            monkeypatch.setenv(name, value)
    return str(request.param)


@pytest.fixture
def own_installation(place: str, postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    """Empty tables of the application, and two empty datasets that are deleted at the end."""
    from coaching_assets_tests.live.datasets import own_datasets

    for name in Settings.model_fields.keys() - KEPT:
        monkeypatch.delenv(name.upper(), raising=False)
    with connect(load_settings()) as bigquery, own_datasets(bigquery.rest, bigquery.project) as project:
        gong, salesforce = project.datasets
        monkeypatch.setenv("GONG_DATASET", gong)
        monkeypatch.setenv("SALESFORCE_DATASET", salesforce)
        monkeypatch.setenv("BIGQUERY_MAXIMUM_BYTES_BILLED", str(MAXIMUM_BYTES_PER_QUERY))
        database = created(f"live{next(NUMBERS)}", postgres, monkeypatch)
        yield Deployment(database.name, postgres, project)
