import linecache

import numpy as np
import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

import tinygrad_np as tg
from tests.ops.cases import CASES, package_primitives
from tinygrad_np import data, nn
from tinygrad_np.core.primitive import registry
from tinygrad_np.core.tensor import dtype_of
from tinygrad_np.inspect import explain
from tinygrad_np.inspect.explain.data import as_json
from tinygrad_np.inspect.explain.grouping import layer_of
from tinygrad_np.inspect.explain.layout import place
from tinygrad_np.models import MODELS
from tinygrad_np.ops.costs import flops

X = np.linspace(-1, 1, 12).reshape(4, 3)
W = np.arange(6.0).reshape(3, 2) / 5


def leaves_equal(a, b):
    pairs = list(zip(tg.tree.leaves(a), tg.tree.leaves(b), strict=True))
    assert all(type(x) is type(y) for x, y in pairs)
    assert all(np.asarray(x).dtype == np.asarray(y).dtype for x, y in pairs)
    assert all(np.array_equal(x, y, equal_nan=np.asarray(x).dtype.kind in "fc") for x, y in pairs)


def operations(seen):
    return [node for node in seen.nodes if node.kind == "operation"]


def named(seen, name):
    return next(node for node in seen.nodes if node.name == name)


# -- it shows the call as it is, and changes nothing -----------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(MODELS))
def test_values_and_gradients_have_the_bits_of_f_and_grad(name):
    model = MODELS[name]
    params = model.init(tg.random.key(0))
    images = np.random.default_rng(0).random((3, *model.image_shape), np.float32)
    labels = data.digits().test.labels[:3] % model.classes

    def loss(params, images, labels):
        return model.loss(model.apply(params, images), labels)

    seen = explain(loss)(params, images, labels)
    leaves_equal(seen.value, loss(params, images, labels))
    leaves_equal(seen.gradient, tg.grad(loss)(params, images, labels))
    assert seen.note == ""
    assert all(node.cotangent is not None for node in operations(seen))


def weighted(y):
    """A real loss of all outputs of an operation."""
    parts = [part for part in (y if isinstance(y, tuple) else (y,)) if dtype_of(part).kind in "fc"]
    return sum(np.sum(np.real(part) * np.cos(np.arange(part.size)).reshape(part.shape)) for part in parts)


@pytest.mark.parametrize("key", [key for key in package_primitives(differentiable=True) if "scipy" not in key])
@settings(max_examples=1, phases=[Phase.generate])
@given(draw=st.data())
def test_every_primitive_can_be_explained(key, draw):
    args, options = draw.draw(CASES[key])
    op = registry[key]
    rules = {*op.vjps, *(op.joint or ((),))[0]}
    moving = tuple(i for i, x in enumerate(args) if dtype_of(x).kind in "fc" and (op.variadic or i in rules))
    assume(moving)

    def f(*xs):
        return weighted(op(*xs, **options))

    with np.errstate(all="ignore"):
        seen = explain(f, moving)(*args)
        leaves_equal((seen.value, seen.gradient), tg.value_and_grad(f, moving)(*args))
    node = next(node for node in operations(seen) if node.op is op)
    assert [numbers.shape for numbers in node.values] == [np.shape(y) for y in tg.tree.leaves(op(*args, **options))]
    for operand in node.operands:
        if operand.sent is not None:
            assert operand.sent.shape == seen.nodes[operand.node].values[operand.output].shape
    assert as_json(seen)


