"""Columns for narrow layers: neighbouring rows of output share them, and each product is small.

The memory order is (rows, C, other axes, N). In a buffer of columns kernel rows follow each other as rows of input do,
so the columns of neighbouring rows of output overlap: each number is copied R/C times, not K/C times. The products of
all rows are one call of `matmul` on overlapping views. OpenBLAS does not pack the factors of small products, which
makes them its fastest. GF/s a thread of (F, K) @ (K, 448), one core of an EPYC with AVX-512, 1024-cubed 100 to 110:

    F           4    6    8   12   16   32
    K = 25     64   66   78   89   94   98
    K = 150    56   51   85   97  101  110

Names of lengths: G groups; P rows of output and H the rows of input they see; kh kernel rows; R the numbers of a column
in one row of input, (other kernel axes) C/G; K = kh R those of a whole column; M columns: the positions of all images,
but for the rows.
"""

from collections.abc import Iterator
from functools import cached_property, lru_cache
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from tinygrad_np.kernels import columns
from tinygrad_np.kernels.columns import Array, Geometry, Index, Plan, Tile, View, shares

# Multiplications in a product for which OpenBLAS wakes no second thread (its limit is 2**18): on a machine whose other
# processors are busy, each waking can cost a time slice, a hundred times the product. Up to four times as many it still
# does not pack; such products are for shared work, where it is held at one thread.
SMALL_PRODUCT = 260_000
# Columns below which a product is too narrow, and a row of output.
NARROW_PRODUCT, NARROW_ROW = 64, 8
# Numbers in a vector register; blocks of columns begin where one does.
VECTOR = 16
# Filters from which the products of a kernel gradient run at full speed; fewer take some rows of output together.
FULL_HEIGHT = 16
# Multiplications by zeros that cost as much as ten calls of `matmul`, which lose more where two threads make them.
SMALL_WASTE = 4_000_000


class Product(NamedTuple):
    """One call of `matmul`: views of its factors, or of a factor and its result."""

    columns: View
    other: View


class Taps(NamedTuple):
    """The product that gives some rows of input, a row stride apart, their gradients from the same taps.

    Taps are kernel rows, a row stride apart as well and last to first.
    """

    phase: int
    taps: slice
    product: Product


class Block(NamedTuple):
    """Neighbouring rows of input, and a tile of their columns: the shape of these, and all their products.

    Each shift is the index of a kernel offset into the windows of these rows and into the columns.
    """

    rows: slice
    shape: tuple[int, ...]
    products: tuple[Taps, ...]
    shifts: tuple[tuple[Index, Index], ...]


