"""Extrema that pass over NaN, signs, remainders, the parts of a number."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from .base import CASES, broadcast_case, case, lattice, shapes

_NONZERO = {"zero": False}
CASES["tinygrad_np.ops.numerics.fmax"] = CASES["tinygrad_np.ops.numerics.fmin"] = broadcast_case({}, {})
CASES["tinygrad_np.ops.numerics.copysign"] = broadcast_case(_NONZERO, _NONZERO)
CASES["tinygrad_np.ops.numerics.fabs"] = shapes.flatmap(lattice).map(lambda x: ((x,), {}))
CASES["tinygrad_np.ops.numerics.exponent"] = shapes.flatmap(lattice).map(lambda x: ((x,), {}))
CASES["tinygrad_np.ops.numerics.fraction"] = shapes.flatmap(lattice).map(lambda x: ((x + 0.0625,), {}))


@case("ops.numerics.heaviside")
def _heaviside(draw: Any) -> Any:
    # with respect to x it has a jump at 0, so the zeros are among integers, which have no derivative
    (x, y), _ = draw(broadcast_case({"zero": False}, {}))
    return (np.asarray(np.trunc(x), np.int16) if draw(st.booleans()) else x, y), {}


@case("ops.numerics.fmod")
def _fmod(draw: Any) -> Any:
    # x/y = k + 1/2 with y not 0: as far from the jumps as can be
    x_shape, y_shape = draw(st.sampled_from([((2, 3), (2, 3)), ((2, 3), ()), ((2,), (1,)), ((0,), (0,)), ((), ())]))
    y = draw(lattice(y_shape, zero=False))
    k = draw(hnp.arrays(np.int64, x_shape, elements=st.integers(-3, 3), fill=st.nothing()))
    return ((k + 0.5) * y, y), {}


@case("ops.numerics.ldexp")
def _ldexp(draw: Any) -> Any:
    (x, n), _ = draw(broadcast_case({}, {}))
    return (x, np.asarray(np.rint(n), np.int32)), {}
