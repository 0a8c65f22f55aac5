"""On a real daemon: an edit in BigQuery is published with no one's help, and two runs never do the same at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product

import pytest
from dagster import AssetKey, DagsterEventType
from dagster._core.scheduler.instigation import TickStatus

from coaching_assets.defs.published_assets import POOL
from coaching_assets.postgres.locks import PUBLISHER_LOCK
from coaching_assets.settings import Settings
from coaching_assets_tests.support.dagster_deployment import DagsterDeployment, awaited
from coaching_assets_tests.support.editing import edited
from coaching_assets_tests.support.receiver import Receiver

pytestmark = pytest.mark.slow

ACCOUNT, OPPORTUNITY = ("salesforce", "account"), ("salesforce", "opportunity")
CALL = ("gong", "call")
STALE, REPAIRED = "published_is_fresh fails:", "published_is_fresh passes again"
POOLED = {
    "gong_calls": "gong_calls",
    "gong_emails": "gong_emails",
    "salesforce": "salesforce",
    "publish_opportunities": POOL,
    "publish_calls": POOL,
    "publish_emails": POOL,
}
"""The pool of each step."""

Span = tuple[float, float]


def account_names(dagster: DagsterDeployment, account: str) -> set[str]:
    found = dagster.installation.query(
        "select account_name from opportunities where metadata -> 'account' ->> 'id' = %s", (account,)
    )
    return {name for (name,) in found}


def test_an_edit_is_published_with_no_ones_help(dagster: DagsterDeployment) -> None:
    dagster.idle()
    accounts = "select metadata -> 'account' ->> 'id' from opportunities where account_name is not null order by 1"
    account = dagster.installation.query(accounts)[0][0]
    runs_before = {run.run_id for run in dagster.runs()}

    dagster.load(edited(dagster.sample, ACCOUNT, {"id": account}, name="Renamed by nobody"), ["account"])
    awaited(lambda: account_names(dagster, account) == {"Renamed by nobody"} or None, "the new name")

    (run,) = (run for run in dagster.runs() if run.run_id not in runs_before)
    assert run.tags["dagster/sensor_name"] == "bigquery_changes"
    assert run.asset_selection == {
        AssetKey(["salesforce_ft", "account"]),
        AssetKey(["coaching", "opportunities"]),
        AssetKey(["coaching", "call_opportunities"]),
        AssetKey(["coaching", "emails"]),
    }
    dagster.succeeded(run.run_id)
    dagster.idle()
    assert dagster.runs()[0].run_id == run.run_id, "what is published is not asked for again"


@pytest.mark.long
def test_an_hour_of_ticks_without_changes_makes_no_run(dagster: DagsterDeployment) -> None:
    """As many ticks as an hour has with the default interval; the daemon makes one each five seconds."""
    dagster.idle()
    runs_before = [run.run_id for run in dagster.instance.get_runs()]
    for _ in range(60 * 60 // Settings.model_fields["sensor_interval_seconds"].default):
        tick = dagster.next_tick("bigquery_changes")
        assert tick.status == TickStatus.SKIPPED
        assert (tick.skip_reason or "").startswith("Nothing changed in BigQuery")
    assert [run.run_id for run in dagster.instance.get_runs()] == runs_before


def titles(receiver: Receiver, beginning: str) -> list[str]:
    """The titles of the messages about calls that begin so."""
    return [title for title in receiver.titles if title.startswith(beginning) and "coaching/calls" in title]


@contextmanager
def refused(dagster: DagsterDeployment) -> Iterator[None]:
    """No call can be changed until the end of the block."""
    dagster.installation.query(
        "create function refuse() returns trigger language plpgsql as $$begin raise sqlstate '53100'; end$$;"
        "create trigger refuse before update on calls for each row execute function refuse()"
    )
    yield
    dagster.installation.query("drop function refuse cascade")


def test_a_publisher_that_stopped_is_told_of_once_and_so_is_its_recovery(
    dagster: DagsterDeployment, receiver: Receiver
) -> None:
    dagster.idle()
    dagster.next_tick("alerts")
    receiver.take()
    with refused(dagster):
        dagster.load(edited(dagster.sample, CALL, {}, title="Never published"), ["call"])
        awaited(lambda: titles(receiver, STALE) or None, "an alert")
        for _ in range(3):
            dagster.next_tick("freshness")
            dagster.next_tick("alerts")
    assert len(titles(receiver, STALE)) == 1, receiver.titles
    told = next(message for message in receiver.take() if message["title"].startswith(STALE))
    assert "Check the last run of coaching_sync" in told["message"]

    dagster.load(edited(dagster.sample, CALL, {}, hours=2, title="Published at last"), ["call"])
    awaited(lambda: titles(receiver, REPAIRED) or None, "the recovery")
    assert dagster.installation.query("select distinct title from calls") == [("Published at last",)]
    assert len(titles(receiver, REPAIRED)) == 1, receiver.titles


def test_two_runs_at_once_take_turns(dagster: DagsterDeployment) -> None:
    dagster.idle()
    with dagster.installation.connect() as connection, connection.cursor() as cursor:
        # Held until one of the runs publishes and the other waits for it, whichever is faster.
        cursor.execute("select pg_advisory_lock(%s, %s)", PUBLISHER_LOCK)
        runs = [dagster.client.submit_job_execution("coaching_sync") for _ in range(2)]

        def one_waits_for_the_other() -> bool | None:
            pool = dagster.instance.event_log_storage.get_concurrency_info(POOL)
            return pool.active_run_ids | pool.pending_run_ids == set(runs) or None

        awaited(one_waits_for_the_other, "one run in the pool and another that waits")
        cursor.execute("select pg_advisory_unlock(%s, %s)", PUBLISHER_LOCK)

    first, second = (steps(dagster, dagster.succeeded(run).run_id) for run in runs)
    for (step, (begun, ended)), (other, (other_begun, other_ended)) in product(first.items(), second.items()):
        if POOLED[step] == POOLED[other]:
            assert ended <= other_begun or other_ended <= begun, f"{step} and {other} ran at once"


def steps(dagster: DagsterDeployment, run_id: str) -> dict[str, Span]:
    """When each step of a run began and ended."""
    begun, ended = (
        {
            entry.step_key: entry.timestamp
            for entry in dagster.instance.all_logs(run_id, of_type=event)
            if entry.step_key in POOLED
        }
        for event in (DagsterEventType.STEP_START, DagsterEventType.STEP_SUCCESS)
    )
    assert set(begun) == set(ended) == set(POOLED)
    return {step: (begun[step], ended[step]) for step in POOLED}
