"""The soak: hour after hour of edits and faults, as fast as they come; nothing may be wrong, and nothing may grow.

`make soak` runs it for `SOAK_MINUTES`; `SOAK_SEED` draws other edits and faults. It prints what it did and measured.
"""

import os
import random
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from psycopg2 import errors

from coaching_assets_tests.faults.daemon import Daemon, Holdings, daemon
from coaching_assets_tests.faults.failpoints import VARIABLE, Failpoint
from coaching_assets_tests.faults.proxy import Proxy, proxy
from coaching_assets_tests.faults.read_api import STORAGE
from coaching_assets_tests.faults.test_state import LOSSES
from coaching_assets_tests.stateful.machine import Sequence
from coaching_assets_tests.stateful.random_edits import edit
from coaching_assets_tests.stateful.world import World
from coaching_assets_tests.support import processes

MINUTES = float(os.environ.get("SOAK_MINUTES", "15"))
SEED = os.environ.get("SOAK_SEED", "1")
MOST_EDITS = 12
LARGEST_RESET = 400_000
"""Bytes within which a connection is reset."""
REST = "BIGQUERY_EMULATOR_HOST"

GROWTH = {
    "memory": 1.15,
    "descriptors": 1.0,
    "threads": 1.0,
    "connections": 1.0,
    "files": 1.0,
    "bookkeeping": 1.15,
    "database": 1.15,
}
"""How many times what stood after the first third may stand at the end; the data itself grow a little."""

HEALED_BY_A_SYNC = [loss for loss in LOSSES if "ours" not in loss and "bookkeeping" not in loss]
"""Without its bookkeeping the project does not know which links were its own, and leaves them; see docs/faults.md."""

CONNECTIONS = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
BOOKKEEPING = (
    "select sum(pg_total_relation_size(c.oid))::bigint from pg_class as c join pg_namespace as n on n.oid ="
    " c.relnamespace where relkind = 'r' and (nspname = 'coaching_sync' or relname like '\\_dlt\\_%')"
    " and relname not in ('replica_loads', 'published_loads')"
)
"""But for what is kept of each load: for thirty days, which no soak lives through, and as long as it has rows."""

COMPACT_CATALOGUE = (
    "select 'vacuum full ' || oid::regclass from pg_class"
    " where relkind = 'r' and relnamespace = 'pg_catalog'::regnamespace and not relisshared"
)


@dataclass(frozen=True)
class Standing(Holdings):
    """The resources in use after a cycle, in bytes or as a count."""

    connections: int
    files: int
    bookkeeping: int
    database: int
    source_rows: int


@dataclass
class Soak:
    """An installation, a source that is edited, and what breaks the syncs between them."""

    sequence: Sequence
    daemon: Daemon
    chance: random.Random
    folder: Path
    proxies: dict[str, Proxy]
    longest: float = 0.0
    """Seconds that a sync of a process of its own took, by itself."""

    def live_through_an_hour(self, fault: str) -> None:
        """Edits of the source, a sync to which something may happen, and what must hold afterwards."""
        for _ in range(self.chance.randint(1, MOST_EDITS)):
            edit(self.sequence, self.chance)
        self.sequence.world.load(self.sequence.source)
        with FAULTS[fault](self):
            self.sequence.sync_everything()

    def start(self, **variables: str) -> processes.Command:
        """A sync of a process of its own."""
        return processes.start(self.folder, "sync", **variables)

    def measure(self) -> None:
        """See how long a sync of a process of its own takes; the first one starts what the others are forked from."""
        for _ in range(2):
            edit(self.sequence, self.chance)
            self.sequence.world.load(self.sequence.source)
            started = time.monotonic()
            command = self.start()
            assert command.wait() == 0, command.printed()
            self.longest = time.monotonic() - started
            self.sequence.source.note_seen()

    @contextmanager
    def killed_at_a_moment(self) -> Iterator[None]:
        """First a sync of a process of its own, killed wherever it is then."""
        command = self.start()
        command.process.join(self.chance.uniform(0, self.longest))
        command.process.kill()
        assert command.wait() in (0, -signal.SIGKILL), command.printed()
        yield

    @contextmanager
    def killed_at_a_failpoint(self) -> Iterator[None]:
        """First a sync that kills itself; where nothing changed, it may not get there."""
        command = self.start(**{VARIABLE: self.chance.choice(list(Failpoint))})
        assert command.wait() in (0, -signal.SIGKILL), command.printed()
        yield

    @contextmanager
    def two_at_once(self) -> Iterator[None]:
        """A sync of a process of its own beside the daemon's."""
        command = self.start()
        yield
        assert command.wait() == 0, command.printed()

    @contextmanager
    def reset(self, name: str) -> Iterator[None]:
        """The connections are reset after so many bytes either way."""
        between = self.proxies[name]
        between.reset_after(self.chance.randint(100, LARGEST_RESET), self.chance.choice(("up", "down")))
        yield
        between.reset_after(0, times=0)

    @contextmanager
    def cut(self) -> Iterator[None]:
        """All connections to Postgres are reset at some moment."""
        timer = threading.Timer(self.chance.uniform(0, self.longest), self.proxies["Postgres"].cut)
        timer.start()
        yield
        timer.cancel()
        timer.join()

    @contextmanager
    def lost(self) -> Iterator[None]:
        """Something that dlt remembers, or a replica, is gone."""
        # what an earlier hour took away need not be back: it is made when it is needed
        with suppress(errors.UndefinedTable, errors.InvalidSchemaName):
            self.sequence.world.query(LOSSES[self.chance.choice(HEALED_BY_A_SYNC)])
        yield

    def standing(self) -> Standing:
        """The resources in use now, after an hour without a fault."""
        world = self.sequence.world
        self.live_through_an_hour("nothing")
        world.query("vacuum")
        # each sync makes temporary tables and views; how much of the catalogue is theirs depends on autovacuum's moment
        for (statement,) in world.query(COMPACT_CATALOGUE):
            world.query(statement)
        return Standing(
            **asdict(self.daemon.holdings),
            connections=world.query(CONNECTIONS)[0][0],
            files=sum(not path.name.startswith("output-") for path in self.folder.rglob("*")),
            bookkeeping=world.query(BOOKKEEPING)[0][0],
            database=world.query("select pg_database_size(current_database())")[0][0],
            source_rows=sum(table.rows.num_rows for table in self.sequence.source.present.values()),
        )


