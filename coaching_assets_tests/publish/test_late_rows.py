"""Rows that Fivetran delivers late or before their parents, and tables that it delivers again."""

import pytest

from coaching_assets_tests.stateful import arrivals
from coaching_assets_tests.stateful.source import Source
from coaching_assets_tests.stateful.world import World, synced

CALL, TRANSCRIPT, EMAIL = ("gong", "call"), ("gong", "transcript"), ("gong", "email")
USERS = ("gong", "users")
LINK, OPPORTUNITY = ("gong", "call_context_integration"), ("salesforce", "opportunity")

WINDOW = 1.0
"""Late by the whole overlap window."""

COUNT_WRITES = """
create table writes (published_table text);
create function count_write() returns trigger language plpgsql as $$
begin
    insert into writes values (tg_table_name);
    return null;
end $$;
"""


def test_a_late_row_within_the_window_is_published(world: World, source: Source) -> None:
    before = world.query("select max(_fivetran_synced) from gongio_ft.email")
    for key, row in [*arrivals.new_call(source, 0), *arrivals.new_email(source, 0, "late@example.com")]:
        source.append(key, row, WINDOW)
    source.edit(OPPORTUNITY, 0, WINDOW, stage_name="Renamed late")
    synced(world, source)
    assert world.query("select count(*) from emails where 'late@example.com' = any(recipients)") == [(1,)]
    assert world.query("select count(*) from calls where gong_call_id like '%-n%'") == [(1,)]
    assert world.query(
        "select count(*) from transcripts join calls on calls.id = call_id where gong_call_id like '%-n%'"
    )[0][0]
    assert world.query("select max(_fivetran_synced) from gongio_ft.email") == before


def test_what_comes_before_its_parent_is_published_once_that_comes(world: World, source: Source) -> None:
    call = arrivals.new_call(source, 0)
    deal = arrivals.new_deal(source, 0)
    (identity,) = {row["id"] for key, row in call if key == CALL}
    (opportunity,) = {row["id"] for key, row in deal if key == OPPORTUNITY}
    link = {"name": "Salesforce", "object_id": opportunity, "call_id": identity, "object_type": "Opportunity"}
    parents = [(key, row) for key, row in [*deal, *call] if key in (CALL, OPPORTUNITY)]
    rejected = world.query("select count(*) from coaching_sync.rejected_rows")

    for key, row in [*call, *deal, (LINK, link)]:
        if (key, row) not in parents:
            source.append(key, row)
    synced(world, source)
    assert world.query("select count(*) from calls where gong_call_id = %s", [identity]) == [(0,)]
    assert world.query("select count(*) from emails where gong_email_id like '%-n%' and opportunity_id is null") == [
        (1,)
    ]
    assert world.query("select count(*) from coaching_sync.rejected_rows") == rejected
    for key, row in parents:
        source.append(key, row)
        synced(world, source)

    joined = "from {} as part join calls on calls.id = call_id where gong_call_id = %s"
    assert world.query(f"select count(*) {joined.format('transcripts')}", [identity])[0][0] > 0
    assert world.query(f"select count(*) {joined.format('speakers')}", [identity])[0][0] > 0
    linked = "join opportunities on opportunities.id = opportunity_id and gong_opportunity_id = %s"
    links = f"select count(*) from call_opportunities join calls on calls.id = call_id {linked} where gong_call_id = %s"
    assert world.query(links, [opportunity, identity]) == [(1,)]
    assert world.query("select count(*) from emails where gong_email_id like '%-n%' and opportunity_id is null") == [
        (0,)
    ]
    assert world.query(
        "select count(*) from coaching_sync.waiting_rows where waits_for_key in (%s, %s)", [identity, opportunity]
    ) == [(0,)]


