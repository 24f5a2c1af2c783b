"""What the strategies share: the table they enter, arrays on the lattice k/8, shapes, axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

CASES: dict[str, st.SearchStrategy[tuple[tuple[Any, ...], dict[str, Any]]]] = {}

dims = st.integers(1, 3)
telling = st.sampled_from([(3,), (2, 3), (3, 2), (2, 3, 2)])  # an order or an axis taken for another shows in them
shapes = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3) | telling
nonempty = hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=3) | telling


def lattice(shape: Any, low: float = -2, high: float = 2, zero: bool = True) -> st.SearchStrategy[np.ndarray]:
    """Arrays of multiples of 1/8 in [low, high], contiguous, strided or reversed; without 0 on request."""
    ks = st.integers(int(low * 8), int(high * 8))
    elements = (ks if zero else ks.filter(bool)).map(lambda k: k / 8)
    plain = hnp.arrays(np.float64, shape, elements=elements, fill=st.nothing())
    return st.tuples(plain, st.integers(0, 2)).map(lambda pair: _restrided(*pair))


def _restrided(x: np.ndarray, how: int) -> np.ndarray:
    if how == 0 or x.ndim == 0:
        return x
    if how == 1:  # not contiguous
        wide = np.full((*x.shape[:-1], 2 * x.shape[-1]), np.nan)
        wide[..., ::2] = x
        return wide[..., ::2]
    return x[..., ::-1].copy()[..., ::-1]  # a negative stride


def case(name: str) -> Callable[[Any], Any]:
    """Enter a composite strategy for the primitive `tinygrad_np.<name>`."""

    def enter(function: Any) -> Any:
        CASES[f"tinygrad_np.{name}"] = st.composite(function)()
        return function

    return enter


def fixed_options(**options: Any) -> Any:
    return st.fixed_dictionaries({k: v if isinstance(v, st.SearchStrategy) else st.just(v) for k, v in options.items()})


def draw_axes(draw: Any, x: np.ndarray) -> tuple[int, ...]:
    return tuple(i for i in range(x.ndim) if draw(st.booleans()))


def distinct(shape: tuple[int, ...]) -> st.SearchStrategy[np.ndarray]:
    n = int(np.prod(shape))
    return st.permutations(range(n)).map(lambda p: (np.array(p, float).reshape(shape) - n // 2) / 4)


def broadcast_shapes(count: int, max_dims: int = 3) -> st.SearchStrategy[tuple[tuple[int, ...], ...]]:
    """So many shapes that broadcast with each other; in every other draw, ones in which a wrong axis shows."""
    mutual = hnp.mutually_broadcastable_shapes(num_shapes=count, max_dims=max_dims, min_side=0, max_side=3)
    of_two = st.sampled_from([(2, 3), (2, 3), (2, 3), (3,), (2, 1), (1, 3), ()])
    of_three = st.sampled_from([(2, 3, 2), (2, 3, 2), (3, 2), (3, 1), (2, 1, 2), (1, 3, 2), (1, 1)])
    return mutual.map(lambda m: m.input_shapes) | st.tuples(*[of_two] * count) | st.tuples(*[of_three] * count)


def broadcast_case(*domains: dict[str, Any]) -> Any:
    arrays = broadcast_shapes(len(domains)).flatmap(
        lambda shapes: st.tuples(*[lattice(s, **d) for s, d in zip(shapes, domains, strict=True)])
    )
    return arrays.map(lambda xs: (xs, {}))
