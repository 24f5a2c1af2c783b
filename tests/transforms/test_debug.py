"""The guard against arrays changed in place, and debug(f, mutation=True)."""

import gc

import numpy as np
import pytest

from tinygrad_np import checkpoint, custom_vjp, debug, grad, hessian, jvp, tree, vjp, vmap

X = np.array([0.3, -1.1, 2.0])


def reused_buffer(n):
    def loss(x):
        buffer, total = np.empty(n), 0.0
        for i in range(3):
            buffer[:] = i
            total = total + np.sum(x * buffer)
        return total

    return grad(loss)(np.ones(n))


def times_two_after_use(x=X):
    def loss(x):
        c = np.arange(3.0)
        y = np.sum(x * c)
        c *= 2
        return y

    return grad(loss)(x)


def pulled_after(change, held, f=lambda w, h: w * h):
    """vjp of f(w, held), then the change, then the pullback."""
    y, pullback = vjp(lambda w: np.sum(f(w, held)), np.ones(np.shape(held)))
    change(held)
    return pullback(1.0)[0]


def doubled(a):
    a *= 2


def updated_parameters(n):
    params = {"w": np.ones(n), "b": np.ones(n)}
    _, pullback = vjp(lambda p: np.sum(np.sin(p["w"]) + p["b"]), params)
    params["w"] -= 0.1
    return pullback(1.0)


def base_of_a_view():
    base = np.ones((4, 4))
    y, pullback = vjp(lambda w: np.sum(w * base[1]), np.ones(4))
    base[1, 2] = 7
    return pullback(1.0)


def base_of_a_read_only_view():
    base = np.ones(4)
    y, pullback = vjp(lambda w: np.sum(w * np.broadcast_to(base, (3, 4))), np.ones((3, 4)))
    base[2] = 7
    return pullback(1.0)


def integer_index():
    i = np.array([0, 1])
    y, pullback = vjp(lambda w: np.sum(w[i] ** 2), X)
    i[:] = 2
    return pullback(1.0)


def second_pullback():
    w = np.ones(3)
    _, pullback = vjp(lambda w: np.sum(np.sin(w)), w)
    pullback(1.0)
    w *= 3
    return pullback(1.0)


def under_vmap():
    rows = np.ones((4, 3))
    _, pullback = vjp(lambda w: np.sum(vmap(lambda w, r: np.sum(w * r), in_axes=(None, 0))(w, rows)), X)
    rows[2] = 8
    return pullback(1.0)


def in_a_nested_gradient():
    b = np.ones(3)

    def f(w):
        g = grad(lambda u: np.sum(u * u * b))(w)
        b[0] = 5
        return np.sum(g)

    return grad(f)(X)


def custom_rule():
    f = custom_vjp(lambda a, b: a * b)
    f.defvjp(lambda a, b: (a * b, (a, b)), lambda r, g: (g * r[1], g * r[0]))
    return pulled_after(doubled, np.ones(3), f)


