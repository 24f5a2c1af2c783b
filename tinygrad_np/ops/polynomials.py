"""Polynomials as np.polyval and its kin have them: coefficients from the highest power down.

Where NumPy drops leading coefficients that are zero, which makes shapes depend on values, these keep them.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..core.tensor import Array, Tensor, dtype_of, implements, plain, shape_of


def _coefficients(operation: str, name: str, p: Array) -> Array:
    p = np.atleast_1d(plain(p, operation))
    if len(shape_of(p)) != 1 or shape_of(p) == (0,):
        raise ValueError(f"{operation}: {name} has shape {shape_of(p)}; coefficients are (n,) with n > 0.")
    return p


@implements(np.polyval)
def polyval(p: Array, x: Array) -> Array:
    """As np.polyval, by Horner's rule."""
    p, x = plain(p, "np.polyval"), plain(x, "np.polyval")
    y = np.zeros_like(x)
    for i in range(len(p)):
        y = y * x + p[i] if i else y + p[0]
    return y


def _same_length(operation: str, a1: Array, a2: Array) -> list[Array]:
    a1, a2 = _coefficients(operation, "a1", a1), _coefficients(operation, "a2", a2)
    n = max(len(a1), len(a2))
    return [np.pad(a, (n - len(a), 0)) for a in (a1, a2)]


@implements(np.polyadd)
def polyadd(a1: Array, a2: Array) -> Array:
    """As np.polyadd."""
    a1, a2 = _same_length("np.polyadd", a1, a2)
    return a1 + a2


@implements(np.polysub)
def polysub(a1: Array, a2: Array) -> Array:
    """As np.polysub."""
    a1, a2 = _same_length("np.polysub", a1, a2)
    return a1 - a2


@implements(np.polymul)
def polymul(a1: Array, a2: Array) -> Array:
    """As np.polymul; leading zeros stay."""
    return np.convolve(_coefficients("np.polymul", "a1", a1), _coefficients("np.polymul", "a2", a2))


@implements(np.polydiv)
def polydiv(u: Array, v: Array) -> tuple[Array, Array]:
    """As np.polydiv, by long division; the remainder has always len(v) - 1 coefficients, at least one."""
    u, v = _coefficients("np.polydiv", "u", u) + 0.0, _coefficients("np.polydiv", "v", v) + 0.0
    n = len(v) - 1
    if len(u) <= n:
        dtype = np.result_type(dtype_of(u), dtype_of(v))
        return np.zeros(1, dtype), u.astype(dtype)
    quotient, rest = [], u
    for _ in range(len(u) - n):
        d = rest[0] / v[0]
        quotient.append(d)
        rest = np.concatenate([rest[1 : n + 1] - d * v[1:], rest[n + 1 :]])
    q = np.stack(quotient)
    return q, rest if n else np.zeros(1, dtype_of(q))


def _order(operation: str, m: Any) -> int:
    times = operator.index(m)
    if times < 0:
        raise ValueError(f"{operation}: m={m} is the number of times, at least 0.")
    return times


@implements(np.polyder)
def polyder(p: Array, m: int = 1) -> Array:
    """As np.polyder."""
    p = _coefficients("np.polyder", "p", p)
    for _ in range(_order("np.polyder", m)):
        p = p[:-1] * np.arange(len(p) - 1, 0, -1)
    return p


@implements(np.polyint)
def polyint(p: Array, m: int = 1, k: Array = None) -> Array:
    """As np.polyint; differentiable in the constants k too."""
    p, m = _coefficients("np.polyint", "p", p), _order("np.polyint", m)
    k = np.atleast_1d(plain(np.zeros(m) if k is None else k, "np.polyint"))
    if len(k) == 1 and m > 1:
        k = np.broadcast_to(k, (m,))
    if len(k) < m:
        raise ValueError(f"np.polyint: k has {len(k)} constants; give one, or one for each of the {m} integrations.")
    for i in range(m):
        p = np.concatenate([p / np.arange(len(p), 0, -1), k[i : i + 1]])
    return p


