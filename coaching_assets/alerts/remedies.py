"""What to do about each check and job that fails, as data: the last sentence of an alert."""

from collections.abc import Mapping

CHECK_REMEDIES: Mapping[str, str] = {
    "published_is_fresh": "Look at the last runs of coaching_sync; if they succeed or there are none, see whether the"
    " schedule and Dagster's daemon are running, then run `coaching sync`.",
    "source_is_fresh": "Fivetran has not delivered: look at the connector's last sync in Fivetran's dashboard. Nothing"
    " on this side can mend it.",
    "last_sync_succeeded": "Open the failed run; its first error says what to do. `coaching doctor` checks settings and"
    " rights.",
    "loaded": "The sentence above says what kept the table from being read; `coaching doctor` shows whether it still"
    " does.",
    "schema_matches": "Compare the columns that it names with the table's selection in Fivetran; a required column that"
    " is gone has to be selected again.",
    "rows_publishable": "`coaching rejected` lists the rows and why; mend them in Gong or Salesforce, and they are"
    " published by the next sync.",
    "keys_unique": "Somebody else writes to the table: find the rows by the check's numbers, and who wrote them.",
    "parents_present": "Somebody else deleted rows that others refer to; `coaching reconcile --repair` publishes them"
    " again.",
    "talk_time_within_call": "Look at the calls that the check names in Gong; what Gong says is published.",
    "equals_source": "`coaching reconcile` says which rows differ from BigQuery, and with --repair mends them.",
    "equals_replica": "`coaching reconcile` says which rows differ from the replica, and with --repair mends them.",
}

JOB_REMEDIES: Mapping[str, str] = {
    "coaching_sync": "Open the run, or run `coaching doctor`; once it is mended, `coaching sync` or the next full hour"
    " catches up with everything.",
    "coaching_reconciliation": "Open the run; once it is mended, `coaching reconcile` does the same from the shell.",
}

OTHER_CHECK = "Open the check in Dagster's UI: its description and its numbers say what was found."
OTHER_JOB = "Open the run in Dagster's UI: the first error says why it failed."


def remedy_for(kind: str, name: str) -> str:
    """What to do about a check, or about the runs of a job."""
    return CHECK_REMEDIES.get(name, OTHER_CHECK) if kind == "check" else JOB_REMEDIES.get(name, OTHER_JOB)
