"""Attention against a loop over queries, masks of every kind, and queries that see nothing."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.geometries import generators
from tests.nn.transformed import check_transforms
from tinygrad_np import grad, nn, random

attention = nn.scaled_dot_product_attention


def naive(q, k, v, seen, added, scale):
    """One query after the other: the mean of the values of the keys it sees, 0 if it sees none."""
    y = np.zeros((*q.shape[:-1], v.shape[-1]))
    for i in np.ndindex(*q.shape[:-1]):
        total = 0.0
        for j in range(k.shape[-2]):
            if seen[(*i, j)]:
                w = math.exp(q[i] @ k[(*i[:-1], j)] * scale + added[(*i, j)])
                y[i] += w * v[(*i[:-1], j)]
                total += w
        y[i] /= total or 1
    return y


@given(
    generators,
    st.lists(st.integers(1, 2), max_size=2),
    st.integers(1, 4),
    st.integers(0, 4),
    st.booleans(),
    st.sampled_from([None, "bool", "additive"]),
    st.sampled_from([None, 0.3]),
)
def test_attention_is_the_loop(rng, lead, queries, keys, causal, kind, scale):
    q, k, v = (rng.standard_normal((*lead, *s)) for s in ((queries, 3), (keys, 3), (keys, 2)))
    shape = (*lead, queries, keys)
    seen, added, mask = np.ones(shape, bool), np.zeros(shape), None
    if kind == "bool":
        seen = np.broadcast_to(mask := rng.random((queries, keys)) < 0.5, shape)
    elif kind == "additive":
        mask = np.where(rng.random(shape) < 0.4, -np.inf, rng.standard_normal(shape))
        seen, added = mask > -np.inf, mask
    if causal:
        seen = seen & np.tril(np.ones((queries, keys), bool))
    y = attention(q, k, v, attn_mask=mask, is_causal=causal, scale=scale)
    np.testing.assert_allclose(
        y, naive(q, k, v, seen, added, 1 / math.sqrt(3) if scale is None else scale), rtol=1e-12, atol=1e-13
    )


def test_a_query_that_sees_no_key_is_zero_with_gradient_zero():
    q = k = v = np.random.default_rng(0).standard_normal((2, 3))
    for mask in (np.array([[True, True], [False, False]]), np.array([[0, 0], [-np.inf, -np.inf]])):
        f = lambda q, k, v: attention(q, k, v, attn_mask=mask)
        np.testing.assert_array_equal(f(q, k, v)[1], 0)
        assert np.all(f(q, k, v)[0] != 0)
        bars = grad(lambda *a: np.sum(f(*a) ** 2), argnums=(0, 1, 2))(q, k, v)
        np.testing.assert_array_equal(bars[0][1], 0)
        assert all(np.all(np.isfinite(bar)) and np.any(bar) for bar in bars)
    assert attention(q, k[:0], v[:0]).tolist() == [[0, 0, 0]] * 2


def test_large_scores_do_not_overflow():
    q = np.full((2, 4), 1e4, np.float32)
    y = attention(q, q, np.eye(2, dtype=np.float32))
    np.testing.assert_allclose(y, 0.5)
    assert y.dtype == np.float32


def test_dropout_is_of_the_weights_and_off_without_a_key():
    q, k, v = np.zeros((1, 2), np.float32), np.zeros((400, 2), np.float32), np.eye(400, dtype=np.float32)
    y = attention(q, k, v, dropout_p=0.25, key=random.key(0))
    np.testing.assert_allclose(np.unique(y), [0, 1 / 300], rtol=1e-5)
    assert abs(np.count_nonzero(y) - 300) < 40
    np.testing.assert_array_equal(attention(q, k, v, dropout_p=0.25), attention(q, k, v))


MASK = np.array([[True, False, True], [False, True, True]])
BIAS = np.array([[0.5, -np.inf, 1.0], [0.0, 0.25, -1.0]])
TRANSFORMED = {
    "plain": {},
    "causal": {"is_causal": True},
    "bool": {"attn_mask": MASK},
    "additive": {"attn_mask": BIAS, "is_causal": True},
    "blind": {"attn_mask": MASK & [[True], [False]]},
    "scale": {"scale": np.float64(0.5)},
}


@pytest.mark.parametrize("name", TRANSFORMED)
def test_under_every_transform(name):
    rng = np.random.default_rng(0)
    q, k, v = rng.standard_normal((2, 2, 4)), rng.standard_normal((2, 3, 4)), rng.standard_normal((2, 3, 2))
    check_transforms(lambda q, k, v: attention(q, k, v, **TRANSFORMED[name]), q, k, v)


def test_a_learned_bias_has_a_gradient():
    rng = np.random.default_rng(0)
    q, k, v, bias = (rng.standard_normal(s) for s in ((2, 4), (3, 4), (3, 2), (2, 3)))
    check_transforms(lambda q, bias: attention(q, k.astype(q.dtype), v.astype(q.dtype), attn_mask=bias), q, bias)


Q = np.zeros((2, 3))
ERRORS = {
    "features": (lambda: attention(Q, Q[:, :2], Q), ValueError, r"shapes \(2, 3\), \(2, 2\) and \(2, 3\); expected"),
    "values": (lambda: attention(Q, Q, Q[:1]), ValueError, "expected"),
    "rank": (lambda: attention(Q[0], Q, Q), ValueError, "expected"),
    "mask": (lambda: attention(Q, Q, Q, attn_mask=np.ones((3, 3), bool)), ValueError, r"mask has shape \(3, 3\).*scores, \(2, 2\)"),
    "mask wide": (lambda: attention(Q[:1], Q, Q, attn_mask=np.ones((2, 2), bool)), ValueError, "does not broadcast"),
    "integers": (lambda: attention(Q, Q, Q, attn_mask=np.ones((2, 2), int)), TypeError, "mask is int64; it is boolean or floating"),
    "rate": (lambda: attention(Q, Q, Q, dropout_p=1.0), ValueError, "probability of a zero"),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    action, kind, words = ERRORS[name]
    with pytest.raises(kind, match=words):
        action()
