"""vmap: axes, trees, nesting, what it composes with, users' primitives, per-example gradients."""

import functools
import warnings

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import grad, jvp, nn, random, stop_gradient, tree, value_and_grad, vjp, vmap

A = np.arange(6.0).reshape(2, 3) / 4
X = np.array([0.3, -1.1, 2.0])


# -- axes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, np.int64(1)])
@pytest.mark.parametrize("out", [0, 1, -1, np.int64(0)])
def test_int_axes(axis, out):
    x = np.arange(24.0).reshape(2, 3, 4)
    y = vmap(lambda a: a.T * 2, in_axes=axis, out_axes=out)(x)
    expected = np.stack([a.T * 2 for a in np.moveaxis(x, axis, 0)], axis=int(out))
    np.testing.assert_array_equal(y, expected)


def test_shared_arguments_and_axes_for_each():
    f = lambda a, b: a * b
    np.testing.assert_array_equal(vmap(f, in_axes=(0, None))(A, X), A * X)
    np.testing.assert_array_equal(vmap(f, in_axes=[0, 1])(A, A.T), A * A)
    np.testing.assert_array_equal(vmap(f, in_axes=(None, 0))(X, A), A * X)
    assert vmap(lambda a, s: a if s == "x" else -a, in_axes=(0, None))(A, "x")[1, 2] == A[1, 2]


def test_trees_and_prefixes_of_axes():
    p = {"a": A, "b": [X, (X, 2.0)]}
    f = lambda p, q: {"y": p["a"] * p["b"][0] + p["b"][1][1], "z": (q, p["b"][1][0])}
    y = vmap(f, in_axes=({"b": None, "a": 0}, -1), out_axes={"z": (0, None), "y": 1})(p, A.T)
    np.testing.assert_array_equal(y["y"], (A * X + 2).T)
    np.testing.assert_array_equal(y["z"][0], A)
    np.testing.assert_array_equal(y["z"][1], X)
    np.testing.assert_array_equal(vmap(lambda p: p[0] * p[1])([A, A]), A * A)
    np.testing.assert_array_equal(vmap(lambda p: p[0] * p[1], in_axes=([0, None],))([A, X]), A * X)


def test_keyword_arguments_are_batched_along_axis_0():
    np.testing.assert_array_equal(vmap(lambda a, *, k: a * k)(A, k=np.array([2.0, 3.0])), A * [[2], [3]])
    np.testing.assert_array_equal(vmap(lambda a, k: a * k)(a=A, k=A), A * A)


def test_outputs_that_are_the_same_for_all_are_repeated_or_not():
    y = vmap(lambda a: (X, 3.0, 2, True))(A)
    np.testing.assert_array_equal(y[0], [X, X])
    np.testing.assert_array_equal(y[1], [3.0, 3.0])
    assert y[2].dtype == np.dtype(int) and y[3].dtype == bool
    y[0][0, 0] = 9  # their own
    assert X[0] == 0.3 and y[0][1, 0] == 0.3
    same = vmap(lambda a: X, out_axes=None)(A)
    same[:] = 9
    assert X[0] == 0.3
    assert vmap(lambda a: None)(A) is None


def test_what_a_function_sees():
    def f(a):
        assert (a.shape, a.ndim, a.size, len(a), np.shape(a)) == ((3,), 1, 3, 3, (3,))
        return sum(e for e in a) + a.reshape(3, 1).T[0] * a[-1] + a.mean()

    np.testing.assert_allclose(vmap(f)(A), np.stack([a.sum() + a * a[-1] + a.mean() for a in A]))


def test_scalars_integers_and_booleans():
    np.testing.assert_array_equal(vmap(lambda n: n * 2 + 1)(np.arange(3)), [1, 3, 5])
    assert vmap(lambda n: n * 2)(np.arange(3)).dtype == np.dtype(int)
    np.testing.assert_array_equal(vmap(lambda b, c: ~b & c)(np.array([True, False]), np.array([True, True])), [0, 1])
    np.testing.assert_array_equal(vmap(lambda a: np.where(a > 0, a, -a))(X), np.abs(X))
    np.testing.assert_array_equal(vmap(lambda a, i: a[i])(A, np.array([0, 2])), [A[0, 0], A[1, 2]])
    np.testing.assert_array_equal(vmap(lambda i: tg.at(X)[i].get())(np.array([2, 0, 0])), X[[2, 0, 0]])


@pytest.mark.parametrize("size", [0, 1])
def test_empty_and_single_batches(size):
    x = np.ones((size, 3))
    assert vmap(lambda a: np.sum(np.sin(a)))(x).shape == (size,)
    assert vmap(grad(lambda a: np.sum(np.sin(a))))(x).shape == (size, 3)
    assert vmap(lambda a, b: a @ b)(x, x).shape == (size,)
    assert vmap(lambda a: jvp(np.sin, (a,), (a,)), out_axes=1)(x)[1].shape == (3, size)
    assert vmap(vmap(lambda a: a * 2))(x).shape == (size, 3)
    assert vmap(lambda a: np.ones(2))(x).shape == (size, 2)


