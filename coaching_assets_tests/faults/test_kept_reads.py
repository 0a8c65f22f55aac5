"""One table fails, while it is read or while it is loaded: the others are read once, and loaded from that."""

from collections import Counter
from collections.abc import Iterator

import grpc
import pytest

from coaching_assets.catalogue import TABLES
from coaching_assets.demo.sample import SampleTable, TableKey
from coaching_assets.demo.sample.schema import Field
from coaching_assets.demo.sample.values import to_arrow
from coaching_assets.replica import sql_client
from coaching_assets_tests.faults.read_api import ReadApi, ReadFault
from coaching_assets_tests.faults.scene import Scene

pytestmark = pytest.mark.representatives(1)

CODES = grpc.StatusCode
SLOW = pytest.mark.slow
NAMES = Counter(table.name for table in TABLES)
"""Tables at the source by name; `opportunity` is in both datasets."""

FAIL = """
create function fail() returns trigger language plpgsql as $$ begin raise 'said by the test'; end $$;
create trigger fail before {} on {} for each statement execute function fail()
"""


@pytest.fixture
def modified(scene: Scene) -> Iterator[Scene]:
    """A source of which every table was loaded again, so that the sync reads all of them."""
    for kind, name in scene.source.present:
        scene.world.forget_loaded(kind, name)
    scene.world.load(scene.source)
    yield scene


def assert_others_read_once(scene: Scene, reading: ReadApi, failing: str, words: str) -> None:
    """Sync with one failing table: the others are loaded, from as many sessions and rows as they have."""
    loads = {load for (load,) in scene.world.query("select load_id from coaching_sync.replica_loads")}
    report = scene.world.deployment.sync()
    states = {line.asset.replace("/", "."): line.state for line in report.lines}
    assert states.pop(failing) == "failed"
    assert set(states.values()) == {"loaded"}
    assert words in " ".join(report.failures)
    name = failing.partition(".")[2]
    others = {table: count for table, count in NAMES.items() if table != name}
    assert {table: reading.sessions[table] for table in others} == others
    rows = scene.world.query(
        "select table_name, sum(rows_read)::bigint from coaching_sync.replica_loads"
        " where load_id <> all (%s) and table_name <> %s and rows_read > 0 group by 1",
        [list(loads), name],
    )
    assert dict(rows) == {table: count for table, count in reading.rows_sent.items() if table != name and count}


def assert_only_it_is_read(scene: Scene, reading: ReadApi, failing: str) -> None:
    """The next sync reads the failed table again, and nothing else."""
    before = dict(reading.sessions)
    scene.assert_healed()
    read = {table for table, count in reading.sessions.items() if count > before.get(table, 0)}
    assert read == {failing.partition(".")[2]}


@pytest.mark.breaks("BigQuery: one table fails while it is read, or before")
@pytest.mark.parametrize(
    ("failing", "code", "after", "words"),
    [
        pytest.param("gongio_ft.call", CODES.PERMISSION_DENIED, None, "denies access", marks=SLOW),
        ("gongio_ft.transcript", CODES.INVALID_ARGUMENT, 20, "said by the test"),
        pytest.param("gongio_ft.call_context_integration", CODES.DATA_LOSS, 5, "did not answer", marks=SLOW),
        pytest.param("gongio_ft.email_recipient", CODES.INVALID_ARGUMENT, 0, "said by the test", marks=SLOW),
        pytest.param("salesforce_ft.account", CODES.INVALID_ARGUMENT, None, "said by the test", marks=SLOW),
        pytest.param("salesforce_ft.opportunity_field_history", CODES.OUT_OF_RANGE, 5, "said by the test", marks=SLOW),
    ],
)
def test_a_failing_read_leaves_the_others_read_once(
    modified: Scene, reading: ReadApi, failing: str, code: grpc.StatusCode, after: int | None, words: str
) -> None:
    reading.faults = [ReadFault(failing.partition(".")[2], code, after=after, times=99)]
    assert_others_read_once(modified, reading, failing, words)
    reading.faults = []
    assert_only_it_is_read(modified, reading, failing)


