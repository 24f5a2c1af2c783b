"""Arrays as runs: numbers that lie together along the innermost axis in memory, which `take` moves as wholes.

Where windows part or join the runs of an array, that is two to four times as fast as to copy strided slices, and what
comes out is contiguous, so that all after it is fast as well.
"""

from collections.abc import Callable
from functools import partial
from math import prod

import numpy as np

from tinygrad_np.kernels.pooling import Array, memory_order

LONG = 8  # numbers from which a run is worth moving
MOST = 1 << 21  # bytes of an array up to which it is worth a list of its runs


def have_runs(*arrays: Array) -> bool:
    """Whether arrays lie without gaps, all with long runs along the same axis: of channels, or of images."""
    innermost = {memory_order(a)[-1] for a in arrays}
    return innermost <= {0, arrays[0].ndim - 1} and all(
        len(innermost) == 1
        and a.shape[axis] >= LONG
        and a.nbytes <= MOST
        and a.transpose(memory_order(a)).flags.c_contiguous
        for a in arrays
        for axis in innermost
    )


def numbers_of_runs(a: Array) -> Array:
    """Return for each element the number of its run, in an array that has the length 1 along the runs."""
    order = memory_order(a)
    shape = (*(a.shape[i] for i in order[:-1]), 1)
    return np.arange(prod(shape)).reshape(shape).transpose(np.argsort(order))


def take_runs(a: Array, numbers: Array, out: Array) -> Callable[[], object]:
    """Return the call that gives every run of `out` the run of `a` with the number that stands in its place."""
    places = numbers.transpose(memory_order(out)).reshape(-1)
    return partial(_runs(a).take, places, 0, _runs(out), "clip")  # all are in range, but to look makes a copy of out


def _runs(a: Array) -> Array:
    ordered = a.transpose(memory_order(a))
    return ordered.reshape(-1, ordered.shape[-1])
