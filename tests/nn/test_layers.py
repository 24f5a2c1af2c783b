"""Functions of parameters: dense, dropout, batch_norm, initialisers."""

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


@pytest.mark.parametrize("layout", ["channels_last", "channels_first"])
def test_batch_norm_in_training_and_inference(layout):
    x = RNG.standard_normal((4, 5, 6, 3)) * 2 + 1
    scale, bias = np.array([1.0, 2.0, 0.5]), np.array([0.0, 1.0, -1.0])
    arranged = x if layout == "channels_last" else np.moveaxis(x, -1, 1)
    back = (lambda y: y) if layout == "channels_last" else (lambda y: np.moveaxis(y, 1, -1))
    state = nn.batch_norm_state(3, np.float64)
    y, new = nn.batch_norm(arranged, state, scale, bias, train=True, layout=layout)
    mean, var = x.mean((0, 1, 2)), x.var((0, 1, 2))
    np.testing.assert_allclose(back(y), (x - mean) / np.sqrt(var + 1e-5) * scale + bias, rtol=1e-12, atol=1e-13)
    n = 4 * 5 * 6
    np.testing.assert_allclose(new.mean, 0.1 * mean, rtol=1e-13)
    np.testing.assert_allclose(new.var, 0.9 + 0.1 * var * n / (n - 1), rtol=1e-13)  # unbiased, torch's direction
    np.testing.assert_array_equal(state.mean, 0)
    z, same = nn.batch_norm(arranged, new, scale, bias, train=False, layout=layout)
    expected = (x - new.mean) / np.sqrt(new.var + 1e-5) * scale + bias
    np.testing.assert_allclose(back(z), expected, rtol=1e-12, atol=1e-13)
    assert same is new


def test_batch_norm_gradients_and_no_gradient_through_the_state():
    x, scale, bias = RNG.standard_normal((3, 2, 2)), np.array([1.0, 2.0]), np.array([0.5, -0.5])
    state = nn.batch_norm_state(2, np.float64)
    for train in (True, False):
        check_grads(lambda x, s, b: nn.batch_norm(x, state, s, b, train=train)[0], (x, scale, bias), order=2)
    g = grad(lambda x: sum(np.sum(s) for s in nn.batch_norm(x, state, train=True)[1]))(x)
    np.testing.assert_array_equal(g, 0)
    (_, new), g = grad_with_state(x, state)
    assert type(new.mean) is np.ndarray and new.mean.shape == (2,)


def grad_with_state(x, state):
    from tinygrad_np import value_and_grad

    def loss(x):
        y, new = nn.batch_norm(x, state, train=True)
        return np.sum(y**3), new

    return value_and_grad(loss, has_aux=True)(x)


def test_batch_norm_keeps_float32_and_refuses_what_does_not_fit():
    x = RNG.standard_normal((4, 3)).astype(np.float32)
    y, new = nn.batch_norm(x, nn.batch_norm_state(3), train=True)
    assert y.dtype == new.mean.dtype == new.var.dtype == np.float32
    with pytest.raises(ValueError, match="scale has shape"):
        nn.batch_norm(x, nn.batch_norm_state(3), np.ones(2), train=True)
    with pytest.raises(ValueError, match="two values"):
        nn.batch_norm(x[:1], nn.batch_norm_state(3), train=True)
    with pytest.raises(ValueError, match="batch axis"):
        nn.batch_norm(x[0], nn.batch_norm_state(3), train=True)


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
