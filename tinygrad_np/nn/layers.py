"""Layers as functions of their parameters: dense, dropout."""

from __future__ import annotations

import numpy as np

from .. import random
from ..core.families import zero_like
from ..core.tensor import Array, shape_of


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
    if len(shape_of(w)) != 2 or shape_of(x)[-1:] != shape_of(w)[:1]:
        raise ValueError(f"dense: x has shape {shape_of(x)} and w {shape_of(w)}; expected (..., in) and (in, out).")
    y = np.matmul(x, w)
    if b is None:
        return y
    if shape_of(b) != shape_of(w)[1:]:
        raise ValueError(f"dense: b has shape {shape_of(b)}; the {shape_of(w)[1]} outputs need ({shape_of(w)[1]},).")
    return y + b


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
    return np.where(mask, x * (1 / (1 - float(rate))), zero_like(x))
