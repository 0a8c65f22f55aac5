"""Servers for the demo and the tests: Postgres and a BigQuery emulator, each on a free port of 127.0.0.1.

Both are programs from wheels. They stop when the process that started them ends, even if it is killed (see
`watchdog`). A folder serves one process at a time.
"""

import fcntl
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from coaching_assets.demo import postgres_folder
from coaching_assets.demo.postgres_folder import postgres_program
from coaching_assets.demo.supervision import (
    HOST,
    POLL_SECONDS,
    ServerFailed,
    answers,
    free_port,
    supervised,
    wait_until,
)

if TYPE_CHECKING:
    from google.cloud.bigquery import Client

DEMO_PROJECT = "northbeam-demo"
SECONDS_TO_WAIT_FOR_FOLDER = 25.0

EMULATOR_PROCESS = Path(__file__).with_name("emulator_process.py")

POSTGRES_OPTIONS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "200",
    "max_wal_size": "2GB",
}
NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}
RETRIED_ERRORS = (b"could not create any TCP/IP sockets", postgres_folder.PERMISSION_DENIED.encode())


@dataclass(frozen=True)
class EmbeddedPostgres:
    """A running Postgres server that accepts every local connection."""

    host: str
    port: int
    pid: int
    log: Path

    def url(self, database: str = "postgres") -> str:
        """The connection URL of a database, with a password because dlt requires one."""
        return f"postgresql://postgres:postgres@{self.host}:{self.port}/{database}"

    def create_database(self, name: str) -> None:
        """Create a database unless it exists."""
        import psycopg2
        from psycopg2 import errors, sql

        database = psycopg2.connect(self.url())
        try:
            database.autocommit = True
            with database.cursor() as cursor:
                cursor.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        except (errors.DuplicateDatabase, errors.UniqueViolation):
            pass
        finally:
            database.close()


@dataclass(frozen=True)
class BigQueryEmulator:
    """A running bqemulator."""

    project: str
    rest_url: str
    grpc_host: str
    pid: int
    log: Path

    def environment(self) -> dict[str, str]:
        """The settings that point this project at the emulator."""
        return {
            "BIGQUERY_PROJECT": self.project,
            "BIGQUERY_EMULATOR_HOST": self.rest_url,
            "BIGQUERY_STORAGE_EMULATOR_HOST": self.grpc_host,
        }

    def client(self) -> "Client":
        """Create a BigQuery client without credentials. The caller closes it."""
        from google.api_core.client_options import ClientOptions
        from google.auth.credentials import AnonymousCredentials
        from google.cloud.bigquery import Client

        return Client(
            project=self.project,
            credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
            client_options=ClientOptions(api_endpoint=self.rest_url),
        )


@contextmanager
def embedded_postgres(folder: Path, *, durable: bool = True) -> Iterator[EmbeddedPostgres]:
    """Run Postgres on the data in `folder`, which is created if it does not exist.

    Args:
        folder: contains the data, the log and a lock file.
        durable: False does not wait for the disk, so a crash of the machine loses data.

    Raises:
        ServerFailed: the server did not start, or another process uses the folder.
    """
    folder = folder.expanduser().resolve()
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "postgres.log"
    options = POSTGRES_OPTIONS | ({} if durable else NOT_DURABLE)
    with _folder_lock(folder) as lock:
        user = postgres_folder.system_user()
        data = folder / "data"
        postgres_folder.prepare(data, user)
        postgres_folder.stop_leftover(data, user)
        with _postgres_process(data, options, log, lock, user) as (pid, port):
            yield EmbeddedPostgres(HOST, port, pid, log)


@contextmanager
def bigquery_emulator(folder: Path | None = None, *, project: str = DEMO_PROJECT) -> Iterator[BigQueryEmulator]:
    """Run the BigQuery emulator on the data in `folder`, or in memory without one.

    Raises:
        ServerFailed: the server did not start, or another process uses the folder.
    """
    with tempfile.TemporaryDirectory(prefix="bigquery-emulator-") as scratch:
        home = folder.expanduser().resolve() if folder else Path(scratch)
        home.mkdir(parents=True, exist_ok=True)
        log, ports_file = home / "bigquery-emulator.log", Path(scratch) / "ports.json"
        command = [sys.executable, str(EMULATOR_PROCESS), "--project", project, "--ports-file", str(ports_file)]
        command += ["--folder", str(home)] if folder else []
        with _folder_lock(home) as lock, supervised(command, log, lock) as server:
            ports = wait_until(server, log, lambda: _ready_emulator(ports_file))
            yield BigQueryEmulator(
                project, f"http://{HOST}:{ports['rest']}", f"{HOST}:{ports['grpc']}", ports["pid"], log
            )


def pg_dump_schema(url: str, schema: str) -> str:
    """Dump the DDL of one schema with `pg_dump -s`."""
    command = [str(postgres_program("pg_dump")), "--schema-only", f"--schema={schema}", f"--dbname={url}"]
    dump = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    # pg_dump 17.6 and later wrap the dump in \restrict and \unrestrict with a random token
    return "".join(line for line in dump.splitlines(True) if not line.startswith(("\\restrict", "\\unrestrict")))


@contextmanager
def _folder_lock(folder: Path) -> Iterator[int]:
    """Lock the folder. The lock lasts until every process has closed the descriptor."""
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + SECONDS_TO_WAIT_FOR_FOLDER
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise ServerFailed(
                        f"{folder} is in use by a server of another process. Stop that process first."
                    ) from None
                time.sleep(POLL_SECONDS)
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _postgres_process(
    data: Path, options: dict[str, str], log: Path, lock: int, user: str | None
) -> Iterator[tuple[int, int]]:
    """Start Postgres, with another port if the first one is taken. Yields process id and port."""
    program = str(postgres_program("postgres"))
    settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    for attempts_left in (2, 1, 0):
        postgres_folder.allow_access(data, user)
        leftover = postgres_folder.postmaster(data)
        port = free_port(other_than=leftover[1] if leftover else None)
        written = log.stat().st_size if log.exists() else 0
        with supervised([program, "-D", str(data), "-p", str(port), *settings], log, lock, user) as server:
            try:
                pid = wait_until(server, log, partial(_ready_postmaster, data, port))
            except ServerFailed:
                output = log.read_bytes()[written:]
                if not attempts_left or not any(reason in output for reason in RETRIED_ERRORS):
                    raise
                continue
            yield pid, port
            return


def _ready_emulator(ports_file: Path) -> dict[str, int] | None:
    if not ports_file.exists():
        return None
    ports: dict[str, int] = json.loads(ports_file.read_text())
    return ports if answers(ports["rest"], "readyz") else None


def _ready_postmaster(data: Path, port: int) -> int | None:
    found = postgres_folder.postmaster(data)
    # compare the port: the file of a killed server stays until the next server replaces it
    return found[0] if found and found[2] and found[1] == port else None
