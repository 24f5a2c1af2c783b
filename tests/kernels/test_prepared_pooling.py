"""Pooling on arrays that stay: bits of the kernels, for runs of channels and of images, and for what has none."""

import itertools

import numpy as np
import pytest

from tinygrad_np.kernels import pooling, prepared_pooling, runs
from tinygrad_np.kernels.order import memory_order
from tinygrad_np.kernels.scratch import FRESH, prepared_for
from tinygrad_np.kernels.windows import plan_of

DRAWS = np.random.default_rng(0)
WINDOWS = {
    "tiles": ((4, 6), {"kernel_size": (2, 2), "stride": (2, 2), "output_size": (2, 3)}),
    "with a rest": ((5, 7), {"kernel_size": (2, 2), "stride": (2, 2), "output_size": (2, 3)}),
    "apart": ((5, 6), {"kernel_size": (2, 2), "stride": (3, 3), "output_size": (2, 2)}),
    "overlapping": ((4, 4), {"kernel_size": (2, 2), "stride": (1, 1), "output_size": (3, 3)}),
    "dilated": ((5, 5), {"kernel_size": (2, 2), "stride": (4, 4), "output_size": (1, 1), "dilation": (2, 2)}),
    "rows": ((4, 3), {"kernel_size": (3, 1), "stride": (3, 1), "output_size": (1, 3)}),
    "a line": ((6,), {"kernel_size": (3,), "stride": (3,), "output_size": (2,)}),
}
ARRAYS = {  # N, C, and the order of the axes in memory, with two spatial ones
    "runs of channels": (2, 9, (0, 1, 2, 3)),
    "one image": (1, 8, (0, 1, 2, 3)),
    "runs of images": (9, 2, (1, 3, 2, 0)),
    "runs of rows": (1, 9, (0, 3, 1, 2)),
    "short runs": (2, 3, (0, 1, 2, 3)),
}
CASES = list(itertools.product(WINDOWS, ARRAYS, [np.float32, np.float64]))


def ordered(shape, dtype, order):
    """Numbers of which some are equal, in a memory order."""
    a = DRAWS.integers(-3, 4, [shape[i] for i in order]).astype(dtype)
    return a.transpose(np.argsort(order))


def case(windows, arrays, dtype):
    """Make x, y and g, and the options."""
    size, options = WINDOWS[windows]
    rank = len(size)
    options = {"padding": ((0, 0),) * rank, "dilation": (1,) * rank, **options}
    n, channels, order = ARRAYS[arrays]
    order = [i if i < 2 else i - 1 for i in order if rank == 2 or i != 2] if rank == 1 else order
    x = ordered((n, *size, channels), dtype, order)
    g = ordered((n, *options["output_size"], channels), dtype, order)
    return x, pooling.max_pool(x, **options), g, size, options


class Dirty:
    """Memory that others have written to."""

    def lend(self, shape, dtype):
        return np.full(shape, 99, dtype)

    keep = lend


def assert_prepared(name, expected, *args, known=None, **options):
    """Run what is prepared twice, on memory that others have written to."""
    out = np.full_like(expected, 77)
    with prepared_for(Dirty(), known):
        calls = getattr(prepared_pooling, f"prepare_{name}")(out, *args, **options)
    assert calls is not None
    for _ in range(2):
        for call in calls:
            call()
        np.testing.assert_array_equal(out, expected, strict=True)
        np.testing.assert_array_equal(np.signbit(out), np.signbit(expected))
    return len(calls)


@pytest.mark.parametrize(("windows", "arrays", "dtype"), CASES)
def test_maxima_and_their_places(windows, arrays, dtype):
    x, y, _, _, options = case(windows, arrays, dtype)
    known = {}
    assert_prepared("max_pool", y, x, known=known, **options)
    for value in (None, np.inf, np.nan):
        if value is not None:
            x.transpose(memory_order(x)).reshape(-1)[::5] = value
        y[...] = pooling.max_pool(x, **options)
        assert_prepared("max_pool", y, x, **options)
        assert_prepared("max_pool_winner", pooling.max_pool_winner(x, y, **options), x, y, **options)


