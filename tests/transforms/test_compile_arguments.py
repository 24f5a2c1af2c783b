"""The arguments of a compiled function: static values, signatures, layouts, dtypes, what is refused."""

import gc
import warnings
import weakref

import numpy as np
import pytest

import tinygrad_np as tg
from tests.transforms.compiled import BIG, X, Y, Z, assert_same, check, counted, normal
from tinygrad_np import (
    compile,
    grad,
    nn,
    stop_gradient,
    tree,
    value_and_grad,
)


class Unequal:
    """An object whose equality cannot be told."""

    def __eq__(self, other):
        raise ValueError("no truth")

    __hash__ = None


@pytest.mark.parametrize(
    "values",
    [
        (1, 1.0, True, np.True_, 1 + 0j),
        (0.0, -0.0, 0, False, None, complex(0.0, -0.0), 0j),
        ("a", "b", b"a", np.str_("a")),
        (len, max, np.float32, np.dtype(np.float32), slice(0, 1), slice(0, 2), Ellipsis),
        (frozenset({1}), frozenset({2}), range(3), range(4)),
        ((1,), (1, 2), [1], {"a": 1}, {"b": 1}, ()),
    ],
)
def test_a_static_value_is_part_of_the_recording(values):
    f, calls = counted(lambda x, value: (x * 2, value))
    compiled = compile(f)
    for _ in range(2):
        for value in values:
            doubled, ours = compiled(X, value)
            assert repr(ours) == repr(value)
            np.testing.assert_array_equal(doubled, X * 2)
    assert len(calls) == len(values)


def test_static_values_that_are_nan_or_not_comparable():
    f, calls = counted(lambda x, value: x * 2)
    compiled = compile(f)
    for value in (float("nan"), np.nan, -float("nan"), complex("nan")):
        compiled(X, value)
    assert len(calls) == 2  # a float and a complex one
    same, other = Unequal(), Unequal()
    for value in (same, other, same):
        np.testing.assert_array_equal(compiled(Y, value), Y * 2)


def test_several_signatures_in_turn():
    def f(x, k=2, *, shift=0, more=None):
        return {"y": x * k + shift, "more": more, "k": k}

    f, calls = counted(f)
    compiled = compile(f)
    kinds = [
        ((X,), {}), ((X, 2), {}), ((X,), {"k": 2}), ((X.astype(np.float32),), {}), ((X[:2],), {}), ((X[:, None],), {}),
        ((X,), {"shift": Y}), ((X,), {"more": [Y, Z]}), ((X,), {"more": (Y, Z)}), ((np.float64(2),), {}),
        ((np.array(2.0),), {}), ((np.arange(3),), {}), ((X > 0,), {}), ((X * 1j,), {}), ((2.0,), {}),
    ]  # fmt: skip
    for _ in range(3):
        for args, kwargs in kinds:
            assert_same(compiled(*args, **kwargs), f(*args, **kwargs))
    assert len(calls) == 4 * len(kinds) - 1  # a scalar and an array of shape () have one recording


def test_dictionaries_match_by_key():
    f, calls = counted(lambda d: d["a"] - 2 * d["b"])
    compiled = compile(f)
    np.testing.assert_array_equal(compiled({"a": X, "b": Y}), X - 2 * Y)
    np.testing.assert_array_equal(compiled({"b": Z, "a": Y}), Y - 2 * Z)
    assert len(calls) == 1


def layouts(n):
    """Arrays (n, n) of every kind of strides."""
    wide = normal(n, 2 * n)
    yield normal(n, n)
    yield np.asfortranarray(normal(n, n, seed=1))
    yield wide[:, ::2]
    yield normal(n, n, seed=2)[::-1, ::-1]
    yield np.broadcast_to(normal(n), (n, n))
    yield np.lib.stride_tricks.sliding_window_view(normal(2 * n - 1), n)
    yield normal(3 * n, n)[n : 2 * n]
    packed = np.zeros(8 * n * n + 1, np.uint8)[1:].view(np.float64).reshape(n, n)  # not aligned
    packed[...] = normal(n, n, seed=3)
    yield packed


