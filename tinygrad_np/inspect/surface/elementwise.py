"""Elementwise functions: arithmetic, extrema, the elementary functions, complex parts."""

from __future__ import annotations

import numpy as np

from .base import POSITIVE, REAL_ONLY, A, B, V, example

W = V + 0.125  # no ties with A
SPECIAL = np.array([np.inf, 0.0, np.nan])
CLOSE = A / 4  # inside (-1, 1)
I = 0.5j  # noqa: E741  the examples have real arguments; with it they reach complex values

for _name, _arrays in {
    "add": (A, V), "subtract": (A, V), "multiply": (A, V), "divide": (A, V), "true_divide": (A, V),
    "maximum": (A, W), "minimum": (A, W), "fmax": (A, W), "fmin": (A, W), "hypot": (A, V), "arctan2": (A, V),
    "logaddexp": (A, V), "logaddexp2": (A, V), "copysign": (A, V), "fmod": (A, W), "remainder": (A, W), "mod": (A, W),
    "float_power": (POSITIVE, A), "fabs": (A,), "absolute": (A,), "abs": (A,), "deg2rad": (A,), "rad2deg": (A,),
    "radians": (A,), "degrees": (A,), "cbrt": (A,), "modf": (A + 0.0625,), "frexp": (A + 0.125,), "divmod": (A, W),
}.items():  # fmt: skip
    example(f"numpy.{_name}", (getattr(np, _name), _arrays))
for _name, _x in {
    "positive": A, "negative": A, "square": A, "sqrt": POSITIVE, "reciprocal": A, "exp": A, "exp2": A, "expm1": A,
    "log": POSITIVE, "log1p": POSITIVE, "log2": POSITIVE, "log10": POSITIVE, "sin": A, "cos": A, "tan": A / 2,
    "arcsin": CLOSE, "arccos": CLOSE, "arctan": CLOSE, "sinh": A, "cosh": A, "tanh": A, "arcsinh": CLOSE,
    "arccosh": POSITIVE + 1, "arctanh": CLOSE, "asin": CLOSE, "acos": CLOSE, "atan": CLOSE, "asinh": CLOSE,
    "acosh": POSITIVE + 1, "atanh": CLOSE, "conjugate": A, "conj": A,
}.items():  # fmt: skip
    _f = getattr(np, _name)
    example(
        f"numpy.{_name}",
        (_f, (_x,)),
        (lambda x, f=_f: f(x + I), (_x,)),  # complex results, so complex cotangents
        (lambda x, f=_f: f(x[0, 0]), (_x,)),
    )

example("numpy.add", (lambda x: 1 + x + 2.5, (A,)), (lambda x, y: x + I * y, (A, B.T)))
example("numpy.subtract", (lambda x: 1 - x - V, (A,)), (lambda x, y: I * x - y, (A, V)))
example("numpy.multiply", (lambda x: 2 * x * V, (A,)), (lambda x, y: (x + I) * (y - I), (A, V)))
example("numpy.divide", (lambda x: 1 / x / V, (A,)), (lambda x, y: (x + I) / (y - I), (A, V)))
example(
    "numpy.power",
    (np.power, (POSITIVE, A)),
    (lambda x: x**3, (A,)),
    (lambda x: x**-2, (A,)),
    (lambda x: 2**x, (A,)),
    (lambda x: x ** np.array([0, 1, 2]), (A,)),
    (lambda x, y: (x + I) ** (y - I), (POSITIVE, A)),
)
example("numpy.pow", *([(np.pow, (POSITIVE, A))] if hasattr(np, "pow") else []))
example("numpy.atan2", *([(np.atan2, (A, V))] if hasattr(np, "atan2") else []))
example("numpy.float_power", (lambda x: np.float_power(x, 3), (A,)), (lambda x, y: np.float_power(x + I, y), (A, V)))
example("numpy.absolute", (lambda x, y: np.abs(x + 1j * y), (A, V)), (lambda x: abs(x), (A,)))
example("numpy.maximum", (lambda x: np.maximum(x, 0.125), (A,)))
example("numpy.minimum", (lambda x: np.minimum(0.125, x), (A,)))
example("numpy.remainder", (lambda x: x % 0.7, (A,)), (lambda y: 1.0 % y, (W,)))
example("numpy.fmod", (lambda x: np.fmod(x, 0.7), (A,)))
example("numpy.divmod", (lambda x: divmod(x, 0.7), (A,)))
example("numpy.ldexp", (lambda x: np.ldexp(x, np.array([1, -2, 0])), (A,)))
example("numpy.heaviside", (lambda y: np.heaviside(np.array([-1.0, 0.0, 2.0]), y), (A,)), (np.heaviside, (A, V)))
example(
    "numpy.clip",
    (lambda x: np.clip(x, -1, 1), (A,)),
    (lambda x: np.clip(x, None, 1.0), (A,)),
    (lambda x: np.clip(x, a_min=-1.0, a_max=None), (A,)),
    (np.clip, (A, V - 1, W)),
)
example(
    "numpy.where",
    (lambda x: np.where(x > 0, x, 3 * x), (A,)),
    (lambda x, y: np.where(A > 0, x, y), (A, V)),
    (lambda x: np.where(x > 0, np.sqrt(np.abs(x)), 0), (A,)),
)
example("numpy.real", (np.real, (A,)), (lambda x, y: np.real((x + 1j * y) ** 2), (A, V)))
example("numpy.imag", (np.imag, (A,)), (lambda x, y: np.imag((x + 1j * y) ** 2), (A, V)))
example("numpy.sign", (lambda x, y: np.sign(x + 1j * y), (A, V)))
example(
    "numpy.angle",
    (lambda x, y: np.angle(x + 1j * y), (A, V)),
    (lambda x, y: np.angle(x + 1j * y, deg=True), (A, V)),
    (np.angle, (A,)),
)
example(
    "numpy.nan_to_num",
    (np.nan_to_num, (A,)),
    (lambda x, v: np.nan_to_num(x + SPECIAL, nan=v, posinf=2 * v, neginf=-v), (A, np.array(0.5))),
    (lambda x, y: np.nan_to_num(x + 1j * y), (A, V)),
)
REAL_ONLY.update(f"numpy.{_name}" for _name in ("maximum", "minimum", "fmax", "fmin", "clip"))

example("numpy.real_if_close", (np.real_if_close, (A,)), (lambda x: np.real_if_close(x * (1 + 1e-15j)), (A,)),
        (lambda x: np.real_if_close(x * (1 + 1e-3j), tol=1e-6), (A,)))  # fmt: skip
