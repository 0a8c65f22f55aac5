"""The soak: hour after hour of edits and faults, as fast as they come; nothing may be wrong, and nothing may grow.

`make soak` runs it for `SOAK_MINUTES`; `SOAK_SEED` draws other edits and faults. It prints what it did and measured.
"""

import gc
import os
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import psutil
import pytest

from coaching_assets.demo.sample import TABLES
from coaching_assets.kill_points import VARIABLE, KillPoint
from coaching_assets_tests import processes
from coaching_assets_tests.faults.proxy import Proxy, proxy
from coaching_assets_tests.faults.read_api import STORAGE
from coaching_assets_tests.faults.test_state import LOSSES
from coaching_assets_tests.stateful import application
from coaching_assets_tests.stateful.machine import ARRIVALS, INDEXES, Sequence
from coaching_assets_tests.stateful.values import ADDRESSES, COLUMNS, VARIES
from coaching_assets_tests.stateful.world import World

MINUTES = float(os.environ.get("SOAK_MINUTES", "15"))
SEED = os.environ.get("SOAK_SEED", "1")
LATE = (0.0, 0.0, 0.3, 1.0)
MOST_EDITS = 12
LONGEST_SYNC = 4.0
"""Seconds within which a sync is killed."""
LARGEST_RESET = 400_000
"""Bytes within which a connection is reset."""

GROWTH = {"memory": 1.25, "connections": 1.0, "files": 1.0, "database": 1.25}
"""How many times what stood after the first third may stand at the end; the data itself grow a little."""

HEALED_BY_A_SYNC = [loss for loss in LOSSES if "ours" not in loss and "bookkeeping" not in loss]
"""Without its bookkeeping the project does not know which links were its own, and leaves them; see docs/faults.md."""


@dataclass(frozen=True)
class Standing:
    """What stands after a cycle, once everything is at rest; bytes, or how many."""

    memory: int
    connections: int
    files: int
    database: int


@dataclass
class Soak:
    """An installation, a source that is edited, and what breaks the syncs between them."""

    sequence: Sequence
    chance: random.Random
    folder: Path
    postgres: Proxy
    bigquery: Proxy

    def edit(self) -> None:
        """Some edits of the source, and something that the application writes."""
        for _ in range(self.chance.randint(1, MOST_EDITS)):
            rule, draw = self.chance.choice(list(EDITS.items()))
            getattr(self.sequence, rule)(**draw(self.chance))

    def break_something(self) -> str:
        """A sync, or an installation, that something happens to; says what."""
        self.sequence.world.load(self.sequence.source)
        fault = self.chance.choice(list(FAULTS))
        FAULTS[fault](self)
        return fault

    def kill_at_a_moment(self) -> None:
        """A sync of a process of its own, killed wherever it is then."""
        command = processes.start(self.folder, "sync")
        command.process.join(self.chance.uniform(0, LONGEST_SYNC))
        command.process.kill()
        assert command.wait() in (0, -signal.SIGKILL), command.printed()

    def kill_at_a_point(self) -> None:
        """A sync that kills itself; where nothing changed, it may not get there."""
        command = processes.start(self.folder, "sync", **{VARIABLE: self.chance.choice(list(KillPoint))})
        assert command.wait() in (0, -signal.SIGKILL), command.printed()

    def reset(self, between: Proxy) -> None:
        """The next sync's connections are reset, after so many bytes either way."""
        between.reset_after(self.chance.randint(100, LARGEST_RESET), self.chance.choice(("up", "down")))

    def lose(self) -> None:
        """Something that dlt remembers, or a replica, is gone."""
        self.sequence.world.query(LOSSES[self.chance.choice(HEALED_BY_A_SYNC)])

    def standing(self) -> Standing:
        """What stands now."""
        world = self.sequence.world
        world.query("vacuum full")
        gc.collect()
        others = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        return Standing(
            memory=psutil.Process().memory_info().rss,
            connections=world.query(others)[0][0],
            files=sum(not path.name.startswith("output-") for path in self.folder.iterdir()),
            database=world.query("select pg_database_size(current_database())")[0][0],
        )


