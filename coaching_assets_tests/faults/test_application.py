"""The application works on the same rows meanwhile: it hardly waits, and a deadlock with it is resolved."""

import threading
from pathlib import Path

import psycopg2
import pytest

from coaching_assets.demo.sample import generate
from coaching_assets_tests.faults.at_work import at_work
from coaching_assets_tests.faults.ledger import Trial
from coaching_assets_tests.faults.scene import Scene
from coaching_assets_tests.support.deployment import Deployment
from coaching_assets_tests.support.editing import changed_rows, found_differences, later

CALL, TRANSCRIPT = ("gong", "call"), ("gong", "transcript")
MANY_CALLS = 0.25

LARGEST_TRANSACTION = (
    "select max(written), sum(written) from (select count(*) as written from calls group by xmin::text) as transactions"
)
"""The number of calls that the largest transaction wrote, and that of all calls."""


def edit_a_call_and_its_monologue(scene: Scene) -> str:
    """An edit of both at the source; the id of the call."""
    published = {call for (call,) in scene.world.query("select gong_call_id from calls")}
    calls = [row["id"] for row in scene.source.rows(CALL)]
    spoken = [row["call_id"] for row in scene.source.rows(TRANSCRIPT)]
    call = next(call for call in calls if call in published and call in spoken)
    scene.source.edit(CALL, calls.index(call), title="Renamed")
    scene.source.edit(TRANSCRIPT, spoken.index(call), sentence='[{"start": 1, "end": 2, "text": "Corrected."}]')
    scene.world.load(scene.source)
    scene.source.note_seen()
    return str(call)


@pytest.mark.breaks("Postgres: a deadlock with the application")
@pytest.mark.slow
def test_a_deadlock_with_the_application_is_resolved(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The application holds a monologue and wants the call; the sync holds the call and wants the monologue."""
    monkeypatch.setenv("PUBLISH_LOCK_SECONDS", "60")  # else it would give way before Postgres sees the deadlock
    call = edit_a_call_and_its_monologue(scene)
    application = psycopg2.connect(scene.world.deployment.postgres.url(scene.database))
    cursor = application.cursor()
    cursor.execute(
        "select from transcripts where call_id = (select id from calls where gong_call_id = %s) for update", [call]
    )
    waiting = "select pid from pg_stat_activity where %s = any(pg_blocking_pids(pid))"
    over, failed = threading.Event(), []

    def want_the_call() -> None:
        try:
            while not scene.world.query(waiting, [application.info.backend_pid]):
                assert not over.wait(0.02), "nobody waited for the application"
            cursor.execute("update calls set product = product where gong_call_id = %s", [call])
            application.commit()
        except BaseException as error:
            failed.append(error)
            application.rollback()

    before = deadlocks(scene)
    thread = threading.Thread(target=want_the_call)
    thread.start()
    try:
        scene.sync()
    finally:
        over.set()
        thread.join()
        application.close()
    assert failed == []
    assert deadlocks(scene) == before + 1
    scene.assert_healed()


def deadlocks(scene: Scene) -> int:
    """How many Postgres has seen in the scene's database."""
    with scene.world.connect() as connection, connection.cursor() as cursor:
        cursor.execute("select pg_stat_force_next_flush()")
        cursor.execute("select deadlocks from pg_stat_database where datname = current_database()")
        return int(cursor.fetchone()[0])


@pytest.mark.breaks("none: the application at work while every call and monologue is rewritten")
@pytest.mark.slow
def test_the_application_hardly_waits(deployment: Deployment, trial: Trial, tmp_path: Path) -> None:
    sample = generate(MANY_CALLS)
    deployment.load(sample)
    assert deployment.sync().failures == ()
    stamp = {"_fivetran_synced": later(sample)}
    for key, column in ((CALL, "title"), (TRANSCRIPT, "topic")):
        sample = changed_rows(sample, key, lambda row, c=column: row | {c: f"{row[c]}, once more"} | stamp)
    deployment.load(sample)
    with at_work(deployment.url, trial):
        assert deployment.sync().failures == ()
    found = found_differences(deployment, sample, tmp_path)
    trial.judge(found)
    assert found == []
    ((largest, calls),) = deployment.query(LARGEST_TRANSACTION)
    assert largest < calls / 2, "the sync released its locks several times"
