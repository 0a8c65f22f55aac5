"""Tells this project's tables from those of others with the same names, before a load touches them.

`coaching_sync.replica_tables` records the object id of each table. A restored database has other ids, and a database of
release 0 has no records: there, dlt's stored schema contains this project's hints.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from psycopg2 import sql

from coaching_assets.catalogue import CURSOR, PIPELINES, TABLES, SourceTable
from coaching_assets.postgres.connection import Connection
from coaching_assets.postgres.sql_files import read_sql
from coaching_assets.replica.dlt_tables import DLT_TABLES, HINTED
from coaching_assets.replica.errors import NotOurs
from coaching_assets.schema_names import STAGING
from coaching_assets.settings import Settings

ORDINARY_TABLE = "r"
# https://www.postgresql.org/docs/current/catalog-pg-class.html
KINDS: Mapping[str, str] = {
    "r": "a table",
    "p": "a partitioned table",
    "f": "a foreign table",
    "v": "a view",
    "m": "a materialized view",
    "S": "a sequence",
    "c": "a type",
    "i": "an index",
    "I": "an index",
}
LOADED_COLUMNS = frozenset({"_dlt_load_id", CURSOR})
VERSION_COLUMNS = frozenset({"schema_name", "schema"})
ROW_ID = "_dlt_id"
"""Column that dlt gives to the tables of others; this project's have none."""
REMEDY = "Rename or drop it, or set REPLICA_SCHEMA_PREFIX, with which the replica uses other schemas."


@dataclass(frozen=True)
class Relation:
    """A table, view or other relation: its object id, `relkind`, storage, whether we may read it, and its columns."""

    schema: str
    name: str
    oid: int
    kind: str
    filenode: int | None
    is_readable: bool
    columns: frozenset[str]

    @property
    def is_loaded(self) -> bool:
        """Whether it is a table with the columns of a load of this project."""
        return self.kind == ORDINARY_TABLE and self.columns >= LOADED_COLUMNS and ROW_ID not in self.columns


@dataclass(frozen=True)
class Ownership:
    """The tables of one schema that belong to others, with the reason for each, and those that need a record."""

    refused: Mapping[SourceTable, str]
    unrecorded: Sequence[Relation] = ()


@dataclass(frozen=True)
class _Records:
    """The records of `coaching_sync`: tables by name and object id, tables being loaded, storage of loaded tables."""

    tables: frozenset[tuple[str, int]]
    loading: frozenset[tuple[str, str]]
    filenodes: frozenset[tuple[str, str, int]]

    def include(self, relation: Relation) -> bool:
        """Whether a relation is on record as this project's."""
        name = (relation.schema, relation.name)
        created = relation.is_loaded or relation.name in DLT_TABLES
        return (
            (relation.name, relation.oid) in self.tables
            or (name in self.loading and relation.kind == ORDINARY_TABLE and created)
            or (relation.filenode is not None and (*name, relation.filenode) in self.filenodes)
        )


def refused_tables(database: Connection, settings: Settings) -> dict[SourceTable, str]:
    """Return the source tables whose replica would be a table of somebody else, with the reason for each."""
    refused: dict[SourceTable, str] = {}
    for source, schema in settings.schemas.items():
        refused |= inspect(database, schema, [table for table in TABLES if table.source == source]).refused
    return refused


def require_own_tables(database: Connection, settings: Settings) -> None:
    """Check that all tables of the replica are this project's.

    Raises:
        NotOurs: some are not; the message names them and the setting that helps.
    """
    if refused := refused_tables(database, settings):
        raise NotOurs(" ".join(dict.fromkeys(refused.values())))


def inspect(database: Connection, schema: str, tables: Sequence[SourceTable]) -> Ownership:
    """Find out which tables of one schema, and of its staging schema, belong to others. Writes nothing.

    Args:
        database: `coaching_sync` may be of release 0 or missing.
        schema: the schema of the replica.
        tables: the source tables to be loaded into it.
    """
    return _Inspection(database, schema, tables).result()


