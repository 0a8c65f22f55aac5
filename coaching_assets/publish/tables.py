"""The published tables as data: which columns this project owns, what they are made of, in which order."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

TableName = Literal["calls", "speakers", "transcripts", "call_opportunities", "opportunities", "emails"]
GroupName = Literal["opportunities", "calls", "emails"]


@dataclass(frozen=True)
class Parent:
    """A column that refers to the id of a table of the same group, and whether a row may do without."""

    column: str
    table: TableName
    optional: bool = False


@dataclass(frozen=True)
class PublishedTable:
    """One of the application's tables.

    `owned` columns are written on insert and on update, `once` columns on insert only. Of `metadata` only the keys in
    `metadata_keys` are this project's. `sources` are the views over the replica that it is made of, the one that its
    rows come from first. Next to this module stand `<name>.sql`, the rows as they should be, `<name>_stale.sql`, the
    rows that are there and should not be, and where there is need `<name>_waiting.sql`, what waits for a parent, and
    `<name>_before.sql`, what is to be noted before the table is written.
    """

    name: TableName
    owned: tuple[str, ...]
    sources: tuple[str, ...]
    description: str
    key: tuple[str, ...] = ("id",)
    once: tuple[str, ...] = ()
    metadata_keys: tuple[str, ...] = ()
    touched: tuple[str, ...] = ()
    """Columns that are set to now() where a row really changed."""
    needs: tuple[str, ...] = ("id",)
    """Columns of `row_source` without which a row belongs nowhere and is rejected."""
    parents: tuple[Parent, ...] = ()
    """The tables of the same group that its rows refer to."""
    natural_key: tuple[str, ...] = ()
    """What a row is known by besides its id."""
    findings: tuple[tuple[str, str], ...] = ()
    """Checks of the table that are counted a batch, each with the file of its query."""
    waits_for: tuple[TableName, ...] = ()
    """The tables whose rows this table's rows refer to, and wait for."""
    noted_before: bool = False

    @property
    def row_source(self) -> str:
        """The view that a row of this table comes from."""
        return self.sources[0]


@dataclass(frozen=True)
class Group:
    """Tables that are published together, an aggregate at a time, in the order that foreign keys accept."""

    name: GroupName
    tables: tuple[PublishedTable, ...]
    aggregates: str

    @property
    def sources(self) -> tuple[str, ...]:
        """The views over the replica that the group's tables are made of."""
        return tuple(dict.fromkeys(source for table in self.tables for source in table.sources))


CALLS = PublishedTable(
    name="calls",
    owned=(
        *("gong_call_id", "title", "scheduled_at", "duration_seconds", "call_type", "date", "prefect_reps"),
        "metadata",
    ),
    once=("processed_at",),
    metadata_keys=(
        *("gong_url", "started", "direction", "scope", "system", "systems", "meeting_url", "is_private"),
        *("primary_user_id", "languages", "custom_data", "brief", "outcome", "workspace_ids", "source_deleted_at"),
        "validation_warnings",
    ),
    sources=("gong_call", "gong_call_speaker", "gong_call_participant", "gong_users"),
    natural_key=("gong_call_id",),
    findings=(("keys_unique", "twins.sql"),),
    description="One row a call: title, time, length, and the company's own people in it.",
)
SPEAKERS = PublishedTable(
    name="speakers",
    owned=("call_id", "name", "email", "company_side", "talk_time_seconds", "talk_time_percentage"),
    sources=("gong_call_speaker", "gong_call_participant", "gong_users", "gong_call"),
    needs=("call_id", "id"),
    parents=(Parent("call_id", "calls"),),
    waits_for=("calls",),
    noted_before=True,
    findings=(("talk_time_within_call", "speakers_over_time.sql"),),
    description="One row a person who spoke in a call, with their share of the talking.",
)
TRANSCRIPTS = PublishedTable(
    name="transcripts",
    owned=("call_id", "speaker_id", "sequence_number", "start_time_ms", "text", "topics", "chunk_metadata"),
    needs=("call_id",),
    sources=("gong_transcript", "gong_call", "gong_call_speaker", "gong_call_participant"),
    parents=(Parent("call_id", "calls"), Parent("speaker_id", "speakers", optional=True)),
    waits_for=("calls",),
    natural_key=("call_id", "sequence_number"),
    findings=(("keys_unique", "twins.sql"), ("parents_present", "transcripts_without_speaker.sql")),
    description="One row a monologue: who said what, when, about which topic.",
)
CALL_OPPORTUNITIES = PublishedTable(
    name="call_opportunities",
    key=("call_id", "opportunity_id"),
    owned=("call_id", "opportunity_id"),
    sources=("gong_call_context_integration", "gong_call"),
    needs=("call_id", "object_id"),
    parents=(Parent("call_id", "calls"),),
    waits_for=("calls", "opportunities"),
    noted_before=True,
    description="Which call was about which opportunity.",
)
OPPORTUNITIES = PublishedTable(
    name="opportunities",
    owned=(
        *("gong_opportunity_id", "name", "account_name", "owner_email", "stage", "close_date", "amount"),
        *("health_score", "metadata"),
    ),
    metadata_keys=(
        *("source", "account", "owner_id", "probability", "type", "is_closed", "is_won", "stage_history"),
        *("source_deleted_at", "validation_warnings"),
    ),
    touched=("updated_at",),
    noted_before=True,
    sources=(
        *("salesforce_opportunity", "salesforce_account", "salesforce_user", "salesforce_opportunity_history"),
        *("salesforce_opportunity_field_history", "gong_opportunity"),
    ),
    natural_key=("gong_opportunity_id",),
    findings=(("keys_unique", "twins.sql"),),
    description="One row a deal: stage, amount, close date, account, owner, and how it got there.",
)
EMAILS = PublishedTable(
    name="emails",
    owned=(
        *("gong_email_id", "opportunity_id", "subject", "sender_email", "recipients", "sent_at", "body_snippet"),
        "metadata",
    ),
    metadata_keys=("full_body", "headers", "validation_warnings"),
    sources=("gong_email", "gong_email_sender", "gong_email_recipient"),
    waits_for=("opportunities",),
    natural_key=("gong_email_id",),
    findings=(("keys_unique", "twins.sql"),),
    description="One row an e-mail: who to whom, when, about which deal.",
)

