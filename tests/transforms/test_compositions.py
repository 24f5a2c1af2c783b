"""Transforms of transforms of ...: any order and depth, against closed forms; nested in threads."""

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_np import (
    checkpoint,
    custom_jvp,
    custom_vjp,
    grad,
    hessian,
    jacfwd,
    jacrev,
    jvp,
    linearize,
    save_only,
    vjp,
    vmap,
)  # fmt: skip

# A family closed under every step below: f(x) = Σ_k c_k exp(a_k · x), x (n,), c_k of any shape. Its derivatives are of
# the same form with other coefficients, so a chain of steps has a closed form of its own, which `Exponentials` computes.
N = 3


class Exponentials:
    """c (K, ...), a (K, n): the function x -> Σ_k c_k exp(a_k · x)."""

    def __init__(self, c, a):
        self.c, self.a = c, a

    def __call__(self, x):
        return np.tensordot(np.exp(self.a @ x), self.c, 1)

    def like(self, c):
        return Exponentials(c, self.a)

    def jacobian(self):
        return self.like(self.c[..., None] * self.a.reshape(len(self.a), *(1,) * (self.c.ndim - 1), N))


def times(c, w):
    return np.tensordot(c, w, w.ndim)


DIRECTION = np.array([0.5, -1.0, 0.25])
SHIFTS = np.array([[0.1, 0.2, -0.1], [0.0, -0.3, 0.2]])


def weights(shape):
    return np.cos(1.3 * np.arange(np.prod(shape, dtype=int))).reshape(shape)


def own_vjp(f):
    wrapped = custom_vjp(f)
    wrapped.defvjp(lambda x: (f(x), x), lambda x, g: vjp(f, x)[1](g))
    return wrapped


def own_jvp(f):
    wrapped = custom_jvp(f)
    wrapped.defjvp(lambda primals, tangents: jvp(f, primals, tangents))
    return wrapped


def shifted(e):
    """The closed form of x -> stack of e(x + s) for each shift s."""
    factors = np.exp(e.a @ SHIFTS.T)  # (K, shifts)
    return e.like(factors.reshape(*factors.shape, *(1,) * (e.c.ndim - 1)) * e.c[:, None])


def scaled_rows(e):
    """The closed form of vmap(grad of the sum)(x + shifts)."""
    return shifted(e.like(e.c.reshape(len(e.c), -1).sum(1)).jacobian())


# name -> (what it does to a function, what it does to its closed form)
STEPS = {
    "grad of sum": (
        lambda f, e: grad(lambda x: np.sum(f(x))),
        lambda e: e.like(e.c.reshape(len(e.c), -1).sum(1)).jacobian()),
    "jvp": (
        lambda f, e: lambda x: jvp(f, (x,), (DIRECTION,))[1],
        lambda e: e.like(times(e.jacobian().c, DIRECTION))),
    "jvp along x": (  # d/dt f((1 + t) x): no longer of the family, so once more at a constant
        lambda f, e: lambda x: jvp(lambda y: f(x + y), (0 * x,), (DIRECTION,))[1],
        lambda e: e.like(times(e.jacobian().c, DIRECTION))),
    "vjp": (
        lambda f, e: lambda x: vjp(f, x)[1](weights(e.c.shape[1:]))[0],
        lambda e: e.like(np.tensordot(e.c, weights(e.c.shape[1:]), e.c.ndim - 1)).jacobian()),
    "vmap": (
        lambda f, e: lambda x: vmap(lambda s: f(x + s))(SHIFTS), shifted),
    "vmap, last axis": (
        lambda f, e: lambda x: np.moveaxis(vmap(f, in_axes=1, out_axes=-1)((x + SHIFTS).T), -1, 0), shifted),
    "vmap of grad": (
        lambda f, e: lambda x: vmap(grad(lambda y: np.sum(f(y))))(x + SHIFTS), scaled_rows),
    "checkpoint": (lambda f, e: checkpoint(f), lambda e: e),
    "checkpoint, exp kept": (lambda f, e: checkpoint(f, save_only("exp")), lambda e: e),
    "custom_vjp": (lambda f, e: own_vjp(f), lambda e: e),
    "custom_jvp": (lambda f, e: own_jvp(f), lambda e: e),
    "jacfwd": (lambda f, e: jacfwd(f), lambda e: e.jacobian()),
    "jacrev": (lambda f, e: jacrev(f), lambda e: e.jacobian()),
    "linearize": (
        lambda f, e: lambda x: linearize(f, x)[1](DIRECTION),
        lambda e: e.like(times(e.jacobian().c, DIRECTION))),
}  # fmt: skip


