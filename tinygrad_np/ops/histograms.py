"""Histograms: linear in the weights; where the values and the automatic edges lie is a choice without a derivative."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.batching import one_by_one
from ..core.primitive import primitive
from ..core.tensor import Array, Tensor, dtype_of, implements, plain, shape_of
from .indexing import scatter
from .shaping import astype, ravel

Range = tuple[float, float] | None


@implements(np.bincount)
def bincount(x: Array, /, weights: Array = None, minlength: int = 0) -> Array:
    """As np.bincount; differentiable in the weights."""
    if type(x) is Tensor:
        raise TypeError(
            "np.bincount: the length of the result depends on x, which may differ between examples here. "
            "Write tinygrad_np.at(np.zeros(n))[x].add(weights) for a fixed length n."
        )
    weights = plain(weights, "np.bincount")
    if dtype_of(weights).kind == "c" or shape_of(weights) != np.shape(x):
        raise ValueError(
            f"np.bincount: weights= of shape {shape_of(weights)}, {dtype_of(weights)} for x of shape {np.shape(x)}; "
            "a real number for each. Count np.real(weights) and np.imag(weights) apart."
        )
    counts = np.bincount(x, minlength=minlength)
    # of nothing, NumPy counts in integers with weights= too
    return scatter(weights.astype(np.float64), (np.asarray(x),), counts.shape) if np.size(x) else counts


# -- where the values lie --------------------------------------------------------------------------------------------


@primitive(differentiable=False)
def digitize_op(x: Array, bins: Array, *, right: bool = False) -> Any:
    """Return the index of the bin of each x."""
    return np.digitize(x, bins, right)


@digitize_op.defbatch
def _digitize_batch(size: int, axes: Any, x: Array, bins: Array, *, right: bool = False) -> Any:
    if axes[1] is None:
        return digitize_op(x, bins, right=right), axes[0]
    return one_by_one(digitize_op)(size, axes, x, bins, right=right)


@implements(np.digitize, differentiable=False)
def digitize(x: Array, bins: Array, right: bool = False) -> Array:
    """As np.digitize."""
    return digitize_op(plain(x, "np.digitize"), plain(bins, "np.digitize"), right=right)


@primitive(differentiable=False)
def edges_op(x: Array, *, bins: int | str, range: Range = None) -> Any:
    """Return the edges of bins that fit the values."""
    return np.histogram_bin_edges(x, bins, range)


@edges_op.defbatch
def _edges_batch(size: int, axes: Any, x: Array, *, bins: int | str, range: Range = None) -> Any:
    if isinstance(bins, str):
        raise TypeError(
            f"np.histogram: under vmap the number of bins={bins!r} would differ between examples; give a number."
        )
    return one_by_one(edges_op)(size, axes, x, bins=bins, range=range)


def _edges(name: str, x: Array, bins: Any, range: Any) -> Array:
    """Return the edges of bins given as a number, a rule's name or an array of edges."""
    if isinstance(bins, int | np.integer | str):
        limits = None if range is None else (float(range[0]), float(range[1]))
        return edges_op(x, bins=bins if isinstance(bins, str) else int(bins), range=limits)
    edges = plain(bins, name)
    falling = np.greater(edges[:-1], edges[1:])
    if type(falling) is not Tensor and np.any(falling):
        raise ValueError(f"{name}: the edges in bins= must increase.")
    return edges


def _bin_of(x: Array, edges: Array) -> tuple[Array, int]:
    """Return each value's bin, and their number; the last bin holds its right edge, values outside have bin -1."""
    n = shape_of(edges)[0] - 1
    i = np.where(np.equal(x, edges[-1]), n - 1, digitize_op(x, edges) - 1)
    return np.where(np.less(i, n), i, -1), n


