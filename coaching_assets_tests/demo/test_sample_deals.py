"""The sample's e-mails and deals, and their odd rows."""

import math
import re
from datetime import datetime
from itertools import groupby

import pytest

from coaching_assets.demo.sample import (
    PLANTED,
    Connector,
    Sample,
    generate,
)
from coaching_assets_tests.demo.planted import assert_planted

pytestmark = pytest.mark.integration


def test_emails(strings: Sample) -> None:
    rows = strings.rows("gong", "email")
    identities = {row["id"] for row in rows}
    deals = {row["id"] for row in strings.rows("salesforce", "opportunity")}
    senders = {row["email_id"] for row in strings.rows("gong", "email_sender")}
    recipients = strings.rows("gong", "email_recipient")
    addresses = {
        email: [row["email_address"] for row in group]
        for email, group in groupby(sorted(recipients, key=lambda row: row["email_id"]), lambda row: row["email_id"])
    }
    assert_planted(len(identities - senders), "e-mail without sender")
    assert_planted(len(identities - addresses.keys()), "e-mail without recipients")
    assert_planted(sum(row["opportunity_id"] is None for row in rows), "e-mail without opportunity")
    missing = sum(row["opportunity_id"] not in deals for row in rows if row["opportunity_id"])
    assert_planted(missing - 1, "e-mail of a missing opportunity")
    dates = [row["sent_at"] for row in rows]
    assert_planted(dates.count(""), "e-mail with an empty date")
    assert_planted(dates.count(None), "e-mail without date")
    assert "not a date" in dates
    unreadable = [
        date for date in dates if date and not re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)", date)
    ]
    assert_planted(len(unreadable), "e-mail with an unreadable date")
    twice = [each for each in addresses.values() if len({a.lower() for a in each}) < len(each)]
    assert_planted(len(twice), "e-mail with a recipient twice")
    malformed = [a for each in addresses.values() for a in each if not re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", a)]
    assert_planted(len(malformed), "e-mail with a malformed address")
    assert sum(len(row["body"]) > 500 for row in rows) >= PLANTED["e-mail with a long body"]
    assert all(row["message_id"] and row["thread_id"] for row in rows)
    assert {row["reply_to"] is None for row in rows} == {True, False}


@pytest.mark.parametrize("connector", ["strings", "typed"])
def test_deals(connector: Connector) -> None:
    sample = generate(connector=connector)
    rows = sample.rows("salesforce", "opportunity")
    accounts = {row["id"] for row in sample.rows("salesforce", "account")}
    users = {row["id"] for row in sample.rows("salesforce", "user")}
    assert all(re.fullmatch(r"006[0-9A-Za-z]{15}", row["id"]) for row in rows)
    amounts = [row["amount"] for row in rows]
    if connector == "strings":
        assert "n/a" in amounts
    numbers = [number(amount) for amount in amounts if amount is not None]
    assert_planted(amounts.count(None), "opportunity without amount")
    assert_planted(sum(map(math.isnan, numbers)), "opportunity with an amount that is not a number")
    assert_planted(sum(abs(n) >= 1e13 for n in numbers), "opportunity with an amount out of range")
    assert_planted(sum(row["account_id"] is None for row in rows), "opportunity without account")
    assert_planted(sum(row["owner_id"] is None for row in rows), "opportunity without owner")
    assert_planted(sum(row["account_id"] not in {*accounts, None} for row in rows), "opportunity of a missing account")
    assert_planted(sum(row["owner_id"] not in {*users, None} for row in rows), "opportunity of a missing owner")
    assert_planted(sum(row["name"] is None for row in rows), "opportunity without name")
    gong = {row["id"] for row in sample.rows("gong", "opportunity")}
    assert len(gong & {row["id"] for row in rows}) == 60
    assert_planted(len(gong - {row["id"] for row in rows}), "gong opportunity only")
    assert {row["active"] for row in sample.rows("gong", "users")} == {True, False}


def number(amount: str | float) -> float:
    try:
        return float(amount)
    except ValueError:
        return math.nan


def test_stage_histories_end_where_the_deal_is(typed: Sample) -> None:
    stages: dict[str, list[tuple[datetime, str]]] = {}
    for row in typed.rows("salesforce", "opportunity_history"):
        stages.setdefault(row["opportunity_id"], []).append((row["created_date"], row["stage_name"]))
    for deal in typed.rows("salesforce", "opportunity"):
        assert max(stages[deal["id"]])[1] == deal["stage_name"]
    assert sum(len(each) > 3 for each in stages.values()) > 30
    fields = {row["field"] for row in typed.rows("salesforce", "opportunity_field_history")}
    assert fields == {"StageName", "Amount"}
