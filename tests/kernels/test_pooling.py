from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels import naive
from tests.kernels.geometries import apply, assert_same, generators, geometries, lattice, rearranged
from tinygrad_np.kernels import pooling, runs
from tinygrad_np.kernels.order import memory_order
from tinygrad_np.kernels.pooling import (
    max_pool,
    max_pool_winner,
    sum_pool,
    sum_pool_transpose,
    window_gather,
    window_scatter,
    winner_to_flat_index,
)
from tinygrad_np.kernels.threads import get_num_threads, set_num_threads

HALVES = {"kernel_size": (2, 2), "stride": (2, 2), "padding": ((0, 0),) * 2, "dilation": (1, 1), "output_size": (2, 2)}


@st.composite
def cases(draw):
    """x, g, a winner for each window, and options; windows may hang over the end, and may see nothing but padding."""
    rng, (size, options) = draw(generators), draw(geometries())
    overhang = draw(st.integers(0, 1))
    options["output_size"] = tuple(n + overhang for n in naive.output_size(size, **options))
    batch, channels = draw(st.sampled_from([(0, 2), (1, 1), (2, 3)]))
    x = lattice(rng, (batch, *size, channels))
    g = lattice(rng, (batch, *options["output_size"], channels))
    winner = rng.integers(0, np.prod(options["kernel_size"]), g.shape).astype(np.uint8)
    return rng, x, g, winner, options


@settings(max_examples=settings.default.max_examples * 4)
@given(cases(), st.booleans(), st.sampled_from([1, 8, pooling.LARGE]))
def test_equals_the_definition_on_the_lattice(case, rearrange, block):
    rng, *arrays, options = case
    x, g, winner = (rearranged(rng, a) for a in arrays) if rearrange else arrays
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pooling, "BLOCK", block)
        patch.setattr(pooling, "LARGE", block)
        check_definitions(x, g, winner, options)


def check_definitions(x, g, winner, options):
    sized = options | {"size": x.shape[1:-1]}
    assert_same(apply(max_pool, x, **options), naive.max_pool(x, **options))
    assert_same(
        apply(max_pool_winner, x, max_pool(x, **options), **options),
        naive.max_pool_winner(x, **options).astype(np.uint8),
    )
    assert_same(apply(sum_pool, x, **options), naive.sum_pool(x, **options))
    assert_same(apply(sum_pool_transpose, g, **sized), naive.sum_pool_transpose(g, **sized))
    assert_same(apply(window_gather, x, winner, **options), naive.window_gather(x, winner, **options))
    assert_same(apply(window_scatter, g, winner, **sized), naive.window_scatter(g, winner, **sized))
    assert_same(apply(winner_to_flat_index, winner, **sized), naive.winner_to_flat_index(winner, **sized))


@given(cases())
def test_adjoint_identities_are_exact(case):
    _, x, g, winner, options = case
    size = x.shape[1:-1]
    assert np.sum(g * sum_pool(x, **options)) == np.sum(x * sum_pool_transpose(g, size=size, **options))
    gathered = window_gather(x, winner, **options)
    assert np.sum(g * gathered) == np.sum(x * window_scatter(g, winner, size=size, **options))


@given(cases())
def test_winner_is_where_the_maximum_is(case):
    _, x, _, _, options = case
    y = max_pool(x, **options)
    winner = max_pool_winner(x, y, **options)
    seen = np.isfinite(y)
    assert_same(window_gather(x, winner, **options)[seen], y[seen])
    flat = winner_to_flat_index(winner, size=x.shape[1:-1], **options)
    assert_same(flat >= 0, seen)
    n, *_, c = np.indices(y.shape, sparse=True)
    plane = x.reshape(len(x), np.prod(x.shape[1:-1]), x.shape[-1])
    assert_same(plane[n, flat, c][seen], y[seen])


@given(cases(), st.sampled_from([0.2, 0.5]))
def test_nan_wins_and_the_first_of_them(case, share):
    rng, x, _, _, options = case
    x[rng.random(x.shape) < share] = np.nan
    assert_same(max_pool(x, **options), naive.max_pool(x, **options))
    assert_same(
        max_pool_winner(x, max_pool(x, **options), **options), naive.max_pool_winner(x, **options).astype(np.uint8)
    )


