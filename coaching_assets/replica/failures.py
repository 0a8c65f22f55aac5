"""Find the tables that failed to load, and explain the failures."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from coaching_assets.bigquery.errors import SourceError
from coaching_assets.catalogue import SourceTable
from coaching_assets.postgres import errors as postgres_errors


def run_together(
    run: Callable[[], Iterable[Any]], extractions: Iterable[SourceTable], failed: Mapping[str, Exception]
) -> tuple[list[Any], dict[SourceTable, Exception]]:
    """Run all tables in one load, and find the error of each table that was left out.

    Args:
        run: runs a `TolerantPipeline`.
        extractions: the tables of the load.
        failed: the pipeline's errors by table name, which the run adds to.

    Returns:
        The results of the run, and the errors. An error that names no table is the error of all remaining ones.

    Raises:
        Exception: an error that concerns the server, not one table.
    """
    results: list[Any] = []
    other: Exception | None = None
    try:
        results = list(run())
    except Exception as error:
        if concerns_every_table(error):
            raise
        other = error
    errors = {table: failed.get(table.name, other) for table in extractions}
    return results, {table: error for table, error in errors.items() if error is not None}


def concerns_every_table(error: BaseException) -> bool:
    """Return whether an error of Postgres concerns the server or the connection, and not one table."""
    rule = postgres_errors.error_rule_for(error)
    if rule is None or (is_locked(error) and table_at_fault(error) is not None):
        return False
    return rule.transient or rule.server_wide


def is_locked(error: BaseException) -> bool:
    """Return whether a statement waited in vain for a lock of another transaction."""
    return any(map(postgres_errors.concerns_lock, postgres_errors.chain(error)))


def explain(error: BaseException) -> str:
    """Describe an error in one sentence: the source's, Postgres's, else the type and message of its first cause."""
    chain = list(postgres_errors.chain(error))
    for link in chain:
        if isinstance(link, SourceError):
            return (str(link).strip().splitlines() or [""])[0]
    if (sentence := postgres_errors.explain(error)) is not None:
        return sentence
    return f"{type(chain[-1]).__name__}: {(str(chain[-1]).strip().splitlines() or [''])[0]}"


def table_at_fault(error: BaseException) -> str | None:
    """Find the table that a dlt error names, usually by its job."""
    for link in postgres_errors.chain(error):
        job = getattr(link, "job_id", None)
        if job:
            return str(job).split(".", maxsplit=1)[0]
        table = getattr(link, "root_table_name", None)
        if table:
            return str(table)
    return None
