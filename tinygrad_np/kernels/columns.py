"""How a correlation becomes matrix products: a memory order, a view of all windows, and tiles of output positions.

Every kernel by columns is a product with columns: a column holds what one window of the input sees (im2col). A plan
settles, from shapes alone, in which order the arrays lie in memory and how the columns are cut into tiles: so many that
their buffers are bounded and that the threads can share them.

Names of lengths: G groups; K numbers of a column, prod(kernel) C/G; M columns, the positions of all images.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cached_property, lru_cache
from itertools import groupby, product
from math import prod
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from tinygrad_np.kernels.order import inverse
from tinygrad_np.kernels.threads import parallel

Array: TypeAlias = NDArray[Any]
Index: TypeAlias = tuple[Any, ...]

# Numbers in a buffer of columns: 1 MB of float32, so that it is still in the L2 cache when the product reads it.
BUFFER = 1 << 18
# Multiplications for which one thread takes some 100 microseconds, twice what it costs to fork and join. Less than two
# such shares are left to one thread; more than MOST_SHARES would be too small to run well.
SHARE, MOST_SHARES = 5_000_000, 8
# Channels and filters from which runs of channels are long enough to copy and to add.
WIDE = 16
# Images copied at once when the batch turns innermost. More, a power of two apart, would evict each other from cache.
LINE = 16


# Numbers whose turning round is worth a task: some 150 microseconds.
TURNED = 1 << 17


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

    @property
    def multiplications(self) -> int:
        """How many the correlation takes, and each of its transposes."""
        return self.batch * prod(self.out) * prod(self.kernel) * self.depth * self.filters


class View(NamedTuple):
    """How to see a contiguous array of another shape; offset and strides are in bytes."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int = 0

    def of(self, a: Array) -> Array:
        """View an array so; bounds are checked, unlike `as_strided`'s."""
        return np.ndarray(self.shape, a.dtype, a, self.offset, self.strides)


class Tile(NamedTuple):
    """Some of the M columns: their range, and their slices of the column axes."""

    span: slice
    sides: tuple[slice, ...]


