"""Pooling: the maximum or the mean of sliding windows, any number of spatial axes, both layouts."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.dividing import over_first_axis
from ..core.families import signature_of
from ..core.primitive import Primitive
from ..core.tensor import Array, Tensor, shape_of
from ..kernels import pooling as kernels
from ..kernels.order import memory_order
from .windows import (
    Ints,
    Layout,
    Padding,
    batching,
    check_input,
    fold,
    give_layout,
    output_size,
    pairs_of,
    per_axis,
    ranked,
    remembered,
    unfold,
)  # fmt: skip

Tuple = tuple[int, ...]


_WINDOWS = ("kernel_size", "stride", "padding", "dilation", "output_size")


def _windowed(
    kernel: Callable[..., Any], doc: str, *arrays: str, differentiable: bool = True, **options: Any
) -> Primitive:
    """Make a kernel a primitive. All take the windows' static geometry, a transpose the size of its result as well."""
    signature = signature_of(*arrays, **options, **dict.fromkeys(_WINDOWS))
    op = Primitive(kernel, differentiable=differentiable, signature=signature, module=__name__, doc=doc)

    @batching(op)
    def batch(size: int, axes: tuple[int | None, ...], /, *args: Array, **windows: Any) -> Any:
        return unfold(size, op(*[fold(size, x, a) for x, a in zip(args, axes, strict=True)], **windows)), 0

    over_first_axis(op, *arrays)
    op.fresh = True
    return op


max_pool_op = _windowed(
    kernels.max_pool,
    "Maximum of each window. VJP: g goes to the first maximum. Kept: its offset, one byte.",
    "x",
)
winner_op = _windowed(
    kernels.max_pool_winner,
    "Offset of each window's first maximum, in row-major order.",
    "x",
    "y",
    differentiable=False,
)
gather_op = _windowed(
    kernels.window_gather, "Element of each window at the winner's offset. VJP: scatter g there.", "x", "winner"
)
scatter_op = _windowed(
    kernels.window_scatter, "Add each g to its window's winner. VJP: gather.", "g", "winner", size=None
)
flat_index_op = _windowed(
    kernels.winner_to_flat_index, "Row-major place of each window's winner in the input's spatial axes.", "winner",
    differentiable=False, size=None,
)  # fmt: skip
sum_pool_op = _windowed(
    kernels.sum_pool,
    "Sum of each window times a scale, padding as zero. VJP: each element gets its windows' g, times the scale.",
    "x",
    scale=1.0,
)
sum_pool_transpose_op = _windowed(
    kernels.sum_pool_transpose, "Transpose of the sum over windows. VJP: the sum over windows.", "g",
    size=None, scale=1.0, order=None,
)  # fmt: skip


def _order(x: Array) -> Tuple | None:
    """Return the memory order of an array, or of a Tensor's value, as the best one for its cotangent; None if unseen.

    It is no part of any value.
    """
    rank = len(shape_of(x))
    while type(x) is Tensor:
        x = x._value
    return memory_order(x) if type(x) is np.ndarray and x.ndim == rank else None


@max_pool_op.defvjp("x")
def _max_pool_vjp(y: Array, x: Array, **windows: Any) -> Any:
    size, winner = shape_of(x)[1:-1], winner_op(x, y, **windows)
    return lambda g: scatter_op(g, winner, size=size, **windows)


@max_pool_op.defjvp("x")
def _max_pool_jvp(y: Array, x: Array, **windows: Any) -> Any:
    winner = winner_op(x, y, **windows)
    return lambda x_dot: gather_op(x_dot, winner, **windows)


@gather_op.defvjp("x")
def _gather_vjp(y: Array, x: Array, winner: Array, **windows: Any) -> Any:
    size = shape_of(x)[1:-1]
    return lambda g: scatter_op(g, winner, size=size, **windows)


@scatter_op.defvjp("g")
def _scatter_vjp(y: Array, g: Array, winner: Array, *, size: Tuple, **windows: Any) -> Any:
    return lambda h: gather_op(h, winner, **windows)


