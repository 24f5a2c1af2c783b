"""Every transform of every primitive: forward mode, all mixed second orders, vmap of each, in float64 and float32."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ops import batch_promises, promises
from tests.ops.cases import package_primitives
from tests.ops.promises import hold

DIFFERENTIABLE = package_primitives(differentiable=True)


@pytest.mark.parametrize("key", DIFFERENTIABLE)
@given(data=st.data())
def test_jvp_is_the_adjoint_of_vjp(key, data):
    hold(promises.jvp_is_the_adjoint_of_vjp, key, data)


@pytest.mark.parametrize("key", DIFFERENTIABLE)
@given(data=st.data())
def test_all_orders_of_two_derivatives_agree(key, data):
    hold(promises.all_orders_of_two_derivatives_agree, key, data)


@pytest.mark.parametrize("key", DIFFERENTIABLE)
@given(data=st.data())
def test_float32_stays_float32_forward(key, data):
    hold(promises.single_stays_single_forward, key, data)


@pytest.mark.parametrize("key", [key for key in package_primitives() if batch_promises.has_batches(key)])
@given(data=st.data())
def test_vmap_is_a_loop(key, data):
    hold(batch_promises.vmap_is_a_loop, key, data)


@pytest.mark.parametrize("key", [key for key in package_primitives() if batch_promises.has_batches(key)])
@given(data=st.data())
def test_none_and_one_are_batches(key, data):
    hold(batch_promises.none_and_one_are_batches, key, data)


@pytest.mark.parametrize("key", [key for key in package_primitives() if not batch_promises.has_batches(key)])
@given(data=st.data())
def test_a_shape_that_depends_on_values_is_refused(key, data):
    hold(batch_promises.a_shape_that_depends_on_values_is_refused, key, data)


@pytest.mark.parametrize("key", DIFFERENTIABLE)
@given(data=st.data())
def test_vmap_of_vjp_and_jvp_is_a_loop(key, data):
    hold(batch_promises.vmap_of_derivatives_is_a_loop, key, data)


@pytest.mark.parametrize("key", DIFFERENTIABLE)
@given(data=st.data())
def test_derivatives_of_vmap_are_a_loop(key, data):
    hold(batch_promises.derivatives_of_vmap_are_a_loop, key, data)
