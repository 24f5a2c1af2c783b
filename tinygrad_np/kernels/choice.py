"""Which algorithm computes a correlation or one of its transposes: a rule of cost, from shapes, strides and the dtype.

All give the same result up to rounding, and all but `winograd`, which is for float32 alone, an exact one where every
sum is exact. What they cost beside their multiplications decides:

- `pointwise`: a kernel of one point is one product, which nothing beats;
- `depthwise`: channels each for themselves, no products of matrices at all;
- `winograd`: 16 multiplications a tile where the others have 36, but transforms that cost as much as some 20 (C + F),
  or 90 (C + F) where it must turn its input round first;
- `shifted`: for wide layers, with the batch innermost; nothing is copied, but the products are added up in passes;
- `by_rows`: for narrow layers, with the batch innermost; neighbouring rows of output share what is copied;
- `direct`: for layers of some width that neither fits, with channels innermost; each number is copied kernel-width
  times;
- `by_columns`: for all the rest. It makes narrow layers long by the batch, which it puts innermost.

The first layer of a network is narrow, so it leaves the batch innermost, and all others find it so. Where they find the
channels innermost, they turn them round, unless there is an algorithm that takes them so and costs no more.
"""

from collections.abc import Callable
from functools import lru_cache
from math import ceil, prod
from typing import Any

import numpy as np

from tinygrad_np.kernels import by_columns, by_rows, depthwise, direct, pointwise, rows, shifted, winograd
from tinygrad_np.kernels.columns import Array, Geometry

# Channels and filters (of a group), both of them, from which products are long enough, and from which they run best.
MEDIUM, WIDE = 16, 32
# What Winograd's transforms cost for each channel and filter, in multiplications saved: with channels innermost, and
# with the batch innermost, where `shifted` is the other way; and tiles that are worth the transform of the kernel.
TRANSFORMS, TRANSFORMS_TURNED, FEW_TILES = 20, 90, 64
# Numbers in all columns that are copied faster than rows are multiplied one by one.
FEW_NUMBERS = 1 << 13


def algorithm(which: str, geometry: Geometry, a: Array, b: Array, dtype: Any) -> Callable[..., Array]:
    """Give the function `(geometry, a, b, dtype) -> result in dtype` for "correlate" or one of its two transposes."""
    chosen: Callable[..., Array] = getattr(_module(geometry, a.strides[-1] == a.itemsize, dtype), which)
    return chosen


@lru_cache(maxsize=4096)
def _module(geometry: Geometry, channels_inner: bool, dtype: Any) -> Any:
    narrow = min(geometry.depth, geometry.width)
    if channels_inner and geometry.groups > 1 and depthwise.applies(geometry):
        return depthwise
    if _winograd_pays(geometry, channels_inner, dtype):
        return winograd
    if _is_product(geometry):
        return pointwise if channels_inner and geometry.groups == 1 else by_columns
    if _shifts(geometry, channels_inner) and narrow >= (MEDIUM if not rows.suits(geometry) else WIDE):
        return shifted
    if rows.suits(geometry) and not _is_small(geometry):
        return by_rows
    return direct if narrow >= (MEDIUM if channels_inner else WIDE) else by_columns


def _winograd_pays(geometry: Geometry, channels_inner: bool, dtype: Any) -> bool:
    c, f = geometry.channels, geometry.filters
    tiles = geometry.batch * ceil(geometry.out[0] / 2) * ceil(geometry.out[-1] / 2)
    saved = c * f >= (TRANSFORMS if channels_inner else TRANSFORMS_TURNED) * (c + f)
    return saved and tiles >= FEW_TILES and winograd.applies(geometry, dtype)


def _shifts(geometry: Geometry, channels_inner: bool) -> bool:
    """Whether `shifted` can be used, and turns the channels round only where it then copies nothing else."""
    return shifted.applies(geometry) and not (channels_inner and shifted.has_phases(geometry))


def _is_small(geometry: Geometry) -> bool:
    return geometry.batch * prod(geometry.out) * prod(geometry.kernel) * geometry.channels <= FEW_NUMBERS


def _is_product(geometry: Geometry) -> bool:
    """Whether the correlation is one product with the input as it is, or one for each group."""
    points = all(k == s == 1 for k, s in zip(geometry.kernel, geometry.stride, strict=True))
    return points and not np.any(geometry.padding)
