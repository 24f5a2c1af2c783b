"""Sequences of points, interpolation, convolution, polynomials, np.lib.scimath."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from tests.ops.cases import CASES

from .base import arrays, axis_of, broadcastable, keywords, option, seeds, shapes

kinds = st.sampled_from("ffc")
lengths = st.integers(0, 3)
numbers = st.sampled_from([0, 1, -2, 0.5, -1.25])


@st.composite
def values(draw, shape, kind=kinds):
    """Real or complex arrays, their elements not 0."""
    x = draw(arrays(shape))
    return x * (1 + 0.5j) - 0.125j if draw(kind) == "c" else x


@st.composite
def coefficients(draw, least=1, most=4, kind=kinds):
    """Coefficients of which none is near 0: NumPy strips zeros, and then the shape would depend on the values."""
    x = draw(values((draw(st.integers(least, most)),), kind))
    return x + np.sign(np.real(x)) / 4


# -- points ----------------------------------------------------------------------------------------------------------


@option("numpy.linspace")
def _(draw):
    """Both ends differentiated, or one, the other a number."""
    first, second = draw(broadcastable(2))
    options = draw(keywords(num=st.integers(0, 5), endpoint=[False, True], retstep=[False, True],
                            axis=axis_of(max(len(first), len(second)) + 1)))  # fmt: skip
    start, stop = draw(values(first)), draw(values(second))
    real = np.isrealobj(start) and np.isrealobj(stop)
    options |= draw(keywords(dtype=[None, np.complex128, *[np.float64, np.float32] * real]))
    if options.get("num") in (0, 1):
        options.pop("retstep", None)  # the step is nan
    form, number = draw(st.sampled_from(["both", "start", "stop"])), draw(numbers)
    if form == "start":
        return lambda a: np.linspace(a, number, **_for(options, first)), (start,)
    if form == "stop":
        return lambda b: np.linspace(number, b, **_for(options, second)), (stop,)
    return lambda a, b: np.linspace(a, b, **options), (start, stop)


def _for(options, shape):
    """Leave out an axis that only the shape of both arguments together has."""
    return {k: v for k, v in options.items() if k != "axis" or -len(shape) - 1 <= v <= len(shape)}


@option("numpy.logspace")
def _(draw):
    shaped = draw(st.booleans())
    first, second, third = draw(broadcastable(3, max_dims=2))
    ndim = max(map(len, (first, second, third if shaped else ()))) + 1
    options = draw(
        keywords(num=st.integers(0, 4), endpoint=[False, True], dtype=[None, np.float64], axis=axis_of(ndim))
    )
    start, stop = draw(values(first, st.just("f"))), draw(values(second, st.just("f")))
    form = draw(st.sampled_from(["", "number", "array"]))
    if form != "array":
        options = _for(options, (0,) * max(len(first), len(second)))
        options |= {"base": 2.5} if form == "number" else {}
        return lambda a, b: np.logspace(a, b, **options), (start, stop)
    base = draw(arrays(third if shaped else (), 0.5, 3))
    return lambda a, b, base: np.logspace(a, b, base=base, **options), (start, stop, base)


@option("numpy.geomspace")
def _(draw):
    """Ends of one sign, or complex ones that lie on no ray opposite to each other."""
    first, second = draw(broadcastable(2))
    options = draw(keywords(num=st.integers(0, 4), endpoint=[False, True], dtype=[None, np.complex128],
                            axis=axis_of(max(len(first), len(second)) + 1)))  # fmt: skip
    start, stop = draw(arrays(first, 0.5, 3)), draw(arrays(second, 0.5, 3))
    turns = draw(st.sampled_from([(1, 1), (-1, -1), (np.exp(0.75j), -1j)]))
    return lambda a, b: np.geomspace(a, b, **options), (start * turns[0], stop * turns[1])


@option("numpy.interp")
def _(draw):
    """x = k/4, points at k/4 + 1/8: none meets another, in any period either."""
    n = draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(seeds))
    x = rng.integers(-12, 13, draw(shapes)) / 4
    xp = np.sort(rng.permutation(16)[:n] - 8) / 4 + 0.125
    fp = draw(values((n,)))
    options = {}
    if draw(st.booleans()):
        options["period"] = draw(st.sampled_from([4.0, -4.5, 6]))
        xp = rng.permutation(xp + 4 * abs(options["period"]) * rng.integers(-1, 2, n) / 4)
        return lambda x, xp, fp: np.interp(x, xp, fp, **options), (x, xp, fp)
    ends = draw(st.sampled_from([(), ("left",), ("right",), ("left", "right")]))
    if draw(st.booleans()):
        options = dict.fromkeys(ends, draw(numbers))
        return lambda x, xp, fp: np.interp(x, xp, fp, **options), (x, xp, fp)
    return lambda x, xp, fp, v: np.interp(x, xp, fp, **dict.fromkeys(ends, v)), (x, xp, fp, np.array(1.5))


@option("numpy.convolve", "numpy.correlate")
def _(draw, function):
    a, v = draw(values((draw(st.integers(1, 4)),))), draw(values((draw(st.integers(1, 4)),)))
    options = draw(keywords(mode=["full", "same", "valid"]))
    return lambda a, v: function(a, v, **options), (a, v)


# -- polynomials -----------------------------------------------------------------------------------------------------


@option("numpy.polyval")
def _(draw):
    if draw(st.booleans()):
        return np.polyval, (draw(values((draw(lengths),))), draw(values(shapes)))
    number = draw(numbers)
    return lambda p: np.polyval(p, number), (draw(coefficients()),)


@option("numpy.polyadd", "numpy.polysub", "numpy.polymul")
def _(draw, function):
    if draw(st.booleans()):
        return function, (draw(coefficients()), draw(coefficients()))
    fixed, first = draw(st.sampled_from([[1], [2, -1], [1.5, 0, 2.5, 1]])), draw(st.booleans())
    return lambda p: function(p, fixed) if first else function(fixed, p), (draw(coefficients()),)


@option("numpy.polydiv")
def _(draw):
    """u = q v + r with leading coefficients that are not 0: NumPy strips zeros from the remainder.

    The first of v is a power of 2, lest float32 leave others than zeros.
    """
    v, q, r = draw(coefficients(1, 3)), draw(coefficients(1, 3)), draw(coefficients(2, 2))
    v[0] = draw(st.sampled_from([1, 2, -0.5]))
    if len(v) == 1:
        return lambda u, v: np.polydiv(u, v)[0], (q, v)  # the rest is 0, but for noise
    if draw(st.booleans()):
        return np.polydiv, (r[:1], v)
    u = np.convolve(q, v)
    u = u + np.pad(r[: len(v) - 1], (len(u) - len(v[1:]), 0))
    return np.polydiv, (u, v)


@option("numpy.polyder")
def _(draw):
    options = draw(keywords(m=st.integers(0, 5)))
    return lambda p: np.polyder(p, **options), (draw(coefficients()),)


@option("numpy.polyint")
def _(draw):
    m = draw(st.integers(0, 3))
    p, k = draw(coefficients(kind=st.just("f"))), draw(arrays((draw(st.sampled_from([1, m, m + 1])) or 1,)))
    form = draw(st.sampled_from(["", "array", "number", "list"]))
    if form == "array":  # NumPy asks the type of p alone for an implementation
        return lambda p, k: np.polyint(p + 0 * k[0], m, k=k), (p, k)
    options = {"": {}, "number": {"k": 1.5}, "list": {"k": [0.5] * m}}[form]
    return lambda p: np.polyint(p, **{"m": m} | options), (p,)


@option("numpy.polyfit")
def _(draw):
    deg = draw(st.integers(0, 2))
    n = draw(st.integers(deg + 1, 5))
    x = draw(arrays((n,)))
    y = draw(values((n, *draw(st.sampled_from([(), (1,), (2,)])))))
    options = {"deg": deg} | draw(keywords(rcond=[None, 1e-10]))
    cov = draw(st.sampled_from([None, False, "unscaled", *[True] * (n > deg + 1)]))
    options |= {} if cov is None else {"cov": cov}
    if draw(st.booleans()):
        return lambda x, y, w: np.polyfit(x, y, w=w, **options), (x, y, draw(arrays((n,), 0.5, 2)))
    return lambda x, y: np.polyfit(x, y, **options), (x, y)


@option("numpy.poly")
def _(draw):
    if draw(st.booleans()):
        return np.poly, (draw(values((draw(st.integers(0, 4)),))),)
    (x,), _ = draw(CASES["tinygrad_np.ops.eigenvalues.eig_op"])
    return np.poly, (x.reshape(-1, *x.shape[-2:])[0] if x.size else np.full((1, 1), 0.75),)


@option("numpy.roots")
def _(draw):
    """The polynomial of roots of different sizes, or of conjugate pairs; sums of powers, for they have no order."""
    n = draw(lengths)
    z = (np.arange(n) + 1) * np.random.default_rng(draw(seeds)).choice([1, -1], n)
    z = z + 0.5j if draw(kinds) == "c" else z + 0.25
    p = np.atleast_1d(np.poly(z)) * draw(st.sampled_from([1, -0.5]))
    pair = draw(st.sampled_from([None, [1, 0.5, 2]]))
    p = p if pair is None or np.iscomplexobj(p) else np.convolve(p, pair)
    return lambda p: tuple(np.sum(np.roots(p) ** k) for k in (1, 2, 3)), (p,)


@option("numpy.vander")
def _(draw):
    options = draw(keywords(N=st.none() | st.integers(0, 4), increasing=[False, True]))
    return lambda x: np.vander(x, **options), (draw(values((draw(lengths),))),)


# -- np.lib.scimath: on complex numbers, for which the kind of the result does not depend on the values --------------

_scimath = ["sqrt", "log", "log2", "log10", "arcsin", "arccos", "arctanh", "logn", "power"]


@option(*[f"numpy.lib.scimath.{name}" for name in _scimath])
def _(draw, function):
    first, second = draw(broadcastable(2))
    x = draw(arrays(first)) + 0.5j
    if function.__name__ not in ("logn", "power"):
        return function, (x,)
    number = draw(st.sampled_from([None, 2, 3, 0.5, -1 if function.__name__ == "power" else 1.5]))
    if number is None:
        return function, (x, draw(arrays(second)) + 0.25j)
    return lambda x: function(number, x) if function.__name__ == "logn" else function(x, number), (x,)
