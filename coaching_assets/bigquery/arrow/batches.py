"""Converts a record batch, column by column. `column_hints` has the table of types."""

import logging
from collections.abc import Sequence

import pyarrow as pa

from coaching_assets.bigquery.arrow.columns import loadable
from coaching_assets.bigquery.tables import Field

logger = logging.getLogger(__name__)


def to_loadable(batch: pa.RecordBatch, fields: Sequence[Field]) -> pa.RecordBatch:
    """The batch with the same columns and rows, in types that load into Postgres without loss.

    Postgres cannot store U+0000. Text with it is changed, and a warning is logged.

    Args:
        batch: a batch as the Storage Read API returns it.
        fields: the fields of the table's description. Other columns are converted by their Arrow type.
    """
    known = {field.name: field for field in fields}
    columns: list[pa.Array] = []
    for name, array in zip(batch.schema.names, batch.columns, strict=True):
        converted, replaced = loadable(array, known.get(name))
        if replaced:
            logger.warning(
                "Column %s: U+0000 became U+FFFD in %d values, because Postgres cannot store it.", name, replaced
            )
        columns.append(converted)
    schema = pa.schema([pa.field(name, array.type) for name, array in zip(batch.schema.names, columns, strict=True)])
    return pa.RecordBatch.from_arrays(columns, schema=schema)
