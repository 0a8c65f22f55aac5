"""The kinds of tables: which the Storage Read API reads, and what the metadata says of those the emulator lacks."""

from dataclasses import dataclass, field
from typing import Any

import grpc
from google.cloud.bigquery_storage_v1.types import CreateReadSessionRequest

from coaching_assets.demo.servers import BigQueryEmulator
from coaching_assets_tests.front.behaviour import Behaviour, Request, TableName
from coaching_assets_tests.front.errors import ReadError, failed
from coaching_assets_tests.front.metadata import table_resource

NOT_STORED = frozenset({"VIEW", "MATERIALIZED_VIEW", "EXTERNAL"})


def not_a_table() -> ReadError:
    """The answer to a session for a view: https://cloud.google.com/bigquery/docs/reference/storage#limitations ."""
    return failed(grpc.StatusCode.INVALID_ARGUMENT, "non-table entities cannot be read with the storage API")


@dataclass
class StoredTablesOnly(Behaviour):
    """No read session for a view, a materialized view or an external table.

    https://cloud.google.com/bigquery/docs/reference/storage#limitations
    """

    emulator: BigQueryEmulator

    def before_session(self, request: CreateReadSessionRequest) -> None:
        """Refuse a table without storage of its own."""
        resource = table_resource(self.emulator, TableName.of_session(request))
        if resource is not None and resource.get("type") in NOT_STORED:
            raise not_a_table()


@dataclass
class Disguise(Behaviour):
    """A table of the emulator with the metadata of another kind of table.

    `resource` takes the place of members of the table's resource, or removes those that it maps to None:
    https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#Table
    """

    dataset: str
    table: str
    resource: dict[str, Any] = field(default_factory=dict)

    def after_request(self, request: Request, answer: dict[str, Any]) -> None:
        """Change the table's resource."""
        if request.method == "GET" and request.below_table == "" and self._is_it(request.table):
            for name, value in self.resource.items():
                answer.pop(name, None) if value is None else answer.update({name: value})

    def before_session(self, request: CreateReadSessionRequest) -> None:
        """Refuse a table without storage of its own."""
        if self._is_it(TableName.of_session(request)) and self.resource.get("type") in NOT_STORED:
            raise not_a_table()

    def _is_it(self, name: TableName | None) -> bool:
        return name is not None and name[1:] == (self.dataset, self.table)


def external(dataset: str, table: str, **options: Any) -> Disguise:
    """An external table over Parquet files. BigQuery does not count its rows.

    https://cloud.google.com/bigquery/docs/external-data-sources
    """
    configuration = {"sourceFormat": "PARQUET", "sourceUris": ["gs://bucket/*.parquet"], **options}
    zero = dict.fromkeys(("numRows", "numBytes", "numTotalLogicalBytes"), "0")
    return Disguise(dataset, table, {"type": "EXTERNAL", "externalDataConfiguration": configuration, **zero})


def clone_of(dataset: str, table: str, base: TableName, at: str) -> Disguise:
    """A table clone, whose type is TABLE: https://cloud.google.com/bigquery/docs/table-clones-intro ."""
    reference = {"projectId": base.project, "datasetId": base.dataset, "tableId": base.table}
    return Disguise(dataset, table, {"cloneDefinition": {"baseTableReference": reference, "cloneTime": at}})


def snapshot_of(dataset: str, table: str, base: TableName, at: str) -> Disguise:
    """A table snapshot: https://cloud.google.com/bigquery/docs/table-snapshots-intro ."""
    reference = {"projectId": base.project, "datasetId": base.dataset, "tableId": base.table}
    definition = {"baseTableReference": reference, "snapshotTime": at}
    return Disguise(dataset, table, {"type": "SNAPSHOT", "snapshotDefinition": definition})
