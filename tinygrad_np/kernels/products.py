"""Matrix products of raw arrays, where `np.matmul` alone is not the fastest way."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_np.kernels.threads import hold_blas, parallel

# Multiplications from which OpenBLAS would wake its other threads. These then wait in a loop for the next product, for
# tens of milliseconds, on the cores where ours are to run: a step of deep_cnn at batch 64 took 64 ms so, and 53 when
# none was woken; and the last bits depend on their number. So BLAS is held at one thread, and from SHARED on our
# threads share a product. The blocks are two, or some of SHARE or more, for each of them packs the other factor anew.
# The first has LEAD more than the others: to wake a thread takes 30 microseconds or so, and to be woken by it, if it
# ends later, as many. Blocks end at multiples of EDGE, which suits BLAS's inner loops. What is summed over is cut if it
# is DEEP times as long as rows and columns: then no factor is packed twice.
WAKING, SHARED, SHARE, MOST, LEAD, EDGE, DEEP = 1 << 18, 1 << 24, 1 << 26, 8, 4_000_000, 16, 2


def matmul(x: Any, y: Any, out: Any = None) -> Any:
    """X Y, as np.matmul.

    An outer product, of one column and one row, is what the gradient of a weight is for a batch of one. np.matmul
    has a plain loop for it; BLAS, which np.dot calls, takes a fifth to a tenth of that, and np.multiply, which takes
    stacks of them too, a third.
    """
    if x.ndim == 1 or y.ndim == 1:
        return np.matmul(x, y, out)
    if x.shape[-1] == 1:
        if x.ndim == y.ndim == 2 and (out is None or out.flags.c_contiguous):
            return np.dot(x, y, out)
        return np.multiply(x, y, out)
    size = x.shape[-2] * x.shape[-1] * y.shape[-1]
    if size < WAKING:
        return np.matmul(x, y, out)
    if size >= SHARED and x.ndim == y.ndim == 2:
        return _shared(x, y, out, min(MOST, max(2, size // SHARE // 2 * 2)))
    with hold_blas():
        return np.matmul(x, y, out)


def _shared(x: Any, y: Any, out: Any, count: int) -> Any:
    """Compute blocks of rows or of columns, whichever are more, by several threads; or sum blocks of what is summed."""
    if x.shape[1] >= DEEP * max(len(x), y.shape[1]) and x.dtype.kind in "fc" and x.dtype != np.float16:
        return _summed(x, y, out, count)
    z = np.empty((len(x), y.shape[1]), np.result_type(x, y)) if out is None else out
    by_rows = z.shape[0] > z.shape[1]
    edges = _edges(max(z.shape), min(z.shape) * x.shape[1], count)

    def multiply(i: int) -> None:
        part = slice(edges[i], edges[i + 1])
        if by_rows:
            np.matmul(x[part], y, z[part])
        else:
            np.matmul(x, y[:, part], z[:, part])

    parallel(multiply, count)
    return z


def _summed(x: Any, y: Any, out: Any, count: int) -> Any:
    """Compute the products of blocks of what is summed over, by several threads, and their sum."""
    edges = _edges(x.shape[1], len(x) * y.shape[1], count)
    parts = np.empty((count, len(x), y.shape[1]), np.result_type(x, y))

    def multiply(i: int) -> None:
        part = slice(edges[i], edges[i + 1])
        np.matmul(x[:, part], y[part], parts[i])

    parallel(multiply, count)
    return np.add.reduce(parts, 0, out=out)


def _edges(length: int, multiplications: int, count: int) -> list[int]:
    """Cut a length, each of it so many multiplications, into blocks."""
    lead = LEAD // multiplications
    inner = [(lead + (length - lead) * i // count + EDGE // 2) // EDGE * EDGE for i in range(1, count)]
    return [0, *inner, length]


def affine(x: Any, w: Any, b: Any, out: Any = None) -> Any:
    """X W + b, the bias added in place."""
    z = matmul(x, w, out)
    return np.add(z, b, z if z.dtype == b.dtype else None)
