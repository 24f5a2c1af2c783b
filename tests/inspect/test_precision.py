"""precision: which operation loses how many digits, forward and backward, against closed forms in float64."""

import inspect
import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ops.cases import CASES, package_primitives
from tests.ops.cases.calls import of_differentiated
from tinygrad_np import checkpoint, custom_vjp, grad, nn, primitive, random, stop_gradient, tree, value_and_grad
from tinygrad_np.inspect.precision import precision
from tinygrad_np.models import lenet5

RNG = np.random.default_rng(0)
FAR = (1000 + RNG.normal(size=(100, 8))).astype(np.float32)
UNIT = 2.0**-24


def tiny(n=50):
    return RNG.uniform(1e-4, 2e-4, n).astype(np.float32)


CANCELLING = {
    "1 - cos": (lambda x: np.sum(1 - np.cos(x)), tiny() * 10, "subtract", 4, r"catastrophic cancellation: .* 2 \* np.sin\(x / 2\) \*\* 2"),
    "variance": (lambda x: np.sum(np.mean(x**2, axis=0) - np.mean(x, axis=0) ** 2), FAR, "subtract", 5, r"np.var\(x\)"),
    "variance of products": (lambda x: np.sum(np.mean(x * x, axis=0) - np.square(np.mean(x, axis=0))), FAR, "subtract", 5, r"np.var\(x\)"),
    "log(1 + tiny)": (lambda x: np.sum(np.log(1 + x)), tiny(), "log", 3, r"write np.log1p\(x\)"),
    "exp - 1": (lambda x: np.sum(np.exp(x) - 1), tiny(), "subtract", 3, r"np.expm1\(x\)"),
    "1 - sigmoid": (lambda x: np.sum(1 - nn.sigmoid(x)), np.float32([12, 13, 14]), "subtract", 4, r"nn.sigmoid\(-x\)"),
    "roots": (lambda x: np.sum(np.sqrt(1 + x) - np.sqrt(1 - x)), tiny(), "subtract", 3, r"\(a - b\) / \(np.sqrt\(a\) \+ np.sqrt\(b\)\)"),
    "logs": (lambda x: np.sum(np.log(2 + x) - np.log(2 - x)), tiny(), "subtract", 3, r"np.log1p\(\(a - b\) / b\)"),
    "log of sigmoid": (lambda x: np.sum(np.log(nn.sigmoid(x))), np.float32([12, 13, 14]), "log", 3, r"-nn.softplus\(-x\)"),
    "log of softmax": (lambda x: np.log(nn.softmax(x)[0]), np.float32([14, 0, 1]), "log", 3, r"nn.log_softmax\(x\)"),
    "large angle": (lambda x: np.sum(np.sin(1e4 * x)), 1 + tiny(), "sin", 3, "sin multiplies an error by the size of its argument"),
    "other difference": (lambda x: np.sum(np.tanh(x) - np.arctan(x)), tiny(), "subtract", 3, "subtract what the terms have in common first"),
}  # fmt: skip


@pytest.mark.parametrize("name", CANCELLING)
def test_what_loses_digits_is_found_with_its_line_and_remedy(name):
    f, x, operation, digits, advice = CANCELLING[name]
    report = precision(f)(x)
    row = next(row for row in report.rows if not row.of)  # the forward operation that loses most
    assert row.operation == operation
    assert row.lost > digits
    assert row.line == f"{__file__}:{inspect.getsourcelines(f)[1]}"
    assert re.search(advice, row.cause), row.cause
    # the error is that of the whole run against one in float64
    exact = f(x.astype(np.float64))
    error = abs(f(x) - exact) / abs(exact)
    assert report.outcomes[0].name == "result"
    assert report.outcomes[0].error == pytest.approx(error, rel=1e-3, abs=1e-12)
    assert report.outcomes[0].digits == pytest.approx(min(24 * math.log10(2), -math.log10(error)), abs=0.01)


def test_the_remedies_help():
    for worse, better, x in (
        (lambda x: np.sum(1 - np.cos(x)), lambda x: np.sum(2 * np.sin(x / 2) ** 2), tiny() * 10),
        (lambda x: np.sum(np.log(1 + x)), lambda x: np.sum(np.log1p(x)), tiny()),
        (lambda x: np.sum(np.exp(x) - 1), lambda x: np.sum(np.expm1(x)), tiny()),
        (lambda x: np.sum(np.mean(x**2, 0) - np.mean(x, 0) ** 2), lambda x: np.sum(np.var(x, 0)), FAR),
    ):
        assert precision(better)(x).outcomes[0].digits > precision(worse)(x).outcomes[0].digits + 2


