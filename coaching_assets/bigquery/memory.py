"""Makes glibc return freed memory to the system, so that memory does not grow with the table that is read."""

import ctypes
from collections.abc import Callable, Iterator
from functools import cache

import pyarrow as pa

# The parameters of mallopt: https://man7.org/linux/man-pages/man3/mallopt.3.html
M_MMAP_THRESHOLD = -3
M_ARENA_MAX = -8

THRESHOLD_BYTES = 512 * 1024
TRIM_EVERY_BYTES = 64 * 1024**2


def trimmed(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Pass the batches on, and trim the heap after every 64 MiB of them.

    glibc raises its mmap threshold to 32 MiB by itself and keeps one arena per thread. Messages of megabytes that one
    thread receives and another frees then leave holes in the heap that glibc never returns. Loading 1,000,000
    monologues peaks at 605 to 610 MB with this, and at 657 to 661 MB without it, for 6 % more processor time (2 runs
    by turns).
    """
    trim = limit_heap()
    passed = 0
    for batch in batches:
        passed += batch.nbytes
        if passed >= TRIM_EVERY_BYTES:
            passed = 0
            trim()
        yield batch


@cache
def limit_heap() -> Callable[[], object]:
    """Limit this process to one heap with a fixed mmap threshold, and return the function that trims it.

    It has most effect before gRPC starts its threads. With another C library than glibc it has none.
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
