"""The results of a compiled function are its caller's own; captured values, recordings, threads, memory."""

import threading
import tracemalloc
import warnings
import weakref

import numpy as np
import pytest

import tinygrad_np as tg
from tests.transforms.compiled import BIG, X, Y, assert_same, check, counted, normal
from tinygrad_np import checkpoint, compile, grad, nn, stop_gradient, tree, value_and_grad

RETURNING = {
    "an argument": lambda x, c: x,
    "twice the same": lambda x, c: (x + 1,) * 2,
    "an argument and its views": lambda x, c: (x, x[::2], x[::-1], np.real(x), stop_gradient(x), x.reshape(2, -1)),
    "a value and its views": lambda x, c: (lambda y: (y, y[1:], np.real(y), y.reshape(2, -1)))(np.cumsum(x)),
    "values and views of a ufunc": lambda x, c: (lambda y: (y, y[1:], y, stop_gradient(y)))(np.sin(x)),
    "a captured array": lambda x, c: (c, c[1:], x + c, c),
    "what a call captures": lambda x, c: checkpoint(lambda x: (c, c[::-1], x))(x),
    "two results of one step": lambda x, c: checkpoint(lambda x: (lambda y: (y, y[::-1]))(np.cumsum(x)))(x),
    "broadcast": lambda x, c: (
        np.broadcast_to(x, (2, x.size)),
        np.broadcast_to(np.sum(x), (3,)),
        *np.broadcast_arrays(x, c),
    ),
    "pool of one": lambda x, c: (x, nn.avg_pool1d(x[None, :, None], 1), nn.max_pool1d(x[None, :, None], 1)),
    "dropout of nothing": lambda x, c: (
        nn.dropout(x, 0.0, None),
        np.pad(x, 0),
        np.clip(x, None, 9.0),
        x.astype(x.dtype),
    ),
    "split": lambda x, c: np.split(np.sort(x), 2),
}


@pytest.mark.parametrize("n", [8, BIG], ids=["small", "big"])
@pytest.mark.parametrize("name", RETURNING)
def test_results_share_memory_with_nothing(name, n):
    captured = normal(n, seed=5)
    kept = captured.copy()
    f = lambda x: RETURNING[name](x, captured)
    compiled = compile(f)
    for seed in range(3):
        x = normal(n, seed=seed)
        before, expected = x.copy(), tree.map(np.copy, f(x))
        ours = compiled(x)
        assert_same(ours, expected)
        arrays = tree.leaves(ours)
        for k, y in enumerate(arrays):
            assert y.flags.writeable
            assert not any(np.may_share_memory(y, other) for other in (x, captured, *arrays[:k]))
        x[...] = np.nan
        assert_same(ours, expected)
        for y in arrays:
            y[...] = np.inf
        x[...] = before
        np.testing.assert_array_equal(captured, kept)


