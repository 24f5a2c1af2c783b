"""Batching of convolution, pooling and random numbers: every choice of axes, no examples, examples of many sizes."""

import numpy as np
import pytest

from tinygrad_np import grad, random, stop_gradient
from tinygrad_np.ops import convolution, pooling
from tinygrad_np.ops.activations import log_softmax, logsumexp, softmax
from tinygrad_np.transforms.batch import vmap

GEOMETRY = {"stride": (2, 1), "padding": ((1, 0), (0, 1)), "dilation": (1, 2)}
AXES = [(0, None), (None, 0), (0, 0), (2, 1), (-1, None), (None, -1), (-2, -3)]


def _cases(groups):
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((2, 5, 6, 4)), rng.standard_normal((2, 3, 4 // groups, 6))
    g = rng.standard_normal(convolution.conv_op(x, w, **GEOMETRY, groups=groups).shape)
    return {
        convolution.conv_op: (x, w, {}),
        convolution.conv_input_op: (g, w, {"size": (5, 6)}),
        convolution.conv_kernel_op: (x, g, {"kernel_size": (2, 3)}),
    }


@pytest.mark.parametrize("buffer", [1, 400, 2**18])  # examples taken one by one, some at a time, and all together
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("in_axes", AXES)
def test_convolution_of_batches_is_a_loop(in_axes, groups, buffer, monkeypatch):
    monkeypatch.setattr(convolution, "BUFFER", buffer)
    rng = np.random.default_rng(1)
    for size in (3, 1, 0):
        for op, (*args, more) in _cases(groups).items():
            f = lambda a, b: op(a, b, **GEOMETRY, groups=groups, **more)
            batch = [
                x if a is None else np.moveaxis(rng.standard_normal((size, *x.shape)), 0, a)
                for x, a in zip(args, in_axes, strict=True)
            ]
            y = vmap(f, in_axes=in_axes)(*batch)
            assert y.shape == (size, *f(*args).shape)
            for i in range(size):
                each = [x if a is None else np.take(x, i, axis=a) for x, a in zip(batch, in_axes, strict=True)]
                np.testing.assert_allclose(y[i], f(*each), rtol=1e-12, atol=1e-12)


def _loss(params, x, label):
    h = np.maximum(convolution.conv(x[None], params["w"], params["b"], padding="same"), 0)
    h = pooling.avg_pool(pooling.max_pool(h, 2, stride=1), 2)
    return -log_softmax(pooling.global_avg_pool(convolution.conv(h, params["v"], stride=2))[0])[label]


def test_gradients_of_single_examples_are_those_of_a_loop():
    rng = np.random.default_rng(2)
    params = {
        "w": rng.standard_normal((3, 3, 2, 4)),
        "b": rng.standard_normal(4),
        "v": rng.standard_normal((2, 2, 4, 3)),
    }
    x, labels = rng.standard_normal((5, 7, 6, 2)), np.array([0, 2, 1, 1, 0])
    each = vmap(grad(_loss), in_axes=(None, 0, 0))(params, x, labels)
    for i in range(5):
        for name, expected in grad(_loss)(params, x[i], labels[i]).items():
            np.testing.assert_allclose(each[name][i], expected, rtol=1e-11, atol=1e-13)


def test_pooling_of_no_examples_has_the_shape_of_one():
    assert vmap(lambda x: pooling.max_pool(x, 2))(np.zeros((0, 1, 4, 4, 3))).shape == (0, 1, 2, 2, 3)


def test_keys_in_a_batch_draw_what_each_draws_alone():
    keys = random.split(random.key(0), 4)
    for draw in (
        lambda key: random.normal(key, (3,)),
        lambda key: random.uniform(key, (2, 2)),
        lambda key: random.split(key, 3),
        lambda key: random.permutation(key, 5),
        lambda key: random.permutation(key, np.arange(4.0)),
        lambda key: random.randint(key, (3,), 0, 9),
        lambda key: random.bernoulli(key, 0.5, (3,)),
        lambda key: random.bits(random.fold_in(key, 7)),
    ):
        np.testing.assert_array_equal(vmap(draw)(keys), np.stack([draw(key) for key in keys]))
    steps = np.arange(4)
    folded = np.stack([random.fold_in(keys[0], i) for i in steps])
    np.testing.assert_array_equal(vmap(random.fold_in, in_axes=(None, 0))(keys[0], steps), folded)


def test_stopped_values_stay_batched():
    x = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(vmap(grad(lambda x: np.sum(x * stop_gradient(x))), in_axes=1)(x), x.T)


@pytest.mark.parametrize("axis", [0, -1, None, (0, 1)])
@pytest.mark.parametrize("f", [softmax, log_softmax, logsumexp])
def test_softmax_family_in_batches(f, axis):
    x = np.random.default_rng(3).standard_normal((2, 3, 4))
    np.testing.assert_allclose(
        vmap(lambda x: f(x, axis), in_axes=2)(x), np.stack([f(x[:, :, i], axis) for i in range(4)]), rtol=1e-14
    )
