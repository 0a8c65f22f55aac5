"""Survey the source tables through BigQuery's metadata: which exist, which do not, and which cannot be loaded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

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


def survey_source(bigquery: "BigQuery", settings: Settings, tables: Sequence[SourceTable]) -> Survey:
    """Describe the tables, without a query. A table that cannot be described does not affect the others.

    A table that lacks a required column counts as failed: loading it would empty that column in the replica.
    """
    from concurrent.futures import ThreadPoolExecutor

    present: dict[SourceTable, TableDescription] = {}
    absent: list[SourceTable] = []
    failed: dict[SourceTable, str] = {}
    incomplete: dict[SourceTable, tuple[str, ...]] = {}
    with ThreadPoolExecutor(max_workers=CONCURRENT_REQUESTS) as pool:
        answers = {t: pool.submit(bigquery.describe, settings.datasets[t.source], t.name) for t in tables}
    for table, answer in answers.items():
        try:
            description = answer.result()
        except SourceError as error:
            failed[table] = str(error)
            continue
        if description is None:
            absent.append(table)
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
