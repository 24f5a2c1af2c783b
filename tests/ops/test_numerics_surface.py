"""Elementwise and numerical functions of NumPy: forms, dtypes, NaN, complex numbers, and what the errors say."""

import numpy as np
import pytest

from tinygrad_np import grad, vjp
from tinygrad_np.testing import check_grads
from tinygrad_np.transforms.batch import vmap
from tinygrad_np.transforms.forward import jvp

A = np.array([[0.5, -1.25, 2.0], [1.5, 0.25, -0.75]])
V = np.array([0.5, -1.0, 2.0])
Z = A + 1j * V
scimath = np.lib.scimath

ERRORS = {
    "clip names": (lambda x: np.clip(x, 0, 1, **CLIP_BY_NEW_NAME), ValueError, "older names"),
    "nan_to_num copy": (lambda x: np.nan_to_num(x, copy=False), TypeError, "copy=False"),
    "linspace": (lambda x: np.linspace(x, 1, -1), ValueError, "num=-1"),
    "geomspace": (lambda x: np.geomspace(x * 0, 1), ValueError, "at 0"),
    "interp points": (lambda x: np.interp(x, V, V[:2]), ValueError, r"both \(n,\).*\(3,\), \(2,\)"),
    "interp period": (lambda x: np.interp(x, V, V, period=0), ValueError, "period=0"),
    "interp complex": (lambda x: np.interp(x * 1j, V, V), TypeError, "x and xp are real"),
    "convolve": (np.convolve, TypeError, "missing"),
    "convolve rank": (lambda x: np.convolve(x, V), ValueError, r"a has shape \(2, 3\)"),
    "convolve mode": (lambda x: np.convolve(x[0], V, "some"), ValueError, "mode='some'.*'full', 'same' or 'valid'"),
    "correlate empty": (lambda x: np.correlate(x[0], []), ValueError, r"v has shape \(0,\)"),
    "polyder": (lambda x: np.polyder(x[0], -1), ValueError, "m=-1"),
    "polyint": (lambda x: np.polyint(x[0], 3, k=[1, 2]), ValueError, "2 constants.*3 integrations"),
    "polyadd": (lambda x: np.polyadd(x, V), ValueError, r"a1 has shape \(2, 3\)"),
    "polyfit full": (lambda x: np.polyfit(x[0], V, 1, full=True), TypeError, "full=True.*svd"),
    "polyfit shapes": (lambda x: np.polyfit(x[0], V[:2], 1), ValueError, r"x of shape \(3,\), y of shape \(2,\)"),
    "polyfit weights": (lambda x: np.polyfit(x[0], V, 1, w=V[:2]), ValueError, r"w has shape \(2,\)"),
    "polyfit cov": (lambda x: np.polyfit(x[0], V, 2, cov=True)[1], ValueError, "more points than the 3 coefficients"),
    "poly": (np.poly, ValueError, r"shape \(2, 3\).*square"),
    "roots": (lambda x: np.roots(x[0] * 0), ValueError, "first coefficient is zero"),
    "vander": (np.vander, ValueError, r"shape \(2, 3\)"),
    "power complex": (lambda x: np.fmod(x * 1j, 2), TypeError, "not supported"),
    "dtype": (lambda x: np.exp(x, dtype=np.float32), TypeError, "dtype= "),
    "where": (lambda x: np.exp(x, where=x > 0), TypeError, "where= "),
}  # fmt: skip
CLIP_BY_NEW_NAME = {"min": 0}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_say_what_is_wrong(name):
    f, kind, words = ERRORS[name]
    with pytest.raises(kind, match=words):
        grad(lambda x: np.sum(f(x)))(A)


ORDERING = [np.maximum, np.minimum, np.fmax, np.fmin, lambda x, y: np.clip(x, y, y)]


