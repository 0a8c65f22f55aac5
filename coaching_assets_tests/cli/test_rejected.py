"""`coaching rejected`: a table for people, and complete rows as JSON for programs."""

import json

import pytest

from coaching_assets_tests.support.deployment import Deployment
from coaching_assets_tests.support.processes import coaching


@pytest.mark.integration
@pytest.mark.usefixtures("database")
def test_before_the_first_sync_no_rows_are_rejected() -> None:
    assert coaching("rejected").stdout.strip() == "No rows are rejected."


def test_rejected_rows_are_listed_and_written_as_json(synced: Deployment) -> None:
    transcripts = "select count(*) from coaching_sync.rejected_rows where published_table = 'transcripts'"
    ((transcripts,),) = synced.query(transcripts)
    ((everything,),) = synced.query("select count(*) from coaching_sync.rejected_rows")
    assert 0 < transcripts < everything

    listed = coaching("rejected", COLUMNS="200")
    assert listed.returncode == 0
    assert "sentence is missing" in listed.stdout
    assert "name is missing" in listed.stdout
    assert "name is missing" not in coaching("rejected", "--table", "transcripts", COLUMNS="200").stdout

    whole = json.loads(coaching("rejected", "--json").stdout)
    assert len(whole) == everything
    row = next(row for row in whole if row["reason"] == "name is missing")
    assert row["published_table"] == "opportunities"
    assert row["source_view"] == "salesforce_opportunity"
    assert row["source_row"]["id"] == row["key"]["id"]
    assert row["first_seen"] <= row["last_seen"]
    assert len(json.loads(coaching("rejected", "--json", "--table", "transcripts").stdout)) == transcripts

    wrong = coaching("rejected", "--table", "callers")
    assert wrong.returncode == 1
    assert wrong.stderr.startswith("--table callers: no such published table. Choose one of opportunities,")
