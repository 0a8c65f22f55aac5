"""The start of a process, which is nearly all imports: what they make stays, and is not searched for garbage meanwhile.

Python looks through all of it again and again while it grows, which is a fifth of the time.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def postponed_collection() -> Iterator[None]:
    """Leave garbage where it is, until `begin_collection`, or until this ends."""
    gc.disable()
    try:
        yield
    finally:
        begin_collection()


def begin_collection() -> None:
    """Collect garbage from now on, but never among what is there already."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
