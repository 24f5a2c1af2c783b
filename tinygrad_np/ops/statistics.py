"""Order statistics, weighted averages, covariances. A nan in a median or quantile makes it nan, without a gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.tensor import Array, Tensor, dtype_of, implements, plain, shape_of
from .indexing import getitem
from .reductions import AxisTuple, axis_tuple, floating, kept
from .shaping import Axes


def _merged(a: Array, axis: AxisTuple) -> Array:
    """Bring axes to the end and make one of them."""
    shape = shape_of(a)
    x = np.moveaxis(a, axis, range(-len(axis), 0))
    rest = len(shape) - len(axis)
    return np.reshape(x, (*shape_of(x)[:rest], int(np.prod(shape_of(x)[rest:], dtype=np.int64))))


def _entry(x: Array, i: Array) -> Array:
    """Return x[..., i] where i holds, in its last axes, an index for each row of x."""
    return getitem(x, (*np.ogrid[tuple(slice(n) for n in shape_of(x)[:-1])], i))


def _valid_count(x: Array) -> Array:
    return np.sum(np.logical_not(np.isnan(x)), axis=-1)


def _nan_where(condition: Array, y: Array) -> Array:
    return np.where(condition, dtype_of(y).type(np.nan), y)


# -- medians and quantiles -------------------------------------------------------------------------------------------


def _middle(a: Array, axis: Axes, keepdims: bool, skip: bool) -> Array:
    axes = tuple(sorted(axis_tuple(axis, a)))
    x = np.sort(_merged(floating(a), axes), axis=-1)
    n = shape_of(x)[-1]
    if n == 0:
        y = np.full(shape_of(x)[:-1], np.nan, dtype_of(x))
    elif skip:
        count = _valid_count(x)
        low, high = _entry(x, np.maximum(count - 1, 0) // 2), _entry(x, np.minimum(count // 2, n - 1))
        y = _nan_where(count == 0, np.where(count % 2 == 1, low, (low + high) / 2))
    else:
        y = x[..., n // 2] if n % 2 else (x[..., n // 2 - 1] + x[..., n // 2]) / 2
        y = _nan_where(np.isnan(x[..., -1]), y)
    return np.reshape(y, kept(shape_of(a), axes)) if keepdims else y


@implements(np.median)
def median(a: Array, axis: Axes = None, *, overwrite_input: bool = False, keepdims: bool = False) -> Array:
    """As np.median: the middle one in the order of a stable sort, or the mean of the two. Nothing is overwritten."""
    return _middle(a, axis, keepdims, skip=False)


@implements(np.nanmedian)
def nanmedian(a: Array, axis: Axes = None, *, overwrite_input: bool = False, keepdims: bool = False) -> Array:
    """As np.nanmedian; nan without a warning where there is nothing else. Nothing is overwritten."""
    return _middle(a, axis, keepdims, skip=True)


def _plotting(alpha: float, beta: float) -> tuple[Callable[..., Array], Callable[..., Array]]:
    return lambda n, q: n * q + (alpha + q * (1 - alpha - beta)) - 1, lambda part, floor: part


def _spaced(n: Array, q: Array) -> Array:
    return (n - 1) * q


# method: (place of the quantile q among n ordered values, from 0; how far to go from the value before it to the one
# after, given the fractional part and the floor of that place). Hyndman and Fan, "Sample quantiles in statistical
# packages", The American Statistician 50 (1996) 361-365; closest_observation as in NumPy 2.0.1 and later.
_METHODS: dict[str, tuple[Callable[..., Array], Callable[..., Array]]] = {
    "inverted_cdf": (lambda n, q: n * q - 1, lambda part, floor: part > 0),
    "averaged_inverted_cdf": (lambda n, q: n * q - 1, lambda part, floor: np.where(part == 0, 0.5, 1.0)),
    "closest_observation": (lambda n, q: n * q - 1 - 0.5, lambda part, floor: np.logical_or(part > 0, floor % 2 == 0)),
    "interpolated_inverted_cdf": _plotting(0, 1),
    "hazen": _plotting(0.5, 0.5),
    "weibull": _plotting(0, 0),
    "linear": (_spaced, lambda part, floor: part),
    "median_unbiased": _plotting(1 / 3, 1 / 3),
    "normal_unbiased": _plotting(3 / 8, 3 / 8),
    "lower": (_spaced, lambda part, floor: part < 0),
    "higher": (_spaced, lambda part, floor: part > 0),
    "midpoint": (_spaced, lambda part, floor: np.where(part == 0, 0.0, 0.5)),
    "nearest": (lambda n, q: np.rint((n - 1) * q), lambda part, floor: part < 0),
}


def _pick(x: Array, n: Array, q: Array, method: str, weak: bool) -> Array:
    """Return the quantiles q of the first n of the ordered values along the last axis."""
    place, step = _METHODS[method]
    h = place(n, q)
    floor = np.floor(h)
    t = step(h - floor, floor)
    below = np.clip(floor, 0, np.maximum(n - 1, 0)).astype(np.intp)
    above = np.clip(floor + 1, 0, np.maximum(n - 1, 0)).astype(np.intp)
    if dtype_of(t).kind == "b":
        return _entry(x, np.where(t, above, below))
    a, b = _entry(x, below), _entry(x, above)
    t = t.astype(dtype_of(x if weak and dtype_of(x).kind == "f" else h))
    return np.where(t >= 0.5, b - (b - a) * (1 - t), a + (b - a) * t)  # exact at either end


def _pick_weighted(x: Array, weights: Array, q: Array) -> Array:
    """Return the quantiles q of weighted values: the first value where the sum of weights so far reaches q of all.

    The weights only choose, so their derivative is zero.
    """
    order = np.argsort(x, axis=-1, kind="stable")
    sums = np.cumsum(np.take_along_axis(weights, order, -1), axis=-1, dtype=np.float64)
    cdf = sums / sums[..., -1:]
    bad: Any = np.isnan(cdf[..., -1])
    if type(bad) is not Tensor and np.any(bad):
        raise ValueError("np.quantile: weights= sum to zero, or hold nan or inf.")
    cdf = np.where(cdf == 0, -1.0, cdf)  # so that q = 0 is the first value of weight
    i = np.sum(np.less(cdf, q[..., None]), axis=-1)
    return _entry(np.take_along_axis(x, order, -1), np.minimum(i, shape_of(x)[-1] - 1))


def _checked(name: str, q: Any, whole: int, method: str, weighted: bool) -> Array:
    if method not in _METHODS:
        raise ValueError(f"{name}: method={method!r}; use one of {', '.join(_METHODS)}.")
    if weighted and method != "inverted_cdf":
        raise ValueError(f"{name}: method={method!r} knows no weights=; only 'inverted_cdf' does.")
    q = np.asarray(q) if type(q) is not Tensor else q
    q = q / whole if whole != 1 else q
    outside = np.logical_not(np.logical_and(q >= 0, q <= 1))
    if type(outside) is not Tensor and np.any(outside):
        raise ValueError(f"{name}: q is between 0 and {whole}.")
    return q


def _quantiles(
    name: str, whole: int, skip: bool, a: Array, q: Any, axis: Axes, method: str, keepdims: bool, weights: Array
) -> Array:
    weak = type(q) in (int, float)
    a, q = plain(a, name), _checked(name, q, whole, method, weights is not None)
    if dtype_of(a).kind == "c":
        raise TypeError(
            f"{name}: complex numbers have no order; take quantiles of np.real(a), np.imag(a) or np.abs(a)."
        )
    axes = tuple(sorted(axis_tuple(axis, a)))
    x, qs = _merged(a, axes), shape_of(q)
    rest = shape_of(x)[:-1]
    if shape_of(x)[-1] == 0:
        raise ValueError(f"{name}: no values along axis {axis} of an array of shape {shape_of(a)}.")
    q = np.reshape(q, (*qs, *(1,) * len(rest)))
    if weights is not None:
        w = np.broadcast_to(weights_like(name, weights, a, axis), shape_of(a))
        w = _merged(np.where(np.isnan(a), 0, w) if skip else w, axes)
        y = _pick_weighted(x, w, q)
    else:
        y = _pick(
            np.sort(x, axis=-1), _valid_count(x).astype(dtype_of(q)) if skip else shape_of(x)[-1], q, method, weak
        )
    if dtype_of(a).kind == "f":
        nan = np.isnan(x)
        y = _nan_where(np.all(nan, axis=-1) if skip else np.any(nan, axis=-1), y)
    return np.reshape(y, (*qs, *(kept(shape_of(a), axes) if keepdims else rest)))


def _quantile_function(name: str, whole: int, skip: bool) -> Callable[..., Array]:
    def quantile(
        a: Array,
        q: Array,
        axis: Axes = None,
        *,
        overwrite_input: bool = False,
        method: str = "linear",
        keepdims: bool = False,
        weights: Array = None,
    ) -> Array:
        return _quantiles(name, whole, skip, a, q, axis, method, keepdims, weights)

    quantile.__name__ = quantile.__qualname__ = name.removeprefix("np.")
    quantile.__doc__ = f"As {name}; differentiable in q too. Nothing is overwritten."
    return quantile


for _function, _whole in ((np.quantile, 1), (np.percentile, 100)):
    implements(_function)(_quantile_function(f"np.{_function.__name__}", _whole, skip=False))
for _function, _whole in ((np.nanquantile, 1), (np.nanpercentile, 100)):
    implements(_function)(_quantile_function(f"np.{_function.__name__}", _whole, skip=True))


# -- averages and covariances ----------------------------------------------------------------------------------------


def weights_like(name: str, weights: Array, a: Array, axis: Axes) -> Array:
    """Return weights of the shape of a, or of its reduced axes in the order given, so that they broadcast with a."""
    weights, shape = plain(weights, name), shape_of(a)
    if shape_of(weights) == shape:
        return weights
    if axis is None:
        raise TypeError(f"{name}: weights= of shape {shape_of(weights)} for an array of shape {shape} want an axis=.")
    axes = axis_tuple(axis, a)
    if shape_of(weights) != tuple(shape[i] for i in axes):
        raise ValueError(f"{name}: weights= of shape {shape_of(weights)} do not fit axis {axis} of shape {shape}.")
    order = sorted(range(len(axes)), key=axes.__getitem__)
    return np.reshape(np.transpose(weights, order), [n if i in axes else 1 for i, n in enumerate(shape)])


@implements(np.average)
def average(
    a: Array, axis: Axes = None, weights: Array = None, returned: bool = False, *, keepdims: bool = False
) -> Any:
    """As np.average; differentiable in the weights too."""
    a = plain(a, "np.average")
    if weights is None:
        y = np.mean(a, axis=axis, keepdims=keepdims)
        n = np.prod(shape_of(a), dtype=np.int64) / np.maximum(np.prod(shape_of(y), dtype=np.int64), 1)
        return (y, np.full(shape_of(y), n, dtype_of(y))) if returned else y
    weights = weights_like("np.average", weights, a, axis)
    dtype = np.result_type(dtype_of(a), dtype_of(weights), *([np.float64] if dtype_of(a).kind in "biu" else []))
    total = np.sum(np.broadcast_to(weights, shape_of(a)), axis=axis, dtype=dtype, keepdims=keepdims)
    zero = np.equal(total, 0)
    if type(zero) is not Tensor and np.any(zero):
        raise ZeroDivisionError("np.average: weights= sum to zero.")
    y = np.sum(a * weights, axis=axis, dtype=dtype, keepdims=keepdims) / total
    return (y, total) if returned else y


def _variables(name: str, m: Array, rowvar: bool, dtype: Any) -> Array:
    """Return observations as a matrix with a row for each variable."""
    m = plain(m, name)
    if len(shape_of(m)) > 2:
        raise ValueError(f"{name}: at most 2 axes, variables and observations; got shape {shape_of(m)}.")
    turned = not rowvar and len(shape_of(m)) == 2
    return np.atleast_2d(np.transpose(m) if turned else m).astype(dtype)


def _observation_weights(name: str, weights: Array, n: int) -> Array:
    weights = floating(plain(weights, "np.cov"))
    if dtype_of(weights).kind == "c":
        raise TypeError(f"np.cov: {name}= are real numbers, got {dtype_of(weights)}; take np.real or np.abs of them.")
    if shape_of(weights) != (n,):
        raise ValueError(f"np.cov: {name}= of shape {shape_of(weights)} for {n} observations; give a weight for each.")
    negative = np.less(weights, 0)
    if type(negative) is not Tensor and np.any(negative):
        raise ValueError(f"np.cov: {name}= cannot be negative.")
    return weights


@implements(np.cov)
def cov(
    m: Array,
    y: Array = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: Array = None,
    aweights: Array = None,
    *,
    dtype: Any = None,
) -> Array:
    """As np.cov; differentiable in aweights too."""
    given = [plain(v, "np.cov") for v in (m, y) if v is not None]
    dtype = np.result_type(*map(dtype_of, given), np.float64) if dtype is None else dtype
    x = np.concatenate([_variables("np.cov", v, rowvar, dtype) for v in given], axis=0)
    n = shape_of(x)[1]
    ddof = int(not bias) if ddof is None else ddof
    one = np.ones(n, dtype_of(x).type(0).real.dtype)
    f = one if fweights is None else _observation_weights("fweights", fweights, n)
    a = one if aweights is None else _observation_weights("aweights", aweights, n)
    w = f * a
    total = np.sum(w)
    mean = np.sum(x * w, axis=1, keepdims=True) / total
    # each frequency counts as so many observations; aweights are relative: their sum over itself squared
    freedom = total - ddof * np.sum(w * a) / total
    d = x - mean
    c = np.matmul(d * w, np.conjugate(np.transpose(d))) / np.maximum(freedom, 0)
    return np.squeeze(c)


@implements(np.corrcoef)
def corrcoef(x: Array, y: Array = None, rowvar: bool = True, *, dtype: Any = None) -> Array:
    """As np.corrcoef."""
    c = cov(x, y, rowvar, dtype=dtype)
    if not shape_of(c):
        return c / c
    deviation = np.sqrt(np.real(np.diagonal(c)))
    r = c / deviation[:, None] / deviation[None, :]
    if dtype_of(r).kind != "c":
        return np.clip(r, -1, 1)
    return np.clip(np.real(r), -1, 1) + 1j * np.clip(np.imag(r), -1, 1)
