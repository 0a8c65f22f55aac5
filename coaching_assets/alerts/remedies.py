"""The remedy for each check and job: the last sentence of an alert."""

from collections.abc import Mapping

from coaching_assets.publish.tables import TABLES

CHECK_REMEDIES: Mapping[str, str] = {
    "published_is_fresh": "Open the last runs of coaching_sync. If they succeed, or if there are none, check that the"
    " schedule is on and Dagster's daemon is running, then run `coaching sync`.",
    "source_is_fresh": "Fivetran has delivered no new rows. Check the connector's last sync in Fivetran's dashboard;"
    " the problem cannot be fixed here.",
    "within_daily_limit": "Run `coaching status --cost` to see which tables cost most, and `coaching doctor`."
    " Raise BIGQUERY_DAILY_BYTES if the cost is expected.",
    "last_sync_succeeded": "Open the failed run and read its first error. Run `coaching doctor` to check settings and"
    " rights.",
    "loaded": "The reason above says why the table could not be loaded. Run `coaching doctor` to see whether the"
    " problem persists.",
    "schema_matches": "Compare the columns in the check's result with the table's selection in Fivetran. Select a"
    " missing required column again.",
    "rows_publishable": "Run `coaching rejected` to list the rows and the reasons. Correct them in Gong or Salesforce,"
    " or the application's rule that rejects them; the next sync publishes them.",
    "equals_source": "Run `coaching reconcile` to list the rows that differ from BigQuery. Add --repair to repair"
    " them.",
    "equals_replica": "Run `coaching reconcile` to list the rows that differ from the replica. Add --repair to repair"
    " them.",
    **{check.name: check.remedy for table in TABLES for check in table.checks},
}

JOB_REMEDIES: Mapping[str, str] = {
    "coaching_sync": "Open the run, or run `coaching doctor`. After the fix, run `coaching sync` or wait for the next"
    " full hour: either catches up completely.",
    "coaching_reconciliation": "Open the run. After the fix, run `coaching reconcile` to repeat the comparison.",
}

OTHER_CHECK = "Open the check in Dagster's UI and read its description and result."
OTHER_JOB = "Open the run in Dagster's UI and read its first error."


def remedy_for(kind: str, name: str) -> str:
    """Find the remedy for a check (`kind` is "check") or for the failed runs of a job."""
    return CHECK_REMEDIES.get(name, OTHER_CHECK) if kind == "check" else JOB_REMEDIES.get(name, OTHER_JOB)
