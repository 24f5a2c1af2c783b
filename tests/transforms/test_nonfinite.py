"""debug(f, non_finite=True): where a value that is not finite was born."""

import inspect
import re
import warnings

import numpy as np
import pytest

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
    value_and_grad,
    vjp,
    vmap,
)
from tinygrad_np.models import lenet5
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
    "matmul": (lambda x: x @ x, np.full((2, 2), 1e200), "matmul", (0, 0), r"from x \(float64 \(2, 2\)\), y .*overflow"),
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
        NonFiniteError, match=r"^the backward pass of <lambda>: divide gave inf .*: the derivative <lambda>'"
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
