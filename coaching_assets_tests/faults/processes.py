"""`coaching` commands in processes of their own, which may be killed; forked from one that has imported everything."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path

CONTEXT = get_context("forkserver")
# Importing Dagster, dlt and Google's clients takes longer than a small sync.
CONTEXT.set_forkserver_preload(["coaching_assets.commands.sync", "coaching_assets.definitions", __name__])


@dataclass
class Command:
    """A command that was started, with what it prints."""

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

    What it leaves in temporary folders, and prints, stands in `folder`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    output = folder / f"output-{len(list(folder.glob('output-*')))}"
    output.touch()
    environment = {**os.environ, "TMPDIR": str(folder), **variables}
    process = CONTEXT.Process(target=_run, args=(arguments, environment, str(output)))
    process.start()
    return Command(process, output)


def _run(arguments: tuple[str, ...], environment: Mapping[str, str], output: str) -> None:
    import tempfile

    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None
    descriptor = os.open(output, os.O_WRONLY | os.O_APPEND)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(descriptor, stream.fileno())
    sys.argv = ["coaching", *arguments]
    from coaching_assets.cli import main

    main()
