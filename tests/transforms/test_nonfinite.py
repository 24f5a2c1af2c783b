"""debug(f, non_finite=True): where a value that is not finite was born."""

import inspect
import os
import re
import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ops.cases import CASES, package_primitives
from tests.ops.cases.calls import of_differentiated
from tinygrad_np import (
    Tensor,
    checkpoint,
    custom_jvp,
    custom_vjp,
    debug,
    grad,
    hessian,
    hvp,
    jvp,
    nn,
    optim,
    primitive,
    random,
    stop_gradient,
    tree,
    value_and_grad,
    vjp,
    vmap,
)
from tinygrad_np.core.primitive import registry
from tinygrad_np.core.tape import Tape
from tinygrad_np.models import lenet5
from tinygrad_np.transforms.finite import TAME, first, is_finite, sends_finite
from tinygrad_np.transforms.nonfinite import NonFiniteError

X = np.array([4.0, 0.0, 1.0])
ONES = np.ones(3)


def checked(f):
    return debug(f, non_finite=True)


def roots(x):
    return np.sum(np.sqrt(x))


def masked_roots(x):
    return np.sum(np.where(x > 0, np.sqrt(x), 0))


def masked_logs(x):
    return np.sum(np.where(x > 0, np.log(x), 0))


def low(x):
    return np.asarray(x, np.float32)


FORWARD = {
    "log": (lambda x: np.log(x), X, "log", (1,), r"log gave -inf at \[1\] from x = 0.0 \(float64 \(3,\)\), at .*: log of 0; .* \+ eps"),
    "log of negative": (lambda x: np.log(x), -ONES, "log", (0,), "log gave nan .* x = -1.0 .*: log of a negative number; "),
    "exp": (lambda x: np.exp(100 * x), low(X), "exp", (0,), "x = 400.0 .*: overflow of exp; subtract the maximum"),
    "divide": (lambda x: 2 / x, X, "divide", (1,), r"x = 2 \(int64 \(\)\), y = 0.0 .*: division by 0; choose"),
    "broadcast": (lambda x: np.eye(3)[:2] / x, X, "divide", (0, 1), r"x = 0.0 \(float64 \(2, 3\)\), y = 0.0 \(float64 \(3,\)\)"),
    "power": (lambda x: x**-1.0, X, "power", (1,), "x = 0.0 .*: 0 to a negative power"),
    "power of negative": (lambda x: (-x) ** 0.5, ONES, "power", (0,), "is negative and the exponent no integer; "),
    "sqrt": (lambda x: np.sqrt(x - 1), X, "sqrt", (1,), "x = -1.0 .*: the argument of sqrt is negative; choose"),
    "arcsin": (lambda x: np.arcsin(x), X, "arcsin", (0,), r"the argument of arcsin is outside \[-1, 1\]"),
    "overflow": (lambda x: x * x, low([1, 1e30]), "multiply", (1,), "overflow of float32, beyond 3.40e\\+38; scale"),
    "matmul": (lambda x: x @ x, np.full((2, 2), 1e200), "matmul", (0, 0), r"from x \(float64 \(2, 2\)\) of which \[0, :\] = 1e\+200 1e\+200, y .* of which \[:, 0\] .*overflow"),
    "matmul with inf - inf": (
        lambda x: x @ x.T, np.array([[1e200, 1e200], [1e200, -1e200]]), "matmul", (0, 0), "overflow of float64"),
    "sum": (lambda x: np.sum(x), np.full(9, 1e308), "sum", (), r"sum gave inf from x \(float64 \(9,\)\)"),
    "constant": (lambda x: x + np.array([0, np.inf, 0]), X, "add", (1,), r"operand y holds inf at \[1\], made from no input"),
    "scalar": (lambda x: 1 / x, 0.0, "divide", (), "division by 0"),
    "complex": (lambda x: 1 / x, X + 0j, "divide", (1,), "division by 0"),
    "masked": (masked_logs, X, "log", (1,), "log of 0"),
    "concatenate": (lambda x: np.concatenate([x, [np.nan]]), X, "concatenate", (3,), r"concatenate: its operand .* holds nan.*, made from no input"),
}  # fmt: skip


@pytest.mark.parametrize(
    "wrap", [checked, lambda f: checked(lambda x: vjp(f, x)[0]), lambda f: lambda x: vjp(checked(f), x)]
)
@pytest.mark.parametrize("name", FORWARD)
def test_a_value_is_traced_to_the_operation_that_made_it(name, wrap):
    f, x, operation, index, message = FORWARD[name]
    with pytest.raises(NonFiniteError, match=message) as caught:
        wrap(f)(x)
    error = caught.value
    assert (error.operation, error.direction, error.of, error.index) == (operation, "forward", operation, index)
    assert error.line.startswith(__file__)


