"""Tables are read as of a time of BigQuery's clock, however wrong this machine's clock is."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace

import pytest
from google.cloud.bigquery import SchemaField

from coaching_assets.bigquery import connect
from coaching_assets.bigquery.clock import VALID_SECONDS, ServerClock
from coaching_assets.demo.sample import TABLES, generate
from coaching_assets.replica.modifications import RESOLUTION, snapshot_for
from coaching_assets_tests.bigquery.tables import create, settings_for
from coaching_assets_tests.front.server import Front
from coaching_assets_tests.support.deployment import Deployment

MINUTES = timedelta(minutes=10)
SECOND = timedelta(seconds=1)
NOW = datetime(2026, 6, 30, 12, 0, 5, tzinfo=UTC)


OFFSETS = {"ahead": MINUTES, "behind": -MINUTES, "equal": timedelta(0), "days ahead": timedelta(days=3)}


@pytest.mark.parametrize(
    "clock", ["ahead", *(pytest.param(name, marks=pytest.mark.slow) for name in list(OFFSETS)[1:])]
)
def test_the_snapshot_is_later_than_the_modifications_that_bigquery_reported(front: Front, clock: str) -> None:
    """A modification time is on the same clock, to the millisecond."""
    ahead = OFFSETS[clock]
    front.set_clock(ahead)
    settings = settings_for(front.emulator, "clock")
    with connect(settings) as bigquery:
        bigquery.rest.create_dataset("gong", exists_ok=True)
        bigquery.rest.delete_table("gong.word", not_found_ok=True)
        create(bigquery.rest, "gong.word", [SchemaField("text", "STRING")])
        before = datetime.now(UTC) + ahead
        word = bigquery.describe("gong", "word")
        snapshot = snapshot_for(bigquery.clock, [word])
        after = datetime.now(UTC) + ahead
    assert word.modified < snapshot
    assert before - SECOND <= snapshot <= after + 2 * RESOLUTION


@pytest.mark.slow
@pytest.mark.parametrize("clock", OFFSETS)
def test_a_snapshot_is_a_time_of_bigquerys_clock(fronted: Deployment, front: Front, clock: str) -> None:
    """BigQuery's clock differs from ours. It reads a table as of a time before its own present:
    https://cloud.google.com/bigquery/docs/time-travel . Every answer of an HTTP server has its time:
    https://www.rfc-editor.org/rfc/rfc9110#field.date ."""
    ahead = OFFSETS[clock]
    front.set_clock(ahead)
    fronted.load(generate(0.02))
    before = datetime.now(UTC) + ahead
    assert fronted.sync().failures == ()
    after = datetime.now(UTC) + ahead
    snapshots = [session.read_session.table_modifiers.snapshot_time for session in front.sessions]
    assert len(snapshots) == len(TABLES)
    assert all(before - SECOND <= snapshot <= after for snapshot in snapshots)
    assert len(set(snapshots)) < len(snapshots), "the tables of a load show the same moment"


def answer(date: str | None) -> SimpleNamespace:
    return SimpleNamespace(headers={} if date is None else {"Date": date})


@pytest.mark.parametrize("date", [None, "", "yesterday", "Thu, 26 Nov 2026"])
def test_an_answer_without_a_readable_date_changes_nothing(date: str | None) -> None:
    clock = ServerClock()
    clock.observe(answer(date))
    before = datetime.now(UTC)
    assert before <= clock.now() <= datetime.now(UTC)
    clock.observe(answer(format_datetime(NOW, usegmt=True)))
    clock.observe(answer(date))
    assert NOW <= clock.now() < NOW + MINUTES


def test_the_first_date_counts_where_a_proxy_adds_one() -> None:
    clock = ServerClock()
    date = format_datetime(NOW, usegmt=True)
    clock.observe(answer(f"{date}, {format_datetime(NOW - MINUTES, usegmt=True)}"))
    assert NOW <= clock.now() < NOW + MINUTES


@pytest.mark.parametrize("seconds", [0.3, 0.9])
def test_the_latest_bound_of_several_answers_counts(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """An answer's time is cut off to a second, so that of the answer right after a full second is the best one."""
    at = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: at[0])
    clock = ServerClock()
    for moment, date in ((100.0, NOW), (100.0 + seconds, NOW + SECOND), (101.0 + seconds / 2, NOW + SECOND)):
        at[0] = moment
        clock.observe(answer(format_datetime(date, usegmt=True)))
    at[0] = 102.0
    assert clock.now() == NOW + SECOND + timedelta(seconds=2 - seconds)
    at[0] = 102.0 + VALID_SECONDS
    clock.observe(answer(format_datetime(NOW, usegmt=True)))
    assert clock.now() == NOW, "an old observation does not count for ever"
