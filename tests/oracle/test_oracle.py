"""Function by function against HIPS autograd and JAX: values, gradients and second derivatives of the same examples.

The extra `bench` brings the other libraries; run with ``pytest -m oracle``. What an oracle cannot do is skipped with
its own error.
"""

import functools
import zlib

import numpy as np
import pytest

import tinygrad_np as tg
from tests.oracle.translate import Library, leaves
from tinygrad_np.inspect.surface import EXAMPLES

pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("ignore")]

CALLS = {f"{name}-{i}": call for name, calls in EXAMPLES.items() for i, call in enumerate(calls)}

# Where an oracle says something else, and why that is no error of ours. Ours agree with differences in all of them.
DISAGREEMENTS = {
    "jax": {
        "It reads both triangles and takes their mean. NumPy reads one, so that the other has no derivative.": (
            "numpy.linalg.cholesky", "numpy.linalg.eigh", "numpy.linalg.eigvalsh", "numpy.linalg.pinv",
            "numpy.linalg.svd",
        ),
        "It takes the values for constants.": (
            "numpy.unique", "numpy.unique_values", "numpy.unique_counts", "numpy.unique_inverse", "numpy.unique_all",
            "numpy.union1d", "numpy.intersect1d", "numpy.setdiff1d", "numpy.setxor1d",
        ),
        "It takes z / |z|, the sign of a complex number, for constant.": ("numpy.sign",),
        "It orders its arguments by size and is wrong in second derivatives where these are equal.": (
            "numpy.hypot", "scipy.special.beta", "scipy.special.betaln",
        ),
        "It has nan or 0 at and near 1, 2.": ("scipy.special.spence",),
        "It switches to log(x) at lambda = 0, and loses its digits near it.": ("scipy.special.boxcox",),
        "It has nan for the deviation of a single number, here 0 as for equal ones.": ("numpy.nanstd",),
    },
    "autograd": {
        "It symmetrises the gradient. NumPy reads one triangle, so that the other has no derivative.": (
            "numpy.linalg.cholesky",
        ),
        "It takes z / |z|, the sign of a complex number, for constant.": ("numpy.sign",),
        "It takes the value that fills for constant.": ("numpy.full_like",),
        "Its VJP ignores where=.": ("numpy.mean", "numpy.var", "numpy.std"),
        "Its VJP ignores initial= and where=, and divides by zero.": ("numpy.min", "numpy.amin"),
        "Its VJP does not know norm=\"forward\".": ("numpy.fft.irfft",),
        "Its VJP does not know negative axes.": ("numpy.repeat",),
        "Its VJP divides by zero: where a factor, or the argument, is zero.": ("numpy.prod", "numpy.sinc"),
        "Its VJP has 0 * inf at the poles of gamma.": ("scipy.special.rgamma",),
        "Its VJP has inf / inf for ord=inf.": ("numpy.linalg.norm",),
    },
}  # fmt: skip
KNOWN = {(who, name): why for who, reasons in DISAGREEMENTS.items() for why, names in reasons.items() for name in names}


class Jax:
    """jax.numpy in float64."""

    name = "jax"

    def __init__(self):
        self.jax = pytest.importorskip("jax")
        self.jax.config.update("jax_enable_x64", True)
        self.np = self.jax.numpy
        self.translate = Library("jax").of

    def run(self, h, xs, vs):
        """Value, gradients and second derivative along vs."""
        xs, vs = tuple(map(self.np.asarray, xs)), tuple(map(self.np.asarray, vs))
        gradient = self.jax.grad(h, argnums=tuple(range(len(xs))))
        first = gradient(*xs)
        try:
            second = self.jax.jvp(gradient, xs, vs)[1]
        except Exception as error:
            second = error
        return h(*xs), first, second


class Autograd:
    """autograd.numpy."""

    name = "autograd"

    def __init__(self):
        self.autograd = pytest.importorskip("autograd")
        self.np = pytest.importorskip("autograd.numpy")
        self.translate = Library("autograd").of

    def run(self, h, xs, vs):
        """Value, gradients and second derivative along vs."""
        gradient = self.autograd.grad(lambda xs: h(*xs))
        first = gradient(xs)
        try:
            pushed = lambda xs: sum(self.np.sum(g * v) for g, v in zip(gradient(xs), vs, strict=True))
            second = self.autograd.grad(pushed)(xs)
        except Exception as error:
            second = error
        return h(*xs), first, second


