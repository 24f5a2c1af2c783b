"""Products."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from .base import case, lattice


@case("ops.linalg.matmul_op")
def _matmul(draw: Any) -> Any:
    m, k, n = draw(st.tuples(*[st.integers(0, 3)] * 3))
    left, right = draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=2, max_side=2)).input_shapes
    return (draw(lattice((*left, m, k))), draw(lattice((*right, k, n)))), {}


@case("ops.dense.affine_op")
def _affine(draw: Any) -> Any:
    n, features, outputs = draw(st.tuples(*[st.integers(0, 3)] * 3))
    return (draw(lattice((n, features))), draw(lattice((features, outputs))), draw(lattice((outputs,)))), {}


@case("ops.linalg.einsum_op")
def _einsum(draw: Any) -> Any:
    text = draw(
        st.sampled_from(["ij,jk->ik", "ij,ij->", "i,j->ij", "ij->ji", "bij,bjk,k->bi", "ij,jk,kl->il", "ij,j,i->ji"])
    )
    left, _, output = text.partition("->")
    inputs = tuple(left.split(","))
    size = {label: draw(st.integers(1, 3)) for label in "ijklb"}
    return tuple(draw(lattice(tuple(size[a] for a in labels))) for labels in inputs), {
        "inputs": inputs,
        "output": output,
    }
