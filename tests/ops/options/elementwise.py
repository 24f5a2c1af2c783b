"""Elementwise functions: numbers in place of arrays, broadcasting, complex values; away from kinks and jumps."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from .base import arrays, broadcastable, keywords, masks, option, seeds, shapes, spread

kinds = st.sampled_from("ffc")
numbers = st.sampled_from([2, 1, -1.5, 0.5, np.float64(0.75)])


@st.composite
def values(draw, low=-2.0, high=2.0, kind=kinds, shape=shapes):
    """Real or complex arrays, their real parts in (low, high), apart from one another and from 0."""
    x = draw(arrays(shape, low, high))
    return x * (1 + 0.25j) if draw(kind) == "c" else x


# -- one argument ----------------------------------------------------------------------------------------------------

_DOMAINS = {
    "sqrt": (0.25, 3), "cbrt": (0.25, 3), "reciprocal": (0.25, 3), "log": (0.25, 3), "log2": (0.25, 3),
    "log10": (0.25, 3), "log1p": (-0.75, 2), "tan": (-1.25, 1.25), "arcsin": (-0.75, 0.75), "arccos": (-0.75, 0.75),
    "arccosh": (1.25, 3), "arctanh": (-0.75, 0.75),
}  # fmt: skip
_REAL = {"cbrt", "fabs", "deg2rad", "rad2deg", "radians", "degrees", "i0"}
_UNARY = [
    "negative", "positive", "square", "sqrt", "cbrt", "reciprocal", "absolute", "fabs", "conjugate", "exp", "exp2",
    "expm1", "log", "log1p", "log2", "log10", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh",
    "arcsinh", "arccosh", "arctanh", "deg2rad", "rad2deg", "radians", "degrees", "sinc", "i0", "real", "sign",
]  # fmt: skip


@option(*[f"numpy.{name}" for name in _UNARY])
def _(draw, function):
    name = function.__name__
    kind = st.just("f") if name in _REAL else st.just("c") if name == "sign" else kinds
    return function, (draw(values(*_DOMAINS.get(name, (-2, 2)), kind)),)


@option("numpy.imag")
def _(draw):
    return np.imag, (draw(values(kind=st.just("c"))),)


@option("numpy.angle")
def _(draw):
    options = draw(keywords(deg=[False, True]))
    return lambda z: np.angle(z, **options), (draw(values()),)


@option("numpy.modf", "numpy.frexp")
def _(draw, function):
    """Off the integers and the powers of 2."""
    x = np.random.default_rng(draw(seeds)).integers(-8, 8, draw(shapes)) / 4 + 0.1875
    return lambda x: tuple(function(x)), (x,)


@option("numpy.nan_to_num")
def _(draw):
    x = draw(values())
    holes = draw(masks(x.shape))
    options = draw(keywords(copy=[True], nan=[0.5, 2], posinf=[None, 3.5, 1], neginf=[None, -3.5]))
    what = draw(st.sampled_from([0.0, np.nan, np.inf, -np.inf]))
    if what == 0 or (abs(what) == np.inf and options.get("posinf" if what > 0 else "neginf") is None):
        return lambda x: np.nan_to_num(x, **options), (x,)  # else the result is the largest number
    if draw(st.booleans()):
        return lambda x: np.nan_to_num(np.where(holes, x, what), **options), (x,)
    name = "nan" if np.isnan(what) else "posinf" if what > 0 else "neginf"
    options.pop(name, None)
    # x depends on v, lest vmap of v alone leave NumPy to write a batch into an array
    return lambda x, v: np.nan_to_num(np.where(holes, x + 0 * v, what), **options, **{name: v}), (x.real, np.array(1.5))


@option("numpy.real_if_close", batched=False)
def _(draw):
    options = draw(keywords(tol=[100, 1e-3, 1e6]))
    imaginary = draw(st.sampled_from([0, 1e-18j, 0.5j]))
    return lambda x: np.real_if_close(x * (1 + imaginary), **options), (draw(arrays()),)


# -- two arguments ---------------------------------------------------------------------------------------------------

_POSITIVE = {"power", "float_power"}
_COMPLEX = {"add", "subtract", "multiply", "divide", "power", "float_power"}
_BINARY = [*_COMPLEX, "hypot", "arctan2", "logaddexp", "logaddexp2", "copysign"]


@option(*[f"numpy.{name}" for name in sorted(_BINARY)])
def _(draw, function):
    """Arrays, or an array and a number on either side, which takes the array's type; whole powers of any number."""
    name = function.__name__
    if name in _POSITIVE and draw(st.booleans()):
        x = draw(values())
        whole = np.random.default_rng(draw(seeds)).integers(-2, 4, x.shape)
        n = draw(st.sampled_from([0, 1, 2, 3, -1, -2, whole, whole.astype(np.int8)]))
        return lambda x: function(x, n), (x,)
    kind = kinds if name in _COMPLEX else st.just("f")
    first, second = draw(broadcastable(2))
    x = draw(values(0.25 if name in _POSITIVE else -2.0, 2.0, kind, first))
    y = draw(values(-2.0, 2.0, kind, second))
    form, number = draw(st.sampled_from(["arrays", "left", "right"])), draw(numbers)
    if form == "left":
        number = abs(number) if name in _POSITIVE else number
        return lambda y: function(number, y), (y,)
    return (function, (x, y)) if form == "arrays" else (lambda x: function(x, number), (x,))


