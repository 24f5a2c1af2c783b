"""The gradient checker on right rules: no false alarms, and honest where it cannot tell."""

import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np.testing import check_grads, check_vjp

RNG = np.random.default_rng(0)


def test_works_without_hypothesis():
    code = "import sys; sys.modules['hypothesis'] = None; import tinygrad_np.testing"
    subprocess.run([sys.executable, "-c", code], check=True)


FUNCTIONS = {
    "softmax": lambda x, y: np.exp(x - np.max(x)) / np.sum(np.exp(x - np.max(x))) * y,
    "standardise": lambda x, y: (x - np.mean(x)) / np.sqrt(np.var(x) + 1e-5) * y,
    "trees": lambda x, y: {"a": np.tanh(x), "b": [x[0] * y, np.sum(y**3)]},
    "cancelling": lambda x, y: (x + 1e4) ** 2 - 1e8 + y,
    "coarse": lambda x, y: (1e6 + np.sin(x)) - 1e6 + y,
    "steep": lambda x, y: np.sin(300 * x) + y,
    "complex": lambda x, y: np.exp(1j * x) * y,
    "where": lambda x, y: np.where(x > 0.3, x**2, y * x),
    "constant in x": lambda x, y: np.sign(x) * y,
}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_false_alarms(name, seed):
    rng = np.random.default_rng(seed)
    assert check_grads(FUNCTIONS[name], (rng.normal(size=5), rng.normal(size=5)), seed=seed).passed


@pytest.mark.parametrize("name", ["softmax", "standardise", "trees", "where"])
def test_no_false_alarms_in_large_inputs(name):
    assert check_grads(FUNCTIONS[name], (RNG.normal(size=60), RNG.normal(size=60))).passed


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.complex64])
@pytest.mark.parametrize("order", [1, 2])
def test_low_precision(dtype, order):
    x, w = RNG.normal(size=(3, 4)).astype(dtype), RNG.normal(size=(4, 2)).astype(dtype)
    assert check_grads(lambda x, w: np.tanh(x @ w), (x, w), order=order).passed


@pytest.mark.parametrize("view", [np.s_[::-1], np.s_[:, ::2], np.s_[1:2], np.s_[:0], np.s_[..., None, :, 0]])
def test_views(view):
    assert check_grads(lambda x: x * np.sin(x), (RNG.normal(size=(3, 4))[view],)).passed


def test_scalars_and_constant_arguments():
    assert check_grads(lambda x: x**2 * np.float64(3), (2.0,)).passed
    assert check_grads(lambda x: np.exp(x), (np.array(0.5),)).passed
    labels = np.array([0, 2])
    report = check_grads(lambda p, i, name: {"y": p["w"][i] ** 2, name: i}, ({"w": RNG.normal(size=3)}, labels, "i"))
    assert report.passed


def test_the_same_seed_gives_the_same_report():
    x = RNG.normal(size=40)
    assert check_vjp(np.sin, (x,), seed=3) == check_vjp(np.sin, (x,), seed=3)


KINKS = {
    "absolute": (np.abs, [0.0, 1.0, -2.0], "x[0]"),
    "relu": (lambda x: np.maximum(x, 0), [1.0, 0.0, -1.0], "x[1]"),
    "max": (lambda x: np.max(x), [1.0, 2.0, 2.0], "x[1], x[2]"),
    "jump of the gradient": (lambda x: x * np.maximum(x, 0), [1.0, 0.0], "x[1]"),
    "root": (np.sqrt, [4.0, 0.0], "x[1]"),
    "end of the domain": (np.arccos, [0.5, 1.0], "x[1]"),
}


@pytest.mark.parametrize("name", KINKS)
@pytest.mark.parametrize("size", [0, 40])
def test_kinks_are_reported_as_such(name, size):
    f, values, where = KINKS[name]
    x = np.array(values + [0.25 + k / 128 for k in range(size)])
    report = check_grads(f, (x,))
    assert report.verdict.startswith(f"cannot tell: kink at {where}")
    assert ", ".join(kink for kink in report.kinks if kink.startswith("x")) == where
    assert not report.unresolved
    assert not report.passed
    with pytest.raises(AssertionError, match="kink"):
        check_grads(f, (x,), strict=True)