def test_ufuncs_partials_and_names():
    np.testing.assert_array_equal(vmap(np.add)(A, A), A + A)
    np.testing.assert_array_equal(vmap(np.dot)(A, A), np.sum(A * A, 1))
    np.testing.assert_array_equal(vmap(functools.partial(lambda s, a: s * a, 2.0))(A), 2 * A)

    def named(a):
        """Document."""
        return a

    assert vmap(named).__name__ == "named" and vmap(named).__doc__ == "Document."


# -- nesting and closures ----------------------------------------------------------------------------------------------


def test_nested():
    outer = vmap(vmap(lambda a, b: a * b, in_axes=(None, 0)), in_axes=(0, None))
    np.testing.assert_array_equal(outer(X, A[0]), np.outer(X, A[0]))
    np.testing.assert_allclose(vmap(vmap(vmap(np.sin)))(np.ones((2, 3, 4))), np.sin(1), rtol=1e-15)
    gram = vmap(lambda a: vmap(lambda b: np.dot(a, b))(A))(A)
    np.testing.assert_allclose(gram, A @ A.T)


def test_closures_over_an_outer_batch():
    np.testing.assert_array_equal(vmap(lambda a: vmap(lambda b: a)(X))(X), np.tile(X[:, None], 3))
    np.testing.assert_array_equal(vmap(lambda a: vmap(lambda b: a * b)(a))(A), A[:, :, None] * A[:, None])
    np.testing.assert_array_equal(
        vmap(lambda a: vmap(lambda b: np.sum(a) * b, out_axes=-1)(A), in_axes=1)(A)[2], A.sum(0)[2] * A.T
    )


# -- with derivatives --------------------------------------------------------------------------------------------------


def test_with_derivatives_in_any_order():
    f = lambda w, a: np.sum(np.sin(w * a))
    each = np.stack([a * np.cos(X * a) for a in A])
    np.testing.assert_allclose(vmap(grad(f), in_axes=(None, 0))(X, A), each, rtol=1e-14)
    np.testing.assert_allclose(grad(lambda w: np.sum(vmap(f, in_axes=(None, 0))(w, A)))(X), each.sum(0), rtol=1e-14)
    value, g = vmap(value_and_grad(f), in_axes=(None, 0))(X, A)
    np.testing.assert_allclose(value, np.sin(X * A).sum(1), rtol=1e-14)
    np.testing.assert_allclose(g, each, rtol=1e-14)
    y, y_dot = vmap(lambda a: jvp(np.sin, (a,), (np.ones(3),)))(A)
    np.testing.assert_allclose(y_dot, np.cos(A), rtol=1e-15)
    np.testing.assert_allclose(vmap(lambda a: vjp(np.sin, a)[1](np.ones(3))[0])(A), np.cos(A), rtol=1e-15)
    pull = vjp(np.sin, X)[1]  # a pullback made outside, batched over its cotangents
    np.testing.assert_allclose(vmap(pull)(np.eye(3))[0], np.diag(np.cos(X)), rtol=1e-15)
    np.testing.assert_allclose(jvp(lambda w: vmap(lambda a: w * a)(A), (X,), (X,))[1], A * X, rtol=1e-15)


def test_integer_aux_and_unused_arguments_under_grad():
    g = vmap(grad(lambda p, i: p["a"][i] ** 2), in_axes=(None, 0))({"a": X, "b": X}, np.array([0, 2]))
    np.testing.assert_allclose(g["a"], [[0.6, 0, 0], [0, 0, 4.0]], rtol=1e-15)
    np.testing.assert_array_equal(g["b"], np.zeros((2, 3)))
    g, aux = vmap(grad(lambda a: (np.sum(a**2), {"top": np.argmax(a)}), has_aux=True))(A)
    np.testing.assert_array_equal(aux["top"], [2, 2])


def test_stop_gradient():
    np.testing.assert_array_equal(vmap(stop_gradient)(A), A)
    np.testing.assert_array_equal(vmap(grad(lambda a: np.sum(a * stop_gradient(a))))(A), A)
    np.testing.assert_array_equal(grad(lambda a: np.sum(vmap(lambda r: r * stop_gradient(r))(a)))(A), A)


def test_random_keys_are_the_loop():
    keys = random.split(random.key(7), 3)
    for draw in (lambda k: random.normal(k, (2, 2)), lambda k: random.uniform(k, (2,)), lambda k: random.split(k, 2)):
        np.testing.assert_array_equal(vmap(draw)(keys), np.stack([draw(k) for k in keys]))
    nested = vmap(vmap(lambda k: random.normal(k, (2,))))(np.stack([keys, keys[::-1]]))
    np.testing.assert_array_equal(nested[1, 0], random.normal(keys[2], (2,)))
    dropped = vmap(lambda k, a: nn.dropout(a, 0.5, k), in_axes=(0, None))(keys, np.ones(20))
    np.testing.assert_array_equal(dropped, np.stack([nn.dropout(np.ones(20), 0.5, k) for k in keys]))