FAULTS: dict[str, Callable[[Soak], None]] = {
    "nothing": lambda soak: None,
    "killed at a random moment": Soak.kill_at_a_moment,
    "killed at a named point": Soak.kill_at_a_point,
    "connection to Postgres reset": lambda soak: soak.reset(soak.postgres),
    "connection to BigQuery reset": lambda soak: soak.reset(soak.bigquery),
    "state or replica lost": Soak.lose,
}

CELLS = [(key, column) for key, columns in COLUMNS.items() for column in columns]
EDITS: dict[str, Callable[[random.Random], dict[str, object]]] = {
    "edit": lambda r: {
        "cell": r.choice(CELLS),
        "place": r.randrange(200),
        "choice": r.randrange(200),
        "late": r.choice(LATE),
    },
    "delete_or_undelete": lambda r: {
        **{"key": r.choice(TABLES), "place": r.randrange(200), "late": r.choice(LATE), "deleted": r.random() < 0.5}
    },
    "delete_a_call": lambda r: {"place": r.randrange(200), "late": r.choice(LATE)},
    "arrive": lambda r: {
        **{
            "sort": r.choice(sorted(ARRIVALS)),
            "place": r.randrange(200),
            "mask": r.randrange(256),
            "late": r.choice(LATE),
        }
    },
    "write_an_email": lambda r: {
        **{"place": r.randrange(200), "mask": r.randrange(256), "late": r.choice(LATE)},
        **{"address": r.choice(ADDRESSES), "new": r.random() < 0.5},
    },
    "say_one_more_thing": lambda r: {
        "place": r.randrange(200),
        "index": r.choice(INDEXES),
        "late": r.choice(LATE),
    },
    "deliver_what_was_withheld": lambda r: {"late": r.choice(LATE)},
    "reimport": lambda r: {"keys": {r.choice(TABLES)}},
    "change_a_type": lambda r: {"column": r.choice(sorted(VARIES)), "choice": r.randrange(200)},
    "application_writes": lambda r: {"what": r.choice(sorted(application.WRITES)), "place": r.randrange(200)},
}
"""The steps of the stateful test, by name, with what each is given. Tables do not disappear: of one that is not at the
source, nothing brings back a replica that is lost."""


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
        server = world.deployment.postgres
        postgres = stack.enter_context(proxy(server.host, server.port))
        host, _, port = world.variable(STORAGE).rpartition(":")
        bigquery = stack.enter_context(proxy(host, int(port)))
        environment.setenv("DATABASE_URL", f"postgresql://postgres:postgres@127.0.0.1:{postgres.port}/{world.database}")
        environment.setenv(STORAGE, f"127.0.0.1:{bigquery.port}")
        yield Soak(sequence, random.Random(SEED), folder, postgres, bigquery)


@pytest.mark.soak
def test_hours_of_edits_and_faults_leave_nothing_wrong_and_nothing_grown(
    world: World, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    begun, faults = time.monotonic(), Counter[str]()
    at_a_third: Standing | None = None
    with soaking(world, tmp_path_factory.mktemp("soak")) as soak:
        while (passed := (time.monotonic() - begun) / 60) < MINUTES:
            if at_a_third is None and passed > MINUTES / 3:
                at_a_third = soak.standing()
            soak.edit()
            faults[soak.break_something()] += 1
            soak.sequence.sync_everything()
            with capsys.disabled():
                print(
                    f"\r{passed:5.1f} min, {faults.total()} hours, {faults.total() - faults['nothing']} faults", end=""
                )
        at_the_end = soak.standing()
        resets = soak.postgres.injected + soak.bigquery.injected
    assert at_a_third is not None
    with capsys.disabled():
        print(f"\n{faults.total()} hours, each equal to the oracle at its end; seed {SEED}")
        for fault, times in faults.most_common():
            print(f"  {times:4} {fault}")
        print(f"  {resets:4} connections were reset before their sync was done")
        for field in fields(Standing):
            before, after = (getattr(standing, field.name) for standing in (at_a_third, at_the_end))
            print(f"  {field.name}: {before:,} at a third, {after:,} at the end")
    for name, growth in GROWTH.items():
        before, after = asdict(at_a_third)[name], asdict(at_the_end)[name]
        assert after <= before * growth, f"{name} grew from {before:,} to {after:,}"
