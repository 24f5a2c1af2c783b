"""Buffers that values of a program share, one after the other."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

_LINE = 64  # bytes of a line of the cache


def can_hold(value: Any, most: float = math.inf) -> bool:
    """Whether an array like the value, strides included, has no element twice, few gaps, and `most` bytes."""
    if not isinstance(value, np.ndarray | np.generic) or value.nbytes > most:
        return False
    end = value.itemsize
    for step, n in sorted((step, n) for step, n in zip(value.strides, value.shape, strict=True) if n > 1):
        if step < end:
            return False
        end = n * step
    return _extent(value) <= 2 * value.nbytes


class Pool:
    """Buffers, each lent to one value at a time."""

    def __init__(self) -> None:
        self.lent: dict[int, Any] = {}
        self.free: list[Any] = []
        self.scratch: list[Any] = []
        self.kept: list[Any] = []
        self.borders: dict[Any, Any] = {}

    def take(self, value: Any, place: int) -> Any:
        """Lend a buffer for the value at a place: an array of its shape, dtype and strides."""
        block = self.lent[place] = self._block(_extent(value))
        return np.ndarray(value.shape, value.dtype, block, strides=value.strides)

    # What prepared steps have of memory: see `kernels.scratch`.

    def lend(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
        """Lend an array until `take_back`, to a step that needs it only while it runs."""
        return self._array(shape, dtype, self.scratch)

    def take_back(self) -> None:
        """Take back what was lent to a step."""
        self.free += self.scratch
        self.scratch = []

    def keep(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
        """Lend an array until `take_back_kept`, to steps that share what one of them computes."""
        return self._array(shape, dtype, self.kept)

    def take_back_kept(self) -> None:
        """Take back what such steps had."""
        self.free += self.kept
        self.kept = []

    def border(self, shape: tuple[int, ...], dtype: np.dtype[Any], interior: tuple[Any, ...]) -> Any:
        """Lend zeros to steps that write to the interior: always the same, so the border stays zero."""
        return self.borders.setdefault((shape, dtype, repr(interior)), np.zeros(shape, dtype))

    def _array(self, shape: tuple[int, ...], dtype: np.dtype[Any], lent: list[Any]) -> Any:
        lent.append(self._block(math.prod(shape) * dtype.itemsize))
        return np.ndarray(shape, dtype, lent[-1])

    def _block(self, size: int) -> Any:
        fitting = [b for b in self.free if size <= b.nbytes <= 2 * size + 1024]
        if not fitting:
            return _aligned(size)
        block = min(fitting, key=lambda b: b.nbytes)
        self.free = [b for b in self.free if b is not block]
        return block

    def give_back(self, places: Iterable[int]) -> None:
        """Take back the buffers of values that are not used any more."""
        self.free += [self.lent.pop(place) for place in places if place in self.lent]


def _extent(value: Any) -> int:
    """Bytes from the first to the last of an array of positive strides."""
    if not value.size:
        return 0
    return int(sum((n - 1) * step for n, step in zip(value.shape, value.strides, strict=True)) + value.itemsize)


def _aligned(size: int) -> Any:
    block = np.empty(size + _LINE, np.uint8)
    start = -block.ctypes.data % _LINE
    return block[start : start + size]
