"""The emulator's own metadata, which behaviours compare requests with."""

import json
from typing import Any
from urllib.parse import quote, urlsplit

from coaching_assets.demo.servers import BigQueryEmulator
from coaching_assets_tests.front.behaviour import Request, TableName
from coaching_assets_tests.front.rest import passed_on


def table_resource(emulator: BigQueryEmulator, name: TableName) -> dict[str, Any] | None:
    """A table's resource; None if there is no such table."""
    project, dataset, table = (quote(part, safe="") for part in name)
    path = f"/bigquery/v2/projects/{project}/datasets/{dataset}/tables/{table}"
    parts = urlsplit(emulator.rest_url)
    answer = passed_on(Request("GET", path), (str(parts.hostname), int(parts.port or 80)))
    return json.loads(answer.content) if answer.status == 200 else None
