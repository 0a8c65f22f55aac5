"""The oracle's results over small hand-made tables, against results computed by hand: deals, links, e-mails."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from coaching_assets_tests.oracle.samples import TIME, call, compute, deal, write_table

pytestmark = pytest.mark.integration


def test_a_deal_from_salesforce(tmp_path: Path) -> None:
    found = compute(
        tmp_path,
        salesforce__opportunity=[
            deal(
                name=" Big ",
                stage_name="Won",
                close_date=date(2025, 5, 1),
                amount=1000.005,
                account_id="a1",
                owner_id="o1",
                probability=75.0,
                type="New",
                is_won=True,
            ),
            deal("d2", account_id="a2", owner_id="o2", is_deleted=False),
            deal("d3", is_deleted=True),
            deal("d4", name=" "),
        ],
        salesforce__account=[{"id": "a1", "name": "Acme", "industry": None}, {"id": "a2", "is_deleted": True}],
        salesforce__user=[{"id": "o1", "email": "o@x.com"}, {"id": "o2", "email": ""}],
        gong__opportunity=[deal(health_score="88.555"), deal("d2", health_score="healthy"), deal("g1")],
    )
    assert found.opportunities["d1"] == {
        "name": "Big",
        "account_name": "Acme",
        "owner_email": "o@x.com",
        "stage": "Won",
        "close_date": date(2025, 5, 1),
        "amount": Decimal("1000.01"),
        "health_score": Decimal("88.56"),
        "metadata": {
            **{"source": "salesforce", "account": {"id": "a1", "name": "Acme"}, "owner_id": "o1"},
            **{"probability": 75, "type": "New", "is_won": True},
        },
    }
    assert found.opportunities["d2"]["metadata"] == {
        "source": "salesforce",
        "owner_id": "o2",
        "validation_warnings": ["account_name", "health_score", "owner_email"],
    }
    assert found.opportunities.keys() == {"d1", "d2"}
    assert found.rejected["opportunities"] == {"d4"}


def test_dates_and_amounts_as_texts(tmp_path: Path) -> None:
    found = compute(
        tmp_path,
        gong__opportunity=[
            deal("d1", close_date="2025-05-01T23:30:00-02:00", amount="12.345", account_name="A", owner_email="o@x"),
            deal("d2", close_date="2025-05-01", amount="lots", account_name="A", owner_email="o@x"),
            deal("d3", close_date="May", amount="10000000000000", health_score="101"),
        ],
    )
    one, two, three = (found.opportunities[key] for key in ("d1", "d2", "d3"))
    assert (one["close_date"], one["amount"], one["metadata"]) == (
        *(date(2025, 5, 2), Decimal("12.35")),
        {"source": "gong"},
    )
    assert (two["close_date"], two["amount"]) == (date(2025, 5, 1), None)
    assert two["metadata"]["validation_warnings"] == ["amount"]
    assert (three["close_date"], three["amount"], three["health_score"]) == (None, None, None)
    assert three["metadata"]["validation_warnings"] == [
        *("account_name", "amount", "close_date", "health_score", "owner_email")
    ]


def test_an_empty_salesforce_table_is_there_and_none_is_not(tmp_path: Path) -> None:
    assert compute(tmp_path, gong__opportunity=[deal()]).counts()["opportunities"] == 1
    assert compute(tmp_path, salesforce__opportunity=[]).counts()["opportunities"] == 0


def test_stage_history_from_either_table(tmp_path: Path) -> None:
    def stage(deal_id: str, name: str | None, at: str, **columns: object) -> dict[str, object]:
        return {
            "opportunity_id": deal_id,
            "stage_name": name,
            "created_date": at,
            "id": f"{deal_id}{at}{name}",
            **columns,
        }

    found = compute(
        tmp_path,
        salesforce__opportunity=[deal("d1"), deal("d2")],
        salesforce__opportunity_history=[
            stage("d1", "B", "2025-01-03T00:00:00.5Z"),
            stage("d1", "A", "2025-01-01T00:00:00Z"),
            stage("d1", "A", "2025-01-02T00:00:00Z"),
            stage("d1", "A", "2025-01-04T00:00:00Z"),
            stage("d1", "X", "2025-01-05T00:00:00Z", is_deleted=True),
            stage("d1", "Y", "one day"),
            stage("d2", None, "2025-01-01T00:00:00Z"),
        ],
        salesforce__opportunity_field_history=[
            {
                "id": "f1",
                "opportunity_id": "d1",
                "field": "StageName",
                "new_value": "Z",
                "created_date": "2025-01-01T00:00:00Z",
            },
            {
                "id": "f2",
                "opportunity_id": "d2",
                "field": "StageName",
                "new_value": "N",
                "created_date": "2025-01-01T00:00:00Z",
            },
            {
                "id": "f3",
                "opportunity_id": "d2",
                "field": "StageName",
                "new_value": "M",
                "created_date": "2025-01-01T00:00:00Z",
            },
            {
                "id": "f4",
                "opportunity_id": "d2",
                "field": "Amount",
                "new_value": "7",
                "created_date": "2025-01-02T00:00:00Z",
            },
        ],
    )
    assert found.opportunities["d1"]["metadata"]["stage_history"] == [
        {"stage": "A", "at": "2025-01-01T00:00:00Z"},
        {"stage": "B", "at": "2025-01-03T00:00:00.500000Z"},
        {"stage": "A", "at": "2025-01-04T00:00:00Z"},
    ]
    assert [entry["stage"] for entry in found.opportunities["d2"]["metadata"]["stage_history"]] == ["M", "N"]


def test_history_mode(tmp_path: Path) -> None:
    def version(day: int, **columns: object) -> dict[str, object]:
        start = datetime(2025, 1, day, tzinfo=UTC)
        return {"id": "d1", "_fivetran_start": start, "_fivetran_active": day == 3, **columns}

    versions = [version(day, name=f"v{day}", stage_name=f"S{day}") for day in (1, 2, 3)]
    found = compute(tmp_path, salesforce__opportunity=versions, salesforce__opportunity_history=versions)
    assert found.opportunities["d1"]["name"] == "v3"
    assert found.opportunities["d1"]["metadata"]["stage_history"] == [
        {"stage": f"S{day}", "at": f"2025-01-0{day}T00:00:00Z"} for day in (1, 2, 3)
    ]


def test_links(tmp_path: Path) -> None:
    def link(call_id: str, object_id: str, kind: str = "Opportunity", **columns: object) -> dict[str, object]:
        return {"call_id": call_id, "object_id": object_id, "name": "Salesforce", "object_type": kind, **columns}

    found = compute(
        tmp_path,
        gong__call=[
            call("c1", metadata='{"opportunity_id": "d2"}'),
            call("c2", metadata="broken"),
            call("c3", "w2", metadata='{"opportunity_id": "d2"}'),
            call("c3", "w1", metadata='{"opportunity_id": ""}'),
        ],
        salesforce__opportunity=[deal("d1"), deal("d2"), deal("d3", name=None)],
        gong__call_context_integration=[
            link("c1", "d1", "OPPORTUNITY"),
            link("c1", "a1", "Account"),
            link("c2", "d1", _fivetran_deleted=True),
            link("c2", "d3"),
            link("c9", "d1"),
        ],
    )
    assert found.call_opportunities == {("c1", "d1"): {}, ("c1", "d2"): {}}
    assert found.waiting["call_opportunities"] == {("c2", "d3"), ("c9", "d1")}


def test_emails(tmp_path: Path) -> None:
    body = "😀" * 501
    types = {"seen": TIME, "size": pa.int64()}
    email = {"subject": "Hi", "body": body, "opportunity_id": "d1", "thread": "t\x00", "is_reply": True}
    rows: list[dict[str, Any]] = [
        {
            "id": "e1",
            "sent_at": "2025-01-01T01:00:00+01:00",
            "seen": datetime(2025, 1, 2, tzinfo=UTC),
            "size": 5,
            **email,
        },
        {"id": "e2", "sent_at": "last week", "opportunity_id": "d9"},
    ]
    write_table(tmp_path, "gong.email", rows, types)
    found = compute(
        tmp_path,
        gong__opportunity=[deal()],
        gong__email_sender=[{"email_id": "e1", "email_address": a} for a in ("b@x", "a@x", " ")],
        gong__email_recipient=[{"email_id": "e1", "email_address": a} for a in ("z@x", " z@x", "Y@x", "nobody")],
    )
    assert found.emails["e1"] == {
        "opportunity": "d1",
        "subject": "Hi",
        "sender_email": "a@x",
        "recipients": ["Y@x", "nobody", "z@x"],
        "sent_at": datetime(2025, 1, 1),
        "body_snippet": body[:500],
        "metadata": {
            "full_body": body,
            "headers": {"thread": "t\ufffd", "is_reply": True, "seen": "2025-01-02T00:00:00Z", "size": 5},
            "validation_warnings": ["recipients"],
        },
    }
    assert found.emails["e2"]["opportunity"] is None
    assert found.emails["e2"]["recipients"] == []
    assert found.emails["e2"]["metadata"] == {"validation_warnings": ["sender_email", "sent_at"]}
