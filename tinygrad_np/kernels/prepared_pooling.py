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
from tinygrad_np.kernels.pooling import (
    LARGE,
    SMALL,
    Array,
    Plan,
    Sizes,
    Windows,
    max_pool,
    max_pool_winner,
    memory_order,
    plan_of,
    sum_pool,
    sum_pool_transpose,
    window_scatter,
)
from tinygrad_np.kernels.scratch import scratch

Calls = list[Callable[[], object]]


def prepare_max_pool(out: Array, x: Array, **windows: Unpack[Windows]) -> Calls | None:
    """Prepare `max_pool`."""
    if x.size >= LARGE:
        return [partial(max_pool, x, out=out, **windows)]
    plan = plan_of(x.shape[1:-1], windows)
    return _fold(np.maximum, out, x, plan) if _is_simple(plan) else None


def prepare_max_pool_winner(out: Array, x: Array, y: Array, **windows: Unpack[Windows]) -> Calls | None:
    """Prepare `max_pool_winner`: without NaN, the number of elements passed over before the first maximum."""
    if x.size >= LARGE:
        return [partial(max_pool_winner, x, y, out=out, **windows)]
    plan = plan_of(x.shape[1:-1], windows)
    if not _is_simple(plan) or out.itemsize != 1:
        return None
    first, *others = [x[elements] for _, elements in plan.offsets[:-1]]
    passed, other = _like(out, np.bool_), _like(out, np.bool_)
    calls: Calls = [bound(np.not_equal, first, y, out=passed), partial(np.copyto, out, passed.view(np.uint8))]
    for seen in others:
        calls += [
            bound(np.not_equal, seen, y, out=other),
            bound(np.logical_and, passed, other, out=passed),
            bound(np.add, out, passed.view(np.uint8), out=out),
        ]

    def run() -> None:
        if np.isnan(y).any():
            max_pool_winner(x, y, out=out, **windows)
            return
        for call in calls:
            call()

    return calls if y.dtype.kind not in "fc" else [run]


def prepare_window_scatter(
    out: Array, g: Array, winner: Array, *, size: Sizes, **windows: Unpack[Windows]
) -> Calls | None:
    """Prepare `window_scatter`."""
    plan = plan_of(size, windows)
    if not (_is_simple(plan) and plan.disjoint and _is_real(g, out)):
        return None
    if out.size >= LARGE:
        return [partial(window_scatter, g, winner, size=size, out=out, **windows)]
    bits, wins = np.dtype(f"i{g.itemsize}"), _like(winner, np.bool_)
    calls: Calls = [] if plan.full else [partial(out.fill, 0)]
    for number, (_, elements) in enumerate(plan.offsets):
        calls.append(bound(np.equal, winner, np.asarray(number, winner.dtype), out=wins))
        calls.append(bound(np.multiply, g.view(bits), wins, out=out[elements].view(bits)))
    return calls


def prepare_sum_pool(out: Array, x: Array, *, scale: float = 1.0, **windows: Unpack[Windows]) -> Calls | None:
    """Prepare `sum_pool`."""
    plan = plan_of(x.shape[1:-1], windows)
    if not (_is_simple(plan) and _is_real(x, out)):
        return None
    if x.size >= LARGE:
        return [partial(sum_pool, x, scale=scale, out=out, **windows)]
    calls = _fold(np.add, out, x, plan)
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
    tiles = out[plan.covered].reshape(len(out), *plan.split, out.shape[-1])
    if not np.may_share_memory(tiles, out):
        return None
    scaled = _like(g, g.dtype)
    calls: Calls = [] if plan.full else [partial(out.fill, 0)]
    return [
        *calls,
        bound(np.multiply, g, scale, out=scaled),
        partial(np.copyto, tiles, scaled[plan.widened]),
    ]


def _like(a: Array, dtype: DTypeLike) -> Array:
    """Return scratch in the memory order of an array."""
    order = memory_order(a)
    return scratch(tuple(a.shape[i] for i in order), dtype).transpose(np.argsort(order))


def _is_simple(plan: Plan) -> bool:
    return plan.inside and 1 < len(plan.offsets) <= SMALL


def _is_real(*arrays: Array) -> bool:
    """Whether the arrays are float32, or float64: half numbers are summed in another type."""
    return all(a.dtype == arrays[0].dtype and a.dtype.kind == "f" and a.itemsize in (4, 8) for a in arrays)


def _fold(ufunc: np.ufunc, out: Array, x: Array, plan: Plan) -> Calls:
    (_, first), (_, second), *others = plan.offsets
    calls: Calls = [bound(ufunc, x[first], x[second], out=out)]
    return calls + [bound(ufunc, out, x[elements], out=out) for _, elements in others]
