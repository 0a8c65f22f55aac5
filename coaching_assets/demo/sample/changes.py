"""Changes at the source from one hour to the next."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from coaching_assets.demo.sample.calls import Call, make_call, plain_call_rows
from coaching_assets.demo.sample.crm import delete, field_row, history_row, opportunity_row, stage_rows
from coaching_assets.demo.sample.draft import Draft, Test
from coaching_assets.demo.sample.emails import make_email, plain_email_rows
from coaching_assets.demo.sample.generator import (
    NUMBERS_PER_CHANGE_SET,
    pending_call,
    pending_deal,
    pending_email,
)
from coaching_assets.demo.sample.model import Sample
from coaching_assets.demo.sample.people import OPEN_STAGES, PROBABILITY, STAGES, World
from coaching_assets.demo.sample.schema import Connector, TableKey
from coaching_assets.demo.sample.transcripts import transcript_table
from coaching_assets.demo.sample.values import Row

CHANGED: dict[str, int] = {
    "new call": 5,
    "late call": 2,
    "new e-mail": 6,
    "late e-mail": 2,
    "call retitled": 3,
    "call deleted": 2,
    "call undeleted": 1,
    "speaker deleted": 1,
    "participant corrected": 2,
    "user renamed": 1,
    "transcript corrected": 1,
    "transcript deleted": 1,
    "link deleted": 1,
    "e-mail deleted": 1,
    "recipient added": 2,
    "account renamed": 1,
    "owner's address changed": 1,
    "opportunity moved on": 3,
    "opportunity's amount changed": 2,
    "opportunity deleted": 1,
}
"""Changes of each kind in a change set, if the sample has enough candidates; the same at every scale."""

MARRIED_NAMES = ("Adams", "Baker", "Clark", "Davis", "Evans")
OPPORTUNITY: TableKey = ("salesforce", "opportunity")
NEXT_STAGE = {stage: following for (stage, _), (following, _) in pairwise(STAGES)}


def change_set(sample: Sample, number: int) -> Sample:
    """Advance a sample by one hour.

    The `_fivetran_synced` of changed and new rows is `until` plus `number` hours and some seconds, the same for all
    rows of a table. Late calls and late e-mails are new too, but their `_fivetran_synced` is up to five hours older
    than the newest one of the hour before.

    Args:
        sample: the sample at `number` - 1 hours after `until`.
        number: hours after `until`, from 1.
    """
    draft = Draft(sample, number)
    world = World(sample.scale, sample.seed, sample.until)
    _edit_calls(draft, number)
    _edit_people(draft, number)
    _edit_deals(draft, number)
    _add_recipients(draft, number)
    _add_calls(draft, world, number, sample.connector)
    _add_emails(draft, world, number)
    _add_pending(draft, world, number, sample.connector)
    return sample.replaced(draft.tables)


def _edit_calls(draft: Draft, number: int) -> None:
    """Retitle, delete and undelete calls; delete rows of calls and an e-mail."""
    draft.edit_calls(CHANGED["call undeleted"], lambda row: row.update(_fivetran_deleted=False), deleted=True)
    draft.edit_calls(CHANGED["call retitled"], lambda row: row.update(title=f"{row['title']} (part {number + 1})"))
    draft.edit_calls(CHANGED["call deleted"], delete)
    draft.edit(("gong", "call_speaker"), CHANGED["speaker deleted"], delete)
    draft.edit(("gong", "transcript"), CHANGED["transcript deleted"], delete)
    draft.edit(("gong", "transcript"), CHANGED["transcript corrected"], _correct_sentence, _is_readable)
    draft.edit(("gong", "call_context_integration"), CHANGED["link deleted"], delete)
    draft.edit(("gong", "email"), CHANGED["e-mail deleted"], delete)


def _edit_people(draft: Draft, number: int) -> None:
    """Change names, addresses and affiliations, each in one table only."""
    draft.edit(
        ("gong", "call_participant"),
        CHANGED["participant corrected"],
        lambda row: row.update(affiliation="Internal" if row["affiliation"] == "External" else "External"),
        lambda row: row["speaker_id"] is not None,
    )
    draft.edit(
        ("gong", "users"),
        CHANGED["user renamed"],
        lambda row: row.update(last_name=f"{row['last_name']}-{MARRIED_NAMES[number % 5]}"),
    )
    draft.edit(
        ("salesforce", "account"),
        CHANGED["account renamed"],
        lambda row: row.update(name=f"{row['name']} ({'formerly ' * (number % 2)}No. {number})"),
        _names("account_id", draft),
    )
    draft.edit(
        ("salesforce", "user"),
        CHANGED["owner's address changed"],
        lambda row: row.update(email=f"new{number}.{row['email']}"),
        _names("owner_id", draft),
    )


def _add_recipients(draft: Draft, number: int) -> None:
    """Add a recipient to existing e-mails."""
    address = {"email_address": f"team{number}@partner.example", "type": "cc", "_fivetran_deleted": False}
    emails = draft.pick(("gong", "email"), CHANGED["recipient added"])
    draft.append({("gong", "email_recipient"): [{**address, "email_id": email["id"]} for email in emails]})


def _edit_deals(draft: Draft, number: int) -> None:
    """Change stages and amounts, with Salesforce's history rows, and delete an opportunity."""
    moved: list[tuple[Row, str, str, str]] = []

    def move_on(row: Row) -> None:
        before, after = row["stage_name"], NEXT_STAGE[row["stage_name"]]
        row.update(stage_name=after, probability=float(PROBABILITY[after]), is_closed=after == "Closed Won")
        row.update(is_won=row["is_closed"])
        moved.append((row, "StageName", before, after))

    def raise_amount(row: Row) -> None:
        before = float(row["amount"])
        row.update(amount=before + 2500.0)
        moved.append((row, "Amount", str(before), str(before + 2500.0)))

    draft.edit(OPPORTUNITY, CHANGED["opportunity moved on"], move_on, _is_open)
    draft.edit(OPPORTUNITY, CHANGED["opportunity's amount changed"], raise_amount, _is_open)
    draft.edit(OPPORTUNITY, CHANGED["opportunity deleted"], delete)
    first = number * NUMBERS_PER_CHANGE_SET
    history, fields = [], []
    for place, (row, field, before, after) in enumerate(moved, first):
        amount, close = float(row["amount"]), row["close_date"]
        close = close.date() if isinstance(close, datetime) else close
        history.append(history_row(place, row["id"], row["stage_name"], amount, close, draft.now, draft.now))
        fields.append(field_row(place, row["id"], field, before, after, draft.now, draft.now))
    draft.append({("salesforce", "opportunity_history"): history, ("salesforce", "opportunity_field_history"): fields})


