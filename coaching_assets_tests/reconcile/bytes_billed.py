"""The bytes that BigQuery's query jobs process, for tests of limits: the emulator estimates and bills none."""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from google.cloud.bigquery import Client

from coaching_assets.bigquery.queries import billed
from coaching_assets_tests.front.behaviour import Behaviour, Request

VALUE_BYTES = 5 * 1024**2
"""The size of each value, unless the test says otherwise. A query bills at least 10 MiB, so that values of
a small sample must be large."""

READ = re.compile(r"FROM `([^`]+)`\.`([^`]+)`\.`([^`]+)`\s+WHERE (.*?)\n\)", re.DOTALL)


@dataclass
class BytesBilled(Behaviour):
    """Dry runs report bytes, and jobs above `maximumBytesBilled` fail.

    A query processes the columns that it names, in the partitions that its filter leaves:
    https://cloud.google.com/bigquery/docs/querying-partitioned-tables#overview
    A job above its limit ends with the reason `bytesBilledLimitExceeded`, and the limit applies to rounded bytes:
    https://cloud.google.com/bigquery/docs/error-messages and https://github.com/exmergo/dex/issues/320

    Attributes:
        client: a client of the emulator itself.
        partitioned: `timePartitioning` or `rangePartitioning` by `dataset.table`.
        large: the only table that has a size, as `dataset.table`; None: all have.
        value_bytes: the size of a value by column.
        jobs: the bytes billed for each job that ran, by `dataset.table`.
    """

    client: Client
    partitioned: dict[str, dict[str, Any]] = field(default_factory=dict)
    large: str | None = None
    value_bytes: Mapping[str, int] = field(default_factory=dict)
    jobs: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    _columns: dict[str, frozenset[str]] = field(default_factory=dict)
    _counts: dict[tuple[str, str], int] = field(default_factory=dict)
    _refused: dict[str, str] = field(default_factory=dict)

    def after_request(self, request: Request, answer: dict[str, Any]) -> None:
        """Show bytes in a job's statistics, and the partitioning in a table's metadata."""
        if request.table is not None and request.method == "GET" and not request.below_table:
            answer |= self.partitioned.get(f"{request.table.dataset}.{request.table.table}", {})
        job = answer.get("jobReference", {}).get("jobId", "")
        statement = request.statement
        found = READ.search(statement) if statement is not None else None
        if statement is not None and found is not None:
            self._bill(request, answer, job, statement, found)
        if job in self._refused:
            error = {"reason": "bytesBilledLimitExceeded", "message": self._refused[job]}
            answer["status"] = {"state": "DONE", "errorResult": error, "errors": [error]}

    def size(self, statement: str) -> int:
        """The bytes that a query processes."""
        found = READ.search(statement)
        assert found is not None
        return self._size(statement, found)

    def _bill(self, request: Request, answer: dict[str, Any], job: str, statement: str, found: re.Match[str]) -> None:
        configuration = request.content.get("configuration", request.content)
        query = configuration.get("query") if isinstance(configuration.get("query"), dict) else configuration
        size = self._size(statement, found)
        statistics = answer.setdefault("statistics", {})
        statistics["totalBytesProcessed"] = str(size)
        statistics.setdefault("query", {})["totalBytesProcessed"] = str(size)
        if configuration.get("dryRun"):
            return
        limit = int(query.get("maximumBytesBilled") or 0)
        if limit and billed(size) > limit:
            self._refused[job] = f"Query exceeded limit for bytes billed: {limit}. {billed(size)} or higher required."
            return
        statistics["query"]["totalBytesBilled"] = str(billed(size))
        self.jobs[f"{found[2]}.{found[3]}"].append(billed(size))

    def _size(self, statement: str, found: re.Match[str]) -> int:
        project, dataset, table, condition = found.groups()
        if self.large is not None and f"{dataset}.{table}" != self.large:
            return 0
        name = f"{project}.{dataset}.{table}"
        if name not in self._columns:
            self._columns[name] = frozenset(column.name for column in self.client.get_table(name).schema)
        named = self._columns[name] & set(re.findall(r"`(\w+)`", statement))
        rows = self._rows(name, condition if f"{dataset}.{table}" in self.partitioned else "TRUE")
        return rows * sum(self.value_bytes.get(column, VALUE_BYTES) for column in named)

    def _rows(self, name: str, condition: str) -> int:
        if (name, condition) not in self._counts:
            count = self.client.query(f"SELECT COUNT(*) FROM `{name}` WHERE {condition}")
            ((rows,),) = (row.values() for row in count.result())
            self._counts[name, condition] = int(rows)
        return self._counts[name, condition]
