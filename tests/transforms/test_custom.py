"""custom_vjp, custom_jvp, grad_tap: rules of one's own under every transform, and the checks of what they return."""

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import custom_jvp, custom_vjp, grad, grad_tap, hessian, jacfwd, jacrev, jvp, linearize, vjp, vmap

X = np.array([0.3, -1.1, 2.0])
A = np.stack([X, 2 * X, -X, X * X])


def product():
    """a * b with a rule that doubles the derivative, so that one sees which was used."""
    f = custom_vjp(lambda a, b=2.0: a * b)
    total = lambda x, like: np.sum(x) if np.ndim(like) == 0 else x
    f.defvjp(lambda a, b: (a * b, (a, b)), lambda r, g: (2 * g * r[1], total(2 * g * r[0], r[1])))
    return f


def with_rule(backward, f=lambda a, b: a * b, forward=None):
    c = custom_vjp(f)
    c.defvjp(forward or (lambda *args: (f(*args), args)), backward)
    return c


def with_pushforward(rule, f=lambda a, b: a * b):
    c = custom_jvp(f)
    c.defjvp(rule)
    return c


# -- custom_vjp ------------------------------------------------------------------------------------------------------


def test_the_rule_is_used_and_plain_calls_run_the_function():
    f = product()
    np.testing.assert_array_equal(f(X, X), X * X)
    a_bar, b_bar = grad(lambda a, b: np.sum(f(a, b)), argnums=(0, 1))(X, A[1])
    np.testing.assert_array_equal(a_bar, 2 * A[1])
    np.testing.assert_array_equal(b_bar, 2 * X)
    np.testing.assert_array_equal(grad(lambda a: np.sum(f(a, A[1])))(X), 2 * A[1])
    np.testing.assert_array_equal(vjp(f, X, X)[1](X)[0], 2 * X * X)


def test_keyword_arguments_and_defaults_are_traced():
    f = product()
    np.testing.assert_array_equal(grad(lambda a: np.sum(f(b=a, a=X)))(A[1]), 2 * X)
    np.testing.assert_array_equal(grad(lambda a: np.sum(f(a)))(X), 4.0)  # b = 2
    g = with_rule(lambda r, g: (g * r[1], 3 * g * r[0]), lambda a, *, k: a * k, lambda a, *, k: (a * k, (a, k)))
    np.testing.assert_array_equal(grad(lambda a, k: np.sum(g(a, k=k)), argnums=1)(X, X), 3 * X)
    sums = with_rule(lambda n, g: ((g,) * n,), lambda *xs: sum(xs), lambda *xs: (sum(xs), len(xs)))
    np.testing.assert_array_equal(grad(lambda a: np.sum(sums(a, a, a)))(X), 3.0)


def test_rules_for_ufuncs():
    clipped = custom_vjp(np.multiply)
    clipped.defvjp(lambda a, b: (a * b, (a, b)), lambda r, g: (np.clip(g * r[1], -1, 1), g * r[0]))
    np.testing.assert_array_equal(grad(lambda a: np.sum(clipped(a, X)))(X), np.clip(X, -1, 1))


def test_trees_in_and_out():
    f = lambda p, q: {"y": p["w"] * q[0], "s": np.sum(p["b"]), "n": np.argsort(q[0])}
    c = with_rule(lambda r, g: ({"b": g["s"] * np.ones(2), "w": 5 * g["y"]}, [7 * g["y"]]), f)
    p, q = {"w": X, "b": np.zeros(2)}, [A[1]]
    loss = lambda p, q: (lambda y: np.sum(y["y"][y["n"]]) + 3 * y["s"])(c(p, q))
    p_bar, q_bar = grad(loss, argnums=(0, 1))(p, q)
    np.testing.assert_array_equal(p_bar["w"], 5.0)
    np.testing.assert_array_equal(p_bar["b"], 3.0)
    np.testing.assert_array_equal(q_bar[0], 7.0)


