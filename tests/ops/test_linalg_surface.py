"""numpy.linalg and products: conventions at degenerate spectra, singular matrices, batching, and what errors say."""

import string

import numpy as np
import pytest

from tinygrad_np import grad, vjp
from tinygrad_np.ops.linalg import einsum_op, matmul_op
from tinygrad_np.testing import check_grads
from tinygrad_np.transforms.batch import vmap
from tinygrad_np.transforms.forward import jvp

A = np.array([[0.5, -1.25, 2.0], [1.5, 0.25, -0.75]])
M = np.array([[2.0, 0.5, -1.0], [0.25, -1.5, 0.75], [1.0, 0.5, 1.25]])
V = np.array([0.5, -1.0, 2.0])

# -- errors ----------------------------------------------------------------------------------------------------------

ERRORS = {
    "qr raw": (lambda x: np.linalg.qr(x, "raw")[0], ValueError, "mode='raw'.*'reduced'"),
    "eigh triangle": (lambda x: np.linalg.eigh(x, "M")[0], ValueError, "UPLO='M'"),
    "matmul dtype": (lambda x: np.matmul(x, x, dtype=np.float32), TypeError, "np.matmul: dtype= .*axes"),
    "matmul axes": (lambda x: np.matmul(x, x, axes=[0]), ValueError, "axes=.*both arguments and of the result"),
    "vecdot": (lambda x: np.vecdot(x, x[:2, :2]), ValueError, r"np.vecdot: shapes .*3, 3.*2, 2"),
    "vecdot casting": (lambda x: np.vecdot(x, x, casting="no"), TypeError, "casting=.*supported are"),
    "vecdot axes": (lambda x: np.vecdot(x, x, axes=0), ValueError, "axes=0 is a list"),
    "cross": (lambda x: np.cross(x[:, :2], x[:, :2]), ValueError, "2 and 2 components.*In the plane"),
    "linalg.outer": (lambda x: np.linalg.outer(x, x), ValueError, "np.outer"),
    "matrix_power": (lambda x: np.linalg.matrix_power(x, 1.5), TypeError, "integer, got 1.5"),
    "matrix_power shape": (lambda x: np.linalg.matrix_power(x[:2], 2), np.linalg.LinAlgError, r"\(2, 3\).*square"),
    "multi_dot one": (lambda x: np.linalg.multi_dot([x]), ValueError, "two or more arrays, got 1"),
    "multi_dot rank": (lambda x: np.linalg.multi_dot([x, x[0], x]), np.linalg.LinAlgError, "first and the last"),
    "pinv limits": (lambda x: np.linalg.pinv(x, 1e-8, rtol=1e-8), ValueError, "one limit"),
    "pinv limit Tensor": (lambda x: np.linalg.pinv(x, x[0, 0]), TypeError, "rcond= is static"),
    "lstsq stack": (lambda x: np.linalg.lstsq(x[None], x)[0], np.linalg.LinAlgError, r"\(1, 3, 3\).*vmap"),
    "tensorsolve": (lambda x: np.linalg.tensorsolve(x, x[0, :2]), np.linalg.LinAlgError, "3 equations for 3 unknowns"),
    "tensorinv": (lambda x: np.linalg.tensorinv(x, 2), np.linalg.LinAlgError, r"ind=2 cuts shape \(3, 3\)"),
    "einsum": (lambda x: np.einsum("ii", x[:1]), ValueError, "'i' has lengths 1 and 3 in one operand"),
    "solve singular": (lambda x: np.linalg.solve(x * 0, x), np.linalg.LinAlgError, "Singular"),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_errors_say_what_is_wrong(name):
    f, kind, words = ERRORS[name]
    with pytest.raises(kind, match=words):
        grad(lambda x: np.sum(f(x)))(M)


LOW = [
    np.linalg.inv,
    np.linalg.det,
    np.linalg.eigvalsh,
    np.linalg.svdvals,
    np.linalg.pinv,
    lambda x: np.linalg.qr(x)[1],
]


@pytest.mark.parametrize("f", LOW)
def test_float16_is_refused_as_by_numpy(f):
    with pytest.raises(TypeError, match="float16"):
        vjp(f, M.astype(np.float16))


def test_einsum_without_a_free_label_loops_over_the_batch():
    rng = np.random.default_rng(0)
    left, right = string.ascii_letters[:28], string.ascii_letters[27:]
    x, y = rng.standard_normal((2, *(1,) * 27, 3)), rng.standard_normal((3, *(1,) * 24))
    got = vmap(lambda x: einsum_op(x, y, inputs=(left, right), output=left[:27] + right[1:]))(x)
    np.testing.assert_allclose(got.ravel(), x.reshape(2, 3) @ y.ravel())


# -- batching --------------------------------------------------------------------------------------------------------


def _shapes_multiplied(monkeypatch, f, *args, in_axes=0):
    seen = []
    forward = matmul_op.forward
    monkeypatch.setattr(matmul_op, "forward", lambda x, y: seen.append((x.shape, y.shape)) or forward(x, y))
    vmap(f, in_axes=in_axes)(*args)
    return seen


def test_a_batch_times_one_matrix_is_one_product(monkeypatch):
    x, y = np.ones((4, 2, 3)), np.ones((3, 5))
    assert _shapes_multiplied(monkeypatch, lambda x: x @ y, x) == [((8, 3), (3, 5))]
    assert _shapes_multiplied(monkeypatch, lambda v: v @ y, x[:, 0]) == [((4, 3), (3, 5))]
    assert _shapes_multiplied(monkeypatch, lambda x: x @ y, x, in_axes=1) == [((8, 3), (3, 5))]
    assert _shapes_multiplied(monkeypatch, lambda v: y.T @ v, x[:, 0]) == [((5, 3), (3, 4))]
    assert _shapes_multiplied(monkeypatch, lambda x: y.T @ x.T, x) == [((5, 3), (3, 8))]
    assert _shapes_multiplied(monkeypatch, lambda x: x @ x.T, x) == [((4, 2, 3), (4, 3, 2))]


@pytest.mark.parametrize("in_axes", [(0, 0), (0, None), (None, 0), (-1, -1), (-1, None), (None, -1)])
@pytest.mark.parametrize(("left", "right"), [((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2))])
def test_products_with_vectors_in_batches_have_the_derivatives_of_a_loop(left, right, in_axes):
    rng = np.random.default_rng(0)
    x, y = (
        rng.standard_normal(shape if axis is None else (4, *shape) if axis == 0 else (*shape, 4))
        for shape, axis in zip((left, right), in_axes, strict=True)
    )

    def loop(x, y):
        each = [
            [z if a is None else np.moveaxis(z, a, 0)[i] for i in range(4)]
            for z, a in zip((x, y), in_axes, strict=True)
        ]
        return np.sum(np.stack([a @ b for a, b in zip(*each, strict=True)]) ** 3)

    batch = lambda x, y: np.sum(vmap(np.matmul, in_axes)(x, y) ** 3)
    for got, expected in zip(grad(batch, (0, 1))(x, y), grad(loop, (0, 1))(x, y), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_lstsq_of_a_batch_has_the_residuals_of_full_rank():
    a, b = np.stack([M, M + 1])[:, :, :2], np.stack([V, V + 1])
    for got, k in zip(vmap(lambda a, b: np.linalg.lstsq(a, b)[1])(a, b), range(2), strict=True):
        np.testing.assert_allclose(got, np.linalg.lstsq(a[k], b[k])[1])
    x, residuals, rank, _ = vjp(lambda a: (*np.linalg.lstsq(a, V[:2])[:3], 0.0), np.ones((2, 1)) * V[:1])[0]
    assert (x.shape, residuals.shape, rank) == ((1,), (1,), 1)
    assert (
        np.linalg.lstsq(np.ones((3, 2)), V)[1].shape
        == vjp(lambda a: np.linalg.lstsq(a, V)[1], np.ones((3, 2)))[0].shape
    )


# -- degenerate spectra and singular matrices ------------------------------------------------------------------------


@pytest.mark.parametrize("f", [np.linalg.eigvalsh, np.linalg.svdvals, np.linalg.eigvals])
def test_equal_values_give_the_derivative_of_what_does_not_tell_them_apart(f):
    x = np.diag([2.0, 2.0, 3.0])
    np.testing.assert_array_equal(grad(lambda x: np.sum(f(x) ** 2))(x), 2 * x)  # warnings are errors in this suite


@pytest.mark.parametrize("f", [np.linalg.eigh, np.linalg.svd, np.linalg.eig])
def test_vectors_of_equal_values_have_no_derivative_and_say_so_by_nan(f):
    def vectors(x):
        return next(part for part in f(x) if part.ndim == 2)

    x, direction = np.eye(3), M + 1
    y, pullback = vjp(vectors, x)
    assert np.isnan(pullback(np.arange(9.0).reshape(3, 3).astype(y.dtype))[0]).any()
    tangents = jvp(lambda x: tuple(f(x)), (x,), (direction,))[1]
    assert [np.isnan(part).any() for part in tangents] == [part.ndim == 2 for part in tangents]  # the values have one


def test_what_depends_on_nonzero_singular_values_only_is_differentiable_at_a_singular_matrix():
    def leading(x):  # the nearest matrix of rank 1
        u, s, vh = np.linalg.svd(x)
        return np.outer(u[:, 0] * s[0], vh[0])

    check_grads(leading, (np.diag([3.0, 1.0, 0.0]) + 0.0,), order=1)


@pytest.mark.parametrize("x", [np.zeros((3, 3)), np.ones((3, 3)), np.diag([1.0, 2.0, 0.0]), np.eye(3), M])
def test_det_has_two_derivatives_at_any_matrix(x):
    def by_rows(x):  # the triple product
        return np.sum(np.cross(x[0], x[1]) * x[2])

    def second(f):
        return grad(lambda x: np.sum(grad(f)(x) * M.T))(x)

    np.testing.assert_allclose(grad(np.linalg.det)(x), grad(by_rows)(x), atol=1e-14)
    np.testing.assert_allclose(second(np.linalg.det), second(by_rows), atol=1e-13)


def test_slogdet_of_a_singular_matrix_behind_where():
    def f(x):
        return np.where(np.linalg.det(x) == 0, 0.0, np.linalg.slogdet(x)[1])

    x = np.stack([np.zeros((2, 2)), np.diag([2.0, 4.0])])
    np.testing.assert_array_equal(grad(lambda x: np.sum(f(x)))(x), [np.zeros((2, 2)), np.diag([0.5, 0.25])])


def test_a_triangle_that_is_not_read_has_no_derivative():
    s = M @ M.T + np.eye(3)
    for f in (np.linalg.cholesky, np.linalg.eigvalsh, lambda x: np.linalg.svd(x, compute_uv=False, hermitian=True)):
        np.testing.assert_array_equal(np.triu(grad(lambda x: np.sum(f(x)))(s), 1), 0)
    upper = grad(lambda x: np.sum(np.linalg.cholesky(x, upper=True)))(s)
    np.testing.assert_array_equal(np.tril(upper, -1), 0)


def test_eigenvectors_are_differentiated_in_lapacks_normalisation():
    turning = np.array([[0.5, -2.0, 0.25], [1.5, 0.75, 0.5], [0.25, -0.5, 3.0]])
    check_grads(lambda x: tuple(np.linalg.eig(x)), (turning,), order=2)


def test_the_complement_of_full_matrices_turns_with_the_range():
    def off_range(x):
        u = np.linalg.svd(x)[0][:, 2:]
        return u @ u.T

    def off_range_by_qr(x):
        q = np.linalg.qr(x, "complete")[0][:, 2:]
        return q @ q.T

    tall = np.concatenate([M, A])[:, :2]
    weights = np.arange(25.0).reshape(5, 5) ** 1.5
    expected = grad(lambda x: np.sum(weights * (np.eye(5) - x @ np.linalg.pinv(x))))(tall)
    for f in (off_range, off_range_by_qr):
        np.testing.assert_allclose(grad(lambda x: np.sum(weights * f(x)))(tall), expected, rtol=1e-10, atol=1e-12)
        check_grads(f, (tall,), order=2)


def test_rank_is_a_constant():
    assert vjp(lambda x: (np.linalg.matrix_rank(x), np.linalg.matrix_rank(x[0])), M)[0] == (3, 1)
    np.testing.assert_array_equal(vmap(np.linalg.matrix_rank)(np.stack([M, M * 0])), [3, 0])


def test_trace_sums_in_the_dtype_asked_for():
    x = M.astype(np.float32)
    y, pullback = vjp(lambda x: np.linalg.trace(x, dtype=np.float64), x)
    assert (y.dtype, pullback(np.float64(2))[0].dtype) == (np.float64, np.float32)


@pytest.mark.parametrize("f", [np.linalg.det, lambda a: np.linalg.slogdet(a)[1]], ids=["det", "slogdet"])
def test_a_number_is_a_cotangent_of_a_determinant(f):
    a = np.array([[2.0, 1.0], [0.0, 3.0]])
    pullback = vjp(f, a)[1]
    np.testing.assert_array_equal(pullback(2.0)[0], pullback(np.array(2.0))[0])
    assert np.any(pullback(2.0)[0])
