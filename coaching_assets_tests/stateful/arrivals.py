"""New calls, e-mails and deals for the source, made like those that are there, row by row."""

from typing import Any

from coaching_assets.demo.sample import TableKey
from coaching_assets_tests.stateful.source import Source

Rows = list[tuple[TableKey, dict[str, Any]]]

CALL, SPEAKER, PARTICIPANT = ("gong", "call"), ("gong", "call_speaker"), ("gong", "call_participant")
TRANSCRIPT, LINK = ("gong", "transcript"), ("gong", "call_context_integration")
EMAIL, SENDER, RECIPIENT = ("gong", "email"), ("gong", "email_sender"), ("gong", "email_recipient")
OPPORTUNITY, HISTORY = ("salesforce", "opportunity"), ("salesforce", "opportunity_history")

MOST_MONOLOGUES = 3


def new_call(source: Source, place: int) -> Rows:
    """A call with its speakers, participants, some monologues and links."""
    model, end = _row(source, CALL, place), f"-n{source.number()}"
    rows: Rows = [(CALL, model | {"id": model["id"] + end})]
    for key in (SPEAKER, PARTICIPANT, TRANSCRIPT, LINK):
        parts = [row for row in source.rows(key) if row["call_id"] == model["id"]]
        for row in parts[:MOST_MONOLOGUES]:
            renamed = {"call_id": model["id"] + end}
            if key in (SPEAKER, PARTICIPANT):
                renamed["id"] = row["id"] + end
            if row.get("speaker_id"):
                renamed["speaker_id"] = row["speaker_id"] + end
            rows.append((key, row | renamed))
    return rows


def call_in_another_workspace(source: Source, place: int) -> Rows:
    """The row, and a monologue, of a call in one more workspace."""
    model = _row(source, CALL, place)
    workspace = f"0{source.number()}" if place % 2 else f"9{source.number()}"
    rows: Rows = [(CALL, model | {"workspace_id": workspace, "title": f"Seen from {workspace}"})]
    monologues = [row for row in source.rows(TRANSCRIPT) if row["call_id"] == model["id"]]
    rows += [(TRANSCRIPT, row | {"workspace_id": workspace, "topic": "Elsewhere"}) for row in monologues[:1]]
    return rows


def new_monologue(source: Source, place: int, index: Any) -> Rows:
    """One more monologue of a call, at any place of it."""
    return [(TRANSCRIPT, _row(source, TRANSCRIPT, place) | {"index": index, "sentence": "One more thing."})]


def new_email(source: Source, place: int, address: Any) -> Rows:
    """An e-mail with sender and recipients, perhaps of a deal that is still to come."""
    model, end = _row(source, EMAIL, place), f"-n{source.number()}"
    rows: Rows = [(EMAIL, model | {"id": model["id"] + end})]
    for key in (SENDER, RECIPIENT):
        parts = [row for row in source.rows(key) if row["email_id"] == model["id"]]
        rows += [(key, row | {"email_id": model["id"] + end}) for row in parts]
    rows.append((RECIPIENT, rows[0][1] | {"email_id": model["id"] + end, "email_address": address}))
    return rows


def new_recipient(source: Source, place: int, address: Any) -> Rows:
    """One more recipient, or sender, of an e-mail."""
    email = _row(source, EMAIL, place)["id"]
    return [((SENDER, RECIPIENT)[place % 2], {"email_id": email, "email_address": address})]


def new_deal(source: Source, place: int) -> Rows:
    """A deal, a stage of it, an e-mail about it and a call linked to it."""
    model, end = _row(source, OPPORTUNITY, place), f"-n{source.number()}"
    deal = model["id"] + end
    rows: Rows = [(OPPORTUNITY, model | {"id": deal})]
    stages = [row for row in source.rows(HISTORY) if row["opportunity_id"] == model["id"]]
    rows += [(HISTORY, row | {"id": row["id"] + end, "opportunity_id": deal}) for row in stages[:2]]
    email = _row(source, EMAIL, place)
    rows.append((EMAIL, email | {"id": email["id"] + end, "opportunity_id": deal}))
    call = _row(source, CALL, place)["id"]
    rows.append((LINK, {"name": "Salesforce", "object_id": deal, "call_id": call, "object_type": "Opportunity"}))
    return rows


def _row(source: Source, key: TableKey, place: int) -> dict[str, Any]:
    rows = source.rows(key)
    live = [row for row in rows if not row.get("_fivetran_deleted") and not row.get("is_deleted")] or rows
    return live[place % len(live)]
