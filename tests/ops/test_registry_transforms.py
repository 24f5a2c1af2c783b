"""Every transform of every primitive: forward mode, all mixed second orders, vmap of each, in float64 and float32.

The VJP and its VJP are compared with finite differences in test_registry; here everything else is compared with them
by the adjoint identity <g, J v> = <Jᵀ g, v>, which needs no differences, and vmap with a Python loop.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ops.cases import CASES, package_primitives
from tests.ops.cases.calls import differentiated, of_differentiated
from tinygrad_np import vjp
from tinygrad_np.core import tree
from tinygrad_np.core.primitive import registry
from tinygrad_np.inspect.columns import (
    ORDERS,
    assert_paired,
    differentiable_leaves,
    pairing,
    random_like,
    second_orders,
)
from tinygrad_np.transforms.batch import vmap
from tinygrad_np.transforms.forward import jvp

DIFFERENTIABLE = package_primitives(differentiable=True)
EVERY = package_primitives()
seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)


def listed(key, args, options):
    """A call as a function of its differentiable arguments, with a list of outputs, and these arguments."""
    f, xs = of_differentiated(key, args, options)
    return differentiable_leaves(f), xs


def drawn(data, key):
    """A drawn call, listed, and a random generator."""
    return *listed(key, *data.draw(CASES[key])), data.draw(seeds)


@pytest.mark.parametrize("key", DIFFERENTIABLE)
@given(data=st.data())
def test_jvp_is_the_adjoint_of_vjp(key, data):
    f, xs, rng = drawn(data, key)
    y, pullback = vjp(f, *xs)
    g, v = random_like(rng, y), random_like(rng, xs)
    pushed, y_dot = jvp(f, xs, v)
    for a, b, d in zip(pushed, y, y_dot, strict=True):
        np.testing.assert_array_equal(a, b)
        assert (np.shape(d), np.asarray(d).dtype) == (np.shape(b), np.asarray(b).dtype)
    assert_paired("jvp and vjp", pairing(g, y_dot), pairing(pullback(g), v), tolerance=1e-10)


@pytest.mark.parametrize("key", DIFFERENTIABLE)
@given(data=st.data())
def test_all_orders_of_two_derivatives_agree(key, data):
    f, xs, rng = drawn(data, key)
    g, u, v = random_like(rng, f(*xs)), random_like(rng, xs), random_like(rng, xs)
    assert_paired(ORDERS, *second_orders(f, xs, g, u, v), tolerance=1e-8)


@pytest.mark.parametrize("key", DIFFERENTIABLE)
@given(data=st.data())
def test_float32_stays_float32_forward(key, data):
    args, options = data.draw(CASES[key])
    if options.get("dtype") is not None:
        options = options | {"dtype": np.dtype(np.float32)}
    low = [x.astype({"f": np.float32, "c": np.complex64}.get(x.dtype.kind, x.dtype)) for x in map(np.asarray, args)]
    f, xs = listed(key, low, options)
    y, y_dot = jvp(f, xs, random_like(data.draw(seeds), xs))
    for a, b in zip(y, y_dot, strict=True):
        assert np.asarray(a).dtype == np.asarray(b).dtype
        assert np.asarray(b).dtype in (np.float32, np.complex64)


# -- vmap against a loop ---------------------------------------------------------------------------------------------


def another(x):
    """A second example of the same kind: floats scaled by 9/8, indices and conditions reversed, keys counted up."""
    x = np.asarray(x)
    if x.dtype == np.uint64:
        return x + np.uint64(1)
    return x * x.dtype.type(1.125) if x.dtype.kind in "fc" else np.flip(x)


def draw_batch(data, key, args):
    """Choose the batched arguments and their axes; return in_axes and the batch of arguments."""
    in_axes = []
    for x in args:
        mask = np.asarray(x).dtype == bool and ".indexing." in key  # a batched mask has no one shape
        in_axes.append(None if mask else data.draw(st.sampled_from([None, *range(np.ndim(x) + 1)])))
    if all(a is None for a in in_axes):
        free = [i for i, x in enumerate(args) if not (np.asarray(x).dtype == bool and ".indexing." in key)]
        in_axes[free[0]] = 0
    batch = [x if a is None else np.stack([x, another(x), x], axis=a) for x, a in zip(args, in_axes, strict=True)]
    examples = [
        [another(x) if i == 1 and a is not None else x for x, a in zip(args, in_axes, strict=True)] for i in range(3)
    ]
    return tuple(in_axes), batch, examples


def assert_is_loop(batched, each):
    """The result of vmap is the stack of the results of a loop, to rounding, with its dtype."""
    for a, *rest in zip(tree.leaves(batched), *[tree.leaves(y) for y in each], strict=True):
        b = np.stack(rest)
        assert np.asarray(a).dtype == b.dtype
        scale = np.max(np.abs(b[np.isfinite(b)]), initial=1.0) if b.dtype.kind in "fc" else 0
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-11 * scale)


DATA_DEPENDENT = ["nonzero", "flatnonzero", "argwhere", "unique_op", "intersect_op"]


@pytest.mark.parametrize("key", [key for key in EVERY if key.rsplit(".", 1)[1] not in DATA_DEPENDENT])
@given(data=st.data())
def test_vmap_is_a_loop(key, data):
    args, options = data.draw(CASES[key])
    in_axes, batch, examples = draw_batch(data, key, args)
    op = registry[key]
    assert op.batch is not None, f"{key} has no batching rule"
    batched = vmap(lambda *xs: op(*xs, **options), in_axes=in_axes)(*batch)
    assert_is_loop(batched, [op(*xs, **options) for xs in examples])


@pytest.mark.parametrize("key", DIFFERENTIABLE)
@given(data=st.data())
def test_vmap_of_vjp_and_jvp_is_a_loop(key, data):
    args, options = data.draw(CASES[key])
    rng = data.draw(seeds)
    in_axes, batch, examples = draw_batch(data, key, args)
    f, xs = listed(key, args, options)
    g, v = random_like(rng, f(*xs)), random_like(rng, xs)

    def derivatives(*args):
        f, xs = listed(key, args, options)
        return vjp(f, *xs)[1](g), jvp(f, xs, v)

    assert_is_loop(vmap(derivatives, in_axes=in_axes)(*batch), [derivatives(*xs) for xs in examples])


@pytest.mark.parametrize("key", DIFFERENTIABLE)
@given(data=st.data())
def test_derivatives_of_vmap_are_a_loop(key, data):
    args, options = data.draw(CASES[key])
    rng = data.draw(seeds)
    in_axes, batch, examples = draw_batch(data, key, args)
    places = differentiated(key, args)
    chosen = tuple(batch[i] for i in places)

    def f(*xs):
        full = list(batch)
        for i, x in zip(places, xs, strict=True):
            full[i] = x
        return vmap(lambda *each: listed(key, each, options)[0](*[each[i] for i in places]), in_axes)(*full)

    def loop(*xs):
        full = list(batch)
        for i, x in zip(places, xs, strict=True):
            full[i] = x
        each = [
            [x if a is None else np.take(x, k, axis=a) for x, a in zip(full, in_axes, strict=True)] for k in range(3)
        ]
        results = [listed(key, e, options)[0](*[e[i] for i in places]) for e in each]
        return tree.map(lambda *parts: np.stack(parts), *results)

    g, v = random_like(rng, loop(*chosen)), random_like(rng, chosen)
    for ours, theirs in zip(vjp(f, *chosen)[1](g), vjp(loop, *chosen)[1](g), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-10 * max(1.0, np.max(np.abs(theirs), initial=0)))
    pushed, by_loop = jvp(f, chosen, v)[1], jvp(loop, chosen, v)[1]
    assert_paired("vmap and loop", pairing(g, pushed), pairing(g, by_loop), tolerance=1e-10)
