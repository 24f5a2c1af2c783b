"""Functions without a derivative."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from .base import CASES, broadcast_case, case, draw_axes, lattice, nonempty, shapes
from .elementwise import with_complex

_HERE = "tinygrad_np.ops.nondifferentiable."
_small = st.integers(0, 5)


def _integers(shape: Any) -> Any:
    return hnp.arrays(np.int64, shape, elements=_small, fill=st.nothing())


_ELEMENTWISE = ["sign", "floor", "ceil", "trunc", "rint", "isnan", "isinf", "isfinite", "signbit", "logical_not",
                "fix", "iscomplex", "isreal", "isneginf", "isposinf"]  # fmt: skip
_PAIRS = ["equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "logical_and", "logical_or",
          "logical_xor", "floor_divide", "isclose", "allclose", "array_equal", "array_equiv"]  # fmt: skip
for name in [*_ELEMENTWISE, "nonzero", "flatnonzero", "argwhere"]:
    CASES[_HERE + name] = nonempty.flatmap(lattice).map(lambda x: ((x,), {}))
_special = st.sampled_from([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.5, -1.5])
for name in ["isnan", "isinf", "isfinite", "isneginf", "isposinf", "signbit"]:
    CASES[_HERE + name] = hnp.arrays(np.float64, nonempty, elements=_special, fill=st.nothing()).map(
        lambda x: ((x,), {})
    )
for name in ["iscomplex", "isreal"]:
    CASES[_HERE + name] = with_complex(nonempty.flatmap(lattice)).map(lambda x: ((x,), {}))
_few, _some = {"low": -0.25, "high": 0.25}, {"low": -0.25, "high": 0.25, "zero": False}  # so that some are equal
for name in _PAIRS:
    CASES[_HERE + name] = broadcast_case(_few, _some) | broadcast_case({}, {"zero": False})
for name in ["logical_and", "logical_or", "logical_xor"]:
    CASES[_HERE + name] = broadcast_case({"low": -0.125, "high": 0.125}, {"low": -0.125, "high": 0.125})
for name in ["allclose", "array_equal", "array_equiv"]:
    CASES[_HERE + name] |= nonempty.flatmap(lattice).map(lambda x: ((x, x.copy()), {}))
for name in ["round", "around"]:
    CASES[_HERE + name] = st.tuples(shapes.flatmap(lattice), st.integers(0, 2)).map(
        lambda case: ((case[0],), {"decimals": case[1]})
    )
for name in ["zeros_like", "ones_like"]:
    CASES[_HERE + name] = st.tuples(shapes.flatmap(lattice), st.sampled_from([None, (2, 3), ()])).map(
        lambda case: ((case[0],), {"shape": case[1]})
    )
for name in ["invert", "bitwise_count"]:
    CASES[_HERE + name] = shapes.flatmap(_integers).map(lambda x: ((x,), {}))
_mutual = hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3)
_integer_pairs = _mutual.flatmap(lambda m: st.tuples(*map(_integers, m.input_shapes)))
for name in ["bitwise_and", "bitwise_or", "bitwise_xor", "left_shift", "right_shift", "gcd", "lcm"]:
    CASES[_HERE + name] = _integer_pairs.map(lambda xs: (xs, {}))
CASES[_HERE + "ravel_multi_op"] = _integer_pairs.map(lambda xs: (xs, {"dims": (6, 7), "mode": "raise", "order": "C"}))
CASES[_HERE + "unravel_op"] = shapes.flatmap(_integers).map(lambda x: ((x,), {"shape": (2, 3), "order": "F"}))

for name in ["any", "all", "count_nonzero"]:

    @case(f"ops.nondifferentiable.{name}")
    def _reduction(draw: Any) -> Any:
        x = draw(shapes.flatmap(lambda shape: lattice(shape, -0.125, 0.125)))  # some are 0
        axis = draw(st.sampled_from([None, draw_axes(draw, x), *range(-x.ndim, x.ndim)]))
        return (x,), {"axis": axis, "keepdims": draw(st.booleans())}


for name in ["argmax", "argmin", "argsort", "argpartition"]:

    @case(f"ops.nondifferentiable.{name}")
    def _along_axis(draw: Any, name: str = name) -> Any:
        x = draw(nonempty.flatmap(lattice))
        options: dict[str, Any] = {"axis": draw(st.sampled_from([None, *range(-x.ndim, x.ndim)]))}
        if name in ("argmax", "argmin"):
            options["keepdims"] = draw(st.booleans())
        return (x,), options | ({"kth": 0} if name == "argpartition" else {})


@case("ops.nondifferentiable.lexsort_op")
def _lexsort(draw: Any) -> Any:
    shape = draw(nonempty)
    return (draw(lattice(shape)), draw(lattice(shape))), {"axis": draw(st.integers(0, len(shape) - 1))}


CASES[_HERE + "searchsorted"] = st.tuples(lattice(4), shapes.flatmap(lattice), st.sampled_from(["left", "right"])).map(
    lambda case: ((np.sort(case[0]), case[1]), {"side": case[2]})
)
_elements = nonempty.flatmap(lambda shape: lattice(shape, **_few))
CASES[_HERE + "isin"] = st.tuples(_elements, lattice(2, **_few), st.booleans()).map(
    lambda case: (case[:2], {"invert": case[2]})
)
CASES["tinygrad_np.transforms.stop._constant"] = shapes.flatmap(lattice).map(lambda x: ((x,), {}))
