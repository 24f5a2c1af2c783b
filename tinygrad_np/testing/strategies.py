"""Hypothesis strategies for arrays and geometries at which derivatives can be tested.

Values lie on the lattice k/8, on which float64 sums and products are exact, or between its points. Either way they hit
a kink exactly or stay 1/8 away, and keep away from poles. All shrink towards contiguous arrays of ones, small shapes
and plain windows.

Examples
--------
>>> from hypothesis import given
>>> from tinygrad_np.testing import check_grads, strategies
>>> @given(strategies.arrays(low=0.125, high=4.0))
... def test_sqrt(x):
...     check_grads(np.sqrt, (x,))
>>> test_sqrt()
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import DTypeLike, NDArray

Shape = tuple[int, ...]
STEP = 1 / 8

dtypes: st.SearchStrategy[np.dtype[Any]] = st.sampled_from([np.dtype(np.float64), np.dtype(np.float32)])


def shapes(
    min_dims: int = 0, max_dims: int = 3, *, min_side: int = 0, max_side: int = 3, max_size: int = 24
) -> st.SearchStrategy[Shape]:
    """Draw shapes: 0-d, with axes of length 0 and 1, and of no more than `max_size` elements."""
    sides = st.integers(min_side, max_side)
    drawn = st.lists(sides, min_size=min_dims, max_size=max_dims).map(tuple)
    return drawn.filter(lambda shape: math.prod(shape) <= max_size)


@st.composite
def broadcastable(
    draw: st.DrawFn, count: int = 2, *, max_dims: int = 3, min_side: int = 0, max_side: int = 3
) -> tuple[Shape, ...]:
    """Draw that many shapes that broadcast together: each lacks some leading axes or has length 1 along some."""
    full = draw(shapes(0, max_dims, min_side=min_side, max_side=max_side))
    given = []
    for _ in range(count):
        kept = full[draw(st.integers(0, len(full))) :]
        given.append(tuple(1 if draw(st.booleans()) else n for n in kept))
    return tuple(given)


@st.composite
def arrays(
    draw: st.DrawFn,
    shape: Shape | st.SearchStrategy[Shape] | None = None,
    dtype: DTypeLike | st.SearchStrategy[Any] = np.float64,
    *,
    low: float = -2.0,
    high: float = 2.0,
    away_from: Sequence[float] = (),
    kinks: Sequence[float] = (0.0,),
    lattice: bool = True,
    distinct: bool = False,
    strided: bool = True,
) -> NDArray[Any]:
    """Draw arrays of real or complex floating-point numbers.

    Parameters
    ----------
    shape : tuple or strategy
        As `shapes` by default.
    dtype : dtype or strategy
        For a complex one, real and imaginary part are drawn alike.
    low, high : float
        Bounds, included.
    away_from : sequence of float
        Poles: no value comes nearer than 1/8, with a tolerance of rounding.
    kinks : sequence of float
        Values off the lattice come no nearer than 1/8, unless they are hit. Multiples of 1/8.
    lattice : bool
        Whether all values are multiples of 1/8; else most lie between.
    distinct : bool
        No two values are equal: they are 1/8 apart or more, for sorting and the like. `high` is then raised as needed.
    strided : bool
        Whether the array may be non-contiguous, have negative strides or its axes reversed in memory.

    Raises
    ------
    ValueError
        If no value is left between the bounds.
    """
    shape = draw(shapes() if shape is None else shape) if not isinstance(shape, tuple) else shape
    dtype = np.dtype(draw(dtype) if isinstance(dtype, st.SearchStrategy) else dtype)
    parts = (*shape, 2) if dtype.kind == "c" else shape
    size = math.prod(parts)
    points = _points(low, high, away_from, size if distinct else 1)
    values = np.array(
        draw(st.lists(st.sampled_from(points), min_size=size, max_size=size, unique=distinct)), np.float64
    )
    if not lattice and not distinct:
        values += _offsets(draw, values, (*kinks, *away_from, high))
    values = values.reshape(parts)
    values = values[..., 0] + 1j * values[..., 1] if dtype.kind == "c" else values
    values = np.asarray(values).astype(dtype)
    return draw(st.sampled_from(LAYOUTS))(values) if strided else values


def _points(low: float, high: float, away_from: Sequence[float], count: int) -> list[float]:
    """Return the lattice between the bounds, 1 first as the value to shrink to; no fewer points than count."""
    ks = range(
        math.ceil(low / STEP), max(math.floor(high / STEP), math.ceil(low / STEP) + count + 3 * len(away_from)) + 1
    )
    bounds = high if count == 1 else math.inf
    points = [k * STEP for k in ks if k * STEP <= bounds and all(abs(k * STEP - pole) >= STEP for pole in away_from)]
    if not points:
        raise ValueError(f"strategies.arrays: no multiple of 1/8 lies in [{low}, {high}] away from {tuple(away_from)}.")
    return sorted(points, key=lambda value: (abs(value - 1), -value))


def _offsets(draw: st.DrawFn, values: NDArray[np.float64], bounds: Sequence[float]) -> NDArray[np.float64]:
    """Draw a shift below 1/8 for each value, towards no kink, pole or bound that is less than 1/4 away."""
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    offsets = rng.uniform(0, STEP, values.shape)
    for bound in bounds:
        offsets[(values > bound - 2 * STEP) & (values < bound + STEP)] = 0
    return offsets


def _every_second(x: NDArray[Any]) -> NDArray[Any]:
    wide = np.full((*x.shape, 2), np.nan, x.dtype)  # nan: whoever reads between the elements will show it
    wide[..., 0] = x
    return wide[..., 0]


LAYOUTS = (
    lambda x: x,
    lambda x: np.ascontiguousarray(x[(slice(None, None, -1),) * x.ndim])[(slice(None, None, -1),) * x.ndim],
    _every_second,
    lambda x: np.array(x, order="F"),
)


@dataclasses.dataclass(frozen=True)
class Window:
    """A geometry of windows; `size`, `kernel_size`, `stride`, `dilation` and `padding` have an entry a spatial axis.

    Attributes
    ----------
    batch, channels : int
        Of the input.
    size : tuple of int
        Of the input.
    kernel_size, stride, dilation : tuple of int
        Of the windows.
    padding : tuple of pairs
        (low, high).
    groups, filters : int
        Of a convolution; 1 and the number of channels for a pool.
    """

    batch: int
    channels: int
    size: Shape
    kernel_size: Shape
    stride: Shape
    dilation: Shape
    padding: tuple[tuple[int, int], ...]
    groups: int
    filters: int

    @property
    def options(self) -> dict[str, Any]:
        """Keyword arguments for `conv`; for pools there are no groups."""
        return {"stride": self.stride, "padding": self.padding, "dilation": self.dilation, "groups": self.groups}

    @property
    def output_size(self) -> Shape:
        """Number of windows along each axis, rounded down."""
        axes = zip(self.size, self.kernel_size, self.stride, self.dilation, self.padding, strict=True)
        return tuple((n + sum(p) - (k - 1) * d - 1) // s + 1 for n, k, s, d, p in axes)

    def input_shape(self, layout: str = "channels_last") -> Shape:
        """Shape of x."""
        last = layout == "channels_last"
        return (self.batch, *self.size, self.channels) if last else (self.batch, self.channels, *self.size)

    def kernel_shape(self, layout: str = "channels_last") -> Shape:
        """Shape of the kernel of a convolution."""
        depth = self.channels // self.groups
        last = layout == "channels_last"
        return (*self.kernel_size, depth, self.filters) if last else (self.filters, depth, *self.kernel_size)


@st.composite
def conv_geometry(draw: st.DrawFn, *, max_dims: int = 3) -> Window:
    """Draw geometries of convolutions with at least one window: small, seldom square, with gaps and overhang."""
    dims = draw(st.integers(1, max_dims))
    axes = [draw(_axis(longest=5 - dims, half=False)) for _ in range(dims)]
    groups = draw(st.integers(1, 2))
    depth, filters = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    return _window(draw, axes, groups * depth, groups, groups * filters)


@st.composite
def pool_geometry(draw: st.DrawFn, *, max_dims: int = 3) -> Window:
    """Draw geometries of pools: as `conv_geometry`, with a padding of at most half a window."""
    dims = draw(st.integers(1, max_dims))
    axes = [draw(_axis(longest=5 - dims, half=True)) for _ in range(dims)]
    channels = draw(st.integers(1, 2))
    return _window(draw, axes, channels, 1, channels)


def _window(draw: st.DrawFn, axes: list[Any], channels: int, groups: int, filters: int) -> Window:
    size, kernel_size, stride, dilation, padding = (tuple(each) for each in zip(*axes, strict=True))
    return Window(draw(st.integers(1, 2)), channels, size, kernel_size, stride, dilation, padding, groups, filters)


@st.composite
def _axis(draw: st.DrawFn, longest: int, half: bool) -> tuple[int, int, int, int, tuple[int, int]]:
    """Draw (size, kernel_size, stride, dilation, padding) with a window or more."""
    kernel, stride, dilation = draw(st.integers(1, longest)), draw(st.integers(1, 3)), draw(st.integers(1, 2))
    most = kernel // 2 if half else 2
    padding = draw(st.tuples(st.integers(0, most), st.integers(0, most)))
    least = max(1, (kernel - 1) * dilation + 1 - sum(padding))
    return draw(st.integers(least, least + 3)), kernel, stride, dilation, padding


@st.composite
def network_inputs(
    draw: st.DrawFn,
    image_shape: Shape | st.SearchStrategy[Shape] = (28, 28, 1),
    classes: int = 10,
    *,
    max_batch: int = 3,
    dtype: DTypeLike = np.float32,
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Draw batches of images and their labels, as a network takes them.

    Parameters
    ----------
    image_shape : tuple or strategy
        (height, width, channels).
    classes : int
        Labels are 0 to classes - 1.
    max_batch : int
        Batches have 1 to so many images.
    dtype : dtype
        Of the images.

    Returns
    -------
    images : array
        (batch, height, width, channels), in [0, 1], multiples of 1/8: blank ones, with ties everywhere; strokes on a
        blank ground, as digits are; or noise.
    labels : array
        (batch,) of int64.
    """
    shape = draw(image_shape) if isinstance(image_shape, st.SearchStrategy) else image_shape
    batch = draw(st.integers(1, max_batch))
    ink = draw(st.sampled_from([0.0, 0.2, 1.0]))  # the share of pixels that are not blank
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    images = rng.integers(1, 9, (batch, *shape)) / 8 * (rng.random((batch, *shape)) < ink)
    labels = draw(st.lists(st.integers(0, classes - 1), min_size=batch, max_size=batch))
    return images.astype(dtype), np.array(labels, np.int64)
