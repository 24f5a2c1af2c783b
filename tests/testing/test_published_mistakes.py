"""Every published gradient mistake of the five networks (networks.md), written from its description: each is found.

The operations are small, the mistakes those of the articles: a check of the operation as published has to fail and to
name a fitting cause, and the operation put right has to pass the same check.
"""

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import nn, vjp
from tinygrad_np.testing import check


def with_rule(forward, *rules):
    """A primitive with a rule (y, *args) -> pullback for each argument in turn."""
    op = tg.primitive(forward)
    for name, rule in zip(op.arrays, rules, strict=True):
        op.defvjp(name)(rule)
    return op


def true(f, i):
    """The right rule of argument i of f, for comparison."""
    return lambda y, *args: lambda g: vjp(f, *args)[1](g)[i]


def convolution(x, w):
    return nn.conv2d(x, w)


def strided(x, w):
    return nn.conv2d(x, w, stride=2)


def with_bias(x, w, b):
    return nn.conv2d(x, w, b)


def same(x, w):
    return nn.conv2d(x, w, stride=2, padding="same")


def pool(x):
    return nn.max_pool2d(x, 2)


def softmax(z):
    return nn.softmax(z)


def batch_mean(x, w):
    """What a loss that is a mean over the batch makes of a convolution."""
    return np.mean(nn.conv2d(x, w), axis=0)


IMAGES, KERNEL = (1, 3, 4, 1), (2, 2, 1, 1)
SIZES = [((n, 2, 3, 1), (2, 2, 1, 1)) for n in (1, 2, 3)]


# -- N2, LeNet-5 ------------------------------------------------------------------------------------------------------


class NeverReset:
    """The kernel gradient is added to a stored array that nobody empties."""

    def __init__(self):
        self.total = {}

    def rule(self, y, x, w):
        def pullback(g):
            self.total[w.shape] = self.total.get(w.shape, 0) + vjp(convolution, x, w)[1](g)[1]
            return self.total[w.shape]

        return pullback


def scaled_tanh(x):
    return 1.7159 * np.tanh(x)


def dense_mean(x, w):
    """Dense gradients are means over the batch while the convolutions' are sums."""
    return x @ w


def padded(x, w):
    return nn.conv2d(x, w, padding=1)


def not_cropped(y, x, w):
    """Padding goes in and is never taken off."""
    return lambda g: vjp(convolution, np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))), w)[1](g)[0]


def not_padded(y, x, w):
    """Padding accepted, but not applied: the kernel sees the bare image, and the cotangent's border is left out."""
    return lambda g: vjp(convolution, x, w)[1](g[:, 1:-1, 1:-1])[1]


def sum_of_squares(x):
    return np.sum(x**2)


# -- N3, the layer library --------------------------------------------------------------------------------------------


def same_as_published(y, x, w):
    """'same' pads (k - 1) // 2 on each side, whatever the stride and the size: here one row and column too early."""

    def pullback(g):
        wide = vjp(lambda x: nn.conv2d(x, w, stride=2), np.pad(x, ((0, 0), (0, 1), (0, 1), (0, 0))))[1](g)[0]
        return np.roll(wide, 1, axis=(1, 2))[:, : x.shape[1], : x.shape[2]]

    return pullback


def dropout_in_place(x):
    x *= np.resize([0.0, 1 / 0.75, 1 / 0.75, 1 / 0.75], x.shape)
    return x


# -- N4, strided ------------------------------------------------------------------------------------------------------


def stride_forgotten(y, x, w):
    """x[i + k] where x[2 i + k] belongs."""
    h, v = w.shape[:2]

    def pullback(g):
        rows, columns = g.shape[1:3]
        taps = [np.einsum("nijc,nijf->cf", x[:, a : a + rows, b : b + columns], g) for a in range(h) for b in range(v)]
        return np.stack(taps).reshape(w.shape)

    return pullback


def relu(x):
    return np.maximum(x, 0)


def two_layers(h, w):
    """The output layer's logits, whose rule takes a step with w before it sends the gradient back through it."""
    return h @ w


def updated_too_early(y, h, w):
    def pullback(g):
        w[...] -= 0.1 * h.T @ g
        return g @ w.T

    return pullback


# -- N5, convolution, pooling, softmax --------------------------------------------------------------------------------


def spread(a):
    return np.repeat(np.repeat(a, 2, axis=1), 2, axis=2)


def to_all_maxima(y, x):
    return lambda g: (x == spread(y)) * spread(g)


def returns_early(y, x):
    """The loop over the windows returns after the first."""

    def pullback(g):
        x_bar = np.zeros_like(x)
        window = x[0, :2, :2, 0]
        p, q = np.unravel_index(np.argmax(window), window.shape)
        x_bar[0, p, q, 0] = g[0, 0, 0, 0]
        return x_bar

    return pullback


# -- N1, two classes --------------------------------------------------------------------------------------------------


def log_loss_of(labels):
    def log_loss(p):
        return -np.sum(labels * np.log(p) + (1 - labels) * np.log1p(-p))

    return log_loss


