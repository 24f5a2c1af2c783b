"""Losses of classes and probabilities against their definitions, with every option."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_np import grad, nn, vjp, vmap
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
    x, t = LOGITS, RNG.uniform(0.2, 0.7, LOGITS.shape)
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


@given(st.booleans(), st.sampled_from(["mean", "sum", "none"]), st.sampled_from([-100, 2]))
def test_nll_loss(weighted, reduction, ignore_index):
    labels = np.where(LABELS == -100, ignore_index, LABELS)
    log_p = log_softmax(LOGITS)
    options = {"ignore_index": ignore_index, "reduction": reduction}
    ours = nn.nll_loss(log_p, labels, weight=WEIGHT if weighted else None, **options)
    expected = by_definition(LOGITS, labels, WEIGHT if weighted else np.ones(4), ignore_index, 0, reduction)
    np.testing.assert_allclose(ours, expected, rtol=1e-13)
    check_grads(lambda x, w: nn.nll_loss(x, labels, weight=w, **options), (log_p, WEIGHT), order=2)


def test_nll_loss_needs_no_normalised_input_and_takes_an_axis():
    x, labels = RNG.standard_normal((2, 4, 3)), RNG.integers(0, 4, (2, 3))
    expected = [[-x[i, labels[i, j], j] for j in range(3)] for i in range(2)]
    np.testing.assert_array_equal(nn.nll_loss(x, labels, axis=1, reduction="none"), expected)
    np.testing.assert_array_equal(nn.nll_loss(x, labels.tolist(), axis=1, reduction="none"), expected)
    assert nn.nll_loss(x.astype(np.float32), labels, axis=1).dtype == np.float32
    assert nn.nll_loss(x[0, 0], 2) == -x[0, 0, 2]


def test_labels_within_vmap():
    labels = np.array([[0, 3], [2, -100], [1, 1]])
    batch = LOGITS.reshape(3, 2, 4)
    for f in (nn.cross_entropy, nn.nll_loss):
        ours = vmap(grad(f), in_axes=(0, 0))(batch, labels)
        np.testing.assert_allclose(ours, [grad(f)(x, y) for x, y in zip(batch, labels, strict=True)], rtol=1e-14)
    for wrong in (4, -1):
        wrong_labels = np.array([[0, 3], [2, wrong], [1, 1]])
        with pytest.raises(ValueError, match=f"cross_entropy: label {wrong} is not in 0..3"):
            vmap(nn.cross_entropy)(batch, wrong_labels)
        for f in (nn.nll_loss, nn.multi_margin_loss):
            with pytest.raises(IndexError, match="out of bounds"):
                vmap(f)(batch, wrong_labels)


@given(st.sampled_from(["mean", "sum", "none"]), st.sampled_from([-100, 2]), st.integers(0, 2**32 - 1))
def test_the_fused_cross_entropy_is_the_composition(reduction, ignore_index, seed):
    rng = np.random.default_rng(seed)
    x, labels = 3 * rng.standard_normal((2, 3, 4)), rng.integers(0, 4, (2, 3))
    labels = np.where(rng.random((2, 3)) < 0.3, ignore_index, labels)
    labels[0, 0], labels[1, 2] = 1, 3
    options = {"reduction": reduction, "ignore_index": ignore_index}
    (ours, pull), (theirs, pull_composed) = (
        vjp(lambda x, w=w: nn.cross_entropy(x, labels, weight=w, **options), x) for w in (None, np.ones(4))
    )
    g = rng.standard_normal(np.shape(ours))
    np.testing.assert_allclose(ours, theirs, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(pull(g)[0], pull_composed(g)[0], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("row", [[np.inf, 0, 1], [-np.inf, 0, 1], [np.nan, 0, 1], [np.inf, np.inf, 0], [-np.inf] * 3])
@pytest.mark.parametrize("label", [0, 1])
def test_infinite_and_nan_logits_are_those_of_log_softmax(row, label):
    x = np.array([row, [0.0, 1, 2]])
    with np.errstate(all="ignore"):
        losses = nn.cross_entropy(x, np.array([label, 2]), reduction="none")
        np.testing.assert_array_equal(losses, -nn.log_softmax(x)[[0, 1], [label, 2]])


def test_the_mean_of_more_numbers_than_float16_can_count():
    x, t = np.zeros(70_000, np.float16), np.zeros(70_000, np.float16)
    g = grad(lambda x: nn.binary_cross_entropy_with_logits(x, t))(x)
    assert g.dtype == np.float16
    np.testing.assert_allclose(g.astype(float), 0.5 / 70_000, rtol=0.01)


def test_all_labels_ignored_and_no_labels():
    x = np.ones((2, 3), np.float32)
    with np.errstate(invalid="ignore"):
        assert np.isnan(nn.cross_entropy(x, np.full(2, -100)))
        assert np.isnan(nn.cross_entropy(x[:0], np.zeros(0, int)))
    assert nn.cross_entropy(x, np.full(2, -100), reduction="sum") == 0
    np.testing.assert_array_equal(grad(lambda x: nn.cross_entropy(x, np.full(2, -100), reduction="sum"))(x), 0 * x)
    assert nn.cross_entropy(x, np.array([0, 255], np.uint8), ignore_index=255).dtype == np.float32


def test_a_loss_is_one_operation_and_its_gradient_another():
    from tinygrad_np.core.tape import Tape

    x, labels = np.ones((2, 4), np.float32), np.array([1, 3])
    for loss in (lambda x: nn.cross_entropy(x, labels), lambda x: nn.binary_cross_entropy_with_logits(x, x._value / 2)):
        tape = Tape("test")
        loss(tape.watch(x))
        assert len(tape.entries) == 2


@given(st.booleans(), st.sampled_from(["mean", "sum", "none"]))
def test_binary_cross_entropy_of_probabilities(weighted, reduction):
    p, t = RNG.uniform(0.05, 0.9, (6, 4)), RNG.uniform(0.05, 0.9, (6, 4))
    losses = np.empty((6, 4))
    for i, j in np.ndindex(6, 4):
        losses[i, j] = -t[i, j] * math.log(p[i, j]) - (1 - t[i, j]) * math.log(1 - p[i, j])
        losses[i, j] *= WEIGHT[j] if weighted else 1
    expected = {"none": losses, "sum": losses.sum(), "mean": losses.mean()}[reduction]
    f = lambda p, t: nn.binary_cross_entropy(p, t, weight=WEIGHT if weighted else None, reduction=reduction)
    np.testing.assert_allclose(f(p, t), expected, rtol=1e-13)
    check_grads(f, (p, t), order=2)


@given(st.lists(st.floats(-30, 30), min_size=1, max_size=4), st.data())
def test_the_two_binary_cross_entropies_agree(xs, data):
    x = np.array(xs)
    t = np.array([data.draw(st.sampled_from([0, 0.25, 1])) for _ in xs])
    p = np.where(x > 0, 1, np.exp(-abs(x))) / (1 + np.exp(-abs(x)))
    tolerance = 1e-15 * np.exp(abs(x))  # p near 1 has lost the digits of 1 - p
    ours, theirs = (f(a, t, reduction="none") for f, a in (
        (nn.binary_cross_entropy, p), (nn.binary_cross_entropy_with_logits, x)))  # fmt: skip
    assert np.all(abs(ours - theirs) <= tolerance + 1e-14 * abs(x))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_binary_cross_entropy_at_0_and_1(dtype):
    p, t = np.array([0, 1, 0, 1], dtype), np.array([0, 1, 1, 0], dtype)
    steep = min(1e12, 1 / float(np.finfo(dtype).tiny))
    with np.errstate(all="raise", under="ignore"):
        losses = nn.binary_cross_entropy(p, t, reduction="none")
        p_bar, t_bar = vjp(lambda p, t: nn.binary_cross_entropy(p, t, reduction="none"), p, t)[1](np.ones(4, dtype))
        if dtype is not np.float16:
            second = grad(lambda p: np.sum(grad(lambda p: nn.binary_cross_entropy(p, t, reduction="sum"))(p)))(p)
            np.testing.assert_allclose(second, [1, 1, 0, 0], rtol=1e-6)  # the bounded part is straight
    np.testing.assert_array_equal(losses, np.array([0, 0, 100, 100], dtype))
    np.testing.assert_allclose(p_bar, [1, -1, -steep, steep], rtol=2e-3 if dtype is np.float16 else 1e-6)
    np.testing.assert_array_equal(t_bar, np.array([100, -100, 100, -100], dtype))
    assert losses.dtype == p_bar.dtype == t_bar.dtype == dtype


def test_binary_cross_entropy_of_tiny_probabilities():
    p = np.array([1e-300, 1e-40, 1e-20, 1e-11])
    losses = nn.binary_cross_entropy(p, np.ones(4), reduction="none")
    np.testing.assert_allclose(losses, [100, 40 * math.log(10), 20 * math.log(10), 11 * math.log(10)], rtol=1e-14)
    slopes = grad(lambda p: nn.binary_cross_entropy(p, np.ones(4), reduction="sum"))(p)
    np.testing.assert_allclose(slopes, [-1e12, -1e12, -1e12, -1e11], rtol=1e-12)
    np.testing.assert_allclose(nn.binary_cross_entropy(p, np.zeros(4), reduction="none"), p, rtol=1e-11)
    integers = nn.binary_cross_entropy(p.astype(np.float32), np.array([0, 0, 0, 1]), reduction="none")
    assert integers.dtype == np.float32


KL = {"mean": lambda x: x.mean(), "sum": lambda x: x.sum(), "none": lambda x: x, "batchmean": lambda x: x.sum() / 6}


@given(st.booleans(), st.sampled_from(sorted(KL)))
def test_kl_div(log_target, reduction):
    log_p, t = log_softmax(LOGITS), RNG.dirichlet(np.ones(4), 6) * 0.8 + 0.05
    terms = np.empty((6, 4))
    for i, j in np.ndindex(6, 4):
        terms[i, j] = t[i, j] * (math.log(t[i, j]) - log_p[i, j])
    f = lambda x, t: nn.kl_div(x, t, log_target=log_target, reduction=reduction)
    target = np.log(t) if log_target else t
    np.testing.assert_allclose(f(log_p, target), KL[reduction](terms), rtol=1e-13)
    check_grads(f, (log_p, target), order=2)


@given(st.integers(0, 2**32 - 1))
def test_kl_divergence_is_not_negative_and_0_of_equals(seed):
    log_p, log_q = (np.log(np.random.default_rng((seed, i)).dirichlet(np.ones(5), 3)) for i in (0, 1))
    assert nn.kl_div(log_p, log_q, log_target=True, reduction="batchmean") > 0
    np.testing.assert_allclose(nn.kl_div(log_p, np.exp(log_p), reduction="none"), 0, atol=1e-15)


@pytest.mark.parametrize("log_target", [False, True])
def test_kl_div_where_the_target_is_0(log_target):
    x = np.array([-1.0, -2.0, -np.inf], np.float32)
    t = np.array([0.0, 1.0, 0.0], np.float32)
    with np.errstate(all="raise"):
        target = np.array([-np.inf, 0, -np.inf], np.float32) if log_target else t
        f = lambda x, t: nn.kl_div(x, t, log_target=log_target, reduction="none")
        terms, pullback = vjp(f, x, target)
        x_bar, t_bar = pullback(np.ones(3, np.float32))
        second = grad(lambda t: np.sum(grad(lambda t: np.sum(f(x, t)))(t)))(target)
    np.testing.assert_array_equal(terms, [0, 2, 0])
    np.testing.assert_array_equal(x_bar, -t)
    np.testing.assert_array_equal(t_bar, [0, 3, 0])
    assert np.isfinite(second).all()
    assert terms.dtype == np.float32
    np.testing.assert_array_equal(nn.kl_div(x[:2], np.array([0, 1]), reduction="none"), terms[:2])


P = np.full((6, 4), 0.75)
ERRORS = {
    "label": (lambda: nn.cross_entropy(LOGITS, np.full(6, 4)), "label 4 is not in 0..3"),
    "negative label": (lambda: nn.cross_entropy(LOGITS, np.full(6, -1)), "label -1"),
    "shape": (lambda: nn.cross_entropy(LOGITS, LABELS[:5]), r"indices need shape \(6,\)"),
    "probabilities": (lambda: nn.cross_entropy(LOGITS, LOGITS[:, :3]), "logits of shape"),
    "weight": (lambda: nn.cross_entropy(LOGITS, LABELS, weight=np.ones(3)), "there are 4 classes"),
    "smoothing": (lambda: nn.cross_entropy(LOGITS, LABELS, label_smoothing=2), r"not in \[0, 1\]"),
    "reduction": (lambda: nn.cross_entropy(LOGITS, LABELS, reduction="average"), "'mean', 'sum' or 'none'"),
    "float labels": (lambda: nn.cross_entropy(LOGITS, LABELS / 1), r"targets of shape \(6,\) are float64; .*integer"),
    "nll label": (lambda: nn.nll_loss(LOGITS, np.full(6, 4)), "nll_loss: label 4 is not in 0..3"),
    "nll ignored": (lambda: nn.nll_loss(LOGITS, np.full(6, -100), ignore_index=-1), "label -100"),
    "nll shape": (lambda: nn.nll_loss(LOGITS, LABELS[:5]), r"indices need shape \(6,\)"),
    "nll probabilities": (lambda: nn.nll_loss(LOGITS, LOGITS), "nll_loss: targets are class indices"),
    "nll weight": (lambda: nn.nll_loss(LOGITS, LABELS, weight=np.ones(3)), "nll_loss: weight has shape"),
    "nll axis": (lambda: nn.nll_loss(LOGITS, LABELS, axis=2), "axis 2 is out of bounds"),
    "nll reduction": (lambda: nn.nll_loss(LOGITS, LABELS, reduction="batchmean"), "'mean', 'sum' or 'none'"),
    "logits": (lambda: nn.binary_cross_entropy_with_logits(LOGITS, LOGITS[0]), "must agree"),
    "signs": (lambda: nn.binary_cross_entropy_with_logits(LOGITS, np.sign(LOGITS)), r"targets must be .* in \[0, 1\]"),
    "bce": (lambda: nn.binary_cross_entropy(P, P[:, :1]), "must agree"),
    "bce p": (lambda: nn.binary_cross_entropy(P + 1, P), r"binary_cross_entropy: probabilities must be .* in \[0, 1\]"),
    "bce p in grad": (lambda: grad(nn.binary_cross_entropy)(P - 1, P), "probabilities must be"),
    "bce t": (lambda: nn.binary_cross_entropy(P, 2 * P), "targets must be probabilities"),
    "bce reduction": (lambda: nn.binary_cross_entropy(P, P, reduction=None), "reduction=None"),
    "kl": (lambda: nn.kl_div(LOGITS, P[0]), "must agree"),
    "kl negative": (lambda: nn.kl_div(LOGITS, -P), "kl_div: target has negative .* log_target=True"),
    "kl scalar": (lambda: nn.kl_div(np.array(0.0), np.array(1.0), reduction="batchmean"), "first axis; there is none"),
    "kl reduction": (lambda: nn.kl_div(LOGITS, P, reduction="average"), "kl_div: reduction='average'"),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    action, words = ERRORS[name]
    with pytest.raises((ValueError, TypeError), match=words):
        action()
