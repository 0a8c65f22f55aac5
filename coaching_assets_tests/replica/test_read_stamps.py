"""After a re-import, a sync reads the rows that differ from what it read before, not the whole window again."""

from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from coaching_assets.bigquery.row_filters import restriction_to
from coaching_assets.demo.sample import Sample, SampleTable, generate
from coaching_assets.demo.sample.values import to_arrow
from coaching_assets.replica.read_stamps import MAXIMUM_RANGES, as_ranges
from coaching_assets_tests.support.deployment import Deployment
from coaching_assets_tests.support.editing import changed_rows, edited, found_differences, later

TRANSCRIPT = ("gong", "transcript")
ROWS_READ = (
    "select rows_read from coaching_sync.replica_loads where table_name = 'transcript' order by loaded_at desc limit 1"
)


def synced(deployment: Deployment, sample: Sample) -> int:
    """Sync the sample's transcripts; the number of rows that were read of them."""
    deployment.load(sample, tables=["transcript"])
    assert deployment.sync().failures == ()
    return int(deployment.query(ROWS_READ)[0][0])


def some_row(sample: Sample, place: int) -> dict[str, object]:
    row = sample[TRANSCRIPT].rows.slice(place, 1).to_pylist()[0]
    return {"call_id": row["call_id"], "index": row["index"]}


def added(sample: Sample, topic: str, stamp: datetime) -> Sample:
    """The sample with one more monologue of a call, which Fivetran processed at this time."""
    table = sample[TRANSCRIPT]
    row = table.rows.slice(0, 1).to_pylist()[0] | {"index": topic, "_fivetran_synced": stamp}
    rows = [*table.rows.to_pylist(), row]
    return sample.replaced({TRANSCRIPT: SampleTable(table.fields, to_arrow(rows, table.fields))})


@pytest.mark.slow
def test_after_a_reimport_only_what_changed_is_read(deployment: Deployment, tmp_path: Path) -> None:
    sample = generate(0.05)
    deployment.load(sample)
    assert deployment.sync().failures == ()
    rows = sample[TRANSCRIPT].rows.num_rows
    seconds = count()
    sample = changed_rows(
        sample,
        TRANSCRIPT,
        lambda row: row | {"_fivetran_synced": later(sample) + timedelta(seconds=next(seconds) % 100)},
    )
    assert synced(deployment, sample) == rows

    sample = added(sample, "5000", later(sample, 2))
    assert synced(deployment, sample) == 1
    sample = added(sample, "5001", later(sample) + timedelta(minutes=10))  # late: between two stamps that were read
    assert synced(deployment, sample) == 1
    sample = added(sample, "5002", later(sample) + timedelta(seconds=50.5))  # late, in a second that was read
    in_one_second = rows // 100
    assert synced(deployment, sample) <= in_one_second + 2
    sample = edited(sample, TRANSCRIPT, some_row(sample, 3), hours=2, topic="Newer")
    assert synced(deployment, sample) <= 2 * in_one_second + 4, "the seconds that the row left and entered"
    assert found_differences(deployment, sample, tmp_path) == []

    # the record is void once the replica has lost rows
    deployment.query(
        "delete from gongio_ft.transcript"
        " where _fivetran_synced = (select max(_fivetran_synced) from gongio_ft.transcript)"
    )
    sample = added(sample, "5003", later(sample, 3))
    assert synced(deployment, sample) > rows
    deployment.query("truncate gongio_ft.transcript")
    assert synced(deployment, sample) == rows + 4
    assert found_differences(deployment, sample, tmp_path) == []


def test_neighbouring_seconds_are_one_range_and_many_ranges_are_joined() -> None:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)

    def in_seconds(seconds: list[int]) -> list[tuple[int, int]]:
        return [
            (int((start - epoch).total_seconds()), int((end - epoch).total_seconds()))
            for start, end in as_ranges(seconds)
        ]

    assert in_seconds([]) == []
    assert in_seconds([5]) == [(5, 6)]
    assert in_seconds([5, 6, 7, 10, 12]) == [(5, 8), (10, 11), (12, 13)]
    scattered = [*range(0, 1000, 3), 5000]
    joined = in_seconds(scattered)
    assert len(joined) <= MAXIMUM_RANGES
    assert all(any(start <= second < end for start, end in joined) for second in scattered)
    assert joined[-1] == (5000, 5001)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_the_filter_names_the_ranges_and_rows_without_a_stamp(count: int) -> None:
    start = datetime(2024, 5, 6, tzinfo=UTC)
    ranges = [(start + timedelta(hours=n), start + timedelta(hours=n, seconds=1)) for n in range(count)]
    text = restriction_to(ranges)
    assert text.count("TIMESTAMP") == 2 * count
    assert text.endswith("`_fivetran_synced` IS NULL")