class Plan(ABC):
    """The memory order, the windows and the tiles of one `Geometry`. It holds no arrays, so threads may share it."""

    order: tuple[int, ...]  # the axes of (N, *size, C), from outermost to innermost in memory
    column_axes: tuple[int, ...]  # those whose positions are columns, in the same order
    height = 1  # rows of input that share a buffer, with R numbers of a column in each: see `rows`

    def __init__(self, geometry: Geometry, itemsize: int) -> None:
        n, _, channels, filters, kernel, stride, padding, dilation, self.groups = self.geometry = geometry
        self.depth, self.width, self.itemsize = geometry.depth, geometry.width, itemsize
        self.arrange()
        self.inverse = inverse(self.order)
        self.padding = self._ordered(((0, 0), *padding, (0, 0)))
        self.pads = any(map(any, padding))
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
        self.windows = self.window_view()
        self.whole = Tile(slice(None), (slice(None),) * len(self.columns))
        self.tiles = tuple(self.cut(self.groups * self.height * self.r, shares(geometry)))

    def _ordered(self, logical: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(logical[axis] for axis in self.order)

    def view(self, shape: tuple[int, ...], steps: tuple[int, ...], start: int = 0) -> View:
        """Describe a view whose steps and start are counted in elements."""
        return View(shape, tuple(step * self.itemsize for step in steps), start * self.itemsize)

    @abstractmethod
    def arrange(self) -> None:
        """Choose `order` and `column_axes`."""

    @abstractmethod
    def window_view(self) -> View:
        """Describe a packed input as all its windows, the column axes in one block."""

    @abstractmethod
    def at(self, tile: Tile, offset: Index = ()) -> Index:
        """Give the index into the windows of a tile, of the kernel offset alone if there is one."""

    def restore(self, a: Array) -> Array:
        """View an array in memory order as (N, *spatial, channels)."""
        return a.transpose(self.inverse)

    def pack(self, x: Array, dtype: DTypeLike) -> Array:
        """Give x (N, *size, C) in memory order and padded; as a view of x itself if that will do."""
        x = x.transpose(self.order)
        if self.pads:
            packed = np.zeros(self.padded, dtype)
            turn(packed[self.interior], x)
            return packed
        return contiguous(x, dtype)

    def pack_output(self, g: Array, dtype: DTypeLike) -> Array:
        """Give g (N, *out, F) in memory order; as a view of g itself if that will do."""
        return contiguous(g.transpose(self.order), dtype)

    def cut(self, numbers: int, least: int) -> Iterator[Tile]:
        """Cut the columns, of so many numbers each, into tiles that about fit the buffer, and about `least` or more.

        A tile is a range of the M columns: inner column axes whole, then part of one.
        """
        parts = max(least, -(-self.m * numbers // BUFFER))
        left = -(-self.m // (parts + parts % 2 if least > 1 else parts))
        steps = []
        for n in reversed(self.columns):
            parts = -(-n // left)
            steps.append(-(-n // parts))
            left = max(1, left // n)
        start = 0
        for corner in product(*(range(0, n, step) for n, step in zip(self.columns, reversed(steps), strict=True))):
            sides = zip(corner, reversed(steps), self.columns, strict=True)
            tile = tuple(slice(i, min(i + step, n)) for i, step, n in sides)
            stop = start + prod(s.stop - s.start for s in tile)
            yield Tile(slice(start, stop), tile)
            start = stop

    def gather(self, packed: Array, tile: Tile) -> Array:
        """Copy the windows of a tile, so that they are contiguous; a kernel of one point sees the input itself."""
        windows = self.windows.of(packed)
        return windows if len(self.tiles) == 1 and windows.flags.c_contiguous else windows[self.at(tile)].copy()


class Columns(Plan):
    """A plan in which a tile of columns is one matrix a group."""

    @property
    def disjoint(self) -> tuple[tuple[Tile, ...], ...]:
        """The tiles, those together whose windows may overlap."""
        return (self.tiles,)

    @abstractmethod
    def as_matrix(self, columns: Array) -> Array:
        """View the contiguous windows of a tile as (G, K, m)."""

    @abstractmethod
    def grouped(self, y: Array) -> Array:
        """View an output in memory order as (G, F/G, M)."""

    def pack_kernel(self, w: Array, dtype: DTypeLike) -> Array:
        """Give w (*kernel, C/G, F) as (G, K, F/G)."""
        return np.asarray(w, dtype).reshape(self.r, self.groups, self.width).swapaxes(0, 1)


class ChannelsInner(Columns):
    """Memory order (N, *size, C): windows are (N, *out, G, *kernel, C/G), copied in runs of C/G numbers."""

    def arrange(self) -> None:
        """Take all axes as they are."""
        rank = len(self.geometry.size)
        self.column_axes, self.order = tuple(range(rank + 1)), tuple(range(rank + 2))

    def window_view(self) -> View:
        """Describe a packed input as (N, *out, G, *kernel, C/G)."""
        shape = (*self.columns, self.groups, *self.offsets, self.depth)
        return self.view(shape, (*self.column_steps, self.depth, *self.offset_steps, 1))

    def at(self, tile: Tile, offset: Index = ()) -> Index:
        """Put the tile first, then all groups, then the offset."""
        return (*tile.sides, slice(None), *offset) if offset else tile.sides

    @cached_property
    def disjoint(self) -> tuple[tuple[Tile, ...], ...]:
        """The tiles, those of the same images together."""
        return tuple(tuple(tiles) for _, tiles in groupby(self.tiles, lambda tile: tile.sides[0].start))

    def as_matrix(self, columns: Array) -> Array:
        """View the columns, contiguous in K, as (G, K, m)."""
        return columns.reshape(-1, self.groups, self.r).transpose(1, 2, 0)

    def grouped(self, y: Array) -> Array:
        """View the output, contiguous in F, as (G, F/G, M)."""
        return y.reshape(self.m, self.groups, self.width).transpose(1, 2, 0)


class BatchInner(Columns):
    """Memory order (C, *size, N): runs of positions and images, long however few the channels.

    Windows are (G, *kernel, C/G, *out, N).
    """

    def arrange(self) -> None:
        """Put channels first and the batch last."""
        rank = len(self.geometry.size)
        self.column_axes = (*range(1, rank + 1), 0)
        self.order = (rank + 1, *self.column_axes)

    def window_view(self) -> View:
        """Describe a packed input as (G, *kernel, C/G, *out, N)."""
        channel = self.steps[len(self.geometry.size) + 1]
        shape = (self.groups, *self.offsets, self.depth, *self.columns)
        return self.view(shape, (channel * self.depth, *self.offset_steps, channel, *self.column_steps))

    def at(self, tile: Tile, offset: Index = ()) -> Index:
        """Put the tile last, the offset behind the groups."""
        return (slice(None), *offset, slice(None), *tile.sides) if offset else (..., *tile.sides)

    def as_matrix(self, columns: Array) -> Array:
        """View the columns as (G, K, m)."""
        return columns.reshape(self.groups, self.r, -1)

    def grouped(self, y: Array) -> Array:
        """View the output as (G, F/G, M)."""
        return y.reshape(self.groups, self.width, self.m)


class FiltersInner(BatchInner):
    """One image of one channel, which lies in either order, and an output (1, *out, F) of many filters.

    Columns are those of `BatchInner`. Its output would be runs of a row; runs of filters are easier to pool.
    """

    def arrange(self) -> None:
        """Take all axes as they are, but for the columns'."""
        super().arrange()
        self.order = tuple(range(len(self.order)))

    def grouped(self, y: Array) -> Array:
        """View the output, contiguous in F, as (1, F, M)."""
        return y.reshape(1, self.m, self.width).swapaxes(1, 2)


def turn(target: Array, source: Array) -> None:
    """Copy an array, of which another axis than the target's is innermost in memory, in threads if it is large."""
    n = source.shape[-1]
    if n <= LINE or source.strides[-1] == source.itemsize:
        target[...] = source
    elif source.size < 2 * TURNED:
        _turn(target, source)
    else:
        axis = int(np.argmax(np.abs(source.strides[:-1])))
        target, source = np.moveaxis(target, axis, 0), np.moveaxis(source, axis, 0)
        length, tasks = len(source), min(32, len(source), source.size // TURNED)
        parts = [slice(length * i // tasks, length * (i + 1) // tasks) for i in range(tasks)]
        parallel(lambda i: _turn(target[parts[i]], source[parts[i]]), tasks)


def _turn(target: Array, source: Array) -> None:
    for i in range(0, source.shape[-1], LINE):
        target[..., i : i + LINE] = source[..., i : i + LINE]


def contiguous(a: Array, dtype: DTypeLike) -> Array:
    """Give an array without gaps and with a dtype, itself if it is so."""
    if a.dtype == dtype and a.flags.c_contiguous:
        return a
    packed = np.empty(a.shape, dtype)
    turn(packed, a)
    return packed


def shares(geometry: Geometry) -> int:
    """Give the number of shares that the work of one kernel is worth: one, or an even number."""
    return min(MOST_SHARES, max(1, geometry.multiplications // (2 * SHARE) * 2))


def stays_channels_inner(geometry: Geometry, a: Array) -> bool:
    """Whether a, the input or the output's cotangent, lies with its channels innermost and best stays so.

    Both orders run wide layers equally fast, so these keep the one they find; narrow layers are worth a transposition.
    """
    return a.strides[-1] == a.itemsize and min(geometry.depth, geometry.width) >= WIDE


@lru_cache(maxsize=1024)
def plan(geometry: Geometry, channels_inner: bool, itemsize: int) -> Columns:
    """Plan, once for each geometry, in one of the two orders; one image of one channel lies in both."""
    if geometry.batch == geometry.channels == 1 and geometry.filters >= WIDE:
        return FiltersInner(geometry, itemsize)
    return (ChannelsInner if channels_inner else BatchInner)(geometry, itemsize)
