"""Lets a plan of one group see the other groups' root tables as publishing would leave them."""

from dataclasses import dataclass

from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor

from coaching_assets.publish.published_table import Group, PublishedTable
from coaching_assets.publish.statements import stale_rows, template, wanted_rows
from coaching_assets.publish.tables import TABLES

name = sql.Identifier


@dataclass
class PlannedParent:
    """A group whose root other groups wait for, and the temporary tables of its planned deletions and insertions."""

    cursor: Cursor
    group: Group
    schema: str

    def __post_init__(self) -> None:
        """Create the temporary tables."""
        self.gone, self.coming = name(f"gone_{self.group.name}"), name(f"coming_{self.group.name}")
        self.cursor.execute(sql.SQL("create temp table {} (id uuid primary key)").format(self.gone))
        self.cursor.execute(sql.SQL("create temp table {} (id uuid primary key, key varchar)").format(self.coming))

    def add_batch(self) -> None:
        """Add the deletions and insertions of a computed batch."""
        root = self.group.root
        self.cursor.execute(template("plan_gone.sql").format(gone=self.gone, stale=stale_rows(root)))
        self.cursor.execute(
            template("plan_coming.sql").format(
                coming=self.coming,
                key_column=name(self.group.key_column),
                wanted=wanted_rows(root),
                table=name(root.name),
            )
        )

    def show(self) -> None:
        """Put views with the planned rows in front of the root table and of the tables that wait for it."""
        for table in (self.gone, self.coming):
            self.cursor.execute(sql.SQL("analyze {}").format(table))
        self._replace_view(self.group.name)
        self.cursor.execute(
            template("plan_parent.sql").format(
                table=name(self.group.name),
                schema=name(self.schema),
                key_column=name(self.group.key_column),
                gone=self.gone,
                coming=self.coming,
            )
        )
        for child in _waiting_for(self.group):
            self._show_child(child)

    def _show_child(self, child: PublishedTable) -> None:
        reference = child.waits_for
        assert reference is not None
        columns = [column for column in dict.fromkeys([*child.key, *child.owned]) if column != reference.column]
        self._replace_view(child.name)
        self.cursor.execute(
            template("plan_detached.sql" if reference.optional else "plan_cascaded.sql").format(
                table=name(child.name),
                schema=name(self.schema),
                columns=sql.SQL(", ").join(map(name, columns)),
                column=name(reference.column),
                gone=self.gone,
            )
        )

    def _replace_view(self, table: str) -> None:
        self.cursor.execute(sql.SQL("drop view if exists pg_temp.{}").format(name(table)))


def planned_parent(cursor: Cursor, group: Group, schema: str) -> PlannedParent | None:
    """Prepare a group's planned rows for other groups; None if no other group waits for it."""
    return PlannedParent(cursor, group, schema) if _waiting_for(group) else None


def _waiting_for(group: Group) -> list[PublishedTable]:
    return [table for table in TABLES if table.waits_for is not None and table.waits_for.table == group.name]
