"""How fast this machine is: its matrix product and its memory, measured once in a process."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..kernels.products import matmul
from ..kernels.threads import get_num_threads, parallel

_SECONDS = 0.1  # that each of the measurements takes
_SIDE = 512  # of the matrices: large enough for the full speed, small enough to be multiplied many times
_BYTES = 1 << 25  # of the array that is copied: more than the caches of most machines hold


class Machine(NamedTuple):
    """What a machine can do at best.

    Attributes
    ----------
    dtype : str
        Of the numbers, "float32" or "float64".
    flops : float
        Floating-point operations a second of the product of two matrices (sgemm, dgemm).
    bandwidth : float
        Bytes read and written a second while a large array is copied.
    threads : int
        How many threads a kernel may share its work over, see `tinygrad_np.set_num_threads`.
    """

    dtype: str
    flops: float
    bandwidth: float
    threads: int

    @property
    def routine(self) -> str:
        """The name of the matrix product in BLAS."""
        return "sgemm" if self.dtype == "float32" else "dgemm"

    def __str__(self) -> str:
        threads = f"{self.threads} thread{'' if self.threads == 1 else 's'}"
        return f"{self.routine} {self.flops / 1e9:.0f} GFLOP/s, memory {self.bandwidth / 1e9:.1f} GB/s, {threads}"


def machine(dtype: Any = np.float32) -> Machine:
    """Return what this machine can do, measured at the first call with so many threads, in a fraction of a second.

    Parameters
    ----------
    dtype : dtype
        float32 or float64; of other types, their size decides.

    Notes
    -----
    The fastest of many runs counts, of the package's product and of NumPy's own, each as it is with the number of
    threads now. The product of two n x n matrices takes 2 n³ flops, n = 512. Copying N bytes moves 2 N, N = 32 MiB;
    what fits into a cache can be faster than that.

    Examples
    --------
    >>> machine(np.float32).flops > 1e8
    True
    """
    return _measured("float64" if np.dtype(dtype).itemsize % 8 == 0 else "float32", get_num_threads())


@functools.cache
def _measured(dtype: str, threads: int) -> Machine:
    x = np.full((_SIDE, _SIDE), 0.5, dtype)
    y, z = x.copy(), np.empty_like(x)
    seconds = _fastest([lambda: matmul(x, y, z), lambda: np.matmul(x, y, z)])
    return Machine(dtype, 2 * _SIDE**3 / seconds, _bandwidth(threads), threads)


@functools.cache
def _bandwidth(threads: int) -> float:
    source, target = np.ones(_BYTES, np.uint8), np.empty(_BYTES, np.uint8)
    parts = [slice(i * _BYTES // 8, (i + 1) * _BYTES // 8) for i in range(8)]

    def copy(i: int) -> None:
        target[parts[i]] = source[parts[i]]

    return 2 * _BYTES / _fastest([lambda: np.copyto(target, source), lambda: parallel(copy, 8)])


def _fastest(ways: list[Callable[[], object]]) -> float:
    """Return the seconds of the fastest run of the fastest way, after one of each that does not count."""
    best = math.inf
    for way in ways:
        way()
    end = time.perf_counter() + _SECONDS
    while best == math.inf or time.perf_counter() < end:
        for way in ways:
            start = time.perf_counter()
            way()
            best = min(best, time.perf_counter() - start)
    return best
