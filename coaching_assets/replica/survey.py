"""Survey the source tables through BigQuery's metadata: which exist, which do not, and which cannot be loaded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coaching_assets.bigquery.column_access import GRANT_COLUMNS
from coaching_assets.bigquery.errors import SourceError
from coaching_assets.bigquery.tables import TableDescription
from coaching_assets.catalogue import SourceTable
from coaching_assets.replica.schema_drift import missing_required
from coaching_assets.settings import Settings

if TYPE_CHECKING:
    from coaching_assets.bigquery.client import BigQuery

CONCURRENT_REQUESTS = 8
"""Concurrent requests to BigQuery for metadata or read sessions."""


@dataclass(frozen=True)
class Survey:
    """The source tables by state. `failed` maps a table to the reason.

    `incomplete` maps those of the failed tables that lack required columns to these columns.
    """

    present: Mapping[SourceTable, TableDescription]
    absent: tuple[SourceTable, ...]
    failed: Mapping[SourceTable, str]
    incomplete: Mapping[SourceTable, tuple[str, ...]]


def survey_source(
    bigquery: "BigQuery", settings: Settings, tables: Sequence[SourceTable], *, to_read: bool = False
) -> Survey:
    """Describe the tables, without a query. A table that cannot be described does not affect the others.

    A table that lacks a required column counts as failed: loading it would empty that column in the replica.

    Args:
        bigquery: the source.
        settings: its datasets.
        tables: the tables to describe.
        to_read: whether their rows are read next, so that columns that the account may not read are left out.
    """
    from concurrent.futures import ThreadPoolExecutor

    present: dict[SourceTable, TableDescription] = {}
    absent: list[SourceTable] = []
    failed: dict[SourceTable, str] = {}
    incomplete: dict[SourceTable, tuple[str, ...]] = {}
    with ThreadPoolExecutor(max_workers=CONCURRENT_REQUESTS) as pool:
        answers = {t: pool.submit(_described, bigquery, settings, t, to_read) for t in tables}
    for table, answer in answers.items():
        try:
            description = answer.result()
        except SourceError as error:
            failed[table] = str(error)
            continue
        if description is None:
            absent.append(table)
        elif denied := denied_and_needed(table, description):
            failed[table] = (
                f"Policy tags keep {', '.join(denied)} of {description.dataset}.{description.table} from the account,"
                f" without which the table cannot be published. {GRANT_COLUMNS}"
            )
        elif not description.fields:
            failed[table] = f"{description.dataset}.{description.table} has no columns. Is Fivetran still creating it?"
        elif missing := missing_required(table, description):
            incomplete[table] = missing
            failed[table] = (
                f"{description.dataset}.{description.table} has no column {', '.join(missing)}, without which it cannot"
                " be published. It is loaded again once Fivetran delivers it."
            )
        else:
            present[table] = description
    return Survey(present, tuple(absent), failed, incomplete)


def denied_and_needed(table: SourceTable, description: TableDescription) -> tuple[str, ...]:
    """The columns that the account may not read and without which the table is of no use."""
    needed = {*table.key_for(frozenset((*description.columns, *description.denied)))}
    needed |= {column.name for column in table.columns if column.required}
    if description.filter_on is not None:
        needed.add(description.filter_on.name)
    return tuple(name for name in description.denied if name in needed or name.lower() in needed)


def _described(bigquery: "BigQuery", settings: Settings, table: SourceTable, to_read: bool) -> TableDescription | None:
    description = bigquery.describe(settings.datasets[table.source], table.name)
    return bigquery.readable(description) if description is not None and to_read else description
