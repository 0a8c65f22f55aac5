"""Loading a pipeline's tables: what stands at the source, how far the replica is, and dlt's run."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from psycopg2 import sql

from coaching_assets.bigquery.client import BigQuery
from coaching_assets.bigquery.errors import SourceError
from coaching_assets.bigquery.metadata import TableDescription, describe
from coaching_assets.catalogue import CURSOR, PipelineName, SourceTable
from coaching_assets.postgres import errors as postgres_errors
from coaching_assets.postgres.connection import Connection
from coaching_assets.postgres.locks import (
    LOCK_CLASS,
    LOCK_TIMEOUT,
    TABLE_LOCK_SECONDS,
    bound_lock_waits,
    table_locked,
    wait_for_advisory_lock,
)
from coaching_assets.postgres.migrate import ensure_schema
from coaching_assets.postgres.sql_files import read_sql
from coaching_assets.postgres.tables import RowCount, count_rows
from coaching_assets.replica.extraction import Extraction
from coaching_assets.replica.placement import STAGING, placements
from coaching_assets.replica.schema_drift import missing_required
from coaching_assets.settings import Settings

TABLES_AT_ONCE = 8
"""Of how many tables BigQuery is asked at once."""


@dataclass(frozen=True)
class Survey:
    """What stands at the source: the tables that are there, those that are not, and those that cannot be looked at."""

    present: Mapping[SourceTable, TableDescription]
    absent: tuple[SourceTable, ...]
    failed: Mapping[SourceTable, str]
    incomplete: Mapping[SourceTable, tuple[str, ...]]
    """Of the failed ones, those that lack required columns, and which."""


@dataclass(frozen=True)
class LoadCounts:
    """What one load did to a table of the replica, in rows."""

    rows_read: int
    rows_inserted: int
    rows_updated: int
    newest_source_time: datetime | None
    row_count: RowCount

    @property
    def rows_unchanged(self) -> int:
        """Rows that the load read and found as they were."""
        return max(self.rows_read - self.rows_inserted - self.rows_updated, 0)


def survey(bigquery: BigQuery, settings: Settings, tables: Sequence[SourceTable]) -> Survey:
    """Ask BigQuery, by metadata alone, which of the tables are there.

    A table that may not be read does not keep the others from being read. One that lacks a required column is not
    loaded: the replica's rows would lose what they have of it.
    """
    from concurrent.futures import ThreadPoolExecutor

    present: dict[SourceTable, TableDescription] = {}
    absent: list[SourceTable] = []
    failed: dict[SourceTable, str] = {}
    incomplete: dict[SourceTable, tuple[str, ...]] = {}
    with ThreadPoolExecutor(max_workers=TABLES_AT_ONCE) as pool:
        answers = {t: pool.submit(describe, bigquery, settings.datasets[t.source], t.name) for t in tables}
    for table, answer in answers.items():
        try:
            description = answer.result()
        except SourceError as error:
            failed[table] = str(error)
            continue
        if description is None:
            absent.append(table)
        elif not description.fields:
            failed[table] = f"{description.dataset}.{description.table} has no columns. Is Fivetran still creating it?"
        elif missing := missing_required(table, description):
            incomplete[table] = missing
            failed[table] = (
                f"{description.dataset}.{description.table} has no column {', '.join(missing)}, without which it cannot"
                " be published. It is loaded again once Fivetran delivers that."
            )
        else:
            present[table] = description
    return Survey(present, tuple(absent), failed, incomplete)


def extractions_for(
    bigquery: BigQuery, database: Connection, settings: Settings, present: Mapping[SourceTable, TableDescription]
) -> dict[SourceTable, Extraction]:
    """What to read of each table: all of it the first time, else what Fivetran processed since the overlap window.

    All tables are read as of one moment.
    """
    snapshot = datetime.now(UTC)
    for table in present:
        if not table_exists(database, settings.datasets[table.source], table.name):
            forget_stored_schema(database, settings.datasets[table.source], table.pipeline)
    extractions: dict[SourceTable, Extraction] = {}
    for table, description in present.items():
        watermark = newest_source_time(database, settings.datasets[table.source], table.name)
        since = watermark - settings.replica_overlap if watermark is not None else None
        key = table.key_for(frozenset(description.columns))
        placed = placements(database, settings.datasets[table.source], table.name, description.fields, key)
        extractions[table] = Extraction(bigquery, description, since, snapshot, settings.bigquery_read_streams, placed)
    return extractions


@contextmanager
def opened(extractions: Iterable[Extraction]) -> Iterator[None]:
    """Have BigQuery prepare the reading of all tables at once, while dlt is imported, which asks for one by one."""
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(max_workers=TABLES_AT_ONCE)
    try:
        for extraction in extractions:
            extraction.open(pool)
        yield
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def prepare_staging(database: Connection, schema: str, tables: Iterable[SourceTable]) -> None:
    """Empty dlt's staging tables, where there are any, and make each as durable as what becomes of it."""
    with database.cursor() as cursor:
        for table in tables:
            names = (schema, STAGING.format(schema), table.name)
            cursor.execute("select coaching_sync.ready_staging(%s::text, %s::text, %s::text)", names)


