"""BigQuery breaks off, stalls, refuses: reads go on where they were, and a table that fails leaves the rest synced."""

import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import grpc
import pytest

from coaching_assets.catalogue import TABLES
from coaching_assets.cli.in_process import SyncReport
from coaching_assets.reconcile.reconciliation import reconcile
from coaching_assets.settings import load_settings
from coaching_assets_tests.faults.proxy import Proxy, proxy
from coaching_assets_tests.faults.read_api import STORAGE, ReadApi, ReadFault
from coaching_assets_tests.faults.rest_api import RestApi, RestFault, rest_api
from coaching_assets_tests.faults.scene import Scene

pytestmark = pytest.mark.representatives(2)

CODES = grpc.StatusCode
CALL, TRANSCRIPT = "/tables/call", "/tables/transcript"
REST = "BIGQUERY_EMULATOR_HOST"


@pytest.fixture
def asking(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Iterator[RestApi]:
    """The REST API, by which the syncs go, with errors in between."""
    parts = urlsplit(scene.world.variable(REST))
    with rest_api(str(parts.hostname), int(parts.port or 0)) as (api, address):
        monkeypatch.setenv(REST, address)
        yield api
    scene.trial.injected = api.injected


@pytest.fixture
def between(request: pytest.FixtureRequest, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A proxy before one of BigQuery's two protocols."""
    variable = request.param
    parts = urlsplit(f"//{scene.world.variable(variable).rpartition('/')[2]}")
    with proxy(str(parts.hostname), int(parts.port or 0)) as between:
        monkeypatch.setenv(variable, f"127.0.0.1:{between.port}")
        yield between
        scene.trial.injected = between.injected


def assert_only_this_failed(scene: Scene, report: SyncReport, table: str, words: str) -> None:
    """The table failed and says so everywhere; what is made of it is partial, and all else was synced."""
    assert not report.success
    (failure,) = report.failures
    assert words in failure
    assert f"gongio_ft.{table}" in failure
    states = {line.asset: line.state for line in report.lines}
    assert states.pop(f"gongio_ft/{table}") == "failed"
    assert set(states.values()) == {"loaded"}
    found = scene.world.query(
        "select entity_type, last_sync_status, error_details #>> array['failed_source_tables', %s] from sync_status",
        [f"gongio_ft.{table}"],
    )
    status = {entity: (state, reason) for entity, state, reason in found}
    state, reason = status["transcripts"]
    assert state == "partial"
    assert words in reason
    assert status["emails"] == ("success", None)
    assert [line for line in scene.problems() if line.startswith(("emails", "opportunities"))] == []


@pytest.mark.slow
@pytest.mark.breaks("BigQuery: a read is broken off (UNAVAILABLE, INTERNAL, RESOURCE_EXHAUSTED)")
@pytest.mark.parametrize(
    "code",
    [
        CODES.UNAVAILABLE,
        *(pytest.param(code, marks=pytest.mark.slow) for code in (CODES.INTERNAL, CODES.RESOURCE_EXHAUSTED)),
    ],
)
def test_a_read_that_is_broken_off_goes_on_where_it_was(scene: Scene, reading: ReadApi, code: grpc.StatusCode) -> None:
    reading.faults = [
        ReadFault("transcript", code, after=None),
        ReadFault("transcript", code, after=20),
        ReadFault("transcript", code, after=60),
        ReadFault("email", code, after=5),
    ]
    scene.sync()
    assert reading.injected == 4
    assert {20, 60} <= set(reading.offsets["transcript"])
    read = scene.world.query(
        "select rows_read from coaching_sync.replica_loads where table_schema = 'gongio_ft'"
        " and table_name = 'transcript' order by load_id desc limit 1"
    )
    assert read == [(reading.rows_sent["transcript"],)], "no row was sent twice"
    scene.assert_healed()


@pytest.mark.breaks("BigQuery: a stream stalls")
@pytest.mark.slow
def test_a_read_that_stalls_goes_on_where_it_was(
    scene: Scene, reading: ReadApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIGQUERY_STALL_SECONDS", "0.5")
    reading.faults = [ReadFault("transcript", None, after=40)]
    scene.sync()
    assert 40 in reading.offsets["transcript"]
    scene.assert_healed()


@pytest.mark.breaks("BigQuery: a read session expires")
@pytest.mark.slow
@pytest.mark.parametrize("code", [CODES.FAILED_PRECONDITION, CODES.NOT_FOUND])
def test_a_session_that_expires_is_opened_anew(scene: Scene, reading: ReadApi, code: grpc.StatusCode) -> None:
    reading.faults = [ReadFault("transcript", code, after=40, message="the session expired")]
    scene.sync()
    assert reading.injected == 1
    scene.assert_healed()


@pytest.mark.breaks("BigQuery: permission denied on one table")
@pytest.mark.slow
def test_one_table_that_may_not_be_read_leaves_the_others_synced(scene: Scene, reading: ReadApi) -> None:
    reading.faults = [ReadFault("transcript", CODES.PERMISSION_DENIED, after=None, times=99)]
    assert_only_this_failed(scene, scene.world.deployment.sync(), "transcript", "BigQuery denies access")
    reading.faults = []
    scene.assert_healed()


@pytest.mark.breaks("BigQuery: a table is dropped while it is read")
@pytest.mark.slow
def test_a_table_that_is_dropped_while_it_is_read(scene: Scene, reading: ReadApi) -> None:
    client, name = scene.world.deployment.client, f"{scene.world.deployment.name}.gongio_ft.transcript"
    reading.faults = [
        ReadFault("transcript", CODES.NOT_FOUND, after=40, before=lambda: client.delete_table(name, not_found_ok=True))
    ]
    try:
        report = scene.world.deployment.sync()
    finally:
        scene.world.forget_loaded("gong", "transcript")
        scene.world.load(scene.source)
    assert_only_this_failed(scene, report, "transcript", "does not exist in BigQuery")
    scene.assert_healed()


@pytest.mark.breaks("BigQuery: a table is replaced while it is read")
@pytest.mark.slow
def test_a_table_that_is_replaced_while_it_is_read(scene: Scene, reading: ReadApi) -> None:
    def replace() -> None:
        scene.world.forget_loaded("gong", "transcript")
        scene.world.load(scene.source)

    reading.faults = [ReadFault("transcript", CODES.NOT_FOUND, after=40, before=replace)]
    scene.sync()
    assert reading.injected == 1
    scene.assert_healed()


@pytest.mark.breaks("BigQuery: REST answers 429, 500, 503")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (503, "backendError"),
        (429, "rateLimitExceeded"),
        (500, "internalError"),
    ],
)
def test_an_answer_that_passes_is_asked_for_again(scene: Scene, asking: RestApi, status: int, reason: str) -> None:
    asking.faults = [RestFault(CALL, status, reason, times=1), RestFault(TRANSCRIPT, status, reason, times=1)]
    scene.sync()
    assert asking.injected == 2
    scene.assert_healed()


@pytest.mark.breaks("BigQuery: quota exceeded, access denied, expired token on one table")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        (403, "quotaExceeded", "quota of project"),
        (403, "accessDenied", "denies access"),
        (401, "authError", "rejects the credentials"),
        (503, "backendError", "did not answer"),
    ],
)
def test_one_table_that_is_refused_leaves_the_others_synced(
    scene: Scene, asking: RestApi, status: int, reason: str, words: str
) -> None:
    asking.faults = [RestFault(TRANSCRIPT, status, reason)]
    assert_only_this_failed(scene, scene.world.deployment.sync(), "transcript", words)
    asking.faults = []
    scene.assert_healed()


