"""Wrong values in the replica whose stamp is right: the reconciliation finds and repairs them, whatever their type."""

from pathlib import Path

import pytest

from coaching_assets.defs.reconciliation_checks import check_metadata
from coaching_assets.demo.sample import generate
from coaching_assets.reconcile.reconciliation import reconcile
from coaching_assets_tests.support.deployment import Deployment
from coaching_assets_tests.support.editing import found_differences

WRONG = {
    "salesforce_ft.opportunity": "update salesforce_ft.opportunity set amount = amount + 1",
    "gongio_ft.opportunity": "update gongio_ft.opportunity set health_score = health_score * 1.0000000000000002",
    "gongio_ft.call_speaker": "update gongio_ft.call_speaker set talk_time = 0 where talk_time <> 0",
}


@pytest.mark.slow
def test_wrong_numbers_are_found_and_repaired(deployment: Deployment, tmp_path: Path) -> None:
    sample = generate(0.03, connector="typed")
    deployment.load(sample)
    assert deployment.sync().failures == ()
    result = reconcile(deployment.settings)
    assert result.is_equal
    by_name = {comparison.name: comparison for comparison in result.comparisons.values()}

    transcript = by_name["gongio_ft.transcript"]
    assert "sentence" in transcript.restriction
    assert check_metadata(transcript, {})["rows_equal_in_compared_columns"] > 0
    assert "rows_proven_equal" not in check_metadata(transcript, {}), "a column was not compared"
    assert by_name["gongio_ft.users"].restriction == ""
    assert check_metadata(by_name["gongio_ft.users"], {})["rows_proven_equal"] > 0

    for statement in WRONG.values():
        deployment.query(statement)
    repaired = reconcile(deployment.settings, repair=True)
    assert {name for name in WRONG if repaired.found[name]} == set(WRONG)
    assert repaired.is_equal
    assert found_differences(deployment, sample, tmp_path) == []
