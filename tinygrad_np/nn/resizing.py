"""Other sizes for images: resize by interpolation, pixel_shuffle and its inverse; any rank, both layouts.

Interpolation is linear and separable: along each axis y = x A, with a matrix A (in, out) of weights that sizes and
method fix. So an image of two axes becomes Aᵀ x B, and the derivative is the product with the transposed matrices.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..core.tensor import Array, dtype_of, shape_of
from ..ops.windows import Ints, Layout, check_input, give_layout, per_axis

Tuple = tuple[int, ...]
Mode = Literal["nearest", "nearest-exact", "linear", "bilinear", "trilinear"]

_DIMS = {"nearest": 0, "nearest-exact": 0, "linear": 0, "bilinear": 2, "trilinear": 3}  # 0 is any number of axes
# Numbers of an array that is resized at once, 16 MB of float32: beyond, a set of images is taken in parts.
BLOCK = 1 << 22


def resize(
    x: Array,
    size: Ints | None = None,
    *,
    scale_factor: float | Sequence[float] | None = None,
    mode: Mode = "nearest",
    align_corners: bool = False,
    antialias: bool = False,
    layout: Layout = "channels_last",
) -> Array:
    """Interpolate images to another size, as torch.nn.functional.interpolate does.

    Parameters
    ----------
    x : array, shape (N, *size, C); channels_first: (N, C, *size)
        Floating point; of any dtype for the nearest methods.
    size : int or one an axis
        Spatial size of the result; or give
    scale_factor : float or one an axis
        Then the size is floor(size * scale_factor), and pixels are 1 / scale_factor apart.
    mode : {"nearest", "nearest-exact", "linear", "bilinear", "trilinear"}
        "linear" is linear along each of any number of axes; "bilinear" and "trilinear" say how many there are.
    align_corners : bool
        Whether the centres of the corner pixels coincide, instead of their outer edges. Linear methods only.
    antialias : bool
        Widen the linear kernel to the distance between the result's pixels, where that is above 1: no element is
        passed over when images shrink. Linear methods only.
    layout : {"channels_last", "channels_first"}

    Returns
    -------
    array, shape (N, *out, C); channels_first: (N, C, *out)
        Dtype of x.

    Raises
    ------
    ValueError
        For shapes and options that do not fit.
    TypeError
        For integers and a linear method.

    Notes
    -----
    With s = in / out (or 1 / scale_factor), pixel p of the result lies at u = s (p + 1/2) - 1/2, not below 0, or with
    align_corners at p (in - 1) / (out - 1). Linear: y[p] = (1 - t) x[i] + t x[i + 1] with i = floor(u) and t = u - i.
    Nearest: x[floor(s p)], which prefers low indices; nearest-exact: x[floor(s (p + 1/2))]. Antialias: the mean of
    x[i] with weights max(0, 1 - |i - u| / max(s, 1)), u unbounded. All are linear in x; VJP: the transposed matrices.

    Linear methods multiply whole rows, and columns, by a matrix: an infinite or NaN element spoils its image's channel.
    Cost: 2 in out flops for each row; large raw arrays are taken in parts, so little more memory than the result's.

    Examples
    --------
    >>> resize(np.array([1.0, 2.0]).reshape(1, 2, 1), 4, mode="linear").ravel()
    array([1.  , 1.25, 1.75, 2.  ])
    """
    x = check_input("resize", x, layout)
    before = shape_of(x)[1:-1]
    _check_mode(mode, len(before), align_corners, antialias, dtype_of(x))
    after, steps = _sizes(before, size, scale_factor)
    axes = list(zip(before, after, steps, strict=True))
    if mode.startswith("nearest"):
        picks = [_pick(*axis, exact=mode == "nearest-exact") for axis in axes]
        return give_layout(_in_parts(x, after, lambda part: _picked(part, picks)), layout)
    matrices = [_matrix(*axis, align_corners, antialias, dtype_of(x)) for axis in axes]
    return give_layout(_in_parts(x, after, lambda part: _multiplied(part, matrices)), layout)


def _picked(x: Array, picks: list[int | slice | NDArray[Any]]) -> Array:
    """Take elements along each spatial axis: each so many times, those of a slice, or those at places."""
    sliced = [pick if isinstance(pick, slice) else slice(None) for pick in picks]
    if any(isinstance(pick, slice) for pick in picks):
        x = np.copy(x[:, *sliced])  # not a view: a result is the caller's own
    for axis, pick in reversed(list(enumerate(picks, 1))):
        if isinstance(pick, int):
            x = x if pick == 1 else np.repeat(x, pick, axis)
        elif not isinstance(pick, slice):
            x = np.take(x, pick, axis)
    return x


def _multiplied(x: Array, matrices: list[NDArray[Any] | None]) -> Array:
    """Multiply each spatial axis by its matrix, the last one first, as long as there are fewest elements."""
    for axis, a in reversed(list(enumerate(matrices, 1))):
        if a is not None:
            shape = shape_of(x)
            rows, columns = math.prod(shape[:axis]), math.prod(shape[axis + 1 :])
            x = np.matmul(a, np.reshape(x, (rows, shape[axis], columns)))
            x = np.reshape(x, (*shape[:axis], len(a), *shape[axis + 1 :]))
    return x


def _in_parts(x: Array, after: Tuple, f: Any) -> Array:
    """Apply f to some images after the others, if they are plain and many."""
    numbers = max(math.prod(shape_of(x)[1:]), math.prod(after) * shape_of(x)[-1])
    if not isinstance(x, np.ndarray) or numbers * len(x) <= BLOCK:
        return f(x)
    images = max(1, BLOCK // numbers)
    y = np.empty((len(x), *after, x.shape[-1]), x.dtype)
    for i in range(0, len(x), images):
        y[i : i + images] = f(x[i : i + images])
    return y


# -- where the pixels of the result lie, and what they are made of ----------------------------------------------------


@functools.lru_cache
def _pick(n: int, out: int, step: float | None, *, exact: bool) -> int | slice | NDArray[Any]:
    """Return how many times each element is taken if all are as often, a slice that takes them, or their places."""
    places = _nearest(n, out, step, exact=exact)
    if out % n == 0 and np.array_equal(places, np.repeat(np.arange(n), out // n)):
        return out // n
    if out and n % out == 0 and np.array_equal(places, np.arange(n)[places[0] :: n // out]):
        return slice(int(places[0]), None, n // out)
    places.flags.writeable = False  # every call gets this array
    return places


@functools.lru_cache
def _matrix(
    n: int, out: int, step: float | None, align_corners: bool, antialias: bool, dtype: np.dtype[Any]
) -> NDArray[Any] | None:
    """Return the matrix (out, n) that makes the result's pixels of those along an axis; None if they stay."""
    columns = (_antialiased if antialias else _linear)(n, out, step, align_corners)
    if n == out and np.array_equal(columns, np.eye(n)):
        return None
    a = np.ascontiguousarray(columns.T, dtype)
    a.flags.writeable = False  # every call gets this array
    return a


