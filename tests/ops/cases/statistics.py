"""Histograms and what they stand on."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from .base import CASES, case, fixed_options, lattice, shapes

CASES["tinygrad_np.ops.histograms.edges_op"] = st.tuples(
    lattice(5), fixed_options(bins=st.integers(1, 4), range=st.sampled_from([None, (-1.0, 2.0)]))
).map(lambda c: ((c[0],), c[1]))


@case("ops.histograms.digitize_op")
def _digitize(draw: Any) -> Any:
    edges = np.sort(draw(lattice(draw(st.integers(1, 4)), -0.25, 0.25)))
    return (draw(shapes.flatmap(lambda shape: lattice(shape, -0.25, 0.25))), edges), {"right": draw(st.booleans())}