def test_none_is_zero_for_an_argument_or_anywhere_in_a_tree():
    c = with_rule(lambda r, g: ({"w": 2 * g, "b": None, "c": [None]}, None), lambda p, q: p["w"] * q)
    p = {"b": X, "w": X, "c": [X]}
    for run in (
        lambda f: f(p, X),
        lambda f: tg.tree.map(lambda x: x[0], vmap(f)(*tg.tree.map(lambda x: x[None], (p, X)))),
    ):
        p_bar, q_bar = run(grad(lambda p, q: np.sum(c(p, q)), argnums=(0, 1)))
        np.testing.assert_array_equal(p_bar["w"], 2.0)
        np.testing.assert_array_equal(np.stack([p_bar["b"], p_bar["c"][0], q_bar]), 0)
    assert jvp(with_rule(lambda r, g: (g * r[1], None)), (2.0, 3.0), (1.0, 1.0))[1] == 3.0


def test_integer_arguments_and_residuals_of_any_kind():
    c = with_rule(
        lambda r, g: (g * r["n"] * r["f"](1.0), None),
        forward=lambda a, n: (a * n, {"n": n, "f": np.negative, "s": "text"}),
    )
    np.testing.assert_array_equal(grad(lambda a: np.sum(c(a, 3)))(X), -3.0)
    np.testing.assert_array_equal(vmap(grad(lambda a: np.sum(c(a, 3))))(A), np.full(A.shape, -3.0))
    assert grad(with_rule(lambda r, g: (1, 0)), argnums=(0, 1))(2.0, 3.0) == (1.0, 0.0)  # Python numbers are weak


def test_static_arguments():
    power = custom_vjp(lambda n, a, mode="up": a**n if mode == "up" else a, nondiff_argnums=(0, "mode"))
    power.defvjp(
        lambda n, a, mode: (a**n, a), lambda n, mode, a, g: (g * n * a ** (n - 1) * (10 if mode == "up" else 20),)
    )
    np.testing.assert_allclose(grad(lambda a: np.sum(power(3, a)))(X), 30 * X**2)
    np.testing.assert_allclose(grad(lambda a: np.sum(power(a=a, n=3, mode="down")))(X), 60 * X**2)
    np.testing.assert_allclose(vmap(grad(lambda a: np.sum(power(3, a))))(A), 30 * A**2)
    last = custom_vjp(lambda a, s: a, nondiff_argnums=-1)
    last.defvjp(lambda a, s: (a, None), lambda s, r, g: (g * len(s),))
    np.testing.assert_array_equal(grad(lambda a: np.sum(last(a, "four")))(X), 4.0)


def test_custom_vjp_under_forward_mode_and_higher_orders():
    f = with_rule(
        lambda r, g: (g * r[1] * np.cos(r[0] * r[1]), g * r[0] * np.cos(r[0] * r[1])), lambda a, b: np.sin(a * b)
    )
    plain = lambda a, b: np.sin(a * b)
    b = A[1]
    for run in (
        lambda f: jvp(f, (X, b), (b, X))[1],
        lambda f: jacfwd(f)(X, b),
        lambda f: jacrev(f, argnums=1)(X, b),
        lambda f: hessian(lambda a: np.sum(f(a, b)))(X),
        lambda f: hessian(lambda b: np.sum(f(b, b)))(X),
        lambda f: jacfwd(jacfwd(lambda a: f(a, b)))(X),
        lambda f: linearize(f, X, b)[1](b, X),
        lambda f: jacfwd(hessian(lambda a: np.sum(f(a, b))))(X),
    ):
        np.testing.assert_allclose(run(f), run(plain), rtol=1e-12, atol=1e-14)