@pytest.mark.slow
def test_a_reimport_writes_nothing(world: World, source: Source) -> None:
    world.query(COUNT_WRITES)
    for table in ("calls", "speakers", "transcripts", "call_opportunities", "opportunities", "emails"):
        for level in ("row", "statement"):
            name, when = f"count_{level}", "insert or update or delete"
            if level == "row":
                world.query(
                    f"create trigger {name} after {when} on {table} for each row execute function count_write()"
                )
    before, updated = world.versions(), world.query("select id, updated_at from opportunities order by 1")
    for key in source.present:
        source.reimport(key)
    synced(world, source)

    assert world.query(
        "select count(*) > 0 from gongio_ft.call where _fivetran_synced > %s", [source.sample.until]
    ) == [(True,)]
    assert world.query("select count(*) > 1 from gongio_ft.transcript where _fivetran_deleted") == [(True,)]
    restamped = "select count(*) from gongio_ft.transcript where _fivetran_synced > %s"
    assert world.query(restamped, [source.sample.until]) == [(1,)], "one row says how far the source was read"
    assert world.query("select * from writes") == []
    assert world.query("select id, updated_at from opportunities order by 1") == updated
    assert world.versions() == before

    source.edit(OPPORTUNITY, 0, stage_name="Changed")
    source.edit(OPPORTUNITY, 1, stage_name="Changed")
    synced(world, source)
    assert ("opportunities",) in world.query("select * from writes"), "the trigger counts"


@pytest.mark.slow
def test_a_deletion_that_is_delivered_again_is_dated_anew_where_its_time_is_published(
    world: World, source: Source
) -> None:
    [(call,)] = world.query("insert into feedback (call_id) select min(id::text)::uuid from calls returning call_id")
    [(call,)] = world.query("select gong_call_id from calls where id = %s", [call])
    dated = "select metadata ->> 'source_deleted_at' from calls where gong_call_id = %s"
    times = []
    for _ in range(2):
        for number in range(len(source.sample[CALL].numbers(id=call))):
            source.edit(CALL, source.sample[CALL].numbers(id=call)[number], _fivetran_deleted=True)
        synced(world, source)
        times.append(world.query(dated, [call])[0][0])
    assert times[0] < times[1], "ISO 8601 in UTC, so that text is ordered as time is"


@pytest.mark.slow
def test_what_is_kept_of_a_load_goes_with_its_rows_or_after_a_month(world: World, source: Source) -> None:
    kept = "select count(*) from coaching_sync.published_loads where source_view = 'gong_users' and load_id = %s"
    [(load,)] = world.query("select distinct _dlt_load_id from gongio_ft.users")
    assert world.query(kept, [load]) != [(0,)]
    world.query("update coaching_sync.replica_loads set loaded_at = now() - interval '31 days'")
    for (user,) in world.query("select id from gongio_ft.users"):
        for number in range(len(source.sample[USERS].numbers(id=user))):
            source.edit(USERS, source.sample[USERS].numbers(id=user)[number], first_name="Renamed")
    synced(world, source)
    assert world.query(kept, [load]) == [(0,)]
    old = "select count(*) from coaching_sync.replica_loads where loaded_at < now() - interval '30 days'"
    assert world.query(old) == [(0,)]


@pytest.mark.slow
@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("drop table gongio_ft.users", marks=pytest.mark.slow),
        "truncate gongio_ft.users",
    ],
)
def test_a_table_that_was_not_modified_is_read_only_where_the_replica_lost_it(
    world: World, source: Source, statement: str
) -> None:
    users = world.query("select id from gongio_ft.users order by 1")
    synced(world, source)
    loads = world.query("select count(*) from gongio_ft._dlt_loads")
    synced(world, source)
    assert world.query("select count(*) from gongio_ft._dlt_loads") == loads

    world.query(statement)
    synced(world, source)
    assert world.query("select id from gongio_ft.users order by 1") == users
    assert world.query("select count(*) from gongio_ft._dlt_loads") == [(loads[0][0] + 1,)]


@pytest.mark.slow
@pytest.mark.parametrize("index", ["007", pytest.param("7.0", marks=pytest.mark.slow)])
def test_of_two_that_say_one_place_the_same_is_published_whichever_came_last(
    world: World, source: Source, index: str
) -> None:
    first = source.sample[TRANSCRIPT].numbers(index="7")[0]
    source.append(TRANSCRIPT, source.rows(TRANSCRIPT)[first] | {"index": index, "sentence": "One more thing."})
    synced(world, source)
    # the row that is written again is stored after the other one
    source.edit(TRANSCRIPT, first, topic="Changed")
    synced(world, source)
