"""`coaching erase`: takes a call, a person or a deal out of the replica and of the application's tables, for good."""

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
from coaching_assets.erasure.published import delete_doomed, find_doomed, find_due, publish_without
from coaching_assets.errors import CoachingError
from coaching_assets.postgres.connection import connect
from coaching_assets.postgres.migrate import ensure_schema
from coaching_assets.publish.publisher import Publisher
from coaching_assets.publish.tables import TABLES
from coaching_assets.replica.erasing import GOING, mark, remember, remove
from coaching_assets.replica.schema_lock import schema_lock
from coaching_assets.settings import Settings


class CannotErase(CoachingError):
    """What was asked for cannot be erased; the message says why and what to do. Nothing was changed."""


@dataclass(frozen=True)
class Request:
    """What is to be erased: Gong's ids of calls, e-mail addresses, the CRM's ids of opportunities."""

    calls: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    opportunities: tuple[str, ...] = ()

    @classmethod
    def of(cls, calls: list[str], addresses: list[str], opportunities: list[str]) -> "Request":
        """The request without blanks around the values, addresses in lower case.

        Raises:
            CannotErase: it names nothing, or a value is empty.
        """
        request = cls(
            tuple(value.strip() for value in calls),
            tuple(value.strip().lower() for value in addresses),
            tuple(value.strip() for value in opportunities),
        )
        values = [*request.calls, *request.addresses, *request.opportunities]
        if not values or not all(values):
            raise CannotErase("Nothing to erase was named: give --call ID, --email ADDRESS or --opportunity ID.")
        return request

    @property
    def values(self) -> dict[IdentityKind, tuple[str, ...]]:
        """What is named, by kind."""
        named: dict[IdentityKind, tuple[str, ...]] = {
            "call": self.calls,
            "address": self.addresses,
            "opportunity": self.opportunities,
        }
        return {kind: values for kind, values in named.items() if values}


@dataclass
class Erasure:
    """What an erasure does, in rows by table."""

    replica: dict[str, int] = field(default_factory=dict)
    """Deleted from the replica."""
    published: dict[str, int] = field(default_factory=dict)
    """Deleted from the published tables."""
    taken_along: dict[str, int] = field(default_factory=dict)
    """The application's own rows, which go by cascade."""
    changed: dict[str, int] = field(default_factory=dict)
    """Rows that stay, without what was erased."""
    remaining: dict[str, int] = field(default_factory=dict)
    """Rows in which what was erased still stands, in the words of others."""

    @property
    def sections(self) -> dict[str, dict[str, int]]:
        """All but what remains, by what is done."""
        return {
            "deleted from the replica": self.replica,
            "deleted": self.published,
            "deleted by cascade, the application's own": self.taken_along,
            "changed": self.changed,
        }


def erase(settings: Settings, request: Request, *, only_look: bool = False) -> Erasure:
    """Erase, in one transaction, while nobody loads or publishes.

    Args:
        settings: where.
        request: what.
        only_look: whether to undo it all at the end, to say what an erasure would do.

    Raises:
        SettingError, CannotConnect, MissingTables: the database cannot be asked.
        CannotErase: a foreign key of the application forbids it; nothing was changed.
    """
    with connect(settings) as database, ExitStack() as held:
        for dataset in sorted(set(settings.datasets.values())):
            held.enter_context(schema_lock(database, dataset))
        held.callback(database.rollback)
        ensure_schema(database)
        publisher = held.enter_context(Publisher(database, settings).session())
        with database.cursor() as cursor:
            try:
                erasure = _erase(cursor, publisher, request)
            except psycopg2.errors.ForeignKeyViolation as error:
                raise CannotErase(
                    f"Rows of {error.diag.schema_name}.{error.diag.table_name} (foreign key"
                    f" {error.diag.constraint_name}) keep rows from being erased, and do not go along by cascade."
                    " Nothing was changed; delete those rows, or change the foreign key, and try again."
                ) from error
        if only_look:
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
    due = find_due(cursor, GOING)
    doomed = find_doomed(cursor, GOING, request.calls, request.addresses, request.opportunities)
    own = {f"{settings.coaching_schema}.{table.name}" for table in TABLES}
    erasure.published = {name: rows for name, rows in doomed.items() if name in own}
    erasure.taken_along = {name: rows for name, rows in doomed.items() if name not in own}
    erasure.changed = remove(cursor, settings, load_id)
    for group, keys in find_due(cursor, load_id).items():
        due[group] |= keys
    delete_doomed(cursor)
    erasure.changed |= publish_without(publisher, due)
    cursor.execute("update coaching_sync.erasures set rows_taken = %s where id = %s", (Json(erasure.sections), number))
    erasure.remaining = _mentions(cursor, settings, request)
    return erasure


def _mentions(cursor: Cursor, settings: Settings, request: Request) -> dict[str, int]:
    """The rows of this project's tables in which what was erased still stands."""
    # as a word of its own; in JSON text an escape such as \n may stand right before it
    patterns = [
        rf"((?<![\w.+-])|\\[a-z]){re.escape(value)}(?![\w-])" for values in request.values.values() for value in values
    ]
    names = {(settings.datasets[table.source], table.name) for table in SOURCE_TABLES}
    names |= {(settings.coaching_schema, name) for name in [*(table.name for table in TABLES), "sync_status"]}
    cursor.execute(
        "select schemaname, tablename from pg_tables where (schemaname, tablename) in"
        " (select * from unnest(%s::text[], %s::text[])) or schemaname = 'coaching_sync' order by 1, 2",
        ([schema for schema, _ in names], [name for _, name in names]),
    )
    found: dict[str, int] = {}
    for schema, name in cursor.fetchall():
        cursor.execute(
            sql.SQL(
                "select count(*) from {} as row where exists"
                " (select from unnest(%s::text[]) as pattern where row::text ~* pattern)"
            ).format(sql.Identifier(schema, name)),
            (patterns,),
        )
        if rows := (cursor.fetchone() or (0,))[0]:
            found[f"{schema}.{name}"] = rows
    return found