@pytest.mark.parametrize("f", ORDERING)
def test_functions_that_order_have_no_derivative_for_complex_numbers(f):
    with pytest.raises(TypeError, match="orders complex numbers"):
        vjp(f, Z, Z)
    with pytest.raises(TypeError, match="orders complex numbers"):
        jvp(f, (Z, Z), (Z, Z))


@pytest.mark.parametrize("f", [np.fmax, np.fmin])
def test_nan_takes_no_cotangent_from_a_number(f):
    x, y = np.array([np.nan, 1.0, np.nan, 2.0]), np.array([1.0, np.nan, np.nan, 2.0])
    z, pullback = vjp(f, x, y)
    np.testing.assert_array_equal(z, [1, 1, np.nan, 2])
    x_bar, y_bar = pullback(np.ones(4))
    np.testing.assert_array_equal(x_bar[[0, 1, 3]], [0, 1, 0.5])
    np.testing.assert_array_equal(y_bar[[0, 1, 3]], [1, 0, 0.5])


SPECIAL = {
    "copysign at 0": (lambda x: np.copysign(x, -1.0), [0.0, 2.0], [0, -1]),
    "fabs at 0": (np.fabs, [0.0, -2.0], [0, -1]),
    "heaviside": (lambda x: np.heaviside([-1.0, 0.0, 1.0], x), [3.0, 3.0, 3.0], [0, 1, 0]),
    "modf": (lambda x: np.modf(x)[0], [1.25, -2.5, np.inf], [1, 1, 1]),
    "frexp": (lambda x: np.frexp(x)[0], [0.75, 3.0, -10.0], [1, 0.25, 0.0625]),
    "nan_to_num": (np.nan_to_num, [np.nan, np.inf, -np.inf, 2.0], [0, 0, 0, 1]),
    "angle of real numbers": (np.angle, [-1.0, 0.0, 2.0], [0, 0, 0]),
    "interp beyond the points": (lambda x: np.interp(x, [0.0, 1.0], [1.0, 3.0]), [-1.0, 0.5, 2.0, 0.0], [0, 2, 0, 2]),
    "interp at infinity": (lambda x: np.interp(x, [0.0, 1.0], [1.0, 3.0], left=0.0), [-np.inf, np.inf], [0, 0]),
    "interp of one point": (lambda x: np.interp(x, [1.0], [3.0]), [0.0, 1.0, 2.0], [0, 0, 0]),
    "linspace of whole numbers": (lambda x: np.linspace(x, 4, 3, dtype=int) * x, [1.5], [1 + 2 + 4]),
}


@pytest.mark.parametrize("name", SPECIAL)
def test_value_and_derivative_at_special_points(name):
    f, x, expected = SPECIAL[name]
    y, pullback = vjp(f, np.array(x))
    np.testing.assert_array_equal(y, f(np.array(x)))
    np.testing.assert_allclose(pullback(np.ones_like(y))[0], expected, rtol=1e-15)


@pytest.mark.parametrize("mode", ["full", "same", "valid", 0, 1, 2])
@pytest.mark.parametrize("f", [np.convolve, np.correlate])
def test_sequences_of_all_lengths_slide_as_numpys(f, mode):
    rng = np.random.default_rng(0)
    for n in range(1, 7):
        for m in range(1, 7):
            a, v = rng.standard_normal((2, 6)) + 1j * rng.standard_normal((2, 6))
            np.testing.assert_allclose(vjp(lambda a, v: f(a, v, mode), a[:n], v[:m])[0], f(a[:n], v[:m], mode))


