"""Postgres stops during a load or during publishing, and comes back: the same sync goes on."""

import os
import signal

import pytest

from coaching_assets_tests.faults.holding import meanwhile
from coaching_assets_tests.faults.scene import Scene
from coaching_assets_tests.faults.servers import OwnPostgres

AMID_COPY, AMID_PUBLISHING = ("gongio_ft_staging", "transcript"), ("public", "calls")


@pytest.mark.breaks("Postgres: a backend crashes, and the server recovers")
@pytest.mark.slow
@pytest.mark.parametrize("place", [AMID_PUBLISHING, AMID_COPY])
def test_a_server_that_crashes_is_waited_for(
    scene: Scene, own: OwnPostgres, monkeypatch: pytest.MonkeyPatch, place: tuple[str, str]
) -> None:
    monkeypatch.setenv("POSTGRES_RETRY_SECONDS", "1")
    with meanwhile(scene, *place, lambda pid: os.kill(pid, signal.SIGKILL)):
        scene.sync()
    assert "terminated by signal 9" in own.log.read_text()
    scene.assert_healed()


@pytest.mark.breaks("Postgres: stopped and started")
@pytest.mark.slow
@pytest.mark.parametrize("place", [AMID_PUBLISHING, AMID_COPY])
def test_a_server_that_is_restarted_is_waited_for(
    scene: Scene, own: OwnPostgres, monkeypatch: pytest.MonkeyPatch, place: tuple[str, str]
) -> None:
    monkeypatch.setenv("POSTGRES_RETRY_SECONDS", "2")

    def restart(_: int) -> None:
        own.stop()
        own.start()

    with meanwhile(scene, *place, restart):
        scene.sync()
    scene.assert_healed()


@pytest.mark.breaks("Postgres: an administrator ends the connection")
@pytest.mark.slow
@pytest.mark.parametrize("place", [AMID_COPY, AMID_PUBLISHING])
def test_a_connection_that_is_ended_is_made_again(scene: Scene, place: tuple[str, str]) -> None:
    with meanwhile(scene, *place, lambda pid: scene.world.query("select pg_terminate_backend(%s)", [pid])):
        scene.sync()
    scene.assert_healed()
