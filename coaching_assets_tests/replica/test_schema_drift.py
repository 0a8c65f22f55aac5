"""Columns of the source that come, go and change their type: no value is lost, and publishing goes on."""

import pytest
from dagster import execute_job, reconstructable

from coaching_assets.defs.instance import instance_of_this_process
from coaching_assets.demo.sample import TableKey
from coaching_assets_tests.stateful.source import Source
from coaching_assets_tests.stateful.values import VARIES
from coaching_assets_tests.stateful.world import World, synced

CALL, PARTICIPANT, TRANSCRIPT = ("gong", "call"), ("gong", "call_participant"), ("gong", "transcript")
EMAIL, OPPORTUNITY = ("gong", "email"), ("salesforce", "opportunity")

BETWEEN = {
    "duration": ("FLOAT64", "STRING", "INT64", "FLOAT64", "INT64", "STRING"),
    "scheduled": ("TIMESTAMP", "STRING", "TIMESTAMP", "STRING", "TIMESTAMP", "STRING"),
}


def a_published_call(world: World, source: Source) -> int:
    """The place of a row from which a published call with a brief is made."""
    query = "select gong_call_id from calls where metadata ? 'brief' order by 1 limit 1"
    published = {call for (call,) in world.query(query)}
    return next(place for place, row in enumerate(source.rows(CALL)) if row["id"] in published and row["brief"])


def change_type_in_place(source: Source, key: TableKey, column: str, type_: str) -> None:
    """Another type of a column, without delivering any row again."""
    stamps = {row["id"]: row["_fivetran_synced"] for row in source.rows(key)}
    source.retype(key, column, type_)
    table = source.sample[key]
    as_before = table.edited(range(table.rows.num_rows), lambda row: row.update(_fivetran_synced=stamps[row["id"]]))
    source.sample = source.sample.replaced({key: as_before})


def filled(column: str) -> str:
    """A query for how many of the replica's columns for one column of the source are filled, by row."""
    return (
        "select id, workspace_id, (select count(*) from jsonb_each_text(to_jsonb(replica)) as entries (key, value)"
        f" where split_part(key, '__v_', 1) = '{column}' and value is not null)"
        " from gongio_ft.call as replica order by 1, 2"
    )


def schema_checks(source: Source, world: World) -> dict[str, tuple[bool, str]]:
    """What `schema_matches` says of each table of the replica."""
    from coaching_assets.definitions import sync_job

    world.load(source)
    with (
        instance_of_this_process() as instance,
        execute_job(reconstructable(sync_job), instance=instance, run_config={"loggers": {"terminal": {}}}) as result,
    ):
        evaluations = result.get_asset_check_evaluations()
    return {
        "/".join(evaluation.asset_key.path): (evaluation.passed, evaluation.description or "")
        for evaluation in evaluations
        if evaluation.check_name == "schema_matches"
    }


def test_a_column_that_is_new_stands_in_the_replica_and_in_the_headers(world: World, source: Source) -> None:
    source.add_column(EMAIL, "importance", "STRING", "high")
    source.add_column(CALL, "sentiment", "FLOAT64", 0.5)
    synced(world, source)
    assert world.query("select importance from gongio_ft.email where importance is not null") == [("high",)]
    assert world.query("select sentiment from gongio_ft.call where sentiment is not null") == [(0.5,)]
    headers = "select metadata #>> '{headers,importance}' from emails where metadata -> 'headers' ? 'importance'"
    assert world.query(headers) == [("high",)]


@pytest.mark.slow
def test_a_header_of_another_type_keeps_its_name(world: World, source: Source) -> None:
    source.add_column(EMAIL, "size", "INT64", 12)
    synced(world, source)
    source.retype(EMAIL, "size", "STRING")
    source.retype(EMAIL, "sent_at", "TIMESTAMP")
    synced(world, source)
    assert world.query(
        "select distinct metadata #>> '{headers,size}' from emails where metadata #> '{headers,size}' is not null"
    ) == [("12",)]


def test_a_column_that_is_gone_stays_in_the_replica_and_is_warned_of(world: World, source: Source) -> None:
    before = world.query("select id, title, brief from gongio_ft.call where brief is not null order by 1")
    assert before
    place = a_published_call(world, source)
    source.drop_column(CALL, "brief")
    source.edit(CALL, place, title="Changed since")
    source.append(CALL, source.rows(CALL)[0] | {"id": "new"})
    checks = schema_checks(source, world)

    passed, description = checks.pop("gongio_ft/call")
    assert not passed
    assert "brief" in description
    assert all(passed for passed, _ in checks.values())
    kept = world.query("select id, brief from gongio_ft.call where brief is not null order by 1")
    assert kept == [(call, brief) for call, _, brief in before]
    assert world.query("select count(*) from gongio_ft.call where title = 'Changed since' and brief <> ''") != [(0,)]
    assert world.query("select brief from gongio_ft.call where id = 'new'") == [(None,)]
    assert world.query("select count(*) from calls where title = 'Changed since'") != [(0,)]
    assert world.query("select count(*) from calls where metadata ? 'brief'")[0][0] > 0


