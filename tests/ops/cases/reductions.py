"""Reductions and the softmax family."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from .base import CASES, case, distinct, draw_axes, lattice, nonempty, shapes


def _reduction(draw: Any, array: Any, **options: Any) -> Any:
    x = draw(array)
    return (x,), {"axis": draw_axes(draw, x), "keepdims": draw(st.booleans())} | options


for name, array in {
    "sum_op": shapes.flatmap(lattice),
    "mean_op": nonempty.flatmap(lattice),
    "var_op": nonempty.flatmap(lattice),
    "std_op": nonempty.flatmap(distinct),
    "max_op": nonempty.flatmap(distinct),
    "min_op": nonempty.flatmap(distinct),
}.items():
    CASES[f"tinygrad_np.ops.reductions.{name}"] = st.composite(lambda draw, a=array: _reduction(draw, a))()
CASES["tinygrad_np.ops.norms.norm_op"] = st.composite(
    lambda draw: _reduction(draw, nonempty.flatmap(lambda s: lattice(s, 0.125)))
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
