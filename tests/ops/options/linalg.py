"""numpy.linalg: regular matrices with spectra well apart; no phase, no choice of basis is told."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import strategies as st

from tests.ops.cases import CASES

from .base import arrays, axes_or_none, axis_of, broadcastable, keywords, nonempty, option, seeds, shapes, sides
from .products import kinds, lengths, moved

stacks = st.sampled_from([(), (), (1,), (2,), (0,), (1, 2)])

# -- matrices --------------------------------------------------------------------------------------------------------


def _normal(rng, shape, kind):
    z = rng.standard_normal(shape)
    return z + 1j * rng.standard_normal(shape) if kind == "c" else z


def _unitary(rng, stack, n, kind):
    return np.linalg.qr(_normal(rng, (*stack, n, n), kind))[0]


def matrix_of(seed, m, n, stack=(), kind="f"):
    """U diag(s) Vᴴ with singular values near 1, 2, 3, ...: well apart."""
    rng = np.random.default_rng(seed)
    k = min(m, n)
    s = np.arange(1, k + 1) + rng.uniform(0, 0.25, (*stack, 1, k))
    return (_unitary(rng, stack, m, kind)[..., :k] * s) @ _unitary(rng, stack, n, kind)[..., :k, :]


def hermitian_of(seed, n, stack=(), kind="f", positive=False):
    """V diag(w) Vᴴ, its eigenvalues near ±1, ±2, ..."""
    rng = np.random.default_rng(seed)
    v = _unitary(rng, stack, n, kind)
    w = np.arange(1, n + 1) + rng.uniform(0, 0.25, (*stack, n))
    w = w if positive else w * rng.choice([-1, 1], w.shape)
    return (v * w[..., None, :]) @ np.conj(np.swapaxes(v, -1, -2))


@st.composite
def matrices(draw, least=0, square=False, stack=stacks, kind=kinds):
    """Matrices of any shape, of some least size, real or complex."""
    m = draw(st.integers(least, 3))
    n = m if square else draw(st.integers(least, 3))
    return matrix_of(draw(seeds), m, n, draw(stack), draw(kind))


@st.composite
def squares(draw, least=0):
    return draw(matrices(least, square=True))


@st.composite
def hermitians(draw, positive=False):
    return hermitian_of(draw(seeds), draw(lengths), draw(stacks), draw(kinds), positive)


def adjoint(x):
    return np.conj(np.swapaxes(x, -1, -2))


def projections(v):
    """v_i v_iᴴ of every column: what does not depend on its phase."""
    return np.einsum("...ai,...bi->...iab", v, np.conj(v))


# -- norms -----------------------------------------------------------------------------------------------------------


VECTOR_ORDS = [None, 1, 2, 3, 2.5, 0.5, 0, -1, -2, np.inf, -np.inf]
MATRIX_ORDS = [None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf]


@st.composite
def away_from_zero(draw, shape):
    x = draw(arrays(shape))
    x = x + np.sign(x) / 2
    return x * (1 - 0.5j) if draw(kinds) == "c" else x


@st.composite
def for_norm(draw, ord):
    """Stacks of matrices whose singular values, or whose sums of moduli, of columns and of rows, are well apart."""
    x = draw(matrices(1, stack=st.sampled_from([(), (2,), (1, 2)])))
    if ord in (2, -2, "nuc"):
        return x
    m, n = x.shape[-2:]
    return x / 8 + np.sign(np.real(x)) * (1 + 2.0 ** np.arange(m)[:, None]) * np.arange(1, n + 1)


@option("numpy.linalg.norm")
def _(draw):
    form = draw(st.sampled_from(["all", "vectors", "matrices"]))
    options = draw(keywords(keepdims=[False, True]))
    if form == "all":
        x = draw(away_from_zero(shapes))
    elif form == "vectors":
        x = draw(away_from_zero(nonempty))
        options |= {"ord": draw(st.sampled_from(VECTOR_ORDS)), "axis": draw(axis_of(x.ndim))}
        if x.ndim == 1 and draw(st.booleans()):
            del options["axis"]
    else:
        options["ord"] = draw(st.sampled_from(MATRIX_ORDS))
        x = draw(for_norm(options["ord"]))
        if x.ndim > 2 or draw(st.booleans()):
            x, options["axis"] = moved(draw, x, 2)
    return lambda x: np.linalg.norm(x, **options), (x,)


@option("numpy.linalg.vector_norm")
def _(draw):
    x = draw(away_from_zero(nonempty))
    options = draw(keywords(ord=VECTOR_ORDS[1:], axis=axes_or_none(x.ndim, 1), keepdims=[False, True]))
    return lambda x: np.linalg.vector_norm(x, **options), (x,)


@option("numpy.linalg.matrix_norm")
def _(draw):
    options = draw(keywords(ord=MATRIX_ORDS[1:], keepdims=[False, True]))
    return lambda x: np.linalg.matrix_norm(x, **options), (draw(for_norm(options.get("ord"))),)


# -- linear systems --------------------------------------------------------------------------------------------------


@option("numpy.linalg.solve")
def _(draw):
    left, right = draw(broadcastable(2, max_dims=2))
    n, kind = draw(lengths), draw(kinds)
    b = (n,) if draw(st.booleans()) else (*right, n, draw(lengths))
    return np.linalg.solve, (matrix_of(draw(seeds), n, n, left, kind), draw(arrays(b)))


@option("numpy.linalg.inv", "numpy.linalg.det", "numpy.linalg.slogdet")
def _(draw, function):
    if function is np.linalg.det and draw(st.booleans()):  # singular
        n, stack, kind = draw(sides), draw(stacks), draw(kinds)
        x, y = matrix_of(draw(seeds), n, n - 1, stack, kind), matrix_of(draw(seeds), n - 1, n, stack, kind)
        return function, (x @ y,)
    return lambda x: function(x) if function is not np.linalg.slogdet else tuple(function(x)), (draw(squares()),)


@option("numpy.linalg.matrix_power")
def _(draw):
    n = draw(st.integers(-3, 5))
    return lambda x: np.linalg.matrix_power(x, n) + 0 * x, (draw(squares()),)


@option("numpy.linalg.tensorsolve")
def _(draw):
    unknowns = draw(st.sampled_from([(), (1,), (2,), (3,), (2, 2), (1, 3)]))
    shape = draw(st.sampled_from([unknowns or (1,), unknowns[::-1] or (1,), (math.prod(unknowns),)]))
    n = math.prod(shape)
    a = matrix_of(draw(seeds), n, n, kind=draw(kinds)).reshape((*shape, *unknowns))
    options = {}
    if draw(st.booleans()):
        axes = tuple(draw(st.permutations(range(a.ndim)))[: len(unknowns)])
        a, options = np.moveaxis(a, range(a.ndim - len(axes), a.ndim), axes), {"axes": axes}
    return lambda a, b: np.linalg.tensorsolve(a, b, **options), (a, draw(arrays(shape)))


@option("numpy.linalg.tensorinv")
def _(draw):
    first = draw(st.sampled_from([(1,), (2,), (3,), (2, 2), (1, 3)]))
    last = draw(st.sampled_from([first, first[::-1], (math.prod(first),)]))
    n = math.prod(first)
    a = matrix_of(draw(seeds), n, n, kind=draw(kinds)).reshape((*first, *last))
    options = {} if len(first) == 2 and draw(st.booleans()) else {"ind": len(first)}
    return lambda a: np.linalg.tensorinv(a, **options), (a,)


@option("numpy.linalg.pinv")
def _(draw):
    form = draw(st.sampled_from(["full rank", "rank 1", "hermitian"]))
    if form == "hermitian":
        return lambda x: np.linalg.pinv(x, hermitian=True), (draw(hermitians()),)
    limits = [{}, {"rcond": 1e-3}, {"rtol": 1e-3}, {"rtol": None}, {"rcond": None}]
    if form == "full rank":
        x = draw(matrices())
        options = draw(st.sampled_from([*limits, {"rcond": np.full(x.shape[:-2], 1e-3)}]))
        return lambda x: np.linalg.pinv(x, **options), (x,)
    options = draw(st.sampled_from(limits[1:3]))
    m, n, stack, kind = draw(sides), draw(sides), draw(stacks), draw(kinds)
    x, y = matrix_of(draw(seeds), m, 1, stack, kind), matrix_of(draw(seeds), 1, n, stack)
    return lambda x, y: np.linalg.pinv(x @ y, **options), (x, y)


@option("numpy.linalg.lstsq")
def _(draw):
    a = draw(matrices(stack=st.just(())))
    b = draw(arrays((len(a), *draw(st.sampled_from([(), (1,), (2,), (0,)])))))
    options = draw(keywords(rcond=[None, -1, 1e-3]))
    return lambda a, b: tuple(np.linalg.lstsq(a, b, **options)), (a, b)


@option("numpy.linalg.cond")
def _(draw):
    p = draw(st.sampled_from([None, 1, -1, 2, -2, np.inf, -np.inf, "fro", "nuc"]))
    stack = st.sampled_from([(), (2,), (1, 2)])
    if p in (None, 2, -2):
        x = draw(matrices(1, stack=stack))
    else:
        x = draw(matrices(1, square=True, stack=stack, kind=st.just("f")))
    options = {} if p is None and draw(st.booleans()) else {"p": p}
    return lambda x: np.linalg.cond(x, **options), (x,)


# -- decompositions --------------------------------------------------------------------------------------------------


@option("numpy.linalg.cholesky")
def _(draw):
    options = draw(keywords(upper=[False, True]))
    return lambda x: np.linalg.cholesky(x, **options), (draw(hermitians(positive=True)),)


@option("numpy.linalg.qr")
def _(draw):
    options = draw(keywords(mode=["reduced", "complete", "r"]))
    x = draw(matrices())
    n = x.shape[-1]

    def f(x):
        if options.get("mode") == "r":
            return np.linalg.qr(x, **options)
        q, r = np.linalg.qr(x, **options)
        return q[..., :n], q[..., n:] @ adjoint(q[..., n:]), r

    return f, (x,)


@option("numpy.linalg.svd")
def _(draw):
    options = draw(keywords(full_matrices=[False, True], compute_uv=[True, True, False], hermitian=[False]))
    if hermitian := draw(st.integers(0, 3)) == 0:
        options["hermitian"] = True
    x = draw(hermitians() if hermitian else matrices())

    def f(x):
        if not options.get("compute_uv", True):
            return np.linalg.svd(x, **options)
        u, s, vh = np.linalg.svd(x, **options)
        k = s.shape[-1]
        first, last, v = u[..., :k], u[..., k:], adjoint(vh)
        together = (first / s[..., None, :]) @ vh[..., :k, :]
        beyond = last @ adjoint(last), v[..., k:] @ adjoint(v[..., k:])
        return s, together, projections(first), projections(v[..., :k]), *beyond

    return f, (x,)


@option("numpy.linalg.svdvals")
def _(draw):
    return np.linalg.svdvals, (draw(matrices()),)


@option("numpy.linalg.eigh", "numpy.linalg.eigvalsh")
def _(draw, function):
    options = draw(keywords(UPLO=["L", "U", "l", "u"]))
    x = draw(hermitians())
    if function is np.linalg.eigvalsh:
        return lambda x: np.linalg.eigvalsh(x, **options), (x,)

    def f(x):
        w, v = np.linalg.eigh(x, **options)
        return w, projections(v), (v * np.exp(w)[..., None, :]) @ adjoint(v)

    return f, (x,)


@option("numpy.linalg.eig", "numpy.linalg.eigvals")
def _(draw, function):
    (x,), _ = draw(CASES["tinygrad_np.ops.eigenvalues.eig_op"])
    if function is np.linalg.eigvals:
        return np.linalg.eigvals, (x,)

    def f(x):
        w, v = np.linalg.eig(x)
        return w, projections(v), (v * (w**2)[..., None, :]) @ np.linalg.inv(v)

    return f, (x,)
