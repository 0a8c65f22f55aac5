"""The query of the aggregates that are due."""

from psycopg2.extensions import cursor as Cursor

from coaching_assets.postgres.connection import read_sql
from coaching_assets.publish.tables import Group


def due_query(cursor: Cursor, group: Group) -> str:
    """The keys of a group's aggregates that the loads in `new_load` make due, or that what they waited for does.

    The loads stand in it as constants, so that Postgres knows whether one is most of a table or hardly any of it. If it
    had to look them up, it would read all of a table for a load that is newer than what it knows of the table.
    """
    cursor.execute(
        "select view, array_remove(array_agg(load_id), null) from unnest(%s) as view"
        " left join new_load on source_view = view group by view",
        (list(group.sources),),
    )
    query: bytes = cursor.mogrify(read_sql(__package__, f"due_{group.name}.sql"), dict(cursor.fetchall()))
    return query.decode()
