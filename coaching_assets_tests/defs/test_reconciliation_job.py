"""The daily job that reconciles, and the hourly one, which does not."""

import pytest
from dagster import AssetCheckKey, AssetKey, DagsterInstance

from coaching_assets_tests.support.deployment import Deployment


@pytest.mark.slow
def test_the_daily_job_repairs_and_reports_equal_rows(synced: Deployment) -> None:
    from coaching_assets.definitions import defs

    assert defs.resolve_schedule_def("daily_reconciliation").cron_schedule == "30 4 * * *"
    synced.query("update salesforce_ft.account set name = 'By hand'")
    with DagsterInstance.ephemeral() as instance:
        result = defs.resolve_job_def("coaching_reconciliation").execute_in_process(instance=instance)
        assert result.success
        evaluations = {AssetCheckKey(e.asset_key, e.check_name): e for e in result.get_asset_check_evaluations()}
    assert len(evaluations) == 15 + 6
    assert all(evaluation.passed for evaluation in evaluations.values())
    account = evaluations[AssetCheckKey(AssetKey(["salesforce_ft", "account"]), "equals_source")].metadata
    accounts = synced.query("select count(*) from salesforce_ft.account")[0][0]
    assert account["rows_proven_equal"].value == accounts
    assert account["rows_repaired"].value == accounts
    assert account["rows_different"].value == 0
    assert account["as_of"].value.endswith("+00:00")
    calls = evaluations[AssetCheckKey(AssetKey(["coaching", "calls"]), "equals_replica")].metadata
    assert [calls["rows_proven_equal"].value] == list(synced.query("select count(*) from calls")[0])
    assert synced.query("select count(*) from salesforce_ft.account where name = 'By hand'") == [(0,)]


def test_the_hourly_sync_does_not_reconcile() -> None:
    from coaching_assets.definitions import defs

    names = {node.name for node in defs.resolve_job_def("coaching_sync").nodes}
    assert "reconciliation" not in names
    assert {"gong_calls", "salesforce", "publish_calls"} <= names
