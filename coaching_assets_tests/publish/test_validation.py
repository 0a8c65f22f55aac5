"""A published table that contradicts itself, its SQL or the catalogue fails with a sentence on the remedy."""

from typing import Any

import pytest

from coaching_assets.catalogue import TABLES as SOURCE_TABLES
from coaching_assets.publish.ordering import in_groups, in_order_of_computation
from coaching_assets.publish.published_table import Column, InvalidTable, Parent, PublishedTable, Root, Via
from coaching_assets.publish.tables import GROUPS, TABLES
from coaching_assets.publish.validation import validate

PARTS: dict[str, Any] = {
    "package": "tables.guests",
    "description": "Guests.",
    "aggregate": "calls",
    "columns": (Column("call_id", "uuid", "The call."), Column("name", "varchar", "Name.")),
    "sources": {"gong_call_participant": "call_id", "gong_call": "id"},
    "parents": (Parent("call_id", "calls"),),
}
WAITS = Parent("opportunity_id", "opportunities")
OPPORTUNITY = Column("opportunity_id", "uuid", "The opportunity.")
ROWS_OK = (
    "select participant.call_id as aggregate_key, participant.id, wanted_calls.id as call_id, participant.name,"
    " participant.deleted"
    " from gong_call_participant as participant join wanted_calls on wanted_calls.aggregate_key = participant.call_id"
)


def table(rows: str = ROWS_OK, files: dict[str, str] | None = None, **changed: Any) -> PublishedTable:
    guests = PublishedTable(**PARTS | changed)
    guests.__dict__["sql"] = {"rows.sql": rows, **(files or {})}
    return guests


def load(*tables: PublishedTable) -> None:
    validate(in_groups([*TABLES, *tables]))


