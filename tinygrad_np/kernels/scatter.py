"""Scatter: the transpose of indexing, y = 0 and then y[index] += v, where an index that repeats adds every time.

Three ways, which all add in the order of the index and so give the same numbers. With K places that the index arrays
name, S elements of v at each of them, and no place named more than m times:

- flat: one np.add.at on the flat positions of all K S elements. Best for short S.
- loop: y[place] += v[k] for each of the K places. Best where S is long and K small.
- layers: all values are assigned. Then, for the places that are named again, a sum begins with all first values, to
  which all second ones are added, and so on, m times, and the sums are assigned.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

# Microseconds, measured on rows of float32: for each place or layer, and for each element.
_PLACE, _LAYER = 0.45, 3.0
_LOOPED, _LAYERED, _FLAT = 0.00025, 0.0003, 0.0008
_SMALL = 8192  # up to so many elements the position of every one is made sooner than the index is written out
_SHORT = 64  # with fewer elements at a place the sort that layers need costs more than it could save


def scatter_add(v: Array, index: tuple[Any, ...], shape: tuple[int, ...]) -> Array:
    """Return zeros of a shape with v added at an index.

    Parameters
    ----------
    v : ndarray
        Broadcasts to the shape of ``x[index]``.
    index : tuple
        Whatever NumPy indexes an array of that shape with.
    shape : tuple of int
        Shape of the result.

    Returns
    -------
    ndarray
        Of v's dtype; where the index names an element more than once, all its values are added, in the order of the
        index (float16 in float32).
    """
    if not any(isinstance(part, np.ndarray) and part.dtype != bool for part in index):
        y = np.zeros(shape, v.dtype)
        y[index] = v  # slices, integers and masks name no element twice
        return y
    total = np.zeros(shape, np.float32 if v.dtype == np.float16 else v.dtype)
    if total.size <= _SMALL >= v.size:
        positions = np.arange(total.size).reshape(shape)[index]
        np.add.at(total.reshape(-1), positions.reshape(-1), np.broadcast_to(v, positions.shape).reshape(-1))
        return total.astype(v.dtype, copy=False)
    _add(total, v.astype(total.dtype, copy=False), _write_out(index, shape))
    return total.astype(v.dtype, copy=False)


class _Index(NamedTuple):
    """An index written out, axis by axis.

    Attributes
    ----------
    dims : tuple of int
        The array's shape, with an axis of length 1 for every None and every mask without axes.
    slices : list
        The slice on each of these axes; all of an axis where places are named.
    places : dict
        For the axes on which arrays and integers name places: these, counted from the start.
    made : tuple of int
        Shape that the places have together.
    """

    dims: tuple[int, ...]
    slices: list[slice]
    places: dict[int, Array]
    made: tuple[int, ...]

    @property
    def at(self) -> int:
        """Axis of the result where NumPy puts what they make: where they stand, or in front if they stand apart."""
        axes = list(self.places)
        return axes[0] if axes[-1] - axes[0] == len(axes) - 1 else 0


def _axes_of(part: Any) -> int:
    """Count the axes of the array that a part of an index is for."""
    if part is None or part is Ellipsis:
        return 0
    return part.ndim if isinstance(part, np.ndarray) and part.dtype == bool else 1


def _write_out(index: tuple[Any, ...], shape: tuple[int, ...]) -> _Index:
    """Write an index out; IndexError where it names an element that is not there."""
    index = index if any(part is Ellipsis for part in index) else (*index, Ellipsis)
    rest = iter(shape)
    free = len(shape) - sum(map(_axes_of, index))
    dims: list[int] = []
    parts: list[Any] = []
    for part in index:
        if part is Ellipsis:
            parts += [slice(None)] * free
            dims += [next(rest) for _ in range(free)]
        elif part is not None and _axes_of(part):
            mask = isinstance(part, np.ndarray) and part.dtype == bool
            parts += np.nonzero(part) if mask else [part]
            dims += [next(rest) for _ in range(_axes_of(part))]
        else:
            parts.append(slice(None) if part is None else np.arange(int(part)))  # a mask without axes: all or nothing
            dims.append(1)
    named = {axis: part for axis, part in enumerate(parts) if not isinstance(part, slice)}
    places = [np.arange(dims[axis])[np.asarray(part, np.intp)] for axis, part in named.items()]
    slices = [part if isinstance(part, slice) else slice(None) for part in parts]
    made = np.broadcast_shapes(*[place.shape for place in places])
    return _Index(tuple(dims), slices, dict(zip(named, places, strict=True)), made)


def _add(y: Array, v: Array, index: _Index) -> None:
    """Add v into the contiguous array y, in the cheapest way."""
    counts = [len(range(*s.indices(n))) for s, n in zip(index.slices, index.dims, strict=True)]
    others = [n for axis, n in enumerate(counts) if axis not in index.places]
    made, at = index.made, index.at
    v = np.broadcast_to(v, (*others[:at], *made, *others[at:]))
    rows = np.moveaxis(v, range(at, at + len(made)), range(len(made))).reshape(math.prod(made), *others)
    if math.prod(others) < _SHORT:
        _add_flat(y, rows, index)
        return
    places = [np.broadcast_to(place, made).reshape(-1) for place in index.places.values()]
    layers = _Layers(places, [index.dims[axis] for axis in index.places])
    costs = {
        "flat": _FLAT * rows.size,
        "loop": _PLACE * len(rows) + _LOOPED * rows.size,
        "layers": _LAYER * layers.number + _LAYERED * rows.size,
    }
    way = min(costs, key=costs.__getitem__)
    if way == "flat":
        _add_flat(y, rows, index)
        return
    target = np.moveaxis(y.reshape(index.dims)[tuple(index.slices)], list(index.places), range(len(places)))
    if way == "layers":
        layers.add(target, rows)
        return
    for place, row in zip(zip(*[place.tolist() for place in places], strict=True), rows, strict=True):
        target[place] += row


class _Layers:
    """The places that an index names: in layer r those that it names for the r-th time.

    Parameters
    ----------
    places : list of arrays (K,)
        Of each axis.
    dims : list of int
        Lengths of the axes.
    """

    def __init__(self, places: list[Array], dims: list[int]) -> None:
        codes = np.ravel_multi_index(places, dims).astype(np.min_scalar_type(math.prod(dims)))
        self._places = places
        self._order = np.argsort(codes, kind="stable")  # integers of up to 16 bits are sorted in linear time
        ordered = codes[self._order]
        first = np.ones(len(codes), bool)
        np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
        self._starts = np.flatnonzero(first)
        self._repeats = np.diff(self._starts, append=len(codes))
        self.number = int(self._repeats.max(initial=0))

    def add(self, target: Array, rows: Array) -> None:
        """Put each row at its place, then the sums where a place is named again, those named most often first."""
        target[tuple(self._places)] = rows
        again = self._repeats > 1
        starts, repeats = self._starts[again], self._repeats[again]
        by_number = np.argsort(-repeats, kind="stable")
        starts, repeats = starts[by_number], repeats[by_number]
        first = self._order[starts]
        sums = rows[first]
        for r in range(1, self.number):
            n = np.count_nonzero(repeats > r)
            sums[:n] += rows[self._order[starts[:n] + r]]
        target[tuple(place[first] for place in self._places)] = sums


def _add_flat(y: Array, rows: Array, index: _Index) -> None:
    """Add each row at its place, element by element; neighbours in pairs, as complex numbers, where that can be."""
    strides = [stride // y.itemsize for stride in y.reshape(index.dims).strides]
    starts: Array = np.asarray(sum(place * strides[axis] for axis, place in index.places.items()))
    within = np.zeros(1, np.intp)
    for axis, (part, n) in enumerate(zip(index.slices, index.dims, strict=True)):
        if axis not in index.places:
            within = np.add.outer(within, np.arange(n)[part] * strides[axis]).reshape(-1)
    y, rows = y.reshape(-1), np.ascontiguousarray(rows.reshape(len(rows), len(within)))
    last = len(index.dims) - 1
    n = index.dims[last]
    whole = last not in index.places and index.slices[last].indices(n) == (0, n, 1)
    if whole and n % 2 == 0 and y.dtype.char in "fd":
        y, rows = (x.view(np.result_type(x, np.complex64)) for x in (y, rows))
        starts, within = starts // 2, within[::2] // 2
    starts = np.broadcast_to(starts, index.made).reshape(-1)
    np.add.at(y, np.add.outer(starts, within).reshape(-1), rows.reshape(-1))
