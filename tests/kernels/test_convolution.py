import tracemalloc
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels import naive
from tests.kernels.geometries import apply, assert_same, forget_plans, generators, geometries, lattice, rearranged
from tinygrad_np.kernels import columns
from tinygrad_np.kernels.convolution import correlate, correlate_input_gradient, correlate_kernel_gradient

PLAIN = {"stride": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1}


@pytest.fixture(autouse=True)
def fresh_plans():
    """Plans are remembered by geometry only, and some tests change the constants."""
    forget_plans()
    yield
    forget_plans()


def case(rng, batch, size, kernel_size, depth, width, *, dtype=np.float64, **options):
    """x, w, g and options of a convolution."""
    out = naive.output_size(size, kernel_size=kernel_size, **{k: v for k, v in options.items() if k != "groups"})
    channels, filters = depth * options["groups"], width * options["groups"]
    shapes = (batch, *size, channels), (*kernel_size, depth, filters), (batch, *out, filters)
    return *(lattice(rng, shape, dtype) for shape in shapes), options


@st.composite
def cases(draw, batches):
    rng, (size, options) = draw(generators), draw(geometries())
    depth, width = draw(st.sampled_from([(1, 1), (1, 3), (2, 1), (3, 2), (1, 33), (17, 18), (0, 2), (2, 0)]))
    groups = draw(st.integers(1, 3))
    return rng, *case(rng, draw(batches), size, options.pop("kernel_size"), depth, width, groups=groups, **options)


def check_against_naive(x, w, g, options):
    size, kernel_size = x.shape[1:-1], w.shape[:-2]
    assert_same(apply(correlate, x, w, **options), naive.correlate(x, w, **options))
    options_in, options_kernel = options | {"size": size}, options | {"kernel_size": kernel_size}
    assert_same(apply(correlate_input_gradient, g, w, **options_in), naive.correlate_input_gradient(g, w, **options_in))
    expected = naive.correlate_kernel_gradient(x, g, **options_kernel)
    assert_same(apply(correlate_kernel_gradient, x, g, **options_kernel), expected)


@settings(max_examples=settings.default.max_examples * 4)
@given(
    cases(batches=st.sampled_from([0, 1, 2, 9])),
    st.sampled_from([columns.BUFFER, 300]),
    st.sampled_from([columns.SHARE, 20]),
)
def test_equals_the_definition_on_the_lattice(case, buffer, share):
    rng, x, w, g, options = case
    forget_plans()
    with mock.patch.multiple(columns, BUFFER=buffer, SHARE=share):
        check_against_naive(x, w, g, options)
        check_against_naive(*(rearranged(rng, a) for a in (x, w, g)), options)


@given(cases(batches=st.integers(1, 3)))
def test_adjoint_identity_is_exact(case):
    _, x, w, g, options = case
    y = correlate(x, w, **options)
    x_bar = correlate_input_gradient(g, w, size=x.shape[1:-1], **options)
    w_bar = correlate_kernel_gradient(x, g, kernel_size=w.shape[:-2], **options)
    assert np.sum(g * y) == np.sum(x_bar * x) == np.sum(w_bar * w)


def test_windows_leave_the_rest_of_the_input_zero():
    g, w = np.ones((1, 3, 3, 1)), np.ones((1, 1, 1, 1))
    options = PLAIN | {"stride": (3, 3), "padding": ((1, 0), (1, 0))}
    x_bar = correlate_input_gradient(g, w, size=(6, 6), **options)
    assert np.argwhere(x_bar[0, :, :, 0]).tolist() == [[2, 2], [2, 5], [5, 2], [5, 5]]


