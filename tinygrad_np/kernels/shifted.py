"""A correlation as products with whole rows of the input, whose results are shifted and added: nothing is copied.

In the memory order (rows, C, columns, N), which `rows` has too, the rows of input that a row of output sees lie one
after the other, and are a matrix X (kernel rows * C, columns * N) as they stand. With the weights as a matrix of a row
for each filter and each tap of the kernel's last axis, one product has all that these taps make of them:

    Z[s, f] = sum over r, c of w[r, s, c, f] X[r, c]
    y[f, q] = sum over s of Z[s, f, q + s d - low]

Rows and columns that do not exist are left out: the rows of X with their weights, the columns of the sums. So there is
no padding either. With a stride in the last axis, columns that are so far apart are put side by side first, each phase
by itself, and the taps that see the same phase are one product; with a dilation in the first, rows that are so far
apart. The product has as many flops as the correlation and is long in all its dimensions; to add up the
taps costs a pass over y for each, while it is in the cache. The kernel gradient is for each tap

    w_bar[s] = sum over rows of X[:, q + s d - low] g[:, q]ᵀ

and the input gradient a correlation of g. GF/s of one core of an EPYC with AVX-512, 3 x 3, 900 to 1,800 columns, where
a product of 1024-cubed has 198, and in brackets the same by `direct`:

    C, F                 32, 32      32, 64     64, 64     128, 128
    correlate         149  (95)        168        187         202
    kernel gradient   130  (73)        149        175         191

Needed: one or two spatial axes, one group.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby, pairwise
from math import ceil, prod
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from tinygrad_np.kernels.blocks import with_rows
from tinygrad_np.kernels.columns import Array, Geometry, contiguous, turn
from tinygrad_np.kernels.threads import hold_blas, parallel, portions
from tinygrad_np.kernels.transposed import input_gradient as transposed

# Numbers in Z: 1 MB of float32, what the L2 cache holds.
BUFFER = 1 << 18
# Columns of a strip for each one at its ends from which all taps are one product.
FEW_IN_VAIN = 8
# Columns of a product at least, and numbers in a column of X.
LONG, HIGH = 96, 48


class Tap(NamedTuple):
    """A tap of the last axis: columns of the output to which it gives something, and those of the input that it sees.

    The slices of all that follows count numbers: a column of the image is as many of them as there are images.
    """

    s: int
    phase: int
    given: slice
    seen: slice


class Strip(NamedTuple):
    """Columns of the output; products for it, of some taps with some columns of the input; and how to add them up.

    A sum is a range of the strip's columns and, for each tap that gives something to them, its number and the range in
    its product.
    """

    columns: slice
    products: tuple[tuple[slice, slice], ...]
    sums: tuple[tuple[slice, tuple[tuple[int, slice], ...]], ...]


class Row(NamedTuple):
    """A row of output: the kernel's rows that meet a row of the input, and the rows that they see."""

    taps: slice
    seen: slice


