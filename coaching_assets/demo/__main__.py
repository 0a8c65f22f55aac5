"""`make demo`: run all tables on an embedded Postgres and a BigQuery emulator, then serve Dagster's UI until Ctrl-C."""

import os
import shutil
import signal
import sys
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path

from coaching_assets.cli.terminal import console, print_line
from coaching_assets.demo.servers import BigQueryEmulator, bigquery_emulator, embedded_postgres
from coaching_assets.demo.supervision import HOST, answers, free_port, supervised, wait_until
from coaching_assets.errors import CoachingError

FOLDER = Path(".demo")
SCALE = float(os.environ.get("DEMO_SCALE", "1"))
SECONDS_TO_START_DAGSTER = 180.0


def main() -> int:
    """Run the demo; the exit status is 0 if the sync succeeded."""
    FOLDER.mkdir(exist_ok=True)
    with ExitStack() as servers:
        print_line("Starting Postgres and the BigQuery emulator …")
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
    """Point this process and its children at the demo's servers, and override the user's own settings."""
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
        "DLT_PROJECT_DIR": str(Path.cwd()),
        "COMPANY_DOMAINS": COMPANY_DOMAIN,
    }


def _load_sample(emulator: BigQueryEmulator) -> None:
    """Create the application's tables and load sample data into BigQuery, unless an earlier demo did."""
    from coaching_assets.demo.sample import generate, load
    from coaching_assets.publish.application import NotEmpty, create_application_tables
    from coaching_assets.settings import load_settings

    with suppress(NotEmpty):
        create_application_tables(load_settings())
    stamp = FOLDER / "bigquery" / "sample-loaded"
    if stamp.exists():
        print_line(f"Using the sample data generated at {stamp.read_text().strip()}.")
        return
    print_line("Generating sample data: half a year of a sales team's calls, e-mails and deals …")
    until = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    client = emulator.client()
    load(client, emulator.project, generate(SCALE, until=until))
    client.close()  # type: ignore[no-untyped-call]
    stamp.write_text(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC\n")


def _sync() -> bool:
    from coaching_assets.cli.in_process import run_sync
    from coaching_assets.cli.status import print_status
    from coaching_assets.cli.sync import print_report
    from coaching_assets.publish.status import missing_sources, read_status
    from coaching_assets.settings import load_settings

    settings = load_settings()
    print_line("Running the job coaching_sync …")
    report = run_sync(settings)
    print_report(report)
    print_status(read_status(settings), missing_sources(settings))
    return report.success


def _serve() -> None:
    """Serve Dagster's UI, with its daemon, until Ctrl-C."""
    port = int(os.environ.get("DEMO_PORT", "0")) or free_port()
    log = Path(os.environ["DAGSTER_HOME"]) / "dagster.log"
    address = f"http://{HOST}:{port}"
    console.print(f"\nStarting Dagster (log: {log}) …", highlight=False, soft_wrap=True)
    with supervised(_dagster_command(port), log) as server:
        wait_until(server, log, lambda: answers(port, "server_info") or None, SECONDS_TO_START_DAGSTER)
        console.print(f"Dagster's UI: [bold]{address}[/bold]   (Ctrl-C stops the demo)")
        with suppress(KeyboardInterrupt):
            server.wait()
            print_line(f"Dagster stopped unexpectedly. See {log}.", style="red")
        print_line("Stopping …")


def _dagster_command(port: int) -> list[str]:
    # an absolute path, because Dagster runs in the folder of its log
    workspace = str(Path("workspace.yaml").resolve())
    command = [sys.executable, "-W", "ignore", "-m", "dagster", "dev", "--workspace", workspace]
    return [*command, "--host", HOST, "--port", str(port), "--log-level", "warning"]


def _interrupt(*_: object) -> None:
    """Treat every termination signal like Ctrl-C, so that the servers are stopped first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        sys.exit(main())
    except CoachingError as error:
        console.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        print_line("Stopped.")
        sys.exit(130)
