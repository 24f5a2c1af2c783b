"""Layers as values: what each computes, its shapes and names, keys, state, combinations, errors."""

import numpy as np
import pytest

from tinygrad_np import grad, nn, random, tree, vmap
from tinygrad_np.models import lenet5
from tinygrad_np.nn import stax
from tinygrad_np.optim import adam
from tinygrad_np.testing import check_grads
from tinygrad_np.training import fit

KEY = random.key(0)
RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def small():
    return nn.serial(
        stax.Conv(2, 3), stax.BatchNorm(), nn.relu, stax.Dropout(0.5), stax.Flatten(), ("head", stax.Dense(3))
    )


# -- what each layer computes


LAYERS = [
    (stax.Dense(4), (3,), lambda p, x: x @ p["w"] + p["b"]),
    (stax.Dense(4, bias=False), (5, 3), lambda p, x: x @ p["w"]),
    (stax.Conv(4, 3), (7, 2), lambda p, x: nn.conv1d(x, p["w"], p["b"])),
    (stax.Conv(4, (3, 2), stride=2, padding="same"), (7, 6, 2), lambda p, x: nn.conv2d(x, **p, stride=2, padding="same")),
    (stax.Conv(4, 3, groups=2, dilation=2, bias=False), (7, 7, 2), lambda p, x: nn.conv2d(x, p["w"], groups=2, dilation=2)),
    (stax.Conv(4, 3, layout="channels_first"), (2, 5, 5), lambda p, x: nn.conv2d(x, **p, layout="channels_first")),
    (stax.Conv(4, 3, padding=1, padding_mode="reflect"), (5, 5, 2), lambda p, x: nn.conv2d(x, **p, padding=1, padding_mode="reflect")),
    (stax.Conv(2, 2), (3, 3, 3, 1), lambda p, x: nn.conv3d(x, **p)),
    (stax.ConvTranspose(3, 3, stride=2, output_padding=1), (4, 4, 2), lambda p, x: nn.conv_transpose2d(x, **p, stride=2, output_padding=1)),
    (stax.ConvTranspose(6, 3, groups=2), (4, 4), lambda p, x: nn.conv_transpose1d(x, **p, groups=2)),
    (stax.ConvTranspose(3, 2, layout="channels_first"), (2, 4, 4), lambda p, x: nn.conv_transpose2d(x, **p, layout="channels_first")),
    (stax.MaxPool(2), (5, 4, 2), lambda p, x: nn.max_pool2d(x, 2)),
    (stax.MaxPool(3, stride=2, padding=1, ceil_mode=True), (6, 2), lambda p, x: nn.max_pool1d(x, 3, stride=2, padding=1, ceil_mode=True)),
    (stax.AvgPool(3, stride=1, padding=1, count_include_pad=False), (5, 2), lambda p, x: nn.avg_pool1d(x, 3, stride=1, padding=1, count_include_pad=False)),
    (stax.AvgPool(2, layout="channels_first"), (2, 4, 4), lambda p, x: nn.avg_pool2d(x, 2, layout="channels_first")),
    (stax.GlobalAvgPool(), (4, 5, 3), lambda p, x: x.mean((1, 2))),
    (stax.GlobalMaxPool(layout="channels_first"), (3, 4, 5), lambda p, x: x.max((2, 3))),
    (stax.BatchNorm(), (4, 3), lambda p, x: x / np.sqrt(np.float32(1 + 1e-5))),
    (stax.LayerNorm(), (4, 3), lambda p, x: nn.layer_norm(x, 3, p["scale"], p["bias"])),
    (stax.LayerNorm(scale=False, bias=False), (3,), lambda p, x: nn.layer_norm(x, 3)),
    (stax.Dropout(0.5), (4, 3), lambda p, x: x),
    (stax.Flatten(), (4, 3, 2), lambda p, x: x.reshape(-1, 24)),
    (stax.Flatten(), (), lambda p, x: x.reshape(-1, 1)),
    (stax.Identity(), (4,), lambda p, x: x),
    (nn.serial(np.tanh), (4,), lambda p, x: np.tanh(x)),
    (nn.serial(), (4,), lambda p, x: x),
]  # fmt: skip


