"""The tape: operations of several parents and outputs, what it frees, and what an operation costs in memory."""

import tracemalloc
import weakref

import numpy as np
import pytest

from tinygrad_np import grad, primitive, vjp
from tinygrad_np.core.tape import Tape

X, Y = np.arange(1.0, 4.0), np.array([0.5, -2.0, 3.0])


def test_one_parent_stands_bare_and_several_in_tuples():
    tape = Tape("grad")
    x, y = tape.watch(X), tape.watch(Y)
    x * Y
    x * y
    np.split(x, 3)
    single, double, several, *outputs = tape.entries[2:]
    assert single[1] == 0 and callable(single[2])
    assert double[1] == (0, 1) and len(double[2]) == 2
    assert several[3:] == (None, None) and [entry[0] for entry in outputs] == [None] * 3


def test_one_argument_of_a_joint_rule():
    op = primitive(lambda x, y, z: x * y * z)
    op.defvjp("x", "z")(lambda o, x, y, z: lambda g: (g * y * z, g * x * y))
    op.defvjp("y")(lambda o, x, y, z: lambda g: g * x * z)
    for wanted in ((0,), (1,), (2,), (0, 2), (2, 0)):
        found = grad(op, wanted)(2.0, 3.0, 5.0)
        assert found == tuple((15.0, 10.0, 6.0)[i] for i in wanted)


def test_several_outputs_of_which_some_are_used_and_some_are_integers():
    op = primitive(lambda x: (x * 2, np.sum(x), np.argsort(x)))
    op.defvjp("x")(lambda y, x: lambda g: g[0] * 2 + g[1] + 0 * g[2])
    np.testing.assert_array_equal(grad(lambda x: np.sum(op(x)[0]))(X), 2)
    np.testing.assert_array_equal(grad(lambda x: op(x)[1])(X), 1)
    np.testing.assert_array_equal(grad(lambda x: np.sum(op(x)[0]) + op(x)[1] * op(x)[1])(X), 2 + 2 * 6)
    np.testing.assert_array_equal(grad(lambda x: np.sum(x) + 0.0 * len(op(x)))(X), 1)
    assert isinstance(grad(lambda x: np.sum(x[op(x)[2]]))(X), np.ndarray)


@pytest.mark.parametrize(
    "shapes", [((3,), (2, 3)), ((1, 3), (2, 3)), ((), (2, 3)), ((2, 1), (1, 3)), ((1, 1, 1), (3,))]
)
def test_broadcast_arguments_get_the_sums(shapes):
    x, y = (np.arange(1.0, 1 + np.prod(s)).reshape(s) for s in shapes)
    gx, gy = grad(lambda x, y: np.sum(x * y), (0, 1))(x, y)
    ones = np.ones(np.broadcast_shapes(*shapes))
    for x_bar, product, of in ((gx, ones * y, x), (gy, ones * x, y)):
        expected = np.zeros(of.shape)
        for index in np.ndindex(ones.shape):
            place = tuple(0 if n == 1 else i for i, n in zip(index[ones.ndim - of.ndim :], of.shape, strict=True))
            expected[place] += product[index]
        assert x_bar.shape == of.shape
        np.testing.assert_array_equal(x_bar, expected)


def test_a_rule_of_the_wrong_shape_is_refused_though_others_broadcast():
    op = primitive(lambda x: np.sum(x))
    op.defvjp("x")(lambda y, x: lambda g: g)
    with pytest.raises(ValueError, match=r"returned a cotangent of shape \(\) for an argument of shape \(3,\)"):
        grad(op)(X)


def test_cotangents_and_entries_are_freed_on_the_way():
    alive = []

    def watched(x):
        return np.multiply(x, 1.0)

    op = primitive(watched)

    @op.defvjp("x")
    def _(y, x):
        def pullback(g):
            assert sum(ref() is not None for ref in alive) <= 2
            bar = g * 1.0
            alive.append(weakref.ref(bar))
            return bar

        return pullback

    def loss(x):
        for _ in range(20):
            x = op(x)
        return np.sum(x)

    grad(loss)(X)
    assert len(alive) == 20


def test_a_pullback_that_is_called_twice_keeps_the_tape():
    _, pullback = vjp(lambda x: np.sum(np.exp(x) * x), X)
    np.testing.assert_array_equal(pullback(1.0)[0], pullback(1.0)[0])


def test_an_operation_costs_less_than_500_bytes_however_long_the_tape():
    def peak(n):
        def loss(x):
            for _ in range(n):
                x = x * Y
            return np.sum(x)

        step = grad(loss)
        tracemalloc.start()
        step(X)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert (peak(8_000) - peak(4_000)) / 4_000 < 500


def test_cotangents_of_several_parents_are_freed_on_the_way_too():
    """Of x exp(x): when the chain below it is read, nothing holds what the product's pullbacks returned."""
    made = []

    def remembered(g):
        bar = g * 1.0
        made.append(weakref.ref(bar))
        return bar

    product = primitive(lambda x, y: x * y)
    product.defvjp("x")(lambda z, x, y: lambda g: remembered(g * y))
    product.defvjp("y")(lambda z, x, y: lambda g: remembered(g * x))
    seen = primitive(lambda x: x * 1.0)

    @seen.defvjp("x")
    def _(y, x):
        return lambda g: (alive.append(sum(ref() is not None for ref in made)), g * 1.0)[1]

    alive = []
    grad(lambda x: np.sum(product(seen(seen(seen(x))), X)))(X)
    grad(lambda x: np.sum((lambda h: product(h * 1.0, h * 2.0))(seen(seen(seen(x))))))(X)
    assert alive == [1, 0, 0, 0, 0, 0]
