"""The differences and their estimate of their own error, on functions whose derivatives are known."""

import numpy as np
import pytest

from tinygrad_np.testing.comparison import compare
from tinygrad_np.testing.differences import FIRST_STEP, complex_step, measure, refine
from tinygrad_np.testing.vectors import problem_of

# name: f, f', points
KNOWN = {
    "exp": (np.exp, np.exp, np.linspace(-20, 20, 41)),
    "sin": (np.sin, np.cos, np.linspace(-5, 5, 41)),
    "fast sin": (lambda x: np.sin(100 * x), lambda x: 100 * np.cos(100 * x), np.linspace(0.1, 3, 41)),
    "log": (np.log, lambda x: 1 / x, np.geomspace(1e-8, 1e8, 42)),
    "power": (lambda x: x**7, lambda x: 7 * x**6, np.linspace(-3, 3, 42)),
    "tanh": (np.tanh, lambda x: 1 / np.cosh(x) ** 2, np.linspace(-4, 4, 41)),
    "tiny": (lambda x: 1e-12 * np.sin(x), lambda x: 1e-12 * np.cos(x), np.linspace(-5, 5, 41)),
    "cancelling": (lambda x: (x + 1e4) ** 2 - 1e8, lambda x: 2 * (x + 1e4), np.linspace(-2, 2, 41)),
    "beside a pole": (lambda x: 1 / (x - 1), lambda x: -1 / (x - 1) ** 2, 1 + np.geomspace(0.02, 1, 41)),
    "witch": (lambda x: 1 / (1 + 25 * x * x), lambda x: -50 * x / (1 + 25 * x * x) ** 2, np.linspace(-1, 1, 42)),
}


def at(f, x):
    """The problem at a point, with the direction x for a unit."""
    return problem_of(f, (np.array([x]),)), np.array([x])


@pytest.mark.parametrize("name", KNOWN)
def test_the_error_is_no_larger_than_estimated_and_the_estimate_not_idle(name):
    f, derivative, points = KNOWN[name]
    for x in points:
        problem, u = at(f, x)
        e = measure(problem, u[None], FIRST_STEP)
        value, error, kinked = refine(problem, u)
        true = derivative(x) * x
        hidden = 1e8 * 2.0**-52 / FIRST_STEP if name == "cancelling" else 0  # inside f, where no estimate can look
        assert abs(e.value[0, 0] - true) <= e.error[0, 0] + hidden
        assert abs(value[0] - true) <= 4 * error[0]
        assert not kinked.any()
        assert error[0] <= 1e-5 * abs(true) + 1e-9 * abs(f(x))


def test_the_order_of_the_error_is_six():
    errors = []
    for h in (0.1, 0.05):
        problem, u = at(np.exp, 1.0)
        errors.append(abs(measure(problem, u[None], h).value[0, 0] - np.e))
    assert np.log2(errors[0] / errors[1]) == pytest.approx(6, abs=0.2)


@pytest.mark.parametrize("name", KNOWN)
def test_the_complex_step_is_exact_to_rounding_where_the_function_is_analytic(name):
    f, derivative, points = KNOWN[name]
    for x in points:
        problem, u = at(f, x)
        value, error = complex_step(problem, u)
        assert abs(value[0] - derivative(x) * x) <= error[0] + 1e-13 * abs(derivative(x) * x)
        assert error[0] <= 1e-13 * abs(value[0])


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.arctan2(x, 1.0),  # refuses complex numbers
        lambda x: np.abs(x) * 1.0,  # returns real ones
        lambda x: np.asarray(x, np.float64) ** 2,  # warns
        lambda x: np.exp(1j * x),  # is complex itself
    ],
)
def test_no_complex_step_where_it_means_nothing(f):
    assert complex_step(*at(f, 0.5)) is None


def test_a_complex_step_that_disagrees_is_not_believed():
    lies = lambda x: x * (1.0 + 0.5j) - 0.5j * np.real(x)  # real on the line, but not analytic
    problem, _ = at(lambda x: lies(x) if np.iscomplexobj(x) else np.sin(50 * x) / 50, 0.0078125)
    outcome = compare(problem, np.random.default_rng(0), 2)
    assert outcome.expected[0, 0] == pytest.approx(np.cos(50 / 128) / 128, rel=1e-6)


def test_the_complex_step_narrows_the_tolerance():
    steep = lambda x: 1e6 + np.sin(300 * x)
    analytic, _ = at(steep, 1.0)
    refusing, _ = at(lambda x: np.arctan2(steep(x), 0.0) * 0 + steep(x), 1.0)
    wide, narrow = (compare(p, np.random.default_rng(0), 2).tolerance[0, 0] for p in (refusing, analytic))
    assert narrow < wide / 10
