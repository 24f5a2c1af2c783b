"""Sliding windows: their options, and which elements of the input they see."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any, NamedTuple, TypeAlias, TypedDict

from .order import Sizes

Padding: TypeAlias = tuple[tuple[int, int], ...]
Slices: TypeAlias = tuple[slice, ...]


class Windows(TypedDict):
    """The options of a pooling, one entry a spatial axis.

    `stride` and `dilation` are positive, `padding` has non-negative pairs (low, high). By `output_size` the last
    window may hang over the padded end, into more padding.
    """

    kernel_size: Sizes
    stride: Sizes
    padding: Padding
    dilation: Sizes
    output_size: Sizes


class Axis(NamedTuple):
    """The windows along one spatial axis: its size and its entries of the options."""

    size: int
    kernel: int
    stride: int
    low: int
    dilation: int
    out: int

    @property
    def disjoint(self) -> bool:
        """Whether no two windows overlap."""
        return self.stride > (self.kernel - 1) * self.dilation

    @property
    def tiled(self) -> bool:
        """Whether the windows follow each other from the start without a gap, overlap or overhang."""
        return (
            self.low == 0 and self.dilation == 1 and self.stride == self.kernel and self.out * self.kernel <= self.size
        )

    def seen(self, r: int) -> tuple[slice, slice]:
        """Give the windows whose element r lies in the input, and these elements."""
        shift = r * self.dilation - self.low
        first = max(0, -(shift // self.stride))
        count = max(0, min(self.out, (self.size - 1 - shift) // self.stride + 1) - first)
        start = first * self.stride + shift
        return slice(first, first + count), slice(start, start + count * self.stride, self.stride)


@dataclass(frozen=True, eq=False, slots=True)
class Plan:
    """What follows from size and options.

    For each offset, row-major, there are the index of the windows that see the input there, and that of what they see.
    Tiling windows cover the index `covered`, whose axes split by the shape `split`; there the window's elements are
    where `widened` has new axes. There is one for each size and options, equal to itself only: a key of caches.
    """

    axes: tuple[Axis, ...]
    offsets: tuple[tuple[Slices, Slices], ...]
    inside: bool  # all windows see the input with all their elements
    disjoint: bool
    tiled: bool
    full: bool  # tiled, and no element of the input is in no window
    covered: Slices
    split: Sizes
    widened: tuple[slice | None, ...]


@lru_cache(maxsize=512)
def _plan_cached(size: Sizes, *options: Any) -> Plan:
    kernel_size, stride, padding, dilation, output_size = options
    lows = (low for low, _ in padding)
    axes = tuple(Axis(*axis) for axis in zip(size, kernel_size, stride, lows, dilation, output_size, strict=True))
    offsets = []
    for seen in product(*([axis.seen(r) for r in range(axis.kernel)] for axis in axes)):
        p, elements = zip(*seen, strict=True)
        offsets.append(((slice(None), *p), (slice(None), *elements)))
    inside = all(p.stop - p.start == a.out for a in axes for p, _ in map(a.seen, range(a.kernel)))
    tiled = all(axis.tiled for axis in axes)
    full = tiled and all(axis.out * axis.kernel == axis.size for axis in axes)
    every, disjoint = slice(None), all(axis.disjoint for axis in axes)
    covered = (every, *(slice(axis.out * axis.kernel) for axis in axes))
    split = tuple(k for axis in axes for k in (axis.out, axis.kernel))
    widened = (every, *(every, None) * len(axes), every)
    return Plan(axes, tuple(offsets), inside, disjoint, tiled, full, covered, split, widened)


def plan_of(size: Sizes, windows: Windows) -> Plan:
    """Settle what follows from the size and the options, once for each."""
    options = windows["kernel_size"], windows["stride"], windows["padding"], windows["dilation"], windows["output_size"]
    return _plan_cached(size, *options)