@sum_pool_op.defvjp("x")
def _sum_pool_vjp(y: Array, x: Array, **options: Any) -> Any:
    size, order = shape_of(x)[1:-1], _order(x)
    return lambda g: sum_pool_transpose_op(g, size=size, order=order, **options)


@sum_pool_transpose_op.defvjp("g")
def _sum_pool_transpose_vjp(y: Array, g: Array, *, size: Tuple, order: Tuple | None = None, **options: Any) -> Any:
    return lambda h: sum_pool_op(h, **options)


gather_op.deflinear("x")
scatter_op.deflinear("g")
sum_pool_op.deflinear("x")
sum_pool_transpose_op.deflinear("g")


@remembered(shapes=1)
def _geometry(
    size: Tuple,
    name: str,
    kernel_size: Ints,
    stride: Ints | None,
    padding: Padding,
    dilation: Ints,
    ceil_mode: bool,
) -> dict[str, Any]:
    """Return the options in normal form; refuse windows that would see no element of the input."""
    kernel = per_axis(name, "kernel_size", kernel_size, len(size))
    steps = kernel if stride is None else per_axis(name, "stride", stride, len(size))
    gaps = per_axis(name, "dilation", dilation, len(size))
    pairs = pairs_of(name, padding, size, kernel, steps, gaps)
    out = output_size(name, size, kernel, steps, pairs, gaps, ceil_mode=ceil_mode)
    for axis, (n, k, s, (low, _), d, o) in enumerate(zip(size, kernel, steps, pairs, gaps, out, strict=True)):
        taps = np.arange(o)[:, None] * s - low + np.arange(k) * d
        if n and not np.all(np.any((taps >= 0) & (taps < n), axis=1)):
            raise ValueError(
                f"{name}: padding {pairs[axis]} leaves windows of {k} (dilation {d}) on axis {axis} of size {n} that "
                "see nothing but padding. Use at most half the window as padding."
            )
    return {"kernel_size": kernel, "stride": steps, "padding": pairs, "dilation": gaps, "output_size": out}


def max_pool(
    x: Array,
    kernel_size: Ints,
    *,
    stride: Ints | None = None,
    padding: Padding = 0,
    dilation: Ints = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
    layout: Layout = "channels_last",
) -> Any:
    """Maximum of sliding windows.

    Parameters
    ----------
    x : array, shape (N, *size, C); channels_first: (N, C, *size)
        Real.
    kernel_size : int or one an axis
        Size of the window.
    stride : int or one an axis, optional
        Step of the window; by default the kernel size, so that windows tile.
    padding : int, one an axis, (low, high) an axis, "valid" or "same"
        Padding counts as minus infinity.
    dilation : int or one an axis
        Step between a window's elements.
    ceil_mode : bool
        Round the output size up, so that the last window may hang over the end; it still starts inside the input or
        its low padding.
    return_indices : bool
        Return the place of each maximum as well: int64, row-major in the input's spatial axes.
    layout : {"channels_last", "channels_first"}
        Of x and the result.

    Returns
    -------
    array, shape (N, *out, C) or (N, C, *out)
        out = floor((size + low + high - dilation (kernel - 1) - 1) / stride) + 1, or ceil; dtype of x. NaN propagates.
        With `return_indices` the pair (maxima, indices).

    Raises
    ------
    ValueError
        For shapes and options that do not fit, with the arithmetic.

    Notes
    -----
    y[p] = max_r x[p stride + r dilation - low]. VJP: the first maximum in window order takes all of g; overlapping
    windows add. Kept: the winner's offset, one byte a window. Cost: one comparison an element of each window.

    Examples
    --------
    >>> max_pool(np.array([1.0, 3.0, 2.0, 2.0]).reshape(1, 4, 1), 2).ravel()
    array([3., 2.])
    """
    x = check_input("max_pool", x, layout)
    geometry = _geometry(x.shape[1:-1], "max_pool", kernel_size, stride, padding, dilation, ceil_mode)
    y = max_pool_op(x, **geometry)
    if not return_indices:
        return give_layout(y, layout)
    indices = flat_index_op(winner_op(x, y, **geometry), size=shape_of(x)[1:-1], **geometry)
    return give_layout(y, layout), give_layout(indices, layout)


