"""Sequences: evenly spaced points, interpolation between points, convolution of one-dimensional arrays."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import numpy.typing as npt

from ..core.tensor import Array, Tensor, dtype_of, implements, plain, shape_of
from .convolution import conv_op
from .indexing import getitem
from .numerics import as_double


@implements(np.linspace)
def linspace(
    start: Array,
    stop: Array,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: npt.DTypeLike | None = None,
    axis: int = 0,
    *,
    device: str | None = None,
) -> Any:
    """As np.linspace, start (1 - t) + stop t at t = k/(num - 1) or k/num: linear in both ends."""
    start, stop, num = plain(start, "np.linspace"), plain(stop, "np.linspace"), operator.index(num)
    if num < 0:
        raise ValueError(f"np.linspace: num={num} is the number of points, at least 0.")
    delta, steps = stop - start, num - 1 if endpoint else num
    given = dtype_of(delta) if dtype_of(delta).kind in "fc" else np.dtype(np.float64)
    t = np.reshape(np.arange(num) / max(steps, 1), (num, *(1,) * len(shape_of(delta))))
    t = t.astype(np.zeros(0, given).real.dtype)
    y = np.moveaxis(start * (1 - t) + stop * t, 0, axis)
    y = _cast(np.floor(y) if dtype is not None and np.dtype(dtype).kind in "iu" else y, dtype)
    return (y, delta / steps if steps > 0 else np.nan) if retstep else y


def _cast(y: Array, dtype: npt.DTypeLike | None) -> Array:
    return y if dtype is None else y.astype(np.dtype(dtype))


@implements(np.logspace)
def logspace(
    start: Array,
    stop: Array,
    num: int = 50,
    endpoint: bool = True,
    base: Array = 10.0,
    dtype: npt.DTypeLike | None = None,
    axis: int = 0,
) -> Array:
    """As np.logspace, base ** linspace(start, stop): differentiable in the ends and in the base."""
    if shape_of(base):
        start, stop, base = plain(start, "np.logspace"), plain(stop, "np.logspace"), plain(base, "np.logspace")
        ndim = len(np.broadcast_shapes(shape_of(start), shape_of(stop), shape_of(base)))
        start, stop, base = (np.reshape(x, (1,) * (ndim - len(shape_of(x))) + shape_of(x)) for x in (start, stop, base))
        base = np.expand_dims(base, axis)
    return _cast(np.power(base, np.linspace(start, stop, num, endpoint=endpoint, axis=axis)), dtype)


@implements(np.geomspace)
def geomspace(
    start: Array, stop: Array, num: int = 50, endpoint: bool = True, dtype: npt.DTypeLike | None = None, axis: int = 0
) -> Array:
    """As np.geomspace, start (stop/start)^t, t as for linspace; complex ends, and ends of the same sign."""
    start, stop = as_double(plain(start, "np.geomspace")), as_double(plain(stop, "np.geomspace"))
    for end in (np.equal(start, 0), np.equal(stop, 0)):
        if type(end) is not Tensor and np.any(end):
            raise ValueError("np.geomspace: a geometric sequence neither starts nor stops at 0.")
    ratio = stop / start
    t = np.linspace(np.zeros_like(ratio), np.ones_like(ratio), num, endpoint=endpoint)
    return _cast(np.moveaxis(start * ratio ** np.real(t), 0, axis), dtype)


@implements(np.interp)
def interp(x: Array, xp: Array, fp: Array, left: Array = None, right: Array = None, period: Any = None) -> Array:
    """As np.interp: differentiable in x (at a point: the slope on its right), in the points xp and in the values fp.

    y = fp[i] + (fp[i+1] - fp[i]) (x - xp[i]) / (xp[i+1] - xp[i]) where xp[i] <= x < xp[i+1]; beyond the points the
    derivative in x is 0.
    """
    x, xp, fp = (as_double(plain(v, "np.interp")) for v in (x, xp, fp))
    n = shape_of(xp)[0] if len(shape_of(xp)) == 1 else 0
    if n == 0 or shape_of(fp) != (n,):
        raise ValueError(
            f"np.interp: xp and fp are the points, both (n,) with n > 0, not {shape_of(xp)}, {shape_of(fp)}."
        )
    if "c" in (dtype_of(x).kind, dtype_of(xp).kind):
        raise TypeError("np.interp: x and xp are real; only the values fp may be complex.")
    if period is not None:
        x, xp, fp = _unrolled(x, xp, fp, period)
        n, left, right = n + 2, None, None
    inner = np.clip(x, xp[0], xp[-1])
    if n == 1:
        y = fp[0] + (inner - xp[0])
    else:
        i = np.clip(np.searchsorted(xp, inner, side="right") - 1, 0, n - 2)
        x0, y0 = getitem(xp, i), getitem(fp, i)  # by our function: the points may be arrays and i a Tensor
        y = y0 + (getitem(fp, i + 1) - y0) / (getitem(xp, i + 1) - x0) * (inner - x0)
    y = y if left is None else np.where(np.less(x, xp[0]), left, y)
    return y if right is None else np.where(np.greater(x, xp[-1]), right, y)


def _unrolled(x: Array, xp: Array, fp: Array, period: Any) -> tuple[Array, Array, Array]:
    """Bring x and the points into one period, in order, with one more point on each side."""
    if period == 0:
        raise ValueError("np.interp: period=0; it is the length after which the values repeat.")
    period = abs(period)
    x, xp = np.remainder(x, period), np.remainder(xp, period)
    order = np.argsort(xp)
    xp, fp = getitem(xp, order), getitem(fp, order)
    return x, np.concatenate([xp[-1:] - period, xp, xp[:1] + period]), np.concatenate([fp[-1:], fp, fp[:1]])


# -- convolution of two sequences --------------------------------------------------------------------------------------

_MODES = {0: "valid", 1: "same", 2: "full"}


def _sequence(operation: str, name: str, x: Array) -> Array:
    x = np.atleast_1d(plain(x, operation))
    if len(shape_of(x)) != 1 or shape_of(x) == (0,):
        raise ValueError(f"{operation}: {name} has shape {shape_of(x)}; it is a sequence (n,) with n > 0.")
    return x


def _mode(operation: str, mode: Any) -> str:
    name = _MODES.get(mode, mode)
    if name not in _MODES.values():
        raise ValueError(f"{operation}: mode={mode!r}; it is 'full', 'same' or 'valid'.")
    return str(name)


def _sliding(a: Array, v: Array, mode: str) -> Array:
    """Return Σ_k a[n + k] v[k], v not longer than a, over all n where they overlap, or fully, or len(a) of them.

    It is the cross-correlation of `conv`, for one image with one channel and one filter.
    """
    m, k = shape_of(a)[0], shape_of(v)[0]
    low, high = {"full": (k - 1, k - 1), "same": (k // 2, (k - 1) // 2), "valid": (0, 0)}[mode]
    image, kernel = np.reshape(a, (1, m, 1)), np.reshape(v, (k, 1, 1))
    y = conv_op(image, kernel, stride=(1,), padding=((low, high),), dilation=(1,), groups=1)
    return np.reshape(y, (m + low + high - k + 1,))


@implements(np.convolve)
def convolve(a: Array, v: Array, mode: Any = "full") -> Array:
    """As np.convolve, y[n] = Σ_k a[n - k] v[k]: bilinear."""
    a, v = _sequence("np.convolve", "a", a), _sequence("np.convolve", "v", v)
    if shape_of(v)[0] > shape_of(a)[0]:
        a, v = v, a
    return _sliding(a, np.flip(v), _mode("np.convolve", mode))


@implements(np.correlate)
def correlate(a: Array, v: Array, mode: Any = "valid") -> Array:
    """As np.correlate, y[n] = Σ_k a[n + k] conj(v[k]): bilinear in a and conj(v)."""
    a, v = _sequence("np.correlate", "a", a), np.conjugate(_sequence("np.correlate", "v", v))
    mode = _mode("np.correlate", mode)
    if shape_of(v)[0] > shape_of(a)[0]:  # NumPy slides the shorter one and turns the result round
        return np.flip(_sliding(v, a, mode))
    return _sliding(a, v, mode)
