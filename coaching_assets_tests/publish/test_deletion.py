"""A row is deleted for a known reason only, by one function, and the reasons are counted."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg2 import sql

import coaching_assets
from coaching_assets.publish.deletion import REASONS, Doomed, NoReason, delete_rows
from coaching_assets.publish.plan import make_plan
from coaching_assets_tests.support.deployment import Database, Deployment

PACKAGE = Path(coaching_assets.__file__).parent
SLOW = pytest.mark.slow

COLUMNS = {"calls": "gong_call_id", "emails": "gong_email_id", "opportunities": "gong_opportunity_id, name"}
DEAL = "id = (select gong_opportunity_id from opportunities where metadata ->> 'source' = 'salesforce' limit 1)"
TABLES = [table if table == "calls" else pytest.param(table, marks=SLOW) for table in COLUMNS]

CHANGES = {
    "a call is deleted": (
        "update gongio_ft.call set _fivetran_deleted = true where id = (select gong_call_id from calls limit 1)",
        "calls",
        {"deleted at the source": 1},
    ),
    "e-mails are deleted": (
        "update gongio_ft.email set _fivetran_deleted = true where id in (select gong_email_id from emails limit 2)",
        "emails",
        {"deleted at the source": 2},
    ),
    "an opportunity is deleted": (
        f"update salesforce_ft.opportunity set is_deleted = true where {DEAL}",
        "opportunities",
        {"deleted at the source": 1},
    ),
    "an opportunity loses its name": (
        f"update salesforce_ft.opportunity set name = null where {DEAL}",
        "opportunities",
        {"rejected": 1},
    ),
    "an opportunity is gone from the replica": (
        f"delete from salesforce_ft.opportunity where {DEAL}",
        "opportunities",
        {"vanished from the source": 1},
    ),
}
"""What changes in the replica, and the reasons for which rows of a table are then deleted."""

ELSEWHERE = (
    *("coaching_sync.", "{schema}._dlt_", "pg_temp.", "isolated_", "{stale}", "{wanted}"),
    *("new_load", "source_state", "present_load", "planned", "pending", "batch"),
)
"""The beginnings of what statements delete from besides the replica and the published tables: this project's
bookkeeping, dlt's records of loads, temporary tables."""

ALLOWED = {
    "erasure/published.py": (1, "a person asked for it"),
    "postgres/migrations/0002_erasure.sql": (1, "staged rows that name something erased"),
    "postgres/migrations/0003_staging.sql": (4, "staging tables, and dlt's stored schemas"),
    "postgres/migrations/0004_merge.sql": (4, "staged rows, and versions of a key of which the newest stays"),
    "postgres/migrations/0008_unfit_rows.sql": (1, "staged rows that are recorded as rejected"),
    "postgres/migrations/0010_refused_rows.sql": (1, "staged rows of which a newer version is refused"),
    "publish/retry.py": (1, "a temporary table of a batch"),
    "publish/templates/delete.sql": (1, "the statement of delete_rows"),
    "publish/write.py": (2, "temporary tables of a batch"),
    "replica/dlt_tables.py": (1, "dlt's stored schemas"),
    "replica/drop_older_duplicates.sql": (1, "duplicates in a dry run's replica, of which the newest row stays"),
    "replica/erasing.py": (3, "a person asked for it"),
}
"""All other statements by file: their number, and why they need no reason per row."""

STATEMENT = re.compile(
    r"\b(?:delete\s+from|truncate(?:\s+table)?|merge\s+into)\s+(?!privilege)(.{1,90})", re.IGNORECASE
)


def fill(database: Database, table: str) -> None:
    """Insert three rows."""
    values = ", ".join("n::text" for _ in COLUMNS[table].split(","))
    database.query(f"insert into {table} ({COLUMNS[table]}) select {values} from generate_series(1, 3) as n")


def doomed(table: str) -> Doomed:
    same = sql.SQL("row.id = stale.id")
    return Doomed(sql.Identifier(table), sql.Identifier("doomed"), same, "stale.blocked")


def deletions() -> Iterator[tuple[str, str]]:
    """The statements in the package that can delete rows, by file."""
    for path in sorted([*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.sql")]):
        name = str(path.relative_to(PACKAGE))
        if name.startswith("demo/"):
            continue
        for line in path.read_text().splitlines():
            if not line.lstrip().startswith(("--", "#")):
                yield from ((name, found) for found in STATEMENT.findall(line))


@pytest.mark.parametrize("reason", [None, *(pytest.param(reason, marks=SLOW) for reason in ("because", "Superseded"))])
@pytest.mark.parametrize("table", TABLES)
def test_a_row_without_a_known_reason_is_not_deleted(database: Database, table: str, reason: str | None) -> None:
    fill(database, table)
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"create temp table doomed as select id, 'superseded' as reason, false as blocked from {table}")
        cursor.execute("update doomed set reason = %s where id = (select id from doomed limit 1)", [reason])
        with pytest.raises(NoReason, match=f"Rows of .{table}.*{reason or 'null'}"):
            delete_rows(cursor, doomed(table))
        assert database.query(f"select count(*) from {table}") == [(3,)]
        cursor.execute("update doomed set blocked = reason is distinct from 'superseded'")
        assert delete_rows(cursor, doomed(table)) == {"superseded": 2}
    assert database.query(f"select count(*) from {table}") == [(1,)]


@pytest.mark.parametrize("table", TABLES)
def test_deleted_rows_are_counted_by_reason(database: Database, table: str) -> None:
    fill(database, table)
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"create temp table doomed as select id, 'superseded' as reason, false as blocked from {table}")
        cursor.execute("update doomed set reason = %s where id = (select id from doomed limit 1)", [REASONS[0]])
        assert delete_rows(cursor, doomed(table)) == {"superseded": 2, REASONS[0]: 1}
        assert delete_rows(cursor, doomed(table)) == {}


@pytest.mark.parametrize(
    ("statement", "table", "reasons"),
    [pytest.param(*case, id=name, marks=() if name == "a call is deleted" else SLOW) for name, case in CHANGES.items()],
)
def test_a_plan_counts_the_reasons(synced: Deployment, statement: str, table: str, reasons: dict[str, int]) -> None:
    synced.query(statement)
    with synced.connect() as connection:
        connection.autocommit = False
        planned = make_plan(connection, synced.settings).tables[table]
    assert planned.reasons == reasons
    assert planned.reasons.total() == planned.rows["deleted"]


def test_every_statement_that_can_delete_is_known() -> None:
    found = Counter(name for name, text in deletions() if not text.startswith(ELSEWHERE))
    assert found == {name: number for name, (number, _) in ALLOWED.items()}, (
        "Delete rows by publish.deletion.delete_rows, which states why each may go, or add the statement to ALLOWED."
    )
