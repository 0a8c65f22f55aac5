"""The published table `speakers`, a part of the call."""

from coaching_assets.publish.published_table import Check, Column, Parent, PublishedTable, Via

TALK_TIME_WITHIN_CALL = Check(
    name="talk_time_within_call",
    description="No speaker talked for longer than the call took.",
    failure="{rows} speakers talked for longer than their call took. Check their rows of call_speaker in BigQuery.",
    remedy="Look up the calls in Gong. The published values are Gong's own.",
    query="talk_time_exceeds_call.sql",
)

TABLE = PublishedTable(
    package=__name__,
    description="One row per person who spoke in a call, with their share of the talk time.",
    aggregate="calls",
    sources={
        "gong_call_speaker": "call_id",
        "gong_call_participant": "call_id",
        "gong_users": (
            Via("gong_call_participant", "user_id", "call_id"),
            Via("gong_call_speaker", "user_id", "call_id"),
        ),
        "gong_call": "id",
    },
    needs=("call_id", "id"),
    parents=(Parent("call_id", "calls"),),
    label="coalesce({row}.email, {row}.name)",
    columns=(
        Column("call_id", "uuid", "The call."),
        Column("name", "varchar", "The speaker's name, else a name made from the e-mail address."),
        Column("email", "varchar", "The speaker's e-mail address."),
        Column("company_side", "boolean", "Whether the speaker belongs to the company itself."),
        Column("talk_time_seconds", "int", "Talk time in seconds."),
        Column("talk_time_percentage", "decimal(5,2)", "Share of the call's talk time, in percent."),
    ),
    checks=(TALK_TIME_WITHIN_CALL,),
)
