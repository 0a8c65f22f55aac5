"""What the application and its people write in the meantime, and a copy of it to compare with."""

from typing import Any

from psycopg2 import sql
from psycopg2.extensions import connection as Connection

OWNED = {
    "calls": ("product", "overall_score", "created_at"),
    "speakers": ("role", "manager_id"),
    "transcripts": ("sentiment",),
    "opportunities": ("created_at",),
    "emails": ("created_at",),
}
"""The application's own columns."""

METADATA_KEYS = ("reviewed_by", "forecast", "thread")
"""The keys that the application adds to `metadata`."""

TABLES = """
create table coaching_sessions (
    id serial primary key, rep_id uuid not null references speakers (id) on delete cascade, note text
);
create table feedback (
    id serial primary key, call_id uuid not null references calls (id) on delete cascade, note text
);
"""

OWN_CALLS = "app-"
"""What the ids of calls that the application made itself begin with."""

OWN_INDEX = 1_000_000
"""From which sequence number on monologues are the application's own."""


def write_something(connection: Connection, what: str, place: int) -> None:
    """Let the application write one thing, into some row of those that are there."""
    with connection.cursor() as cursor:
        cursor.execute(WRITES[what], {"place": place, "name": f"{OWN_CALLS}{place}"})


def _some(table: str) -> str:
    """The id of some row of a table, in brackets."""
    return (
        f"(select id from {table} order by id"
        f" offset mod(%(place)s, greatest((select count(*) from {table}), 1)) limit 1)"
    )


def _one_of(table: str) -> str:
    """A query for the id of some row of a table, without a row where there is none."""
    return f"select id from {table} where id = {_some(table)}"


WRITES = {
    "score a call": "update calls set product = 'Core', overall_score = mod(%(place)s, 100)"
    f" where id = {_some('calls')}",
    "give a speaker a role": f"update speakers set role = 'ae' where id = {_some('speakers')}",
    "judge a monologue": f"update transcripts set sentiment = 'good' where id = {_some('transcripts')}",
    "note on a call": 'update calls set metadata = metadata || \'{"reviewed_by": "Kim"}\''
    f" where id = {_some('calls')}",
    "note on a deal": "update opportunities set metadata = metadata || '{\"forecast\": [1, null]}'"
    f" where id = {_some('opportunities')}",
    "note on an e-mail": 'update emails set metadata = metadata || \'{"thread": {"read": true}}\''
    f" where id = {_some('emails')}",
    "coach a speaker": f"insert into coaching_sessions (rep_id) {_one_of('speakers')}",
    "comment on a call": f"insert into feedback (call_id) {_one_of('calls')}",
    "a call of its own": """
        insert into calls (gong_call_id, title) values (%(name)s, 'Our own') on conflict do nothing;
        insert into speakers (call_id, name, email)
        select id, 'Own', 'own@elsewhere.org' from calls where gong_call_id = %(name)s;
        insert into transcripts (call_id, sequence_number, text)
        select id, 0, 'Own' from calls where gong_call_id = %(name)s""",
    "rows of its own in a call": f"""
        insert into feedback (call_id) {_one_of("calls")};
        insert into speakers (call_id, name) select call_id, 'By hand' from feedback order by id desc limit 1;
        insert into transcripts (call_id, sequence_number, text)
        select call_id, {OWN_INDEX} + %(place)s, 'By hand' from feedback order by id desc limit 1""",
}
"""By what the application does."""


def owned(connection: Connection) -> dict[str, dict[str, Any]]:
    """Everything that is the application's: its own columns by table and row, its own rows and tables whole."""
    found: dict[str, dict[str, Any]] = {}
    with connection.cursor() as cursor:
        for table, columns in OWNED.items():
            listed = sql.SQL(", ").join(sql.Identifier(column) for column in columns)
            cursor.execute(sql.SQL("select id::text, row({})::text from {}").format(listed, sql.Identifier(table)))
            found[table] = dict(cursor.fetchall())
        for table, key in (("calls", "reviewed_by"), ("opportunities", "forecast"), ("emails", "thread")):
            query = "select id::text, metadata ->> {key} from {table} where metadata ? {key}"
            cursor.execute(sql.SQL(query).format(key=sql.Literal(key), table=sql.Identifier(table)))
            found[f"{table}.metadata"] = dict(cursor.fetchall())
        for name, query in WHOLE_ROWS.items():
            cursor.execute(query, {"own": f"{OWN_CALLS}%"})
            found[name] = dict(cursor.fetchall())
    return found


WHOLE_ROWS = {
    "coaching_sessions": "select id::text, row(s.*)::text from coaching_sessions as s",
    "feedback": "select id::text, row(f.*)::text from feedback as f",
    "own calls": "select id::text, row(c.*)::text from calls as c where gong_call_id like %(own)s",
    "own speakers": "select id::text, row(s.*)::text from speakers as s where not coaching_sync.is_derived(id)",
    "own transcripts": "select id::text, row(t.*)::text from transcripts as t where not coaching_sync.is_derived(id)",
}


def lost(before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]) -> list[str]:
    """What of the application's a sync has changed or taken away, in short lines.

    A row of this project's may go, and the application's columns with it; rows of the application's own may not.
    """
    lines = []
    for name, rows in before.items():
        for key, value in rows.items():
            gone = key not in after[name]
            if gone and (name in WHOLE_ROWS):
                lines.append(f"{name} {key}: gone: {value}")
            elif not gone and after[name][key] != value:
                lines.append(f"{name} {key}: {value!r} became {after[name][key]!r}")
            elif gone and name.endswith(".metadata") and key in after[name.partition(".")[0]]:
                lines.append(f"{name} {key}: {value!r} is gone")
    return lines
