"""The reconciliation: the differences it finds, the repairs, and the cost."""

from collections.abc import Sequence
from datetime import timedelta

import pyarrow as pa
import pytest

from coaching_assets.demo.sample import Sample, generate
from coaching_assets.reconcile.reconciliation import Reconciliation, reconcile
from coaching_assets_tests.support.deployment import Deployment
from coaching_assets_tests.support.processes import coaching

CALL, USERS, EMAIL, ACCOUNT = ("gong", "call"), ("gong", "users"), ("gong", "email"), ("salesforce", "account")


def differences(result: Reconciliation) -> dict[str, tuple[int, int, int]]:
    """By table, how many rows are missing, extra and different."""
    found = {
        comparison.name: (comparison.rows["missing"], comparison.rows["extra"], comparison.rows["different"])
        for comparison in result.comparisons.values()
    }
    found |= {
        name: (table.rows["inserted"], table.rows["deleted"], table.rows["updated"])
        for name, table in result.plan.tables.items()
    }
    return {name: rows for name, rows in found.items() if any(rows)}


def rows_of(deployment: Deployment, result: Reconciliation) -> dict[str, int]:
    return {
        comparison.name: deployment.query(f'select count(*) from {comparison.schema}."{comparison.table.name}"')[0][0]
        for comparison in result.comparisons.values()
    }


def delete_at_source(deployment: Deployment, table: str, where: str) -> None:
    run_at_source(deployment, [f"delete from {table} where {where}"])


def one_line(text: str) -> str:
    return " ".join(text.split())


def run_at_source(deployment: Deployment, statements: Sequence[str]) -> None:
    deployment.source_changed()
    for statement in statements:
        deployment.client.query(statement).result()


@pytest.mark.slow
@pytest.mark.parametrize("connector", ["strings", "typed"])
def test_a_match_costs_one_query_job_a_table_that_returns_buckets(deployment: Deployment, connector: str) -> None:
    sample = generate(0.1, connector=connector)
    call, email = sample[CALL], sample[EMAIL]
    older = call.rows.set_column(
        call.rows.schema.get_field_index("title"), "title", pa.array(["Older"] * call.rows.num_rows, pa.string())
    )
    older = older.set_column(
        older.schema.get_field_index("_fivetran_synced"),
        "_fivetran_synced",
        pa.array([sample.until - timedelta(days=900)] * older.num_rows, older["_fivetran_synced"].type),
    )
    deployment.load(
        sample.replaced(
            {
                CALL: type(call)(call.fields, pa.concat_tables([older, call.rows])),
                EMAIL: email.appended([{"id": None, "subject": "N\u0000UL", "_fivetran_synced": sample.until}]),
            }
        )
    )
    assert deployment.sync().failures == ()
    jobs_before = {job.job_id for job in deployment.client.list_jobs()}
    result = reconcile(deployment.settings)

    assert differences(result) == {}
    assert result.is_equal
    assert {c.name: c.equal for c in result.comparisons.values()} == rows_of(deployment, result)
    assert {n: t.equal for n, t in result.plan.tables.items()} == {
        name: deployment.query(f"select count(*) from {name}")[0][0] for name in result.plan.tables
    }
    jobs = [job for job in deployment.client.list_jobs() if job.job_id not in jobs_before]
    assert len(jobs) == len(result.comparisons)
    assert max(job.result().total_rows for job in jobs) <= 256
    assert max(c.equal for c in result.comparisons.values()) > 2_000


@pytest.mark.slow
def test_a_late_row_beyond_the_overlap_is_found_and_repaired(synced: Deployment, tenth: Sample) -> None:
    late = {"id": "late", "subject": "Late", "_fivetran_synced": tenth.until - timedelta(days=60)}
    synced.load(tenth.replaced({EMAIL: tenth[EMAIL].appended([late])}))
    assert synced.sync().success
    assert synced.query("select count(*) from emails where gong_email_id = 'late'") == [(0,)]

    printed = coaching("reconcile")
    assert printed.returncode == 1
    assert "gongio_ft.email, missing:\n  late\n" in printed.stdout
    assert "coaching reconcile --repair" in printed.stdout
    assert synced.query("select count(*) from gongio_ft.email where id = 'late'") == [(0,)]

    printed = coaching("reconcile", "--repair")
    assert printed.returncode == 0, printed.stdout + printed.stderr
    assert "Reloading gongio_ft.email." in printed.stderr
    read = (
        "select rows_read from coaching_sync.replica_loads where table_name = 'email' order by loaded_at desc limit 1"
    )
    assert synced.query(read)[0][0] < synced.query("select count(*) from gongio_ft.email")[0][0] / 2, "only its time"
    assert synced.query("select subject from emails where gong_email_id = 'late'") == [("Late",)]