@pytest.mark.parametrize("arrays", ARRAYS)
def test_both_gather_once(arrays):
    x, y, _, _, options = case("tiles", arrays, np.float32)
    winner, out, places = pooling.max_pool_winner(x, y, **options), np.empty_like(y), np.empty_like(y, np.uint8)
    with prepared_for(FRESH, {}):
        calls = prepared_pooling.prepare_max_pool(out, x, **options)
        later = prepared_pooling.prepare_max_pool_winner(places, x, out, **options)
    assert (len(calls), len(later)) == (2, 1)
    for call in calls + later:
        call()
    np.testing.assert_array_equal(out, y)
    np.testing.assert_array_equal(places, winner)


@pytest.mark.parametrize("other_order", [False, True])
@pytest.mark.parametrize(("windows", "arrays", "dtype"), [c for c in CASES if c[0] != "overlapping"])
def test_what_the_winners_get(windows, arrays, dtype, other_order):
    x, y, g, size, options = case(windows, arrays, dtype)
    winner = pooling.max_pool_winner(x, y, **options)
    if other_order:
        g = np.asfortranarray(g) if g.flags.c_contiguous else np.ascontiguousarray(g)
    g[0] = -0.0
    assert_prepared(
        "window_scatter", pooling.window_scatter(g, winner, size=size, **options), g, winner, size=size, **options
    )


@pytest.mark.parametrize("scale", [1.0, 0.25])
@pytest.mark.parametrize(("windows", "arrays", "dtype"), CASES)
def test_sums_and_their_transposes(windows, arrays, dtype, scale):
    x, _, g, size, options = case(windows, arrays, dtype)
    x += dtype(0.1)
    assert_prepared("sum_pool", pooling.sum_pool(x, scale=scale, **options), x, scale=scale, **options)
    if windows in ("tiles", "with a rest", "rows", "a line"):
        back = pooling.sum_pool_transpose(g, size=size, scale=scale, **options)
        assert_prepared("sum_pool_transpose", back, g, size=size, scale=scale, **options)


@pytest.mark.parametrize("y_order", [(0, 1, 2, 3), (2, 0, 1, 3)])
def test_runs_have_the_places_of_their_windows(y_order):
    """The numbers of the input need not be in the order of those of the windows."""
    x = np.arange(2.0 * 5 * 7 * 9).reshape(2, 5, 7, 9)
    size, options = WINDOWS["with a rest"]
    plan = plan_of(size, {"padding": ((0, 0),) * 2, "dilation": (1, 1), **options})
    y = ordered((2, 2, 3, 9), np.float64, y_order)
    assert runs.have_runs(x, y)
    gathered, spread, offsets = np.empty((4, *y.shape)), np.empty_like(x), runs.offsets_of(plan, x)
    runs.gather_runs(plan, x, gathered)()
    runs.spread_runs(plan, y, spread)()
    for number, (i, j) in enumerate(itertools.product((0, 1), repeat=2)):
        elements = (slice(None), slice(i, 4, 2), slice(j, 6, 2))
        np.testing.assert_array_equal(gathered[number], x[elements])
        np.testing.assert_array_equal(spread[elements], y)
        assert (offsets[elements] == number).all()
    assert (offsets[:, 4:] == 4).all() and (offsets[:, :, 6:] == 4).all()


def test_what_has_no_runs():
    shapes = {"gaps": np.zeros((4, 3, 3, 16))[::2], "long": np.zeros((1 << 15, 2, 2, 8))}
    wide = np.zeros((2, 3, 3, 8))
    assert not any(runs.have_runs(a) for a in shapes.values())
    assert runs.have_runs(wide) and not runs.have_runs(wide, np.zeros((8, 3, 3, 9)).transpose(3, 1, 2, 0))
    assert not runs.have_runs(wide[..., :7].copy())


def test_places_of_maxima_of_no_images_are_left_to_the_kernel():
    x, y, _, _, options = case("tiles", "runs of channels", np.float32)
    nothing = np.empty((0, *y.shape[1:]), np.uint8)
    assert prepared_pooling.prepare_max_pool_winner(nothing, x[:0], y[:0], **options) is None
