"""The benchmark's data: the sample's, multiplied with Arrow where generating as much would take too long."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc

from coaching_assets.demo.sample import Sample, SampleTable, generate

MONOLOGUES_AT_SCALE_1 = 20_600
LARGEST_GENERATED_SCALE = 5.0

COPIED: Mapping[str, tuple[str, ...]] = {
    "call": ("id",),
    "call_speaker": ("call_id",),
    "call_participant": ("call_id",),
    "transcript": ("call_id",),
    "call_context_integration": ("call_id",),
}
"""The tables that grow with the number of calls, each with the columns that tell one copy from the next."""


@cache
def sample_of(monologues: int) -> Sample:
    """A sample with about so many monologues: a generated one, its calls copied under other ids as often as needed."""
    scale = monologues / MONOLOGUES_AT_SCALE_1
    copies = max(round(scale / LARGEST_GENERATED_SCALE), 1)
    sample = generate(scale / copies)
    tables = {("gong", name): copied(sample["gong", name], columns, range(copies)) for name, columns in COPIED.items()}
    return sample.replaced(tables)  # type: ignore[arg-type]


def copied(table: SampleTable, columns: Iterable[str], numbers: Iterable[int]) -> SampleTable:
    """The table once a number, with the number at the end of the given columns; number 0 is the table itself."""
    parts = []
    for number in numbers:
        rows = table.rows
        for column in columns if number else ():
            renamed = pc.binary_join_element_wise(rows[column], f"-{number}", "")
            rows = rows.set_column(rows.schema.get_field_index(column), column, renamed)
        parts.append(rows)
    return replace(table, rows=pa.concat_tables(parts))


def delivered_again(table: SampleTable, hours: int) -> SampleTable:
    """The same rows, processed by Fivetran at once, so many hours later: what its re-imports deliver."""
    newest = pc.max(table.rows["_fivetran_synced"]).as_py() + timedelta(hours=hours)
    synced = pa.repeat(pa.scalar(newest, table.rows.schema.field("_fivetran_synced").type), table.rows.num_rows)
    column = table.rows.schema.get_field_index("_fivetran_synced")
    return replace(table, rows=table.rows.set_column(column, table.rows.schema.field(column), synced))


def with_one_more(table: SampleTable) -> SampleTable:
    """The table with one more monologue, which Fivetran processed an hour after the others."""
    number = table.rows.schema.get_field_index("index")
    row = table.rows.slice(0, 1)
    index = pa.scalar("1000000").cast(row.schema.field(number).type)
    row = row.set_column(number, row.schema.field(number), pa.repeat(index, 1))
    newest = delivered_again(table, 1).rows["_fivetran_synced"].slice(0, 1)
    place = row.schema.get_field_index("_fivetran_synced")
    row = row.set_column(place, row.schema.field(place), newest)
    return replace(table, rows=pa.concat_tables([table.rows, row]))


def with_changes(table: SampleTable, rows: int, number: int) -> SampleTable:
    """The table with a word added to the topic of its first rows, which Fivetran processed `number` hours later."""
    head, rest = table.rows.slice(0, rows), table.rows.slice(rows)
    topic = head.schema.get_field_index("topic")
    changed = pc.binary_join_element_wise(pc.fill_null(head["topic"], "None"), f"again {number}", " ")
    changes = delivered_again(replace(table, rows=head.set_column(topic, head.schema.field(topic), changed)), number)
    return replace(table, rows=pa.concat_tables([changes.rows, rest]))
