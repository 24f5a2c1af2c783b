"""Standardising over axes, and indices in bounds."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from .base import case, draw_axes, lattice, nonempty, shapes


def _groups(draw: Any) -> Any:
    """Draw an array, an array strategy for a value of each group, perhaps broadcast, and options."""
    x = draw(nonempty.flatmap(lattice))
    eps = draw(st.sampled_from([0.5, 2.0]))  # of the order of the variance: with less, constant parts are all pole
    axis = draw(st.sampled_from([draw_axes(draw, x), (0,)])) or (0,)
    full = tuple(1 if i in axis else n for i, n in enumerate(x.shape))
    shape = st.sampled_from([full, tuple(1 for _ in full), ()])
    return x, full, shape, {"axis": axis, "eps": eps, "centred": draw(st.booleans())}


@case("ops.standardizing.standardize_op")
def _standardize(draw: Any) -> Any:
    x, _, shape, options = _groups(draw)
    return (x, draw(shape.flatmap(lattice)), draw(shape.flatmap(lattice))), options


@case("ops.standardizing.standardize_gradient_op")
def _standardize_gradient(draw: Any) -> Any:
    x, full, shape, options = _groups(draw)
    mean_bar, var_bar, mean = (draw(lattice(full)) for _ in range(3))
    scale, var = draw(shape.flatmap(lattice)), draw(lattice(full, 0.25, 2))
    return (draw(lattice(x.shape)), mean_bar, var_bar, x, scale, mean, var), options


@case("ops.bounds.in_bounds_op")
def _in_bounds(draw: Any) -> Any:
    indices = hnp.arrays(draw(st.sampled_from([np.int64, np.uint8])), shapes, elements=st.integers(0, 4))
    return (draw(indices),), {"size": 5, "what": "index"}