def test_winner_of_numbers_and_nans_is_the_first_nan():
    x = np.array([1, np.nan, 3, np.nan]).reshape(1, 4, 1)
    options = {"kernel_size": (4,), "stride": (1,), "padding": ((0, 0),), "dilation": (1,), "output_size": (1,)}
    assert max_pool_winner(x, max_pool(x, **options), **options).item() == 1


@pytest.mark.parametrize(("kernel", "dtype"), [(16, np.uint8), (17, np.uint16)])
def test_winner_has_the_smallest_unsigned_dtype(kernel, dtype):
    x = np.zeros((1, kernel, kernel, 1))
    x[0, -1, -1] = 1
    options = HALVES | {"kernel_size": (kernel, kernel), "output_size": (1, 1)}
    assert_same(
        max_pool_winner(x, max_pool(x, **options), **options), np.full((1, 1, 1, 1), kernel * kernel - 1, dtype)
    )


@pytest.mark.parametrize("dtype", ["e", "f", "d", "g", "b", "B", "i", "l"])
def test_dtype_stays(dtype):
    x = (np.arange(16).reshape(1, 4, 4, 1) % 7).astype(dtype)
    x = x if x.dtype.kind == "u" else x - x.dtype.type(8)
    options = HALVES | {"padding": ((1, 0), (1, 0))}
    g = max_pool(x, **options)
    assert_same(g, naive.max_pool(x, **options))
    winner = max_pool_winner(x, g, **options)
    sized = options | {"size": (4, 4)}
    assert_same(sum_pool(x, **options), naive.sum_pool(x, **options))
    assert_same(sum_pool_transpose(g, **sized), naive.sum_pool_transpose(g, **sized))
    assert_same(window_gather(x, winner, **options), naive.window_gather(x, winner, **options))
    assert_same(window_scatter(g, winner, **sized), naive.window_scatter(g, winner, **sized))


@pytest.mark.parametrize("dtype", ["F", "D"])
def test_linear_kernels_take_complex_numbers(dtype):
    rng = np.random.default_rng(0)
    x, g = ((lattice(rng, s) + 1j * lattice(rng, s)).astype(dtype) for s in [(2, 4, 4, 3), (2, 2, 2, 3)])
    winner, sized = rng.integers(0, 4, g.shape), HALVES | {"size": (4, 4)}
    assert_same(sum_pool(x, **HALVES), naive.sum_pool(x, **HALVES))
    assert_same(sum_pool_transpose(g, **sized), naive.sum_pool_transpose(g, **sized))
    assert_same(window_gather(x, winner, **HALVES), naive.window_gather(x, winner, **HALVES))
    assert_same(window_scatter(g, winner, **sized), naive.window_scatter(g, winner, **sized))


def test_float16_is_summed_in_float32():
    """2048 + 1 + 1 + 1 is 2048 if each sum is rounded to float16, which has steps of 2 there."""
    line = {"stride": (1,), "padding": ((0, 0),), "dilation": (1,)}
    x = np.array([2048, 1, 1, 1], np.float16).reshape(1, 4, 1)
    assert sum_pool(x, kernel_size=(4,), output_size=(1,), **line).item() == 2052
    spread = line | {"kernel_size": (4,), "padding": ((3, 0),), "output_size": (4,)}
    assert sum_pool_transpose(x, size=(4,), **spread)[0, 0, 0] == 2052
    winner = np.array([3, 2, 1, 0], np.uint8).reshape(1, 4, 1)
    assert window_scatter(x, winner, size=(4,), **spread)[0, 0, 0] == 2052


