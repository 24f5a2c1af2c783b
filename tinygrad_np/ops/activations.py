"""Smooth activations and the softmax family: overflow-free, each with the derivative that keeps least."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from ..core.batching import over_leading_axis
from ..core.families import broadcasting, elementwise, zero_like
from ..core.primitive import Primitive, primitive
from ..core.tensor import Array, as_array, dtype_of, shape_of
from ..kernels import elementwise as kernels
from .reductions import AxisTuple, axis_tuple, kept
from .shaping import Axes
from .special import erfc

relu_gradient: Primitive = broadcasting(
    kernels.relu_gradient,
    "z = g [y > 0], what relu's rule is with its output y: ∂g = [y > 0], ∂y = 0.",
    g=lambda z, g, y: lambda h: relu_gradient(h, y),
    y=lambda z, g, y: lambda h: np.zeros(shape_of(z), dtype_of(z)),
    module=__name__,
)
relu = elementwise(kernels.relu, "max(x, 0); y' = 1 where x > 0, else 0 (at 0 too).", gradient=relu_gradient)

sigmoid_gradient: Primitive = broadcasting(
    kernels.sigmoid_gradient,
    "z = g y (1 - y), what sigmoid's rule is with its output y: ∂g = y (1 - y), ∂y = g (1 - 2 y).",
    g=lambda z, g, y: lambda h: sigmoid_gradient(h, y),
    y=lambda z, g, y: lambda h: h * (g * (1 - 2 * y)),
    module=__name__,
)
sigmoid = elementwise(kernels.sigmoid, "1 / (1 + exp(-x)); y' = y (1 - y).", gradient=sigmoid_gradient)
softsign = elementwise(
    lambda x: x / (1 + np.absolute(x)),
    "x / (1 + |x|); y' = 1/(1 + |x|)² (the second derivative, which jumps at 0, is 0 there).",
    name="softsign",
    derivative=lambda x: np.square(1 / (1 + np.absolute(x))),
)
tanh_shrink = elementwise(
    lambda x: x - np.tanh(x),
    "x - tanh(x), to the rounding of x; y' = tanh(x)².",
    name="tanh_shrink",
    derivative=lambda x: np.square(np.tanh(x)),
)


softplus = elementwise(kernels.softplus, "log(1 + exp(x)); y' = sigmoid(x).", derivative=sigmoid)


def elu(x: Array, alpha: float = 1.0) -> Array:
    """x where x > 0, else alpha (exp(x) - 1) (Clevert et al., 2015); y' = 1 or alpha exp(x)."""
    positive = np.greater(x, 0)
    below = np.where(positive, zero_like(x), x)  # the branch not taken must not overflow
    return np.where(positive, x, alpha * np.expm1(below))


def celu(x: Array, alpha: float = 1.0) -> Array:
    """x where x > 0, else alpha (exp(x/alpha) - 1) (Barron, 2017); y' = 1 or exp(x/alpha), which meet at 0."""
    if not alpha > 0:
        raise ValueError(f"celu: alpha={alpha!r}; it is positive.")
    positive = np.greater(x, 0)
    return np.where(positive, x, alpha * np.expm1(np.where(positive, zero_like(x), x) * (1 / alpha)))


def selu(x: Array) -> Array:
    """Self-normalising unit λ elu(x, α) (Klambauer et al., 2017); y' = λ or λ α exp(x) (at 0 too).

    λ = 1.0507... and α = 1.6733... are such that a standard normal x gives y of mean 0 and variance 1.
    """
    return elu(x, 1.6732632423543772) * 1.0507009873554805


def gelu(x: Array, approximate: str = "none") -> Array:
    """Gaussian error linear unit, x Φ(x) (Hendrycks and Gimpel, 2016); y' = Φ(x) + x φ(x).

    Parameters
    ----------
    x : array
        Any shape, floating point.
    approximate : {"none", "tanh"}
        "none" takes the exact Φ(x) = erfc(-x/√2)/2, "tanh" the paper's 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))).

    Returns
    -------
    array
        Shape and dtype of x.
    """
    if approximate == "none":
        return x * (erfc(x * -math.sqrt(0.5)) * 0.5)
    if approximate == "tanh":
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * (x * x * x))))
    raise ValueError(f"gelu: approximate={approximate!r}; it is 'none' or 'tanh'.")


def silu(x: Array) -> Array:
    """Sigmoid linear unit or swish, x sigmoid(x) (Elfwing et al., 2017); y' = s + x s (1 - s)."""
    return x * sigmoid(x)


def mish(x: Array) -> Array:
    """x tanh(softplus(x)) (Misra, 2019); y' = t + x (1 - t²) sigmoid(x) with t = tanh(softplus(x))."""
    return x * np.tanh(softplus(x))


def glu(x: Array, axis: int = -1) -> Array:
    """Gated linear unit (Dauphin et al., 2016): a sigmoid(b), with a and b the halves of x along an axis.

    Parameters
    ----------
    x : array
        Floating point, of even length along `axis`.
    axis : int

    Returns
    -------
    array
        Half as long along `axis`.

    Raises
    ------
    ValueError
        If the length is odd.

    Notes
    -----
    a_bar = g s and b_bar = g a s (1 - s) with s = sigmoid(b).
    """
    n = shape_of(x)[normalize_axis_index(axis, len(shape_of(x)))]
    if n % 2:
        raise ValueError(f"glu: x has shape {shape_of(x)}; its length {n} along axis {axis} cannot be halved.")
    a, b = np.split(x, 2, axis)
    return a * sigmoid(b)


def log_sigmoid(x: Array) -> Array:
    """Log sigmoid(x) = -softplus(-x); y' = sigmoid(-x)."""
    return -softplus(-x)


