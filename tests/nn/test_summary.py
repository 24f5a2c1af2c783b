"""The table of layers: rows, shapes, parameters and costs against counts by hand."""

from typing import NamedTuple

import numpy as np
import pytest

from tinygrad_np import checkpoint, custom_vjp, nn, random, stop_gradient, tree, vmap
from tinygrad_np.models import lenet5
from tinygrad_np.nn import stax

KEY = random.key(0)
RNG = np.random.default_rng(0)


def names(table):
    return [row.name for row in table.rows]


def row_of(table, name):
    return next(row for row in table.rows if row.name == name)


def weights(**shapes):
    return {name: np.ones(shape, np.float32) for name, shape in shapes.items()}


def test_lenet5_by_hand():
    """The weights alone, n images: out positions, filters, kernel, channels; the bias adds one an output element."""
    n = 3
    table = nn.summary(lenet5.apply, lenet5.init(KEY), np.zeros((n, 28, 28, 1), np.float32))
    conv1, conv2 = 28 * 28 * 6 * 5 * 5 * 1, 10 * 10 * 16 * 5 * 5 * 6
    expected = [
        # name, output, parameters, flops, flops of the backward pass
        ("conv1", (n, 28, 28, 6), 156, 2 * conv1 + 28 * 28 * 6, 2 * conv1 + 28 * 28 * 6),  # the images need no gradient
        ("tanh", (n, 28, 28, 6), 0, 28 * 28 * 6, 3 * 28 * 28 * 6),  # g (1 - y²)
        ("avg_pool", (n, 14, 14, 6), 0, (4 + 1) * 14 * 14 * 6, (1 + 4) * 14 * 14 * 6),  # 4 additions, a factor
        ("conv2", (n, 10, 10, 16), 2416, 2 * conv2 + 10 * 10 * 16, 4 * conv2 + 10 * 10 * 16),
        ("tanh", (n, 10, 10, 16), 0, 10 * 10 * 16, 3 * 10 * 10 * 16),
        ("avg_pool", (n, 5, 5, 16), 0, (4 + 1) * 5 * 5 * 16, (1 + 4) * 5 * 5 * 16),
        ("reshape", (n, 400), 0, 0, 0),
        ("dense1", (n, 120), 48120, 2 * 400 * 120 + 120, 4 * 400 * 120 + 120),
        ("tanh", (n, 120), 0, 120, 360),
        ("dense2", (n, 84), 10164, 2 * 120 * 84 + 84, 4 * 120 * 84 + 84),
        ("tanh", (n, 84), 0, 84, 252),
        ("dense3", (n, 10), 850, 2 * 84 * 10 + 10, 4 * 84 * 10 + 10),
    ]
    found = [(r.name, r.shape, r.parameters, r.flops / n, r.flops_backward / n) for r in table.rows]
    assert found == expected
    assert table.total.parameters == 61706
    assert table.total.flops == n * sum(row[3] for row in expected)
    assert table.total.shape == (n, 10)


def test_serial_gives_the_rows_of_the_same_network_written_out():
    net = nn.serial(
        stax.Conv(6, 5, padding=2), np.tanh, stax.AvgPool(2), stax.Conv(16, 5), np.tanh, stax.AvgPool(2),
        stax.Flatten(), stax.Dense(120), np.tanh, stax.Dense(84), np.tanh, stax.Dense(10),
    )  # fmt: skip
    params, _ = net.init(KEY, (28, 28, 1))
    x = np.zeros((2, 28, 28, 1), np.float32)
    assert nn.summary(net.apply, params, x).rows == nn.summary(lenet5.apply, params, x).rows


def test_bytes_are_those_of_new_arrays():
    params = {"layer": weights(w=(3, 5))}
    table = nn.summary(lambda p, x: np.exp((x @ p["layer"]["w"]).reshape(-1)), params, np.ones((4, 3), np.float32))
    layer, reshape, exp = table.rows
    assert (layer.bytes, reshape.bytes, exp.bytes) == (4 * 5 * 4, 0, 4 * 20)  # a reshape is a view
    assert (layer.bytes_backward, reshape.bytes_backward, exp.bytes_backward) == (4 * 3 * 5, 0, 4 * 20)
    assert table.total.bytes == 160


