"""Temporary folders of a process: gone at its end, and where it was killed, when the next one makes such a folder."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "coaching_work_"


@contextmanager
def working_folder(name: str) -> Iterator[Path]:
    """A folder that is this process's alone until the end of the block; what must last stands in the database.

    It is locked, and the kernel lets go of a lock when its process ends, however that comes about. So a folder that is
    not locked is nobody's any more.
    """
    _remove_leftovers()
    folder, lock = _make(name)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _make(name: str) -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{name}_"))
        # somebody who cleared up may have taken it for a leftover before it was locked
        with suppress(FileNotFoundError):
            lock = _lock(folder)
            if lock is not None:
                if folder.exists():
                    return folder, lock
                os.close(lock)


def _remove_leftovers() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):
            lock = _lock(folder)
            if lock is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(lock)


def _lock(folder: Path) -> int | None:
    """An open, locked descriptor of the folder; None where another process has locked it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
