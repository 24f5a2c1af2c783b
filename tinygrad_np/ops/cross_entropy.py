"""Cross-entropies from logits, each one operation from logits to loss and one from there to the gradient.

As compositions they are a dozen operations on small arrays, which take longer than the arithmetic. The reduction is
part of the operation: the losses of all examples ("none"), their sum, or their mean.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.batching import batched
from ..core.dividing import Division, whole
from ..core.families import zero_like
from ..core.primitive import Primitive, primitive
from ..core.tensor import Array, dtype_of, shape_of
from ..kernels import cross_entropy as kernels
from .activations import sigmoid, softmax_op


def _reduced(losses: Any, reduction: str, count: int) -> Any:
    if reduction == "none":
        return losses
    total = np.add.reduce(losses, None, np.float32 if losses.dtype == np.float16 else None)
    return losses.dtype.type(total if reduction == "sum" else total / total.dtype.type(count))


# -- classes: the softmax ---------------------------------------------------------------------------------------------


@primitive
def softmax_cross_entropy_op(x: Array, labels: Array, *, reduction: str, ignore_index: int) -> Any:
    """loss_n = log Σ_c exp(x_nc) - x_nt, t the label of n; 0 where it is ignored. The mean divides by those that count.

    With p = softmax(x), d loss_n = Σ_c (p_nc - [c = t]) dx_nc. So x_bar = (p - onehot(t)) g, g over the count for the
    mean. Kept: x and labels; p is cheaper to compute again than to hand on as a second output.
    """
    losses, count = kernels.cross_entropy(x, labels, ignore_index=ignore_index)
    return _reduced(losses, reduction, count)


@primitive
def softmax_cross_entropy_gradient_op(g: Array, x: Array, labels: Array, *, reduction: str, ignore_index: int) -> Any:
    """x_bar = w (p - onehot(t)), with w = g for each loss that counts, 0 for others, and g over their count for a mean.

    Linear in g, so g_bar = Σ h (p - onehot(t)) over what g was spread to. As p is the softmax of x, whose derivative is
    symmetric, x_bar = p (q - Σ p q) with q = w h.
    """
    return kernels.cross_entropy_gradient(g, x, labels, mean=reduction == "mean", ignore_index=ignore_index)


softmax_cross_entropy_op.fresh = True


def _spread(g: Array, labels: Array, reduction: str, ignore_index: int, lead: int = 0) -> Array:
    """Return the cotangent of each loss, w above, from that of their reduction; `lead` batch axes stay apart."""
    counted = np.not_equal(labels, ignore_index).astype(dtype_of(g))
    if reduction == "none":
        return g * counted
    inner = tuple(range(lead, len(shape_of(labels))))
    g = np.reshape(g, (*shape_of(g), *(1,) * len(inner)))
    return g * counted if reduction == "sum" else g * counted / np.sum(counted, axis=inner, keepdims=True)


def _directional(x_dot: Array, x: Array, labels: Array, options: dict[str, Any]) -> Array:
    """Return the change of the losses, or of their reduction, along x_dot."""
    none = options["reduction"] == "none"
    one = np.ones(shape_of(labels) if none else (), dtype_of(x))
    gradient = softmax_cross_entropy_gradient_op(one, x, labels, **options)
    return np.sum(gradient * x_dot, axis=-1 if none else None)


@softmax_cross_entropy_op.defvjp("x")
def _cross_entropy_vjp(y: Array, x: Array, labels: Array, **options: Any) -> Any:
    return lambda g: softmax_cross_entropy_gradient_op(g, x, labels, **options)


@softmax_cross_entropy_op.defjvp("x")
def _cross_entropy_jvp(y: Array, x: Array, labels: Array, **options: Any) -> Any:
    return lambda x_dot: _directional(x_dot, x, labels, options)


@softmax_cross_entropy_gradient_op.defjvp("g")
def _gradient_jvp(y: Array, g: Array, x: Array, labels: Array, **options: Any) -> Any:
    return lambda g_dot: softmax_cross_entropy_gradient_op(g_dot, x, labels, **options)


@softmax_cross_entropy_gradient_op.defvjp("g")
def _gradient_vjp(y: Array, g: Array, x: Array, labels: Array, **options: Any) -> Any:
    return lambda h: _directional(h, x, labels, options)


@softmax_cross_entropy_gradient_op.defvjp("x")
@softmax_cross_entropy_gradient_op.defjvp("x")  # symmetric: the same map
def _curvature(y: Array, g: Array, x: Array, labels: Array, **options: Any) -> Any:
    def apply(h: Array) -> Array:
        p, q = softmax_op(x, axis=(len(shape_of(x)) - 1,)), h * _spread(g, labels, **options)[..., None]
        return p * (q - np.sum(p * q, axis=-1, keepdims=True))

    return apply


@softmax_cross_entropy_op.defbatch
def _cross_entropy_batch(size: int, axes: Any, x: Array, labels: Array, *, reduction: str, ignore_index: int) -> Any:
    x, labels = batched(size, x, axes[0]), batched(size, labels, axes[1])
    losses = softmax_cross_entropy_op(x, labels, reduction="none", ignore_index=ignore_index)
    if reduction == "none":
        return losses, 0
    one = np.ones(size, dtype_of(x))
    weights = _spread(one, labels, reduction, ignore_index, lead=1)
    return np.sum(losses * weights, axis=tuple(range(1, len(shape_of(losses))))), 0


@softmax_cross_entropy_gradient_op.defbatch
def _gradient_batch(
    size: int, axes: Any, g: Array, x: Array, labels: Array, *, reduction: str, ignore_index: int
) -> Any:
    g, x, labels = (batched(size, a, axis) for a, axis in zip((g, x, labels), axes, strict=True))
    w = _spread(g, labels, reduction, ignore_index, lead=1)
    return softmax_cross_entropy_gradient_op(w, x, labels, reduction="none", ignore_index=ignore_index), 0


# -- two classes: the sigmoid -----------------------------------------------------------------------------------------


@primitive
def sigmoid_cross_entropy_op(x: Array, t: Array, *, reduction: str) -> Any:
    """loss = (1 - t) x + log(1 + exp(-x)), reduced: -t log s(x) - (1 - t) log(1 - s(x)) with s the sigmoid.

    d loss = (s(x) - t) dx - x dt. So x_bar = w (s(x) - t) and t_bar = -w x, with w = g, over the count for a mean.
    """
    losses = (1 - t) * x + np.logaddexp(-x, zero_like(x))
    return _reduced(losses, reduction, losses.size)


@primitive
def sigmoid_cross_entropy_gradient_op(g: Array, x: Array, t: Array, *, reduction: str) -> Any:
    """x_bar = w (s(x) - t), with w = g, over the count for a mean. Its own: x_bar = w h s (1 - s) and t_bar = -w h."""
    return _share(g, x, reduction) * (sigmoid.forward(x) - t)


def _share(g: Array, x: Array, reduction: str) -> Array:
    """Return w: the cotangent of each loss, from that of their reduction."""
    return g * (1 / max(math.prod(shape_of(x)), 1)) if reduction == "mean" else g


def _total(losses: Array, reduction: str) -> Array:
    """Reduce as the loss does what has its shape."""
    return losses if reduction == "none" else (np.sum if reduction == "sum" else np.mean)(losses)


@sigmoid_cross_entropy_op.defvjp("x")
def _binary_vjp(y: Array, x: Array, t: Array, *, reduction: str) -> Any:
    return lambda g: sigmoid_cross_entropy_gradient_op(g, x, t, reduction=reduction)


@sigmoid_cross_entropy_op.defvjp("t")
def _binary_target_vjp(y: Array, x: Array, t: Array, *, reduction: str) -> Any:
    return lambda g: -x * _share(g, x, reduction)


@sigmoid_cross_entropy_op.defjvp("x")
def _binary_jvp(y: Array, x: Array, t: Array, *, reduction: str) -> Any:
    return lambda x_dot: _total(x_dot * (sigmoid(x) - t), reduction)


@sigmoid_cross_entropy_op.defjvp("t")
def _binary_target_jvp(y: Array, x: Array, t: Array, *, reduction: str) -> Any:
    return lambda t_dot: _total(-x * t_dot, reduction)


@sigmoid_cross_entropy_gradient_op.defjvp("g")
def _binary_gradient_jvp(y: Array, g: Array, x: Array, t: Array, *, reduction: str) -> Any:
    return lambda g_dot: sigmoid_cross_entropy_gradient_op(g_dot, x, t, reduction=reduction)


@sigmoid_cross_entropy_gradient_op.defvjp("g")
def _binary_gradient_vjp(y: Array, g: Array, x: Array, t: Array, *, reduction: str) -> Any:
    return lambda h: _total(h * (sigmoid(x) - t), reduction)


@sigmoid_cross_entropy_gradient_op.defvjp("x")
@sigmoid_cross_entropy_gradient_op.defjvp("x")  # elementwise: the same map
def _binary_curvature(y: Array, g: Array, x: Array, t: Array, *, reduction: str) -> Any:
    def apply(h: Array) -> Array:
        s = sigmoid(x)
        return h * _share(g, x, reduction) * (s * (1 - s))

    return apply


@sigmoid_cross_entropy_gradient_op.defvjp("t")
@sigmoid_cross_entropy_gradient_op.defjvp("t")
def _binary_target_curvature(y: Array, g: Array, x: Array, t: Array, *, reduction: str) -> Any:
    return lambda h: -h * _share(g, x, reduction)


@sigmoid_cross_entropy_op.defbatch
def _binary_batch(size: int, axes: Any, x: Array, t: Array, *, reduction: str) -> Any:
    losses = sigmoid_cross_entropy_op(batched(size, x, axes[0]), batched(size, t, axes[1]), reduction="none")
    each = tuple(range(1, len(shape_of(losses))))
    return losses if reduction == "none" else (np.sum if reduction == "sum" else np.mean)(losses, axis=each), 0


@sigmoid_cross_entropy_gradient_op.defbatch
def _binary_gradient_batch(size: int, axes: Any, g: Array, x: Array, t: Array, *, reduction: str) -> Any:
    g, x, t = (batched(size, a, axis) for a, axis in zip((g, x, t), axes, strict=True))
    if reduction != "none":
        share = 1 / max(math.prod(shape_of(x)[1:]), 1) if reduction == "mean" else 1
        g = np.broadcast_to(np.reshape(g * share, (size, *(1,) * (len(shape_of(x)) - 1))), shape_of(x))
    return sigmoid_cross_entropy_gradient_op(g, x, t, reduction="none"), 0


# -- micro-batches: the losses of examples add up; what a mean divides by is counted for the whole batch --------------


def _examples_first(axes: Any, cotangents: int, options: dict[str, Any]) -> bool:
    """Whether x and the targets are cut along their first axis, and the cotangent with them if it is of each loss."""
    each = options["reduction"] == "none"
    return set(axes[cotangents:]) <= {0, None} and all(
        axis is None or (each and axis == 0) for axis in axes[:cotangents]
    )


def _count(x: Array, labels: Array, ignore_index: int | None = None) -> Array:
    """Return the number of losses that count."""
    if ignore_index is None:
        return dtype_of(x).type(math.prod(shape_of(x)))
    return np.sum(np.not_equal(whole(labels), ignore_index).astype(dtype_of(x)))


def _without_mean(options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    rest = {name: value for name, value in options.items() if name != "reduction"}
    return {"reduction": "sum", **rest}, rest


def _let_divide(loss: Primitive, gradient: Primitive) -> None:
    def divide_loss(size: int, axes: Any, x: Array, labels: Array, **options: Any) -> Any:
        mean = options["reduction"] == "mean"
        if not _examples_first(axes, 0, options) or (mean and dtype_of(x) == np.float16):  # whose sum may overflow
            return None
        if mean:
            summed, rest = _without_mean(options)
            return loss(x, labels, **summed) / _count(x, labels, **rest)
        return Division((0, 0), 0 if options["reduction"] == "none" else None)

    def divide_gradient(size: int, axes: Any, g: Array, x: Array, labels: Array, **options: Any) -> Any:
        if not _examples_first(axes, 1, options):
            return None
        if options["reduction"] == "mean":
            summed, rest = _without_mean(options)
            return gradient(g / _count(x, labels, **rest), x, labels, **summed)
        return Division((0 if options["reduction"] == "none" else None, 0, 0), 0)

    loss.defdivide(divide_loss)
    gradient.defdivide(divide_gradient)


_let_divide(softmax_cross_entropy_op, softmax_cross_entropy_gradient_op)
_let_divide(sigmoid_cross_entropy_op, sigmoid_cross_entropy_gradient_op)
