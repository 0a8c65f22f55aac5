"""The tables that a query reads, which a job's statistics list and the emulator leaves out."""

from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from coaching_assets_tests.front.behaviour import Behaviour, Request, TableName
from coaching_assets_tests.front.statements import name_of, parsed


@dataclass
class ReferencedTables(Behaviour):
    """A query job's `referencedTables`, with the tables below views that were created through this server.

    https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#jobstatistics2
    """

    views: dict[TableName, set[TableName]] = field(default_factory=dict)

    def after_request(self, request: Request, answer: dict[str, Any]) -> None:
        """Note new views, and list what a query reads."""
        if (statement := request.statement) is None:
            return
        for part in parsed(statement):
            if isinstance(part, exp.Create) and part.kind == "VIEW":
                self.views[name_of(part.find(exp.Table), request.project)] = _read(part.expression, request.project)
            elif isinstance(part, exp.Query):
                tables = set().union(*map(self._below, _read(part, request.project)))
                references = [dict(zip(("projectId", "datasetId", "tableId"), name, strict=True)) for name in tables]
                answer.setdefault("statistics", {}).setdefault("query", {})["referencedTables"] = references

    def _below(self, name: TableName) -> set[TableName]:
        if name not in self.views:
            return {name}
        return set().union(*map(self._below, self.views[name]))


def _read(query: exp.Expression, project: str) -> set[TableName]:
    defined = {found.alias_or_name for found in query.find_all(exp.CTE)}
    tables = (found for found in query.find_all(exp.Table) if found.db or found.name not in defined)
    return {name_of(found, project) for found in tables if found.db}
