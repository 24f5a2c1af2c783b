"""Sets: the distinct elements of arrays. They are chosen, not computed, so the derivative is that of indexing.

Which elements are chosen is an operation without a derivative, and one whose result has a shape that depends on the
values: under vmap there is none.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.primitive import primitive
from ..core.tensor import Array, implements, shape_of
from .nondifferentiable import data_dependent
from .selecting import sort, take
from .shaping import ravel


@primitive(differentiable=False)
def unique_op(x: Array, *, axis: int | None, equal_nan: bool) -> tuple[Array, ...]:
    """Positions of the distinct elements in ascending order, the place of every element among them, and the counts."""
    return tuple(np.unique(x, True, True, True, axis, equal_nan=equal_nan)[1:])


@primitive(differentiable=False)
def intersect_op(x: Array, y: Array, *, assume_unique: bool) -> tuple[Array, ...]:
    """Positions in x and in y of the elements that both have, in ascending order."""
    return np.intersect1d(x, y, assume_unique, return_indices=True)[1:]


data_dependent(unique_op)
data_dependent(intersect_op)


@implements(np.unique)
def unique(
    ar: Array,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    *,
    equal_nan: bool = True,
    sorted: bool = True,
) -> Any:
    """As np.unique; the first of equal elements stands for them. The result is sorted in any case."""
    index, inverse, counts = unique_op(ar, axis=axis, equal_nan=equal_nan)
    asked = [(return_index, index), (return_inverse, inverse), (return_counts, counts)]
    results = (take(ar, index, axis), *(part for wanted, part in asked if wanted))
    return results if len(results) > 1 else results[0]


@implements(np.unique_values)
def unique_values(x: Array, /) -> Array:
    """As np.unique_values, sorted."""
    return unique(x, equal_nan=False)


@implements(np.unique_counts)
def unique_counts(x: Array, /) -> Any:
    """As np.unique_counts."""
    values, counts = unique(x, return_counts=True, equal_nan=False)
    return type(np.unique_counts(np.zeros(1)))(values, counts)


@implements(np.unique_inverse)
def unique_inverse(x: Array, /) -> Any:
    """As np.unique_inverse."""
    values, inverse = unique(x, return_inverse=True, equal_nan=False)
    return type(np.unique_inverse(np.zeros(1)))(values, np.reshape(inverse, shape_of(x)))


@implements(np.unique_all)
def unique_all(x: Array, /) -> Any:
    """As np.unique_all."""
    values, index, inverse, counts = unique(x, True, True, True, equal_nan=False)
    return type(np.unique_all(np.zeros(1)))(values, index, np.reshape(inverse, shape_of(x)), counts)


@implements(np.union1d)
def union1d(ar1: Array, ar2: Array) -> Array:
    """As np.union1d."""
    return unique(np.concatenate([ravel(ar1), ravel(ar2)]))


@implements(np.intersect1d)
def intersect1d(ar1: Array, ar2: Array, assume_unique: bool = False, return_indices: bool = False) -> Any:
    """As np.intersect1d; the elements are those of the first array."""
    in1, in2 = intersect_op(ar1, ar2, assume_unique=assume_unique)
    common = take(ar1, in1)
    return (common, in1, in2) if return_indices else common


@implements(np.setdiff1d)
def setdiff1d(ar1: Array, ar2: Array, assume_unique: bool = False) -> Array:
    """As np.setdiff1d."""
    ar1 = ravel(ar1) if assume_unique else unique(ar1)
    return ar1[np.isin(ar1, ar2, assume_unique=True, invert=True)]


@implements(np.setxor1d)
def setxor1d(ar1: Array, ar2: Array, assume_unique: bool = False) -> Array:
    """As np.setxor1d."""
    ar1, ar2 = (ravel(ar) if assume_unique else unique(ar) for ar in (ar1, ar2))
    only1, only2 = (a[np.isin(a, b, assume_unique=True, invert=True)] for a, b in ((ar1, ar2), (ar2, ar1)))
    return sort(np.concatenate([only1, only2]))