GROUPS: tuple[Group, ...] = (
    Group("opportunities", (OPPORTUNITIES,), "opportunities"),
    Group("calls", (CALLS, SPEAKERS, TRANSCRIPTS, CALL_OPPORTUNITIES), "calls"),
    Group("emails", (EMAILS,), "e-mails"),
)

TABLES: tuple[PublishedTable, ...] = tuple(table for group in GROUPS for table in group.tables)


def reached_from(views: Iterable[str]) -> tuple[PublishedTable, ...]:
    """The published tables that are made of some of these views, or whose rows may have waited for those."""
    changed = frozenset(views)
    reached = {table.name for table in TABLES if changed.intersection(table.sources)}
    return tuple(table for table in TABLES if table.name in reached or reached.intersection(table.waits_for))


COLUMN_DESCRIPTIONS: dict[TableName, tuple[tuple[str, str, str], ...]] = {
    "calls": (
        ("gong_call_id", "varchar", "Gong's id of the call."),
        ("title", "varchar", "The call's title."),
        ("scheduled_at", "timestamp", "When it was scheduled, else when it started; UTC."),
        ("duration_seconds", "int", "Its length in seconds."),
        ("call_type", "varchar", "Its purpose, as Gong says."),
        ("processed_at", "timestamp", "When it was first published; UTC."),
        ("metadata", "jsonb", "Address, direction, workspaces, outcome, and warnings; other keys stay."),
        ("date", "date", "The day of scheduled_at."),
        ("prefect_reps", "varchar[]", "Names of the company-side speakers, sorted."),
    ),
    "speakers": (
        ("call_id", "uuid", "The call."),
        ("name", "varchar", "The speaker's name, made from the address where there is none."),
        ("email", "varchar", "The speaker's address."),
        ("company_side", "boolean", "Whether they belong to the company itself."),
        ("talk_time_seconds", "int", "Seconds for which they talked."),
        ("talk_time_percentage", "decimal(5,2)", "Their share of the call's talk time."),
    ),
    "transcripts": (
        ("call_id", "uuid", "The call."),
        ("speaker_id", "uuid", "Who spoke."),
        ("sequence_number", "int", "The monologue's place in the call."),
        ("start_time_ms", "int", "Milliseconds from the call's start to the first sentence."),
        ("text", "text", "What was said."),
        ("topics", "varchar[]", "The topic, where Gong found one."),
        ("chunk_metadata", "jsonb", "Start, end and length in milliseconds, topic."),
    ),
    "call_opportunities": (
        ("call_id", "uuid", "The call."),
        ("opportunity_id", "uuid", "The opportunity that it was about."),
    ),
    "opportunities": (
        ("gong_opportunity_id", "varchar", "The CRM's id of the opportunity."),
        ("name", "varchar", "Its name."),
        ("account_name", "varchar", "The account's name."),
        ("owner_email", "varchar", "The owner's address."),
        ("stage", "varchar", "The stage that it is in."),
        ("close_date", "date", "The expected or actual day of closing."),
        ("amount", "decimal(15,2)", "What it is worth."),
        ("health_score", "decimal(5,2)", "Gong's score, 0 to 100."),
        ("metadata", "jsonb", "Source, account, stage history, and warnings; other keys stay."),
        ("updated_at", "timestamptz", "When a column last really changed."),
    ),
    "emails": (
        ("gong_email_id", "varchar", "Gong's id of the e-mail."),
        ("opportunity_id", "uuid", "The opportunity that it is about."),
        ("subject", "varchar", "Its subject."),
        ("sender_email", "varchar", "The sender's address."),
        ("recipients", "varchar[]", "The recipients' addresses, sorted."),
        ("sent_at", "timestamptz", "When it was sent."),
        ("body_snippet", "text", "The first 500 characters of its body."),
        ("metadata", "jsonb", "The whole body, further headers, and warnings; other keys stay."),
    ),
}
"""What each written column holds, with its Postgres type, for Dagster's UI."""