@pytest.mark.parametrize(("layer", "shape", "expected"), LAYERS)
def test_a_layer_computes_what_its_function_does_and_infers_the_shape(layer, shape, expected):
    init, apply = layer
    params, output_shape = init(KEY, shape)
    for examples in (3, 0):
        x = normal(examples, *shape)
        y = apply(params, x)
        assert y.shape == (examples, *output_shape)
        assert y.dtype == np.float32
        np.testing.assert_allclose(y, expected(params, x), rtol=1e-6, atol=1e-7)
    assert all(leaf.dtype == np.float32 for leaf in tree.leaves(params))


def test_the_shape_of_a_function_is_found_with_one_example():
    net = nn.serial(lambda x: x.reshape(len(x), -1), np.tanh)  # an empty batch cannot be reshaped so
    assert net.init(KEY, (4, 2))[1] == (8,)


def test_lenet5_is_the_model_of_that_name():
    net = nn.serial(
        stax.Conv(6, 5, padding=2), np.tanh, stax.AvgPool(2), stax.Conv(16, 5), np.tanh, stax.AvgPool(2),
        stax.Flatten(), stax.Dense(120), np.tanh, stax.Dense(84), np.tanh, stax.Dense(10),
    )  # fmt: skip
    params, output_shape = net.init(KEY, (28, 28, 1))
    assert output_shape == (10,)
    published = lenet5.init(KEY)
    assert tree.structure(params) == tree.structure(published)
    x = normal(2, 28, 28, 1)
    np.testing.assert_array_equal(net.apply(published, x), lenet5.apply(published, x))


def test_both_layouts_give_the_same_network():
    def net(layout):
        return nn.serial(
            stax.Conv(4, 3, groups=2, layout=layout), nn.relu, stax.ConvTranspose(6, 2, groups=2, layout=layout),
            stax.BatchNorm(layout=layout), stax.MaxPool(2, layout=layout), stax.GlobalAvgPool(layout=layout),
        )  # fmt: skip

    last, first = net("channels_last"), net("channels_first")
    x = normal(3, 7, 8, 2)
    params, shape = last.init(KEY, (7, 8, 2))
    others, same = first.init(KEY, (2, 7, 8))
    assert shape == same == (6,)
    np.testing.assert_array_equal(others["conv1"]["w"], np.moveaxis(params["conv1"]["w"], (3, 2), (0, 1)))
    y = last.apply(params, x, train=True)
    np.testing.assert_allclose(first.apply(others, np.moveaxis(x, -1, 1), train=True), y, rtol=1e-4, atol=1e-5)


def test_initialisers_are_chosen_and_default_to_he_normal_and_zeros():
    params, _ = stax.Conv(400, 5).init(KEY, (8, 8, 16))
    np.testing.assert_allclose(params["w"].std(), np.sqrt(2 / (25 * 16)), rtol=0.01)
    np.testing.assert_array_equal(params["b"], np.zeros(400))
    params, _ = stax.ConvTranspose(400, 5, groups=2).init(KEY, (8, 8, 16))
    np.testing.assert_allclose(params["w"].std(), np.sqrt(2 / (25 * 8)), rtol=0.01)  # an output sees 8 channels
    ones = lambda key, shape: np.ones(shape, np.float32)
    params, _ = stax.Dense(400, w_init=nn.initializers.lecun_normal, b_init=ones).init(KEY, (600,))
    np.testing.assert_allclose(params["w"].std(), np.sqrt(1 / 600), rtol=0.01)
    np.testing.assert_array_equal(params["b"], 1)


def test_the_weight_of_a_transposed_convolution_keeps_its_groups():
    drawn = RNG.standard_normal((3, 2, 6))  # (kernel, C/groups, filters), two groups
    params, _ = stax.ConvTranspose(6, 3, groups=2, w_init=lambda key, shape: drawn.reshape(shape)).init(KEY, (5, 4))
    for group in range(2):
        part = params["w"][:, :, 2 * group : 2 * group + 2]
        np.testing.assert_array_equal(part, np.swapaxes(drawn[:, :, 3 * group : 3 * group + 3], 1, 2))


# -- names


def test_parts_with_parameters_are_named_by_kind_and_number_or_as_they_are_told():
    net = nn.serial(
        stax.Dense(4), np.tanh, ("middle", stax.Dense(4)), nn.serial(stax.Dense(3), nn.relu), stax.Dense(2),
        nn.residual(stax.Dense(2)),
    )  # fmt: skip
    params, _ = net.init(KEY, (5,))
    assert list(params) == ["dense1", "middle", "serial1", "dense2", "residual1"]
    assert list(params["serial1"]) == list(params["residual1"]) == ["dense1"]
    assert params["dense2"]["w"].shape == (3, 2)


