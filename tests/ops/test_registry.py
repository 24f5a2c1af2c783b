"""The registry drives the suite: every primitive of the package, drawn from its strategy, keeps every promise.

What the promises are stands in `promises`; how well they find mistakes is measured by `tests.mutants`.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ops import promises
from tests.ops.cases import CASES, package_primitives
from tests.ops.cases.ties import TIES
from tests.ops.promises import hold
from tinygrad_np.core.primitive import registry

DIFFERENTIABLE = package_primitives(differentiable=True)
LINEAR = [key for key in DIFFERENTIABLE if registry[key].linear]


def test_every_primitive_has_a_strategy_and_every_strategy_a_primitive():
    keys = set(package_primitives())
    assert keys - set(CASES) == set(), "a primitive without a strategy in tests/ops/cases.py cannot be merged"
    assert set(CASES) - keys == set(), "a strategy for a primitive that is not declared"


def test_every_primitive_is_documented():
    assert [key for key in package_primitives(differentiable=True) if not registry[key].__doc__] == []


@pytest.mark.parametrize("key", DIFFERENTIABLE)
@given(data=st.data())
def test_vjp_and_its_vjp_against_finite_differences(key, data):
    hold(promises.vjp_of_vjp_is_what_differences_say, key, data)


@pytest.mark.parametrize("key", LINEAR)
@given(data=st.data())
def test_multilinear_primitives_are_adjoint_to_the_last_bit(key, data):
    hold(promises.multilinear_is_adjoint_to_the_last_bit, key, data)


@pytest.mark.parametrize("key", DIFFERENTIABLE)
@given(data=st.data())
def test_float32_stays_float32_and_an_input_used_twice_sums(key, data):
    hold(promises.single_stays_single_and_used_twice_sums, key, data)


@pytest.mark.parametrize("key", [key for key in TIES if key in registry])
def test_conventions_at_ties_kinks_and_poles(key):
    promises.conventions_hold(key, (), {}, np.random.default_rng(0))


@pytest.mark.parametrize("key", package_primitives(differentiable=False))
@given(data=st.data())
def test_functions_without_derivative_are_constants_to_grad(key, data):
    hold(promises.nothing_reaches_the_arguments, key, data)