def avg_pool(
    x: Array,
    kernel_size: Ints,
    *,
    stride: Ints | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    layout: Layout = "channels_last",
) -> Array:
    """Mean of sliding windows.

    Parameters
    ----------
    x : array, shape (N, *size, C); channels_first: (N, C, *size)
        Floating point or complex.
    kernel_size, stride, padding, ceil_mode, layout
        As for `max_pool`; padding counts as zero.
    count_include_pad : bool
        Whether padding counts in the divisor. What hangs over the padded input in `ceil_mode` never does.

    Returns
    -------
    array, shape (N, *out, C) or (N, C, *out)
        Dtype of x.

    Raises
    ------
    ValueError
        For shapes and options that do not fit, with the arithmetic.

    Notes
    -----
    y[p] = Σ_r x[p stride + r - low] / n[p]. It is linear; VJP: x_bar[i] = Σ_{p: i in window p} g[p] / n[p]. Kept:
    nothing. Cost: one addition an element of each window.

    Examples
    --------
    >>> avg_pool(np.array([1.0, 3.0, 2.0, 2.0]).reshape(1, 4, 1), 2).ravel()
    array([2., 2.])
    """
    x = check_input("avg_pool", x, layout)
    if x.dtype.kind not in "fc":
        raise TypeError(f"avg_pool: x is {x.dtype}; convert it to floating point.")
    options, counts = _mean(x.shape[1:-1], kernel_size, stride, padding, ceil_mode, bool(count_include_pad))
    y = sum_pool_op(x, **options)
    return give_layout(y if counts is None else y / counts.astype(x.dtype), layout)


@remembered(shapes=1)
def _mean(
    size: Tuple, kernel_size: Ints, stride: Ints | None, padding: Padding, ceil_mode: bool, include_pad: bool
) -> tuple[dict[str, Any], Any]:
    """Return the options of a sum, and what divides it into means: the elements that each window has, shape (*out, 1).

    These are its elements in the input, or in the padded input. None if all have as many: then the sum has a scale.
    """
    geometry = _geometry(size, "avg_pool", kernel_size, stride, padding, 1, ceil_mode)
    kernel, steps, pairs, _, outputs = geometry.values()
    counts = np.ones((), np.int64)
    for n, k, s, (low, high), out in zip(size, kernel, steps, pairs, outputs, strict=True):
        start = np.arange(out) * s - low
        end = np.minimum(start + k, n + high if include_pad else n)
        counts = counts[..., None] * (end - (start if include_pad else np.maximum(start, 0)))
    if np.all(counts == math.prod(kernel)):
        return {"scale": 1 / math.prod(kernel), **geometry}, None
    return geometry, counts[..., None]


def global_avg_pool(x: Array, *, layout: Layout = "channels_last") -> Array:
    """Mean over all spatial axes: (N, *size, C) or (N, C, *size) to (N, C). VJP: g / n, spread."""
    x = check_input("global_avg_pool", x, layout)
    return np.mean(x, axis=tuple(range(1, len(shape_of(x)) - 1)))


def global_max_pool(x: Array, *, layout: Layout = "channels_last") -> Array:
    """Maximum over all spatial axes: (N, *size, C) or (N, C, *size) to (N, C). VJP: the first maximum takes all."""
    x = check_input("global_max_pool", x, layout)
    return np.reshape(max_pool(x, shape_of(x)[1:-1]), (shape_of(x)[0], shape_of(x)[-1]))


max_pool1d, max_pool2d, max_pool3d = (ranked(max_pool, dims) for dims in (1, 2, 3))
avg_pool1d, avg_pool2d, avg_pool3d = (ranked(avg_pool, dims) for dims in (1, 2, 3))
