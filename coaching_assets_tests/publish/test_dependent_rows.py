"""Rows of the application that depend on a call survive its deletion at the source, whatever protects or hides them."""

import pytest

from coaching_assets.demo.sample import Sample
from coaching_assets.postgres.connection import connect
from coaching_assets.postgres.migrate import ensure_schema
from coaching_assets.publish.cascades import require_no_side_effects
from coaching_assets.publish.session import prepare_session
from coaching_assets_tests.support.deployment import Database, Deployment
from coaching_assets_tests.support.editing import edited
from coaching_assets_tests.support.processes import coaching

pytestmark = pytest.mark.every_version
CALL = ("gong", "call")
PASSWORD = "only-for-this-test"


@pytest.fixture
def call(synced: Deployment) -> tuple[str, str]:
    """A published call: its id and Gong's."""
    (found,) = synced.query("select id::text, gong_call_id from calls order by gong_call_id limit 1")
    return found


def deleted(sample: Sample, gong_call: str) -> Sample:
    return edited(sample, CALL, {"id": gong_call}, _fivetran_deleted=True)


def reviews(deployment: Deployment) -> int:
    return deployment.query("select count(*) from reviews")[0][0]


@pytest.mark.parametrize(
    ("reference", "columns", "values"),
    [
        pytest.param("call_id uuid references calls on delete cascade", "call_id", "id", marks=pytest.mark.slow),
        pytest.param(
            "about varchar references calls (gong_call_id) on delete cascade",
            "about",
            "gong_call_id",
            marks=pytest.mark.slow,
        ),
        (
            "tenant int, call_id uuid, foreign key (tenant, call_id) references calls (tenant, id) on delete cascade",
            "tenant, call_id",
            "tenant, id",
        ),
        pytest.param(
            "call_id uuid references calls on delete cascade deferrable initially deferred",
            "call_id",
            "id",
            marks=pytest.mark.slow,
        ),
    ],
    ids=["the id", "another unique column", "two columns", "a deferred constraint"],
)
def test_a_call_with_a_review_stays(
    reference: str, columns: str, values: str, synced: Deployment, tenth: Sample, call: tuple[str, str]
) -> None:
    synced.query(
        "alter table calls add tenant int default 7; alter table calls add unique (tenant, id);"
        f" create table reviews ({reference})"
    )
    synced.query(f"insert into reviews ({columns}) select {values} from calls where id = %s", [call[0]])
    synced.load(deleted(tenth, call[1]), tables=["call"])
    assert synced.sync().failures == ()
    assert reviews(synced) == 1
    assert synced.query("select count(*) from calls where id = %s", [call[0]]) == [(1,)]

    synced.query("delete from reviews")
    synced.load(edited(deleted(tenth, call[1]), CALL, {"id": call[1]}, title="Gone"), tables=["call"])
    assert synced.sync().failures == ()
    assert synced.query("select count(*) from calls where id = %s", [call[0]]) == [(0,)]


def test_a_trigger_that_deletes_reviews_is_rolled_back(
    synced: Deployment, tenth: Sample, call: tuple[str, str]
) -> None:
    synced.query(
        "create table reviews (call_id uuid);"
        " create function drop_reviews() returns trigger language plpgsql as"
        " $$begin delete from reviews where call_id = old.id; return old; end$$;"
        " create trigger drop_reviews before delete on calls for each row execute function drop_reviews()"
    )
    synced.query("insert into reviews values (%s)", [call[0]])
    ((other,),) = synced.query("select gong_call_id from calls order by gong_call_id desc limit 1")
    synced.load(deleted(deleted(tenth, call[1]), other), tables=["call"])
    (failure,) = synced.sync().failures
    assert "1 rows of public.reviews" in failure
    assert reviews(synced) == 1
    present = "select gong_call_id from calls where gong_call_id in (%s, %s)"
    assert synced.query(present, [call[1], other]) == [(call[1],)], "the other deletion is not rolled back"
    assert synced.query("select key from coaching_sync.requested_aggregates") == [(call[1],)]

    synced.query("drop trigger drop_reviews on calls")
    assert synced.sync().failures == ()
    assert synced.query(present, [call[1], other]) == []
    assert synced.query("select 1 from coaching_sync.rejected_rows where published_table = 'calls'") == []


@pytest.mark.parametrize("table", ["notes", "public.reviews", "gongio_ft_staging.call"])
def test_rows_that_the_connection_deleted_before_do_not_count(database: Database, table: str) -> None:
    """A pooler hands on server connections, whose counters go to the server's statistics once per second."""
    with connect(database.settings) as connection, connection.cursor() as cursor:
        ensure_schema(connection)
        cursor.execute(
            "create schema gongio_ft_staging; select pg_stat_force_next_flush();"
            f" create table {table} as select generate_series(1, 3) as row"
        )
        connection.commit()
        cursor.execute(f"delete from {table}")
        connection.commit()
        prepare_session(connection, database.settings)
        connection.commit()
        require_no_side_effects(cursor)


def test_row_level_security_that_hides_reviews_stops_the_sync(
    synced: Deployment, tenth: Sample, call: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    synced.query(
        "create table reviews (call_id uuid references calls on delete cascade);"
        " alter table reviews enable row level security;"
        " create policy coaches on reviews to pg_monitor using (true)"
    )
    synced.query("insert into reviews values (%s)", [call[0]])
    role = f"writer_{synced.name}"
    synced.query(
        f"create role {role} login password '{PASSWORD}' in role pg_read_all_data, pg_write_all_data;"
        f" grant create on database {synced.name} to {role}"
    )
    for schema in ("coaching_sync", "gongio_ft", "gongio_ft_staging", "salesforce_ft", "salesforce_ft_staging"):
        synced.query(f"alter schema {schema} owner to {role}")
        for (table,) in synced.query("select tablename from pg_tables where schemaname = %s", [schema]):
            synced.query(f'alter table {schema}."{table}" owner to {role}')
    server = synced.postgres
    monkeypatch.setenv("DATABASE_URL", f"postgresql://{role}:{PASSWORD}@{server.host}:{server.port}/{synced.name}")
    doctor = coaching("doctor")
    assert "public.reviews" in doctor.stdout
    assert f"alter role {role} bypassrls" in doctor.stdout
    dry_run = coaching("adopt", "--dry-run")
    assert dry_run.returncode == 1
    assert f"alter role {role} bypassrls" in dry_run.stderr
    synced.load(deleted(tenth, call[1]), tables=["call"])
    (failure,) = synced.sync().failures
    assert "Row-level security" in failure
    assert reviews(synced) == 1

    synced.query(f"alter role {role} bypassrls")
    assert synced.sync().failures == ()
    assert reviews(synced) == 1
    assert synced.query("select count(*) from calls where id = %s", [call[0]]) == [(1,)]