CHANGED = {
    "buffer reused in a loop": (lambda: reused_buffer(3), "operand 'y' of multiply"),
    "large buffer reused in a loop": (lambda: reused_buffer(5000), "operand 'y' of multiply"),
    "x *= 2 after use": (times_two_after_use, r"grad\(loss\): the operand 'y' of multiply \(shape \(3,\), float64\)"),
    "captured": (lambda: pulled_after(doubled, np.ones(3)), "operand 'y' of multiply"),
    "parameters updated": (lambda: updated_parameters(3), r"the input p\['w'\], which sin needs"),
    "large parameters updated": (lambda: updated_parameters(10_000), r"the input p\['w'\], which sin needs"),
    "base of a view": (base_of_a_view, "operand 'y' of multiply"),
    "base of a read-only view": (base_of_a_read_only_view, "operand 'y' of multiply"),
    "one column": (lambda: pulled_after(lambda a: a[:, 5].fill(0), np.ones((64, 64))), "of multiply"),
    "all columns but one": (lambda: pulled_after(lambda a: a[:, 1:].fill(0), np.ones((640, 30))), "of multiply"),
    "one of 3 columns": (lambda: pulled_after(lambda a: a[:, 1].fill(0), np.ones((300, 3))), "of multiply"),
    "Fortran order": (lambda: pulled_after(lambda a: a[0].fill(0), np.asfortranarray(np.ones((3, 4)))), "of multiply"),
    "not contiguous": (lambda: pulled_after(doubled, np.ones((300, 400))[::2, ::3]), "of multiply"),
    "scalar array": (lambda: pulled_after(doubled, np.array(3.0)), "of multiply"),
    "matrix of a product": (lambda: pulled_after(doubled, np.ones((3, 3)), lambda w, h: h @ w), "operand 'x' of matmul"),
    "condition": (
        lambda: pulled_after(lambda a: a.fill(False), np.array([True, False]), lambda w, h: np.where(h, w, 0)),
        "operand 'condition' of where"),
    "integer index": (integer_index, "of getitem"),
    "second pullback": (second_pullback, "the input w, which sin needs"),
    "rows under vmap": (under_vmap, "of multiply"),
    "nested": (in_a_nested_gradient, "of multiply"),
    "checkpoint": (lambda: pulled_after(doubled, np.ones(3), checkpoint(lambda w, h: w * h)), "of checkpoint"),
    "custom rule": (custom_rule, "of <lambda>"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGED)
def test_a_changed_array_is_detected_and_the_operation_named(name):
    action, words = CHANGED[name]
    with pytest.raises(RuntimeError, match=f"{words}.*changed in place after it was used and before.*Pass a copy"):
        action()


def test_no_false_alarms():
    np.testing.assert_array_equal(pulled_after(doubled, np.ones(3), lambda w, h: w + h), 1)
    np.testing.assert_array_equal(pulled_after(doubled, np.ones(3), lambda w, h: np.concatenate([h, w])), 1)
    np.testing.assert_array_equal(pulled_after(lambda a: None, np.array([np.nan, 1.0]))[1], 1)  # NaN equals itself
    np.testing.assert_array_equal(pulled_after(lambda a: np.negative(np.negative(a, out=a), out=a), np.ones(3)), 1)
    # an input that no pullback holds
    w = np.ones(5)
    _, pullback = vjp(lambda w: np.sum(w * 3), w)
    w *= 2
    np.testing.assert_array_equal(pullback(1.0)[0], 3)
    # two parts of one vector: the part that changes is not the part that is needed
    flat, unravel = tree.ravel({"w": np.ones(3), "b": np.ones(3)})
    p = unravel(flat)
    _, pullback = vjp(lambda p: np.sum(np.sin(p["w"]) + p["b"]), p)
    p["b"] *= 2
    np.testing.assert_array_equal(pullback(1.0)[0]["w"], np.cos(1.0))


def test_arrays_deleted_meanwhile_and_addresses_used_again():
    held = [np.ones(4)]
    _, pullback = vjp(lambda w: np.sum(w * held[0]), np.ones(4))
    held.clear()
    gc.collect()
    np.testing.assert_array_equal(pullback(1.0)[0], 1)

    def loss(x):
        total = 0.0
        for i in range(100):
            total = total + np.sum(x * np.full(3, float(i)) + np.full(3, float(i)))
        return total

    np.testing.assert_array_equal(grad(loss)(X), 4950)


def one_element(wrap):
    table = np.ones(100_000)

    def loss(x):
        y = np.sum(x * table)
        table[7] = 0
        return y

    return wrap(loss)(np.ones(100_000))


def test_debug_compares_every_element_inside_and_outside_of_grad():
    one_element(grad)  # which is not seen without
    for wrap in (
        lambda f: grad(debug(f, mutation=True)),
        lambda f: debug(grad(f), mutation=True),
        lambda f: debug(lambda x: vmap(grad(f))(x[None]), mutation=True),
        lambda f: grad(lambda x: debug(f, mutation=True)(x)),
    ):
        with pytest.raises(RuntimeError, match=r"'y' of multiply \(shape \(100000,\), float64\) was changed in place"):
            one_element(wrap)


def test_debug_watches_a_large_input():
    w = np.ones(100_000)
    _, pullback = vjp(debug(lambda w: np.sum(np.sin(w)), mutation=True), w)
    w[7] = 2
    with pytest.raises(RuntimeError, match="the input w, which sin needs"):
        pullback(1.0)


def test_debug_computes_what_the_function_does():
    f = lambda x, *, k=1.0: np.sum(np.sin(x) * k)
    g = debug(f, mutation=True)
    assert g(X) == f(X)
    np.testing.assert_array_equal(grad(g)(X, k=2.0), grad(f)(X, k=2.0))
    np.testing.assert_array_equal(hessian(g)(X), hessian(f)(X))
    np.testing.assert_array_equal(vmap(grad(g))(np.eye(3)), vmap(grad(f))(np.eye(3)))
    assert jvp(g, (X,), (X,)) == jvp(f, (X,), (X,))
    assert debug(f).__name__ == f.__name__
    one_element(lambda f: debug(grad(f)))  # without mutation=True nothing more is compared
    with pytest.raises(ZeroDivisionError):
        debug(lambda x: 1 / 0, mutation=True)(X)
    one_element(grad)  # and an error leaves nothing switched on
