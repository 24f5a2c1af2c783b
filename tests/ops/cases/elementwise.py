"""Elementwise operations."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from .base import CASES, broadcast_case, case, lattice, shapes

_DOMAINS = {
    "sqrt": (0.125, 3), "cbrt": (0.125, 3), "reciprocal": (0.125, 3), "log": (0.125, 3), "log2": (0.125, 3),
    "log10": (0.125, 3), "log1p": (-0.75, 2), "tan": (-1.25, 1.25), "arcsin": (-0.75, 0.75), "arccos": (-0.75, 0.75),
    "arccosh": (1.125, 3), "arctanh": (-0.75, 0.75), "relu6": (-1, 7), "bounded_log": (0.125, 3),
    "bounded_log1p": (-0.75, 2),
}  # fmt: skip
_UNARY = {
    "arithmetic": ["negative", "positive", "square", "sqrt", "cbrt", "reciprocal", "absolute", "conjugate", "real"],
    "elementary": [
        "exp", "exp2", "expm1", "log", "log1p", "log2", "log10", "sin", "cos", "tan", "arcsin", "arccos", "arctan",
        "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "deg2rad", "rad2deg",
    ],
    "special": ["erfc"],
    "activations": ["relu", "sigmoid", "softplus", "softsign", "tanh_shrink"],
    "piecewise_activations": ["relu6"],
    "bounded_logarithms": ["bounded_log", "bounded_log1p"],
}  # fmt: skip
_REAL_ONLY = {
    "cbrt", "deg2rad", "rad2deg", "erfc", "relu", "sigmoid", "softplus", "softsign", "tanh_shrink", "relu6",
    "bounded_log", "bounded_log1p",
}  # fmt: skip


def with_complex(values: Any) -> Any:
    """Real arrays, or as the real parts of complex ones, which are not 0 and have imaginary parts below 1."""

    def rotated(x: np.ndarray) -> Any:
        return lattice(x.shape, -0.75, 0.75).map(lambda y: x + 1j * y + 0.5 * ((x == 0) & (y == 0)))

    return st.one_of(values, values.flatmap(rotated))


for module, names in _UNARY.items():
    for name in names:
        domain = _DOMAINS.get(name, (-2, 2))
        values = shapes.flatmap(lambda s, domain=domain: lattice(s, *domain))
        if name not in _REAL_ONLY:
            values = with_complex(values)
        CASES[f"tinygrad_np.ops.{module}.{name}"] = values.map(lambda x: ((x,), {}))


@case("ops.arithmetic.imag")
def _imag(draw: Any) -> Any:
    shape = draw(shapes)
    return (draw(lattice(shape)) + 1j * draw(lattice(shape)),), {}


_SIGNED, _POSITIVE, _NONZERO = {}, {"low": 0.25, "high": 2}, {"zero": False}
_BROADCASTING = {
    "add": [_SIGNED] * 2, "subtract": [_SIGNED] * 2, "multiply": [_SIGNED] * 2, "divide": [_SIGNED, _NONZERO],
    "power": [_POSITIVE, _SIGNED], "maximum": [_SIGNED] * 2, "minimum": [_SIGNED] * 2, "hypot": [_NONZERO] * 2,
    "arctan2": [_NONZERO] * 2, "logaddexp": [_SIGNED] * 2, "logaddexp2": [_SIGNED] * 2, "clip": [_SIGNED] * 3,
}  # fmt: skip


_COMPLEX = {"add", "subtract", "multiply", "divide", "power"}


def with_complex_arguments(cases: Any) -> Any:
    """The same calls, and calls with complex arguments, of which some may be real."""
    arrays = cases.flatmap(lambda drawn: st.tuples(*[with_complex(st.just(x)) for x in drawn[0]]))
    return st.one_of(cases, arrays.map(lambda xs: (xs, {})))


CASES["tinygrad_np.core.families.pole_product"] = with_complex_arguments(broadcast_case({}, {}))
for name, domains in _BROADCASTING.items():
    drawn = broadcast_case(*domains)
    CASES[f"tinygrad_np.ops.arithmetic.{name}"] = with_complex_arguments(drawn) if name in _COMPLEX else drawn


for key, domains in {
    "elementary.tanh_gradient": [_SIGNED] * 2,
    "activations.sigmoid_gradient": [_SIGNED] * 2,
    "activations.relu_gradient": [_SIGNED, _NONZERO],
    "piecewise_activations.leaky_relu_gradient": [_SIGNED, _NONZERO, _SIGNED],
    "piecewise_activations.leaky_relu": [_NONZERO, _SIGNED],
}.items():
    drawn = broadcast_case(*domains)
    CASES[f"tinygrad_np.ops.{key}"] = with_complex_arguments(drawn) if key == "elementary.tanh_gradient" else drawn


@case("ops.arithmetic.remainder")
def _remainder(draw: Any) -> Any:
    # x/y = k + 1/2 with y not 0: as far from the jumps as can be
    x_shape, y_shape = draw(st.sampled_from([((2, 3), (2, 3)), ((2, 3), ()), ((2,), (1,)), ((0,), (0,)), ((), ())]))
    y = draw(lattice(y_shape, zero=False))
    return ((draw(hnp.arrays(np.int64, x_shape, elements=st.integers(-3, 3), fill=st.nothing())) + 0.5) * y, y), {}


_exponents = st.sampled_from([0, 1, 2, 3, -1, 0.0, 1.0, 2.0, 0.5, -1.5])  # Python's numbers go ways of their own
CASES["tinygrad_np.ops.arithmetic.power"] |= st.tuples(
    shapes.flatmap(lambda shape: lattice(shape, **_POSITIVE)), _exponents
).map(lambda xs: (xs, {}))


@case("ops.arithmetic.masked")
def _masked(draw: Any) -> Any:
    (x, mask), _ = draw(broadcast_case({}, {}))
    return (draw(with_complex(st.just(x))), mask > 0), {}


@case("ops.arithmetic.where")
def _where(draw: Any) -> Any:
    (c, x, y), _ = draw(broadcast_case({}, {}, {}))
    return (c > 0, draw(with_complex(st.just(x))), draw(with_complex(st.just(y)))), {}