def newest_source_time(database: Connection, schema: str, table: str) -> datetime | None:
    """The newest `_fivetran_synced` in the replica, or None where it has none.

    Taken from the rows themselves, not from remembered state: whatever is lost or restored, it is true. A time in the
    future, which a wrong clock can write, does not hide what follows.
    """
    with database.cursor() as cursor:
        if not table_exists(database, schema, table):
            return None
        # `least` passes over nulls: of an empty table it would say now, and whatever it is to hold would be too old
        query = sql.SQL("select case when max({cursor}) is not null then least(max({cursor}), now()) end from {table}")
        cursor.execute(query.format(cursor=sql.Identifier(CURSOR), table=sql.Identifier(schema, table)))
        row = cursor.fetchone()
    return row[0] if row else None


def table_exists(database: Connection, schema: str, table: str) -> bool:
    """Whether Postgres has the table."""
    with database.cursor() as cursor:
        cursor.execute("select to_regclass(format('%%I.%%I', %s::text, %s::text)) is not null", (schema, table))
        row = cursor.fetchone()
    return bool(row and row[0])


def forget_stored_schema(database: Connection, schema: str, pipeline: PipelineName) -> None:
    """Let dlt look at the tables that are there; by its notes alone it would not miss one that was dropped."""
    if table_exists(database, schema, "_dlt_version"):
        with database.cursor() as cursor:
            statement = sql.SQL("delete from {} where schema_name = %s").format(sql.Identifier(schema, "_dlt_version"))
            cursor.execute(statement, (pipeline,))


def prepare_bookkeeping(database: Connection) -> None:
    """Bring the schema `coaching_sync` to this program's version, and bound every later wait for a lock."""
    ensure_schema(database)
    bound_lock_waits(database, TABLE_LOCK_SECONDS)


def prune_loads(database: Connection, schema: str) -> None:
    """Delete records of loads that are older than 30 days. dlt's last ones of each pipeline remain."""
    with database.cursor() as cursor:
        cursor.execute("delete from coaching_sync.replica_loads where loaded_at < now() - interval '30 days'")
    names = ("_dlt_pipeline_state", "_dlt_loads", "_dlt_version")
    if all(table_exists(database, schema, name) for name in names):
        with database.cursor() as cursor:
            cursor.execute(sql.SQL(read_sql(__package__, "prune_loads.sql")).format(schema=sql.Identifier(schema)))


