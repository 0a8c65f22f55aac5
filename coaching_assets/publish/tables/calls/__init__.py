"""The published table `calls`, the root of a call with its speakers, monologues and links."""

from coaching_assets.publish.checks import KEYS_UNIQUE
from coaching_assets.publish.published_table import Column, PublishedTable, Root, Via

TABLE = PublishedTable(
    package=__name__,
    description="One row per call: title, time, length, and the company's own people in it.",
    aggregate="calls",
    root=Root(noun="call", plural="calls"),
    sources={
        "gong_call": "id",
        "gong_call_speaker": "call_id",
        "gong_call_participant": "call_id",
        "gong_users": (
            Via("gong_call_participant", "user_id", "call_id"),
            Via("gong_call_speaker", "user_id", "call_id"),
        ),
    },
    natural_key=("gong_call_id",),
    columns=(
        Column("gong_call_id", "varchar", "Gong's id of the call."),
        Column("title", "varchar", "The call's title."),
        Column("scheduled_at", "timestamp", "Scheduled start, else actual start; UTC."),
        Column("duration_seconds", "int", "Length in seconds."),
        Column("call_type", "varchar", "Purpose of the call in Gong."),
        Column("date", "date", "The day of scheduled_at."),
        Column("prefect_reps", "varchar[]", "Names of the company-side speakers, sorted."),
        Column("metadata", "jsonb", "Address, direction, workspaces, outcome and warnings. Other keys stay."),
        Column("processed_at", "timestamp", "Time of the first publication; UTC.", written="once"),
    ),
    metadata_keys=(
        *("gong_url", "started", "direction", "scope", "system", "systems", "meeting_url", "is_private"),
        *("primary_user_id", "languages", "custom_data", "brief", "outcome", "workspace_ids", "source_deleted_at"),
        "validation_warnings",
    ),
    checks=(KEYS_UNIQUE,),
)
