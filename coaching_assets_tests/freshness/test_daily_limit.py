"""The check `within_daily_limit` warns near the limit, on one asset, and says what waits."""

from datetime import UTC, datetime, timedelta

import pytest
from dagster import AssetKey

from coaching_assets.alerts.remedies import OTHER_CHECK, remedy_for
from coaching_assets.defs.freshness_checks import asset_key, evaluate, freshness_specs
from coaching_assets.freshness.evaluate import evaluate_freshness
from coaching_assets.freshness.verdict import WITHIN_DAILY_LIMIT, Verdict
from coaching_assets_tests.support.dagster_resources import servers
from coaching_assets_tests.support.deployment import Deployment
from coaching_assets_tests.support.spending import forget_spending, spend

pytestmark = pytest.mark.representatives(2)

LIMIT = 1_000_000


def verdict(deployment: Deployment, now: datetime) -> Verdict:
    bigquery, postgres = servers()
    with postgres.connect(autocommit=True) as database, bigquery.connect() as client:
        verdicts = evaluate_freshness(deployment.settings, client, database, now)
        (found,) = [verdict for verdict in verdicts if verdict.check == WITHIN_DAILY_LIMIT]
    return found


@pytest.mark.parametrize(
    ("limit", "share", "passed", "words"),
    [
        pytest.param("", 5, True, "there is no limit", marks=pytest.mark.slow),
        pytest.param(str(LIMIT), 0.5, True, "50% of BIGQUERY_DAILY_BYTES.", marks=pytest.mark.slow),
        pytest.param(str(LIMIT), 0.85, False, "at 90%, changes wait", marks=pytest.mark.slow),
        (str(LIMIT), 0.95, False, "so changes wait for the hourly sync"),
        pytest.param(str(LIMIT), 1.5, False, "the reconciliation", marks=pytest.mark.slow),
    ],
)
def test_the_check_warns_near_the_limit(
    synced: Deployment, monkeypatch: pytest.MonkeyPatch, limit: str, share: float, passed: bool, words: str
) -> None:
    monkeypatch.setenv("BIGQUERY_DAILY_BYTES", limit)
    forget_spending(synced)
    now = datetime.now(UTC)
    spend(synced, int(LIMIT * share), now)
    found = verdict(synced, now)
    assert (found.passed, found.severity) == (passed, "warning")
    assert words in found.description
    assert asset_key(synced.settings, found) == AssetKey(["bigquery", "gongio_ft", "call"])
    assert verdict(synced, now + timedelta(days=1)).passed, "a new day begins at zero"


def test_every_verdict_has_a_spec_and_the_check_a_remedy(synced: Deployment) -> None:
    keys = {(asset_key(synced.settings, found), found.check) for found in evaluate(*servers())}
    assert keys == {(spec.asset_key, spec.name) for spec in freshness_specs(synced.settings)}
    assert remedy_for("check", WITHIN_DAILY_LIMIT) != OTHER_CHECK
