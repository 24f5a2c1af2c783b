"""Matrix products of raw arrays, where `np.matmul` alone is not the fastest way."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_np.kernels.threads import hold_blas

# Multiplications from which OpenBLAS wakes its other threads, and from which that pays. In between it gains some 20
# microseconds a product, but its threads then wait in a loop for the next one, for tens of milliseconds, on the cores
# where ours are to run: LeNet-5 at batch 128 takes half as long again.
WAKING, PAYING = 1 << 18, 1 << 25


def matmul(x: Any, y: Any, out: Any = None) -> Any:
    """X Y, as np.matmul.

    An outer product, of one column and one row, is what the gradient of a weight is for a batch of one. np.matmul
    has a plain loop for it; BLAS, which np.dot calls, takes a fifth to a tenth of that, and np.multiply, which takes
    stacks of them too, a third.
    """
    if x.shape[-1] == 1:
        if x.ndim == y.ndim == 2 and (out is None or out.flags.c_contiguous):
            return np.dot(x, y, out)
        return np.multiply(x, y, out)
    if WAKING < x.shape[-2] * x.shape[-1] * y.shape[-1] < PAYING:
        with hold_blas():
            return np.matmul(x, y, out)
    return np.matmul(x, y, out)


def affine(x: Any, w: Any, b: Any, out: Any = None) -> Any:
    """X W + b, the bias added in place."""
    z = matmul(x, w, out)
    return np.add(z, b, z if z.dtype == b.dtype else None)
