"""The prepared cross-entropy and its gradient, alone and in one program, against the operations themselves."""

import numpy as np
import pytest

from tinygrad_np.kernels.scratch import FRESH, prepared_for
from tinygrad_np.ops.cross_entropy import softmax_cross_entropy_gradient_op as gradient_op
from tinygrad_np.ops.cross_entropy import softmax_cross_entropy_op as loss_op

DRAWS = np.random.default_rng(0)
ROWS = {
    "usual": (lambda x: x, [2, 0, 3]),
    "ignored": (lambda x: x, [2, -100, 3]),
    "infinite": (lambda x: np.where(x > 1, np.inf, x), [1, 1, 0]),
    "nowhere": (lambda x: np.where(np.arange(x.shape[1]) < 9, -np.inf, x), [1, 1, 0]),
    "nan": (lambda x: np.where(x > 1, np.nan, x), [1, 1, 0]),
    "one of them": (lambda x: np.where(x > 0, -np.inf, x), [1, 3, 0]),
}


def prepared(x, labels, g, options, known):
    """The arrays of both results, and the calls of both steps, which may share what they know."""
    loss, x_bar = np.empty((), x.dtype), np.empty_like(x)
    with prepared_for(FRESH, known):
        forward = loss_op.prepare(loss, x, labels, **options)
        backward = gradient_op.prepare(x_bar, g, x, labels, **options)
    return loss, x_bar, forward, backward


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bits_are_those_of_the_operations(dtype, n, reduction, together):
    options = {"reduction": reduction, "ignore_index": -100}
    x, labels, g = np.empty((n, 4), dtype), np.empty(n, np.int64), np.empty((), dtype)
    loss, x_bar, forward, backward = prepared(x, labels, g, options, {} if together else None)
    assert len(backward) == (1 if together else 2)  # the softmax is computed once
    for name in [*ROWS, "usual"]:  # whatever was in the last run
        change, classes = ROWS[name]
        x[...], labels[...], g[...] = change(DRAWS.standard_normal((n, 4)) * 3), classes[:n], DRAWS.standard_normal()
        with np.errstate(all="ignore"):
            for call in forward + backward:
                call()
            expected = loss_op.forward(x, labels, **options), gradient_op.forward(g, x, labels, **options)
        np.testing.assert_array_equal(loss, expected[0])
        np.testing.assert_array_equal(x_bar, expected[1])


def test_a_label_that_is_no_class_raises():
    x, labels = np.zeros((2, 3), np.float32), np.array([0, 3])
    *_, forward, backward = prepared(x, labels, np.ones((), np.float32), {"reduction": "mean", "ignore_index": -1}, {})
    forward[0]()
    for run in (forward[1], backward[0]):
        with pytest.raises(ValueError, match="label 3 is not in"):
            run()


def test_what_is_not_known_is_not_prepared():
    x, labels, g = np.zeros((3, 4), np.float32), np.zeros(3, np.int64), np.ones((), np.float32)
    mean = {"reduction": "mean", "ignore_index": -100}
    for inputs, options in (
        ((x.astype(np.float16), labels), mean),
        ((x[:, ::2], labels), mean),
        ((x, labels), {"reduction": "mean", "ignore_index": 2}),
        ((np.zeros((9_000, 4), np.float32), np.zeros(9_000, np.int64)), mean),  # the kernel sums that otherwise
    ):
        assert loss_op.prepare(np.empty((), x.dtype), *inputs, **options) is None
        assert gradient_op.prepare(np.empty_like(inputs[0]), g, *inputs, **options) is None
    assert loss_op.prepare(np.empty(3, x.dtype), x, labels, reduction="none", ignore_index=-100) is None