class Plan:
    """The rows, strips and taps of a correlation of two spatial axes. Taps are sorted by phase, and counted so."""

    def __init__(self, geometry: Geometry) -> None:
        n, kw, q, dilation = geometry.batch, geometry.kernel[1], geometry.out[1], geometry.dilation[1]
        self.rows = list(_rows(geometry))
        self.taps = sorted(_taps(geometry), key=lambda tap: tap.phase)
        step = max(1, min(q, BUFFER // (n * geometry.filters * kw)))
        step = ceil(q / ceil(q / step))
        # Taps in one product compute the columns at the ends of a strip in vain.
        together = step == q or step >= FEW_IN_VAIN * (kw - 1) * dilation
        self.strips = [self._strip(_times(i, min(i + step, q), n), together) for i in range(0, q, step)]

    def _strip(self, columns: slice, together: bool) -> Strip:
        start, stop = columns.start, columns.stop
        taps = [
            (i, a, b, tap.seen.start - tap.given.start)
            for i, tap in enumerate(self.taps)
            if (a := max(tap.given.start, start)) < (b := min(tap.given.stop, stop))
        ]
        low: dict[int, int] = {}
        products = []
        for _, group in groupby(taps, lambda tap: self.taps[tap[0]].phase if together else tap[0]):
            alike = list(group)
            first, reach = min(a + shift for _, a, _, shift in alike), max(b + shift for _, _, b, shift in alike)
            products.append((slice(alike[0][0], alike[-1][0] + 1), slice(first, reach)))
            low.update((i, first) for i, *_ in alike)
        edges = sorted({start, stop, *(end for _, a, b, _ in taps for end in (a, b))})
        sums = tuple(
            (
                slice(a - start, b - start),
                tuple((t, slice(a + by - low[t], b + by - low[t])) for t, i, j, by in taps if i <= a and b <= j),
            )
            for a, b in pairwise(edges)
        )
        return Strip(columns, tuple(products), sums)


def _rows(geometry: Geometry) -> Iterator[Row]:
    (high, _), (kh, _), (stride, _), (dilation, _) = geometry.size, geometry.kernel, geometry.stride, geometry.dilation
    places = np.argsort(np.concatenate([np.arange(phase, high, dilation) for phase in range(dilation)])).tolist()
    for p in range(geometry.out[0]):
        start = p * stride - geometry.padding[0][0]
        first = min(kh, max(0, ceil(-start / dilation)))
        last = max(first, min(kh, ceil((high - start) / dilation)))
        place = places[start + first * dilation] if first < last else 0
        yield Row(_times(first, last, geometry.channels), _times(place, place + last - first, geometry.channels))


def _taps(geometry: Geometry) -> Iterator[Tap]:
    wide, stride, n = geometry.size[1], geometry.stride[1], geometry.batch
    for s in range(geometry.kernel[1]):
        shift, phase = divmod(s * geometry.dilation[1] - geometry.padding[1][0], stride)
        a, b = max(0, -shift), min(geometry.out[1], len(range(phase, wide, stride)) - shift)
        shift += phase * ceil(wide / stride)
        if a < b:
            yield Tap(s, phase, _times(a, b, n), _times(a + shift, b + shift, n))


def _times(start: int, stop: int, length: int) -> slice:
    return slice(start * length, stop * length)


@lru_cache(maxsize=1024)
def plan(geometry: Geometry) -> Plan:
    """Plan, once for each geometry."""
    return Plan(geometry)


def applies(geometry: Geometry) -> bool:
    """Whether this algorithm can compute the correlation and its kernel gradient, with products that are long."""
    return (
        len(geometry.size) <= 2
        and geometry.groups == 1
        and geometry.batch * geometry.out[-1] >= LONG
        and prod(geometry.kernel[:-1]) * geometry.channels >= HIGH
    )


def has_phases(geometry: Geometry) -> bool:
    """Whether rows or columns must be put side by side."""
    return geometry.stride[-1] > 1 or prod(geometry.dilation[:-1]) > 1


def correlate(geometry: Geometry, x: Array, w: Array, dtype: DTypeLike) -> Array:
    """Compute y as sums of shifted products."""
    flat, x, _ = with_rows(geometry, x, x)
    (high, wide), filters = flat.out, flat.filters
    layout, packed = plan(flat), _packed(flat, x, dtype)
    weights = w.astype(dtype, copy=False).reshape(*flat.kernel, flat.channels, filters).transpose(1, 3, 0, 2)
    weights = weights[[tap.s for tap in layout.taps]].reshape(-1, flat.kernel[0] * flat.channels)
    y = np.empty((high, filters, wide, flat.batch), dtype)
    outputs = y.reshape(high, filters, -1)
    parts = portions([(p, strip) for p in range(high) for strip in layout.strips], flat.multiplications)

    def task(i: int) -> None:
        for p, strip in parts[i]:
            rows, seen = layout.rows[p]
            products: dict[int, Array] = {}
            for some, columns in strip.products:
                product = np.matmul(weights[_times(some.start, some.stop, filters), rows], packed[seen, columns])
                of_taps = product.reshape(-1, filters, product.shape[1])
                products.update(zip(range(some.start, some.stop), of_taps, strict=True))
            _add_taps(products, strip, outputs[p, :, strip.columns])

    with hold_blas():  # also for one part, whose products are large
        parallel(task, len(parts))
    y = y.transpose(3, 0, 2, 1)
    return y if flat is geometry else y[:, 0]


def _add_taps(products: dict[int, Array], strip: Strip, y: Array) -> None:
    """Write to y (F, columns) the sums over taps of their products (F, columns)."""
    for columns, taps in strip.sums:
        of_taps = [products[tap][:, seen] for tap, seen in taps]
        total = y[:, columns]
        if len(of_taps) < 2:
            total[...] = of_taps[0] if of_taps else 0
            continue
        np.add(of_taps[0], of_taps[1], out=total)
        for of_tap in of_taps[2:]:
            total += of_tap


def kernel_gradient(geometry: Geometry, x: Array, g: Array, dtype: DTypeLike) -> Array:
    """Compute w_bar[s] = sum over rows of X[:, q + s d - low] g[:, q]ᵀ."""
    flat, x, g = with_rows(geometry, x, g)
    layout, packed = plan(flat), _packed(flat, x, dtype)
    g = _turned(g, dtype).reshape(flat.out[0], flat.filters, -1)
    parts = portions(range(len(g)), flat.multiplications, most=8)
    sums = np.zeros((len(parts), flat.kernel[1], flat.kernel[0] * flat.channels, flat.filters), dtype)

    def task(i: int) -> None:
        for p in parts[i]:
            rows, seen = layout.rows[p]
            for s, _, given, columns in layout.taps:
                sums[i, s, rows] += packed[seen, columns] @ g[p, :, given].T

    with hold_blas():  # also for one part, whose products are large
        parallel(task, len(parts))
    w_bar = sums.sum(0).reshape(*flat.kernel[::-1], flat.channels, flat.filters).swapaxes(0, 1)
    return np.ascontiguousarray(w_bar).reshape(*geometry.kernel, flat.channels, flat.filters)


def input_gradient(geometry: Geometry, g: Array, w: Array, dtype: DTypeLike) -> Array:
    """Compute a correlation of g, see `transposed`."""
    return transposed(correlate, geometry, g, w, dtype)


def _packed(geometry: Geometry, x: Array, dtype: DTypeLike) -> Array:
    """Give x (N, rows, columns, C) as (rows * C, columns * N), those of the same phase side by side."""
    dilation, stride, (high, wide) = geometry.dilation[0], geometry.stride[1], geometry.size
    if not has_phases(geometry):
        return _turned(x, dtype).reshape(high * geometry.channels, wide * geometry.batch)
    packed = np.empty((high, geometry.channels, stride, ceil(wide / stride), geometry.batch), dtype)
    start = 0
    for i in range(dilation):
        rows = x[:, i::dilation]
        for j in range(stride):
            part = rows[:, :, j::stride].transpose(1, 3, 2, 0)
            turn(packed[start : start + len(part), :, j, : part.shape[2]], part)
        start += rows.shape[1]
    return packed.reshape(high * geometry.channels, -1)


def _turned(a: Array, dtype: DTypeLike) -> Array:
    """Give a (N, rows, columns, C) as (rows, C, columns, N), contiguous; as a view of a itself if that will do."""
    return contiguous(a.transpose(1, 3, 2, 0), dtype)