@pytest.mark.parametrize("n", [4, 512])
@pytest.mark.parametrize("first", range(8))
def test_an_argument_of_any_layout_after_one_of_any_other(n, first):
    calls = list(layouts(n))
    calls.insert(0, calls[first])

    def f(x):
        return x, x.T, x + 1, np.sum(x, axis=0), x[::-1] @ x[:, :2], np.ravel(x)[::7], np.sort(x, axis=0)[0], np.real(x)

    check(f, *[(x,) for x in calls], tolerance=1e-11)


@pytest.mark.parametrize("dtype", "?bBiLefdgFD")
@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (3, 0), (1, 1), (2, 3)])
def test_dtypes_and_sizes(dtype, shape):
    def f(x):
        return x, x.T, x + x, x * 2, x * 2.0, np.sum(x), np.sum(x, axis=None, keepdims=True), np.stack([x, x]), x == 1

    check(f, *[(np.asarray(normal(*shape, seed=k) * 3).astype(dtype),) for k in range(3)], tolerance=1e-3)


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int64, np.bool_])
def test_numpy_scalars_and_0d_arrays_give_what_they_give(kind):
    def f(x):
        return x, x + 1, np.sin(x), x * x, [x, {"x": 2.0 * x}]

    for make in (kind, lambda v: np.array(v, kind)):
        calls = [make(v) for v in (0, 1, 1, 0)]
        compiled = compile(f)
        for x in calls:
            ours, expected = compiled(x), f(x)
            assert_same(ours, expected)
            assert list(map(type, tree.leaves(ours))) == list(map(type, tree.leaves(expected)))


def test_an_index_that_is_an_argument():
    def f(x, i):
        return x[i], np.take(x, i, axis=1), tg.at(x)[i].set(7.0), tg.at(x)[:, i].get(), x[i] * 2

    x = normal(3, 3)
    check(f, *[(x, np.int64(i)) for i in (1, 2, 0, -1)])
    check(f, *[(x, np.array(i)) for i in (1, 2, 0, -1)])
    check(f, *[(x, np.array(i)) for i in ([0, 2], [1, 1], [-1, 0])])
    check(
        lambda i: np.arange(3.0)[None] * 0 + tg.at(np.arange(9.0).reshape(3, 3))[i].get(),
        (np.int64(1),),
        (np.int64(2),),
    )


