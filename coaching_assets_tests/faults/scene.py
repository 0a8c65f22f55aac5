"""A database in use and a source that has moved on; afterwards, whether everything is as it should be."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coaching_assets.demo.sample import Sample, change_set
from coaching_assets_tests.faults.at_work import at_work
from coaching_assets_tests.faults.ledger import Trial
from coaching_assets_tests.stateful import application
from coaching_assets_tests.stateful.source import Source
from coaching_assets_tests.stateful.world import World
from coaching_assets_tests.support import processes

WRITES = ("score a call", "give a speaker a role", "judge a monologue", "note on a call", "comment on a call")


LATER: dict[int, Sample] = {}
"""A sample an hour later, kept so that BigQuery is loaded once for all tests."""


def _an_hour_later(sample: Sample) -> Sample:
    if id(sample) not in LATER:
        LATER[id(sample)] = change_set(sample, 1)
    return LATER[id(sample)]


@dataclass
class Scene:
    """One copy of the world, for one test."""

    world: World
    source: Source
    folder: Path
    trial: Trial = field(default_factory=lambda: Trial("unnamed"))
    owned: dict[str, dict[str, Any]] = field(init=False)
    ids: set[tuple[str, str]] = field(init=False)

    def __post_init__(self) -> None:
        """Let the application write something, and the source move on."""
        with self.world.connect() as connection:
            for place, what in enumerate(WRITES):
                application.write_something(connection, what, 3 + place)
            self.owned = application.owned(connection)
        self.ids = self._ids()
        self.source.sample = _an_hour_later(self.source.sample)
        self.world.load(self.source)
        self.source.note_seen()

    @property
    def database(self) -> str:
        """The name of the copy's database."""
        return self.world.database

    def start(self, *arguments: str, **variables: str) -> processes.Command:
        """Start a `coaching` command in a process of its own."""
        return processes.start(self.folder, *arguments, **variables)

    def sync(self) -> None:
        """An ordinary sync, which must work."""
        failures = self.world.sync()
        assert failures == [], "\n".join(failures)

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """The application works on its tables until the end of the block; how long it waits goes into the table."""
        with at_work(self.world.deployment.postgres.url(self.database), self.trial):
            yield

    def problems(self) -> list[str]:
        """Rows that are lost, doubled or wrong, ids that changed, and what of the application's was touched."""
        found = self.world.differences(self.source)
        with self.world.connect() as connection:
            found += application.lost(self.owned, application.owned(connection))
        return found + [f"{table} {key} has another id" for table, key in self.ids - self._ids() if self._stays(key)]

    def assert_right(self) -> None:
        """See that everything is as it should be, and note for the table at the end what is not."""
        problems = self.problems()
        self.trial.judge(problems)
        assert problems == [], "\n".join(problems)

    def assert_healed(self) -> None:
        """Sync, and see that everything is as it should be and that nothing is left to do."""
        self.sync()
        self.assert_right()
        before = self.world.versions()
        self.sync()
        assert self.world.versions() == before

    def _ids(self) -> set[tuple[str, str]]:
        return {
            ("calls", f"{gong} {id_}") for gong, id_ in self.world.query("select gong_call_id, id::text from calls")
        }

    def _stays(self, key: str) -> bool:
        gong = key.partition(" ")[0]
        return bool(self.world.query("select 1 from calls where gong_call_id = %s", [gong]))
