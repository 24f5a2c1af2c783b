"""Special functions of NumPy and those NumPy lacks and we need: erf and erfc, i0, sinc. None of them needs SciPy.

The derivatives of i0 and sinc are integrals of their own kind, so that one primitive has them all: its option `order`
is how often the function was differentiated, and its rule is the next order.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from ..core.families import elementwise
from ..core.primitive import Primitive, primitive
from ..core.tensor import Array, implements

# Chebyshev coefficients of exp(x²) erfc(x) / t in u = 2t - 1, t = 2 / (2 + x), x >= 0: the cosine sums
# c_j = (2/N) Σ_k F(cos θ_k) cos(j θ_k), θ_k = π (k + 1/2)/N, N = 64, c_0 halved, taken in 40-digit arithmetic.
# The n-th term is below the rounding of float64 from n = 28 on, of float32 from n = 12 on.
_CHEBYSHEV = (
    5.77033738616469689e-01, 3.55436921270498487e-01, 6.50951588287865246e-02, 3.67114239583663917e-03,
    -1.11284474335263250e-03, -1.60758299153780798e-04, 3.27803157417313706e-05, 5.44244164550501603e-06,
    -1.51546655531714816e-06, -1.42976081811698649e-07, 8.23460882741949343e-08, -1.29628468523065625e-09,
    -4.15472163101519830e-09, 6.34705827836281118e-10, 1.43208227122562237e-10, -6.16039010520458554e-11,
    2.06121385547216963e-12, 3.57149314884770445e-12, -8.58642284325179648e-13, -6.14560021379063055e-14,
    7.41872574859661706e-14, -1.28950427550323256e-14, -2.35872638571063236e-15, 1.57293493816859114e-15,
    -2.27829662395464652e-16, -6.31233045075642981e-17, 3.59167635318148923e-17, -5.04980914984772927e-18,
)  # fmt: skip


def _real(x: Any, name: str) -> Any:
    """Return x as a real floating array; float16 as float32, in which it is computed."""
    x = np.asarray(x)
    if x.dtype.kind == "c":
        raise TypeError(f"{name}: complex numbers are not supported here; scipy.special.{name} takes them.")
    return x.astype(np.result_type(x, np.float32 if x.dtype == np.float16 else np.float16), copy=False)


def _like(y: Any, x: Any) -> Any:
    """Return y in the precision of x, as an array or a scalar as x is."""
    y = y.astype(np.result_type(np.asarray(x).dtype, np.float16), copy=False)
    return y if isinstance(x, np.ndarray) else y[()]


def _erfc(x: Any) -> Any:
    x, given = _real(x, "erfc"), x
    magnitude = np.absolute(x)
    t = 2 / (2 + magnitude)
    u = 4 * t - 2
    after = last = np.zeros_like(t)
    for c in reversed(_CHEBYSHEV[1 : 14 if x.dtype == np.float32 else None]):  # Clenshaw's recurrence
        last, after = u * last - after + x.dtype.type(c), last
    tail = t * np.exp(-magnitude * magnitude) * (u / 2 * last - after + x.dtype.type(_CHEBYSHEV[0]))
    return _like(np.where(x < 0, 2 - tail, tail), given)


def _erf(x: Any) -> Any:
    x, given = _real(x, "erf"), x
    near = np.absolute(x) < 0.5
    z = np.where(near, x, x.dtype.type(0))
    series = np.zeros_like(x)
    for k in reversed(range(13)):  # 2/√π Σ (-1)^k x^(2k+1) / (k! (2k + 1)), in Horner's form
        series = series * z * z + x.dtype.type((-1) ** k * 2 / (math.sqrt(math.pi) * math.factorial(k) * (2 * k + 1)))
    return _like(np.where(near, z * series, 1 - _erfc(x)), given)


erfc = elementwise(
    _erfc,
    "(2/√π) ∫ exp(-t²) dt from x to infinity; y' = -(2/√π) exp(-x²).",
    name="erfc",
    derivative=lambda x: np.exp(-x * x) * (-2 / math.sqrt(math.pi)),
)
erf = elementwise(
    _erf,
    "(2/√π) ∫ exp(-t²) dt from 0 to x; y' = (2/√π) exp(-x²).",
    name="erf",
    derivative=lambda x: np.exp(-x * x) * (2 / math.sqrt(math.pi)),
)


# -- functions whose derivatives are of their own kind ---------------------------------------------------------------


def _derivatives_by_order(op: Primitive) -> None:
    """Give an elementwise operation with the option `order` its rules: the derivative is the next order."""

    def rule(y: Array, x: Array, *, order: int) -> Any:
        return lambda g: g * op(x, order=order + 1)

    op.defvjp("x")(rule)
    op.defjvp("x")(rule)
    op.defbatch(lambda size, axes, x, *, order: (op(x, order=order), axes[0]))


_NODES = 64


@primitive
def i0_op(x: Array, *, order: int) -> Any:
    """Return the k-th derivative of the modified Bessel function I0, (1/π) ∫ cos(t)^k exp(x cos t) dt over (0, π).

    Notes
    -----
    The midpoint rule with 2n points of a periodic function errs by Fourier coefficients from the 4n-th on, here
    I_256(x), which is below 10⁻¹⁷ I0(x) wherever that is finite [1]_. The points t and π - t taken together give
    cosh or sinh of x cos t, without cancellation.

    References
    ----------
    .. [1] L. N. Trefethen, J. A. C. Weideman, "The exponentially convergent trapezoidal rule", SIAM Review 56, 2014.
    """
    if order == 0:
        return np.i0(x)
    z, c = _real(x, "iv"), np.cos(np.pi * (np.arange(_NODES) + 0.5) / (2 * _NODES))
    with np.errstate(over="ignore"):
        terms = (np.sinh if order % 2 else np.cosh)(np.multiply.outer(z, c.astype(z.dtype)))
        return _like(np.asarray(np.dot(terms, (c**order / _NODES).astype(z.dtype))), x)


@primitive
def sinc_op(x: Array, *, order: int) -> Any:
    """Return the k-th derivative of sinc(x) = sin(z) / z, z = πx: π^k f_k, f_k = ∫ t^k cos(z t + kπ/2) dt over (0, 1).

    Notes
    -----
    Where |z| >= 2k + 4, integration by parts gives the recurrence z f_k = sin(z + kπ/2) - k f_(k-1), stable there.
    Nearer to 0, where it cancels, the integral is taken by Gauss and Legendre's rule, exact to rounding.
    """
    if order == 0:
        return np.sinc(x)
    z = np.pi * np.asarray(x, np.result_type(x, np.float64))
    near = np.absolute(z) < 2 * order + 4
    far = np.where(near, 1, z)
    waves = (np.sin(far), np.cos(far), -np.sin(far), -np.cos(far))
    y = waves[0] / far
    for k in range(1, order + 1):
        y = (waves[k % 4] - k * y) / far
    t, weights = gauss_legendre(32 + 2 * order)
    phase = np.multiply.outer(np.where(near, z, 0), t)
    wave = (np.cos, np.sin, np.cos, np.sin)[order % 4](phase) * (1, -1, -1, 1)[order % 4]
    y = np.pi**order * np.where(near, np.dot(wave, weights * t**order), y)
    single = np.result_type(x) in (np.float32, np.complex64)
    return _like(y.astype(np.complex64 if np.iscomplexobj(y) else np.float32) if single else y, x)


@functools.cache
def gauss_legendre(n: int) -> tuple[Any, Any]:
    """Return nodes in (0, 1) and weights."""
    nodes, weights = np.polynomial.legendre.leggauss(n)
    return (nodes + 1) / 2, weights / 2


for _op in (i0_op, sinc_op):
    _derivatives_by_order(_op)


@implements(np.i0)
def i0(x: Array) -> Array:
    """As np.i0, the modified Bessel function of order 0; differentiable to any order."""
    return i0_op(x, order=0)


@implements(np.sinc)
def sinc(x: Array) -> Array:
    """As np.sinc, sin(πx) / (πx); differentiable to any order, at 0 too."""
    return sinc_op(x, order=0)
