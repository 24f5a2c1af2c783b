"""Rules for scipy.special: the gamma and beta functions with their relatives, incomplete ones and distributions.

Derivatives of log Γ are the polygamma functions, ψ = (log Γ)' and ψ^(n)(x) = (-1)^(n+1) n! ζ(n + 1, x) [1]_, with
Hurwitz's ζ(s, q) = Σ (q + k)^-s, whose derivative in q is -s ζ(s + 1, q).

References
----------
.. [1] NIST Digital Library of Mathematical Functions, 5.15, 8.8, 8.17 and 25.11.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.primitive import primitive
from ..core.tensor import Array, dtype_of
from .incomplete_gamma import gamma_density, gammainc_op
from .scipy_table import constant, rule, safe, sp

# -- gamma -----------------------------------------------------------------------------------------------------------

_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)


@primitive
def hurwitz_op(q: Array, *, s: int) -> Any:
    """Return ζ(s, q) for complex q and integer s >= 2. y' = -s ζ(s + 1, q).

    Notes
    -----
    Terms are summed up to Re(w) >= 12, w = q + n; the rest is Euler and Maclaurin's w^(1-s)/(s-1) + w^-s/2 +
    Σ_j B_2j/(2j)! s (s+1) ... (s+2j-2) w^(1-s-2j).
    """
    q = np.asarray(q)
    w, total = q.astype(np.complex128), np.zeros(q.shape, np.complex128)
    for _ in range(max(0, math.ceil(12 - float(np.min(w.real, initial=12))))):
        total, w = total + w**-s, w + 1
    total += w ** (1 - s) / (s - 1) + w**-s / 2
    for j, b in enumerate(_BERNOULLI, 1):
        total += b * math.comb(s + 2 * j - 2, 2 * j - 1) / (2 * j) * w ** (1 - s - 2 * j)
    return total.astype(q.dtype)


def _hurwitz_rule(y: Array, q: Array, *, s: int) -> Any:
    return lambda g: g * (-s * hurwitz_op(q, s=s + 1))


hurwitz_op.defvjp("q")(_hurwitz_rule)
hurwitz_op.defjvp("q")(_hurwitz_rule)
hurwitz_op.defbatch(lambda size, axes, q, *, s: (hurwitz_op(q, s=s), axes[0]))


def _trigamma(y: Array, x: Array) -> Array:
    return hurwitz_op(x, s=2) if dtype_of(x).kind == "c" else sp.zeta(2, x)


def _rgamma(y: Array, x: Array) -> Array:
    left = np.less(np.real(x), 0.5)
    u = safe(1 - x, left)
    mirrored = sp.gamma(u) * (np.cos(np.pi * x) - np.sin(np.pi * x) * sp.psi(u) / np.pi)
    return np.where(left, mirrored, -y * sp.psi(safe(x, np.logical_not(left))))


rule("gamma(x)", "y' = y ψ(x).", lambda y, x: y * sp.psi(x))
rule("gammaln(x)", "y' = ψ(x).", lambda y, x: sp.psi(x))
rule("loggamma(x)", "y' = ψ(x).", lambda y, x: sp.psi(x))
rule("rgamma(x)", "1/Γ(x) = Γ(1-x) sin(πx)/π; y' = -y ψ(x), left of 1/2 from the second form.", _rgamma)
rule("psi(x)", "y' = ζ(2, x).", _trigamma)
rule("_zeta(x, q)", "Hurwitz's ζ: ∂q = -x ζ(x + 1, q).", None, lambda y, x, q: -x * sp.zeta(x + 1, q))
constant("gammasgn")

rule(
    "poch(z, m)",
    "y = Γ(z + m)/Γ(z): ∂z = y (ψ(z + m) - ψ(z)), ∂m = y ψ(z + m).",
    lambda y, z, m: y * (sp.psi(z + m) - sp.psi(z)),
    lambda y, z, m: y * sp.psi(z + m),
)
rule(
    "binom(n, k)",
    "y = Γ(n + 1)/(Γ(k + 1) Γ(n - k + 1)): ∂n = y (ψ(n + 1) - ψ(n - k + 1)), ∂k = y (ψ(n - k + 1) - ψ(k + 1)).",
    lambda y, n, k: y * (sp.psi(n + 1) - sp.psi(n - k + 1)),
    lambda y, n, k: y * (sp.psi(n - k + 1) - sp.psi(k + 1)),
)

# -- beta ------------------------------------------------------------------------------------------------------------

rule(
    "beta(a, b)",
    "∂a = y (ψ(a) - ψ(a + b)), ∂b alike.",
    lambda y, a, b: y * (sp.psi(a) - sp.psi(a + b)),
    lambda y, a, b: y * (sp.psi(b) - sp.psi(a + b)),
)
rule(
    "betaln(a, b)",
    "∂a = ψ(a) - ψ(a + b), ∂b alike.",
    lambda y, a, b: sp.psi(a) - sp.psi(a + b),
    lambda y, a, b: sp.psi(b) - sp.psi(a + b),
)


def _beta_density(a: Array, b: Array, x: Array) -> Array:
    """Return x^(a-1) (1-x)^(b-1) / B(a, b)."""
    return np.exp(sp.xlogy(a - 1, x) + sp.xlog1py(b - 1, -x) - sp.betaln(a, b))


_DENSITY = "p the density of the beta distribution; none for a and b."
rule("betainc(a, b, x)", f"∂x = p(x), {_DENSITY}", None, None, lambda y, a, b, x: _beta_density(a, b, x))
rule("betaincc(a, b, x)", f"∂x = -p(x), {_DENSITY}", None, None, lambda y, a, b, x: -_beta_density(a, b, x))
rule("betaincinv(a, b, y)", f"∂y = 1/p(z), {_DENSITY}", None, None, lambda z, a, b, y: 1 / _beta_density(a, b, z))
rule("betainccinv(a, b, y)", f"∂y = -1/p(z), {_DENSITY}", None, None, lambda z, a, b, y: -1 / _beta_density(a, b, z))

# -- incomplete gamma ------------------------------------------------------------------------------------------------

rule(
    "gammainc(a, x)",
    "P(a, x): ∂x = p(x), the density of the gamma distribution; ∂a by quadrature, see gammainc_op.",
    lambda y, a, x: gammainc_op(a, x, order=1),
    lambda y, a, x: gamma_density(a, x),
)
rule(
    "gammaincc(a, x)",
    "Q = 1 - P: the negatives of gammainc's.",
    lambda y, a, x: -gammainc_op(a, x, order=1),
    lambda y, a, x: -gamma_density(a, x),
)
rule(
    "gammaincinv(a, y)",
    "P(a, z) = y: ∂y = 1/p(z), ∂a = -P_a(a, z)/p(z).",
    lambda z, a, y: -gammainc_op(a, z, order=1) / gamma_density(a, z),
    lambda z, a, y: 1 / gamma_density(a, z),
)
rule(
    "gammainccinv(a, y)",
    "Q(a, z) = y: ∂y = -1/p(z), ∂a = -P_a(a, z)/p(z).",
    lambda z, a, y: -gammainc_op(a, z, order=1) / gamma_density(a, z),
    lambda z, a, y: -1 / gamma_density(a, z),
)

# -- distributions ---------------------------------------------------------------------------------------------------


def _distribution(name: str, of: str, *partials: Any) -> None:
    """Enter a cumulative distribution function and, with a c at the end of its name, its complement."""
    signs = [None if p is None else (lambda *args, p=p: -p(*args)) for p in partials]
    arguments = name[name.index("(") :]
    rule(name, f"{of}: ∂x is the density.", *partials)
    rule(name.replace("(", "c(", 1), f"1 - {name.removesuffix(arguments)}: the negatives of its derivatives.", *signs)


_distribution(
    "chdtr(v, x)", "P(v/2, x/2)",
    lambda y, v, x: gammainc_op(v / 2, x / 2, order=1) / 2,
    lambda y, v, x: gamma_density(v / 2, x / 2) / 2,
)  # fmt: skip
_distribution(
    "gdtr(a, b, x)", "P(b, a x)",
    lambda y, a, b, x: x * gamma_density(b, a * x),
    lambda y, a, b, x: gammainc_op(b, a * x, order=1),
    lambda y, a, b, x: a * gamma_density(b, a * x),
)  # fmt: skip
_distribution(
    "pdtr(k, m)", "Q(floor(k) + 1, m)", None, lambda y, k, m: -gamma_density(np.floor(k) + 1, m)
)  # fmt: skip


def _f_density(y: Array, d1: Array, d2: Array, x: Array) -> Array:
    scale = d1 * x + d2
    return _beta_density(d1 / 2, d2 / 2, d1 * x / scale) * (d1 * d2 / (scale * scale))


def _t_density(df: Array, t: Array) -> Array:
    return np.exp(-(df + 1) / 2 * np.log1p(t * t / df) - sp.betaln(df / 2, 0.5) - np.log(df) / 2)


_distribution("fdtr(d1, d2, x)", "I(d1 x/(d1 x + d2); d1/2, d2/2)", None, None, _f_density)
rule("stdtr(df, t)", "Student's distribution: ∂t is the density.", None, lambda y, df, t: _t_density(df, t))
rule("stdtrit(df, p)", "The inverse of stdtr: ∂p = 1/density.", None, lambda y, df, p: 1 / _t_density(df, y))
rule("chdtri(v, p)", "The inverse of chdtrc: ∂p = -1/density.", None, lambda y, v, p: -2 / gamma_density(v / 2, y / 2))
