"""Without a project or credentials, `make test-live` says what is missing and fails; it always deletes its datasets."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from coaching_assets.bigquery import connect
from coaching_assets.demo.servers import BigQueryEmulator
from coaching_assets_tests.bigquery.tables import settings_for
from coaching_assets_tests.live.__main__ import CANNOT_RUN
from coaching_assets_tests.live.requirements import missing_requirement

GOOGLE = ("BIGQUERY_", "GOOGLE_", "CLOUDSDK_")
NOT_A_KEY = '{"type": "service_account"}'
MISSING = {
    "no project": ({}, "BIGQUERY_PROJECT is not set"),
    "an emulator": ({"BIGQUERY_EMULATOR_HOST": "localhost:9050"}, "BIGQUERY_EMULATOR_HOST is set. Unset it"),
    "no credentials": ({"BIGQUERY_PROJECT": "acme"}, "There are no credentials for BigQuery"),
    "no key file": (
        {"BIGQUERY_PROJECT": "acme", "GOOGLE_APPLICATION_CREDENTIALS": "/nowhere/key.json"},
        "GOOGLE_APPLICATION_CREDENTIALS names /nowhere/key.json, which is not a file",
    ),
    "not a key": (
        {"BIGQUERY_PROJECT": "acme", "GOOGLE_APPLICATION_CREDENTIALS": "{folder}/key.json"},
        "cannot read credentials from it",
    ),
}


@pytest.mark.integration
@pytest.mark.parametrize("case", ["no project", "an emulator", "no key file", "not a key"])
def test_the_first_missing_requirement_is_named(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    variables, words = prepared(case, tmp_path)
    for name in (name for name in os.environ if name.startswith(GOOGLE)):
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert words in (missing_requirement(variables) or "")


@pytest.mark.slow
@pytest.mark.parametrize("case", MISSING)
def test_the_command_prints_one_line_and_fails(case: str, tmp_path: Path) -> None:
    variables, words = prepared(case, tmp_path)
    done = run_suite(tmp_path, variables)
    assert done.returncode == CANNOT_RUN
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def prepared(case: str, folder: Path) -> tuple[dict[str, str], str]:
    """The variables and the expected words of a case, with its file."""
    variables, words = MISSING[case]
    (folder / "key.json").write_text(NOT_A_KEY)
    return {name: value.format(folder=folder) for name, value in variables.items()}, words


def run_suite(folder: Path, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run `make test-live`'s command on a machine without Google's default credentials."""
    nowhere = {"HOME": str(folder), "CLOUDSDK_CONFIG": str(folder), "NO_GCE_CHECK": "true"}
    environment = {name: value for name, value in os.environ.items() if not name.startswith(GOOGLE)}
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "coaching_assets_tests.live"],
        env=environment | nowhere | variables,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )


class Stopped(Exception):
    """Ends a block as a failing test does."""


@pytest.mark.parametrize("at", ["within", pytest.param("between the datasets", marks=pytest.mark.slow)])
def test_the_datasets_are_deleted_after_a_failure(emulator: BigQueryEmulator, at: str) -> None:
    """Tables expire by the dataset's default:
    https://cloud.google.com/bigquery/docs/updating-datasets#table-expiration ."""
    from google.cloud.bigquery import Table

    from coaching_assets_tests.live.datasets import EXPIRATION, own_datasets

    project = f"live-{at.partition(' ')[0]}"
    with connect(settings_for(emulator, project)) as bigquery:
        client = bigquery.rest
        if at != "within":
            client.create_dataset = failing_from_the_second(client.create_dataset)  # type: ignore[method-assign]
        with pytest.raises(Stopped), own_datasets(client, project) as own:
            assert [dataset.dataset_id for dataset in client.list_datasets()] == list(own.datasets)
            for name in own.datasets:
                expires = client.get_dataset(f"{project}.{name}").default_table_expiration_ms
                assert timedelta(hours=1) <= timedelta(milliseconds=expires) <= EXPIRATION
                client.create_table(Table(f"{project}.{name}.kept"))
            raise Stopped
        assert list(client.list_datasets()) == []


def failing_from_the_second(create):  # type: ignore[no-untyped-def]
    """Create a dataset at the first call, and stop at the second one."""
    calls = iter([create])

    def create_or_stop(dataset, **options):  # type: ignore[no-untyped-def]
        if (now := next(calls, None)) is None:
            raise Stopped
        return now(dataset, **options)

    return create_or_stop
