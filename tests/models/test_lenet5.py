import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from tinygrad_np import random, tree
from tinygrad_np.models import MODELS, lenet5


def reference(params, images, amplitude):
    """LeNet-5 written down from the article's figure: float64, a 32 x 32 input, sums over windows."""
    p = tree.map(lambda leaf: leaf.astype(np.float64), params)
    h = np.zeros((len(images), 32, 32, 1))
    h[:, 2:30, 2:30] = images
    for name in ("conv1", "conv2"):
        windows = sliding_window_view(h, (5, 5), axis=(1, 2))
        h = amplitude * np.tanh(np.einsum("nhwcij,ijcf->nhwf", windows, p[name]["w"]) + p[name]["b"])
        h = (h[:, ::2, ::2] + h[:, 1::2, ::2] + h[:, ::2, 1::2] + h[:, 1::2, 1::2]) / 4
    h = h.reshape(len(h), -1)
    for name in ("dense1", "dense2"):
        h = amplitude * np.tanh(h @ p[name]["w"] + p[name]["b"])
    return h @ p["dense3"]["w"] + p["dense3"]["b"]


def test_it_has_61706_parameters_in_float32_by_name():
    params = lenet5.init(random.key(0))
    assert sum(leaf.size for leaf in tree.leaves(params)) == 61_706
    assert {leaf.dtype for leaf in tree.leaves(params)} == {np.dtype(np.float32)}
    assert {name: layer["w"].shape for name, layer in params.items()} == {
        "conv1": (5, 5, 1, 6), "conv2": (5, 5, 6, 16), "dense1": (400, 120), "dense2": (120, 84), "dense3": (84, 10),
    }  # fmt: skip


def test_weights_have_variance_one_over_fan_in_and_follow_from_the_key():
    params, same, other = (lenet5.init(random.key(seed)) for seed in (3, 3, 4))
    assert np.std(params["dense1"]["w"]) == pytest.approx(400**-0.5, rel=0.02)
    assert np.std(params["conv2"]["w"]) == pytest.approx(150**-0.5, rel=0.05)
    assert all(np.array_equal(a, b) for a, b in zip(tree.leaves(params), tree.leaves(same), strict=True))
    assert not any(np.array_equal(params[name]["w"], other[name]["w"]) for name in params)


@pytest.mark.parametrize("amplitude", [1.0, 1.7159])
def test_logits_are_those_of_the_network_in_the_article(amplitude):
    keys = random.split(random.key(1), 3)
    params = tree.map(lambda leaf: leaf + random.normal(keys[0], leaf.shape) / 10, lenet5.init(keys[1]))
    images = random.normal(keys[2], (3, 28, 28, 1))
    logits = lenet5.apply(params, images, amplitude=amplitude)
    assert (logits.shape, logits.dtype) == ((3, 10), np.float32)
    np.testing.assert_allclose(logits, reference(params, images, amplitude), rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("name", MODELS)
def test_models_do_what_they_are_declared_to_do(name):
    model = MODELS[name]
    params = model.init(random.key(0))
    assert model.name == name
    assert model.apply(params, np.zeros((2, *model.image_shape), np.float32)).shape == (2, model.classes)
    assert model.first_filters(params).ndim == 4
