"""What publishing does and leaves alone, each on a small sample that is changed at the source."""

import uuid
from datetime import datetime, timedelta

import pyarrow as pa
import pytest

from coaching_assets.demo.sample import Sample, generate
from coaching_assets_tests.deployment import Deployment

CALL = ("gong", "call")
TRANSCRIPT, USERS, EMAIL = ("gong", "transcript"), ("gong", "users"), ("gong", "email")


@pytest.fixture(scope="module")
def sample() -> Sample:
    return generate(0.1)


@pytest.fixture
def synced(deployment: Deployment, sample: Sample) -> Deployment:
    deployment.load(sample)
    assert deployment.sync().failures == ()
    return deployment


def later(sample: Sample, hours: int = 1) -> datetime:
    return sample.until + timedelta(hours=hours)


def edited(sample: Sample, key: tuple[str, str], where: dict[str, object], **values: object) -> Sample:
    """The sample with new values in some rows of one table, as Fivetran delivers an edit."""
    table = sample[key]
    numbers = table.numbers(**where)
    assert numbers, f"no row of {key} has {where}"
    return sample.replaced({key: table.edited(numbers, lambda row: row.update(values, _fivetran_synced=later(sample)))})


def a_published_call(deployment: Deployment) -> tuple[str, str]:
    """A call with company-side speakers: its id and Gong's."""
    return deployment.query(
        "select id::text, gong_call_id from calls where prefect_reps <> '{}' order by gong_call_id limit 1"
    )[0]


def test_columns_and_keys_of_the_application_stay(synced: Deployment, sample: Sample) -> None:
    call, gong_call = a_published_call(synced)
    synced.query(
        "update calls set product = 'Core', overall_score = 7, metadata = metadata || '{\"reviewed_by\": \"Kim\"}'"
        " where id = %s",
        [call],
    )
    synced.query("update speakers set role = 'ae' where call_id = %s", [call])
    sample = edited(sample, CALL, {"id": gong_call}, title="Renamed")
    synced.load(sample)
    assert synced.sync().success

    row = synced.query("select title, product, overall_score, metadata from calls where id = %s", [call])[0]
    assert row[:3] == ("Renamed", "Core", 7)
    assert row[3]["reviewed_by"] == "Kim"
    assert row[3]["workspace_ids"]
    assert synced.query("select distinct role from speakers where call_id = %s", [call]) == [("ae",)]


def test_a_deleted_call_goes_unless_coaching_work_hangs_on_it(synced: Deployment, sample: Sample) -> None:
    synced.query(
        "create table coaching_sessions (id serial primary key, rep_id uuid references speakers (id) on delete cascade)"
    )
    calls = synced.query("select id::text, gong_call_id from calls where prefect_reps <> '{}' order by 2 limit 2")
    (kept, kept_gong), (gone, gone_gong) = calls
    synced.query(
        "insert into coaching_sessions (rep_id) select id from speakers where call_id = %s order by id limit 1", [kept]
    )
    for gong_call in (kept_gong, gone_gong):
        sample = edited(sample, CALL, {"id": gong_call}, _fivetran_deleted=True)
    synced.load(sample)
    assert synced.sync().success

    assert synced.query("select count(*) from coaching_sessions") == [(1,)]
    left = synced.query("select id::text, metadata ? 'source_deleted_at' from calls where id in (%s, %s)", [kept, gone])
    assert left == [(kept, True)]
    assert synced.query("select count(*) from speakers where call_id = %s", [kept])[0][0] > 0
    assert synced.query("select count(*) from transcripts where call_id = %s", [gone]) == [(0,)]

    sample = edited(sample, CALL, {"id": kept_gong}, _fivetran_deleted=False)
    synced.load(sample)
    assert synced.sync().success
    assert synced.query("select metadata ? 'source_deleted_at' from calls where id = %s", [kept]) == [(False,)]