@option("numpy.maximum", "numpy.minimum", "numpy.fmax", "numpy.fmin")
def _(draw, function):
    first, second = draw(broadcastable(2))
    x, y = draw(arrays(first)), draw(arrays(second)) + 0.0137
    number = draw(st.sampled_from([None, 0.0137, 1, -3]))
    if number is None:
        return function, (x, y)
    left = draw(st.booleans())
    return lambda x: function(number, x) if left else function(x, number), (x,)


@option("numpy.remainder", "numpy.fmod", "numpy.divmod")
def _(draw, function):
    """x/y = k + 1/2: as far from the jumps as can be."""
    shape = draw(shapes)
    y = draw(arrays(shape))
    y = y + np.sign(y) / 4
    x = (np.random.default_rng(draw(seeds)).integers(-3, 3, shape) + 0.5) * y
    form = draw(st.sampled_from(["arrays", "left", "right"]))
    if form == "arrays":
        return lambda x, y: function(x, y), (x, y)
    if form == "left":
        return lambda y: function(0.0625, y), (y,)
    return lambda x: function(x, 0.75), (np.round(x * 4) / 4 + 0.125,)


@option("numpy.ldexp")
def _(draw):
    first, second = draw(broadcastable(2))
    n = np.random.default_rng(draw(seeds)).integers(-3, 4, second).astype(draw(st.sampled_from(["i1", "i4", "i8"])))
    n = draw(st.sampled_from([n, 2, -1]))
    return lambda x: np.ldexp(x, n), (draw(arrays(first)),)


@option("numpy.heaviside")
def _(draw):
    first, second = draw(broadcastable(2))
    x, y = draw(arrays(first)), draw(arrays(second))
    if draw(st.booleans()):
        return np.heaviside, (x, y)
    fixed = np.rint(x)
    return lambda y: np.heaviside(fixed, y), (y,)


# -- three arguments -------------------------------------------------------------------------------------------------


@option("numpy.clip")
def _(draw):
    """Bounds that are arrays, numbers or nothing, under each of their names, by position or by keyword."""
    first, second, third = draw(broadcastable(3))
    x, low, high = draw(arrays(first)), draw(arrays(second, -3, 1)) + 0.0031, draw(arrays(third, 0, 3)) + 0.0017
    recent = ["new names", "none"] if np.lib.NumpyVersion(np.__version__) >= "2.1.0" else []
    form = draw(st.sampled_from(["arrays", "numbers", "low", "high", "names", *recent]))
    if form == "arrays":
        return np.clip, (x, low, high)
    if form == "names":
        return lambda x, low: np.clip(x, a_max=1.25, a_min=low), (x, low)
    if form == "new names":
        options = draw(st.sampled_from([{"min": -0.7}, {"max": 0.7}, {"min": -0.7, "max": 0.7}]))
        return lambda x: np.clip(x, **options), (x,)
    bounds = {"low": (-0.7, None), "high": (None, 0.7), "none": (None, None)}.get(form, (-0.7, 1))
    return lambda x: np.clip(x, *bounds), (x,)


@option("numpy.where")
def _(draw):
    """The condition an array, or computed; numbers in place of x or y."""
    first, second, third = draw(broadcastable(3))
    c = spread(first, draw(seeds)) > 0
    x, y = draw(values(shape=st.just(second))), draw(values(shape=st.just(third)))
    form, number = draw(st.sampled_from(["arrays", "computed", "left", "right"])), draw(numbers)
    if form == "arrays":
        return lambda x, y: np.where(c, x, y), (x, y)
    if form == "computed":
        return lambda x, y: np.where(np.real(x) > 0, x, y), (x, y)
    return lambda x: np.where(c, number, x) if form == "left" else np.where(c, x, number), (x,)
