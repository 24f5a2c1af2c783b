"""Primitives of trees (core.calls): VJP, JVP and batching rules that see the trees, and the checks of what they return."""

from typing import Any, NamedTuple

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import grad, hessian, jacfwd, jacrev, jvp, linearize, vjp, vmap

X = np.array([[0.3, -1.1, 2.0], [1.0, 0.5, -0.25]])
P = {"w": np.arange(6.0).reshape(3, 2) / 6, "b": np.array([0.1, -0.2])}


def layer():
    """A dense layer of a dictionary of parameters."""

    @tg.primitive
    def dense(x, p, *, scale=1.0):
        return scale * (x @ p["w"] + p["b"])

    @dense.defvjp("x")
    def _(y, x, p, *, scale=1.0):
        return lambda g: scale * (g @ np.swapaxes(p["w"], -1, -2))

    @dense.defvjp("p")
    def _(y, x, p, *, scale=1.0):
        return lambda g: {"b": scale * np.sum(g, axis=0), "w": scale * (np.swapaxes(x, -1, -2) @ g)}

    @dense.defjvp("x")
    def _(y, x, p, *, scale=1.0):
        return lambda x_dot: scale * (x_dot @ p["w"])

    @dense.defjvp("p")
    def _(y, x, p, *, scale=1.0):
        return lambda p_dot: scale * (x @ p_dot["w"] + np.broadcast_to(p_dot["b"], y.shape))

    return dense


def plain(x, p, *, scale=1.0):
    return scale * (x @ p["w"] + p["b"])


RUNS = {
    "value": lambda f: vjp(f, X, P)[0],
    "grad": lambda f: grad(lambda x, p: np.sum(np.sin(f(x, p))), argnums=(0, 1))(X, P),
    "grad of the tree alone": lambda f: grad(lambda p: np.sum(np.sin(f(X, p))))(P),
    "grad of the array alone": lambda f: grad(lambda x: np.sum(np.sin(f(x, P))))(X),
    "part of the tree": lambda f: grad(lambda w: np.sum(np.sin(f(X, {"w": w, "b": P["b"]}))))(P["w"]),
    "options": lambda f: grad(lambda p: np.sum(np.sin(f(X, p, scale=3.0))))(P),
    "by keyword": lambda f: grad(lambda p: np.sum(np.sin(f(p=p, x=X, scale=2.0))))(P),
    "jvp": lambda f: jvp(f, (X, P), (X[::-1], P)),
    "jvp of part": lambda f: jvp(lambda b: f(X, {"w": P["w"], "b": b}), (P["b"],), (P["b"],)),
    "jacfwd": lambda f: jacfwd(f, argnums=1)(X, P),
    "jacrev": lambda f: jacrev(f, argnums=1)(X, P),
    "hessian": lambda f: hessian(lambda p: np.sum(np.sin(f(X, p))))(P),
    "reverse over reverse": lambda f: jacrev(grad(lambda p: np.sum(np.sin(f(X, p)))))(P),
    "linearize": lambda f: linearize(f, X, P)[1](X, P),
}


@pytest.mark.parametrize("run", RUNS)
def test_a_primitive_of_trees_under_every_differentiating_transform(run):
    got, expected = RUNS[run](layer()), RUNS[run](plain)
    assert tg.tree.structure(got) == tg.tree.structure(expected)
    tg.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14), got, expected)


def test_without_tensors_it_is_the_function():
    np.testing.assert_array_equal(layer()(X, P, scale=2.0), plain(X, P, scale=2.0))


