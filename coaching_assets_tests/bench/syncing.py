"""What `coaching sync` does, in a process of its own, or some steps of it."""

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


def run_steps(installation: Installation, *steps: str) -> Synced:
    """Run some steps in a process of their own; all of them, as `coaching sync` does, if none is named."""
    before = installation.wal()
    ended = run(["python", "-W", "ignore", "-m", stage.__name__, *steps], installation.environment)
    line = next(line for line in reversed(ended.output.splitlines()) if line.startswith(stage.PREFIX))
    figures = json.loads(line.removeprefix(stage.PREFIX))
    return Synced(ended.seconds, figures["peak_bytes"], figures["steps"], installation.wal() - before)
