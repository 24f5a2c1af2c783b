"""Functions of parameters: dense, dropout, initialisers."""

import numpy as np
import pytest

from tinygrad_np import grad, nn, random
from tinygrad_np.testing import check_grads

RNG = np.random.default_rng(0)
KEY = random.key(0)


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