FUNCTIONS = {
    "an inner gradient": (lambda x: np.sum(tg.grad(lambda z: np.sum(np.sin(z) ** 2))(x) ** 3), (X,)),
    "a Hessian-vector product": (lambda x: np.sum(tg.hvp(lambda z: np.sum(z**3), x, np.ones_like(X)) ** 2), (X,)),
    "vmap": (lambda x: np.sum(tg.vmap(lambda row: np.tanh(row) * np.max(row))(x)), (X,)),
    "jvp": (lambda x: np.sum(tg.jvp(np.tanh, (x,), (np.cos(x),))[1]), (X,)),
    "checkpoint": (lambda x: np.sum(tg.checkpoint(lambda z: np.exp(np.sin(z)))(x)), (X,)),
    "stop_gradient": (lambda x: np.sum(x * tg.stop_gradient(np.exp(x))), (X,)),
    "a Python float": (lambda x: np.sin(x) * 2, (0.5,)),
    "a NumPy scalar": (lambda x: x * x, (np.float32(0.5),)),
    "float16": (lambda x: np.sum(x * x), (X.astype(np.float16),)),
    "a part of the input": (lambda x: x[1, 2] * x[1, 1], (X,)),
    "several outputs": (lambda x: np.sum(np.linalg.svd(x)[1]), (X,)),
    "an unused argument": (lambda x: 1.5, (X,)),
    "the argument itself": (lambda x: x, (2.0,)),
    "size 0": (lambda x: np.sum(x), (np.zeros((0, 3)),)),
    "poles": (lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0)) + np.sum(np.log(np.abs(x))), (np.array([0.0, 1, -2]),)),
}


@pytest.mark.parametrize("what", FUNCTIONS)
def test_bits_of_functions_with_transforms_and_corners(what):
    f, args = FUNCTIONS[what]
    seen = explain(f)(*args)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(seen.value, f(*args))
    leaves_equal((seen.value, seen.gradient), tg.value_and_grad(f)(*args))
    assert seen.html()
    assert str(seen)
    assert seen._repr_html_()


def custom():
    @tg.custom_vjp
    def clipped(x):
        return np.sin(x) * 2

    clipped.defvjp(lambda x: (clipped(x), x), lambda x, g: (np.clip(g * np.cos(x) * 2, -1, 1),))
    return clipped


def test_the_rule_of_a_function_with_its_own_is_the_one_that_runs():
    clipped = custom()
    seen = explain(lambda x: np.sum(clipped(x) ** 2))(X)
    leaves_equal(seen.gradient, tg.grad(lambda x: np.sum(clipped(x) ** 2))(X))
    assert [node.rule for node in operations(seen) if node.rule] == ["clipped"]


def test_a_function_called_as_its_last_step_is_not_taken_for_it():
    @tg.custom_vjp
    def multiply(a, b, c):
        return np.multiply(b, np.sum(a) * c)

    multiply.defvjp(lambda *args: (multiply(*args), args), lambda args, g: (args[0] * 0, g, args[2] * 0))
    seen = explain(lambda a, b: np.sum(multiply(a, b, 2.0)), argnums=(0, 1))(np.ones(2), X)
    leaves_equal(seen.gradient, (np.zeros(2), np.ones_like(X)))
    assert [node.rule for node in operations(seen) if node.rule] == ["multiply"]


def test_a_primitive_of_trees():
    @tg.primitive
    def scaled(params, x):
        """y = s x."""
        return params["s"] * x

    scaled.defvjp("params")(lambda y, params, x: lambda g: {"s": np.sum(g * x)})
    scaled.defvjp("x")(lambda y, params, x: lambda g: g * params["s"])
    f = lambda params, x: np.sum(scaled(params, x) ** 2)
    seen = explain(f, argnums=(0, 1))({"s": 3.0}, X)
    leaves_equal(seen.gradient, tg.grad(f, (0, 1))({"s": 3.0}, X))
    node = named(seen, "scaled")
    assert [operand.name for operand in node.operands] == ["[0]['s']", "[1]"]
    assert [operand.sent.shape for operand in node.operands] == [(), X.shape]
    assert "y = s x" in seen.html()


def test_auxiliary_data_argnums_and_keywords():
    def f(w, x, *, scale):
        y = x @ w * scale
        return np.sum(y), {"y": y, "count": 3}

    seen = explain(f, argnums=(0, "scale"), has_aux=True)(W, X, scale=2.0)
    gradient, aux = tg.grad(f, (0, "scale"), has_aux=True)(W, X, scale=2.0)
    leaves_equal(seen.gradient, gradient)
    leaves_equal(seen.aux, aux)
    kinds = {node.name: node.kind for node in seen.nodes if node.kind != "operation"}
    assert kinds == {"w": "parameter", "x": "input", "scale": "parameter"}


