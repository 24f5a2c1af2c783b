"""Which algorithm computes a correlation or one of its transposes: a rule of cost, from shapes, strides and the dtype.

All give the same result up to rounding, and all but `winograd`, which is for float32 alone, an exact one where every
sum is exact. What they cost beside their multiplications decides:

- `depthwise`: channels each for themselves, no products of matrices at all;
- `winograd`: 16 multiplications a tile where the others have 36, but transforms that cost as much as some 20 (C + F);
- `direct`: for wide layers, with channels innermost; each number is copied kernel-width times;
- `by_rows`: for narrow layers, with the batch innermost; neighbouring rows of output share what is copied;
- `by_columns`: for all the rest. It makes narrow layers long by the batch, which it puts innermost.

A wide layer takes its input in any memory order, but to turn it round pays only if there is much to multiply: a layer
of medium width stays with the order that it finds.
"""

from collections.abc import Callable
from functools import lru_cache
from math import ceil
from typing import Any

import numpy as np

from tinygrad_np.kernels import by_columns, by_rows, depthwise, direct, rows, winograd
from tinygrad_np.kernels.columns import Array, Geometry

# Channels and filters (of a group) from which their products alone are long enough: both of them, or one by itself.
BOTH_WIDE, ONE_WIDE = 16, 32
# What Winograd's transforms cost for each channel and filter, in multiplications saved; and tiles that are worth the
# transform of the kernel.
TRANSFORMS, FEW_TILES = 20, 64


def algorithm(which: str, geometry: Geometry, a: Array, b: Array, dtype: Any) -> Callable[..., Array]:
    """Give the function `(geometry, a, b, dtype) -> result in dtype` for "correlate" or one of its two transposes."""
    chosen: Callable[..., Array] = getattr(_module(geometry, a.strides[-1] == a.itemsize, dtype), which)
    return chosen


@lru_cache(maxsize=4096)
def _module(geometry: Geometry, channels_inner: bool, dtype: Any) -> Any:
    if channels_inner and geometry.groups > 1 and depthwise.applies(geometry):
        return depthwise
    if _winograd_pays(geometry, dtype):
        return winograd
    if _is_wide(geometry, channels_inner):
        return direct
    return by_rows if rows.suits(geometry) else by_columns


def _winograd_pays(geometry: Geometry, dtype: Any) -> bool:
    c, f = geometry.channels, geometry.filters
    tiles = geometry.batch * ceil(geometry.out[0] / 2) * ceil(geometry.out[-1] / 2)
    return winograd.applies(geometry, dtype) and c * f >= TRANSFORMS * (c + f) and tiles >= FEW_TILES


def _is_wide(geometry: Geometry, channels_inner: bool) -> bool:
    narrow, wide = sorted((geometry.depth, geometry.width))
    if _is_product(geometry):
        return False
    if not channels_inner:
        return narrow >= ONE_WIDE
    return narrow >= BOTH_WIDE or wide >= ONE_WIDE


def _is_product(geometry: Geometry) -> bool:
    """Whether the correlation is one product with the input as it is."""
    points = all(k == s == 1 for k, s in zip(geometry.kernel, geometry.stride, strict=True))
    return points and not np.any(geometry.padding)
