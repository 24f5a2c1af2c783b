"""Indexing, choosing, sorting, sets."""

from __future__ import annotations

import operator
from functools import partial

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from .base import arrays, axes_of, axis_of, broadcastable, keywords, nonempty, option, seeds, shapes, sides

some = shapes.filter(len)  # at least one axis


def random_indices(seed, shape, n, beyond=0):
    """Indices of an axis of length n from either end, or farther away by some lengths."""
    low = -n * (1 + beyond)
    return np.random.default_rng(seed).integers(low, max(n * (1 + beyond), low + 1), shape)


# -- by position -----------------------------------------------------------------------------------------------------


@option("operator.getitem")
def _(draw):
    """Basic, integer-array and mask indices, and a mixture of them."""
    x = draw(arrays(nonempty))
    form = draw(st.integers(0, 3))
    if form == 0:
        index = draw(hnp.basic_indices(x.shape, max_dims=4, allow_newaxis=True))
    elif form == 1:
        shape = draw(hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3))
        index = tuple(random_indices(draw(seeds), shape, n) for n in x.shape[: draw(st.integers(1, x.ndim))])
    elif form == 2:
        start = draw(st.integers(1, x.ndim))
        index = np.random.default_rng(draw(seeds)).random(x.shape[:start]) < 0.5
    else:  # arrays apart: their axes come first
        each = [draw(st.sampled_from([slice(None), slice(None, None, -1), slice(1, None), None, n])) for n in x.shape]
        index = tuple(random_indices(draw(seeds), (2,), n) if isinstance(n, int) else n for n in each)
    return lambda x: operator.getitem(x, index), (x,)


@option("numpy.take")
def _(draw):
    x = draw(arrays(nonempty))
    axis = draw(st.none() | axis_of(x.ndim))
    n = x.size if axis is None else x.shape[axis]
    mode = draw(st.sampled_from(["raise", "wrap", "clip"]))
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3))
    indices = random_indices(draw(seeds), shape, n, beyond=mode != "raise")
    return lambda x: np.take(x, indices, axis, mode=mode), (x,)


@option("numpy.take_along_axis")
def _(draw):
    x = draw(arrays(nonempty))
    if draw(st.integers(0, 3)) == 0:
        indices = random_indices(draw(seeds), (3,), x.size)
        return lambda x: np.take_along_axis(x, indices, None), (x,)
    axis = draw(axis_of(x.ndim))
    shape = [draw(st.sampled_from([1, n])) for n in x.shape]
    shape[axis] = draw(st.integers(0, 4))
    indices = random_indices(draw(seeds), shape, x.shape[axis])
    return lambda x: np.take_along_axis(x, indices, axis), (x,)


def _places(draw, n):
    """What np.delete takes: an index, several, a slice, a mask."""
    return draw(st.sampled_from([
        draw(st.integers(-n, n - 1)), random_indices(draw(seeds), draw(st.integers(0, 3)), n).tolist(),
        slice(draw(st.integers(0, n)), None, draw(st.sampled_from([1, 2]))), slice(None, None, -2),
        np.random.default_rng(draw(seeds)).random(n) < 0.5,
    ]))  # fmt: skip


@option("numpy.delete")
def _(draw):
    x = draw(arrays(nonempty))
    axis = draw(st.none() | axis_of(x.ndim))
    places = _places(draw, x.size if axis is None else x.shape[axis])
    return lambda x: np.delete(x, places, axis), (x,)


@option("numpy.insert")
def _(draw):
    x = draw(arrays(nonempty))
    axis = draw(st.none() | axis_of(x.ndim))
    n = x.size if axis is None else x.shape[axis]
    rest = () if axis is None else tuple(m for i, m in enumerate(x.shape) if i != axis % x.ndim)
    if draw(st.booleans()):  # one place: what broadcasts against the rest
        place, v = draw(st.integers(-n, n)), draw(arrays(rest[draw(st.integers(0, len(rest))) :]))
    else:
        place = draw(st.lists(st.integers(-n, n), min_size=1, max_size=3))
        shape = () if axis is None else x.shape[axis % x.ndim + 1 :]
        v = draw(arrays(draw(st.sampled_from([(), (len(place), *(1,) * len(shape))]))))
    return lambda x, v: np.insert(x, place, v, axis), (x, v)


# -- by condition ----------------------------------------------------------------------------------------------------


@option("numpy.choose")
def _(draw):
    count = draw(sides)
    shape, *each = draw(broadcastable(count + 1))
    mode = draw(st.sampled_from(["raise", "wrap", "clip"]))
    which = np.random.default_rng(draw(seeds)).integers(0, count, shape)
    which = which + (mode != "raise") * count * (np.arange(which.size).reshape(shape) % 3 - 1)
    return lambda *xs: np.choose(which, xs, mode=mode), tuple(draw(arrays(s)) for s in each)


@option("numpy.compress")
def _(draw):
    x = draw(arrays(some))
    axis = draw(st.none() | axis_of(x.ndim))
    n = x.size if axis is None else x.shape[axis]
    condition = np.random.default_rng(draw(seeds)).random(draw(st.integers(0, n))) < 0.6
    return lambda x: np.compress(condition, x, axis), (x,)


