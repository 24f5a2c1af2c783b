"""The Tensor as NumPy's guest: what works, and what is refused with which words."""

import operator

import numpy as np
import pytest
from numpy.testing import overrides

import tinygrad_np as tg
from tinygrad_np import grad, vjp
from tinygrad_np.core.tensor import Tensor, implementations, name_of

X = np.array([0.5, -1.0, 2.0])


def seen(check):
    """Run a check on a Tensor."""
    grad(lambda x: (check(x), np.sum(x))[1])(X.copy())


REFUSED = {
    "np.array of Tensors": (lambda x: np.array([x, x]), TypeError, "np.stack"),
    "np.asarray": (lambda x: np.asarray(x), TypeError, "stop_gradient"),
    "np.full": (lambda x: np.full((2,), x[0]), TypeError, "np.broadcast_to"),
    "ndarray.dot": (lambda x: np.ones(3).dot(x), TypeError, "np.dot"),
    "as_strided": (lambda x: np.lib.stride_tricks.as_strided(x, (2,), (8,)), TypeError, "stop_gradient"),
    "reduce": (lambda x: np.add.reduce(x), TypeError, "np.sum"),
    "ufunc.at": (lambda x: np.add.at(np.zeros(3), [0, 1, 2], x), TypeError, r"tinygrad_np\.at"),
    "out=": (lambda x: np.add(np.ones(3), x, out=np.zeros(3)), TypeError, "out="),
    "out= in a function": (lambda x: np.sum(x, out=np.zeros(())), TypeError, "out="),
    "in place into an array": (lambda x: operator.iadd(np.ones(3), x), TypeError, r"x = x \+ t"),
    "t[0] = v": (lambda x: operator.setitem(x, 0, 1.0), TypeError, r"tinygrad_np\.at\(t\)\[index\]\.set"),
    "a[...] = t": (lambda x: operator.setitem(np.zeros(3), slice(None), x), TypeError, r"tinygrad_np\.at"),
    "float": (lambda x: float(x[0]), TypeError, "stop_gradient"),
    "int": (lambda x: int(x[0]), TypeError, "stop_gradient"),
    "index": (lambda x: [1, 2][x[0]], TypeError, "stop_gradient"),
    "item": (lambda x: x.item(), TypeError, "stop_gradient"),
    "tolist": (lambda x: x.tolist(), TypeError, "stop_gradient"),
    "hash": (lambda x: {x}, TypeError, "unhashable"),
    "sort in place": (lambda x: x.sort(), TypeError, "np.sort"),
    "function that writes": (lambda x: np.put(x, [0], 1.0), TypeError, r"np\.put is not.*tinygrad_np\.at"),
    "function of plain values": (lambda x: np.savetxt("no", x), TypeError, r"np\.savetxt is not.*stop_gradient"),
    "undeclared ufunc": (lambda x: np.spacing(x), TypeError, r"np\.spacing is not supported"),
    "unknown option of a ufunc": (lambda x: np.exp(x, where=np.ones(3, bool)), TypeError, "where= is not supported"),
    "len of 0-d": (lambda x: len(x[0]), TypeError, r"shape is \(\)"),
    "iteration over 0-d": (lambda x: list(x[0]), TypeError, r"shape \(\)"),
    "float index": (lambda x: x[x], TypeError, "integers"),
    "index out of range": (lambda x: x[3], IndexError, "out of bounds"),
    "matrix": (lambda x: x * np.ma.masked_array(np.ones(3)), TypeError, "MaskedArray"),
    "list of Tensors": (lambda x: np.add(x, [x[0], x[1], x[2]]), TypeError, "np.stack"),
    "text": (lambda x: np.add(x, "a"), TypeError, "expected numbers"),
    "Tensor as option": (lambda x: np.cumsum(x, axis=x[0]), TypeError, "stop_gradient"),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_refused_with_advice(name):
    action, error, words = REFUSED[name]
    with pytest.raises(error, match=words):
        seen(action)


def test_an_undeclared_function_is_refused_by_name(monkeypatch):
    monkeypatch.delitem(implementations, np.linalg.svd, raising=False)
    with pytest.raises(TypeError, match=r"np\.linalg\.svd is not supported for Tensors\. Write it with supported"):
        seen(lambda x: np.linalg.svd(x))


def test_an_option_that_the_implementation_lacks_is_refused(monkeypatch):
    monkeypatch.setitem(implementations, np.sum, lambda a, axis=None: a)
    with pytest.raises(TypeError, match=r"np\.sum: where= is not supported for Tensors; supported are a, axis\."):
        seen(lambda x: np.sum(x, where=np.ones(3, bool)))


def test_assignment_of_one_element_is_refused_with_advice_in_the_cause():
    # NumPy turns any error of __float__ into this ValueError, with ours as its cause
    with pytest.raises(ValueError, match="sequence") as info:
        seen(lambda x: operator.setitem(np.zeros(3), 0, x[0]))
    assert "tinygrad_np.at(array)[i].set(t)" in str(info.value.__cause__)


def test_every_overridable_function_works_or_refuses_by_name():
    """What NumPy hands us is in the table, or refused at call time, and the refusal names it."""
    functions = {*overrides.get_overridable_numpy_ufuncs(), *overrides.get_overridable_numpy_array_functions()}
    missing = [f for f in functions if f not in implementations]
    assert len(missing) < len(functions)

    def check(x):
        for function in missing:
            with pytest.raises(TypeError, match="is not supported for Tensors") as info:
                if isinstance(function, np.ufunc):
                    x.__array_ufunc__(function, "__call__", x)
                else:
                    x.__array_function__(function, (Tensor,), (x,), {})
            assert name_of(function) in str(info.value)

    seen(check)


def test_operators_and_reflected_operators_match_numpy():
    for op in (operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod):
        for other in (2.0, 3, np.float32(2), np.array([1.0, 2.0, 4.0]), [1.0, 2.0, 4.0]):
            expected = op(X, np.asarray(other)), op(np.asarray(other), X)
            y, _ = vjp(lambda x: (op(x, other), op(other, x)), X)
            np.testing.assert_array_equal(y[0], expected[0])
            np.testing.assert_array_equal(y[1], expected[1])


def test_comparisons_are_plain_arrays_and_bool_is_of_the_value():
    def check(x):
        assert type(x > 0) is np.ndarray
        np.testing.assert_array_equal(x == 2.0, X == 2.0)
        assert not x[1] > 0
        assert bool(x[0]) and not bool(x[0] * 0)
        with pytest.raises(ValueError, match="ambiguous"):
            bool(x)

    seen(check)


def test_attributes_methods_len_iteration_repr_format():
    def check(x):
        assert (x.shape, x.ndim, x.size, x.dtype, len(x)) == ((3,), 1, 3, np.dtype(float), 3)
        assert [e.shape for e in x] == [(), (), ()]
        assert repr(x) == "Tensor([ 0.5, -1. ,  2. ], dtype=float64)"
        assert f"{x[2]:.2f}" == "2.00"
        assert x.reshape(3, 1).T.shape == (1, 3)
        assert x[None].transpose(1, 0).shape == (3, 1)
        y = x
        y += 1  # rebinds
        assert repr(x[0]) == "Tensor(0.5, dtype=float64)"
        assert np.shape(x) == (3,) and np.ndim(x) == 1 and np.size(x) == 3
        assert np.result_type(x, np.float32) == np.float64

    seen(check)


METHODS = ["sum", "prod", "mean", "var", "std", "max", "min", "cumsum", "ravel", "flatten", "squeeze", "conj", "copy",
           "argmax", "argmin", "argsort", "any", "all", "round", "nonzero"]  # fmt: skip


@pytest.mark.parametrize("name", METHODS)
def test_methods_match_numpy(name):
    def check(x):
        ours, expected = tg.stop_gradient(getattr(x, name)()), getattr(X, name)()
        np.testing.assert_allclose(ours, expected, rtol=1e-15)

    seen(check)


def test_keyword_arguments_are_seen():
    g = grad(lambda t: np.sum(np.clip(np.arange(4.0), a_min=t, a_max=2.5)))(1.5)
    assert g == 2.0
    g = grad(lambda t: np.sum(np.arange(4.0).clip(t, 2.5)))(1.5)  # through NumPy's hidden ufunc
    assert g == 2.0


def test_numpy_scalars_and_arrays_on_the_left_defer_to_the_tensor():
    for left in (2, 2.0, np.float32(2), np.float64(2), np.array(2.0)):
        np.testing.assert_array_equal(grad(lambda x: np.sum(left * x))(X), [2, 2, 2])


def test_weak_python_numbers_stay_weak():
    x = np.ones(3, np.float32)
    dtypes = []

    def f(t):
        y = x * (t * t + np.sin(t))
        dtypes.append(y.dtype)
        return np.sum(y)

    g = grad(f)(2.0)
    assert dtypes == [np.float32] and type(g) is float
    np.testing.assert_allclose(g, 3 * (4 + np.cos(2.0)), rtol=1e-6)


def test_swapped_declaration_in_a_notebook_replaces_the_entry():
    from tinygrad_np.core.primitive import registry

    def declare(factor):
        def times(x):
            return x * factor

        op = tg.primitive(times)
        op.defvjp("x")(lambda y, x: lambda g: g * factor)
        return op

    first, second = declare(2.0), declare(3.0)
    assert first.key == second.key and registry[first.key] is second
    assert grad(second)(1.0) == 3.0