def record(database: Connection, relations: Iterable[Relation]) -> None:
    """Record recognized tables as this project's, after an upgrade or a restore."""
    with database.cursor() as cursor:
        for relation in relations:
            parameters = {"schemas": [relation.schema], "names": [relation.name]}
            cursor.execute(read_sql(__package__, "record_tables.sql"), parameters)


def announce_load(database: Connection, schema: str, tables: Iterable[SourceTable]) -> None:
    """Record that a load may create these tables, and dlt's."""
    _execute(database, "announce_load.sql", schema, tables)


def record_load(database: Connection, schema: str, tables: Iterable[SourceTable]) -> None:
    """Record the tables that a load created or replaced."""
    _execute(database, "record_tables.sql", schema, tables)


def _execute(database: Connection, statement: str, schema: str, tables: Iterable[SourceTable]) -> None:
    names = [*(table.name for table in tables), *DLT_TABLES]
    with database.cursor() as cursor:
        parameters = {"schemas": [schema, STAGING.format(schema)], "names": names}
        cursor.execute(read_sql(__package__, statement), parameters)


@dataclass
class _Inspection:
    """The inspection of one schema and its staging schema."""

    database: Connection
    schema: str
    tables: Sequence[SourceTable]
    records: _Records = field(init=False)
    relations: dict[tuple[str, str], Relation] = field(init=False)
    hinted: dict[str, bool] = field(default_factory=dict)

    def result(self) -> Ownership:
        places = (self.schema, STAGING.format(self.schema))
        occupied = self._occupied(places)
        if not occupied:
            return Ownership({})
        self.records = _read_records(self.database)
        self.relations = self._read_relations(places)
        for place in occupied:
            if reason := self._conflict_of_schema(place):
                return Ownership(dict.fromkeys(self.tables, reason))
        refused = {table: reason for table in self.tables if (reason := self._conflict(places, table.name))}
        names = {table.name for table in self.tables if table not in refused} | set(DLT_TABLES)
        known = [relation for relation in self.relations.values() if relation.name in names]
        recorded = self.records.tables
        return Ownership(refused, [found for found in known if (found.name, found.oid) not in recorded])

    def _conflict_of_schema(self, place: str) -> str | None:
        """Return why nothing can be loaded into an occupied schema: it has no table of ours, or not our dlt tables."""
        inside = [relation for relation in self.relations.values() if relation.schema == place]
        is_known = any(map(self.records.include, inside))
        if not is_known and not self._is_hinted(place) and not self._is_our_staging(place):
            return f"Schema {place} exists and is not this project's, so nothing is loaded into it. {REMEDY}"
        for name in DLT_TABLES:
            relation = self.relations.get((place, name))
            if relation is not None and relation.kind != ORDINARY_TABLE:
                return _conflict(relation)
        return None

    def _is_our_staging(self, place: str) -> bool:
        """Whether it is the staging schema of release 0 after its stored schema was deleted."""
        stored = self.relations.get((place, "_dlt_version"))
        return place != self.schema and stored is not None and self._is_hinted(self.schema)

    def _conflict(self, places: Iterable[str], name: str) -> str | None:
        for place in places:
            relation = self.relations.get((place, name))
            if relation is not None and not self.records.include(relation) and not self._is_recognized(relation):
                return _conflict(relation)
        return None

    def _is_recognized(self, relation: Relation) -> bool:
        """Whether a table without a record is this project's: dlt stored our schema here, and nobody else loaded it."""
        hinted = self._is_hinted(self.schema) or self._is_hinted(STAGING.format(self.schema))
        return relation.is_loaded and relation.is_readable and hinted and not self._is_loaded_by_others(relation)

    def _is_hinted(self, place: str) -> bool:
        """Whether dlt's stored schemas in a schema contain this project's hints."""
        if place not in self.hinted:
            self.hinted[place] = self._read_hints(self.relations.get((place, "_dlt_version")))
        return self.hinted[place]

    def _read_hints(self, stored: Relation | None) -> bool:
        if stored is None or stored.kind != ORDINARY_TABLE or not stored.is_readable:
            return False
        if not stored.columns >= VERSION_COLUMNS:
            return False
        query = "select exists (select from {} where schema_name = any (%s) and strpos(schema, %s) > 0)"
        return self._exists(query, [stored], (list(PIPELINES), HINTED))

    def _is_loaded_by_others(self, relation: Relation) -> bool:
        loads = self.relations.get((self.schema, "_dlt_loads"))
        if loads is None or not loads.is_readable:
            return False
        query = (
            "select exists (select from {} as load where schema_name <> all (%s)"
            " and exists (select from {} as row where row._dlt_load_id = load.load_id))"
        )
        return self._exists(query, [loads, relation], (list(PIPELINES),))

    def _exists(self, query: str, relations: Sequence[Relation], parameters: Sequence[object]) -> bool:
        names = [sql.Identifier(relation.schema, relation.name) for relation in relations]
        with self.database.cursor() as cursor:
            cursor.execute(sql.SQL(query).format(*names), parameters)
            return cursor.fetchone() == (True,)

    def _occupied(self, places: Sequence[str]) -> list[str]:
        with self.database.cursor() as cursor:
            cursor.execute(read_sql(__package__, "occupied_schemas.sql"), {"schemas": list(places)})
            found = {name for (name,) in cursor.fetchall()}
        return [place for place in places if place in found]

    def _read_relations(self, places: Sequence[str]) -> dict[tuple[str, str], Relation]:
        names = {table.name for table in TABLES} | set(DLT_TABLES)
        parameters = {"schemas": list(places), "names": list(names), "oids": [oid for _, oid in self.records.tables]}
        with self.database.cursor() as cursor:
            cursor.execute(read_sql(__package__, "relations.sql"), parameters)
            rows = [(*row, frozenset(columns)) for *row, columns in cursor.fetchall()]
        return {(relation.schema, relation.name): relation for relation in (Relation(*row) for row in rows)}