def test_the_backward_pass_is_compared_as_well():
    f = lambda x: np.sum(np.log(1 - nn.sigmoid(x)))
    x = np.linspace(5, 12, 5).astype(np.float32)
    report = precision(f)(x)
    of_log = next(row for row in report.rows if row.of == "log")
    assert (of_log.operation, of_log.direction, of_log.lost > 1) == ("divide", "backward", True)
    got, exact = grad(f)(x), grad(f)(x.astype(np.float64))
    error = np.linalg.norm(got - exact) / np.linalg.norm(exact)
    (outcome,) = [o for o in report.outcomes if o.name == "gradient of x"]
    assert outcome.error == pytest.approx(error, rel=1e-3)


def test_rounding_is_what_the_operation_adds_itself():
    x, y = (RNG.normal(size=1000).astype(np.float32) for _ in range(2))
    report = precision(lambda x, y: (x * y) * y)(x, y)
    first, second = [row for row in report.rows if not row.of]
    wide = x.astype(float) * y
    rounded = (x * y).astype(float)
    expected = np.linalg.norm(rounded - wide) / np.linalg.norm(wide)
    assert min(first.rounding, second.rounding) > 0.1 * UNIT
    assert max(first.rounding, second.rounding) < UNIT
    assert any(
        row.rounding == pytest.approx(expected) and row.error == pytest.approx(expected) for row in (first, second)
    )
    sums = precision(lambda x: np.cumsum(x))(np.full(30_000, 0.1, np.float32))
    assert sums.rows[0].operation == "cumsum"
    assert sums.rows[0].cause.startswith("it rounds itself")


def test_a_network_loses_little_and_the_outcomes_are_named():
    params = lenet5.init(random.key(0))
    images = np.asarray(random.uniform(random.key(1), (4, 28, 28, 1)))
    loss = lambda params, x, labels: nn.cross_entropy(lenet5.apply(params, x), labels)
    labels = np.arange(4)
    report = precision(loss, "params")(params, x=images, labels=labels)
    assert [o.name for o in report.outcomes][:2] == ["result", "gradient of params['conv1']['w']"]
    assert len(report.outcomes) == 11
    assert min(o.digits for o in report.outcomes) > 5.5
    assert max(row.lost for row in report.rows) < 1.5
    wide = [{k: {n: a.astype(float) for n, a in v.items()} for k, v in params.items()}, images.astype(float), labels]
    (value, gradient), (exact, exact_gradient) = (value_and_grad(loss)(*a) for a in ((params, images, labels), wide))
    assert report.outcomes[0].error == pytest.approx(abs(value - exact) / exact, rel=0.01, abs=1e-9)
    got, expected = gradient["conv2"]["w"], exact_gradient["conv2"]["w"]
    by_name = {o.name: o.error for o in report.outcomes}
    error = np.linalg.norm(got - expected) / np.linalg.norm(expected)
    assert by_name["gradient of params['conv2']['w']"] == pytest.approx(error, rel=0.05)


def test_the_text():
    text = repr(precision(lambda x: 1 - np.cos(x))(np.float32(1e-3)))
    assert text.startswith("precision(<lambda>): 5 operations, compared with float64\n  result         ")
    assert "digits are right (error " in text
    assert "subtract float32 () at " in text
    assert text.endswith("operations lose less")
    calm = repr(precision(lambda x: 2 * x)(np.float32(3)))
    assert "  result         exact\n" in calm
    assert calm.endswith("no operation loses 0.5 digits")


def test_decisions_stay_those_of_the_run():
    # in float64 the sum is below 1, in float32 it is 1: both runs must take the same branch
    x = np.full(3, 1 / 3, np.float32)
    below = np.nextafter(np.float32(1), np.float32(0))
    f = lambda x: np.sum(np.where(x + x + x >= 1, 5 * x, 7 * x)) + np.floor(x * 3)[0] + np.sort(x)[np.argmax(x)]
    assert below < 1
    assert precision(f)(x).outcomes[0].digits > 6


def test_casts_constants_and_all_kinds_of_operations_go_along():
    weights = RNG.normal(size=(8, 3)).astype(np.float32)

    def f(x):
        y = (x @ weights).astype(np.float16).astype(np.float32)
        y = checkpoint(np.tanh)(y) + stop_gradient(np.mean(y))
        first, *_ = np.split(y, 3, axis=1)
        return np.sum(first * np.ones(1, np.float32)) + 0.5

    report = precision(f)(RNG.normal(size=(4, 8)).astype(np.float32))
    cast = next(row for row in report.rows if row.dtype == np.float16)
    assert 2.0**-14 < cast.error < 2.0**-10
    assert cast.lost > 2
    assert cast.cause.startswith("it rounds itself")
    assert 2 < report.outcomes[0].digits < 5


def test_custom_rules_and_operations_for_one_dtype_only():
    twice = custom_vjp(lambda x: x * 2)
    twice.defvjp(lambda x: (x * 2, None), lambda r, g: (g * 2,))
    assert precision(lambda x: np.sum(twice(x)))(FAR).outcomes[0].digits > 6

    @primitive
    def narrow(x):
        if x.dtype != np.float32:
            raise TypeError("float32 only")
        return x * 2

    narrow.defvjp("x")(lambda y, x: lambda g: g * 2)
    assert precision(lambda x: np.sum(narrow(x)))(FAR).outcomes[0].digits > 6


