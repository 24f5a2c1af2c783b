"""Attention."""

from __future__ import annotations

import math

import numpy as np

from ..core.families import zero_like
from ..core.tensor import Array, dtype_of, shape_of
from ..ops.activations import softmax
from .layers import dropout


def scaled_dot_product_attention(
    q: Array,
    k: Array,
    v: Array,
    *,
    attn_mask: Array | None = None,
    is_causal: bool = False,
    scale: float | None = None,
    dropout_p: float = 0.0,
    key: Array | None = None,
) -> Array:
    """Mean of values, weighted by how well their keys fit a query: softmax(q kᵀ scale) v.

    Parameters
    ----------
    q : array, shape (..., L, E)
        Queries; the leading axes of q, k and v broadcast.
    k : array, shape (..., S, E)
        Keys.
    v : array, shape (..., S, F)
        Values.
    attn_mask : array, optional
        Broadcasts to (..., L, S). Boolean: True where a key takes part. Floating point: added to the scores, -inf where
        a key takes no part.
    is_causal : bool
        Query i sees the keys 0..i alone, besides what attn_mask says.
    scale : float, optional
        By default 1 / sqrt(E).
    dropout_p, key
        Rate and key of `dropout` on the weights; without a key, nothing is dropped.

    Returns
    -------
    array, shape (..., L, F)
        Dtype of q. A query that sees no key gives 0, and its gradient is 0.

    Raises
    ------
    ValueError
        For shapes that do not fit.
    TypeError
        For a mask of integers, which could mean either.

    Notes
    -----
    w = softmax(scale q kᵀ + attn_mask) and y = w v. So v_bar = wᵀ g, and with s_bar = w (g vᵀ - Σ w g vᵀ), the sum over
    keys, q_bar = scale s_bar k and k_bar = scale s_barᵀ q. Kept: q, k, v and w. Cost: 2 L S (E + F) flops.

    References
    ----------
    A. Vaswani et al., Attention is all you need, NeurIPS 2017.

    Examples
    --------
    >>> q = k = v = np.eye(2)
    >>> scaled_dot_product_attention(q, k, v, is_causal=True)[0]
    array([1., 0.])
    """
    _check_shapes(q, k, v)
    features = shape_of(q)[-1]
    factor = 1 / math.sqrt(max(features, 1)) if scale is None else scale
    factor = float(factor) if isinstance(factor, int | float | np.number) else factor  # a NumPy scalar would promote
    scores = np.matmul(q * factor, np.swapaxes(k, -1, -2))
    if is_causal:
        scores = _masked(scores, np.tril(np.ones(shape_of(scores)[-2:], np.bool_)))
    if attn_mask is not None:
        scores = _masked(scores, attn_mask)
    weights = softmax(scores) if attn_mask is None else _softmax_of_seen(scores)
    return np.matmul(dropout(weights, dropout_p, key), v)


def _masked(scores: Array, mask: Array) -> Array:
    if not hasattr(mask, "dtype"):
        mask = np.asarray(mask)
    try:
        fits = np.broadcast_shapes(shape_of(mask), shape_of(scores))[-2:] == shape_of(scores)[-2:]
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(
            f"scaled_dot_product_attention: attn_mask has shape {shape_of(mask)}, which does not broadcast to that of "
            f"the scores, {shape_of(scores)}: (..., queries, keys)."
        )
    if dtype_of(mask).kind == "b":
        return np.where(mask, scores, dtype_of(scores).type(-np.inf))
    if dtype_of(mask).kind == "f":
        return scores + mask.astype(dtype_of(scores))
    raise TypeError(f"scaled_dot_product_attention: attn_mask is {dtype_of(mask)}; it is boolean or floating point.")


def _softmax_of_seen(scores: Array) -> Array:
    """Softmax over the keys; 0 where all of them are masked, instead of 0 / 0."""
    blind = np.all(np.equal(scores, -np.inf), axis=-1, keepdims=True)
    weights = softmax(np.where(blind, zero_like(scores), scores))
    return np.where(blind, zero_like(weights), weights)


def _check_shapes(q: Array, k: Array, v: Array) -> None:
    shapes = [shape_of(x) for x in (q, k, v)]
    fits = all(len(s) >= 2 for s in shapes) and shapes[0][-1] == shapes[1][-1] and shapes[1][-2] == shapes[2][-2]
    if not fits:
        raise ValueError(
            "scaled_dot_product_attention: q, k and v have the shapes {}, {} and {}; expected (..., L, E), (..., S, E) "
            "and (..., S, F).".format(*shapes)
        )
