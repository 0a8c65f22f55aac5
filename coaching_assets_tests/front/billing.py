"""What BigQuery estimates and bills. The emulator estimates the rows that it returns, and bills nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from google.cloud.bigquery_storage_v1.types import CreateReadSessionRequest, ReadSession
from sqlglot import exp

from coaching_assets_tests.front.behaviour import Behaviour, Request, TableName
from coaching_assets_tests.front.statements import columns_in, condition_of, parsed

MIB = 1024**2
MINIMUM = 10 * MIB
FIXED_BYTES = {"bool": 1, "int64": 8, "double": 8, "date32[day]": 8, "time64[us]": 8}

Sizes = Mapping[str, Mapping[str, int]]
"""Bytes by `dataset.table` and column."""


@dataclass
class Billing(Behaviour):
    """The bytes of queries and read sessions. Each scans the whole columns that it names, as without clustering.

    A dry run processes bytes and bills none. An estimate of a session covers the selected columns and those of its
    filter: https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#JobStatistics2 ,
    https://cloud.google.com/bigquery/docs/reference/storage/rpc/google.cloud.bigquery.storage.v1#readsession
    """

    sizes: Sizes
    billed: dict[str, int] = field(default_factory=dict)
    """Bytes billed by job id."""

    def after_request(self, request: Request, answer: dict[str, Any]) -> None:
        """Add the statistics to a query job."""
        configuration = answer.get("configuration", {})
        statement = configuration.get("query", {}).get("query")
        if statement is None:
            return
        processed = self.processed(statement)
        statistics = answer.setdefault("statistics", {})
        query = statistics.setdefault("query", {})
        statistics["totalBytesProcessed"] = query["totalBytesProcessed"] = str(sum(processed.values()))
        billed = 0 if configuration.get("dryRun") else billed_bytes(processed)
        query["totalBytesBilled"] = str(billed)
        self.billed[answer.get("jobReference", {}).get("jobId", "")] = billed

    def after_session(self, request: CreateReadSessionRequest, session: ReadSession) -> None:
        """Estimate the bytes of the session."""
        sizes = self.sizes.get(".".join(TableName.of_session(request)[1:]))
        if sizes is None:
            return
        options = request.read_session.read_options
        condition = condition_of(options.row_restriction)
        wanted = {name.lower() for name in options.selected_fields} or set(map(str.lower, sizes))
        wanted |= columns_in(condition) if condition is not None else set()
        session.estimated_total_bytes_scanned = sum(size for name, size in sizes.items() if name.lower() in wanted)

    def processed(self, statement: str) -> dict[str, int]:
        """The bytes of each table that a statement processes."""
        found: dict[str, int] = {}
        for part in parsed(statement):
            columns = columns_in(part)
            has_star = any(isinstance(star.parent, exp.Select) for star in part.find_all(exp.Star))
            for table in part.find_all(exp.Table):
                name = f"{table.db}.{table.name}"
                sizes = self.sizes.get(name, {})
                if sizes:
                    found[name] = sum(size for column, size in sizes.items() if has_star or column.lower() in columns)
        return found


def billed_bytes(processed: Mapping[str, int]) -> int:
    """The bytes billed for a query that processes so many bytes per table.

    They are rounded up to the next MiB, with at least 10 MiB per table and per query:
    https://cloud.google.com/bigquery/pricing#on_demand_pricing
    """
    per_table = sum(max(size, MINIMUM) for size in processed.values())
    return max(-(-per_table // MIB) * MIB, MINIMUM) if processed else 0


def sizes_of(tables: Mapping[str, pa.Table]) -> dict[str, dict[str, int]]:
    """The sizes of tables by their names."""
    return {name: {column: stored_bytes(rows[column]) for column in rows.column_names} for name, rows in tables.items()}


def stored_bytes(column: pa.ChunkedArray | pa.Array) -> int:
    """The bytes of a column in BigQuery: https://cloud.google.com/bigquery/docs/estimate-costs#data_type_sizes

    A STRING has two bytes and its UTF-8 text, an ARRAY or STRUCT those of its values, and NULL none.
    """
    if isinstance(column, pa.ChunkedArray):
        return sum(map(stored_bytes, column.chunks))
    if pa.types.is_list(column.type):
        return stored_bytes(column.flatten())
    if pa.types.is_struct(column.type):
        return sum(map(stored_bytes, column.flatten()))
    present = len(column) - column.null_count
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return 2 * present + (pc.sum(pc.binary_length(column)).as_py() or 0)
    if pa.types.is_timestamp(column.type):
        return 8 * present
    if pa.types.is_decimal(column.type):
        return 16 * present
    return FIXED_BYTES[str(column.type)] * present
