"""Scatter: the transpose of indexing."""

from __future__ import annotations

from typing import Any

import numpy as np


def scatter_add(v: np.ndarray, index: tuple[Any, ...], shape: tuple[int, ...]) -> np.ndarray:
    """Return zeros of a shape with v added at an index.

    Parameters
    ----------
    v : ndarray
        Broadcasts to the shape of ``x[index]``.
    index : tuple
        Whatever NumPy indexes an array of that shape with.
    shape : tuple of int
        Shape of the result.

    Returns
    -------
    ndarray
        Of v's dtype; where the index names an element more than once, all its values are added (float16 in float32).
    """
    y = np.zeros(shape, v.dtype)
    if not any(isinstance(part, np.ndarray) and part.dtype != bool for part in index):
        y[index] = v  # slices, integers and masks name no element twice
        return y
    # np.add.at is fast on one axis only, so the index is first turned into flat positions
    positions = np.arange(y.size).reshape(shape)[index]
    values = np.broadcast_to(v, positions.shape)
    total = y.astype(np.float32) if v.dtype == np.float16 else y
    np.add.at(total.reshape(-1), positions.reshape(-1), values.reshape(-1))
    return total.astype(v.dtype, copy=False)
