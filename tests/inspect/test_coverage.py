"""The coverage table: every function stands in one class, and the columns are measured, not claimed."""

import importlib
import itertools
import math
import warnings

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np.core.primitive import registry
from tinygrad_np.core.tensor import implementations, refusals
from tinygrad_np.inspect import coverage
from tinygrad_np.inspect.columns import COLUMNS, NotApplicable
from tinygrad_np.inspect.coverage import Row, classes_of, examples_of, overridable, rows, surface
from tinygrad_np.inspect.surface import EXAMPLES, REAL_ONLY, UNREACHABLE

X = np.array([0.5, -1.25, 2.0])


@pytest.fixture(scope="module")
def table():
    return {row.name: row for row in rows()}


def test_every_overridable_function_of_numpy_stands_in_exactly_one_class():
    named = surface()
    assert overridable() <= {f for functions in named.values() for f in functions}
    assert {name: found for name, functions in named.items() if len(found := classes_of(name, functions)) != 1} == {}


def test_every_differentiable_function_has_an_example(table):
    assert [row.name for row in table.values() if row.class_ == "differentiable" and not examples_of(row)] == []


def test_every_example_is_one_of_a_function_of_that_name(table):
    names = {name: row for row in table.values() for name in (row.name, *row.aliases)}
    for name in EXAMPLES:
        assert names[name].class_ == "differentiable", name
        if name.startswith(("numpy.", "scipy.")) and not name.startswith("numpy.ndarray"):
            place, _, attribute = name.rpartition(".")
            assert callable(getattr(importlib.import_module(place), attribute))


def test_functions_bear_the_names_that_users_write(table):
    for name in ("numpy.sum", "numpy.exp", "numpy.linalg.solve", "numpy.fft.rfft", "numpy.eye", "operator.getitem"):
        assert name in table
    assert "numpy.abs" in table["numpy.absolute"].aliases
    assert len({*itertools.chain(table, *[row.aliases for row in table.values()])}) == len(table) + sum(
        len(row.aliases) for row in table.values()
    )


def test_what_is_refused_has_a_reason_and_an_alternative(table):
    for row in table.values():
        if row.class_ in ("refused", "cannot be intercepted"):
            assert row.reason and row.reason.endswith((".", ").")) and len(row.reason) > 10, row.name
        else:
            assert row.reason is None


def test_nothing_is_claimed_of_what_is_not_differentiable(table):
    for row in table.values():
        facts = [row.kind, *[getattr(row, column) for column in COLUMNS]]
        assert (facts == [None] * 6) == (row.class_ != "differentiable"), row.name


def test_there_is_no_gap_for_real_inputs(table):
    assert {row.name: row.gaps for row in table.values() if row.gaps.keys() - {"complex"}} == {}


def test_primitives_are_told_from_compositions(table):
    kinds = {
        name: table[name].kind for name in ("numpy.exp", "numpy.sum", "numpy.matmul", "numpy.vander", "numpy.tile")
    }
    assert kinds == {
        "numpy.exp": "primitive", "numpy.sum": "primitive", "numpy.matmul": "primitive",
        "numpy.vander": "composed", "numpy.tile": "composed",
    }  # fmt: skip


def test_a_function_that_nobody_declared_is_refused_with_advice(monkeypatch):
    monkeypatch.delitem(implementations, np.sinc)
    row = next(row for row in rows() if row.name == "numpy.sinc")
    assert row.class_ == "refused" and "tinygrad_np.primitive" in row.reason
    assert classes_of("numpy.sinc", [np.sinc]) == []


# -- the columns catch what is wrong ---------------------------------------------------------------------------------

_scratch = itertools.count()


@pytest.fixture
def square():
    """A function x² whose rules can be replaced by wrong ones."""
    op = tg.primitive(lambda x: x**2)
    op.defvjp("x")(lambda y, x: lambda g: 2 * g * x)
    op.defjvp("x")(lambda y, x: lambda x_dot: 2 * x_dot * x)
    op.defbatch(lambda size, axes, x: (op(x), axes[0]))
    yield op
    registry.pop(op.key)


