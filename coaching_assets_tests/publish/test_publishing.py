"""What publishing does and leaves alone, each on a small sample that is changed at the source."""

from coaching_assets.demo.sample import Sample
from coaching_assets_tests.support.deployment import Deployment
from coaching_assets_tests.support.editing import edited

CALL = ("gong", "call")
ACCOUNT = ("salesforce", "account")
TRANSCRIPT, USERS, EMAIL = ("gong", "transcript"), ("gong", "users"), ("gong", "email")


def a_published_call(deployment: Deployment) -> tuple[str, str]:
    """A call with company-side speakers: its id and Gong's."""
    return deployment.query(
        "select id::text, gong_call_id from calls where prefect_reps <> '{}' order by gong_call_id limit 1"
    )[0]


def test_columns_and_keys_of_the_application_stay(synced: Deployment, tenth: Sample) -> None:
    call, gong_call = a_published_call(synced)
    synced.query(
        "update calls set product = 'Core', overall_score = 7, metadata = metadata || '{\"reviewed_by\": \"Kim\"}'"
        " where id = %s",
        [call],
    )
    synced.query("update speakers set role = 'ae' where call_id = %s", [call])
    sample = edited(tenth, CALL, {"id": gong_call}, title="Renamed")
    synced.load(sample)
    assert synced.sync().success

    row = synced.query("select title, product, overall_score, metadata from calls where id = %s", [call])[0]
    assert row[:3] == ("Renamed", "Core", 7)
    assert row[3]["reviewed_by"] == "Kim"
    assert row[3]["workspace_ids"]
    assert synced.query("select distinct role from speakers where call_id = %s", [call]) == [("ae",)]


def test_one_table_that_cannot_be_read_does_not_hold_up_the_others(deployment: Deployment, tenth: Sample) -> None:
    from google.cloud.bigquery import Table

    deployment.load(tenth)
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


def test_a_view_is_read_like_a_table(deployment: Deployment, tenth: Sample) -> None:
    deployment.load(tenth)
    accounts = tenth["salesforce", "account"].rows.num_rows
    account = f"`{deployment.name}`.salesforce_ft.account"
    deployment.client.query(f"create table {account}_table as select * from {account}").result()
    deployment.client.query(f"drop table {account}").result()
    deployment.client.query(f"create view {account} as select * from {account}_table").result()
    assert deployment.sync().failures == ()
    assert deployment.query("select count(*) from salesforce_ft.account") == [(accounts,)]
    assert deployment.query("select count(account_name) > 0 from opportunities") == [(True,)]


def test_one_published_table_can_be_materialized_by_itself(synced: Deployment, tenth: Sample) -> None:
    from dagster import AssetKey, execute_job, reconstructable

    from coaching_assets.definitions import sync_job
    from coaching_assets.defs.instance import instance_of_this_process

    _, gong_call = a_published_call(synced)
    sample = edited(tenth, CALL, {"id": gong_call}, title="Renamed")
    line = synced.query(
        "select sequence_number from transcripts join calls on calls.id = call_id where gong_call_id = %s limit 1",
        [gong_call],
    )[0][0]
    sample = edited(sample, TRANSCRIPT, {"call_id": gong_call, "index": str(line)}, sentence="Changed.")
    synced.load(sample)
    selection = [AssetKey(key) for key in (["gongio_ft", "call"], ["gongio_ft", "transcript"], ["coaching", "calls"])]
    with (
        instance_of_this_process() as instance,
        execute_job(reconstructable(sync_job), instance=instance, asset_selection=selection) as result,
    ):
        assert result.success

    assert synced.query("select title from calls where gong_call_id = %s", [gong_call]) == [("Renamed",)]
    assert synced.query("select count(*) from transcripts where text = 'Changed.'") == [(0,)]
    assert synced.sync().success
    assert synced.query("select count(*) from transcripts where text = 'Changed.'") == [(1,)]