def test_custom_vjp_under_vmap():
    f = product()
    np.testing.assert_array_equal(vmap(f)(A, A), A * A)
    np.testing.assert_array_equal(vmap(f, in_axes=(0, None), out_axes=1)(A, X), (A * X).T)
    np.testing.assert_array_equal(vmap(f, in_axes=(1, None), out_axes=1)(A, 2.0), 2 * A)
    each = vmap(grad(lambda a, b: np.sum(f(a, b)), argnums=(0, 1)), in_axes=(0, None))(A, X)
    np.testing.assert_array_equal(each[0], np.tile(2 * X, (4, 1)))
    np.testing.assert_array_equal(each[1], 2 * A)
    # the examples' cotangents of what they share are summed
    np.testing.assert_allclose(grad(lambda b: np.sum(vmap(f, in_axes=(0, None))(A, b)))(X), 2 * A.sum(0))
    np.testing.assert_allclose(grad(lambda a: np.sum(vmap(f, in_axes=(1, 0))(a, X)))(A), np.tile(2 * X, (4, 1)))
    nested = vmap(vmap(grad(f), in_axes=(0, None)), in_axes=(None, 0))(X, X)
    np.testing.assert_array_equal(nested, np.tile(2 * X[:, None], 3))
    np.testing.assert_allclose(vmap(hessian(lambda a: np.sum(f(a, a))))(A)[1], 4 * np.eye(3))
    np.testing.assert_allclose(vmap(lambda a: jvp(f, (a, X), (X, X))[1])(A), 2 * (X * X + A * X))


RULES = {
    "count": (lambda r, g: (g,), TypeError, "VJP rule of times returned 1 cotangents for 2 arguments"),
    "no tuple": (lambda r, g: g, TypeError, "VJP rule of times returned ndarray, not a tuple of cotangents for 2"),
    "shape": (lambda r, g: (g, g[:2]), ValueError, r"VJP rule of times returned for argument 1 .*\(2,\); .*\(3,\)"),
    "dtype": (lambda r, g: (g * 1j, g), TypeError, "VJP rule of times returned for argument 0 .*complex128.*float64"),
    "integers": (lambda r, g: (np.ones(3, int), g), TypeError, "VJP rule of times returned for argument 0 .*int64.*float64"),
    "text": (lambda r, g: ("text", g), TypeError, "VJP rule of times returned for argument 0 a str"),
    "structure": (lambda r, g: ({"w": g}, g), ValueError, "VJP rule of times: argument 0 does not match"),
}  # fmt: skip


@pytest.mark.parametrize("name", RULES)
def test_what_a_vjp_rule_returns_is_checked(name):
    backward, error, words = RULES[name]

    def times(a, b):
        return a * b

    with pytest.raises(error, match=f"(?s)the {words}"):
        grad(lambda a: np.sum(with_rule(backward, times)(a, a)))(X)


def test_a_wrong_structure_inside_a_tree_is_named_with_its_path():
    c = with_rule(lambda r, g: ({"a": [g, {"c": g}]},), lambda p: p["a"][0])
    with pytest.raises(ValueError, match=r"argument 0\['a'\]\[1\] does not match.*'b'"):
        grad(lambda p: np.sum(c(p)))({"a": [X, {"b": X}]})


def test_wrong_declarations_and_calls_are_explained():
    with pytest.raises(ValueError, match="nondiff_argnums names 'c', the parameters are a, b"):
        custom_vjp(lambda a, b: a, nondiff_argnums=("c",))
    with pytest.raises(ValueError, match="nondiff_argnums names 2, the parameters are a, b"):
        custom_jvp(lambda a, b: a, nondiff_argnums=2)
    with pytest.raises(TypeError, match=r"custom_vjp without a rule; give it with <lambda>.defvjp"):
        grad(custom_vjp(lambda a: a))(1.0)
    with pytest.raises(TypeError, match=r"custom_jvp without a rule; give it with <lambda>.defjvp"):
        grad(custom_jvp(lambda a: a))(1.0)
    with pytest.raises(TypeError, match=r"the forward rule returns \(y, residuals\), got ndarray"):
        grad(lambda a: np.sum(with_rule(len, forward=lambda a, b: a * b)(a, a)))(X)
    with pytest.raises(TypeError, match=r"<lambda>: too many positional arguments; it takes <lambda>\(a, b\)"):
        with_rule(len)(1.0, 2.0, 3.0)
    with pytest.raises(TypeError, match=r"an argument is or holds 'text' of type str.*nondiff_argnums"):
        grad(lambda a: np.sum(with_rule(len)(a, "text")))(X)