def test_paths_find_parameters_to_freeze():
    net = small()
    params, _ = net.init(KEY, (5, 5, 1))
    chosen, rest = tree.partition(params, lambda path, leaf: path.startswith("['head']"))
    x = normal(2, 5, 5, 1)
    g = grad(lambda part: np.sum(net.apply(tree.merge(part, rest), x) ** 2))(chosen)
    assert [path for path, _ in tree.flatten_with_path(g)[0]] == ["['head']['w']", "['head']['b']"]


# -- keys


def test_a_key_gives_the_same_network_and_each_part_its_own():
    net = nn.serial(stax.Dense(6), stax.Dense(6))
    params, _ = net.init(KEY, (6,))
    again, _ = net.init(KEY, (6,))
    other, _ = net.init(random.key(1), (6,))
    np.testing.assert_array_equal(params["dense1"]["w"], again["dense1"]["w"])
    assert not np.any(params["dense1"]["w"] == other["dense1"]["w"])
    assert not np.any(params["dense1"]["w"] == params["dense2"]["w"])
    longer, _ = nn.serial(stax.Dense(6), stax.Dense(6), stax.Dense(6)).init(KEY, (6,))
    np.testing.assert_array_equal(params["dense2"]["w"], longer["dense2"]["w"])  # by position, whatever follows


def test_dropout_drops_in_training_by_its_own_key():
    net = nn.serial(nn.fan_out(2), nn.parallel(stax.Dropout(0.5), stax.Dropout(0.5)))
    x = np.ones((50, 50), np.float32)
    a, b = net.apply({}, x, key=KEY, train=True)
    assert np.any(a != b)
    assert set(np.unique(a)) == {0, 2}
    np.testing.assert_array_equal(net.apply({}, x, key=KEY, train=True)[0], a)
    assert np.any(net.apply({}, x, key=random.key(1), train=True)[0] != a)
    np.testing.assert_array_equal(net.apply({}, x, key=KEY)[0], x)
    np.testing.assert_array_equal(stax.Dropout(0).apply({}, x, train=True), x)


# -- state


