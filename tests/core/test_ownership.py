"""Gradients are the user's own: nothing else holds them, and no array that anyone holds is ever written."""

import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ops.cases import CASES, package_primitives
from tests.ops.cases.calls import of_differentiated
from tinygrad_np import custom_vjp, grad, nn, primitive, value_and_grad, vjp
from tinygrad_np.core.primitive import registry

FRESH = [key for key in package_primitives(differentiable=True) if registry[key].fresh]


def test_the_products_are_among_the_fresh_operations():
    assert {"tinygrad_np.ops.linalg.matmul_op", "tinygrad_np.ops.dense.affine_op"} <= set(FRESH)


def pullback_of(op, args, options):
    """The pullbacks of all float arguments, as a function that returns what they return."""
    args = [np.asarray(x) for x in args]
    y = op(*args, **options)
    places = [i for i, x in enumerate(args) if x.dtype.kind in "fc"]
    if op.joint:
        return lambda g: list(op.joint[1](y, *args, **options)(g)), y
    pulls = [op.pullback(i, y, args, options) for i in places if op.variadic or i in op.vjps]
    return lambda g: [pull(g) for pull in pulls], y


@pytest.mark.parametrize("key", FRESH)
@given(data=st.data())
def test_what_a_fresh_operation_returns_nobody_else_holds(key, data):
    op = registry[key]
    args, options = data.draw(CASES[key])
    pull, y = pullback_of(op, args, options)
    outputs = y if isinstance(y, tuple) else (y,)
    g = tuple(np.ones_like(v) for v in outputs) if isinstance(y, tuple) else np.ones_like(y)
    dropped = [weakref.ref(bar) for bar in pull(g) if isinstance(bar, np.ndarray)]
    assert all(ref() is None for ref in dropped)
    bars, again = pull(g), pull(g)
    own = [bar for bar in bars if isinstance(bar, np.ndarray) and bar.base is None]
    others = [v for v in (*args, *outputs, *(g if isinstance(g, tuple) else (g,)), *again) if v is not None]
    for i, bar in enumerate(own):
        assert bar.flags.writeable
        assert not any(np.shares_memory(bar, other) for other in (*others, *own[:i]))


@pytest.mark.parametrize("key", package_primitives(differentiable=True))
@settings(max_examples=3)
@given(data=st.data())
def test_gradients_may_be_written_to(key, data):
    """A second call of one pullback, after the first's results were overwritten, gives the same bits."""
    args, options = data.draw(CASES[key])
    f, xs = of_differentiated(key, args, options)
    y, pullback = vjp(f, *xs)
    g = tuple(np.ones_like(v) for v in y) if isinstance(y, tuple) else np.ones_like(y)
    first = pullback(g)
    kept = [np.array(bar) for bar in first]
    for bar in first:
        if isinstance(bar, np.ndarray):
            bar[...] = 7
    for before, bar in zip(kept, pullback(g), strict=True):
        np.testing.assert_array_equal(bar, before)


def test_what_a_users_rule_returns_is_copied_and_not_written():
    held = np.full(3, 2.0)
    f = custom_vjp(lambda x: np.sum(x))
    f.defvjp(lambda x: (np.sum(x), None), lambda _, g: (held,))
    for loss in (f, lambda x: f(x) + f(x), lambda x: f(x) + np.sum(x @ np.eye(3))):
        gradient = grad(loss)(np.ones(3))
        assert not np.shares_memory(gradient, held)
        gradient += 1
        np.testing.assert_array_equal(held, 2)


def test_what_the_rule_of_a_users_primitive_holds_is_copied():
    held = np.full(3, 2.0)
    op = primitive(lambda x: np.sum(x))
    op.defvjp("x")(lambda y, x: lambda g: held)
    assert not np.shares_memory(grad(op)(np.ones(3)), held)


def test_a_shared_cotangent_is_not_shared_by_the_gradients():
    x, y = np.ones((4, 3)), np.ones((4, 3))
    gx, gy = grad(lambda x, y: np.sum((x + y) @ np.ones((3, 2))), argnums=(0, 1))(x, y)
    assert not np.shares_memory(gx, gy)
    seed = np.ones((4, 2))
    (bar,) = vjp(lambda x: x, np.ones((4, 2)))[1](seed)
    assert not np.shares_memory(bar, seed)


def test_weights_used_twice_and_the_arrays_of_the_layer_stay_as_they_are():
    rng = np.random.default_rng(0)
    x, w, b = (rng.standard_normal(shape) for shape in ((4, 3), (3, 3), (3,)))
    before = [v.copy() for v in (x, w, b)]
    loss = lambda w, b: np.sum(nn.dense(nn.dense(x, w, b), w, b))
    _, (gw, gb) = value_and_grad(loss, argnums=(0, 1))(w, b)
    ones = np.ones((4, 3))
    np.testing.assert_allclose(gw, x.T @ (ones @ w.T) + (x @ w + b).T @ ones, rtol=1e-12)
    np.testing.assert_allclose(gb, (ones @ w.T).sum(0) + 4, rtol=1e-12)
    for old, now in zip(before, (x, w, b), strict=True):
        np.testing.assert_array_equal(now, old)
    gw[...], gb[...] = 0, 0
    np.testing.assert_array_equal(w, before[1])