def test_rows_of_an_earlier_importer_are_adopted(deployment: Deployment, sample: Sample) -> None:
    deployment.load(sample)
    assert deployment.sync().success
    call, gong_call = a_published_call(deployment)
    speakers = deployment.query("select name, email from speakers where call_id = %s and email is not null", [call])
    before = deployment.query("select count(*) from speakers where call_id = %s", [call])
    # as if it had been there before: random ids, another name, the address in capitals
    deployment.query("drop schema coaching_sync cascade")
    deployment.query("delete from calls where id = %s", [call])
    legacy_call, legacy_speaker, legacy_line = (str(uuid.uuid4()) for _ in range(3))
    deployment.query("insert into calls (id, gong_call_id, title) values (%s, %s, 'Old')", [legacy_call, gong_call])
    deployment.query(
        "insert into speakers (id, call_id, name, email, role) values (%s, %s, 'Old name', upper(%s), 'se')",
        [legacy_speaker, legacy_call, speakers[0][1]],
    )
    deployment.query(
        "insert into transcripts (id, call_id, sequence_number, text) values (%s, %s, 1, 'old')",
        [legacy_line, legacy_call],
    )
    assert deployment.sync().success

    assert deployment.query("select id::text from calls where gong_call_id = %s", [gong_call]) == [(legacy_call,)]
    assert deployment.query("select name, email, role from speakers where id = %s", [legacy_speaker]) == [
        (*speakers[0], "se")
    ]
    assert deployment.query("select count(*) from speakers where call_id = %s", [legacy_call]) == before
    lines = deployment.query(
        "select id::text, text <> 'old' from transcripts where call_id = %s and sequence_number = 1", [legacy_call]
    )
    assert lines == [(legacy_line, True)]


def test_a_table_that_appears_later_is_picked_up(deployment: Deployment, sample: Sample) -> None:
    deployment.load(sample.without(("gong", "email"), ("gong", "email_sender"), ("gong", "email_recipient")))
    report = deployment.sync()
    assert report.success
    assert [line.state for line in report.lines if line.asset == "gongio_ft/email"] == ["not at the source"]
    assert deployment.query("select count(*) from emails") == [(0,)]
    details = deployment.query("select error_details from sync_status where entity_type = 'emails'")[0][0]
    assert "gongio_ft.email" in details["not_at_the_source"]

    deployment.load(sample)
    assert deployment.sync().success
    assert deployment.query("select count(*) > 0 from emails") == [(True,)]


def test_one_table_that_cannot_be_read_does_not_hold_up_the_others(deployment: Deployment, sample: Sample) -> None:
    from google.cloud.bigquery import Table

    deployment.load(sample)
    users = f"{deployment.name}.gongio_ft.users"
    deployment.client.delete_table(users)
    view = Table(users)
    view.view_query = "select * from gongio_ft.nowhere"
    deployment.client.create_table(view)
    report = deployment.sync()

    assert not report.success
    assert any("gongio_ft.users" in failure for failure in report.failures)
    assert deployment.query("select count(*) > 0 from transcripts") == [(True,)]
    assert deployment.query("select count(*) > 0 from opportunities") == [(True,)]
    status, details = deployment.query(
        "select last_sync_status, error_details from sync_status where entity_type = 'speakers'"
    )[0]
    assert status == "partial"
    assert "gongio_ft.users" in details["failed_source_tables"]


def test_a_view_is_read_like_a_table(deployment: Deployment, sample: Sample) -> None:
    deployment.load(sample)
    account = f"`{deployment.name}`.salesforce_ft.account"
    deployment.client.query(f"create table {account}_table as select * from {account}").result()
    deployment.client.query(f"drop table {account}").result()
    deployment.client.query(f"create view {account} as select * from {account}_table").result()
    assert deployment.sync().failures == ()
    assert deployment.query("select count(*) from salesforce_ft.account") == [(sample[ACCOUNT].rows.num_rows,)]
    assert deployment.query("select count(account_name) > 0 from opportunities") == [(True,)]


