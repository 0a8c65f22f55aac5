"""What a column of the source may come to hold: ordinary values, odd ones and bad ones."""

import json
import math
from datetime import UTC, date, datetime
from typing import Any

from coaching_assets.demo.sample import TableKey
from coaching_assets.demo.sample.schema import Field

TEXTS = ("Plain", "", "  ", "Müller & Söhne \U0001f600", 'quo"te\n\\u0000', "NUL\x00inside", None)
NAMES = ("Ada Lovelace", " Grace  Hopper ", "", " ", "Zoë", None)
ADDRESSES = ("brian.r@northbeam.example", "UPPER@Example.COM", " spaced@x.org ", "no address", "a@b@c", "", None)
TIMES = (
    *(
        "2026-05-01T09:30:00Z",
        "2026-05-01T09:30:00.123456+02:00",
        "2026-05-01 23:59:59",
        "yesterday",
        "2026-02-30T00:00:00Z",
    ),
    *(datetime(2026, 5, 2, 8, 0, tzinfo=UTC), datetime(2026, 5, 2, 8, 0, 0, 250000, tzinfo=UTC), "", None),
)
NUMBERS = ("12", "12.345", "-3", "0", "1e3", "99999999999999", "NaN", "Infinity", "many", "", None)
WHOLE = (0, 61, 3599, 2**31, -7, None)
SENTENCES = (
    '[{"start": 10, "end": 20, "text": "Hello"}, {"start": 25, "end": 30, "text": "again"}]',
    '[{"start": "1500", "end": 99999999999, "text": "Late \\u00e4"}]',
    '{"text": "one object"}',
    "[]",
    "[{",
    "plain text",
    "   ",
    None,
)
METADATA = ('{"opportunity_id": "{}"}', '{"opportunity_id": 7}', "[1, 2]", "{", "", None)
DATES = (date(2026, 9, 1), date(2025, 1, 31), datetime(2026, 9, 1, 23, 30, tzinfo=UTC), "2026-12-24", "soon", None)
FLAGS = (True, False, None)

COLUMNS: dict[TableKey, dict[str, tuple[Any, ...]]] = {
    ("gong", "call"): {
        **{"title": TEXTS, "purpose": TEXTS, "brief": TEXTS, "custom_data": TEXTS, "call_outcome_name": TEXTS},
        **{"scheduled": TIMES, "started": TIMES, "duration": WHOLE, "is_private": FLAGS, "metadata": METADATA},
    },
    ("gong", "call_speaker"): {"user_id": (), "talk_time": NUMBERS},
    ("gong", "call_participant"): {
        **{"user_id": (), "speaker_id": (), "name": NAMES, "email_address": ADDRESSES, "title": TEXTS},
        "affiliation": ("Internal", "internal", "External", "Unknown", "", None),
    },
    ("gong", "transcript"): {"speaker_id": (), "topic": TEXTS, "sentence": SENTENCES},
    ("gong", "users"): {"email_address": ADDRESSES, "first_name": NAMES, "last_name": NAMES},
    ("gong", "call_context_integration"): {"object_type": ("Opportunity", "OPPORTUNITY", "Account", None)},
    ("gong", "email"): {"subject": TEXTS, "sent_at": TIMES, "body": TEXTS, "opportunity_id": (), "reply_to": ADDRESSES},
    ("gong", "email_recipient"): {"type": ("to", "cc", None)},
    ("gong", "opportunity"): {"name": NAMES, "health_score": NUMBERS, "amount": NUMBERS, "close_date": DATES},
    ("salesforce", "opportunity"): {
        **{"name": NAMES, "stage_name": TEXTS, "close_date": DATES, "amount": NUMBERS, "probability": (0, 12.5, None)},
        **{"account_id": (), "owner_id": (), "is_closed": FLAGS, "is_won": FLAGS},
    },
    ("salesforce", "account"): {"name": NAMES, "industry": TEXTS, "website": TEXTS},
    ("salesforce", "user"): {"email": ADDRESSES, "name": NAMES},
    ("salesforce", "opportunity_history"): {"stage_name": TEXTS, "created_date": TIMES},
    ("salesforce", "opportunity_field_history"): {
        "field": ("StageName", "Amount"),
        "new_value": TEXTS,
        "created_date": TIMES,
    },
}
"""By table and column; where nothing is listed, a value is taken from the table that the column refers to."""

REFERENCES: dict[tuple[TableKey, str], tuple[TableKey, str]] = {
    (("gong", "call_speaker"), "user_id"): (("gong", "users"), "id"),
    (("gong", "call_participant"), "user_id"): (("gong", "users"), "id"),
    (("gong", "call_participant"), "speaker_id"): (("gong", "call_speaker"), "id"),
    (("gong", "transcript"), "speaker_id"): (("gong", "call_speaker"), "id"),
    (("gong", "email"), "opportunity_id"): (("salesforce", "opportunity"), "id"),
    (("salesforce", "opportunity"), "account_id"): (("salesforce", "account"), "id"),
    (("salesforce", "opportunity"), "owner_id"): (("salesforce", "user"), "id"),
}

VARIES: dict[tuple[TableKey, str], tuple[str, ...]] = {
    (("gong", "call"), "scheduled"): ("STRING", "TIMESTAMP"),
    (("gong", "call"), "started"): ("STRING", "TIMESTAMP"),
    (("gong", "call"), "metadata"): ("STRING", "JSON"),
    (("gong", "call"), "duration"): ("INT64", "FLOAT64", "STRING"),
    (("gong", "call_speaker"), "talk_time"): ("STRING", "FLOAT64"),
    (("gong", "transcript"), "sentence"): ("STRING", "JSON"),
    (("gong", "email"), "sent_at"): ("STRING", "TIMESTAMP"),
    (("gong", "opportunity"), "amount"): ("STRING", "FLOAT64"),
    (("salesforce", "opportunity"), "amount"): ("STRING", "FLOAT64", "INT64"),
    (("salesforce", "opportunity"), "close_date"): ("TIMESTAMP", "DATE"),
}
"""The types that connectors of different versions deliver."""


def held(value: object, field: Field) -> object:
    """The value as a BigQuery column of that type holds it; None where it cannot."""
    if value is None:
        return None
    if field.type == "JSON":
        return value if isinstance(value, str) and _is_json(value) else None
    if field.type == "FLOAT64":
        return _as_float(value)
    if field.type == "INT64":
        number = _as_float(value)
        return int(number) if number is not None and math.isfinite(number) and abs(number) < 2**63 else None
    if field.type in ("DATE", "TIMESTAMP"):
        moment = _as_time(value)
        return moment.date() if moment is not None and field.type == "DATE" else moment
    if field.type == "BOOL":
        return value if isinstance(value, bool) else None
    return value


def _as_float(value: object) -> float | None:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None


def _as_time(value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return "\x00" not in text
