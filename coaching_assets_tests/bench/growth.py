"""Whether a sync without changes costs more after years, or with a large table."""

from collections.abc import Callable, Iterator

from coaching_assets_tests.bench import data
from coaching_assets_tests.bench.outcome import Goal, Outcome, of_pairs
from coaching_assets_tests.bench.servers import Installation, Servers
from coaching_assets_tests.bench.sizes import Sizes
from coaching_assets_tests.bench.syncing import PUBLISHING_STEP, run_steps

SAMPLE = 60_000
"""Monologues; enough rows for the loads of years."""

TABLES = ("call", "call_speaker", "call_participant", "transcript", "call_context_integration", "users")

LOADS = """
update gongio_ft.{table} as row set _dlt_load_id = (1700000000 + 900 * (place %% %(loads)s)) || '.5'
from (select ctid as at, row_number() over () as place from gongio_ft.{table}) as numbered
where row.ctid = numbered.at
"""
"""Deals a table's rows out to so many loads, a quarter of an hour apart."""

CONTEXT = """
insert into gongio_ft.call_context_integration (call_id, object_id, name, object_type, _fivetran_synced, _dlt_load_id)
select call_id, 'object ' || n, 'Account', 'Account', _fivetran_synced, _dlt_load_id
from (
    select call_id, _fivetran_synced, _dlt_load_id, row_number() over (order by call_id, object_id, name) as place
    from gongio_ft.call_context_integration
    where call_id <> ''
    limit 100
) as chosen, generate_series(1, %(rows)s / 100) as n
"""
"""Objects of the CRM that calls are linked to, in loads that were published."""


def growth(servers: Servers, sizes: Sizes) -> Iterator[Outcome]:
    """A sync with nothing pending: after few loads and after many, in a small table and in a large one."""
    few, many = sizes.loads
    title = f"nothing pending for calls after {many:,} loads / after {few:,}"
    yield _compared(servers, sizes, "loads", title, lambda at, is_large: _deal_out(at, many if is_large else few))
    small, large = sizes.context
    title = f"nothing pending for calls with {large:,} rows of call_context_integration / {small:,}"
    yield _compared(
        servers, sizes, "context", title, lambda at, is_large: _add_context(at, large if is_large else small)
    )


def _compared(
    servers: Servers, sizes: Sizes, name: str, title: str, grow: Callable[[Installation, bool], None]
) -> Outcome:
    small = servers.install(f"{name}_young")
    small.deliver(data.sample_of(SAMPLE))
    run_steps(small)
    large = servers.copy(small, f"{name}_old")
    for at, is_large in ((small, False), (large, True)):
        grow(at, is_large)
        # the first one publishes what seems new, and the second one finds nothing
        run_steps(at, PUBLISHING_STEP)
        run_steps(at, PUBLISHING_STEP)
    pairs = []
    for _ in range(sizes.repetitions):
        both = [run_steps(at, PUBLISHING_STEP).steps[PUBLISHING_STEP] for at in (large, small)]
        pairs.append((both[0], both[1]))
    servers.remove(small)
    servers.remove(large)
    return of_pairs(title, pairs, Goal(1.2), ("large", "small"))


def _deal_out(at: Installation, loads: int) -> None:
    for table in TABLES:
        at.query(LOADS.format(table=table), {"loads": loads})
        at.query(f"analyze gongio_ft.{table}")


def _add_context(at: Installation, rows: int) -> None:
    at.query(CONTEXT, {"rows": rows})
    at.query("analyze gongio_ft.call_context_integration")
