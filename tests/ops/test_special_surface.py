"""Special functions: our own kernels, scipy.special's ufuncs on Tensors, tinygrad_np.special, and SciPy left out."""

import math
import subprocess
import sys

import numpy as np
import pytest

from tinygrad_np import grad, special, vjp
from tinygrad_np.core.tensor import implementations
from tinygrad_np.ops.special import i0_op, sinc_op
from tinygrad_np.testing import check_grads

WHY = "compares with scipy.special"


def scipy_special():
    return pytest.importorskip("scipy.special", reason=WHY)


def nth(f, k):
    for _ in range(k):
        f = grad(f)
    return f


# -- without SciPy -------------------------------------------------------------------------------------------------------


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_scipy_is_neither_imported_nor_prepared_for():
    code = "import sys, tinygrad_np, tinygrad_np.special as s, numpy as np; tinygrad_np.grad(np.i0)(1.0); s.erf(1.0)"
    code += "; print([m for m in sys.modules if 'scipy' in m])"
    assert run(code) == "['tinygrad_np.ops.scipy_table']"


def test_without_scipy_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy", None)
    monkeypatch.setitem(sys.modules, "scipy.special", None)
    for f in (lambda x: special.polygamma(1, x), lambda x: special.multigammaln(x, 2)):
        with pytest.raises(ModuleNotFoundError, match="pip install scipy"):
            f(np.ones(2))


def test_erf_to_rounding():
    x = np.concatenate([np.linspace(-6, 6, 4001), np.logspace(-300, 0, 50)])
    exact = np.array([math.erf(v) for v in x])
    np.testing.assert_allclose(special.erf(x), exact, rtol=1e-15)
    low = x[np.abs(x) > 1e-30].astype(np.float32)
    assert special.erf(low).dtype == np.float32
    np.testing.assert_allclose(special.erf(low), [math.erf(float(v)) for v in low], rtol=5e-7)
    assert type(special.erf(0.5)) is np.float64
    with pytest.raises(TypeError, match=r"scipy\.special\.erf takes them"):
        special.erf(1j)


@pytest.mark.parametrize("order", range(5))
def test_derivatives_of_i0_to_rounding(order):
    ufuncs = scipy_special()
    x = np.array([-3.0, 0.0, 1e-9, 0.1, 2.0, 7.9, 8.1, 30.0, 300.0, 700.0])
    # cos^k in multiples of the angle: I_n for n = k, k - 2, ..., with binomial coefficients
    exact = sum(math.comb(order, j) * ufuncs.iv(order - 2 * j, x) for j in range(order + 1)) / 2**order
    np.testing.assert_allclose(i0_op(x, order=order), exact, rtol=1e-13)
    assert i0_op(x[:8].astype(np.float32), order=order).dtype == np.float32
    check_grads(lambda x: i0_op(x, order=order), (x[:7],), order=2)


def test_derivatives_of_sinc():
    for k in range(4):
        assert nth(np.sinc, 2 * k)(0.0) == pytest.approx((-1) ** k * math.pi ** (2 * k) / (2 * k + 1), rel=1e-14)
        assert nth(np.sinc, 2 * k + 1)(0.0) == 0
    x = np.array([-7.3, -1e-8, 0.3, 1.0, 1.3, 2.5, 40.2])
    for order in range(6):  # z f_k + k f_(k-1) = sin(z + k π/2), on both sides of the change of method
        f, before = sinc_op(x, order=order), sinc_op(x, order=order - 1) if order else 0
        wave = (np.sin, np.cos, lambda z: -np.sin(z), lambda z: -np.cos(z))[order % 4](math.pi * x)
        expected = math.pi ** (order - 1) * wave
        np.testing.assert_allclose(x * f + order * before, expected, atol=1e-13 * math.pi**order)
    z = np.array([0.3 + 0.2j, 2.5 - 1j])
    check_grads(np.sinc, (z,), order=2)
    assert vjp(np.sinc, z.astype(np.complex64))[1](np.ones(2, np.complex64))[0].dtype == np.complex64


# -- the ufuncs of scipy.special -----------------------------------------------------------------------------------------