def line_of(function, offset):
    return f"{__file__}:{inspect.getsourcelines(function)[1] + offset}"


def in_two_lines(x):
    y = x * x
    z = np.sqrt(y)
    return np.sum(z)


BACKWARD = {
    "sqrt": (in_two_lines, X, "sqrt", 2, r"inf at \[1\].*: the derivative sqrt' is infinite .* add a small number"),
    "product of small": (
        lambda x: np.prod(np.power(x, 0.5)), X, "power", 0, r"inf at \[1\].*the derivative power' is infinite or undefined"),
    "overflow": (lambda x: np.sum(np.sum(1e-30 * x) * low(1e30) ** 1.0), low(X), None, 0, ""),
    "division": (lambda x: np.sum(1 / x), low([1e-30, 1]), "divide", 0, r"\[0\]"),
    "arcsin": (lambda x: np.sum(np.arcsin(x)), np.array([0.5, 1.0]), "arcsin", 0, r"\[1\].*the derivative arcsin' is infinite"),
}  # fmt: skip


@pytest.mark.parametrize("name", BACKWARD)
@pytest.mark.parametrize("inside", [True, False])
def test_a_cotangent_is_traced_to_the_operation_whose_rule_made_it(name, inside):
    f, x, of, offset, message = BACKWARD[name]
    g = checked(grad(f)) if inside else grad(checked(f))
    if of is None:
        np.testing.assert_array_equal(g(x), grad(f)(x))
        return
    with pytest.raises(NonFiniteError, match=f"^the backward pass of {of}.*{message}") as caught:
        g(x)
    assert (caught.value.direction, caught.value.of) == ("backward", of)
    assert caught.value.line == line_of(f, offset)


def test_an_infinity_that_a_rule_masks_is_none():
    expected = [0.25, 0, 0.5]
    np.testing.assert_array_equal(checked(grad(masked_roots))(X), expected)
    np.testing.assert_array_equal(grad(checked(masked_roots))(X), expected)
    np.testing.assert_array_equal(checked(vmap(grad(masked_roots)))(X[None]), [expected])


def test_an_infinity_that_is_masked_when_it_has_left_its_rule_is_an_error():
    f = lambda x: np.sum(np.sqrt(np.where(x > 1, x, 0)))
    np.testing.assert_array_equal(grad(f)(X), [0.25, 0, 0])
    for g in (checked(grad(f)), grad(checked(f))):
        with pytest.raises(NonFiniteError, match=r"^the backward pass of sqrt.* inf at \[1\]"):
            g(X)


def test_what_a_rule_computes_before_its_pullback_runs_belongs_to_the_rule():
    safe_root = primitive(lambda x: np.sqrt(x))

    @safe_root.defvjp("x")
    def _(y, x):
        slope = 0.5 / np.sqrt(x)
        return lambda g: g * np.where(x == 0, 0, slope)

    f = lambda x: np.sum(safe_root(x))
    np.testing.assert_array_equal(checked(grad(f))(X), [0.25, 0, 0.5])
    np.testing.assert_array_equal(grad(checked(f))(X), [0.25, 0, 0.5])


OTHERS = {
    "vmap of grad": lambda f: checked(vmap(grad(f)))(X[None]),
    "vmap of grad of debug": lambda f: vmap(grad(checked(f)))(X[None]),
    "value_and_grad": lambda f: checked(value_and_grad(f))(X),
    "hessian": lambda f: checked(hessian(f))(X),
    "hvp": lambda f: checked(lambda x: hvp(f, x, ONES))(X),
    "checkpoint": lambda f: checked(grad(lambda x: checkpoint(f)(x)))(X),
    "grad of debug of checkpoint": lambda f: grad(checked(lambda x: checkpoint(f)(x)))(X),
    "nested": lambda f: checked(lambda x: np.sum(grad(f)(x)))(X),
    "vjp": lambda f: checked(lambda x: vjp(f, x)[1](1.0))(X),
}


@pytest.mark.parametrize("name", OTHERS)
def test_it_works_under_and_over_other_transforms(name):
    with pytest.raises(NonFiniteError, match=r"the backward pass of (sqrt.* inf|checkpoint.* nan) at") as caught:
        OTHERS[name](in_two_lines)
    assert caught.value.line.startswith(__file__)


def test_a_tangent_is_traced_to_its_operation():
    with pytest.raises(NonFiniteError, match=r"^the tangent pass of sqrt: divide gave inf at \[1\]") as caught:
        checked(lambda x: jvp(roots, (x,), (ONES,))[1])(X)
    assert caught.value.line == line_of(roots, 1)
    y, y_dot = checked(lambda x: jvp(masked_roots, (x,), (np.array([1.0, 0.0, 1.0]),)))(X)
    assert (y, y_dot) == (3.0, 0.75)