def fails(column, f, *xs):
    try:
        COLUMNS[column](f, xs, np.random.default_rng(0))
    except NotApplicable:
        return None
    except Exception as error:
        return str(error) or type(error).__name__
    return False


def failing(f):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [column for column in COLUMNS if fails(column, f, X)]


def test_right_rules_pass(square):
    assert failing(lambda x: square(x)) == []


@pytest.mark.parametrize("factor", [1.001, -1.0, 0.0, 1 + 1e-6])
def test_a_wrong_vjp_is_seen(square, factor):
    square.defvjp("x")(lambda y, x: lambda g: factor * 2 * g * x)
    assert failing(lambda x: square(x))[:2] == ["vjp", "jvp"]


def test_a_wrong_jvp_is_seen(square):
    square.defjvp("x")(lambda y, x: lambda x_dot: 2.001 * x_dot * x)
    assert failing(lambda x: square(x)) == ["jvp", "second_order", "complex"]


def test_a_wrong_second_derivative_is_seen(square):
    square.defvjp("x")(lambda y, x: lambda g: 2 * g * tg.stop_gradient(x))
    assert failing(lambda x: square(x)) == ["second_order"]


def test_a_wrong_second_derivative_in_both_modes_is_seen(square):
    square.defvjp("x")(lambda y, x: lambda g: 2 * g * tg.stop_gradient(x))
    square.defjvp("x")(lambda y, x: lambda x_dot: 2 * x_dot * tg.stop_gradient(x))
    assert failing(lambda x: square(x)) == ["second_order"]


def test_a_wrong_batching_rule_is_seen(square):
    square.defbatch(lambda size, axes, x: (op_of_first(x, axes[0]), axes[0]))
    assert failing(lambda x: square(x)) == ["vmap"]


def op_of_first(x, axis):
    return np.repeat(np.take(x, [0], axis=axis), np.shape(x)[axis], axis=axis) ** 2


def test_a_missing_rule_is_seen(square):
    square.jvps.clear()
    assert failing(lambda x: square(x)) == ["jvp", "second_order", "complex"]


def test_the_loop_in_place_of_a_batching_rule_is_seen(square):
    square.batch = None
    assert "no batching rule" in fails("vmap", lambda x: square(x), X)


def test_a_conjugate_too_much_is_seen(square):
    square.defvjp("x")(lambda y, x: lambda g: 2 * g * np.conj(x))
    assert failing(lambda x: square(x)) == ["complex"]


def test_a_wrong_value_or_dtype_is_seen():
    from tinygrad_np.core.tensor import Tensor

    for wrong in (lambda y: y + 1, lambda y: y.astype(np.float32), lambda y: y[None]):
        assert "in place of" in fails("vjp", lambda x, w=wrong: w(x * 2) if type(x) is Tensor else x * 2, X)


def test_what_numpy_itself_does_not_do_is_no_gap():
    assert fails("complex", np.cbrt, X) is None
    assert fails("complex", lambda x: np.heaviside(x, 0.5), X) is None
    assert fails("vmap", lambda x: np.unique(x), X) is None


def test_gaps_say_what_went_wrong(monkeypatch):
    monkeypatch.setitem(EXAMPLES, "numpy.exp", [(lambda x: np.exp(tg.stop_gradient(x)), (X,))])
    row = Row("numpy.exp", "differentiable")
    coverage._measure(row, [np.exp])
    assert row.vjp is False and row.gaps["vjp"].startswith("AssertionError: vjp: 0, differences say ")
    assert row.as_dict()["class"] == "differentiable"


def test_the_functions_for_real_numbers_alone_are_functions(table):
    assert {table[name].class_ for name in REAL_ONLY} == {"differentiable"}


# -- what cannot be intercepted --------------------------------------------------------------------------------------

