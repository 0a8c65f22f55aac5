"""The assembled command line: its imports, and a one-line help text for every command."""

import json
import subprocess
import sys

import pytest
import typer

from coaching_assets.cli.app import app

HEAVY = ("dagster", "dlt", "google", "pydantic", "psycopg2", "pyarrow", "apprise", "prometheus_client")


@pytest.mark.integration
def test_the_command_line_imports_no_engine() -> None:
    program = "import json, sys, coaching_assets.cli.app; print(json.dumps(list(sys.modules)))"
    result = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=True)
    imported = {name.partition(".")[0] for name in json.loads(result.stdout)}
    assert imported.isdisjoint(HEAVY), imported.intersection(HEAVY)


def test_every_command_and_option_has_a_sentence_of_help() -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    assert set(group.commands) == {
        *("sync", "status", "doctor", "alert-test", "metrics", "adopt", "reconcile", "init-db", "erase", "rejected"),
    }
    for name, command in group.commands.items():
        assert command.help is not None and command.help.splitlines()[0].endswith("."), name
        for parameter in command.params:
            assert str(getattr(parameter, "help", "")).endswith("."), (name, parameter.name)
