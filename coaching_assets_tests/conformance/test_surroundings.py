"""Publications and search paths of every kind: the sync publishes, and a subscriber can read what it wrote."""

from pathlib import Path

import pytest

from coaching_assets.demo.sample import Sample, generate
from coaching_assets.demo.servers import BigQueryEmulator, EmbeddedPostgres
from coaching_assets_tests.conformance.environments import Environment
from coaching_assets_tests.conformance.installation import Installation, installed_in
from coaching_assets_tests.support.editing import edited, found_differences

pytestmark = pytest.mark.postgres
CALL = ("gong", "call")
LEAST_RIGHTS = Environment("least rights", has_least_rights=True)
EXTENSIONS = Environment("extensions", has_least_rights=True, before=("extensions",))

PUBLICATIONS = {
    "for all tables": "create publication changes for all tables",
    "for updates and deletions only": "create publication changes for all tables with (publish = 'update, delete')",
    "for the sync's own schemas": "create publication changes for tables in schema"
    " coaching_sync, gongio_ft, gongio_ft_staging, salesforce_ft, salesforce_ft_staging",
}
SEARCH_PATHS = {
    "of the database": "alter database {database} set search_path = public, extensions",
    "of the role, without the application's schema": "alter role coaching_sync set search_path = extensions",
    "of the role in the database, with an odd name": "alter role coaching_sync in database {database}"
    ' set search_path = "A ""schema"", not there", extensions',
}


@pytest.fixture(scope="module")
def few() -> Sample:
    return generate(0.02)


def renamed(sample: Sample, title: str, hours: int) -> Sample:
    return edited(sample, CALL, {}, hours=hours, title=title)


def changes_decoded(installation: Installation) -> int:
    """The number of changes that a subscriber of the publication receives, which are then consumed."""
    ((number,),) = installation.query(
        "select count(*) from pg_logical_slot_get_binary_changes('subscriber', null, null,"
        " 'proto_version', '1', 'publication_names', 'changes')"
    )
    return int(number)


@pytest.mark.parametrize("is_first", [True, False], ids=["before the first sync", "after the first sync"])
@pytest.mark.parametrize("statement", PUBLICATIONS.values(), ids=PUBLICATIONS.keys())
def test_a_publication_stops_no_sync(
    statement: str,
    is_first: bool,
    postgres: EmbeddedPostgres,
    emulator: BigQueryEmulator,
    few: Sample,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    with installed_in(LEAST_RIGHTS, postgres, emulator, monkeypatch) as installation:
        if is_first:
            installation.query(statement)
        installation.load(few)
        assert installation.sync().failures == ()
        if not is_first:
            installation.query(statement)
        installation.query("select pg_create_logical_replication_slot('subscriber', 'pgoutput')")
        try:
            second = renamed(few, "Second", 1)
            installation.load(second)
            assert installation.sync().failures == ()
            assert found_differences(installation, second, tmp_path) == []
            assert changes_decoded(installation) > 0
        finally:
            installation.query("select pg_drop_replication_slot('subscriber')")


@pytest.mark.parametrize("statement", SEARCH_PATHS.values(), ids=SEARCH_PATHS.keys())
def test_a_trigger_finds_its_functions(
    statement: str,
    postgres: EmbeddedPostgres,
    emulator: BigQueryEmulator,
    few: Sample,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with installed_in(EXTENSIONS, postgres, emulator, monkeypatch) as installation:
        installation.query(statement.format(database=installation.name))
        try:
            installation.load(renamed(few, "  With blanks  ", 1))
            assert installation.sync().failures == ()
            assert installation.query("select distinct title from calls") == [("With blanks",)]
        finally:
            installation.query("alter role coaching_sync reset search_path")