def test_inputs_are_named():
    f = lambda params, scale=1.0: params["w"] * scale
    with pytest.raises(NonFiniteError, match=r"^debug\(<lambda>\): the input params\['w'\] holds nan at \[0, 1\]$"):
        checked(f)({"w": np.array([[1, np.nan]])})
    with pytest.raises(NonFiniteError, match=r"the input scale holds inf$") as caught:
        checked(f)({"w": ONES}, scale=np.inf)
    assert caught.value.operation == "input"
    with pytest.raises(NonFiniteError, match="the input x holds -inf at"):
        grad(checked(roots))(np.array([1, -np.inf]))


OVERFLOWING = {
    "multiply": (lambda x: np.sum(np.tanh(x * low(1e30)) * low(1e30)), low([0, 1e-38]), r"multiply gave inf at \[0\] for x, with x = 0.0 .*, and g = 1e\+30"),
    "matmul": (lambda x: np.sum(np.tanh(x @ np.full((2, 2), 1e30, np.float32)) * low(1e30)), np.zeros((3, 2), np.float32), "matmul gave inf"),
}  # fmt: skip


@pytest.mark.parametrize("name", OVERFLOWING)
@pytest.mark.parametrize("wrap", [lambda f: checked(grad(f)), lambda f: grad(checked(f))])
def test_a_cotangent_that_overflows_is_not_put_down_to_an_infinite_derivative(name, wrap):
    f, x, message = OVERFLOWING[name]
    with pytest.raises(NonFiniteError, match="overflow of float32") as caught:
        wrap(f)(x)
    assert caught.value.of == name
    if "for x" in str(caught.value):
        assert re.search(message, str(caught.value))


def test_what_arrives_from_outside_is_not_blamed_on_an_operation_inside():
    with pytest.raises(NonFiniteError, match=r"the cotangent that arrives at its result holds inf") as caught:
        grad(lambda x: np.sqrt(checked(lambda x: np.sum(x * 2))(x)))(np.zeros(2))
    assert caught.value.direction == "backward"


def test_the_line_of_a_model_of_the_package_counts_as_the_users():
    params = lenet5.init(random.key(0))
    params["conv1"]["w"] = params["conv1"]["w"] * np.float32(1e38)
    with pytest.raises(NonFiniteError, match=r"conv gave .*overflow of float32") as caught:
        checked(grad(lambda params, x: np.sum(lenet5.apply(params, x))))(
            params, 100 + np.zeros((1, 28, 28, 1), np.float32)
        )
    assert re.search(r"models.lenet5\.py:\d+$", caught.value.line)


def test_values_made_from_a_gradient_are_seen():
    def step(x):
        return optim.apply_updates(x, 1e200 * grad(lambda x: np.sum(1e200 * x * x))(x))

    with pytest.raises(NonFiniteError, match=r"^multiply gave inf") as caught:
        checked(step)(ONES)
    assert caught.value.direction == "forward"


def test_custom_rules_are_operations():
    f = custom_vjp(lambda x: x * 2)
    f.defvjp(lambda x: (x * 2, x), lambda x, g: (g / x,))
    with pytest.raises(
        NonFiniteError, match=r"^the backward pass of <lambda>: divide gave inf .*: division by 0; choose"
    ):
        checked(grad(lambda x: np.sum(f(x))))(X)
    with pytest.raises(NonFiniteError, match=r"^the backward pass of <lambda> gave inf at \[1\]"):
        grad(checked(lambda x: np.sum(f(x))))(X)
    np.testing.assert_array_equal(grad(checked(lambda x: np.sum(f(x))))(X + 1), 1 / (X + 1))  # by its own rule
    np.testing.assert_array_equal(checked(grad(lambda x: np.sum(f(x))))(X + 1), 1 / (X + 1))
    np.testing.assert_array_equal(checked(f)(X), 2 * X)
    h = custom_jvp(lambda x: x * 2)
    h.defjvp(lambda primals, tangents: (h(*primals), tangents[0] / primals[0]))
    with pytest.raises(NonFiniteError, match="divide gave inf"):
        checked(lambda x: jvp(h, (x,), (ONES,)))(X)


