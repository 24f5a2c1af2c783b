"""What every primitive promises, as functions of one drawn call: `(key, args, options, rng)`, which raise if it breaks.

The tests of the registry draw calls from CASES and hold each promise against them; `tests.mutants` does the same with
rules that it has made wrong. The VJP and its VJP are compared with finite differences, everything else with them by
the adjoint identity <g, J v> = <Jᵀ g, v>, which needs no differences. What vmap promises stands in `batch_promises`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.ops.cases import CASES
from tests.ops.cases.calls import differentiated, of_differentiated
from tests.ops.cases.ties import TIES
from tinygrad_np import vjp
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
from tinygrad_np.testing import check_grads
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