@option("numpy.extract")
def _(draw):
    x = draw(arrays())
    condition = np.random.default_rng(draw(seeds)).random(x.shape) < 0.6
    return lambda x: np.extract(condition, x), (x,)


@option("numpy.select")
def _(draw):
    """Conditions on the values, or masks; with a default that is a number or an array."""
    *each, default = [draw(arrays(s)) for s in draw(broadcastable(draw(st.integers(2, 3))))]
    masks = [np.random.default_rng(draw(seeds)).random(x.shape) < 0.4 for x in each]
    if draw(st.booleans()):
        return lambda *xs: np.select(masks, xs, 0.5), tuple(each)

    def select(x, *others):
        return np.select([x > 0.5, x < -0.5], [x * others[0], others[-1] ** 2], others[-1])

    return select, (*each, default)


@option("numpy.piecewise")
def _(draw):
    x = draw(arrays())
    functions = draw(st.lists(st.sampled_from([np.square, np.exp, 2.5, lambda t: 3 * t]), min_size=2, max_size=3))
    bounds = [0, 1.0][: draw(st.integers(len(functions) - 1, len(functions)))]
    functions = functions[: len(bounds) + 1]
    return lambda x: np.piecewise(x, [x < 0, x > 1.0][: len(bounds)], functions), (x,)


@option("numpy.trim_zeros", batched=False)
def _(draw):
    ndim = draw(st.sampled_from([1, 1, 2])) if hasattr(np, "vecmat") else 1  # NumPy 2.2
    x = draw(arrays(hnp.array_shapes(min_dims=ndim, max_dims=ndim, min_side=0, max_side=4)))
    zeros = np.random.default_rng(draw(seeds)).random(x.shape) < 0.7
    options = draw(keywords(trim=["f", "b", "fb", "BF"]))
    if hasattr(np, "vecmat"):
        options |= draw(keywords(axis=st.one_of(st.none(), axis_of(ndim), axes_of(ndim, least=1))))
    return lambda x: np.trim_zeros(np.where(zeros, 0, x), **options), (x,)


# -- by order --------------------------------------------------------------------------------------------------------


@option("numpy.sort")
def _(draw):
    x = draw(arrays(some))
    kinds = keywords(kind=[None, "quicksort", "heapsort", "stable"]) | keywords(stable=[None, True])
    return partial(np.sort, **draw(keywords(axis=st.none() | axis_of(x.ndim))), **draw(kinds)), (x,)


@option("numpy.partition")
def _(draw):
    x = draw(arrays(nonempty))
    options = draw(keywords(axis=st.none() | axis_of(x.ndim), kind=["introselect"]))
    axis = options.get("axis", -1)
    n = x.size if axis is None else x.shape[axis]
    kth = draw(st.integers(-n, n - 1) | st.lists(st.integers(0, n - 1), min_size=1, max_size=2))
    return lambda x: np.partition(x, kth, **options), (x,)


@option("numpy.apply_along_axis")
def _(draw):
    x = draw(arrays(nonempty))
    axis = draw(axis_of(x.ndim))
    function, args, options = draw(st.sampled_from([
        (np.cumsum, (), {}), (np.sum, (), {"keepdims": True}), (np.diag, (1,), {}), (np.max, (), {}),
        (lambda row, k: np.sum(row) ** k, (2,), {}), (lambda row, k=1: np.stack([row, k * row]), (), {"k": 3}),
    ]))  # fmt: skip
    return lambda x: np.apply_along_axis(function, axis, x, *args, **options), (x,)


# -- sets ------------------------------------------------------------------------------------------------------------


def _again(n, seed):
    """The places of n elements and two of them once more, in random order."""
    rng = np.random.default_rng(seed)
    return rng.permutation([*range(n), *rng.integers(0, n, 2)])


@option("numpy.unique", batched=False)
def _(draw):
    names = ("return_index", "return_inverse", "return_counts")
    options = draw(keywords(**{name: [False, True] for name in names}, equal_nan=[False, True]))
    x = draw(arrays())
    if x.ndim == 0 or draw(st.booleans()):
        return partial(np.unique, **options), (x,)
    axis = draw(st.none() | axis_of(x.ndim))
    if axis is None or 0 in x.shape:
        return partial(np.unique, **options), (x,)
    places = _again(x.shape[axis], draw(seeds))
    return lambda x: np.unique(np.take(x, places, axis), axis=axis, **options), (x,)


@option("numpy.intersect1d", batched=False)
def _(draw):
    x, y = draw(arrays(st.integers(0, 6).map(lambda n: (n,)))), draw(arrays((3,), 5, 9))
    places = np.random.default_rng(draw(seeds)).permutation(len(x))[: draw(st.integers(0, 6))]
    options = draw(keywords(assume_unique=[False, True], return_indices=[False, True]))
    return lambda x, y: np.intersect1d(x, np.concatenate([y, x[places]]), **options), (x, y)


@option("numpy.setdiff1d", "numpy.setxor1d", batched=False)
def _(draw, function):
    x, y = draw(arrays(st.integers(0, 6).map(lambda n: (n,)))), draw(arrays((3,), 5, 9))
    places = np.random.default_rng(draw(seeds)).permutation(len(x))[: draw(st.integers(0, 6))]
    options = draw(keywords(assume_unique=[False, True]))
    return lambda x, y: function(x, np.concatenate([y, x[places]]), **options), (x, y)
