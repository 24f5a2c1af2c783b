"""Discrete Fourier transforms: three linear maps along one axis, of which all of numpy.fft is composed.

With ω = exp(-2πi/n), and c the factor that `norm` asks for:

- `fft_op`:  y_k = c Σ_j x_j ω^(±jk). Its matrix is symmetric, so it is its own transpose.
- `rfft_op`: the first n//2 + 1 of these, for real x.
- `irfft_op`: x_j = c Re Σ_k v_k y_k ω^(-jk), its inverse, where v_k = 1 for k = 0 and, if n is even, for k = n/2, and 2
  for the others, each of which stands for a conjugate pair. The imaginary parts of y_0 and y_(n/2) are ignored.

Transposes, in the pairing Re Σ g dy (plain transposes, nothing is conjugated):

    rfft:  x̄_j = c Re Σ_k g_k ω^(jk) = irfft(conj(g) / v)_j,    for Re(z) = Re(conj(z))
    irfft: ȳ_k = c v_k Σ_j g_j ω^(-jk) = v_k conj(rfft(g)_k),   real where v_k = 1

each with the other's norm turned round: the factor 1/n stays, but goes with the other direction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from ..core.batching import over_leading_axis
from ..core.primitive import primitive
from ..core.tensor import Array, dtype_of, implements, shape_of

Axes = int | Sequence[int] | None
Lengths = Sequence[int | None] | None

_TURNED = {"backward": "forward", "forward": "backward", "ortho": "ortho"}


@primitive
def fft_op(x: Array, *, axis: int, norm: str, inverse: bool) -> Any:
    """Transform along an axis, y_k = c Σ_j x_j exp(∓2πi jk/n). Linear, and its own transpose."""
    return (np.fft.ifft if inverse else np.fft.fft)(x, axis=axis, norm=norm)  # type: ignore[arg-type]


@fft_op.defvjp("x")
def _fft_vjp(y: Array, x: Array, *, axis: int, norm: str, inverse: bool) -> Any:
    return lambda g: fft_op(g, axis=axis, norm=norm, inverse=inverse)


@primitive
def rfft_op(x: Array, *, axis: int, norm: str) -> Any:
    """Transform real x along an axis, y_k for k <= n/2. Linear; the transpose is irfft(conj(g) / v)."""
    return np.fft.rfft(x, axis=axis, norm=norm)  # type: ignore[arg-type]


@rfft_op.defvjp("x")
def _rfft_vjp(y: Array, x: Array, *, axis: int, norm: str) -> Any:
    shape = shape_of(x)
    n = shape[axis]

    def pullback(g: Array) -> Array:
        weighted = np.conjugate(g) / _multiplicity(n, axis, len(shape), dtype_of(g))
        return irfft_op(weighted, n=n, axis=axis, norm=_TURNED[norm])

    return pullback


@primitive
def irfft_op(x: Array, *, n: int, axis: int, norm: str) -> Any:
    """Invert rfft along an axis of n//2 + 1 entries. Linear; the transpose is v conj(rfft(g))."""
    return np.fft.irfft(x, n, axis=axis, norm=norm)  # type: ignore[arg-type]


@irfft_op.defvjp("x")
def _irfft_vjp(y: Array, x: Array, *, n: int, axis: int, norm: str) -> Any:
    ndim = len(shape_of(x))

    def pullback(g: Array) -> Array:
        spectrum = rfft_op(g, axis=axis, norm=_TURNED[norm])
        return np.conjugate(spectrum) * _multiplicity(n, axis, ndim, dtype_of(g))

    return pullback


for _op in (fft_op, rfft_op, irfft_op):
    _op.deflinear("x")
    over_leading_axis(_op, "axis")


