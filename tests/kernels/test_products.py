"""Products against loops written out, in every memory order, outer products and outputs given among them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_np.kernels import products
from tinygrad_np.kernels.threads import get_num_threads, set_num_threads

RNG = np.random.default_rng(0)
ORDERS = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "strided": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "reversed": lambda x: np.ascontiguousarray(x[::-1])[::-1],
}


def integers(shape, dtype):
    return RNG.integers(-9, 10, shape).astype(dtype)


def naive(x, y):
    return [[sum(int(x[i, k]) * int(y[k, j]) for k in range(len(y))) for j in range(y.shape[1])] for i in range(len(x))]


@given(
    st.tuples(st.integers(0, 5), st.integers(0, 3), st.integers(0, 5)),
    st.sampled_from(list(ORDERS)),
    st.sampled_from(list(ORDERS)),
    st.sampled_from(["f2", "f4", "f8", "c16", "i4"]),
)
def test_matmul(sizes, left, right, dtype):
    m, k, n = sizes
    x, y = ORDERS[left](integers((m, k), dtype)), ORDERS[right](integers((k, n), dtype))
    z = products.matmul(x, y)
    assert (z.dtype, z.shape) == (np.dtype(dtype), (m, n))
    np.testing.assert_array_equal(z, np.reshape(naive(x.real, y.real), (m, n)))
    for out in (np.full((m, n), np.nan if z.dtype.kind in "fc" else 7, dtype), np.full((n, m), 7, dtype).T):
        assert products.matmul(x, y, out) is out
        np.testing.assert_array_equal(out, z)


@pytest.mark.parametrize(("m", "n"), [(1, 1), (400, 120), (84, 10), (1, 50)])
def test_an_outer_product_is_the_products_of_the_elements(m, n):
    x, y = RNG.standard_normal((m, 1)).astype("f4"), RNG.standard_normal((1, n)).astype("f4")
    np.testing.assert_array_equal(products.matmul(x, y), x * y)


def test_stacks_and_mixed_dtypes_are_those_of_numpy():
    x, y = RNG.standard_normal((2, 3, 1)), RNG.standard_normal((2, 1, 4))
    np.testing.assert_array_equal(products.matmul(x, y), np.matmul(x, y))
    x, y = RNG.standard_normal((3, 1)).astype("f4"), RNG.standard_normal((1, 4))
    assert products.matmul(x, y).dtype == np.float64
    np.testing.assert_array_equal(products.matmul(x, y), x * y)


@pytest.mark.parametrize("shapes", [((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((1,), (1, 4)), ((4, 1), (1,))])
def test_vectors_are_rows_and_columns(shapes):
    x, y = (integers(shape, "f4") for shape in shapes)
    z = products.matmul(x, y)
    expected = naive(np.atleast_2d(x), y.reshape(len(y), -1))
    np.testing.assert_array_equal(z, np.reshape(expected, (*x.shape[:-1], *y.shape[1:])))
    out = np.empty_like(z)
    assert products.matmul(x, y, out) is out
    np.testing.assert_array_equal(out, z)


def test_affine_leaves_its_arguments_and_promotes_as_numpy():
    x, w, b = RNG.standard_normal((4, 3)), RNG.standard_normal((3, 2)), RNG.standard_normal(2)
    before = [v.copy() for v in (x, w, b)]
    np.testing.assert_allclose(products.affine(x, w, b), x @ w + b, rtol=1e-12)
    for dtypes in (("f4", "f4", "f8"), ("f4", "f4", "f2"), ("i8", "f4", "f4"), ("f4", "f4", "f4")):
        args = [v.astype(d) for v, d in zip((x, w, b), dtypes, strict=True)]
        assert products.affine(*args).dtype == (args[0] @ args[1] + args[2]).dtype
    for old, now in zip(before, (x, w, b), strict=True):
        np.testing.assert_array_equal(now, old)


@pytest.mark.parametrize("out", [False, True])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize(
    "sizes", [(70, 80, 60), (300, 310, 290), (2, 4_000, 2_500), (2_500, 4_000, 2), (31, 900, 700), (60, 4_800, 70)]
)
def test_large_products_are_exact_where_sums_are(sizes, order, out):
    m, k, n = sizes
    assert m * k * n >= products.WAKING
    x, y = ORDERS[order](integers((m, k), "f8") / 8), ORDERS[order](integers((k, n), "f8") / 8)
    given_out = np.empty((m, n)) if out else None
    found = products.matmul(x, y, given_out)
    np.testing.assert_array_equal(found, np.einsum("ik,kj->ij", x, y))
    assert not out or found is given_out


def test_large_products_have_the_same_bits_for_every_number_of_threads():
    pytest.importorskip("threadpoolctl", reason="without it set_num_threads warns")
    x, y = RNG.standard_normal((128, 784), np.float32), RNG.standard_normal((784, 512), np.float32)
    wide, long = RNG.standard_normal((2, 64, 8192), np.float32)
    assert min(128 * 784 * 512, 64 * 8192 * 64) >= products.SHARED
    before, found = get_num_threads(), []
    try:
        for n in (1, 2, 3):
            set_num_threads(n)
            found.append((products.matmul(x, y), products.matmul(y.T, x.T), products.matmul(wide, long.T)))
    finally:
        set_num_threads(before)
    for others in found[1:]:
        for a, b in zip(found[0], others, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("count", [2, 4, 8])
@pytest.mark.parametrize("length", [300, 512, 1_000])
def test_blocks_end_at_multiples_and_only_the_first_is_larger(length, count):
    edges = products._edges(length, products.LEAD // 100, count)
    first, *others = np.diff(edges)
    assert (edges[0], edges[-1], len(edges)) == (0, length, count + 1)
    assert all(edge % products.EDGE == 0 for edge in edges[:-1])
    equal = (length - 100) / count
    assert all(abs(n - equal) <= products.EDGE for n in (first - 100, *others))


def test_blocks_are_few_and_large(monkeypatch):
    seen = []
    monkeypatch.setattr(products, "parallel", lambda task, count: seen.append(count))
    for m, k, n in ((128, 512, 512), (512, 512, 512), (1024, 512, 512), (2048, 2048, 2048), (64, 32_768, 128)):
        products.matmul(np.empty((m, k)), np.empty((k, n)))
    assert seen == [2, 2, 4, 8, 4]
