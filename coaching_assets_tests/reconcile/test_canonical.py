"""What of a row is compared: the columns whose text is the same on both servers."""

import pytest

from coaching_assets.bigquery.tables import Field, TableDescription
from coaching_assets.catalogue import TABLES
from coaching_assets.reconcile.canonical import NotComparable, canonical

CALL, USERS, EMAIL, ACCOUNT = ("gong", "call"), ("gong", "users"), ("gong", "email"), ("salesforce", "account")


def described(**types: str) -> TableDescription:
    fields = tuple(Field(name, type_) for name, type_ in types.items())
    return TableDescription("project", "gongio_ft", "transcript", "TABLE", fields, None, None, None)


def test_a_column_whose_type_changed_is_left_out_and_a_key_is_compared_in_either_type() -> None:
    transcript = next(table for table in TABLES if table.view == "gong_transcript")
    source = described(call_id="STRING", index="INT64", topic="INT64", sentence="JSON", speaker_id="STRING")
    text = "character varying"
    replica = {"call_id": text, "index": text, "index__v_bigint": "bigint", "topic": text, "sentence": "json"}
    expressions = canonical(transcript, source, replica | {"speaker_id": text})
    assert expressions.left_out == ("topic", "sentence")
    assert "index__v_bigint" in repr(expressions.replica_key)


def test_a_key_without_a_common_text_is_reported() -> None:
    transcript = next(table for table in TABLES if table.view == "gong_transcript")
    with pytest.raises(NotComparable, match="the key column index has type JSON"):
        canonical(transcript, described(call_id="STRING", index="JSON"), {})
