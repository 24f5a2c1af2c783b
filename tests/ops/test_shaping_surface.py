"""Shape, order and selection: errors, functions without a derivative, index batching, functional updates."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_np as tg
from tinygrad_np import grad, vjp
from tinygrad_np.ops.indexing import put_along_axis
from tinygrad_np.testing import check_grads
from tinygrad_np.transforms.batch import vmap
from tinygrad_np.transforms.forward import jvp

A = np.array([[0.5, -1.25, 2.0], [1.5, 0.25, -0.75]])
V = np.array([0.5, -1.0, 2.0])

ERRORS = {
    "ravel K": (lambda x: np.ravel(x, "K"), ValueError, "order='K'.*use 'C' or 'F'"),
    "rollaxis": (lambda x: np.rollaxis(x, 0, 4), ValueError, "start=4"),
    "meshgrid": (lambda x: np.meshgrid(x, indexing="ab")[0], ValueError, "'xy' or 'ij'"),
    "concatenate dtype": (lambda x: np.concatenate([x], dtype=int), TypeError, "would lose"),
    "stack dtype": (lambda x: np.stack([x], dtype=int), TypeError, "would lose"),
    "block empty": (lambda x: np.block([[x], []]), ValueError, "a list is empty"),
    "block depth": (lambda x: np.block([x, [x]]), ValueError, "same depth"),
    "pad mode": (lambda x: np.pad(x, 1, "no"), ValueError, "mode='no'"),
    "pad function": (lambda x: np.pad(x, 1, lambda *a: None), ValueError, "use constant, edge"),
    "pad option": (lambda x: np.pad(x, 1, "edge", constant_values=1), ValueError, "constant_values= means nothing"),
    "pad stat_length": (lambda x: np.pad(x, 1, "mean", stat_length=0), ValueError, "integers >= 1"),
    "pad reflect_type": (lambda x: np.pad(x, 1, "reflect", reflect_type="no"), ValueError, "'even' or 'odd'"),
    "pad empty axis": (lambda x: np.pad(x[:0], 1, "edge"), ValueError, "empty axis"),
    "repeat": (lambda x: np.repeat(x, x), TypeError, "repeats= sets the shape"),
    "resize": (lambda x: np.resize(x, -1), ValueError, ">= 0"),
    "windows": (lambda x: np.lib.stride_tricks.sliding_window_view(x, (3, 1)), ValueError, "does not fit"),
    "windows axes": (lambda x: np.lib.stride_tricks.sliding_window_view(x, 2), ValueError, r"\(2, 3\)"),
    "delete": (lambda x: np.delete(x, x), TypeError, "sets the shape"),
    "insert": (lambda x: np.insert(x, x, 1.0), TypeError, "sets the shape"),
    "ix_": (lambda x: np.ix_(x)[0], ValueError, "expected vectors"),
    "choose mode": (lambda x: np.choose([0], [x], mode="no"), ValueError, "raise, clip or wrap"),
    "choose below": (lambda x: np.choose([-1, 0, 0], [x, x]), IndexError, "out of bounds"),
    "compress": (lambda x: np.compress([[True]], x), ValueError, "a vector"),
    "select count": (lambda x: np.select([x > 0], [x, x]), ValueError, "1 conditions for 2 choices"),
    "select kind": (lambda x: np.select([x], [x]), TypeError, "conditions are booleans"),
    "piecewise": (lambda x: np.piecewise(x, [x > 0], []), ValueError, "0 functions for 1 conditions"),
    "trim_zeros": (lambda x: np.trim_zeros(x[0], "no"), ValueError, "use 'f', 'b' or 'fb'"),
    "apply_along_axis": (lambda x: np.apply_along_axis(np.sum, 1, x[:0]), ValueError, "no vectors"),
    "apply_over_axes": (lambda x: np.apply_over_axes(lambda a, k: a.sum(), x, 0), ValueError, "made shape"),
    "put_along_axis": (lambda x: put_along_axis(x, np.array([0]), 1.0, 0), ValueError, "put_along_axis: indices"),
    "tril_indices_from": (lambda x: np.tril_indices_from(x[0]), ValueError, "expected a matrix"),
    "triu_indices_from": (lambda x: np.triu_indices_from(x[0]), ValueError, "expected a matrix"),
    "sort order": (lambda x: np.sort(x, order="f"), TypeError, "order= is not supported"),
    "refused in place": (lambda x: np.put_along_axis(x, x, 1.0, 0), TypeError, "tinygrad_np.put_along_axis"),
    "refused diagonal": (lambda x: np.fill_diagonal(x, 1.0), TypeError, "diag_indices"),
    "refused copyto": (lambda x: np.full_like(A, x[0, 0]), TypeError, "broadcast_to"),
    "refused string": (lambda x: np.strings.isalpha(x), TypeError, "strings"),
    "refused date": (lambda x: np.busday_count(x, x), TypeError, "Dates"),
    "refused memory": (lambda x: np.shares_memory(x, x), TypeError, "share memory"),
    "refused nextafter": (lambda x: np.nextafter(x, 1), TypeError, "no derivative"),
    "refused bits": (lambda x: np.packbits(x), TypeError, "plain values"),
    "refused scalar type": (lambda x: np.min_scalar_type(x), TypeError, "x.dtype"),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_errors_say_what_is_wrong(name):
    f, kind, words = ERRORS[name]
    with pytest.raises(kind, match=words):
        grad(lambda x: np.sum(f(x)))(A)


BATCH_ERRORS = {
    "mask": (lambda x: np.sum(x[x > 0]), "np.where"), "mask and array": (lambda x: x[x > 0, [0]], "np.where"),
    "nonzero": (lambda x: np.nonzero(x)[0], "shape of the result depends on the values"),
    "compress": (lambda x: np.compress(x > 0, x), "np.where"), "unique": (np.unique, "np.where"),
    "intersect1d": (lambda x: np.intersect1d(x, V), "np.where"), "repeat": (lambda x: np.repeat(x, x), "plain"),
    "argwhere": (np.argwhere, "np.where"), "setdiff1d": (lambda x: np.setdiff1d(x, V), "np.where"),
}  # fmt: skip


@pytest.mark.parametrize("name", BATCH_ERRORS)
def test_shapes_that_depend_on_values_are_refused_under_vmap(name):
    f, words = BATCH_ERRORS[name]
    with pytest.raises(TypeError, match=words):
        vmap(f)(A)


# -- functions without a derivative --------------------------------------------------------------------------------------

I = np.array([[5, 3, 0], [1, 4, 2]])  # noqa: E741
CONSTANTS = {
    "argmax": (lambda x: np.argmax(x), A), "argmax keepdims": (lambda x: np.argmax(x, keepdims=True), A),
    "argmin axis": (lambda x: x.argmin(axis=-1, keepdims=True), A), "argsort": (lambda x: np.argsort(x, None), A),
    "argpartition": (lambda x: np.argpartition(x, 1, 0), A), "any": (lambda x: np.any(x > 1), A),
    "all": (lambda x: np.all(x > -1, axis=(0, 1), keepdims=True), A), "all where": (lambda x: np.all(x, where=A > 0), A),
    "count_nonzero": (lambda x: np.count_nonzero(x > 0, axis=-1), A), "round": (lambda x: np.around(x, 1), A),
    "fix": (np.fix, A), "isreal": (np.isreal, A), "isneginf": (np.isneginf, A), "isclose": (lambda x: np.isclose(x, V), A),
    "allclose": (lambda x: np.allclose(x, A * (1 + 1e-9)), A), "array_equal": (lambda x: np.array_equal(x, A), A),
    "array_equal shapes": (lambda x: np.array_equal(x, V), A), "array_equiv": (lambda x: np.array_equiv(x, V), A),
    "array_equiv broadcast": (lambda x: np.array_equiv(x[0], A[:1]), A),
    "array_equiv shapes": (lambda x: np.array_equiv(x, A[:, :2]), A),
    "array_equal nan": (lambda x: np.array_equal(np.where(A > 0, x, np.nan), np.where(A > 0, A, np.nan), equal_nan=True), A),
    "searchsorted": (lambda x: np.searchsorted(np.array([-1.0, 0, 1]), x), A),
    "searchsorted in": (lambda x: np.searchsorted(np.sort(x[0]), V, side="right"), A),
    "digitize": (lambda x: np.digitize(x, [-1.0, 0, 1]), A), "isin": (lambda x: np.isin(x, V), A),
    "isin of": (lambda x: np.isin(V, x, invert=True), A), "lexsort": (lambda x: np.lexsort((x, -x), 0), A),
    "lexsort array": (lambda x: np.lexsort(x), A), "empty_like": (lambda x: np.zeros(np.empty_like(x).shape), A),
    "zeros_like shape": (lambda x: np.zeros_like(x, shape=2), A), "ones_like": (lambda x: np.ones_like(x, dtype=int), A),
    "unravel_index": (lambda i: np.stack(np.unravel_index(i, (2, 4))), I), "bits": (lambda i: (i & 3) | (i ^ 1), I),
    "ravel_multi_index": (lambda i: np.ravel_multi_index((i, 1), (7, 2)), I), "shift": (lambda i: np.left_shift(i, 1), I),
    "gcd": (lambda i: np.gcd(i, 6), I), "invert": (lambda i: np.invert(i), I),
    "tril_indices_from": (lambda x: x[np.tril_indices_from(x)], A), "triu": (lambda x: x[np.triu_indices_from(x, 1)], A),
    "diag_indices_from": (lambda x: x[:, :2][np.diag_indices_from(x[:, :2])], A),
    "einsum_path": (lambda x: x * len(np.einsum_path("ij,ij->i", x, x)), A),
    "types": (lambda x: x * np.can_cast(x, np.complex128) + np.zeros((), np.common_type(x, V)), A),
    "choice": (lambda x: tg.at(V)[np.argmax(x, 1)].get(), A), "mode": (lambda x: x[np.argsort(x[:, 0])], A),
}  # fmt: skip


@pytest.mark.parametrize("name", CONSTANTS)
def test_functions_without_derivative_keep_their_values(name):
    f, x = CONSTANTS[name]
    expected = f(x)
    np.testing.assert_array_equal(vmap(f)(np.stack([x, x + 1, x])), np.stack([f(x), f(x + 1), expected]))
    np.testing.assert_array_equal(vmap(f, in_axes=-1)(np.stack([x, x + 1], -1)), np.stack([expected, f(x + 1)]))
    if x.dtype == float:
        found = []
        vjp(lambda x: (found.append(f(x)), np.sum(x))[1], x)
        np.testing.assert_array_equal(tg.stop_gradient(found[0]) if type(found[0]) is tuple else expected, expected)


# -- index batching ------------------------------------------------------------------------------------------------------

X = np.arange(2 * 3 * 4 * 5.0).reshape(2, 3, 4, 5)
J = np.array([1, 0, 1, 1])
INDICES = {
    "one": lambda i: (i,), "last": lambda i: (..., i), "after slice": lambda i: (slice(None), i),
    "separated": lambda i: (i, slice(None), i), "separated later": lambda i: (slice(None), i, None, i),
    "zero-length ellipsis": lambda i: (slice(None), i, slice(None), ..., i), "with int": lambda i: (0, slice(None), i),
    "with int beside": lambda i: (slice(None), 1, i), "two shapes": lambda i: (i, J[:, None] * i[0]),
    "scalar": lambda i: (slice(None), i[0]), "two scalars": lambda i: (i[0], slice(1, None), i[1]),
    "static too": lambda i: (i, slice(None), J), "new axes": lambda i: (None, i, ..., None),
    "mask too": lambda i: (np.array([True, True]), slice(None), i[:2]), "negative": lambda i: (slice(None), -1 - i),
    "all": lambda i: (i, i, i, i), "slices": lambda i: (slice(None, None, -1), slice(0, 0), i),
}  # fmt: skip


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("name", INDICES)
def test_batched_indices_of_all_forms(name, whole):
    index = INDICES[name]
    i = np.array([[0, 1, 1, 0], [1, 1, 0, 0], [0, 0, 0, 1]])
    x = np.stack([X, X + 0.5, X * 2]) if whole else X
    axes = (0 if whole else None, 0)
    each = [(x[k] if whole else x, i[k]) for k in range(3)]
    got = vmap(lambda x, i: tg.at(x)[index(i)].get(), in_axes=axes)(x, i)
    np.testing.assert_array_equal(got, np.stack([x[index(i)] for x, i in each]))
    v = np.asarray(got) + 0.25
    for update in ("set", "add", "multiply"):
        write = lambda x, i, v, how=update: getattr(tg.at(x)[index(i)], how)(v)
        expected = np.stack([write(x, i, v[k]) for k, (x, i) in enumerate(each)])
        np.testing.assert_array_equal(vmap(write, in_axes=(*axes, 0))(x, i, v), expected)
        expected = np.stack([write(x, i, 2.0) for x, i in each])
        np.testing.assert_array_equal(vmap(write, in_axes=(*axes, None))(x, i, 2.0), expected)


STATIC = {
    "separated": (0, slice(None), [1, 0]), "arrays apart": ([0, 1], slice(None), [1, 0]), "ints": (0, slice(None), 1),
    "later": (slice(None), [0, 2], None, [1, 1]), "mask": (np.array([True, False]), slice(None), [3, 1]),
    "mask of two axes": (X[:, :, 0, 0] > 15,), "true": (True, 0), "none": (None, ..., [2, 0], None),
}  # fmt: skip


@pytest.mark.parametrize("axis", [0, 2, -1])
@pytest.mark.parametrize("name", STATIC)
def test_one_index_for_a_batch(name, axis):
    index = STATIC[name]
    x = np.stack([X, X + 0.5], axis)
    each = [X, X + 0.5]
    np.testing.assert_array_equal(vmap(lambda x: x[index], in_axes=axis)(x), np.stack([e[index] for e in each]))
    v = np.stack([e[index] * 3 for e in each])
    set_ = lambda x, v: tg.at(x)[index].set(v)
    expected = np.stack([set_(e, w) for e, w in zip(each, v, strict=True)])
    np.testing.assert_array_equal(vmap(set_, in_axes=(axis, 0))(x, v), expected)
    np.testing.assert_array_equal(vmap(set_, in_axes=(None, 0))(X, v), np.stack([set_(X, w) for w in v]))


def test_vmap_in_vmap_indexes_pairwise():
    table, rows = np.arange(12.0).reshape(2, 2, 3), np.array([[1, 0, 1], [0, 0, 1]])
    got = vmap(vmap(lambda x, i: x[i], in_axes=(None, 0)))(table, rows)
    np.testing.assert_array_equal(got, np.stack([t[r] for t, r in zip(table, rows, strict=True)]))
    got = vmap(lambda x: vmap(lambda i: x[i])(rows[0]))(table)
    np.testing.assert_array_equal(got, table[:, rows[0]])


@given(st.data())
def test_updates_write_values_with_further_leading_axes(data):
    v = np.array(data.draw(st.lists(st.integers(-8, 8), min_size=3, max_size=3)))[None] / 8
    check_grads(lambda x, v: tg.at(x)[0].set(v), (A, v), order=2)
    got = vmap(lambda x, v: tg.at(x)[0].set(v))(np.stack([A, A]), np.stack([v, v + 1]))
    np.testing.assert_array_equal(got[:, 0], [v[0], v[0] + 1])


# -- functional updates --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1, -1, None])
def test_put_along_axis_is_numpys_without_writing(axis):
    index = np.array([[1, 0, 1]]) if axis == 0 else np.array([[2, 0], [1, 1]]) if axis is not None else np.array([4, 0])
    expected, before = A.copy(), A.copy()
    np.put_along_axis(expected, index, 7.5, axis)
    np.testing.assert_array_equal(put_along_axis(A, index, 7.5, axis), expected)
    np.testing.assert_array_equal(A, before)
    values = np.arange(index.size).reshape(index.shape) / 4
    f = lambda x, v: put_along_axis(x, index, v, axis)
    check_grads(f, (A, values), order=2)
    got = vmap(f)(np.stack([A, A + 1]), np.stack([values, values]))
    np.testing.assert_array_equal(got, np.stack([f(A, values), f(A + 1, values)]))
    y, y_dot = jvp(f, (A, values), (A, values))
    np.testing.assert_array_equal(y, y_dot)


def test_products_at_repeated_places_have_no_derivative_in_the_values():
    f = lambda i, v: np.sum(tg.at(V)[i].multiply(v))
    with pytest.raises(ValueError, match="twice"):
        jvp(lambda v: f([0, 0], v), (np.ones(2),), (np.ones(2),))
    got = vmap(lambda i: grad(lambda v: f(i, v))(np.ones(2)))(np.array([[0, 1], [1, 1]]))
    np.testing.assert_array_equal(got, [[0.5, -1.0], [np.nan, np.nan]])


def test_pad_modes_of_integers_and_none():
    one = lambda x, *a, **k: vmap(lambda x: np.pad(x, *a, **k))(x[None])[0]
    x = np.array([3, 1, 8, 4])
    for mode in ("maximum", "minimum", "mean", "median", "linear_ramp", "edge", "wrap", "constant"):
        np.testing.assert_array_equal(one(x, (2, 3), mode), np.pad(x, (2, 3), mode), err_msg=mode)
    assert one(V, 1, "empty").shape == (5,)
    np.testing.assert_array_equal(one(V, 0), V)
    np.testing.assert_array_equal(one(A, ((0, 0), (1, 2))), np.pad(A, ((0, 0), (1, 2))))


def test_pad_takes_widths_by_axis():
    expected = np.pad(A, ((0, 0), (1, 2)))
    for axis in (1, -1):
        y, _ = vjp(lambda x, axis=axis: np.pad(x, {axis: (1, 2)}), A)
        np.testing.assert_array_equal(y, expected)


def test_set_functions_return_numpys_positions_and_counts():
    x = np.array([[2.0, 0.5, 2.0], [0.5, -1.0, 3.0]])
    found = {}
    names = ("unique_all", "unique_counts", "unique_inverse")

    def f(x):
        found.update({name: getattr(np, name)(x) for name in names})
        found["unique"] = np.unique(x, return_index=True, return_inverse=True, return_counts=True)
        found["intersect1d"] = np.intersect1d(x, V + 1, return_indices=True)
        return np.sum(np.unique(x) ** 2)

    g = grad(f)(x)
    np.testing.assert_array_equal(g, [[4.0, 1.0, 0.0], [0.0, -2.0, 6.0]])  # the first of equals takes all
    for name in names:
        assert type(found[name]) is type(getattr(np, name)(x))
        for ours, theirs in zip(found[name][1:], getattr(np, name)(x)[1:], strict=True):
            np.testing.assert_array_equal(ours, theirs)
    for ours, theirs in zip(found["unique"][1:], np.unique(x, True, True, True)[1:], strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for ours, theirs in zip(found["intersect1d"][1:], np.intersect1d(x, V + 1, return_indices=True)[1:], strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_partition_puts_the_smaller_before_and_the_larger_after():
    x = np.random.default_rng(0).standard_normal((20, 30))
    y, _ = vjp(lambda x: np.partition(x, 11), x)
    np.testing.assert_array_equal(y[:, 11], np.sort(x)[:, 11])
    assert np.all(y[:, :11] <= y[:, 11:12]) and np.all(y[:, 12:] >= y[:, 11:12])


@given(st.data())
def test_insert_and_delete_as_numpy(data):
    n = data.draw(st.integers(1, 5))
    x = np.arange(float(n))
    where = data.draw(st.lists(st.integers(-n, n - 1), max_size=4) | st.integers(-n, n - 1))
    values = np.arange(np.size(where)) + 0.5 if data.draw(st.booleans()) and isinstance(where, list) else 0.25
    y, _ = vjp(lambda x: np.insert(x, where, values), x)
    np.testing.assert_array_equal(y, np.insert(x, where, values))
    y, _ = vjp(lambda x: np.delete(x, where), x)
    np.testing.assert_array_equal(y, np.delete(x, where))
