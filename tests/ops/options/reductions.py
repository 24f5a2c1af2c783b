"""Reductions, with and without nan, and running sums and products."""

from __future__ import annotations

from functools import partial

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from .base import (
    arrays,
    arrays_and_axes,
    axes_of,
    axes_or_none,
    axis_of,
    keywords,
    masks,
    nonempty,
    option,
    seeds,
    shapes,
    spread,
)

DTYPES = [None, np.float64, np.float32, "complex128"]
several = hnp.array_shapes(min_dims=1, max_dims=3, min_side=2, max_side=3)


def holed(x, seed):
    """Put nan into some places of an array, the first along each axis excepted."""
    holes = np.random.default_rng(seed).random(x.shape) < 0.3
    for i in range(x.ndim):
        holes[(slice(None),) * i + (slice(1),)] = False
    return np.where(holes & (x.ndim > 0), np.nan, x)


@option("numpy.sum", "numpy.prod", "numpy.nansum", "numpy.nanprod")
def _(draw, function):
    x = draw(arrays(kinds="ffc"))
    if function in (np.nansum, np.nanprod):
        x = holed(x, draw(seeds))
    options = draw(keywords(axis=axes_or_none(x.ndim), keepdims=[False, True], initial=[0.5, -2], where=masks(x.shape),
                            dtype=DTYPES if x.dtype == np.float64 else ["complex128"]))  # fmt: skip
    return partial(function, **options), (x,)


@option("numpy.mean", "numpy.nanmean")
def _(draw, function):
    x, axis = draw(arrays_and_axes(nonempty | st.just(()), kinds="ffc"))
    if function is np.nanmean:
        x = holed(x, draw(seeds))
    options = draw(keywords(keepdims=[False, True], where=masks(x.shape, axis, 1),
                            dtype=DTYPES if x.dtype == np.float64 else ["complex128"]))  # fmt: skip
    return partial(function, axis=axis, **options), (x,)


@option("numpy.var", "numpy.std", "numpy.nanvar", "numpy.nanstd")
def _(draw, function):
    """At least two elements each, so that no standard deviation is 0 and none is divided by 0."""
    x, axis = draw(arrays_and_axes(several, kinds="ffc"))
    if function in (np.nanvar, np.nanstd) and draw(st.booleans()):
        x = np.concatenate([x, np.full_like(x, np.nan)], axis=0 if axis is None else np.atleast_1d(axis)[0])
    dtypes = [None, np.float64] if x.dtype == np.float64 else [None]
    options = draw(keywords(keepdims=[False, True], where=masks(x.shape, axis, 2), dtype=dtypes))
    options |= draw(keywords(ddof=[0, 1, 0.5]) | keywords(correction=[0, 1, 0.5]))
    if not draw(st.booleans()):
        return partial(function, axis=axis, **options), (x,)
    mean = draw(arrays(np.sum(x, axis=axis, keepdims=True).shape, -1, 1))
    if function in (np.nanvar, np.nanstd):  # NumPy hands over to the Tensor in the first place alone
        return lambda x, mean: function(x + 0 * mean, axis=axis, mean=mean, **options), (x, mean)
    return lambda x, mean: function(x, axis=axis, mean=mean, **options), (x, mean)


@option("numpy.max", "numpy.min", "numpy.amax", "numpy.amin", "numpy.nanmax", "numpy.nanmin")
def _(draw, function):
    if draw(st.booleans()):
        x = draw(arrays())
        options = {"initial": draw(st.sampled_from([0.5, -2.5, 2.5]))}
        options |= draw(keywords(axis=axes_or_none(x.ndim), where=masks(x.shape, None, 1), keepdims=[False, True]))
    else:
        x, axis = draw(arrays_and_axes(nonempty | st.just(())))
        options = draw(keywords(keepdims=[False, True])) | {"axis": axis}
    if function in (np.nanmax, np.nanmin):
        x = holed(x, draw(seeds))
    return partial(function, **options), (x,)


@option("numpy.ptp")
def _(draw):
    x, axis = draw(arrays_and_axes(nonempty | st.just(())))
    return partial(np.ptp, axis=axis, **draw(keywords(keepdims=[False, True]))), (x,)


@option("numpy.cumsum", "numpy.cumprod", "numpy.nancumsum", "numpy.nancumprod")
def _(draw, function):
    x = draw(arrays(kinds="ffc"))
    if function in (np.nancumsum, np.nancumprod):
        x = holed(x, draw(seeds))
    axis = st.one_of(st.none(), *[axis_of(x.ndim)] * (x.ndim > 0))
    dtypes = DTYPES if x.dtype == np.float64 else ["complex128"]
    return partial(function, **draw(keywords(axis=axis, dtype=dtypes))), (x,)


@option("numpy.cumulative_sum", "numpy.cumulative_prod")
def _(draw, function):
    x = draw(arrays(shapes.filter(len), kinds="ffc"))
    axis = draw(axis_of(x.ndim)) if x.ndim > 1 else draw(st.sampled_from([None, 0, -1]))
    dtypes = DTYPES if x.dtype == np.float64 else ["complex128"]
    return partial(function, axis=axis, **draw(keywords(include_initial=[False, True], dtype=dtypes))), (x,)


