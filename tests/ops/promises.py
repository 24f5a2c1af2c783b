"""What every primitive promises, as functions of one drawn call: `(key, args, options, rng)`, which raise if it breaks.

The tests of the registry draw calls from CASES and hold each promise against them; `tests.mutants` does the same with
rules that it has made wrong. The VJP and its VJP are compared with finite differences, everything else with them by
the adjoint identity <g, J v> = <Jᵀ g, v>, which needs no differences, and vmap with a Python loop.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import strategies as st

from tests.ops.cases import CASES
from tests.ops.cases.calls import differentiated, of_differentiated
from tests.ops.cases.ties import TIES
from tinygrad_np import vjp
from tinygrad_np.core import tree
from tinygrad_np.core.primitive import registry
from tinygrad_np.core.tensor import dtype_of
from tinygrad_np.inspect.columns import (
    ORDERS,
    assert_paired,
    differentiable_leaves,
    pairing,
    random_like,
    second_orders,
)
from tinygrad_np.ops import convolution
from tinygrad_np.testing import check_grads
from tinygrad_np.transforms.batch import vmap
from tinygrad_np.transforms.forward import jvp

Args = Any
Options = dict[str, Any]
Promise = Callable[[str, Args, Options, np.random.Generator], None]

SINGLE = {"f": np.float32, "c": np.complex64}


seeds = st.integers(0, 2**32 - 1)


def hold(promise: Promise, key: str, data: st.DataObject) -> None:
    """Hold a promise against a call that Hypothesis draws."""
    args, options = data.draw(CASES[key])
    promise(key, args, options, np.random.default_rng(data.draw(seeds)))


def listed(key: str, args: Args, options: Options) -> tuple[Callable[..., list[Any]], tuple[Any, ...]]:
    """A call as a function of its differentiable arguments, with a list of outputs, and these arguments."""
    f, xs = of_differentiated(key, args, options)
    return differentiable_leaves(f), xs


def single(args: Args, options: Options) -> tuple[list[Any], Options]:
    """The call in single precision; Python's numbers, which take the type of what they meet, stay."""
    if options.get("dtype") is not None:
        options = options | {"dtype": np.dtype(np.float32)}
    numbers = (int, float)
    arrays = [x if type(x) in numbers else np.asarray(x) for x in args]
    return [x if type(x) in numbers else x.astype(SINGLE.get(x.dtype.kind, x.dtype)) for x in arrays], options


# -- derivatives -----------------------------------------------------------------------------------------------------


def vjp_is_what_differences_say(key: str, args: Args, options: Options, rng: np.random.Generator) -> None:
    _hold_against_differences(key, args, options, 1)


def vjp_of_vjp_is_what_differences_say(key: str, args: Args, options: Options, rng: np.random.Generator) -> None:
    _hold_against_differences(key, args, options, 2)


PHASES = ("eigh_op", "svd_op", "qr_op")  # of complex vectors: the rules hold them still, LAPACK turns them as it likes


def _turns(key: str, args: Args) -> bool:
    return key.endswith(PHASES) and np.iscomplexobj(args[0])


def _hold_against_differences(key: str, args: Args, options: Options, order: int) -> None:
    if not _turns(key, args):
        check_grads(*of_differentiated(key, args, options), order=order)


def multilinear_is_adjoint_to_the_last_bit(key: str, args: Args, options: Options, rng: np.random.Generator) -> None:
    f, xs = of_differentiated(key, args, options)
    y, pullback = vjp(f, *xs)
    g = rng.integers(-16, 17, np.shape(y)) / 8
    linear = registry[key].linear
    for place, x, x_bar in zip(differentiated(key, args), xs, pullback(g), strict=True):
        if place in linear or -1 in linear:
            ours, theirs = np.sum(np.real(g * y)), np.sum(np.real(x_bar * x))
            assert ours == theirs or (_rounds(key, args, options) and np.isclose(ours, theirs, rtol=1e-12, atol=1e-12))


