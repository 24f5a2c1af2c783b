"""Scatter against the definition: every element of v added where the index names it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_np.kernels import scatter
from tinygrad_np.kernels.scatter import scatter_add

RNG = np.random.default_rng(0)
ALL = slice(None)


def naive(v: np.ndarray, index: tuple[Any, ...], shape: tuple[int, ...]) -> np.ndarray:
    """Add element by element, in the order of the index."""
    positions = np.arange(np.prod(shape, dtype=int)).reshape(shape)[index]
    y = np.zeros(int(np.prod(shape)), np.result_type(v, np.float32))
    for place, value in zip(positions.ravel(), np.broadcast_to(v, positions.shape).ravel(), strict=True):
        y[place] += value
    return y.reshape(shape).astype(v.dtype)


@st.composite
def scatters(draw: Any) -> Any:
    """Draw a shape, an index of all kinds of parts with an index array among them, and values of the lattice."""
    shape = tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=4)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    made = draw(st.sampled_from([(1,), (3,), (2, 2), (0,)]))
    index: list[Any] = []
    arrays = 0
    rest = list(shape)
    while rest:
        n = rest[0]
        kind = draw(st.sampled_from(["array", "array", "slice", "int", "none", "mask", "mask2", "end", "empty mask"]))
        if kind == "end":
            break
        if kind == "none":
            index.append(None)
            continue
        if kind == "empty mask":
            index.append(np.array(True))
            continue
        if kind == "mask2" and len(rest) > 1:
            picked = np.zeros(rest[:2], bool)
            picked.flat[: (made[-1] if len(made) == 1 else 1)] = True
            if made == (0,) or picked.sum() not in (1, made[-1]):
                continue
            index.append(picked)
            rest = rest[2:]
            continue
        if kind == "mask":
            picked = np.arange(n) < 1
            if made == (0,):
                continue
            index.append(picked)
        elif kind == "array":
            some = draw(st.sampled_from([made, made[-1:], (1,)]))
            dtype = draw(st.sampled_from([np.int64, np.int8, np.uint8]))
            low = 0 if dtype == np.uint8 else -n
            index.append(rng.integers(low, n, some).astype(dtype))
            arrays += 1
        elif kind == "slice":
            index.append(draw(st.slices(n)))
        else:
            index.append(draw(st.integers(-n, n - 1)))
        rest = rest[1:]
    if not arrays:
        index = [rng.integers(-shape[0], shape[0], made)]
        rest = list(shape[1:])
    if draw(st.booleans()):
        at = len(index) if rest else draw(st.integers(0, len(index)))
        index.insert(at, Ellipsis)
    taken = np.shape(np.empty(shape)[tuple(index)])
    v = rng.integers(-8, 9, taken[draw(st.integers(0, len(taken))) :]) / 8
    return v.astype(draw(st.sampled_from([np.float32, np.float64, np.float16, np.complex64]))), tuple(index), shape


@given(scatters(), st.sampled_from(["small", "flat", "loop", "layers"]))
def test_every_way_adds_what_the_index_names(drawn: Any, way: str) -> None:
    v, index, shape = drawn
    with pytest.MonkeyPatch.context() as patch:
        if way != "small":
            force(patch, way)
        y = scatter_add(v, index, shape)
    np.testing.assert_array_equal(y, naive(v, index, shape))
    assert y.dtype == v.dtype
    assert y.flags.c_contiguous and y.flags.writeable


def force(patch: pytest.MonkeyPatch, way: str) -> None:
    """Let the rule of cost choose one way."""
    patch.setattr(scatter, "_SMALL", -1)
    patch.setattr(scatter, "_SHORT", 0)
    for name, own in {"_FLAT": "flat", "_LOOPED": "loop", "_LAYERED": "layers"}.items():
        patch.setattr(scatter, name, 0 if own == way else 1e9)
    patch.setattr(scatter, "_PLACE", 0 if way == "loop" else 1e9)
    patch.setattr(scatter, "_LAYER", 0 if way == "layers" else 1e9)


@pytest.mark.parametrize("width", [1, 7, 64])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_ways_add_in_the_order_of_the_index_and_agree_in_every_bit(
    width: int, dtype: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = (RNG.integers(0, 20, 200),)
    v = RNG.standard_normal((200, width)).astype(dtype)
    expected = np.zeros((20, width), dtype)
    for place, row in zip(index[0], v, strict=True):
        expected[place] += row
    results = [scatter_add(v, index, (20, width))]
    for way in ("flat", "loop", "layers"):
        force(monkeypatch, way)
        results.append(scatter_add(v, index, (20, width)))
    for y in results:
        np.testing.assert_array_equal(y, expected)


CHOICES = [
    ((10000, 64), (RNG.integers(0, 10000, 4096),)),  # few repeats: layers
    ((300, 64), (np.zeros(900, int),)),  # one place: flat
    ((500, 30), (RNG.integers(0, 500, 900),)),  # short rows: flat
    ((500, 31), (RNG.permutation(500),)),  # odd rows: not in pairs
    ((8, 24, 24, 16), (ALL, RNG.integers(0, 24, 11))),  # long rows: loop
    ((8, 24, 24, 16), (ALL, ALL, ALL, RNG.integers(0, 16, 11))),
    ((20, 30, 40), (RNG.integers(0, 20, (5, 1)), slice(3, 30, 2), RNG.integers(0, 40, 6))),  # apart: in front
    ((400, 100), (np.arange(400), RNG.integers(0, 100, 400))),
    ((4000, 100), (RNG.permutation(4000),)),  # no repeats: one assignment
]


@pytest.mark.parametrize(("shape", "index"), CHOICES)
def test_large_scatters_equal_add_at(shape: tuple[int, ...], index: tuple[Any, ...]) -> None:
    v = RNG.integers(-8, 9, np.empty(shape)[index].shape) / np.float32(8)
    expected = np.zeros(shape, np.float32)
    np.add.at(expected, index, v)
    np.testing.assert_array_equal(scatter_add(v, index, shape), expected)


@pytest.mark.parametrize("shape", [(3,), (10000,), (10000, 70)])
def test_an_index_outside_of_the_array_is_refused(shape: tuple[int, ...]) -> None:
    for bad in (shape[0], -shape[0] - 1):
        with pytest.raises(IndexError, match=f"index {bad} is out of bounds"):
            scatter_add(np.ones((2, *shape[1:])), (np.array([0, bad]),), shape)


def test_float16_is_added_in_float32() -> None:
    v = np.ones((4000, 64), np.float16)
    y = scatter_add(v, (np.zeros(4000, int),), (2, 64))
    assert y.dtype == np.float16
    np.testing.assert_array_equal(y[0], 4000)


def test_one_non_finite_element_stays_alone() -> None:
    v = np.ones((500, 64), np.float32)
    v[3, 5] = np.inf
    y = scatter_add(v, (np.zeros(500, int),), (300, 64))
    assert np.isinf(y[0, 5])
    assert np.sum(~np.isfinite(y)) == 1
