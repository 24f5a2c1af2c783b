"""Reductions, cumulative sums and products, norms, differences."""

from __future__ import annotations

import numpy as np

from .base import POSITIVE, T3, A, B, M, S, V, example

ZERO = A * np.array([0.0, 1.0, 1.0])  # products with a factor 0
MASK = np.array([[True, False, True], [True, True, False]])

example(
    "numpy.sum",
    (np.sum, (A,)),
    (lambda x: np.sum(x, axis=(0, -1)), (T3,)),
    (lambda x: np.sum(x, axis=1, keepdims=True), (T3,)),
    (lambda x, v: np.sum(x, axis=-1, dtype=x.dtype, initial=v, where=MASK), (A, np.array(0.5))),
)
example(
    "numpy.mean",
    (np.mean, (A,)),
    (lambda x: np.mean(x, axis=(0, -1), keepdims=True), (T3,)),
    (lambda x: np.mean(x, axis=-1, where=MASK), (A,)),
)
example(
    "numpy.var",
    (np.var, (A,)),
    (lambda x: np.var(x, axis=(0, 2), ddof=1, keepdims=True), (T3,)),
    (lambda x: np.var(x, axis=-1, where=MASK), (A,)),
    (lambda x, m: np.var(x, axis=0, mean=m, correction=1), (A, np.array([[0.25, 0.5, -0.25]]))),
)
example(
    "numpy.std",
    (np.std, (A,)),
    (lambda x: np.std(x, axis=-1, keepdims=True), (T3,)),
    (lambda x: np.std(x, axis=-1, where=MASK, correction=0.5), (A,)),
    (lambda x, m: np.std(x, axis=0, mean=m), (A, np.array([[0.25, 0.5, -0.25]]))),
)
example(
    "numpy.prod",
    (np.prod, (A,)),
    (lambda x: np.prod(x, axis=(0, 2), keepdims=True), (T3,)),
    (lambda x: np.prod(x, axis=1), (ZERO,)),
    (lambda x, v: np.prod(x, axis=-1, initial=v, where=MASK), (A, np.array(0.5))),
    (lambda x: np.prod(x, axis=0), (np.ones((0, 2)),)),
)
for _name in ("max", "amax", "min", "amin"):
    _f = getattr(np, _name)
    example(
        f"numpy.{_name}",
        (_f, (A,)),
        (lambda x, f=_f: f(x, axis=(0, 1), keepdims=True), (T3,)),
        (lambda x, v, f=_f: f(x, axis=0, initial=v), (A, np.array(0.375))),
        (lambda x, f=_f: f(x, axis=-1, initial=0.375, where=MASK), (A,)),
    )
example("numpy.ptp", (np.ptp, (A,)), (lambda x: np.ptp(x, axis=(0, -1), keepdims=True), (T3,)))

example("numpy.cumsum", (np.cumsum, (A,)), (lambda x: np.cumsum(x, axis=-2, dtype=x.dtype), (T3,)))
example(
    "numpy.cumprod",
    (np.cumprod, (A,)),
    (lambda x: np.cumprod(x, axis=1), (ZERO,)),
    (lambda x: np.cumprod(x, axis=-1), (T3,)),
)
if hasattr(np, "cumulative_sum"):
    example(
        "numpy.cumulative_sum",
        (np.cumulative_sum, (V,)),
        (lambda x: np.cumulative_sum(x, axis=1, include_initial=True), (T3,)),
    )
    example(
        "numpy.cumulative_prod",
        (np.cumulative_prod, (V,)),
        (lambda x: np.cumulative_prod(x, axis=-1, include_initial=True), (ZERO,)),
    )

example(
    "numpy.linalg.norm",
    (np.linalg.norm, (A,)),
    (lambda x: np.linalg.norm(x, axis=1, keepdims=True), (A,)),
    (lambda x: np.linalg.norm(x, 3, axis=-1), (POSITIVE,)),
    (lambda x: np.linalg.norm(x, np.inf), (V,)),
    (lambda x: np.linalg.norm(x, 1, axis=(2, 0)), (T3,)),
    (lambda x: np.linalg.norm(x, "fro"), (B,)),
    (lambda x: np.linalg.norm(x, -np.inf), (A,)),
    (lambda x: np.linalg.norm(x, 2), (M,)),
    (lambda x: np.linalg.norm(x, "nuc"), (A,)),
)
example(
    "numpy.linalg.vector_norm",
    (np.linalg.vector_norm, (A,)),
    (lambda x: np.linalg.vector_norm(x, axis=(0, -1), ord=1, keepdims=True), (T3,)),
    (lambda x: np.linalg.vector_norm(x, axis=0, ord=2.5), (POSITIVE,)),
    (lambda x: np.linalg.vector_norm(x, ord=-np.inf), (V,)),
)
example(
    "numpy.linalg.matrix_norm",
    (np.linalg.matrix_norm, (T3,)),
    (lambda x: np.linalg.matrix_norm(x, ord=np.inf, keepdims=True), (T3,)),
    (lambda x: np.linalg.matrix_norm(x, ord=-2), (S,)),
)

example(
    "numpy.diff",
    (np.diff, (A,)),
    (lambda x: np.diff(x, 2, axis=1), (T3,)),
    (lambda x, v: np.diff(x, axis=0, prepend=v, append=0.5), (A, np.array([[0.5, 1.0, -0.25]]))),
)
example(
    "numpy.ediff1d",
    (np.ediff1d, (A,)),
    (lambda x, v: np.ediff1d(x, to_end=v, to_begin=0.5), (A, V)),
)
example(
    "numpy.gradient",
    (np.gradient, (V,)),
    (lambda x: tuple(np.gradient(x)), (A,)),
    (lambda x: tuple(np.gradient(x, 0.5, np.array([0.0, 1.0, 1.5, 3.0]), axis=(1, 2), edge_order=2)), (T3,)),
    (lambda x, h: np.gradient(x, h, axis=-1), (T3, np.array([0.0, 1.0, 1.5, 3.0]))),
    (lambda x, h: np.gradient(x, h, axis=0), (T3, np.array(0.25))),
)
example(
    "numpy.trapezoid",
    (np.trapezoid, (A,)),
    (lambda y, x: np.trapezoid(y, x), (A, np.array([0.0, 0.5, 2.0]))),
    (lambda y, x: np.trapezoid(y, x, axis=0), (A, B.T)),
    (lambda y: np.trapezoid(y, dx=0.5, axis=1), (T3,)),
)
example(
    "numpy.unwrap",
    (np.unwrap, (5 * V,)),
    (lambda x: np.unwrap(x, axis=0, period=1.75, discont=1.0), (2 * A,)),
    (lambda x, p: np.unwrap(x, period=p), (5 * A, np.array(3.25))),
)
