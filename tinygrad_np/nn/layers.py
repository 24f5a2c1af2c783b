"""Layers as functions of their parameters: dense, dropout."""

from __future__ import annotations

import math

import numpy as np

from .. import random
from ..core.tensor import Array, as_array, shape_of
from ..ops.arithmetic import masked
from ..ops.dense import affine_op
from ..ops.linalg import matmul_op


def dense(x: Array, w: Array, b: Array | None = None) -> Array:
    """Affine map of the last axis, x w + b.

    Parameters
    ----------
    x : array, shape (..., in)
    w : array, shape (in, out)
    b : array, shape (out,), optional

    Returns
    -------
    array, shape (..., out)

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    y = x w + b; x_bar = g wᵀ, w_bar = xᵀ g and b_bar = Σ g over all but the last axis. Kept: x and w.
    Cost: 2 in out flops an example forward, twice that backward.
    """
    x, w = as_array(x), as_array(w)
    shape, weights = x.shape, w.shape
    if len(weights) != 2 or shape[-1:] != weights[:1]:
        raise ValueError(f"dense: x has shape {shape} and w {weights}; expected (..., in) and (in, out).")
    if b is None:
        return matmul_op(x, w) if len(shape) > 1 else np.matmul(x, w)
    b = as_array(b)
    if b.shape != weights[1:]:
        raise ValueError(f"dense: b has shape {b.shape}; the {weights[1]} outputs need ({weights[1]},).")
    if len(shape) == 2:
        return affine_op(x, w, b)
    rows = np.reshape(x, (math.prod(shape[:-1]), shape[-1]))
    return np.reshape(affine_op(rows, w, b), (*shape[:-1], weights[1]))


def dropout(x: Array, rate: float, key: Array | None) -> Array:
    """Inverted dropout: each element is zero with probability `rate`, else divided by 1 - rate.

    Parameters
    ----------
    x : array
        Any shape, floating point.
    rate : float
        In [0, 1).
    key : uint64 array of shape (2,) or None
        Random key; None means inference, where x is returned as it is.

    Returns
    -------
    array
        Shape and dtype of x.

    Notes
    -----
    y = m x / (1 - rate) with m Bernoulli(1 - rate), so E[y] = x; x_bar = m g / (1 - rate). The same key, the same m.

    References
    ----------
    N. Srivastava et al., Dropout, JMLR 15, 2014.
    """
    if isinstance(rate, bool) or not isinstance(rate, int | float | np.floating) or not 0 <= rate < 1:
        raise ValueError(f"dropout: rate={rate!r}; it is the probability of a zero, in [0, 1).")
    if key is None or rate == 0:
        return x
    mask = random.bernoulli(key, 1 - float(rate), shape_of(x))
    return masked(x * (1 / (1 - float(rate))), mask)