M = np.array([0.5, -1.0, 2.0])
CALLS = {
    "numpy.array": lambda t: np.array([t, t]),
    "numpy.asarray": np.asarray,
    "numpy.asanyarray": np.asanyarray,
    "numpy.ascontiguousarray": np.ascontiguousarray,
    "numpy.asfortranarray": np.asfortranarray,
    "numpy.require": np.require,
    "numpy.full": lambda t: np.full(3, t),
    "numpy.full_like(array, t)": lambda t: np.full_like(M, t),
    "numpy.nan_to_num(array, nan=t)": lambda t: np.nan_to_num(M, nan=t[0]),
    "numpy.arange": lambda t: np.arange(t[0]),
    "numpy.ones": np.ones,
    "numpy.zeros": np.zeros,
    "numpy.empty": np.empty,
    "numpy.eye": np.eye,
    "numpy.identity": np.identity,
    "numpy.tri": np.tri,
    "numpy.fromiter": lambda t: np.fromiter([t[0], t[1]], float),
    "numpy.frombuffer": np.frombuffer,
    "numpy.fromfile": np.fromfile,
    "numpy.fromstring": lambda t: np.fromstring(t, sep=" "),
    "numpy.genfromtxt": lambda t: np.genfromtxt([t]),
    "numpy.loadtxt": lambda t: np.loadtxt([t]),
    "numpy.asarray_chkfinite": np.asarray_chkfinite,
    "numpy.r_[t, u]": lambda t: np.r_[t, t],
    "numpy.c_[t, u]": lambda t: np.c_[t, t],
    "numpy.mgrid[a:t:n, ...]": lambda t: np.mgrid[0 : t[0] : 3j, 0:1:2j],
    "numpy.vectorize(f)(t)": np.vectorize(lambda x: x**2),
    "numpy.frompyfunc(f, n, m)(t)": np.frompyfunc(lambda x: x**2, 1, 1),
    "numpy.take(array, t)": lambda t: np.take(M, t),
    "array[t]": lambda t: M[t],
    "array[i] = t": lambda t: M.copy().__setitem__(0, t),
    "array += t": lambda t: M.copy().__iadd__(t),
    "numpy.sum(array, initial=t)": lambda t: np.sum(M, initial=t[0]),
    "numpy.sum(array, where=t)": lambda t: np.sum(M, where=t),
    "array.dot(t)": M.dot,
    "array.take(t)": M.take,
    "array.searchsorted(t)": M.searchsorted,
    "array.choose(t)": lambda t: np.array([1, 0]).choose([t, t]),
    "array.fill(t)": lambda t: M.copy().fill(t[0]),
    "math.exp(t)": lambda t: math.exp(t[0]),
    "float(t)": lambda t: float(t[0]),
    "numpy.float64(t)": lambda t: np.float64(t[0]),
    "numpy.kaiser(n, t)": lambda t: np.kaiser(5, t[0]),
    "numpy.nditer(t)": np.nditer,
    "numpy.lib.stride_tricks.as_strided": lambda t: np.lib.stride_tricks.as_strided(t, (2,), (8,)),
    "numpy.matrix(t)": lambda t: np.matrix(t),
    "numpy.ma": np.ma.masked_array,
    "numpy.poly1d([t, u])": lambda t: np.poly1d([t, t]),
    "numpy.polynomial": lambda t: np.polynomial.Polynomial([t[0], t[1]]),
    "numpy.random": lambda t: np.random.default_rng(0).normal(t),
    "scipy.special.logsumexp": lambda t: pytest.importorskip("scipy.special").logsumexp(t),
    "scipy.linalg": lambda t: pytest.importorskip("scipy.linalg").expm(t),
    "scipy.integrate": lambda t: pytest.importorskip("scipy.integrate").simpson(t),
}


def test_every_unreachable_call_is_tried():
    assert UNREACHABLE.keys() - CALLS.keys() == {"numpy.fromfunction"}  # which works, if its function does


