"""numpy.fft on Tensors: NumPy's values and dtypes, transposes of every length and norm, refusals."""

import numpy as np
import pytest

from tinygrad_np import grad, vjp
from tinygrad_np.testing import check_grads

RNG = np.random.default_rng(0)
X = RNG.standard_normal((4, 5, 3))
Z = X + 1j * RNG.standard_normal((4, 5, 3))
ONE_AXIS = ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"]
MANY_AXES = ["fft2", "ifft2", "fftn", "ifftn", "rfft2", "irfft2", "rfftn", "irfftn"]
REAL_INPUT = ("rfft", "rfft2", "rfftn", "ihfft")


def inputs(name):
    return (X,) if name in REAL_INPUT else (X, Z)


def like(y):
    g = RNG.standard_normal(np.shape(y))
    return g + 1j * RNG.standard_normal(np.shape(y)) if np.iscomplexobj(y) else g


def assert_transposed(f, x):
    """NumPy's value, and <g, f(v)> = <pullback(g), v> for the linear map f."""
    y, pullback = vjp(f, x)
    expected = f(x)
    assert (y.shape, y.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(y, expected, rtol=1e-14, atol=1e-14)
    g, v = like(y), like(x)
    (bar,) = pullback(g)
    assert (bar.shape, bar.dtype) == (x.shape, x.dtype)
    np.testing.assert_allclose(np.sum(bar * v).real, np.sum(g * f(v)).real, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("norm", [None, "backward", "ortho", "forward"])
@pytest.mark.parametrize("name", ONE_AXIS)
def test_one_axis_of_every_length(name, norm):
    for x in inputs(name):
        for n in (None, 1, 2, 3, 4, 5, 8, 9):
            for axis in (-1, 0, 1):
                assert_transposed(lambda x: getattr(np.fft, name)(x, n, axis, norm), x)


AXES = [(None, (0, 1)), (None, (-1, 0)), ((3, 6), (1, 2)), ((7, 2), (-1, -3)), ((4, -1), (0, 1)), ((2, 3), (0, 0))]


@pytest.mark.parametrize("norm", [None, "ortho", "forward"])
@pytest.mark.parametrize("name", MANY_AXES)
def test_many_axes(name, norm):
    for x in inputs(name):
        for s, axes in AXES:
            assert_transposed(lambda x: getattr(np.fft, name)(x, s=s, axes=axes, norm=norm), x)
        if name.endswith("n"):
            assert_transposed(lambda x: getattr(np.fft, name)(x, norm=norm), x)


def test_axes_left_out_are_the_last_ones():
    y = vjp(lambda x: np.fft.fftn(x, s=(2, 2)), X)[0]
    np.testing.assert_allclose(y, np.fft.fftn(X, s=(2, 2), axes=(-2, -1)), rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("name", ["fftshift", "ifftshift"])
def test_shifts(name):
    for axes in (None, 0, -1, (0, 2), ()):
        assert_transposed(lambda x: getattr(np.fft, name)(x, axes), X)


@pytest.mark.parametrize("name", ONE_AXIS + MANY_AXES)
def test_single_precision_is_kept(name):
    for x in inputs(name):
        low = x.astype(np.complex64 if np.iscomplexobj(x) else np.float32)
        y, pullback = vjp(getattr(np.fft, name), low)
        assert y.dtype == getattr(np.fft, name)(low).dtype
        assert y.dtype in (np.float32, np.complex64)
        (bar,) = pullback(np.ones_like(y))
        assert bar.dtype == low.dtype


@pytest.mark.parametrize("n", [4, 5])
def test_imaginary_parts_of_the_ends_of_a_real_spectrum_are_ignored(n):
    m = n // 2 + 1
    (bar,) = vjp(lambda z: np.fft.irfft(z, n), np.ones(m) + 0j)[1](np.arange(n) ** 2.0)
    assert bar[0].imag == 0
    assert (bar[-1].imag == 0) == (n % 2 == 0)
    assert np.all(bar[1 : (n + 1) // 2].imag != 0)


def test_a_power_spectrum_to_second_order():
    x = X[0, :, 0]
    power = lambda x: np.sum(np.abs(np.fft.rfft(x, 7)) ** 2 * np.arange(4))
    check_grads(power, (x,), order=2)
    np.testing.assert_allclose(grad(lambda x: np.sum(np.abs(np.fft.fft(x)) ** 2))(x), 2 * len(x) * x)  # Parseval


def test_a_convolution_by_fft_has_the_gradients_of_the_direct_one():
    x, w, g = RNG.standard_normal(6), RNG.standard_normal(3), RNG.standard_normal(8)
    by_fft = lambda x, w: np.fft.irfft(np.fft.rfft(x, 8) * np.fft.rfft(w, 8), 8)
    x_bar, w_bar = vjp(by_fft, x, w)[1](g)
    np.testing.assert_allclose(x_bar, np.correlate(g, w), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(w_bar, np.correlate(g, x), rtol=1e-12, atol=1e-12)


ERRORS = {
    "norm": (lambda x: np.fft.fft(x, norm="both"), ValueError, "norm='both'"),
    "norm of hfft": (lambda x: np.fft.hfft(x, norm="both"), ValueError, "np.fft.hfft: norm"),
    "no points": (lambda x: np.fft.rfft(x, 0), ValueError, "np.fft.rfft: 0 points"),
    "one entry": (lambda x: np.fft.irfft(x[..., :1]), ValueError, r"2 \(m - 1\)"),
    "complex": (lambda x: np.fft.rfft(x + 1j), TypeError, "expected real numbers, got complex128"),
    "lengths": (lambda x: np.fft.fftn(x, s=(2,), axes=(0, 1)), ValueError, "differ in length"),
    "no axes": (lambda x: np.fft.rfftn(x, axes=()), ValueError, "one axis"),
    "axis": (lambda x: np.fft.fft(x, axis=3), np.exceptions.AxisError, "axis 3"),
    "out": (lambda x: np.fft.fft(x, out=np.empty((4, 5, 3), complex)), TypeError, "out="),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_errors_say_what_is_wrong(name):
    f, kind, words = ERRORS[name]
    with pytest.raises(kind, match=words):
        vjp(f, X)
