"""Blocks of outputs, some rows of one image or all rows of several, and the padded rows of the input that each sees."""

from math import ceil
from typing import TypeAlias

import numpy as np
from numpy.typing import DTypeLike

from tinygrad_np.kernels.columns import LINE, Array, Geometry

Block: TypeAlias = tuple[slice, slice]  # of images and of rows


def cut(images: int, rows: int, row: int, buffer: int, *, halo: int = 0, least: int = 1) -> list[Block]:
    """Cut images of so many rows into blocks for a buffer: a row takes `row` numbers in it, and `halo` rows come along.

    A block has at least so many rows, whether they fit or not; those of an image are nearly equal.
    """
    high = min(rows, max(least, buffer // row - halo))
    high = ceil(rows / ceil(rows / high))
    several = max(1, buffer // (row * (rows + halo))) if high == rows else 1
    return [
        (slice(n, min(n + several, images)), slice(p, min(p + high, rows)))
        for n in range(0, images, several)
        for p in range(0, rows, high)
    ]


def with_rows(geometry: Geometry, x: Array, y: Array) -> tuple[Geometry, Array, Array]:
    """Give a geometry of one spatial axis a second one of a single row, and its images and outputs with it."""
    if len(geometry.size) > 1:
        return geometry, x, y
    flat = geometry._replace(
        size=(1, *geometry.size),
        kernel=(1, *geometry.kernel),
        stride=(1, *geometry.stride),
        padding=((0, 0), *geometry.padding),
        dilation=(1, *geometry.dilation),
    )
    return flat, x[:, None], y[:, None]


def apart(x: Array) -> Array:
    """Copy images whose numbers alternate in memory, the batch innermost, so that each lies by itself."""
    if len(x) == 1 or x.strides[0] != x.itemsize:
        return x
    images = np.empty(x.shape, x.dtype)
    for n in range(0, len(x), LINE):
        images[n : n + LINE] = x[n : n + LINE]
    return images


def padded_rows(geometry: Geometry, x: Array, block: Block, dtype: DTypeLike) -> Array:
    """Copy the rows of x (N, *size, C) that the outputs of a block see, with their padding."""
    images, rows = block
    stride, (low, _) = geometry.stride[0], geometry.padding[0]
    start = rows.start * stride - low
    height = (rows.stop - rows.start - 1) * stride + (geometry.kernel[0] - 1) * geometry.dilation[0] + 1
    top, bottom = max(0, start), max(0, min(geometry.size[0], start + height))
    x = x[images, top:bottom]
    padded = np.zeros((len(x), height, *geometry.padded[1:], geometry.channels), dtype)
    inside = (slice(low, low + n) for n, (low, _) in zip(geometry.size[1:], geometry.padding[1:], strict=True))
    padded[:, top - start : top - start + x.shape[1], *inside] = x
    return padded
