"""Generates a sample from its parts."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

from coaching_assets.demo.sample.calls import Call, call_rows, make_call, make_calls
from coaching_assets.demo.sample.crm import MISSING, Rows, crm_rows
from coaching_assets.demo.sample.emails import Email, email_rows, make_email, plain_email_rows
from coaching_assets.demo.sample.model import Sample, SampleTable
from coaching_assets.demo.sample.oddities import PLANTED
from coaching_assets.demo.sample.people import Deal, World, deal
from coaching_assets.demo.sample.schema import TABLES, Connector, TableKey, fields_of
from coaching_assets.demo.sample.transcripts import plant_in_transcripts, transcript_table
from coaching_assets.demo.sample.values import to_arrow

DEFAULT_UNTIL = datetime(2026, 6, 30, 12, tzinfo=UTC)
LAST_BATCH = timedelta(minutes=9, seconds=46, microseconds=517083)
"""Time from Fivetran's last run to `until`."""

NUMBERS_PER_CHANGE_SET = 10_000_000
"""Objects of change set n are numbered from n times this number on."""


def generate(
    scale: float = 1.0, seed: int = 7, until: datetime = DEFAULT_UNTIL, connector: Connector = "strings"
) -> Sample:
    """Generate the tables of the half year before `until`. The same arguments give the same tables.

    Args:
        scale: 1 is about 300 calls and 20,000 monologues.
        seed: chooses people, deals and calls.
        until: end of the period, with a time zone; no row is later.
        connector: `strings`: numbers, times and JSON arrive as text; `typed`: in columns of their own types.
    """
    world = World(scale, seed, until.astimezone(UTC))
    calls = make_calls(world)
    rows: Rows = crm_rows(world) | call_rows(calls, world) | email_rows(world)
    waiting = pending_email(world, 0)
    for key, added in plain_email_rows([waiting], Random(f"{seed} waiting")).items():
        rows[key] += added
    tables = {key: SampleTable(fields, to_arrow(rows[key], fields)) for key, fields in _fields(rows, connector)}
    without_call = [_missing_call(world, number) for number in range(PLANTED["call missing, transcript there"])]
    transcripts = transcript_table([*calls, *without_call, pending_call(world, 0)], seed, connector)
    tables["gong", "transcript"] = plant_in_transcripts(transcripts, world, connector)
    tables = {key: _end_with_last_batch(tables[key], world) for key in TABLES}
    return Sample(scale, seed, world.until, connector, tables)


def pending_call(world: World, number: int) -> Call:
    """The call that arrives one change set after its transcript, which is in change set `number` (0: the sample)."""
    random = Random(f"{world.seed} pending call {number}")
    at = world.until + timedelta(hours=number - 3)
    synced = world.until + timedelta(hours=number) - LAST_BATCH
    call = make_call(random, _pending_number(number), random.choice(world.deals), world.users, at, synced)
    return replace(call, monologues=20)


def pending_deal(world: World, number: int) -> Deal:
    """The deal that arrives one change set after its e-mail, which is in change set `number` (0: the sample)."""
    random = Random(f"{world.seed} pending deal {number}")
    start, until = world.until - timedelta(days=20), world.until - timedelta(hours=5)
    owner = random.choice(world.users)
    return deal(random, _pending_number(number), random.choice(world.accounts), owner, start, until)


def pending_email(world: World, number: int) -> Email:
    """The e-mail of `pending_deal`."""
    random = Random(f"{world.seed} pending e-mail {number}")
    synced = world.until + timedelta(hours=number) - LAST_BATCH
    at = world.until + timedelta(hours=number - 2)
    return make_email(random, _pending_number(number), pending_deal(world, number), at, synced)


def _pending_number(number: int) -> int:
    return (number + 1) * NUMBERS_PER_CHANGE_SET - 1


def _missing_call(world: World, number: int) -> Call:
    random = Random(f"{world.seed} missing call {number}")
    at = world.until - timedelta(days=10 + number)
    call = make_call(random, MISSING + number, random.choice(world.deals), world.users, at)
    return replace(call, monologues=12)


def _fields(rows: Rows, connector: Connector) -> Iterable[tuple[TableKey, tuple]]:  # type: ignore[type-arg]
    return ((key, fields_of(key, connector)) for key in rows)


def _end_with_last_batch(table: SampleTable, world: World) -> SampleTable:
    """Stamp two rows with Fivetran's last run, so that every table is fresh as of then."""
    number = table.rows.num_rows
    last = world.until - LAST_BATCH
    return table.edited(range(max(0, number - 2), number), lambda row: row.update(_fivetran_synced=last))
