"""Pooling: the maximum or the mean of sliding windows, any number of spatial axes, both layouts."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.dividing import over_first_axis
from ..core.families import signature_of
from ..core.primitive import Primitive
from ..core.tensor import Array, dtype_of, shape_of
from ..kernels import pooling as kernels
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
    unfold,
)  # fmt: skip

Tuple = tuple[int, ...]


_WINDOWS = ("kernel_size", "stride", "padding", "dilation", "output_size")


def _windowed(
    kernel: Callable[..., Any], doc: str, *arrays: str, transposed: bool = False, differentiable: bool = True
) -> Primitive:
    """Make a kernel a primitive. All take the windows' static geometry, a transpose the size of its result as well."""
    options = dict.fromkeys(("size", *_WINDOWS) if transposed else _WINDOWS)
    signature = signature_of(*arrays, **options)
    op = Primitive(kernel, differentiable=differentiable, signature=signature, module=__name__, doc=doc)

    @batching(op)
    def batch(size: int, axes: tuple[int | None, ...], /, *args: Array, **windows: Any) -> Any:
        return unfold(size, op(*[fold(size, x, a) for x, a in zip(args, axes, strict=True)], **windows)), 0

    over_first_axis(op, *arrays)
    return op


max_pool_op = _windowed(
    kernels.max_pool,
    "Maximum of each window. VJP: g goes to the first maximum. Kept: its offset, one byte.",
    "x",
)
winner_op = _windowed(
    kernels.max_pool_winner, "Offset of each window's first maximum, in row-major order.", "x", differentiable=False
)
gather_op = _windowed(
    kernels.window_gather, "Element of each window at the winner's offset. VJP: scatter g there.", "x", "winner"
)
scatter_op = _windowed(
    kernels.window_scatter, "Add each g to its window's winner. VJP: gather.", "g", "winner", transposed=True
)
flat_index_op = _windowed(
    kernels.winner_to_flat_index, "Row-major place of each window's winner in the input's spatial axes.", "winner",
    transposed=True, differentiable=False,
)  # fmt: skip
sum_pool_op = _windowed(
    kernels.sum_pool, "Sum of each window, padding as zero. VJP: each element gets its windows' g.", "x"
)
sum_pool_transpose_op = _windowed(
    kernels.sum_pool_transpose, "Transpose of the sum over windows. VJP: the sum over windows.", "g", transposed=True
)


@max_pool_op.defvjp("x")
def _max_pool_vjp(y: Array, x: Array, **windows: Any) -> Any:
    size, winner = shape_of(x)[1:-1], winner_op(x, **windows)
    return lambda g: scatter_op(g, winner, size=size, **windows)


@max_pool_op.defjvp("x")
def _max_pool_jvp(y: Array, x: Array, **windows: Any) -> Any:
    winner = winner_op(x, **windows)
    return lambda x_dot: gather_op(x_dot, winner, **windows)


@gather_op.defvjp("x")
def _gather_vjp(y: Array, x: Array, winner: Array, **windows: Any) -> Any:
    size = shape_of(x)[1:-1]
    return lambda g: scatter_op(g, winner, size=size, **windows)


@scatter_op.defvjp("g")
def _scatter_vjp(y: Array, g: Array, winner: Array, *, size: Tuple, **windows: Any) -> Any:
    return lambda h: gather_op(h, winner, **windows)


@sum_pool_op.defvjp("x")
def _sum_pool_vjp(y: Array, x: Array, **windows: Any) -> Any:
    size = shape_of(x)[1:-1]
    return lambda g: sum_pool_transpose_op(g, size=size, **windows)


@sum_pool_transpose_op.defvjp("g")
def _sum_pool_transpose_vjp(y: Array, g: Array, *, size: Tuple, **windows: Any) -> Any:
    return lambda h: sum_pool_op(h, **windows)


gather_op.deflinear("x")
scatter_op.deflinear("g")
sum_pool_op.deflinear("x")
sum_pool_transpose_op.deflinear("g")


def _geometry(
    name: str, x: Array, kernel_size: Ints, stride: Ints | None, padding: Padding, dilation: Ints, ceil_mode: bool
) -> dict[str, Any]:
    """Return the options in normal form; refuse windows that would see no element of the input."""
    size = shape_of(x)[1:-1]
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
    geometry = _geometry("max_pool", x, kernel_size, stride, padding, dilation, ceil_mode)
    y = give_layout(max_pool_op(x, **geometry), layout)
    if not return_indices:
        return y
    indices = flat_index_op(winner_op(x, **geometry), size=shape_of(x)[1:-1], **geometry)
    return y, give_layout(indices, layout)


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
    if dtype_of(x).kind not in "fc":
        raise TypeError(f"avg_pool: x is {dtype_of(x)}; convert it to floating point.")
    geometry = _geometry("avg_pool", x, kernel_size, stride, padding, 1, ceil_mode)
    total = sum_pool_op(x, **geometry)
    full = math.prod(geometry["kernel_size"])
    counts = _counts(shape_of(x)[1:-1], geometry, count_include_pad)
    if np.all(counts == full):
        return give_layout(total * (1 / full), layout)
    return give_layout(total / counts[..., None].astype(dtype_of(total)), layout)


def _counts(size: Tuple, geometry: dict[str, Any], include_pad: bool) -> Any:
    """Return the divisor of each window, shape (*out): the elements it has in the input, or in the padded input."""
    counts = np.ones((), np.int64)
    options = (geometry[key] for key in ("kernel_size", "stride", "padding", "output_size"))
    for n, k, s, (low, high), out in zip(size, *options, strict=True):
        start = np.arange(out) * s - low
        end = np.minimum(start + k, n + high if include_pad else n)
        counts = counts[..., None] * (end - (start if include_pad else np.maximum(start, 0)))
    return counts


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
