"""What every primitive promises of vmap, in the form of `promises`: a batch is what a Python loop over its examples gives."""

from __future__ import annotations

import contextlib
from typing import Any
from unittest import mock

import numpy as np
import pytest

from tests.ops.cases.calls import differentiated
from tests.ops.promises import Args, Options, listed
from tinygrad_np import vjp
from tinygrad_np.core import tree
from tinygrad_np.core.primitive import registry
from tinygrad_np.inspect.columns import assert_paired, pairing, random_like
from tinygrad_np.ops import convolution
from tinygrad_np.transforms.batch import vmap
from tinygrad_np.transforms.forward import jvp


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
