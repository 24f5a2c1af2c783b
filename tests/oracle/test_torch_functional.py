"""Activations and losses against torch.nn.functional: values, gradients and second derivatives of drawn inputs.

Inputs keep away from corners, where second derivatives are a convention; these have tests of their own.
"""

import itertools

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import nn

pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("ignore")]

torch = pytest.importorskip("torch")
F = torch.nn.functional
torch.set_num_threads(1)

SEEDS = range(3)
DTYPES = {"float64": (np.float64, 1e-12, 1e-10), "float32": (np.float32, 3e-6, 1e-4)}


def drawn(seed, shape=(6, 4), scale=3.0):
    """Multiples of 1/8 plus 1/16, so 1/16 or more from every corner, and not equal to each other by an eighth."""
    rng = np.random.default_rng(seed)
    return (np.round(rng.standard_normal(shape) * scale * 8) + 0.5) / 8


def compared(ours, theirs, xs, dtype, count, second=True, least=0):
    """Compare values, all gradients and their derivatives along a direction; the loss is summed with weights."""
    kind, rtol, rtol2 = DTYPES[dtype]
    rtol = max(rtol, least)
    xs = [np.asarray(x).astype(kind) for x in xs]
    rng = np.random.default_rng(0)
    tensors = [torch.tensor(x, requires_grad=True) for x in xs]
    y, z = ours(*xs), theirs(*tensors)
    close(y, z, rtol)
    g = rng.standard_normal(np.shape(y)).astype(kind)
    gradient = tg.grad(lambda *xs: np.sum(ours(*xs) * g), argnums=tuple(range(len(xs))))
    vs = tuple(rng.standard_normal(x.shape).astype(kind) for x in xs)
    bars, dots = tg.jvp(gradient, tuple(xs), vs)
    theirs_bars = torch.autograd.grad(torch.sum(z * torch.tensor(g)), tensors, create_graph=second)
    for ours_bar, theirs_bar in zip(bars, theirs_bars, strict=True):
        close(ours_bar, theirs_bar, rtol)
    count["torch, values and gradients"] += 1
    if not second:
        return
    pushed = sum(torch.sum(bar * torch.tensor(v)) for bar, v in zip(theirs_bars, vs, strict=True))
    if not pushed.requires_grad:
        assert all(not np.any(dot) for dot in dots)
        return
    theirs_dots = torch.autograd.grad(pushed, tensors, allow_unused=True, materialize_grads=True)
    for ours_dot, theirs_dot in zip(dots, theirs_dots, strict=True):
        close(ours_dot, theirs_dot, rtol2)
    count["torch, second derivatives"] += 1


def close(ours, theirs, rtol):
    theirs = theirs.detach().numpy(force=True)
    assert np.asarray(ours).dtype == theirs.dtype
    assert np.shape(ours) == theirs.shape
    np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=rtol * max(1e-3, np.max(np.abs(theirs), initial=0)))


ACTIVATIONS = {
    "relu6": (nn.relu6, F.relu6),
    "leaky_relu": (lambda x: nn.leaky_relu(x, 0.2), lambda x: F.leaky_relu(x, 0.2)),
    "elu": (lambda x: nn.elu(x, 0.7), lambda x: F.elu(x, 0.7)),
    "celu": (lambda x: nn.celu(x, 0.5), lambda x: F.celu(x, 0.5)),
    "selu": (nn.selu, F.selu),
    "gelu": (nn.gelu, F.gelu),
    "gelu tanh": (lambda x: nn.gelu(x, "tanh"), lambda x: F.gelu(x, approximate="tanh")),
    "silu": (nn.silu, F.silu),
    "mish": (nn.mish, F.mish),
    "softplus": (nn.softplus, lambda x: F.softplus(x, threshold=1000)),
    "log_sigmoid": (nn.log_sigmoid, F.logsigmoid),
    "softsign": (nn.softsign, F.softsign),
    "tanh_shrink": (nn.tanh_shrink, F.tanhshrink),
    "hard_tanh": (lambda x: nn.hard_tanh(x, -0.5, 2.0), lambda x: F.hardtanh(x, -0.5, 2.0)),
    "hard_sigmoid": (nn.hard_sigmoid, F.hardsigmoid),
    "hard_swish": (nn.hard_swish, F.hardswish),
    "hard_shrink": (lambda x: nn.hard_shrink(x, 1.0), lambda x: F.hardshrink(x, 1.0)),
    "soft_shrink": (lambda x: nn.soft_shrink(x, 1.0), lambda x: F.softshrink(x, 1.0)),
    "threshold": (lambda x: nn.threshold(x, 1.0, -2.0), lambda x: F.threshold(x, 1.0, -2.0)),
    "glu": (nn.glu, F.glu),
    "glu axis": (lambda x: nn.glu(x, 0), lambda x: F.glu(x, 0)),
    "softmin": (nn.softmin, lambda x: F.softmin(x, -1)),
    "softmin axis": (lambda x: nn.softmin(x, 0), lambda x: F.softmin(x, 0)),
}
NO_SECOND = {"hard_sigmoid"}  # torch has none
SINGLE = {"hard_sigmoid"}  # torch's 1/6 is a float32 in float64 too


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name, dtype, count):
    ours, theirs = ACTIVATIONS[name]
    for seed in SEEDS:
        compared(ours, theirs, [drawn(seed)], dtype, count, name not in NO_SECOND, 1e-7 if name in SINGLE else 0)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_slopes_at_corners(name, count):
    ours, theirs = ACTIVATIONS[name]
    x = np.array([[-3.0, -1, -0.5, 0], [0, 1, 2, 6], [3, 0.5, -2, 1]]).reshape(6, 2)
    t = torch.tensor(x, requires_grad=True)
    (bar,) = torch.autograd.grad(torch.sum(theirs(t)), t)
    np.testing.assert_allclose(
        tg.grad(lambda x: np.sum(ours(x)))(x), bar.numpy(), rtol=1e-7 if name in SINGLE else 1e-12, atol=1e-15
    )
    count["torch, slopes at corners"] += 1


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("shape", "slopes"), [((4, 3), 3), ((2, 3, 4), 3), ((2, 3, 2, 2), 1), ((5,), 1)])
def test_prelu(shape, slopes, dtype, count):
    x, slope = drawn(0, shape), np.array([0.25, -0.5, 2.0])[:slopes]
    compared(lambda x, s: nn.prelu(x, s, layout="channels_first"), F.prelu, [x, slope], dtype, count)


