"""A table's `lastModifiedTime`, which the emulator moves with metadata only."""

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from coaching_assets_tests.front.behaviour import Behaviour, Request, TableName
from coaching_assets_tests.front.statements import written


@dataclass
class ModificationTimes(Behaviour):
    """DML, DDL and load jobs move a table's modification time; a description or a label does not.

    Rows that are streamed are in the streaming buffer, and in no count of rows, until `flush`:
    https://cloud.google.com/bigquery/docs/streaming-data-into-bigquery#dataavailability and
    https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#Table (`lastModifiedTime`, `streamingBuffer`).
    """

    times: dict[TableName, int] = field(default_factory=dict)
    streamed: dict[TableName, int] = field(default_factory=dict)
    _running: dict[str, set[TableName]] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)

    def after_request(self, request: Request, answer: dict[str, Any]) -> None:
        """Notice what changed a table, and show its time."""
        name = request.table
        if name is None:
            self._notice_job(request, answer)
        elif request.below_table == "/insertAll":
            self.streamed[name] = self.streamed.get(name, 0) + len(request.content.get("rows", ()))
        elif request.below_table == "" and request.method == "DELETE":
            self.times.pop(name, None)
            self.streamed.pop(name, None)
        elif request.below_table == "":
            if request.method in {"PATCH", "PUT"} and "schema" in request.content:
                self.modify(name)
            self._show(name, answer)

    def modify(self, name: TableName) -> None:
        """Move a table's time to now, and past its last one."""
        self.times[name] = max(int(time.time() * 1000), self.times.get(name, 0) + 1)

    def flush(self, name: TableName) -> None:
        """Write the streaming buffer to the table's storage."""
        self.streamed.pop(name, None)
        self.modify(name)

    def _notice_job(self, request: Request, answer: dict[str, Any]) -> None:
        job = str(answer.get("jobReference", {}).get("jobId", ""))
        if not job or job in self._seen:
            return
        targets = set(_targets(answer.get("configuration", {}), request.project))
        if (statement := request.statement) is not None and not request.content.get("dryRun"):
            targets |= set(written(statement, request.project))
        self._running.setdefault(job, set()).update(targets)
        if answer.get("status", {}).get("state") == "DONE" or answer.get("jobComplete"):
            self._seen.add(job)
            for name in self._running.pop(job):
                self.modify(name)

    def _show(self, name: TableName, answer: dict[str, Any]) -> None:
        if "lastModifiedTime" not in answer:
            return
        known = self.times.setdefault(name, int(answer["lastModifiedTime"]))
        self.times[name] = max(known, int(answer.get("creationTime", 0)))
        answer["lastModifiedTime"] = str(self.times[name])
        if count := self.streamed.get(name):
            buffer = {
                "estimatedRows": str(count),
                "estimatedBytes": str(count),
                "oldestEntryTime": str(self.times[name]),
            }
            answer["streamingBuffer"] = buffer


def _targets(configuration: dict[str, Any], project: str) -> Iterable[TableName]:
    """The tables that a job writes, by its configuration."""
    if configuration.get("dryRun"):
        return
    for kind in ("load", "copy"):
        if reference := configuration.get(kind, {}).get("destinationTable"):
            yield TableName.of_resource(reference)
    yield from written(re.sub(r"^\s+", "", configuration.get("query", {}).get("query", "")), project)
