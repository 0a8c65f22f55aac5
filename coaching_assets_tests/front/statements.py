"""What a statement in GoogleSQL reads and writes, as far as the behaviours need to know."""

from collections.abc import Iterator

import sqlglot
from sqlglot import exp

from coaching_assets_tests.front.behaviour import TableName

WRITING = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.TruncateTable, exp.Create)


def parsed(statement: str) -> list[exp.Expression]:
    """The statements of a script; none if the text is not GoogleSQL that can be parsed."""
    try:
        return [found for found in sqlglot.parse(statement, dialect="bigquery") if found is not None]
    except sqlglot.errors.SqlglotError:
        return []


def name_of(table: exp.Table, project: str) -> TableName:
    """The full name of a table in a statement."""
    return TableName(table.catalog or project, table.db, table.name)


def written(statement: str, project: str) -> Iterator[TableName]:
    """The tables that a script changes."""
    for part in parsed(statement):
        if isinstance(part, WRITING) and (table := part.find(exp.Table)) is not None:
            yield name_of(table, project)


def selects_of(statement: str, name: TableName) -> Iterator[exp.Select]:
    """The SELECTs that have a table in their FROM clause."""
    for part in parsed(statement):
        for select in part.find_all(exp.Select):
            source = select.args.get("from_") or select.args.get("from")
            if source is not None and isinstance(source.this, exp.Table) and name_of(source.this, name.project) == name:
                yield select


def conjuncts(condition: exp.Expression | None) -> Iterator[exp.Expression]:
    """The conditions that AND connects."""
    if isinstance(condition, exp.Paren):
        yield from conjuncts(condition.this)
    elif isinstance(condition, exp.And):
        yield from conjuncts(condition.left)
        yield from conjuncts(condition.right)
    elif condition is not None:
        yield condition


def columns_in(expression: exp.Expression) -> set[str]:
    """The names of the columns in an expression, in lower case."""
    return {column.name.lower() for column in expression.find_all(exp.Column)}


def condition_of(restriction: str) -> exp.Expression | None:
    """A row restriction of the Storage Read API as an expression; None if it is empty."""
    if not restriction:
        return None
    (select,) = parsed(f"SELECT 1 FROM t WHERE {restriction}")
    return select.args["where"].this
