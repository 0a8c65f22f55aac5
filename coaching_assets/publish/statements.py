"""The SQL that publishing runs for one table, made from the table's data and its SQL files."""

from functools import cache

from psycopg2 import sql

from coaching_assets.postgres.sql_files import read_sql
from coaching_assets.publish.published_table import Group, PublishedTable

name = sql.Identifier


@cache
def template(file: str) -> sql.SQL:
    """Return a statement of `templates/`, with names in braces to fill in."""
    return sql.SQL(read_sql(f"{__package__}.templates", file))


def wanted_rows(table: PublishedTable) -> sql.Identifier:
    """Return the temporary table of the batch's rows as they should be."""
    return name(f"wanted_{table.name}")


def stale_rows(table: PublishedTable) -> sql.Identifier:
    """Return the temporary table of the batch's published rows that should not exist."""
    return name(f"stale_{table.name}")


def changed_rows(table: PublishedTable) -> sql.Composed:
    """Return the `from` clause of the batch's rows that an update would write."""
    conditions = list(differences(table).values())
    return sql.SQL("from {} as wanted join {} as row on {} where {} and ({})").format(
        wanted_rows(table),
        name(table.name),
        same_key(table, "row", "wanted"),
        publishable(table),
        sql.SQL(" or ").join(conditions) if conditions else sql.SQL("false"),
    )


def missing_rows(table: PublishedTable) -> sql.Composed:
    """Return the `from` clause of the batch's rows that an insert would write."""
    return sql.SQL("from {} as wanted where {} and not exists (select from {} as row where {})").format(
        wanted_rows(table), publishable(table), name(table.name), same_key(table, "row", "wanted")
    )


def same_key(table: PublishedTable, left: str, right: str) -> sql.Composed:
    """Return the condition that two rows, by their aliases, have the same primary key."""
    return sql.SQL(" and ").join([sql.SQL("{} = {}").format(name(left, k), name(right, k)) for k in table.key])


def root_key(group: Group, table: PublishedTable) -> sql.Identifier:
    """Return the key of the aggregate of a `row`, which is joined with its `root`."""
    return name("row" if table is group.root else "root", group.key_column)


def join_root(group: Group, table: PublishedTable) -> sql.Composable:
    """Return the join of a part's `row` with the `root` of its aggregate; nothing for the root itself."""
    if table.root_parent is None:
        return sql.SQL("")
    return sql.SQL("join {} as root on root.id = {}").format(name(group.name), name("row", table.root_parent.column))


def publishable(table: PublishedTable) -> sql.Composed:
    """Return the condition that the row `wanted` belongs in the application's table."""
    present = [sql.SQL("{} is not null").format(name("wanted", column)) for column in table.key]
    return sql.SQL(" and ").join([*present, sql.SQL("not wanted.deleted and wanted.rejection is null")])


def differences(table: PublishedTable) -> dict[str, sql.Composed]:
    """Return, for each column that an update can write, the condition that `row` and `wanted` differ in it."""
    return {
        column: sql.SQL("{} is distinct from {}").format(name("row", column), _new_value(table, column))
        for column in table.owned
        if column not in table.key
    }


def update_query(table: PublishedTable, wanted: sql.Composable | None = None) -> sql.Composed | None:
    """Return the statement that updates the rows that differ; None if the table has only its key.

    Args:
        wanted: the rows as they should be; None: all of the batch's.
    """
    differs = differences(table)
    if not differs:
        return None
    columns = sorted(differs)
    assignments = [sql.SQL("{} = {}").format(name(column), _new_value(table, column)) for column in columns]
    assignments += [sql.SQL("{} = now()").format(name(column)) for column in sorted(table.touched)]
    return template("update.sql").format(
        table=name(table.name),
        assignments=sql.SQL(", ").join(assignments),
        wanted=wanted or wanted_rows(table),
        same_key=same_key(table, "row", "wanted"),
        publishable=publishable(table),
        differs=sql.SQL(" or ").join([differs[column] for column in columns]),
    )


def insert_query(table: PublishedTable, wanted: sql.Composable | None = None) -> sql.Composed:
    """Return the statement that inserts the rows that are missing; see `update_query`."""
    columns = sorted({*table.key, *table.owned, *table.once})
    return template("insert.sql").format(
        table=name(table.name),
        columns=sql.SQL(", ").join(map(name, columns)),
        values=sql.SQL(", ").join(name("wanted", column) for column in columns),
        wanted=wanted or wanted_rows(table),
        publishable=publishable(table),
        same_key=same_key(table, "row", "wanted"),
    )


