"""How a correlation becomes matrix products: a memory order, a view of all windows, and tiles of output positions.

Every kernel of `convolution` is a product with columns: a column holds what one window of the input sees (im2col). A
plan settles, from shapes alone, in which order the arrays lie in memory and how the columns are cut into tiles, so that
their buffer is bounded.

Names of lengths: G groups; P rows of output that share columns and H the rows of input they see; kh kernel rows;
R the numbers of a column in one row of input, (other kernel axes) * C/G; K = kh * R those of a whole column;
M columns: the positions of all images, but for the rows.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cached_property, lru_cache
from itertools import product
from math import prod
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

Array: TypeAlias = NDArray[Any]
Index: TypeAlias = tuple[Any, ...]

# Numbers in a buffer of columns: 1 MB of float32, so that it is still in the L2 cache when the product reads it.
BUFFER = 1 << 18
# Multiplications in a product for which OpenBLAS wakes no second thread (its limit is 2**18): on a machine whose other
# processors are busy, each waking can cost a time slice, a hundred times the product.
SMALL_PRODUCT = 260_000
# Columns below which a product is too narrow: of a tile cut for small products, and of a row of output.
NARROW_TILE, NARROW_ROW = 64, 8
# Channels and filters from which runs of channels are long enough to copy and to add.
WIDE = 16
# Images copied at once when the batch turns innermost. More, a power of two apart, would evict each other from cache.
LINE = 16


class Geometry(NamedTuple):
    """The static description of one correlation; the options are those of `convolution.correlate`."""

    batch: int
    size: tuple[int, ...]
    channels: int
    filters: int
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    groups: int

    @property
    def padded(self) -> tuple[int, ...]:
        """The spatial size, padding included."""
        return tuple(n + low + high for n, (low, high) in zip(self.size, self.padding, strict=True))

    @property
    def out(self) -> tuple[int, ...]:
        """The number of windows along each spatial axis: floor((padded - (k - 1) dilation - 1) / stride) + 1."""
        axes = zip(self.padded, self.kernel, self.stride, self.dilation, strict=True)
        return tuple((n - (k - 1) * d - 1) // s + 1 for n, k, s, d in axes)

    @property
    def depth(self) -> int:
        """Channels of one group."""
        return self.channels // self.groups

    @property
    def width(self) -> int:
        """Filters of one group."""
        return self.filters // self.groups


class Plan(ABC):
    """The memory order, the windows and the tiles of one `Geometry`. It holds no arrays, so threads may share it."""

    order: tuple[int, ...]  # the axes of (N, *size, C), from outermost to innermost in memory
    column_axes: tuple[int, ...]  # those whose positions are columns, in the same order
    p = h = kh = row_stride = 1  # the rows, unless `arrange` finds an axis for them

    def __init__(self, geometry: Geometry) -> None:
        n, _, channels, filters, kernel, stride, padding, dilation, self.groups = self.geometry = geometry
        self.depth, self.width = geometry.depth, geometry.width
        self.arrange()
        self.inverse = tuple(np.argsort(self.order).tolist())
        self.padding = self._ordered(((0, 0), *padding, (0, 0)))
        self.padded = self._ordered((n, *geometry.padded, channels))
        self.output = self._ordered((n, *geometry.out, filters))
        self.interior = tuple(slice(low, m - high) for m, (low, high) in zip(self.padded, self.padding, strict=True))
        self.steps = {axis: prod(self.padded[i + 1 :]) for i, axis in enumerate(self.order)}
        spatial = [axis for axis in self.column_axes if axis]
        self.offsets = tuple(kernel[axis - 1] for axis in spatial)
        self.offset_steps = tuple(self.steps[axis] * dilation[axis - 1] for axis in spatial)
        self.columns = tuple((n, *geometry.out)[axis] for axis in self.column_axes)
        self.column_steps = tuple(self.steps[axis] * (1, *stride)[axis] for axis in self.column_axes)
        self.r, self.m = prod(self.offsets) * self.depth, prod(self.columns)

    def _ordered(self, logical: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(logical[axis] for axis in self.order)

    @abstractmethod
    def arrange(self) -> None:
        """Choose `order`, `column_axes` and the rows."""

    @abstractmethod
    def windows(self, packed: Array) -> Array:
        """View a packed input as all its windows."""

    @abstractmethod
    def at(self, tile: Index, offset: Index = ()) -> Index:
        """Give the index into `windows` of a tile, of the kernel offset alone if there is one."""

    @abstractmethod
    def as_rows(self, columns: Array) -> Array:
        """View the contiguous windows of a tile as (G, H, R, m)."""

    @abstractmethod
    def as_columns(self, columns: Array) -> Array:
        """View the contiguous windows of a tile as (G, P, K, m)."""

    @abstractmethod
    def grouped(self, y: Array) -> Array:
        """View an output in memory order as (G, P, F/G, M)."""

    def restore(self, a: Array) -> Array:
        """View an array in memory order as (N, *spatial, channels)."""
        return a.transpose(self.inverse)

    def pack(self, x: Array, dtype: DTypeLike) -> Array:
        """Give x (N, *size, C) in memory order and padded; as a view of x itself if that will do."""
        x, pads = x.transpose(self.order), any(map(any, self.padding))
        if not pads and x.dtype == dtype and x.flags.c_contiguous:
            return x
        packed = (np.zeros if pads else np.empty)(self.padded, dtype)
        self._copy(packed[self.interior], x)
        return packed

    def pack_output(self, g: Array, dtype: DTypeLike) -> Array:
        """Give g (N, *out, F) as (G, P, F/G, M) in memory order."""
        g = g.transpose(self.order)
        if g.dtype != dtype or not g.flags.c_contiguous:
            packed = np.empty(g.shape, dtype)
            self._copy(packed, g)
            g = packed
        return self.grouped(g)

    def _copy(self, target: Array, source: Array) -> None:
        n = source.shape[-1]
        images = LINE if self.order[-1] == 0 else n
        for i in range(0, n, images):
            target[..., i : i + images] = source[..., i : i + images]

    def pack_kernel(self, w: Array, dtype: DTypeLike) -> Array:
        """Give w (*kernel, C/G, F) as (G, kh, R, F/G)."""
        return np.asarray(w, dtype).reshape(self.kh, self.r, self.groups, self.width).transpose(2, 0, 1, 3)

    @cached_property
    def tile(self) -> tuple[int, ...]:
        """The shape of a tile: inner column axes whole, then part of one, so that it is a range of the M columns."""
        left = max(1, BUFFER // (self.groups * self.h * self.r))
        small = SMALL_PRODUCT // (self.kh * self.r * self.width)
        if self.p > 1 and small >= NARROW_TILE:  # the products of many rows are one call, so they may be small
            left = min(left, small)
        tile = []
        for n in reversed(self.columns):
            parts = -(-n // left)
            tile.append(-(-n // parts))
            left = max(1, left // n)
        return tuple(reversed(tile))

    def tiles(self) -> Iterator[tuple[slice, Index]]:
        """Yield the range of the M columns that each tile covers, and its slices of the column axes."""
        start = 0
        for corner in product(*(range(0, n, step) for n, step in zip(self.columns, self.tile, strict=True))):
            sides = zip(corner, self.tile, self.columns, strict=True)
            tile = tuple(slice(i, min(i + step, n)) for i, step, n in sides)
            stop = start + prod(s.stop - s.start for s in tile)
            yield slice(start, stop), tile
            start = stop

    def gather(self, packed: Array) -> Iterator[tuple[slice, Array]]:
        """Yield a range of the M columns and these columns (G, P, K, m), in a buffer that the next tile overwrites."""
        windows = self.windows(packed)
        if windows.flags.c_contiguous:  # a kernel of one point sees the input itself
            yield slice(None), self.as_columns(windows)
            return
        buffer = np.empty(windows[self.at(tuple(map(slice, self.tile)))].size, packed.dtype)
        for span, tile in self.tiles():
            seen = windows[self.at(tile)]
            columns = buffer[: seen.size].reshape(seen.shape)
            np.copyto(columns, seen)
            yield span, self.as_columns(columns)


class ChannelsInner(Plan):
    """Memory order (N, *size, C): windows are (N, *out, G, *kernel, C/G), copied in runs of C/G numbers."""

    def arrange(self) -> None:
        """Take all axes as they are, and no rows."""
        rank = len(self.geometry.size)
        self.column_axes, self.order = tuple(range(rank + 1)), tuple(range(rank + 2))

    def windows(self, packed: Array) -> Array:
        """View a packed input as (N, *out, G, *kernel, C/G)."""
        shape = (*self.columns, self.groups, *self.offsets, self.depth)
        return strided(packed, shape, (*self.column_steps, self.depth, *self.offset_steps, 1))

    def at(self, tile: Index, offset: Index = ()) -> Index:
        """Put the tile first, then all groups, then the offset."""
        return (*tile, slice(None), *offset) if offset else tile

    def as_rows(self, columns: Array) -> Array:
        """View the columns, contiguous in K, as (G, 1, K, m)."""
        return columns.reshape(-1, self.groups, self.r).transpose(1, 2, 0)[:, None]

    as_columns = as_rows

    def grouped(self, y: Array) -> Array:
        """View the output, contiguous in F, as (G, 1, F/G, M)."""
        return y.reshape(self.m, self.groups, self.width).transpose(1, 2, 0)[:, None]


class BatchInner(Plan):
    """Memory order ([rows], C, ..., N): runs of positions and images, long however few the channels.

    The first spatial axis can be left as rows. The columns of neighbouring rows of output then overlap in the buffer,
    because kernel rows follow each other there just as rows of input do: each number is copied R/C times, not K/C
    times, and all rows are multiplied in one call. Windows are (G, H, *other kernel axes, C/G, ..., N).
    """

    def arrange(self) -> None:
        """Choose rows where products stay small and a gradient moves fewer numbers: R + F/G for each column, not K."""
        geometry, rank = self.geometry, len(self.geometry.size)
        kernel, stride, rows = geometry.kernel, geometry.stride, geometry.out[0]
        h, r = (rows - 1) * stride[0] + kernel[0], prod(kernel[1:]) * self.depth
        possible = geometry.dilation[0] == 1 and stride[0] <= kernel[0]
        long = geometry.batch * prod(geometry.out[1:]) >= NARROW_ROW
        fits = h * r * self.groups * NARROW_ROW <= BUFFER
        small = kernel[0] * r * self.width * NARROW_TILE <= SMALL_PRODUCT
        if possible and long and fits and small and r + self.width <= kernel[0] * r:
            self.p, self.h, self.kh, self.row_stride = rows, h, kernel[0], stride[0]
            self.column_axes = (*range(2, rank + 1), 0)
            self.order = (1, rank + 1, *self.column_axes)
        else:
            self.column_axes = (*range(1, rank + 1), 0)
            self.order = (rank + 1, *self.column_axes)

    def windows(self, packed: Array) -> Array:
        """View a packed input as (G, H, *other kernel axes, C/G, ..., N)."""
        channel = self.steps[len(self.geometry.size) + 1]
        shape = (self.groups, self.h, *self.offsets, self.depth, *self.columns)
        steps = (channel * self.depth, self.steps[1], *self.offset_steps, channel, *self.column_steps)
        return strided(packed, shape, steps)

    def at(self, tile: Index, offset: Index = ()) -> Index:
        """Put the tile last, the offset behind groups and rows."""
        return (slice(None), slice(None), *offset, slice(None), *tile) if offset else (..., *tile)

    def as_rows(self, columns: Array) -> Array:
        """View the columns as (G, H, R, m)."""
        return columns.reshape(self.groups, self.h, self.r, -1)

    def as_columns(self, columns: Array) -> Array:
        """View the columns as (G, P, K, m), in which neighbours among P overlap."""
        m = columns.size // (self.groups * self.h * self.r)
        row = self.r * m
        shape = (self.groups, self.p, self.kh * self.r, m)
        return strided(columns, shape, (self.h * row, self.row_stride * row, m, 1))

    def grouped(self, y: Array) -> Array:
        """View the output as (G, P, F/G, M)."""
        return y.reshape(self.p, self.groups, self.width, self.m).swapaxes(0, 1)


def strided(a: Array, shape: tuple[int, ...], steps: tuple[int, ...], start: int = 0) -> Array:
    """View a contiguous array, with steps and start counted in elements; bounds are checked, unlike `as_strided`'s."""
    return np.ndarray(shape, a.dtype, a, start * a.itemsize, tuple(step * a.itemsize for step in steps))


@lru_cache(maxsize=1024)
def plan(geometry: Geometry, channels_inner: bool) -> Plan:
    """Plan in the batch-inner order, except for wide layers whose input already lies with its channels innermost.

    Both orders run wide layers equally fast, so these keep the one they find; narrow layers are worth a transposition.
    """
    wide = min(geometry.depth, geometry.width) >= WIDE
    return (ChannelsInner if wide and channels_inner else BatchInner)(geometry)
