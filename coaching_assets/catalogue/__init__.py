"""The source tables as data: where each stands, its key, the columns that are needed and what is missing without it."""

from dataclasses import dataclass
from typing import Literal

from coaching_assets.catalogue.identities import Identity

Source = Literal["gong", "salesforce"]
PipelineName = Literal["gong_calls", "gong_emails", "salesforce"]
ColumnType = Literal["text", "bigint", "numeric", "boolean", "timestamptz", "date", "jsonb"]

CURSOR = "_fivetran_synced"
"""Fivetran's time of processing (UTC): what a sync reads by. Not the time of commit, hence the overlap window."""

HISTORY_START = "_fivetran_start"
"""Where a table has this column, Fivetran's history mode is on and it is part of the key."""


@dataclass(frozen=True)
class Column:
    """A column that publishing needs, in the type that the published SQL sees whatever a connector delivers."""

    name: str
    type: ColumnType = "text"
    required: bool = False


@dataclass(frozen=True)
class SourceTable:
    """A BigQuery table that is carried over.

    `key` is Fivetran's primary key, the column that others join by first: its unique index then serves those joins.
    `indexes` are further columns that publishing looks rows up by. `identities` say whom a row is about, for erasure.
    `without` completes the sentence "<table> is not at the source, so ...". `deletion_time` says that the time of a
    row's deletion is published: only then is a deletion that is delivered again, with another time, a change.
    """

    source: Source
    name: str
    pipeline: PipelineName
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    description: str
    without: str
    required: bool = False
    deletion_time: bool = False
    indexes: tuple[str, ...] = ()
    identities: tuple[Identity, ...] = ()

    @property
    def view(self) -> str:
        """The name by which the published SQL reads this table."""
        return f"{self.source}_{self.name}"

    def key_for(self, columns: frozenset[str]) -> tuple[str, ...]:
        """The key, given the columns that are really there: history mode adds its start to it."""
        return (*self.key, HISTORY_START) if HISTORY_START in columns and HISTORY_START not in self.key else self.key


def _text(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name) for name in names)


def _required(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, required=True) for name in names)


GONG_TABLES = (
    SourceTable(
        source="gong",
        name="call",
        pipeline="gong_calls",
        key=("id", "workspace_id"),
        columns=(
            *_required("id", "workspace_id"),
            Column("scheduled", "timestamptz"),
            Column("started", "timestamptz"),
            Column("duration", "numeric"),
            Column("is_private", "boolean"),
            Column("metadata", "jsonb"),
            *_text("title", "purpose", "url", "direction", "scope", "system", "systems", "meeting_url"),
            *_text("primary_user_id", "languages", "custom_data", "brief", "call_outcome_name"),
        ),
        description="One row a call and workspace: when, how long, what about.",
        without="no call, speaker or transcript is published",
        required=True,
        deletion_time=True,
        identities=(
            Identity("call", ("id",)),
            Identity("opportunity", ("metadata",), member="opportunity_id", value_only=True),
        ),
    ),
    SourceTable(
        source="gong",
        name="call_speaker",
        pipeline="gong_calls",
        key=("call_id", "id"),
        columns=(*_required("id", "call_id"), Column("user_id"), Column("talk_time", "numeric")),
        description="One row a speaker of a call, with the time that they talked.",
        without="speakers have no talk time",
        required=True,
        indexes=("user_id",),
        identities=(
            *(Identity("call", ("call_id",)), Identity("user", ("user_id",))),
            Identity("speaker", ("call_id", "id"), reveals=True),
        ),
    ),
    SourceTable(
        source="gong",
        name="call_participant",
        pipeline="gong_calls",
        key=("call_id", "id"),
        columns=(
            *_required("id", "call_id", "speaker_id"),
            *_text("user_id", "name", "email_address", "title", "affiliation", "phone_number"),
        ),
        description="One row an invited person of a call: name, address, which side they are on.",
        without="speakers outside the company have no names and no addresses",
        required=True,
        indexes=("user_id",),
        identities=(
            *(Identity("call", ("call_id",)), Identity("address", ("email_address",)), Identity("user", ("user_id",))),
            Identity("speaker", ("call_id", "speaker_id"), reveals=True),
            Identity("participant", ("call_id", "id"), reveals=True),
        ),
    ),
    SourceTable(
        source="gong",
        name="transcript",
        pipeline="gong_calls",
        key=("call_id", "index", "workspace_id"),
        columns=(
            *_required("call_id", "sentence"),
            Column("index", "bigint", required=True),
            *_text("workspace_id", "speaker_id", "topic"),
        ),
        description="One row a monologue: who spoke, about what, and the sentences with their times.",
        without="no transcript is published",
        required=True,
        identities=(Identity("call", ("call_id",)), Identity("speaker", ("call_id", "speaker_id"))),
    ),
    SourceTable(
        source="gong",
        name="users",
        pipeline="gong_calls",
        key=("id",),
        columns=(*_required("id"), *_text("email_address", "first_name", "last_name", "title")),
        description="One row a Gong user, the company's own people.",
        without="speakers who are users have a name only where the participant has one",
        identities=(Identity("address", ("email_address",)), Identity("user", ("id",), reveals=True)),
    ),
    SourceTable(
        source="gong",
        name="call_context_integration",
        pipeline="gong_calls",
        key=("call_id", "object_id", "name"),
        columns=(*_required("call_id", "object_id", "object_type"), Column("name")),
        description="Links between a call and objects of the CRM.",
        without="calls are linked to opportunities only where the call's own metadata names one",
        identities=(Identity("call", ("call_id",)), Identity("opportunity", ("object_id",))),
    ),
    SourceTable(
        source="gong",
        name="opportunity",
        pipeline="gong_calls",
        key=("id",),
        columns=(
            *_required("id"),
            *_text("name", "account_name", "owner_email", "stage"),
            Column("close_date", "date"),
            Column("amount", "numeric"),
            Column("health_score", "numeric"),
        ),
        description="Gong's own deal table: the health score, and the deals where Salesforce is not there.",
        without="opportunities have no health score",
        deletion_time=True,
        identities=(Identity("opportunity", ("id",)),),
    ),
    SourceTable(
        source="gong",
        name="email",
        pipeline="gong_emails",
        key=("id",),
        columns=(*_required("id"), Column("sent_at", "timestamptz"), *_text("subject", "body", "opportunity_id")),
        description="One row an e-mail: subject, body, when, which deal; further columns are headers.",
        without="no e-mail is published",
        identities=(Identity("opportunity", ("opportunity_id",)), Identity("email", ("id",), reveals=True)),
    ),
    SourceTable(
        source="gong",
        name="email_sender",
        pipeline="gong_emails",
        key=("email_id", "email_address"),
        columns=_required("email_id", "email_address"),
        description="One row the sender of an e-mail.",
        without="e-mails have no sender",
        identities=(Identity("address", ("email_address",)), Identity("email", ("email_id",), reveals=True)),
    ),
    SourceTable(
        source="gong",
        name="email_recipient",
        pipeline="gong_emails",
        key=("email_id", "email_address"),
        columns=_required("email_id", "email_address"),
        description="One row a recipient of an e-mail.",
        without="e-mails have no recipients",
        identities=(Identity("address", ("email_address",)), Identity("email", ("email_id",))),
    ),
)

