"""What publishing would do to the application's tables: computed by the publisher's own SQL, and not written."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, get_args

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from coaching_assets.postgres.connection import Connection, read_sql
from coaching_assets.postgres.locks import PUBLISHER_LOCK
from coaching_assets.publish import write as writing
from coaching_assets.publish.batches import DueList
from coaching_assets.publish.publisher import Publisher
from coaching_assets.publish.session import fill_batch
from coaching_assets.publish.tables import GROUPS, Group, GroupName, PublishedTable, TableName
from coaching_assets.settings import Settings

Action = Literal["adopted", "inserted", "updated", "deleted", "kept"]
ACTIONS: tuple[Action, ...] = get_args(Action)
CHANGES: tuple[Action, ...] = ("inserted", "updated", "deleted")
AS_DIFFERENCE: Mapping[Action, str] = {"inserted": "missing", "updated": "different", "deleted": "surplus"}
"""What publishing would do to a row, as what is wrong with the table."""
MAXIMUM_EXAMPLES = 10

WANTED_LABELS: Mapping[TableName, str] = {
    "calls": "'call ' || wanted.gong_call_id",
    "speakers": "'call ' || wanted.aggregate_key || ', ' || coalesce(wanted.email, wanted.name)",
    "transcripts": "'call ' || wanted.aggregate_key || ', monologue ' || wanted.sequence_number",
    "call_opportunities": "'call ' || wanted.aggregate_key || ', opportunity ' || wanted.waits_for_key",
    "opportunities": "'opportunity ' || wanted.gong_opportunity_id",
    "emails": "'e-mail ' || wanted.gong_email_id",
}
"""How people know a row that should be there, as an SQL expression."""

PRESENT_LABELS: Mapping[TableName, str] = {
    "calls": "'call ' || row.gong_call_id",
    "speakers": "'call ' || calls.gong_call_id || ', ' || coalesce(row.email, row.name)",
    "transcripts": "'call ' || calls.gong_call_id || ', monologue ' || row.sequence_number",
    "call_opportunities": "'call ' || calls.gong_call_id || ', opportunity ' || (select gong_opportunity_id"
    " from opportunities where opportunities.id = row.opportunity_id)",
    "opportunities": "'opportunity ' || row.gong_opportunity_id",
    "emails": "'e-mail ' || row.gong_email_id",
}
"""The same for a row that is there."""

PRESENT_KEYS: Mapping[GroupName, str] = {
    "calls": "calls.gong_call_id",
    "opportunities": "row.gong_opportunity_id",
    "emails": "row.gong_email_id",
}
"""The aggregate that a row which is there belongs to."""


@dataclass(frozen=True)
class Example:
    """One row that publishing would write: how people know it, and of an update the columns that differ."""

    label: str
    columns: tuple[str, ...] = ()

    def __str__(self) -> str:
        """`call 123, monologue 4 (text, topics)`."""
        return f"{self.label} ({', '.join(self.columns)})" if self.columns else self.label


@dataclass
class TablePlan:
    """What publishing would do to one table, in rows, with examples.

    `adopted` rows are the application's own that are taken over; those of them that differ count as `updated` too.
    `kept` rows are deleted at the source and stay, because application-owned rows hang on them.
    """

    rows: dict[Action, int] = field(default_factory=lambda: dict.fromkeys(ACTIONS, 0))
    examples: dict[Action, list[Example]] = field(default_factory=lambda: {action: [] for action in ACTIONS})
    equal: int = 0
    """Rows that are as they should be."""

    @property
    def changes(self) -> int:
        """Rows that would be written."""
        return sum(self.rows[action] for action in CHANGES)


@dataclass
class Plan:
    """What publishing would do: by table, and the aggregates that would be written; some of these `vanished`."""

    tables: dict[TableName, TablePlan]
    aggregates: dict[GroupName, set[str]]
    vanished: dict[GroupName, set[str]]
    as_of: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def changes(self) -> int:
        """Rows that would be written."""
        return sum(table.changes for table in self.tables.values())


def make_plan(database: Connection, settings: Settings) -> Plan:
    """What publishing everything that the replica holds would do to the application's tables.

    Nothing is written and no row of the application is locked: one transaction on one snapshot, which is rolled back.
    Publishers wait meanwhile. What waits for a parent is no change.

    Args:
        database: a connection of its own, in no transaction.
        settings: whose datasets are the replica's schemas.

    Raises:
        MissingTables: the application's tables, or columns of theirs, are not there.
    """
    plan = Plan({}, {}, {})
    with _rehearsal(database, settings) as publisher, database.cursor() as cursor:
        cursor.execute("create temp table planned (action text, aggregate_key text, label text, columns text[])")
        cursor.execute("create temp table gone_opportunity (id uuid primary key)")
        cursor.execute("create temp table coming_opportunity (id uuid primary key, gong_opportunity_id varchar)")
        for group in GROUPS:
            plan.tables |= {table.name: TablePlan() for table in group.tables}
            plan.aggregates[group.name] = set()
            due, plan.vanished[group.name] = _find_everything(publisher, cursor, group)
            while keys := due.take(settings.publish_batch_size):
                fill_batch(cursor, keys)
                writing.compute_batch(cursor, group, lock=False)
                for table in group.tables:
                    plan.aggregates[group.name] |= _plan_table(cursor, group, table, plan.tables[table.name])
                if group.name == "opportunities":
                    cursor.execute(read_sql(__package__, "plan_opportunities.sql"))
                writing.drop_batch(cursor, group)
            if group.name == "opportunities":
                cursor.execute(
                    sql.SQL(read_sql(__package__, "plan_views.sql")).format(
                        schema=sql.Identifier(settings.coaching_schema)
                    )
                )
    return plan


@contextmanager
def _rehearsal(database: Connection, settings: Settings) -> Iterator[Publisher]:
    """A publisher that has prepared everything in one transaction, which is rolled back at the end."""
    publisher = Publisher(database, settings)
    with database.cursor() as cursor:
        cursor.execute("select pg_advisory_lock(%s, %s)", PUBLISHER_LOCK)
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


def _find_everything(publisher: Publisher, cursor: Cursor, group: Group) -> tuple[DueList, set[str]]:
    """Make all of a group's aggregates due, also those of which the replica has nothing any more (the `vanished`)."""
    publisher.find_present_loads(group)
    cursor.execute("truncate new_load")
    cursor.execute("insert into new_load select source_view, load_id from present_load")
    cursor.execute(read_sql(__package__, f"vanished_{group.name}.sql"))
    vanished = {key for (key,) in cursor.fetchall()}
    cursor.execute(
        "insert into coaching_sync.requested_aggregates (group_name, key, vanished)"
        " select %s, key, true from unnest(%s::text[]) as key"
        " on conflict (group_name, key) do update set vanished = true",
        (group.name, list(vanished)),
    )
    return DueList(publisher.database, publisher.find_due(group)), vanished


