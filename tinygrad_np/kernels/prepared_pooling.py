"""Pooling by windows that lie inside of the input, as the NumPy calls it is made of, bound to arrays that stay.

Each function takes what the one of the same name in `pooling` takes, and the array of the result; it returns functions
without arguments that compute the same, or None where it does not know how. A large array is left to the function of
that name, which shares it over threads.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Unpack

import numpy as np
from numpy.typing import DTypeLike

from tinygrad_np.kernels.binding import bound
from tinygrad_np.kernels.order import Array, Sizes, inverse, memory_order
from tinygrad_np.kernels.pooling import (
    LARGE,
    SMALL,
    max_pool,
    max_pool_winner,
    sum_pool,
    sum_pool_transpose,
    window_scatter,
)
from tinygrad_np.kernels.runs import MOST, gather_runs, have_runs, offsets_of, spread_runs
from tinygrad_np.kernels.scratch import kept, scratch, shared
from tinygrad_np.kernels.windows import Plan, Windows, plan_of

Calls = list[Callable[[], object]]
Elements = Array | list[Array]  # an array for each offset


def prepare_max_pool(out: Array, x: Array, **windows: Unpack[Windows]) -> Calls | None:
    """Prepare `max_pool`."""
    if x.size >= LARGE:
        return [partial(max_pool, x, out=out, **windows)]
    plan = plan_of(x.shape[1:-1], windows)
    if not _is_simple(plan):
        return None
    elements, calls = _elements_for_several(x, out, plan)
    return calls + _fold(np.maximum, out, elements)


def prepare_max_pool_winner(out: Array, x: Array, y: Array, **windows: Unpack[Windows]) -> Calls | None:
    """Prepare `max_pool_winner`: without NaN, the number of elements passed over before the first maximum."""
    if x.size >= LARGE:
        return [partial(max_pool_winner, x, y, out=out, **windows)]
    plan = plan_of(x.shape[1:-1], windows)
    if not _is_simple(plan) or out.itemsize != 1 or not out.size:  # of nothing there is no maximum to look at
        return None
    (first, *others), gather = _elements_for_several(x, y, plan)
    passed, other = _like(out, np.bool_), _like(out, np.bool_)
    calls: Calls = [bound(np.not_equal, first, y, out=passed), partial(np.copyto, out, passed.view(np.uint8))]
    for seen in others[:-1]:
        calls += [
            bound(np.not_equal, seen, y, out=other),
            bound(np.logical_and, passed, other, out=passed),
            bound(np.add, out, passed.view(np.uint8), out=out),
        ]

    def run() -> None:
        if np.isnan(np.maximum.reduce(y, None)):
            max_pool_winner(x, y, out=out, **windows)
            return
        for call in calls:
            call()

    return gather + (calls if y.dtype.kind not in "fc" else [run])


def prepare_window_scatter(
    out: Array, g: Array, winner: Array, *, size: Sizes, **windows: Unpack[Windows]
) -> Calls | None:
    """Prepare `window_scatter`: give every element its window's g, times whether it is the winner there."""
    plan = plan_of(size, windows)
    if not (_is_simple(plan) and plan.disjoint and _is_real(g, out)):
        return None
    if out.size >= LARGE:
        return [partial(window_scatter, g, winner, size=size, out=out, **windows)]
    bits = np.dtype(f"i{g.itemsize}")
    if not have_runs(out, winner):
        wins = _like(winner, np.bool_)
        calls: Calls = [] if plan.full else [partial(out.fill, 0)]
        for number, (_, elements) in enumerate(plan.offsets):
            calls.append(bound(np.equal, winner, np.asarray(number, winner.dtype), out=wins))
            calls.append(bound(np.multiply, g.view(bits), wins, out=out[elements].view(bits)))
        return calls
    ordered, arrange = (g, []) if have_runs(g, winner) else _copied(g, winner)
    wide, wins = _like(out, winner.dtype), _like(out, np.bool_)
    return [
        *arrange,
        spread_runs(plan, ordered, out),
        spread_runs(plan, winner, wide),
        bound(np.equal, wide, offsets_of(plan, out), out=wins),
        bound(np.multiply, out.view(bits), wins, out=out.view(bits)),
    ]


def prepare_sum_pool(out: Array, x: Array, *, scale: float = 1.0, **windows: Unpack[Windows]) -> Calls | None:
    """Prepare `sum_pool`."""
    plan = plan_of(x.shape[1:-1], windows)
    if not (_is_simple(plan) and _is_real(x, out)):
        return None
    if x.size >= LARGE:
        return [partial(sum_pool, x, scale=scale, out=out, **windows)]
    elements, calls = _elements(x, out, plan, scratch)
    calls += _fold(np.add, out, elements)
    return calls if scale == 1 else [*calls, bound(np.multiply, out, scale, out=out)]