@option("numpy.apply_over_axes")
def _(draw):
    x = draw(arrays(nonempty))
    axes = draw(axis_of(x.ndim) | axes_of(x.ndim, least=1))
    function = draw(st.sampled_from([np.sum, np.max, np.prod, np.mean, np.cumsum]))
    return lambda x: np.apply_over_axes(function, x, axes), (x,)


@option("numpy.trapezoid")
def _(draw):
    y = draw(arrays(shapes.filter(len), kinds="ffc"))
    axis = draw(axis_of(y.ndim))
    form = draw(st.integers(0, 3))
    if form == 0:
        return partial(np.trapezoid, axis=axis), (y,)
    if form == 1:
        return (lambda y, dx: np.trapezoid(y, dx=dx, axis=axis)), (y, draw(arrays((), 0.5, 1)))
    x = draw(arrays(y.shape if form == 2 else (y.shape[axis],)))
    return (lambda y, x: np.trapezoid(y, x, axis=axis)), (y, x)


@option("numpy.diff")
def _(draw):
    x = draw(arrays(shapes.filter(len), kinds="ffc"))
    axis, n = draw(axis_of(x.ndim)), draw(st.integers(0, 3))
    ends = {}
    for end in ("prepend", "append"):
        length = draw(st.sampled_from([None, None, 0, 1, 2]))
        if length is not None:
            ends[end] = draw(arrays(tuple(length if i == axis % x.ndim else k for i, k in enumerate(x.shape))))
        elif draw(st.booleans()):
            ends[end] = draw(arrays(()))
    names = tuple(ends)
    return lambda x, *ends: np.diff(x, n, axis, **dict(zip(names, ends, strict=True))), (x, *ends.values())


@option("numpy.ediff1d")
def _(draw):
    x = draw(arrays())
    ends = {name: draw(arrays(hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=2)))
            for name in ("to_end", "to_begin") if draw(st.booleans())}  # fmt: skip
    names = tuple(ends)
    return lambda x, *ends: np.ediff1d(x, **dict(zip(names, ends, strict=True))), (x, *ends.values())


@option("numpy.gradient")
def _(draw):
    """Spacings: none, one for all, one for each axis; a number or the positions, each of them differentiated."""
    order = draw(st.sampled_from([1, 2]))
    y = draw(arrays(hnp.array_shapes(min_dims=1, max_dims=3, min_side=order + 1, max_side=4), kinds="ffc"))
    axis = draw(axes_or_none(y.ndim, least=1))
    axes = range(y.ndim) if axis is None else np.atleast_1d(axis).tolist()
    form = draw(st.integers(0, 2))
    if form == 0:
        spacings = []
    elif form == 1:
        spacings = [draw(arrays((), 0.5, 1.5))]
    else:
        sizes = [draw(st.sampled_from([(), (y.shape[a],)])) for a in axes]
        spacings = [np.sort(spread(size, draw(seeds))) if size else draw(arrays((), 0.5, 1.5)) for size in sizes]
    return lambda y, *spacings: np.gradient(y, *spacings, axis=axis, edge_order=order), (y, *spacings)


@option("numpy.unwrap")
def _(draw):
    x = draw(arrays(shapes.filter(len), -9, 9))
    options = draw(keywords(axis=axis_of(x.ndim), discont=[None, 2.0, 4.0]))
    if draw(st.booleans()):
        return partial(np.unwrap, **options), (x,)
    period = np.array(draw(st.sampled_from([2.8, 5.2])))  # NumPy hands over to the Tensor in the first place alone
    return lambda x, period: np.unwrap(x + 0 * period, period=period, **options), (x, period)


@option("numpy.linalg.vector_norm")
def _(draw):
    x = draw(arrays(nonempty | st.just(()), kinds="ffc"))
    orders = [2, 1, 0, 3, 0.5, 2.5, -1, -2, np.inf, -np.inf]
    return partial(np.linalg.vector_norm, **draw(keywords(axis=axes_or_none(x.ndim), keepdims=[False, True],
                                                          ord=orders))), (x,)  # fmt: skip


def full_rank(shape, seed):
    """Stacks of matrices, no two singular values alike and none 0."""
    return np.random.default_rng(seed).standard_normal(shape)


MATRIX_ORDERS = ["fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf]


@option("numpy.linalg.matrix_norm")
def _(draw):
    x = full_rank(draw(hnp.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=3)), draw(seeds))
    return partial(np.linalg.matrix_norm, **draw(keywords(keepdims=[False, True], ord=MATRIX_ORDERS))), (x,)


@option("numpy.linalg.norm")
def _(draw):
    options = draw(keywords(keepdims=[False, True]))
    form = draw(st.integers(0, 2))
    if form == 0:  # of all elements
        return partial(np.linalg.norm, **options), (draw(arrays(nonempty | st.just(()), kinds="ffc")),)
    if form == 1:
        x = draw(arrays(nonempty, kinds="ffc"))
        axis = draw(axis_of(x.ndim) | axes_of(x.ndim, least=1).map(lambda axes: axes[:1]))
        orders = [None, 2, 1, 0, 3, 0.5, -1, -2, np.inf, -np.inf]
        return partial(np.linalg.norm, axis=axis, ord=draw(st.sampled_from(orders)), **options), (x,)
    x = full_rank(draw(hnp.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=3)), draw(seeds))
    axis = draw(axes_of(x.ndim, least=2).map(lambda axes: axes[:2]))
    return partial(np.linalg.norm, axis=axis, ord=draw(st.sampled_from([None, *MATRIX_ORDERS])), **options), (x,)
