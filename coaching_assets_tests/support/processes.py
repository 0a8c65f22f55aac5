"""`coaching` commands in processes of their own, which may be killed; forked from one with the libraries."""

import io
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from subprocess import CompletedProcess

CONTEXT = get_context("forkserver")
# Importing these takes longer than a small sync. The project's own modules are not among them: some read settings.
CONTEXT.set_forkserver_preload(
    [
        *("dagster", "dagster_dlt", "dagster_graphql", "dlt", "pyarrow.parquet", "adbc_driver_postgresql.dbapi"),
        *(
            "google.cloud.bigquery",
            "google.cloud.bigquery_storage_v1",
            "psycopg2",
            "pydantic_settings",
            "typer",
            "rich.table",
        ),
    ]
)


@dataclass
class Command:
    """A command that was started, with the file of what it prints."""

    process: ForkServerProcess
    output: Path

    def wait(self, seconds: float = 120) -> int:
        """Wait until it ends; its exit status, negative where a signal ended it."""
        self.process.join(seconds)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()
            raise AssertionError(f"still running after {seconds} s: {self.printed()}")
        return self.process.exitcode

    def printed(self) -> str:
        """What it printed so far, on both streams."""
        return self.output.read_text(encoding="utf-8", errors="replace")


def start(folder: Path, *arguments: str, **variables: str) -> Command:
    """Start `coaching` with these arguments, in this process's environment and with these variables besides.

    Its temporary files and its output are in `folder`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    output = folder / f"output-{len(list(folder.glob('output-*')))}"
    output.touch()
    process = _process(arguments, variables | {"TMPDIR": str(folder)}, output, output)
    return Command(process, output)


def coaching(*arguments: str, typed: str = "", **variables: str) -> CompletedProcess[str]:
    """Run `coaching` with these arguments to its end, as `subprocess.run` would; `typed` is its standard input."""
    with tempfile.TemporaryDirectory(prefix="coaching-command-") as name:
        folder = Path(name)
        (folder / "typed").write_text(typed)
        process = _process(arguments, variables, folder / "stdout", folder / "stderr", folder / "typed")
        process.join()
        assert process.exitcode is not None
        printed = [(folder / stream).read_text(encoding="utf-8") for stream in ("stdout", "stderr")]
    return CompletedProcess(["coaching", *arguments], process.exitcode, *printed)


def _process(
    arguments: tuple[str, ...], variables: Mapping[str, str], stdout: Path, stderr: Path, stdin: Path = Path(os.devnull)
) -> ForkServerProcess:
    streams = (str(stdin), str(stdout), str(stderr))
    process = CONTEXT.Process(target=_run, args=(arguments, {**os.environ, **variables}, streams))
    process.start()
    return process


def _run(arguments: tuple[str, ...], environment: Mapping[str, str], streams: tuple[str, str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None
    for number, path in enumerate(streams):
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT if number else os.O_RDONLY
        os.dup2(os.open(path, flags, 0o600), number)
    # multiprocessing has closed it
    sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False))
    sys.argv = ["coaching", *arguments]
    from coaching_assets_tests.faults.failpoints import main

    main()