def test_float32_stays_where_numpy_keeps_it():
    x = V.astype(np.float32)
    for f in (
        lambda x: np.linspace(x, 2.0, 3),
        lambda x: np.geomspace(x, x * 2, 3),  # here float64
        lambda x: np.logspace(x, 2.0, 3),
        lambda x: np.convolve(x, x),
        lambda x: np.correlate(x, x, "full"),
        lambda x: np.vander(x),
        lambda x: np.interp(x, V, V),
        lambda x: np.polyval(x, x),
        lambda x: np.polydiv(x, x[:2])[0],
        lambda x: np.polyder(x),
        lambda x: np.polyint(x),
        lambda x: np.poly(x),
        lambda x: np.float_power(x * x, 2),
        lambda x: np.angle(x * 1j, deg=True),
        lambda x: np.nan_to_num(x),
        lambda x: np.copysign(x, x),
        lambda x: np.heaviside(x, x),
        lambda x: np.ldexp(x, 3),
        lambda x: np.frexp(x)[0],
        lambda x: np.modf(x)[0],
        lambda x: scimath.sqrt(x),
        lambda x: scimath.logn(2, x),
    ):
        y, pullback = vjp(f, x)
        assert np.asarray(y).dtype == np.asarray(f(x)).dtype
        assert pullback(np.ones_like(y))[0].dtype == np.float32


def test_integers_keep_their_type_when_batched():
    n = np.arange(6).reshape(2, 3)
    for f in (
        lambda n: np.clip(n, None, 3),
        lambda n: np.clip(n, 1, None),
        np.divmod,
        np.nan_to_num,
        lambda n: np.convolve(n, n),
        lambda n: np.polyadd(n, [1, 2, 3, 4]),
        lambda n: np.poly(n),
    ):
        g = (lambda n: np.divmod(n, 2)) if f is np.divmod else f
        for ours, theirs in zip(
            np.atleast_2d(*_tuple(vmap(g)(n))), np.atleast_2d(*map(np.stack, zip(*[_tuple(g(x)) for x in n], strict=True))),
            strict=True,
        ):  # fmt: skip
            np.testing.assert_array_equal(ours, theirs)
            assert ours.dtype == theirs.dtype


def _tuple(y):
    return y if isinstance(y, tuple) else (y,)


IN_AND_OUT = {
    "sqrt": (scimath.sqrt, [0.5, -2.0]), "log": (scimath.log, [0.5, -2.0]), "log2": (scimath.log2, [0.5, -2.0]),
    "log10": (scimath.log10, [0.5, -2.0]), "arcsin": (scimath.arcsin, [0.5, -2.0, 2.0]),
    "arccos": (scimath.arccos, [0.5, 2.0, -2.0]),
    "arctanh": (scimath.arctanh, [0.5, 2.0]), "power": (lambda x: scimath.power(x, 0.5), [0.5, -2.0]),
    "power to a whole number": (lambda x: scimath.power(x, -2), [0.5, -2.0]), "logn": (lambda x: scimath.logn(3, x), [0.5, -2.0]),
}  # fmt: skip


@pytest.mark.parametrize("name", IN_AND_OUT)
def test_scimath_leaves_the_real_numbers_where_it_must(name):
    f, x = IN_AND_OUT[name]
    x = np.array(x)
    for part in (x, x[:1]):
        y, expected = vjp(f, part)[0], f(part)
        assert y.dtype == expected.dtype
        np.testing.assert_allclose(y, expected, rtol=1e-15)
        check_grads(f, (part,), order=2)
    with pytest.raises(TypeError, match=r"depends on the values.*astype\(complex\)"):
        vmap(f)(x)


def test_sign_of_complex_numbers_is_a_direction():
    check_grads(np.sign, (Z,), order=2)
    assert grad(lambda x: np.sum(np.sign(x)))(V).tolist() == [0, 0, 0]
    assert vjp(np.sign, np.array([0j]))[1](np.array([1j]))[0] == 0


def test_arccosh_keeps_its_branch_left_of_the_axis():
    z, h = np.array([-2 + 1j, -0.5 - 2j, 3 + 1j]), 1e-6
    slope = (np.arccosh(z + h) - np.arccosh(z - h)) / (2 * h)
    np.testing.assert_allclose(vjp(np.arccosh, z)[1](np.ones(3, complex))[0], slope, rtol=1e-8)
