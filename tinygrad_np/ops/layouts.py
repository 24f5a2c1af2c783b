"""Indices of whole batches: what x[index] for one example becomes for all of them at once.

NumPy puts the axes that index arrays make where the arrays stand if they stand side by side, and in front of all others
if a slice, None or ... comes between. An integer beside an array counts as an array. A batch of index arrays is an
array with one more axis; if the indexed array has a batch axis too, an arange goes along with it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..core.batching import align, to_front
from ..core.tensor import Array, dtype_of, shape_of

Template = tuple[Any, ...]


class _Slot:
    """Stands in a template where an index array comes."""

    def __repr__(self) -> str:
        return "<array>"


SLOT = _Slot()


class Layout(NamedTuple):
    """An index for a batch, and where it leaves the axes of an example's result.

    Attributes
    ----------
    template, arrays : tuple
        The index.
    order : tuple of int
        Transposing what the index gives to this order puts the batch first and then an example's axes in their order.
    """

    template: Template
    arrays: tuple[Array, ...]
    order: tuple[int, ...]

    def from_batch(self, y: Array) -> Array:
        """Bring what the index takes to the order (batch, *example)."""
        return y if self.order == tuple(range(len(self.order))) else np.transpose(y, self.order)

    def to_batch(self, size: int, v: Array, axis: int | None) -> Array:
        """Bring values that the index shall write, with a batch axis or none, to the order in which it takes."""
        n = len(self.order)
        batch, v = () if axis is None else (size,), to_front(v, axis)
        shape = shape_of(v)[len(batch) :]
        shape = (1,) * (n - 1 - len(shape)) + shape[max(0, len(shape) - n + 1) :]  # NumPy drops leading 1s too
        v = np.reshape(v, (batch or (1,)) + shape)
        inverse = tuple(sorted(range(n), key=self.order.__getitem__))
        return v if inverse == tuple(range(n)) else np.transpose(v, inverse)


class _Parts(NamedTuple):
    """Axes of an example's result: `made` by index arrays, at the place `at` among the `others`; `adjacent` or not."""

    made: int
    at: int
    others: int
    adjacent: bool


def _parts(template: Template, arrays: tuple[Array, ...], ranks: list[int], ndim: int, fancy: bool) -> _Parts:
    masks = iter([(dtype_of(x).kind == "b", rank) for x, rank in zip(arrays, ranks, strict=True)])
    steps: list[int] = []  # axes in the result that each part makes, None standing for an index array or integer
    made, used = 0, 0
    for part in template:
        mask, rank = next(masks) if part is SLOT else (False, 0)
        made = max(made, 1 if mask else rank)
        used += rank if mask else 0 if part is None or part is Ellipsis else 1
        steps.append(0 if part is SLOT or type(part) is int or part is Ellipsis else 1)
    free = ndim - used
    steps = [free if part is Ellipsis else step for part, step in zip(template, steps, strict=True)]
    places = [i for i, part in enumerate(template) if fancy and (part is SLOT or type(part) is int)]
    adjacent = not places or places[-1] - places[0] == len(places) - 1
    others = sum(steps) + (0 if Ellipsis in template else free)
    return _Parts(made, sum(steps[: places[0]]) if places and adjacent else 0, others, adjacent)


def batch_index(
    size: int, axes: tuple[int | None, ...], template: Template, arrays: tuple[Array, ...], ndim: int, whole: bool
) -> Layout:
    """Return the index for a batch of examples.

    Parameters
    ----------
    size : int
        Number of examples.
    axes : tuple
        The batch axis of each index array, or None.
    template, arrays : tuple
        The index for an example.
    ndim : int
        Axes of an example of the indexed array.
    whole : bool
        The indexed array has its batch axis in front; else all examples share it.
    """
    batched = any(a is not None for a in axes)
    if batched:
        template, arrays, axes = _masks_as_positions(template, arrays, axes)
    ranks = [len(shape_of(x)) - (a is not None) for x, a in zip(arrays, axes, strict=True)]
    fancy = batched or any(rank > 0 or dtype_of(x).kind == "b" for x, rank in zip(arrays, ranks, strict=True))
    made, at, others, adjacent = _parts(template, arrays, ranks, ndim, fancy)
    total = 1 + made + others
    if not batched:
        order = (*range(total),) if adjacent else (made, *range(made), *range(made + 1, total))
        return Layout((slice(None), *template), arrays, order)
    arrays = tuple(align(size, x, a, made) for x, a in zip(arrays, axes, strict=True))
    if not whole:
        return Layout(template, arrays, (at, *range(at), *range(at + 1, total)))
    count = np.arange(size).reshape(size, *(1,) * made)
    block, rest = range(1, 1 + made), range(1 + made, total)
    return Layout((SLOT, *template), (count, *arrays), (0, *rest[:at], *block, *rest[at:]))


def _masks_as_positions(
    template: Template, arrays: tuple[Array, ...], axes: tuple[int | None, ...]
) -> tuple[Template, tuple[Array, ...], tuple[int | None, ...]]:
    """Write boolean masks that all examples share as index arrays; refuse one that differs between them."""
    parts: list[Any] = []
    positions: list[tuple[Array, int | None]] = []
    pairs = iter(zip(arrays, axes, strict=True))
    for part in template:
        if part is not SLOT:
            parts.append(part)
            continue
        x, axis = next(pairs)
        if dtype_of(x).kind != "b":
            new = [(x, axis)]
        elif axis is None and len(shape_of(x)):
            new = [(position, None) for position in np.nonzero(x)]
        else:
            raise TypeError(
                "x[mask] under vmap: the shape of the result depends on the values of the mask, which differs between "
                "examples. Keep the shape: write np.where(mask, x, 0), and np.where(mask, v, x) instead of "
                "tinygrad_np.at(x)[mask].set(v)."
            )
        positions.extend(new)
        parts.extend([SLOT] * len(new))
    return tuple(parts), tuple(x for x, _ in positions), tuple(a for _, a in positions)
