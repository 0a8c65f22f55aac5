"""The recipients of the tests' alerts, and the Dagster instance whose failures they report."""

from collections.abc import Iterator

import pytest
from dagster import (
    DagsterInstance,
    RepositoryDefinition,
)

from coaching_assets_tests.alerts.ticks import Ticks
from coaching_assets_tests.support.receiver import Receiver, receiving


@pytest.fixture(scope="module")
def repository() -> RepositoryDefinition:
    from coaching_assets.definitions import defs

    return defs.get_repository_def()


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiving() as receiver:
        monkeypatch.setenv("ALERT_URLS", receiver.url)
        monkeypatch.setenv("DAGSTER_UI_URL", "https://dagster.example.com/")
        yield receiver


@pytest.fixture
def pager(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiving() as receiver:
        monkeypatch.setenv("ALERT_PAGE_URLS", receiver.url)
        yield receiver


@pytest.fixture
def ticks(instance: DagsterInstance, repository: RepositoryDefinition) -> Ticks:
    return Ticks(instance, repository)
