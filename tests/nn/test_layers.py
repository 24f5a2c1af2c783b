"""Functions of parameters: dense, dropout, initialisers."""

import numpy as np
import pytest

from tinygrad_np import grad, nn, random, vjp, vmap
from tinygrad_np.testing import check_grads

RNG = np.random.default_rng(0)
KEY = random.key(0)


@pytest.mark.parametrize("rows", [(), (1,), (4,), (2, 3), (0,), (2, 0)])
@pytest.mark.parametrize("features", [0, 1, 5])
def test_dense_of_any_rows_against_a_product_and_a_sum(rows, features):
    rng = np.random.default_rng(0)
    x, w, b = (rng.standard_normal(s) for s in ((*rows, features), (features, 3), (3,)))
    np.testing.assert_allclose(nn.dense(x, w, b), np.einsum("...i,io->...o", x, w) + b, rtol=1e-13)
    y, pullback = vjp(nn.dense, x, w, b)
    g = rng.standard_normal(y.shape)
    expected = vjp(lambda x, w, b: np.einsum("...i,io->...o", x, w) + b, x, w, b)[1](g)
    for ours, theirs in zip(pullback(g), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)
    check_grads(nn.dense, (x, w, b), order=2)


def test_dense_takes_lists_and_promotes_as_numpy():
    gradient = grad(lambda w: np.sum(nn.dense([[1.0, 2.0]], w, [0.0, 0.0, 1.0])))(np.ones((2, 3)))
    np.testing.assert_array_equal(gradient, [[1, 1, 1], [2, 2, 2]])
    x, w, b = np.ones((2, 2), np.float32), np.ones((2, 3), np.float32), np.ones(3)
    assert nn.dense(x, w, b).dtype == np.float64
    bars = vjp(nn.dense, x, w, b)[1](np.ones((2, 3)))
    assert [bar.dtype for bar in bars] == [np.float32, np.float32, np.float64]


@pytest.mark.parametrize("axes", [(0, None, None), (1, None, None), (0, 0, 0), (None, 0, None), (None, None, 0)])
def test_dense_under_vmap_is_the_loop(axes):
    rng = np.random.default_rng(0)
    args = [rng.standard_normal(s) for s in ((4, 3), (3, 2), (2,))]
    batched = [
        v if a is None else np.stack([v * (i + 1) for i in range(5)], a) for v, a in zip(args, axes, strict=True)
    ]
    loop = [nn.dense(*[v if a is None else v * (i + 1) for v, a in zip(args, axes, strict=True)]) for i in range(5)]
    np.testing.assert_allclose(vmap(nn.dense, in_axes=axes)(*batched), loop, rtol=1e-13)


def test_dense():
    x, w, b = RNG.standard_normal((2, 5, 3)), RNG.standard_normal((3, 4)), RNG.standard_normal(4)
    np.testing.assert_allclose(nn.dense(x, w, b), np.einsum("nli,io->nlo", x, w) + b, rtol=1e-13)
    check_grads(nn.dense, (x, w, b), order=2)
    with pytest.raises(ValueError, match=r"expected \(..., in\) and \(in, out\)"):
        nn.dense(x, w.T)
    with pytest.raises(ValueError, match="4 outputs"):
        nn.dense(x, w, b[:3])


def test_dropout_is_inverted_explicit_and_off_without_a_key():
    x = np.ones((200, 200), np.float32)
    y = nn.dropout(x, 0.25, KEY)
    assert y.dtype == np.float32
    np.testing.assert_allclose(np.unique(y), [0, 4 / 3], rtol=1e-6)
    assert abs(y.mean() - 1) < 0.01
    np.testing.assert_array_equal(y, nn.dropout(x, 0.25, KEY))
    assert np.any(y != nn.dropout(x, 0.25, random.fold_in(KEY, 1)))
    assert nn.dropout(x, 0.25, None) is x
    assert np.all(x == 1)
    g = grad(lambda x: np.sum(nn.dropout(x, 0.25, KEY)))(x)
    np.testing.assert_array_equal(g, y)
    for rate in (1, -0.1, "0.5", True):
        with pytest.raises(ValueError, match="probability of a zero"):
            nn.dropout(x, rate, KEY)


VARIANCES = {"glorot": lambda i, o: 2 / (i + o), "he": lambda i, o: 2 / i, "lecun": lambda i, o: 1 / i}


@pytest.mark.parametrize("distribution", ["normal", "uniform"])
@pytest.mark.parametrize("name", VARIANCES)
def test_initialisers_have_their_variance(name, distribution):
    initializer = getattr(nn.initializers, f"{name}_{distribution}")
    for shape, axes, fans in (
        ((200, 300), {}, (200, 300)),
        ((3, 3, 64, 128), {}, (9 * 64, 9 * 128)),
        ((128, 64, 3, 3), {"in_axis": 1, "out_axis": 0}, (9 * 64, 9 * 128)),
    ):
        w = initializer(KEY, shape, **axes)
        assert w.shape == shape and w.dtype == np.float32
        np.testing.assert_allclose(np.var(w), VARIANCES[name](*fans), rtol=0.03)
        assert abs(np.mean(w)) < 5 * np.sqrt(np.var(w) / w.size)
        if distribution == "uniform":
            assert np.abs(w).max() <= np.sqrt(3 * VARIANCES[name](*fans)) * (1 + 1e-6)
    np.testing.assert_array_equal(initializer(KEY, (4, 5)), initializer(KEY, (4, 5)))


def test_plain_initialisers():
    np.testing.assert_array_equal(nn.initializers.zeros(None, (2, 3)), np.zeros((2, 3), np.float32))
    w = nn.initializers.normal(KEY, (1000,), np.float64, mean=3.0, std=0.5)
    assert w.dtype == np.float64 and abs(w.mean() - 3) < 0.1 and abs(w.std() - 0.5) < 0.05
    u = nn.initializers.uniform(KEY, (1000,), low=-0.5, high=0.5)
    assert u.dtype == np.float32 and u.min() >= -0.5 and u.max() < 0.5
    with pytest.raises(ValueError, match="fan in"):
        nn.initializers.he_normal(KEY, (3,))
    with pytest.raises(ValueError, match="no fans"):
        nn.initializers.he_normal(KEY, (3, 4), in_axis=1, out_axis=-1)