def test_what_is_handed_back_is_the_users_own():
    seen = explain(lambda x: np.sum(x))(X)
    seen.gradient[0, 0] = 7
    again = explain(lambda x: (np.sum(x), x), has_aux=True)(X)
    assert again.gradient[0, 0] == 1
    assert not np.may_share_memory(again.aux, X)


# -- the numbers of each step ----------------------------------------------------------------------------------------


def test_every_step_in_numbers_against_the_chain_rule_by_hand():
    seen = explain(lambda w, x: np.sum(np.tanh(x @ w) ** 2))(W, X)
    z = X @ W
    y = np.tanh(z)
    z_bar = 2 * y * (1 - y**2)
    expected = {
        "matmul": (z, z_bar), "tanh": (y, 2 * y), "power": (y**2, np.ones_like(y)), "sum": (np.sum(y**2), np.ones(())),
        "w": (W, X.T @ z_bar),
    }  # fmt: skip
    for name, arrays in expected.items():
        node = named(seen, name)
        for numbers, array in zip((node.values[0], node.cotangent), arrays, strict=True):
            assert numbers.shape == array.shape
            np.testing.assert_allclose(numbers.norm, np.linalg.norm(array), rtol=1e-12)
            np.testing.assert_allclose(
                (numbers.low, numbers.mean, numbers.high), (array.min(), array.mean(), array.max()), rtol=1e-12
            )
    assert named(seen, "x").cotangent is None
    assert [seen.nodes[i].name for i in seen.order] == ["sum", "power", "tanh", "matmul"]
    assert [[operand.node for operand in node.operands] for node in operations(seen)] == [[1, 0], [2], [3, None], [4]]
    assert [operand.name for operand in named(seen, "matmul").operands] == ["x", "y"]


def test_an_input_used_twice_gets_the_sum_and_each_step_tells_its_part():
    a, b = np.arange(3.0), np.array([5.0, -1, 2])
    seen = explain(lambda x: np.sum(x * a + np.sin(x) * b))(np.zeros(3))
    parts = {operations(seen)[i].name: operations(seen)[i].operands[0].sent.norm for i in (0, 1)}
    assert parts == {"multiply": np.linalg.norm(a), "sin": np.linalg.norm(b)}
    np.testing.assert_allclose(named(seen, "x").cotangent.norm, np.linalg.norm(a + b))


def test_what_is_sent_to_a_broadcast_argument_has_its_shape():
    seen = explain(lambda b, x: np.sum(x + b))(np.zeros(3), X)
    sent = next(operand.sent for operand in named(seen, "add").operands if operand.name == "y")
    assert (sent.shape, sent.low, sent.high) == ((3,), 4, 4)


def test_flops_are_those_of_the_formulas_and_bytes_those_of_the_closures():
    seen = explain(lambda w, x: np.sum(np.exp(x @ w)))(W, X)
    ops = {node.name: node for node in operations(seen)}
    assert {name: node.flops for name, node in ops.items()} == {"matmul": 2 * 4 * 2 * 3, "exp": 8, "sum": 8}
    assert ops["matmul"].flops == flops(ops["matmul"].op, (X, W), {}, X @ W)
    assert ops["matmul"].flops_back == 2 * 3 * 2 * 4  # the product for w alone
    assert {name: node.kept for name, node in ops.items()} == {"matmul": X.nbytes, "exp": 8 * 8, "sum": 0}
    assert seen.kept == X.nbytes + 8 * 8
    assert all(node.seconds > 0 and node.seconds_back > 0 for node in ops.values())


def test_the_costs_of_a_network_add_up_to_those_of_its_summary():
    model = MODELS["lenet5"]
    params, images = model.init(tg.random.key(0)), np.zeros((2, 28, 28, 1), np.float32)
    # The backward pass of the summary begins with ones for every output, and so does this one.
    ones = np.ones((2, 10), np.float32)
    seen = explain(model.apply, cotangent=ones)(params, images)
    total = nn.summary(model.apply, params, images).total
    assert sum(node.flops for node in operations(seen)) == total.flops
    assert sum(node.flops_back for node in operations(seen)) == total.flops_backward


