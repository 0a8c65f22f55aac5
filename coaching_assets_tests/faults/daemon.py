"""A process that lives long and syncs when it is told to, as Dagster's does; what it holds is measured in it."""

import gc
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection

import psutil

from coaching_assets_tests.support.processes import CONTEXT


@dataclass(frozen=True)
class Holdings:
    """What the process holds between two syncs; memory in bytes, else how many."""

    memory: int
    descriptors: int
    threads: int


class Daemon:
    """The process's end here."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.holdings = Holdings(0, 0, 0)

    def sync(self) -> list[str]:
        """A whole sync; what failed."""
        self._connection.send("sync")
        failures, self.holdings = self._connection.recv()
        return failures


@contextmanager
def daemon() -> Iterator[Daemon]:
    """Such a process in the environment as it is now, until the end of the block."""
    here, there = CONTEXT.Pipe()
    process = CONTEXT.Process(target=_serve, args=(there, dict(os.environ)))
    process.start()
    there.close()
    try:
        yield Daemon(here)
    finally:
        here.close()
        process.join()


def _serve(connection: Connection, environment: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None
    from coaching_assets.cli.in_process import run_sync
    from coaching_assets.settings import load_settings

    while True:
        try:
            connection.recv()
        except EOFError:
            return
        try:
            failures = list(run_sync(load_settings()).failures)
        except Exception as error:
            failures = [f"{type(error).__name__}: {error}"]
        gc.collect()
        process = psutil.Process()
        connection.send((failures, Holdings(process.memory_info().rss, process.num_fds(), process.num_threads())))
