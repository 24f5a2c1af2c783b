"""Padding, in all modes of np.pad."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from ..core.batching import to_front
from ..core.primitive import primitive
from ..core.tensor import Array, Tensor, dtype_of, implements, shape_of

Pair = tuple[int, int]
Widths = tuple[Pair, ...]


@primitive
def pad_op(x: Array, *, widths: Widths, value: float) -> Any:
    """Surround by a constant. VJP: crop g."""
    shape = [low + n + high for (low, high), n in zip(widths, shape_of(x), strict=True)]
    y = np.full(shape, value, dtype=dtype_of(x))
    y[_inside(widths, shape_of(x))] = x
    return y


def _inside(widths: Widths, shape: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple(slice(low, low + n) for (low, _), n in zip(widths, shape, strict=True))


@pad_op.defvjp("x")
def _pad_vjp(y: Array, x: Array, *, widths: Widths, value: float) -> Any:
    inside = _inside(widths, shape_of(x))
    return lambda g: g[inside]


@pad_op.defjvp("x")
def _pad_jvp(y: Array, x: Array, *, widths: Widths, value: float) -> Any:
    return lambda x_dot: pad_op(x_dot, widths=widths, value=0)


@pad_op.defbatch
def _pad_batch(size: int, axes: tuple[int], x: Array, *, widths: Widths, value: float) -> tuple[Array, int]:
    return pad_op(to_front(x, axes[0]), widths=((0, 0), *widths), value=value), 0


def normalize_widths(pad_width: Any, ndim: int) -> Widths:
    """Return np.pad's forms of pad_width (int, pair, pair per axis, dict by axis) as one (low, high) pair an axis."""
    if isinstance(pad_width, dict):
        chosen = {normalize_axis_index(axis, ndim): width for axis, width in pad_width.items()}
        pad_width = [chosen.get(axis, 0) for axis in range(ndim)]
        pairs = [(w, w) if np.ndim(w) == 0 else tuple(w) for w in pad_width]
    else:
        pairs = [tuple(pair) for pair in np.broadcast_to(np.asarray(pad_width), (ndim, 2)).tolist()]
    if any(int(w) != w or w < 0 for pair in pairs for w in pair):
        raise ValueError(f"np.pad: pad_width={pad_width!r}; widths are integers >= 0.")
    return tuple((int(low), int(high)) for low, high in pairs)


_INDEX_MODES = ("edge", "reflect", "symmetric", "wrap")
_STATISTICS: dict[str, Any] = {"maximum": np.max, "minimum": np.min, "mean": np.mean, "median": np.median}
_MODES = ("constant", "edge", "empty", "linear_ramp", "maximum", "mean", "median", "minimum", "reflect", "symmetric",
          "wrap")  # fmt: skip
_OPTION = {"constant": ("constant_values",), "linear_ramp": ("end_values",), "reflect": ("reflect_type",),
           "symmetric": ("reflect_type",), **dict.fromkeys(_STATISTICS, ("stat_length",))}  # fmt: skip