@implements(np.vander)
def vander(x: Array, N: int | None = None, increasing: bool = False) -> Array:
    """As np.vander: the powers of x, a column each."""
    x = plain(x, "np.vander")
    if len(shape_of(x)) != 1:
        raise ValueError(f"np.vander: x has shape {shape_of(x)}; it is (n,).")
    powers = np.arange(len(x) if N is None else N)
    return x[:, None] ** (powers if increasing else powers[::-1])


@implements(np.polyfit)
def polyfit(
    x: Array, y: Array, deg: int, rcond: float | None = None, full: bool = False, w: Array = None, cov: Any = False
) -> Any:
    """As np.polyfit: least squares of the powers of x, whose columns have length 1; w and cov too, full is refused."""
    if full:
        raise TypeError(
            "np.polyfit: full=True is not supported for Tensors. Compute the residuals from np.polyval(p, x), the "
            "singular values with np.linalg.svd(np.vander(x, deg + 1))."
        )
    x, y, terms = plain(x, "np.polyfit") + 0.0, plain(y, "np.polyfit") + 0.0, operator.index(deg) + 1
    if terms < 1 or len(shape_of(x)) != 1 or not len(x) or len(shape_of(y)) not in (1, 2) or len(y) != len(x):
        raise ValueError(
            f"np.polyfit: x of shape {shape_of(x)}, y of shape {shape_of(y)}, deg={deg}; they are (n,) with n > 0, "
            "(n,) or (n, k), and at least 0."
        )
    powers, values = np.vander(x, terms), y
    if w is not None:
        if shape_of(w) != shape_of(x):
            raise ValueError(f"np.polyfit: w has shape {shape_of(w)}; it needs the shape {shape_of(x)} of x.")
        powers, values = powers * w[:, None], (values.T * w).T
    scale = np.sqrt(np.sum(powers * powers, axis=0))
    powers = powers / scale
    rcond = len(x) * np.finfo(dtype_of(x)).eps if rcond is None else rcond
    scaled = np.linalg.lstsq(powers, values, rcond)[0]
    p = (scaled.T / scale).T
    return (p, _covariance(powers, scale, values - powers @ scaled, cov)) if cov else p


def _covariance(powers: Array, scale: Array, residuals: Array, cov: Any) -> Array:
    n, terms = shape_of(powers)
    base = np.linalg.inv(powers.T @ powers) / np.outer(scale, scale)
    factor = 1.0
    if cov != "unscaled":
        if n <= terms:
            raise ValueError(
                f"np.polyfit: cov needs more points than the {terms} coefficients, not {n}; or 'unscaled'."
            )
        factor = np.sum(np.real(residuals * np.conjugate(residuals)), axis=0) / (n - terms)
    return base * factor if len(shape_of(residuals)) == 1 else base[:, :, None] * factor


@implements(np.poly)
def poly(seq_of_zeros: Array) -> Array:
    """As np.poly: the coefficients of the polynomial with these zeros, or of a matrix's characteristic polynomial.

    The result is complex for complex arguments, even if the zeros come in conjugate pairs.
    """
    zeros = np.atleast_1d(plain(seq_of_zeros, "np.poly"))
    shape = shape_of(zeros)
    kind = dtype_of(zeros).kind
    if len(shape) == 2 and shape[0] == shape[1] and shape[0]:
        zeros = np.linalg.eigvals(zeros)
    elif len(shape) != 1:
        raise ValueError(f"np.poly: got shape {shape}; expected zeros (n,) or a square matrix.")
    a = np.ones(1, dtype_of(zeros) if dtype_of(zeros).kind in "fc" else np.float64)
    for i in range(len(zeros)):
        a = np.pad(a, (0, 1)) - zeros[i] * np.pad(a, (1, 0))
    return a if kind == "c" else np.real(a)


@implements(np.roots)
def roots(p: Array) -> Array:
    """As np.roots: the eigenvalues of the companion matrix; the first coefficient must not be zero."""
    p = _coefficients("np.roots", "p", p)
    zero = np.equal(p[0], 0)
    if type(zero) is not Tensor and zero:
        raise ValueError("np.roots: the first coefficient is zero; pass p[k:] from the first that is not.")
    n = len(p) - 1
    if n == 0:
        return np.zeros(0)
    return np.linalg.eigvals(np.concatenate([np.reshape(-p[1:] / p[0], (1, n)), np.eye(n - 1, n, dtype=dtype_of(p))]))