def _rounds(key: str, args: Args, options: Options) -> bool:
    """Whether it is a Fourier transform of a length whose roots of unity are no round numbers."""
    return ".fft." in key and (options.get("n") or np.shape(args[0])[options["axis"]]) not in (1, 2, 4)


def single_stays_single_and_used_twice_sums(key: str, args: Args, options: Options, rng: np.random.Generator) -> None:
    args, options = single(args, options)
    f, xs = of_differentiated(key, args, options)
    y, pullback = vjp(f, *xs)
    for leaf in y if isinstance(y, tuple) else (y,):
        assert np.asarray(leaf).dtype in (np.float32, np.complex64)
    ones = tuple(np.ones_like(leaf) for leaf in y) if isinstance(y, tuple) else np.ones_like(y)
    bars = pullback(ones)
    for x, bar in zip(xs, bars, strict=True):
        assert (np.shape(bar), dtype_of(bar)) == (np.shape(x), dtype_of(x))
        assert not isinstance(bar, np.ndarray) or (bar.flags.writeable and bar.flags.owndata)
        assert not np.shares_memory(bar, x)
    twice = vjp(lambda x: f(x, *xs[1:]), xs[0])[1](ones)[0]
    np.testing.assert_array_equal(twice, bars[0])

    def both(x: Any) -> Any:
        a, b = f(x, *xs[1:]), f(x, *xs[1:])
        return tuple(p + q for p, q in zip(a, b, strict=True)) if isinstance(a, tuple) else a + b

    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(vjp(both, xs[0])[1](ones)[0], bars[0] + bars[0])


def jvp_is_the_adjoint_of_vjp(key: str, args: Args, options: Options, rng: np.random.Generator) -> None:
    f, xs = listed(key, args, options)
    y, pullback = vjp(f, *xs)
    g, v = random_like(rng, y), random_like(rng, xs)
    pushed, y_dot = jvp(f, xs, v)
    for a, b, d in zip(pushed, y, y_dot, strict=True):
        np.testing.assert_array_equal(a, b)
        assert (np.shape(d), np.asarray(d).dtype) == (np.shape(b), np.asarray(b).dtype)
    bars = pullback(g)
    assert_paired("jvp and vjp", pairing(g, y_dot), pairing(bars, v), tolerance=1e-10)
    for i in range(len(xs) if len(xs) > 1 else 0):  # the other arguments stand still
        alone = jvp(lambda x, i=i: f(*xs[:i], x, *xs[i + 1 :]), xs[i : i + 1], v[i : i + 1])[1]
        assert_paired("jvp and vjp of one", pairing(g, alone), pairing(bars[i : i + 1], v[i : i + 1]), tolerance=1e-10)


def all_orders_of_two_derivatives_agree(key: str, args: Args, options: Options, rng: np.random.Generator) -> None:
    f, xs = listed(key, args, options)
    g, u, v = random_like(rng, f(*xs)), random_like(rng, xs), random_like(rng, xs)
    orders = second_orders(f, xs, g, u, v)
    assert_paired(ORDERS, *orders, tolerance=1e-8)
    if not _turns(key, args):  # symmetric, also where a convention says what the derivatives are
        assert_paired("D²f[u, v], D²f[v, u]", orders[1], second_orders(f, xs, g, v, u)[1], tolerance=1e-8)


def single_stays_single_forward(key: str, args: Args, options: Options, rng: np.random.Generator) -> None:
    f, xs = listed(key, *single(args, options))
    y, y_dot = jvp(f, xs, random_like(rng, xs))
    for a, b in zip(y, y_dot, strict=True):
        assert np.asarray(a).dtype == np.asarray(b).dtype
        assert np.asarray(b).dtype in (np.float32, np.complex64)


def conventions_hold(key: str, args: Args, options: Options, rng: np.random.Generator) -> None:
    """At ties, kinks and poles the rules say what was agreed, backward and forward; the drawn call does not matter."""
    for tie in TIES.get(key, []):
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore", RuntimeWarning)  # as of no degrees of freedom
            _hold_at(key, *tie, rng)


