"""What a server has is used up: connections, disk space; a pooler that has few connections of its own."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import psycopg2
import pytest
from psycopg2 import sql

from coaching_assets.demo.postgres_folder import allow_access, system_user
from coaching_assets.demo.supervision import free_port, supervised, wait_until
from coaching_assets_tests.faults.scene import Scene
from coaching_assets_tests.faults.servers import OwnPostgres

FULL = "too many clients already"
POOLER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
NO_POOLER = "pgbouncer is not installed: `make servers` installs it, or says how."


@contextmanager
def connections_used_up(scene: Scene, own: OwnPostgres) -> Iterator[None]:
    """As many connections as the server allows."""
    assert own.server is not None
    url = own.server.url(scene.database)
    with ExitStack() as open_ones:
        with pytest.raises(psycopg2.OperationalError, match=FULL):
            while True:
                open_ones.enter_context(closing(psycopg2.connect(url)))
        yield


@pytest.mark.breaks("Postgres: no connection is left")
@pytest.mark.slow
def test_connections_that_are_used_up_are_waited_for(scene: Scene, own: OwnPostgres) -> None:
    with connections_used_up(scene, own):
        command = scene.start("sync")
        assert command.wait() == 1
    assert FULL in command.printed()
    assert "Traceback" not in command.printed()

    seen = own.log.read_text().count(FULL)
    with connections_used_up(scene, own):
        command = scene.start("sync", POSTGRES_RETRY_SECONDS="1")
        while own.log.read_text().count(FULL) < seen + 2:  # the second of them is the sync's
            command.process.join(0.02)
            assert command.process.exitcode is None, command.printed()
    assert command.wait() == 0, command.printed()
    scene.assert_healed()


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of a few megabytes, which only root can make."""
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)], capture_output=True)
    if made.returncode:
        pytest.skip("only root may mount a small file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.breaks("Postgres: the disk is full")
@pytest.mark.slow
def test_a_disk_that_is_full_is_named(scene: Scene, tmp_path: Path) -> None:
    user = system_user()
    if user is None:
        pytest.skip("only root may mount a small file system")
    with small_disk(tmp_path) as disk:
        home = disk / "tablespace"
        home.mkdir()
        allow_access(home, user)
        shutil.chown(home, user, user)
        name = sql.Identifier(f"{scene.database}_small")
        with scene.world.connect() as connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL("create tablespace {} location {}").format(name, sql.Literal(str(home))))
            cursor.execute(sql.SQL("alter table transcripts set tablespace {}").format(name))
        filler = disk / "filler"
        with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
            while True:
                file.write(b"\0" * 4096)
        failures = scene.world.sync()
        assert len(failures) == 1
        assert "Postgres has no disk space left" in failures[0]
        filler.unlink()
        scene.assert_healed()
        scene.world.query("alter table transcripts set tablespace pg_default")
        with scene.world.connect() as connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL("drop tablespace {}").format(name))


@contextmanager
def pooler(scene: Scene, mode: str, folder: Path, **settings: object) -> Iterator[str]:
    """pgbouncer before the scene's server; yields the URL. In CI, a machine without it is a failure."""
    if POOLER is None:
        pytest.fail(NO_POOLER) if os.environ.get("CI") == "true" else pytest.skip(NO_POOLER)
    server, port = scene.world.deployment.postgres, free_port()
    users = folder / "users"
    users.write_text('"postgres" "postgres"\n')
    configuration = folder / "pgbouncer.ini"
    configuration.write_text(
        f"[databases]\n* = host={server.host} port={server.port}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = trust\n"
        f"auth_file = {users}\npool_mode = {mode}\n"
        + "".join(f"{name} = {value}\n" for name, value in ({"default_pool_size": 10} | settings).items())
    )
    allow_access(folder / "here", system_user())
    for file in (users, configuration):
        file.chmod(0o644)
    log, url = folder / "pgbouncer.log", f"postgresql://postgres:postgres@127.0.0.1:{port}/{scene.database}"

    def ready() -> bool | None:
        try:
            psycopg2.connect(url).close()
        except psycopg2.OperationalError:
            return None
        return True

    with supervised([str(POOLER), str(configuration)], log, None, system_user()) as process:
        wait_until(process, log, ready)
        yield url


@pytest.mark.breaks("Postgres: a pooler in between, in session mode")
@pytest.mark.slow
def test_a_pooler_in_session_mode_does_no_harm(scene: Scene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pooler(scene, "session", tmp_path) as url:
        monkeypatch.setenv("DATABASE_URL", url)
        doctor = scene.start("doctor")
        doctor.wait()
        assert "is a connection pooler, which works in session mode only" in doctor.printed()
        scene.assert_healed()


@pytest.mark.breaks("Postgres: a pooler in between that refuses a session's settings")
@pytest.mark.slow
def test_a_pooler_that_refuses_settings_is_named(scene: Scene, tmp_path: Path) -> None:
    with pooler(scene, "session", tmp_path) as url:
        command = scene.start("sync", DATABASE_URL=f"{url}?options=-c%20work_mem%3D7MB")
        assert command.wait() == 1
    assert "a connection pooler in front of Postgres rejects session settings" in command.printed()
    scene.assert_healed()


@pytest.mark.breaks("Postgres: a pooler in between, in transaction mode")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "settings"),
    [
        ("transaction", {}),
        ("transaction", {"ignore_startup_parameters": "extra_float_digits, options"}),
        ("transaction", {"default_pool_size": 1}),
        ("transaction", {"server_round_robin": 1, "min_pool_size": 5}),
        ("statement", {}),
    ],
)
def test_a_pooler_in_transaction_mode_is_named_and_nothing_is_written(
    scene: Scene, tmp_path: Path, mode: str, settings: dict[str, object]
) -> None:
    before = scene.world.versions()
    with pooler(scene, mode, tmp_path, **settings) as url:
        commands = [scene.start(what, DATABASE_URL=url) for what in ("sync", "doctor", "status")]
        assert [command.wait() for command in commands] == [1, 1, 1]
        for command in commands:
            assert "is a connection pooler in transaction mode" in command.printed()
            assert "Point DATABASE_URL at the direct host" in command.printed()
            assert "Traceback" not in command.printed()
        with closing(psycopg2.connect(url)) as application:
            application.autocommit = True
            cursor = application.cursor()
            cursor.execute("show row_security")
            assert cursor.fetchone() == ("on",), "no setting of ours is left in the application's sessions"
    assert scene.world.versions() == before
    scene.assert_healed()
