"""The version of the rules by which a group of tables is published. If it changes, all rows are computed again."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from coaching_assets.postgres.sql_files import read_sql
from coaching_assets.publish.checks import check_query
from coaching_assets.publish.deletion import REASONS, deletions, fill_stale_query, keep_unproven_query, stale_of
from coaching_assets.publish.pending import queries_for
from coaching_assets.publish.published_table import Group, PublishedTable
from coaching_assets.publish.sql_text import normalized
from coaching_assets.publish.statements import (
    insert_query,
    mark_kept_query,
    update_query,
    waiting_queries,
)
from coaching_assets.publish.views import ReplicaTable, reading_rules
from coaching_assets.settings import Settings

FUNCTION_CALL = re.compile(r"\bcoaching_sync \. ([a-z_][a-z0-9_]*) \(")
"""A call in a normalized statement."""


def rule_version(cursor: Cursor, settings: Settings, group: Group, replica: Mapping[str, ReplicaTable]) -> str:
    """Return a hash of everything but the replica's rows that a group's rows depend on.

    That is the SQL that publishing runs for the group, as it is sent to Postgres and without comments; the SQL
    functions that it calls, directly or not; the settings that it reads; and which sources exist. Descriptions,
    messages, the layout of a file and the order of declarations do not count.

    Args:
        cursor: on the application's database, with the functions of `coaching_sync`.
        replica: the replica's tables by view.
    """
    statements = {normalized(statement.as_string(cursor)) for statement in _statements(group)}
    for view in group.sources:
        statements |= {f"{view}: {rule}" for rule in reading_rules(cursor, replica[view].table)}
    parts = statements | _functions(cursor, statements)
    parts |= {f"{view} is {replica[view].schema}, {replica[view].exists}" for view in group.sources}
    parts.add(f"schema {settings.coaching_schema}")
    if any("company_domain" in statement for statement in statements):
        parts.add(f"company domains {sorted(settings.company_domains)}")
    return hashlib.sha256("\n".join(sorted(parts)).encode()).hexdigest()


def _statements(group: Group) -> Iterator[sql.Composable]:
    yield from queries_for(group, dict.fromkeys(group.sources, ()))
    for table in group.tables:
        yield from _table_statements(group, table)


def _table_statements(group: Group, table: PublishedTable) -> Iterator[sql.Composable]:
    """Yield the statements on which a table's rows depend, or what is recorded about them.

    Check queries count: otherwise a new check would report that rows pass that it has not seen.
    """
    yield from (sql.SQL(table.sql[file]) for file in ("rows.sql", "before.sql") if file in table.sql)
    yield fill_stale_query(group, table)
    yield keep_unproven_query(group, table)
    yield insert_query(table)
    yield from deletions(stale_of(table), REASONS)
    yield from (query for query in (update_query(table), mark_kept_query(table)) if query is not None)
    yield from waiting_queries(group, table)
    yield from (check_query(table, check) for check in table.checks)


def _functions(cursor: Cursor, statements: set[str]) -> set[str]:
    """Return the definitions of the functions in coaching_sync that the statements call, directly or not."""
    cursor.execute(read_sql(__package__, "function_definitions.sql"))
    definitions: dict[str, list[str]] = {}
    for name, definition in cursor.fetchall():
        definitions.setdefault(name, []).append(normalized(definition))
    found: set[str] = set()
    unread: Sequence[str] = list(statements)
    while unread:
        called = {name for text in unread for name in FUNCTION_CALL.findall(text)}
        new = {definition for name in called for definition in definitions.get(name, ())} - found
        found |= new
        unread = list(new)
    return found