def _plan_table(cursor: Cursor, group: Group, table: PublishedTable, plan: TablePlan) -> set[str]:
    """Add a batch's rows to a table's plan; returns the aggregates that would be written."""
    cursor.execute("truncate planned")
    cursor.execute(_planned(group, table))
    cursor.execute("select count(*) from planned where action = 'present'")
    present = (cursor.fetchone() or (0,))[0]
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
    cursor.execute("select distinct aggregate_key from planned where action = any(%s)", (list(CHANGES),))
    return {key for (key,) in cursor.fetchall()}


def _planned(group: Group, table: PublishedTable) -> sql.Composed:
    differs = writing.differences(table)
    columns = [sql.SQL("case when {} then {} end").format(test, sql.Literal(name)) for name, test in differs.items()]
    has_id = table.key == ("id",)
    of_call = sql.SQL("join calls on calls.id = row.call_id")
    return sql.SQL(read_sql(__package__, "plan_batch.sql")).format(
        table=sql.Identifier(table.name),
        wanted=writing.wanted_rows(table),
        stale=writing.stale_rows(table),
        same_key=writing.same_key(table, "row", "wanted"),
        is_stale=writing.same_key(table, "row", "stale"),
        publishable=writing.publishable("wanted", table),
        differs=sql.SQL(" or ").join(differs.values()) if differs else sql.SQL("false"),
        columns=sql.SQL(", ").join(columns) if columns else sql.SQL("null"),
        is_adopted=sql.SQL("not coaching_sync.is_derived(row.id)" if has_id else "false"),
        label=sql.SQL(WANTED_LABELS[table.name]),
        present_label=sql.SQL(PRESENT_LABELS[table.name]),
        present_key=sql.SQL(PRESENT_KEYS[group.name].replace("calls.", "row." if table.name == "calls" else "calls.")),
        call=of_call if group.name == "calls" and table.name != "calls" else sql.SQL(""),
    )