def test_complex_numbers_trees_and_functions_without_a_gradient():
    z = (RNG.normal(size=9) + 1j * RNG.normal(size=9)).astype(np.complex64)
    assert precision(lambda z: {"y": np.exp(z), "n": 3})(z).outcomes[0].digits > 5
    report = precision(lambda i, x: np.sum(x[i]) * 1.5)(np.array([0, 2]), np.float32([0.1, 0.2, 0.3]))
    assert [o.name for o in report.outcomes] == ["result"]
    assert [o.name for o in precision(lambda x: x > 0)(FAR).outcomes] == ["result"]
    assert precision(lambda x: np.sum(x))(np.zeros(0, np.float32)).outcomes[0].error == 0


@pytest.mark.parametrize("key", package_primitives(differentiable=True))
@settings(max_examples=2)
@given(data=st.data())
def test_the_error_of_every_primitive_is_that_against_float64(key, data):
    args, options = data.draw(CASES[key])
    f, xs = of_differentiated(key, args, options)
    if not xs or any(np.asarray(x).dtype != np.float64 or np.size(x) == 0 for x in xs):
        return
    narrow = [np.asarray(x, np.float32) for x in xs]
    with np.errstate(all="ignore"):
        report = precision(lambda xs: f(*xs))(narrow)
        got, exact = tree.leaves(f(*narrow)), tree.leaves(f(*[x.astype(np.float64) for x in narrow]))
    for outcome, y, y64 in zip(report.outcomes, got, exact, strict=False):  # the gradients follow
        if y.dtype == np.float32 and np.isfinite(y64).all() and np.linalg.norm(y64):
            error = np.linalg.norm(np.ravel(y - y64)) / np.linalg.norm(np.ravel(y64))
            assert outcome.error == pytest.approx(error, rel=1e-6, abs=1e-15)
            assert outcome.error < 1e-3


def test_what_is_not_finite_is_no_loss_of_digits():
    report = precision(lambda x: np.log(x) * 0)(np.float32([0, 1]))
    assert all(row.lost == 0 for row in report.rows)
    assert np.isnan(report.outcomes[0].error)
    assert "error nan" in repr(report)


@pytest.mark.parametrize(
    ("f", "x", "operation", "cause"),
    [
        (lambda x: np.sum(np.exp(x)), np.float32([100, 1]), "exp", "overflow of float32, beyond 3.40e\\+38; scale"),
        (lambda x: np.sum(1 / np.exp(x)), np.float16([12, 1]), "exp", "overflow of float16, beyond 6.55e\\+04; scale"),
        (
            lambda x: np.sum((x * 1e-4) ** 2),
            np.ones(3, np.float16),
            "power",
            "underflow of float16: below 6.0e-08 is 0",
        ),
    ],
)
def test_what_leaves_the_range_of_its_dtype_has_lost_all_digits(f, x, operation, cause):
    with np.errstate(all="ignore"):
        report = precision(f)(x)
    row = report.rows[0]
    assert row.operation == operation
    assert row.lost == pytest.approx(-math.log10(float(np.finfo(x.dtype).eps) / 2), abs=0.01)
    assert re.match(cause, row.cause)


def test_a_gradient_that_ought_to_be_zero_has_lost_all_digits():
    report = precision(lambda x: np.sum(((1 + x) - 1) / x))(np.float32([1e-5]))
    assert report.outcomes[1].digits == 0
    assert [row.operation for row in report.rows if row.error == math.inf and row.lost > 2] == ["add"]


def test_an_infinity_that_is_meant_is_no_loss_and_costs_no_warning():
    report = precision(lambda x: np.where(np.array([True, False]), x, -np.inf) * 3)(np.float32([0.1, 0.2]))
    assert report.outcomes[0].digits > 6
    assert all(row.lost == 0 for row in report.rows if not row.of)


def test_what_is_taken_out_of_a_large_array_is_named():
    report = precision(lambda x: -np.log(nn.softmax(x))[0])(np.float32([20, 1, 0]))
    assert report.rows[0].operation == "getitem"
    assert report.rows[0].cause.startswith("what it takes out is small beside the rest of its operand")


def test_what_is_float64_already_is_refused():
    with pytest.raises(
        ValueError, match=r"precision\(<lambda>\): no argument holds float32 or float16 arrays; convert"
    ):
        precision(lambda x: x)(np.ones(2))


def test_inside_of_a_transform_it_is_refused():
    with pytest.raises(
        TypeError, match=r"^precision\(<lambda>\): an argument is a Tensor of grad\(<lambda>\); ask about"
    ):
        grad(lambda x: precision(lambda w: np.sum(w * 0))(x) and 1.0)(np.float32([1, 2]))
