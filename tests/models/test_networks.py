import numpy as np
import pytest

from tests.models import reference
from tests.models.layouts import channels_first
from tinygrad_np import nn, random, tree, value_and_grad
from tinygrad_np.models import MODELS, count_parameters, first_filters

COUNTS = {
    "two_class": 793, "lenet5": 61_706, "deep_cnn": 876_618, "strided": 9_586, "conv_pool_softmax": 27_194,
    "ten_class_1": 9 + 7_840, "ten_class_5": 45 + 39_200, "ten_class_10": 90 + 78_400,
    "ten_class_colour": 405 + 153_600,
}  # fmt: skip
BOTH = [(name, published) for name, model in MODELS.items() for published in (False, True)[: 1 + bool(model.published)]]


def network(name, published):
    model = MODELS[name].published if published else MODELS[name]
    params = model.init(random.key(1))
    keys = iter(random.split(random.key(2), 100))
    # Biases that start at zero would hide that one of them is forgotten.
    params = tree.map(lambda leaf: leaf + random.normal(next(keys), leaf.shape, leaf.dtype) / 20, params)
    size = model.recipe.resize or model.image_shape[:2]
    images = random.normal(random.key(3), (3, *size, model.image_shape[2]), model.recipe.dtype)
    return model, params, images


def test_there_are_the_five_networks_and_part_two():
    assert list(MODELS) == list(COUNTS)
    assert [name for name, model in MODELS.items() if model.published] == list(COUNTS)[:5]


@pytest.mark.parametrize(("name", "published"), BOTH)
def test_parameters_are_as_many_as_the_article_says_by_name_and_in_one_dtype(name, published):
    model = MODELS[name].published if published else MODELS[name]
    params = model.init(random.key(0))
    assert model.name == name
    assert count_parameters(params) == COUNTS[name]
    assert {leaf.dtype for leaf in tree.leaves(params)} == {np.dtype(model.recipe.dtype)}
    assert first_filters(params).shape[2] == model.image_shape[2]


@pytest.mark.parametrize(("name", "published"), BOTH)
def test_logits_are_those_of_the_network_in_the_article(name, published):
    model, params, images = network(name, published)
    outputs = model.apply(params, images)
    expected = (reference.PUBLISHED if published else reference.DEFAULT)[name](
        tree.map(lambda leaf: leaf.astype(np.float64), params), images.astype(np.float64)
    )
    assert (outputs.shape, outputs.dtype) == (expected.shape, images.dtype)
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
    assert model.logits(outputs).shape == (3, model.classes)


def test_the_logits_of_a_single_output_are_its_sigmoid():
    z = np.array([-2.0, 0.0, 3.0])
    probabilities = nn.softmax(MODELS["two_class"].logits(z))
    np.testing.assert_allclose(probabilities[:, 1], 1 / (1 + np.exp(-z)))


@pytest.mark.parametrize("name", MODELS)
def test_both_layouts_give_the_same_loss_and_gradients(name):
    model, params, images = network(name, published=False)
    params, images = tree.map(lambda leaf: leaf.astype(np.float64), params), images.astype(np.float64)
    labels = np.array([0, 1, 1])

    def loss(params, x, layout):
        return nn.cross_entropy(model.logits(model.apply(params, x, layout=layout)), labels)

    last, g_last = value_and_grad(loss)(params, images, "channels_last")
    first, g_first = value_and_grad(loss)(channels_first(name, params), images.transpose(0, 3, 1, 2), "channels_first")
    assert first == pytest.approx(last, rel=1e-13)
    expected = channels_first(name, g_last)
    for path, leaf in tree.flatten_with_path(expected)[0]:
        other = dict(tree.flatten_with_path(g_first)[0])[path]
        np.testing.assert_allclose(other, leaf, rtol=1e-9, atol=1e-12 * np.abs(leaf).max(), err_msg=path)


@pytest.mark.parametrize(("name", "published"), BOTH)
def test_the_start_follows_from_the_key(name, published):
    model = MODELS[name].published if published else MODELS[name]
    first, again, other = (model.init(random.key(seed))["dense" if "dense" in model.init(random.key(0)) else "dense1"]
                           for seed in (3, 3, 4))  # fmt: skip
    assert np.array_equal(first["w"], again["w"])
    # The articles' own numbers come from NumPy's legacy generator, whatever the key.
    assert np.array_equal(first["w"], other["w"]) is (published and name in ("two_class", "strided"))


def test_deep_cnn_drops_a_quarter_in_training_only():
    model, params, images = network("deep_cnn", published=False)
    plain = model.apply(params, images)
    assert np.array_equal(plain, model.apply(params, images, key=None))
    dropped = [model.apply(params, images, key=random.key(seed)) for seed in (0, 0, 1)]
    assert np.array_equal(dropped[0], dropped[1])
    assert not np.array_equal(dropped[0], dropped[2])
    assert not np.array_equal(dropped[0], plain)


def test_default_weights_have_the_variance_that_suits_their_activation():
    lenet5, deep = (MODELS[name].init(random.key(3)) for name in ("lenet5", "deep_cnn"))
    assert np.std(lenet5["dense1"]["w"]) == pytest.approx(400**-0.5, rel=0.02)
    assert np.std(lenet5["conv2"]["w"]) == pytest.approx(150**-0.5, rel=0.05)
    assert np.std(deep["dense1"]["w"]) == pytest.approx((2 / 3136) ** 0.5, rel=0.01)
    assert np.std(deep["conv4"]["w"]) == pytest.approx((2 / 576) ** 0.5, rel=0.02)
    assert all(not np.any(layer["b"]) for params in (lenet5, deep) for layer in params.values())
