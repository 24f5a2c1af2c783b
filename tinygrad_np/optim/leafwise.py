"""Parts that remember: rules on lists of leaves, one entry a parameter, and the running means that they share.

Squares are |g|², so a complex parameter has one real second moment. (PyTorch takes its real and its imaginary part for
two parameters.)
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..core import tree
from ..core.tensor import Array, dtype_of
from ..kernels.threads import parallel
from .base import GradientTransformation, Tree, cast, check_state, like, side_by_side, squared

Leaves = list[Array]

LONG = 1 << 18  # numbers: a rule takes at least half a nanosecond for each, a fork and join 50 microseconds


def leafwise(
    operation: str, kind: type[Any], start: Callable[[Tree], Any], rule: Callable[..., Any], numbers: int = 0
) -> GradientTransformation:
    """Make a transformation of a rule on lists of leaves.

    Parameters
    ----------
    operation : str
        Its name, for errors.
    kind : class
        Of the state, a namedtuple.
    start : callable
        ``start(params)`` is the first state.
    rule : callable
        ``rule(gs, *fields) -> (steps, *fields)``, the steps like gs and the fields in their dtypes.
    numbers : int
        How many fields of the state are single numbers; they come first. The others are trees like the parameters.
    """

    def update(grads: Tree, state: Tree, params: Tree = None) -> tuple[Tree, Tree]:
        check_state(operation, state, kind)
        shape, rows = side_by_side(f"optim.{operation}: grads", *state[numbers:], grads)
        apply = _shared if _is_long(rows) else _at_once
        steps, *fields = apply(rule, rows[-1], state[:numbers], rows[:-1])
        trees = [tree.unflatten(shape, row) for row in fields[numbers:]]
        return tree.unflatten(shape, each(like, steps, rows[-1])), kind(*fields[:numbers], *trees)

    return GradientTransformation(start, update)


def _at_once(rule: Callable[..., Any], gs: Leaves, numbers: Iterable[Array], old: list[Leaves]) -> Any:
    return rule(gs, *numbers, *old)


def _shared(rule: Callable[..., Any], gs: Leaves, numbers: Iterable[Array], old: list[Leaves]) -> Any:
    """Run the rule on each leaf alone, in several threads; the numbers come out of each as of all together."""
    results: list[Any] = [None] * len(gs)

    def run(i: int) -> None:
        results[i] = rule([gs[i]], *numbers, *[[row[i]] for row in old])

    parallel(run, len(gs))
    columns = list(zip(*results, strict=True))
    return [column[0] if type(column[0]) is not list else [x for (x,) in column] for column in columns]


def _is_long(rows: list[Leaves]) -> bool:
    """Tell whether there are several leaves, plain arrays, and so many numbers that a second thread pays."""
    sizes = [x.size for x in rows[-1] if type(x) is np.ndarray]
    return len(sizes) > 1 and sum(sizes) >= LONG and all(type(x) is np.ndarray for row in rows for x in row)


def means(old: Leaves, values: Iterable[Array], decay: float) -> Leaves:
    """Return decay · old + (1 - decay) · value, leaf by leaf, in the dtypes of the old ones."""
    return each(lambda mu, g: like(decay * mu + (1 - decay) * like(g, mu), mu), old, values)


def mean_squares(old: Leaves, values: Iterable[Array], decay: float) -> Leaves:
    """Return decay · old + (1 - decay) · |value|², leaf by leaf, in the dtypes of the old ones."""
    return each(lambda nu, g: like(decay * nu + (1 - decay) * squared(wide(g, nu)), nu), old, values)


def wide(g: Array, total: Array) -> Array:
    """Gradient in the precision that it is accumulated in, complex if it is."""
    return g if dtype_of(g) is total.dtype else cast(g, np.promote_types(dtype_of(g), total.dtype))


def each(f: Callable[..., Array], *rows: Iterable[Array]) -> Leaves:
    """List of ``f(*leaves)`` of rows side by side."""
    return [f(*each) for each in zip(*rows, strict=True)]
