"""Every primitive through compile: the values of the function itself, for other arguments than the recorded ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ops.cases import CASES, package_primitives
from tests.ops.cases.calls import of_differentiated
from tinygrad_np import compile, tree, vjp
from tinygrad_np.core.primitive import registry

FEW = settings(max_examples=max(2, settings().max_examples // 8))


def outcome(f, *args):
    """What a call gives: its results, or the kind of its error."""
    try:
        return f(*args)
    except Exception as error:
        return type(error)


def turned(x):
    """An array with the same elements in the reverse order, and in C order."""
    return np.ascontiguousarray(np.ravel(x)[::-1]).reshape(np.shape(x)) if isinstance(x, np.ndarray) else x


def assert_same(ours, expected):
    if isinstance(expected, type):
        assert ours is expected
        return
    assert not isinstance(ours, type), ours
    assert tree.structure(ours) == tree.structure(expected)
    for a, b in zip(tree.leaves(ours), tree.leaves(expected), strict=True):
        assert np.asarray(a).dtype == np.asarray(b).dtype
        if np.asarray(a).dtype.kind in "fc":  # NumPy's loops for strided and contiguous arrays may round differently
            np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-14)
        else:
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("key", package_primitives(differentiable=False))
@FEW
@given(data=st.data())
def test_values_are_those_of_the_primitive(key, data):
    args, options = data.draw(CASES[key])

    def f(*xs):
        return registry[key](*xs, **options)

    compiled = compile(f)
    for again in (args, args, [turned(x) for x in args], args):
        expected, ours = outcome(f, *again), outcome(compiled, *again)
        if ours is TypeError and not isinstance(expected, type):  # the one allowed: a shape that depends on values
            assert tree.map(np.shape, expected) != tree.map(np.shape, f(*args))
        else:
            assert_same(ours, expected)


@pytest.mark.parametrize("key", package_primitives(differentiable=True))
@FEW
@given(data=st.data())
def test_values_and_derivatives_are_those_of_the_primitive(key, data):
    args, options = data.draw(CASES[key])
    draws = np.random.default_rng(data.draw(st.integers(0, 99)))

    def pulled(g, *args):
        f, xs = of_differentiated(key, args, options)
        y, pullback = vjp(f, *xs)
        return registry[key](*args, **options), y, pullback(g)

    f, xs = of_differentiated(key, args, options)
    g = tree.map(lambda leaf: np.asarray(draws.integers(-8, 8, np.shape(leaf)) / 8, leaf.dtype), f(*xs))
    compiled = compile(pulled)
    for again in (args, args, [turned(x) for x in args], args):
        assert_same(outcome(compiled, g, *again), outcome(pulled, g, *again))
        g = tree.map(turned, g)
