"""What a part of the front server may do to a request and to its answer."""

import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple
from urllib.parse import unquote

from google.cloud.bigquery_storage_v1.types import CreateReadSessionRequest, ReadSession

TABLE_PATH = re.compile(r"/projects/([^/]+)/datasets/([^/]+)/tables/([^/?]+)([^?]*)")


class TableName(NamedTuple):
    """The three parts of a table's name."""

    project: str
    dataset: str
    table: str

    def __str__(self) -> str:
        """As BigQuery's errors name it in GoogleSQL."""
        return ".".join(self)

    @property
    def legacy(self) -> str:
        """As BigQuery's errors name it elsewhere."""
        return f"{self.project}:{self.dataset}.{self.table}"

    @classmethod
    def of_session(cls, request: CreateReadSessionRequest) -> "TableName":
        """The table of a read session: `projects/…/datasets/…/tables/…`."""
        _, project, _, dataset, _, table = request.read_session.table.split("/")
        return cls(project, dataset, table)

    @classmethod
    def of_resource(cls, reference: dict[str, str]) -> "TableName":
        """The table that a `TableReference` names."""
        return cls(reference["projectId"], reference["datasetId"], reference["tableId"])


@dataclass
class Request:
    """A request to the REST API."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def table(self) -> TableName | None:
        """The table that the path names, with or without something below it."""
        found = TABLE_PATH.search(self.path)
        return TableName(*map(unquote, found.groups()[:3])) if found else None

    @property
    def below_table(self) -> str | None:
        """The part of the path after the table, such as `/insertAll`; empty for the table itself."""
        found = TABLE_PATH.search(self.path)
        return found.group(4) if found else None

    @cached_property
    def project(self) -> str:
        """The project that the path names: that of the job or of the table."""
        found = re.search(r"/projects/([^/?]+)", self.path)
        return unquote(found.group(1)) if found else ""

    @property
    def content(self) -> dict[str, Any]:
        """The JSON of the body; empty if it has another format."""
        try:
            found = json.loads(self.body or b"{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def statement(self) -> str | None:
        """The SQL of a query job, by `jobs.insert` or by `jobs.query`."""
        if self.method != "POST":
            return None
        if re.search(r"/queries(\?|$)", self.path):
            return self.content.get("query")
        if re.search(r"/jobs(\?|$)", self.path):
            return self.content.get("configuration", {}).get("query", {}).get("query")
        return None

    def replace_statement(self, statement: str) -> None:
        """Send other SQL to the emulator."""
        content = self.content
        if "configuration" in content:
            content["configuration"]["query"]["query"] = statement
        else:
            content["query"] = statement
        self.body = json.dumps(content).encode()


class Behaviour:
    """A behaviour of BigQuery that the emulator lacks. Each method does nothing by default."""

    def before_request(self, request: Request) -> None:
        """See a request before the emulator does; may change it.

        Raises:
            RestError: the answer, in place of the emulator's.
        """

    def after_request(self, request: Request, answer: dict[str, Any]) -> None:
        """See the JSON of an answer that is not an error, empty if it has none; may change it."""

    def before_session(self, request: CreateReadSessionRequest) -> None:
        """See a request for a read session before the emulator does; may change it.

        Raises:
            ReadError: the answer, in place of the emulator's.
        """

    def after_session(self, request: CreateReadSessionRequest, session: ReadSession) -> None:
        """See a read session; may change it."""