REDUCTIONS = ["mean", "sum", "none"]
T, SIGNS = drawn(9) + 1 / 16, np.where(drawn(8) > 0, 1, -1)
LABELS = np.array([0, 3, 2, -100, 1, 2])
PLAIN_LABELS = np.array([0, 3, 2, 0, 1, 2])
WEIGHT = np.array([0.5, 1.0, 2.0, 0.25])
t_labels, t_plain = torch.tensor(LABELS), torch.tensor(PLAIN_LABELS)


def of_logits(f):
    """A loss of log-probabilities as one of logits, in both libraries."""
    return lambda x, *a, **o: f(
        nn.log_softmax(x) if isinstance(x, np.ndarray | tg.Tensor) else F.log_softmax(x, -1), *a, **o
    )


def both(ours, theirs, *xs, second=True, reductions=REDUCTIONS):
    return ours, theirs, xs, second, reductions


def cast(array, like):
    return torch.tensor(array).to(like.dtype)


X, P = drawn(1), 1 / (1 + np.exp(-drawn(2, scale=0.5)))  # torch adds 1e-12 to p (1 - p) in second derivatives
Q = np.random.default_rng(3).dirichlet(np.ones(4), 6)
LOSSES = {
    "mse": both(nn.mse_loss, F.mse_loss, X, T),
    "l1": both(nn.l1_loss, F.l1_loss, X, T),
    **{f"huber {d}": both(lambda x, t, d=d, **o: nn.huber_loss(x, t, delta=d, **o),
                          lambda x, t, d=d, **o: F.huber_loss(x, t, delta=d, **o), X, T) for d in (1.03, 3.3)},
    **{f"smooth l1 {b}": both(lambda x, t, b=b, **o: nn.smooth_l1_loss(x, t, beta=b, **o),
                              lambda x, t, b=b, **o: F.smooth_l1_loss(x, t, beta=b, **o), X, T) for b in (0, 1.03, 3.3)},
    **{f"gaussian {full} {eps}": both(
        lambda x, t, v, full=full, eps=eps, **o: nn.gaussian_nll_loss(x, t, v, full=full, eps=eps, **o),
        lambda x, t, v, full=full, eps=eps, **o: F.gaussian_nll_loss(x, t, v, full=full, eps=eps, **o), X, T, P + 0.1)
       for full in (False, True) for eps in (1e-6, 0.3)},
    "gaussian row": both(nn.gaussian_nll_loss, F.gaussian_nll_loss, X, T, P[:, 0] + 0.1),
    **{f"poisson {full} {log}": both(
        lambda x, full=full, log=log, **o: nn.poisson_nll_loss(x, abs(LABELS[:, None] + 0 * SIGNS), full=full, log_input=log, **o),
        lambda x, full=full, log=log, **o: F.poisson_nll_loss(
            x, cast(abs(LABELS[:, None] + 0 * SIGNS), x), full=full, log_input=log, **o), P)
       for full in (False, True) for log in (False, True)},
    **{f"cross entropy {w} {s}": both(
        lambda x, w=w, s=s, **o: nn.cross_entropy(
            x, LABELS, weight=WEIGHT.astype(x.dtype) if w else None, label_smoothing=s, **o),
        lambda x, w=w, s=s, **o: F.cross_entropy(
            x, t_labels, weight=cast(WEIGHT, x) if w else None, label_smoothing=s, **o), X)
       for w in (False, True) for s in (0.0, 0.2)},
    **{f"nll {w} {i}": both(
        lambda x, w=w, i=i, **o: of_logits(nn.nll_loss)(
            x, np.where(LABELS == -100, i, LABELS), weight=WEIGHT.astype(x.dtype) if w else None, ignore_index=i, **o),
        lambda x, w=w, i=i, **o: of_logits(F.nll_loss)(
            x, torch.where(t_labels == -100, i, t_labels), weight=cast(WEIGHT, x) if w else None, ignore_index=i, **o), X)
       for w in (False, True) for i in (-100, 2)},
    "bce": both(nn.binary_cross_entropy, F.binary_cross_entropy, P, Q),
    "bce weight": both(lambda p, **o: nn.binary_cross_entropy(p, Q.astype(p.dtype), weight=WEIGHT.astype(p.dtype), **o),
                       lambda p, **o: F.binary_cross_entropy(p, cast(Q, p), weight=cast(WEIGHT, p), **o), P),
    "bce logits": both(nn.binary_cross_entropy_with_logits, F.binary_cross_entropy_with_logits, X, Q),
    **{f"kl {log}": both(
        lambda x, t, log=log, **o: nn.kl_div(x, t, log_target=log, **o),
        lambda x, t, log=log, **o: F.kl_div(x, t, log_target=log, **o),
        np.log(P), np.log(Q) if log else Q, reductions=[*REDUCTIONS, "batchmean"]) for log in (False, True)},
    "soft margin": both(lambda x, **o: nn.soft_margin_loss(x, SIGNS, **o),
                        lambda x, **o: F.soft_margin_loss(x, cast(SIGNS, x), **o), X),
    **{f"multi margin {p} {m} {w}": both(
        lambda x, p=p, m=m, w=w, **o: nn.multi_margin_loss(
            x, PLAIN_LABELS, p=p, margin=m, weight=WEIGHT.astype(x.dtype) if w else None, **o),
        lambda x, p=p, m=m, w=w, **o: F.multi_margin_loss(
            x, t_plain, p=p, margin=m, weight=cast(WEIGHT, x) if w else None, **o), X, second=False)
       for p, m, w in itertools.product((1, 2), (1.03, 0.3), (False, True))},
}  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LOSSES)
def test_losses(name, dtype, count):
    ours, theirs, xs, second, reductions = LOSSES[name]
    for reduction in reductions:
        f, g = (lambda *xs, h=h: h(*xs, reduction=reduction) for h in (ours, theirs))
        compared(f, g, xs, dtype, count, second)