def _add_calls(draft: Draft, world: World, number: int, connector: Connector) -> None:
    """Add calls. Fivetran delivers some of them late."""
    first = number * NUMBERS_PER_CHANGE_SET
    for late, sort in ((False, "new call"), (True, "late call")):
        calls = []
        for place in range(CHANGED[sort]):
            synced = _late(draft) if late else draft.now
            deal, at = draft.random.choice(world.deals), synced - timedelta(hours=3)
            calls.append(make_call(draft.random, first + place, deal, world.users, at, synced))
        first += len(calls)
        draft.append(plain_call_rows(calls, draft.random), late=late)
        _append_transcripts(draft, calls, connector, late=late)


def _add_emails(draft: Draft, world: World, number: int) -> None:
    """Add e-mails. Fivetran delivers some of them late."""
    first = number * NUMBERS_PER_CHANGE_SET
    for late, sort in ((False, "new e-mail"), (True, "late e-mail")):
        emails = []
        for place in range(CHANGED[sort]):
            synced = _late(draft) if late else draft.now
            sent = synced - timedelta(minutes=draft.random.randint(10, 50))
            emails.append(make_email(draft.random, first + place, draft.random.choice(world.deals), sent, synced))
        first += len(emails)
        draft.append(plain_email_rows(emails, draft.random), late=late)


def _add_pending(draft: Draft, world: World, number: int, connector: Connector) -> None:
    """Add the parents of the transcript and e-mail that came an hour ago, and the next two such children."""
    call, deal = pending_call(world, number - 1), pending_deal(world, number - 1)
    history, fields = stage_rows(deal, 20 * deal.number)
    draft.append(plain_call_rows([call], draft.random))
    draft.append(
        {
            OPPORTUNITY: [opportunity_row(deal, draft.now)],
            ("salesforce", "opportunity_history"): history,
            ("salesforce", "opportunity_field_history"): fields,
        }
    )
    _append_transcripts(draft, [pending_call(world, number)], connector)
    draft.append(plain_email_rows([pending_email(world, number)], draft.random))


def _append_transcripts(draft: Draft, calls: Sequence[Call], connector: Connector, *, late: bool = False) -> None:
    table = transcript_table(calls, draft.random.randrange(2**31), connector)
    draft.append({("gong", "transcript"): table.rows.to_pylist()}, late=late)


def _late(draft: Draft) -> datetime:
    """A time before the previous hour's delivery, by less than five hours."""
    return draft.now - timedelta(hours=2, minutes=draft.random.randint(0, 200), seconds=31, microseconds=204113)


def _names(column: str, draft: Draft) -> Test:
    """A test for rows that an opportunity references in `column`."""
    named = set(draft.tables[OPPORTUNITY].rows[column].to_pylist()) if OPPORTUNITY in draft.tables else set()
    return lambda row: row["id"] in named


def _is_open(row: Row) -> bool:
    """Whether a deal has a next stage and an amount that can be raised."""
    if row["stage_name"] not in OPEN_STAGES or row["name"] is None or row["amount"] is None:
        return False
    try:
        return 0 < float(row["amount"]) < 1e9
    except ValueError:
        return False


def _is_readable(row: Row) -> bool:
    """Whether the monologue is a valid list of sentences with times."""
    return bool(row["sentence"]) and row["sentence"].startswith('[{"start"') and row["sentence"].endswith("}]")


def _correct_sentence(row: Row) -> None:
    sentences = json.loads(row["sentence"])
    sentences[0]["text"] = "Corrected: " + sentences[0]["text"]
    row["sentence"] = json.dumps(sentences, ensure_ascii=False)