AUTOGRADS = ["beta", "betainc", "betaln", "gamma", "gammaln", "gammasgn", "gammainc", "gammaincc", "rgamma", "psi", "digamma",
             "j0", "j1", "y0", "y1", "jn", "yn", "i0", "i1", "iv", "ive", "erf", "erfc", "erfinv", "erfcinv", "logit", "expit"]  # fmt: skip


def test_all_that_autograd_has_and_in_scipys_name():
    ufuncs = scipy_special()
    grad(ufuncs.gammaln)(2.0)
    assert [name for name in AUTOGRADS if getattr(ufuncs, name) not in implementations] == []
    assert set(special.__all__) >= {"logsumexp", "multigammaln", "polygamma", "log_softmax", "softmax"}


def test_a_ufunc_is_known_by_identity_not_by_name():
    scipy_special()
    gammaln = np.frompyfunc(math.lgamma, 1, 1)
    with pytest.raises(TypeError, match="not supported for Tensors"):
        grad(gammaln)(2.0)


# name: (function of scipy.special, x, first, second derivative there)
VALUES = {
    "rgamma at a pole of gamma": (lambda s: s.rgamma, -2.0, 2.0, -4 * (1.5 - np.euler_gamma)),
    "exprel at 0": (lambda s: s.exprel, 0.0, 1 / 2, 1 / 3),
    "spence at 1": (lambda s: s.spence, 1.0, -1.0, 1 / 2),
    "ellipk at 0": (lambda s: s.ellipk, 0.0, math.pi / 8, 9 * math.pi / 64),
    "ellipe at 0": (lambda s: s.ellipe, 0.0, -math.pi / 8, -3 * math.pi / 64),
    "boxcox of e at 0": (lambda s: lambda t: s.boxcox(math.e, t), 0.0, 1 / 2, 1 / 3),
    "inv_boxcox of 1 at 0": (lambda s: lambda t: s.inv_boxcox(1.0, t), 0.0, -math.e / 2, math.e * (1 / 4 + 2 / 3)),
    "zeta": (lambda s: lambda q: s.zeta(2.0, q), 1.0, -2 * 1.2020569031595942, math.pi**4 / 15),
    "log_ndtr far out": (lambda s: s.log_ndtr, -1e8, 1e8, -1.0),
    "j1 at 0": (lambda s: s.j1, 0.0, 1 / 2, 0.0),
    "xlogy at 0": (lambda s: lambda y: s.xlogy(0.0, y), 0.0, 0.0, 0.0),
    "expit, no cancellation": (lambda s: s.expit, 50.0, math.exp(-50), -math.exp(-50)),
}  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
def test_known_derivatives(name):
    f, x, first, second = VALUES[name]
    f = f(scipy_special())
    assert grad(f)(x) == pytest.approx(first, rel=1e-13, abs=1e-15)
    if name != "log_ndtr far out":  # 1 - d²: the difference of squares near 1e16
        assert grad(grad(f))(x) == pytest.approx(second, rel=1e-12, abs=1e-15)