def prepare_sum_pool_transpose(
    out: Array, g: Array, *, size: Sizes, scale: float = 1.0, order: Any = None, **windows: Unpack[Windows]
) -> Calls | None:
    """Prepare `sum_pool_transpose`."""
    plan = plan_of(size, windows)
    if not (plan.tiled and _is_real(g, out)):
        return None
    if out.size >= LARGE:
        return [partial(sum_pool_transpose, g, size=size, scale=scale, order=order, out=out, **windows)]
    scaled = _like(out, out.dtype, g.shape)
    if plan.full and have_runs(out, scaled):
        return [bound(np.multiply, g, scale, out=scaled), spread_runs(plan, scaled, out)]
    tiles = out[plan.covered].reshape(len(out), *plan.split, out.shape[-1])
    if not np.may_share_memory(tiles, out):
        return None
    calls: Calls = [] if plan.full else [partial(out.fill, 0)]
    return calls + _spread(tiles, g, scale, plan)


def _spread(tiles: Array, g: Array, scale: float, plan: Plan) -> Calls:
    """Give g times the scale to all elements of the tiles (N, out, kernel, out, kernel, ..., C).

    First along the axis that is innermost in memory, if that is one of a kernel, for a copy in runs of two is slow.
    """
    inner, kernels = memory_order(tiles)[-1], range(2, tiles.ndim - 1, 2)
    shape = tuple(1 if i in kernels and i != inner else n for i, n in enumerate(tiles.shape))
    spread, wide = _like(tiles, g.dtype, shape), g[plan.widened]
    targets = np.split(spread, shape[inner], inner) if inner in kernels else [spread]
    return [*(bound(np.multiply, wide, scale, out=target) for target in targets), partial(np.copyto, tiles, spread)]


def _like(a: Array, dtype: DTypeLike, shape: Sizes | None = None) -> Array:
    """Return scratch in the memory order of an array."""
    order, shape = memory_order(a), a.shape if shape is None else shape
    return scratch(tuple(shape[i] for i in order), dtype).transpose(inverse(order))


def _copied(a: Array, like: Array) -> tuple[Array, Calls]:
    """Return scratch in the memory order of another array, and the call that copies the first array there."""
    copy = _like(like, a.dtype)
    return copy, [partial(np.copyto, copy, a)]


def _is_simple(plan: Plan) -> bool:
    return plan.inside and 1 < len(plan.offsets) <= SMALL


def _is_real(*arrays: Array) -> bool:
    """Whether the arrays are float32, or float64: half numbers are summed in another type."""
    return all(a.dtype == arrays[0].dtype and a.dtype.kind == "f" and a.itemsize in (4, 8) for a in arrays)


def _fold(ufunc: np.ufunc, out: Array, elements: Elements) -> Calls:
    if isinstance(elements, np.ndarray):
        return [partial(ufunc.reduce, elements, 0, None, out)]
    first, second, *others = elements
    calls = [bound(ufunc, first, second, out=out)]
    return calls + [bound(ufunc, out, seen, out=out) for seen in others]


# -- windows of runs ---------------------------------------------------------------------------------------------------


def _elements(x: Array, y: Array, plan: Plan, memory: Callable[..., Array]) -> tuple[Elements, Calls]:
    """Return what the windows see at each offset, an array like y each, and the calls that gather it if any must.

    One call gathers all in one array of this memory, for NumPy takes several times as long for a small array of short
    runs as for a contiguous one.
    """
    order = memory_order(y)
    gathered = memory((len(plan.offsets), *(y.shape[i] for i in order)), x.dtype)
    gathered = gathered.transpose(0, *(1 + i for i in inverse(order)))
    if have_runs(x, y):
        return gathered, [gather_runs(plan, x, gathered)]
    if plan.tiled and x.nbytes <= MOST:
        tiles = x[plan.covered].reshape(len(x), *plan.split, x.shape[-1])
        kernels = range(2, tiles.ndim - 1, 2)
        tiles = np.moveaxis(tiles, kernels, range(len(kernels)))
        return gathered, [partial(np.copyto, gathered.reshape(tiles.shape), tiles)]
    return [x[elements] for _, elements in plan.offsets], []


def _elements_for_several(x: Array, y: Array, plan: Plan) -> tuple[Elements, Calls]:
    """Return the same, for the maximum and for its place: gathered once for both."""
    (elements, calls), new = shared(_elements, x, y, plan, kept)
    return elements, calls if new else []
