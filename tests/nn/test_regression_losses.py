"""Losses of regression against their definitions, with every option."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_np import grad, nn, vmap
from tinygrad_np.testing import check_grads

RNG = np.random.default_rng(1)
X = RNG.standard_normal((4, 3)) * 2
T = RNG.standard_normal((4, 3)) * 2
COUNTS = np.array([[0, 1, 2], [3, 0, 1], [7, 2, 0], [1, 1, 5]])
VAR = RNG.uniform(0.25, 2, (4, 3))
reductions = st.sampled_from(["mean", "sum", "none"])
REDUCED = {"mean": np.mean, "sum": np.sum, "none": lambda x: x}


def huber(d, delta):
    return d * d / 2 if abs(d) <= delta else delta * (abs(d) - delta / 2)


def stirling(t):
    return t * math.log(t) - t + math.log(2 * math.pi * t) / 2 if t > 1 else 0


LOSSES = {  # the loss, and its definition for one element
    "mse": (nn.mse_loss, lambda x, t: (x - t) ** 2),
    "l1": (nn.l1_loss, lambda x, t: abs(x - t)),
    "huber": (nn.huber_loss, lambda x, t: huber(x - t, 1)),
    "huber delta": (lambda x, t, **o: nn.huber_loss(x, t, delta=2.5, **o), lambda x, t: huber(x - t, 2.5)),
    "smooth l1": (nn.smooth_l1_loss, lambda x, t: huber(x - t, 1)),
    "smooth l1 beta": (lambda x, t, **o: nn.smooth_l1_loss(x, t, beta=2.5, **o), lambda x, t: huber(x - t, 2.5) / 2.5),
    "smooth l1 beta 0": (lambda x, t, **o: nn.smooth_l1_loss(x, t, beta=0, **o), lambda x, t: abs(x - t)),
}  # fmt: skip


@pytest.mark.parametrize("name", LOSSES)
@given(reductions)
def test_definition_and_gradients(name, reduction):
    loss, definition = LOSSES[name]
    f = lambda x, t: loss(x, t, reduction=reduction)
    expected = REDUCED[reduction](np.array([[definition(x, t) for x, t in zip(*r)] for r in zip(X, T)]))  # noqa: B905
    np.testing.assert_allclose(f(X, T), expected, rtol=1e-14)
    check_grads(f, (X, T), order=2)
    for t in (T.astype(np.float32), COUNTS):
        assert f(X.astype(np.float32), t).dtype == np.float32
    assert f(X[0].astype(np.float32)[0], 1.5).dtype == f(X[0].astype(np.float32)[0], 1).dtype == np.float32


CONVENTIONS = {  # at d: slope and curvature
    "l1": (nn.l1_loss, {0: (0, 0)}),
    "huber": (nn.huber_loss, {0: (0, 1), 1: (1, 0), -1: (-1, 0), 0.5: (0.5, 1), 3: (1, 0)}),
    "smooth l1": (
        lambda x, t: nn.smooth_l1_loss(x, t, beta=0.5),
        {0: (0, 2), 0.5: (1, 0), -0.5: (-1, 0), 0.25: (0.5, 2), 3: (1, 0)},
    ),
}


@pytest.mark.parametrize("name", CONVENTIONS)
def test_conventions_at_corners(name):
    loss, slopes = CONVENTIONS[name]
    for d, (slope, curvature) in slopes.items():
        assert grad(loss)(float(d), 0.0) == slope
        assert grad(lambda x: grad(loss)(x, 0.0))(float(d)) == curvature


def test_large_differences_do_not_overflow():
    x, t = np.array([1e38, -1e38], np.float32), np.zeros(2, np.float32)
    with np.errstate(all="raise"):
        for loss in (nn.huber_loss, nn.smooth_l1_loss, nn.l1_loss):
            assert np.isfinite(loss(x, t, reduction="none")).all()
            np.testing.assert_array_equal(grad(lambda x, f=loss: f(x, t, reduction="sum"))(x), [1, -1])


@given(st.floats(0.125, 4), st.integers(0, 2**32 - 1))
def test_huber_is_between_and_smooth_l1_is_its_scaling(delta, seed):
    x = np.random.default_rng(seed).standard_normal(5) * 3
    t = np.zeros(5)
    h = nn.huber_loss(x, t, delta=delta, reduction="none")
    assert np.all(h <= np.minimum(x * x / 2, delta * abs(x)) * (1 + 1e-15))
    np.testing.assert_allclose(nn.smooth_l1_loss(x, t, beta=delta, reduction="none"), h / delta, rtol=1e-15)


@given(st.booleans(), reductions, st.sampled_from(["each", "row", "row of length 1"]))
def test_gaussian_nll_loss(full, reduction, kind):
    var = {"each": VAR, "row": VAR[:, 0], "row of length 1": VAR[:, :1]}[kind]
    v = VAR if kind == "each" else np.repeat(VAR[:, :1], 3, 1)
    losses = np.empty((4, 3))
    for place in np.ndindex(4, 3):
        density = math.exp(-((X[place] - T[place]) ** 2) / (2 * v[place])) / math.sqrt(v[place])
        losses[place] = -math.log(density / (math.sqrt(2 * math.pi) if full else 1))
    f = lambda x, t, v: nn.gaussian_nll_loss(x, t, v, full=full, reduction=reduction)
    np.testing.assert_allclose(f(X, T, var), REDUCED[reduction](losses), rtol=1e-12)
    check_grads(f, (X, T, var), order=2)


def test_gaussian_nll_loss_of_variances_below_eps():
    x, t, var = np.array([2.0, 2.0]), np.zeros(2), np.array([0.0, 0.01])
    f = lambda x, v: nn.gaussian_nll_loss(x, t, v, eps=0.25, reduction="none")
    np.testing.assert_allclose(f(x, var), [(math.log(0.25) + 16) / 2] * 2)
    np.testing.assert_allclose(grad(lambda v: np.sum(f(x, v)))(var), [(1 - 16) / (2 * 0.25)] * 2)
    np.testing.assert_allclose(grad(lambda x: np.sum(f(x, var)))(x), [8, 8])


@given(st.booleans(), st.booleans(), reductions)
def test_poisson_nll_loss(log_input, full, reduction):
    x = X if log_input else np.exp(X)
    losses = np.empty((4, 3))
    for place in np.ndindex(4, 3):
        mean, t = math.exp(X[place]), float(COUNTS[place])
        losses[place] = mean - t * X[place] + (stirling(t) if full else 0)
    f = lambda x: nn.poisson_nll_loss(x, COUNTS, log_input=log_input, full=full, reduction=reduction)
    np.testing.assert_allclose(f(x), REDUCED[reduction](losses), rtol=1e-6 if not log_input else 1e-13)
    check_grads(f, (x,), order=2)
    assert f(x.astype(np.float32)).dtype == np.float32


def test_per_example_losses():
    for name, (loss, _) in LOSSES.items():
        ours = vmap(grad(loss))(X, T)
        np.testing.assert_allclose(
            ours, [grad(loss)(x, t) for x, t in zip(X, T, strict=True)], rtol=1e-15, err_msg=name
        )


ERRORS = {
    **{name: (lambda f=f: f(X, X[:, :1]), r"must agree") for name, (f, _) in LOSSES.items()},
    "delta": (lambda: nn.huber_loss(X, T, delta=0), "huber_loss: delta=0; it is positive"),
    "beta": (lambda: nn.smooth_l1_loss(X, T, beta=-1), "smooth_l1_loss: beta=-1"),
    "reduction": (lambda: nn.mse_loss(X, T, reduction="average"), "'mean', 'sum' or 'none'"),
    "gaussian": (lambda: nn.gaussian_nll_loss(X, T[0], VAR), "must agree"),
    "gaussian var": (lambda: nn.gaussian_nll_loss(X, T, VAR[0]), r"var has shape \(3,\); for \(4, 3\)"),
    "gaussian negative": (lambda: nn.gaussian_nll_loss(X, T, -VAR), "var must not be negative"),
    "gaussian eps": (lambda: nn.gaussian_nll_loss(X, T, VAR, eps=0), "eps=0; it is positive"),
    "poisson": (lambda: nn.poisson_nll_loss(X, COUNTS[0]), "must agree"),
    "poisson negative": (lambda: nn.poisson_nll_loss(X, -COUNTS), "target must be counts"),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    action, words = ERRORS[name]
    with pytest.raises(ValueError, match=words):
        action()
