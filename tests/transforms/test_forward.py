"""jvp, linearize, linear_transpose: values, trees, kinds and dtypes, nesting."""

from typing import Any, NamedTuple

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import grad, jvp, linear_transpose, linearize, vjp, vmap

X = np.array([0.3, -1.1, 2.0])
V = np.array([1.0, 0.5, -2.0])


class Pair(NamedTuple):
    a: Any
    b: Any


def test_tangent_has_the_structure_shapes_and_dtypes_of_the_output():
    def f(p, y):
        return {"wy": p.a["w"] * y, "rest": [Pair(p.b, np.float32(2) * p.b), None], "n": 3, "order": np.argsort(y)}

    primals = Pair({"w": X}, np.float32(3)), X
    y, y_dot = jvp(f, primals, (Pair({"w": V}, np.float32(1)), 2 * V))
    assert tg.tree.structure(y) == tg.tree.structure(y_dot)
    np.testing.assert_allclose(y_dot["wy"], V * X + 2 * X * V, rtol=1e-15)
    assert y_dot["rest"][0] == Pair(1, 2) and y_dot["rest"][0].b.dtype == np.float32
    assert y["n"] == 3 and y_dot["n"] == 0
    np.testing.assert_array_equal(y["order"], np.argsort(X))
    np.testing.assert_array_equal(y_dot["order"], 0)


def test_kinds_and_dtypes_are_kept():
    assert jvp(lambda x: x * x, (3.0,), (1.0,)) == (9.0, 6.0)
    assert all(type(part) is float for part in jvp(lambda x: x * x, (3.0,), (1,)))
    assert all(type(part) is np.float32 for part in jvp(lambda x: x * x, (np.float32(3),), (np.float32(1),)))
    y, y_dot = jvp(lambda x: np.sin(x) * 2.0, (X.astype(np.float32),), (V,))  # a finer tangent is rounded
    assert y.dtype == y_dot.dtype == np.float32
    _, y_dot = jvp(np.exp, (X + 1j,), (V,))  # a real tangent of complex values
    np.testing.assert_allclose(y_dot, np.exp(X + 1j) * V, rtol=1e-15)
    assert jvp(lambda x: np.real(x * 1j), (X + 1j,), (V * 1j,))[1].dtype == np.float64


def test_what_does_not_depend_on_the_input_has_zero_tangents():
    y, y_dot = jvp(lambda x: (np.ones(2), 5.0, x > 0, tg.stop_gradient(x), 0 * x), (X,), (V,))
    for part, zero in zip(y, y_dot, strict=True):
        assert type(part) is type(zero)
        np.testing.assert_array_equal(zero, np.zeros_like(part))


def test_aux_comes_back_plain_and_results_are_unshared():
    y, y_dot, aux = jvp(lambda x: (x, {"y": x * 2, "name": "aux"}), (X,), (V,), has_aux=True)
    assert type(aux["y"]) is np.ndarray and aux["name"] == "aux"
    y[:], y_dot[:] = 7, 7
    assert X[0] == 0.3 and V[0] == 1.0


def test_lists_of_primals_and_zero_primals():
    assert jvp(lambda a, b: a * b, [2.0, 3.0], [1.0, 0.0])[1] == 3.0
    assert jvp(lambda: 2.0, (), ()) == (2.0, 0.0)


def test_nesting_and_perturbation_confusion():
    f = np.sin
    for expected in (np.cos(0.3), -np.sin(0.3), -np.cos(0.3), np.sin(0.3)):
        f = lambda x, f=f: jvp(f, (x,), (1.0,))[1]
        np.testing.assert_allclose(f(0.3), expected, rtol=1e-14)
    assert jvp(lambda x: x * jvp(lambda y: x + y, (1.0,), (1.0,))[1], (2.0,), (1.0,))[1] == 1.0
    assert grad(lambda x: jvp(lambda y: x * y * y, (x,), (1.0,))[1])(3.0) == 12.0
    assert jvp(lambda x: grad(lambda y: x * y * y)(x), (3.0,), (1.0,))[1] == 12.0


def test_a_tangent_may_be_what_is_differentiated():
    assert grad(lambda v: jvp(lambda x: x**3, (2.0,), (v,))[1])(1.0) == 12.0
    assert jvp(lambda v: jvp(lambda x: x**3, (2.0,), (v,))[1], (5.0,), (1.0,)) == (60.0, 12.0)
    # and both at once: d/dt [3 x(t)² v(t)] for x = v = t
    assert grad(lambda t: jvp(lambda x: x**3, (t,), (t,))[1])(2.0) == 36.0


def test_branches_follow_the_value():
    f = lambda x: x**2 if x > 0 else -x
    assert jvp(f, (3.0,), (1.0,))[1] == 6.0 and jvp(f, (-3.0,), (1.0,))[1] == -1.0


def test_linearize_is_jvp_and_may_be_called_many_times():
    calls = []

    def f(p, y):
        calls.append(1)
        return {"a": np.sin(p["w"]) * y, "b": np.sum(y @ y), "c": np.ones(2), "n": 3, "y": y}

    primals = {"w": X}, V
    y, push = linearize(f, *primals)
    for t in (({"w": V}, X), ({"w": 0 * V}, 3 * X), ({"w": X.astype(np.float32)}, V)):
        expected = jvp(f, primals, t)
        assert tg.tree.structure(push(*t)) == tg.tree.structure(expected[1])
        for got, want in zip(tg.tree.leaves((y, push(*t))), tg.tree.leaves(expected), strict=True):
            np.testing.assert_array_equal(got, want)
    assert len(calls) == 1 + 3  # once for linearize, then once a jvp


