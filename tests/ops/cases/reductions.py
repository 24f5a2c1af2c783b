"""Reductions and the softmax family."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from .base import CASES, case, distinct, draw_axes, lattice, nonempty, shapes
from .elementwise import with_complex


def _reduction(draw: Any, array: Any, **options: Any) -> Any:
    x = draw(array)
    return (x,), {"axis": draw_axes(draw, x), "keepdims": draw(st.booleans())} | options


def _deviation(draw: Any, array: Any) -> Any:
    """Draw a reduction with degrees of freedom to lose, of which at least a half is left."""
    (x,), options = _reduction(draw, array)
    count = np.prod([x.shape[i] for i in options["axis"]])
    return (x,), options | {"ddof": draw(st.sampled_from([ddof for ddof in (0, 1, 0.5) if ddof < count]))}


for name, array in {
    "var_op": with_complex(nonempty.flatmap(lattice)),
    "std_op": with_complex(nonempty.flatmap(distinct)),
}.items():
    CASES[f"tinygrad_np.ops.reductions.{name}"] = st.composite(lambda draw, a=array: _deviation(draw, a))()
for name, array in {
    "mean_op": with_complex(nonempty.flatmap(lattice)),
    "max_op": nonempty.flatmap(distinct),
    "min_op": nonempty.flatmap(distinct),
}.items():
    CASES[f"tinygrad_np.ops.reductions.{name}"] = st.composite(lambda draw, a=array: _reduction(draw, a))()


@case("ops.reductions.sum_op")
def _sum(draw: Any) -> Any:
    xs, options = _reduction(draw, with_complex(shapes.flatmap(lattice)))
    return xs, options | ({"reorder": True} if draw(st.booleans()) else {})


CASES["tinygrad_np.ops.norms.norm_op"] = st.composite(
    lambda draw: _reduction(draw, with_complex(nonempty.flatmap(lambda s: lattice(s, 0.125))))
)()
CASES["tinygrad_np.ops.activations.logsumexp_op"] = st.composite(
    lambda draw: _reduction(draw, nonempty.flatmap(lattice))
)()


@case("ops.reductions.cumsum_op")
def _cumsum(draw: Any) -> Any:
    x = draw(nonempty.flatmap(lattice))
    return (x,), {"axis": draw(st.integers(0, x.ndim - 1))}


for name in ("softmax_op", "log_softmax_op"):

    @case(f"ops.activations.{name}")
    def _softmax(draw: Any) -> Any:
        x = draw(nonempty.flatmap(lattice))
        return (x,), {"axis": draw_axes(draw, x)}
