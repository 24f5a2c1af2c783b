"""Patches: all sliding windows as the rows of a matrix (im2col), and the transpose of that (col2im), in both layouts.

In either layout the numbers of a patch lie in the order in which the weight of a convolution flattens, so that a
convolution is a product with patches:

    channels_last    unfold(x, kernel) @ w.reshape(-1, F) = conv(x, w), rows of positions
    channels_first   w.reshape(F, -1) @ unfold(x, kernel) = conv(x, w), columns of positions
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.primitive import Primitive, primitive
from ..core.tensor import Array, shape_of
from ..kernels import patches as kernels
from . import windows
from .windows import Ints, Layout, Padding, Pairs, batching, check_input, check_layout, give_layout, pairs_of, per_axis

Tuple = tuple[int, ...]


@primitive
def unfold_op(
    x: Array, *, kernel_size: Tuple, stride: Tuple, padding: Pairs, dilation: Tuple, output_size: Tuple
) -> Any:
    """All windows of x (N, *size, C), as (N, *output_size, *kernel_size, C). VJP: fold."""
    return kernels.unfold(
        x, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation, output_size=output_size
    )


@primitive
def fold_op(
    g: Array,
    *,
    size: Tuple,
    kernel_size: Tuple,
    stride: Tuple,
    padding: Pairs,
    dilation: Tuple,
    output_size: Tuple,
) -> Any:
    """Transpose of unfold: overlapping patches add. VJP: unfold."""
    return kernels.fold(
        g,
        size=size,
        kernel_size=kernel_size,
        stride=stride,
        padding=padding,
        dilation=dilation,
        output_size=output_size,
    )


@unfold_op.defvjp("x")
def _unfold_vjp(y: Array, x: Array, **geometry: Any) -> Any:
    size = shape_of(x)[1:-1]
    return lambda g: fold_op(g, size=size, **geometry)


@fold_op.defvjp("g")
def _fold_vjp(y: Array, g: Array, *, size: Tuple, **geometry: Any) -> Any:
    return lambda h: unfold_op(h, **geometry)


unfold_op.deflinear("x")
fold_op.deflinear("g")


def _more_images(op: Primitive) -> None:
    @batching(op)
    def batch(size: int, axes: tuple[int | None, ...], /, x: Array, **geometry: Any) -> Any:
        return windows.unfold(size, op(windows.fold(size, x, axes[0]), **geometry)), 0


_more_images(unfold_op)
_more_images(fold_op)


def _geometry(
    name: str, size: Tuple, kernel_size: Ints, stride: Ints, padding: Padding, dilation: Ints
) -> dict[str, Any]:
    """Return the options in normal form."""
    dims = len(size)
    kernel = per_axis(name, "kernel_size", kernel_size, dims)
    steps, gaps = per_axis(name, "stride", stride, dims), per_axis(name, "dilation", dilation, dims)
    pairs = pairs_of(name, padding, size, kernel, steps, gaps)
    out = windows.output_size(name, size, kernel, steps, pairs, gaps)
    return {"kernel_size": kernel, "stride": steps, "padding": pairs, "dilation": gaps, "output_size": out}


def unfold(
    x: Array,
    kernel_size: Ints,
    *,
    dilation: Ints = 1,
    padding: Padding = 0,
    stride: Ints = 1,
    layout: Layout = "channels_last",
) -> Array:
    """All sliding windows, flattened: im2col.

    Parameters
    ----------
    x : array, shape (N, *size, C); channels_first: (N, C, *size)
        Any dtype.
    kernel_size, dilation, padding, stride
        As for `conv`; padding is zeros.
    layout : {"channels_last", "channels_first"}
        Of x and the result.

    Returns
    -------
    array, shape (N, L, K C); channels_first: (N, C K, L)
        L positions and K = prod(kernel_size) elements of a window, row-major both. A patch is ordered as the weight
        of a convolution: offset, then channel; channels_first, as in torch: channel, then offset.

    Raises
    ------
    ValueError
        For shapes and options that do not fit, with the arithmetic.

    Notes
    -----
    y[n, p, (r, c)] = x[n, p stride + r dilation - low, c]. It is linear; VJP: `fold`. Kept: nothing.

    Examples
    --------
    >>> unfold(np.arange(4.0).reshape(1, 4, 1), 2)[0]
    array([[0., 1.],
           [1., 2.],
           [2., 3.]])
    """
    x = check_input("unfold", x, layout)
    geometry = _geometry("unfold", shape_of(x)[1:-1], kernel_size, stride, padding, dilation)
    y = unfold_op(x, **geometry)
    n, channels = shape_of(x)[0], shape_of(x)[-1]
    positions, width = math.prod(geometry["output_size"]), math.prod(geometry["kernel_size"]) * channels
    if layout == "channels_last":
        return np.reshape(y, (n, positions, width))
    dims = len(geometry["kernel_size"])
    order = (0, 2 * dims + 1, *range(dims + 1, 2 * dims + 1), *range(1, dims + 1))
    return np.reshape(np.transpose(y, order), (n, width, positions))


def fold(
    x: Array,
    output_size: Sequence[int],
    kernel_size: Ints,
    *,
    dilation: Ints = 1,
    padding: Padding = 0,
    stride: Ints = 1,
    layout: Layout = "channels_last",
) -> Array:
    """Add patches into an image, the transpose of `unfold`: col2im.

    Parameters
    ----------
    x : array, shape (N, L, K C); channels_first: (N, C K, L)
        Patches as `unfold` gives them.
    output_size : sequence of int
        Spatial size of the image, one an axis.
    kernel_size, dilation, padding, stride, layout
        As for the `unfold` it transposes.

    Returns
    -------
    array, shape (N, *output_size, C); channels_first: (N, C, *output_size)
        Dtype of x. Where patches overlap their sum, so it is no inverse: fold(unfold(x)) counts each element as often
        as windows see it.

    Raises
    ------
    ValueError
        For shapes and options that do not fit, with the arithmetic.

    Notes
    -----
    <g, unfold(x)> = <fold(g), x>. VJP: `unfold`. Kept: nothing.

    Examples
    --------
    >>> fold(np.ones((1, 3, 2)), (4,), 2).ravel()
    array([1., 2., 2., 1.])
    """
    first = check_layout("fold", layout)
    size = _spatial_size(output_size)
    geometry = _geometry("fold", size, kernel_size, stride, padding, dilation)
    out, kernel = geometry["output_size"], geometry["kernel_size"]
    shape = shape_of(x)
    positions, width = (shape[:0:-1] if first else shape[1:]) if len(shape) == 3 else (-1, 0)
    places, taps = math.prod(out), math.prod(kernel)
    if positions != places or width % taps:
        raise ValueError(
            f"fold: x has shape {shape}; {taps} elements a window and {out} = {places} positions in an image of size "
            f"{size} need {f'(N, C * {taps}, {places})' if first else f'(N, {places}, {taps} * C)'}."
        )
    channels, dims = width // taps, len(size)
    if first:
        order = (0, *range(dims + 2, 2 * dims + 2), *range(2, dims + 2), 1)
        x = np.transpose(np.reshape(x, (shape[0], channels, *kernel, *out)), order)
    else:
        x = np.reshape(x, (shape[0], *out, *kernel, channels))
    return give_layout(fold_op(x, size=size, **geometry), layout)


def _spatial_size(output_size: Any) -> Tuple:
    """Return the size of fold's image, which gives the number of its axes too."""
    if not isinstance(output_size, Sequence) or not output_size:
        raise ValueError(f"fold: output_size={output_size!r}; give one integer a spatial axis, as (height, width).")
    return per_axis("fold", "output_size", output_size, len(output_size))