@pytest.mark.parametrize("name", CALLS)
def test_what_cannot_be_intercepted_raises_and_never_detaches(name):
    def f(t):
        with pytest.raises((TypeError, ValueError, AttributeError)), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            CALLS[name](t)
        return np.sum(t)

    tg.grad(f)(X)


REPLACEMENTS = {
    "numpy.full": (lambda t: np.full((2, 3), t), lambda t: np.broadcast_to(t, (2, 3)), X),
    "numpy.arange": (lambda t: np.arange(t, t + 4.0, 1.0), lambda t: t + 1.0 * np.arange(4), np.array(0.5)),
    "numpy.fromfunction": (
        lambda t: np.fromfunction(lambda i: i * t, (3,)), lambda t: (lambda i: i * t)(*np.indices((3,))), X,
    ),
    "numpy.fromiter": (lambda t: np.fromiter(iter(t), float), lambda t: np.stack(list(iter(t))), X),
    "numpy.r_": (lambda t: np.r_[t, 2 * t], lambda t: np.concatenate([t, 2 * t]), X),
    "numpy.c_": (lambda t: np.c_[t, 2 * t], lambda t: np.column_stack([t, 2 * t]), X),
    "numpy.mgrid": (
        lambda t: np.mgrid[0:t:3j, 0:1:2j], lambda t: np.stack(np.meshgrid(np.linspace(0, t, 3), [0.0, 1.0], indexing="ij")),
        np.array(2.0),
    ),
    "numpy.vectorize": (lambda t: np.vectorize(lambda x: x**2)(t), lambda t: tg.vmap(lambda x: x**2)(t), X),
    "numpy.sum": (lambda t: np.sum(M, initial=t), lambda t: np.sum(M) + t, np.array(0.25)),
    "numpy.prod": (lambda t: np.prod(M, initial=t), lambda t: np.prod(M) * t, np.array(0.25)),
    "numpy.max": (lambda t: np.max(M, initial=t), lambda t: np.maximum(np.max(M), t), np.array(2.25)),
    "dot": (lambda t: M.dot(t), lambda t: np.dot(M, t), X),
    "fill": (lambda t: np.full(3, t), lambda t: np.broadcast_to(t, M.shape), np.array(0.25)),
    "nan_to_num": (
        lambda t: np.nan_to_num(M * np.nan, nan=t), lambda t: np.where(np.isnan(M * np.nan), t, M), np.array(0.25),
    ),
    "kaiser": (
        lambda t: np.kaiser(6, t), lambda t: np.i0(t * np.sqrt(1 - np.linspace(-1, 1, 6) ** 2)) / np.i0(t), np.array(2.5),
    ),
    "poly1d": (lambda t: np.poly1d(t)(2.0), lambda t: np.polyval(t, 2.0), X),
    "eye": (lambda t: t * np.eye(3), lambda t: t * np.eye(3), X),
}  # fmt: skip


@pytest.mark.parametrize("name", REPLACEMENTS)
def test_the_replacements_are_equal_and_differentiable(name):
    original, replacement, x = REPLACEMENTS[name]
    np.testing.assert_allclose(replacement(x), original(x), rtol=1e-14)
    assert np.any(tg.vjp(replacement, x)[1](np.ones(np.shape(original(x))))[0] != 0)


def test_indices_into_plain_arrays_have_their_replacement_under_vmap():
    i = np.array([2, 0])
    np.testing.assert_array_equal(tg.vmap(lambda k: tg.at(M)[k].get())(i), M[i])


def test_refusals_are_what_the_dispatcher_says():
    def f(t):
        with pytest.raises(TypeError, match=r"np\.nextafter is not supported for Tensors\. It is a property"):
            np.nextafter(t, 1.0)
        return np.sum(t)

    tg.grad(f)(X)
    assert (
        refusals[np.nextafter] in Row("numpy.nextafter", "refused", reason=refusals[np.nextafter]).as_dict()["reason"]
    )