def test_what_does_not_win_may_be_infinite_or_nan():
    x = np.array([np.inf, 1, np.nan, 2]).reshape(1, 4, 1)
    options = {"kernel_size": (2,), "stride": (2,), "padding": ((0, 0),), "dilation": (1,), "output_size": (2,)}
    winner = np.ones((1, 2, 1), np.uint8)
    assert window_gather(x, winner, **options).ravel().tolist() == [1, 2]
    g = np.array([np.inf, 3]).reshape(1, 2, 1)
    assert window_scatter(g, winner, size=(4,), **options).ravel().tolist() == [0, np.inf, 0, 3]


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (1, 3, 2, 0), (3, 1, 2, 0)])
def test_memory_order_is_kept(order):
    x = np.ones((3, 4, 4, 5)).transpose(order).copy().transpose(np.argsort(order))
    y, sized = max_pool(x, **HALVES), HALVES | {"size": (4, 4)}
    winner = max_pool_winner(x, y, **HALVES)
    arrays = [y, winner, sum_pool(x, **HALVES), sum_pool_transpose(y, **sized)]
    arrays += [window_gather(x, winner, **HALVES), window_scatter(y.copy(order="C"), winner, **sized)]
    assert all(a.transpose(order).flags.c_contiguous for a in arrays)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 1, 2, 0), (1, 3, 2, 0)])
def test_blocks_have_the_same_bits_for_any_number_of_threads_and_fill_a_given_array(order, monkeypatch):
    pytest.importorskip("threadpoolctl")
    x = np.random.default_rng(0).standard_normal((7, 8, 6, 5), dtype=np.float32)
    x = np.ascontiguousarray(x.transpose(order)).transpose(np.argsort(order))
    options = {**HALVES, "output_size": (4, 3)}
    y = max_pool(x, **options)
    winner = max_pool_winner(x, y, **options)
    calls = [
        partial(max_pool, x, **options),
        partial(max_pool_winner, x, y, **options),
        partial(window_scatter, y, winner, size=(8, 6), **options),
        partial(sum_pool, x, scale=0.25, **options),
        partial(sum_pool, x, scale=0.25, **{**options, "padding": ((1, 0), (0, 0))}),  # axis by axis
        partial(sum_pool_transpose, y, size=(8, 6), scale=0.25, **options),
    ]
    whole, threads = [call() for call in calls], get_num_threads()
    monkeypatch.setattr(pooling, "LARGE", 1)
    monkeypatch.setattr(pooling, "BLOCK", 200)
    try:
        for n in (1, 2):
            set_num_threads(n)
            for call, expected in zip(calls, whole, strict=True):
                y, out = call(), np.full_like(expected, 9)
                assert y.strides == expected.strides and call(out=out) is out
                np.testing.assert_array_equal(y, expected)
                np.testing.assert_array_equal(out, expected)
    finally:
        set_num_threads(threads)


LAYOUTS = {"channels": ((2, 6, 8, 9), (0, 1, 2, 3)), "images": ((6, 3, 8, 9), (3, 0, 2, 1))}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("kernel", "stride", "tiled"), [((2, 2), (2, 2), True), ((3, 1), (3, 1), True), ((1, 2), (2, 3), False)]
)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_runs_of_channels_or_images_are_moved_as_wholes(layout, kernel, stride, tiled, dtype, monkeypatch):
    shape, order = LAYOUTS[layout]
    rng = np.random.default_rng(0)
    x = rng.integers(0, 3, shape).astype(dtype).transpose(order)
    size = x.shape[1:-1]
    out = tuple((n - k) // s + 1 for n, k, s in zip(size, kernel, stride, strict=True))
    options = {
        "kernel_size": kernel,
        "stride": stride,
        "padding": ((0, 0),) * 2,
        "dilation": (1, 1),
        "output_size": out,
    }
    y = max_pool(x, **options)
    winner, g = max_pool_winner(x, y, **options), rng.standard_normal(y.shape).astype(dtype)
    g[0, 0, 0, :3] = np.nan, np.inf, -0.0

    def results():
        spread = sum_pool_transpose(g, size=size, scale=0.25, order=memory_order(x), **options)
        return window_scatter(g, winner, size=size, **options), spread

    taken = []
    spread_runs = runs.spread_runs
    monkeypatch.setattr(pooling, "spread_runs", lambda *arguments: taken.append(0) or spread_runs(*arguments))
    by_runs = results()
    assert len(taken) == 2 + tiled
    monkeypatch.setattr(runs, "LONG", 100)
    for a, b in zip(by_runs, results(), strict=True):
        assert a.dtype == b.dtype and a.strides == b.strides
        np.testing.assert_array_equal(a.view(f"i{a.itemsize}"), b.view(f"i{b.itemsize}"))
    assert len(taken) == 2 + tiled
