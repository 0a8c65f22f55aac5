"""The `coaching` command, assembled from one module per subcommand."""

import typer

from coaching_assets.cli.adopt import adopt
from coaching_assets.cli.alert_test import alert_test
from coaching_assets.cli.doctor import doctor
from coaching_assets.cli.erase import erase
from coaching_assets.cli.init_db import init_db
from coaching_assets.cli.metrics import metrics
from coaching_assets.cli.reconcile import reconcile
from coaching_assets.cli.rejected import rejected
from coaching_assets.cli.status import status
from coaching_assets.cli.sync import sync

app = typer.Typer(
    help="Copy sales calls, e-mails and deals from BigQuery to the coaching application's tables.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (sync, status, doctor, alert_test, metrics, adopt, reconcile, init_db, erase, rejected):
    app.command()(command)


def main() -> None:
    """Run the command line: the entry point of the console script."""
    app()
