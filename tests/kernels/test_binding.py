"""Bound ufuncs compute what the ufuncs do, whatever kind of number stands beside the array."""

import numpy as np
import pytest

from tinygrad_np.kernels.binding import bound

ARRAYS = {kind: np.array([3, 1, 2], kind) for kind in ("?", "i1", "u2", "i8", "f2", "f4", "f8", "c8")}


@pytest.mark.parametrize("number", [2, 0.1, -0.0, 1e300, 3j, np.float64(0.1), np.float32(3), True, None])
@pytest.mark.parametrize("kind", ARRAYS)
@pytest.mark.parametrize("ufunc", [np.multiply, np.subtract, np.maximum, np.greater, np.divide])
def test_bits_and_dtypes_are_those_of_the_ufunc(ufunc, kind, number):
    a = ARRAYS[kind]
    for inputs in ((a, a if number is None else number), (a if number is None else number, a)):
        try:
            with np.errstate(all="ignore"):
                expected = ufunc(*inputs)
        except TypeError:
            continue
        out = np.empty_like(expected)
        with np.errstate(all="ignore"):
            bound(ufunc, *inputs, out=out)()
        np.testing.assert_array_equal(out, expected, strict=True)
        assert out.tobytes() == expected.tobytes()


def test_numbers_are_arrays_of_the_loop_and_arrays_stay():
    a, out = np.ones(3, np.float32), np.empty(3, np.float32)
    number, array, result = bound(np.multiply, 0.1, a, out=out).args
    assert type(number) is np.ndarray and number.dtype == np.float32 and number == np.float32(0.1)
    assert array is a and result is out
    assert bound(np.maximum, a, 0, out=out).keywords == {"out": out}  # by position NumPy 2.4 warns


def test_a_number_too_large_is_infinite_without_a_warning():
    out = np.empty(2, np.float32)
    bound(np.multiply, np.ones(2, np.float32), 1e300, out=out)()
    assert np.isinf(out).all()


@pytest.mark.parametrize("order", [(1, 2, 0), (2, 0, 1), (0, 2, 1)])
def test_arrays_that_lie_alike_go_as_vectors(order):
    values = (np.arange(24.0).reshape([(2, 3, 4)[i] for i in order]).transpose(np.argsort(order)) for _ in range(2))
    x, out = (np.cos(a) for a in values)
    call, expected = bound(np.subtract, x, out, out=out), np.subtract(x, out)
    a, b, target = call.args
    assert a.shape == b.shape == (24,) and np.shares_memory(a, x) and b is target and np.shares_memory(b, out)
    call()
    np.testing.assert_array_equal(out, expected)


def test_other_arrays_go_as_they_are():
    x, column, number = np.arange(6.0).reshape(2, 3), np.arange(2.0)[:, None], np.array(2.0)
    wide = np.zeros((2, 6))
    for inputs, out in (((x, column), np.empty((2, 3))), ((x, x.T.copy().T), np.empty((2, 3))), ((x, x), wide[:, ::2])):
        call = bound(np.add, *inputs, out=out)
        assert all(a is b for a, b in zip(call.args, (*inputs, out), strict=True))
        call()
        np.testing.assert_array_equal(out, np.add(*inputs))
    assert bound(np.add, x, number, out=np.empty((2, 3))).args[1] is number
    assert bound(np.matmul, x, x.T, out=np.empty((2, 2))).args[0] is x