def test_what_needs_no_gradient_costs_no_backward_pass():
    params = {"layer": weights(w=(3, 5))}
    table = nn.summary(lambda p, x: stop_gradient(np.exp(np.exp(x) @ p["layer"]["w"])), params, np.ones((4, 3)))
    assert table.total.flops == 12 + 2 * 4 * 15 + 20
    assert table.total.flops_backward == 0
    table = nn.summary(lambda p, x: np.exp(x) @ p["layer"]["w"], params, np.ones((4, 3)))
    assert row_of(table, "exp").flops_backward == 0
    assert row_of(table, "layer").flops_backward == 2 * 4 * 15


def test_a_value_used_twice_costs_the_sum_of_its_cotangents():
    params = {"layer": weights(w=(3, 3))}

    def apply(p, x):
        h = x @ p["layer"]["w"]
        return np.negative(h) + np.exp(h)

    table = nn.summary(apply, params, np.ones((2, 3)))
    # negative: -g; exp: g y; the sum of both cotangents of h; w_bar
    assert table.total.flops_backward == 6 + 6 + 6 + 2 * 2 * 9


# -- groups of parameters


class Linear(NamedTuple):
    w: object
    b: object


def affine(w, b, x):
    return np.tanh(x @ w + b)


W, B, U, C = (np.ones(shape, np.float32) for shape in ((3, 4), (4,), (4, 2), (2,)))


@pytest.mark.parametrize(("params", "leaves", "expected"), [
    ({"one": {"w": W, "b": B}, "two": {"w": U, "b": C}}, lambda p: (*p["one"].values(), *p["two"].values()), ["one", "tanh", "two", "tanh"]),
    ({"net": {"one": {"w": W, "b": B}, "two": {"w": U, "b": C}}}, lambda p: (*p["net"]["one"].values(), *p["net"]["two"].values()), ["net.one", "tanh", "net.two", "tanh"]),
    ([(W, B), (U, C)], lambda p: (*p[0], *p[1]), ["0", "tanh", "1", "tanh"]),
    ({"one": Linear(W, B), "two": Linear(U, C)}, lambda p: (*p["one"], *p["two"]), ["one", "tanh", "two", "tanh"]),
    ({"w1": W, "b1": B, "w2": U, "b2": C}, lambda p: tuple(p.values()), ["w1, b1", "tanh", "w2, b2", "tanh"]),
    ([W, B, U, C], lambda p: tuple(p), ["0, 1", "tanh", "2, 3", "tanh"]),
])  # fmt: skip
def test_groups_of_all_forms_of_trees(params, leaves, expected):
    def apply(p, x):
        w, b, u, c = leaves(p)
        return affine(u, c, affine(w, b, x))

    table = nn.summary(apply, params, np.ones((5, 3), np.float32))
    assert names(table) == expected
    assert [row.parameters for row in table.rows] == [16, 0, 10, 0]
    assert [row.shape for row in table.rows] == [(5, 4), (5, 4), (5, 2), (5, 2)]
    assert table.rows[0].operations == ("matmul", "add")


def test_one_array_of_parameters():
    assert names(nn.summary(lambda w, x: x @ w, np.ones((3, 2)), np.ones((1, 3)))) == ["params"]


def test_a_bias_of_the_root_joins_only_the_layer_whose_output_it_is_added_to():
    params = weights(w=(3, 3), c=(3,))
    assert names(nn.summary(lambda p, x: x @ p["w"] * p["c"], params, np.ones((1, 3)))) == ["w", "c"]
    assert names(nn.summary(lambda p, x: np.tanh(x @ p["w"]) + p["c"], params, np.ones((1, 3)))) == ["w", "tanh", "c"]

    def elsewhere(p, x):
        h = x @ p["w"]
        return h, x + p["c"]  # comes next, but has nothing to do with h

    assert names(nn.summary(elsewhere, params, np.ones((1, 3)))) == ["w", "c"]