REFUSED = {
    "if": (lambda x: x if x[0] > 0 else -x, TypeError, "np.where"),
    "and": (lambda x: x[0] > 0 and x, TypeError, "one way for all values"),
    "in": (lambda x: 3.0 in x, TypeError, "one way for all values"),
    "max": (lambda x: max(x), TypeError, "one way for all values"),
    "float": (lambda x: float(x[0]), TypeError, "records operations, not values"),
    "int of a constant": (lambda x: int(stop_gradient(x[0])), TypeError, "records operations, not values"),
    "item": (lambda x: x[0].item(), TypeError, "convert the result of the call"),
    "an index": (lambda x: [1, 2, 3][np.argmax(x)], TypeError, "records operations"),
    "asarray": (lambda x: np.asarray(x), TypeError, "cannot become an ndarray"),
    "assignment": (lambda x: x.__setitem__(0, 1), TypeError, "Tensors never change"),
    "bincount": (lambda x: np.bincount(np.argsort(x)), TypeError, "length"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_say_why(name):
    f, kind, message = REFUSED[name]
    compiled = compile(f)
    for _ in range(2):
        with pytest.raises(kind, match=message):
            compiled(X)


SHAPES_BY_VALUE = {
    "mask": lambda x: x[x > 0],
    "nonzero": lambda x: np.nonzero(x > 0)[0],
    "where": lambda x: np.where(x > 0)[0],
    "unique": lambda x: np.unique(np.sign(x)),
    "compress": lambda x: np.compress(x > 0, x),
    "sum of a mask": lambda x: np.sum(x[x > 0]),
}


@pytest.mark.parametrize("name", SHAPES_BY_VALUE)
def test_a_shape_that_depends_on_values_is_refused_when_it_changes(name):
    compiled, f = compile(SHAPES_BY_VALUE[name]), SHAPES_BY_VALUE[name]
    for x in (np.array([1.0, -1.0, 2.0]), np.array([-3.0, 4.0, 5.0])):
        np.testing.assert_array_equal(compiled(x), f(x))
    with pytest.raises(TypeError, match="shape that depends on values"):
        compiled(np.array([1.0, 2.0, 3.0]))
    x = np.array([2.0, 3.0, -3.0])
    np.testing.assert_array_equal(compiled(x), f(x))


def test_captured_and_escaped_tensors_are_refused():
    with pytest.raises(TypeError, match=r"captured from an enclosing.*as an argument"):
        grad(lambda w: np.sum(compile(lambda x: x * w)(X)))(Y)
    with pytest.raises(TypeError, match="captured from outside"):
        grad(lambda w: np.sum(compile(lambda x: w)(X)))(Y)
    kept = []
    compile(lambda x: kept.append(x) or x * 2)(X)
    with pytest.raises(RuntimeError, match="escaped"):
        kept[0] + 1


@pytest.mark.parametrize("argument", [np.array([None, "b"]), np.array(["a", "b"]), np.ma.array([1.0])])
def test_arguments_that_are_no_arrays_of_numbers(argument):
    """They are refused, or come back as they are; nothing crashes."""
    f = lambda x, a: (x * 2, a)
    compiled = compile(f)
    for _ in range(2):
        try:
            doubled, ours = compiled(X, argument)
        except TypeError:
            continue
        assert list(ours) == list(argument)
        np.testing.assert_array_equal(doubled, X * 2)
    np.testing.assert_array_equal(compiled(X, 1)[0], X * 2)
    with pytest.raises(TypeError):
        compiled(np.ma.array([1.0]), 1)


LABELLED = {
    "cross_entropy": lambda x, i: nn.cross_entropy(x, i),
    "its gradient": lambda x, i: grad(nn.cross_entropy)(x, i),
    "both": value_and_grad(lambda x, i: nn.cross_entropy(x, i)),
    "both of one": value_and_grad(lambda x, i: nn.cross_entropy(x[1], i[1])),
    "sum of losses": lambda x, i: nn.cross_entropy(x, i, reduction="sum"),
    "losses of examples": lambda x, i: nn.cross_entropy(x, i, reduction="none"),
    "ignored": value_and_grad(lambda x, i: nn.cross_entropy(x, i, ignore_index=0)),
    "smooth": value_and_grad(lambda x, i: nn.cross_entropy(x, i, label_smoothing=0.1)),
    "take": lambda x, i: np.take(x, i, axis=1),
    "getitem": lambda x, i: x[np.arange(3), i],
    "at": lambda x, i: tg.at(x)[:, i].add(1.0),
    "take_along_axis": lambda x, i: np.take_along_axis(x, i[:, None], axis=1),
    "embedding": lambda x, i: nn.embedding(i, x.T),
    "one_hot": lambda x, i: nn.one_hot(i, 4),
}


@pytest.mark.parametrize("name", LABELLED)
def test_indices_out_of_range_raise_as_without(name):
    f = LABELLED[name]
    compiled, x = compile(f), normal(3, 4)
    for labels in ([0, 1, 2], [3, 3, 0]):
        assert_same(compiled(x, np.array(labels)), f(x, np.array(labels)))
    for labels in ([0, 4, 1], [0, -9, 1], [-1, 0, 2]):
        try:
            expected = f(x, np.array(labels))
        except Exception as error:
            with pytest.raises((type(error), IndexError)):  # of the operation itself, where a check has no values
                compiled(x, np.array(labels))
        else:
            assert_same(compiled(x, np.array(labels)), expected)
    assert_same(compiled(x, np.array([2, 0, 1])), f(x, np.array([2, 0, 1])))


def test_errors_leave_nothing_broken():
    fail = [True]

    def f(x):
        if fail[0]:
            raise ZeroDivisionError
        return np.log(x)

    compiled = compile(f)
    with pytest.raises(ZeroDivisionError):
        compiled(X)
    assert gc.isenabled()
    fail[0] = False
    for x in (Y**2, X**2):
        np.testing.assert_allclose(compiled(x), np.log(x))
    with np.errstate(all="raise"), pytest.raises(FloatingPointError):
        compiled(-np.ones(3))
    np.testing.assert_allclose(compiled(Z**2), np.log(Z**2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(compiled(-np.ones(3))).all()
    assert gc.isenabled()


def test_no_array_is_kept_after_an_error():
    compiled = compile(lambda x: np.sum(np.log(np.cumsum(x))))
    compiled(np.ones(BIG))
    x = -np.ones(BIG)
    alive = weakref.ref(x)
    with np.errstate(all="raise"), pytest.raises(FloatingPointError):
        compiled(x)
    del x
    assert alive() is None