# name: the operation as published, what check is told, words of the cause
MISTAKES = {
    "the kernel gradient is never reset": (
        with_rule(convolution, true(convolution, 0), NeverReset().rule), {}, "accumulates over calls",
    ),
    "tanh' lacks its factor": (
        with_rule(scaled_tanh, lambda y, x: lambda g: g * (1 - np.tanh(x) ** 2)), {}, "a factor 1.7159 is missing",
    ),
    "dense gradients are means": (
        with_rule(dense_mean, true(dense_mean, 0), lambda y, x, w: lambda g: x.T @ g / len(x)),
        {"shapes": [((n, 2), (2, 3)) for n in (1, 3, 4)]}, "w: a factor 1/n too much, n the length of axis 0 of x",
    ),
    "padding is not cropped": (
        with_rule(padded, not_cropped, true(padded, 1)), {"shapes": [(IMAGES, (3, 3, 1, 1))]}, "padding that is not cropped",
    ),
    "padding is not applied": (
        with_rule(padded, true(padded, 0), not_padded), {"shapes": [(IMAGES, (3, 3, 1, 1))]}, "w: zero for a part of the outputs",
    ),
    "the loss reported is n times the mean": (
        with_rule(sum_of_squares, lambda y, x: lambda g: g * 2 * x / np.size(x)), {},
        "a factor 1/n too much, n the number of elements of x",
    ),
    "the fast convolution does not divide by the batch": (
        with_rule(batch_mean, true(batch_mean, 0), lambda y, x, w: lambda g: len(x) * vjp(batch_mean, x, w)[1](g)[1]),
        {"shapes": SIZES}, "w: a factor 1/n is missing, n the length of axis 0 of x (the batch?)",
    ),
    "'same' with stride 2 and an even kernel": (
        with_rule(same, same_as_published, true(same, 1)), {"shapes": [((1, 4, 6, 1), KERNEL), ((2, 4, 4, 1), KERNEL)]},
        "x: shifted by one along axes 1 and 2",
    ),
    "dropout edits its input in place": (dropout_in_place, {}, "writes to its arguments"),
    "softmax passes the cotangent on": (
        with_rule(softmax, lambda y, z: lambda g: g * 1), {}, "g is passed on unchanged",
    ),
    "the loss carries what is due to softmax": (
        with_rule(log_loss_of(1.0), lambda y, p: lambda g: g * (p - 1)), {"shapes": [((3,),), ((2, 2),)]}, "p: one factor x (1 - x) too much",
    ),
    "the stride is forgotten": (
        with_rule(strided, true(strided, 0), stride_forgotten), {"shapes": [((1, 5, 4, 1), KERNEL), ((1, 6, 6, 1), KERNEL)]},
        "w: wrong: the stride is ignored",
    ),
    "biases are never updated": (
        with_rule(with_bias, true(with_bias, 0), true(with_bias, 1), lambda y, x, w, b: lambda g: np.zeros(b.shape, b.dtype)),
        {"shapes": [(IMAGES, KERNEL, (1,))]}, "b: zero: not computed",
    ),
    "backward reads weights already updated": (
        with_rule(two_layers, updated_too_early, true(two_layers, 1)), {"shapes": ((2, 3), (3, 2))}, "writes to its arguments",
    ),
    "ReLU without its mask": (with_rule(relu, lambda y, x: lambda g: g * 1), {}, "g is passed on unchanged"),
    "pooling gives the gradient to all ties": (
        with_rule(pool, to_all_maxima), {"shapes": [((1, 4, 4, 1),), ((2, 2, 4, 1),)]}, "wrong at ties: each of the equal elements",
    ),
    "pooling returns after the first window": (
        with_rule(pool, returns_early), {"shapes": [((1, 4, 4, 1),), ((2, 2, 4, 1),)], "order": 1},
        "only the first output passes its cotangent on",
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_it_is_found_and_its_cause_is_named(mistake):
    op, told, words = MISTAKES[mistake]
    result = check(op, **{"examples": 20, "order": 1} | told)
    assert result.verdict == "fail"
    assert words in result.failure.cause
    assert "check_at(" in result.failure.test


PUT_RIGHT = {
    "convolution": (convolution, {}), "scaled tanh": (scaled_tanh, {}), "dense": (dense_mean, {}),
    "padded": (padded, {"shapes": [(IMAGES, (3, 3, 1, 1))]}), "batch mean": (batch_mean, {"shapes": SIZES}),
    "same": (same, {"shapes": [((1, 4, 6, 1), KERNEL)]}), "softmax": (softmax, {}), "strided": (strided, {}),
    "bias": (with_bias, {"shapes": [(IMAGES, KERNEL, (1,))]}), "relu": (relu, {}), "pool": (pool, {}),
}  # fmt: skip


@pytest.mark.parametrize("name", PUT_RIGHT)
def test_put_right_it_passes(name):
    f, told = PUT_RIGHT[name]
    assert check(f, examples=4, **told).verdict == "pass"