def test_where_all_is_finite_the_result_is_that_of_the_function():
    key = random.key(0)

    def loss(params, x, labels):
        h, state = nn.batch_norm(nn.conv2d(x, params["w"], padding="same"), params["state"], train=True)
        h = nn.dropout(nn.max_pool2d(nn.relu(h), 2), 0.3, key)
        return nn.cross_entropy(nn.global_avg_pool(h), labels), (state, stop_gradient(h))

    params = {"w": np.asarray(random.normal(key, (3, 3, 1, 4))), "state": nn.batch_norm_state(4)}
    args = params, np.asarray(random.uniform(key, (2, 6, 6, 1))), np.array([0, 3])
    value, gradient = value_and_grad(loss, has_aux=True)(*args)
    for both in (checked(value_and_grad(loss, has_aux=True)), value_and_grad(checked(loss), has_aux=True)):
        again = both(*args)
        assert not any(isinstance(leaf, Tensor) for leaf in again[0][1][0])
        np.testing.assert_allclose(again[0][0], value[0], rtol=1e-6)
        np.testing.assert_allclose(again[1]["w"], gradient["w"], rtol=1e-4, atol=1e-7)
        assert again[1]["w"].dtype == np.float32
        assert again[1]["w"].flags.writeable
    f = lambda x, n=2, name="a": {"y": x**n, "name": name, "i": np.argmax(x)}
    assert checked(f)(3.0) == f(3.0)
    assert checked(f).__name__ == "<lambda>"
    assert type(checked(f)(3.0)["y"]) is float


# -- the way to the result ----------------------------------------------------------------------------------------------


def with_a_way(x):
    y = np.log(x)
    z = np.exp(-x) * 3
    for _ in range(2):
        y = y + 1
    unused = y * 7
    return np.sum(y * z), unused


def lines_of(function, *offsets):
    return [line_of(function, offset) for offset in offsets]


@pytest.mark.parametrize(
    "wrap",
    [
        checked,
        lambda f: checked(grad(f, has_aux=True)),
        lambda f: grad(checked(f), has_aux=True),
        lambda f: checked(lambda x: jvp(f, (x,), (ONES,), has_aux=True)),
        lambda f: checked(value_and_grad(f, has_aux=True)),
    ],
)
def test_the_way_from_a_value_to_the_loss_is_told(wrap):
    with pytest.raises(
        NonFiniteError, match=r"; the way from there to the result: log \(test_nonfinite.py:\d+\) -> add"
    ) as caught:
        wrap(with_a_way)(X)
    calls, lines = zip(*caught.value.path, strict=True)
    assert calls == ("log", "add", "add", "multiply", "sum")
    assert list(lines) == lines_of(with_a_way, 1, 4, 4, 6, 6)
    assert caught.value.line == lines[0]


def bad_slope(x):
    y = np.sqrt(x)
    z = y * 2
    return np.sum(z)


@pytest.mark.parametrize(
    "wrap",
    [lambda f: checked(grad(f)), lambda f: grad(checked(f)), lambda f: lambda x: vmap(grad(checked(f)))(x[None])],
)
def test_the_way_of_a_cotangent_from_the_loss_is_told(wrap):
    with pytest.raises(NonFiniteError, match="the derivative sqrt'") as caught:
        wrap(bad_slope)(X)
    assert caught.value.path == tuple(zip(["sqrt", "multiply", "sum"], lines_of(bad_slope, 1, 2, 3), strict=True))


def slope_of_power(x):
    return np.sum(grad(lambda x: np.sum(x**1.5))(x))


def test_the_second_order_is_seen_with_a_gradient_inside():
    np.testing.assert_array_equal(grad(checked(slope_of_power))(ONES), 1.125 / 1.5)
    for derivative, direction in ((grad, "backward"), (hessian, "tangent")):
        with pytest.raises(NonFiniteError, match=f"the {direction} pass of power") as caught:
            checked(derivative(slope_of_power))(X)
        assert caught.value.line == line_of(slope_of_power, 1)


CAPTURING = {
    "beside the inner variable": lambda x, w: np.sum(grad(lambda u: np.sum(np.sqrt(w * x) * u))(x)),
    "with the inner variable": lambda x, w: np.sum(vjp(lambda u: np.sqrt(w * u), x)[0]),
    "alone": lambda x, w: np.sum(vjp(lambda u: u + np.sqrt(w * stop_gradient(u)), x)[0]),
}


@pytest.mark.parametrize("name", CAPTURING)
def test_cotangents_of_captured_tensors_are_seen_with_a_derivative_inside(name):
    f = lambda w: checked(lambda x: CAPTURING[name](x, w))(ONES)
    np.testing.assert_array_equal(grad(f)(ONES), 0.5)
    with pytest.raises(NonFiniteError, match="the backward pass of sqrt") as caught:
        grad(f)(X)
    assert caught.value.line == f"{__file__}:{inspect.getsourcelines(CAPTURING[name])[1]}"


def before_capture(x, w):
    y = np.sqrt(x)
    return np.sum(y * (w + 1))


def after_capture(x, w):
    y = x * w
    z = np.sqrt(y)
    return np.sum(z)


