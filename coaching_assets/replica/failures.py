"""Isolate tables that fail to load, and explain the failures."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from coaching_assets.bigquery.errors import SourceError
from coaching_assets.catalogue import SourceTable
from coaching_assets.postgres import errors as postgres_errors
from coaching_assets.replica.extraction import Extraction


def run_apart(
    run: Callable[[Mapping[SourceTable, Extraction]], Iterator[Any]], extractions: Mapping[SourceTable, Extraction]
) -> tuple[list[Any], dict[SourceTable, Exception]]:
    """Run all tables in one load. If a table fails, run the others again without it.

    An error that concerns the server, not one table, is raised.

    Returns:
        The results of the successful run, and the error of each table that was left out. An error that names no table
        leaves out all remaining ones.
    """
    remaining = dict(extractions)
    failed: dict[SourceTable, Exception] = {}
    while remaining:
        try:
            return list(run(remaining)), failed
        except Exception as error:
            rule = postgres_errors.error_rule_for(error)
            if rule is not None and (rule.transient or rule.server_wide):
                raise
            culprits = [table for table in remaining if table.name == _table_at_fault(error)] or list(remaining)
            for table in culprits:
                failed[table] = error
                del remaining[table]
    return [], failed


def explain(error: BaseException) -> str:
    """Describe an error in one sentence: the source's, Postgres's, else the type and message of its first cause."""
    chain = list(postgres_errors.chain(error))
    for link in chain:
        if isinstance(link, SourceError):
            return (str(link).strip().splitlines() or [""])[0]
    if (sentence := postgres_errors.explain(error)) is not None:
        return sentence
    return f"{type(chain[-1]).__name__}: {(str(chain[-1]).strip().splitlines() or [''])[0]}"


def _table_at_fault(error: BaseException) -> str | None:
    """Find the table that a dlt error names: its resource while extracting, its job while loading."""
    for link in postgres_errors.chain(error):
        pipe = getattr(link, "pipe_name", None)
        if pipe:
            return str(pipe)
        job = getattr(link, "job_id", None)
        if job:
            return str(job).split(".", maxsplit=1)[0]
        table = getattr(link, "table_name", None)
        if table:
            return str(table)
    return None