def test_per_example_gradients_of_a_cnn_are_the_loop():
    rng = np.random.default_rng(0)
    params = {
        "conv": {"w": rng.standard_normal((3, 3, 1, 4)) * 0.3, "b": rng.standard_normal(4) * 0.1},
        "out": {"w": rng.standard_normal((4 * 3 * 3, 5)) * 0.3, "b": np.zeros(5)},
    }
    x, labels = rng.standard_normal((6, 8, 8, 1)), rng.integers(0, 5, 6)

    def loss(p, x, label):
        h = nn.conv(x[None], p["conv"]["w"], p["conv"]["b"])
        h = nn.max_pool(nn.relu(h), 2)
        logits = np.reshape(h, (1, -1)) @ p["out"]["w"] + p["out"]["b"]
        return nn.cross_entropy(logits, np.reshape(label, (1,)))

    each = vmap(grad(loss), in_axes=(None, 0, 0))(params, x, labels)
    loop = [grad(loss)(params, xi, li) for xi, li in zip(x, labels, strict=True)]
    for path, got in tree.flatten_with_path(each)[0]:
        want = np.stack([dict(tree.flatten_with_path(g)[0])[path] for g in loop])
        np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-13, err_msg=path)


# -- users' primitives -------------------------------------------------------------------------------------------------


def cube():
    @tg.primitive
    def cube(x, y):
        return x**3 * y

    cube.defvjp("x")(lambda z, x, y: lambda g: g * 3 * x**2 * y)
    cube.defvjp("y")(lambda z, x, y: lambda g: g * x**3)
    cube.key = f"test_batch.{id(cube)}"  # warned of once a key
    return cube


def test_a_primitive_without_a_batching_rule_runs_in_a_loop_with_one_warning():
    op = cube()
    with pytest.warns(UserWarning, match=r"cube\.defbatch") as record:
        np.testing.assert_allclose(vmap(op)(A, A), A**4)
    (warning,) = record
    assert "vmap(cube): cube has no batching rule" in str(warning.message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_allclose(vmap(op, in_axes=(1, None), out_axes=1)(A, X[0]), A**3 * X[0])
        np.testing.assert_allclose(vmap(vmap(op))(A, A), A**4)
        np.testing.assert_allclose(vmap(grad(op))(X, X), 3 * X**3)
        np.testing.assert_allclose(grad(lambda x: np.sum(vmap(op)(x, X)))(X), 3 * X**3)
        assert vmap(op)(np.zeros((0, 2)), np.zeros((0, 2))).shape == (0, 2)


def test_a_batching_rule_is_used():
    op, sizes = cube(), []

    @op.defbatch
    def _(size, axes, x, y):
        sizes.append((size, axes))
        return op(np.moveaxis(x, axes[0], 0), np.moveaxis(y, axes[1], 0)), 0

    np.testing.assert_allclose(vmap(op, in_axes=(0, 1))(A, A.T), A**4)
    assert sizes == [(2, (0, 1))]


@pytest.mark.parametrize(
    ("returned", "error", "words"),
    [
        (
            lambda y: (y.sum(0), 0),
            ValueError,
            r"cube returned an array of shape \(3,\) with its batch axis at 0.*length 2",
        ),
        (lambda y: (y, 7), ValueError, r"cube returned .* batch axis at 7"),
        (lambda y: (y, 1), ValueError, r"cube returned .* batch axis at 1"),
        (lambda y: y, TypeError, r"cube returned an array.*expected \(result, axis\)"),
        (lambda y: (y, "0"), TypeError, r"cube returned .*expected \(result, axis\)"),
        (lambda y: None, TypeError, r"cube returned None; expected \(result, axis\)"),
    ],
)
def test_a_wrong_batching_rule_is_named(returned, error, words):
    op = cube()
    op.defbatch(lambda size, axes, x, y: returned(x**3 * y))
    with pytest.raises(error, match=f"(?s)The batching rule of {words}"):
        vmap(op)(A, A)


def test_several_outputs_with_axes_of_their_own():
    @tg.primitive
    def both(x):
        return x * 2, np.sum(x), np.ones(2)

    both.defbatch(lambda size, axes, x: ((x * 2, np.sum(x, 1 - axes[0]), np.ones(2)), (axes[0], 0, None)))
    doubled, total, ones = vmap(both, in_axes=1, out_axes=(1, 0, None))(A)
    np.testing.assert_array_equal(doubled, 2 * A)
    np.testing.assert_array_equal(total, A.sum(0))
    assert ones.shape == (2,)


def test_an_escaped_tensor_says_so():
    escaped = []
    vmap(lambda x: (escaped.append(x), x)[1])(X)
    with pytest.raises(RuntimeError, match=r"multiply: a Tensor of vmap\(<lambda>\) was used after"):
        escaped[0] * 2