def _conflict(relation: Relation) -> str:
    kind = KINDS.get(relation.kind, "a relation")
    return f"{relation.schema}.{relation.name} is {kind} that is not this project's, so it is not loaded. {REMEDY}"


def _read_records(database: Connection) -> _Records:
    tables = _read_if_present(
        database, "replica_tables", "loading", "select table_schema, table_name, relation::bigint, loading"
    )
    storage = _read_if_present(
        database, "source_tables", "filenode", "select table_schema, table_name, filenode::bigint, state = 'loaded'"
    )
    return _Records(
        frozenset((name, oid) for _, name, oid, _ in tables if oid is not None),
        frozenset((schema, name) for schema, name, _, loading in tables if loading),
        frozenset((schema, name, node) for schema, name, node, loaded in storage if loaded and node is not None),
    )


def _read_if_present(database: Connection, table: str, column: str, select: str) -> list[tuple[str, str, int, bool]]:
    """Read a table of `coaching_sync`; nothing if it has no such column, as in a database of an earlier release."""
    with database.cursor() as cursor:
        cursor.execute(
            "select from pg_attribute join pg_class on pg_class.oid = attrelid join pg_namespace"
            " on pg_namespace.oid = relnamespace where (nspname, relname, attname) = ('coaching_sync', %s, %s)"
            " and has_schema_privilege(pg_namespace.oid, 'usage') and has_table_privilege(pg_class.oid, 'select')",
            (table, column),
        )
        if cursor.fetchone() is None:
            return []
        cursor.execute(sql.SQL(f"{select} from coaching_sync.{{}}").format(sql.Identifier(table)))
        return cursor.fetchall()