def _counted(weights: Array, places: list[tuple[Array, int]]) -> Array:
    """Add weights into the bins named along each dimension; those outside go to a place that is cut off."""
    inside = np.greater_equal(places[0][0], 0)
    for i, _ in places[1:]:
        inside = np.logical_and(inside, np.greater_equal(i, 0))
    sizes = tuple(n for _, n in places)
    flat = 0
    for i, n in places:
        flat = flat * n + i
    total = int(np.prod(sizes))
    counts = scatter(weights, (np.where(inside, flat, total),), (total + 1,))
    return np.reshape(counts[:-1], sizes)


@implements(np.histogram_bin_edges, differentiable=False)
def histogram_bin_edges(a: Array, bins: Any = 10, range: Any = None, weights: Array = None) -> Array:
    """As np.histogram_bin_edges; the edges have no derivative."""
    x = ravel(plain(a, "np.histogram_bin_edges"))
    return _edges("np.histogram_bin_edges", x, bins, range)


@implements(np.histogram)
def histogram(
    a: Array, bins: Any = 10, range: Any = None, density: bool | None = None, weights: Array = None
) -> tuple[Array, Array]:
    """As np.histogram; differentiable in the weights, and through density= in edges that are given as an array."""
    a = plain(a, "np.histogram")
    if weights is not None and shape_of(weights) != shape_of(a):
        raise ValueError(f"np.histogram: weights= of shape {shape_of(weights)} for values of shape {shape_of(a)}.")
    if isinstance(bins, str) and weights is not None:
        raise TypeError(f"np.histogram: bins={bins!r} knows no weights=; give their number or their edges.")
    x = ravel(a)
    edges = _edges("np.histogram", x, bins, range)
    w = np.ones(shape_of(x), np.intp) if weights is None else ravel(plain(weights, "np.histogram"))
    counts = _counted(w, [_bin_of(x, edges)])
    if density:
        counts = counts / astype(np.diff(edges), np.float64) / np.sum(counts)  # float64 in any case, as in NumPy
    return counts, edges


@implements(np.histogramdd)
def histogramdd(
    sample: Any, bins: Any = 10, range: Any = None, density: bool | None = None, weights: Array = None
) -> tuple[Array, list[Array]]:
    """As np.histogramdd; differentiable in the weights, and through density= in edges that are given as arrays."""
    name = "np.histogramdd"
    if isinstance(sample, Sequence):
        columns = [plain(x, name) for x in sample]
    else:
        matrix = np.transpose(np.atleast_2d(sample)) if len(shape_of(sample)) < 2 else sample
        columns = [matrix[:, k] for k in np.arange(shape_of(matrix)[1])]
    d = len(columns)
    each = [bins] * d if isinstance(bins, int | np.integer) else list(bins)
    limits = [None] * d if range is None else list(range)
    if len(each) != d or len(limits) != d:
        raise ValueError(f"{name}: {len(each)} bins and {len(limits)} ranges for {d} dimensions; give one for each.")
    edges = [_edges(name, x, b, r) for x, b, r in zip(columns, each, limits, strict=True)]
    w = np.ones(shape_of(columns[0])) if weights is None else plain(weights, name).astype(np.float64)
    counts = _counted(w, [_bin_of(x, e) for x, e in zip(columns, edges, strict=True)])
    if density:
        total = np.sum(counts)
        for k, e in enumerate(edges):
            counts = counts / np.reshape(np.diff(e), [-1 if i == k else 1 for i in np.arange(d)])
        counts = counts / total
    return counts, edges


@implements(np.histogram2d)
def histogram2d(
    x: Array, y: Array, bins: Any = 10, range: Any = None, density: bool | None = None, weights: Array = None
) -> tuple[Array, Array, Array]:
    """As np.histogram2d; differentiable in the weights, and through density= in edges that are given as arrays."""
    if shape_of(x) != shape_of(y):
        raise ValueError(f"np.histogram2d: x of shape {shape_of(x)} and y of shape {shape_of(y)} differ in length.")
    if not isinstance(bins, int | np.integer) and len(bins) not in (1, 2):
        bins = [bins, bins]
    counts, edges = histogramdd([x, y], bins, range, density, weights)
    return counts, edges[0], edges[1]
