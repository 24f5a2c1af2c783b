"""Patches and their transpose."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from .base import case, lattice
from .windows import draw_windows, outputs


def _patches(draw: Any) -> tuple[Any, tuple[int, ...], dict[str, Any]]:
    size, geometry, kernel = draw_windows(draw)
    out = outputs(size, kernel, **geometry)
    lead = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    return lead, size, geometry | {"kernel_size": kernel, "output_size": out}


@case("ops.patches.unfold_op")
def _unfold(draw: Any) -> Any:
    (n, channels), size, geometry = _patches(draw)
    return (draw(lattice((n, *size, channels))),), geometry


@case("ops.patches.fold_op")
def _fold(draw: Any) -> Any:
    (n, channels), size, geometry = _patches(draw)
    shape = (n, *geometry["output_size"], *geometry["kernel_size"], channels)
    return (draw(lattice(shape)),), geometry | {"size": size}