def load_counts(database: Connection, schema: str, table: str, load_ids: Sequence[str]) -> LoadCounts | None:
    """What the given loads did to a table; None where the replica has no such table."""
    if not table_exists(database, schema, table):
        return None
    with database.cursor() as cursor:
        cursor.execute(
            "select coalesce(sum(rows_read), 0)::bigint, coalesce(sum(rows_inserted), 0)::bigint,"
            " coalesce(sum(rows_updated), 0)::bigint from coaching_sync.replica_loads"
            " where table_schema = %s and table_name = %s and load_id = any(%s)",
            (schema, table, list(load_ids)),
        )
        read, inserted, updated = cursor.fetchone() or (0, 0, 0)
        count = count_rows(database, sql.Identifier(schema, table))
    return LoadCounts(read, inserted, updated, newest_source_time(database, schema, table), count)


def note_source_table(
    database: Connection,
    schema: str,
    table: str,
    state: str,
    reason: str | None = None,
    modified: datetime | None = None,
    missing: Sequence[str] | None = None,
) -> None:
    """Keep how a table of the source was met, for `sync_status`, `coaching status` and the next sync.

    `modified` is the source's modification that the replica reflects, `missing` are required columns that are gone.
    """
    with database.cursor() as cursor:
        parameters: dict[str, Any] = {
            "schema": schema,
            "table": table,
            "state": state,
            "reason": reason,
            "modified": modified,
        }
        parameters["missing"] = list(missing) if missing else None
        cursor.execute(read_sql(__package__, "note_source_table.sql"), parameters)


def run_apart(
    run: Callable[[Mapping[SourceTable, Extraction]], Iterator[Any]], extractions: Mapping[SourceTable, Extraction]
) -> tuple[list[Any], dict[SourceTable, Exception]]:
    """Run all tables in one load; where a table makes that fail, run the others without it.

    What is wrong with the server, rather than with a table, is raised.

    Returns:
        What the successful run yielded, and the error of each table that was left out: all that remained, where the
        failure is no table's in particular.
    """
    remaining = dict(extractions)
    failed: dict[SourceTable, Exception] = {}
    while remaining:
        try:
            return list(run(remaining)), failed
        except Exception as error:
            rule = postgres_errors.error_rule_for(error)
            if rule is not None and (rule.transient or rule.server_wide):
                raise
            culprits = [table for table in remaining if table.name == _table_at_fault(error)] or list(remaining)
            for table in culprits:
                failed[table] = error
                del remaining[table]
    return [], failed


def explain(error: BaseException) -> str:
    """What went wrong, in the words of whoever noticed it first."""
    chain = list(postgres_errors.chain(error))
    for link in chain:
        if isinstance(link, SourceError):
            return (str(link).strip().splitlines() or [""])[0]
    if (sentence := postgres_errors.explain(error)) is not None:
        return sentence
    return f"{type(chain[-1]).__name__}: {(str(chain[-1]).strip().splitlines() or [''])[0]}"


def _table_at_fault(error: BaseException) -> str | None:
    """The table that dlt's error names: its resource while extracting, its job while loading."""
    for link in postgres_errors.chain(error):
        pipe = getattr(link, "pipe_name", None)
        if pipe:
            return str(pipe)
        job = getattr(link, "job_id", None)
        if job:
            return str(job).split(".", maxsplit=1)[0]
        table = getattr(link, "table_name", None)
        if table:
            return str(table)
    return None


@contextmanager
def one_at_a_time(database: Connection, pipeline: PipelineName, schema: str) -> Iterator[None]:
    """Hold the lock on loading into a schema. Two loads at once would collide on dlt's own tables.

    Raises:
        TableLocked: another session held a lock on a table for too long; the message names it.
    """
    wait_for_advisory_lock(database, "select pg_advisory_lock(%s, hashtext(%s))", (LOCK_CLASS, f"replica {schema}"))
    try:
        yield
    except Exception as error:
        if postgres_errors.has_state(error, LOCK_TIMEOUT):
            if not database.autocommit:
                database.rollback()
            raise table_locked(database, [schema, STAGING.format(schema), "coaching_sync"]) from error
        raise
    finally:
        if not database.closed:
            with database.cursor() as cursor:
                cursor.execute("select pg_advisory_unlock(%s, hashtext(%s))", (LOCK_CLASS, f"replica {schema}"))
