"""Adaptive pooling, to a given size, and the inverse of max pooling: any number of spatial axes, both layouts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.tensor import Array, dtype_of, shape_of
from ..ops.bounds import in_bounds
from ..ops.indexing import getitem, put_along_axis
from ..ops.parts import part_sum_op
from ..ops.pooling import avg_pool, max_pool
from ..ops.windows import Ints, Layout, Padding, check_input, give_layout, pairs_of, per_axis, ranked

Tuple = tuple[int, ...]
Sizes = int | None | Sequence[int | None]


def _starts_and_lengths(n: int, out: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return where the windows along an axis begin, floor(p n / out), and how many elements they have."""
    p = np.arange(out)
    starts = p * n // out
    return starts, -(-(p + 1) * n // out) - starts


def _tiled(name: str, x: Array, output_size: Sizes) -> tuple[Array, list[NDArray[Any]]]:
    """Make the windows tile: repeat what neighbours share, and the last element of the shorter ones.

    Returns x so lengthened, and for each axis the places (out, kernel) its elements come from.
    """
    size = shape_of(x)[1:-1]
    places = []
    for axis, (n, out) in enumerate(zip(size, _sizes(name, output_size, size), strict=True), 1):
        starts, lengths = _starts_and_lengths(n, out)
        r = np.arange(max(lengths))
        places.append(starts[:, None] + np.minimum(r, lengths[:, None] - 1))
        if n % out:
            x = np.take(x, places[-1].ravel(), axis=axis)
    return x, places


def _sizes(name: str, output_size: Sizes, size: Tuple) -> Tuple:
    """Return the output size, one an axis; None keeps an axis as it is."""
    given = output_size if isinstance(output_size, Sequence) else (output_size,) * len(size)
    if len(given) == len(size):
        given = tuple(n if out is None else out for n, out in zip(size, given, strict=True))
    out = per_axis(name, "output_size", given, len(size))  # type: ignore[arg-type]
    if 0 in size:
        raise ValueError(f"{name}: spatial size {size} has no elements to pool.")
    return out


def adaptive_avg_pool(x: Array, output_size: Sizes, *, layout: Layout = "channels_last") -> Array:
    """Mean of windows that divide each axis into so many parts, as equal as they can be.

    Parameters
    ----------
    x : array, shape (N, *size, C); channels_first: (N, C, *size)
        Floating point or complex.
    output_size : int or one an axis
        Windows along each axis; None keeps its size.
    layout : {"channels_last", "channels_first"}

    Returns
    -------
    array, shape (N, *output_size, C); channels_first: (N, C, *output_size)
        Dtype of x.

    Raises
    ------
    ValueError
        For shapes and options that do not fit.
    TypeError
        For integers.

    Notes
    -----
    Window p of an axis of n elements is floor(p n / out) <= i < ceil((p + 1) n / out); neighbours overlap where out
    does not divide n. y is linear in x; VJP: each element gets g / count of its windows.

    Examples
    --------
    >>> adaptive_avg_pool(np.array([1.0, 3.0, 5.0]).reshape(1, 3, 1), 2).ravel()
    array([2., 4.])
    """
    x = check_input("adaptive_avg_pool", x, layout)
    if dtype_of(x).kind not in "fc":
        raise TypeError(f"adaptive_avg_pool: x is {dtype_of(x)}; convert it to floating point.")
    size = shape_of(x)[1:-1]
    out = _sizes("adaptive_avg_pool", output_size, size)
    if not any(n % m for n, m in zip(size, out, strict=True)):
        return give_layout(avg_pool(x, [n // m for n, m in zip(size, out, strict=True)]), layout)
    counts = np.ones(())
    for axis, (n, m) in enumerate(zip(size, out, strict=True), 1):
        starts, lengths = _starts_and_lengths(n, m)
        parts = tuple(zip(starts.tolist(), (starts + lengths).tolist(), strict=True))
        x, counts = part_sum_op(x, axis=axis, parts=parts), counts[..., None] * lengths
    return give_layout(x / counts[..., None].astype(dtype_of(x)), layout)


def adaptive_max_pool(
    x: Array, output_size: Sizes, *, return_indices: bool = False, layout: Layout = "channels_last"
) -> Any:
    """Maximum of windows that divide each axis into so many parts, as equal as they can be.

    Parameters
    ----------
    x : array, shape (N, *size, C); channels_first: (N, C, *size)
        Real.
    output_size, layout
        As for `adaptive_avg_pool`.
    return_indices : bool
        Return the place of each maximum as well: int64, row-major in the input's spatial axes.

    Returns
    -------
    array, shape (N, *output_size, C); channels_first: (N, C, *output_size)
        Dtype of x. NaN propagates. With `return_indices` the pair (maxima, indices).

    Raises
    ------
    ValueError
        For shapes and options that do not fit.

    Notes
    -----
    Windows as for `adaptive_avg_pool`; VJP: the first maximum in row-major order takes all of g.

    Examples
    --------
    >>> adaptive_max_pool(np.array([1.0, 3.0, 2.0]).reshape(1, 3, 1), 2).ravel()
    array([3., 3.])
    """
    x = check_input("adaptive_max_pool", x, layout)
    size = shape_of(x)[1:-1]
    x, places = _tiled("adaptive_max_pool", x, output_size)
    kernel = [p.shape[1] for p in places]
    if not return_indices:
        return give_layout(max_pool(x, kernel), layout)
    y, indices = max_pool(x, kernel, return_indices=True)
    origin = np.ravel_multi_index(np.ix_(*[p.ravel() for p in places]), size).ravel()
    return give_layout(y, layout), give_layout(getitem(origin, indices), layout)


def max_unpool(
    x: Array,
    indices: Array,
    kernel_size: Ints,
    *,
    stride: Ints | None = None,
    padding: Padding = 0,
    output_size: Sequence[int] | None = None,
    layout: Layout = "channels_last",
) -> Array:
    """Put each maximum back where `max_pool` with return_indices found it; zero elsewhere.

    Parameters
    ----------
    x : array, shape (N, *size, C); channels_first: (N, C, *size)
        Maxima, or anything of their shape.
    indices : array of integers, shape of x
        From `max_pool`: places in the result's spatial axes, row-major.
    kernel_size, stride, padding
        Of the `max_pool`; by default the stride is the kernel size.
    output_size : sequence of int, optional
        Spatial size of what was pooled, where the stride leaves it open; by default the least that `kernel_size`,
        `stride` and `padding` fill, (size - 1) stride + kernel - low - high. The indices mean nothing in another size.
    layout : {"channels_last", "channels_first"}

    Returns
    -------
    array, shape (N, *output_size, C); channels_first: (N, C, *output_size)
        Dtype of x. Where overlapping windows name one place, the last in row-major order stays.

    Raises
    ------
    ValueError
        For shapes and options that do not fit, and an index outside the result, which is named.

    Notes
    -----
    y[n, indices[n, p, c], c] = x[n, p, c]; VJP: x_bar[n, p, c] = g[n, indices[n, p, c], c], 0 for what was overwritten.

    Examples
    --------
    >>> y, where = max_pool(np.array([1.0, 3.0, 2.0, 0.0]).reshape(1, 4, 1), 2, return_indices=True)
    >>> max_unpool(y, where, 2).ravel()
    array([0., 3., 2., 0.])
    """
    x = check_input("max_unpool", x, layout)
    indices = check_input("max_unpool", indices, layout)
    if shape_of(x) != shape_of(indices):
        raise ValueError(f"max_unpool: x of shape {shape_of(x)} and indices of shape {shape_of(indices)} must agree.")
    n, *size, channels = shape_of(x)
    out = _unpooled_size(tuple(size), kernel_size, stride, padding, output_size)
    positions = math.prod(out)
    operation = f"max_unpool to size {out} (if another was pooled, give output_size): index"
    indices = np.reshape(in_bounds(operation, indices, positions), (n, -1, channels))
    zeros = np.zeros((n, positions, channels), dtype_of(x))
    y = put_along_axis(zeros, indices, np.reshape(x, (n, math.prod(size), channels)), 1)
    return give_layout(np.reshape(y, (n, *out, channels)), layout)


def _unpooled_size(size: Tuple, kernel_size: Ints, stride: Ints | None, padding: Padding, output_size: Any) -> Tuple:
    """Return the size of what was pooled; one that is given differs by less than a stride from the default."""
    dims = len(size)
    kernel = per_axis("max_unpool", "kernel_size", kernel_size, dims)
    steps = kernel if stride is None else per_axis("max_unpool", "stride", stride, dims)
    if isinstance(padding, str):
        raise ValueError(f"max_unpool: padding={padding!r} depends on what was pooled; give the numbers.")
    pairs = pairs_of("max_unpool", padding, size, kernel, steps, (1,) * dims)
    default = tuple((n - 1) * s + k - sum(p) for n, k, s, p in zip(size, kernel, steps, pairs, strict=True))
    if output_size is None:
        return default
    out = per_axis("max_unpool", "output_size", tuple(output_size), dims)
    if any(abs(n - d) >= s for n, d, s in zip(out, default, steps, strict=True)):
        raise ValueError(
            f"max_unpool: output_size={out}; pooled with kernel {kernel}, stride {steps} and padding {pairs} it does "
            f"not give {size}: it differs from {default} by less than the stride."
        )
    return out


adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d = (ranked(adaptive_avg_pool, dims) for dims in (1, 2, 3))
adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d = (ranked(adaptive_max_pool, dims) for dims in (1, 2, 3))
max_unpool1d, max_unpool2d, max_unpool3d = (ranked(max_unpool, dims) for dims in (1, 2, 3))
