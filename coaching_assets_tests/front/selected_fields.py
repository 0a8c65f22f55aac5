"""Read sessions with columns that the table does not have."""

from dataclasses import dataclass

import grpc
from google.cloud.bigquery_storage_v1.types import CreateReadSessionRequest

from coaching_assets.demo.servers import BigQueryEmulator
from coaching_assets_tests.front.behaviour import Behaviour, TableName
from coaching_assets_tests.front.errors import failed
from coaching_assets_tests.front.metadata import table_resource


@dataclass
class SelectedFields(Behaviour):
    """No read session with unknown columns; the emulator answers NOT_FOUND, as if there were no table.

    The message: https://github.com/googleapis/nodejs-bigquery-storage, system-test.
    """

    emulator: BigQueryEmulator

    def before_session(self, request: CreateReadSessionRequest) -> None:
        """Refuse unknown columns."""
        resource = table_resource(self.emulator, TableName.of_session(request))
        if resource is None:
            return
        known = {field["name"].lower() for field in resource.get("schema", {}).get("fields", ())}
        missing = [name for name in request.read_session.read_options.selected_fields if name.lower() not in known]
        if missing:
            fields = ", ".join(missing)
            message = f"The following selected fields do not exist in the table schema: {fields}"
            raise failed(grpc.StatusCode.INVALID_ARGUMENT, message)
