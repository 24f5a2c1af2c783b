"""Activations and the softmax family: definitions, conventions at kinks, no overflow at ±1e4."""

import math

import numpy as np
import pytest

from tinygrad_np import grad, nn, vjp
from tinygrad_np.testing import check_grads

X = np.array([[-3.0, -1.25, -0.125], [0.375, 1.5, 4.0]])
erf = np.vectorize(math.erf)

DEFINITIONS = {
    "relu": (nn.relu, lambda x: np.where(x > 0, x, 0)),
    "leaky_relu": (nn.leaky_relu, lambda x: np.where(x > 0, x, 0.01 * x)),
    "leaky_relu slope": (lambda x: nn.leaky_relu(x, 0.25), lambda x: np.where(x > 0, x, 0.25 * x)),
    "elu": (nn.elu, lambda x: np.where(x > 0, x, np.exp(x) - 1)),
    "elu alpha": (lambda x: nn.elu(x, 0.5), lambda x: np.where(x > 0, x, 0.5 * (np.exp(x) - 1))),
    "gelu": (nn.gelu, lambda x: x * (1 + erf(x / math.sqrt(2))) / 2),
    "gelu tanh": (
        lambda x: nn.gelu(x, "tanh"), lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))),
    "silu": (nn.silu, lambda x: x / (1 + np.exp(-x))),
    "softplus": (nn.softplus, lambda x: np.log(1 + np.exp(x))),
    "sigmoid": (nn.sigmoid, lambda x: 1 / (1 + np.exp(-x))),
    "log_sigmoid": (nn.log_sigmoid, lambda x: -np.log(1 + np.exp(-x))),
    "softmax": (nn.softmax, lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True)),
    "softmax axis": (lambda x: nn.softmax(x, 0), lambda x: np.exp(x) / np.exp(x).sum(0)),
    "softmax axes": (lambda x: nn.softmax(x, (0, 1)), lambda x: np.exp(x) / np.exp(x).sum()),
    "log_softmax": (nn.log_softmax, lambda x: x - np.log(np.exp(x).sum(-1, keepdims=True))),
    "logsumexp": (nn.logsumexp, lambda x: np.log(np.exp(x).sum())),
    "logsumexp axis": (lambda x: nn.logsumexp(x, 0, keepdims=True), lambda x: np.log(np.exp(x).sum(0, keepdims=True))),
}  # fmt: skip


@pytest.mark.parametrize("name", DEFINITIONS)
def test_definition_and_gradients(name):
    ours, definition = DEFINITIONS[name]
    np.testing.assert_allclose(ours(X), definition(X), rtol=1e-13, atol=1e-15)
    check_grads(ours, (X,), order=2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", DEFINITIONS)
def test_overflow_free_and_dtype_kept(name, dtype):
    f = DEFINITIONS[name][0]
    x = np.array([[-1e4, 1e4, 0.0], [1e4, 1e4, -1e4]], dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        y = f(x)
        z, pullback = vjp(f, x)
        (g,) = pullback(np.ones_like(y))
        second = grad(lambda x: np.sum(grad(lambda x: np.sum(f(x) ** 2))(x)))(x / dtype(1e4))
    assert y.dtype == z.dtype == g.dtype == dtype
    assert np.all(np.isfinite(y)) and np.all(np.isfinite(g)) and np.all(np.isfinite(second))
    np.testing.assert_array_equal(y, z)


LIMITS = {
    "relu": ([0, 1e4], [0, 1]), "elu": ([-1, 1e4], [0, 1]), "gelu": ([0, 1e4], [0, 1]), "gelu tanh": ([0, 1e4], [0, 1]),
    "silu": ([0, 1e4], [0, 1]), "softplus": ([0, 1e4], [0, 1]), "sigmoid": ([0, 1], [0, 0]), "log_sigmoid": ([-1e4, 0], [1, 0]),
}  # fmt: skip


@pytest.mark.parametrize("name", LIMITS)
def test_limits(name):
    f = DEFINITIONS[name][0]
    values, slopes = LIMITS[name]
    x = np.array([-1e4, 1e4])
    np.testing.assert_allclose(f(x), values, atol=1e-300)
    np.testing.assert_allclose(grad(lambda x: np.sum(f(x)))(x), slopes, atol=1e-300)


def test_conventions_at_zero():
    for f, slope in (
        (nn.relu, 0),
        (nn.leaky_relu, 0.01),
        (nn.elu, 1),
        (nn.gelu, 0.5),
        (nn.silu, 0.5),
        (nn.softplus, 0.5),
    ):
        assert grad(f)(0.0) == slope


def test_minus_infinity_and_empty():
    x = np.array([-np.inf, 0.0, 1.0])
    np.testing.assert_allclose(nn.softmax(x), [0, *np.exp([0, 1]) / np.exp([0, 1]).sum()])
    assert nn.logsumexp(np.full(3, -np.inf)) == -np.inf
    np.testing.assert_array_equal(grad(nn.logsumexp)(np.full(3, -np.inf)), [0, 0, 0])
    assert nn.logsumexp(np.zeros((0,))) == -np.inf
    assert np.isfinite(grad(lambda x: nn.logsumexp(x))(x)).all()


def test_relative_accuracy_of_the_tails():
    import fractions

    x = np.array([-5.0, -10.0, -20.0])
    expected = [x_ * math.erfc(-x_ / math.sqrt(2)) / 2 for x_ in x]
    np.testing.assert_allclose(nn.gelu(x), expected, rtol=2e-13)
    np.testing.assert_allclose(nn.sigmoid(np.array([-40.0])), [math.exp(-40) / (1 + math.exp(-40))], rtol=1e-15)
    assert fractions.Fraction(float(nn.log_sigmoid(np.array([50.0]))[0])) < 0


def test_erfc_to_rounding():
    from tinygrad_np.ops.special import erfc

    x = np.linspace(-6, 25, 4001)
    exact = np.array([math.erfc(v) for v in x])
    assert np.max(np.abs(erfc(x) - exact) / exact / (1 + x * x)) < 4e-16
    x32 = x[x < 9].astype(np.float32)
    exact = np.array([math.erfc(float(v)) for v in x32])
    assert np.max(np.abs(erfc(x32) - exact) / exact / (1 + x32 * x32)) < 3e-7


def test_refusals():
    with pytest.raises(ValueError, match="'none' or 'tanh'"):
        nn.gelu(X, "fast")
    with pytest.raises(TypeError, match="real numbers"):
        nn.softmax(X * 1j)
    np.testing.assert_allclose(nn.softmax([1, 1]), [0.5, 0.5])