@implements(np.pad)
def pad(
    array: Array,
    pad_width: Any,
    mode: Any = "constant",
    *,
    constant_values: Any = None,
    end_values: Any = None,
    stat_length: Any = None,
    reflect_type: str | None = None,
) -> Array:
    """As np.pad, in all its modes; differentiable in constant_values and end_values too. "empty" pads with zeros."""
    given = {
        "constant_values": constant_values, "end_values": end_values, "stat_length": stat_length,
        "reflect_type": reflect_type,
    }  # fmt: skip
    if callable(mode) or mode not in _MODES:
        raise ValueError(f"np.pad: mode={mode!r} is not supported for Tensors; use {', '.join(_MODES)}.")
    for name, value in given.items():
        if value is not None and name not in _OPTION.get(mode, ()):
            raise ValueError(f"np.pad: {name}= means nothing in the mode {mode!r}.")
    widths = normalize_widths(pad_width, len(shape_of(array)))
    if mode in ("constant", "empty") and (constant_values is None or _is_number(constant_values)):
        return pad_op(array, widths=widths, value=constant_values or 0)
    values = _per_side(constant_values if mode == "constant" else end_values, len(widths))
    for axis, width in enumerate(widths):
        if width == (0, 0):
            continue
        array = np.moveaxis(array, axis, 0)
        n = shape_of(array)[0]
        if n == 0 and mode != "constant":
            raise ValueError(f"np.pad: the mode {mode!r} has nothing to pad an empty axis with; use 'constant'.")
        if mode in _STATISTICS:
            array = _pad_statistic(array, width, _STATISTICS[mode], stat_length, axis, len(widths))
        elif mode in _INDEX_MODES and reflect_type in (None, "even"):
            array = array[np.pad(np.arange(n), width, mode=mode)]
        elif mode in _INDEX_MODES:
            array = _pad_odd(array, width, mode, reflect_type)
        else:
            array = _pad_ends(array, width, values[axis], ramp=mode == "linear_ramp")
        array = np.moveaxis(array, 0, axis)
    return array


def _is_number(x: Any) -> bool:
    return type(x) is not Tensor and np.ndim(x) == 0


def _per_side(values: Any, ndim: int) -> Any:
    """Return np.pad's forms of a value for every side as an array (axis, side)."""
    return np.broadcast_to(0 if values is None else values, (ndim, 2))


def _joined(low: Array, x: Array, high: Array) -> Array:
    kind = dtype_of(x)
    return np.concatenate([part if dtype_of(part) == kind else part.astype(kind) for part in (low, x, high)])


def _pad_ends(x: Array, width: Pair, ends: Array, *, ramp: bool) -> Array:
    """Pad the first axis with a constant each side, or with a ramp from it to the edge."""
    sides, whole = [], dtype_of(x).kind in "iu"
    for side, count in enumerate(width):
        shape = (count, *shape_of(x)[1:])
        if ramp:
            part = (np.arange(count) / max(count, 1)).reshape(count, *(1,) * (len(shape) - 1))
            part = part if whole else part.astype(dtype_of(x))
            slope = ends[side] + (x[-side] - ends[side]) * (part[::-1] if side else part)
            sides.append(np.floor(slope) if whole else slope)
        else:
            sides.append(np.broadcast_to(ends[side], shape))
    return _joined(sides[0], x, sides[1])


def _pad_statistic(x: Array, width: Pair, statistic: Any, stat_length: Any, axis: int, ndim: int) -> Array:
    """Pad the first axis with the mean, ... of the elements next to the edge."""
    n, rest = shape_of(x)[0], shape_of(x)[1:]
    lengths = (n, n) if stat_length is None else np.broadcast_to(stat_length, (ndim, 2)).tolist()[axis]
    if min(lengths) < 1:
        raise ValueError(f"np.pad: stat_length={stat_length!r}; lengths are integers >= 1.")
    low, high = (statistic(part, axis=0) for part in (x[: lengths[0]], x[max(0, n - lengths[1]) :]))
    if dtype_of(x).kind in "iu":
        low, high = np.rint(low), np.rint(high)
    return _joined(np.broadcast_to(low, (width[0], *rest)), x, np.broadcast_to(high, (width[1], *rest)))


def _pad_odd(x: Array, width: Pair, mode: str, reflect_type: Any) -> Array:
    """Pad the first axis with twice the edge minus the reflection: the padding is a matrix times x."""
    if reflect_type != "odd":
        raise ValueError(f"np.pad: reflect_type={reflect_type!r}; use 'even' or 'odd'.")
    n = shape_of(x)[0]
    matrix = np.pad(np.eye(n, dtype=dtype_of(x)), (width, (0, 0)), mode=mode, reflect_type="odd")  # type: ignore[call-overload]
    return _joined(np.tensordot(matrix[: width[0]], x, 1), x, np.tensordot(matrix[width[0] + n :], x, 1))
