"""Indexing, choosing, sorting, sets."""

from __future__ import annotations

import operator

import numpy as np

from .base import T3, A, B, M, V, example

I = np.array([2, 0, 0])  # noqa: E741
J = np.array([[2, 0], [1, 1]])
MASK = np.array([[True, False, True], [False, True, True]])
CHOICE = np.array([[0, 1, 1], [1, 0, 1]])


def _getitem(index: object) -> object:
    return lambda x: operator.getitem(x, index)


example("operator.getitem", (lambda x: x[1], (A,)), (lambda x: x[::-1, 1:], (A,)), (lambda x: x[..., None, -1], (T3,)),
        (lambda x: x[:, I], (A,)), (lambda x: x[[0, 1], :, [1, 1]], (T3,)), (lambda x: x[MASK], (A,)))  # fmt: skip
example("numpy.take", (lambda x: np.take(x, I), (A,)), (lambda x: x.take([[0, -1]], axis=1), (A,)),
        (lambda x: np.take(x, [7, -8], mode="wrap"), (A,)),
        (lambda x: np.take(x, [7, -8], 1, mode="clip"), (A,)))  # fmt: skip
example("numpy.take_along_axis", (lambda x: np.take_along_axis(x, J, 1), (A,)),
        (lambda x: np.take_along_axis(x, np.argsort(x, 0), 0), (A,)),
        (lambda x: np.take_along_axis(x, np.array([5, 0]), None), (A,)))  # fmt: skip
example("numpy.ix_", (lambda x, y: np.ix_(x, y), (V, V[:2])))
example("numpy.delete", (lambda x: np.delete(x, 1), (A,)), (lambda x: np.delete(x, [0, -1], axis=1), (A,)),
        (lambda x: np.delete(x, slice(None, None, 2), 2), (T3,)),
        (lambda x: np.delete(x, np.array([True, False, False]), 1), (A,)))  # fmt: skip
example("numpy.insert", (lambda x: np.insert(x, 1, 5.0), (A,)), (lambda x, v: np.insert(x, 1, v, axis=0), (A, V)),
        (lambda x, v: np.insert(x, [1, 1, -1], v), (V, V)), (lambda x, v: np.insert(x, 2, v, axis=1), (A, B)),
        (lambda x, v: np.insert(x, [2], v[:, None], axis=1), (A, V[:2])),
        (lambda x, v: np.insert(x, slice(0, 2), v, axis=-1), (A, B[:2])))  # fmt: skip
example("numpy.choose", (lambda x, y: np.choose(CHOICE, [x, y]), (A, V)),
        (lambda x: np.choose(np.array([0, 1, 1]), x), (A,)),
        (lambda x, y: np.choose(CHOICE * 3 - 1, (x, y), mode="wrap"), (A, A)),
        (lambda x, y: np.choose(CHOICE * 3 - 1, (x, y), mode="clip"), (A, V)))  # fmt: skip
example("numpy.compress", (lambda x: np.compress([False, True], x, axis=0), (A,)),
        (lambda x: np.compress([True, False, True, True], x), (A,)),
        (lambda x: np.compress([True, False, True], x, 1), (A,)))  # fmt: skip
example("numpy.extract", (lambda x: np.extract(MASK, x), (A,)))
example("numpy.select", (lambda x, y: np.select([x < 0, x > 1], [x * y, x**2], 0.5), (A, V)),
        (lambda x: np.select([x > 0], [x]), (A,)),
        (lambda x, y: np.select([MASK, ~MASK], [x, y], y), (A, V)))  # fmt: skip
example("numpy.piecewise", (lambda x: np.piecewise(x, [x < 0, x >= 1], [lambda t: t**2, lambda t: 3 * t]), (A,)),
        (lambda x: np.piecewise(x, [x < 0], [np.negative, 7.0]), (A,)),
        (lambda x: np.piecewise(x, x < 0, [lambda t, k: k * t, lambda t, k: t**k], k=3), (V,)))  # fmt: skip
example("numpy.sort", (np.sort, (A,)), (lambda x: np.sort(x, axis=0), (A,)), (lambda x: np.sort(x, None), (A,)),
        (lambda x: np.sort(x, kind="stable"), (A,)))  # fmt: skip
example("numpy.sort_complex", (lambda x: np.sort_complex(x).real, (A,)))
example("numpy.partition", (lambda x: np.partition(x, 1), (A,)), (lambda x: np.partition(x, (0, 2), axis=1), (T3,)),
        (lambda x: np.partition(x, 2, None), (A,)))  # fmt: skip
example("numpy.apply_along_axis", (lambda x: np.apply_along_axis(np.cumsum, 0, x), (A,)),
        (lambda x: np.apply_along_axis(lambda r, k: np.sum(r**k), 1, x, k=2), (T3,)),
        (lambda x: np.apply_along_axis(np.diag, -1, x), (A,)))  # fmt: skip
example("numpy.apply_over_axes", (lambda x: np.apply_over_axes(np.sum, x, [0, 2]), (T3,)))

INNER = np.array([False, False, True, False, True, False])
example("numpy.trim_zeros", (lambda x: np.trim_zeros(np.where(INNER, x, 0)), (A.ravel(),)),
        (lambda x: np.trim_zeros(np.where(INNER, x, 0), "f"), (A.ravel(),)),
        (lambda x: np.trim_zeros(np.where(INNER, x, 0), "b"), (A.ravel(),)))  # fmt: skip
example("numpy.unique", (np.unique, (A,)), (lambda x: np.unique(np.tile(x, 2), True, True, True)[0], (A,)),
        (lambda x: np.unique(np.concatenate([x, x]), axis=0), (M,)))  # fmt: skip
example("numpy.unique_values", (lambda x: np.sort(np.unique_values(x)), (A,)))
example("numpy.unique_counts", (lambda x: np.unique_counts(x).values, (A,)))
example("numpy.unique_inverse", (lambda x: np.unique_inverse(x).values, (A,)))
example("numpy.unique_all", (lambda x: np.unique_all(x).values, (A,)))
example("numpy.union1d", (np.union1d, (A, V + 0.125)))
example("numpy.intersect1d", (lambda x: np.intersect1d(x, x[1]), (A,)))
example("numpy.setdiff1d", (lambda x: np.setdiff1d(x, x[1]), (A,)))
example("numpy.setxor1d", (np.setxor1d, (A, V + 0.125)))