@pytest.fixture(params=[Jax, Autograd], ids=["jax", "autograd"], scope="module")
def oracle(request):
    return request.param()


def weighted(f, weights, xp):
    """The number Re Σ w·f of all outputs."""
    return lambda *xs: sum(xp.sum(xp.real(w * leaf)) for w, leaf in zip(weights, leaves(f(*xs)), strict=True))


def drawn(rng, like):
    z = rng.standard_normal(np.shape(like))
    return z + 1j * rng.standard_normal(np.shape(like)) if np.iscomplexobj(like) else z


def problem(call):
    """The function, its arguments, a direction, and weights of the outputs, zero where these are not finite."""
    f, xs = CALLS[call]
    rng = np.random.default_rng(zlib.crc32(call.encode()))
    values = [np.asarray(leaf) for leaf in leaves(f(*xs))]
    weights = [np.where(np.isfinite(y), drawn(rng, y), 0) for y in values]
    return f, xs, tuple(drawn(rng, x) for x in xs), weights, values


def assert_close(what, ours, theirs, rtol):
    for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        a, b = np.asarray(a), np.asarray(b)
        scale = np.max(np.abs(a), initial=0, where=np.isfinite(a))
        np.testing.assert_allclose(b, a, rtol=rtol, atol=rtol * max(scale, 1e-3), err_msg=f"{what} {i}: theirs, ours")


@functools.cache
def derivatives(call):
    """Ours: gradients and second derivative along the direction."""
    f, xs, vs, weights, _ = problem(call)
    gradient = tg.grad(weighted(f, weights, np), argnums=tuple(range(len(xs))))
    return tg.jvp(gradient, xs, vs)


@pytest.mark.parametrize("call", CALLS)
@np.errstate(all="ignore")
def test_values_gradients_and_second_derivatives_agree(oracle, call, count):
    f, xs, vs, weights, values = problem(call)
    first, second = derivatives(call)
    try:
        theirs = oracle.translate(f)
        their_values = leaves(theirs(*[oracle.np.asarray(x) for x in xs]))
        _, their_first, their_second = oracle.run(weighted(theirs, weights, oracle.np), xs, vs)
    except Exception as error:
        pytest.skip(f"{oracle.name}: {type(error).__name__}: {str(error).strip().partition(chr(10))[0][:160]}")
    known = KNOWN.get((oracle.name, call.rpartition("-")[0]))
    try:
        assert_close("value", values, their_values, 1e-9)
        assert_close("gradient", first, their_first, 1e-8)
        if not isinstance(their_second, Exception):
            assert_close("second derivative", second, their_second, 1e-7)
    except AssertionError:
        if known is None:
            raise
        pytest.xfail(known)
    count[f"{oracle.name}, values and gradients"] += 1
    count[f"{oracle.name}, second derivatives"] += not isinstance(their_second, Exception)


PER_EXAMPLE = (
    "numpy.exp", "numpy.power", "numpy.sum", "numpy.var", "numpy.cumprod", "numpy.sort", "numpy.where", "numpy.pad",
    "numpy.matmul", "numpy.einsum", "numpy.convolve", "numpy.interp", "numpy.linalg.solve", "numpy.linalg.slogdet",
    "numpy.linalg.inv", "numpy.linalg.qr", "numpy.fft.fft", "numpy.take_along_axis", "numpy.median", "scipy.special.gammaln",
)  # fmt: skip


@pytest.mark.parametrize("name", PER_EXAMPLE)
@np.errstate(all="ignore")
def test_per_example_gradients_agree_with_jax(name, count):
    jax = Jax()
    for call in [call for call in CALLS if call.rpartition("-")[0] == name]:
        f, xs, _, weights, _ = problem(call)
        batch = [np.stack([x, 1.0625 * x, 0.9375 * x]) for x in xs]
        places = tuple(range(len(xs)))
        ours = tg.vmap(tg.grad(weighted(f, weights, np), argnums=places))(*batch)
        try:
            theirs = jax.jax.vmap(jax.jax.grad(weighted(jax.translate(f), weights, jax.np), argnums=places))(*batch)
        except Exception:
            continue
        assert_close("gradients", ours, theirs, 1e-8)
        count["jax, per-example gradients"] += 1