def test_gammainc_in_its_parameter():
    ufuncs = scipy_special()
    a = np.array([0.01, 0.3, 1.0, 2.5, 10.0, 100.0, 1e4])[:, None]
    x = a * np.array([0.01, 0.5, 0.99, 1.0, 1.01, 2.0, 5.0])
    slope = grad(lambda a: np.sum(ufuncs.gammainc(a, x)))(np.broadcast_to(a, x.shape).copy())
    h = a * 1e-3 / np.maximum(np.sqrt(a), 1)
    f = lambda k: ufuncs.gammainc(a + k * h, x) - ufuncs.gammainc(a - k * h, x)
    np.testing.assert_allclose(slope, (45 * f(1) - 9 * f(2) + f(3)) / (60 * h), rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(
        grad(lambda a: ufuncs.gammaincc(a, 2.0))(1.5), -grad(lambda a: ufuncs.gammainc(a, 2.0))(1.5)
    )
    assert grad(lambda a: ufuncs.gammainc(a, 0.0))(1.5) == 0
    assert grad(lambda a: ufuncs.gammainc(a, np.inf))(1.5) == 0
    low = grad(lambda a: np.sum(ufuncs.gammainc(a, np.float32(2.0))))(np.ones(2, np.float32))
    assert low.dtype == np.float32
    check_grads(nth(lambda a: ufuncs.gammainc(a, 2.0), 2), (1.5,), order=2)


HOLOMORPHIC = {
    "gamma": 1, "loggamma": 1, "psi": 1, "rgamma": 1, "erf": 1, "erfc": 1, "erfi": 1, "erfcx": 1, "dawsn": 1, "wofz": 1,
    "ndtr": 1, "log_ndtr": 1, "expm1": 1, "log1p": 1, "spence": 1, "exp1": 1, "expi": 1, "jv": 2, "yv": 2, "iv": 2, "kv": 2,
    "kve": 2, "hankel1": 2, "hankel2e": 2, "hyp0f1": 2, "airy": 1, "sici": 1, "shichi": 1, "wrightomega": 1, "lambertw": 1,
}  # fmt: skip


@pytest.mark.parametrize("name", HOLOMORPHIC)
def test_complex_arguments(name):
    function = getattr(scipy_special(), name)
    f = function if HOLOMORPHIC[name] == 1 else lambda z: function(1.5, z)
    check_grads(f, (np.array([0.75 + 0.5j, 1.25 - 0.25j, -0.4 + 0.8j]),), order=2)


def test_complex_logarithms_of_a_product():
    xlogy = scipy_special().xlogy
    check_grads(xlogy, (np.array([1 + 1j, 2.0]), np.array([0.5 - 1j, 1j])), order=2)


REFUSED = {
    "order of jv": (lambda s, x: s.jv(x, 1.0), "argument 'v'"),
    "order of kv": (lambda s, x: s.kv(x, 1.0), "argument 'v'"),
    "parameter of betainc": (lambda s, x: s.betainc(1.0, x, 0.5), "argument 'b'"),
    "parameter of hyp2f1": (lambda s, x: s.hyp2f1(1.0, 1.0, x, 0.5), "argument 'c'"),
    "first of zeta": (lambda s, x: s.zeta(x, 1.0), "zeta has no VJP rule for its argument 'x'"),
    "ive of complex": (lambda s, x: np.real(s.ive(1, x + 1j)), "not holomorphic"),
    "no rules": (lambda s, x: s.mathieu_a(1, x), r"scipy\.special\.mathieu_a is not supported"),
    "reduce": (lambda s, x: s.xlogy.reduce(x), "reduce is not supported"),
    "no ufunc": (lambda s, x: s.logsumexp(x), "cannot become an ndarray"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_name_the_argument(name):
    f, words = REFUSED[name]
    ufuncs = scipy_special()
    with pytest.raises(TypeError, match=words):
        grad(lambda x: f(ufuncs, x))(1.5)


# -- tinygrad_np.special -------------------------------------------------------------------------------------------------

A = np.array([[0.5, -1.25, 2.0], [1.5, 0.25, -0.75]])
WEIGHTS = np.array([[2.0, 0.0, -0.5], [1.0, 3.0, 0.25]])


@pytest.mark.parametrize("options", [{}, {"axis": 1}, {"axis": (0, 1), "keepdims": True}])
def test_the_softmax_family_is_scipys(options):
    ufuncs = scipy_special()
    np.testing.assert_allclose(special.logsumexp(A, **options), ufuncs.logsumexp(A, **options), rtol=1e-14)
    weighted = special.logsumexp(A, b=abs(WEIGHTS), **options)
    np.testing.assert_allclose(weighted, ufuncs.logsumexp(A, b=abs(WEIGHTS), **options), rtol=1e-14)
    for b in (None, WEIGHTS):
        ours = special.logsumexp(A, b=b, return_sign=True, **options)
        for a, e in zip(ours, ufuncs.logsumexp(A, b=b, return_sign=True, **options), strict=True):
            assert np.shape(a) == np.shape(e)
            np.testing.assert_allclose(a, e, rtol=1e-14)
    check_grads(lambda a, b: special.logsumexp(a, b=b * b + 0.1, **options), (A, WEIGHTS), order=2)
    check_grads(lambda a: special.logsumexp(a, b=WEIGHTS, return_sign=True, **options)[0], (A,), order=2)
    axis = options.get("axis")
    np.testing.assert_allclose(special.softmax(A, axis), ufuncs.softmax(A, axis), rtol=1e-14)
    np.testing.assert_allclose(special.log_softmax(A, axis), ufuncs.log_softmax(A, axis), rtol=1e-14)


def test_a_weight_of_zero_hides_infinity():
    a = np.array([1.0, np.inf, -np.inf])
    b = np.array([1.0, 0.0, 1.0])
    assert special.logsumexp(a, b=b) == 1.0
    np.testing.assert_array_equal(grad(lambda a: special.logsumexp(a, b=b))(a), [1, 0, 0])


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_polygamma(n):
    ufuncs = scipy_special()
    x = np.array([0.3, 1.2, -2.3, 20.0])
    np.testing.assert_allclose(special.polygamma(n, x), ufuncs.polygamma(n, x), rtol=1e-13)
    np.testing.assert_allclose(
        grad(lambda x: np.sum(special.polygamma(n, x)))(x), ufuncs.polygamma(n + 1, x), rtol=1e-13
    )
    check_grads(lambda x: special.polygamma(n, x), (x,), order=2)
    check_grads(lambda z: special.polygamma(n, z), (np.array([0.3 + 1j, -1.5 - 0.5j]),), order=2)
    assert special.polygamma(n, x.astype(np.float32)).dtype == np.float32


def test_polygamma_of_several_orders():
    ufuncs = scipy_special()
    n, x = np.arange(3)[:, None], np.array([0.5, 1.5])
    np.testing.assert_allclose(special.polygamma(n, x), ufuncs.polygamma(n, x), rtol=1e-13)
    check_grads(lambda x: special.polygamma(n, x), (x,), order=2)
    for wrong in (-1, 0.5):
        with pytest.raises(ValueError, match="non-negative integer"):
            special.polygamma(wrong, x)


def test_multigammaln():
    ufuncs = scipy_special()
    a = np.array([2.5, 7.0])
    np.testing.assert_allclose(special.multigammaln(a, 3), ufuncs.multigammaln(a, 3), rtol=1e-14)
    check_grads(lambda a: special.multigammaln(a, 3), (a,), order=2)
    with pytest.raises(ValueError, match="positive integer"):
        special.multigammaln(a, 0)


@pytest.mark.parametrize("name", ["erf", "erfc", "expit", "i0", "log_expit", "ndtr", "logit"])
def test_the_rest_is_scipys_too(name):
    x = np.array([0.125, 0.5, 0.875]) if name == "logit" else A
    np.testing.assert_allclose(getattr(special, name)(x), getattr(scipy_special(), name)(x), rtol=1e-14)
    check_grads(getattr(special, name), (x,), order=2)


def test_products_with_logarithms():
    for f, pole in ((special.xlogy, 0.0), (special.xlog1py, -1.0)):
        assert f(0.0, pole) == 0
        assert grad(f, argnums=(0, 1))(0.0, pole) == (0, 0)
        check_grads(f, (A, np.abs(A) + 0.5), order=2)
    assert grad(special.xlogy)(0.0, 2.0) == math.log(2)


@pytest.mark.parametrize(
    ("name", "x", "slope"),
    [
        ("log1p", -1.0, np.inf), ("cbrt", 0.0, np.inf), ("logit", 0.0, np.inf), ("berp", 0.0, 0.0), ("beip", 0.0, 0.5),
        ("keip", 0.0, np.inf), ("kerp", 0.0, np.inf), ("it2struve0", 0.0, -2 / np.pi),
    ],
)  # fmt: skip
def test_derivatives_of_python_numbers_at_poles_and_at_removable_points(name, x, slope):
    f = getattr(scipy_special(), name)
    for number in (x, np.float64(x), np.float32(x)):
        assert grad(f)(number) == pytest.approx(slope, rel=1e-6)
    if np.isfinite(slope):
        assert grad(f)(1e-6) == pytest.approx(slope, abs=1e-6)


def test_messages_name_a_ufunc_of_scipy_without_numpys_prefix():
    with pytest.raises(TypeError, match=r"grad\(beip\): the loss has shape"):
        grad(scipy_special().beip)(np.ones(2))
