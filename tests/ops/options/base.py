"""What the topics share: the table they enter, arrays away from ties and kinks, axes, masks, options left out or not."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

Call = tuple[Callable[..., Any], tuple[Any, ...]]  # a function of arrays, its options bound, and the arrays

OPTIONS: dict[str, st.SearchStrategy[Call]] = {}
SHAPED_BY_VALUES: set[str] = set()  # no vmap: the shape of the result depends on the values

seeds = st.integers(0, 999)
sides = st.integers(1, 3)
shapes = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
nonempty = hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=3)


def option(*names: str, batched: bool = True) -> Callable[[Any], Any]:
    """Enter a composite strategy, a function of draw that returns a Call, under names as users write them.

    Names that this version of NumPy lacks are passed over. A strategy for several names takes the function as well.
    """

    def enter(strategy: Any) -> Any:
        for name in names:
            try:
                function = pkgutil.resolve_name(name)
            except AttributeError:
                continue
            args = (function,) if strategy.__code__.co_argcount == 2 else ()
            OPTIONS[name] = st.composite(strategy)(*args)
            if not batched:
                SHAPED_BY_VALUES.add(name)
        return strategy

    return enter


def spread(shape: Any, seed: int, low: float = -2.0, high: float = 2.0) -> np.ndarray:
    """Distinct numbers of distinct absolute values in (low, high), none of them 0, in random order."""
    n = int(np.prod(shape))
    k = np.random.default_rng(seed).permutation(n).reshape(shape)
    return laid_out(low + (high - low) * (k + 0.37) / max(n, 1), seed % 4)


def laid_out(x: np.ndarray, how: int) -> np.ndarray:
    """The same array contiguous, in Fortran's order, strided or with a negative stride."""
    if how == 0 or x.ndim == 0:
        return x
    if how == 1:
        return np.asfortranarray(x)
    if how == 2:
        wide = np.full((*x.shape[:-1], 2 * x.shape[-1]), np.nan)
        wide[..., ::2] = x
        return wide[..., ::2]
    return x[..., ::-1].copy()[..., ::-1]


def arrays(
    shape: Any = shapes, low: float = -2.0, high: float = 2.0, kinds: str = "f"
) -> st.SearchStrategy[np.ndarray]:
    """Arrays of a shape, given or drawn, of `spread` numbers; with kinds="ffc" one of three is complex."""
    shape = shape if isinstance(shape, st.SearchStrategy) else st.just(shape)

    def build(shape: Any, seed: int, kind: str) -> np.ndarray:
        x = spread(shape, seed, low, high)
        return x if kind == "f" else x * (1 + 0.3j * np.cos(np.arange(x.size, dtype=float)).reshape(x.shape))

    return st.builds(build, shape, seeds, st.sampled_from(kinds))


def keywords(**choices: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Dictionaries of options, each of them given or left out; a choice is a strategy or a list of values."""
    return st.fixed_dictionaries({}, optional={k: _strategy(v) for k, v in choices.items()})


def _strategy(choice: Any) -> Any:
    return choice if isinstance(choice, st.SearchStrategy) else st.sampled_from(choice)


def axis_of(ndim: int) -> st.SearchStrategy[int]:
    """An axis of at least one, from either end."""
    return st.integers(-ndim, ndim - 1)


def axes_of(ndim: int, least: int = 0) -> st.SearchStrategy[tuple[int, ...]]:
    """A tuple of different axes in any order, each counted from either end."""
    return st.tuples(st.permutations(range(ndim)), st.integers(min(least, ndim), ndim), st.integers(0, 7)).map(
        lambda drawn: tuple(a - ndim * (drawn[2] >> a & 1) for a in drawn[0][: drawn[1]])
    )


def axes_or_none(ndim: int, least: int = 0) -> st.SearchStrategy[Any]:
    """What reductions take for axis: None, an integer or a tuple."""
    return st.one_of(st.none(), *[axis_of(ndim)] * (ndim > 0), axes_of(ndim, least))


@st.composite
def arrays_and_axes(draw: Any, shapes: Any, kinds: str = "f") -> Any:
    """An array and what to reduce, at least one axis; if it is one, the others may be empty (of several, NumPy 2.0 fails)."""
    shape = draw(shapes)
    axis = draw(axes_or_none(len(shape), least=1))
    if np.size(axis) == 1 and axis is not None and draw(st.integers(0, 4)) == 0:
        reduced = np.atleast_1d(axis)[0] % len(shape)
        shape = tuple(n if i == reduced else draw(st.sampled_from([0, n])) for i, n in enumerate(shape))
    return draw(arrays(shape, kinds=kinds)), axis


def masks(shape: tuple[int, ...], axis: Any = None, least: int = 0) -> st.SearchStrategy[np.ndarray]:
    """Masks that broadcast to a shape and hold the first elements along the axes of a reduction, if so many are due."""
    reduced = range(len(shape)) if axis is None else [a % len(shape) for a in np.atleast_1d(axis).astype(int)]

    def build(cut: int, seed: int) -> np.ndarray:
        mask = np.array(np.random.default_rng(seed).random(shape[cut:]) < 0.7)
        mask[tuple(slice(least) if cut + i in reduced else slice(None) for i in range(mask.ndim))] |= least > 0
        return mask

    return st.builds(build, st.integers(0, len(shape)), seeds)


def broadcastable(number: int, max_dims: int = 3, min_side: int = 0) -> st.SearchStrategy[tuple[tuple[int, ...], ...]]:
    """Shapes that broadcast against each other."""
    return hnp.mutually_broadcastable_shapes(num_shapes=number, max_dims=max_dims, min_side=min_side, max_side=3).map(
        lambda drawn: drawn.input_shapes
    )
