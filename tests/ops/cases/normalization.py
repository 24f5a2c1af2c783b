"""Standardising over axes, and indices in bounds."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from .base import case, draw_axes, lattice, nonempty, shapes


@case("ops.standardizing.standardize_op")
def _standardize(draw: Any) -> Any:
    x = draw(nonempty.flatmap(lattice))
    eps = draw(st.sampled_from([0.5, 2.0]))  # of the order of the variance: with less, constant parts are all pole
    return (x,), {"axis": draw_axes(draw, x) or (0,), "eps": eps, "centred": draw(st.booleans())}


@case("ops.bounds.in_bounds_op")
def _in_bounds(draw: Any) -> Any:
    indices = hnp.arrays(draw(st.sampled_from([np.int64, np.uint8])), shapes, elements=st.integers(0, 4))
    return (draw(indices),), {"size": 5, "what": "index"}
