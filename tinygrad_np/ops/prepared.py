"""How `compile` runs operations whose forward function is more than one call of NumPy: as these calls, bound.

A rule gets an array for the result and the arguments, which stay where they are while their values change (see
`core.primitive`). The calls are those that the forward function makes, in the same order, so the bits are the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..core.families import pole_product
from ..core.tensor import Array
from ..kernels.binding import as_vectors, bound
from ..kernels.columns import Geometry
from ..kernels.elementwise import LARGE, choose
from ..kernels.order import inverse, memory_order
from ..kernels.prepared_convolution import prepare_correlate, prepare_input_gradient, prepare_kernel_gradient
from ..kernels.prepared_cross_entropy import prepare_cross_entropy, prepare_cross_entropy_gradient
from ..kernels.prepared_pooling import (
    prepare_max_pool,
    prepare_max_pool_winner,
    prepare_sum_pool,
    prepare_sum_pool_transpose,
    prepare_window_scatter,
)
from ..kernels.scratch import scratch
from ..kernels.sums import prepare_total
from .activations import relu, relu_gradient, sigmoid_gradient
from .arithmetic import where_op
from .convolution import conv_input_op, conv_kernel_op, conv_op
from .cross_entropy import softmax_cross_entropy_gradient_op, softmax_cross_entropy_op
from .elementary import tanh_gradient
from .pooling import max_pool_op, scatter_op, sum_pool_op, sum_pool_transpose_op, winner_op
from .reductions import AxisTuple, mean_op, sum_op
from .shaping import astype_op, reshape_op

Calls = list[Callable[[], object]] | None

ZEROS = 1 << 14  # in a row beside which NumPy's time for a row is small


def _alike(out: Array, *arrays: Array) -> bool:
    """Whether steps of an elementwise function can be done in the array of its result."""
    return out.dtype.kind == "f" and all(
        isinstance(x, np.ndarray) and x.shape == out.shape and x.dtype == out.dtype for x in arrays
    )


def _is_shared(out: Array, *arrays: Array) -> bool:
    """Whether the kernel shares the arrays over threads."""
    return out.size >= LARGE and _alike(out, *arrays)


@relu.defprepare
def _relu(out: Array, x: Array) -> Calls:
    """By rows of zeros: NumPy has no vector instructions for an array and a number."""
    if _is_shared(out, x):
        return [partial(relu.forward, x, out)]
    a, y = as_vectors(x, out)
    if not (_alike(out, x) and a.flags.c_contiguous and y.flags.c_contiguous):
        return [bound(np.maximum, x, 0, out=out)]
    a, y, row = a.reshape(-1), y.reshape(-1), max(1, min(x.size, ZEROS))
    zeros, whole = np.zeros(row, x.dtype), x.size // row * row
    rows = partial(np.maximum, a[:whole].reshape(-1, row), zeros, out=y[:whole].reshape(-1, row))
    rest = partial(np.maximum, a[whole:], zeros[: x.size - whole], out=y[whole:])
    return [rows, rest] if x.size > row else [partial(np.maximum, a, zeros, out=y)]


@relu_gradient.defprepare
def _relu_gradient(out: Array, g: Array, y: Array) -> Calls:
    if not _alike(out, g, y):
        return None
    if _is_shared(out, g, y):
        return [partial(relu_gradient.forward, g, y, out)]
    order = memory_order(y)
    mask = scratch(tuple(y.shape[i] for i in order), np.bool_).transpose(inverse(order))
    return [bound(np.greater, y, 0, out=mask), bound(np.multiply, g, mask, out=out)]


@tanh_gradient.defprepare
def _tanh_gradient(out: Array, g: Array, y: Array) -> Calls:
    if not _alike(out, g, y):
        return None
    if _is_shared(out, g, y):
        return [partial(tanh_gradient.forward, g, y, out)]
    return [
        bound(np.square, y, out=out),
        bound(np.subtract, 1, out, out=out),
        bound(np.multiply, g, out, out=out),
    ]


@sigmoid_gradient.defprepare
def _sigmoid_gradient(out: Array, g: Array, y: Array) -> Calls:
    if not _alike(out, g, y):
        return None
    if _is_shared(out, g, y):
        return [partial(sigmoid_gradient.forward, g, y, out)]
    return [
        bound(np.subtract, 1, y, out=out),
        bound(np.multiply, out, y, out=out),
        bound(np.multiply, g, out, out=out),
    ]


@where_op.defprepare
def _where(out: Array, condition: Array, x: Array, y: Array) -> Calls:
    return [partial(choose, condition, x, y, out)]


@pole_product.defprepare
def _pole_product(out: Array, x: Array, y: Array) -> Calls:
    return [bound(np.multiply, x, y, out=out)]


@sum_op.defprepare
def _sum(out: Array, x: Array, *, axis: AxisTuple, keepdims: bool = False, reorder: bool = False) -> Calls:
    if x.size == out.size and x.dtype == out.dtype and out.dtype.kind in "fc" and x.flags.c_contiguous:
        return [bound(np.add, x.reshape(out.shape), 0, out=out)]  # each of one number, and 0 + -0 is 0
    if reorder:
        return prepare_total(out, x, axis, keepdims)
    return [partial(np.add.reduce, x, axis, None, out, keepdims)]


@mean_op.defprepare
def _mean(out: Array, x: Array, *, axis: AxisTuple, keepdims: bool = False) -> Calls:
    if x.dtype != out.dtype or x.dtype == np.float16:  # integers and halves are summed in another type
        return None
    count = math.prod([x.shape[i] for i in axis])
    return [partial(np.add.reduce, x, axis, None, out, keepdims), bound(np.divide, out, count, out=out)]


@astype_op.defprepare
def _astype(out: Array, x: Array, *, dtype: Any) -> Calls:
    return [partial(np.copyto, out, x, casting="unsafe")]


@reshape_op.defprepare
def _reshape(out: Array, x: Array, *, shape: tuple[int, ...]) -> Calls:
    return [partial(np.copyto, out.reshape(x.shape), x)] if out.flags.c_contiguous else None


# -- convolutions of one or a few images -------------------------------------------------------------------------------


@conv_op.defprepare
def _conv(out: Array, x: Array, w: Array, b: Array | None = None, **options: Any) -> Calls:
    calls = prepare_correlate(_geometry(x.shape, w.shape, options), x, w, out)
    return calls if calls is None or b is None else [*calls, bound(np.add, out, b, out=out)]


@conv_kernel_op.defprepare
def _conv_kernel(out: Array, x: Array, g: Array, *, kernel_size: Any, **options: Any) -> Calls:
    return prepare_kernel_gradient(_geometry(x.shape, out.shape, options), x, g, out)


@conv_input_op.defprepare
def _conv_input(out: Array, g: Array, w: Array, *, size: Any, **options: Any) -> Calls:
    return prepare_input_gradient(_geometry(out.shape, w.shape, options), g, w, out)


def _geometry(x: tuple[int, ...], w: tuple[int, ...], options: dict[str, Any]) -> Geometry:
    n, *size, channels = x
    *kernel, _, filters = w
    return Geometry(n, tuple(size), channels, filters, tuple(kernel), **options)


# -- pooling -----------------------------------------------------------------------------------------------------------

max_pool_op.defprepare(prepare_max_pool)
winner_op.defprepare(prepare_max_pool_winner)
scatter_op.defprepare(prepare_window_scatter)
sum_pool_op.defprepare(prepare_sum_pool)
sum_pool_transpose_op.defprepare(prepare_sum_pool_transpose)


# -- softmax cross-entropy ---------------------------------------------------------------------------------------------


@softmax_cross_entropy_op.defprepare
def _softmax_cross_entropy(out: Array, x: Array, labels: Array, **options: Any) -> Calls:
    return prepare_cross_entropy(out, x, labels, softmax_cross_entropy_op.forward, **options)


@softmax_cross_entropy_gradient_op.defprepare
def _softmax_cross_entropy_gradient(out: Array, g: Array, x: Array, labels: Array, **options: Any) -> Calls:
    return prepare_cross_entropy_gradient(out, g, x, labels, softmax_cross_entropy_gradient_op.forward, **options)
