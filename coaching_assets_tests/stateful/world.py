"""Installations for the sequences: a database in use, copied for each of them, and one BigQuery project for all."""

import os
import shutil
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg2
import pytest
from dagster import AssetKey, execute_job, reconstructable
from psycopg2 import sql
from psycopg2.extensions import connection as Connection

from coaching_assets.catalogue import TABLES
from coaching_assets.defs.instance import instance_of_this_process
from coaching_assets.demo.sample import COMPANY_DOMAIN, Sample, SampleTable, TableKey, generate
from coaching_assets_tests.oracle import Expected, actual, differences, expected
from coaching_assets_tests.stateful import application
from coaching_assets_tests.stateful.source import Source
from coaching_assets_tests.support.deployment import Deployment, copy_database, rows_of

DATASETS = {"gong": "gongio_ft", "salesforce": "salesforce_ft"}
VARIABLES = ("BIGQUERY_PROJECT", "BIGQUERY_EMULATOR_HOST", "BIGQUERY_STORAGE_EMULATOR_HOST", "COMPANY_DOMAINS")
MOST_MONOLOGUES = 12
"""Of a call; the others of the sample would only cost time."""


def small_sample(connector: str) -> Sample:
    """A handful of calls with short transcripts."""
    sample = generate(0.02, connector=connector)  # type: ignore[arg-type]
    transcript = sample["gong", "transcript"]
    short = [
        int(index) < MOST_MONOLOGUES if str(index).isdigit() else True for index in transcript.rows["index"].to_pylist()
    ]
    return sample.replaced({("gong", "transcript"): SampleTable(transcript.fields, transcript.rows.filter(short))})


class World:
    """The servers, with a database of the sample already synced; `begin` gives each sequence a copy of it."""

    def __init__(self, deployment: Deployment, connector: str, folder: Path) -> None:
        self.deployment = deployment
        self.sample = small_sample(connector)
        self.folder = folder
        self._loaded: dict[TableKey, SampleTable] = {}
        self._copies = 0
        self._template = deployment.name
        self.database = deployment.name
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(application.TABLES)
        self.load(Source(self.sample))
        assert deployment.sync().failures == ()
        self._variables = {variable: os.environ[variable] for variable in VARIABLES}

    def begin(self, environment: pytest.MonkeyPatch) -> Source:
        """A new sequence: a database as after the first sync, to which the environment then points."""
        self._copies += 1
        self.database = f"{self._template}_{self._copies}"
        copy_database(self.deployment.postgres, self.database, self._template)
        for variable, value in self._variables.items():
            environment.setenv(variable, value)
        environment.setenv("DATABASE_URL", self.deployment.postgres.url(self.database))
        source = Source(self.sample)
        source.note_seen()
        return source

    def variable(self, name: str) -> str:
        """One of the environment's variables, as it is without a proxy in between."""
        return self._variables[name]

    def forget_loaded(self, kind: str, name: str) -> None:
        """Load a table again the next time: another test has changed it in BigQuery."""
        self._loaded.pop((kind, name), None)

    def end(self) -> None:
        """Drop the sequence's database."""
        with self.connect("postgres") as connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(self.database)))

    @contextmanager
    def connect(self, database: str | None = None) -> Iterator[Connection]:
        """A connection to the sequence's database, or another, which commits each statement."""
        connection = psycopg2.connect(self.deployment.postgres.url(database or self.database))
        try:
            connection.autocommit = True
            yield connection
        finally:
            connection.close()

    def load(self, source: Source) -> None:
        """Bring BigQuery to what the source holds: the tables that differ."""
        for key, table in source.present.items():
            if self._loaded.get(key) is not table:
                kind, name = key
                self.deployment.load(source.sample, tables=[f"{kind}.{name}"] if name == "opportunity" else [name])
                self._loaded[key] = table
        for key in [key for key in self._loaded if key not in source.present]:
            kind, name = key
            self.deployment.client.delete_table(f"{self.deployment.name}.{DATASETS[kind]}.{name}")
            del self._loaded[key]

    def query(self, statement: str, parameters: Sequence[object] = ()) -> list[tuple]:
        """Rows of the sequence's database."""
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(statement, parameters or None)
            return rows_of(cursor)

    def versions(self) -> dict[tuple[str, str], str]:
        """The transaction that last wrote each row of the application's tables, by table and id."""
        found = {}
        for table in ("calls", "speakers", "transcripts", "opportunities", "emails"):
            found |= {(table, row): xmin for row, xmin in self.query(f"select id::text, xmin::text from {table}")}
        links = self.query("select call_id || ' ' || opportunity_id, xmin::text from call_opportunities")
        return found | {("call_opportunities", row): xmin for row, xmin in links}

    def sync(self) -> list[str]:
        """A whole sync; what failed."""
        return list(self.deployment.sync().failures)

    def sync_some(self, assets: Collection[str]) -> bool:
        """A run of the main job over some assets only; whether it worked."""
        from coaching_assets.definitions import sync_job

        selection = [AssetKey(asset.split("/")) for asset in sorted(assets)]
        with (
            instance_of_this_process() as instance,
            execute_job(
                reconstructable(sync_job),
                instance=instance,
                asset_selection=selection,
                run_config={"loggers": {"terminal": {}}},
            ) as result,
        ):
            return bool(result.success)

    def differences(self, source: Source) -> list[str]:
        """Where the application's tables are not what the source says."""
        shutil.rmtree(self.folder, ignore_errors=True)
        source.visible().write(self.folder)
        wanted = expected(self.folder, [COMPANY_DOMAIN])
        with self.connect() as connection:
            found = actual(connection, "public")
            kept = _set_aside(connection, wanted, found)
        return differences(wanted, found, kept_calls=kept)


