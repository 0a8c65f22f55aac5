"""Above the daily limit, the reconciliation waits, says so, and proves nothing."""

import pytest
from dagster import AssetCheckSeverity, DagsterInstance

from coaching_assets.reconcile.reconciliation import reconcile
from coaching_assets_tests.support.deployment import Deployment
from coaching_assets_tests.support.processes import coaching
from coaching_assets_tests.support.spending import forget_spending, spend, spent

pytestmark = pytest.mark.representatives(1)

LIMIT = 1_000_000


@pytest.fixture(autouse=True)
def limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIGQUERY_DAILY_BYTES", str(LIMIT))


@pytest.mark.parametrize(
    ("share", "repair"), [(1.0, False), *(pytest.param(share, True, marks=pytest.mark.slow) for share in (1.0, 3.0))]
)
def test_at_the_limit_no_table_is_compared(synced: Deployment, share: float, repair: bool) -> None:
    forget_spending(synced)
    spend(synced, int(LIMIT * share))
    before = spent(synced)
    reported: list[str] = []
    result = reconcile(synced.settings, repair=repair, report=reported.append)
    assert {comparison.state for comparison in result.comparisons.values()} == {"postponed"}
    assert not any(comparison.is_equal or comparison.is_proven for comparison in result.comparisons.values())
    assert all("until 00:00 UTC" in (comparison.reason or "") for comparison in result.comparisons.values())
    assert any("BIGQUERY_DAILY_BYTES" in sentence for sentence in reported)
    assert not result.is_equal
    assert spent(synced) == before, "no query ran"


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.0, 0.85, 0.95])
def test_below_the_limit_all_tables_are_compared(synced: Deployment, share: float) -> None:
    forget_spending(synced)
    spend(synced, int(LIMIT * share))
    reported: list[str] = []
    result = reconcile(synced.settings, report=reported.append)
    assert result.is_equal
    assert bool(reported) == (share >= 0.8)
    compared = {table for table, activity, kind in spent(synced) if (activity, kind) == ("reconciliation", "query")}
    assert compared == {comparison.name for comparison in result.comparisons.values()}


@pytest.mark.slow
def test_the_checks_warn_and_the_command_says_why(synced: Deployment) -> None:
    from coaching_assets.definitions import defs

    forget_spending(synced)
    spend(synced, LIMIT)
    with DagsterInstance.ephemeral() as instance:
        result = defs.resolve_job_def("coaching_reconciliation").execute_in_process(instance=instance)
        assert result.success
        checks = [c for c in result.get_asset_check_evaluations() if c.check_name == "equals_source"]
    assert checks
    assert {(check.passed, check.severity) for check in checks} == {(False, AssetCheckSeverity.WARN)}
    command = coaching("reconcile")
    assert command.returncode == 1
    assert "postponed" in command.stdout
    assert "BIGQUERY_DAILY_BYTES" in command.stdout + command.stderr
