"""The times at which BigQuery reads a table."""

import time
from dataclasses import dataclass

import grpc
from google.cloud.bigquery_storage_v1.types import CreateReadSessionRequest

from coaching_assets.demo.servers import BigQueryEmulator
from coaching_assets_tests.front.behaviour import Behaviour, TableName
from coaching_assets_tests.front.errors import failed
from coaching_assets_tests.front.metadata import table_resource


@dataclass
class SnapshotTimes(Behaviour):
    """No snapshot before the table's creation or in the future.

    https://cloud.google.com/bigquery/docs/time-travel and https://github.com/googleapis/google-cloud-python/pull/5714
    ("Trying to snapshot a table prior to its creation time is an error"). The documentation does not give the message.
    `clock_offset_ms` is how much later BigQuery's clock shows than this machine's.
    """

    emulator: BigQueryEmulator
    clock_offset_ms: int = 0

    def before_session(self, request: CreateReadSessionRequest) -> None:
        """Refuse a snapshot that BigQuery does not have."""
        wanted = request.read_session.table_modifiers.snapshot_time
        if not wanted:
            return
        name = TableName.of_session(request)
        at = int(wanted.timestamp() * 1000)
        now = int(time.time() * 1000) + self.clock_offset_ms
        resource = table_resource(self.emulator, name) or {}
        created = int(resource.get("creationTime", 0)) + self.clock_offset_ms
        table = f"Invalid snapshot time {at} for table {name.legacy}@{at}."
        if at < created:
            raise failed(grpc.StatusCode.INVALID_ARGUMENT, f"{table} Cannot read before {created}.")
        if at > now:
            raise failed(grpc.StatusCode.INVALID_ARGUMENT, f"{table} Cannot read in the future.")