@pytest.mark.parametrize(
    "run",
    [
        lambda f: grad(f)(X),
        lambda f: jvp(f, (X,), (X,)),
        lambda f: vmap(f)(A),
        lambda f: grad(lambda x: np.sum(vmap(lambda r: f(x * r))(A)))(X),
    ],
)
def test_a_captured_tensor_is_refused(run):
    def f(a):
        return np.sum(with_rule(lambda r, g: (g, g), lambda p, q: p * a, lambda p, q: (p * a, None))(a, a))

    with pytest.raises(TypeError, match=r"depends on a Tensor of .* captured from an enclosing function\. Pass"):
        run(f)


# -- custom_jvp ------------------------------------------------------------------------------------------------------


def test_custom_jvp_under_every_transform():
    f = with_pushforward(
        lambda p, d: (np.sin(p[0] * p[1]), np.cos(p[0] * p[1]) * (p[0] * d[1] + d[0] * p[1])),
        lambda a, b: np.sin(a * b),
    )
    plain = lambda a, b: np.sin(a * b)
    b = A[1]
    np.testing.assert_array_equal(f(X, b), plain(X, b))
    for run in (
        lambda f: jvp(f, (X, b), (b, X))[1],
        lambda f: jvp(lambda a: f(a, b), (X,), (b,))[1],
        lambda f: jacrev(f)(X, b),
        lambda f: hessian(lambda a: np.sum(f(a, a)))(X),
        lambda f: jacfwd(jacfwd(lambda a: f(a, b)))(X),
        lambda f: jacrev(jacrev(lambda a: f(b, a)))(X),
        lambda f: vmap(f, in_axes=(0, None))(A, X),
        lambda f: vmap(grad(lambda a: np.sum(f(a, X))))(A),
        lambda f: grad(lambda b: np.sum(vmap(f, in_axes=(0, None))(A, b)))(X),
        lambda f: vmap(hessian(lambda a: np.sum(f(a, a))))(A),
        lambda f: linearize(f, X, b)[1](b, X),
        lambda f: jacfwd(hessian(lambda a: np.sum(f(a, b))))(X),
    ):
        np.testing.assert_allclose(run(f), run(plain), rtol=1e-12, atol=1e-14)


def test_custom_jvp_of_trees_integers_and_zeros():
    f = lambda p, n: {"y": p["w"] * n, "order": np.argsort(p["w"]), "z": p["b"]}
    c = with_pushforward(lambda p, d: (f(*p), {"y": 5 * d[0]["w"] * p[1], "order": None, "z": None}), f)
    y, y_dot = jvp(lambda w: c({"w": w, "b": X}, 3), (X,), (X,))
    np.testing.assert_array_equal(y_dot["y"], 15 * X)
    np.testing.assert_array_equal(y_dot["z"], 0)
    np.testing.assert_array_equal(grad(lambda w: np.sum(c({"w": w, "b": w}, 3)["y"]))(X), 15.0)
    assert jvp(with_pushforward(lambda p, d: (p[0], None)), (2.0, 3.0), (1.0, 1.0))[1] == 0.0


def test_static_arguments_of_a_jvp_rule():
    power = custom_jvp(lambda a, n: a**n, nondiff_argnums=1)
    power.defjvp(lambda n, p, d: (p[0] ** n, 10 * n * p[0] ** (n - 1) * d[0]))
    assert jvp(lambda a: power(a, 3), (2.0,), (1.0,))[1] == 120.0 == grad(lambda a: power(a, n=3))(2.0)


