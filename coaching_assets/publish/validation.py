"""Validates the published tables against the catalogue and against their own SQL, when the definitions load."""

import re
from collections.abc import Iterator, Mapping, Sequence

from coaching_assets.catalogue import TABLES as SOURCE_TABLES
from coaching_assets.catalogue import SourceTable
from coaching_assets.publish.deletion import REASONS
from coaching_assets.publish.ordering import WANTED, in_order_of_computation
from coaching_assets.publish.published_table import Coalesce, Group, InvalidTable, KeyPath, PublishedTable, Via
from coaching_assets.publish.sql_text import without_comments

REQUIRED_OUTPUT = "aggregate_key"
WAITED_OUTPUT = "waits_for_key"


def validate(groups: Sequence[Group], catalogue: Sequence[SourceTable] = SOURCE_TABLES) -> None:
    """Check that the data of each table, its SQL and the catalogue agree.

    Without this, a table whose SQL reads an undeclared source would load, and miss every change of that source.

    Raises:
        InvalidTable: they do not agree; the message is about the first contradiction.
    """
    sources = {table.view: table for table in catalogue}
    published = {table.name: group for group in groups for table in group.tables}
    for group in groups:
        for table in group.tables:
            for problem in _problems(table, group, published, sources):
                raise InvalidTable(f"Published table {table.name}: {problem}")
        in_order_of_computation(group)


def _problems(
    table: PublishedTable, group: Group, published: Mapping[str, Group], sources: Mapping[str, SourceTable]
) -> Iterator[str]:
    """Yield a sentence for each contradiction, with its remedy."""
    if "rows.sql" not in table.sql:
        yield "the folder has no rows.sql. Add the query of the table's rows."
        return
    yield from _root_problems(table, group)
    yield from _key_problems(table, group)
    yield from _parent_problems(table, group, published)
    yield from _source_problems(table, group, sources)
    yield from _column_problems(table)
    yield from _waiting_problems(table, published)
    for check in table.checks:
        if "/" in check.query:
            yield f"check {check.name}: {check.query!r} is no file name. Name a file in the table's folder."


def _root_problems(table: PublishedTable, group: Group) -> Iterator[str]:
    is_root = table is group.root
    if is_root and table.root is None:
        yield "it is the root of its aggregate, but root=Root(…) is missing. Add it."
    if is_root and not table.natural_key:
        yield "natural_key is empty. Name the column that holds the aggregate's key."
    if not is_root and table.root is not None:
        yield f"root=Root(…) is only for the root {table.aggregate}. Remove it."
    if not is_root and (table.root_parent is None or table.root_parent.optional):
        yield f"no required parent is {table.aggregate}, the root. Add Parent(<column>, {table.aggregate!r})."


def _key_problems(table: PublishedTable, group: Group) -> Iterator[str]:
    origins = [view for view in group.origins if view not in table.sources] if table is group.root else []
    for view in origins:
        yield f"origin {view} is not in sources. Add it."
    for view in (*([] if origins or table is not group.root else group.origins), table.row_source):
        if len(table.paths(view)) != 1 or not isinstance(table.paths(view)[0], str):
            yield f"the path of source {view} must be one column, because the table's rows come from {view}."


def _parent_problems(table: PublishedTable, group: Group, published: Mapping[str, Group]) -> Iterator[str]:
    for parent in table.parents:
        if published.get(parent.table) is not group:
            yield (
                f"parent {parent.table} is no table of the aggregate {table.aggregate}. Correct the name, or declare"
                " it as waits_for if it belongs to another aggregate."
            )
    names = {column.name for column in table.columns}
    for parent in (*table.parents, *([table.waits_for] if table.waits_for else [])):
        if parent.column not in names:
            yield f"{parent.column}, which refers to {parent.table}, is not in columns. Add it."
    awaited = table.waits_for
    if awaited is not None:
        other = published.get(awaited.table)
        if other is None or other is group or other.name != awaited.table:
            yield f"waits_for names {awaited.table}, which is not the root of another aggregate. Correct it."


