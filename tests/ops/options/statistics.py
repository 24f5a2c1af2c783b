"""Quantiles, averages, covariances, histograms."""

from __future__ import annotations

from functools import partial

import numpy as np
from hypothesis import strategies as st

from .base import arrays, arrays_and_axes, axes_or_none, keywords, nonempty, option, seeds, shapes, sides
from .reductions import holed

METHODS = [
    "inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf", "hazen", "weibull",
    "linear", "median_unbiased", "normal_unbiased", "lower", "higher", "midpoint", "nearest",
]  # fmt: skip
ENDS = [0.0, 0.25, 0.5, 1.0]  # at nodes, so that they may be no arguments
WITHIN = [0.137, 0.293, 0.443, 0.617, 0.871]

# -- quantiles -------------------------------------------------------------------------------------------------------


@option("numpy.median", "numpy.nanmedian")
def _(draw, function):
    x, axis = draw(arrays_and_axes(nonempty | st.just(())))
    if function is np.nanmedian:
        x = holed(x, draw(seeds))
    options = draw(keywords(keepdims=[False, True], overwrite_input=[False]))
    return partial(function, axis=axis, **options), (x,)


@option("numpy.quantile", "numpy.nanquantile", "numpy.percentile", "numpy.nanpercentile")
def _(draw, function):
    """By every method; with q an argument or not, a number or an array; with weights, where NumPy has them."""
    scale = 100 if "percentile" in function.__name__ else 1
    skip = function in (np.nanquantile, np.nanpercentile)
    x, axis = draw(arrays_and_axes(nonempty))
    if skip and not x.size:  # there, NumPy itself loses the axes of q, and misplaces them if they are two
        x = draw(arrays((2,) * x.ndim))
    options = draw(keywords(keepdims=[False, True], method=METHODS))
    shape = draw(st.sampled_from([(), (1,), (2,), (0,)] if skip else [(), (1,), (2,), (0,), (2, 2)]))
    free = draw(st.booleans())
    q = np.random.default_rng(draw(seeds)).choice(WITHIN if free else ENDS + WITHIN, shape) * scale
    if draw(st.integers(0, 3)) == 0 and not free:
        if skip:  # NumPy itself fails with weights along the axes alone, before 2.1 also along several axes
            axis = None if axis is None or axis == () else np.atleast_1d(axis)[0]
        options |= {"method": "inverted_cdf", "weights": draw(_weights(x, None if skip else axis))}
    elif skip:
        x = holed(x, draw(seeds))
    if free:  # differences step across the end: what depends on q may be constant
        return lambda x, q: function(x, np.clip(q, 0, scale), axis, **options), (x, np.asarray(q))
    q = q if shape else float(q)
    return lambda x: function(x, q, axis, **options), (x,)


def _weights(x, axis):
    """Weights of the shape of x, or one for each element along the axes of a reduction."""
    along = () if axis is None else tuple(x.shape[a] for a in np.atleast_1d(axis))
    return arrays(st.sampled_from([x.shape, along] if axis is not None else [x.shape]), 0.5, 2)


# -- averages and covariances ----------------------------------------------------------------------------------------


@option("numpy.average")
def _(draw):
    x = draw(arrays(nonempty, kinds="ffc"))
    axis = draw(axes_or_none(x.ndim, least=1))
    options = draw(keywords(keepdims=[False, True], returned=[False, True]))
    if draw(st.booleans()):
        return partial(np.average, axis=axis, **options), (x,)
    return lambda x, w: np.average(x, axis, w, **options), (x, draw(_weights(x, axis)))