def _nearest(n: int, out: int, step: float | None, *, exact: bool) -> NDArray[Any]:
    """Return the place of the nearest element; in integers where the step is a ratio of sizes."""
    p = np.arange(out)
    if step is None:
        return (2 * p + 1) * n // (2 * out) if exact else p * n // out
    return np.minimum(((p + 0.5 if exact else p) * step).astype(np.int64), n - 1)


def _linear(n: int, out: int, step: float | None, align_corners: bool) -> NDArray[Any]:
    """Return the matrix (n, out) whose columns hold 1 - t and t at the two neighbours."""
    p = np.arange(out)
    if align_corners:
        u = p * ((n - 1) / max(out - 1, 1))
    else:
        u = np.maximum((p + 0.5) * (n / out if step is None else step) - 0.5, 0)
    low = np.minimum(u.astype(np.int64), n - 1)
    t = np.minimum(u - low, 1)
    a = np.zeros((n, out))
    np.add.at(a, (low, p), 1 - t)
    np.add.at(a, (np.minimum(low + 1, n - 1), p), t)
    return a


def _antialiased(n: int, out: int, step: float | None, align_corners: bool) -> NDArray[Any]:
    """Return the matrix (n, out) of triangles as wide as the result's pixels are apart, columns of sum 1."""
    step = n / out if step is None else step
    if align_corners:
        step = (n - 1) / max(out - 1, 1)
    centre = (np.arange(out) + 0.5) * step - 0.5
    a = np.maximum(1 - np.abs(np.arange(n)[:, None] - centre) / max(step, 1.0), 0)
    return np.asarray(a / np.sum(a, axis=0))


# -- options ---------------------------------------------------------------------------------------------------------


def _check_mode(mode: str, dims: int, align_corners: bool, antialias: bool, dtype: np.dtype[Any]) -> None:
    if mode not in _DIMS:
        raise ValueError(f"resize: mode={mode!r}; it is one of {', '.join(_DIMS)}.")
    if _DIMS[mode] not in (0, dims):
        raise ValueError(f"resize: mode={mode!r} is for {_DIMS[mode]} spatial axes, x has {dims}; use 'linear'.")
    if mode.startswith("nearest") and (align_corners or antialias):
        raise ValueError(f"resize: align_corners and antialias are options of the linear methods, not of {mode!r}.")
    if not mode.startswith("nearest") and dtype.kind not in "fc":
        raise TypeError(f"resize: x is {dtype}; convert it to floating point, or use mode='nearest'.")


