"""Indices that come from outside, looked at before they are used: NumPy would count negative ones from the end."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.primitive import primitive
from ..core.tensor import Array, dtype_of


@primitive(differentiable=False)
def in_bounds_op(indices: Array, *, size: int, what: str) -> Any:
    """Return the indices, or raise if one is not in 0..size-1. A primitive, so that it sees batched values too."""
    wrong = (indices < 0) | (indices >= size)
    if np.any(wrong):
        place = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise ValueError(f"{what} {np.asarray(indices)[place]} at {place} is not in 0..{size - 1}.")
    return np.array(indices)


@in_bounds_op.defbatch
def _in_bounds_batch(batch: int, axes: tuple[int], indices: Array, *, size: int, what: str) -> Any:
    return in_bounds_op(indices, size=size, what=what), axes[0]


def in_bounds(what: str, indices: Array, size: int) -> Array:
    """Return integers as an array, or raise ValueError with the first that is not in 0..size-1, after `what` it is."""
    if not hasattr(indices, "dtype"):
        indices = np.asarray(indices)
    if dtype_of(indices).kind not in "iu":
        raise TypeError(f"{what}: integers are expected, not {dtype_of(indices)}.")
    return in_bounds_op(indices, size=size, what=what)