@pytest.mark.parametrize(("f", "offset"), [(before_capture, 1), (after_capture, 2)])
def test_the_line_is_told_of_a_function_that_captures_tensors(f, offset):
    with pytest.raises(NonFiniteError, match="the backward pass of sqrt") as caught:
        grad(lambda w: checked(lambda x: f(x, w))(w * ONES))(X)
    assert caught.value.line == line_of(f, offset)


def test_a_long_way_is_shortened_and_an_endless_one_ends():
    def long(x):
        y = np.log(x)
        for _ in range(50):
            y = y * 1
        return y

    with pytest.raises(
        NonFiniteError, match=r"log \(.*\) -> (multiply \(.*\) -> ){5}... 40 more ... -> multiply"
    ) as caught:
        checked(long)(X)
    assert len(caught.value.path) == 51

    def endless(x):
        y = np.log(x)
        while True:
            y = y + 0

    with pytest.raises(NonFiniteError, match="log gave -inf"):
        checked(endless)(X)


def test_the_first_error_is_not_hidden_by_what_follows():
    def raises(x):
        y = 1 / x
        if np.isinf(stop_gradient(y)).any():
            raise ValueError("not this")
        return y

    with pytest.raises(NonFiniteError, match="division by 0"):
        checked(raises)(X)

    def swallows(x):
        try:
            return np.sum(np.tanh(np.log(x)))
        except ArithmeticError:
            return 0.0

    with pytest.raises(NonFiniteError, match="log of 0"):
        checked(swallows)(X)


# -- masked branches ----------------------------------------------------------------------------------------------------

MASKED = {
    "value under where": (lambda x: np.sum(np.where(x > 0, 3 * np.log(x), 0)), r"log of 0; .*; np.where at test_nonfinite.py:\d+ leaves it out there, but 0 \* inf"),
    "in the other branch": (lambda x: np.sum(np.where(x == 0, 0, 1 / x)), "division by 0; .*; np.where at .* leaves it out"),
    "value times mask": (lambda x: np.sum(np.log(x) * (x > 0)), r"log of 0; .*; the product at .* leaves it out there, but 0 \* inf is nan"),
    "constant put there": (lambda x: np.sum(1 / np.where(x > 1, x, 0)), r"division by 0; .*; np.where at .* puts y = 0 there"),
    "slope at a constant put there": (lambda x: np.sum(np.sqrt(np.where(x > 1, x, 0))), r"the derivative sqrt' .*; np.where at .* puts x = 0 there; let it put a harmless"),
}  # fmt: skip


@pytest.mark.parametrize("name", MASKED)
@pytest.mark.parametrize("wrap", [lambda f: checked(grad(f)), lambda f: grad(checked(f))])
def test_a_masked_branch_is_recognised(name, wrap):
    f, message = MASKED[name]
    with pytest.raises(NonFiniteError, match=message) as caught:
        wrap(f)(X)
    assert "mask the argument too" in caught.value.cause or "harmless" in caught.value.cause


def test_where_that_keeps_the_element_is_not_blamed():
    with pytest.raises(NonFiniteError) as caught:
        checked(lambda x: np.sum(np.where(x < 1, np.log(x), 0)))(X)
    assert "np.where" not in caught.value.cause


# -- operands of operations that are not elementwise --------------------------------------------------------------------


def test_the_part_of_each_operand_that_an_element_is_made_from():
    x = np.zeros((2, 8, 8, 2), np.float32)
    x[1, 4, 4] = 3e38
    w = np.ones((3, 3, 2, 1), np.float32)
    with pytest.raises(NonFiniteError) as caught:
        checked(lambda w: nn.conv2d(x, w, padding=1))(w)
    assert caught.value.index == (1, 3, 3, 0)
    assert "x (float32 (2, 8, 8, 2)) of which [1, 2:5, 2:5, :], 18 elements from 0 to 3e+38" in str(caught.value)
    assert "w (float32 (3, 3, 2, 1)) of which [:, :, :, 0], 18 elements from 1 to 1" in str(caught.value)
    wide = np.full((3, 7), 1e200)
    with pytest.raises(
        NonFiniteError, match=r"y \(float64 \(7, 2\)\) of which \[:, 0\], 7 elements from 1e\+200 to 1e\+200"
    ):
        checked(lambda w: wide @ w)(np.full((7, 2), 1e200))
    with pytest.raises(
        NonFiniteError,
        match=r"sum gave inf at \[1\] from x \(float64 \(2, 3\)\) of which \[1, :\] = 1e\+308 1e\+308 1e\+308",
    ):
        checked(lambda x: np.sum(x, axis=1))(np.array([[1.0] * 3, [1e308] * 3]))
    odd = primitive(lambda x: np.cumsum(x)[:1] / 0)  # without rules, and of another shape than its operand
    with pytest.raises(NonFiniteError, match=r"gave inf at \[0\] from x \(float64 \(3,\)\), at"):
        checked(odd)(X)


