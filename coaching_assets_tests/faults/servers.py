"""A Postgres of a test's own, which may really be stopped, started and filled, behind an address that stays."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from coaching_assets.demo.servers import EmbeddedPostgres, embedded_postgres, postgres_program
from coaching_assets_tests.faults.proxy import Proxy, proxy
from coaching_assets_tests.faults.scene import Scene


@dataclass
class OwnPostgres:
    """After a restart it has another port, and the proxy leads to that one."""

    folder: Path
    between: Proxy
    server: EmbeddedPostgres | None = None
    _running: ExitStack = field(default_factory=ExitStack)

    @property
    def log(self) -> Path:
        """What the server wrote, over all its starts."""
        assert self.server is not None
        return self.server.log

    def start(self) -> None:
        """Start it on the data that are there."""
        self.server = self._running.enter_context(embedded_postgres(self.folder, durable=False))
        self.between.target = (self.server.host, self.server.port)

    def stop(self) -> None:
        """Stop it as an administrator does, which ends all connections."""
        self._running.close()


@contextmanager
def own_postgres(scene: Scene, folder: Path, environment: pytest.MonkeyPatch) -> Iterator[OwnPostgres]:
    """Move the scene's database to a server of its own until the end of the block: others live on the session's."""
    deployment = scene.world.deployment
    before = deployment.postgres
    with proxy(before.host, before.port) as between:
        own = OwnPostgres(folder, between)
        own.start()
        assert own.server is not None
        try:
            copy_database(before.url(scene.database), own.server, scene.database, folder / "dump")
            deployment.postgres = replace(own.server, port=between.port)
            environment.setenv("DATABASE_URL", deployment.postgres.url(scene.database))
            yield own
        finally:
            deployment.postgres = before
            own.stop()


def copy_database(url: str, server: EmbeddedPostgres, name: str, dump: Path) -> None:
    """Dump a database and restore it, under that name, on a server."""
    back_up(url, dump)
    server.create_database(name)
    restore(dump, server.url(name))


def back_up(url: str, dump: Path) -> None:
    """What an administrator's `pg_dump` takes."""
    _run("pg_dump", "--format=custom", f"--file={dump}", f"--dbname={url}")


def restore(dump: Path, url: str) -> None:
    """What an administrator's `pg_restore` brings back, in place of what is there."""
    _run("pg_restore", "--clean", "--if-exists", f"--dbname={url}", str(dump))


def _run(program: str, *arguments: str) -> None:
    subprocess.run([str(postgres_program(program)), *arguments], check=True, capture_output=True)
