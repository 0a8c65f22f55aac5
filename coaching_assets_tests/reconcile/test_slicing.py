"""The conditions of slices: every value is in exactly one partition's slice, on both servers."""

import pytest
from psycopg2 import sql

from coaching_assets.bigquery.queries import billed
from coaching_assets.bigquery.tables import Partitioning
from coaching_assets.reconcile.slices import Columns, Partitions

MIB = 1024**2
DAYS = Partitions(Partitioning("at", "DAY"), "TIMESTAMP", ("2026-01-01 00:00:00", "2026-01-02 00:00:00"))
MONTHS = Partitions(Partitioning("at", "MONTH"), "DATE", ("2026-01-01", "2026-02-01", "2026-05-01"))
NUMBERS = Partitions(Partitioning("n", start=0, interval=10), "INT64", ("0", "20", "30", "40"))


def replica_text(condition: sql.Composable) -> str:
    """The SQL of a condition, without a connection."""
    if isinstance(condition, sql.Composed):
        return "".join(map(replica_text, condition.seq))
    if isinstance(condition, sql.Identifier):
        return ".".join(condition.strings)
    return str(condition.wrapped) if isinstance(condition, sql.Literal) else str(condition.string)


@pytest.mark.parametrize(
    ("partitions", "names", "bigquery", "replica"),
    [
        (DAYS, [0], "`at` < TIMESTAMP '2026-01-02 00:00:00+00'", "replica.at < 2026-01-02 00:00:00+00::timestamptz"),
        (DAYS, [1], "`at` >= TIMESTAMP '2026-01-02 00:00:00+00'", "replica.at >= 2026-01-02 00:00:00+00::timestamptz"),
        (DAYS, [0, 1], "`at` IS NOT NULL", "replica.at is not null"),
        (
            MONTHS,
            [1],
            "`at` >= DATE '2026-02-01' AND `at` < DATE '2026-05-01'",
            "replica.at >= 2026-02-01::date and replica.at < 2026-05-01::date",
        ),
        (NUMBERS, [1, 2], "`n` >= 20 AND `n` < 40", "replica.n >= 20::bigint and replica.n < 40::bigint"),
        (NUMBERS, [0, 1, 2], "`n` < 40", "replica.n < 40::bigint"),
    ],
)
def test_neighboring_partitions_are_one_range(
    partitions: Partitions, names: list[int], bigquery: str, replica: str
) -> None:
    part = partitions.part([partitions.names[2 + place] for place in names])
    assert (part.bigquery_condition, replica_text(part.replica_condition)) == (bigquery, replica)
    assert part.columns is None
    assert not part.has_all_keys


@pytest.mark.parametrize(
    ("left", "joined"),
    [
        (["partition 0", "keys", "partition 20", "partition 40"], ["partition 0", "partition 20"]),
        (["keys", "partition 0"], ["keys"]),
        (["rows without a partition", "partition 0"], ["rows without a partition"]),
        (["partition 30", "partition 20", "partition 40"], ["partition 30", "partition 40"]),
    ],
)
def test_only_partitions_without_a_gap_are_joined(left: list[str], joined: list[str]) -> None:
    assert NUMBERS.joinable(left) == joined


@pytest.mark.parametrize("partitions", [DAYS, MONTHS, NUMBERS])
def test_the_slice_of_the_keys_reads_no_other_column_of_any_row(partitions: Partitions) -> None:
    part = partitions.part(["keys"])
    assert (part.columns, part.bigquery_condition, part.has_all_keys) == (frozenset(), "TRUE", True)


@pytest.mark.parametrize(
    ("columns", "names"),
    [(("a", "b", "c"), ("column a", "column b", "column c")), (("a",), ("column a",)), ((), ("keys",))],
)
def test_the_slices_of_columns_cover_all_columns(columns: tuple[str, ...], names: tuple[str, ...]) -> None:
    slicing = Columns(columns)
    assert slicing.names == names
    assert slicing.part(slicing.joinable(names)).columns == frozenset(columns)


@pytest.mark.parametrize(
    ("size", "expected"), [(0, 0), (1, 10 * MIB), (10 * MIB + 1, 11 * MIB), (163_595_928, 164_626_432)]
)
def test_billed_bytes_are_rounded_up(size: int, expected: int) -> None:
    """As BigQuery's own message says: https://github.com/exmergo/dex/issues/320 ."""
    assert billed(size) == expected