@pytest.mark.breaks("BigQuery: one table's query is refused while everything is compared")
@pytest.mark.slow
def test_a_comparison_that_is_refused_leaves_the_others_compared(scene: Scene, asking: RestApi) -> None:
    asking.faults = [RestFault("/jobs", 403, "accessDenied", times=1)]
    compared = reconcile(load_settings())
    states = [comparison.state for comparison in compared.comparisons.values()]
    assert (states.count("failed"), states.count("compared")) == (1, len(TABLES) - 1)
    assert not compared.is_equal
    asking.faults = []
    scene.assert_healed()


@pytest.mark.breaks("BigQuery: connections are reset after so many bytes")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("between", "count"),
    [(REST, 1_000), (STORAGE, 500), (REST, 8_000), (STORAGE, 30_000), (STORAGE, 100_000)],
    indirect=["between"],
)
def test_a_connection_that_is_reset_is_made_again(scene: Scene, between: Proxy, count: int) -> None:
    between.reset_after(count, "down", times=2)
    scene.sync()
    assert between.injected == 2
    scene.assert_healed()


@pytest.mark.breaks("BigQuery: latency and a stall of the connection")
@pytest.mark.slow
@pytest.mark.parametrize("between", [REST, STORAGE], indirect=True)
def test_latency_and_a_stall_only_take_time(scene: Scene, between: Proxy) -> None:
    between.latency = 0.01
    between.stall()
    threading.Timer(1.0, between.flow).start()
    scene.assert_healed()
