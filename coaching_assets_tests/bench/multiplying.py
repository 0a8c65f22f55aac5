"""Makes an installation's tables larger from within Postgres: what is there, copied under other ids.

What a sync costs must follow what changed, not what is there; BigQuery's own work is left out by leaving its tables
small. The copies' search vectors stay empty, for their index alone would take longer to build than all the rest.
"""

from psycopg2 import sql

from coaching_assets_tests.bench.data import COPIED
from coaching_assets_tests.bench.servers import Installation

PUBLISHED = """
insert into calls (id, gong_call_id, title, scheduled_at, duration_seconds, call_type, date, metadata, prefect_reps)
select coaching_sync.derived_id('calls', gong_call_id || '-m' || n), gong_call_id || '-m' || n, title, scheduled_at,
    duration_seconds, call_type, date, metadata, prefect_reps
from calls cross join generate_series(1, %(copies)s) as n;

insert into speakers (id, call_id, name, email, company_side, talk_time_seconds, talk_time_percentage)
select md5(speakers.id::text || n)::uuid, coaching_sync.derived_id('calls', gong_call_id || '-m' || n),
    name, email, company_side, talk_time_seconds, talk_time_percentage
from speakers join calls on calls.id = call_id cross join generate_series(1, %(copies)s) as n;

insert into transcripts (id, call_id, speaker_id, sequence_number, start_time_ms, text, topics, chunk_metadata)
select coaching_sync.derived_id('transcripts', gong_call_id || '-m' || n || ':' || sequence_number),
    coaching_sync.derived_id('calls', gong_call_id || '-m' || n), md5(speaker_id::text || n)::uuid,
    sequence_number, start_time_ms, text, topics, chunk_metadata
from transcripts join calls on calls.id = call_id cross join generate_series(1, %(copies)s) as n
"""


def multiply(installation: Installation, copies: int) -> None:
    """Add so many copies of all calls, with what belongs to them, to the replica and to the application's tables."""
    installation.query(f"set session_replication_role = replica; {PUBLISHED}", {"copies": copies})
    for name, columns in COPIED.items():
        _multiply_replica(installation, name, columns, copies)
    for table in ("calls", "speakers", "transcripts", *(f"gongio_ft.{name}" for name in COPIED)):
        installation.query(f"analyze {table}")


def _multiply_replica(installation: Installation, name: str, renamed: tuple[str, ...], copies: int) -> None:
    found = installation.query(
        "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped",
        (f"gongio_ft.{name}",),
    )
    columns = [str(column) for (column,) in found]
    values = [
        sql.SQL("{} || '-m' || n").format(sql.Identifier(c)) if c in renamed else sql.Identifier(c) for c in columns
    ]
    statement = sql.SQL("insert into {table} ({columns}) select {values} from {table}, generate_series(1, {n}) as n")
    composed = statement.format(
        table=sql.Identifier("gongio_ft", name),
        columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
        values=sql.SQL(", ").join(values),
        n=sql.Literal(copies),
    )
    installation.query(composed)