def test_a_row_that_was_delivered_twice_is_published_once(deployment: Deployment, sample: Sample) -> None:
    call = sample[CALL]
    newer = sample[CALL].edited(range(call.rows.num_rows), lambda row: row.update(title="Newer"))
    twice = pa.concat_tables(
        [
            call.rows,
            newer.rows.set_column(
                newer.rows.schema.get_field_index("_fivetran_synced"),
                "_fivetran_synced",
                pa.array([later(sample)] * newer.rows.num_rows, newer.rows["_fivetran_synced"].type),
            ),
        ]
    )
    deployment.load(sample.replaced({CALL: type(call)(call.fields, twice)}))
    for _ in range(2):
        assert deployment.sync().failures == ()
        assert deployment.query("select count(*) - count(distinct (id, workspace_id)) from gongio_ft.call") == [(0,)]
        assert deployment.query("select distinct title from calls") == [("Newer",)]


def test_rejected_rows_leave_once_the_source_is_mended(synced: Deployment, sample: Sample) -> None:
    rejected = synced.query(
        "select key ->> 'call_id', key ->> 'index', reason, source_row ->> 'sentence' from coaching_sync.rejected_rows"
        " where published_table = 'transcripts' and reason = 'sentence is missing' limit 1"
    )
    assert rejected, "the sample plants such a row"
    call, index, _, sentence = rejected[0]
    assert sentence is None
    count = synced.query("select errors_count from sync_status where entity_type = 'transcripts'")[0][0]
    mended = edited(sample, TRANSCRIPT, {"call_id": call, "index": index}, sentence="Now we hear you.")
    synced.load(mended)
    assert synced.sync().success
    assert synced.query(
        "select count(*) from coaching_sync.rejected_rows where key ->> 'call_id' = %s and key ->> 'index' = %s",
        [call, index],
    ) == [(0,)]
    assert synced.query("select errors_count from sync_status where entity_type = 'transcripts'") == [(count - 1,)]
    published = (
        "select text from transcripts join calls on calls.id = call_id where gong_call_id = %s and sequence_number = %s"
    )
    assert synced.query(published, [call, int(index)]) == [("Now we hear you.",)]


def test_a_row_without_a_key_is_kept_as_rejected(synced: Deployment, sample: Sample) -> None:
    email = sample[EMAIL].appended([{"id": None, "subject": "From nowhere", "_fivetran_synced": later(sample)}])
    synced.load(sample.replaced({EMAIL: email}))
    assert synced.sync().success
    query = (
        "select reason, source_row ->> 'subject' from coaching_sync.rejected_rows"
        " where published_table = 'emails' and aggregate_key = ''"
    )
    assert synced.query(query) == [("id is missing", "From nowhere")]


def test_one_published_table_can_be_materialized_by_itself(synced: Deployment, sample: Sample) -> None:
    from dagster import AssetKey, DagsterInstance, execute_job, reconstructable

    from coaching_assets.definitions import sync_job

    _, gong_call = a_published_call(synced)
    sample = edited(sample, CALL, {"id": gong_call}, title="Renamed")
    line = synced.query(
        "select sequence_number from transcripts join calls on calls.id = call_id where gong_call_id = %s limit 1",
        [gong_call],
    )[0][0]
    sample = edited(sample, TRANSCRIPT, {"call_id": gong_call, "index": str(line)}, sentence="Changed.")
    synced.load(sample)
    selection = [AssetKey(key) for key in (["gongio_ft", "call"], ["gongio_ft", "transcript"], ["coaching", "calls"])]
    with (
        DagsterInstance.ephemeral() as instance,
        execute_job(reconstructable(sync_job), instance=instance, asset_selection=selection) as result,
    ):
        assert result.success

    assert synced.query("select title from calls where gong_call_id = %s", [gong_call]) == [("Renamed",)]
    assert synced.query("select count(*) from transcripts where text = 'Changed.'") == [(0,)]
    assert synced.sync().success
    assert synced.query("select count(*) from transcripts where text = 'Changed.'") == [(1,)]
