"""Arithmetic with broadcasting: + - * / ** %, the extrema, clip, where, complex parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.families import broadcasting, divide_at_pole, elementwise, multiply_at_pole, one_for_zero, zero_like
from ..core.primitive import Primitive, primitive
from ..core.tensor import Array, dtype_of, implements
from ..kernels import elementwise as kernels


def _same(g: Array) -> Array:
    return g


add = broadcasting(np.add, "∂x = 1, ∂y = 1.", x=lambda z, x, y: _same, y=lambda z, x, y: _same)
subtract = broadcasting(np.subtract, "∂x = 1, ∂y = -1.", x=lambda z, x, y: _same, y=lambda z, x, y: lambda g: -g)
multiply = broadcasting(
    np.multiply, "∂x = y, ∂y = x.", x=lambda z, x, y: lambda g: g * y, y=lambda z, x, y: lambda g: g * x
)
divide = broadcasting(
    np.divide,
    "∂x = 1/y, ∂y = -x/y² = -z/y. A zero cotangent stays zero at y = 0.",
    x=lambda z, x, y: lambda g: divide_at_pole(g, y),
    y=lambda z, x, y: lambda g: -multiply_at_pole(divide_at_pole(g, y), z),
)
remainder = broadcasting(
    np.remainder,
    "z = x - y floor(x/y): ∂x = 1, ∂y = -floor(x/y), where z is continuous.",
    x=lambda z, x, y: _same,
    y=lambda z, x, y: lambda g: -g * np.floor_divide(x, y),
)


def _power_x(z: Array, x: Array, y: Array) -> Any:
    if type(y) is int or type(y) is float:
        return _power_number(x, y)

    def pullback(g: Array) -> Array:
        constant = np.equal(y, 0) & np.equal(x, 0)
        lowered = np.where(constant, dtype_of(y).type(1), y - 1)
        return multiply_at_pole(g, np.where(constant, zero_like(z), y * x**lowered))

    return pullback


def _power_number(x: Array, y: float) -> Any:
    if y == 0:
        return lambda g: g * 0
    if y == 1:
        return _same
    if y == 2:
        return lambda g: g * (2 * x)
    base = np.float64(x) if type(x) is float else x  # Python's own numbers raise at a pole
    return lambda g: multiply_at_pole(g, y * base ** (y - 1))


def _power_y(z: Array, x: Array, y: Array) -> Any:
    return lambda g: g * (z * np.log(one_for_zero(x)))


power = broadcasting(
    np.power,
    "∂x = y x^(y-1), ∂y = z log(x). At x = 0, ∂y = 0 and with y = 0, ∂x = 0.",
    x=_power_x,
    y=_power_y,
)

negative = elementwise(np.negative, "y' = -1.", derivative=lambda x: -1)
positive = elementwise(np.positive, "y' = 1.", derivative=lambda x: 1)
square = elementwise(np.square, "y' = 2x.", derivative=lambda x: 2 * x)
sqrt = elementwise(np.sqrt, "y' = 1/(2y), infinite at 0.", from_output=lambda y: 0.5 / y, pole=True)
cbrt = elementwise(np.cbrt, "y' = 1/(3y²), infinite at 0.", from_output=lambda y: 1 / (3 * y * y), pole=True)
reciprocal = elementwise(np.reciprocal, "y' = -1/x².", derivative=lambda x: -1 / (x * x), pole=True)


def _sign(x: Array) -> Array:
    """Return the derivative of |x|: the sign, 0 at 0; for complex x, conj(x)/|x|."""
    if dtype_of(x).kind != "c":
        return np.sign(x)
    return np.conjugate(x) / one_for_zero(np.absolute(x))


absolute = elementwise(np.absolute, "y' = sign(x), 0 at 0; for complex x, conj(x)/|x|.", derivative=_sign)


def refuse_complex(function: str, z: Array) -> None:
    """Refuse the derivative of what NumPy defines for complex numbers through their lexicographic order."""
    if dtype_of(z).kind == "c":
        raise TypeError(
            f"np.{function} orders complex numbers by their real, then their imaginary parts and has no derivative "
            f"there. Apply it to x.real and x.imag apart, or choose with np.where(np.abs(x) > np.abs(y), x, y)."
        )


def share(function: str, z: Array, x: Array, y: Array, wins: Callable[[Array, Array], Array]) -> Any:
    """Return the pullback of the larger or smaller of two: to x where it wins, half to each at a tie."""
    refuse_complex(function, z)
    return lambda g: g * np.where(x == y, dtype_of(g).type(0.5), wins(x, y))


maximum = broadcasting(
    np.maximum,
    "The larger argument takes the cotangent; at a tie each takes half.",
    x=lambda z, x, y: share("maximum", z, x, y, np.greater),
    y=lambda z, x, y: share("maximum", z, y, x, np.greater),
)
minimum = broadcasting(
    np.minimum,
    "The smaller argument takes the cotangent; at a tie each takes half.",
    x=lambda z, x, y: share("minimum", z, x, y, np.less),
    y=lambda z, x, y: share("minimum", z, y, x, np.less),
)


hypot = broadcasting(
    np.hypot,
    "z = sqrt(x² + y²): ∂x = x/z, ∂y = y/z, both 0 at the origin.",
    x=lambda z, x, y: lambda g: g * (x / one_for_zero(z)),
    y=lambda z, x, y: lambda g: g * (y / one_for_zero(z)),
)


def _arctan2_partial(g: Array, numerator: Array, y: Array, x: Array) -> Array:
    r = one_for_zero(np.hypot(x, y))
    return g * (numerator / r / r)


arctan2 = broadcasting(
    np.arctan2,
    "The angle of (x, y): ∂y = x/r², ∂x = -y/r², both 0 at the origin.",
    y=lambda z, y, x: lambda g: _arctan2_partial(g, x, y, x),
    x=lambda z, y, x: lambda g: -_arctan2_partial(g, y, y, x),
)


def _logaddexp_partial(exp: np.ufunc, z: Array, x: Array) -> Any:
    # z = x = -inf: nothing is added, and x - z would be nan
    return lambda g: g * exp(x - np.where(z == -np.inf, zero_like(z), z))


logaddexp = broadcasting(
    np.logaddexp,
    "z = log(exp(x) + exp(y)): ∂x = exp(x - z), ∂y = exp(y - z).",
    x=lambda z, x, y: _logaddexp_partial(np.exp, z, x),
    y=lambda z, x, y: _logaddexp_partial(np.exp, z, y),
)
logaddexp2 = broadcasting(
    np.logaddexp2,
    "z = log2(2^x + 2^y): ∂x = 2^(x - z), ∂y = 2^(y - z).",
    x=lambda z, x, y: _logaddexp_partial(np.exp2, z, x),
    y=lambda z, x, y: _logaddexp_partial(np.exp2, z, y),
)


masked: Primitive = broadcasting(
    kernels.keep,
    "x where the mask holds, 0 elsewhere: linear in x.",
    name="masked",
    x=lambda z, x, mask: lambda g: masked(g, mask),
    mask=None,
)


where_op = broadcasting(
    kernels.choose,
    "x where the condition holds, y elsewhere; each takes the cotangent where it was taken.",
    name="where",
    condition=None,
    x=lambda z, condition, x, y: lambda g: masked(g, condition),
    y=lambda z, condition, x, y: lambda g: masked(g, np.logical_not(condition)),
)


@implements(np.where)
def where(condition: Array, x: Array = None, y: Array = None) -> Any:
    """As np.where, with one argument or three."""
    if x is None and y is None:
        return np.nonzero(condition)
    if x is None or y is None:
        raise ValueError("np.where takes the condition alone, or the condition, x and y.")
    return where_op(condition, x, y)


def _clip(x: Any, low: Any, high: Any) -> Any:
    return np.minimum(np.maximum(x, low), high)


def _clipped(z: Array, taken: Callable[[], Array]) -> Any:
    refuse_complex("clip", z)
    return lambda g: masked(g, taken())


def _inside(x: Array, low: Array, high: Array) -> Array:
    """Tell where clip is x: between the bounds and at them, unless they leave no room."""
    return np.less_equal(low, x) & np.less_equal(x, high) & np.less(low, high)


def _no_room(x: Array, low: Array, high: Array) -> Array:
    """Tell where all three are equal: there it is high that clip takes."""
    return np.equal(low, high) & np.equal(x, high)


def _above(x: Array, low: Array, high: Array) -> Array:
    """Tell where clip is the upper bound: beyond it, and where all three are equal, for it alone can move clip then."""
    return np.greater(np.maximum(x, low), high) | (np.equal(x, low) & np.equal(low, high))


clip_op = broadcasting(
    _clip,
    name="clip",
    doc="min(max(x, low), high): the cotangent goes to x inside and at the bounds, to a bound beyond it.",
    x=lambda z, x, low, high: _clipped(z, lambda: _inside(x, low, high)),
    low=lambda z, x, low, high: _clipped(z, lambda: np.less(x, low) & np.less_equal(low, high)),
    high=lambda z, x, low, high: _clipped(z, lambda: np.greater(np.maximum(x, low), high) | _no_room(x, low, high)),
)
_clip_ufunc: Any = getattr(np, "_core").umath.clip  # noqa: B009  (ndarray.clip calls this hidden ufunc)


@implements(np.clip, _clip_ufunc)
def clip(a: Array, a_min: Array = None, a_max: Array = None, *, min: Array = None, max: Array = None) -> Array:
    """As np.clip; differentiable in the bounds too."""
    if (a_min is not None or a_max is not None) and (min is not None or max is not None):
        raise ValueError("np.clip: a_min and a_max are older names of min and max; give the bounds under one of them.")
    low = a_min if min is None else min
    high = a_max if max is None else max
    if low is None and high is None:
        return positive(a)
    low = _extreme(a, "min") if low is None else low
    return clip_op(a, low, _extreme(a, "max") if high is None else high)


def _extreme(a: Array, end: str) -> Any:
    """Return a bound beyond all values of the dtype of a, which leaves that dtype as it is."""
    dtype = dtype_of(a)
    return getattr(np.iinfo(dtype), end) if dtype.kind in "iu" else {"min": -np.inf, "max": np.inf}[end]


@primitive(implements=np.conjugate)
def conjugate(x: Array) -> Any:
    """Complex conjugate. VJP: x_bar = conj(g), for Re(g conj(dx)) = Re(conj(g) dx)."""
    return np.conjugate(x)


@conjugate.defvjp("x")
def _conjugate_vjp(y: Array, x: Array) -> Any:
    return np.conjugate


@primitive(implements=np.real)
def real(x: Array) -> Any:
    """Real part. VJP: x_bar = g, for Re(g dx) = g Re(dx)."""
    return np.real(x)


@real.defvjp("x")
def _real_vjp(y: Array, x: Array) -> Any:
    return _same


@primitive(implements=np.imag)
def imag(x: Array) -> Any:
    """Imaginary part. VJP: x_bar = -i g, for Re(-i g dx) = g Im(dx)."""
    return np.imag(x)


@imag.defvjp("x")
def _imag_vjp(y: Array, x: Array) -> Any:
    return lambda g: -1j * g


for _op in (conjugate, real, imag):  # linear over the real numbers, which is what a derivative is
    _op.deflinear("x")
    _op.defbatch(lambda size, axes, x, op=_op: (op(x), axes[0]))
