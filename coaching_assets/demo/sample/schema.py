"""The columns of every sample table, with their BigQuery types for both kinds of connector."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pyarrow as pa

if TYPE_CHECKING:
    from google.cloud.bigquery import SchemaField

Kind = Literal["gong", "salesforce"]
Connector = Literal["strings", "typed"]
TableKey = tuple[Kind, str]

ARROW_TYPES: dict[str, pa.DataType] = {
    "STRING": pa.string(),
    "JSON": pa.string(),
    "INT64": pa.int64(),
    "FLOAT64": pa.float64(),
    "BOOL": pa.bool_(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us", tz="UTC"),
}


@dataclass(frozen=True)
class Field:
    """A column: its name and its BigQuery type."""

    name: str
    type: str

    def schema_field(self) -> "SchemaField":
        """Convert to google-cloud-bigquery's class."""
        from google.cloud.bigquery import SchemaField

        return SchemaField(self.name, self.type)


# a column is "name" (STRING), "name TYPE", or "name TYPE|TYPE": for the connectors `strings` and `typed`
_FIVETRAN = "_fivetran_synced TIMESTAMP, _fivetran_deleted BOOL"
_SALESFORCE = f"is_deleted BOOL, system_modstamp TIMESTAMP, {_FIVETRAN}"
_COLUMNS: dict[TableKey, str] = {
    ("gong", "call"): "id, workspace_id, title, scheduled STRING|TIMESTAMP, started STRING|TIMESTAMP, duration INT64, "
    "purpose, url, direction, scope, system, meeting_url, is_private BOOL, primary_user_id, languages, custom_data, "
    f"brief, call_outcome_name, metadata STRING|JSON, {_FIVETRAN}",
    ("gong", "call_speaker"): f"id, call_id, user_id, talk_time STRING|FLOAT64, {_FIVETRAN}",
    ("gong", "call_participant"): "id, call_id, user_id, speaker_id, name, email_address, title, affiliation, "
    f"phone_number, methods JSON, {_FIVETRAN}",
    ("gong", "transcript"): "call_id, index STRING|INT64, workspace_id, speaker_id, topic, sentence STRING|JSON, "
    f"{_FIVETRAN}",
    ("gong", "users"): f"id, email_address, first_name, last_name, title, active BOOL, manager_id, {_FIVETRAN}",
    ("gong", "call_context_integration"): f"name, object_id, call_id, object_type, systems, {_FIVETRAN}",
    ("gong", "email"): "id, subject, sent_at STRING|TIMESTAMP, body, opportunity_id, message_id, thread_id, reply_to, "
    f"{_FIVETRAN}",
    ("gong", "email_sender"): f"email_id, email_address, {_FIVETRAN}",
    ("gong", "email_recipient"): f"email_id, email_address, type, {_FIVETRAN}",
    ("gong", "opportunity"): "id, name, account_name, owner_email, stage, close_date DATE, amount STRING|FLOAT64, "
    f"health_score FLOAT64, {_FIVETRAN}",
    ("salesforce", "opportunity"): "id, name, stage_name, close_date TIMESTAMP|DATE, amount STRING|FLOAT64, "
    "account_id, owner_id, probability FLOAT64, type, is_closed BOOL, is_won BOOL, created_date TIMESTAMP, "
    f"last_modified_date TIMESTAMP, {_SALESFORCE}",
    # some connections lack _fivetran_deleted and have is_deleted only
    ("salesforce", "account"): "id, name, industry, website, is_deleted BOOL, system_modstamp TIMESTAMP, "
    "_fivetran_synced TIMESTAMP",
    ("salesforce", "user"): f"id, email, name, title, is_active BOOL, {_SALESFORCE}",
    ("salesforce", "opportunity_history"): "id, opportunity_id, stage_name, amount FLOAT64, close_date DATE, "
    f"created_date TIMESTAMP, {_SALESFORCE}",
    ("salesforce", "opportunity_field_history"): "id, opportunity_id, field, old_value, new_value, "
    f"created_date TIMESTAMP, {_SALESFORCE}",
}

TABLES: tuple[TableKey, ...] = tuple(_COLUMNS)

_OTHER_KEYS: dict[TableKey, tuple[str, ...]] = {
    ("gong", "call"): ("id", "workspace_id"),
    ("gong", "call_speaker"): ("id", "call_id"),
    ("gong", "call_participant"): ("id", "call_id"),
    ("gong", "transcript"): ("call_id", "index", "workspace_id"),
    ("gong", "call_context_integration"): ("name", "object_id", "call_id"),
    ("gong", "email_sender"): ("email_id", "email_address"),
    ("gong", "email_recipient"): ("email_id", "email_address"),
}

KEYS: dict[TableKey, tuple[str, ...]] = {key: _OTHER_KEYS.get(key, ("id",)) for key in TABLES}
"""Fivetran's primary key of each table, unique in a sample."""


def fields_of(table: TableKey, connector: Connector) -> tuple[Field, ...]:
    """The columns of a table as this kind of connector delivers them."""
    fields = []
    for column in _COLUMNS[table].split(", "):
        name, _, types = column.partition(" ")
        strings, _, typed = (types or "STRING").partition("|")
        fields.append(Field(name, typed if typed and connector == "typed" else strings))
    return tuple(fields)
