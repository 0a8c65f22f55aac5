"""Mends what a reconciliation found: loads rows again, removes those that vanished from the source, publishes."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor
from psycopg2.extras import execute_values

from coaching_assets.bigquery.tables import TableDescription
from coaching_assets.catalogue import SourceTable
from coaching_assets.postgres.connection import Connection, connect
from coaching_assets.postgres.sql_files import read_sql
from coaching_assets.postgres.tables import column_types
from coaching_assets.publish.plan import Plan
from coaching_assets.publish.published_table import Group
from coaching_assets.publish.publisher import Publisher
from coaching_assets.publish.statements import key_column
from coaching_assets.publish.tables import GROUPS
from coaching_assets.publish.views import LOAD_ID
from coaching_assets.reconcile.canonical import canonical
from coaching_assets.reconcile.comparison import Comparison
from coaching_assets.replica.reloading import reload
from coaching_assets.replica.schema_lock import schema_lock
from coaching_assets.settings import Settings

if TYPE_CHECKING:
    from coaching_assets.bigquery.client import BigQuery

REMOVED_LOAD = "removed by reconciliation"
"""The load id that surplus rows bear for a moment, so that what they belong to is found like any change."""

Tell = Callable[[str], None]


def mend(
    bigquery: "BigQuery",
    settings: Settings,
    present: Mapping[SourceTable, TableDescription],
    comparisons: Sequence[Comparison],
    plan: Plan,
    *,
    force: bool,
    tell: Tell,
) -> list[str]:
    """Mend the replica, then the published tables.

    Args:
        bigquery: the source.
        settings: all of them.
        present: the tables as they stand at the source.
        comparisons: what was found in the replica.
        plan: what was found in the published tables.
        force: whether to remove also what is above RECONCILE_SURPLUS_SHARE.
        tell: is called with a sentence for each thing done.

    Returns:
        What was not mended and why, a sentence each.

    Raises:
        NotLoaded: a table could not be loaded again.
    """
    refusals: list[str] = []
    for comparison in comparisons:
        if not comparison.surplus_rows:
            continue
        if comparison.surplus_share > settings.reconcile_surplus_share and not force:
            refusals.append(_too_many(settings, comparison.name, comparison.rows["surplus"], comparison.surplus_share))
            continue
        removed = remove_surplus(settings, comparison, present[comparison.table])
        tell(f"{comparison.name}: {removed} rows removed that BigQuery has no more.")
    again = {
        comparison.table: present[comparison.table]
        for comparison in comparisons
        if comparison.state == "not loaded" or comparison.rows["missing"] or comparison.rows["different"]
    }
    if again:
        tell(f"Loaded again: {', '.join(f'{settings.datasets[table.source]}.{table.name}' for table in again)}.")
        reload(bigquery, settings, again)
    refusals += _publish(settings, plan, force)
    return refusals


def remove_surplus(settings: Settings, comparison: Comparison, description: TableDescription) -> int:
    """Remove the surplus rows from the replica, and make what is published of them due, in one transaction.

    A row that changed since it was compared stays.

    Returns:
        How many rows were removed.
    """
    table, schema = comparison.table, comparison.schema
    with connect(settings) as lock, connect(settings) as database:
        lock.autocommit = True
        with schema_lock(lock, schema), Publisher(database, settings).session() as publisher:
            expressions = canonical(table, description, column_types(database, schema, table.name))
            name = sql.Identifier(schema, table.name)
            with database.cursor() as cursor:
                cursor.execute("create temp table surplus_row (key_hash text primary key, digest text)")
                execute_values(cursor, "insert into surplus_row values %s", comparison.surplus_rows)
                cursor.execute(
                    sql.SQL(read_sql(__package__, "mark_surplus.sql")).format(
                        table=name,
                        key=expressions.replica_key,
                        row=expressions.replica_row,
                        load_id=sql.Identifier(LOAD_ID),
                    ),
                    {"load": REMOVED_LOAD},
                )
                for group in GROUPS:
                    if table.view in group.sources:
                        _request_aggregates(publisher, cursor, group, table)
                cursor.execute(
                    sql.SQL("delete from {} where {} = %s").format(name, sql.Identifier(LOAD_ID)), (REMOVED_LOAD,)
                )
                removed = cursor.rowcount
            database.commit()
    return removed


def _request_aggregates(publisher: Publisher, cursor: Cursor, group: Group, table: SourceTable) -> None:
    """Make the aggregates due that the marked rows belong to."""
    cursor.execute("truncate new_load")
    cursor.execute("insert into new_load values (%s, %s)", (table.view, REMOVED_LOAD))
    publisher.find_pending(group)
    cursor.execute("select key from pending")
    request(cursor, group.name, {key for (key,) in cursor.fetchall()}, vanished=False)
    if table.view in group.origins:
        cursor.execute(
            sql.SQL("select distinct {key} from {view} where load_id = %s and {key} <> ''").format(
                key=sql.Identifier(key_column(group.root, table.view)), view=sql.Identifier(table.view)
            ),
            (REMOVED_LOAD,),
        )
        request(cursor, group.name, {key for (key,) in cursor.fetchall()}, vanished=True)


def request(cursor: Cursor, group: str, keys: set[str], *, vanished: bool) -> None:
    """Make aggregates due at the next publishing, in the current transaction."""
    cursor.execute(
        "insert into coaching_sync.requested_aggregates as requested (group_name, key, vanished)"
        " select %s, key, %s from unnest(%s::text[]) as key"
        " on conflict (group_name, key) do update set vanished = requested.vanished or excluded.vanished",
        (group, vanished, sorted(keys)),
    )


def _publish(settings: Settings, plan: Plan, force: bool) -> list[str]:
    refusals: list[str] = []
    with connect(settings) as database, Publisher(database, settings).session() as publisher:
        for group in GROUPS:
            vanished = plan.vanished[group.name] & plan.aggregates[group.name]
            root = plan.tables[group.tables[0].name]
            share = len(vanished) / max(root.equal + root.rows["updated"] + root.rows["deleted"] + root.rows["kept"], 1)
            if share > settings.reconcile_surplus_share and not force:
                refusals.append(_too_many(settings, group.tables[0].name, len(vanished), share))
                vanished = set()
            _request_planned(database, group, plan, vanished)
            if tables := [table for table in group.tables if publisher.stopped(table) is None]:
                publisher.publish(group, tables)
    return refusals


def _request_planned(database: Connection, group: Group, plan: Plan, vanished: set[str]) -> None:
    with database.cursor() as cursor:
        rest = plan.aggregates[group.name] - plan.vanished[group.name]
        request(cursor, group.name, rest, vanished=False)
        request(cursor, group.name, vanished, vanished=True)
    database.commit()


def _too_many(settings: Settings, name: str, rows: int, share: float) -> str:
    return (
        f"{name}: {rows} rows, {share:.0%} of the table, are at BigQuery no more. That is above RECONCILE_SURPLUS_SHARE"
        f" ({settings.reconcile_surplus_share:.0%}), and a re-sync of Fivetran's may be under way, so they stay."
        " If they are really gone, run `coaching reconcile --repair --force`."
    )