# -- tangents -----------------------------------------------------------------------------------------------------------


def test_tangents_are_seen_under_jvp():
    with pytest.raises(
        NonFiniteError, match=r"^the tangent pass of sqrt gave inf at \[1\] from x = 0.0 .*, along x_dot = 1.0"
    ) as caught:
        jvp(checked(roots), (X,), (ONES,))
    assert (caught.value.direction, caught.value.of, caught.value.line) == ("tangent", "sqrt", line_of(roots, 1))
    assert [call for call, _ in caught.value.path] == ["sqrt", "sum"]
    with pytest.raises(NonFiniteError, match=r"the tangent of the input x holds inf at \[2\]"):
        jvp(checked(roots), (X,), (np.array([0, 0, np.inf]),))
    assert jvp(checked(masked_roots), (X,), (np.array([1.0, 0.0, 1.0]),)) == (3.0, 0.75)
    with pytest.raises(NonFiniteError, match="the tangent pass of sqrt"):
        hessian(checked(roots))(X)


# -- what the quick look must not miss ----------------------------------------------------------------------------------

HIDDEN = {
    "in tanh": (lambda x: np.sum(np.tanh(x * 1e200 * 1e200)), "multiply", "overflow"),
    "in relu": (lambda x: np.sum(nn.relu(-1 / x)), "divide", "division by 0"),
    "in a comparison": (lambda x: np.sum((1 / x > 3) * x), "divide", "division by 0"),
    "a constant in tanh": (lambda x: np.sum(np.tanh(np.maximum(x, np.inf))), "maximum", "a constant that is not finite"),
    "behind stop_gradient": (lambda x: np.sum(np.tanh(np.log(stop_gradient(x))) * x), "log", "log of 0"),
    "of captured values": (lambda x: np.sum(np.where(x > 9, np.log(stop_gradient(x) * 1), x)), "log", "log of 0"),
}  # fmt: skip


@pytest.mark.parametrize("name", HIDDEN)
@pytest.mark.parametrize(
    "wrap", [checked, lambda f: checked(grad(f)), lambda f: grad(checked(f)), lambda f: checked(hessian(f))]
)
def test_what_is_hidden_at_once_is_found(name, wrap):
    f, operation, cause = HIDDEN[name]
    with pytest.raises(NonFiniteError, match=cause) as caught:
        wrap(f)(X)
    assert caught.value.operation == operation


def test_operations_that_are_not_tested_give_and_send_finite_values():
    most = np.float32(0.999) * np.finfo(np.float32).max
    x = low(np.linspace(-1, 1, 64)).reshape(1, 8, 8, 1) * most
    second = {"tanh_gradient": np.clip(x / most, -1, 1), "relu_gradient": x}
    options = {"reshape": {"shape": (64,)}, "transpose": {"axes": (3, 2, 1, 0)}}
    for key in TAME:
        op = registry[key]
        args = [x, *([second[op.name]] if op.name in second else [])]
        y, pullback = vjp(lambda x, *rest: op(x, *rest, **options.get(op.name, {})), *args)
        assert np.isfinite(y).all()
        if op.name not in second:  # whose other cotangent belongs to second derivatives
            assert np.isfinite(pullback(np.full(y.shape, most))[0]).all()
    for stride in (1, 2, 3):
        y, pullback = vjp(lambda x: nn.avg_pool2d(x, 3, stride=stride), x / 9)
        assert np.isfinite(pullback(np.full(y.shape, most))[0]).all()
    windows = {"kernel_size": (3, 3)}
    pool = registry["tinygrad_np.ops.pooling.sum_pool"]
    assert sends_finite(pool, {"scale": 1 / 9, **windows}) and not sends_finite(pool, {"scale": 1.0, **windows})


def test_large_numbers_are_finite():
    for dtype, large in ((np.float64, 1e200), (np.float32, 1e30), (np.float16, 6e4), (np.complex64, 1e30j)):
        x = np.full((20, 30), large, dtype)
        with np.errstate(all="raise"):
            np.testing.assert_array_equal(checked(lambda x: x * 1)(x), x)
        for view in (x, x.T, x[::2], x[:, ::-3], x[0, 0], x[:0]):
            assert is_finite(view)
        x[7, 11] = np.inf
        for view in (x, x.T, x[1::2], x[:, ::-1], x[7, 11]):
            assert not is_finite(view)
            assert first(view)[1] == np.inf
        x[7, 11] = np.nan
        assert not is_finite(x)
    assert is_finite(1e308)
    assert not is_finite(-np.inf)