PUSHES = {
    "no pair": (lambda p, d: d[0], TypeError, r"times: the JVP rule returns \(y, y_dot\), got (ndarray|Tensor)"),
    "shape": (lambda p, d: (p[0], d[0][:2]), ValueError, r"JVP rule of times returned for output.*\(2,\).*\(3,\)"),
    "dtype": (lambda p, d: (p[0], d[0] * 1j), TypeError, "JVP rule of times returned for output.*complex128.*float64"),
    "structure": (lambda p, d: (p[0], (d[0],)), ValueError, "JVP rule of times does not match"),
}  # fmt: skip


@pytest.mark.parametrize("name", PUSHES)
def test_what_a_jvp_rule_returns_is_checked_in_both_modes(name):
    rule, error, words = PUSHES[name]

    def times(a, b):
        return a * b

    c = with_pushforward(rule, times)
    for run in (lambda: jvp(c, (X, X), (X, X)), lambda: grad(lambda a: np.sum(c(a, a)))(X)):
        with pytest.raises(error, match=words):
            run()


# -- grad_tap --------------------------------------------------------------------------------------------------------


def test_tap_sees_clips_scales_and_stops():
    seen = []
    np.testing.assert_array_equal(grad(lambda a: np.sum(grad_tap(a, seen.append) ** 2))(X), 2 * X)
    np.testing.assert_array_equal(seen, [2 * X])
    clipped = grad(lambda a: np.sum(grad_tap(a, lambda g: np.clip(g, -1, 1)) ** 2))(X)
    np.testing.assert_array_equal(clipped, np.clip(2 * X, -1, 1))
    np.testing.assert_array_equal(grad(lambda a: np.sum(grad_tap(a, lambda g: 3 * g) ** 2 + a))(X), 6 * X + 1)
    np.testing.assert_array_equal(grad(lambda a: np.sum(grad_tap(a, lambda g: 0 * g) ** 2))(X), 0)
    np.testing.assert_array_equal(grad(lambda a: np.sum(grad_tap(a, lambda g: 0) ** 2))(2.0), 0)
    np.testing.assert_array_equal(grad_tap(X, None), X)


def test_tap_of_trees():
    p = {"a": X, "b": (2.0, None, 3)}
    fn = lambda g: {"a": 2 * g["a"], "b": (None, None, None)}
    g = grad(
        lambda w, b: (lambda q: np.sum(q["a"] ** 2) + q["b"][0])(grad_tap({"a": w, "b": (b, None, 3)}, fn)),
        argnums=(0, 1),
    )
    np.testing.assert_array_equal(g(p["a"], 2.0)[0], 4 * X)
    assert g(p["a"], 2.0)[1] == 0.0
    with pytest.raises(ValueError, match=r"rule of grad_tap returned for argument 0 .*\(2,\).*\(3,\)"):
        grad(lambda a: np.sum(grad_tap(a, lambda g: g[:2])))(X)


def test_tap_under_vmap_sees_one_example_and_forward_mode_passes():
    unit = lambda g: g / np.sqrt(np.sum(g**2))
    each = vmap(grad(lambda a: np.sum(grad_tap(a, unit) ** 2)))(A)
    np.testing.assert_allclose(np.sum(each**2, 1), 1, rtol=1e-14)
    np.testing.assert_array_equal(jvp(lambda a: grad_tap(a, lambda g: 3 * g), (X,), (X,))[1], X)
    np.testing.assert_array_equal(vmap(lambda a: grad_tap(a, unit))(A), A)


def test_tap_at_second_order():
    # the gradient is 3 · 2x, whose derivative is 6, forward over reverse and reverse over reverse
    f = lambda a: np.sum(grad_tap(a, lambda g: 3 * g) ** 2)
    np.testing.assert_array_equal(hessian(f)(X), 6 * np.eye(3))
    clip = lambda a: np.sum(grad_tap(a, lambda g: np.clip(g, -1, 1)) ** 2)
    np.testing.assert_array_equal(hessian(clip)(X), np.diag([2.0, 0, 0]))
    np.testing.assert_array_equal(jacfwd(grad(clip))(X), np.diag([2.0, 0, 0]))
