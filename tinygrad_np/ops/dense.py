"""The affine map of a dense layer."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..core.dividing import over_first_axis
from ..core.primitive import primitive
from ..core.tensor import Array, shape_of
from ..kernels import products
from .linalg import matmul_op


@primitive
def affine_op(x: Array, w: Array, b: Array) -> Any:
    """Y = X W + b, for a matrix of rows (n, in), weights (in, out) and a bias (out,).

    <G, dX W> = <G Wᵀ, dX>, <G, X dW> = <Xᵀ G, dW> and Σ_no G_no db_o, so x_bar = G Wᵀ, w_bar = Xᵀ G and
    b_bar = Σ_n G_n. One operation on the tape in place of two, and the bias is added in place.
    """
    return products.affine(np.asarray(x), np.asarray(w), np.asarray(b))


@affine_op.defvjp("x")
def _affine_vjp_x(y: Array, x: Array, w: Array, b: Array) -> Any:
    return lambda g: matmul_op(g, w.T)


@affine_op.defvjp("w")
def _affine_vjp_w(y: Array, x: Array, w: Array, b: Array) -> Any:
    return lambda g: matmul_op(x.T, g)


@affine_op.defvjp("b")
def _affine_vjp_b(y: Array, x: Array, w: Array, b: Array) -> Any:
    return lambda g: g.sum(0)


@affine_op.defjvp("x")
def _affine_jvp_x(y: Array, x: Array, w: Array, b: Array) -> Any:
    return lambda x_dot: matmul_op(x_dot, w)


@affine_op.defjvp("w")
def _affine_jvp_w(y: Array, x: Array, w: Array, b: Array) -> Any:
    return lambda w_dot: matmul_op(x, w_dot)


@affine_op.defjvp("b")
def _affine_jvp_b(y: Array, x: Array, w: Array, b: Array) -> Any:
    shape = shape_of(y)
    return lambda b_dot: np.broadcast_to(b_dot, shape)


@affine_op.defbatch
def _affine_batch(size: int, axes: tuple[int | None, ...], x: Array, w: Array, b: Array) -> tuple[Array, int]:
    """Batch against one matrix and one bias: one product of all rows. Else a stack of products."""
    if axes == (0, None, None):
        n, features = shape_of(x)[1:]
        y = affine_op(np.reshape(x, (size * n, features)), w, b)
        return np.reshape(y, (size, n, shape_of(b)[0])), 0
    x, w, b = [z if axis is None else np.moveaxis(z, axis, 0) for z, axis in zip((x, w, b), axes, strict=True)]
    return np.matmul(x, w) + (b if axes[2] is None else b[:, None, :]), 0


@affine_op.defprepare
def _affine_prepare(out: Any, x: Any, w: Any, b: Any) -> list[Any] | None:
    if out.dtype != np.result_type(x, w):  # the product is computed in its own type, the bias added in another
        return None
    return [partial(products.matmul, x, w, out), partial(np.add, out, b, out)]


affine_op.fresh = True
over_first_axis(affine_op, "x")