def test_what_a_rule_makes_without_operations_is_seen():
    f = primitive(lambda x: x * 2)
    f.defvjp("x")(lambda y, x: lambda g: np.full(np.shape(x), np.inf))
    for g in (checked(grad(lambda x: np.sum(f(x)))), grad(checked(lambda x: np.sum(f(x))))):
        with pytest.raises(NonFiniteError):
            g(X)


def test_arithmetic_with_gradients_and_sums_of_cotangents_are_seen():
    huge = np.float32(3e38)
    f = lambda x: np.sum(x * huge) + np.sum(x * huge)
    with pytest.raises(NonFiniteError, match=r"its result holds inf at \[0\], made of constants alone"):
        checked(grad(f))(low([1e-3]))
    with pytest.raises(NonFiniteError, match="overflow"):
        checked(lambda x: np.tanh(grad(lambda x: np.sum(x**2))(x) * 1e200 * 1e200))(ONES)
    with pytest.raises(NonFiniteError, match="the sum of the cotangents that arrive at tanh_shrink"):
        grad(checked(lambda x: f(nn.tanh_shrink(x))))(low([1e-3]))


def test_the_values_are_those_of_the_function_to_the_bit():
    params = lenet5.init(random.key(0))
    x, labels = np.asarray(random.uniform(random.key(1), (8, 28, 28, 1))), np.arange(8)
    loss = lambda params, x: nn.cross_entropy(lenet5.apply(params, x), labels)
    value, gradient = value_and_grad(loss)(params, x)
    for f in (checked(value_and_grad(loss)), value_and_grad(checked(loss))):
        again, same = f(params, x)
        assert value == again
        for a, b in zip(tree.leaves(gradient), tree.leaves(same), strict=True):
            np.testing.assert_array_equal(a, b)
            assert type(b) is np.ndarray and b.flags.writeable and b.base is None


@pytest.mark.parametrize("key", package_primitives(differentiable=True))
@settings(max_examples=2)
@given(data=st.data())
def test_every_primitive_gives_the_same_bits_and_no_false_alarm(key, data):
    args, options = data.draw(CASES[key])
    f, xs = of_differentiated(key, args, options)
    rng = np.random.default_rng(0)
    g = tree.map(lambda leaf: np.asarray(rng.integers(-8, 8, np.shape(leaf)) / 8, leaf.dtype), f(*xs))

    def pulled(wrap):
        def pull(g, *xs):
            y, pullback = vjp(wrap(f), *xs)
            return y, pullback(g)

        return pull

    expected = pulled(lambda f: f)(g, *xs)
    if not all(is_finite(leaf) for leaf in tree.leaves((xs, expected)) if leaf.dtype.kind in "fc"):
        with pytest.raises(NonFiniteError):
            checked(pulled(lambda f: f))(g, *xs)
        return
    for ours in (checked(pulled(lambda f: f))(g, *xs), pulled(checked)(g, *xs)):
        for a, b in zip(tree.leaves(ours), tree.leaves(expected), strict=True):
            np.testing.assert_array_equal(a, b, strict=True)


def test_off_it_does_nothing():
    kept = []
    debug(kept.append)(X)
    assert kept[0] is X
    grad(debug(lambda x: (kept.append(x), np.sum(x))[1]))(X)
    assert type(kept[1]._trace) is Tape
    assert kept[1]._value is X
    checked(roots)(X)
    grad(lambda x: (kept.append(x), np.sum(x))[1])(X)  # and nothing stays switched on
    assert type(kept[2]._trace) is Tape


COST = """
import time
import numpy as np
from tinygrad_np import debug, nn, random, value_and_grad
from tinygrad_np.models import lenet5

loss = lambda params, x, labels: nn.cross_entropy(lenet5.apply(params, x), labels)
params = lenet5.init(random.key(0))
plain, inside = value_and_grad(loss), debug(value_and_grad(loss), non_finite=True)
outside = value_and_grad(debug(loss, non_finite=True))
for n in (32, 64):
    x, labels = np.asarray(random.uniform(random.key(1), (n, 28, 28, 1))), np.arange(n) % 10
    times = {f: [] for f in (plain, inside, outside)}
    for _ in range(300):
        for f, seen in times.items():
            start = time.perf_counter()
            f(params, x, labels)
            seen.append(time.perf_counter() - start)
    lowest = [np.sort(seen)[:30].mean() for seen in times.values()]
    print(*[t / lowest[0] for t in lowest[1:]])
"""


@pytest.mark.acceptance
def test_it_costs_less_than_a_fifth_of_a_step_of_lenet5():
    # BLAS as it is, for the variables of some machines slow the step down and so hide the cost
    environment = {k: v for k, v in os.environ.items() if k not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}
    best = np.full((2, 2), np.inf)
    for _ in range(5):  # a machine that does other things at the same time makes a ratio larger or smaller
        run = subprocess.run([sys.executable, "-c", COST], capture_output=True, text=True, check=True, env=environment)
        best = np.minimum(best, [list(map(float, line.split())) for line in run.stdout.splitlines()])
        if (best < 1.2).all():
            break
    assert (best < 1.2).all(), best  # rows: batches of 32 and 64; columns: debug(value_and_grad(f)), of debug(f)


