"""Indexing."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_np.ops.indexing import SLOT

from .base import CASES, case, lattice, nonempty


def _draw_index(draw: Any, shape: tuple[int, ...], repeats: bool = True) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Draw (template, index arrays) for an array with no axis of length 0."""
    template: list[Any] = []
    arrays: list[Any] = []
    length = draw(st.integers(1, 3))
    for n in shape[: draw(st.sampled_from([len(shape), *range(len(shape))]))]:
        kind = draw(st.sampled_from(["array", "int", "slice", "array", "none"]))
        if kind == "array" and (repeats or n >= length):
            indices = st.lists(
                st.integers(-n if repeats else 0, n - 1), min_size=length, max_size=length, unique=not repeats
            )
            arrays.append(np.array(draw(indices)))
            template.append(SLOT)
        elif kind == "int":
            template.append(draw(st.integers(-n, n - 1)))
        elif kind == "none":
            template.extend([None, slice(None)])
        else:
            template.append(draw(st.slices(n)))
    if draw(st.booleans()):
        template.append(Ellipsis)
    if not template and draw(st.booleans()):
        return (SLOT,), (draw(hnp.arrays(bool, shape, fill=st.nothing())),)
    return tuple(template), tuple(arrays)


def _indexed(x: np.ndarray, template: Any, arrays: Any) -> np.ndarray:
    rest = iter(arrays)
    return x[tuple(next(rest) if part is SLOT else part for part in template)]


_PARTED = (SLOT, slice(None), SLOT)  # a slice between index arrays: their axis comes first
_places = hnp.arrays(np.int64, 3, elements=st.integers(0, 1), fill=st.nothing())


@case("ops.indexing.getitem_op")
def _getitem(draw: Any) -> Any:
    if draw(st.integers(0, 4)) == 4:
        return (draw(lattice((2, 3, 2))), draw(_places), draw(_places)), {"template": _PARTED}
    x = draw(nonempty.flatmap(lattice))
    template, arrays = _draw_index(draw, x.shape)
    return (x, *arrays), {"template": template}


@case("ops.indexing.scatter_op")
def _scatter(draw: Any) -> Any:
    if draw(st.integers(0, 4)) == 4:
        return (draw(lattice((3, 3))), draw(_places), draw(_places)), {"template": _PARTED, "shape": (2, 3, 2)}
    shape = draw(nonempty)
    template, arrays = _draw_index(draw, shape)
    v = draw(lattice(np.shape(_indexed(np.empty(shape), template, arrays))))
    return (v, *arrays), {"template": template, "shape": shape}


def _update(draw: Any, repeats: bool) -> Any:
    x = draw(nonempty.flatmap(lattice))
    template, arrays = _draw_index(draw, x.shape, repeats)
    part = np.shape(_indexed(x, template, arrays))
    leading = [part, part[1:]]
    if repeats and part and not any(a.dtype == bool for a in arrays):
        leading.append((1, *part))  # NumPy drops leading axes of length 1 when it sets
    v = draw(lattice(draw(st.sampled_from(leading))))
    return (x, v, *arrays), {"template": template}


CASES["tinygrad_np.ops.indexing.set_op"] = st.composite(lambda draw: _update(draw, True))()
CASES["tinygrad_np.ops.indexing.multiply_at_op"] = st.composite(lambda draw: _update(draw, False))()


@case("ops.indexing.last_written")
def _last_written(draw: Any) -> Any:
    if draw(st.integers(0, 2)) == 2:  # pairs that coincide or not
        return (draw(_places), draw(_places)), {"template": (SLOT, SLOT), "shape": (2, 2)}
    shape = draw(nonempty)
    template, arrays = _draw_index(draw, shape)
    if not arrays or arrays[0].dtype == bool:
        template, arrays = (SLOT,), (draw(hnp.arrays(int, (3,), elements=st.integers(0, shape[0] - 1))),)
    return arrays, {"template": template, "shape": shape}


@case("ops.sets.unique_op")
def _unique(draw: Any) -> Any:
    x = draw(nonempty.flatmap(lattice))
    return (x,), {"axis": draw(st.sampled_from([None, *range(x.ndim)])), "equal_nan": draw(st.booleans())}


@case("ops.sets.intersect_op")
def _intersect(draw: Any) -> Any:
    return (draw(nonempty.flatmap(lattice)), draw(nonempty.flatmap(lattice))), {"assume_unique": False}
