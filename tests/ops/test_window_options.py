"""The options of windows in normal form, remembered from call to call, and the convolution's bias."""

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np.ops.convolution import conv
from tinygrad_np.ops.transposed_convolution import conv_transpose
from tinygrad_np.ops.windows import remembered

RNG = np.random.default_rng(0)
X, W = RNG.integers(-4, 5, (2, 5, 6, 3)) / 4.0, RNG.integers(-4, 5, (3, 3, 3, 4)) / 4.0
B = RNG.integers(-4, 5, 4) / 4.0


def test_a_repeated_call_is_looked_up():
    calls = []

    @remembered(shapes=1)
    def f(*args):
        calls.append(args)
        return len(calls)

    assert f((5, 6), "conv", ((1, 2), (0, 0)), None, False) == f((5, 6), "conv", ((1, 2), (0, 0)), None, False) == 1
    assert f((5, 6), "conv", ((1, 2), (0, 1)), None, False) == 2
    assert f((5, 7), "conv", ((1, 2), (0, 1)), None, False) == 3


@pytest.mark.parametrize("other", [1.0, True, (1.0, 1), (True, 1), ((1, True), 1), [1, 1], np.int64(1)])
def test_what_equals_an_option_and_is_none_is_not_looked_up(other):
    seen = []

    @remembered(shapes=0)
    def f(option):
        seen.append(option)
        return option

    for option in (1, (1, 1), ((1, 1), 1)):
        f(option)
    f(other)
    assert seen[-1] is other


def test_refusals_do_not_depend_on_earlier_calls():
    conv(X, W, stride=1, dilation=(1, 1), padding=1)
    for options in ({"stride": True}, {"stride": 1.0}, {"dilation": (1, True)}, {"padding": (1.0, 1)}, {"groups": 1.0}):
        with pytest.raises((ValueError, TypeError)):
            conv(X, W, **({"stride": 1, "dilation": (1, 1), "padding": 1} | options))
    with pytest.raises(ValueError, match="does not fit"):
        conv(X[:, :2], W)
    with pytest.raises(ValueError, match="does not fit"):
        conv(X[:, :2], W)


def test_lists_and_numpy_integers_are_options_too():
    expected = conv(X, W, stride=(2, 1), padding=((1, 0), (0, 1)))
    np.testing.assert_array_equal(conv(X, W, stride=[2, 1], padding=[[1, 0], [0, 1]]), expected)
    np.testing.assert_array_equal(conv(X, W, stride=(np.int64(2), 1), padding=[(1, 0), (0, np.int32(1))]), expected)


@pytest.mark.parametrize("layout", ["channels_last", "channels_first"])
def test_bias_is_added_to_each_filter(layout):
    first = layout == "channels_first"
    x, w = (np.moveaxis(X, -1, 1), W.transpose(3, 2, 0, 1)) if first else (X, W)
    y = conv(x, w, layout=layout)
    expected = y + (B[:, None, None] if first else B)
    np.testing.assert_array_equal(conv(x, w, B, layout=layout), expected)
    np.testing.assert_array_equal(conv(x, w, B.tolist(), layout=layout), expected)


@pytest.mark.parametrize("dtypes", ["ffd", "fdf", "ffF", "eef", "ddf", "iif"])
def test_bias_promotes_as_in_numpy(dtypes):
    x, w, b = (a.astype(t) for a, t in zip((4 * X, 4 * W, B), dtypes, strict=True))
    expected = conv(x, w) + b
    np.testing.assert_array_equal(conv(x, w, b), expected, strict=True)


def test_bias_of_no_images():
    assert conv(X[:0], W, B).shape == (0, 3, 4, 4)
    assert conv(X[..., :0], W[..., :0, :], B)[0, 0, 0].tolist() == B.tolist()


def test_bias_is_not_written_to_and_images_neither():
    x, w, b = (a.copy() for a in (X, W, B))
    for a in (x, w, b):
        a.flags.writeable = False
    grads = tg.grad(lambda x, w, b: np.sum(conv(x, w, b) ** 2), argnums=("x", "w", "b"))(x, w, b)
    y = conv(x, w, b)
    np.testing.assert_allclose(grads[2], 2 * y.sum((0, 1, 2)))
    assert [g.shape for g in grads] == [x.shape, w.shape, b.shape]


@pytest.mark.parametrize("batched", [(0, None, None), (None, None, 0), (0, None, 0), (None, 0, 0), (1, 2, 1)])
def test_vmap_over_images_kernels_and_biases(batched):
    stacked = []
    for a, axis in zip((X, W, B), batched, strict=True):
        stacked.append(a if axis is None else np.stack([a, 2 * a, a - 1], axis))
    actual = tg.vmap(conv, in_axes=batched)(*stacked)
    for i in range(3):
        one = [a if axis is None else np.take(a, i, axis) for a, axis in zip(stacked, batched, strict=True)]
        np.testing.assert_array_equal(actual[i], conv(*one))


@pytest.mark.parametrize("function", [conv, conv_transpose])
def test_bias_of_another_length_is_refused(function):
    x = X if function is conv else RNG.standard_normal((2, 5, 6, 4))
    channels = 4 if function is conv else 3
    with pytest.raises(ValueError, match=rf"b has shape \(5,\); the output has {channels} channels"):
        function(x, W, np.zeros(5))
