"""What is drawn as in the articles, against their own way of drawing it, one number after the other."""

import numpy as np
import pytest

from tinygrad_np import random
from tinygrad_np.models import MODELS, two_class

KEY = random.key(0)


@pytest.fixture
def legacy():
    """NumPy's global legacy generator, left as it was found."""
    state = np.random.get_state()
    yield np.random
    np.random.set_state(state)


def test_two_class_draws_filter_and_weights_from_seed_42_and_then_an_image_a_step(legacy):
    legacy.seed(42)
    conv, dense = legacy.normal(0, 2 / 3, (3, 3)), legacy.normal(0, 1 / 28, 784)
    steps = np.array([legacy.randint(11_000) for _ in range(3 * 11_000)]).reshape(3, -1)
    params = MODELS["two_class"].published.init(KEY)
    assert np.array_equal(params["conv"]["w"][:, :, 0, 0], conv)
    assert np.array_equal(params["dense"]["w"][:, 0], dense)
    order = MODELS["two_class"].published.recipe.order
    assert [np.array_equal(order(11_000, epoch, KEY), steps[epoch - 1]) for epoch in (1, 2, 3)] == [True] * 3


def test_strided_draws_channels_first_from_seed_0(legacy):
    legacy.seed(0)
    first, second = legacy.uniform(-0.5, 0.5, (16, 8, 8)), legacy.uniform(-0.5, 0.5, (8, 16, 4, 4))
    dense, bias = legacy.uniform(-0.5, 0.5, (10, 8, 9, 9)), legacy.uniform(-0.5, 0.5, 10)
    params = MODELS["strided"].published.init(KEY)
    assert params["conv1"]["w"][2, 5, 0, 7] == first[7, 2, 5]
    assert params["conv2"]["w"][3, 1, 11, 4] == second[4, 11, 3, 1]
    assert params["dense"]["w"].reshape(9, 9, 8, 10)[6, 2, 5, 3] == dense[3, 5, 6, 2]
    assert np.array_equal(params["dense"]["b"], bias)
    assert not any(np.any(params[name]["b"]) for name in ("conv1", "conv2"))


@pytest.mark.parametrize(
    ("name", "layer", "w", "b"),
    [
        ("lenet5", "conv2", 5**-0.5, 16**-0.5),
        ("lenet5", "dense1", 400**-0.5, 120**-0.5),
        ("deep_cnn", "dense1", 0.1, 0.1),
        ("deep_cnn", "conv4", 0.1, 0.1),
        ("conv_pool_softmax", "conv", 1 / 9, None),
        ("conv_pool_softmax", "dense", 1 / 2704, 0),
    ],
)
def test_standard_deviations_are_the_articles(name, layer, w, b):
    params = MODELS[name].published.init(KEY)[layer]
    assert np.std(params["w"]) == pytest.approx(w, rel=4 * (2 * params["w"].size) ** -0.5)
    if b is None:
        assert "b" not in params
    else:
        assert np.std(params["b"]) == pytest.approx(b, rel=0.5)


def test_the_recipes_are_the_articles():
    recipes = {name: model.published.recipe for name, model in MODELS.items() if model.published}
    told = {
        name: (r.batch_size, r.learning_rate, r.epochs(r.train_images or 50_000), r.half_life, r.augment)
        for name, r in recipes.items()
    }
    assert told == {
        "two_class": (1, 0.001, 1, None, None),
        "lenet5": (100, 0.001, 1, None, None),
        "deep_cnn": (256, 0.003, 40, None, None),
        "strided": (1, 0.0003, 1, None, None),
        "conv_pool_softmax": (1, 0.05, 4, None, None),
    }
    assert recipes["two_class"].epochs(11_000) == 5
    assert {name: (r.standardize, r.resize, np.dtype(r.dtype).name) for name, r in recipes.items()} == {
        "two_class": ("pixels", None, "float64"), "lenet5": ("images", (32, 32), "float32"),
        "deep_cnn": (None, None, "float32"), "strided": (None, None, "float64"),
        "conv_pool_softmax": (None, None, "float32"),
    }  # fmt: skip
    assert two_class.MODEL.recipe.labels == (1, 3)


def test_the_published_adam_of_lenet5_has_no_bias_correction():
    optimizer = MODELS["lenet5"].published.recipe.scheduled(1e-3, 100)
    updates, _ = optimizer.update(np.ones(1), optimizer.init(np.ones(1)))
    assert updates[0] == pytest.approx(-1e-3 * 0.1 / np.sqrt(0.001), rel=1e-6)
