"""Order statistics, reductions that leave nan out, averages, covariances, histograms."""

from __future__ import annotations

from typing import Any

import numpy as np

from .base import POSITIVE, T3, A, V, example

HOLES = np.array([[False, True, False], [True, True, False]])
X = np.array([0.5, -1.25, 2.0, 0.125, 1.0])
WEIGHTS = np.array([0.5, 1.0, 0.25, 2.0, 0.75])
METHODS = (
    "inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf", "hazen", "weibull",
    "linear", "median_unbiased", "normal_unbiased", "lower", "higher", "midpoint", "nearest",
)  # fmt: skip


def _with_holes(f: Any, **options: Any) -> Any:
    """Call a function on an array with nan in some places, in the upper row wherever the lower has one."""
    return lambda x: f(np.where(HOLES, np.nan, x), **options)


example(
    "numpy.median",
    (np.median, (A,)),
    (lambda x: np.median(x, axis=-1, keepdims=True), (A,)),
    (lambda x: np.median(x, axis=(0, 2)), (T3,)),
)
for _name, _scale in (("quantile", 1.0), ("percentile", 100.0)):
    _f, _g = getattr(np, _name), getattr(np, "nan" + _name)
    example(
        f"numpy.{_name}",
        (lambda x, q, f=_f: f(x, q), (A, np.array(0.375 * _scale))),
        (lambda x, q, f=_f: f(x, q, axis=(0, -1), keepdims=True), (T3, np.array([0.125, 0.7]) * _scale)),
        *((lambda x, f=_f, m=m, s=_scale: f(x, 0.375 * s, axis=-1, method=m), (T3,)) for m in METHODS),
        (
            lambda x, w, f=_f, s=_scale: f(x, np.array([0.25, 0.7]) * s, weights=w, method="inverted_cdf"),
            (X, WEIGHTS),
        ),
    )
    example(
        f"numpy.nan{_name}",
        (_with_holes(lambda x, f=_g, s=_scale: f(x, 0.4 * s)), (A,)),
        (
            lambda x, q, f=_g: f(np.where(HOLES[1:], np.nan, x), q, axis=1, keepdims=True, method="hazen"),
            (np.concatenate([A, 2 * A], axis=1)[:, :3], np.array([0.3, 0.6]) * _scale),
        ),
    )
example("numpy.nanmedian", (_with_holes(np.nanmedian), (A,)), (_with_holes(np.nanmedian, axis=1, keepdims=True), (A,)))

for _name in ("nansum", "nanprod", "nanmean", "nanstd", "nanvar", "nanmax", "nanmin"):
    _f = getattr(np, _name)
    example(
        f"numpy.{_name}",
        (_with_holes(_f), (A,)),
        (_with_holes(_f, axis=-1, keepdims=True), (np.stack([A, A[::-1] + 0.25]),)),
    )
for _name in ("nansum", "nanprod", "nanmax", "nanmin"):
    _f = getattr(np, _name)
    example(
        f"numpy.{_name}",
        (_with_holes(_f, axis=0, initial=0.375, where=np.array([True, True, False])), (A,)),
    )
example("numpy.nanmean", (_with_holes(np.nanmean, where=np.array([True, True, False])), (A,)))
example("numpy.nanvar", (_with_holes(np.nanvar, ddof=1), (A,)))
example("numpy.nanstd", (_with_holes(np.nanstd, correction=1), (A,)))
for _name in ("nancumsum", "nancumprod"):
    _f = getattr(np, _name)
    example(f"numpy.{_name}", (_with_holes(_f), (A,)), (_with_holes(_f, axis=-1), (A,)))

example(
    "numpy.average",
    (np.average, (A,)),
    (lambda x, w: np.average(x, axis=1, weights=w), (A, POSITIVE[0])),
    (lambda x, w: np.average(x, weights=w, returned=True), (A, POSITIVE)),
    (lambda x, w: np.average(x, axis=0, weights=w, keepdims=True), (A, POSITIVE)),
)
example(
    "numpy.cov",
    (np.cov, (A,)),
    (np.cov, (V, 2 * V[::-1] + 0.5)),
    (lambda x: np.cov(x, rowvar=False, bias=True), (A,)),
    (lambda x, w: np.cov(x, aweights=w, fweights=np.array([1, 2, 3]), ddof=2), (A, POSITIVE[1])),
    (np.cov, (V,)),
)
example(
    "numpy.corrcoef",
    (np.corrcoef, (A,)),
    (lambda x, y: np.corrcoef(x, y)[0, 1], (V, V[::-1] + np.array([0.5, 0.0, 0.0]))),
    (lambda x: np.corrcoef(x, rowvar=False), (np.stack([A[0], A[1], V[::-1]]),)),
)

example(
    "numpy.bincount",
    (lambda w: np.bincount(np.array([0, 2, 1, 1, 5]), w), (X,)),
    (lambda w: np.bincount(np.array([3, 1, 1, 0, 3]), weights=w, minlength=6), (X,)),
)
example(
    "numpy.histogram",
    (lambda w: np.histogram(X, 3, weights=w)[0], (WEIGHTS,)),
    (lambda w: np.histogram(X, [-1.0, 0.5, 1.0, 3.0], weights=w, density=True)[0], (WEIGHTS,)),
    (lambda w: np.histogram(X, bins=4, range=(-1, 1), weights=w)[0], (WEIGHTS,)),
    (lambda e: np.histogram(X, e, density=True)[0], (np.array([-1.5, 0.25, 3.0]),)),
)
example(
    "numpy.histogram2d",
    (lambda w: np.histogram2d(X, X[::-1], [2, 3], weights=w)[0], (WEIGHTS,)),
    (lambda w: np.histogram2d(X, X[::-1], np.array([-2.0, 0.25, 3.0]), weights=w, density=True)[0], (WEIGHTS,)),
)
example(
    "numpy.histogramdd",
    (lambda w: np.histogramdd(np.stack([X, X[::-1], X**2], axis=1), 2, weights=w)[0], (WEIGHTS,)),
    (lambda w: np.histogramdd((X, X[::-1]), (2, [-2.0, 0.25, 3.0]), density=True, weights=w)[0], (WEIGHTS,)),
)
