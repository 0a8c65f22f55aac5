"""Erases a call, a person or a deal from the replica and the application's tables, for good."""

import getpass
import re
from contextlib import ExitStack
from dataclasses import dataclass, field

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor
from psycopg2.extras import Json

from coaching_assets.catalogue import TABLES as SOURCE_TABLES
from coaching_assets.catalogue import IdentityKind
from coaching_assets.erasure.published import delete_doomed, find_doomed, find_pending, publish_without
from coaching_assets.errors import CoachingError
from coaching_assets.postgres.connection import connect
from coaching_assets.postgres.migrate import ensure_schema
from coaching_assets.postgres.sql_files import read_sql
from coaching_assets.publish.publisher import Publisher
from coaching_assets.publish.tables import TABLES
from coaching_assets.replica.erasing import GOING, mark, remember, remove
from coaching_assets.replica.ownership import require_own_tables
from coaching_assets.replica.schema_lock import schema_lock
from coaching_assets.settings import Settings


class CannotErase(CoachingError):
    """The request cannot be carried out; the message says why and what to do. Nothing was changed."""


@dataclass(frozen=True)
class Request:
    """The values to erase: Gong's call ids, e-mail addresses, the CRM's opportunity ids."""

    calls: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    opportunities: tuple[str, ...] = ()

    @classmethod
    def of(cls, calls: list[str], addresses: list[str], opportunities: list[str]) -> "Request":
        """Normalize a request: values without surrounding blanks, addresses in lower case.

        Raises:
            CannotErase: there is no value, or one is blank.
        """
        request = cls(
            tuple(value.strip() for value in calls),
            tuple(value.strip().lower() for value in addresses),
            tuple(value.strip() for value in opportunities),
        )
        values = [*request.calls, *request.addresses, *request.opportunities]
        if not values or not all(values):
            raise CannotErase("There is nothing to erase. Give --call ID, --email ADDRESS or --opportunity ID.")
        return request

    @property
    def values(self) -> dict[IdentityKind, tuple[str, ...]]:
        """The values by kind, without empty kinds."""
        named: dict[IdentityKind, tuple[str, ...]] = {
            "call": self.calls,
            "address": self.addresses,
            "opportunity": self.opportunities,
        }
        return {kind: values for kind, values in named.items() if values}


@dataclass
class Erasure:
    """The effect of an erasure, in rows by table."""

    replica: dict[str, int] = field(default_factory=dict)
    """Rows deleted from the replica."""
    published: dict[str, int] = field(default_factory=dict)
    """Rows deleted from the published tables."""
    cascaded: dict[str, int] = field(default_factory=dict)
    """The application's own rows, deleted by cascading foreign keys."""
    changed: dict[str, int] = field(default_factory=dict)
    """Rows that stay, with the erased values removed."""
    remaining: dict[str, int] = field(default_factory=dict)
    """Rows that still mention an erased value, for example in another person's words."""

    @property
    def sections(self) -> dict[str, dict[str, int]]:
        """The rows by table, by kind of effect; without the remaining mentions."""
        return {
            "deleted from the replica": self.replica,
            "deleted": self.published,
            "deleted by cascade, the application's own": self.cascaded,
            "changed": self.changed,
        }


def erase(settings: Settings, request: Request, *, dry_run: bool = False) -> Erasure:
    """Erase in one transaction, under the locks of loading and publishing.

    Args:
        settings: the database and its schemas.
        request: the values to erase.
        dry_run: whether to roll back at the end, so that nothing changes.

    Raises:
        SettingError: a setting is missing or wrong.
        CannotConnect: Postgres cannot be reached.
        MissingTables: the application's tables or columns are missing.
        NotOurs: a table of the replica belongs to somebody else; nothing was changed.
        CannotErase: a foreign key of the application prevents it; nothing was changed.
    """
    with connect(settings) as database, ExitStack() as held:
        for schema in sorted(set(settings.schemas.values())):
            held.enter_context(schema_lock(database, schema))
        held.callback(database.rollback)
        ensure_schema(database)
        require_own_tables(database, settings)
        publisher = held.enter_context(Publisher(database, settings).session())
        with database.cursor() as cursor:
            try:
                erasure = _erase(cursor, publisher, request)
            except psycopg2.errors.ForeignKeyViolation as error:
                raise CannotErase(
                    f"{error.diag.schema_name}.{error.diag.table_name} (foreign key {error.diag.constraint_name})"
                    " references rows to erase, and does not cascade. Nothing was changed. Delete the referencing"
                    " rows, or change the foreign key, and try again."
                ) from error
        if dry_run:
            database.rollback()
        else:
            database.commit()
    return erasure


def _erase(cursor: Cursor, publisher: Publisher, request: Request) -> Erasure:
    settings = publisher.settings
    kinds = {kind: len(values) for kind, values in request.values.items()}
    cursor.execute(
        "insert into coaching_sync.erasures (requested, system_login) values (%s, %s) returning id",
        (Json(kinds), getpass.getuser()),
    )
    number = (cursor.fetchone() or (0,))[0]
    load_id = f"erasure {number}"
    for kind, values in request.values.items():
        for value in values:
            remember(cursor, kind, value)
    erasure = Erasure(replica=mark(cursor, settings))
    pending = find_pending(cursor, GOING)
    doomed = find_doomed(cursor, GOING, request.calls, request.addresses, request.opportunities)
    own = {f"{settings.coaching_schema}.{table.name}" for table in TABLES}
    erasure.published = {name: rows for name, rows in doomed.items() if name in own}
    erasure.cascaded = {name: rows for name, rows in doomed.items() if name not in own}
    erasure.changed = remove(cursor, settings, load_id)
    for group, keys in find_pending(cursor, load_id).items():
        pending[group] |= keys
    delete_doomed(cursor)
    erasure.changed |= publish_without(publisher, pending)
    cursor.execute("update coaching_sync.erasures set rows_taken = %s where id = %s", (Json(erasure.sections), number))
    erasure.remaining = _mentions(cursor, settings, request)
    return erasure


def _mentions(cursor: Cursor, settings: Settings, request: Request) -> dict[str, int]:
    """Count the rows of this project's tables that still mention an erased value."""
    # as a separate word; in JSON text, an escape such as \n may come right before it
    patterns = [
        rf"((?<![\w.+-])|\\[a-z]){re.escape(value.lower())}(?![\w-])"
        for values in request.values.values()
        for value in values
    ]
    names = {(settings.schemas[table.source], table.name) for table in SOURCE_TABLES}
    names |= {(settings.coaching_schema, name) for name in [*(table.name for table in TABLES), "sync_status"]}
    parameters = {"schemas": [schema for schema, _ in names], "names": [name for _, name in names]}
    cursor.execute(read_sql(__package__, "tables_searched.sql"), parameters)
    found: dict[str, int] = {}
    for schema, name in cursor.fetchall():
        cursor.execute(
            sql.SQL(
                "select count(*) from {} as row where exists"
                " (select from unnest(%s::text[]) as pattern where coaching_sync.lower_case(row::text) ~ pattern)"
            ).format(sql.Identifier(schema, name)),
            (patterns,),
        )
        if rows := (cursor.fetchone() or (0,))[0]:
            found[f"{schema}.{name}"] = rows
    return found
