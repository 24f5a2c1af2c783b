"""numpy.fft: lengths cropped and padded, axes from either end and repeated, all norms, real and complex signals."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from .base import arrays, axes_of, axis_of, keywords, option

norms = [None, "backward", "ortho", "forward"]
points = st.integers(1, 5)


@st.composite
def signals(draw, shape, kind=None):
    """Real or complex arrays."""
    x = draw(arrays(shape))
    return x * (1 + 0.5j) - 0.25j if (kind or draw(st.sampled_from("fc"))) == "c" else x


def _kind(function):
    return "f" if function.__name__ in ("rfft", "rfft2", "rfftn", "ihfft") else None


@option("numpy.fft.fft", "numpy.fft.ifft", "numpy.fft.rfft", "numpy.fft.irfft", "numpy.fft.hfft", "numpy.fft.ihfft")
def _(draw, function):
    shape = draw(st.lists(st.integers(0, 3), min_size=1, max_size=3))
    axis = draw(axis_of(len(shape)))
    options = draw(keywords(n=points, norm=norms)) | ({} if axis == -1 else {"axis": axis})
    halved = function in (np.fft.irfft, np.fft.hfft) and "n" not in options
    shape[axis] = draw(st.integers(2 if halved else 1, 4))
    x = draw(signals(tuple(shape), _kind(function)))
    return lambda x: function(x, **options), (x,)


@option(*[f"numpy.fft.{kind}{dims}" for kind in ("fft", "ifft", "rfft", "irfft") for dims in "2n"])
def _(draw, function):
    name = function.__name__
    ndim = draw(st.integers(2 if name.endswith("2") else 1, 3))
    x = draw(signals(draw(st.tuples(*[st.integers(2, 3)] * ndim)), _kind(function)))
    options = draw(keywords(norm=norms))
    axes = (-2, -1) if name.endswith("2") else None
    if draw(st.booleans()):
        axes = draw(axes_of(ndim, least="r" in name))
        if "r" in name and draw(st.integers(0, 3)) == 0:  # a repeated axis; fft twice is a permutation, but for noise
            axes = (axes[-1], *axes)
        options["axes"] = axes
    if axes is not None and draw(st.booleans()):
        options["s"] = tuple(draw(st.sampled_from([-1, 1, 2, 3, 4])) for _ in axes)
    return lambda x: function(x, **options), (x,)


@option("numpy.fft.fftshift", "numpy.fft.ifftshift")
def _(draw, function):
    x = draw(arrays(st.lists(st.integers(0, 4), min_size=1, max_size=3).map(tuple)))
    options = draw(keywords(axes=st.one_of(st.none(), axis_of(x.ndim), axes_of(x.ndim, least=1))))
    return lambda x: function(x, **options), (x,)
