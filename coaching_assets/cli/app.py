"""The `coaching` command."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console

from coaching_assets.settings import SettingError, load_settings
from coaching_assets.startup import postponed_collection

NARROWEST = 120
"""Characters of the widest table; a narrower terminal wraps its lines rather than lose figures."""

app = typer.Typer(
    help="Carries sales calls, e-mails and deals from BigQuery to the coaching application's tables.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
console = Console(width=max(Console().width, NARROWEST))
errors = Console(stderr=True)

Verbose = Annotated[bool, typer.Option("--verbose", help="Show the stack trace of an error.")]


@contextmanager
def one_clear_sentence(verbose: bool) -> Iterator[None]:
    """Turn the errors that people can do something about into a sentence and exit status 1."""
    from coaching_assets.bigquery.errors import SourceError
    from coaching_assets.cli.init_db import NotEmpty
    from coaching_assets.cli.metrics import CannotListen
    from coaching_assets.cli.rejected import UnknownTable
    from coaching_assets.erasure.erase import CannotErase
    from coaching_assets.postgres.connection import CannotConnect
    from coaching_assets.publish.application import MissingTables
    from coaching_assets.replica.errors import NotLoaded

    try:
        yield
    except (
        SettingError,
        CannotConnect,
        SourceError,
        NotLoaded,
        MissingTables,
        NotEmpty,
        CannotErase,
        CannotListen,
        UnknownTable,
    ) as error:
        if verbose:
            raise
        errors.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None


def _tell(sentence: str) -> None:
    """Say what is going on, apart from the command's output."""
    errors.print(sentence, style="dim", markup=False, highlight=False)


@app.command()
def sync(verbose: Verbose = False) -> None:
    """Run the whole sync once, in this process. The exit status says whether all of it worked."""
    with postponed_collection():
        from coaching_assets.cli.sync import print_report, run_sync

        with one_clear_sentence(verbose):
            settings = load_settings()
            report = run_sync(settings)
            if settings.log_format == "text":
                print_report(console, report)
            raise typer.Exit(0 if report.success else 1)


@app.command()
def status(verbose: Verbose = False) -> None:
    """Show how fresh each published table is."""
    from coaching_assets.cli.status import absent_sources, print_status, read_status

    with one_clear_sentence(verbose):
        settings = load_settings()
        print_status(console, read_status(settings), absent_sources(settings))


@app.command()
def doctor(verbose: Verbose = False) -> None:
    """Check settings, BigQuery and Postgres; each problem comes with its remedy."""
    from coaching_assets.cli.doctor import examine, print_findings

    with one_clear_sentence(verbose):
        healthy = print_findings(console, examine(load_settings()))
    raise typer.Exit(0 if healthy else 1)


@app.command("alert-test")
def alert_test(verbose: Verbose = False) -> None:
    """Send one message to everybody who is to be alerted; the exit status says whether all accepted it."""
    from coaching_assets.cli.alert_test import send_test

    with one_clear_sentence(verbose):
        raise typer.Exit(0 if send_test(console, load_settings()) else 1)


@app.command()
def metrics(
    port: Annotated[int, typer.Option(help="The port that is listened at.", min=0, max=65535)] = 9464,
    host: Annotated[str, typer.Option(help="The address that is listened at.")] = "127.0.0.1",
    verbose: Verbose = False,
) -> None:
    """Serve what the last syncs did to Prometheus, until Ctrl-C."""
    from coaching_assets.cli.metrics import serve

    with one_clear_sentence(verbose):
        server, thread = serve(load_settings(), host, port)
        _tell(f"Serving http://{host}:{server.server_port}/metrics …")
        thread.join()


@app.command()
def adopt(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what a first sync would do; write nothing.")] = False,
    verbose: Verbose = False,
) -> None:
    """Show what a first sync would adopt, insert, update and delete in tables that are in use already."""
    from coaching_assets.cli import adopt as adoption

    if not dry_run:
        console.print(adoption.ADOPTION_IS_PART_OF_A_SYNC, markup=False, highlight=False)
        return
    with one_clear_sentence(verbose):
        adoption.print_dry_run(console, adoption.dry_run(load_settings(), _tell))


@app.command()
def reconcile(
    repair: Annotated[bool, typer.Option("--repair", help="Mend what differs.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="With --repair: also remove what is above RECONCILE_SURPLUS_SHARE.")
    ] = False,
    verbose: Verbose = False,
) -> None:
    """Prove that the replica equals BigQuery and the published tables equal the replica."""
    if force and not repair:
        raise typer.BadParameter("--force says what --repair may remove; give both.")
    from coaching_assets.cli.reconcile import print_reconciliation
    from coaching_assets.reconcile.reconciliation import reconcile as compare_all

    with one_clear_sentence(verbose):
        result = compare_all(load_settings(), repair=repair, force=force, tell=_tell)
        print_reconciliation(console, result)
        raise typer.Exit(0 if result.is_equal else 1)


@app.command("init-db")
def init_db(verbose: Verbose = False) -> None:
    """Create the application's tables in an empty database."""
    from coaching_assets.cli.init_db import init_db as create_tables

    with one_clear_sentence(verbose):
        settings = load_settings()
        create_tables(settings)
        console.print(f"Created the application's tables in schema {settings.coaching_schema!r}.", highlight=False)


@app.command()
def erase(
    call: Annotated[list[str] | None, typer.Option(help="Gong's id of a call; may be given several times.")] = None,
    email: Annotated[list[str] | None, typer.Option(help="A person's e-mail address; likewise.")] = None,
    opportunity: Annotated[list[str] | None, typer.Option(help="The CRM's id of a deal; likewise.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print what would go.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    verbose: Verbose = False,
) -> None:
    """Take a call, a person or a deal out of the replica and the application's tables, for good."""
    from coaching_assets.erasure.erase import Request, print_erasure
    from coaching_assets.erasure.erase import erase as erase_rows

    with one_clear_sentence(verbose):
        settings = load_settings()
        request = Request.of(call or [], email or [], opportunity or [])
        if dry_run or not yes:
            print_erasure(console, erase_rows(settings, request, only_look=True), only_look=True)
        if dry_run or not (yes or typer.confirm("Erase this for good?")):
            return
        print_erasure(console, erase_rows(settings, request), only_look=False)


@app.command()
def rejected(
    table: Annotated[str | None, typer.Option(help="Only of this published table.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Whole, as a JSON document.")] = False,
    verbose: Verbose = False,
) -> None:
    """List the source rows that cannot be published, and why."""
    from coaching_assets.cli.rejected import print_rejected, read_rejected, write_json

    with one_clear_sentence(verbose):
        rows = read_rejected(load_settings(), table)
        if json:
            write_json(rows)
        else:
            print_rejected(console, rows)


def main() -> None:
    """The console script."""
    app()