def _hold_at(key: str, args: Args, options: Options, given: Any, expected: Any, rng: np.random.Generator) -> None:
    f, xs = listed(key, args, options)
    y, pullback = vjp(f, *xs)
    g = [np.array(gk) for gk in given] if len(y) > 1 else [np.reshape(np.array(given), np.shape(y[0]))]
    finite = [np.where(np.isfinite(bar), bar, 0) for bar in expected]
    for bar, right in zip(pullback(g), map(np.array, expected), strict=True):
        rest = np.where(np.isinf(right), 0, right)
        np.testing.assert_array_equal(np.where(np.isinf(bar), bar, 0), np.where(np.isinf(right), right, 0))
        np.testing.assert_allclose(
            np.where(np.isinf(bar), 0, bar), rest, rtol=1e-14, atol=1e-14 * np.max(np.abs(rest), initial=0) * 64
        )
    v = [np.where(np.isfinite(bar), u, 0) for bar, u in zip(expected, random_like(rng, xs), strict=True)]
    if any(map(np.any, v)):
        assert_paired("jvp at a tie", pairing(g, jvp(f, xs, v)[1]), pairing(finite, v))


def nothing_reaches_the_arguments(key: str, args: Args, options: Options, rng: np.random.Generator) -> None:
    """A function without a derivative is a constant to grad."""
    op = registry[key]
    floats = [i for i, x in enumerate(args) if np.asarray(x).dtype.kind in "fc"]

    def f(*xs: Any) -> Any:
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


# -- vmap against a loop ---------------------------------------------------------------------------------------------


def another(key: str, x: Any, k: int) -> Any:
    """The k-th other example of the same kind, in which order, signs and size differ where the operation allows.

    Elementwise and locally constant operations are given the same elements in another order, others a multiple; all
    are given indices and conditions in another order, and other keys.
    """
    x, op = np.asarray(x), registry[key]
    if x.dtype == np.uint64 or key.endswith("._rate"):  # keys and counts
        return x + x.dtype.type(k)
    movable = op.weak or op.broadcasts or not op.differentiable
    if key.endswith(SORTED):
        return x * x.dtype.type(1 + k)
    if x.dtype.kind in "fc" and not movable:
        return x * x.dtype.type(1 + k / 16)
    return np.flip(x) if k == 1 else np.roll(x, 1)


SORTED = (
    "searchsorted",
    "digitize_op",
    "edges_op",
    "isin",
)  # their arguments are in order, or the order does not matter


def batch_of(key: str, args: Args, rng: np.random.Generator) -> tuple[tuple[Any, ...], list[Any], list[Any]]:
    """Choose the batched arguments and their axes; return in_axes, the batch of arguments, and its three examples."""
    masks = [_is_mask(key, x) for x in args]
    in_axes = [
        None if mask else rng.choice([None, *range(np.ndim(x) + 1)]) for x, mask in zip(args, masks, strict=True)
    ]
    if rng.random() < 0.25:  # as it mostly is: one argument is a batch, along its first axis
        one = rng.choice(np.flatnonzero(np.logical_not(masks)))
        in_axes = [0 if i == one else None for i in range(len(args))]
    if all(a is None for a in in_axes):
        in_axes[masks.index(False)] = 0
    examples = [
        [another(key, x, i) if i and a is not None else x for x, a in zip(args, in_axes, strict=True)] for i in range(3)
    ]
    columns = list(zip(*examples, strict=True))
    batch = [x if a is None else np.stack(some, axis=a) for x, a, some in zip(args, in_axes, columns, strict=True)]
    return tuple(in_axes), batch, examples


def _is_mask(key: str, x: Any) -> bool:
    """Whether it is a boolean index: a batch of them has no one shape."""
    return np.asarray(x).dtype == bool and ".indexing." in key


def assert_is_loop(batched: Any, each: list[Any], precise: bool = True) -> None:
    """The result of vmap is the stack of the results of a loop, to rounding, with its dtype."""
    for a, *rest in zip(tree.leaves(batched), *[tree.leaves(y) for y in each], strict=True):
        b = np.stack(rest)
        assert np.asarray(a).dtype == b.dtype
        if b.dtype.kind not in "fc":
            np.testing.assert_array_equal(a, b)
            continue
        scale = np.max(np.abs(b[np.isfinite(b)]), initial=1.0)
        rtol, atol = (1e-10, 1e-11) if precise else (1e-4, 1e-5)
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol * scale)