def test_shared_parameters_count_once_and_unused_ones_apart():
    params = {"layer": weights(w=(3, 3)), "spare": weights(w=(7,), b=(2,))}
    table = nn.summary(lambda p, x: np.tanh(x @ p["layer"]["w"]) @ p["layer"]["w"], params, np.ones((1, 3)))
    assert names(table) == ["layer", "tanh", "layer", "(unused)"]
    assert [row.parameters for row in table.rows] == [9, 0, 0, 9]
    assert table.total.parameters == 18
    assert table.total.shape == (1, 3)


def test_what_is_made_of_parameters_alone_is_part_of_their_layer():
    params = {"layer": weights(w=(3, 4), g=(4,))}

    def apply(p, x):
        w = p["layer"]["w"]
        return x @ (p["layer"]["g"] * w / np.sqrt(np.sum(w * w, axis=0)))

    table = nn.summary(apply, params, np.ones((2, 3)))
    assert names(table) == ["layer"]
    assert table.rows[0].parameters == 16
    assert table.rows[0].shape == (2, 4)


# -- calls


@pytest.mark.parametrize(("f", "name"), [
    (np.tanh, "tanh"), (nn.gelu, "gelu"), (nn.softmax, "softmax"), (lambda h: np.mean(h, axis=-1), "mean"),
    (lambda h: np.var(h, axis=-1), "var"), (lambda h: nn.dropout(h, 0.5, KEY), "dropout"), (lambda h: h * 2, "multiply"),
    (lambda h: h[:, :1], "getitem"), (lambda h: h.reshape(-1), "reshape"), (lambda h: h.T, "transpose"),
    (lambda h: nn.avg_pool1d(h[None], 2), "avg_pool"), (lambda h: nn.layer_norm(h, 4), "layer_norm"),
])  # fmt: skip
def test_a_call_is_a_row_of_its_name(f, name):
    table = nn.summary(lambda p, x: f(x @ p["layer"]["w"]), {"layer": weights(w=(3, 4))}, np.ones((2, 3), np.float32))
    assert names(table)[0] == "layer"
    assert names(table)[-1] == name
    assert table.rows[-1].operations == (name,)


def test_two_calls_of_one_function_are_two_rows():
    table = nn.summary(lambda p, x: nn.gelu(nn.gelu(x @ p["l"]["w"])), {"l": weights(w=(3, 4))}, np.ones((2, 3)))
    assert names(table) == ["l", "gelu", "gelu"]


def test_batch_norm_is_one_layer_with_its_state():
    net = nn.serial(stax.Conv(4, 3), stax.BatchNorm(), nn.relu)
    params, _ = net.init(KEY, (6, 6, 1))
    for train in (False, True):
        table = nn.summary(
            lambda p, x, train=train: net.apply(p, x, train=train), params, np.ones((2, 6, 6, 1), np.float32)
        )
        assert names(table) == ["conv1", "batch_norm1", "relu"]
        assert row_of(table, "batch_norm1").parameters == 16
        assert row_of(table, "batch_norm1").shape == (2, 4, 4, 4)


@pytest.mark.parametrize("layout", ["channels_last", "channels_first"])
def test_both_layouts_give_the_same_table_but_for_shapes(layout):
    net = nn.serial(
        stax.Conv(4, 3, layout=layout),
        nn.relu,
        stax.MaxPool(2, layout=layout),
        stax.GlobalAvgPool(layout=layout),
        stax.Dense(2),
    )
    shape = (6, 6, 1) if layout == "channels_last" else (1, 6, 6)
    params, _ = net.init(KEY, shape)
    table = nn.summary(net.apply, params, np.ones((2, *shape), np.float32))
    assert names(table) == ["conv1", "relu", "max_pool", "global_avg_pool", "dense1"]
    assert row_of(table, "conv1").flops == 2 * (2 * 16 * 4 * 9) + 2 * 16 * 4
    assert row_of(table, "conv1").shape == ((2, 4, 4, 4))


# -- any function


