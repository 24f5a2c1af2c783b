"""Normalisations against their definition, in float64 and in bad float32, in both layouts, and under every transform."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.geometries import generators
from tests.nn.transformed import check_transforms
from tinygrad_np import grad, jvp, nn, value_and_grad
from tinygrad_np.testing import check_grads

RNG = np.random.default_rng(0)
first = lambda x: np.moveaxis(x, -1, 1)


def standardised(x, axes, eps, scale, bias):
    """One slice after the other."""
    y = np.empty_like(x)
    kept = [i for i in range(x.ndim) if i not in axes]
    for index in np.ndindex(*[x.shape[i] for i in kept]):
        place = [slice(None)] * x.ndim
        for axis, i in zip(kept, index, strict=True):
            place[axis] = i
        part = x[tuple(place)]
        y[tuple(place)] = (part - part.mean()) / np.sqrt(((part - part.mean()) ** 2).mean() + eps)
    return y * scale + bias


@given(generators, st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.sampled_from([1e-5, 0.5]))
def test_the_axes_of_each(rng, dims, groups, depth, eps):
    size, channels = tuple(int(n) for n in rng.integers(2, 4, dims)), groups * depth
    x = rng.standard_normal((2, *size, channels)) * 2 + 1
    scale, bias = rng.standard_normal((2, channels))
    spatial = tuple(range(1, dims + 1))
    grouped = x.reshape(2, *size, groups, depth)
    expected = standardised(
        grouped, (*spatial, dims + 2), eps, scale.reshape(groups, depth), bias.reshape(groups, depth)
    )
    close = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-10)
    close(nn.group_norm(x, groups, scale, bias, eps=eps), expected.reshape(x.shape))
    close(
        nn.group_norm(first(x), groups, scale, bias, eps=eps, layout="channels_first"), first(expected.reshape(x.shape))
    )
    expected = standardised(x, spatial, eps, scale, bias)
    close(nn.instance_norm(x, scale, bias, eps=eps), expected)
    close(nn.instance_norm(first(x), scale, bias, eps=eps, layout="channels_first"), first(expected))
    for last in range(1, x.ndim + 1):
        shape = x.shape[x.ndim - last :]
        weights = rng.standard_normal((2, *shape))
        axes = tuple(range(x.ndim - last, x.ndim))
        close(nn.layer_norm(x, shape, *weights, eps=eps), standardised(x, axes, eps, *weights))
        rms = np.sqrt(np.mean(x * x, axis=axes, keepdims=True) + eps)
        close(nn.rms_norm(x, shape, weights[0], eps=eps), x / rms * weights[0])
    close(nn.layer_norm(x, channels), nn.layer_norm(x, (channels,)))


def test_rms_norm_takes_its_eps_from_the_dtype():
    for dtype in (np.float32, np.float64):
        x = np.full((1, 2), np.sqrt(np.finfo(dtype).eps), dtype)  # as large as eps lets it be
        np.testing.assert_allclose(nn.rms_norm(x, 2), np.sqrt(0.5), rtol=1e-3)


def test_large_means_cost_no_digits_in_float32():
    """E x² - (E x)² would leave nothing: a mean of 10⁴ and a variance of 1 differ by 10⁸, the digits of float32."""
    x = (1e4 + RNG.standard_normal((32, 28, 28, 3))).astype(np.float32)
    exact = x.astype(np.float64)
    expected = (exact - exact.mean((0, 1, 2))) / exact.std((0, 1, 2))
    y, state = nn.batch_norm(x, nn.batch_norm_state(3), train=True, momentum=1.0)
    np.testing.assert_allclose(y, expected, atol=5e-3)
    np.testing.assert_allclose(state.var, exact.var((0, 1, 2)), rtol=1e-3)
    rows = exact.reshape(-1, 28 * 3)
    expected = (rows - rows.mean(1, keepdims=True)) / rows.std(1, keepdims=True)
    np.testing.assert_allclose(nn.layer_norm(rows.astype(np.float32), 84, eps=0), expected, atol=5e-3)


def test_float16_is_summed_in_float32():
    x = (300 + 100 * RNG.standard_normal((2, 4096))).astype(np.float16)  # the squares' sum is beyond 65504
    wide, weights = x.astype(np.float32), RNG.standard_normal(4096).astype(np.float32)
    for norm in (nn.layer_norm, nn.rms_norm):
        y = norm(x, 4096)
        assert y.dtype == np.float16
        np.testing.assert_allclose(y, norm(wide, 4096), rtol=2e-3, atol=1e-3)
        low, high = (grad(lambda x: np.sum(norm(x, 4096) ** 2 * weights))(x) for x in (x, wide))
        assert low.dtype == np.float16
        np.testing.assert_allclose(low, high, atol=0.01 * np.abs(high).max())
        assert jvp(lambda x: norm(x, 4096), (x,), (x,))[1].dtype == np.float16


X, P = RNG.standard_normal((2, 3, 2, 4)), RNG.standard_normal((2, 4))
STATE = nn.BatchNormState(*np.abs(RNG.standard_normal((2, 4))))
TRANSFORMED = {
    "batch": lambda x, s, b: nn.batch_norm(x, STATE, s, b, train=True)[0],
    "batch first": lambda x, s, b: nn.batch_norm(first(x), STATE, s, b, train=True, layout="channels_first")[0],
    "batch inference": lambda x, s, b: nn.batch_norm(x, nn.BatchNormState(*[a.astype(x.dtype) for a in STATE]), s, b, train=False)[0],
    "layer": lambda x, s, b: nn.layer_norm(x, 4, s, b),
    "group": lambda x, s, b: nn.group_norm(x, 2, s, b),
    "group first": lambda x, s, b: nn.group_norm(first(x), 2, s, b, layout="channels_first"),
    "instance": lambda x, s, b: nn.instance_norm(x, s, b),
    "instance first": lambda x, s, b: nn.instance_norm(first(x), s, b, layout="channels_first"),
    "rms": lambda x, s, b: nn.rms_norm(x, 4, s) + b,
}  # fmt: skip


@pytest.mark.parametrize("name", TRANSFORMED)
def test_under_every_transform(name):
    check_transforms(TRANSFORMED[name], X, *P)


@pytest.mark.parametrize("shape", [(1, 1, 1), (0, 3, 2), (2, 3, 1)])
def test_axes_of_length_0_and_1(shape):
    x, channels = np.ones(shape, np.float32), shape[-1]
    for f in (lambda x: nn.layer_norm(x, channels), lambda x: nn.group_norm(x, 1), lambda x: nn.rms_norm(x, channels)):
        y, g = value_and_grad(lambda x: np.sum(f(x)))(x)
        assert f(x).shape == g.shape == shape and np.all(np.isfinite(g))
    assert nn.layer_norm(np.ones((2, 0)), 0).shape == (2, 0)
    assert nn.instance_norm(np.ones((0, 3, 2))).shape == (0, 3, 2)


def test_instance_norm_keeps_running_statistics():
    x, state = RNG.standard_normal((3, 4, 5, 2)), nn.batch_norm_state(2, np.float64)
    y, new = nn.instance_norm(x, state=state)
    np.testing.assert_array_equal(y, nn.instance_norm(x))
    np.testing.assert_allclose(new.mean, 0.1 * x.mean((1, 2)).mean(0), rtol=1e-12)
    np.testing.assert_allclose(new.var, 0.9 + 0.1 * x.var((1, 2), ddof=1).mean(0), rtol=1e-12)
    z, same = nn.instance_norm(x, state=new, use_input_stats=False)
    np.testing.assert_allclose(z, nn.batch_norm(x, new, train=False)[0])
    assert same is new
    (_, kept), g = value_and_grad(
        lambda x: (lambda y, s: (np.sum(y**3), s))(*nn.instance_norm(x, state=state)), has_aux=True
    )(x)
    assert type(kept.mean) is np.ndarray and np.any(g)
    np.testing.assert_array_equal(grad(lambda x: np.sum(nn.instance_norm(x, state=state)[1].var))(x), 0)


ERRORS = {
    "layer shape": (lambda: nn.layer_norm(X, 3), r"does not end in normalized_shape=3"),
    "layer nothing": (lambda: nn.layer_norm(X, ()), r"normalized_shape=\(\)"),
    "layer scale": (lambda: nn.layer_norm(X, (2, 4), np.ones(4)), r"scale has shape \(4,\); it is normalized_shape, \(2, 4\)"),
    "layer bias": (lambda: nn.layer_norm(X, 4, None, np.ones(1)), "bias has shape"),
    "rms scale": (lambda: nn.rms_norm(X, 4, np.ones(3)), "rms_norm: scale has shape"),
    "groups": (lambda: nn.group_norm(X, 3), "num_groups=3 does not divide the 4 channels"),
    "groups zero": (lambda: nn.group_norm(X, 0), "num_groups=0; it is a positive integer"),
    "groups layout": (lambda: nn.group_norm(X, 2, np.ones(4), layout="channels_first"), r"x has 3 channels \(layout='channels_first'\)"),
    "rank": (lambda: nn.group_norm(X[0, 0, 0], 2), "expected a batch axis and one of channels"),
    "instance rank": (lambda: nn.instance_norm(X[0, 0]), "batch axis, spatial axes and one of channels"),
    "instance one": (lambda: nn.instance_norm(X[:, :1, :1]), "needs two values a channel of an example"),
    "momentum": (
        lambda: nn.batch_norm(X, nn.batch_norm_state(4), train=True, momentum=1.1), r"momentum=1.1 is not in \[0, 1\]",
    ),
    "instance momentum": (
        lambda: nn.instance_norm(X, state=nn.batch_norm_state(4), momentum=-0.1), r"momentum=-0.1 is not in \[0, 1\]",
    ),
    "instance state": (lambda: nn.instance_norm(X, use_input_stats=False), "pass state="),
    "instance empty": (lambda: nn.instance_norm(X[:0], state=STATE), "no examples"),
    "state": (lambda: nn.instance_norm(X, state=nn.batch_norm_state(3)), "state.mean has shape"),
    "eps": (lambda: nn.layer_norm(X, 4, eps=-1), "eps=-1; it is a number >= 0"),
    "layout": (lambda: nn.group_norm(X, 2, layout="NHWC"), "layout='NHWC'"),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    action, words = ERRORS[name]
    with pytest.raises(ValueError, match=words):
        action()


def test_integers_are_refused():
    for action in (lambda x: nn.layer_norm(x, 2), lambda x: nn.group_norm(x, 1), lambda x: nn.rms_norm(x, 2)):
        with pytest.raises(TypeError, match="convert it to real floating point"):
            action(np.ones((2, 3, 2), int))


def test_eps_of_numpy_does_not_promote():
    x = np.ones((2, 3, 4), np.float32)
    assert nn.layer_norm(x, 4, eps=np.float64(1e-3)).dtype == np.float32
    assert nn.batch_norm(x, nn.batch_norm_state(4), train=False, eps=np.float64(1e-3))[0].dtype == np.float32


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
