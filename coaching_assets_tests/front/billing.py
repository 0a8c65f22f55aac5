"""What BigQuery estimates and bills: the sizes of values, and the statistics of query jobs.

The emulator estimates and bills nothing.
"""

import re
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

MIB = 1024**2
MINIMUM = 10 * MIB
FIXED_BYTES = {"bool": 1, "int64": 8, "double": 8, "date32[day]": 8, "time64[us]": 8}
TABLE = re.compile(r"`[^`]+`\.`([^`]+)`\.`([^`]+)`")


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


def billed_bytes(processed: Mapping[str, int]) -> int:
    """The bytes billed for a query that processes so many bytes per table.

    They are rounded up to the next MiB, with at least 10 MiB per table and per query:
    https://cloud.google.com/bigquery/pricing#on_demand_pricing
    """
    per_table = sum(max(size, MINIMUM) for size in processed.values())
    return max(-(-per_table // MIB) * MIB, MINIMUM) if processed else 0


def bill(job: dict[str, Any], sizes: Mapping[str, int]) -> None:
    """Add the statistics of BigQuery to a query job as the emulator describes it.

    A dry run processes bytes and bills none:
    https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#JobStatistics2

    Args:
        job: the resource Job; another resource stays as it is.
        sizes: bytes by `dataset.table`. A query processes whole tables here.
    """
    configuration = job.get("configuration", {})
    statement = configuration.get("query", {}).get("query")
    if statement is None:
        return
    processed = {name: sizes[name] for name in map(".".join, TABLE.findall(statement)) if name in sizes}
    total = sum(processed.values())
    statistics = job.setdefault("statistics", {})
    statistics["totalBytesProcessed"] = str(total)
    query = statistics.setdefault("query", {})
    query["totalBytesProcessed"] = str(total)
    query["totalBytesBilled"] = "0" if configuration.get("dryRun") else str(billed_bytes(processed))
