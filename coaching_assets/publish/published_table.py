"""The data model of a published table, and of the groups of tables that are published together."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import Literal

from coaching_assets.errors import CoachingError


class InvalidTable(CoachingError):
    """A published table contradicts itself, the catalogue or its SQL; the message names table, file and remedy."""


@dataclass(frozen=True)
class Column:
    """A column of the application's table that this project writes.

    Args:
        type: the Postgres type, for Dagster's UI.
        written: "always" on insert and update; "once" on insert only; "touched" is set to now() by an update that
            changes another column.
    """

    name: str
    type: str
    description: str
    written: Literal["always", "once", "touched"] = "always"


@dataclass(frozen=True)
class Coalesce:
    """The aggregate's key is in the first column, or in the second one if the first is null."""

    first: str
    second: str


@dataclass(frozen=True)
class Via:
    """The aggregate's key is in rows of another view that refer to this source's rows.

    `{"gong_users": Via("gong_call_participant", "user_id", "call_id")}` says that a changed user makes those calls
    pending that have a participant with this `user_id`.

    Args:
        view: the view that refers to the source.
        column: its column that holds the source's `references`.
        key: its column that holds the aggregate's key.
        references: the source's column that is referred to.
    """

    view: str
    column: str
    key: str
    references: str = "id"


KeyPath = str | Coalesce | Via
"""The way from a source's row to the aggregate's key. A plain name is a column of the source."""


@dataclass(frozen=True)
class Parent:
    """A column that refers to the `id` of another published table.

    Args:
        optional: a row is published without the parent, with null in the column. Otherwise it is not published.
    """

    column: str
    table: str
    optional: bool = False


@dataclass(frozen=True)
class Check:
    """A check of a table's rows, evaluated for each batch that is written.

    Args:
        failure: the result if rows are found, with `{rows}` for their number.
        remedy: the last sentence of an alert.
        query: an SQL file in the table's folder, or one of `publish/`, that selects `aggregate_key` and `rows` for the
            batch's aggregates with such rows.
    """

    name: str
    description: str
    failure: str
    remedy: str
    query: str


@dataclass(frozen=True)
class Root:
    """The facts about an aggregate that belong to its root table.

    Args:
        noun: names one aggregate in messages, such as "call".
        plural: names several, such as "calls".
        origins: the views whose rows the aggregates are. With its last row there, an aggregate vanishes. Empty: the
            row source.
    """

    noun: str
    plural: str
    origins: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class PublishedTable:
    """One of the application's tables, described in a folder of `publish/tables/`.

    The folder holds `rows.sql`, the rows of a batch as they should be. It can hold `stale.sql` (published rows of the
    batch that should not exist), `before.sql` (run before the batch is written) and `vanished.sql` (aggregates that
    the replica no longer has); without these, publishing generates the queries.

    Args:
        package: the folder's package, `__name__` there. Its last part is the table's name.
        description: for Dagster's UI.
        aggregate: the root table of the aggregate that the rows belong to.
        root: only in the root table of an aggregate.
        columns: the columns that this project writes, except for `id`.
        sources: the views over the replica that the SQL reads, with the way to the aggregate's key. The first one is
            the row source.
        source_condition: an SQL condition on rows of the row source that become rows of this table; None: all do.
        needs: columns of the row source. A row without one of them belongs nowhere and is rejected.
        key: the primary key.
        natural_key: columns that identify a row besides its `id`; of a root, the one that holds the aggregate's key.
        metadata_keys: the keys of `metadata` that this project writes. Other keys stay.
        parents: references to tables of the same aggregate.
        waits_for: the reference to a table of another aggregate. `rows.sql` yields the parent's natural key as
            `waits_for_key`, and the row is published again once the parent is.
        label: an SQL expression that names a row in messages, with `{row}` for the row. None: the id.
    """

    package: str
    description: str
    aggregate: str
    columns: tuple[Column, ...]
    sources: Mapping[str, KeyPath | tuple[KeyPath, ...]]
    root: Root | None = None
    source_condition: str | None = None
    needs: tuple[str, ...] = ("id",)
    key: tuple[str, ...] = ("id",)
    natural_key: tuple[str, ...] = ()
    metadata_keys: tuple[str, ...] = ()
    parents: tuple[Parent, ...] = ()
    waits_for: Parent | None = None
    label: str | None = None
    checks: tuple[Check, ...] = ()

    @property
    def name(self) -> str:
        """The table's name in the application's schema."""
        return self.package.rpartition(".")[2]

    @property
    def owned(self) -> tuple[str, ...]:
        """The columns written on insert and update."""
        return tuple(column.name for column in self.columns if column.written == "always")

    @property
    def once(self) -> tuple[str, ...]:
        """The columns written on insert only."""
        return tuple(column.name for column in self.columns if column.written == "once")

    @property
    def touched(self) -> tuple[str, ...]:
        """The columns set to now() when an update changes a row."""
        return tuple(column.name for column in self.columns if column.written == "touched")

    @property
    def row_source(self) -> str:
        """The view whose rows become this table's rows."""
        return next(iter(self.sources))

    @property
    def root_parent(self) -> Parent | None:
        """The reference to the aggregate's root; None in the root itself."""
        return next((parent for parent in self.parents if parent.table == self.aggregate), None)

    @property
    def awaited(self) -> frozenset[str]:
        """The tables whose rows this table's rows wait for."""
        names = {self.waits_for.table} if self.waits_for else set()
        return frozenset(names | {self.aggregate} if self.root_parent else names)

    def paths(self, view: str) -> tuple[KeyPath, ...]:
        """Return the ways from a source's rows to the aggregate's key."""
        paths = self.sources[view]
        return paths if isinstance(paths, tuple) else (paths,)

    @cached_property
    def sql(self) -> Mapping[str, str]:
        """The texts of the folder's SQL files, by file name."""
        files = resources.files(self.package).iterdir()
        return {file.name: file.read_text(encoding="utf-8") for file in files if file.name.endswith(".sql")}


@dataclass(frozen=True, eq=False)
class Group:
    """The tables of one aggregate, in an order that their references accept; the root comes first."""

    tables: tuple[PublishedTable, ...]

    @property
    def root(self) -> PublishedTable:
        """The table that has one row per aggregate."""
        return self.tables[0]

    @property
    def facts(self) -> Root:
        """The facts about the aggregate."""
        assert self.root.root is not None
        return self.root.root

    @property
    def name(self) -> str:
        """The root table's name."""
        return self.root.name

    @property
    def key_column(self) -> str:
        """The root table's column that holds the aggregate's key."""
        return self.root.natural_key[0]

    @property
    def origins(self) -> tuple[str, ...]:
        """The views whose rows the aggregates are."""
        return self.facts.origins or (self.root.row_source,)

    @property
    def sources(self) -> tuple[str, ...]:
        """The views over the replica that the group's tables read."""
        return tuple(dict.fromkeys(source for table in self.tables for source in table.sources))

    def paths(self, view: str) -> tuple[KeyPath, ...]:
        """Return the ways from a source's rows to the aggregate's key, of all tables."""
        return tuple(dict.fromkeys(path for t in self.tables if view in t.sources for path in t.paths(view)))
