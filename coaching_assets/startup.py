"""Delays garbage collection while a command starts."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def postponed_collection() -> Iterator[None]:
    """Collect no garbage until `begin_collection`, or until the block ends.

    Imported modules stay in memory, and Python searches all of them for garbage again and again as they are imported.
    Without this, a sync with nothing changed takes 4.4 s instead of 2.9 s (medians of 9 runs by turns).
    """
    gc.disable()
    try:
        yield
    finally:
        begin_collection()


def begin_collection() -> None:
    """Collect garbage from now on, but never search the objects that exist now."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
