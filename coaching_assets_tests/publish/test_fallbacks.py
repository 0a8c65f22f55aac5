"""What is published where a source is not there, comes later, or delivers its tables in history mode."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from coaching_assets.demo.sample import Field, Sample, SampleTable, TableKey, generate
from coaching_assets.demo.sample.values import to_arrow
from coaching_assets_tests.support.deployment import Deployment
from coaching_assets_tests.support.editing import changed_rows, found_differences, later
from coaching_assets_tests.support.processes import coaching

OPPORTUNITY: TableKey = ("salesforce", "opportunity")
HISTORY: TableKey = ("salesforce", "opportunity_history")
EMAILS: tuple[TableKey, ...] = (("gong", "email"), ("gong", "email_sender"), ("gong", "email_recipient"))

VERSION_FIELDS = (
    Field("_fivetran_active", "BOOL"),
    Field("_fivetran_start", "TIMESTAMP"),
    Field("_fivetran_end", "TIMESTAMP"),
)
STARTED = datetime(2026, 1, 1, tzinfo=UTC)
ENDLESS = datetime(9999, 12, 31, tzinfo=UTC)
DEALS = ["opportunity", "account", "user", "opportunity_history"]


@pytest.fixture(scope="module")
def sample() -> Sample:
    return generate(0.1)


def in_history_mode(sample: Sample, key: TableKey, hours: int) -> Sample:
    """The table with Fivetran's history mode switched on: every row again, with the version before it."""

    def versions(row: dict[str, Any]) -> list[dict[str, Any]]:
        moment = STARTED + timedelta(days=40)
        row |= {"_fivetran_synced": later(sample, hours)}
        former = {"_fivetran_active": False, "_fivetran_start": STARTED, "_fivetran_end": moment, "stage_name": "Once"}
        return [
            row | {"_fivetran_active": True, "_fivetran_start": moment, "_fivetran_end": ENDLESS},
            row | former | ({"name": "Former name"} if "name" in row else {}),
        ]

    fields = (*(field for field in sample[key].fields if field.name != "opportunity_id"), *VERSION_FIELDS)
    rows = [version for row in sample.rows(*key) for version in versions(row)]
    return sample.replaced({key: SampleTable(fields, to_arrow(rows, fields))})


def key_columns(deployment: Deployment) -> list[str]:
    """The columns of the unique index of the replica's opportunities."""
    rows = deployment.query(
        "select attname from pg_index join pg_attribute on attrelid = indexrelid"
        " where indexrelid = 'salesforce_ft.opportunity_key'::regclass and indisunique order by attname"
    )
    return [row[0] for row in rows]


def test_without_salesforce_and_emails_the_rest_works_and_both_are_picked_up_later(
    deployment: Deployment, sample: Sample, tmp_path: Path
) -> None:
    without = sample.without(*(key for key in sample.tables if key[0] == "salesforce"), *EMAILS)
    deployment.load(without)
    report = deployment.sync()
    assert report.failures == ()
    absent = {line.asset for line in report.lines if line.state == "not at the source"}
    assert {"gongio_ft/email", "salesforce_ft/opportunity"} <= absent
    assert found_differences(deployment, without, tmp_path / "without") == []
    ids = dict(deployment.query("select gong_opportunity_id, id from opportunities"))
    assert ids
    assert deployment.query("select distinct metadata ->> 'source' from opportunities") == [("gong",)]
    status = " ".join(coaching("status").stdout.split())
    assert "gongio_ft.email is not at the source, so no e-mail is published." in status
    assert "salesforce_ft.opportunity is not at the source, so opportunities come from Gong's own deal table" in status
    details = deployment.query("select error_details from sync_status where entity_type = 'emails'")[0][0]
    assert "gongio_ft.email" in details["not_at_the_source"]

    deployment.load(sample)
    assert deployment.sync().failures == ()
    assert found_differences(deployment, sample, tmp_path / "with") == []
    after = dict(deployment.query("select gong_opportunity_id, id from opportunities"))
    assert {deal: after[deal] for deal in after if deal in ids} == {deal: ids[deal] for deal in after if deal in ids}
    assert deployment.query("select distinct metadata ->> 'source' from opportunities") == [("salesforce",)]
    assert "not at the source" not in coaching("status").stdout


@pytest.mark.slow
def test_history_mode_is_followed_when_it_is_switched_on_and_off(
    deployment: Deployment, sample: Sample, tmp_path: Path
) -> None:
    sample = sample.without(*(key for key in sample.tables if key[0] == "gong"))
    sample = in_history_mode(sample, HISTORY, 0)
    deployment.load(sample, tables=DEALS)
    deployment.sync()
    assert key_columns(deployment) == ["id"]
    shown = sample.without(("salesforce", "opportunity_field_history"))
    assert found_differences(deployment, shown, tmp_path / "plain") == []
    before = deployment.query("select id, name, updated_at from opportunities order by id")

    switched = in_history_mode(shown, OPPORTUNITY, 1)
    deployment.load(switched, tables=DEALS)
    deployment.sync()
    assert key_columns(deployment) == ["_fivetran_start", "id"]
    assert found_differences(deployment, switched, tmp_path / "on") == []
    assert deployment.query("select count(*) from salesforce_ft.opportunity") == [
        (switched[OPPORTUNITY].rows.num_rows,)
    ]
    assert deployment.query("select id, name, updated_at from opportunities order by id") == before

    plain = changed_rows(
        shown, OPPORTUNITY, lambda row: row | {"_fivetran_synced": later(sample, 2), "stage_name": "Switched off"}
    )
    deployment.load(plain, tables=DEALS)
    deployment.sync()
    assert key_columns(deployment) == ["id"]
    assert found_differences(deployment, plain, tmp_path / "off") == []
    assert deployment.query("select count(*) from salesforce_ft.opportunity") == [(plain[OPPORTUNITY].rows.num_rows,)]