def test_training_returns_the_part_of_the_parameters_that_it_renews():
    net = nn.serial(nn.residual(stax.Dense(3), stax.BatchNorm(momentum=0.5)), stax.BatchNorm(scale=False, bias=False))
    params, _ = net.init(KEY, (3,))
    x = normal(8, 3)
    y, state = net.apply_with_state(params, x, train=True)
    assert {name: list(part) for name, part in state.items()} == {
        "residual1": ["batch_norm1"],
        "batch_norm1": ["state"],
    }
    h = x @ params["residual1"]["dense1"]["w"]
    new = state["residual1"]["batch_norm1"]["state"]
    np.testing.assert_allclose(new.mean, 0.5 * h.mean(0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(new.var, 0.5 + 0.5 * h.var(0, ddof=1), rtol=1e-5)
    np.testing.assert_allclose(y.mean(0), 0, atol=1e-6)
    np.testing.assert_array_equal(net.apply(params, x, train=True), y)
    same, none = net.apply_with_state(params, x)
    assert none == {}
    np.testing.assert_array_equal(net.apply(params, x), same)
    np.testing.assert_array_equal(params["batch_norm1"]["state"].mean, 0)  # nothing was changed in place


def test_fit_trains_a_network_and_keeps_its_statistics():
    net = small()
    params, _ = net.init(KEY, (5, 5, 1))
    x = normal(16, 5, 5, 1)
    labels = (x.mean((1, 2, 3)) > 0).astype(np.int64)

    def loss(params, batch, key):
        logits, state = net.apply_with_state(params, batch[0], key=key, train=True)
        return nn.cross_entropy(logits, batch[1]), {"state": state}

    trained, _, history = fit(loss, params, adam(0.01), lambda epoch, key: [(x, labels)] * 5, epochs=3, key=KEY)
    assert history[-1]["train_loss"] < history[0]["train_loss"]
    assert np.any(trained["batch_norm1"]["state"].mean != 0)
    assert tree.structure(trained) == tree.structure(params)


def test_no_gradient_reaches_the_state_in_training():
    net = small()
    params, _ = net.init(KEY, (5, 5, 1))
    g = grad(lambda p: np.sum(net.apply(p, normal(4, 5, 5, 1), key=KEY, train=True) ** 2))(params)
    assert not np.any(g["batch_norm1"]["state"].mean)
    assert not np.any(g["batch_norm1"]["state"].var)
    assert np.any(g["conv1"]["w"])


# -- combinations


def test_fan_out_parallel_and_fan_in():
    x = normal(4, 5)
    branches = nn.parallel(stax.Dense(3), nn.serial(stax.Dense(3), np.tanh))
    for fan_in, combine in ((nn.fan_in_sum(), np.add), (nn.fan_in_concat(), lambda a, b: np.concatenate([a, b], -1))):
        net = nn.serial(nn.fan_out(2), branches, fan_in)
        params, shape = net.init(KEY, (5,))
        first, second = params["parallel1"]["dense1"], params["parallel1"]["serial1"]["dense1"]
        expected = combine(nn.dense(x, **first), np.tanh(nn.dense(x, **second)))
        y = net.apply(params, x)
        np.testing.assert_allclose(y, expected, rtol=1e-6)
        assert y.shape == (4, *shape)


def test_fan_in_concat_on_another_axis_and_nested_tuples():
    net = nn.serial(
        nn.fan_out(2), nn.parallel(nn.fan_out(2), stax.Identity()), nn.parallel(nn.fan_in_concat(1), stax.Identity())
    )
    assert net.init(KEY, (5, 2))[1] == ((10, 2), (5, 2))


def test_residual_and_shape_dependent():
    net = nn.residual(
        nn.shape_dependent(lambda shape: nn.serial(stax.Dense(2 * shape[-1]), np.tanh, stax.Dense(shape[-1])))
    )
    params, shape = net.init(KEY, (3,))
    assert shape == (3,)
    assert list(params) == ["shape_dependent1"]
    inner, x = params["shape_dependent1"], normal(4, 3)
    assert inner["dense1"]["w"].shape == (3, 6)
    expected = x + nn.dense(np.tanh(nn.dense(x, **inner["dense1"])), **inner["dense2"])
    np.testing.assert_allclose(net.apply(params, x), expected, rtol=1e-6)


def test_a_layer_of_the_users_own():
    shift = nn.Layer(
        lambda key, shape: ({"b": np.zeros(shape, np.float32)}, shape),
        lambda p, x, *, key=None, train=False: x + p["b"],
        "shift",
    )
    params, _ = nn.serial(shift, shift).init(KEY, (3,))
    assert list(params) == ["shift1", "shift2"]
    assert nn.serial(shift).apply_with_state({"shift1": {"b": np.float32(1)}}, np.zeros((1, 3)))[1] == {}


def test_derivatives_to_the_second_order_and_vmap():
    net = nn.serial(
        nn.fan_out(2), nn.parallel(nn.serial(stax.Conv(2, 2), np.tanh), stax.AvgPool(2, stride=1)), nn.fan_in_concat(),
        stax.BatchNorm(), stax.Dropout(0.3), stax.Flatten(), stax.Dense(2),
    )  # fmt: skip
    params, _ = net.init(KEY, (3, 3, 1))
    params = tree.map(lambda leaf: leaf.astype(np.float64), params)
    x = RNG.standard_normal((2, 3, 3, 1))
    weights, state = tree.partition(params, lambda path, leaf: "state" not in path)
    check_grads(lambda p, x: net.apply(tree.merge(p, state), x, key=KEY, train=True), (weights, x), order=2)
    xs = RNG.standard_normal((3, 2, 3, 3, 1))
    np.testing.assert_allclose(vmap(lambda x: net.apply(params, x))(xs), [net.apply(params, x) for x in xs], rtol=1e-12)


# -- errors


def error_of(run):
    with pytest.raises((ValueError, TypeError)) as caught:
        run()
    return str(caught.value)


@pytest.mark.parametrize(("run", "words"), [
    (lambda: nn.serial(stax.Conv(2, 3), 5), ["serial", "part 2", "5", "no layer"]),
    (lambda: nn.serial(("a", nn.relu), ("a", nn.relu)), ["part 2", "'a'", "different"]),
    (lambda: nn.serial((1, nn.relu)), ["part 1", "name 1"]),
    (lambda: nn.serial(nn.relu, stax.Conv(2, 9)).init(KEY, (4, 4, 1)), ["part 2", "conv1", "(4, 4, 1)", "does not fit"]),
    (lambda: nn.serial(stax.Flatten).init(KEY, (4,)), ["part 1", "Flatten1", "(4,)"]),
    (lambda: nn.serial(stax.MaxPool).init(KEY, (4,)), ["part 1", "MaxPool1", "call it"]),
    (lambda: nn.serial(lambda x: 3).init(KEY, (4,)), ["output is int"]),
    (lambda: nn.serial(nn.serial(stax.Dense(2), stax.Conv(3, 3))).init(KEY, (4,)), ["serial1", "part 2", "conv1", "(2,)", "Conv"]),
    (lambda: nn.serial(nn.relu).init(KEY, (None, 4)), ["(None, 4)", "without the batch axis"]),
    (lambda: nn.serial(nn.relu).init(KEY, 4), ["input_shape=4", "tuple"]),
    (lambda: nn.serial(stax.Dense(2)).init(KEY, 4), ["input_shape=4", "tuple"]),
    (lambda: nn.serial(stax.Conv(2, 3)).init(KEY, [8, 8, 1]), ["input_shape=[8, 8, 1]", "tuple"]),
    (lambda: nn.serial(stax.Dense(2)).init(None, (4,)), ["got None", "random.key(seed)"]),
    (lambda: nn.serial(nn.relu).apply({"dense1": {}}, np.ones(3)), ["the parts are relu1"]),
    (lambda: nn.serial(stax.Dense(2)).apply({"dense1": {"w": np.ones((3, 2))}}, np.ones((5, 4))), ["part 1", "dense1", "(5, 4)", "(3, 2)"]),
    (lambda: nn.serial(stax.BatchNorm()).apply({}, np.ones((5, 4))), ["batch_norm1", "params lacks 'state'"]),
    (lambda: nn.serial(stax.Dense(2)).apply({"conv1": {}}, np.ones((5, 4))), ["conv1", "the parts are dense1"]),
    (lambda: nn.serial(stax.Dense(2)).apply([1], np.ones((5, 4))), ["list", "the parts are dense1"]),
    (lambda: nn.serial(nn.relu, stax.Dropout(0.5)).apply({}, np.ones((5, 4)), train=True), ["part 2", "dropout1", "key=key"]),
    (lambda: stax.Dropout(1.5), ["rate=1.5"]),
    (lambda: stax.Dense(0), ["Dense", "features=0"]),
    (lambda: stax.Conv(2.5, 3), ["Conv", "filters=2.5"]),
    (lambda: stax.Conv(4, 3, groups=2).init(KEY, (5, 5, 3)), ["groups=2", "3 channels"]),
    (lambda: stax.ConvTranspose(3, 3, groups=2).init(KEY, (5, 5, 4)), ["groups=2", "3 filters"]),
    (lambda: stax.Conv(4, (3, 3)).init(KEY, (5, 1)), ["kernel_size=(3, 3)"]),
    (lambda: stax.Conv(4, 3, layout="first").init(KEY, (5, 5, 1)), ["layout='first'"]),
    (lambda: nn.parallel(nn.relu, nn.relu).init(KEY, (4,)), ["parallel", "2 parts", "(4,)"]),
    (lambda: nn.parallel(nn.relu, nn.relu).apply({}, np.ones((5, 4))), ["2 parts", "(5, 4)"]),
    (lambda: nn.fan_out(0), ["fan_out", "n=0"]),
    (lambda: nn.fan_in_sum().apply({}, np.ones(3)), ["fan_in_sum", "tuple"]),
    (lambda: nn.serial(nn.fan_out(2), nn.parallel(stax.Dense(2), stax.Dense(3)), nn.fan_in_sum()).init(KEY, (4,)),
     ["part 3", "fan_in_sum1", "((2,), (3,))"]),
    (lambda: nn.residual(stax.Dense(2)).init(KEY, (4,)), ["residual", "(4,)", "(2,)"]),
    (lambda: nn.residual(stax.Dense(2)).apply({"dense1": {"w": np.ones((4, 2))}}, np.ones((3, 4))), ["residual", "(3, 4)", "(3, 2)"]),
])  # fmt: skip
def test_errors_name_the_layer_and_the_shapes(run, words):
    message = error_of(run)
    assert [word for word in words if word not in message] == [], message
