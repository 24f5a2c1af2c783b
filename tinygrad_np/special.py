"""Special functions, named and called as in scipy.special, that work on arrays and Tensors alike.

SciPy's own ufuncs (`scipy.special.gammaln`, `jv`, `erfinv` and some hundred more) take Tensors as they are. Here are
those of its functions that are no ufuncs and so cannot be intercepted, and some that are wanted where SciPy is not
installed. Only `polygamma` and `multigammaln` need SciPy.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .core.tensor import Array, dtype_of
from .ops import activations
from .ops.activations import log_sigmoid as log_expit
from .ops.activations import sigmoid as expit
from .ops.scipy_table import sp
from .ops.shaping import Axes
from .ops.special import erf, erfc, i0, sinc

__all__ = [
    "erf", "erfc", "expit", "i0", "log_expit", "log_softmax", "logit", "logsumexp", "multigammaln", "ndtr", "polygamma",
    "sinc", "softmax", "xlog1py", "xlogy",
]  # fmt: skip


def softmax(x: Array, axis: Axes = None) -> Array:
    """Return exp(x) / Σ exp(x) over the axes, all by default, as scipy.special.softmax does."""
    return activations.softmax(x, axis)


def log_softmax(x: Array, axis: Axes = None) -> Array:
    """Return x - log Σ exp(x) over the axes, all by default, as scipy.special.log_softmax does."""
    return activations.log_softmax(x, axis)


def logsumexp(
    a: Array, axis: Axes = None, b: Array | None = None, keepdims: bool = False, return_sign: bool = False
) -> Any:
    """Logarithm of Σ b exp(a) over axes, without overflow.

    Parameters
    ----------
    a : array
        Any shape, real.
    axis : int, tuple of int or None
        Reduced axes; None is all.
    b : array, optional
        Factors that broadcast with a; they may be zero or, with `return_sign`, negative.
    keepdims : bool
        Keep the reduced axes with length 1.
    return_sign : bool
        Return also the sign of the sum, and the logarithm of its absolute value.

    Returns
    -------
    array, or a tuple of the logarithm and the sign
        Differentiable in a and b. Without `return_sign` the logarithm of a negative sum is nan.

    Notes
    -----
    With s = Σ b exp(a - m) and m the maximum, y = m + log s: ∂a = b exp(a - m)/s, ∂b = exp(a - m)/s.
    """
    if b is None:
        y = activations.logsumexp(a, axis, keepdims=keepdims)
        return (y, np.ones_like(y)) if return_sign else y
    a, b = np.broadcast_arrays(a, b)
    a = np.where(np.equal(b, 0), dtype_of(a).type(-np.inf), a)
    m = np.max(a, axis=axis, keepdims=True)
    m = np.where(np.isfinite(m), m, dtype_of(m).type(0))
    s = np.sum(b * np.exp(a - m), axis=axis, keepdims=True)
    sign = np.sign(s)
    y = m + np.log(np.absolute(s) if return_sign else s)
    if not keepdims:
        y, sign = np.sum(y, axis=axis), np.sum(sign, axis=axis)
    return (y, sign) if return_sign else y


def logit(x: Array) -> Array:
    """Log(x / (1 - x)), the inverse of expit."""
    return np.log(x) - np.log1p(-x)


def ndtr(x: Array) -> Array:
    """Cumulative normal distribution, erfc(-x/√2)/2."""
    return erfc(x * -math.sqrt(0.5)) * 0.5


def xlogy(x: Array, y: Array) -> Array:
    """X log(y), 0 where x and y are 0."""
    return x * np.log(np.where(np.equal(x, 0) & np.equal(y, 0), dtype_of(y).type(1), y))


def xlog1py(x: Array, y: Array) -> Array:
    """X log(1 + y), 0 where x is 0 and y is -1."""
    return x * np.log1p(np.where(np.equal(x, 0) & np.equal(y, -1), dtype_of(y).type(0), y))


def polygamma(n: Any, x: Array) -> Array:
    """Return the n-th derivative of the digamma function; needs SciPy.

    Parameters
    ----------
    n : int or array of int
        Not negative; no derivative is taken in it.
    x : array
        Real, or complex if n is one integer.

    Returns
    -------
    array
        (-1)^(n+1) n! ζ(n + 1, x), and ψ(x) for n = 0. Its derivative is polygamma(n + 1, x).

    Raises
    ------
    ModuleNotFoundError
        Without SciPy.
    """
    order = np.asarray(n)
    if order.dtype.kind not in "iu" or np.any(order < 0):
        raise ValueError(f"polygamma: n={n!r}; it is a non-negative integer, or an array of them.")
    if order.ndim == 0 and dtype_of(x).kind == "c":
        return _complex_polygamma(int(order), x)
    if order.ndim == 0:
        k = int(order)
        return sp.psi(x) if k == 0 else sp.zeta(k + 1, x) * ((-1.0) ** (k + 1) * math.factorial(k))
    factor = (-1.0) ** (order + 1) * sp.gamma(order + 1.0)
    positive = np.where(order == 0, 1, order)
    result = np.where(order == 0, sp.psi(x), factor * sp.zeta(positive + 1.0, x))
    return result.astype(dtype_of(x)) if dtype_of(x).kind == "f" else result


def _complex_polygamma(n: int, x: Array) -> Array:
    from .ops.scipy_gamma import hurwitz_op  # a primitive of the rules for SciPy, which are loaded on need

    return sp.psi(x) if n == 0 else hurwitz_op(x, s=n + 1) * ((-1.0) ** (n + 1) * math.factorial(n))


def multigammaln(a: Array, d: int) -> Array:
    """Return the logarithm of the multivariate gamma function; needs SciPy.

    Parameters
    ----------
    a : array
        Real, above (d - 1)/2.
    d : int
        The dimension, at least 1.

    Returns
    -------
    array
        d (d - 1)/4 log π + Σ log Γ(a - j/2), j from 0 to d - 1.

    Raises
    ------
    ModuleNotFoundError
        Without SciPy.
    """
    if not isinstance(d, int | np.integer) or d < 1:
        raise ValueError(f"multigammaln: d={d!r}; the dimension is a positive integer.")
    return sum(sp.gammaln(a - j / 2) for j in range(d)) + d * (d - 1) / 4 * math.log(math.pi)
