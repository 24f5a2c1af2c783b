"""Elementary functions of one real or complex variable: exponentials, logarithms, (arc) trigonometric, hyperbolic."""

from __future__ import annotations

import math

import numpy as np

from ..core.families import broadcasting, elementwise
from ..core.primitive import Primitive
from ..core.tensor import Array, dtype_of
from ..kernels import elementwise as kernels


def _cosine(x: Array) -> Array:
    """Return sqrt(1 - x²); on the cuts x² > 1 of the complex plane, in the branch of arcsin(x).

    Which side of a cut x is on is told by the sign of its imaginary zero, and 1 - x would lose that.
    """
    return np.sqrt((-(x - 1) if dtype_of(x).kind == "c" else 1 - x) * (1 + x))


exp = elementwise(np.exp, "y' = y.", from_output=lambda y: y)
exp2 = elementwise(np.exp2, "y' = y log 2.", from_output=lambda y: y * math.log(2))
expm1 = elementwise(np.expm1, "y' = exp(x) = y + 1.", from_output=lambda y: y + 1)
log = elementwise(np.log, "y' = 1/x.", derivative=lambda x: 1 / x, pole=True)
log1p = elementwise(np.log1p, "y' = 1/(1 + x).", derivative=lambda x: 1 / (1 + x), pole=True)
log2 = elementwise(np.log2, "y' = 1/(x log 2).", derivative=lambda x: 1 / (x * math.log(2)), pole=True)
log10 = elementwise(np.log10, "y' = 1/(x log 10).", derivative=lambda x: 1 / (x * math.log(10)), pole=True)

sin = elementwise(np.sin, "y' = cos(x).", derivative=np.cos)
cos = elementwise(np.cos, "y' = -sin(x).", derivative=lambda x: -np.sin(x))
tan = elementwise(np.tan, "y' = 1 + y².", from_output=lambda y: 1 + y * y)
arcsin = elementwise(np.arcsin, "y' = 1/sqrt(1 - x²).", derivative=lambda x: 1 / _cosine(x), pole=True)
arccos = elementwise(np.arccos, "y' = -1/sqrt(1 - x²).", derivative=lambda x: -1 / _cosine(x), pole=True)
arctan = elementwise(np.arctan, "y' = 1/(1 + x²).", derivative=lambda x: 1 / (1 + x * x))

sinh = elementwise(np.sinh, "y' = cosh(x).", derivative=np.cosh)
cosh = elementwise(np.cosh, "y' = sinh(x).", derivative=np.sinh)
tanh_gradient: Primitive = broadcasting(
    kernels.tanh_gradient,
    "z = g (1 - y²), what tanh's rule is with its output y: ∂g = 1 - y², ∂y = -2 g y.",
    g=lambda z, g, y: lambda h: tanh_gradient(h, y),
    y=lambda z, g, y: lambda h: h * (g * (-2 * y)),
    module=__name__,
)
tanh = elementwise(np.tanh, "y' = 1 - y².", gradient=tanh_gradient)
arcsinh = elementwise(np.arcsinh, "y' = 1/sqrt(x² + 1).", derivative=lambda x: 1 / np.sqrt(x * x + 1))
arccosh = elementwise(
    np.arccosh,
    "y' = 1/sqrt(x² - 1), in the branch sqrt(x - 1) sqrt(x + 1).",
    derivative=lambda x: 1 / (np.sqrt(x - 1) * np.sqrt(x + 1)),
    pole=True,
)
arctanh = elementwise(np.arctanh, "y' = 1/(1 - x²).", derivative=lambda x: 1 / ((1 - x) * (1 + x)), pole=True)

deg2rad = elementwise(
    np.deg2rad, "y' = π/180.", derivative=lambda x: math.pi / 180, implements=(np.deg2rad, np.radians)
)
rad2deg = elementwise(
    np.rad2deg, "y' = 180/π.", derivative=lambda x: 180 / math.pi, implements=(np.rad2deg, np.degrees)
)
