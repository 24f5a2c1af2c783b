"""Derivatives of the incomplete gamma function P(a, x) in its parameter a, to any order."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.batching import over_stack
from ..core.families import multiply_at_pole, unbroadcast
from ..core.primitive import primitive
from ..core.tensor import Array, shape_of
from .scipy_table import safe, sp
from .special import gauss_legendre

_NODES = 96
_DECAY = 45  # exp(-45) is below rounding


def gamma_density(a: Array, x: Array) -> Array:
    """Return x^(a-1) exp(-x) / Γ(a)."""
    return np.exp(sp.xlogy(a - 1, x) - x - sp.gammaln(a))


def _moment(order: int, a: Array, w: Array) -> Array:
    """Return the factor M_k in ∂a^k exp(a w - log Γ(a)) = exp(a w - log Γ(a)) M_k.

    With c_1 = w - ψ(a), c_j = -ψ^(j-1)(a): M_0 = 1, M_(n+1) = Σ_j binom(n, j) c_(j+1) M_(n-j) (Bell's polynomials).
    """
    c = [w - sp.psi(a)]
    c += [(-1) ** j * math.factorial(j) * sp.zeta(j + 1, a) for j in range(1, order)]
    moments: list[Any] = [1.0]
    for n in range(order):
        moments.append(sum(math.comb(n, j) * c[j] * moments[n - j] for j in range(n + 1)))
    return moments[order]


@primitive
def gammainc_op(a: Array, x: Array, *, order: int) -> Any:
    """Return ∂a^k P(a, x), k >= 1, the integral of ∂a^k of the density. ∂a is the next order, ∂x that of the density.

    Notes
    -----
    In w = log t, P = ∫ exp(a w - exp(w) - log Γ(a)) dw from -inf to log x, and ∂a^k puts M_k into the integral (see
    `_moment`). The integrand has its peak at w = log a, so the tail that holds no peak is integrated: the lower one if
    x <= a, else minus the upper one, for both together give ∂a^k 1 = 0. It is taken by Gauss and Legendre's rule on the
    panel on which the integrand falls by exp(-45). Where a < 2 that would fall too slowly, and the recurrence
    P(a, x) = P(a + 1, x) + x^a exp(-x) / Γ(a + 1) is differentiated instead [1]_.

    References
    ----------
    .. [1] NIST Digital Library of Mathematical Functions, 8.2 and 8.8.
    """
    result = np.result_type(np.result_type(a, x), np.float32)
    a, x = np.broadcast_arrays(np.asarray(a, np.float64), np.asarray(x, np.float64))
    inside = (a > 0) & (x > 0) & np.isfinite(x)
    with np.errstate(all="ignore"):
        a1, w = np.where(inside, a, 1.0), np.log(np.where(inside, x, 1.0))
        y = np.zeros(a.shape)
        for _ in range(2):
            small = a1 < 2
            step = np.exp(a1 * w - np.exp(w) - sp.gammaln(a1 + 1)) * _moment(order, a1 + 1, w)
            y, a1 = y + np.where(small, step, 0), np.where(small, a1 + 1, a1)
        y = y + _tail(order, a1, w)
    y = np.where(inside, y, np.where((a >= 0) & (x >= 0), 0.0, np.nan))
    return y.astype(result)[()] if y.ndim == 0 else y.astype(result)


def _tail(order: int, a: Any, w: Any) -> Any:
    """Integrate exp(a w - exp(w) - log Γ(a)) M_k up to w if exp(w) <= a, else minus that from w on."""
    x = np.exp(w)
    lower = x <= a
    up, down = np.log1p(_DECAY / x) + 1, _DECAY / a + 1  # beyond the panel's end; Newton's method never overshoots it
    for _ in range(12):
        down -= (a * down + x * np.expm1(-down) - _DECAY) / np.maximum(a - x * np.exp(-down), 1e-300)
        up -= (x * np.expm1(up) - a * up - _DECAY) / np.maximum(x * np.exp(up) - a, 1e-300)
    width = np.where(lower, -down, up)
    t, weights = gauss_legendre(_NODES)
    shape = (*a.shape, 1)
    a, w, x, span = (np.reshape(v, shape) for v in (a, w, x, width))
    exponent = a * w - x - sp.gammaln(a) + (a * (span * t) - x * np.expm1(span * t))
    return -width * np.dot(np.exp(exponent) * _moment(order, a, w + span * t), weights)


@gammainc_op.defvjp("a")
def _gammainc_vjp_a(y: Array, a: Array, x: Array, *, order: int) -> Any:
    return lambda g: unbroadcast(g * gammainc_op(a, x, order=order + 1), shape_of(a))


@gammainc_op.defvjp("x")
def _gammainc_vjp_x(y: Array, a: Array, x: Array, *, order: int) -> Any:
    return lambda g: unbroadcast(multiply_at_pole(g, _density(a, x, order)), shape_of(x))


@gammainc_op.defjvp("a")
def _gammainc_jvp_a(y: Array, a: Array, x: Array, *, order: int) -> Any:
    return lambda a_dot: a_dot * gammainc_op(a, x, order=order + 1)


@gammainc_op.defjvp("x")
def _gammainc_jvp_x(y: Array, a: Array, x: Array, *, order: int) -> Any:
    return lambda x_dot: multiply_at_pole(x_dot, _density(a, x, order))


over_stack(gammainc_op, 0)


def _density(a: Array, x: Array, order: int) -> Array:
    """Return ∂a^k of the density, 0 where x is."""
    positive = np.greater(x, 0)
    x = safe(x, positive)
    return np.where(positive, gamma_density(a, x) * _moment(order, a, np.log(x)), 0.0)