SALESFORCE_TABLES = (
    SourceTable(
        source="salesforce",
        name="opportunity",
        pipeline="salesforce",
        key=("id",),
        columns=(
            *_required("id", "name"),
            *_text("stage_name", "account_id", "owner_id", "type"),
            Column("close_date", "date"),
            Column("amount", "numeric"),
            Column("probability", "numeric"),
            Column("is_closed", "boolean"),
            Column("is_won", "boolean"),
        ),
        description="One row a deal: name, stage, amount, close date.",
        without="opportunities come from Gong's own deal table, where that is there",
        deletion_time=True,
        indexes=("account_id", "owner_id"),
        identities=(Identity("opportunity", ("id",)),),
    ),
    SourceTable(
        source="salesforce",
        name="account",
        pipeline="salesforce",
        key=("id",),
        columns=(*_required("id"), *_text("name", "industry", "website")),
        description="One row a customer or prospect.",
        without="opportunities have no account",
    ),
    SourceTable(
        source="salesforce",
        name="user",
        pipeline="salesforce",
        key=("id",),
        columns=(*_required("id"), *_text("email", "name")),
        description="One row a Salesforce user: the owners of deals.",
        without="opportunities have no owner",
        identities=(Identity("address", ("email",)), Identity("owner", ("id",), reveals=True)),
    ),
    SourceTable(
        source="salesforce",
        name="opportunity_history",
        pipeline="salesforce",
        key=("id",),
        columns=(
            *_required("id"),
            *_text("opportunity_id", "stage_name"),
            Column("created_date", "timestamptz"),
            Column(HISTORY_START, "timestamptz"),
        ),
        description="The stages that a deal went through: Salesforce's own object, or Fivetran's history mode.",
        without="the stage history comes from opportunity_field_history, where that is there",
        indexes=("opportunity_id",),
        identities=(Identity("opportunity", ("opportunity_id",)), Identity("opportunity", ("id",))),
    ),
    SourceTable(
        source="salesforce",
        name="opportunity_field_history",
        pipeline="salesforce",
        key=("id",),
        columns=(
            *_required("id", "opportunity_id", "field"),
            *_text("old_value", "new_value"),
            Column("created_date", "timestamptz"),
        ),
        description="One row a changed field of a deal: another form of the stage history.",
        without="the stage history comes from opportunity_history, where that is there",
        indexes=("opportunity_id",),
        identities=(Identity("opportunity", ("opportunity_id",)),),
    ),
)

TABLES: tuple[SourceTable, ...] = (*GONG_TABLES, *SALESFORCE_TABLES)

PIPELINES: tuple[PipelineName, ...] = ("salesforce", "gong_calls", "gong_emails")


def tables_of(pipeline: PipelineName) -> tuple[SourceTable, ...]:
    """The tables that one pipeline carries over, in the catalogue's order."""
    return tuple(table for table in TABLES if table.pipeline == pipeline)
