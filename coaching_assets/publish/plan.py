"""Computes the changes that publishing would make, by the publisher's own SQL and without writing them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, get_args

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from coaching_assets.postgres.connection import Connection
from coaching_assets.postgres.locks import PUBLISHER_LOCK, wait_for_advisory_lock
from coaching_assets.publish.batches import PendingKeys
from coaching_assets.publish.deletion import count_reasons, find_lacking, stale_of
from coaching_assets.publish.known import leave_out_rejected
from coaching_assets.publish.planned_parents import planned_parent
from coaching_assets.publish.published_table import Group, PublishedTable
from coaching_assets.publish.publisher import Publisher
from coaching_assets.publish.session import fill_batch
from coaching_assets.publish.statements import (
    differences,
    join_root,
    publishable,
    same_key,
    stale_rows,
    template,
    vanished_query,
    wanted_rows,
)
from coaching_assets.publish.tables import GROUPS
from coaching_assets.publish.write import compute_batch, create_batch_tables
from coaching_assets.settings import Settings

Action = Literal["adopted", "inserted", "updated", "deleted", "kept"]
ACTIONS: tuple[Action, ...] = get_args(Action)
CHANGES: tuple[Action, ...] = ("inserted", "updated", "deleted")
AS_DIFFERENCE: Mapping[Action, str] = {"inserted": "missing", "updated": "different", "deleted": "extra"}
"""The action that publishing would take on a row, as the difference that it repairs."""
MAXIMUM_EXAMPLES = 10


@dataclass(frozen=True)
class Example:
    """One row that publishing would write: a label for people and, for an update, the columns that differ."""

    label: str
    columns: tuple[str, ...] = ()

    def __str__(self) -> str:
        """`call 123, monologue 4 (text, topics)`."""
        return f"{self.label} ({', '.join(self.columns)})" if self.columns else self.label


@dataclass
class TablePlan:
    """The changes that publishing would make to one table, in rows, with examples.

    `adopted` rows are the application's own that publishing takes over; those that differ count as `updated` too.
    `kept` rows are deleted at the source and stay, because rows of the application reference them.
    """

    rows: dict[Action, int] = field(default_factory=lambda: dict.fromkeys(ACTIONS, 0))
    examples: dict[Action, list[Example]] = field(default_factory=lambda: {action: [] for action in ACTIONS})
    reasons: Counter[str] = field(default_factory=Counter)
    """Rows to delete, by the reason for their deletion."""
    equal: int = 0
    """Rows that do not differ."""

    @property
    def changes(self) -> int:
        """Rows that would be written."""
        return sum(self.rows[action] for action in CHANGES)


@dataclass
class Plan:
    """The changes that publishing would make, by table and by aggregate.

    `vanished` are the aggregates that the replica no longer has, `deleting` those that would lose a row, and `lacking`
    those that would lose a part only because the replica lacks it. All are among `aggregates`. A sync writes nothing of
    what is vanished or lacking: that takes a reconciliation.
    """

    tables: dict[str, TablePlan]
    aggregates: dict[str, set[str]]
    vanished: dict[str, set[str]]
    deleting: dict[str, set[str]]
    lacking: dict[str, set[str]]
    as_of: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def changes(self) -> int:
        """Rows that would be written."""
        return sum(table.changes for table in self.tables.values())


def make_plan(database: Connection, settings: Settings) -> Plan:
    """Compute what publishing everything in the replica would do to the application's tables.

    It runs the publisher's own SQL in one transaction on one snapshot, which is rolled back. It locks no row of the
    application, but publishers wait for it. A row that waits for a parent is no change. Neither is one that Postgres
    rejected in the last sync. The plan of a group with a source table of somebody else is empty.

    Args:
        database: a connection for this alone, in no transaction.
        settings: all settings; the replica is in its schemas.

    Raises:
        MissingTables: the application's tables, or some of their columns, do not exist.
    """
    plan = Plan({}, {}, {}, {}, {})
    with _rehearsal(database, settings) as publisher, database.cursor() as cursor:
        cursor.execute("create temp table planned (action text, aggregate_key text, label text, columns text[])")
        for group in GROUPS:
            _plan_group(publisher, cursor, group, plan)
    return plan


@contextmanager
def _rehearsal(database: Connection, settings: Settings) -> Iterator[Publisher]:
    """Prepare a publisher in one transaction, which is rolled back at the end."""
    publisher = Publisher(database, settings)
    wait_for_advisory_lock(database, "select pg_advisory_lock(%s, %s)", PUBLISHER_LOCK)
    database.commit()
    try:
        with database.cursor() as cursor:
            cursor.execute("set transaction isolation level repeatable read")
        publisher.prepare()
        yield publisher
    finally:
        if not database.closed:
            database.rollback()
            with database.cursor() as cursor:
                cursor.execute("select pg_advisory_unlock(%s, %s)", PUBLISHER_LOCK)
            database.commit()


def _plan_group(publisher: Publisher, cursor: Cursor, group: Group, plan: Plan) -> None:
    plan.tables |= {table.name: TablePlan() for table in group.tables}
    for found in (plan.aggregates, plan.deleting, plan.lacking, plan.vanished):
        found[group.name] = set()
    if publisher.conflicts(group):
        return
    parent = planned_parent(cursor, group, publisher.settings.coaching_schema)
    pending, plan.vanished[group.name] = _find_everything(publisher, cursor, group)
    create_batch_tables(cursor, group)
    while keys := pending.take(publisher.settings.publish_batch_size):
        fill_batch(cursor, keys)
        compute_batch(cursor, group, lock="no")
        leave_out_rejected(cursor, group)
        for table in group.tables:
            plan.aggregates[group.name] |= _plan_table(cursor, group, table, plan.tables[table.name])
            plan.deleting[group.name] |= _planned_aggregates(cursor, ("deleted",))
            plan.lacking[group.name] |= find_lacking(cursor, group, table) - plan.vanished[group.name]
        if parent is not None:
            parent.add_batch()
    if parent is not None:
        parent.show()


def _find_everything(publisher: Publisher, cursor: Cursor, group: Group) -> tuple[PendingKeys, set[str]]:
    """Make all of a group's aggregates pending, also those that vanished from the replica."""
    publisher.find_all_loads(group)
    cursor.execute(vanished_query(group))
    vanished = {key for (key,) in cursor.fetchall()}
    cursor.execute(
        "insert into coaching_sync.requested_aggregates (group_name, key, vanished)"
        " select %s, key, true from unnest(%s::text[]) as key"
        " on conflict (group_name, key) do update set vanished = true",
        (group.name, list(vanished)),
    )
    return PendingKeys(publisher.database, publisher.find_pending(group)), vanished