@pytest.mark.parametrize(("batch", "size", "depth"), [(0, (4, 4), 2), (2, (2, 4), 2), (2, (4, 4), 0)])
def test_nothing_to_sum_is_zero(batch, size, depth):
    x, w = np.ones((batch, *size, depth), np.float32), np.ones((3, 3, depth, 4), np.float32)
    out = tuple(n - 2 for n in size)
    g = np.ones((batch, *out, 4), np.float32)
    assert_same(apply(correlate, x, w, **PLAIN), np.zeros(g.shape, np.float32))
    assert_same(apply(correlate_input_gradient, g, w, size=size, **PLAIN), np.zeros(x.shape, np.float32))
    assert_same(apply(correlate_kernel_gradient, x, g, kernel_size=(3, 3), **PLAIN), np.zeros(w.shape, np.float32))


DTYPES = [
    *[(np.dtype(t), np.dtype(t)) for t in "efdFDbil"],
    (np.dtype("f"), np.dtype("d")),
    (np.dtype("e"), np.dtype("f")),
    (np.dtype("f"), np.dtype("F")),
    (np.dtype("B"), np.dtype("e")),
]


@pytest.mark.parametrize(("first", "second"), DTYPES)
@pytest.mark.parametrize("channels", [2, 16])
def test_dtype_is_that_of_a_product(first, second, channels):
    rng = np.random.default_rng(0)
    x, w, g = (rng.integers(0, 3, s) for s in [(2, 5, 4, channels), (2, 2, channels, 16), (2, 4, 3, 16)])
    if "c" in first.kind + second.kind:
        x, w, g = (a + 1j * a[::-1] for a in (x, w, g))
    calls = [
        (correlate, naive.correlate, x, w, PLAIN),
        (correlate_input_gradient, naive.correlate_input_gradient, g, w, PLAIN | {"size": (5, 4)}),
        (correlate_kernel_gradient, naive.correlate_kernel_gradient, x, g, PLAIN | {"kernel_size": (2, 2)}),
    ]
    for kernel, reference, a, b, options in calls:
        a, b = ((v if t.kind == "c" else v.real).astype(t) for v, t in ((a, first), (b, second)))
        exact = reference(a.astype(np.complex128), b.astype(np.complex128), **options)
        desired = (exact if np.result_type(a, b).kind == "c" else exact.real).astype(np.result_type(a, b))
        assert_same(apply(kernel, a, b, **options), desired)


@pytest.mark.parametrize("channels", [1, 16])
def test_float16_is_summed_in_float32(channels):
    """4096 + 1 + 1 is 4096 if each sum is rounded to float16, which has steps of 4 there."""
    x = np.ones((1, 1, 9, channels), np.float16)
    x[0, 0, 0, 0] = 4096
    w = np.ones((1, 9, channels, 16), np.float16)
    total = np.float16(4096 + 9 * channels - 1)
    assert total > 4096
    y = correlate(x, w, **PLAIN)
    assert_same(y, np.full((1, 1, 1, 16), total, np.float16))
    g = np.ones((1, 1, 9, 1), np.float16)
    w_bar = correlate_kernel_gradient(x[..., :1], g, kernel_size=(1, 1), **PLAIN)
    assert w_bar.item() == np.float16(4096 + 8)
    big = np.where(np.arange(9) == 0, 4096, 1).astype(np.float16).reshape(1, 9, 1, 1)
    x_bar = correlate_input_gradient(g, big, size=(1, 17), **PLAIN)
    assert x_bar.max() == np.float16(4096 + 8)


@pytest.mark.parametrize(("channels", "filters"), [(1, 6), (16, 16), (32, 32)])
@pytest.mark.parametrize("batch", [64, 512])
def test_working_memory_does_not_grow_with_the_batch(batch, channels, filters):
    x = np.ones((24, channels, 24, batch), np.float32).transpose(3, 0, 2, 1)
    w = np.ones((5, 5, channels, filters), np.float32)
    g = correlate(x, w, **PLAIN)
    calls = [
        lambda: correlate(x, w, **PLAIN),
        lambda: correlate_input_gradient(g, w, size=(24, 24), **PLAIN),
        lambda: correlate_kernel_gradient(x, g, kernel_size=(5, 5), **PLAIN),
    ]
    for call in calls:
        tracemalloc.start()
        result = call()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak - result.nbytes < 5e6  # of two threads; all columns at once would take 400 MB at the larger batch
