"""Functions without a derivative."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from .base import CASES, broadcast_case, lattice, nonempty, shapes

_TESTS1 = ["sign", "floor", "ceil", "trunc", "rint", "isnan", "isinf", "isfinite", "signbit", "logical_not"]
_TESTS2 = ["equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "logical_and", "logical_or",
           "logical_xor", "floor_divide", "isclose", "allclose", "array_equal"]  # fmt: skip
_TESTS = ["any", "all", "count_nonzero", "nonzero", "round", "flatnonzero", "argwhere", "zeros_like", "ones_like"]
for name in [*_TESTS1, *_TESTS]:
    CASES[f"tinygrad_np.ops.nondifferentiable.{name}"] = nonempty.flatmap(lattice).map(lambda x: ((x,), {}))
for name in _TESTS2:
    CASES[f"tinygrad_np.ops.nondifferentiable.{name}"] = broadcast_case({}, {"zero": False})
for name in ["argmax", "argmin", "argsort"]:
    CASES[f"tinygrad_np.ops.nondifferentiable.{name}"] = nonempty.flatmap(lattice).map(lambda x: ((x,), {"axis": -1}))
CASES["tinygrad_np.ops.nondifferentiable.searchsorted"] = st.tuples(lattice(4), lattice((2, 2))).map(
    lambda xs: ((np.sort(xs[0]), xs[1]), {})
)
CASES["tinygrad_np.transforms.stop._constant"] = shapes.flatmap(lattice).map(lambda x: ((x,), {}))
