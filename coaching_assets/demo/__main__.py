"""`make demo`: the whole graph on an embedded Postgres and a BigQuery emulator, then Dagster's UI until Ctrl-C."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from coaching_assets.cli import console
from coaching_assets.demo.servers import BigQueryEmulator, bigquery_emulator, embedded_postgres

FOLDER = Path(".demo")
SCALE = float(os.environ.get("DEMO_SCALE", "1"))
SECONDS_TO_STOP = 20



def main() -> int:
    """Run the demo; the exit status is 0 where the sync worked."""
    FOLDER.mkdir(exist_ok=True)
    with ExitStack() as servers:
        console.print("Starting Postgres and the BigQuery emulator …")
        postgres = servers.enter_context(embedded_postgres(FOLDER / "postgres"))
        emulator = servers.enter_context(bigquery_emulator(FOLDER / "bigquery"))
        for database in ("coaching", "dagster"):
            postgres.create_database(database)
        _set_environment(emulator, postgres.url("coaching"), postgres.url("dagster"))
        _load_sample(emulator)
        success = _sync()
        if os.environ.get("DEMO_EXIT") == "1":
            return 0 if success else 1
        _serve()
    return 0 if success else 1


def _set_environment(emulator: BigQueryEmulator, coaching_url: str, dagster_url: str) -> None:
    """Point this process, and those that it starts, at the demo's servers, whatever was set before."""
    from coaching_assets.demo.sample import COMPANY_DOMAIN

    home = FOLDER.resolve() / "dagster_home"
    home.mkdir(exist_ok=True)
    shutil.copy("dagster.yaml", home / "dagster.yaml")
    for name in ("GONG_DATASET", "SALESFORCE_DATASET", "COACHING_SCHEMA", "GOOGLE_APPLICATION_CREDENTIALS"):
        os.environ.pop(name, None)
    os.environ |= emulator.environment() | {
        "DATABASE_URL": coaching_url,
        "DAGSTER_POSTGRES_URL": dagster_url,
        "DAGSTER_HOME": str(home),
        "COMPANY_DOMAINS": COMPANY_DOMAIN,
    }


def _load_sample(emulator: BigQueryEmulator) -> None:
    """Fill BigQuery and create the application's tables, the first time only."""
    from coaching_assets.commands.init_db import NotEmpty, init_db
    from coaching_assets.demo.sample import generate, load
    from coaching_assets.settings import load_settings

    with suppress(NotEmpty):
        init_db(load_settings())
    stamp = FOLDER / "bigquery" / "sample-loaded"
    if stamp.exists():
        console.print(f"The sample data of {stamp.read_text().strip()} is there already.")
        return
    console.print("Writing sample data: half a year of a sales team's calls, e-mails and deals …")
    until = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    client = emulator.client()
    load(client, emulator.project, generate(SCALE, until=until))
    client.close()  # type: ignore[no-untyped-call]
    stamp.write_text(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC\n")


def _sync() -> bool:
    from coaching_assets.commands.status import absent_sources, print_status, read_status
    from coaching_assets.commands.sync import print_report, run_sync
    from coaching_assets.settings import load_settings

    settings = load_settings()
    console.print("Running coaching_sync …")
    report = run_sync(settings)
    print_report(console, report)
    print_status(console, read_status(settings), absent_sources(settings))
    return report.success


def _serve() -> None:
    """Serve Dagster's UI, with its daemon, until Ctrl-C."""
    port = int(os.environ.get("DEMO_PORT", "0")) or _free_port()
    with _dagster(port) as process:
        console.print(f"\nDagster's UI: [bold]http://127.0.0.1:{port}[/bold]   (Ctrl-C ends everything)")
        try:
            process.wait()
        except KeyboardInterrupt:
            console.print("Stopping …")


@contextmanager
def _dagster(port: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "dagster", "dev", "--module-name", "coaching_assets.definitions"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--log-level", "warning"]
    process = subprocess.Popen(command, start_new_session=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
            try:
                process.wait(SECONDS_TO_STOP)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    # a second Ctrl-C while stopping must not leave servers behind
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