def test_a_column_of_another_type_is_warned_of(world: World, source: Source) -> None:
    source.retype(CALL, "duration", "STRING")
    checks = schema_checks(source, world)
    passed, description = checks.pop("gongio_ft/call")
    assert not passed
    assert "duration (bigint became character varying)" in description
    assert all(passed for passed, _ in checks.values())


@pytest.mark.slow
def test_types_may_change_and_change_back_without_losing_a_value(world: World, source: Source) -> None:
    wanted = {column: world.query(filled(column)) for column in BETWEEN}
    varying = {(key, column): types * 2 for (key, column), types in VARIES.items()}
    varying |= {(CALL, column): types for column, types in BETWEEN.items()}
    for turn in range(max(map(len, varying.values()))):
        for (key, column), types in varying.items():
            source.retype(key, column, types[turn % len(types)])
        synced(world, source)
        assert {column: world.query(filled(column)) for column in BETWEEN} == wanted


def test_only_some_rows_arrive_in_the_new_type(world: World, source: Source) -> None:
    """Fivetran alters the table, and delivers again only rows that change afterwards."""
    change_type_in_place(source, CALL, "duration", "STRING")
    source.edit(CALL, a_published_call(world, source), duration="77")
    synced(world, source)
    assert (77,) in world.query("select duration_seconds from calls")

    change_type_in_place(source, CALL, "duration", "INT64")
    source.edit(CALL, a_published_call(world, source), duration=78)
    synced(world, source)
    assert (78,) in world.query("select duration_seconds from calls")
    assert (77,) not in world.query("select duration_seconds from calls")


@pytest.mark.slow
def test_a_key_of_another_type_names_the_same_rows(world: World, source: Source) -> None:
    count = world.query("select count(*) from gongio_ft.transcript")
    assert world.query("select pg_typeof(index)::text from gongio_ft.transcript limit 1") == [("character varying",)]
    numbers = [n for n, row in enumerate(source.rows(TRANSCRIPT)) if str(row["index"]).isdigit()]
    table = source.sample[TRANSCRIPT]
    source.sample = source.sample.replaced({TRANSCRIPT: type(table)(table.fields, table.rows.take(numbers))})
    for type_ in ("INT64", "STRING"):
        source.retype(TRANSCRIPT, "index", type_)
        world.load(source)
        assert world.sync() == []
        assert world.query("select count(*) from gongio_ft.transcript") == count


@pytest.mark.parametrize(
    ("key", "column", "stopped"),
    [
        (TRANSCRIPT, "sentence", {"transcripts"}),
        pytest.param(PARTICIPANT, "speaker_id", {"calls", "speakers", "transcripts"}, marks=pytest.mark.slow),
    ],
)
def test_without_a_required_column_publishing_stops_and_nothing_is_nulled(
    world: World, source: Source, key: TableKey, column: str, stopped: set[str]
) -> None:
    whole = source.sample
    before = world.query("select id, name, account_name from opportunities order by 1") + world.query(
        "select id, text, speaker_id from transcripts order by 1"
    )
    source.drop_column(key, column)
    source.reimport(key)
    source.edit(EMAIL, 0, subject="The others go on")
    world.load(source)
    failures = world.sync()

    assert any(f"has no column {column}" in failure for failure in failures)
    status = dict(world.query("select entity_type, last_sync_status from sync_status"))
    assert {table for table, state in status.items() if state == "failed"} == stopped
    details = world.query(
        "select error_details ->> 'error' from sync_status where entity_type = any(%s)", [list(stopped)]
    )
    assert all(column in sentence for (sentence,) in details)
    assert (
        world.query("select id, name, account_name from opportunities order by 1")
        + world.query("select id, text, speaker_id from transcripts order by 1")
        == before
    )
    assert world.query("select count(*) from emails where subject = 'The others go on'") == [(1,)]

    email = source.sample[EMAIL]
    source.sample = whole.replaced({EMAIL: email})
    source.reimport(key)
    synced(world, source)
    assert set(dict(world.query("select entity_type, last_sync_status from sync_status")).values()) <= {
        "success",
        "partial",
    }