def test_a_row_that_the_next_sync_reads_is_no_difference(synced: Deployment, tenth: Sample) -> None:
    email = tenth[EMAIL]
    within = {
        "id": "within",
        "subject": "Late, within the overlap",
        "_fivetran_synced": tenth.until - timedelta(hours=1),
    }
    newer = {"id": "newer", "subject": "New", "_fivetran_synced": tenth.until + timedelta(hours=1)}
    changed = email.edited(
        [0], lambda row: row.update(subject="Changed", _fivetran_synced=tenth.until + timedelta(hours=1))
    )
    synced.load(tenth.replaced({EMAIL: changed.appended([within, newer])}))
    jobs_before = {job.job_id for job in synced.client.list_jobs()}
    result = reconcile(synced.settings)

    assert differences(result) == {}
    compared = next(c for c in result.comparisons.values() if c.name == "gongio_ft.email")
    assert (compared.equal, compared.pending) == (email.rows.num_rows - 1, 3)
    jobs = [job for job in synced.client.list_jobs() if job.job_id not in jobs_before]
    assert len(jobs) == len(result.comparisons) + 1, "only the late row makes a second look necessary"


def test_rows_that_vanished_are_removed_with_what_is_published_of_them(synced: Deployment) -> None:
    synced.query(
        "create table coaching_sessions (id serial primary key, call_id uuid references calls (id) on delete cascade)"
    )
    (gone, gone_id), (kept, kept_id) = synced.query("select gong_call_id, id::text from calls order by 1 limit 2")
    synced.query("insert into coaching_sessions (call_id) values (%s)", [kept_id])
    email, opportunity = synced.query(
        "select gong_email_id, gong_opportunity_id"
        " from emails join opportunities on opportunities.id = opportunity_id limit 1"
    )[0]
    (speaker,) = synced.query(
        "select id from gongio_ft.call_participant where call_id not in (%s, %s) and speaker_id is not null limit 1",
        [gone, kept],
    )[0]
    run_at_source(
        synced,
        [
            f"delete from gongio_ft.call where id in ('{gone}', '{kept}')",
            f"delete from gongio_ft.call_participant where id = '{speaker}'",
            f"delete from salesforce_ft.opportunity where id = '{opportunity}'",
        ],
    )
    settings = synced.settings.model_copy(update={"reconcile_surplus_share": 0.2})
    found = reconcile(settings)
    assert differences(found) == {
        "gongio_ft.call": (0, 2, 0),
        "gongio_ft.call_participant": (0, 1, 0),
        "salesforce_ft.opportunity": (0, 1, 0),
    }
    repaired = reconcile(settings, repair=True)
    assert repaired.skipped == []
    assert differences(repaired) == {}
    assert synced.query("select count(*) from calls where id = %s", [gone_id]) == [(0,)]
    assert synced.query("select count(*) from transcripts where call_id = %s", [gone_id]) == [(0,)]
    assert synced.query("select count(*) from coaching_sessions") == [(1,)]
    assert synced.query("select metadata ? 'source_deleted_at' from calls where id = %s", [kept_id]) == [(True,)]
    assert synced.query("select count(*) from opportunities where gong_opportunity_id = %s", [opportunity]) == [(0,)]
    assert synced.query("select opportunity_id from emails where gong_email_id = %s", [email]) == [(None,)]
    assert synced.query("select count(*) from coaching_sync.requested_aggregates") == [(0,)]
    assert synced.sync().success
    assert synced.query("select count(*) from calls where id = %s", [gone_id]) == [(0,)]


@pytest.mark.slow
def test_many_extra_rows_stay_unless_the_repair_is_forced(synced: Deployment) -> None:
    users = synced.query("select count(*) from gongio_ft.users")[0][0]
    delete_at_source(synced, "gongio_ft.users", "true")
    printed = coaching("reconcile", "--repair")
    assert printed.returncode == 1
    assert f"gongio_ft.users: BigQuery no longer has {users} rows, 100% of the table." in one_line(printed.stdout)
    assert synced.query("select count(*) from gongio_ft.users") == [(users,)]

    printed = coaching("reconcile", "--repair", "--force")
    assert printed.returncode == 0, printed.stdout + printed.stderr
    assert synced.query("select count(*) from gongio_ft.users") == [(0,)]