def _multiplicity(n: int, axis: int, ndim: int, dtype: np.dtype[Any]) -> Any:
    """Return v of n//2 + 1 entries along the axis, in that precision: how often rfft's entries occur in fft's."""
    v = np.full(n // 2 + 1, 2, np.finfo(dtype).dtype)
    v[0] = 1
    if n % 2 == 0:
        v[-1] = 1
    return v.reshape(-1, *(1,) * (ndim - 1 - axis))


# -- what numpy.fft's functions share --------------------------------------------------------------------------------


def _norm(norm: str | None, name: str) -> str:
    if norm is not None and norm not in _TURNED:
        raise ValueError(f"np.fft.{name}: norm={norm!r}; it is None, 'backward', 'ortho' or 'forward'.")
    return norm or "backward"


def _resize(x: Array, n: int, axis: int, name: str) -> Array:
    """Crop an axis at its end, or pad it with zeros, to n entries."""
    if n < 1:
        raise ValueError(f"np.fft.{name}: {n} points along axis {axis} of shape {shape_of(x)}; it takes one at least.")
    have = shape_of(x)[axis]
    if n < have:
        return x[(slice(None),) * axis + (slice(0, n),)]
    return x if n == have else np.pad(x, [(0, n - have if i == axis else 0) for i in range(len(shape_of(x)))])


def _array(x: Array) -> Array:
    return x if hasattr(x, "dtype") else np.asarray(x)


def _fft_along(x: Array, n: int | None, axis: int, norm: str, inverse: bool, name: str) -> Array:
    x = _array(x)
    axis = normalize_axis_index(axis, len(shape_of(x)))
    length = shape_of(x)[axis] if n is None else int(n)
    return fft_op(_resize(x, length, axis, name), axis=axis, norm=norm, inverse=inverse)


def _rfft_along(x: Array, n: int | None, axis: int, norm: str, name: str) -> Array:
    x = _array(x)
    if dtype_of(x).kind == "c":
        raise TypeError(f"np.fft.{name}: expected real numbers, got {dtype_of(x)}; use the function without the r.")
    axis = normalize_axis_index(axis, len(shape_of(x)))
    return rfft_op(_resize(x, shape_of(x)[axis] if n is None else int(n), axis, name), axis=axis, norm=norm)


def _irfft_along(x: Array, n: int | None, axis: int, norm: str, name: str) -> Array:
    x = _array(x)
    axis = normalize_axis_index(axis, len(shape_of(x)))
    length = 2 * (shape_of(x)[axis] - 1) if n is None else int(n)
    if length < 1:
        raise ValueError(
            f"np.fft.{name}: {length} points along axis {axis} (2 (m - 1) for m = {shape_of(x)[axis]} unless n= or s= "
            "says otherwise); it takes one at least."
        )
    return irfft_op(_resize(x, length // 2 + 1, axis, name), n=length, axis=axis, norm=norm)


def _lengths_and_axes(a: Array, s: Lengths, axes: Axes, name: str) -> list[tuple[int | None, int]]:
    """Return pairs of a length and an axis; axes may repeat, as in NumPy, and have the lengths of the argument then."""
    ndim = len(shape_of(a))
    if axes is None:
        axes = range(ndim) if s is None else range(ndim - len(s), ndim)
    order = normalize_axis_tuple(axes, ndim, allow_duplicate=True)
    if s is None:
        return [(shape_of(a)[axis], axis) for axis in order]
    if len(s) != len(order):
        raise ValueError(f"np.fft.{name}: s={tuple(s)} and axes={order} differ in length.")
    return [(shape_of(a)[axis] if n == -1 else n, axis) for n, axis in zip(s, order, strict=True)]


def _fft_over(a: Array, s: Lengths, axes: Axes, norm: str | None, inverse: bool, name: str) -> Array:
    for n, axis in reversed(_lengths_and_axes(a := _array(a), s, axes, name)):
        a = _fft_along(a, n, axis, _norm(norm, name), inverse, name)
    return a


def _rfft_over(a: Array, s: Lengths, axes: Axes, norm: str | None, name: str) -> Array:
    *others, (n, last) = _some_axes(_lengths_and_axes(a := _array(a), s, axes, name), name)
    a = _rfft_along(a, n, last, _norm(norm, name), name)
    for n, axis in reversed(others):
        a = _fft_along(a, n, axis, _norm(norm, name), False, name)
    return a


def _irfft_over(a: Array, s: Lengths, axes: Axes, norm: str | None, name: str) -> Array:
    *others, (length, last) = _some_axes(_lengths_and_axes(a := _array(a), s, axes, name), name)
    for n, axis in others:
        a = _fft_along(a, n, axis, _norm(norm, name), True, name)
    return _irfft_along(a, None if s is None else length, last, _norm(norm, name), name)


def _some_axes(pairs: list[tuple[int | None, int]], name: str) -> list[tuple[int | None, int]]:
    if not pairs:
        raise ValueError(f"np.fft.{name}: a real transform needs one axis at least.")
    return pairs


# -- numpy.fft -------------------------------------------------------------------------------------------------------


@implements(np.fft.fft)
def fft(a: Array, n: int | None = None, axis: int = -1, norm: str | None = None) -> Array:
    """As np.fft.fft."""
    return _fft_along(a, n, axis, _norm(norm, "fft"), False, "fft")


@implements(np.fft.ifft)
def ifft(a: Array, n: int | None = None, axis: int = -1, norm: str | None = None) -> Array:
    """As np.fft.ifft."""
    return _fft_along(a, n, axis, _norm(norm, "ifft"), True, "ifft")


@implements(np.fft.fft2)
def fft2(a: Array, s: Lengths = None, axes: Axes = (-2, -1), norm: str | None = None) -> Array:
    """As np.fft.fft2."""
    return _fft_over(a, s, axes, norm, False, "fft2")


@implements(np.fft.ifft2)
def ifft2(a: Array, s: Lengths = None, axes: Axes = (-2, -1), norm: str | None = None) -> Array:
    """As np.fft.ifft2."""
    return _fft_over(a, s, axes, norm, True, "ifft2")


@implements(np.fft.fftn)
def fftn(a: Array, s: Lengths = None, axes: Axes = None, norm: str | None = None) -> Array:
    """As np.fft.fftn."""
    return _fft_over(a, s, axes, norm, False, "fftn")


@implements(np.fft.ifftn)
def ifftn(a: Array, s: Lengths = None, axes: Axes = None, norm: str | None = None) -> Array:
    """As np.fft.ifftn."""
    return _fft_over(a, s, axes, norm, True, "ifftn")


@implements(np.fft.rfft)
def rfft(a: Array, n: int | None = None, axis: int = -1, norm: str | None = None) -> Array:
    """As np.fft.rfft."""
    return _rfft_along(a, n, axis, _norm(norm, "rfft"), "rfft")


@implements(np.fft.irfft)
def irfft(a: Array, n: int | None = None, axis: int = -1, norm: str | None = None) -> Array:
    """As np.fft.irfft."""
    return _irfft_along(a, n, axis, _norm(norm, "irfft"), "irfft")


@implements(np.fft.rfft2)
def rfft2(a: Array, s: Lengths = None, axes: Axes = (-2, -1), norm: str | None = None) -> Array:
    """As np.fft.rfft2."""
    return _rfft_over(a, s, axes, norm, "rfft2")


@implements(np.fft.irfft2)
def irfft2(a: Array, s: Lengths = None, axes: Axes = (-2, -1), norm: str | None = None) -> Array:
    """As np.fft.irfft2."""
    return _irfft_over(a, s, axes, norm, "irfft2")


@implements(np.fft.rfftn)
def rfftn(a: Array, s: Lengths = None, axes: Axes = None, norm: str | None = None) -> Array:
    """As np.fft.rfftn."""
    return _rfft_over(a, s, axes, norm, "rfftn")


@implements(np.fft.irfftn)
def irfftn(a: Array, s: Lengths = None, axes: Axes = None, norm: str | None = None) -> Array:
    """As np.fft.irfftn."""
    return _irfft_over(a, s, axes, norm, "irfftn")


@implements(np.fft.hfft)
def hfft(a: Array, n: int | None = None, axis: int = -1, norm: str | None = None) -> Array:
    """As np.fft.hfft: the inverse of a real transform, conjugated, with the norm turned round."""
    return _irfft_along(np.conjugate(a), n, axis, _TURNED[_norm(norm, "hfft")], "hfft")


@implements(np.fft.ihfft)
def ihfft(a: Array, n: int | None = None, axis: int = -1, norm: str | None = None) -> Array:
    """As np.fft.ihfft: a real transform, conjugated, with the norm turned round."""
    return np.conjugate(_rfft_along(a, n, axis, _TURNED[_norm(norm, "ihfft")], "ihfft"))


def _shift(x: Array, axes: Axes, half: Any) -> Array:
    x = _array(x)
    order = range(len(shape_of(x))) if axes is None else normalize_axis_tuple(axes, len(shape_of(x)))
    return np.roll(x, [half(shape_of(x)[axis]) for axis in order], tuple(order)) if order else x


@implements(np.fft.fftshift)
def fftshift(x: Array, axes: Axes = None) -> Array:
    """As np.fft.fftshift."""
    return _shift(x, axes, lambda n: n // 2)


@implements(np.fft.ifftshift)
def ifftshift(x: Array, axes: Axes = None) -> Array:
    """As np.fft.ifftshift."""
    return _shift(x, axes, lambda n: -(n // 2))
