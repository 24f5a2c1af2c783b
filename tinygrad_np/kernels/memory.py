"""Fresh arrays without page faults: on Linux, the C library is asked to keep the memory that is freed.

By default glibc gives an array of more than 128 kB (later, at most 32 MB) back to the kernel as soon as it is freed,
and the next one pays a page fault for every 4 kB: half the time of a training step whose arrays have a megabyte each.
`keep_freed_memory` raises the two limits, for the whole process: freed memory is then used again by whoever asks next.
It is called once, when the package is imported, unless the environment has TINYGRAD_NP_KEEP_MEMORY=0.
"""

import ctypes
import os
import sys

# Of <malloc.h>: which limit; and its new value in bytes, more than any array of a training step.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_LIMIT = 1 << 30


def keep_freed_memory() -> bool:
    """Let glibc keep up to a gigabyte of freed memory for the process; return whether it agreed.

    Nothing happens, and False is returned, where there is no glibc (macOS, Windows, musl).
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_MMAP_THRESHOLD, _LIMIT) == 1 and mallopt(_TRIM_THRESHOLD, _LIMIT) == 1)


if os.environ.get("TINYGRAD_NP_KEEP_MEMORY", "1") != "0":
    keep_freed_memory()
