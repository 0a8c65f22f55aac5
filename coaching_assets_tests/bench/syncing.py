"""What `coaching sync` does, as a whole process, and steps of it alone."""

import json
from dataclasses import dataclass

from coaching_assets_tests.bench import stage
from coaching_assets_tests.bench.processes import run
from coaching_assets_tests.bench.servers import Installation

REPLICA_STEP = "gong_calls"
PUBLISHING_STEP = "publish_calls"


@dataclass(frozen=True)
class Synced:
    """A sync: the whole process, and the seconds of its steps."""

    seconds: float
    peak_bytes: int
    steps: dict[str, float]
    wal: int


def sync(installation: Installation) -> Synced:
    """Run all steps in a process of their own, as `coaching sync` does."""
    return run_steps(installation)


def run_steps(installation: Installation, *steps: str) -> Synced:
    """Run some steps, or all, in a process of their own."""
    before = installation.wal()
    ended = run(["python", "-W", "ignore", "-m", stage.__name__, *steps], installation.environment)
    line = next(line for line in reversed(ended.output.splitlines()) if line.startswith(stage.PREFIX))
    seconds = json.loads(line.removeprefix(stage.PREFIX))
    return Synced(ended.seconds, ended.peak_bytes, seconds, installation.wal() - before)