def _sizes(before: Tuple, size: Ints | None, scale_factor: Any) -> tuple[Tuple, list[float | None]]:
    """Return the size of the result, and the distance of its pixels in x where a factor gives it."""
    if (size is None) == (scale_factor is None):
        raise ValueError(f"resize: size={size!r} and scale_factor={scale_factor!r}; give one of them.")
    if 0 in before:
        raise ValueError(f"resize: spatial size {before} has no elements to interpolate.")
    if size is not None:
        return per_axis("resize", "size", size, len(before)), [None] * len(before)
    single = isinstance(scale_factor, int | float | np.number)
    factors = (
        [scale_factor] * len(before) if single else list(scale_factor) if isinstance(scale_factor, Sequence) else []
    )
    numbers = all(isinstance(f, int | float | np.number) and not isinstance(f, bool) for f in factors)
    if len(factors) != len(before) or not numbers or not all(f > 0 and math.isfinite(f) for f in factors):
        raise ValueError(f"resize: scale_factor={scale_factor!r}; give one number > 0, or {len(before)}, one an axis.")
    after = tuple(math.floor(n * f) for n, f in zip(before, factors, strict=True))
    if 0 in after:
        raise ValueError(f"resize: scale_factor={scale_factor!r} leaves nothing of {before}: {after}.")
    return after, [1 / float(f) for f in factors]


# -- pixels from channels --------------------------------------------------------------------------------------------


def pixel_shuffle(x: Array, upscale_factor: int, *, layout: Layout = "channels_last") -> Array:
    """Make of r^d channels a block of r pixels along each of the d spatial axes.

    Parameters
    ----------
    x : array, shape (N, *size, C r^d); channels_first: (N, C r^d, *size)
        Any dtype. The channels of a block follow each other, row-major, as in torch and in both layouts.
    upscale_factor : int
        r.
    layout : {"channels_last", "channels_first"}

    Returns
    -------
    array, shape (N, *(size r), C); channels_first: (N, C, *(size r))

    Raises
    ------
    ValueError
        If r^d does not divide the channels.

    Notes
    -----
    y[n, i r + a, j r + b, c] = x[n, i, j, (c r + a) r + b], a rearrangement; VJP: `pixel_unshuffle`.

    References
    ----------
    W. Shi et al., Real-time single image and video super-resolution using an efficient sub-pixel convolutional neural
    network, CVPR 2016.
    """
    x = check_input("pixel_shuffle", x, layout)
    n, *size, channels = shape_of(x)
    (r,), d = per_axis("pixel_shuffle", "upscale_factor", upscale_factor, 1), len(size)
    if channels % r**d:
        raise ValueError(f"pixel_shuffle: {r}^{d} = {r**d} does not divide the {channels} channels of {shape_of(x)}.")
    x = np.reshape(x, (n, *size, channels // r**d, *(r,) * d))
    pairs = [axis for i in range(d) for axis in (1 + i, d + 2 + i)]
    y = np.reshape(np.transpose(x, (0, *pairs, d + 1)), (n, *[m * r for m in size], channels // r**d))
    return give_layout(y, layout)


def pixel_unshuffle(x: Array, downscale_factor: int, *, layout: Layout = "channels_last") -> Array:
    """Make of blocks of r pixels along each of the d spatial axes r^d channels: the inverse of `pixel_shuffle`.

    Parameters
    ----------
    x : array, shape (N, *size, C); channels_first: (N, C, *size)
        Any dtype.
    downscale_factor : int
        r.
    layout : {"channels_last", "channels_first"}

    Returns
    -------
    array, shape (N, *(size / r), C r^d); channels_first: (N, C r^d, *(size / r))

    Raises
    ------
    ValueError
        If r does not divide the size.
    """
    x = check_input("pixel_unshuffle", x, layout)
    n, *size, channels = shape_of(x)
    (r,), d = per_axis("pixel_unshuffle", "downscale_factor", downscale_factor, 1), len(size)
    if any(m % r for m in size):
        raise ValueError(f"pixel_unshuffle: {r} does not divide the spatial size {tuple(size)}.")
    x = np.reshape(x, (n, *[k for m in size for k in (m // r, r)], channels))
    blocks, inside = range(1, 2 * d, 2), range(2, 2 * d + 1, 2)
    y = np.transpose(x, (0, *blocks, 2 * d + 1, *inside))
    return give_layout(np.reshape(y, (n, *[m // r for m in size], channels * r**d)), layout)