def test_a_step_knows_its_line():
    def f(x):
        y = np.exp(x)
        return nn.mse_loss(y, y * 2)

    seen = explain(f)(X)
    texts = {linecache.getline(*split(node.line)).strip() for node in operations(seen)}
    assert texts == {"y = np.exp(x)", "return nn.mse_loss(y, y * 2)"}
    assert {node.call for node in operations(seen)} == {"exp", "multiply", "mse_loss"}
    assert all(node.line.startswith(__file__) for node in operations(seen))


def split(line):
    path, _, number = line.rpartition(":")
    return path, int(number)


def test_values_that_are_not_finite_are_counted():
    seen = explain(lambda x: np.sum(np.log(x) * 0))(np.array([0.0, -1, 1]))
    log = named(seen, "log").values[0]
    assert (log.infs, log.nans, log.low, log.high) == (1, 1, 0, 0)
    assert "nan" in str(seen)
    assert seen.html()


# -- forward only ----------------------------------------------------------------------------------------------------

ONLY_FORWARD = {
    "an array": (lambda x: np.exp(x), (X,), "shape (4, 3)"),
    "a tree": (lambda x: {"a": x, "b": np.exp(x)}, (X,), "a tree of 2 arrays"),
    "an index": (lambda x: np.argmax(x), (X,), "int64, which has no derivative"),
    "complex": (lambda x: np.sum(np.exp(x)), (X + 1j,), "complex128, not real"),
    "integers": (lambda n: np.sum(n * 2.0), (np.arange(3),), "nothing can be differentiated (n)"),
}


@pytest.mark.parametrize("what", ONLY_FORWARD)
def test_no_backward_pass_and_why(what):
    f, args, reason = ONLY_FORWARD[what]
    seen = explain(f)(*args)
    leaves_equal(seen.value, f(*args))
    assert (seen.gradient, seen.order) == (None, [])
    assert reason in seen.note
    assert reason in str(seen)
    assert all(node.cotangent is None for node in seen.nodes)
    assert seen.html()


def test_a_function_without_arguments():
    seen = explain(lambda: np.sum(X))()
    assert seen.value == np.sum(X)
    assert "no arguments" in seen.note


def test_a_cotangent_for_an_array():
    g = np.arange(8.0).reshape(4, 2)
    seen = explain(lambda w: {"y": X @ w}, cotangent={"y": g})(W)
    np.testing.assert_array_equal(seen.gradient, X.T @ g)
    np.testing.assert_allclose(named(seen, "matmul").cotangent.norm, np.linalg.norm(g))
    with pytest.raises(ValueError, match=r"the cotangent.*shape \(4, 2\)"):
        explain(lambda w: X @ w, cotangent=np.ones(3))(W)


def test_arguments_and_results_that_are_no_numbers():
    seen = explain(lambda x, names, dates: np.sum(x) if names[0] == "a" else None)(
        X, np.array(["a"]), np.array(["2020-01-01"], "M8[D]")
    )
    assert seen.value == np.sum(X)
    assert seen.html() and str(seen)
    words = explain(lambda n: "words")(3)
    assert words.value == "words"
    assert "'words' of type str" in str(words)
    assert "the value is None" in explain(lambda x: None)(X).note
    with pytest.raises(TypeError, match="the output is 'words' of type str"):
        explain(lambda x: "words")(X)
    for argument in (X, 3):
        with pytest.raises(TypeError, match=r"with has_aux=True the function returns \(value, aux\)"):
            explain(lambda x: np.sum(x), has_aux=True)(argument)


def test_argnums_that_grad_refuses_are_refused():
    with pytest.raises(TypeError, match="labels is an array"):
        explain(lambda x, labels: np.sum(x), argnums=(0, 1))(X, np.arange(3))


def test_integers_in_a_differentiated_tree_are_refused_as_by_grad():
    with pytest.raises(TypeError, match=r"params\['n'\]"):
        explain(lambda params: np.sum(params["w"]))({"w": X, "n": np.arange(2)})


