"""Integers as vectors: embedding and one-hot."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..core.tensor import Array, shape_of
from ..ops.bounds import in_bounds
from ..ops.indexing import getitem
from ..transforms.stop import stop_gradient


def embedding(indices: Array, weight: Array, *, padding_idx: int | None = None) -> Array:
    """Look up rows of a table.

    Parameters
    ----------
    indices : array of integers
        Any shape; each in 0..V-1.
    weight : array, shape (V, E)
        A row for each index.
    padding_idx : int, optional
        Row that gets no gradient; negative ones count from the end, as in torch.

    Returns
    -------
    array, shape (*indices.shape, E)
        Dtype of weight.

    Raises
    ------
    ValueError
        For an index or padding_idx out of range, which is named, and a weight that is no matrix.
    TypeError
        For indices that are no integers.

    Notes
    -----
    y[i] = w[indices[i]]; w_bar[v] = Σ g[i] over the i with indices[i] = v, and 0 for v = padding_idx. Kept: indices.

    Examples
    --------
    >>> embedding(np.array([2, 0]), np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]))
    array([[4., 5.],
           [0., 1.]])
    """
    if len(shape_of(weight)) != 2:
        raise ValueError(f"embedding: weight has shape {shape_of(weight)}; expected (rows, features).")
    rows = shape_of(weight)[0]
    indices = in_bounds("embedding: index", indices, rows)
    y = getitem(weight, indices)
    if padding_idx is None:
        return y
    if (
        isinstance(padding_idx, bool)
        or not isinstance(padding_idx, int | np.integer)
        or not -rows <= padding_idx < rows
    ):
        raise ValueError(f"embedding: padding_idx={padding_idx!r} is no row of a weight of shape {shape_of(weight)}.")
    padding = np.expand_dims(np.equal(indices, padding_idx % rows), -1)
    return np.where(padding, stop_gradient(y), y)


def one_hot(labels: Array, classes: int, *, dtype: DTypeLike = np.float32) -> Any:
    """Return vectors with 1 at the label and 0 elsewhere.

    Parameters
    ----------
    labels : array of integers
        Any shape; each in 0..classes-1.
    classes : int
        Length of the vectors.
    dtype : dtype
        Of the result.

    Returns
    -------
    array, shape (*labels.shape, classes)

    Raises
    ------
    ValueError
        For a label out of range, which is named.
    TypeError
        For labels that are no integers.

    Examples
    --------
    >>> one_hot(np.array([2, 0]), 3)
    array([[0., 0., 1.],
           [1., 0., 0.]], dtype=float32)
    """
    if isinstance(classes, bool) or not isinstance(classes, int | np.integer) or classes < 0:
        raise ValueError(f"one_hot: classes={classes!r}; it is an integer >= 0.")
    labels = in_bounds("one_hot: label", labels, int(classes))
    return np.equal(np.expand_dims(labels, -1), np.arange(classes)).astype(dtype)
