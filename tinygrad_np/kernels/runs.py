"""Arrays as runs: numbers that lie together along the innermost axis in memory, which `take` moves as wholes.

Where windows part or join the runs of an array, that is two to four times as fast as to copy strided slices, and what
comes out is contiguous, so that all after it is fast as well. For that the runs have numbers, as they follow each other
in memory. Lists of these, for an input x and an array y of its windows, are made once for the shapes and the orders.

Arrays may each have a memory order of their own, if runs lie along the same axis; `order` is that of all, if known.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .order import Array, Sizes, inverse, memory_order
from .windows import Plan

LONG = 8  # numbers from which a run is worth moving
MOST = 1 << 21  # bytes of an array up to which it is worth a list of its runs


def have_runs(x: Array, *others: Array, order: Sizes | None = None) -> bool:
    """Whether arrays lie without gaps, all with long runs along the same axis: of channels, or of images.

    The others have as many channels and images as the first one, and are not larger.
    """
    axis = (order or memory_order(x))[-1]
    if axis not in (0, x.ndim - 1) or x.shape[axis] < LONG or x.nbytes > MOST:
        return False
    for a in (x, *others):
        own = order or memory_order(a)
        if own[-1] != axis or not a.transpose(own).flags.c_contiguous:
            return False
    return True


def spread_runs(plan: Plan, y: Array, x: Array, order: Sizes | None = None) -> Callable[[], Any]:
    """Return the call that gives every run of x that of its window in y, any one if it is in none."""
    y_order, x_order = order or memory_order(y), order or memory_order(x)
    return _take(y, y_order, _windows_of(plan, y.shape, y_order, x.shape, x_order), x, x_order)


def gather_runs(plan: Plan, x: Array, gathered: Array) -> Callable[[], Any]:
    """Return the call that gives every run of the windows, for each offset on a first axis, that of x it has there.

    For windows that are inside of x.
    """
    x_order, order = memory_order(x), memory_order(gathered)
    numbers = _numbers(x.shape, x_order)
    seen = np.stack([numbers[elements] for _, elements in plan.offsets])
    return _take(x, x_order, seen.transpose(order).reshape(-1), gathered, order)


def offsets_of(plan: Plan, x: Array, order: Sizes | None = None) -> NDArray[np.uint8]:
    """Return for each element of x the number of its offset in its window, a further one if it is in none."""
    return _offsets_of(plan, x.shape, order or memory_order(x))


@lru_cache(maxsize=64)
def _windows_of(plan: Plan, y: Sizes, y_order: Sizes, x: Sizes, x_order: Sizes) -> NDArray[np.intp]:
    """List for each run of x the number of the run of y that its window has, 0 if it is in none."""
    numbers, windows = _numbers(y, y_order), np.zeros_like(_numbers(x, x_order))
    for p, elements in plan.offsets:
        windows[elements] = numbers[p]
    return windows.transpose(x_order).reshape(-1)


@lru_cache(maxsize=64)
def _offsets_of(plan: Plan, x: Sizes, order: Sizes) -> NDArray[np.uint8]:
    offsets = np.full([x[i] for i in order], len(plan.offsets), np.uint8).transpose(inverse(order))
    for number, (_, elements) in enumerate(plan.offsets):
        offsets[elements] = number
    return offsets


def _numbers(shape: Sizes, order: Sizes) -> NDArray[np.intp]:
    """Return for each element the number of its run, in an array that has the length 1 along the runs."""
    lengths = (*(shape[i] for i in order[:-1]), 1)
    return np.arange(prod(lengths)).reshape(lengths).transpose(inverse(order))


def _take(a: Array, order: Sizes, numbers: NDArray[np.intp], out: Array, out_order: Sizes) -> Callable[[], Any]:
    """Return the call that gives every run of `out` the run of `a` with the number that stands in its place."""
    n = a.shape[order[-1]]
    runs, into = a.transpose(order).reshape(-1, n), out.transpose(out_order).reshape(-1, n)
    return partial(runs.take, numbers, 0, into, "clip")  # all are in range, but to look makes a copy of out
