"""Makes the C library give freed memory back to the system, so that memory does not grow with the table read."""

import ctypes
from collections.abc import Callable
from functools import cache

# From glibc's malloc.h.
M_MMAP_THRESHOLD = -3
M_ARENA_MAX = -8

THRESHOLD_BYTES = 512 * 1024
TRIM_EVERY_BYTES = 64 * 1024**2


class Trimmer:
    """Trims the heap each time that another 64 MiB went through.

    glibc raises the size from which a block is the system's own up to 32 MiB by itself, and keeps an arena a thread:
    messages of megabytes that arrive in one thread and are freed in another leave holes there that it never gives back.
    Where the C library is another one, nothing happens.
    """

    def __init__(self) -> None:
        """Fix the threshold for this process."""
        self._passed = 0
        self._trim = one_heap()

    def passed(self, size: int) -> None:
        """Say that so many bytes went through and are no longer needed."""
        self._passed += size
        if self._passed >= TRIM_EVERY_BYTES:
            self._passed = 0
            self._trim()


@cache
def one_heap() -> Callable[[], None]:
    """Fix the threshold, keep this process to one heap from now on, and return what trims it.

    It does most when it is called before gRPC starts its threads.
    """
    try:
        library = ctypes.CDLL(None)
        mallopt, malloc_trim = library.mallopt, library.malloc_trim
    except (OSError, AttributeError, TypeError):
        return lambda: None
    mallopt(M_MMAP_THRESHOLD, THRESHOLD_BYTES)
    mallopt(M_ARENA_MAX, 1)
    malloc_trim.argtypes = [ctypes.c_size_t]
    return lambda: malloc_trim(0)
