"""Elementwise functions in few passes: each step after the first writes into the array that the first one made.

Arguments are arrays or numbers of any real or complex dtype, with any strides, and are not written to. Threads share
large arrays of floating-point numbers that lie alike in memory.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from .order import Array, memory_order
from .threads import parallel

ROW = 8192
# Elements that threads share, and those of a block. Blocks that stay in the core's own cache take longer, though each
# does more than one step: calls are then so short that to begin them counts, and that threads wait for each other.
LARGE, BLOCK = 1 << 20, 1 << 19


def _by_blocks(function: Callable[..., Any], arrays: tuple[Any, ...], out: Array | None) -> Array | None:
    """Compute function(*arrays, out) of large arrays, the last one surely an array; None if they do not lie alike."""
    like = arrays[-1]
    y = np.empty_like(like) if out is None else out
    order = memory_order(y)
    if like.dtype.char not in "fd" or not y.transpose(order).flags.c_contiguous:
        return None
    if any(type(a) is not np.ndarray or (a.dtype, a.shape, a.strides) != (y.dtype, y.shape, y.strides) for a in arrays):
        return None
    flat = [a.transpose(order).reshape(-1) for a in (*arrays, y)]

    def task(i: int) -> None:
        *blocks, into = [a[i * BLOCK : (i + 1) * BLOCK] for a in flat]
        function(*blocks, into)

    parallel(task, -(-y.size // BLOCK))
    return y


def _is_large(x: Any) -> bool:
    return type(x) is np.ndarray and x.size >= LARGE


def _own(t: Any, like: Any) -> Any:
    """Return t, which nobody else holds, if it can take what is computed from it and `like`, else None."""
    if type(t) is not np.ndarray or t.dtype.kind not in "fc":
        return None
    fits = type(like) is float or (type(like) is np.ndarray and t.shape == like.shape and t.dtype == like.dtype)
    return t if fits else None


def relu(x: Any, out: Any = None) -> Any:
    """max(x, 0). For a large array by rows of zeros: NumPy has no vector instructions for an array and a number."""
    if type(x) is not np.ndarray or x.size < 2 * ROW or x.dtype.kind != "f":
        return np.maximum(x, 0, out=out)
    if x.size >= LARGE and (y := _by_blocks(relu, (x,), out)) is not None:
        return y
    y = np.empty_like(x) if out is None else out
    if out is None and x.strides != y.strides:
        x = x.copy("K")  # without gaps, as y
    flat, into, size = x.ravel("K"), y.ravel("K"), x.size - x.size % ROW  # as they lie in memory, if without gaps
    if out is not None and not (x.strides == y.strides and x.dtype == y.dtype and np.may_share_memory(into, y)):
        return np.maximum(x, 0, out=out)
    zeros = np.zeros(ROW, x.dtype)
    np.maximum(flat[:size].reshape(-1, ROW), zeros, out=into[:size].reshape(-1, ROW))
    np.maximum(flat[size:], zeros[: x.size - size], out=into[size:])
    return y


def _signed(x: Any) -> Any:
    """Return booleans and unsigned integers, whose -x wraps, in the dtype of their exponential; all else as it is."""
    dtype = getattr(x, "dtype", None)
    return x if dtype is None or dtype.kind not in "bu" else x.astype(np.result_type(dtype, np.float16))


def sigmoid(x: Any, out: Any = None) -> Any:
    """1 / (1 + exp(-x)). The exponential may overflow, to inf, whose reciprocal is the 0 that is due.

    Results below the least normal number are 0.
    """
    if _is_large(x) and (y := _by_blocks(sigmoid, (x,), out)) is not None:
        return y
    x = _signed(x)
    half = getattr(x, "dtype", None) == np.float16  # its least normal number is too large for that
    with np.errstate(over="ignore"):
        y = np.negative(x, dtype=np.float32) if half else np.negative(x, out=out)
        out = _own(y, y)
        y = np.divide(1, np.add(np.exp(y, out=out), 1, out=out), out=out)
    return y.astype(np.float16) if half else y


def softplus(x: Any) -> Any:
    """log(1 + exp(x)) = max(x, 0) + log(1 + e) with e = exp(-|x|).

    With u = 1 + e rounded, log(1 + e) = log(u) + (e - (u - 1)) / u to the rounding of the result; log1p, which has no
    vector instructions, takes several times as long.
    """
    x = _signed(x)
    half = getattr(x, "dtype", None) == np.float16
    x = x.astype(np.float32) if half else x
    e = np.exp(-np.absolute(x))
    u = 1 + e
    out = _own(e, u)
    y = np.divide(np.subtract(e, u - 1, out=out), u, out=out)
    y = np.add(y, np.log(u, out=_own(u, u)), out=out)
    y = np.add(y, np.maximum(x, 0), out=out)
    return y.astype(np.float16) if half else y


def tanh_gradient(g: Any, y: Any, out: Any = None) -> Any:
    """g (1 - y²)."""
    if _is_large(y) and (x_bar := _by_blocks(tanh_gradient, (g, y), out)) is not None:
        return x_bar
    t = np.square(y, out=out)
    return np.multiply(g, np.subtract(1, t, out=_own(t, t)), out=_own(t, g))


def sigmoid_gradient(g: Any, y: Any, out: Any = None) -> Any:
    """g y (1 - y)."""
    if _is_large(y) and (x_bar := _by_blocks(sigmoid_gradient, (g, y), out)) is not None:
        return x_bar
    t = np.subtract(1, y, out=out)
    return np.multiply(g, np.multiply(t, y, out=_own(t, y)), out=_own(t, g))


def relu_gradient(g: Any, y: Any, out: Any = None) -> Any:
    """g where y > 0, else 0."""
    if type(y) is not np.ndarray or y.dtype.kind != "f":
        return g * np.greater(y, 0)
    if y.size >= LARGE and (x_bar := _by_blocks(relu_gradient, (g, y), out)) is not None:
        return x_bar
    t = np.empty_like(y) if out is None else out  # in the dtype of y: not converted once more
    np.greater(y, 0, out=t, casting="unsafe")
    return np.multiply(g, t, out=_own(t, g))


def leaky_relu(x: Any, slope: Any) -> Any:
    """x where x > 0, else slope x. As a maximum or a sum: to choose takes far longer where signs are mixed."""
    if type(slope) is float and 0 < slope <= 1:
        return np.maximum(x, np.multiply(x, slope))
    below = np.minimum(x, 0)
    t = np.multiply(below, slope, out=_own(below, slope))
    return np.add(t, np.maximum(x, 0), out=_own(t, x))


def leaky_relu_gradient(g: Any, x: Any, slope: Any) -> Any:
    """g where x > 0, else slope g."""
    above = np.multiply(np.greater(x, 0), 1, dtype=np.result_type(g, 0.0))
    t = np.subtract(1, above)
    t = np.multiply(t, slope, out=_own(t, slope))
    return g * np.add(t, above, out=_own(t, above))


def keep(a: Any, where: Any, out: Any = None) -> Any:
    """a where the mask holds, else 0. Bits are multiplied: to choose takes far longer, and inf * 0 is not 0."""
    a, where = np.asarray(a), np.asarray(where)
    where = where if where.dtype == np.bool_ else where != 0
    if a.itemsize > 8:
        kept = np.where(where, a, a.dtype.type(0))
        if out is None:
            return kept
        np.copyto(out, kept)
        return out
    bits = np.dtype(f"i{a.itemsize}")
    kept = np.multiply(a.view(bits), where, out=None if out is None else out.view(bits))
    return kept.view(a.dtype)


def choose(condition: Any, x: Any, y: Any, out: Any = None) -> Any:
    """x where the condition holds, else y, as np.where: of large arrays the bits (x ^ y) c ^ y.

    To choose takes NumPy up to ten times as long, the longer the more often the condition changes. Where it holds
    nowhere or everywhere, as in a convention for a pole, one of them is copied.
    """
    if type(condition) is np.ndarray and condition.dtype == np.bool_ and condition.size >= 2 * ROW:
        dtype = np.result_type(x, y)
        if dtype.kind in "fiuc" and dtype.itemsize <= 8:
            x, y = np.asarray(x, dtype), np.asarray(y, dtype)
            if x.shape == condition.shape == y.shape or {x.shape, y.shape} == {condition.shape, ()}:
                return _choose_bits(condition, x, y, out)
    if out is None:
        return np.where(condition, x, y)
    np.copyto(out, np.where(condition, x, y))
    return out


def _choose_bits(condition: Array, x: Array, y: Array, out: Array | None) -> Array:
    out = np.empty_like(y if y.ndim else x) if out is None else out
    one = x if condition.all() else None if condition.any() else y
    if one is not None:
        np.copyto(out, one)
        return out
    bits = np.dtype(f"i{out.itemsize}")
    chosen, other = out.view(bits), y.view(bits)
    np.bitwise_xor(x.view(bits), other, out=chosen)
    np.multiply(chosen, condition, out=chosen)
    np.bitwise_xor(chosen, other, out=chosen)
    return out
