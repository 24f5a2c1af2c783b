"""why_zero: the reason, the line and the path of every kind of zero gradient."""

import inspect
import re

import numpy as np
import pytest

from tinygrad_np import checkpoint, custom_vjp, grad, nn, primitive, random, stop_gradient
from tinygrad_np.core.primitive import registry
from tinygrad_np.inspect import cancellation, zero_reasons
from tinygrad_np.inspect.why_zero import why_zero
from tinygrad_np.models import lenet5

RNG = np.random.default_rng(0)
W = RNG.normal(size=(5, 4))
ONES = np.ones(3)
zero_rule = custom_vjp(lambda x: x * 2)
zero_rule.defvjp(lambda x: (x * 2, None), lambda r, g: (np.zeros_like(g),))
no_jvp = primitive(lambda x: x * 0.0)
no_jvp.defvjp("x")(lambda y, x: lambda g: g * 0.0)

KINDS = {
    "stopped": (lambda w: np.sum(stop_gradient(w * 2)), W, "stopped", "_constant", "stop_gradient at .* makes it a constant"),
    "cast": (lambda w: np.sum((3 * w).astype(int)), W, "not differentiable", "astype", "the cast to int64 at .* ends"),
    "argmax": (lambda w: np.sum(ONES[np.argmax(w)]), ONES, "not differentiable", "argmax", "argmax at .* has no derivative"),
    "floor": (lambda w: np.sum(np.floor(w)), W, "not differentiable", "floor", "floor at .* has no derivative"),
    "compared": (lambda w: np.sum((w > 0) * 1.0), W, "not differentiable", "greater", "greater at .* has no derivative"),
    "dead": (lambda w: np.sum(nn.relu(w)), -np.abs(W), "dead", "relu", "relu at .* is 0 for all 20 elements that depend on it, in 4 of 4 units"),
    "where": (lambda w: np.sum(np.where(w > 0, w, 0)), -np.abs(W), "masked", "where", "where at .* leaves out all 20 elements"),
    "dropout": (lambda w: np.sum(nn.dropout(w, 0.999, random.key(0))), ONES, "masked", "masked", "dropout at .* leaves out all 3"),
    "tanh": (lambda w: np.sum(np.tanh(w)), 60 * ONES, "saturated", "tanh", "tanh at .* is saturated for all 3 elements .* 60 to 60"),
    "sigmoid": (lambda w: np.sum(nn.sigmoid(w)), 60 * ONES, "saturated", "sigmoid", "its slope rounds to 0 there"),
    "times zero": (lambda w: np.sum(w * np.zeros(4)), W, "times zero", "multiply", "multiply at .* takes all 20 elements .* times 0"),
    "zero weights": (lambda w: np.sum(w @ np.zeros((4, 2))), W, "times zero", "matmul", "matmul at .* times 0"),
    "zero images": (lambda w: np.sum(nn.conv2d(np.zeros((1, 8, 8, 1)), w)), np.ones((3, 3, 1, 2)), "times zero", "conv", "conv at .* times 0"),
    "power": (lambda w: np.sum(w**2), 0 * ONES, "times zero", "power", "times 0"),
    "max": (lambda w: np.max(np.concatenate([w, [9.0]])), ONES, "not selected", "max", "max at .* never selects 3 elements"),
    "index": (lambda w: np.sum(np.concatenate([w, ONES])[3:]), ONES, "not selected", "getitem", "getitem at .* never selects 3"),
    "clip": (lambda w: np.sum(np.clip(w, -1, 0.5)), ONES, "not selected", "clip", "clip at .* never selects 3"),
    "cancelled": (lambda w: np.sum(w - w), ONES, "cancelled", "subtract", "subtract at .* cancel"),
    "zero rule": (lambda w: np.sum(zero_rule(w)), ONES, "zero rule", "<lambda>", "the derivative rule of <lambda> at .* gives 0"),
    "zero VJP alone": (lambda w: np.sum(no_jvp(w)), ONES, "zero rule", "<lambda>", "the derivative rule of <lambda> at"),
    "underflow": (lambda w: np.sum(w * np.float32(1e-30) * np.float32(1e-30)), np.float32(ONES), "underflow", "multiply", "too small for float32"),
    "checkpoint": (lambda w: checkpoint(lambda w: np.sum(nn.relu(w)))(w), -ONES, "dead", "relu", "relu at .* is 0"),
    "unused": (lambda w: np.sum(W), ONES, "unused", None, "^no operation uses it"),
    "dead end": (lambda w: (np.exp(w), np.sum(W))[1], ONES, "unused", "exp", "nothing that leads to the result uses what exp makes of it at"),
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_the_kind_the_operation_and_the_line_are_told(name):
    f, w, kind, operation, text = KINDS[name]
    assert not np.any(grad(f)(w))  # it is zero
    (found,) = why_zero(f)(w).zeros
    assert (found.name, found.shape, found.part) == ("w", w.shape, "")
    (reason,) = found.reasons
    assert (reason.kind, reason.operation) == (kind, operation)
    assert re.search(text, reason.text), reason.text
    if operation is not None:
        assert reason.line == f"{__file__}:{inspect.getsourcelines(f)[1]}"
        assert reason.path[-1][1] == reason.line


def layers(params, x):
    h = nn.relu(nn.dense(x, params["w1"], params["b1"]))
    h = nn.dense(h, params["w2"], params["b2"])
    return np.mean(h * h), {"h": h}


def network():
    return {
        "w1": RNG.normal(size=(5, 8)).astype(np.float32),
        "b1": np.zeros(8, np.float32),
        "w2": RNG.normal(size=(8, 4)).astype(np.float32),
        "b2": np.zeros(4, np.float32),
    }


def test_a_network_whose_gradient_is_nowhere_zero():
    x = RNG.normal(size=(64, 5)).astype(np.float32)
    report = why_zero(layers, has_aux=True)(network(), x)
    assert report.zeros == ()
    assert repr(report) == "why_zero(layers): 0 of 4 parameters get no gradient"


def test_dead_units_and_blank_inputs_are_told_by_their_index():
    params, x = network(), RNG.normal(size=(64, 5)).astype(np.float32)
    params["b1"][[1, 5]] = -100
    x[:, 2] = 0
    report = why_zero(layers, "params", has_aux=True)(x=x, params=params)
    found = {(zero.name, zero.part): zero.reasons[0] for zero in report.zeros}
    assert found.keys() == {
        ("params['w1']", "[2, :]"),
        ("params['w1']", "[:, (1, 5)]"),
        ("params['b1']", "[(1, 5)]"),
        ("params['w2']", "[(1, 5), :]"),
    }
    assert found["params['w1']", "[2, :]"].kind == "times zero"
    dead = found["params['w1']", "[:, (1, 5)]"]
    assert (dead.kind, dead.operation) == ("dead", "relu")
    assert "128 elements that depend on it, in 2 of 8 units (1, 5)" in dead.text
    assert [call for call, _ in dead.path] == ["dense", "relu"]
    assert found["params['b1']", "[(1, 5)]"].kind == "dead"
    assert found["params['w2']", "[(1, 5), :]"].kind == "times zero"
    text = repr(report)
    assert text.startswith("why_zero(layers): 0 of 4 parameters get no gradient, 3 in part")
    assert "params['w1'] (5, 8)[:, (1, 5)]: zero there\n    dead: relu at test_why_zero.py:" in text
    assert "by way of dense (test_why_zero.py:" in text


def test_several_reasons_in_the_order_of_the_program():
    def f(w):
        a = np.sum(stop_gradient(w))
        b = np.sum(nn.relu(w))
        return a + b + np.sum(np.floor(w))

    (found,) = why_zero(f)(-ONES).zeros
    assert [reason.kind for reason in found.reasons] == ["stopped", "dead", "not differentiable"]


def test_what_stops_all_changes_comes_before_what_stops_those_of_some_units():
    def f(w):
        return np.sum(stop_gradient(nn.relu(w)))

    (found,) = why_zero(f)(np.array([[1.0, -1.0], [2.0, -2.0]])).zeros
    assert [reason.kind for reason in found.reasons] == ["stopped", "dead"]
    assert "all 2 elements that depend on it, in 1 of 2 units (1)" in found.reasons[1].text


def test_a_frozen_layer_of_a_network_of_many():
    params = lenet5.init(random.key(0))
    x = np.asarray(random.uniform(random.key(1), (2, 28, 28, 1)))

    def loss(params, x):
        frozen = {**params, "conv1": stop_gradient(params["conv1"])}
        return nn.cross_entropy(lenet5.apply(frozen, x), np.array([3, 7]))

    report = why_zero(loss)(params, x)
    assert {zero.name for zero in report.zeros} == {"params['conv1']['w']", "params['conv1']['b']"}
    assert {zero.reasons[0].kind for zero in report.zeros} == {"stopped"}


def test_wrong_arguments_are_refused_as_grad_refuses_them():
    with pytest.raises(TypeError, match=r"why_zero\(<lambda>\): w is an array .* int64"):
        why_zero(lambda w: np.sum(w))(np.arange(3))
    with pytest.raises(ValueError, match="argnums names 'v'"):
        why_zero(lambda w: np.sum(w), "v")(ONES)
    with pytest.raises(TypeError, match="argnum is one argument, by position or name, got"):
        why_zero(lambda w: np.sum(w), (0, 1))(ONES)
    with pytest.raises(TypeError, match="the loss has shape"):
        why_zero(lambda w: w)(ONES)


def test_what_only_finds_places_is_no_reason_where_there_is_another():
    (zero,) = why_zero(lambda w: np.sum(np.sort(w)[-2:]))(np.array([3.0, 1.0, 2.0, 4.0])).zeros
    assert [(reason.kind, reason.operation) for reason in zero.reasons] == [("not selected", "getitem")]


def test_changes_that_cancel_but_for_rounding_are_no_underflow():
    (zero,) = why_zero(lambda w: np.sum(nn.softmax(w)))(np.zeros(8)).zeros
    assert zero.reasons[0].kind == "cancelled"


def test_a_reason_is_told_once():
    (zero,) = why_zero(lambda w: np.prod(w))(np.array([0.0, 0.0, 2.0])).zeros
    texts = [reason.text for reason in zero.reasons]
    assert len(texts) == len(set(texts))


@pytest.mark.parametrize("module", [zero_reasons, cancellation])
def test_the_operations_that_are_told_apart_by_name_exist(module):
    named = frozenset[str]().union(*[each for each in vars(module).values() if isinstance(each, frozenset)])
    assert len(named) > 10
    assert named <= {op.name for op in registry.values()}


def test_inside_of_a_transform_it_is_refused():
    with pytest.raises(
        TypeError, match=r"^why_zero\(<lambda>\): an argument is a Tensor of grad\(<lambda>\); ask about"
    ):
        grad(lambda x: why_zero(lambda w: np.sum(w * 0))(x) and 1.0)(np.float32([1, 2]))
