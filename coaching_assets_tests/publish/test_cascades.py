"""Which stale rows stay because rows of the application reference them, for each kind of constraint."""

from collections.abc import Iterator

import psycopg2
import pytest
from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from coaching_assets.demo.servers import EmbeddedPostgres
from coaching_assets.publish.application import create_application_tables
from coaching_assets.publish.cascades import UnreadableReference, blocker, children_of
from coaching_assets.publish.tables import TABLES
from coaching_assets.settings import load_settings

pytestmark = pytest.mark.every_version
BY_NAME = {table.name: table for table in TABLES}
CALL, SPEAKER, LINE, OTHER_CALL = (f"00000000-0000-0000-0000-00000000000{number}" for number in (1, 2, 3, 4))

NOTES = "create table notes (about uuid{}); insert into notes values ('{}')"

REFERENCES = {
    # the application's statements, the table whose row is stale, whether the row stays
    "none": ("", "calls", False),
    "a column without a constraint": (NOTES.format("", CALL), "calls", False),
    "no action": (NOTES.format(" references calls", CALL), "calls", True),
    "cascade": (NOTES.format(" references calls on delete cascade", CALL), "calls", True),
    "set null": (NOTES.format(" references calls on delete set null", CALL), "calls", True),
    "restrict, to another row": (
        f"insert into calls (id, gong_call_id) values ('{OTHER_CALL}', 'b');"
        + NOTES.format(" references calls on delete restrict", OTHER_CALL),
        "calls",
        False,
    ),
    "to a speaker, who goes with the call": (NOTES.format(" references speakers", SPEAKER), "calls", True),
    "to a monologue, which goes with the call": (NOTES.format(" references transcripts", LINE), "calls", True),
    "to a monologue, which stays without the speaker": (
        NOTES.format(" references transcripts", LINE),
        "speakers",
        False,
    ),
    "to the speaker": (NOTES.format(" references speakers", SPEAKER), "speakers", True),
    "in another schema": (
        "create schema coaching; create table coaching.notes (about uuid references public.calls);"
        f" insert into coaching.notes values ('{CALL}')",
        "calls",
        True,
    ),
    "in a partitioned table": (
        "create table notes (about uuid references calls, day int) partition by list (day);"
        f"create table notes_1 partition of notes for values in (1); insert into notes values ('{CALL}', 1)",
        "calls",
        True,
    ),
    "in a table of the same name in another schema": (
        "create schema coaching; create table coaching.speakers (about uuid references public.calls on delete cascade);"
        f" insert into coaching.speakers values ('{CALL}')",
        "calls",
        True,
    ),
    "names that need quotes": (
        f"""create table "My Notes" ("About" uuid references calls); insert into "My Notes" values ('{CALL}')""",
        "calls",
        True,
    ),
    "to a unique column that is not the id": (
        "create table notes (about varchar references calls (gong_call_id) on delete cascade);"
        " insert into notes values ('a')",
        "calls",
        True,
    ),
    "to a unique column, by another row": (
        "create table notes (about varchar references calls (gong_call_id) on delete cascade);"
        f" insert into calls (id, gong_call_id) values ('{OTHER_CALL}', 'b'); insert into notes values ('b')",
        "calls",
        False,
    ),
    "of two columns, the id not first": (
        "alter table calls add tenant int default 7; alter table calls add unique (tenant, id);"
        " create table notes (tenant int, about uuid,"
        " foreign key (tenant, about) references calls (tenant, id) on delete cascade);"
        f" insert into notes values (7, '{CALL}')",
        "calls",
        True,
    ),
    "of two columns, one of them null": (
        "alter table calls add tenant int default 7; alter table calls add unique (tenant, id);"
        " create table notes (tenant int, about uuid, foreign key (tenant, about) references calls (tenant, id));"
        f" insert into notes values (null, '{CALL}')",
        "calls",
        False,
    ),
    "deferred": (
        NOTES.format(" references calls on delete cascade deferrable initially deferred", CALL),
        "calls",
        True,
    ),
    "from a column of the application in another call": (
        f"alter table calls add follows uuid references calls on delete cascade;"
        f" insert into calls (id, gong_call_id, follows) values ('{OTHER_CALL}', 'b', '{CALL}')",
        "calls",
        True,
    ),
    "from a column of the application in the same call": (
        f"alter table calls add follows uuid references calls on delete cascade; update calls set follows = '{CALL}'",
        "calls",
        False,
    ),
    "from a column of the application in a published table": (
        f"alter table calls add host uuid references speakers on delete set null; update calls set host = '{SPEAKER}'",
        "speakers",
        True,
    ),
    "to a table that inherits": (
        "create table archived (primary key (id)) inherits (calls);"
        f" insert into archived (id, gong_call_id) values ('{OTHER_CALL}', 'b');"
        " create table notes (about uuid references archived on delete cascade);"
        f" insert into notes values ('{OTHER_CALL}')",
        "calls",
        False,
    ),
    "of two columns": (
        "alter table calls add unique (id, gong_call_id); create table notes (about uuid, gong_id varchar,"
        f" foreign key (about, gong_id) references calls (id, gong_call_id)); insert into notes values ('{CALL}', 'a')",
        "calls",
        True,
    ),
}


