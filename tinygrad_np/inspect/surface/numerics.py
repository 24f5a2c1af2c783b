"""Numerical functions: ranges, interpolation, convolution, polynomials, np.lib.scimath."""

from __future__ import annotations

import numpy as np

from .base import POSITIVE, A, B, M, S, V, example

X = A + 0.0625  # away from the points, where the slope changes
START, STOP = np.array(0.5), np.array(2.25)
POINTS = np.array([-1.5, -0.25, 0.5, 2.5])
VALUES = np.array([1.0, -0.5, 0.75, 2.0])
P = np.array([2.0, -1.0, 0.5, 0.75])  # roots: one negative, a conjugate pair
Z = 0.25 + 0.5j

example(
    "numpy.linspace",
    (lambda a, b: np.linspace(a, b, 5), (START, STOP)),
    (lambda a, b: np.linspace(a, b, 4, endpoint=False, axis=-1), (V, A)),
    (lambda a, b: np.linspace(a, b, 3, retstep=True, dtype=np.float64), (V, A)),
    (lambda a, b: np.linspace(a * Z, b, 3), (V, A)),
    (lambda a: np.linspace(0, a, 1), (START,)),
)
example(
    "numpy.logspace",
    (lambda a, b: np.logspace(a, b, 5), (START, STOP)),
    (lambda a, b: np.logspace(a, b, 4, endpoint=False, base=2.0, axis=1), (V, A)),
    (lambda a, c: np.logspace(a, 1.5, 3, base=c), (V, POSITIVE)),
)
example(
    "numpy.geomspace",
    (lambda a, b: np.geomspace(a, b, 5), (START, STOP)),
    (lambda a, b: np.geomspace(-a, -b, 4, endpoint=False, axis=-1), (START, POSITIVE)),
    (lambda a, b: np.geomspace(a * Z, b, 3), (START, STOP)),
)
example(
    "numpy.interp",
    (np.interp, (X / 2, POINTS, VALUES)),
    (lambda x, v: np.interp(x, POINTS, VALUES, left=v, right=2 * v), (2 * X, START)),
    (lambda x, xp, fp: np.interp(x, xp, fp, period=4.5), (2 * X, POINTS, VALUES)),
    (lambda x, fp: np.interp(x, POINTS, fp * Z), (X, VALUES)),
    (lambda x: np.interp(x[0, 0], POINTS, VALUES), (X,)),
)
example(
    "numpy.convolve",
    (np.convolve, (VALUES, V)),
    (lambda a, v: np.convolve(a, v, "same"), (V, VALUES)),
    (lambda a, v: np.convolve(a, v, mode="valid"), (VALUES, V)),
    (lambda a, v: np.convolve(a * Z, v), (VALUES, V)),
)
example(
    "numpy.correlate",
    (np.correlate, (VALUES, V)),
    (lambda a, v: np.correlate(a, v, "same"), (V, VALUES)),
    (lambda a, v: np.correlate(a, v, mode="full"), (VALUES, V)),
    (lambda a, v: np.correlate(a * Z, v * Z, "full"), (V, VALUES)),
)
example(
    "numpy.polyval",
    (np.polyval, (P, A)),
    (lambda p: np.polyval(p, 0.5), (P,)),
    (lambda x: np.polyval([1, -2, 3], x), (A,)),
    (lambda p, x: np.polyval(p * Z, x), (P, A)),
)
example("numpy.polyadd", (np.polyadd, (P, V)), (lambda p: np.polyadd([1, 2, 3, 4, 5], p), (P,)))
example("numpy.polysub", (np.polysub, (P, V)), (lambda p: np.polysub([1, 2, 3, 4, 5], p), (P,)))
example("numpy.polymul", (np.polymul, (P, V)), (lambda p: np.polymul(p, [1, 2]), (P,)))
example("numpy.polydiv", (np.polydiv, (P, V)), (np.polydiv, (V, P)), (lambda p: np.polydiv(p, [2.0])[0], (P,)))
example("numpy.polyder", (np.polyder, (P,)), (lambda p: np.polyder(p, 2), (P,)))
example("numpy.polyint", (np.polyint, (P,)), (lambda p, k: np.polyint(p, 2, k=k), (P, V[:2])))
example(
    "numpy.polyfit",
    (lambda x, y: np.polyfit(x, y, 2), (POINTS, VALUES)),
    (lambda y, w: np.polyfit(POINTS, y, 1, w=w), (VALUES, np.array([1.0, 0.5, 2.0, 1.5]))),
    (lambda x, y: np.polyfit(x, y, 1, cov=True), (POINTS, VALUES)),
    (lambda y: np.polyfit(V, y, 1, rcond=1e-10, cov="unscaled"), (B,)),
)
example("numpy.poly", (np.poly, (V,)), (np.poly, (S,)), (lambda x: np.poly(x * Z), (V,)), (np.poly, (M,)))
example(
    "numpy.roots",
    (np.roots, (np.array([1.0, -2.75, 0.5, 0.25]),)),  # real and of different sizes: LAPACK keeps their order
    (lambda p: np.sum(np.roots(p) ** 3), (P,)),
    (lambda p: np.sum(np.roots(p * Z) ** 3), (V,)),
)
example(
    "numpy.vander",
    (np.vander, (V,)),
    (lambda x: np.vander(x, 4, increasing=True), (V,)),
    (lambda x: np.vander(x * Z, N=2), (V,)),
)
for _name, _x in {
    "sqrt": A, "log": A, "log2": A, "log10": A, "arcsin": A / 4, "arccos": A / 4, "arctanh": A / 4,
}.items():  # fmt: skip
    # of complex numbers, for which vmap needs no look at the values
    _f = getattr(np.lib.scimath, _name)
    example(f"numpy.lib.scimath.{_name}", (lambda x, f=_f: f(x + 0.5j), (_x,)))
example("numpy.lib.scimath.logn", (lambda n, x: np.lib.scimath.logn(n + 0.5j, x + 0.5j), (POSITIVE, A)))
example("numpy.lib.scimath.power", (lambda x, p: np.lib.scimath.power(x + 0.5j, p), (A, V)))
