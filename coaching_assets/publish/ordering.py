"""The order of the published tables, derived from their references."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from coaching_assets.publish.published_table import Group, InvalidTable, PublishedTable

WANTED = re.compile(r"\bwanted_([a-z_]+)")
"""A table's SQL reads the wanted rows of another table of the group by this name."""

Item = TypeVar("Item")


def in_groups(tables: Iterable[PublishedTable]) -> tuple[Group, ...]:
    """Sort tables into groups by aggregate, parents first.

    Raises:
        InvalidTable: an aggregate has no root, or tables refer to one another in a circle.
    """
    by_name = {table.name: table for table in sorted(tables, key=_preference)}
    members: dict[str, dict[str, PublishedTable]] = {name: {} for name in by_name if by_name[name].aggregate == name}
    for table in by_name.values():
        if table.aggregate not in members:
            raise InvalidTable(
                f"{table.package}: aggregate={table.aggregate!r} is not the root of an aggregate. Name a published"
                " table whose own aggregate it is, or add that table to publish/tables/."
            )
        members[table.aggregate][table.name] = table

    def aggregates_awaited(group: Group) -> list[str]:
        awaited = (table.waits_for.table for table in group.tables if table.waits_for)
        return [by_name[name].aggregate for name in awaited if name in by_name]

    groups = {
        root: Group(_sorted(group, lambda table: [parent.table for parent in table.parents]))
        for root, group in members.items()
    }
    return _sorted(groups, aggregates_awaited)


def in_order_of_computation(group: Group) -> tuple[PublishedTable, ...]:
    """Return a group's tables in the order in which their rows can be computed: by the wanted rows that each reads."""
    return _sorted({t.name: t for t in group.tables}, lambda t: WANTED.findall(t.sql["rows.sql"]))


def _preference(table: PublishedTable) -> tuple[bool, str]:
    """Tables that wait for another aggregate come last, else the name decides."""
    return table.waits_for is not None, table.name


def _sorted(items: Mapping[str, Item], needs: Callable[[Item], Sequence[str]]) -> tuple[Item, ...]:
    """Sort topologically, and by the given order where that leaves a choice."""
    rest, done = dict(items), list[str]()
    while rest:
        ready = next((n for n, item in rest.items() if not ({*needs(item)} - {n}) & rest.keys()), None)
        if ready is None:
            raise InvalidTable(
                f"The published tables {', '.join(sorted(rest))} need one another in a circle. Remove a reference."
            )
        done.append(ready)
        del rest[ready]
    return tuple(items[name] for name in done)