@pytest.fixture(scope="module")
def database_url(postgres: EmbeddedPostgres) -> str:
    postgres.create_database("cascades")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DATABASE_URL", postgres.url("cascades"))
        environment.setenv("BIGQUERY_PROJECT", "cascades")
        create_application_tables(load_settings())
    return postgres.url("cascades")


@pytest.fixture
def cursor(database_url: str) -> Iterator[Cursor]:
    """A transaction, rolled back, in which a call has a speaker and a monologue of theirs."""
    connection = psycopg2.connect(database_url)
    with connection.cursor() as cursor:
        cursor.execute("insert into calls (id, gong_call_id) values (%s, 'a')", (CALL,))
        cursor.execute("insert into speakers (id, call_id, name) values (%s, %s, 'A')", (SPEAKER, CALL))
        cursor.execute(
            "insert into transcripts (id, call_id, speaker_id, sequence_number, text) values (%s, %s, %s, 0, 'A')",
            (LINE, CALL, SPEAKER),
        )
        yield cursor
    connection.rollback()
    connection.close()


@pytest.mark.parametrize(("statements", "table", "stays"), REFERENCES.values(), ids=REFERENCES.keys())
def test_a_referenced_row_stays(cursor: Cursor, statements: str, table: str, stays: bool) -> None:
    if statements:
        cursor.execute(statements)
    condition = blocker(cursor, BY_NAME[table])
    if condition is None:
        assert not stays
        return
    row = {"calls": CALL, "speakers": SPEAKER}[table]
    cursor.execute(sql.SQL("select {} from {} as row where id = %s").format(condition, sql.Identifier(table)), (row,))
    assert cursor.fetchall() == [(stays,)]


def cascading(cursor: Cursor, table: str) -> list[tuple[str, str]]:
    """The published tables, each with its column, to which a deletion cascades."""
    return [(found.table, found.columns[0]) for found in children_of(cursor, BY_NAME[table])]


def test_a_table_that_the_user_cannot_read_stops_a_deletion(cursor: Cursor) -> None:
    cursor.execute(
        "create schema billing; create table billing.invoices (call_id uuid references public.calls);"
        " create role reader; grant usage on schema public to reader;"
        " grant select on all tables in schema public to reader; set role reader"
    )
    with pytest.raises(UnreadableReference, match="grant usage on schema billing to reader; grant select on billing"):
        blocker(cursor, BY_NAME["calls"])


def test_the_published_tables_that_go_along(cursor: Cursor) -> None:
    assert cascading(cursor, "calls") == [
        ("call_opportunities", "call_id"),
        ("speakers", "call_id"),
        ("transcripts", "call_id"),
    ]
    assert cascading(cursor, "speakers") == []
    assert cascading(cursor, "opportunities") == [
        ("call_opportunities", "opportunity_id"),
        ("emails", "opportunity_id"),
    ]
