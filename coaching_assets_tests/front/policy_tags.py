"""Columns that a policy tag protects."""

from dataclasses import dataclass
from typing import Any

import grpc
from google.cloud.bigquery_storage_v1.types import CreateReadSessionRequest
from sqlglot import exp

from coaching_assets_tests.front.behaviour import Behaviour, Request, TableName
from coaching_assets_tests.front.errors import access_denied, failed
from coaching_assets_tests.front.statements import columns_in, condition_of, selects_of

TAG = "projects/p/locations/eu/taxonomies/1/policyTags/2"


@dataclass
class PolicyTag(Behaviour):
    """Columns with a policy tag, which the account may read only if it has the role Fine-Grained Reader.

    https://cloud.google.com/bigquery/docs/column-level-security-intro#queries . A query of other columns works. The
    message is that of BigQuery, which differs from the documented one.
    """

    dataset: str
    table: str
    columns: tuple[str, ...]
    granted: bool = False
    taxonomy: str = "Personal data : Name"

    def after_request(self, request: Request, answer: dict[str, Any]) -> None:
        """Show the tag in the table's schema: https://cloud.google.com/bigquery/docs/column-level-security ."""
        if request.method == "GET" and request.below_table == "" and self._is_it(request.table):
            for column in answer.get("schema", {}).get("fields", ()):
                if column["name"] in self.columns:
                    column["policyTags"] = {"names": [TAG]}

    def before_request(self, request: Request) -> None:
        """Refuse a query of the columns, by name or by `*`."""
        if (statement := request.statement) is None:
            return
        name = TableName(request.project, self.dataset, self.table)
        for select in selects_of(statement, name):
            everything = any(isinstance(found, exp.Star) for found in select.expressions)
            self._check(set(self.columns) if everything else columns_in(select), name, session=False)

    def before_session(self, request: CreateReadSessionRequest) -> None:
        """Refuse a session with the columns; without a selection, it has all."""
        name = TableName.of_session(request)
        if self._is_it(name):
            options = request.read_session.read_options
            wanted = set(options.selected_fields) or set(self.columns)
            condition = condition_of(options.row_restriction)
            self._check(wanted | (columns_in(condition) if condition is not None else set()), name, session=True)

    def _check(self, wanted: set[str], name: TableName, *, session: bool) -> None:
        denied = [column for column in self.columns if column.lower() in {found.lower() for found in wanted}]
        if not denied or self.granted:
            return
        listed = ", ".join(f"{name}.{column}" for column in denied)
        message = (
            "BigQuery BigQuery: User has neither fine-grained reader nor masked get permission to get data protected"
            f' by policy tag "{self.taxonomy}" on column{"s" if len(denied) > 1 else ""} {listed}.'
        )
        if session:
            raise failed(grpc.StatusCode.PERMISSION_DENIED, f"Access Denied: {message}")
        raise access_denied(message)

    def _is_it(self, name: TableName | None) -> bool:
        return name is not None and name[1:] == (self.dataset, self.table)
