"""The registry drives the suite: every primitive of the package, drawn from its strategy, keeps every promise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ops.cases import CASES, package_primitives
from tests.ops.cases.calls import differentiated, of_differentiated
from tinygrad_np import vjp
from tinygrad_np.core.primitive import registry
from tinygrad_np.testing import check_grads

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
    args, options = data.draw(CASES[key])
    f, xs = of_differentiated(key, args, options)
    check_grads(f, xs, order=2)


def _pairing(a, b):
    return np.sum(np.real(np.asarray(a) * np.asarray(b)))


@pytest.mark.parametrize("key", LINEAR)
@given(data=st.data())
def test_multilinear_primitives_are_adjoint_to_the_last_bit(key, data):
    args, options = data.draw(CASES[key])
    f, xs = of_differentiated(key, args, options)
    y, pullback = vjp(f, *xs)
    g = data.draw(st.integers(0, 2**32 - 1).map(lambda s: np.random.default_rng(s).integers(-16, 17, np.shape(y)) / 8))
    linear = registry[key].linear
    for place, x, x_bar in zip(differentiated(key, args), xs, pullback(g), strict=True):
        if place in linear or -1 in linear:
            assert _pairing(g, y) == _pairing(x_bar, x)


@pytest.mark.parametrize("key", DIFFERENTIABLE)
@given(data=st.data())
def test_float32_stays_float32_and_an_input_used_twice_sums(key, data):
    args, options = data.draw(CASES[key])
    if options.get("dtype") is not None:
        options = options | {"dtype": np.dtype(np.float32)}
    f, xs = of_differentiated(key, args, options)
    low = [x.astype(np.complex64 if np.iscomplexobj(x) else np.float32) for x in xs]
    args32 = [x.astype(np.float32) if np.asarray(x).dtype == np.float64 else x for x in args]
    f32, _ = of_differentiated(key, args32, options)
    y, pullback = vjp(f32, *low)
    for leaf in y if isinstance(y, tuple) else (y,):
        assert np.asarray(leaf).dtype.itemsize == 4 or np.asarray(leaf).dtype == np.complex64
    ones = tuple(np.ones_like(leaf) for leaf in y) if isinstance(y, tuple) else np.ones_like(y)
    bars = pullback(ones)
    for x, bar in zip(low, bars, strict=True):
        assert (bar.shape, bar.dtype) == (x.shape, x.dtype)
        assert not isinstance(bar, np.ndarray) or (bar.flags.writeable and bar.flags.owndata)
        assert not np.shares_memory(bar, x)
    twice = vjp(lambda x: f32(x, *low[1:]), low[0])[1](ones)[0]
    np.testing.assert_array_equal(twice, bars[0])

    def both(x):
        a, b = f32(x, *low[1:]), f32(x, *low[1:])
        return tuple(p + q for p, q in zip(a, b, strict=True)) if isinstance(a, tuple) else a + b

    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(vjp(both, low[0])[1](ones)[0], bars[0] + bars[0])


@pytest.mark.parametrize("key", package_primitives(differentiable=False))
@given(data=st.data())
def test_functions_without_derivative_are_constants_to_grad(key, data):
    args, options = data.draw(CASES[key])
    op = registry[key]
    floats = [i for i, x in enumerate(args) if np.asarray(x).dtype.kind == "f"]

    def f(*xs):
        full = list(args)
        for i, x in zip(floats, xs, strict=True):
            full[i] = x
        return op(*full, **options)

    y, pullback = vjp(f, *[args[i] for i in floats])
    expected = op(*args, **options)
    for ours, theirs in zip(*[v if isinstance(v, tuple) else (v,) for v in (y, expected)], strict=True):
        np.testing.assert_array_equal(ours, theirs)
    g = tuple(np.ones_like(v) for v in y) if isinstance(y, tuple) else np.ones_like(y)
    for bar, i in zip(pullback(g), floats, strict=True):
        np.testing.assert_array_equal(bar, np.zeros_like(args[i]))
