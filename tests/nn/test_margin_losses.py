"""Losses of margins against their definitions, with every option."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_np import grad, nn, vmap
from tinygrad_np.testing import check_grads

RNG = np.random.default_rng(2)
X = RNG.standard_normal((3, 4)) * 2
SIGNS = np.where(RNG.integers(0, 2, (3, 4)), 1, -1)
LABELS = np.array([0, 3, 2])
WEIGHT = np.array([0.5, 1.0, 2.0, 0.25])
reductions = st.sampled_from(["mean", "sum", "none"])
REDUCED = {"mean": np.mean, "sum": np.sum, "none": lambda x: x}


@given(reductions, st.sampled_from([1.0, 0.25, 3.0]), st.sampled_from([np.int64, np.int8, np.float64]))
def test_hinge_loss(reduction, margin, dtype):
    t = SIGNS.astype(dtype)
    losses = np.array([[max(0.0, margin - int(t[i, j]) * X[i, j]) for j in range(4)] for i in range(3)])
    f = lambda x: nn.hinge_loss(x, t, margin=margin, reduction=reduction)
    np.testing.assert_allclose(f(X), REDUCED[reduction](losses), rtol=1e-14)
    check_grads(f, (X,), order=2)


@given(reductions)
def test_soft_margin_loss(reduction):
    losses = np.array([[math.log(1 + math.exp(-SIGNS[i, j] * X[i, j])) for j in range(4)] for i in range(3)])
    f = lambda x: nn.soft_margin_loss(x, SIGNS, reduction=reduction)
    np.testing.assert_allclose(f(X), REDUCED[reduction](losses), rtol=1e-14)
    check_grads(f, (X,), order=2)


def test_conventions_and_extremes():
    assert [grad(nn.hinge_loss)(x, 1.0) for x in (0.875, 1.0, 1.125)] == [-1, 0, 0]
    np.testing.assert_array_equal(grad(nn.multi_margin_loss)(np.array([1.0, 0.0, 2.0]), 0), [-1 / 3, 0, 1 / 3])
    x = np.array([1e4, -1e4], np.float32)
    with np.errstate(all="raise", under="ignore"):
        losses = nn.soft_margin_loss(x, [-1, -1], reduction="none")
        g = grad(lambda x: nn.soft_margin_loss(x, [-1, -1], reduction="sum"))(x)
    np.testing.assert_array_equal(losses, [1e4, 0])
    np.testing.assert_array_equal(g, [1, 0])
    for loss, t in ((nn.hinge_loss, [-1, 1]), (nn.soft_margin_loss, [-1, 1]), (nn.multi_margin_loss, 1)):
        assert loss(x, np.array(t)).dtype == np.float32


@given(reductions, st.sampled_from([1, 2]), st.sampled_from([1.0, 0.25]), st.booleans(), st.integers(0, 1))
def test_multi_margin_loss(reduction, p, margin, weighted, axis):
    losses = np.zeros(3)
    for n, label in enumerate(LABELS):
        for c in range(4):
            if c != label:
                losses[n] += max(0.0, margin - X[n, label] + X[n, c]) ** p / 4
        losses[n] *= WEIGHT[label] if weighted else 1
    options = {"p": p, "margin": margin, "axis": axis, "reduction": reduction}
    x = X if axis else X.T
    ours = nn.multi_margin_loss(x, LABELS, weight=WEIGHT if weighted else None, **options)
    np.testing.assert_allclose(ours, REDUCED[reduction](losses), rtol=1e-14)
    check_grads(lambda x, w: nn.multi_margin_loss(x, LABELS, weight=w, **options), (x, WEIGHT), order=2)


def test_per_example_losses():
    ours = vmap(grad(nn.multi_margin_loss))(X, LABELS)
    np.testing.assert_allclose(ours, [grad(nn.multi_margin_loss)(x, t) for x, t in zip(X, LABELS, strict=True)])
    ours = vmap(grad(nn.hinge_loss))(X, SIGNS)
    np.testing.assert_allclose(ours, [grad(nn.hinge_loss)(x, t) for x, t in zip(X, SIGNS, strict=True)])


ERRORS = {
    "hinge": (ValueError, lambda: nn.hinge_loss(X, SIGNS[:, 0]), "must agree"),
    "hinge labels": (ValueError, lambda: nn.hinge_loss(X, SIGNS > 0), r"targets are -1 and 1.*2 \* targets - 1"),
    "soft labels": (ValueError, lambda: nn.soft_margin_loss(X, 2 * SIGNS), "soft_margin_loss: targets are -1 and 1"),
    "hinge reduction": (ValueError, lambda: nn.hinge_loss(X, SIGNS, reduction="batchmean"), "'mean', 'sum' or 'none'"),
    "label": (ValueError, lambda: nn.multi_margin_loss(X, np.full(3, 4)), "multi_margin_loss: label 4 is not in 0..3"),
    "negative": (ValueError, lambda: nn.multi_margin_loss(X, np.full(3, -100)), "label -100 is not in 0..3"),
    "shape": (ValueError, lambda: nn.multi_margin_loss(X, LABELS[:2]), r"indices need shape \(3,\)"),
    "dtype": (TypeError, lambda: nn.multi_margin_loss(X, LABELS * 1.0), "integer dtype, got float64"),
    "p": (ValueError, lambda: nn.multi_margin_loss(X, LABELS, p=3), "p=3; it is 1 or 2"),
    "weight": (ValueError, lambda: nn.multi_margin_loss(X, LABELS, weight=np.ones(5)), "there are 4 classes"),
    "axis": (ValueError, lambda: nn.multi_margin_loss(X, LABELS, axis=2), "axis 2 is out of bounds"),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    error, action, words = ERRORS[name]
    with pytest.raises(error, match=words):
        action()
