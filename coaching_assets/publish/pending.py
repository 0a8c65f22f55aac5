"""The query of the pending aggregates, made from the paths that the published tables declare."""

from collections.abc import Iterator, Mapping, Sequence

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from coaching_assets.publish.published_table import Coalesce, Group, KeyPath, Via
from coaching_assets.publish.statements import template
from coaching_assets.publish.tables import group_of

name = sql.Identifier


def pending_query(cursor: Cursor, group: Group) -> sql.Composed:
    """Return the query of the aggregates that the loads in `new_load`, or the arrival of a parent, make pending."""
    cursor.execute(
        "select view, array_remove(array_agg(load_id), null) from unnest(%s) as view"
        " left join new_load on source_view = view group by view",
        (list(group.sources),),
    )
    return query_for(group, dict(cursor.fetchall()))


def query_for(group: Group, loads: Mapping[str, Sequence[str]]) -> sql.Composed:
    """Return the query of the aggregates that these loads make pending.

    The loads are constants in it, so that Postgres knows whether one is most of a table or hardly any of it. If it had
    to look them up, it would read the whole table for a load that is newer than its statistics.

    Args:
        loads: load ids by source view, for each of the group's sources.
    """
    return sql.SQL(" union ").join(queries_for(group, loads))


def queries_for(group: Group, loads: Mapping[str, Sequence[str]]) -> list[sql.Composed]:
    """Return the parts of `query_for`: one per path of a source, and one per table that waits for a parent."""
    return [*_changed(group, loads), *_arrived(group)]


def _changed(group: Group, loads: Mapping[str, Sequence[str]]) -> Iterator[sql.Composed]:
    for view in group.sources:
        constants = sql.Literal(list(loads[view]))
        for path in group.paths(view):
            yield _changed_by(view, path, constants)


def _changed_by(view: str, path: KeyPath, loads: sql.Composable) -> sql.Composed:
    if isinstance(path, Via):
        return template("pending_via.sql").format(
            view=name(view),
            via=name(path.view),
            column=name(path.column),
            key=name(path.key),
            references=name(path.references),
            loads=loads,
        )
    key: sql.Composable = name(path) if isinstance(path, str) else _coalesced(path)
    return template("pending_changed.sql").format(key=key, view=name(view), loads=loads)


def _coalesced(path: Coalesce) -> sql.Composed:
    return sql.SQL("coalesce({}, {})").format(name(path.first), name(path.second))


def _arrived(group: Group) -> Iterator[sql.Composed]:
    for table in group.tables:
        if table.waits_for is not None:
            parent = group_of(table.waits_for.table)
            yield template("pending_arrived.sql").format(
                table_name=sql.Literal(table.name),
                parent=name(table.waits_for.table),
                parent_name=sql.Literal(table.waits_for.table),
                parent_key=name(parent.key_column),
            )
