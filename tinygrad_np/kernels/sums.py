"""Sums over all axes but one, as products with ones where that is faster.

NumPy adds up one short run of memory after the other: a few channels innermost, or the few positions and images of a
channel. A product of the same array, as a matrix, with a vector of ones takes a third of the time, with few channels a
tenth, and its errors are no larger.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from math import prod
from typing import Any, NamedTuple

import numpy as np

from .binding import bound
from .order import Array, Sizes, order_of
from .scratch import scratch
from .threads import hold_blas

# Rows of a matrix whose columns are added up, or else numbers to add up, from which a product pays; and the numbers
# from which OpenBLAS would wake its threads for it.
ROWS, NUMBERS, WAKING = 256, 1 << 15, 9216


class _Product(NamedTuple):
    """How an array is seen: its axes from the slowest to the fastest, those before and after the one kept as one."""

    order: Sizes
    outer: int
    kept: int
    inner: int


def total(x: Array, axis: Sizes, keepdims: bool = False) -> Any:
    """Sum over axes, none of them negative, as np.sum."""
    product = _product(x.shape, x.strides, x.dtype, axis)
    if product is None:
        return x.sum(axis, keepdims=keepdims)
    ordered, outer, inner = x.transpose(product.order), product.outer, product.inner
    sums = _multiplied(ordered.reshape(outer, product.kept, inner), x.size >= WAKING)
    return sums.reshape([1 if i in axis else n for i, n in enumerate(x.shape)]) if keepdims else sums


def _multiplied(x: Array, wakes: bool) -> Array:
    """Sum (outer, kept, inner) over the first and the last axis."""
    if wakes:
        with hold_blas():
            return _multiplied(x, False)
    outer, kept, inner = x.shape
    if inner == 1:
        sums: Array = np.matmul(np.ones(outer, x.dtype), x[:, :, 0])
    else:
        sums = np.matmul(x.reshape(-1, inner), np.ones(inner, x.dtype))
        sums = np.add.reduce(sums.reshape(outer, kept), 0) if outer > 1 else sums
    return sums


def prepare_total(out: Array, x: Array, axis: Sizes, keepdims: bool) -> list[Callable[[], object]]:
    """Return the calls of `total`, bound to arrays that stay: x, and the contiguous one of the result."""
    product = _product(x.shape, x.strides, x.dtype, axis)
    if product is None:
        return [partial(np.add.reduce, x, axis, None, out, keepdims)]
    outer, kept, inner = product.outer, product.kept, product.inner
    ordered, sums = x.transpose(product.order).reshape(outer, kept, inner), out.reshape(kept)
    if inner == 1:
        return [_held(bound(np.matmul, np.ones(outer, x.dtype), ordered[:, :, 0], out=sums), x.size)]
    runs = sums if outer == 1 else scratch((outer * kept,), x.dtype)
    multiply = _held(bound(np.matmul, ordered.reshape(-1, inner), np.ones(inner, x.dtype), out=runs), x.size)
    return [multiply] if outer == 1 else [multiply, partial(np.add.reduce, runs.reshape(outer, kept), 0, None, sums)]


def _held(call: Callable[[], object], numbers: int) -> Callable[[], object]:
    """Return a call of BLAS that wakes no threads."""
    if numbers < WAKING:
        return call

    def held() -> None:
        with hold_blas():
            call()

    return held


@lru_cache(maxsize=1024)
def _product(shape: Sizes, strides: Sizes, dtype: Any, axis: Sizes) -> _Product | None:
    """Plan the product; None if it does not pay, or the array is no matrix in memory."""
    kept = [i for i in range(len(shape)) if i not in axis]
    if len(kept) != 1 or dtype.char not in "fd" or 0 in shape:
        return None
    order = order_of(strides)
    place = order.index(kept[0])
    outer, inner = (prod([shape[i] for i in part]) for part in (order[:place], order[place + 1 :]))
    pays = outer >= ROWS if inner == 1 else prod(shape) >= NUMBERS
    run = dtype.itemsize
    for i in reversed(order):
        if shape[i] > 1 and strides[i] != run:
            return None
        run *= shape[i]
    return _Product(order, outer, shape[kept[0]], inner) if pays else None