def _source_problems(table: PublishedTable, group: Group, sources: Mapping[str, SourceTable]) -> Iterator[str]:
    own = _names(table) & sources.keys()
    read = own | {name for other in _read_with(table, group) for name in _names(other)}
    for view in table.sources:
        if view not in sources:
            yield f"source {view} is not in the catalogue. Add it to catalogue/, or correct the name."
        elif view not in read:
            yield f"source {view} is declared, but no SQL file reads it. Read it in rows.sql, or remove it."
        else:
            for path in table.paths(view):
                yield from _path_problems(view, path, sources)
    for view in sorted(own - table.sources.keys()):
        file = next(name for name, text in table.sql.items() if view in _words(text))
        yield f"{file} reads {view}, which is not in sources. Add it, or the table misses the changes of {view}."


def _path_problems(view: str, path: KeyPath, sources: Mapping[str, SourceTable]) -> Iterator[str]:
    needed = [(view, path)] if isinstance(path, str) else []
    if isinstance(path, Coalesce):
        needed = [(view, path.first), (view, path.second)]
    if isinstance(path, Via):
        needed = [(view, path.references), (path.view, path.column), (path.view, path.key)]
    for name, column in needed:
        if name not in sources or column not in {known.name for known in sources[name].columns}:
            yield f"the path of source {view} reads {name}.{column}, which the catalogue lacks. Correct one of them."
        elif isinstance(path, Via) and column == path.column and not _is_indexed(sources[name], column):
            yield f"the path of source {view} looks up {name}.{column}. Add {column!r} to indexes in the catalogue."


def _column_problems(table: PublishedTable) -> Iterator[str]:
    text = without_comments(table.sql["rows.sql"])
    for column in dict.fromkeys([*table.key, *table.owned, *table.once, REQUIRED_OUTPUT]):
        if not _selects(text, column):
            yield f"rows.sql does not select {column}. Add it to the select list."
    yield from _deletion_problems(table, text)
    for column in (*table.key, *table.natural_key):
        if column != "id" and column not in table.owned:
            yield f"{column} belongs to a key, but not to columns. Add it."


def _deletion_problems(table: PublishedTable, text: str) -> Iterator[str]:
    if "stale.sql" in table.sql and not _selects(without_comments(table.sql["stale.sql"]), "reason"):
        yield f"stale.sql does not select reason, the reason for a deletion. Select one of: {', '.join(REASONS)}."
    if "stale.sql" not in table.sql and not _selects(text, "deleted"):
        yield "rows.sql does not select deleted, so nothing tells which rows the source deleted. Add it, or stale.sql."


def _waiting_problems(table: PublishedTable, published: Mapping[str, Group]) -> Iterator[str]:
    text = without_comments(table.sql["rows.sql"])
    awaited = table.waits_for.table if table.waits_for else None
    if awaited is not None and not _selects(text, WAITED_OUTPUT):
        yield f"rows.sql does not select {WAITED_OUTPUT}, the natural key of the row in {awaited}. Add it."
    read = set(re.findall(r"\b(?:from|join)\s+([a-z_]+)", text))
    for name in sorted(read & published.keys()):
        if published[name].root.name != table.aggregate and name != awaited:
            yield f"rows.sql reads {name}, which is another aggregate. Declare it as waits_for."


def _read_with(table: PublishedTable, group: Group) -> list[PublishedTable]:
    """Return the tables of the group whose wanted rows a table reads, directly or not."""
    by_name = {other.name: other for other in group.tables}
    found: list[PublishedTable] = []
    names = [name for text in table.sql.values() for name in WANTED.findall(without_comments(text))]
    while names:
        other = by_name.get(names.pop())
        if other is not None and other is not table and other not in found:
            found.append(other)
            names += WANTED.findall(without_comments(other.sql["rows.sql"]))
    return found


def _names(table: PublishedTable) -> set[str]:
    return {word for text in table.sql.values() for word in _words(text)}


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z_][a-z0-9_]*", without_comments(text)))


def _selects(text: str, column: str) -> bool:
    """Return whether a select list has the column, by its name or as an alias."""
    return re.search(rf"(?:\bas\s+|\.){re.escape(column)}\s*(?:,|\bfrom\b)", text) is not None


def _is_indexed(table: SourceTable, column: str) -> bool:
    return column in table.indexes or table.key[0] == column