def test_a_batching_rule_sees_trees_of_axes():
    dense, seen = layer(), []

    @dense.defbatch
    def _(size, axes, x, p, *, scale=1.0):
        seen.append(axes)
        x = np.moveaxis(x, axes[0], 0) if axes[0] is not None else x
        move = lambda leaf, axis: leaf if axis is None else np.moveaxis(leaf, axis, 0)
        w, b = move(p["w"], axes[1]["w"]), move(p["b"], axes[1]["b"])
        return scale * (x @ w + (b if axes[1]["b"] is None else b[:, None])), 0

    stack = lambda n: {"w": np.stack([P["w"] * k for k in range(n)], 1), "b": P["b"]}
    y = vmap(lambda x, p: dense(x, p), in_axes=(None, {"w": 1, "b": None}))(X, stack(4))
    np.testing.assert_allclose(y, np.stack([plain(X, {"w": P["w"] * k, "b": P["b"]}) for k in range(4)]))
    assert seen == [(None, {"w": 1, "b": None})]
    rows = np.stack([X, 2 * X, -X])
    each = vmap(grad(lambda p, x: np.sum(dense(x, p) ** 2)), in_axes=(None, 0))(P, rows)
    for k, x in enumerate(rows):
        np.testing.assert_allclose(each["w"][k], grad(lambda p, x=x: np.sum(plain(x, p) ** 2))(P)["w"])


def test_without_a_batching_rule_it_runs_in_a_loop_with_a_warning():
    dense = layer()
    dense.key = f"test_calls.{id(dense)}"
    rows = np.stack([X, 2 * X, -X])
    with pytest.warns(UserWarning, match="dense has no batching rule.*dense.defbatch"):
        y = vmap(dense, in_axes=(0, None))(rows, P)
    np.testing.assert_allclose(y, rows @ P["w"] + P["b"])
    each = vmap(grad(lambda p, x: np.sum(dense(x, p) ** 2)), in_axes=(None, 0))(P, rows)
    np.testing.assert_allclose(each["b"][1], grad(lambda p: np.sum(plain(rows[1], p) ** 2))(P)["b"])


class State(NamedTuple):
    h: Any
    c: Any


def test_trees_of_outputs_and_a_joint_rule():
    @tg.primitive
    def cell(state, x):
        h = np.tanh(state.h + x)
        return State(h, {"c": state.c * x, "step": 3})

    @cell.defvjp("state", "x")
    def _(y, state, x):
        def pullback(g):
            z = g.h * (1 - y.h**2)
            return State(z, g.c["c"] * x), z + g.c["c"] * state.c

        return pullback

    @cell.defjvp("state", "x")
    def _(y, state, x):
        def pushforward(s, v):
            s, v = s or State(0 * x, 0 * x), 0 * x if v is None else v  # None stands still
            return State((1 - y.h**2) * (s.h + v), {"c": s.c * x + state.c * v, "step": None})

        return pushforward

    reference = lambda s, x: State(np.tanh(s.h + x), {"c": s.c * x, "step": 3})
    s = State(X[0], X[1])
    for run in (
        lambda f: grad(lambda s, x: (lambda y: np.sum(y.h * y.c["c"]))(f(s, x)), argnums=(0, 1))(s, X[1]),
        lambda f: grad(lambda h: np.sum(f(State(h, X[1]), X[0]).h ** 2))(X[0]),
        lambda f: jvp(f, (s, X[1]), (s, X[0])),
        lambda f: jvp(lambda c: f(State(X[0], c), X[0]), (X[1],), (X[0],))[1].c["c"],
        lambda f: hessian(lambda x: np.sum(f(s, x).h * f(s, x).c["c"]))(X[0]),
    ):
        tg.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14), run(cell), run(reference))
    assert cell(s, X[0]).c["step"] == 3


def test_none_is_zero_anywhere_in_a_cotangent():
    @tg.primitive
    def first(p):
        return p["a"] * 2

    first.defvjp("p")(lambda y, p: lambda g: {"a": 2 * g, "b": None})
    g = grad(lambda p: np.sum(first(p)))({"b": [X, X], "a": X})
    np.testing.assert_array_equal(g["a"], 2)
    np.testing.assert_array_equal(g["b"], 0)