def test_rows_changed_by_hand_are_found_and_repaired(synced: Deployment) -> None:
    call, title = synced.query(
        "select id, title from gongio_ft.call where not _fivetran_deleted and title <> '' order by id limit 1"
    )[0]
    published, speaker, email = (
        synced.query(query)[0][0]
        for query in (
            "select id::text from calls order by gong_call_id desc limit 1",
            "select id::text from speakers order by id limit 1",
            "select gong_email_id from emails order by id limit 1",
        )
    )
    synced.query("update gongio_ft.call set title = 'By hand' where id = %s", [call])
    synced.query("update calls set title = 'By hand', product = 'Core' where id = %s", [published])
    synced.query("delete from speakers where id = %s", [speaker])
    synced.query("delete from emails where gong_email_id = %s", [email])
    # what a source row that the replica lost would have left behind
    synced.query("insert into emails (id, gong_email_id) values ('11111111-1111-8111-8111-111111111111', 'nowhere')")
    # and the application's own
    synced.query("insert into emails (gong_email_id) values ('its own')")

    found = differences(reconcile(synced.settings))
    assert found["gongio_ft.call"][2] >= 1
    assert found["calls"][2] >= 2
    assert found["speakers"] == (1, 0, 0)
    assert found["emails"] == (1, 1, 0)
    repaired = reconcile(synced.settings, repair=True)
    assert differences(repaired) == {}
    assert repaired.found["gongio_ft.call"] >= 1
    assert synced.query("select distinct title from gongio_ft.call where id = %s", [call]) == [(title,)]
    assert synced.query("select title <> 'By hand', product from calls where id = %s", [published]) == [(True, "Core")]
    assert synced.query("select count(*) from speakers where id = %s", [speaker]) == [(1,)]
    assert synced.query("select count(*) from emails where gong_email_id = %s", [email]) == [(1,)]
    assert synced.query("select gong_email_id from emails where gong_email_id in ('nowhere', 'its own')") == [
        ("its own",)
    ]


@pytest.mark.slow
def test_a_published_row_that_alone_was_changed_by_hand_is_repaired(synced: Deployment) -> None:
    assert reconcile(synced.settings, repair=True).is_equal
    title = "select title from calls where id = (select min(id::text)::uuid from calls)"
    before = synced.query(title)
    synced.query("update calls set title = 'By hand' where id = (select min(id::text)::uuid from calls)")
    found = reconcile(synced.settings)
    assert differences(found) == {"calls": (0, 0, 1)}
    assert not found.is_equal
    assert reconcile(synced.settings, repair=True).is_equal
    assert synced.query(title) == before


@pytest.mark.slow
def test_a_table_that_cannot_be_read_does_not_keep_the_others_from_being_compared(synced: Deployment) -> None:
    from google.cloud.bigquery import Table

    users = f"{synced.project.name}.gongio_ft.users"
    synced.source_changed()
    synced.client.delete_table(users)
    view = Table(users)
    view.view_query = "select * from gongio_ft.nowhere"
    synced.client.create_table(view)
    result = reconcile(synced.settings)
    synced.client.delete_table(users)
    assert [c.name for c in result.comparisons.values() if c.state == "failed"] == ["gongio_ft.users"]
    assert not result.is_equal
    assert sum(c.state == "compared" for c in result.comparisons.values()) == 14


@pytest.mark.slow
def test_what_was_erased_stays_away_and_is_no_difference_once_it_was_looked_at(synced: Deployment) -> None:
    (email,) = synced.query("select gong_email_id from emails order by id limit 1")[0]
    oldest = "select id from gongio_ft.call where id in (select gong_call_id from calls) order by _fivetran_synced, id"
    (call,) = synced.query(f"{oldest} limit 1")[0]
    assert coaching("erase", "--call", call, "--yes").returncode == 0
    synced.query("delete from gongio_ft.email where id = %s", [email])
    result = reconcile(synced.settings, repair=True)
    assert differences(result) == {}
    assert result.is_equal
    assert {c.name: c.withheld for c in result.comparisons.values()}["gongio_ft.call"] >= 1
    assert synced.query("select count(*) from gongio_ft.email where id = %s", [email]) == [(1,)]
    assert synced.query("select count(*) from gongio_ft.call where id = %s", [call]) == [(0,)]
    assert synced.query("select count(*) from calls where gong_call_id = %s", [call]) == [(0,)]

    synced.query("delete from gongio_ft.transcript where ctid in (select ctid from gongio_ft.transcript limit 1)")
    result = reconcile(synced.settings)
    assert differences(result)["gongio_ft.transcript"] == (1, 0, 0), "of what was not erased, a missing row is told"
    assert {name for name in differences(result) if name.startswith("gongio_ft")} == {"gongio_ft.transcript"}
    assert {c.name: c.withheld for c in result.comparisons.values()}["gongio_ft.call"] >= 1
