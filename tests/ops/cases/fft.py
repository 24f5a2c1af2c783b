"""Fourier transforms. Lengths 1, 2 and 4 have no rounding on the lattice unless norm asks for √2; 3 and 5 are odd."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from .base import case, lattice

norms = st.sampled_from(["backward", "ortho", "forward"])


def _place(draw: Any, length: int) -> tuple[tuple[int, ...], int]:
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=2))
    axis = draw(st.integers(0, len(shape)))
    return (*shape[:axis], length, *shape[axis:]), axis


def _length(draw: Any) -> tuple[int, str]:
    """A length and a norm: for 1, 2 and 4 with dyadic factors, so that the adjoint identity holds to the last bit."""
    n = draw(st.sampled_from([1, 2, 4, 3, 5]))
    return n, draw(st.sampled_from(["backward", "forward"]) if n == 2 else norms)


def _values(draw: Any, shape: tuple[int, ...], *, real: bool) -> Any:
    x = draw(lattice(shape))
    return x if real else x + 1j * draw(lattice(shape))


@case("ops.fft.fft_op")
def _fft(draw: Any) -> Any:
    n, norm = _length(draw)
    shape, axis = _place(draw, n)
    x = _values(draw, shape, real=draw(st.booleans()))
    return (x,), {"axis": axis, "norm": norm, "inverse": draw(st.booleans())}


@case("ops.fft.rfft_op")
def _rfft(draw: Any) -> Any:
    n, norm = _length(draw)
    shape, axis = _place(draw, n)
    return (_values(draw, shape, real=True),), {"axis": axis, "norm": norm}


@case("ops.fft.irfft_op")
def _irfft(draw: Any) -> Any:
    n, norm = _length(draw)
    shape, axis = _place(draw, n // 2 + 1)
    return (_values(draw, shape, real=draw(st.booleans())),), {"n": n, "axis": axis, "norm": norm}
