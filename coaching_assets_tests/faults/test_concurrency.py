"""Several syncs at once, whatever started them: they take turns, and none fails for it."""

from pathlib import Path

import pytest

from coaching_assets.defs.jobs import SYNC_JOB
from coaching_assets.demo.sample import COMPANY_DOMAIN
from coaching_assets.demo.servers import BigQueryEmulator
from coaching_assets_tests.faults.ledger import Trial
from coaching_assets_tests.faults.scene import Scene
from coaching_assets_tests.faults.test_state import LOSSES
from coaching_assets_tests.support import processes
from coaching_assets_tests.support.dagster_deployment import DagsterDeployment
from coaching_assets_tests.support.editing import edited, found_differences

CALL = ("gong", "call")
AT_ONCE = 10


@pytest.mark.breaks("two deployments are pointed at one database")
@pytest.mark.slow
def test_two_deployments_on_one_database_take_turns(scene: Scene) -> None:
    """Each with a Dagster of its own, which knows nothing of the other."""
    homes = [scene.folder / f"home{number}" for number in range(2)]
    for home in homes:
        home.mkdir()
    commands = [scene.start("sync", DAGSTER_HOME=str(home)) for home in homes]
    for command in commands:
        assert command.wait() == 0, command.printed()
    scene.assert_healed()


@pytest.mark.breaks("three first syncs at once")
@pytest.mark.slow
def test_three_syncs_of_an_empty_database_wait_for_one_another(scene: Scene) -> None:
    scene.world.query(LOSSES["everything of ours"])
    commands = [scene.start("sync") for _ in range(3)]
    for command in commands:
        assert command.wait() == 0, command.printed()
    scene.assert_healed()


@pytest.mark.breaks("ten materializations and a `coaching sync` beside the daemon")
@pytest.mark.long
def test_ten_materializations_and_a_command_beside_the_daemon(
    dagster: DagsterDeployment, emulator: BigQueryEmulator, trial: Trial, tmp_path: Path
) -> None:
    dagster.idle()
    deadlocks_before = deadlocks(dagster)
    dagster.load(edited(dagster.sample, CALL, {}, hours=3, title="Eleven at once"), ["call"])
    runs = [dagster.client.submit_job_execution(SYNC_JOB) for _ in range(AT_ONCE)]
    installation = dagster.installation
    variables = emulator.environment() | {"BIGQUERY_PROJECT": installation.name, "DATABASE_URL": installation.url}
    command = processes.start(tmp_path, "sync", **variables, COMPANY_DOMAINS=COMPANY_DOMAIN)
    assert command.wait(240) == 0, command.printed()
    for run in runs:
        dagster.succeeded(run)
    dagster.idle()
    assert deadlocks(dagster) == deadlocks_before
    assert installation.query("select distinct title from calls") == [("Eleven at once",)]
    trial.injected = AT_ONCE + 1
    trial.judge(found_differences(installation, dagster.sample, tmp_path / "oracle"))
    assert trial.recovered


def deadlocks(dagster: DagsterDeployment) -> int:
    """How many Postgres has seen in the installation's database."""
    statement = "select deadlocks from pg_stat_database where datname = current_database()"
    return int(dagster.installation.query(statement)[0][0])
