"""A Dagster deployment for the tests: webserver, daemon and code server as in earnest, on the tests' servers."""

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import psutil
import pytest
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter
from dagster._core.scheduler.instigation import InstigatorTick
from dagster_graphql import DagsterGraphQLClient

from coaching_assets.defs.jobs import SYNC_JOB, UNFINISHED
from coaching_assets.demo.sample import Sample, change_set, generate
from coaching_assets.demo.servers import BigQueryEmulator, EmbeddedPostgres
from coaching_assets.demo.supervision import HOST, answers, free_port, supervised, wait_until
from coaching_assets_tests.support.deployment import Deployment, installed

REPOSITORY = Path(__file__).parents[2]
UPDATE_PICTURES = os.environ.get("UPDATE_PICTURES") == "1"
"""Whether to take the README's pictures again, of a larger installation after some hours of changes."""

SECONDS_TO_WAIT = 240.0
SECONDS_BETWEEN_LOOKS = 0.2
HOURS_TO_COME = 4

OFTEN = {
    "SENSOR_INTERVAL_SECONDS": "1",
    "SENSOR_QUIET_SECONDS": "1",
    "CHECK_INTERVAL_SECONDS": "1",
    "RECONCILE_CRON": "0 0 1 1 *",
    "REJECTED_ROWS_ERROR": "5",
    "ALERT_INTERVAL_SECONDS": "1",
    "PUBLISHED_WARN_MINUTES": "0.15",
    "PUBLISHED_ERROR_MINUTES": "0.15",
}
"""Settings by which what happens in minutes happens in seconds, and what happens daily not at all."""

Found = TypeVar("Found")


@dataclass
class DagsterDeployment:
    """A running Dagster, the installation that it works on, and the content of its BigQuery."""

    installation: Deployment
    sample: Sample
    instance: DagsterInstance
    client: DagsterGraphQLClient
    address: str

    def load(self, sample: Sample, tables: list[str] | None = None) -> None:
        """Put a sample into BigQuery, as Fivetran would; nobody is told."""
        self.installation.load(sample, tables)
        self.sample = sample

    def runs(self, **tags: str) -> list[DagsterRun]:
        """The runs of the main job with those tags, the newest first."""
        return list(self.instance.get_runs(RunsFilter(job_name=SYNC_JOB, tags=tags)))

    def succeeded(self, run_id: str) -> DagsterRun:
        """Wait until a run has succeeded."""

        def finished() -> DagsterRun | None:
            run = self.instance.get_run_by_id(run_id)
            return run if run is not None and run.is_finished else None

        run = awaited(finished, f"the end of the run {run_id}")
        assert run.status == DagsterRunStatus.SUCCESS, self.errors(run_id)
        return run

    def idle(self) -> None:
        """Wait until the sensor looks and finds that everything is loaded, and no run is queued or running."""

        def nothing_left() -> bool:
            tick = self.next_tick("bigquery_changes")
            return (tick.skip_reason or "").startswith("Nothing changed") and not self.unfinished()

        awaited(lambda: nothing_left() or None, "a quiet moment")

    def unfinished(self) -> bool:
        """Whether a run is queued or running."""
        return bool(self.instance.get_runs(RunsFilter(statuses=UNFINISHED), limit=1))

    def live_through(self, hours: int) -> None:
        """Let some hours pass at the source, one after the other, and wait until each is published."""
        for hour in range(1, hours + 1):
            self.load(change_set(self.sample, hour))
            self.idle()

    def latest_tick(self, sensor: str) -> InstigatorTick | None:
        """The newest tick of a sensor that has ended."""
        for state in self.instance.all_instigator_state():
            if state.instigator_name == sensor:
                ticks = self.instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=2)
                return next((tick for tick in ticks if tick.end_timestamp is not None), None)
        return None

    def next_tick(self, sensor: str) -> InstigatorTick:
        """Wait for a tick of a sensor that begins from now on."""
        since = time.time()

        def looked() -> InstigatorTick | None:
            tick = self.latest_tick(sensor)
            return tick if tick is not None and tick.timestamp > since else None

        return awaited(looked, f"a tick of {sensor}")

    def errors(self, run_id: str) -> str:
        """What a run logged as an error."""
        return "\n".join(entry.message for entry in self.instance.all_logs(run_id) if entry.level >= 40)


def awaited(look: Callable[[], Found | None], what: str) -> Found:
    """Look again and again at the real state until there is something."""
    deadline = time.monotonic() + SECONDS_TO_WAIT
    while (found := look()) is None:
        assert time.monotonic() < deadline, f"{what} did not come within {SECONDS_TO_WAIT:.0f} s"
        time.sleep(SECONDS_BETWEEN_LOOKS)
    return found


@contextmanager
def dagster_deployment(
    name: str, postgres: EmbeddedPostgres, emulator: BigQueryEmulator, sample: Sample, home: Path, alert_url: str
) -> Iterator[DagsterDeployment]:
    """Serve a new installation with that sample, and stop it at the end with every process that it started."""
    with (
        pytest.MonkeyPatch.context() as environment,
        installed(name, postgres, emulator, environment) as installation,
    ):
        installation.load(sample)
        postgres.create_database(f"{name}_dagster")
        shutil.copy(REPOSITORY / "dagster.yaml", home)
        settings = _settings(postgres.url(f"{name}_dagster"), home) | {"ALERT_URLS": alert_url}
        for variable, value in settings.items():
            environment.setenv(variable, value)
        port, log = free_port(), home / "dagster.log"
        with supervised(_command(port), log) as server, DagsterInstance.from_config(str(home)) as instance:
            wait_until(server, log, lambda: answers(port, "server_info") or None, SECONDS_TO_WAIT)
            environment.undo()
            client = DagsterGraphQLClient(HOST, port_number=port)
            yield DagsterDeployment(installation, sample, instance, client, f"http://{HOST}:{port}")
            started = psutil.Process(server.pid).children(recursive=True)
        assert psutil.wait_procs(started, timeout=SECONDS_TO_WAIT)[1] == []


def recent_sample(scale: float) -> Sample:
    """That share of the demo's sample, of which the last `HOURS_TO_COME` hours are yet to come, by `change_set`."""
    return generate(
        scale, until=datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS_TO_COME)
    )


def _settings(dagster_url: str, home: Path) -> dict[str, str]:
    return OFTEN | {
        "DAGSTER_POSTGRES_URL": dagster_url,
        "DAGSTER_HOME": str(home),
        "DLT_PROJECT_DIR": str(REPOSITORY),
        "SCHEDULE_TIMEZONE": _where_the_hour_is_young(),
    }


def _where_the_hour_is_young() -> str:
    """A time zone in which the next full hour is half an hour away: the schedule requests no run during a test."""
    return "UTC" if datetime.now(UTC).minute < 30 else "Asia/Kolkata"


def _command(port: int) -> list[str]:
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "dagster",
        "dev",
        "--workspace",
        str(REPOSITORY / "workspace.yaml"),
    ]
    return [*command, "--host", HOST, "--port", str(port), "--log-level", "warning"]
