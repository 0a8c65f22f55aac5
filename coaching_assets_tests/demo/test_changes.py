"""Change sets: exactly the documented changes of an hour."""

from datetime import timedelta
from itertools import pairwise

import pytest

from coaching_assets.demo.sample import CHANGED, KEYS, TABLES, Connector, Kind, Sample, TableKey, change_set, generate
from coaching_assets.demo.sample.values import Row

pytestmark = pytest.mark.integration

Rows = dict[tuple[object, ...], Row]
STAMPS = {"_fivetran_synced", "system_modstamp", "last_modified_date"}


def keyed(sample: Sample, key: TableKey) -> Rows:
    return {tuple(row[column] for column in KEYS[key]): row for row in sample.rows(*key)}


def identities_of(sample: Sample, key: TableKey) -> set[tuple[object, ...]]:
    columns = [sample[key].rows[column].to_pylist() for column in KEYS[key]]
    return set(zip(*columns, strict=True))


class Difference:
    """Between a sample and the one an hour later."""

    def __init__(self, before: Sample, after: Sample) -> None:
        self.before = {key: keyed(before, key) for key in TABLES}
        self.after = {key: keyed(after, key) for key in TABLES}

    def new(self, kind: Kind, table: str) -> list[Row]:
        key = (kind, table)
        return [row for identity, row in self.after[key].items() if identity not in self.before[key]]

    def changed(self, kind: Kind, table: str) -> list[tuple[Row, set[str]]]:
        found = []
        for identity, row in self.before[kind, table].items():
            now = self.after[kind, table][identity]
            columns = {name for name in row if repr(row[name]) != repr(now[name])}
            if columns:
                assert "_fivetran_synced" in columns
                found.append((now, columns - STAMPS))
        return found

    def count(self, kind: Kind, table: str, *columns: str, **values: object) -> int:
        """Rows of which just these columns changed, now with these values."""
        return sum(
            names == {*columns, *values} and all(row[name] == value for name, value in values.items())
            for row, names in self.changed(kind, table)
        )


@pytest.fixture(scope="module", params=["strings", pytest.param("typed", marks=pytest.mark.slow)])
def hours(request: pytest.FixtureRequest) -> list[Sample]:
    connector: Connector = request.param
    samples = [generate(connector=connector)]
    for number in (1, 2, 3):
        samples.append(change_set(samples[-1], number))
    return samples


@pytest.fixture(
    scope="module", params=[pytest.param(1, marks=pytest.mark.long), pytest.param(2, marks=pytest.mark.long), 3]
)
def difference(request: pytest.FixtureRequest, hours: list[Sample]) -> Difference:
    return Difference(hours[request.param - 1], hours[request.param])


def test_change_sets_are_reproducible(hours: list[Sample]) -> None:
    again = change_set(change_set(hours[0], 1), 2)
    for key in TABLES:
        # by repr, because NaN differs from itself
        assert repr(again.rows(*key)) == repr(hours[2].rows(*key)), key
        assert again[key].fields == hours[0][key].fields


def test_no_row_vanishes_and_keys_stay_unique(hours: list[Sample]) -> None:
    for before, after in pairwise(hours):
        for key in TABLES:
            identities = identities_of(after, key)
            assert identities_of(before, key) <= identities
            assert len(identities) == after[key].rows.num_rows


def test_edits(difference: Difference) -> None:
    count = difference.count
    deleted = {"_fivetran_deleted": True}
    assert len({row["id"] for row, names in difference.changed("gong", "call") if names == {"title"}}) == 3
    for sort, value in (("call deleted", True), ("call undeleted", False)):
        calls = {
            row["id"]
            for row, names in difference.changed("gong", "call")
            if names == {"_fivetran_deleted"} and row["_fivetran_deleted"] is value
        }
        assert len(calls) == CHANGED[sort]
    assert count("gong", "call_speaker", **deleted) == CHANGED["speaker deleted"]
    assert count("gong", "call_participant", "affiliation") == CHANGED["participant corrected"]
    assert count("gong", "users", "last_name") == CHANGED["user renamed"]
    assert count("gong", "transcript", "sentence") == CHANGED["transcript corrected"]
    assert count("gong", "transcript", **deleted) == CHANGED["transcript deleted"]
    assert count("gong", "call_context_integration", **deleted) == CHANGED["link deleted"]
    assert count("gong", "email", **deleted) == CHANGED["e-mail deleted"]
    assert count("salesforce", "account", "name") == CHANGED["account renamed"]
    assert count("salesforce", "user", "email") == CHANGED["owner's address changed"]
    assert count("salesforce", "opportunity", "amount") == CHANGED["opportunity's amount changed"]
    assert count("salesforce", "opportunity", is_deleted=True, **deleted) == CHANGED["opportunity deleted"]
    moved = [row for row, names in difference.changed("salesforce", "opportunity") if "stage_name" in names]
    assert len(moved) == CHANGED["opportunity moved on"]
    history = {
        (row["opportunity_id"], row["stage_name"]) for row in difference.new("salesforce", "opportunity_history")
    }
    assert {(row["id"], row["stage_name"]) for row in moved} <= history
    emails = {row["id"] for row in difference.new("gong", "email")}
    added = [row for row in difference.new("gong", "email_recipient") if row["email_id"] not in emails]
    assert len(added) == CHANGED["recipient added"]


def test_new_and_late_rows(difference: Difference) -> None:
    tables = ("call", "call_speaker", "call_participant", "transcript")
    new = {table: difference.new("gong", table) for table in tables}
    calls = {row["id"] for row in new["call"]}
    assert len(calls) == CHANGED["new call"] + CHANGED["late call"] + 1
    for table in tables[1:3]:
        assert {row["call_id"] for row in new[table]} == calls
    newest = {key: max(row["_fivetran_synced"] for row in rows.values()) for key, rows in difference.before.items()}
    for table in tables:
        edge = newest["gong", table]
        late = [row for row in new[table] if row["_fivetran_synced"] <= edge]
        assert all(edge - timedelta(hours=6) < row["_fivetran_synced"] for row in late)
        assert len({row["id" if table == "call" else "call_id"] for row in late}) == CHANGED["late call"]
    late_emails = [row for row in difference.new("gong", "email") if row["_fivetran_synced"] <= newest["gong", "email"]]
    assert len(late_emails) == CHANGED["late e-mail"]
    for key in TABLES:
        stamps = {row["_fivetran_synced"] for row in difference.after[key].values()}
        assert len([stamp for stamp in stamps if stamp > newest[key]]) <= 1


def test_missing_parents_arrive_one_change_set_later(difference: Difference) -> None:
    before, new = difference.before, difference.new
    waiting = {row["call_id"] for row in before["gong", "transcript"].values()} - {k[0] for k in before["gong", "call"]}
    assert len(waiting & {row["id"] for row in new("gong", "call")}) == 1
    deals = {row["id"] for row in new("salesforce", "opportunity")}
    assert {row["opportunity_id"] for row in before["gong", "email"].values()} >= deals
    assert len(deals) == 1
    calls = {row["id"] for row in difference.after["gong", "call"].values()}
    assert len({row["call_id"] for row in new("gong", "transcript")} - calls) == 1
    known = {row["id"] for row in difference.after["salesforce", "opportunity"].values()}
    assert len({row["opportunity_id"] for row in new("gong", "email")} - known) == 1


def test_a_sample_without_some_tables() -> None:
    sample = generate(0.2).without(
        ("gong", "email"), ("salesforce", "opportunity"), ("gong", "call_context_integration")
    )
    assert change_set(sample, 1).tables.keys() == sample.tables.keys()