def test_through_other_transforms():
    params = {"layer": weights(w=(3, 4), b=(4,))}
    x = np.ones((5, 3), np.float32)
    layer = lambda p, x: np.tanh(x @ p["layer"]["w"] + p["layer"]["b"])
    plain, again = nn.summary(layer, params, x), nn.summary(checkpoint(layer), params, x)
    assert names(plain) == names(again) == ["layer", "tanh"]
    assert again.total.flops == plain.total.flops
    x_bar = 2 * 5 * 12  # a checkpoint runs again, and takes the gradient of all its arguments
    assert again.total.flops_backward == plain.total.flops_backward + plain.total.flops + x_bar
    mapped = nn.summary(lambda p, x: vmap(lambda row: layer(p, row))(x), params, x)
    assert mapped.total.parameters == 16
    assert row_of(mapped, "tanh").flops == 20


def test_custom_rules_are_counted_and_functions_with_them_looked_into():
    @custom_vjp
    def f(x):
        return np.exp(np.negative(x))

    f.defvjp(lambda x: (f(x), None), lambda kept, g: (g * 2 * 3,))
    params = {"l": weights(w=(3, 4))}
    table = nn.summary(lambda p, x: f(f(x) @ p["l"]["w"]), params, np.ones((5, 3), np.float32))
    assert names(table) == ["negative", "exp", "l", "negative", "exp"]
    assert table.total.flops == 2 * 15 + 2 * 5 * 12 + 2 * 20
    assert table.total.flops_backward == 2 * 20 + 2 * 5 * 12


def test_trees_integers_and_shapes_for_inputs():
    class Spec:
        shape, dtype = (2, 3), np.dtype(np.float32)

    params = {"layer": weights(w=(3, 4))}
    apply = lambda p, x: {"y": x["a"] @ p["layer"]["w"], "n": x["i"] + 1}
    table = nn.summary(apply, params, {"a": Spec(), "i": np.arange(3)})
    assert names(table) == ["layer", "add"]
    assert nn.summary(lambda p, x: x @ p["layer"]["w"], params, Spec()).rows[0].shape == (2, 4)
    counted = nn.summary(lambda p, x: x @ p["w"] * p["n"], {"w": W, "n": np.array(2)}, np.ones((2, 3)))
    assert counted.total.parameters == 13  # an integer has no gradient, but is a parameter


def test_a_function_that_does_nothing():
    table = nn.summary(lambda p, x: x, {}, np.ones(3))
    assert table.rows == ()
    assert table.total == ("total", (), (), 0, 0, 0, 0, 0)
    assert "total" in str(table)


def test_errors_of_the_network_come_through_and_nothing_is_left_open():
    params = {"layer": weights(w=(3, 4))}
    kept = []

    def apply(p, x):
        kept.append(p["layer"]["w"])
        return nn.dense(x, p["layer"]["w"])

    with pytest.raises(ValueError, match="dense: x has shape"):
        nn.summary(apply, params, np.ones((2, 5)))
    with pytest.raises(RuntimeError, match="summary"):
        np.exp(kept[0])
    x = RNG.standard_normal((2, 3)).astype(np.float32)
    before = tree.map(np.copy, params)
    nn.summary(apply, params, x)
    np.testing.assert_array_equal(params["layer"]["w"], before["layer"]["w"])


# -- printing


def test_the_table_prints():
    table = nn.summary(lenet5.apply, lenet5.init(KEY), np.zeros((1, 28, 28, 1), np.float32))
    lines = str(table).splitlines()
    assert str(table) == repr(table)
    assert lines[0].split() == [
        "layer",
        "operations",
        "output",
        "parameters",
        "flops",
        "flops",
        "back",
        "bytes",
        "bytes",
        "back",
    ]
    assert lines[2].split()[:2] == ["conv1", "conv"]
    assert "(1, 28, 28, 6)" in lines[2] and "239,904" in lines[2]
    assert lines[-1].split()[:3] == ["total", "61,706", "853,946"]
    assert len({len(line) for line in lines[2:-2]}) == 1  # aligned


def test_the_table_is_html_in_a_notebook():
    table = nn.summary(lambda p, x: x @ p["<w>"]["w"], {"<w>": weights(w=(3, 4))}, np.ones((1, 3)))
    text = table._repr_html_()
    assert text.startswith("<table>")
    assert "&lt;w&gt;" in text and "<w>" not in text
    assert text.count("<tr>") == 3