def test_steps_of_an_inner_derivative_are_told():
    seen = explain(lambda x: np.sum(tg.grad(lambda z: np.sum(np.sin(z)))(x) * x))(X)
    directions = {node.name: node.direction for node in operations(seen)}
    assert directions["cos"] == "backward"
    assert directions["sin"] == "forward"
    assert all(operand.node is None or operand.node < node.number for node in seen.nodes for operand in node.operands)


# -- groups and places -----------------------------------------------------------------------------------------------


def block(p, h):
    h, _ = nn.batch_norm(
        nn.conv2d(h, **p["conv"], padding="same"), nn.batch_norm_state(4), p["scale"], p["shift"], train=True
    )
    return nn.relu(h)


def test_steps_of_a_call_and_of_a_layer_are_grouped():
    rng = np.random.default_rng(0)
    conv = {"w": rng.normal(size=(3, 3, 4, 4)), "b": np.zeros(4)}
    params = [{"conv": conv, "scale": np.ones(4), "shift": np.zeros(4)} for _ in range(2)]
    seen = explain(lambda params, x: np.sum(x + block(params[1], block(params[0], x))))(
        params, rng.normal(size=(2, 5, 5, 4))
    )
    names = [group.name for group in seen.groups]
    assert names == ["x", "0.conv", "0", "relu", "1.conv", "1", "relu", "add", "sum"]
    norm = seen.groups[2]
    assert len(norm.nodes) > 3
    assert {seen.nodes[i].call for i in norm.nodes} == {"batch_norm"}
    assert seen.nodes[norm.result].number in [operand.node for operand in named(seen, "relu").operands]
    beside = [node.name for node in seen.nodes if node.group < 0]
    assert beside == [
        f"params[{i}]{name}" for i in (0, 1) for name in ("['conv']['w']", "['conv']['b']", "['scale']", "['shift']")
    ]


def test_a_parameter_names_its_layer():
    assert [layer_of(path) for path in ("p['a']['w']", "p['w']", "p[0][1].scale", "p.w", "w", "p['bn'].mean")] == [
        "a", "w", "0.1", "w", "w", "bn",
    ]  # fmt: skip


@given(st.lists(st.lists(st.integers(0, 10**6), max_size=3), max_size=40), st.integers(1, 6))
def test_boxes_stand_below_what_they_need_and_none_upon_another(raw, widest):
    sources = [[j % i for j in some] if i else [] for i, some in enumerate(raw)]
    places = place(sources, widest)
    assert len(set(places)) == len(places)
    assert all(0 <= column < widest for _, column in places)
    assert all(places[i][0] > places[j][0] for i, some in enumerate(sources) for j in some)


def test_a_chain_is_straight_and_two_branches_stand_side_by_side():
    assert place([[], [0], [1], [2]]) == [(0, 0), (1, 0), (2, 0), (3, 0)]
    assert place([[], [0], [0], [1], [2], [3, 4]]) == [(0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (3, 0)]


def test_groups_never_depend_on_each_other_in_turn():
    def f(p, x):
        for i in range(90):
            x = np.tanh(x @ p["w"] + p["b"]) + np.sin(x) if i % 2 else np.exp(-x) @ p["w"]
        return np.sum(x)

    seen = explain(f)({"w": np.eye(3) / 2, "b": np.zeros(3)}, X)
    assert len(seen.groups) < 20
    assert sorted(i for group in seen.groups for i in group.nodes) == [n.number for n in seen.nodes if n.group >= 0]
    for node in seen.nodes:
        for operand in node.operands:
            source = None if operand.node is None else seen.nodes[operand.node]
            if source is not None and source.group not in (-1, node.group):
                assert seen.groups[source.group].row < seen.groups[node.group].row
            elif source is not None and source.group == node.group:
                assert source.row < node.row


def test_the_wrapped_name_is_kept():
    def my_loss(x):
        return np.sum(x)

    assert explain(my_loss).__name__ == "my_loss"
    assert repr(explain(my_loss)(X)) == "<explanation of my_loss: 1 operations, 1 pullbacks>"