def test_numpys_warnings_do_not_come_first_and_are_back_afterwards():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(NonFiniteError):
            checked(lambda x: 1 / x)(X)
    with pytest.warns(RuntimeWarning):
        np.log(np.zeros(1))
    assert debug(lambda x: 1 / (x + 1))(X)[0] == 0.2


def test_what_cannot_be_traced_says_why():
    with pytest.raises(TypeError, match=r"debug\(<lambda>\) traces the function as grad does; .* without float\(\)"):
        checked(lambda x: float(x))(1.0)
    kept = []
    checked(kept.append)(ONES)
    with pytest.raises(RuntimeError, match=r"a Tensor of debug\(append\) was used after that call ended"):
        kept[0] + 1


def test_both_checks_at_once():
    table = np.ones(1000)

    def loss(x):
        y = np.sum(x * table)
        table[7] = 0
        return y

    with pytest.raises(RuntimeError, match="changed in place"):
        debug(grad(loss), mutation=True, non_finite=True)(np.ones(1000))
    with pytest.raises(NonFiniteError):
        debug(grad(roots), mutation=True, non_finite=True)(X)


def divided(x, scale):
    return np.sum(scale / x)


ZERO_IN_EXAMPLE = np.array([[1.0, 2.0, 4.0], [3.0, 0.0, 4.0]])


@pytest.mark.parametrize(
    ("f", "args", "index"),
    [
        (vmap(checked(divided), (0, None)), (ZERO_IN_EXAMPLE, 2.0), (1, 1)),
        (vmap(checked(divided), (1, None)), (ZERO_IN_EXAMPLE.T, np.arange(1.0, 4)), (1, 1)),
        (vmap(checked(divided)), (ZERO_IN_EXAMPLE, np.array([2.0, 3.0])), (1, 1)),
        (vmap(vmap(checked(divided), (0, None)), (None, 0)), (ZERO_IN_EXAMPLE, np.ones(2)), None),
    ],
)
def test_under_vmap_the_elements_are_those_of_one_example(f, args, index):
    with pytest.raises(NonFiniteError, match=r"y = 0\.0 \(float64 .*division by 0; choose the divisor") as caught:
        f(*args)
    assert index is None or caught.value.index == index


@pytest.mark.parametrize("f", [vmap(checked(grad(roots))), vmap(grad(checked(roots)))])
def test_under_vmap_a_rule_is_told_from_an_overflow(f):
    with pytest.raises(NonFiniteError, match="the derivative sqrt' is infinite or undefined there"):
        f(np.array([[1.0, 4.0], [9.0, 0.0]]))


def test_a_division_in_a_rule_of_the_users_is_a_division():
    @custom_vjp
    def halved(x):
        return x / 2

    halved.defvjp(lambda x: (x / 2, x), lambda x, g: (g / (2 * x - 2 * x),))
    with pytest.raises(NonFiniteError, match=r"the backward pass of halved: divide gave inf.*: division by 0; choose"):
        checked(grad(lambda x: np.sum(halved(x))))(ONES)
    with pytest.raises(
        NonFiniteError, match=r"backward pass of halved gave inf.*: debug\(grad\(f\), non_finite=True\)"
    ):
        grad(checked(lambda x: np.sum(halved(x))))(ONES)


@pytest.mark.parametrize("axis", [0, 1])
def test_under_jvp_of_vmap_the_element_is_shown(axis):
    x = np.array([[1.0, 4.0, 9.0], [9.0, 0.0, 1.0]])
    with pytest.raises(NonFiniteError, match=r"the tangent pass of sqrt gave inf at \[1, 1\] from x = 0\.0 "):
        jvp(vmap(checked(np.sqrt), axis, axis), (x,), (np.ones((2, 3)),))


@pytest.mark.parametrize(
    ("f", "x", "cause"),
    [
        (np.log1p, -1.0, "log1p is infinite there, at a pole; choose the argument first"),
        (np.arctanh, 1.0, "arctanh is infinite there, at a pole; choose the argument first"),
        (primitive(lambda z: 1 / z), 0.0, None),
    ],
)
def test_a_pole_is_no_overflow(f, x, cause):
    with pytest.raises(NonFiniteError) as caught:
        checked(f)(np.array([x, 0.5]))
    assert (caught.value.cause or "").startswith(cause or "")
    assert (caught.value.cause is None) == (cause is None)
