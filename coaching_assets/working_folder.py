"""Temporary folders that disappear even if their process is killed: the next process removes them."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

# not the coaching_work_ of release 0, which locks folders differently and would remove these
PREFIX = "coaching_run_"
LOCK = ".in-use"


@contextmanager
def working_folder(name: str) -> Iterator[Path]:
    """A temporary folder of this process, removed at the end of the block.

    The kernel releases the lock of a process that was killed, so an unlocked folder is left over and is removed.
    """
    root = Path(tempfile.gettempdir())
    with ExitStack() as stack:
        # between the creation of a folder and its lock, nobody may take it for left over
        with FileLock(root / f".{PREFIX}{os.getuid()}", thread_local=False):
            _remove_leftovers(root)
            folder = tempfile.TemporaryDirectory(prefix=f"{PREFIX}{name}_", ignore_cleanup_errors=True)
            path = Path(stack.enter_context(folder))
            stack.enter_context(FileLock(path / LOCK, thread_local=False))
        yield path


def _remove_leftovers(root: Path) -> None:
    for folder in root.glob(f"{PREFIX}*"):
        with suppress(OSError, Timeout), FileLock(folder / LOCK, blocking=False, thread_local=False):
            shutil.rmtree(folder, ignore_errors=True)
