"""Postgres goes away amid a load or amid publishing, and comes back: the same sync goes on."""

import os
import signal
from pathlib import Path

import pytest

from coaching_assets_tests.faults.holding import meanwhile
from coaching_assets_tests.faults.scene import Scene
from coaching_assets_tests.faults.servers import own_postgres

AMID_COPY, AMID_PUBLISHING = ("gongio_ft_staging", "transcript"), ("public", "calls")
PLACES = (AMID_PUBLISHING, pytest.param(AMID_COPY, marks=pytest.mark.faults))


@pytest.mark.breaks("Postgres: a backend crashes, and the server recovers")
@pytest.mark.parametrize("place", PLACES)
def test_a_server_that_crashes_is_waited_for(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, place: tuple[str, str]
) -> None:
    monkeypatch.setenv("POSTGRES_RETRY_SECONDS", "1")
    with meanwhile(scene, *place, lambda pid: os.kill(pid, signal.SIGKILL)):
        scene.sync()
    scene.assert_healed()


@pytest.mark.breaks("Postgres: stopped and started")
@pytest.mark.faults
@pytest.mark.parametrize("place", [AMID_PUBLISHING, AMID_COPY])
def test_a_server_that_is_restarted_is_waited_for(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: tuple[str, str]
) -> None:
    monkeypatch.setenv("POSTGRES_RETRY_SECONDS", "2")
    with own_postgres(scene, tmp_path) as own:
        monkeypatch.setenv("DATABASE_URL", scene.world.deployment.postgres.url(scene.database))

        def restart(_: int) -> None:
            own.stop()
            own.start()

        with meanwhile(scene, *place, restart):
            scene.sync()
        scene.assert_healed()


@pytest.mark.breaks("Postgres: an administrator ends the connection")
@pytest.mark.faults
@pytest.mark.parametrize("place", [AMID_COPY, AMID_PUBLISHING])
def test_a_connection_that_is_ended_is_made_again(scene: Scene, place: tuple[str, str]) -> None:
    with meanwhile(scene, *place, lambda pid: scene.world.query("select pg_terminate_backend(%s)", [pid])):
        scene.sync()
    scene.assert_healed()