PROBLEMS: dict[str, tuple[PublishedTable, str]] = {
    "an undeclared source": (
        table(f"{ROWS_OK} join gong_users on gong_users.id = user_id"),
        "rows.sql reads gong_users, which is not in sources. Add it, or the table misses the changes of gong_users.",
    ),
    "an undeclared source in another file": (
        table(files={"stale.sql": "select id from gong_users"}),
        "stale.sql reads gong_users, which is not in sources.",
    ),
    "rows to delete without a reason": (
        table(files={"stale.sql": "select id from wanted_calls"}),
        "stale.sql does not select reason, the reason for a deletion. Select one of: deleted at the source,",
    ),
    "nothing about deleted rows": (
        table(ROWS_OK.replace("participant.name, participant.deleted", "participant.name")),
        "rows.sql does not select deleted, so nothing tells which rows the source deleted. Add it, or stale.sql.",
    ),
    "a source that nothing reads": (
        table(sources=PARTS["sources"] | {"gong_email": "id"}),
        "source gong_email is declared, but no SQL file reads it.",
    ),
    "a source that only a comment names": (
        table(f"{ROWS_OK} -- as in gong_email", sources=PARTS["sources"] | {"gong_email": "id"}),
        "source gong_email is declared, but no SQL file reads it.",
    ),
    "a source that the catalogue lacks": (
        table(sources=PARTS["sources"] | {"gong_guest": "id"}),
        "source gong_guest is not in the catalogue.",
    ),
    "a path by a column that the source lacks": (
        table(sources={"gong_call_participant": "call", "gong_call": "id"}),
        "the path of source gong_call_participant reads gong_call_participant.call, which the catalogue lacks.",
    ),
    "a path by a column without an index": (
        table(
            f"{ROWS_OK} join gong_users on gong_users.id = user_id",
            sources=PARTS["sources"] | {"gong_users": Via("gong_transcript", "speaker_id", "call_id")},
        ),
        "the path of source gong_users looks up gong_transcript.speaker_id. Add 'speaker_id' to indexes",
    ),
    "a row source without a plain path": (
        table(sources={"gong_call_participant": Via("gong_call", "id", "id"), "gong_call": "id"}),
        "the path of source gong_call_participant must be one column",
    ),
    "a column that is not selected": (
        table(columns=(*PARTS["columns"], Column("title", "varchar", "Title."))),
        "rows.sql does not select title. Add it to the select list.",
    ),
    "no key of the aggregate": (
        table(ROWS_OK.replace("as aggregate_key", "as call_key")),
        "rows.sql does not select aggregate_key.",
    ),
    "no rows.sql": (table(files={}), "the folder has no rows.sql."),
    "no parent": (table(parents=()), "no required parent is calls, the root. Add Parent(<column>, 'calls')."),
    "a parent of another aggregate": (
        table(parents=(*PARTS["parents"], WAITS), columns=(*PARTS["columns"], OPPORTUNITY)),
        "parent opportunities is no table of the aggregate calls.",
    ),
    "a reference that is no column": (
        table(parents=(Parent("the_call_id", "calls"),)),
        "the_call_id, which refers to calls, is not in columns.",
    ),
    "another aggregate without waits_for": (
        table(f"{ROWS_OK} left join opportunities on true"),
        "rows.sql reads opportunities, which is another aggregate. Declare it as waits_for.",
    ),
    "waits_for without the key": (
        table(
            ROWS_OK.replace("participant.name", "participant.name, null as opportunity_id"),
            waits_for=WAITS,
            columns=(*PARTS["columns"], OPPORTUNITY),
        ),
        "rows.sql does not select waits_for_key, the natural key of the row in opportunities.",
    ),
    "waits_for a part of another aggregate": (
        table(
            ROWS_OK.replace("participant.name", "participant.name, null as opportunity_id, null as waits_for_key"),
            waits_for=Parent("opportunity_id", "nothing"),
            columns=(*PARTS["columns"], OPPORTUNITY),
        ),
        "waits_for names nothing, which is not the root of another aggregate.",
    ),
    "a root's facts in a part": (table(root=Root("guest", "guests")), "root=Root(…) is only for the root calls."),
    "a root without facts": (table(aggregate="guests", parents=()), "root=Root(…) is missing. Add it."),
}
PROBLEMS["no rows.sql"][0].__dict__["sql"] = {}


def test_the_tables_of_the_package_and_one_more_are_valid() -> None:
    validate(GROUPS, SOURCE_TABLES)
    load(table())


@pytest.mark.parametrize(("guests", "sentence"), PROBLEMS.values(), ids=PROBLEMS.keys())
def test_a_contradiction(guests: PublishedTable, sentence: str) -> None:
    with pytest.raises(InvalidTable) as error:
        load(guests)
    assert str(error.value).startswith("Published table guests: ")
    assert sentence in str(error.value)


def test_an_aggregate_that_nobody_has() -> None:
    with pytest.raises(InvalidTable, match="aggregate='meetings' is not the root of an aggregate"):
        load(table(aggregate="meetings"))


def test_tables_in_a_circle() -> None:
    guests = table(f"{ROWS_OK} join wanted_hosts on true", parents=(*PARTS["parents"], Parent("name", "hosts")))
    hosts = table(package="tables.hosts", parents=(*PARTS["parents"], Parent("name", "guests")))
    with pytest.raises(InvalidTable, match="guests, hosts need one another in a circle"):
        load(guests, hosts)


def test_the_order_of_writing_and_of_computation() -> None:
    assert [table.name for table in TABLES] == [
        *("opportunities", "calls", "speakers", "transcripts", "call_opportunities", "emails")
    ]
    calls = next(group for group in GROUPS if group.name == "calls")
    assert [t.name for t in in_order_of_computation(calls)][:2] == ["speakers", "calls"]
    shuffled = in_groups(sorted(TABLES, key=lambda table: table.description))
    assert [[table.name for table in group.tables] for group in shuffled] == [
        [table.name for table in group.tables] for group in GROUPS
    ]