def test_everything_at_a_kink():
    assert check_vjp(lambda *args: abs(args[0]), (0.0,)).verdict == "cannot tell: kink at args[0]"


@pytest.mark.parametrize("of", [lambda y: y, np.sum])
@pytest.mark.parametrize("size", [5, 60])
def test_a_wrong_rule_beside_a_kink_is_caught(of, size):
    relu = tg.primitive(lambda x: np.maximum(x, 0))
    relu.defvjp("x")(lambda y, x: lambda g: g * (x > 0) * 1.001)
    x = np.arange(size) / 8 - 0.25
    with pytest.raises(AssertionError, match=r"1\.001 times too large"):
        check_vjp(lambda x: of(relu(x)), (x,))


@pytest.mark.parametrize("distance", [1 / 8, 1e-3, 1e-5])
def test_near_a_kink_the_step_shrinks(distance):
    assert check_grads(np.abs, (np.array([distance, -distance, 3.0]),)).passed
    assert check_grads(lambda x: np.abs(x - 1), (np.array([1 + distance]),)).passed


def test_rounding():
    wide = check_vjp(lambda x: 1e6 + 1e-3 * np.sin(x), (np.array([1.0, 2.0]),))
    assert wide.passed
    assert 1e-9 < wide.worst < 1e-4
    hidden = check_vjp(lambda x: 1e12 + 1e-3 * np.sin(x), (np.array([1.0, 2.0]),))
    assert hidden.verdict == "cannot tell: rounding hides the derivative with respect to x"
    with pytest.raises(AssertionError, match="rounding"):
        check_vjp(lambda x: 1e12 + 1e-3 * np.sin(x), (np.array([1.0, 2.0]),), strict=True)


def test_a_zero_that_cannot_be_told_from_rounding_is_not_a_pass():
    zeroed = tg.primitive(lambda x: 1e12 + 1e-3 * np.sin(x))
    zeroed.defvjp("x")(lambda y, x: lambda g: 0 * g)
    assert check_vjp(zeroed, (np.array([1.0, 2.0]),)).unresolved == ("x",)
    assert check_vjp(lambda x, y: x + y, (np.array([1e-20]), np.array([1.0]))).unresolved == ("x",)


def test_cancelling_derivatives_are_no_alarm():
    report = check_grads(lambda x: np.sum(np.exp(x) / np.sum(np.exp(x))), (RNG.normal(size=(3, 4)),))
    assert report.verdict.startswith("cannot tell: rounding")
    assert check_grads(lambda x, b: np.std(x + b), (RNG.normal(size=5), np.array(0.5))).passed


def test_errors_name_what_is_wrong():
    x = np.array([1.0, 2.0])
    with pytest.raises(TypeError, match="returns no floating-point or complex array, but bool"):
        check_vjp(lambda x: x > 0, (x,))
    with pytest.raises(TypeError, match="no argument has a floating-point"):
        check_vjp(lambda x: x * 2, (np.arange(3),))
    with pytest.raises(TypeError, match="args is a tuple"):
        check_vjp(lambda x: x * 2, x)
    with pytest.raises(ValueError, match="order is at least 1"):
        check_grads(lambda x: x * 2, (x,), order=0)
    with pytest.raises(ValueError, match=r"value must be finite .* output\[0\] = inf"):
        check_vjp(lambda x: np.exp(1000 * x), (x,))
    with pytest.raises(ValueError, match=r"arguments must be finite .* x\[1\] = nan"):
        check_vjp(lambda x: x * 2, (np.array([1.0, np.nan]),))
    with pytest.raises(ValueError, match="not deterministic"):
        check_vjp(lambda x: x * RNG.normal(), (x,))


def test_a_large_input_takes_memory_for_its_directions_only():
    n = 50_000  # a square matrix of this size would take 20 GB
    tracemalloc.start()
    try:
        check_grads(lambda x: np.sum(np.sin(x)), (np.linspace(-1, 1, n),))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1000 * 8 * n
