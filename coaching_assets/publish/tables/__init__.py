"""The published tables: each subpackage is one table, described by its `TABLE` and its SQL files."""

import pkgutil
from collections.abc import Iterable
from importlib import import_module

from coaching_assets.publish.ordering import in_groups
from coaching_assets.publish.published_table import Group, PublishedTable
from coaching_assets.publish.validation import validate

GROUPS: tuple[Group, ...] = in_groups(
    [import_module(f"{__name__}.{module.name}").TABLE for module in pkgutil.iter_modules(__path__)]
)
"""The aggregates; those that others wait for come first."""

TABLES: tuple[PublishedTable, ...] = tuple(table for group in GROUPS for table in group.tables)
"""The published tables in the order of writing: parents before the tables that refer to them."""

validate(GROUPS)


def group_of(name: str) -> Group:
    """Return the group that a published table belongs to.

    Raises:
        StopIteration: there is no such published table.
    """
    return next(group for group in GROUPS if any(table.name == name for table in group.tables))


def reached_from(views: Iterable[str]) -> tuple[PublishedTable, ...]:
    """Return the published tables that can change if these views change: their readers, and the rows waiting for those.

    Args:
        views: names such as `gong_call`.
    """
    changed = frozenset(views)
    reached = {table.name for table in TABLES if changed.intersection(table.sources)}
    return tuple(table for table in TABLES if table.name in reached or reached.intersection(table.awaited))