def test_a_reshape_that_copied_an_array_and_sees_another_laid_out_otherwise():
    compiled, x = compile(lambda x: x.reshape(-1)), normal(512, BIG // 512)
    compiled(np.asfortranarray(x))
    for arrangement in (np.ascontiguousarray, np.asfortranarray):
        given = arrangement(x)
        y = compiled(given)
        assert not np.may_share_memory(y, given)
        np.testing.assert_array_equal(y, x.reshape(-1))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x.sum(()),
        lambda x: x.astype(x.dtype),
        lambda x: x.reshape(x.shape),
        lambda x: nn.avg_pool2d(x[None, ..., None], 1),
        lambda x: nn.avg_pool2d(x[None, ..., None], (1, 2)),
    ],
)
def test_a_large_result_of_a_linear_map_is_no_view_of_its_argument(f):
    compiled, x = compile(f), normal(512, BIG // 512)
    once = compiled(x)
    twice = compiled(x)
    assert not np.may_share_memory(once, x) and not np.may_share_memory(once, twice)
    np.testing.assert_array_equal(twice, f(x))


def test_a_result_given_back_as_an_argument():
    compiled = compile(lambda x: (np.sin(x), x[::-1]))
    a, b = compiled(X)
    a, b = compiled(a)
    a, b = compiled(b)
    np.testing.assert_array_equal(b, np.sin(X))
    big = compile(np.cumsum)
    once = big(np.ones(BIG))
    twice, again = big(once), big(once)
    np.testing.assert_array_equal(twice, again)
    np.testing.assert_array_equal(once, np.arange(1.0, BIG + 1))


@pytest.mark.parametrize("n", [4, BIG])
def test_arguments_that_overlap_each_other(n):
    def f(x, y):
        u, v = checkpoint(lambda x, y: (x[::-1], y[::-1]))(x, y)
        for g in (np.sin, np.cos, np.exp, np.sin):
            u = g(u)
        return u, v + 1

    x, base = normal(n), normal(2 * n)
    check(f, (x, x), (x, normal(n, seed=1)), (base[::2], base[1::2]), (x, x))
    check(f, (base[::2], base[1::2]), (x, normal(n, seed=1)))


def test_a_broadcast_scalar_keeps_its_value():
    def f(x):
        b, c = np.broadcast_to(np.sum(x), (3,)), np.sum(np.sin(x))
        d = np.sum(np.cos(x))
        return b * c * d

    check(f, (X,), (Y,), (X,))


@pytest.mark.parametrize("n", [4, BIG])
def test_captured_arrays_are_read_in_each_call(n):
    w = normal(n)
    compiled = compile(grad(lambda x: np.sum(np.sin(x * w) + w[::-1] * x**2)))
    for k in range(3):
        x = normal(n, seed=k)
        np.testing.assert_allclose(compiled(x), np.cos(x * w) * w + 2 * w[::-1] * x, rtol=1e-12, atol=1e-14)
        w *= 1.5


def test_a_dense_layer_of_one_feature_whose_bias_is_wider():
    x, w, b = normal(4, 1).astype(np.float32), normal(1, 3).astype(np.float32), normal(3)
    check(nn.dense, (x, w, b), (x + 1, w, b), (x, w.astype(float), b), (x, w.astype(float), b), recordings=2)


def test_captured_parameters_of_a_network_are_read_in_each_call():
    w, b, v, c = normal(3, 3, 2, 3), normal(3), normal(48, 5), normal(5)

    def loss(x, labels):
        h = nn.avg_pool2d(nn.relu(nn.conv2d(x, w, b, padding=1)), 2)
        return nn.cross_entropy(nn.dense(np.reshape(h, (-1, 48)), v, c), labels)

    compiled, step = compile(value_and_grad(loss)), value_and_grad(loss)
    for seed in range(3):
        x, labels = normal(2, 8, 8, 2, seed=seed), np.array([seed, 4])
        assert_same(compiled(x, labels), step(x, labels), 1e-12)
        for parameter in (w, b, v, c):
            parameter[...] = normal(*parameter.shape, seed=seed + 5)


def test_what_is_done_besides_returning_is_done_once():
    seen = []
    compiled = compile(lambda x: (seen.append(x.shape), x * 2)[1])
    for _ in range(3):
        compiled(X)
    assert seen == [(3,)]


def test_a_dtype_that_depends_on_values_loses_nothing():
    root = tg.primitive(lambda x: np.sqrt(x) if np.all(x >= 0) else np.sqrt(x + 0j))
    compiled = compile(lambda x: root(x))
    compiled(np.ones(2))
    with pytest.raises(TypeError):
        compiled(-np.ones(2))


def test_a_users_primitive_that_returns_python_numbers_or_its_argument():
    total = tg.primitive(lambda x: float(np.sum(x)))
    absolute = tg.primitive(lambda x: x if np.all(x > 0) else np.abs(x))
    several = tg.primitive(lambda x: (x.T, bool(x[0, 0] > 0), x))
    check(lambda x: total(x) * x, (X,), (Y,))
    check(lambda x: absolute(x) * 2, (np.abs(X),), (X,), (np.abs(Y),))
    check(lambda x: (*several(x), np.allclose(x, x), np.array_equal(x, x)), (normal(2, 2),), (-normal(2, 2),))
    assert type(compile(lambda x: np.allclose(x, 0.0))(X)) in (bool, np.bool_)


def test_many_recordings_are_warned_of_once_and_bounded():
    f, calls = counted(lambda x, rate: x * rate)
    compiled = compile(f)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for k in range(40):
            np.testing.assert_array_equal(compiled(X, float(k)), X * k)
    assert [(w.category, w.filename) for w in caught] == [(RuntimeWarning, __file__)]
    assert "[0][1] (15.0, then 16.0); pass what changes as an array" in str(caught[0].message)
    assert len(calls) == 40
    for k in range(24, 40):  # the latest are kept
        compiled(X, float(k))
    assert len(calls) == 40
    compiled(X, 0.0)
    assert len(calls) == 41


def test_threads_that_call_at_once_get_their_own_results():
    w = normal(32, 32) / 6

    def f(x):
        for _ in range(8):
            x = np.tanh(x @ w)
        return np.sum(x, axis=1)

    compiled, wrong = compile(f), []

    def work(seed):
        for k in range(40):
            x = normal(16, 32, seed=100 * seed + k)
            if not np.allclose(compiled(x), f(x), rtol=1e-12):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_compiled_function_that_calls_itself():
    @compile
    def power(x, n):
        return x if n == 1 else x * power(x, n - 1)

    inner = tg.primitive(lambda x: again(x - 1) + 1 if x[0] > 0 else x)
    again = compile(lambda x: inner(x) * 2)
    for x in (X, Y):
        np.testing.assert_allclose(power(x, 4), x**4)
    for _ in range(2):
        for x in (np.array([2.0]), np.array([-1.0])):
            np.testing.assert_array_equal(again(x), (lambda x: inner(x) * 2)(x))


def test_memory_does_not_grow_and_is_freed():
    compiled = compile(value_and_grad(lambda p, x: np.sum(np.tanh(x @ p["w"] + p["b"]) ** 2)))
    params, x = {"w": normal(8, 4), "b": np.zeros(4)}, normal(16, 8)
    for _ in range(20):
        compiled(params, x)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(1000):
        compiled(params, x)
    growth = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert growth < 4000

    function = lambda x: np.sum(np.sin(x))
    compiled = compile(grad(function))
    arrays = [normal(n) for n in (8, BIG)]
    alive = [weakref.ref(x) for x in arrays]
    for x in arrays:
        for _ in range(2):
            compiled(x)
    del x, arrays
    assert [ref() for ref in alive] == [None, None]
    alive = weakref.ref(compiled)
    del compiled
    assert alive() is None


def peak(f, *args):
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    f(*args)
    most = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    return most


def test_large_intermediate_values_are_freed_in_a_run():
    def f(x):
        for _ in range(10):
            x = np.roll(np.cumsum(x).reshape(2, -1)[::-1].reshape(-1), 1) / 2
        return x

    compiled, x = compile(f), normal(BIG)
    compiled(x)
    assert peak(compiled, x) < 5 * x.nbytes


def test_items_of_a_large_argument_are_the_callers_own():
    f = lambda x, i: (x[1:], x[i], np.sin(x[2:4]), x[::-1, 3:5][1:])
    compiled, i = compile(f), np.array([3, 3, 0, 399] * 100)
    for seed in range(3):
        x = normal(400, 200, seed=seed)
        before = x.copy()
        for _ in range(2):
            for ours, expected in zip(compiled(x, i), f(before, i), strict=True):
                np.testing.assert_array_equal(ours, expected)
                assert not np.may_share_memory(ours, x)
                ours[...] = 7
        np.testing.assert_array_equal(x, before)