def test_linearize_results_do_not_share_memory():
    y, push = linearize(lambda x: x, X)
    v = V.copy()
    first = push(v)
    y[:], first[:] = 9, 9
    np.testing.assert_array_equal(push(v), V)
    assert X[0] == 0.3


def test_linearize_under_other_transforms():
    f = lambda y: np.sin(y) * y
    slope = np.cos(X) * X + np.sin(X)
    curve = 2 * np.cos(X) - X * np.sin(X)
    derivative = lambda x: linearize(f, x)[1](np.ones(3))
    np.testing.assert_allclose(derivative(X), slope, rtol=1e-14)
    np.testing.assert_allclose(grad(lambda x: np.sum(derivative(x)))(X), curve, rtol=1e-14)
    np.testing.assert_allclose(jvp(derivative, (X,), (V,))[1], curve * V, rtol=1e-14)
    np.testing.assert_allclose(linearize(derivative, X)[1](V), curve * V, rtol=1e-14)
    np.testing.assert_allclose(vmap(derivative)(np.stack([X, 0 * X])), [slope, 0 * X], rtol=1e-14)
    push = linearize(f, X)[1]
    np.testing.assert_allclose(vmap(push)(np.eye(3)), np.diag(slope), rtol=1e-14)
    np.testing.assert_allclose(grad(lambda v: np.sum(push(v) ** 2))(V), 2 * slope**2 * V, rtol=1e-14)
    np.testing.assert_allclose(vmap(vmap(push))(np.ones((2, 2, 3)))[1, 1], slope, rtol=1e-14)


def test_linearize_keeps_several_outputs_and_joint_rules():
    f = lambda x: np.stack([part * k for k, part in enumerate(np.split(x, 3))]) @ np.ones((1, 2))
    np.testing.assert_array_equal(linearize(f, X)[1](V), jvp(f, (X,), (V,))[1])


def test_linear_transpose_on_trees():
    m = np.arange(6.0).reshape(2, 3)

    def f(a, b):
        return {"o": 2 * a["x"] + np.sum(b), "p": m @ b}

    transposed = linear_transpose(f, {"x": 1.0}, X)
    g = {"o": 3.0, "p": np.array([1.0, -1.0])}
    a_bar, b_bar = transposed(g)
    assert a_bar == {"x": 6.0} and type(a_bar["x"]) is float
    np.testing.assert_allclose(b_bar, 3 + m.T @ g["p"])
    np.testing.assert_allclose(transposed(g)[1], b_bar)  # again


def test_linear_transpose_of_complex_real_linear_and_float32_functions():
    z = X + 1j * V
    np.testing.assert_allclose(linear_transpose(lambda a: 2j * a, z)(z)[0], 2j * z)
    np.testing.assert_allclose(linear_transpose(np.real, z)(X)[0], X)
    a = np.ones((5, 1000), np.float32) / 3
    (bar,) = linear_transpose(lambda x: a @ x, np.zeros(1000, np.float32))(np.ones(5, np.float32))
    assert bar.dtype == np.float32 and bar.shape == (1000,)
    assert linear_transpose(lambda x: x * 2, np.zeros(0))(np.zeros(0))[0].shape == (0,)
    for scale in (1e-200, 1e200):
        np.testing.assert_allclose(linear_transpose(lambda x: scale * x, X)(np.ones(3))[0], scale)


def test_linear_transpose_under_other_transforms():
    transposed = lambda w: linear_transpose(lambda a: a * w, w)(X)[0]
    np.testing.assert_allclose(grad(lambda w: np.sum(transposed(w)))(V), X)
    np.testing.assert_allclose(jvp(transposed, (V,), (V,))[1], X * V)
    np.testing.assert_allclose(vmap(transposed)(np.eye(3)), np.diag(X))
    np.testing.assert_allclose(vmap(transposed, in_axes=1, out_axes=1)(np.eye(3) + 1), X[:, None] * (np.eye(3) + 1))


@pytest.mark.parametrize(
    "f",
    [lambda a: a * a, lambda a: a + 1, np.abs, lambda a: np.maximum(a, 0), lambda a: a * np.sum(a), np.argsort,
     lambda a: (2 * a, a + 1e-3)],
)  # fmt: skip
def test_linear_transpose_refuses_what_is_not_linear(f):
    with pytest.raises(ValueError, match=r"linear_transpose\(.*not linear.*vjp"):
        linear_transpose(f, X)
    with pytest.raises(ValueError, match="not linear"):
        vmap(lambda x: linear_transpose(f, x)(x))(np.eye(3))


def test_memory_of_jvp_does_not_grow_with_the_length():
    import tracemalloc

    x = np.ones(100_000)

    def chain(x):
        for _ in range(30):
            x = np.tanh(x)
        return x

    tracemalloc.start()
    jvp(chain, (x,), (x,))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 9 * x.nbytes


def test_an_escaped_tensor_says_so():
    escaped = []
    jvp(lambda x: (escaped.append(x), x * 1.0)[1], (1.0,), (1.0,))
    with pytest.raises(RuntimeError, match=r"multiply: a Tensor of jvp\(<lambda>\) was used after"):
        escaped[0] * 2


def test_pairing_of_forward_and_reverse():
    rng = np.random.default_rng(0)
    w = rng.standard_normal((4, 3))
    f = lambda x: np.tanh(w @ x) / (1 + np.sum(x**2))
    v, u = rng.standard_normal(3), rng.standard_normal(4)
    np.testing.assert_allclose(u @ jvp(f, (X,), (v,))[1], vjp(f, X)[1](u)[0] @ v, rtol=1e-13)