@option("numpy.cov")
def _(draw):
    rowvar = draw(st.booleans())
    variables, n = draw(sides), draw(st.integers(3, 5))
    shape = draw(st.sampled_from([(n,), (variables, n) if rowvar else (n, variables)]))
    xs = [draw(arrays(shape, kinds="ffc"))]
    second = draw(st.booleans())
    if second:
        xs.append(draw(arrays(draw(st.sampled_from([shape, (n,)] if rowvar else [shape])), kinds="ffc")))
    options = draw(keywords(dtype=[None, np.complex128])) | {"rowvar": rowvar}
    options |= draw(keywords(bias=[False, True]) | keywords(ddof=[0, 1, 2]))
    if draw(st.booleans()):
        options["fweights"] = np.random.default_rng(draw(seeds)).integers(1, 4, n)
    if draw(st.booleans()):
        w = draw(arrays((n,), 0.75, 1.5))
        return lambda *xs: np.cov(xs[0] + 0 * xs[-1][0], *xs[1:-1], aweights=xs[-1], **options), (*xs, w)
    return partial(np.cov, **options), tuple(xs)


@option("numpy.corrcoef")
def _(draw):
    rowvar = draw(st.booleans())
    variables, n = draw(st.integers(2, 3)), draw(st.integers(4, 5))
    shape = (variables, n) if rowvar else (n, variables)
    xs = tuple(draw(arrays(shape, kinds="ffc")) for _ in range(draw(st.integers(1, 2))))
    options = draw(keywords(dtype=[None, np.complex128])) | {"rowvar": rowvar}
    mixed = np.random.default_rng(0).standard_normal((len(xs) * variables,) * 2)  # the diagonal alone is constant
    return lambda *xs: np.corrcoef(*xs, **options) @ mixed, xs


# -- histograms ------------------------------------------------------------------------------------------------------


@option("numpy.bincount")
def _(draw):
    n = draw(st.integers(0, 6))
    x = np.random.default_rng(draw(seeds)).integers(0, 5, n)
    options = draw(keywords(minlength=[0, 3, 8]))
    return lambda w: np.bincount(x, w, **options), (draw(arrays((n,))),)


def _bins(draw):
    return draw(st.sampled_from([1, 3, [-1.0, 0.1, 3.0], np.array([-2.5, -1.0, 0.1, 1.9])]))


@option("numpy.histogram")
def _(draw):
    """Linear in the weights; by the edges, a density has a derivative."""
    x, w = draw(arrays(shapes.filter(lambda s: 0 not in s))), None
    options = draw(keywords(density=[False, True, None]))
    bins = _bins(draw)
    if isinstance(bins, int):
        options |= draw(keywords(range=[(-2.5, 2.5), (-2, 1)]))
    w = draw(arrays(x.shape, 0.5, 2))
    form = draw(st.integers(0, 2))
    if form == 0:
        return lambda w: np.histogram(x, bins, weights=w, **options)[0], (w,)
    if form == 1 and "range" in options:
        return lambda x, w: np.histogram(x, bins, weights=w, **options)[0], (x, w)
    options.pop("range", None)
    edges = np.array([-2.5, -0.55, 0.13, 2.6])
    return lambda e, w: np.histogram(x, e, weights=w, **options), (edges, w)


@option("numpy.histogram2d")
def _(draw):
    n = draw(st.integers(1, 6))
    x, y = np.random.default_rng(draw(seeds)).uniform(-1.5, 1.5, (2, n))
    options = draw(keywords(density=[False, True, None], range=[[(-2, 2), (-2.5, 1.5)]]))
    bins = draw(st.sampled_from([3, [2, 3], np.array([-2.0, 0.1, 3.0]), [2, [-2.0, 0.1, 3.0]]]))
    return lambda w: np.histogram2d(x, y, bins, weights=w, **options)[0], (draw(arrays((n,), 0.5, 2)),)


@option("numpy.histogramdd")
def _(draw):
    n, dims = draw(st.integers(1, 6)), draw(sides)
    sample = np.random.default_rng(draw(seeds)).uniform(-1.5, 1.5, (n, dims))
    sample = sample if draw(st.booleans()) else tuple(sample.T)
    options = draw(keywords(density=[False, True, None], range=[[(-2, 2)] * dims, [None] * dims]))
    bins = draw(st.sampled_from([2, [2, 3, 1][:dims], [[-2.0, 0.1, 3.0]] * dims]))
    return lambda w: np.histogramdd(sample, bins, weights=w, **options)[0], (draw(arrays((n,), 0.5, 2)),)
