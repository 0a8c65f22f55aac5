"""Repairs the differences that a reconciliation found: removes extra rows, reloads tables, publishes."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor
from psycopg2.extras import execute_values

from coaching_assets.bigquery.errors import SourceError
from coaching_assets.bigquery.tables import TableDescription
from coaching_assets.catalogue import SourceTable
from coaching_assets.postgres.connection import Connection, connect
from coaching_assets.postgres.sql_files import read_sql
from coaching_assets.postgres.tables import column_types
from coaching_assets.publish.deletion import VANISHED, Doomed, delete_rows
from coaching_assets.publish.plan import Plan, TablePlan
from coaching_assets.publish.published_table import Group
from coaching_assets.publish.publisher import Publisher
from coaching_assets.publish.statements import key_column
from coaching_assets.publish.tables import GROUPS
from coaching_assets.publish.views import LOAD_ID
from coaching_assets.reconcile.canonical import Canonical, NotComparable, canonical
from coaching_assets.reconcile.confirmation import Source
from coaching_assets.reconcile.differences import Comparison
from coaching_assets.replica.extraction import Range
from coaching_assets.replica.read_stamps import as_ranges
from coaching_assets.replica.reloading import reload
from coaching_assets.replica.schema_lock import schema_lock
from coaching_assets.settings import Settings

if TYPE_CHECKING:
    from coaching_assets.bigquery.client import BigQuery

REMOVED_LOAD = "removed by reconciliation"
"""The load id of extra rows just before their deletion: publishing finds their aggregates like after any change."""

Report = Callable[[str], None]
"""Receives one sentence per repair."""


def repair_replica(
    bigquery: "BigQuery",
    settings: Settings,
    present: Mapping[SourceTable, TableDescription],
    comparisons: Sequence[Comparison],
    *,
    force: bool,
    report: Report,
) -> list[str]:
    """Remove extra rows from the replica, and load the rows that it lacks.

    Args:
        bigquery: the source.
        settings: the two servers and the limits of a repair.
        present: the tables that BigQuery has.
        comparisons: the differences between replica and BigQuery.
        force: whether to remove extra rows even above RECONCILE_SURPLUS_SHARE.
        report: receives one sentence per repair.

    Returns:
        One sentence per repair that was skipped: the reason and the remedy.

    Raises:
        NotLoaded: a table could not be reloaded.
    """
    skipped: list[str] = []
    for comparison in comparisons:
        if not comparison.extra_rows:
            continue
        if comparison.extra_share > settings.reconcile_surplus_share and not force:
            skipped.append(_too_many(settings, comparison.name, comparison.rows["extra"], comparison.extra_share))
            continue
        try:
            removed = remove_extra(Source(bigquery, settings, present), comparison)
        except SourceError as error:
            skipped.append(_unconfirmed(comparison.name, comparison.rows["extra"], error))
            continue
        report(f"{comparison.name}: removed {removed} rows that BigQuery no longer has.")
    again = {
        comparison.table: present[comparison.table]
        for comparison in comparisons
        if comparison.state == "not loaded" or comparison.rows["missing"] or comparison.rows["different"]
    }
    if again:
        report(f"Reloading {', '.join(f'{settings.schemas[table.source]}.{table.name}' for table in again)}.")
        reload(bigquery, settings, again, ranges=_lacking_ranges(comparisons))
    newer = {c.table: present[c.table] for c in comparisons if c.pending and c.table not in again}
    if newer:
        reload(bigquery, settings, newer, whole=False)
    return skipped


def _lacking_ranges(comparisons: Sequence[Comparison]) -> dict[SourceTable, list[Range]]:
    """The times of the rows that the replica lacks, by table; without those tables that are read whole."""
    return {c.table: list(as_ranges(c.lacking_seconds)) for c in comparisons if c.lacking_seconds}


def repair_published(source: Source, comparisons: Sequence[Comparison], plan: Plan, *, force: bool) -> list[str]:
    """Publish the aggregates that differ from the replica.

    A published row is deleted only if all source tables of its aggregate are proven: then BigQuery, asked in this
    reconciliation, no longer has what the replica lacks. It is asked once more, right before, for the aggregates that
    would lose a row only because the replica lacks it.

    Args:
        source: the source, with the limits of a repair.
        comparisons: the replica's tables and BigQuery, after the replica's repair.
        plan: the published tables and the replica, after the replica's repair.
        force: whether to delete published rows even above RECONCILE_SURPLUS_SHARE.

    Returns:
        One sentence per repair that was skipped: the reason and the remedy.
    """
    settings = source.settings
    unproven = {comparison.table.view: comparison.name for comparison in comparisons if not comparison.is_proven}
    trusted = {comparison.table.view for comparison in comparisons if comparison.withheld}
    skipped: list[str] = []
    with connect(settings) as database, Publisher(database, settings).session() as publisher:
        for group in GROUPS:
            aggregates, vanished = set(plan.aggregates[group.name]), plan.vanished[group.name]
            sources = [unproven[view] for view in group.sources if view in unproven]
            if sources and plan.deleting[group.name]:
                skipped.append(_not_proven(group, len(plan.deleting[group.name]), sources))
                aggregates -= plan.deleting[group.name]
            gone = vanished & aggregates
            share = _share(plan.tables[group.root.name], len(gone))
            if share > settings.reconcile_surplus_share and not force:
                skipped.append(_too_many(settings, group.root.name, len(gone), share))
                gone = set()
            lacking = plan.lacking[group.name] & aggregates
            gone, sentences = _confirmed(source, database, group, gone, lacking, trusted)
            skipped += sentences
            _request_planned(database, group, aggregates - vanished, gone)
            if tables := [table for table in group.tables if publisher.stopped(table) is None]:
                publisher.publish(group, tables)
    return skipped


def _share(root: TablePlan, gone: int) -> float:
    """The share of the vanished aggregates in the published ones, 0 to 1."""
    return gone / max(root.equal + root.rows["updated"] + root.rows["deleted"] + root.rows["kept"], 1)


def _confirmed(
    source: Source, database: Connection, group: Group, vanished: set[str], lacking: set[str], trusted: set[str]
) -> tuple[set[str], list[str]]:
    """Ask BigQuery for the aggregates that vanished, and for those that lack a part.

    Returns:
        Those of them of which BigQuery has nothing that the replica lacks, and a sentence on the others.
    """
    try:
        found = source.present_aggregates(group, vanished) if vanished else set()
        found |= source.lacking_aggregates(database, group, lacking, trusted) if lacking else set()
    except (SourceError, NotComparable) as error:
        return set(), [_unconfirmed(group.root.name, len(vanished | lacking), error)]
    return (vanished | lacking) - found, [_back(group, len(found))] if found else []


def forget_obsolete_rejections(settings: Settings, comparisons: Sequence[Comparison]) -> None:
    """Delete the records of rejected rows that BigQuery no longer has."""
    with connect(settings) as database, database.cursor() as cursor:
        for comparison in comparisons:
            if comparison.obsolete_rejections:
                cursor.execute(
                    "delete from coaching_sync.rejected_rows where published_table = %s and key = any(%s::jsonb[])",
                    (comparison.name, comparison.obsolete_rejections),
                )
        database.commit()


def remove_extra(source: Source, comparison: Comparison) -> int:
    """Remove the extra rows from the replica and request their aggregates, in one transaction.

    Rows that changed since the comparison stay, and those that BigQuery, asked for their keys right before, has.

    Returns:
        Number of removed rows.

    Raises:
        SourceError: BigQuery did not answer.
    """
    settings, table, schema = source.settings, comparison.table, comparison.schema
    with connect(settings) as lock, connect(settings) as database:
        lock.autocommit = True
        with schema_lock(lock, schema) as held, Publisher(database, settings).session() as publisher:
            expressions = canonical(table, source.present[table], column_types(database, schema, table.name))
            hashes = [key_hash for key_hash, _ in comparison.extra_rows]
            database.commit()
            found = source.present_keys(table, f"TO_HEX(MD5({expressions.bigquery_key}))", hashes)
            with database.cursor() as cursor:
                _mark_extra(cursor, comparison, expressions, found)
                for group in GROUPS:
                    if table.view in group.sources:
                        _request_aggregates(source, publisher, cursor, group, table)
                cursor.execute(held.requirement)
                cursor.execute(
                    "create temp table marked as select %s as load_id, %s as reason", (REMOVED_LOAD, VANISHED)
                )
                same = sql.SQL("{} = stale.load_id").format(sql.Identifier("row", LOAD_ID))
                doomed = Doomed(sql.Identifier(schema, table.name), sql.Identifier("marked"), same)
                removed = delete_rows(cursor, doomed).total()
            database.commit()
    return removed


def _mark_extra(cursor: Cursor, comparison: Comparison, expressions: Canonical, found: set[str]) -> None:
    """Give the extra rows, but for those that BigQuery has again, the load id of rows that are about to be deleted."""
    extra_rows = [row for row in comparison.extra_rows if row[0] not in found]
    cursor.execute("create temp table extra_row (key_hash text primary key, digest text)")
    if extra_rows:
        execute_values(cursor, "insert into extra_row values %s", extra_rows)
    cursor.execute(
        sql.SQL(read_sql(__package__, "mark_extra.sql")).format(
            table=sql.Identifier(comparison.schema, comparison.table.name),
            key=expressions.replica_key,
            row=expressions.replica_row,
            load_id=sql.Identifier(LOAD_ID),
        ),
        {"load": REMOVED_LOAD},
    )


def _request_aggregates(source: Source, publisher: Publisher, cursor: Cursor, group: Group, table: SourceTable) -> None:
    """Request the aggregates that the marked rows belong to; as vanished, if BigQuery has no row of them left."""
    cursor.execute("truncate new_load")
    cursor.execute("insert into new_load values (%s, %s)", (table.view, REMOVED_LOAD))
    publisher.find_pending(group)
    cursor.execute("select key from pending")
    # no load says that rows without a key went
    request(cursor, group.name, {key for (key,) in cursor.fetchall()} | {""}, vanished=False)
    if table.view in group.origins:
        cursor.execute(
            sql.SQL("select distinct {key} from {view} where load_id = %s and {key} <> ''").format(
                key=sql.Identifier(key_column(group.root, table.view)), view=sql.Identifier(table.view)
            ),
            (REMOVED_LOAD,),
        )
        keys = {key for (key,) in cursor.fetchall()}
        request(cursor, group.name, keys - source.present_aggregates(group, keys), vanished=True)


def request(cursor: Cursor, group: str, keys: set[str], *, vanished: bool) -> None:
    """Make aggregates pending for the next publishing, in the current transaction.

    Args:
        cursor: of a connection in any transaction.
        group: the group of the aggregates.
        keys: their keys.
        vanished: whether the source no longer has them, so that their published rows are deleted.
    """
    parameters = {"group": group, "vanished": vanished, "keys": sorted(keys)}
    cursor.execute(read_sql(__package__, "request_aggregates.sql"), parameters)


def _request_planned(database: Connection, group: Group, rest: set[str], vanished: set[str]) -> None:
    with database.cursor() as cursor:
        request(cursor, group.name, rest, vanished=False)
        request(cursor, group.name, vanished, vanished=True)
    database.commit()


def _not_proven(group: Group, aggregates: int, sources: Sequence[str]) -> str:
    return (
        f"{group.root.name}: the replica lacks rows of {aggregates} {group.facts.plural}. Their published rows stay,"
        f" because these tables were not proven equal to BigQuery: {', '.join(sources)}. Run `coaching sync`, then"
        " `coaching reconcile --repair`."
    )


def _unconfirmed(name: str, rows: int, error: Exception) -> str:
    return (
        f"{name}: BigQuery could not be asked again about {rows} rows that it lacked, so they stay: {error}"
        " Run `coaching reconcile --repair` again."
    )


def _back(group: Group, aggregates: int) -> str:
    return (
        f"{group.root.name}: BigQuery has rows of {aggregates} {group.facts.plural} that the replica lacks. Their"
        " published rows stay. Run `coaching reconcile --repair` again."
    )


def _too_many(settings: Settings, name: str, rows: int, share: float) -> str:
    return (
        f"{name}: BigQuery no longer has {rows} rows, {share:.0%} of the table. They stay, because this is above"
        f" RECONCILE_SURPLUS_SHARE ({settings.reconcile_surplus_share:.0%}) and a Fivetran re-sync may be running."
        " If they are really gone, run `coaching reconcile --repair --force`."
    )
