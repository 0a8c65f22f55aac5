"""An installation on datasets of its own, in the emulator or in the Google Cloud project of the environment."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

import pytest

from coaching_assets.bigquery import connect
from coaching_assets.demo.sample import SampleTable
from coaching_assets.demo.servers import EmbeddedPostgres
from coaching_assets.settings import Settings, load_settings
from coaching_assets_tests.live.bill import MAXIMUM_BYTES_PER_QUERY
from coaching_assets_tests.live.requirements import missing_requirement
from coaching_assets_tests.support.deployment import BigQueryProject, Deployment, created

if TYPE_CHECKING:
    from coaching_assets_tests.front.server import Front

NUMBERS = count(1)
KEPT = frozenset(
    {
        "bigquery_project",
        "bigquery_billing_project",
        "google_application_credentials",
        "bigquery_api_endpoint",
        "bigquery_storage_api_endpoint",
        "bigquery_emulator_host",
        "bigquery_storage_emulator_host",
    }
)
"""The settings by which the suite finds BigQuery. All others have their defaults."""


@dataclass
class LoadedSizes(Mapping[str, Mapping[str, int]]):
    """The sizes of the tables that are loaded, by `dataset.table` and column."""

    project: BigQueryProject

    def __getitem__(self, name: str) -> Mapping[str, int]:
        from coaching_assets_tests.front.billing import sizes_of

        return sizes_of({name: self._tables()[name].rows})[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables())

    def __len__(self) -> int:
        return len(self._tables())

    def _tables(self) -> dict[str, SampleTable]:
        datasets = dict(zip(("gong", "salesforce"), self.project.datasets, strict=True))
        return {f"{datasets[kind]}.{name}": table for (kind, name), table in self.project.loaded.items()}


@pytest.fixture(params=["emulator", "google"])
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> "Front | None":
    """Where BigQuery is: behind this server, or, if it is None, at Google. The environment has the address."""
    if request.param == "google" and (sentence := missing_requirement(os.environ)):
        pytest.skip(sentence)
    if request.param == "emulator":
        front: Front = request.getfixturevalue("front")
        for name, value in front.emulator.environment().items():
            monkeypatch.setenv(name, value)
        return front
    return None


@pytest.fixture
def own_installation(
    place: "Front | None", postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Deployment]:
    """Empty tables of the application, and two empty datasets that are deleted at the end."""
    from coaching_assets_tests.live.datasets import own_datasets

    for name in Settings.model_fields.keys() - KEPT:
        monkeypatch.delenv(name.upper(), raising=False)
    with connect(load_settings()) as bigquery, own_datasets(bigquery.rest, bigquery.project) as project:
        gong, salesforce = project.datasets
        monkeypatch.setenv("GONG_DATASET", gong)
        monkeypatch.setenv("SALESFORCE_DATASET", salesforce)
        monkeypatch.setenv("BIGQUERY_MAXIMUM_BYTES_BILLED", str(MAXIMUM_BYTES_PER_QUERY))
        if place is not None:
            from coaching_assets_tests.front.billing import Billing
            from coaching_assets_tests.front.job_configurations import JobConfigurations

            place.add(Billing(LoadedSizes(project)))
            place.add(JobConfigurations())
        database = created(f"live{next(NUMBERS)}", postgres, monkeypatch)
        yield Deployment(database.name, postgres, project)
