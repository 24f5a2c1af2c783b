"""The memory order of an array: its axes from the slowest to the fastest."""

from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Sizes: TypeAlias = tuple[int, ...]


def memory_order(a: Array) -> Sizes:
    """Give the axes from the slowest to the fastest in memory."""
    return order_of(a.strides)


@lru_cache
def order_of(strides: Sizes) -> Sizes:
    """Give the memory order of an array by its strides."""
    return tuple(sorted(range(len(strides)), key=lambda i: -strides[i]))


@lru_cache
def inverse(order: Sizes) -> Sizes:
    """Give the axes that put those of an array transposed by this order back in their places."""
    return tuple(sorted(range(len(order)), key=order.__getitem__))


def arranged(a: Array, order: Sizes) -> Array:
    """Give an array in this memory order, itself if it has it: what is used several times is rearranged once."""
    b = a.transpose(order)
    return a if b.flags.c_contiguous else np.ascontiguousarray(b).transpose(inverse(order))