class Rows(Plan):
    """The plan: windows are (G, H, *other kernel axes, C/G, *other axes, N)."""

    def arrange(self) -> None:
        """Put the rows first and the batch last."""
        geometry, rank = self.geometry, len(self.geometry.size)
        self.column_axes = (*range(2, rank + 1), 0)
        self.order = (1, rank + 1, *self.column_axes)
        self.p, self.kh, self.row_stride = geometry.out[0], geometry.kernel[0], geometry.stride[0]
        self.height = (self.p - 1) * self.row_stride + self.kh
        self.limit = SMALL_PRODUCT * (1 if shares(geometry) == 1 else 4)

    def window_view(self) -> View:
        """Describe a packed input as (G, H, *other kernel axes, C/G, *other axes, N)."""
        channel = self.steps[len(self.geometry.size) + 1]
        shape = (self.groups, self.height, *self.offsets, self.depth, *self.columns)
        return self.view(shape, (channel * self.depth, self.steps[1], *self.offset_steps, channel, *self.column_steps))

    def at(self, tile: Tile, offset: Index = ()) -> Index:
        """Put the tile last, the offset behind groups and rows."""
        return (slice(None), slice(None), *offset, slice(None), *tile.sides) if offset else (..., *tile.sides)

    def pack_kernel(self, w: Array, dtype: DTypeLike) -> Array:
        """Give w (*kernel, C/G, F) as (G, F/G, kh, R)."""
        return np.asarray(w, dtype).reshape(self.kh, self.r, self.groups, self.width).transpose(2, 3, 0, 1)

    def blocks(self, m: int, size: int) -> Iterator[tuple[int, int, int]]:
        """Cut m columns for products of so many multiplications a column: (start, how many, columns of each)."""
        parts = -(-m // max(1, max(NARROW_PRODUCT, self.limit // size) // VECTOR * VECTOR))
        length = m if parts == 1 else -(-m // (parts * VECTOR)) * VECTOR
        count = m // length
        yield 0, count, length
        if m % length:
            yield count * length, 1, m % length

    @cached_property
    def forward(self) -> tuple[tuple[Product, ...], ...]:
        """For each tile the products, of columns (G, P, n, K, m) to an output (G, P, n, F/G, m)."""
        return tuple(tuple(self._products(tile, 1, self.kh * self.r)) for tile in self.tiles)

    @cached_property
    def together(self) -> int:
        """The rows of output that a product for the kernel gradient takes together.

        A row of g (F, m) times columns (K, m)ᵀ is slow where F is small. Rows p and p + 1 see kh + 1 rows of input, so
        (2 F, m) times ((kh + 1) R, m)ᵀ has the wanted products of both, and 1 in kh + 1 is in vain: at F = 6, kh = 5
        that is 56 useful GF/s instead of 33.
        """
        most = 1 if self.groups > 1 else min(self.kh, FULL_HEIGHT // self.width)
        return max(q for q in range(1, max(1, most) + 1) if q == 1 or (self.p % q == 0 and self._fits(q)))

    def _fits(self, q: int) -> bool:
        """Whether products of q rows are still small."""
        reach = (q - 1) * self.row_stride + self.kh
        return q * self.width * reach * self.r * NARROW_PRODUCT <= self.limit

    @cached_property
    def reach(self) -> int:
        """The rows of input that so many rows of output see."""
        return (self.together - 1) * self.row_stride + self.kh

    @cached_property
    def backward(self) -> tuple[tuple[Product, ...], ...]:
        """For each tile the products, of columns (G, P/q, n, reach R, m) with g (G, P/q, n, q F/G, m)."""
        return tuple(tuple(self._products(tile, self.together, self.reach * self.r)) for tile in self.tiles)

    def _products(self, tile: Tile, q: int, k: int) -> Iterator[Product]:
        g, f, m = self.groups, self.width, tile.span.stop - tile.span.start
        row = self.r * m
        for start, n, length in self.blocks(m, q * f * k):
            sizes = (g, self.p // q, n)
            steps = (f * self.m, q * g * f * self.m, length, self.m, 1)
            yield Product(
                self.view((*sizes, k, length), (self.height * row, q * self.row_stride * row, length, m, 1), start),
                self.view((*sizes, q * f, length), steps, tile.span.start + start),
            )

    @cached_property
    def border(self) -> int:
        """Rows of zeros around g, so that all rows of input meet all taps; none where they would cost too much."""
        reach = -(-self.kh // self.row_stride) - 1
        waste = reach * (reach + 1) * self.row_stride * self.r * self.width * self.groups * self.m
        return reach if waste < SMALL_WASTE or self.groups > 1 else 0

    @cached_property
    def tasks(self) -> tuple[tuple[Block, ...], ...]:
        """The blocks of all rows of input, those together that one thread takes."""
        rows = min(columns.BUFFER // (self.groups * self.r * self.m), -(-self.height // shares(self.geometry)))
        rows = max(1, rows)
        tasks = tuple(tuple(self._blocks(i, min(i + rows, self.height))) for i in range(0, self.height, rows))
        return tasks if shares(self.geometry) > 1 else (tuple(block for task in tasks for block in task),)

    def _blocks(self, start: int, stop: int) -> Iterator[Block]:
        for tile in self.cut(self.groups * (stop - start) * self.r, 1):
            sides = tuple(side.stop - side.start for side in tile.sides)
            yield Block(
                slice(start, stop),
                (self.groups, stop - start, *self.offsets, self.depth, *sides),
                tuple(self._taps(tile, start, stop)),
                tuple((self.at(tile, offset), self.at(self.whole, offset)) for offset in np.ndindex(self.offsets)),
            )

    def _taps(self, tile: Tile, start: int, stop: int) -> Iterator[Taps]:
        alike: dict[tuple[int, int, int], list[int]] = {}
        for i in range(start, stop):
            row, phase = divmod(i, self.row_stride)
            taps = self._count(phase)
            # Tap t, from last to first, meets row + t - taps + 1 of g, if there is one.
            least = 0 if self.border else max(0, taps - 1 - row)
            most = taps if self.border else min(taps, self.p + taps - 1 - row)
            alike.setdefault((phase, least, most), []).append(row)
        for (phase, least, most), rows in alike.items():
            first = rows[0] + least - self._count(phase) + 1 + self.border
            place = phase + rows[0] * self.row_stride - start
            for product in self._product(tile, stop - start, place, len(rows), first, (most - least) * self.width):
                yield Taps(phase, slice(least * self.width, most * self.width), product)

    def _count(self, phase: int) -> int:
        """Count the kernel rows phase, phase + stride, ..., the taps of the rows of input of this phase."""
        return -(-(self.kh - phase) // self.row_stride)

    def _product(self, tile: Tile, high: int, place: int, rows: int, first: int, k: int) -> Iterator[Product]:
        """Give rows of columns from `place` on, of `high` in the buffer, k numbers of each row of g from `first` on."""
        m = tile.span.stop - tile.span.start
        row, of_g = self.r * m, self.width * self.m
        for start, n, length in self.blocks(m, self.r * k):
            sizes, begin = (self.groups, rows, n), first * of_g + tile.span.start + start
            yield Product(
                self.view(
                    (*sizes, self.r, length), (high * row, self.row_stride * row, length, m, 1), place * row + start
                ),
                self.view((*sizes, k, length), ((self.p + 2 * self.border) * of_g, of_g, length, self.m, 1), begin),
            )


@lru_cache(maxsize=1024)
def suits(geometry: Geometry) -> bool:
    """Whether rows can share columns, and products are small.

    The rows must overlap or touch, be long enough, and a few columns of them must fit the buffer.
    """
    kernel, stride, rows = geometry.kernel, geometry.stride, geometry.out[0]
    r = prod(kernel[1:]) * geometry.depth
    height = (rows - 1) * stride[0] + kernel[0]
    possible = geometry.dilation[0] == 1 and stride[0] <= kernel[0] and rows > 1
    long = geometry.batch * prod(geometry.out[1:]) >= NARROW_ROW
    fits = height * r * geometry.groups * NARROW_ROW <= columns.BUFFER
    limit = SMALL_PRODUCT * (1 if shares(geometry) == 1 else 4)
    small = kernel[0] * r * geometry.width * NARROW_PRODUCT <= limit
    return possible and long and fits and small


@lru_cache(maxsize=1024)
def plan(geometry: Geometry, itemsize: int) -> Rows:
    """Plan, once for each geometry."""
    return Rows(geometry, itemsize)
