"""Near the daily limit, changes wait for the hourly schedule; the schedule never waits."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from dagster import (
    DagsterInstance,
    RunRequest,
    SensorResult,
    SkipReason,
    build_sensor_context,
    execute_job,
    reconstructable,
)

from coaching_assets.definitions import sync_job
from coaching_assets.defs.change_sensor import evaluate_changes
from coaching_assets.defs.schedules import WHOLE, evaluate_hour
from coaching_assets_tests.support.dagster_resources import servers
from coaching_assets_tests.support.deployment import Deployment
from coaching_assets_tests.support.spending import forget_spending, spend

pytestmark = pytest.mark.representatives(1)

LIMIT = 1_000_000
LATER = timedelta(minutes=5)


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


def ticked(instance: DagsterInstance, now: datetime) -> tuple[bool, str]:
    """Whether a run was requested, and the reason if not."""
    result = evaluate_changes(build_sensor_context(instance=instance), *servers(), now)
    assert isinstance(result, SensorResult), result
    reason = result.skip_reason.skip_message if isinstance(result.skip_reason, SkipReason) else result.skip_reason
    return bool(result.run_requests), reason or ""


@pytest.mark.parametrize(
    ("share", "is_requested"),
    [(0.95, False), *(pytest.param(*c, marks=pytest.mark.slow) for c in ((0.85, True), (2, False)))],
)
def test_near_the_limit_the_sensor_requests_no_run(
    synced: Deployment, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch, share: float, is_requested: bool
) -> None:
    monkeypatch.setenv("BIGQUERY_DAILY_BYTES", str(LIMIT))
    forget_spending(synced)
    spend(synced, int(LIMIT * share))
    synced.query("update coaching_sync.source_tables set modified = null where table_name in ('call', 'account')")
    now = datetime.now(UTC) + LATER
    requested, reason = ticked(instance, now)
    assert requested == is_requested
    if not is_requested:
        assert "so changes wait for the hourly sync" in reason
    assert ticked(instance, now + timedelta(days=1))[0], "on the next day the sensor requests the run"
    hourly = evaluate_hour(instance, *servers(), now)
    assert isinstance(hourly, RunRequest)
    monkeypatch.delenv("BIGQUERY_DAILY_BYTES")
    assert ticked(instance, now)[0], "so it does without a limit"


@pytest.mark.slow
def test_the_schedule_reads_postponed_windows_once_the_limit_allows_it(
    synced: Deployment, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIGQUERY_DAILY_BYTES", str(10 * LIMIT))
    with execute_job(reconstructable(sync_job), instance=instance, tags=WHOLE) as result:
        assert result.success
    now = datetime.now(UTC)
    assert isinstance(evaluate_hour(instance, *servers(), now), SkipReason)
    synced.query("insert into coaching_sync.postponed_windows values ('gongio_ft', 'users', now())")
    assert isinstance(evaluate_hour(instance, *servers(), now), RunRequest)
    spend(synced, 10 * LIMIT)
    assert isinstance(evaluate_hour(instance, *servers(), now), SkipReason)