DATA_DEPENDENT = ["nonzero", "flatnonzero", "argwhere", "unique_op", "intersect_op"]


def has_batches(key: str) -> bool:
    """Whether the shape of the result is the same for all values, so that there are batches of them."""
    return key.rsplit(".", 1)[1] not in DATA_DEPENDENT


def vmap_is_a_loop(key: str, args: Args, options: Options, rng: np.random.Generator) -> None:
    in_axes, batch, examples = batch_of(key, args, rng)
    op = registry[key]
    assert op.batch is not None, f"{key} has no batching rule"
    with _buffer_of_any_size(rng) if ".convolution." in key else contextlib.nullcontext():
        batched = vmap(lambda *xs: op(*xs, **options), in_axes=in_axes)(*batch)
    assert_is_loop(batched, [op(*xs, **options) for xs in examples])


def _buffer_of_any_size(rng: np.random.Generator) -> contextlib.AbstractContextManager[Any]:
    """Convolutions take as many examples at a time as fill a buffer: here one, two or all of the three."""
    return mock.patch.object(convolution, "BUFFER", int(2 ** rng.integers(1, 12)))


def none_and_one_are_batches(key: str, args: Args, options: Options, rng: np.random.Generator) -> None:
    """Of no examples, vmap still knows the shape and dtype of each; of one, the value."""
    op, one = registry[key], registry[key](*args, **options)
    free = [i for i, x in enumerate(args) if not _is_mask(key, x)]
    for size, chosen, axis in ((1, free, 0), (0, free, 0), (0, free, -1), *[(0, [i], 0) for i in free]):
        axes = tuple(axis if i in chosen else None for i in range(len(args)))
        batch = [
            x if a is None else np.moveaxis(np.broadcast_to(x, (size, *np.shape(x))), 0, a)
            for x, a in zip(args, axes, strict=True)
        ]
        ours = vmap(lambda *xs: op(*xs, **options), axes)(*batch)
        for a, b in zip(tree.leaves(ours), tree.leaves(one), strict=True):
            assert a.shape == (size, *np.shape(b))
            assert a.dtype == np.asarray(b).dtype or (size == 0 and key.endswith(".eig_op"))  # the values decide it
        if size:
            assert_is_loop(ours, [one])


def a_shape_that_depends_on_values_is_refused(key: str, args: Args, options: Options, rng: np.random.Generator) -> None:
    op = registry[key]
    with pytest.raises(TypeError, match="depends on the values"):
        vmap(lambda *xs: op(*xs, **options))(*[np.stack([x, x]) for x in args])


def vmap_of_derivatives_is_a_loop(key: str, args: Args, options: Options, rng: np.random.Generator) -> None:
    in_axes, batch, examples = batch_of(key, args, rng)
    f, xs = listed(key, args, options)
    g, v = random_like(rng, f(*xs)), random_like(rng, xs)

    def derivatives(*args: Any) -> Any:
        f, xs = listed(key, args, options)
        return vjp(f, *xs)[1](g), jvp(f, xs, v)

    assert_is_loop(vmap(derivatives, in_axes=in_axes)(*batch), [derivatives(*xs) for xs in examples])


def derivatives_of_vmap_are_a_loop(key: str, args: Args, options: Options, rng: np.random.Generator) -> None:
    in_axes, batch, examples = batch_of(key, args, rng)
    places = differentiated(key, args)
    chosen = tuple(batch[i] for i in places)

    def f(*xs: Any) -> Any:
        full = list(batch)
        for i, x in zip(places, xs, strict=True):
            full[i] = x
        return vmap(lambda *each: listed(key, each, options)[0](*[each[i] for i in places]), in_axes)(*full)

    def loop(*xs: Any) -> Any:
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
