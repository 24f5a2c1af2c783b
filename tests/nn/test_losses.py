"""Losses against their definitions, with every option."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_np import grad, nn
from tinygrad_np.testing import check_grads

RNG = np.random.default_rng(0)
LOGITS = RNG.standard_normal((6, 4))
LABELS = np.array([0, 3, 2, 2, -100, 1])
WEIGHT = np.array([0.5, 1.0, 2.0, 0.25])


def log_softmax(x):
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def by_definition(logits, labels, weight, ignore_index, smoothing, reduction):
    """Sum over examples and classes of -w_c t_c log p_c, one term after the other."""
    classes = logits.shape[-1]
    losses, total = np.zeros(len(labels)), 0.0
    for n, label in enumerate(labels):
        if label == ignore_index:
            continue
        for c in range(classes):
            t = (1 - smoothing) * (c == label) + smoothing / classes
            losses[n] -= weight[c] * t * log_softmax(logits)[n, c]
        total += weight[label]
    return {"none": losses, "sum": losses.sum(), "mean": losses.sum() / total}[reduction]


@given(
    st.booleans(),
    st.sampled_from([0.0, 0.1, 1.0]),
    st.sampled_from(["mean", "sum", "none"]),
    st.sampled_from([-100, 2]),
)
def test_cross_entropy_of_indices(weighted, smoothing, reduction, ignore_index):
    labels = np.where(LABELS == -100, ignore_index, LABELS)
    options = {"ignore_index": ignore_index, "label_smoothing": smoothing, "reduction": reduction}
    ours = nn.cross_entropy(LOGITS, labels, weight=WEIGHT if weighted else None, **options)
    expected = by_definition(LOGITS, labels, WEIGHT if weighted else np.ones(4), ignore_index, smoothing, reduction)
    np.testing.assert_allclose(ours, expected, rtol=1e-13)
    check_grads(lambda x, w: nn.cross_entropy(x, labels, weight=w, **options), (LOGITS, WEIGHT), order=2)


@given(st.sampled_from([0.0, 0.2]), st.sampled_from(["mean", "sum", "none"]))
def test_cross_entropy_of_probabilities(smoothing, reduction):
    t = RNG.dirichlet(np.ones(4), 6)
    options = {"label_smoothing": smoothing, "reduction": reduction, "weight": WEIGHT}
    smooth = t * (1 - smoothing) + smoothing / 4
    losses = -(smooth * WEIGHT * log_softmax(LOGITS)).sum(-1)
    expected = {"none": losses, "sum": losses.sum(), "mean": losses.mean()}[reduction]
    np.testing.assert_allclose(nn.cross_entropy(LOGITS, t, **options), expected, rtol=1e-13)
    check_grads(lambda x, t: nn.cross_entropy(x, t, **options), (LOGITS, t), order=2)


def test_cross_entropy_on_another_axis_and_more_axes():
    x = RNG.standard_normal((2, 4, 3, 5))
    labels = RNG.integers(0, 4, (2, 3, 5))
    ours = nn.cross_entropy(x, labels, axis=1, reduction="none")
    expected = nn.cross_entropy(np.moveaxis(x, 1, -1).reshape(-1, 4), labels.reshape(-1), reduction="none")
    np.testing.assert_allclose(ours.reshape(-1), expected, rtol=1e-14)


def test_gradient_of_cross_entropy_is_softmax_minus_onehot_and_never_overflows():
    labels = np.array([1, 0, 3, 2, 1, 1])
    g = grad(nn.cross_entropy)(LOGITS, labels)
    np.testing.assert_allclose(g, (nn.softmax(LOGITS) - np.eye(4)[labels]) / 6, rtol=1e-12)
    for dtype in (np.float32, np.float64):
        extreme = np.array([[1e4, -1e4], [-1e4, 1e4]], dtype)
        with np.errstate(all="raise", under="ignore"):
            assert nn.cross_entropy(extreme, np.array([1, 1])) == 1e4
            g = grad(nn.cross_entropy)(extreme, np.array([1, 1]))
        np.testing.assert_array_equal(g, np.array([[0.5, -0.5], [0, 0]], dtype))
        assert g.dtype == dtype


@given(st.booleans(), st.booleans(), st.sampled_from(["mean", "sum", "none"]))
def test_binary_cross_entropy(weighted, positive, reduction):
    x, t = LOGITS, RNG.uniform(size=LOGITS.shape)
    weight, pos_weight = (WEIGHT if weighted else None), (np.array([2.0, 1.0, 0.5, 3.0]) if positive else None)
    s = 1 / (1 + np.exp(-x))
    losses = -(pos_weight if positive else 1) * t * np.log(s) - (1 - t) * np.log(1 - s)
    losses = losses * (WEIGHT if weighted else 1)
    expected = {"none": losses, "sum": losses.sum(), "mean": losses.mean()}[reduction]
    f = lambda x, t: nn.binary_cross_entropy_with_logits(
        x, t, weight=weight, pos_weight=pos_weight, reduction=reduction
    )
    np.testing.assert_allclose(f(x, t), expected, rtol=1e-12)
    check_grads(f, (x, t), order=2)


def test_binary_cross_entropy_at_extremes_and_with_integer_targets():
    x = np.array([1e4, -1e4, 1e4], np.float32)
    t = np.array([1, 0, 0])
    with np.errstate(all="raise", under="ignore"):
        losses = nn.binary_cross_entropy_with_logits(x, t, reduction="none")
        g = grad(lambda x: nn.binary_cross_entropy_with_logits(x, t, reduction="sum"))(x)
    np.testing.assert_array_equal(losses, np.array([0, 0, 1e4], np.float32))
    np.testing.assert_array_equal(g, np.array([0, 0, 1], np.float32))
    assert losses.dtype == g.dtype == np.float32


def test_mse_loss():
    a, b = LOGITS, LOGITS[::-1]
    assert nn.mse_loss(a, b) == ((a - b) ** 2).mean()
    assert nn.mse_loss(a, b, reduction="sum") == ((a - b) ** 2).sum()
    np.testing.assert_array_equal(nn.mse_loss(a, b, reduction="none"), (a - b) ** 2)
    check_grads(nn.mse_loss, (a, b), order=2)


ERRORS = {
    "label": (lambda: nn.cross_entropy(LOGITS, np.full(6, 4)), "label 4 is not in 0..3"),
    "negative label": (lambda: nn.cross_entropy(LOGITS, np.full(6, -1)), "label -1"),
    "shape": (lambda: nn.cross_entropy(LOGITS, LABELS[:5]), r"indices need shape \(6,\)"),
    "probabilities": (lambda: nn.cross_entropy(LOGITS, LOGITS[:, :3]), "logits of shape"),
    "weight": (lambda: nn.cross_entropy(LOGITS, LABELS, weight=np.ones(3)), "there are 4 classes"),
    "smoothing": (lambda: nn.cross_entropy(LOGITS, LABELS, label_smoothing=2), r"not in \[0, 1\]"),
    "reduction": (lambda: nn.mse_loss(LOGITS, LOGITS, reduction="average"), "'mean', 'sum' or 'none'"),
    "mse": (lambda: nn.mse_loss(LOGITS, LOGITS[:, 0]), "must agree"),
    "bce": (lambda: nn.binary_cross_entropy_with_logits(LOGITS, LOGITS[0]), "must agree"),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    action, words = ERRORS[name]
    with pytest.raises(ValueError, match=words):
        action()