def _plan_table(cursor: Cursor, group: Group, table: PublishedTable, plan: TablePlan) -> set[str]:
    """Add a batch's rows to a table's plan; return the aggregates that would be written."""
    cursor.execute("truncate planned")
    cursor.execute(_planned(group, table))
    cursor.execute("select count(*) from planned where action = 'present'")
    present = (cursor.fetchone() or (0,))[0]
    plan.reasons += count_reasons(cursor, stale_of(table))
    cursor.execute("select action, count(*) from planned where action <> 'present' group by action")
    counts = dict(cursor.fetchall())
    plan.equal += present - counts.get("updated", 0)
    for action in ACTIONS:
        plan.rows[action] += counts.get(action, 0)
        if counts.get(action) and len(plan.examples[action]) < MAXIMUM_EXAMPLES:
            cursor.execute(
                "select label, columns from planned where action = %s order by label limit %s",
                (action, MAXIMUM_EXAMPLES - len(plan.examples[action])),
            )
            plan.examples[action] += [Example(label, tuple(columns or ())) for label, columns in cursor.fetchall()]
    return _planned_aggregates(cursor, CHANGES)


def _planned_aggregates(cursor: Cursor, actions: Sequence[Action]) -> set[str]:
    """Return the aggregates of the rows in `planned` with one of these actions."""
    cursor.execute("select distinct aggregate_key from planned where action = any(%s)", (list(actions),))
    return {key for (key,) in cursor.fetchall()}


def _planned(group: Group, table: PublishedTable) -> sql.Composed:
    differs = differences(table)
    columns = [sql.SQL("case when {} then {} end").format(test, sql.Literal(name)) for name, test in differs.items()]
    has_id = table.key == ("id",)
    present_key = sql.Identifier("row" if table is group.root else "root", group.key_column)
    return template("plan_batch.sql").format(
        table=sql.Identifier(table.name),
        wanted=wanted_rows(table),
        stale=stale_rows(table),
        same_key=same_key(table, "row", "wanted"),
        is_stale=same_key(table, "row", "stale"),
        publishable=publishable(table),
        differs=sql.SQL(" or ").join(differs.values()) if differs else sql.SQL("false"),
        columns=sql.SQL(", ").join(columns) if columns else sql.SQL("null"),
        is_adopted=sql.SQL("not coaching_sync.is_derived(row.id)" if has_id else "false"),
        label=_label(group, table, "wanted", sql.Identifier("wanted", "aggregate_key")),
        present_label=_label(group, table, "row", present_key),
        present_key=present_key,
        join_root=join_root(group, table),
    )


def _label(group: Group, table: PublishedTable, row: str, key: sql.Identifier) -> sql.Composed:
    """Return the SQL expression that names a row for people, such as `call 123, monologue 4`."""
    label = sql.SQL("{} || {}").format(sql.Literal(f"{group.facts.noun} "), key)
    if table is group.root:
        return label
    part = sql.SQL((table.label or "{row}.id").format(row=row))
    return sql.SQL("{} || ', ' || {}").format(label, part)
