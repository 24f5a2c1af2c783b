import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import nn, random
from tinygrad_np.inspect.activations import Program, activations, feature_maps


def normal(seed, shape, dtype=np.float64):
    return random.normal(random.key(seed), shape, dtype)


X = normal(0, (2, 8, 8, 3))
W1, B1, W2 = normal(1, (3, 3, 3, 4)), normal(2, (4,)), normal(3, (3, 3, 4, 4))


def test_every_value_with_its_operation_in_order():
    x = np.array([0.5, -1.0])
    found = activations(lambda x: np.sum(np.maximum(np.exp(x) * 2, 1) ** 2), x)
    assert [name for name, _ in found] == ["exp", "multiply", "maximum", "power", "sum"]
    expected = [np.exp(x), 2 * np.exp(x), np.maximum(2 * np.exp(x), 1)]
    expected += [expected[-1] ** 2, np.sum(expected[-1] ** 2)]
    for (_, value), wanted in zip(found, expected, strict=True):
        np.testing.assert_array_equal(value, wanted)


def test_what_is_not_differentiable_is_seen_too():
    names = [name for name, _ in activations(lambda x: np.where(x > 0, np.floor(x), x), np.array([1.5, -2.0]))]
    assert names == ["greater", "floor", "where"]


def test_each_output_of_an_operation_is_a_value():
    found = activations(lambda x: np.linalg.eigh(x @ x.T), normal(4, (3, 3)))
    last = found[-2:]
    assert len({name for name, _ in last}) == 1
    assert [value.shape for _, value in last] == [(3,), (3, 3)]


def test_trees_of_arguments_and_what_is_no_floating_array():
    def f(params, x, power, labels):
        assert type(power) is int and type(labels) is np.ndarray
        return (params["w"] * x) ** power

    (product, square) = activations(f, {"w": np.array([2.0, 3.0])}, np.array([1.0, -1.0]), 2, np.array([0, 1]))
    np.testing.assert_array_equal(product.value, [2.0, -3.0])
    np.testing.assert_array_equal(square.value, [4.0, 9.0])


def test_values_are_the_users_own():
    x = np.arange(6.0)
    (reshaped,) = activations(lambda x: x.reshape(2, 3), x)
    reshaped.value[:] = -1
    np.testing.assert_array_equal(x, np.arange(6.0))
    (broadcast,) = activations(lambda x: np.broadcast_to(x, (2, 6)), x)
    broadcast.value[:] = 0


def test_a_value_can_be_differentiated():
    slope = tg.grad(lambda x: np.sum(activations(np.exp, x * 2)[0].value))(np.array([0.0, 1.0]))
    np.testing.assert_allclose(slope, 2 * np.exp([0.0, 2.0]))


def test_a_checkpoint_is_one_operation():
    assert len(activations(tg.checkpoint(lambda x: np.sin(np.exp(x))), np.ones(2))) == 1


def test_the_program_is_closed_when_it_ends():
    kept = []
    activations(lambda x: kept.append(x) or x * 1, np.ones(2))
    with pytest.raises(RuntimeError, match="after that call ended"):
        kept[0] + 1


# -- feature maps ----------------------------------------------------------------------------------------------------


def network(x):
    h = nn.relu(nn.conv2d(x, W1, B1, padding="same"))
    h = nn.max_pool2d(h, 2)
    h = h + nn.gelu(nn.conv2d(h, W2, padding="same"))
    h = nn.avg_pool2d(h, 2)
    return np.mean(h, axis=(1, 2))


def test_feature_maps_are_taken_after_bias_and_activation():
    first = np.maximum(nn.conv2d(X, W1, B1, padding="same"), 0)
    pooled = first.reshape(2, 4, 2, 4, 2, 4).max(axis=(2, 4))
    residual = pooled + nn.gelu(nn.conv2d(pooled, W2, padding="same"))
    averaged = residual.reshape(2, 2, 2, 2, 2, 4).mean(axis=(2, 4))
    found = feature_maps(network, X)
    for (_, value), wanted in zip(found, [first, pooled, residual, averaged], strict=True):
        np.testing.assert_allclose(value, wanted, rtol=1e-12, atol=1e-12)
    assert found[0].name == "conv, relu"
    assert [name.partition(",")[0] for name, _ in found] == ["conv", "max_pool", "conv", "sum_pool"]


def test_statistics_and_masks_do_not_end_a_layer():
    def normalised(x):
        h = nn.conv2d(x, W1)
        h = (h - np.mean(h, axis=(0, 1, 2))) / np.std(h, axis=(0, 1, 2))
        return np.where(h > 0, h, 0.1 * h)

    ((_, value),) = feature_maps(normalised, X)
    np.testing.assert_allclose(value, normalised(X))


def test_a_mask_is_no_feature_map():
    ((name, value),) = feature_maps(lambda x: (h := np.exp(nn.conv2d(x, W1)), np.isnan(h)), X)
    assert name == "conv, exp"
    np.testing.assert_allclose(value, np.exp(nn.conv2d(X, W1)))


def test_what_is_not_computed_from_a_layer_is_no_part_of_it():
    ((name, value),) = feature_maps(lambda x: (nn.conv2d(x, W1[:1, :1, :, :3]), np.exp(x))[0], X)
    assert name == "conv"
    np.testing.assert_allclose(value, nn.conv2d(X, W1[:1, :1, :, :3]))


def test_a_network_without_windows_has_none():
    assert feature_maps(lambda x: np.exp(x).reshape(2, -1), X) == []


# -- the rest of a program -------------------------------------------------------------------------------------------


def test_the_rest_is_the_function_from_a_value_on():
    program = Program(network, (X,))
    for _, place in program.layers():
        np.testing.assert_allclose(program.rest(place)(program.values[place]), network(X), rtol=1e-12)


def test_the_rest_of_another_value_and_its_derivative():
    program = Program(network, (X,))
    place = program.layers()[1][1]

    def by_hand(h):
        h = h + nn.gelu(nn.conv2d(h, W2, padding="same"))
        return np.mean(nn.avg_pool2d(h, 2), axis=(1, 2))

    other = normal(5, (2, 4, 4, 4))
    rest = program.rest(place)
    np.testing.assert_allclose(rest(other), by_hand(other), rtol=1e-12)
    found, expected = (tg.grad(lambda h, f=f: np.sum(f(h) ** 2))(other) for f in (rest, by_hand))
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_what_does_not_depend_on_the_value_is_not_computed_again():
    calls = []

    @tg.primitive
    def counted(x):
        calls.append(1)
        return x * 1

    counted.deflinear("x")
    counted.defvjp("x")(lambda y, x: lambda g: g)
    program = Program(lambda x: {"a": np.exp(x), "b": counted(np.sin(x)), "c": 3.0}, (np.ones(2),))
    assert [step.op.name for step in program.steps] == ["exp", "sin", "counted"]
    result = program.rest(0 + 1)(np.zeros(2))
    assert len(calls) == 1
    np.testing.assert_array_equal(result["a"], 0)
    np.testing.assert_array_equal(result["b"], np.sin(np.ones(2)))
    assert result["c"] == 3.0
