"""Row access policies: whether BigQuery hides rows of a table from the account.

BigQuery then returns fewer rows, without an error: https://cloud.google.com/bigquery/docs/row-level-security-intro
"""

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from coaching_assets.bigquery.errors import AccessDenied, SourceError, Unavailable
from coaching_assets.bigquery.identifiers import quoted, quoted_path
from coaching_assets.bigquery.request_settings import REQUEST_SECONDS
from coaching_assets.bigquery.row_filters import rows_of
from coaching_assets.bigquery.tables import TableDescription

if TYPE_CHECKING:
    from coaching_assets.bigquery.client import BigQuery

VIEWS = frozenset({"VIEW", "MATERIALIZED_VIEW"})
LIST = "bigquery.rowAccessPolicies.list"


def hidden_rows(bigquery: "BigQuery", table: TableDescription) -> str | None:
    """Why rows of the table may be hidden from the account, and what to grant; None if it sees all rows.

    If the table has policies, or if the account may not list them, this function counts the rows that the account
    sees. For a view, the tables that it reads decide.

    Raises:
        SourceError: BigQuery does not answer.
    """
    if table.kind in VIEWS:
        return _hidden_below(bigquery, table)
    policies = row_access_policies(bigquery, table)
    if policies == ():
        return None
    counts = _counts(bigquery, table) if table.is_stored else None
    if counts is not None and counts[0] == counts[1]:
        return None
    if policies is None and counts is None:
        return unknown(str(table))
    rows = "rows" if counts is None else f"{counts[1] - counts[0]:,} of {counts[1]:,} rows"
    names = f" ({', '.join(policies)})" if policies else ""
    return f"Row access policies{names} hide {rows} of {table} from the account. {grant_all_rows(table)}"


def grant_all_rows(table: TableDescription) -> str:
    """The statement that lets the account see every row.

    https://cloud.google.com/bigquery/docs/using-row-level-security-with-features#the_true_filter
    """
    return (
        f"Let it see all rows: CREATE ROW ACCESS POLICY coaching_all_rows ON {quoted_path(table)}"
        " GRANT TO ('serviceAccount:…') FILTER USING (TRUE)."
    )


def unknown(name: str) -> str:
    """The reason if the account may not see whether a table has policies."""
    return (
        f"Row access policies may hide rows of {name}; the account may not list them. Grant it {LIST}, which BigQuery"
        " Data Owner includes, on the table."
    )


def row_access_policies(bigquery: "BigQuery", table: TableDescription) -> tuple[str, ...] | None:
    """The ids of the table's policies, at most one page of them; None if the account may not list them.

    https://cloud.google.com/bigquery/docs/reference/rest/v2/rowAccessPolicies/list

    Raises:
        Unavailable: BigQuery does not answer.
    """
    project, dataset, name = (quote(part, safe="") for part in (table.project, table.dataset, table.table))
    path = f"/projects/{project}/datasets/{dataset}/tables/{name}/rowAccessPolicies"
    try:
        with bigquery.translated_errors(table.dataset, table.table):
            answer: dict[str, Any] = bigquery.rest._call_api(
                bigquery.retry, method="GET", path=path, timeout=REQUEST_SECONDS
            )
    except Unavailable:
        raise
    except SourceError:
        return None
    return tuple(str(policy["rowAccessPolicyReference"]["policyId"]) for policy in answer.get("rowAccessPolicies", ()))


def _hidden_below(bigquery: "BigQuery", view: TableDescription) -> str | None:
    """The same for a view: rows of a table that it reads may be hidden."""
    columns = ", ".join(map(quoted, view.columns))
    job = bigquery.dry_run(view, f"SELECT {columns} FROM {quoted_path(view)}")
    for reference in job.referenced_tables:
        try:
            below = bigquery.describe(reference.dataset_id, reference.table_id, reference.project)
        except AccessDenied:
            below = None
        if below is None:
            return unknown(f"{reference.project}.{reference.dataset_id}.{reference.table_id}, which {view} reads")
        if below.kind not in VIEWS and (reason := hidden_rows(bigquery, below)) is not None:
            return reason
    return None


def _counts(bigquery: "BigQuery", table: TableDescription) -> tuple[int, int] | None:
    """The rows that the account sees, and those that the table has; None if the table changes meanwhile.

    BigQuery's own count leaves out rows in the streaming buffer:
    https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#Table (`numRows`)
    """
    before = bigquery.describe(table.dataset, table.table, table.project)
    result = bigquery.query(table, f"SELECT COUNT(*) FROM {rows_of(table)}")
    with bigquery.translated_errors(table.dataset, table.table):
        ((seen,),) = result.rows()
    after = bigquery.describe(table.dataset, table.table, table.project)
    stable = before is not None and after is not None and before.modified == after.modified
    if not stable or after is None or after.streaming or after.row_count is None:
        return None
    return int(seen), after.row_count
