"""Products."""

from __future__ import annotations

import string
from typing import Any

from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from .base import case, lattice


def gaussian(shape: Any) -> Any:
    """Real numbers of the lattice, or Gaussian ones k/8 + i m/8: their products are exact too."""
    return lattice(shape) | st.tuples(lattice(shape), lattice(shape)).map(lambda parts: parts[0] + 1j * parts[1])


@case("ops.linalg.matmul_op")
def _matmul(draw: Any) -> Any:
    m, k, n = draw(st.tuples(*[st.integers(0, 3)] * 3))
    if draw(st.booleans()):
        shapes = draw(st.sampled_from([((k,), (k,)), ((m, k), (k,)), ((k,), (k, n))]))
        return tuple(draw(gaussian(shape)) for shape in shapes), {}
    left, right = draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=2, max_side=2)).input_shapes
    return (draw(gaussian((*left, m, k))), draw(gaussian((*right, k, n)))), {}


@case("ops.dense.affine_op")
def _affine(draw: Any) -> Any:
    n, features, outputs = draw(st.tuples(*[st.integers(0, 3)] * 3))
    return (draw(gaussian((n, features))), draw(gaussian((features, outputs))), draw(gaussian((outputs,)))), {}


@case("ops.linalg.einsum_op")
def _einsum(draw: Any) -> Any:
    text = draw(
        st.sampled_from(["ij,jk->ik", "ij,ij->", "i,j->ij", "ij->ji", "bij,bjk,k->bi", "ij,jk,kl->il", "ij,j,i->ji"])
    )
    if draw(st.integers(0, 9)) == 9:  # no letter is left for a batch
        return tuple(draw(lattice(())).reshape((1,) * 52) for _ in range(2)), {
            "inputs": (string.ascii_letters,) * 2,
            "output": "",
        }
    left, _, output = text.partition("->")
    inputs = tuple(left.split(","))
    size = {label: draw(st.integers(1, 3)) for label in "ijklb"}
    return tuple(draw(gaussian(tuple(size[a] for a in labels))) for labels in inputs), {
        "inputs": inputs,
        "output": output,
    }
