"""Tables that demand a filter on their partitioning column."""

import re
from dataclasses import dataclass
from typing import Any

import grpc
from google.cloud.bigquery_storage_v1.types import CreateReadSessionRequest
from sqlglot import exp

from coaching_assets_tests.front.behaviour import Behaviour, Request, TableName
from coaching_assets_tests.front.errors import failed, invalid_query
from coaching_assets_tests.front.statements import columns_in, condition_of, conjuncts, selects_of

INGESTION_TIME = "_PARTITIONTIME"
PSEUDO_COLUMNS = ("_PARTITION_LOAD_TIME", "_PARTITIONDATE", INGESTION_TIME)


@dataclass
class RequiredFilter(Behaviour):
    """A table with `requirePartitionFilter`.

    Every query needs a condition that references the partitioning column only; `column = … OR other = …` is none:
    https://cloud.google.com/bigquery/docs/querying-partitioned-tables#require_a_partition_filter_in_queries . The
    read session answers INVALID_ARGUMENT: https://github.com/coiled/dask-bigquery/issues/56 , and a query job
    `invalidQuery`: https://github.com/mozilla/bigquery-etl/issues/2673 .

    `partitioning` is `timePartitioning`, `rangePartitioning` or the `hivePartitioningOptions` of an external table.
    `ingested` computes `_PARTITIONTIME`, which the emulator lacks; it is NULL for rows in the streaming buffer.
    """

    dataset: str
    table: str
    partitioning: dict[str, Any]
    ingested: str = "TIMESTAMP '2024-05-06 00:00:00+00'"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of which a condition must reference one."""
        if hive := self._hive:
            return tuple(hive["fields"])
        (options,) = self.partitioning.values()
        return (options["field"],) if "field" in options else PSEUDO_COLUMNS

    def after_request(self, request: Request, answer: dict[str, Any]) -> None:
        """Show the requirement in the table's metadata."""
        if request.method == "GET" and request.below_table == "" and self._is_it(request.table):
            answer |= self.partitioning
            if not self._hive:
                answer["requirePartitionFilter"] = True

    def before_request(self, request: Request) -> None:
        """Refuse a query without such a condition."""
        if (statement := request.statement) is None:
            return
        name = TableName(request.project, self.dataset, self.table)
        for select in selects_of(statement, name):
            where = select.args.get("where")
            if not self._qualifies(where.this if where is not None else None):
                raise invalid_query(self._message(name))
        if INGESTION_TIME in statement:
            request.replace_statement(self._computed(statement))

    def before_session(self, request: CreateReadSessionRequest) -> None:
        """Refuse a session without such a condition."""
        name = TableName.of_session(request)
        if not self._is_it(name):
            return
        options = request.read_session.read_options
        if not self._qualifies(condition_of(options.row_restriction)):
            raise failed(grpc.StatusCode.INVALID_ARGUMENT, f"Query error: {self._message(name)}")
        options.row_restriction = self._computed(options.row_restriction)

    @property
    def _hive(self) -> dict[str, Any]:
        return self.partitioning.get("externalDataConfiguration", {}).get("hivePartitioningOptions", {})

    def _computed(self, text: str) -> str:
        return re.sub(rf"`?{INGESTION_TIME}`?", f"({self.ingested})", text)

    def _is_it(self, name: TableName | None) -> bool:
        return name is not None and name[1:] == (self.dataset, self.table)

    def _qualifies(self, condition: exp.Expression | None) -> bool:
        allowed = {column.lower() for column in self.columns}
        return any(
            (found := columns_in(part)) and found <= allowed and part.find(exp.Literal) is not None
            for part in conjuncts(condition)
        )

    def _message(self, name: TableName) -> str:
        columns = ", ".join(f"'{column}'" for column in self.columns)
        return (
            f"Cannot query over table '{name}' without a filter over column(s) {columns}"
            " that can be used for partition elimination"
        )