def test_hinge_loss_is_the_multi_margin_loss_of_two_classes(count):
    for seed in SEEDS:
        x = drawn(seed, (6,))
        pair = torch.tensor(np.stack([np.zeros(6), x], 1))
        theirs = F.multi_margin_loss(pair, torch.tensor((SIGNS[:, 0] + 1) // 2), reduction="none") * 2
        np.testing.assert_allclose(nn.hinge_loss(x, SIGNS[:, 0], reduction="none"), theirs.numpy(), rtol=1e-14)
        count["torch, values"] += 1


def test_binary_cross_entropy_at_0_and_1_has_the_values_of_torch(count):
    p, t = np.array([0.0, 1, 0, 1, 0, 1, 1e-20]), np.array([0.0, 1, 1, 0, 0.5, 0.5, 1])
    tensor = torch.tensor(p, requires_grad=True)
    theirs = F.binary_cross_entropy(tensor, torch.tensor(t), reduction="none")
    np.testing.assert_allclose(nn.binary_cross_entropy(p, t, reduction="none"), theirs.detach().numpy(), rtol=1e-14)
    (bar,) = torch.autograd.grad(theirs.sum(), tensor)
    ours = tg.grad(lambda p: nn.binary_cross_entropy(p, t, reduction="sum"))(p)
    np.testing.assert_allclose(ours[2:], bar.numpy()[2:], rtol=1e-8)  # where they match torch has 0, not the limit ±1
    count["torch, values and gradients"] += 1


def test_truncated_normal_has_the_quantiles_of_torch(count):
    p = torch.linspace(1e-6, 1 - 1e-6, 1001, dtype=torch.float64)
    ours = nn.initializers._normal_quantile(p.numpy())
    np.testing.assert_allclose(ours, torch.special.ndtri(p).numpy(), rtol=2e-15, atol=1e-15)
    count["torch, values"] += 1
