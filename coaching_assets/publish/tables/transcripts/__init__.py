"""The published table `transcripts`, a part of the call: its monologues."""

from coaching_assets.publish.checks import KEYS_UNIQUE
from coaching_assets.publish.published_table import Check, Column, Parent, PublishedTable

PARENTS_PRESENT = Check(
    name="parents_present",
    description="Every monologue has the speaker that the source names. Rows that wait for a parent are counted.",
    failure="{rows} rows are published without a speaker, because the source lacks the speaker that they name.",
    remedy="Look up the calls in Gong. If another program deleted speakers, run `coaching reconcile --repair` to"
    " publish them again.",
    query="speaker_missing.sql",
)

TABLE = PublishedTable(
    package=__name__,
    description="One row per monologue: speaker, text, time, topic.",
    aggregate="calls",
    sources={
        "gong_transcript": "call_id",
        "gong_call": "id",
        "gong_call_speaker": "call_id",
        "gong_call_participant": "call_id",
    },
    needs=("call_id",),
    parents=(Parent("call_id", "calls"), Parent("speaker_id", "speakers", optional=True)),
    natural_key=("call_id", "sequence_number"),
    label="'monologue ' || {row}.sequence_number",
    columns=(
        Column("call_id", "uuid", "The call."),
        Column("speaker_id", "uuid", "The speaker."),
        Column("sequence_number", "int", "Position of the monologue in the call."),
        Column("start_time_ms", "int", "Milliseconds from the call's start to the first sentence."),
        Column("text", "text", "The words spoken."),
        Column("topics", "varchar[]", "The topic, if Gong found one."),
        Column("chunk_metadata", "jsonb", "Start, end and length in milliseconds; topic."),
    ),
    checks=(KEYS_UNIQUE, PARENTS_PRESENT),
)