def synced(world: World, source: Source) -> None:
    """Sync everything, and compare with the oracle."""
    world.load(source)
    assert world.sync() == []
    source.note_seen()
    found = world.differences(source)
    assert found == [], "\n".join(found)


def _set_aside(connection: Connection, wanted: Expected, found: Expected) -> list[str]:
    """Take away what is there for the application's sake.

    Returns:
        The calls that the source has deleted and that had to stay.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "select gong_call_id from calls where id in (select call_id from feedback) or id in"
            " (select call_id from speakers join coaching_sessions on rep_id = speakers.id)"
        )
        kept = [call for (call,) in cursor.fetchall() if call not in wanted.calls and call in found.calls]
        cursor.execute("select id::text from speakers where not coaching_sync.is_derived(id)")
        ours = {speaker for (speaker,) in cursor.fetchall()}
        cursor.execute(
            "select coaching_sync.derived_id('speakers', call || ':' || speaker)::text"
            " from unnest(%s, %s) as due (call, speaker)",
            ([call for call, _ in wanted.speakers], [speaker for _, speaker in wanted.speakers]),
        )
        due = {speaker for (speaker,) in cursor.fetchall()}
        cursor.execute("select distinct rep_id::text from coaching_sessions")
        ours |= {speaker for (speaker,) in cursor.fetchall()} - due
    found.calls = {key: row for key, row in found.calls.items() if not str(key).startswith(application.OWN_CALLS)}
    found.speakers = {key: row for key, row in found.speakers.items() if str(key[-1]) not in ours}
    for rows in (found.calls, found.opportunities, found.emails):
        for row in rows.values():
            for key in application.METADATA_KEYS:
                row["metadata"].pop(key, None)
    own = lambda key: str(key[0]).startswith(application.OWN_CALLS) or _index(key) >= application.OWN_INDEX  # noqa: E731
    found.transcripts = {key: row for key, row in found.transcripts.items() if not own(key)}
    return [call for call in kept if not call.startswith(application.OWN_CALLS)]


def _index(key: tuple) -> int:
    while isinstance(key[0], tuple):
        key = key[0]
    return int(key[1])


def all_assets() -> list[str]:
    """The replica's and the published assets, by key."""
    replica = [f"{DATASETS[table.source]}/{table.name}" for table in TABLES]
    published = ("calls", "speakers", "transcripts", "call_opportunities", "opportunities", "emails")
    return [*replica, *(f"coaching/{name}" for name in published)]