@given(
    st.lists(st.sampled_from(sorted(STEPS)), min_size=1, max_size=4),
    st.sampled_from([(), (2,)]),
    st.integers(0, 100),
)
def test_any_sequence_of_transforms_has_its_closed_form(names, shape, seed):
    rng = np.random.default_rng(seed)
    e = Exponentials(rng.integers(-4, 5, (4, *shape)) / 4, rng.integers(-4, 5, (4, N)) / 4)
    f, x = e, rng.integers(-4, 5, N) / 8
    for name in names:
        step, closed = STEPS[name]
        f, e = step(f, e), closed(e)
    got, expected = f(x), e(x)
    assert np.shape(got) == np.shape(expected)
    np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-11 * np.sum(np.abs(e.c)))


@pytest.mark.parametrize("second", sorted(STEPS))
@pytest.mark.parametrize("first", sorted(STEPS))
def test_every_pair(first, second):
    rng = np.random.default_rng(0)
    e = Exponentials(rng.standard_normal((3, 2)), rng.standard_normal((3, N)))
    f, x = e, np.array([0.2, -0.4, 0.1])
    for name in (first, second):
        step, closed = STEPS[name]
        f, e = step(f, e), closed(e)
    np.testing.assert_allclose(f(x), e(x), rtol=1e-11, atol=1e-12)


POLYNOMIALS = st.lists(st.integers(-3, 3), min_size=1, max_size=6)


@given(
    POLYNOMIALS,
    st.integers(-8, 8),
    st.lists(st.sampled_from(["grad", "jvp", "jacfwd", "jacrev", "hessian"]), max_size=4),
)
def test_derivatives_of_polynomials_of_any_order(coefficients, x, names):
    p = np.polynomial.Polynomial(coefficients)

    def f(t):
        y = 0.0 * t
        for c in reversed(coefficients):
            y = y * t + c
        return y

    kinds = {"grad": grad, "jacfwd": jacfwd, "jacrev": jacrev, "hessian": hessian}
    kinds["jvp"] = lambda f: lambda t: jvp(f, (t,), (1.0,))[1]
    for name in names:
        f, p = kinds[name](f), p.deriv(2 if name == "hessian" else 1)
    np.testing.assert_allclose(f(x / 4), p(x / 4), rtol=1e-12, atol=1e-12)


def test_hessian_of_a_hessian_of_polynomials_of_several_variables():
    f = lambda x: x[0] ** 4 + 3 * x[0] ** 2 * x[1] ** 2 - x[1] * x[2] ** 3
    x = np.array([0.5, -1.0, 2.0])
    fourth = hessian(hessian(f))(x)
    assert fourth.shape == (3, 3, 3, 3)
    assert fourth[0, 0, 0, 0] == 24 and fourth[0, 1, 0, 1] == 12 and fourth[1, 1, 0, 0] == 12
    assert fourth[1, 2, 2, 2] == fourth[2, 2, 1, 2] == -6 and fourth[0, 1, 2, 2] == 0
    for order in ((0, 1, 3, 2), (3, 1, 2, 0), (2, 3, 0, 1)):
        np.testing.assert_array_equal(fourth, fourth.transpose(order))


def test_differences_of_the_level_below():
    f = lambda x: np.tanh(x @ np.arange(9.0).reshape(3, 3) / 5) * np.sqrt(1 + np.sum(x**2))
    x = np.array([0.3, -0.2, 0.5])
    for level in (f, jacfwd(f), jacrev(jacfwd(f)), lambda x: vmap(lambda s: jacrev(f)(x * s))(np.ones(2))):
        exact = jacfwd(level)(x)
        np.testing.assert_allclose(exact, jacrev(level)(x), rtol=1e-9, atol=1e-11)
        steps = [(level(x + h) - level(x - h)) / 2e-5 for h in 1e-5 * np.eye(3)]
        np.testing.assert_allclose(exact, np.stack(steps, -1), rtol=1e-6, atol=1e-8)


def test_threads_with_nested_transforms():
    a = np.linspace(-1, 1, 12).reshape(4, 3)
    e = Exponentials(np.arange(8.0).reshape(4, 2), a)
    x = np.array([0.2, -0.1, 0.3])
    sequences = [("jacfwd", "vmap of grad", "checkpoint", "jvp"), ("custom_vjp", "vmap", "jacrev", "vjp")]
    errors = [[], []]

    def work(names, found):
        try:
            f, closed_form = e, e
            for name in names:
                f, closed_form = STEPS[name][0](f, closed_form), STEPS[name][1](closed_form)
            found.extend(np.abs(f(x) - closed_form(x)).max() for _ in range(15))
        except Exception as error:  # an error in a thread would only be printed
            found.append(error)

    threads = [threading.Thread(target=work, args=each) for each in zip(sequences, errors, strict=True)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert all(len(found) == 15 and max(found) < 1e-9 for found in errors), errors
