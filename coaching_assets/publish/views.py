"""Temporary views over the replica, with the catalogue's columns and types, for the published SQL to read."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from coaching_assets.catalogue import TABLES, ColumnType, SourceTable
from coaching_assets.postgres.connection import Connection
from coaching_assets.postgres.tables import column_types_in
from coaching_assets.publish.sql_text import normalized
from coaching_assets.replica.ownership import refused_tables
from coaching_assets.replica.placement import VARIANT, base_name
from coaching_assets.settings import Settings

LOAD_ID = "_dlt_load_id"
SOFT_DELETE_FLAGS = ("_fivetran_deleted", "is_deleted")
HISTORY_ACTIVE = "_fivetran_active"

INTEGERS = frozenset({"bigint", "integer", "smallint"})
TIMES = frozenset({"timestamp with time zone", "timestamp without time zone", "date"})

CASTS: Mapping[tuple[ColumnType, str], str] = {
    ("boolean", "boolean"): "{}",
    ("timestamptz", "timestamp with time zone"): "{}",
    ("timestamptz", "timestamp without time zone"): "({} at time zone 'UTC')",
    ("timestamptz", "date"): "({}::timestamp at time zone 'UTC')",
    ("date", "date"): "{}",
    ("date", "timestamp without time zone"): "{}::date",
    ("date", "timestamp with time zone"): "({} at time zone 'UTC')::date",
    ("jsonb", "jsonb"): "{}",
    ("numeric", "numeric"): "{}",
    ("text", "character varying"): "{}::text",
    ("text", "json"): "coaching_sync.json_as_text({})",
    ("text", "jsonb"): "coaching_sync.json_as_text({}::json)",
    **{("bigint", integer): "{}::bigint" for integer in INTEGERS},
    **{("numeric", integer): "{}::numeric" for integer in INTEGERS},
}
"""Casts from a type in the replica to the catalogue's type. All other pairs are cast leniently from text."""


@dataclass(frozen=True)
class ReplicaTable:
    """A table of the replica as it is now: its columns, by name, with their Postgres types without modifiers."""

    table: SourceTable
    schema: str
    columns: Mapping[str, str]
    conflict: str = ""
    """Why the table counts as missing although it exists: it belongs to somebody else."""

    @property
    def exists(self) -> bool:
        """Whether the replica has the table."""
        return bool(self.columns)


def create_views(database: Connection, settings: Settings) -> dict[str, ReplicaTable]:
    """Create a temporary view for each table of the catalogue.

    Returns:
        The tables as they are now, by the name of their view.
    """
    tables = _tables(database, settings)
    views = sql.SQL("; ").join(
        sql.SQL("drop view if exists pg_temp.{view}; create temp view {view} as {select}").format(
            view=sql.Identifier(view), select=_select(table)
        )
        for view, table in tables.items()
    )
    with database.cursor() as cursor:
        cursor.execute(views)
    return tables


def reading_rules(cursor: Cursor, table: SourceTable) -> set[str]:
    """Return everything that decides which value a view shows for a value of the replica.

    That does not depend on the columns that the replica has now: if a load adds a column, the rows in it are pending
    anyway, and all others have null there.
    """
    columns = tuple(sorted(table.columns, key=lambda column: column.name))
    names = [name for column in columns for name in (column.name, f"{column.name}{VARIANT}text")]
    sample = ReplicaTable(
        replace(table, columns=columns),
        "replica",
        dict.fromkeys(names, "text") | dict.fromkeys(SOFT_DELETE_FLAGS, "boolean") | {HISTORY_ACTIVE: "boolean"},
    )
    types = {column.type for column in columns} | {"text", "boolean", "timestamptz"}
    casts = {f"{wanted} from {actual}: {cast}" for (wanted, actual), cast in CASTS.items() if wanted in types}
    return {normalized(_select(sample).as_string(cursor)), *casts}


def _tables(database: Connection, settings: Settings) -> dict[str, ReplicaTable]:
    schemas = {table: settings.schemas[table.source] for table in TABLES}
    refused = refused_tables(database, settings)
    columns = column_types_in(database, set(schemas.values()))
    tables = {}
    for table, schema in schemas.items():
        found = {} if table in refused else columns.get((schema, table.name), {})
        tables[table.view] = ReplicaTable(table, schema, found, refused.get(table, ""))
    return tables


def _select(table: ReplicaTable) -> sql.Composed:
    outputs: list[sql.Composable] = []
    for column in table.table.columns:
        outputs.append(sql.SQL("{} as {}").format(_value(table, column.name, column.type), sql.Identifier(column.name)))
        if column.type != "text":
            raw = _value(table, column.name, "text")
            outputs.append(sql.SQL("{} as {}").format(raw, sql.Identifier(f"{column.name}__raw")))
    outputs += _common_columns(table)
    origin = sql.SQL("from {} as replica").format(sql.Identifier(table.schema, table.table.name))
    if not table.exists:
        origin = sql.Composed([sql.SQL("where false")])
    return sql.SQL("select {} {}").format(sql.SQL(", ").join(outputs), origin)


def _value(table: ReplicaTable, name: str, wanted: ColumnType) -> sql.Composable:
    """Return a column in the wanted type; after a type change (`x` and `x__v_text`), the one that is not null."""
    variants = [column for column in table.columns if base_name(column) == name]
    values = [_cast(column, table.columns[column], wanted) for column in variants]
    if not values:
        return sql.SQL(f"null::{wanted}")
    return values[0] if len(values) == 1 else sql.SQL("coalesce({})").format(sql.SQL(", ").join(values))


def _cast(column: str, actual: str, wanted: ColumnType) -> sql.Composable:
    name = sql.Identifier("replica", column)
    template = CASTS.get((wanted, actual))
    if template is None:
        template = "{}::text" if wanted == "text" else f"coaching_sync.try_{wanted}({{}}::text)"
    return sql.SQL(template).format(name)


def _common_columns(table: ReplicaTable) -> list[sql.Composable]:
    """Return the columns of every view that are not in the catalogue."""
    flags = [
        sql.SQL("coalesce({}, false)").format(_value(table, flag, "boolean"))
        for flag in SOFT_DELETE_FLAGS
        if flag in table.columns
    ]
    soft_deleted = sql.SQL(" or ").join([*flags, sql.SQL("false")])
    active = sql.SQL("coalesce({}, true)").format(_value(table, HISTORY_ACTIVE, "boolean"))
    whole_row = sql.SQL("to_jsonb(replica)") if table.exists else sql.SQL("null::jsonb")
    known = [*(column.name for column in table.table.columns), *SOFT_DELETE_FLAGS]
    further = sql.SQL(
        "(select coalesce(jsonb_object_agg(key, item), '{{}}')"
        " from (select split_part(column_name, {}, 1), item from jsonb_each({}) as entries (column_name, item)"
        " where item <> 'null') as filled (key, item) where not key = any({}) and left(key, 1) <> '_')"
    ).format(sql.Literal(VARIANT), whole_row, sql.Literal(known))
    return [
        sql.SQL("({}) as soft_deleted").format(soft_deleted),
        sql.SQL("({} or not {}) as deleted").format(soft_deleted, active),
        sql.SQL("{} as synced_at").format(_value(table, "_fivetran_synced", "timestamptz")),
        sql.SQL("{} as load_id").format(_value(table, LOAD_ID, "text")),
        sql.SQL("{} as source_row").format(whole_row),
        sql.SQL("{} as further_columns").format(further),
    ]
