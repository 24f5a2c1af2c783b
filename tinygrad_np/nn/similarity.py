"""Directions of vectors: normalize and cosine_similarity."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.tensor import Array, dtype_of


def normalize(x: Array, *, p: float = 2.0, axis: int | tuple[int, ...] = -1, eps: float = 1e-12) -> Array:
    """Divide by the p-norm over an axis, or by eps where that is larger.

    Parameters
    ----------
    x : array
        Any shape, floating point.
    p : float
        Of the norm (Σ |x|^p)^(1/p).
    axis : int or tuple of int
        Of the vectors. (PyTorch has it at 1.)
    eps : float
        Least divisor, so that the zero vector stays zero.

    Returns
    -------
    array
        Shape and dtype of x.

    Notes
    -----
    y = x / n with n = |x|: for p = 2 the gradient x_bar = (g - y <y, g>) / n stands at right angles to x. At 0, where
    the norm's derivative is taken as 0, x_bar = g / eps.

    Examples
    --------
    >>> normalize(np.array([3.0, 4.0]))
    array([0.6, 0.8])
    """
    _floating("normalize", x)
    return x / np.maximum(_norm(x, p, axis), float(eps))


def cosine_similarity(x1: Array, x2: Array, *, axis: int = -1, eps: float = 1e-8) -> Array:
    """Cosine of the angle between vectors.

    Parameters
    ----------
    x1, x2 : arrays
        Shapes that broadcast together, floating point.
    axis : int
        Of the vectors, in both. (PyTorch has it at 1.)
    eps : float
        Least length of a vector in the divisor.

    Returns
    -------
    array
        The broadcast shape without the axis.

    Notes
    -----
    y = Σ x1 x2 / (max(|x1|, eps) max(|x2|, eps)); 0 where one of them is the zero vector.

    Examples
    --------
    >>> cosine_similarity(np.array([1.0, 0.0]), np.array([2.0, 2.0])).round(4)
    np.float64(0.7071)
    """
    _floating("cosine_similarity", x1)
    _floating("cosine_similarity", x2)
    return np.sum(normalize(x1, axis=axis, eps=eps) * normalize(x2, axis=axis, eps=eps), axis=axis)


def _norm(x: Array, p: float, axis: Any) -> Array:
    if isinstance(axis, int) or len(axis) == 1:
        return np.linalg.norm(x, p, axis if isinstance(axis, int) else axis[0], keepdims=True)
    return np.linalg.vector_norm(x, axis=axis, keepdims=True, ord=p)


def _floating(operation: str, x: Array) -> None:
    if dtype_of(x).kind != "f":
        raise TypeError(f"{operation}: an argument is {dtype_of(x)}; convert it to real floating point.")
