"""Row access policies. The emulator applies them to queries and read sessions; it does not guard the list of them."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coaching_assets_tests.front.behaviour import Behaviour, Request
from coaching_assets_tests.front.errors import access_denied

if TYPE_CHECKING:
    from coaching_assets_tests.front.server import Front


@dataclass
class RowPolicies(Behaviour):
    """The list of a table's row access policies, as BigQuery returns it: without the grantees.

    https://cloud.google.com/bigquery/docs/reference/rest/v2/rowAccessPolicies/list needs the permission
    bigquery.rowAccessPolicies.list. `may_list` says whether the account has it.
    """

    may_list: bool = True

    def before_request(self, request: Request) -> None:
        """Refuse the list to an account that lacks the permission."""
        if request.method == "GET" and request.below_table == "/rowAccessPolicies" and not self.may_list:
            assert request.table is not None
            table = request.table.legacy
            raise access_denied(
                f"Table {table}: Permission bigquery.rowAccessPolicies.list denied on table {table} (or it may not"
                " exist)."
            )

    def after_request(self, request: Request, answer: dict[str, Any]) -> None:
        """Leave out the grantees, which are input only."""
        if request.below_table == "/rowAccessPolicies":
            for policy in answer.get("rowAccessPolicies", ()):
                policy.pop("grantees", None)


def create_policy(front: "Front", project: str, table: str, name: str, condition: str, grantees: list[str]) -> None:
    """Create a policy on `dataset.table`: https://cloud.google.com/bigquery/docs/reference/rest/v2/rowAccessPolicies"""
    dataset, _, table_id = table.partition(".")
    path = f"/bigquery/v2/projects/{project}/datasets/{dataset}/tables/{table_id}/rowAccessPolicies"
    body = {"rowAccessPolicyReference": {"policyId": name}, "filterPredicate": condition, "grantees": grantees}
    answer = front.handle(Request("POST", path, {"Content-Type": "application/json"}, json.dumps(body).encode()))
    assert answer.status == 200, answer.content