def mark_kept_query(table: PublishedTable, stale: sql.Composable | None = None) -> sql.Composed | None:
    """Return the statement that marks stale rows that stay; None if the table has no place for the mark."""
    if "source_deleted_at" not in table.metadata_keys:
        return None
    return template("mark_kept.sql").format(
        table=name(table.name), stale=stale or stale_rows(table), wanted=wanted_rows(table)
    )


def stale_query(group: Group, table: PublishedTable) -> sql.Composable:
    """Return the query of the batch's published rows that should not exist: the folder's own, or a generated one."""
    if "stale.sql" in table.sql:
        return sql.SQL(table.sql["stale.sql"])
    parent = table.root_parent
    if parent is None:
        return template("stale_root.sql").format(
            table=name(table.name),
            table_name=sql.Literal(table.name),
            wanted=wanted_rows(table),
            key_column=name(group.key_column),
        )
    return template("stale_part.sql").format(
        table=name(table.name),
        wanted=wanted_rows(table),
        wanted_root=wanted_rows(group.root),
        parent_column=name(parent.column),
    )


def vanished_query(group: Group) -> sql.Composable:
    """Return the query of the published aggregates that the replica no longer has."""
    if "vanished.sql" in group.root.sql:
        return sql.SQL(group.root.sql["vanished.sql"])
    return template("vanished.sql").format(
        table=name(group.name),
        key_column=name(group.key_column),
        origins=sql.Literal(list(group.origins)),
        exists=_exists_in_origin(group, name("row", group.key_column)),
    )


def waiting_queries(group: Group, table: PublishedTable) -> list[sql.Composed]:
    """Return the queries of the batch's rows that wait for a parent: for the root, and for another aggregate."""
    queries: list[sql.Composed] = []
    if table.root_parent is not None:
        view, key = table.row_source, key_column(table, table.row_source)
        queries.append(
            template("waiting_for_root.sql").format(
                view=name(view),
                key=name(key),
                root_name=sql.Literal(group.name),
                condition=sql.SQL(table.source_condition or "true"),
                exists=_exists_in_origin(group, name(view, key)),
            )
        )
    if table.waits_for is not None:
        queries.append(
            template("waiting_for_parent.sql").format(
                wanted=wanted_rows(table),
                parent_name=sql.Literal(table.waits_for.table),
                column=name(table.waits_for.column),
            )
        )
    return queries


def release_queries(
    group: Group, child_group: Group, child: PublishedTable, stale: sql.Composable | None = None
) -> list[sql.Composed]:
    """Return the statements that prepare rows of another aggregate for the deletion of the group's stale roots."""
    reference = child.waits_for
    assert reference is not None
    parts: dict[str, sql.Composable] = {
        "stale": stale or stale_rows(group.root),
        "parent": name(group.name),
        "parent_name": sql.Literal(group.name),
        "parent_key": name(group.key_column),
        "child": name(child.name),
        "child_name": sql.Literal(child.name),
        "column": name(reference.column),
        "root": name(child_group.name),
        "root_key": name(child_group.key_column),
        "to_root": name(child.root_parent.column if child.root_parent else "id"),
    }
    files = ["release_children.sql", *(["detach_children.sql"] if reference.optional else [])]
    return [template(file).format(**parts) for file in files]


def key_column(table: PublishedTable, view: str) -> str:
    """Return the column of a view that holds the aggregate's key.

    Raises:
        AssertionError: the view has no such column; the validation excludes that for row sources and origins.
    """
    (path,) = table.paths(view)
    assert isinstance(path, str)
    return path


def _exists_in_origin(group: Group, key: sql.Composable) -> sql.Composed:
    return sql.SQL(" or ").join(
        [
            sql.SQL("exists (select from {} as origin where {} = {})").format(
                name(view), name("origin", key_column(group.root, view)), key
            )
            for view in group.origins
        ]
    )


def _new_value(table: PublishedTable, column: str) -> sql.Composable:
    """Return the value that a column should have; of `metadata`, this project's keys and all others that it has."""
    if column != "metadata":
        return name("wanted", column)
    return sql.SQL(
        "(case when jsonb_typeof(row.metadata) = 'object' then row.metadata else '{{}}' end - {}::text[])"
        " || wanted.metadata"
    ).format(sql.Literal(sorted(table.metadata_keys)))