@pytest.mark.breaks("Postgres: one table cannot be copied or merged")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("failing", "event", "place"),
    [
        ("gongio_ft.call", "insert", "gongio_ft_staging.call"),
        ("gongio_ft.users", "insert or update", "gongio_ft.users"),
        ("gongio_ft.email", "insert or update", "gongio_ft.email"),
        ("salesforce_ft.opportunity_history", "insert", "salesforce_ft_staging.opportunity_history"),
        ("salesforce_ft.user", "insert or update", 'salesforce_ft."user"'),
    ],
)
def test_a_failing_load_leaves_the_others_read_once(
    modified: Scene, reading: ReadApi, failing: str, event: str, place: str
) -> None:
    modified.world.query(FAIL.format(event, place))
    assert_others_read_once(modified, reading, failing, "said by the test")
    modified.world.query("drop function fail() cascade")
    assert_only_it_is_read(modified, reading, failing)


@pytest.mark.breaks("Postgres: one table stays locked")
@pytest.mark.slow
@pytest.mark.parametrize("failing", ["gongio_ft.transcript", "gongio_ft.email_sender", "salesforce_ft.account"])
def test_a_locked_table_leaves_the_others_read_once(
    modified: Scene, reading: ReadApi, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    monkeypatch.setattr(sql_client, "TABLE_LOCK_SECONDS", 0.2)
    with modified.world.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"begin; lock table {failing} in share row exclusive mode")
        assert_others_read_once(modified, reading, failing, "Sessions that hold locks")
    assert_only_it_is_read(modified, reading, failing)


@pytest.mark.breaks("BigQuery: several tables fail")
@pytest.mark.slow
@pytest.mark.parametrize(
    "failing",
    [
        ["call", "transcript", "users"],
        ["email", "email_sender", "email_recipient"],
        ["account", "opportunity_history", "call_speaker", "email"],
    ],
)
def test_several_failing_reads_leave_the_others_read_once(
    modified: Scene, reading: ReadApi, failing: list[str]
) -> None:
    reading.faults = [ReadFault(name, CODES.INVALID_ARGUMENT, after=0, times=99) for name in failing]
    report = modified.world.deployment.sync()
    states = {line.asset.rpartition("/")[2]: line.state for line in report.lines if "_ft/" in line.asset}
    assert {name for name, state in states.items() if state == "failed"} == set(failing)
    assert {name: reading.sessions[name] for name in states if name not in failing} == {
        name: count for name, count in NAMES.items() if name not in failing
    }
    reading.faults = []
    modified.assert_healed()


@pytest.mark.breaks("BigQuery: one table fails while it is read")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "failing"),
    [
        (("gong", "transcript"), "gongio_ft.transcript"),
        (("gong", "email"), "gongio_ft.email"),
        (("salesforce", "opportunity"), "salesforce_ft.opportunity"),
    ],
)
def test_a_new_column_of_a_failing_table_is_created_when_the_table_is_loaded(
    modified: Scene, reading: ReadApi, key: TableKey, failing: str
) -> None:
    source = modified.source
    table = source.sample[key]
    fields = (*table.fields, Field("added", "STRING"))
    changed = {"added": "new", "_fivetran_synced": source.stamp(key, 0)}
    rows = [row | changed for row in table.rows.to_pylist()]
    source.sample = source.sample.replaced({key: SampleTable(fields, to_arrow(rows, fields))})
    modified.world.load(source)
    source.note_seen()
    reading.faults = [ReadFault(key[1], CODES.INVALID_ARGUMENT, after=1, times=99)]
    assert modified.world.sync() != []
    assert "added" not in columns_of(modified, failing)
    reading.faults = []
    modified.assert_healed()
    assert "added" in columns_of(modified, failing)


def columns_of(scene: Scene, table: str) -> set[str]:
    found = scene.world.query("select attname from pg_attribute where attrelid = %s::regclass", [table])
    return {name for (name,) in found}
