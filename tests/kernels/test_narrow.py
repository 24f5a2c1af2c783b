"""The two algorithms by columns, called directly, with small constants so that every way through them is taken."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels import naive
from tests.kernels.geometries import assert_same, forget_plans, generators, geometries, lattice, rearranged
from tinygrad_np.kernels import by_columns, by_rows, choice, columns, rows
from tinygrad_np.kernels.choice import algorithm
from tinygrad_np.kernels.columns import Geometry
from tinygrad_np.kernels.threads import get_num_threads, set_num_threads

PLAIN = {"stride": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1}
SAME = PLAIN | {"padding": ((1, 1), (1, 1))}


@pytest.fixture(autouse=True)
def fresh_plans():
    forget_plans()
    yield
    forget_plans()


@pytest.fixture
def threads():
    pytest.importorskip("threadpoolctl")
    before = get_num_threads()
    yield
    set_num_threads(before)


def arrays(rng, geometry, make=lattice):
    """x, w and g of a convolution."""
    n, size, channels, filters, kernel, *_ = geometry
    shapes = (n, *size, channels), (*kernel, geometry.depth, filters), (n, *geometry.out, filters)
    return [make(rng, shape) for shape in shapes]


@st.composite
def narrow(draw):
    """Geometries with few channels, rows that overlap or touch."""
    size, options = draw(geometries())
    groups, depth, width = draw(st.tuples(st.integers(1, 2), st.integers(1, 3), st.sampled_from([1, 2, 3, 6, 16])))
    kernel, stride, dilation = options["kernel_size"], options["stride"], options["dilation"]
    first = min(stride[0], kernel[0])
    out = draw(st.integers(1, 8))
    low, high = options["padding"][0]
    rows_in = max(1, (out - 1) * first + kernel[0] - low - high)
    return Geometry(
        draw(st.sampled_from([1, 2, 9])), (rows_in, *size[1:]), groups * depth, groups * width, kernel,
        (first, *stride[1:]), options["padding"], (1, *dilation[1:]), groups,
    )  # fmt: skip


def check(module, rng, geometry):
    drawn = arrays(rng, geometry)
    options = {key: getattr(geometry, key) for key in ("stride", "padding", "dilation", "groups")}
    for x, w, g in [drawn, [rearranged(rng, a) for a in drawn]]:
        assert_same(module.correlate(geometry, x, w, x.dtype), naive.correlate(x, w, **options))
        expected = naive.correlate_kernel_gradient(x, g, kernel_size=geometry.kernel, **options)
        assert_same(module.kernel_gradient(geometry, x, g, x.dtype), expected)
        expected = naive.correlate_input_gradient(g, w, size=geometry.size, **options)
        assert_same(module.input_gradient(geometry, g, w, x.dtype), expected)


@settings(max_examples=settings.default.max_examples * 2)
@given(
    generators,
    narrow(),
    st.sampled_from([columns.BUFFER, 300]),
    st.sampled_from([columns.SHARE, 20]),
    st.sampled_from([rows.SMALL_PRODUCT, 500]),
    st.sampled_from([rows.NARROW_PRODUCT, 1]),
    st.sampled_from([rows.SMALL_WASTE, 0]),
)
def test_by_rows_equals_the_definition(rng, geometry, buffer, share, product, narrowest, waste):
    forget_plans()
    constants = {"SMALL_PRODUCT": product, "NARROW_PRODUCT": narrowest, "SMALL_WASTE": waste}
    with mock.patch.multiple(columns, BUFFER=buffer, SHARE=share), mock.patch.multiple(rows, **constants):
        check(by_rows, rng, geometry)


@given(generators, narrow(), st.sampled_from([columns.BUFFER, 300]), st.sampled_from([columns.SHARE, 20]))
def test_by_columns_equals_the_definition(rng, geometry, buffer, share):
    forget_plans()
    with mock.patch.multiple(columns, BUFFER=buffer, SHARE=share):
        check(by_columns, rng, geometry)


# Every way through the choice: batch, size, kernel, depth, width, options, and whether rows share columns.
PATHS = {
    "rows that overlap": (4, (6, 7), (3, 2), 2, 2, SAME, True),
    "rows that overlap, stride": (4, (9, 7), (3, 2), 2, 2, SAME | {"stride": (2, 1)}, True),
    "rows side by side": (4, (9, 7), (2, 4), 1, 1, SAME | {"stride": (2, 1)}, True),
    "rows that overlap, groups": (4, (6, 7), (3, 2), 2, 2, SAME | {"groups": 3}, True),
    "rows dilated": (4, (6, 7), (2, 2), 2, 2, SAME | {"dilation": (2, 1)}, False),
    "rows skipped": (4, (6, 7), (2, 2), 2, 2, SAME | {"stride": (3, 1)}, False),
    "rows too short": (1, (6, 7), (3, 3), 2, 2, PLAIN, False),
    "one row": (4, (3, 7), (3, 2), 2, 2, PLAIN, False),
    "one dimension": (9, (12,), (3,), 2, 2, {k: v[:1] for k, v in SAME.items() if k != "groups"} | {"groups": 1}, True),
    "many filters": (4, (6, 7), (2, 2), 1, 40, SAME, True),
    "one point": (4, (6, 7), (1, 1), 2, 2, PLAIN, False),
    "one point, wide": (4, (6, 7), (1, 1), 16, 16, PLAIN, False),
    "wide": (4, (6, 7), (3, 2), 16, 16, SAME, True),
    "wide, groups and stride": (4, (6, 7), (3, 2), 16, 16, SAME | {"groups": 2, "stride": (2, 1)}, True),
}


@pytest.mark.parametrize("name", PATHS)
def test_rows_are_chosen_where_they_suit(name):
    batch, size, kernel, depth, width, options, by_row = PATHS[name]
    groups = options["groups"]
    geometry = Geometry(batch, size, depth * groups, width * groups, kernel, **options)
    x, w, g = arrays(np.random.default_rng(0), geometry)
    with mock.patch.object(choice, "FEW_NUMBERS", 0):
        choice._module.cache_clear()
        assert (algorithm("correlate", geometry, x, w, x.dtype) is by_rows.correlate) == by_row
    choice._module.cache_clear()
    assert columns.stays_channels_inner(geometry, x) == ("wide" in name)
    check(by_columns, np.random.default_rng(0), geometry)


CASES = {
    "few channels": Geometry(64, (12, 12), 1, 6, (5, 5), (1, 1), ((2, 2), (2, 2)), (1, 1), 1),
    "more channels": Geometry(40, (9, 10), 6, 16, (5, 5), (1, 1), ((0, 0), (0, 0)), (1, 1), 1),
    "stride": Geometry(33, (13, 12), 3, 8, (3, 3), (2, 2), ((1, 1), (1, 1)), (1, 1), 1),
    "wide": Geometry(16, (8, 8), 24, 20, (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1), 1),
}


@pytest.mark.parametrize("module", [by_rows, by_columns])
@pytest.mark.parametrize("name", CASES)
def test_results_have_the_same_bits_for_every_number_of_threads(name, module, threads):
    geometry = CASES[name]
    x, w, g = arrays(np.random.default_rng(0), geometry, lambda rng, shape: rng.standard_normal(shape, np.float32))
    results = []
    with mock.patch.multiple(columns, SHARE=geometry.multiplications // 8):
        for n in (1, 2, 3):
            set_num_threads(n)
            y = module.correlate(geometry, x, w, x.dtype)
            w_bar, x_bar = (
                module.kernel_gradient(geometry, x, g, x.dtype),
                module.input_gradient(geometry, g, w, x.dtype),
            )
            results.append([a.tobytes() for a in (y, w_bar, x_bar)])
        if module is by_rows:
            assert len(rows.plan(geometry, 4).tiles) > 1
            assert len(rows.plan(geometry, 4).tasks) > 1
    assert results[0] == results[1] == results[2]


def test_little_work_is_not_shared():
    geometry = Geometry(32, (14, 14), 6, 16, (5, 5), (1, 1), ((0, 0), (0, 0)), (1, 1), 1)
    layout = rows.plan(geometry, 4)
    assert len(layout.tiles) == len(layout.tasks) == 1
    shared = rows.plan(geometry._replace(batch=256), 4)
    assert len(shared.tiles) > 1
    assert len(shared.tasks) > 1


@given(narrow().map(lambda geometry: geometry._replace(batch=geometry.batch * 32)))
def test_products_of_work_that_is_not_shared_wake_no_thread_of_blas(geometry):
    if not rows.suits(geometry) or columns.shares(geometry) > 1:
        return
    layout = rows.plan(geometry, 4)
    gradient = [taps.product for task in layout.tasks for block in task for taps in block.products]
    for columns_seen, other in [*(p for tile in layout.forward for p in tile), *gradient]:
        (*_, k, m), f = columns_seen.shape, other.shape[-2]
        assert k * m * f <= 2**18
    for tile in layout.backward:
        for columns_seen, other in tile:
            assert columns_seen.shape[-2] * columns_seen.shape[-1] * other.shape[-2] <= 2**18


@given(data=st.data())
def test_one_image_of_one_channel_gives_runs_of_filters(data):
    draw, rng = data.draw, np.random.default_rng(0)
    size, kernel = draw(st.tuples(*[st.integers(3, 9)] * 2)), draw(st.tuples(*[st.integers(1, 3)] * 2))
    stride, padding = draw(st.tuples(*[st.integers(1, 2)] * 2)), ((draw(st.integers(0, 2)), 1), (0, 2))
    geometry = Geometry(1, size, 1, draw(st.integers(16, 20)), kernel, stride, padding, (1, 1), 1)
    layout = columns.plan(geometry, draw(st.booleans()), 8)
    assert isinstance(layout, columns.FiltersInner)
    x, w = lattice(rng, (1, *size, 1)), lattice(rng, (*kernel, 1, geometry.filters))
    g = lattice(rng, (1, *geometry.out, geometry.filters))
    options = dict(zip(("stride", "padding", "dilation", "groups"), geometry[5:], strict=True))
    y = by_columns.correlate(geometry, x, w, x.dtype)
    assert y.flags.c_contiguous
    np.testing.assert_array_equal(y, naive.correlate(x, w, **options))
    for ordered in (g, np.asfortranarray(g)):
        np.testing.assert_array_equal(
            by_columns.kernel_gradient(geometry, x, ordered, x.dtype),
            naive.correlate_kernel_gradient(x, g, kernel_size=kernel, **options),
        )
        np.testing.assert_array_equal(
            by_columns.input_gradient(geometry, ordered, w, x.dtype),
            naive.correlate_input_gradient(g, w, size=size, **options),
        )


@pytest.mark.parametrize("channels", [4, 32])
def test_memory_order_is_kept_from_layer_to_layer(channels):
    """What a kernel returns lies as the next one wants it, so that nothing is copied but columns."""
    this, following = (Geometry(8, (6, 6), channels, channels, (3, 3), **later) for later in (SAME, PLAIN))
    x, w, _ = arrays(np.random.default_rng(0), this)
    y = algorithm("correlate", this, x, w, x.dtype)(this, x, w, x.dtype)
    inner = columns.stays_channels_inner(following, y)
    assert inner == (channels == 32)
    layout, next_one = (columns.plan(g, True, 8) if inner else rows.plan(g, 8) for g in (this, following))
    assert np.shares_memory(layout.pack_output(y, y.dtype), y)
    assert np.shares_memory(next_one.pack(y, y.dtype), y)
