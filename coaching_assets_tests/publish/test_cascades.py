"""Which stale rows stay because rows of the application reference them, for each kind of constraint."""

from collections.abc import Iterator

import psycopg2
import pytest
from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from coaching_assets.demo.servers import EmbeddedPostgres
from coaching_assets.publish.application import create_application_tables
from coaching_assets.publish.cascades import blocker, children_of
from coaching_assets.publish.tables import TABLES
from coaching_assets.settings import load_settings

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


def test_the_published_tables_that_go_along(cursor: Cursor) -> None:
    assert children_of(cursor, BY_NAME["calls"]) == [
        ("call_opportunities", "call_id"),
        ("speakers", "call_id"),
        ("transcripts", "call_id"),
    ]
    assert children_of(cursor, BY_NAME["speakers"]) == []
    assert children_of(cursor, BY_NAME["opportunities"]) == [
        ("call_opportunities", "opportunity_id"),
        ("emails", "opportunity_id"),
    ]
