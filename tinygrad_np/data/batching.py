"""Minibatches."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Tree = TypeVar("Tree")


def batches(
    arrays: Tree,
    size: int,
    key: NDArray[np.uint64] | None,
    *,
    order: Sequence[int] | NDArray[np.integer[Any]] | None = None,
    drop_last: bool = False,
) -> Iterator[Tree]:
    """Iterate once over arrays in minibatches.

    Parameters
    ----------
    arrays : tree of ndarray
        An array, or a tuple, dictionary, ... of arrays, all with first axis N.
    size : int
        The number of examples in a batch.
    key : ndarray or None
        The random key of the shuffle, uint64 of shape (2,): the same key gives the same order. None keeps the order.
    order : array of integers, optional
        Instead of a shuffle: the indices of the examples to give, any number of times each. The key must be None.
    drop_last : bool, optional
        Whether to leave out a last batch that is smaller than `size`. The other batches stay the same.

    Returns
    -------
    iterator of trees
        Trees like `arrays`, with first axis `size` (the last: up to `size`). Every batch owns its memory.

    Raises
    ------
    ValueError
        If the arrays are empty, have no first axis or differ in it, if `size` is below 1, or if `order` names an
        example that is not there or comes with a key. At once, not at the first batch.
    TypeError
        If `size` is no integer.

    Examples
    --------
    >>> [x.tolist() for x in batches(np.arange(5), 2, None)]
    [[0, 1], [2, 3], [4]]
    """
    from tinygrad_np.core import tree  # within functions, so that reading data needs NumPy only

    count = _first_axis(arrays)
    if isinstance(size, bool) or not isinstance(size, int | np.integer):
        raise TypeError(f"batches: size must be an integer, not {size!r}")
    if size < 1:
        raise ValueError(f"batches: size must be at least 1, not {size}")
    order = _order(key, count) if order is None else _checked(order, key, count)
    stop = len(order) - len(order) % size if drop_last else len(order)
    starts = range(0, stop, size)
    return (tree.map(lambda array: array[order[start : start + size]], arrays) for start in starts)


def _first_axis(arrays: Any) -> int:
    from tinygrad_np.core import tree

    leaves, structure = tree.flatten(arrays)
    shapes = {path: np.shape(array) for path, array in zip(structure.paths, leaves, strict=True)}
    counts = {shape[:1] for shape in shapes.values()}
    if len(counts) != 1 or counts & {(), (0,)}:
        named = ", ".join(f"{path or 'the array'}: {shape}" for path, shape in shapes.items()) or "no array at all"
        raise ValueError(f"batches: the arrays must have one first axis, of equal length and not empty ({named})")
    (count,) = counts.pop()
    return int(count)


def _order(key: NDArray[np.uint64] | None, count: int) -> NDArray[np.int64]:
    if key is None:
        return np.arange(count)
    from tinygrad_np import random

    order: NDArray[np.int64] = random.permutation(key, count)
    return order


def _checked(order: Any, key: NDArray[np.uint64] | None, count: int) -> NDArray[np.integer[Any]]:
    if key is not None:
        raise ValueError("batches: order says which examples come when, so there is nothing to shuffle: pass key=None")
    indices: NDArray[Any] = np.asarray(order)
    if indices.ndim != 1 or indices.dtype.kind not in "iu":
        raise ValueError(f"batches: order must be integers of shape (n,), not {indices.dtype} {indices.shape}")
    if wrong := indices[(indices < 0) | (indices >= count)].tolist():
        raise ValueError(f"batches: order names example {wrong[0]} of {count}")
    return indices
