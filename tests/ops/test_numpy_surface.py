"""Plain NumPy in models: each supported function, called as NumPy documents it, gives NumPy's values and right gradients."""

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import grad, vjp
from tinygrad_np.core.tensor import implementations
from tinygrad_np.testing import check_grads

A = np.array([[0.5, -1.25, 2.0], [1.5, 0.25, -0.75]])
B = np.array([[1.0, 2.0], [-0.5, 0.25], [0.75, -1.0]])
V = np.array([0.5, -1.0, 2.0])
S = np.array([[2.0, 0.5, 0.25], [0.5, 3.0, -0.5], [0.25, -0.5, 1.5]])
T3 = np.arange(24.0).reshape(2, 3, 4) / 8 - 1
I = np.array([2, 0, 0])  # noqa: E741
POSITIVE = np.abs(A) + 0.5

# name: (function of arrays, its arguments)
FUNCTIONS = {
    "add scalar": (lambda x: 1 + x + 2.5, (A,)), "subtract": (lambda x: 1 - x - V, (A,)),
    "multiply": (lambda x: 2 * x * V, (A,)), "divide": (lambda x: 1 / x / V, (A,)), "negative": (lambda x: -x, (A,)),
    "positive": (lambda x: +x, (A,)), "abs": (lambda x: abs(x) + np.fabs(1.0), (A,)), "power 3": (lambda x: x**3, (A,)),
    "power 0": (lambda x: x**0, (A,)), "power 1": (lambda x: x**1, (A,)), "power -2": (lambda x: x**-2, (A,)),
    "power 0.5": (lambda x: x**0.5, (POSITIVE,)), "power of Tensor": (lambda x, y: x**y, (POSITIVE, A)),
    "power int base": (lambda x: 2**x, (A,)), "power int array": (lambda x: x ** np.array([1, 2, 3]), (A,)),
    "mod": (lambda x: x % 0.7, (A,)), "floordiv": (lambda x: x // 0.7 + x, (A,)),
    "divmod": (lambda x: divmod(x, 0.7)[1], (A,)), "matmul": (lambda x, y: x @ y, (A, B)),
    "square": (np.square, (A,)), "sqrt": (np.sqrt, (POSITIVE,)), "cbrt": (np.cbrt, (A,)),
    "reciprocal": (np.reciprocal, (A,)), "sign": (lambda x: np.sign(x) * x, (A,)),
    "exp": (np.exp, (A,)), "exp2": (np.exp2, (A,)), "expm1": (np.expm1, (A,)), "log": (np.log, (POSITIVE,)),
    "log1p": (np.log1p, (POSITIVE,)), "log2": (np.log2, (POSITIVE,)), "log10": (np.log10, (POSITIVE,)),
    "logaddexp": (np.logaddexp, (A, V)), "logaddexp2": (np.logaddexp2, (A, V)), "hypot": (np.hypot, (A, V)),
    "arctan2": (np.arctan2, (A, V)), "sin": (np.sin, (A,)), "cos": (np.cos, (A,)), "tan": (np.tan, (A,)),
    "arcsin": (np.arcsin, (A / 3,)), "arccos": (np.arccos, (A / 3,)), "arctan": (np.arctan, (A,)),
    "sinh": (np.sinh, (A,)), "cosh": (np.cosh, (A,)), "tanh": (np.tanh, (A,)), "arcsinh": (np.arcsinh, (A,)),
    "arccosh": (np.arccosh, (POSITIVE + 1,)), "arctanh": (np.arctanh, (A / 3,)), "deg2rad": (np.deg2rad, (A,)),
    "degrees": (np.degrees, (A,)), "radians": (np.radians, (A,)), "rad2deg": (np.rad2deg, (A,)),
    "clip": (lambda x: np.clip(x, -1, 1), (A,)), "clip one side": (lambda x: x.clip(0.3), (A,)),
    "clip None": (lambda x: np.clip(x, None, 1.0), (A,)), "clip bounds": (np.clip, (A, V - 1, V + 0.1)),
    "maximum": (np.maximum, (A, V + 0.1)), "minimum": (np.minimum, (A, V + 0.1)), "where": (lambda x: np.where(x > 0, x, 3 * x), (A,)),
    "where scalar": (lambda x: np.where(A > 0, x, 0), (A,)),
    "sum": (np.sum, (A,)), "sum axis": (lambda x: np.sum(x, 1), (T3,)), "sum axes": (lambda x: x.sum((0, -1)), (T3,)),
    "sum keepdims": (lambda x: np.sum(x, axis=1, keepdims=True), (T3,)),
    "sum dtype": (lambda x: np.sum(x, dtype=np.float64), (A,)),
    "mean": (lambda x: np.mean(x, 0), (T3,)), "var": (lambda x: np.var(x, axis=(0, 2)), (T3,)),
    "var ddof": (lambda x: x.var(ddof=1), (T3,)), "std": (lambda x: np.std(x, -1, keepdims=True), (T3,)),
    "std correction": (lambda x: np.std(x, correction=1), (A,)), "prod": (np.prod, (A,)),
    "prod axis": (lambda x: np.prod(x, (0, 2), keepdims=True), (T3,)), "prod zero": (lambda x: np.prod(x, 1), (A * [0, 1, 1],)),
    "prod of none": (lambda x: np.prod(x, 0), (np.ones((0, 2)),)),
    "max": (np.max, (A,)), "max axis": (lambda x: np.max(x, axis=1), (T3,)), "amin": (lambda x: np.amin(x, 0), (A,)),
    "min": (lambda x: x.min(axis=(0, 1), keepdims=True), (T3,)), "cumsum": (np.cumsum, (A,)),
    "cumsum axis": (lambda x: np.cumsum(x, axis=-2), (T3,)),
    "norm": (np.linalg.norm, (A,)), "norm axis": (lambda x: np.linalg.norm(x, axis=1, keepdims=True), (A,)),
    "norm fro": (lambda x: np.linalg.norm(x, "fro"), (A,)), "norm 1": (lambda x: np.linalg.norm(x, 1), (A,)),
    "norm inf": (lambda x: np.linalg.norm(x, np.inf), (A,)), "norm -inf": (lambda x: np.linalg.norm(x, -np.inf, axis=0), (A,)),
    "norm p": (lambda x: np.linalg.norm(x, 3, axis=1), (A,)), "norm 0": (lambda x: np.linalg.norm(x, 0, axis=1) * x[:, 0], (A,)),
    "norm vector 2": (lambda x: np.linalg.norm(x, 2), (V,)), "norm stack": (lambda x: np.linalg.norm(x, 1, axis=(2, 0)), (T3,)),
    "reshape": (lambda x: np.reshape(x, (3, -1)), (A,)), "reshape int": (lambda x: x.reshape(-1), (A,)),
    "reshape F": (lambda x: x.reshape((3, 2), order="F"), (A,)), "ravel": (np.ravel, (A,)),
    "ravel F": (lambda x: np.ravel(x, "F"), (T3,)), "flatten": (lambda x: x.flatten(), (A,)),
    "transpose": (np.transpose, (T3,)), "transpose axes": (lambda x: x.transpose(2, 0, 1), (T3,)),
    "T": (lambda x: x.T, (A,)), "mT": (lambda x: x.mT if hasattr(x, "mT") else np.swapaxes(x, -1, -2), (T3,)),
    "moveaxis": (lambda x: np.moveaxis(x, [0, 1], [-1, 0]), (T3,)), "swapaxes": (lambda x: np.swapaxes(x, 0, -1), (T3,)),
    "squeeze": (lambda x: np.squeeze(x[None, :, None]), (A,)), "squeeze axis": (lambda x: np.squeeze(x[None], 0), (A,)),
    "expand_dims": (lambda x: np.expand_dims(x, (0, -1)), (A,)), "broadcast_to": (lambda x: np.broadcast_to(x, (2, 4, 3)), (V,)),
    "broadcast_arrays": (lambda x, y: tuple(np.broadcast_arrays(x, y)), (A, V)),
    "atleast_1d": (np.atleast_1d, (np.array(2.0),)), "atleast_2d": (np.atleast_2d, (V,)),
    "atleast_3d": (lambda x, y: tuple(np.atleast_3d(x, y)), (V, A)), "full_like": (lambda x, v: x * np.full_like(x, v), (A, 2.0)),
    "concatenate": (lambda x, y: np.concatenate([x, y, x], axis=-1), (A, A)),
    "concatenate None": (lambda x, y: np.concatenate([x, y], axis=None), (A, V)),
    "stack": (lambda x, y: np.stack([x, y], axis=1), (A, A)), "vstack": (lambda x, y: np.vstack([x, y]), (A, V)),
    "hstack": (lambda x, y: np.hstack([x, y]), (A, B[:2])), "hstack 1-d": (lambda x: np.hstack([x, V]), (V,)),
    "column_stack": (lambda x, y: np.column_stack([x, y]), (V, B)), "append": (lambda x, y: np.append(x, y), (A, V)),
    "split": (lambda x: tuple(np.split(x, 3, axis=1)), (A,)), "split points": (lambda x: tuple(np.split(x, [1, 1, 5], 1)), (A,)),
    "array_split": (lambda x: tuple(np.array_split(x, 2, 1)), (A,)), "vsplit": (lambda x: tuple(np.vsplit(x, 2)), (A,)),
    "hsplit": (lambda x: tuple(np.hsplit(x, [1])), (A,)), "dsplit": (lambda x: tuple(np.dsplit(x, 2)), (T3,)),
    "pad": (lambda x: np.pad(x, 1), (A,)), "pad pairs": (lambda x: np.pad(x, ((0, 1), (2, 0)), constant_values=3), (A,)),
    "pad edge": (lambda x: np.pad(x, (1, 2), mode="edge"), (A,)), "pad reflect": (lambda x: np.pad(x, 1, "reflect"), (A,)),
    "pad symmetric": (lambda x: np.pad(x, 2, "symmetric"), (A,)), "pad wrap": (lambda x: np.pad(x, ((1, 0), (0, 4)), "wrap"), (A,)),
    "flip": (np.flip, (A,)), "flip axis": (lambda x: np.flip(x, -1), (A,)), "flipud": (np.flipud, (A,)),
    "fliplr": (np.fliplr, (A,)), "roll": (lambda x: np.roll(x, 2), (A,)), "roll axis": (lambda x: np.roll(x, -1, axis=1), (A,)),
    "roll axes": (lambda x: np.roll(x, (1, 2), axis=(0, 1)), (A,)), "repeat": (lambda x: np.repeat(x, 2), (A,)),
    "repeat axis": (lambda x: np.repeat(x, [1, 0, 2], axis=1), (A,)), "tile": (lambda x: np.tile(x, (2, 1, 2)), (A,)),
    "tile int": (lambda x: np.tile(x, 3), (V,)), "tril": (lambda x: np.tril(x, -1), (S,)), "triu": (lambda x: np.triu(x, 1), (S,)),
    "diag": (lambda x: np.diag(x, 1), (S,)), "diag of a vector": (lambda x: np.diag(x, -1), (V,)),
    "diagonal": (lambda x: np.diagonal(x, 1, 0, 2), (T3,)), "trace": (np.trace, (S,)), "trace offset": (lambda x: x.trace(-1), (S,)),
    "getitem int": (lambda x: x[1], (A,)), "getitem slice": (lambda x: x[::-1, 1:], (A,)),
    "getitem ellipsis": (lambda x: x[..., None, -1], (T3,)), "getitem array": (lambda x: x[:, I], (A,)),
    "getitem arrays": (lambda x: x[[0, 1, 0], I], (A,)), "getitem mask": (lambda x: x[x > 0], (A,)),
    "getitem row mask": (lambda x: x[np.array([True, False])], (A,)), "getitem list": (lambda x: x[[1, 1]], (A,)),
    "getitem mixed": (lambda x: x[[0, 1], :, [1, 1]], (T3,)), "getitem empty list": (lambda x: x[[]], (A,)),
    "at set": (lambda x, v: tg.at(x)[0].set(v), (A, V)), "at set mask": (lambda x: tg.at(x)[A > 0].set(0.0), (A,)),
    "at set repeated": (lambda x, v: tg.at(x)[[0, 1, 0]].set(v), (V, V)),
    "at add": (lambda x, v: tg.at(x)[:, I].add(v), (A, V)), "at multiply": (lambda x, v: tg.at(x)[:, 1].multiply(v), (A, 3.0)),
    "at add of Tensor to array": (lambda v: tg.at(np.zeros((2, 3)))[1].add(v), (V,)),
    "take": (lambda x: np.take(x, I), (A,)), "take axis": (lambda x: x.take([[0, -1]], axis=1), (A,)),
    "take wrap": (lambda x: np.take(x, [7, -8], mode="wrap"), (A,)), "take clip": (lambda x: np.take(x, [7, -8], 1, mode="clip"), (A,)),
    "take_along_axis": (lambda x: np.take_along_axis(x, np.array([[2, 0], [1, 1]]), 1), (A,)),
    "take_along_axis None": (lambda x: np.take_along_axis(x, np.array([5, 0]), None), (A,)),
    "sort": (np.sort, (A,)), "sort axis": (lambda x: np.sort(x, axis=0), (A,)), "sort None": (lambda x: np.sort(x, None), (A,)),
    "dot": (np.dot, (A, B)), "dot vectors": (np.dot, (V, V)), "dot scalar": (lambda x: np.dot(x, 2.0), (A,)),
    "dot nd": (np.dot, (T3, np.ones((2, 4, 3)) * V)), "dot method": (lambda x: x.dot(B), (A,)), "matmul vector": (np.matmul, (A, V)),
    "matmul vectors": (np.matmul, (V, V)), "matmul row": (np.matmul, (V, B)), "matmul stack": (np.matmul, (T3, T3.transpose(0, 2, 1))),
    "matmul broadcast": (np.matmul, (B, T3.reshape(4, 2, 3))), "tensordot": (lambda x, y: np.tensordot(x, y, 1), (A, B)),
    "tensordot axes": (lambda x, y: np.tensordot(x, y, ([0, 1], [2, 0])), (A, np.ones((3, 4, 2)) / 2)),
    "tensordot 0": (lambda x, y: np.tensordot(x, y, 0), (V, V)), "inner": (np.inner, (A, V)), "inner nd": (np.inner, (A, T3.reshape(4, 2, 3))),
    "outer": (np.outer, (A, V)), "einsum": (lambda x, y: np.einsum("ij,jk->ik", x, y), (A, B)),
    "einsum implicit": (lambda x, y: np.einsum("ij,jk", x, y), (A, B)), "einsum trace": (lambda x: np.einsum("ii", x), (S,)),
    "einsum diagonal": (lambda x: np.einsum("ii->i", x), (S,)), "einsum sum": (lambda x: np.einsum("ijk->j", x), (T3,)),
    "einsum ellipsis": (lambda x, y: np.einsum("...ij,jk->...ik", x.reshape(2, 1, 4, 3), y), (T3, B)),
    "einsum implicit ellipsis": (lambda x: np.einsum("...ij", x), (T3,)), "einsum three": (lambda x, y, z: np.einsum("ij,jk,k->i", x, y, z), (A, B, B[0])),
    "einsum lists": (lambda x, y: np.einsum(x, [0, 1], y, [1, 2], [2, 0]), (A, B)), "einsum lists implicit": (lambda x, y: np.einsum(x, [0, 1], y, [1, 2]), (A, B)),
    "einsum broadcast": (lambda x, y: np.einsum("ij,ij->ij", x, y), (A, V[None])), "einsum scalar": (lambda x, y: np.einsum(",i->i", x, y), (2.0, V)),
    "einsum triple diagonal": (lambda x: np.einsum("iii->i", x), (T3[:, :2, :2],)), "einsum optimize": (lambda x, y: np.einsum("ij,jk->k", x, y, optimize=True), (A, B)),
    "einsum repeated operand": (lambda x: np.einsum("ij,kj->ik", x, x), (A,)), "copy": (np.copy, (A,)),
    "astype": (lambda x: x.astype(np.float64) * x.astype(int), (A + 0.1,)), "round": (lambda x: np.round(x) * x, (A + 0.1,)),
    "zeros_like": (lambda x: x + np.zeros_like(x) + np.ones_like(x), (A,)), "real": (lambda x: np.real(x), (A,)),
    "conj": (lambda x: np.conj(x).imag + x, (A,)),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_are_numpys_and_gradients_are_right(name):
    f, args = FUNCTIONS[name]
    ours, expected = vjp(f, *args)[0], f(*args)
    for a, b in zip(*[y if isinstance(y, tuple) else (y,) for y in (ours, expected)], strict=True):
        assert np.shape(a) == np.shape(b)
        assert np.asarray(a).dtype == np.asarray(b).dtype
        np.testing.assert_allclose(a, b, rtol=1e-14, atol=1e-14)
    check_grads(f, args, order=2)


def test_the_functions_of_the_issue_are_all_there():
    names = [
        "add",
        "subtract",
        "multiply",
        "divide",
        "negative",
        "positive",
        "power",
        "remainder",
        "floor_divide",
        "matmul",
        "exp",
        "exp2",
        "expm1",
        "log",
        "log1p",
        "log2",
        "log10",
        "sin",
        "cos",
        "tan",
        "arcsin",
        "arccos",
        "arctan",
        "arctan2",
        "sinh",
        "cosh",
        "tanh",
        "arcsinh",
        "arccosh",
        "arctanh",
        "logaddexp",
        "hypot",
        "square",
        "sqrt",
        "cbrt",
        "abs",
        "sign",
        "clip",
        "maximum",
        "minimum",
        "where",
        "sum",
        "mean",
        "var",
        "std",
        "prod",
        "max",
        "min",
        "cumsum",
        "linalg.norm",
        "reshape",
        "transpose",
        "moveaxis",
        "swapaxes",
        "squeeze",
        "expand_dims",
        "broadcast_to",
        "concatenate",
        "stack",
        "split",
        "pad",
        "flip",
        "roll",
        "repeat",
        "tile",
        "take",
        "take_along_axis",
        "sort",
        "dot",
        "tensordot",
        "einsum",
        "inner",
        "outer",
        "trace",
        "diag",
        "tril",
        "triu",
        "less",
        "less_equal",
        "greater",
        "greater_equal",
        "equal",
        "not_equal",
    ]
    missing = []
    for name in names:
        function = np
        for part in name.split("."):
            function = getattr(function, part)
        if function not in implementations:
            missing.append(name)
    assert missing == []


EXTREME = ["exp", "exp2", "expm1", "log", "log1p", "log2", "log10", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh",
           "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "sqrt", "cbrt", "square", "abs", "reciprocal", "sign", "deg2rad"]  # fmt: skip
EXTREME2 = [
    "logaddexp",
    "logaddexp2",
    "hypot",
    "arctan2",
    "maximum",
    "minimum",
    "multiply",
    "divide",
    "power",
    "remainder",
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", EXTREME + EXTREME2)
def test_no_floating_point_warning_at_extreme_inputs(name, dtype):
    f = getattr(np, name)
    x = np.array([-1e4, 0.0, 1e4, 0.5], dtype)
    args = (x,) if name in EXTREME else (x, x[::-1].copy())
    y, pullback = vjp(f, *args)  # warnings are errors in this suite
    for bar in pullback(np.ones_like(y)):
        assert bar.dtype == dtype
    grad(lambda *xs: np.sum(grad(lambda *zs: np.sum(f(*zs)))(*xs)))(*args)


STABLE = {
    "tanh": (np.tanh, 0.0), "logaddexp": (lambda x: np.logaddexp(x, 0), None), "arctan": (np.arctan, None),
    "hypot": (lambda x: np.hypot(x, 1), None), "arcsinh": (np.arcsinh, None),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", STABLE)
def test_finite_functions_have_finite_gradients_at_extreme_inputs(name, dtype):
    f, limit = STABLE[name]
    x = np.array([-1e4, 1e4], dtype)
    g = grad(lambda x: np.sum(f(x)))(x)
    assert np.all(np.isfinite(g))
    if limit is not None:
        np.testing.assert_array_equal(g, limit)


# -- ties, kinks and poles: the published conventions -------------------------------------------------------------------

CONVENTIONS = {
    "max shares equally": (lambda x: np.max(x), [1.0, 3.0, 3.0], [0, 0.5, 0.5]),
    "min shares equally": (lambda x: np.min(x), [1.0, 1.0, 3.0], [0.5, 0.5, 0]),
    "maximum halves": (lambda x: np.sum(np.maximum(x, 0)), [0.0, 1.0], [0.5, 1]),
    "minimum halves": (lambda x: np.sum(np.minimum(x, 0)), [0.0, 1.0], [0.5, 0]),
    "abs": (lambda x: np.sum(np.abs(x)), [0.0, -2.0], [0, -1]),
    "norm": (lambda x: np.linalg.norm(x), [0.0, 0.0], [0, 0]),
    "p-norm": (lambda x: np.linalg.norm(x, 3), [0.0, 0.0], [0, 0]),
    "prod of one zero": (lambda x: np.prod(x), [0.0, 2.0, 3.0], [6, 0, 0]),
    "prod of two zeros": (lambda x: np.prod(x), [0.0, 0.0, 3.0], [0, 0, 0]),
    "sqrt is infinite": (lambda x: np.sum(np.sqrt(x)), [0.0, 4.0], [np.inf, 0.25]),
    "masked sqrt": (lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0)), [0.0, 4.0], [0, 0.25]),
    "masked log": (lambda x: np.sum(np.where(x > 0, np.log(x), 0)), [0.0, 4.0], [0, 0.25]),
    "masked division": (lambda x: np.sum(np.where(x > 0, 1 / x, 0)), [0.0, 2.0], [0, -0.25]),
    "masked quotient": (lambda x: np.sum(np.where(x > 0, x / x, 0)), [0.0, 2.0], [0, 0]),
    "masked power": (lambda x: np.sum(np.where(x > 0, x**0.5, 0)), [0.0, 4.0], [0, 0.25]),
    "masked power -1": (lambda x: np.sum(np.where(x > 0, x**-1, 0)), [0.0, 2.0], [0, -0.25]),
    "masked reciprocal": (lambda x: np.sum(np.where(x > 0, np.reciprocal(x), 0)), [0.0, 2.0], [0, -0.25]),
    "masked cbrt": (lambda x: np.sum(np.where(x > 0, np.cbrt(x), 0)), [0.0, 1.0], [0, 1 / 3]),
    "masked arcsin": (lambda x: np.sum(np.where(x < 1, np.arcsin(x), 0)), [1.0, 0.0], [0, 1]),
    "clip": (lambda x: np.sum(np.clip(x, 0, 1)), [0.0, 1.0, 2.0, 0.5], [1, 1, 0, 1]),
    "std of equals": (lambda x: np.std(x), [2.0, 2.0], [0, 0]),
    "hypot": (lambda x: np.hypot(x[0], x[1]), [0.0, 0.0], [0, 0]),
    "arctan2": (lambda x: np.arctan2(x[0], x[1]), [0.0, 0.0], [0, 0]),
    "x ** 0": (lambda x: np.sum(x**0), [0.0, 2.0], [0, 0]),
    "x ** 0.0 array": (lambda x: np.sum(x ** np.zeros(2)), [0.0, 2.0], [0, 0]),
    "0 ** y": (lambda y: np.sum(np.power(0.0, y)), [2.0, 1.0], [0, 0]),
    "sort among equals": (lambda x: np.sort(x)[1], [3.0, 1.0, 1.0], [0, 0, 1]),
    "sign": (lambda x: np.sum(np.sign(x)), [0.0, 2.0], [0, 0]),
}  # fmt: skip


@pytest.mark.parametrize("name", CONVENTIONS)
def test_convention(name):
    f, x, expected = CONVENTIONS[name]
    np.testing.assert_allclose(grad(f)(np.array(x)), expected, rtol=1e-15)


def test_masked_poles_are_free_of_nan_to_second_order():
    for f in (np.sqrt, np.log, lambda x: 1 / x, lambda x: x**1.5, np.cbrt):
        masked = lambda x: np.where(x > 0, f(x), 0.0)
        second = grad(lambda x: np.sum(grad(lambda z: np.sum(masked(z)))(x)))(np.array([0.0, 2.0]))
        assert second[0] == 0
        assert np.isfinite(second[1]) and second[1] != 0


def test_a_zero_cotangent_stays_zero_at_a_pole_of_the_pullback():
    x, g = np.array([0.0, 1.0, 2.0]), np.ones(3)
    for f in (np.sqrt, np.log, np.reciprocal):
        _, pullback = vjp(lambda x, g: vjp(f, x)[1](g)[0], x, g)
        x_bar, g_bar = pullback(np.array([0.0, 1.0, 0.0]))
        assert x_bar[0] == g_bar[0] == x_bar[2] == g_bar[2] == 0
        assert x_bar[1] != 0 and g_bar[1] != 0


def test_nan_is_not_hidden():
    assert np.isnan(grad(lambda x: np.sum(np.sqrt(x) * 1.0))(np.array([-1.0]))[0])
    assert np.isnan(grad(np.max)(np.array([np.nan, 1.0]))[0]) or grad(np.max)(np.array([np.nan, 1.0]))[0] == 1.0


# -- errors of the functions ---------------------------------------------------------------------------------------------

ERRORS = {
    "reshape": (lambda x: x.reshape(4), r"\(2, 3\).*\(4,\)"), "squeeze": (lambda x: np.squeeze(x, 0), "length 1"),
    "reshape order": (lambda x: x.reshape(6, order="A"), "order='A'"), "stack": (lambda x: np.stack([x, x[0]]), "one shape"),
    "matmul": (lambda x: x @ x, "do not match"), "matmul scalar": (lambda x: np.matmul(x, 2.0), "scalars"),
    "tensordot": (lambda x: np.tensordot(x, x, 1), "differ in length"), "einsum size": (lambda x: np.einsum("ij,jk", x, x), "lengths 3 and 2"),
    "einsum rank": (lambda x: np.einsum("i", x), "labels 1 axes"), "einsum output": (lambda x: np.einsum("ij->k", x), "output"),
    "einsum count": (lambda x: np.einsum("ij,jk", x), "names 2 operands"),
    "pad width": (lambda x: np.pad(x, -1), ">= 0"), "split": (lambda x: np.split(x, 2, 1), "no 2 equal parts"),
    "take mode": (lambda x: np.take(x, 0, mode="no"), "raise, clip or wrap"),
    "take_along_axis": (lambda x: np.take_along_axis(x, np.array([0]), 0), "indices of shape"), "diag": (lambda x: np.diag(x[None]), "1 or 2"),
    "moveaxis": (lambda x: np.moveaxis(x, [0, 1], [0]), "differ in length"), "transpose": (lambda x: x.transpose(0), "do not match"),
    "where two": (lambda x: np.where(x > 0, x), "condition alone"),
    "two corrections": (lambda x: np.std(x, ddof=1, correction=2), "one option"),
    "multiply twice": (lambda x: tg.at(x)[[0, 0]].multiply(x), "twice"),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_errors_say_what_is_wrong(name):
    f, words = ERRORS[name]
    with pytest.raises(ValueError, match=words):
        grad(lambda x: np.sum(f(x)))(A)


def test_functional_updates_on_plain_arrays():
    x = np.arange(3)
    np.testing.assert_array_equal(tg.at(x)[1].set(7), [0, 7, 2])
    np.testing.assert_array_equal(tg.at(x)[[0, 0]].add(2), [4, 1, 2])
    np.testing.assert_array_equal(tg.at(x)[[2, 2]].multiply(3), [0, 1, 18])
    np.testing.assert_array_equal(x, [0, 1, 2])
    with pytest.raises(TypeError, match="without loss"):
        tg.at(x)[0].set(1.5)
    with pytest.raises(TypeError, match="without loss"):
        tg.at(np.ones(2))[0].add(1j)
    with pytest.raises(IndexError):
        tg.at(x)[5].set(1)
    assert tg.at(np.ones(2, np.float32))[0].set(2.0).dtype == np.float32