# -- the softmax family ----------------------------------------------------------------------------------------------


def _shift(x: Any, axis: AxisTuple) -> Any:
    """Maximum over the axes, kept, 0 where it is infinite: what makes exp(x - shift) overflow-free."""
    m = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    return np.where(np.isfinite(m), m, m.dtype.type(0))


@primitive
def softmax_op(x: Array, *, axis: AxisTuple) -> Any:
    """y = exp(x) / Σ exp(x). dy = y (dx - Σ y dx), symmetric, so x_bar = y (g - Σ y g)."""
    e = np.exp(x - _shift(x, axis))
    return e / np.sum(e, axis=axis, keepdims=True)


@softmax_op.defvjp("x")
@softmax_op.defjvp("x")  # symmetric: the same map
def _softmax_vjp(y: Array, x: Array, *, axis: AxisTuple) -> Any:
    return lambda g: y * (g - np.sum(y * g, axis=axis, keepdims=True))


@primitive
def log_softmax_op(x: Array, *, axis: AxisTuple) -> Any:
    """y = x - log Σ exp(x). dy = dx - Σ exp(y) dx, so x_bar = g - exp(y) Σ g."""
    z = x - _shift(x, axis)
    return z - np.log(np.sum(np.exp(z), axis=axis, keepdims=True))


@log_softmax_op.defvjp("x")
def _log_softmax_vjp(y: Array, x: Array, *, axis: AxisTuple) -> Any:
    return lambda g: g - np.exp(y) * np.sum(g, axis=axis, keepdims=True)


@log_softmax_op.defjvp("x")
def _log_softmax_jvp(y: Array, x: Array, *, axis: AxisTuple) -> Any:
    return lambda x_dot: x_dot - np.sum(np.exp(y) * x_dot, axis=axis, keepdims=True)


@primitive
def logsumexp_op(x: Array, *, axis: AxisTuple, keepdims: bool = False) -> Any:
    """y = log Σ exp(x). VJP: x_bar = g exp(x - y), 0 where nothing is added (y = -inf)."""
    m = _shift(x, axis)
    total = np.sum(np.exp(x - m), axis=axis, keepdims=True)
    with np.errstate(divide="ignore"):  # log 0 = -inf is the answer where all x are -inf
        y = np.log(total) + m
    return y if keepdims else np.squeeze(y, axis)


def _shares(y: Array, x: Array, axis: AxisTuple) -> Array:
    """Return ∂y/∂x = exp(x - y), 0 where nothing is added."""
    finite = np.where(np.equal(y, -np.inf), zero_like(y), y)
    return np.exp(x - np.reshape(finite, kept(shape_of(x), axis)))


@logsumexp_op.defvjp("x")
def _logsumexp_vjp(y: Array, x: Array, *, axis: AxisTuple, keepdims: bool = False) -> Any:
    return lambda g: np.reshape(g, kept(shape_of(x), axis)) * _shares(y, x, axis)


@logsumexp_op.defjvp("x")
def _logsumexp_jvp(y: Array, x: Array, *, axis: AxisTuple, keepdims: bool = False) -> Any:
    return lambda x_dot: np.sum(x_dot * _shares(y, x, axis), axis=axis, keepdims=keepdims)


for _op in (softmax_op, log_softmax_op, logsumexp_op):
    over_leading_axis(_op, "axis")


def floating(x: Array, operation: str) -> Array:
    """Refuse complex input, take integers as float64 and lists as arrays."""
    x = as_array(x)
    dtype = x.dtype
    if dtype.kind == "f":
        return x
    if dtype.kind not in "iub":
        raise TypeError(f"{operation}: expected real numbers, got {dtype}.")
    return x.astype(np.float64)


def softmax(x: Array, axis: Axes = -1) -> Array:
    """Normalised exponentials over an axis.

    Parameters
    ----------
    x : array
        Any shape, floating point.
    axis : int, tuple of int or None
        Over which the result sums to one; None is all.

    Returns
    -------
    array
        Shape and dtype of x.

    Notes
    -----
    y = exp(x - max x) / Σ exp(x - max x); VJP: x_bar = y (g - Σ y g). Kept: y.
    """
    x = floating(x, "softmax")
    return softmax_op(x, axis=axis_tuple(axis, x))


def softmin(x: Array, axis: Axes = -1) -> Array:
    """Softmax of -x. Parameters as for `softmax`; VJP: x_bar = -y (g - Σ y g)."""
    return softmax(-floating(x, "softmin"), axis)


def log_softmax(x: Array, axis: Axes = -1) -> Array:
    """Logarithm of `softmax`, computed without it, so that it never underflows to -inf.

    Parameters as for `softmax`. y = x - log Σ exp(x); VJP: x_bar = g - exp(y) Σ g. Kept: y.
    """
    x = floating(x, "log_softmax")
    return log_softmax_op(x, axis=axis_tuple(axis, x))


def logsumexp(x: Array, axis: Axes = None, *, keepdims: bool = False) -> Array:
    """Logarithm of the sum of exponentials over axes, without overflow.

    Parameters
    ----------
    x : array
        Any shape, floating point.
    axis : int, tuple of int or None
        Reduced axes; None is all.
    keepdims : bool
        Keep them with length 1.

    Returns
    -------
    array
        Dtype of x; -inf where all entries are -inf or there is none.

    Notes
    -----
    y = m + log Σ exp(x - m), m = max x; VJP: x_bar = g exp(x - y). Kept: x and y.
    """
    x = floating(x, "logsumexp")
    return logsumexp_op(x, axis=axis_tuple(axis, x), keepdims=keepdims)