def test_missing_rules_are_named():
    @tg.primitive
    def half(p, q):
        return p["a"] * q["b"]

    half.defvjp("p")(lambda y, p, q: lambda g: {"a": g * q["b"]})
    np.testing.assert_array_equal(grad(lambda p: np.sum(half(p, {"b": X})))({"a": X})["a"], X)
    with pytest.raises(TypeError, match=r"half has no VJP rule for its argument 'q'.*half\.defvjp\('q'\)"):
        grad(lambda q: np.sum(half({"a": X}, q)))({"b": X})
    with pytest.raises(TypeError, match=r"half has no JVP rule for its argument 'p'.*half\.defjvp\('p'\)"):
        jvp(lambda p: half(p, {"b": X}), ({"a": X},), ({"a": X},))


VJPS = {
    "shape": (lambda g: {"w": g[:1], "b": g}, ValueError, r"VJP rule of op returned for argument 0\['w'\] .*\(1, 3\);.*\(2, 3\)"),
    "dtype": (lambda g: {"w": g * 1j, "b": g}, TypeError, r"VJP rule of op returned for argument 0\['w'\] .*complex128"),
    "structure": (lambda g: {"w": g}, ValueError, r"VJP rule of op: argument 0 does not match.*'b'"),
    "an array for a tree": (lambda g: g, ValueError, "VJP rule of op: argument 0 does not match"),
    "a tree for an array": (lambda g: {"w": {"v": g}, "b": g}, ValueError, r"argument 0\['w'\] does not match"),
}  # fmt: skip


@pytest.mark.parametrize("name", VJPS)
def test_what_a_vjp_rule_of_trees_returns_is_checked(name):
    returned, error, words = VJPS[name]

    @tg.primitive
    def op(p):
        return p["w"] * p["b"]

    op.defvjp("p")(lambda y, p: returned)
    with pytest.raises(error, match=f"(?s){words}"):
        grad(lambda p: np.sum(op(p)))({"w": X, "b": X})


JVPS = {
    "shape": (lambda d: {"y": d["w"][:1]}, ValueError, r"JVP rule of op returned for output\['y'\] .*\(1, 3\);.*\(2, 3\)"),
    "dtype": (lambda d: {"y": d["w"] * 1j}, TypeError, r"JVP rule of op returned for output\['y'\] .*complex128"),
    "structure": (lambda d: d["w"], ValueError, "JVP rule of op does not match"),
}  # fmt: skip


@pytest.mark.parametrize("name", JVPS)
def test_what_a_jvp_rule_of_trees_returns_is_checked(name):
    returned, error, words = JVPS[name]

    @tg.primitive
    def op(p):
        return {"y": p["w"] * 2}

    op.defjvp("p")(lambda y, p: returned)
    with pytest.raises(error, match=f"(?s){words}"):
        jvp(op, ({"w": X},), ({"w": X},))


def test_rules_of_plain_primitives_are_checked_by_name():
    @tg.primitive
    def total(x):
        return np.sum(x)

    total.defvjp("x")(lambda y, x: lambda g: g)
    total.defjvp("x")(lambda y, x: lambda d: d)
    with pytest.raises(ValueError, match=r"VJP rule of total returned a cotangent of shape \(\)"):
        grad(total)(X)
    with pytest.raises(
        ValueError, match=r"JVP rule of total for x returned a tangent of shape \(2, 3\) for an output of shape \(\)"
    ):
        jvp(total, (X,), (X,))


def test_arrays_by_keyword_are_traced():
    @tg.primitive
    def scaled(x, y, *, factor=1.0):
        return factor * x * y

    scaled.defvjp("x")(lambda z, x, y, *, factor=1.0: lambda g: g * factor * y)
    scaled.defjvp("y")(lambda z, x, y, *, factor=1.0: lambda d: d * factor * x)
    scaled.defbatch(lambda size, axes, x, y, *, factor=1.0: (scaled(x, y, factor=factor), 0))
    assert grad(lambda t: scaled(y=3.0, x=t, factor=2.0))(5.0) == 6.0
    assert jvp(lambda t: scaled(3.0, y=t), (5.0,), (1.0,))[1] == 3.0
    np.testing.assert_array_equal(vmap(lambda t: scaled(y=t, x=t, factor=2.0))(X), 2 * X * X)
    with pytest.raises(TypeError, match="factor= is static"):
        vmap(lambda t: scaled(t, t, factor=t))(X)
