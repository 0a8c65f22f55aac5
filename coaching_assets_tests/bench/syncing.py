"""`coaching sync` as a whole process, and steps of it alone."""

import json
from dataclasses import dataclass

from dagster import DagsterInstance

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
    """Run `coaching sync`, with a home for Dagster, where the steps' times can be read afterwards."""
    before = installation.wal()
    ended = run(["coaching", "sync"], installation.environment | {"DAGSTER_HOME": str(installation.folder)})
    wal = installation.wal() - before
    with DagsterInstance.from_config(str(installation.folder)) as instance:
        newest = instance.get_run_records(limit=1)[0].dagster_run.run_id
        steps = {
            step.step_key: step.end_time - step.start_time
            for step in instance.get_run_step_stats(newest)
            if step.end_time and step.start_time
        }
    return Synced(ended.seconds, ended.peak_bytes, steps, wal)


def run_steps(installation: Installation, *steps: str) -> Synced:
    """Run some steps in a process of their own."""
    before = installation.wal()
    ended = run(["python", "-W", "ignore", "-m", stage.__name__, *steps], installation.environment)
    line = next(line for line in reversed(ended.output.splitlines()) if line.startswith(stage.PREFIX))
    seconds = json.loads(line.removeprefix(stage.PREFIX))
    return Synced(ended.seconds, ended.peak_bytes, seconds, installation.wal() - before)
