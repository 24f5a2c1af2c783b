"""Numerical odds and ends: extrema that pass over NaN, signs, remainders, the parts of a floating-point number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.families import broadcasting, elementwise, signature_of
from ..core.primitive import Primitive
from ..core.tensor import Array, Tensor, dtype_of, implements
from .arithmetic import share


def _over_nan(wins: np.ufunc) -> Callable[[Array, Array], Array]:
    """Return the comparison in which a number wins over NaN too."""
    return lambda x, y: wins(x, y) | (np.isnan(y) & ~np.isnan(x))


fmax = broadcasting(
    np.fmax,
    "The larger argument, or the one that is not NaN, takes the cotangent; at a tie each takes half.",
    x=lambda z, x, y: share("fmax", z, x, y, _over_nan(np.greater)),
    y=lambda z, x, y: share("fmax", z, y, x, _over_nan(np.greater)),
)
fmin = broadcasting(
    np.fmin,
    "The smaller argument, or the one that is not NaN, takes the cotangent; at a tie each takes half.",
    x=lambda z, x, y: share("fmin", z, x, y, _over_nan(np.less)),
    y=lambda z, x, y: share("fmin", z, y, x, _over_nan(np.less)),
)

fabs = elementwise(np.fabs, "y' = sign(x), 0 at 0.", derivative=np.sign)
copysign = broadcasting(
    np.copysign,
    "z = |x| sign(y): ∂x = sign(x) sign(y), 0 at 0; ∂y = 0, where z is continuous.",
    x=lambda z, x, y: lambda g: g * (np.sign(x) * np.sign(z)),
    y=lambda z, x, y: np.zeros_like,
)
heaviside = broadcasting(
    np.heaviside,
    "0, y or 1 for x < 0, x = 0, x > 0: ∂x = 0, where z is continuous, ∂y = 1 where x = 0.",
    x=lambda z, x, y: np.zeros_like,
    y=lambda z, x, y: lambda g: g * np.equal(x, 0),
)
fmod = broadcasting(
    np.fmod,
    "z = x - y trunc(x/y): ∂x = 1, ∂y = -trunc(x/y), where z is continuous.",
    x=lambda z, x, y: lambda g: g,
    y=lambda z, x, y: lambda g: -g * np.rint((x - z) / y),  # exact, where trunc(x/y) might round up
)


@implements(np.divmod)
def divmod_(x1: Array, x2: Array) -> tuple[Array, Array]:
    """As np.divmod: the floor of the quotient, a constant, and the remainder."""
    return np.floor_divide(x1, x2), np.remainder(x1, x2)


def as_double(x: Array) -> Array:
    """Return x in float64 or complex128; a Python number as it is, which takes the type of what it meets."""
    if isinstance(x, int | float | complex):
        return x
    double = np.dtype(np.complex128 if dtype_of(x).kind == "c" else np.float64)
    if dtype_of(x) == double:
        return x
    return x.astype(double) if hasattr(x, "astype") else np.asarray(x, double)


@implements(np.float_power)
def float_power(x1: Array, x2: Array) -> Array:
    """As np.float_power: np.power in float64 or complex128."""
    return np.power(as_double(x1), as_double(x2))


# -- the parts of a number -------------------------------------------------------------------------------------------


def _fraction(x: Any) -> Any:
    return np.modf(x)[0]


def _exponent(x: Any) -> Any:
    return np.frexp(x)[1]


fraction = elementwise(
    _fraction, "x - trunc(x): y' = 1, where y is continuous.", name="fraction", derivative=lambda x: 1
)
exponent = Primitive(_exponent, differentiable=False, signature=signature_of("x"), name="exponent", module=__name__)
exponent.defbatch(lambda size, axes, x: (exponent(x), axes[0]))
ldexp = broadcasting(np.ldexp, "x 2^n for integers n: ∂x = 2^n.", x=lambda z, x, n: lambda g: np.ldexp(g, n), n=None)


@implements(np.modf)
def modf(x: Array) -> tuple[Array, Array]:
    """As np.modf: the fraction, whose derivative is 1, and the whole part, a constant."""
    return fraction(x), np.trunc(x)


@implements(np.frexp)
def frexp(x: Array) -> tuple[Array, Array]:
    """As np.frexp: the mantissa x 2^-n and the exponent n, a constant: ∂mantissa = 2^-n, where it is continuous."""
    n = exponent(x)
    return ldexp(x, -n), n


@implements(np.nan_to_num)
def nan_to_num(x: Array, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Array:
    """As np.nan_to_num: where a number is replaced its derivative is 0; differentiable in the replacements too."""
    if not copy:
        raise TypeError("np.nan_to_num: copy=False cannot be used with Tensors, which never change; use the result.")
    dtype = dtype_of(x)
    if dtype.kind == "c":
        parts = [nan_to_num(part, nan=nan, posinf=posinf, neginf=neginf) for part in (np.real(x), np.imag(x))]
        return parts[0] + 1j * parts[1]
    if dtype.kind != "f":
        return np.positive(x)
    x = np.where(np.isnan(x), nan, x)
    x = np.where(x == np.inf, np.finfo(dtype).max if posinf is None else posinf, x)
    return np.where(x == -np.inf, np.finfo(dtype).min if neginf is None else neginf, x)


@implements(np.real_if_close)
def real_if_close(a: Array, tol: float = 100) -> Array:
    """As np.real_if_close. The values decide for all, so under `vmap` of complex numbers write np.real(a)."""
    if dtype_of(a).kind != "c":
        return a
    tolerance = tol * np.finfo(dtype_of(a)).eps if tol > 1 else tol
    small: Any = np.all(np.abs(np.imag(a)) < tolerance)
    if type(small) is Tensor:
        raise TypeError("np.real_if_close: the dtype of the result depends on the values of each; write np.real(a).")
    return np.real(a) if small else a