@contextmanager
def _nothing(soak: Soak) -> Iterator[None]:
    yield


FAULTS: dict[str, Callable[[Soak], AbstractContextManager[None]]] = {
    "nothing": _nothing,
    "killed at a random moment": Soak.killed_at_a_moment,
    "killed at a failpoint": Soak.killed_at_a_failpoint,
    "two syncs at once": Soak.two_at_once,
    "all connections to Postgres cut at a random moment": Soak.cut,
    "connections to Postgres reset after so many bytes": lambda soak: soak.reset("Postgres"),
    "connections to the Storage Read API reset, likewise": lambda soak: soak.reset(STORAGE),
    "connections to BigQuery's REST API reset, likewise": lambda soak: soak.reset(REST),
    "dlt's state, or a replica, lost": Soak.lost,
}


@contextmanager
def soaking(world: World, folder: Path) -> Iterator[Soak]:
    """An installation whose connections go by proxies, and whose temporary files stand in `folder`."""
    with ExitStack() as stack:
        environment = stack.enter_context(pytest.MonkeyPatch.context())
        environment.setattr(tempfile, "tempdir", str(folder))
        environment.setenv("TMPDIR", str(folder))
        environment.setenv("PUBLISH_BATCH_SIZE", "5")
        sequence = Sequence(world, environment)
        stack.callback(world.end)
        server, rest = world.deployment.postgres, urlsplit(world.variable(REST))
        host, _, port = world.variable(STORAGE).rpartition(":")
        targets = {"Postgres": (server.host, server.port), STORAGE: (host, int(port)), REST: (rest.hostname, rest.port)}
        proxies = {name: stack.enter_context(proxy(*target)) for name, target in targets.items()}
        ports = {name: f"127.0.0.1:{between.port}" for name, between in proxies.items()}
        environment.setenv("DATABASE_URL", f"postgresql://postgres:postgres@{ports['Postgres']}/{world.database}")
        environment.setenv(STORAGE, ports[STORAGE])
        environment.setenv(REST, f"http://{ports[REST]}")
        lasting = stack.enter_context(daemon())
        environment.setattr(world, "sync", lasting.sync)
        yield Soak(sequence, lasting, random.Random(SEED), folder, proxies)


@pytest.mark.soak
def test_hours_of_edits_and_faults_leave_nothing_wrong_and_nothing_grown(
    world: World, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    hours = Counter[str]()
    at_a_third: Standing | None = None
    with soaking(world, tmp_path_factory.mktemp("soak")) as soak:
        soak.measure()
        begun = time.monotonic()
        while (passed := (time.monotonic() - begun) / 60) < MINUTES:
            if at_a_third is None and passed > MINUTES / 3:
                at_a_third = soak.standing()
            fault = soak.chance.choice(list(FAULTS))
            soak.live_through_an_hour(fault)
            hours[fault] += 1
            with capsys.disabled():
                print(f"\r{passed:5.1f} min, {hours.total()} hours, {hours.total() - hours['nothing']} faults", end="")
        at_the_end = soak.standing()
    assert at_a_third is not None
    with capsys.disabled():
        print(f"\n\n{hours.total()} hours, each equal to the oracle at its end; SOAK_SEED={SEED}\n")
        print("\n".join(_lines(hours, asdict(at_a_third), asdict(at_the_end))))
    for name, growth in GROWTH.items():
        before, after = getattr(at_a_third, name), getattr(at_the_end, name)
        assert after <= before * growth, f"{name} grew from {before:,} to {after:,}"


def _lines(hours: Counter[str], before: dict[str, int], after: dict[str, int]) -> Iterator[str]:
    yield "| what broke | hours |\n| --- | ---: |"
    for fault, times in hours.most_common():
        yield f"| {fault} | {times} |"
    yield "\n| | after a third | at the end | may be |\n| --- | ---: | ---: | ---: |"
    for name in before:
        bound = f"{GROWTH[name]:.0%}" if name in GROWTH else ""
        yield f"| {name.replace('_', ' ')} | {before[name]:,} | {after[name]:,} | {bound} |"
