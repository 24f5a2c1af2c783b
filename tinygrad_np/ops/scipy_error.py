"""Rules for scipy.special: error functions and the normal distribution, entropies, logistic and power transforms.

Removable singularities (exprel at 0, box-cox at λ = 0, spence at 1) are written as confluent hypergeometric functions,
which have none, so that every order of derivative is right there.
"""

from __future__ import annotations

import math

import numpy as np

from ..core.families import multiply_at_pole
from ..core.tensor import Array
from .scipy_table import constant, in_precision, rule, several, sp

_TWO_BY_ROOT_PI = 2 / math.sqrt(math.pi)

# -- error functions and the normal distribution ---------------------------------------------------------------------

rule("erf(x)", "y' = 2/√π exp(-x²).", lambda y, x: np.exp(-x * x) * _TWO_BY_ROOT_PI)
rule("erfc(x)", "y' = -2/√π exp(-x²).", lambda y, x: np.exp(-x * x) * -_TWO_BY_ROOT_PI)
rule("erfi(x)", "y' = 2/√π exp(x²).", lambda y, x: np.exp(x * x) * _TWO_BY_ROOT_PI)
rule("erfcx(x)", "exp(x²) erfc(x): y' = 2 x y - 2/√π.", lambda y, x: 2 * x * y - _TWO_BY_ROOT_PI)
rule("dawsn(x)", "y' = 1 - 2 x y.", lambda y, x: 1 - 2 * x * y)
rule(
    "wofz(z)", "exp(-z²) erfc(-iz): y' = -2 z y + 2i/√π.", lambda y, z: -2 * z * y + 1j * _TWO_BY_ROOT_PI, precision="z"
)
rule("erfinv(x)", "y' = √π/2 exp(y²).", lambda y, x: np.exp(y * y) * (1 / _TWO_BY_ROOT_PI))
rule("erfcinv(x)", "y' = -√π/2 exp(y²).", lambda y, x: np.exp(y * y) * (-1 / _TWO_BY_ROOT_PI))
rule("ndtr(x)", "Φ(x): y' = exp(-x²/2)/√(2π).", lambda y, x: np.exp(x * x * -0.5) * (1 / math.sqrt(2 * math.pi)))
rule(
    "log_ndtr(x)",
    "log Φ(x): y' = φ/Φ = √(2/π) / erfcx(-x/√2), which neither over- nor underflows.",
    lambda y, x: math.sqrt(2 / math.pi) / sp.erfcx(x * -math.sqrt(0.5)),
)
rule("ndtri(p)", "The inverse of Φ: y' = √(2π) exp(y²/2).", lambda y, p: np.exp(y * y * 0.5) * math.sqrt(2 * math.pi))
rule(
    "ndtri_exp(p)",
    "The inverse of log Φ: y' = √(π/2) erfcx(-y/√2).",
    lambda y, p: sp.erfcx(y * -math.sqrt(0.5)) * math.sqrt(math.pi / 2),
)
rule(
    "owens_t(h, a)",
    "∂h = -exp(-h²/2) erf(a h/√2) / (2 √(2π)), ∂a = exp(-h² (1 + a²)/2) / (2π (1 + a²)).",
    lambda y, h, a: np.exp(h * h * -0.5) * sp.erf(a * h * math.sqrt(0.5)) * (-0.5 / math.sqrt(2 * math.pi)),
    lambda y, h, a: np.exp(h * h * (1 + a * a) * -0.5) / (2 * math.pi * (1 + a * a)),
)


def _faddeeva(x: Array, sigma: Array, gamma: Array) -> tuple[Array, Array]:
    """Return z = (x + iγ)/(σ√2) and w'(z)."""
    z = (x + 1j * gamma) / (sigma * math.sqrt(2))
    return z, -2 * z * sp.wofz(z) + 1j * _TWO_BY_ROOT_PI


def _voigt_sigma(y: Array, x: Array, sigma: Array, gamma: Array) -> Array:
    z, slope = _faddeeva(x, sigma, gamma)
    return -(np.real(slope * z) / (sigma * math.sqrt(2 * math.pi)) + y) / sigma


rule(
    "voigt_profile(x, sigma, gamma)",
    "y = Re w(z)/(σ√(2π)), z = (x + iγ)/(σ√2): with c = 1/(2√π σ²), ∂x = c Re w', ∂γ = -c Im w', ∂σ = -(y + ...)/σ.",
    lambda y, x, sigma, gamma: np.real(_faddeeva(x, sigma, gamma)[1]) / (2 * math.sqrt(math.pi) * sigma * sigma),
    _voigt_sigma,
    lambda y, x, sigma, gamma: -np.imag(_faddeeva(x, sigma, gamma)[1]) / (2 * math.sqrt(math.pi) * sigma * sigma),
)

# -- exponentials, logarithms, circular functions --------------------------------------------------------------------


def exprel_slope(x: Array) -> Array:
    """Return the derivative of (exp(x) - 1)/x, ∫ t exp(xt) dt over (0, 1) = M(2, 3, x)/2."""
    return sp.hyp1f1(2, 3, x) * 0.5


rule("expm1(x)", "y' = y + 1.", lambda y, x: y + 1)
rule("log1p(x)", "y' = 1/(1 + x).", lambda y, x: 1 / (1 + x))
rule("exp2(x)", "y' = y log 2.", lambda y, x: y * math.log(2))
rule("exp10(x)", "y' = y log 10.", lambda y, x: y * math.log(10))
rule("cbrt(x)", "y' = 1/(3y²).", lambda y, x: 1 / (3 * y * y))
rule("exprel(x)", "(exp(x) - 1)/x: y' = M(2, 3, x)/2.", lambda y, x: exprel_slope(x))
rule("cosm1(x)", "y' = -sin(x).", lambda y, x: -np.sin(x))
rule("sindg(x)", "y' = π/180 cosdg(x).", lambda y, x: sp.cosdg(x) * (math.pi / 180))
rule("cosdg(x)", "y' = -π/180 sindg(x).", lambda y, x: sp.sindg(x) * (-math.pi / 180))
rule("tandg(x)", "y' = π/180 (1 + y²).", lambda y, x: (1 + y * y) * (math.pi / 180))
rule("cotdg(x)", "y' = -π/180 (1 + y²).", lambda y, x: (1 + y * y) * (-math.pi / 180))
rule(
    "powm1(x, y)",
    "x^y - 1: ∂x = y x^(y-1), ∂y = x^y log(x).",
    lambda z, x, y: y * x ** (y - 1),
    lambda z, x, y: sp.xlogy(z + 1, x),
)
constant("round")

rule("expit(x)", "y' = y expit(-x), for 1 - y would cancel.", lambda y, x: y * sp.expit(-x))
rule("log_expit(x)", "y' = expit(-x).", lambda y, x: sp.expit(-x))
rule("logit(p)", "y' = 1/(p (1 - p)).", lambda y, p: 1 / (p * (1 - p)))

rule("exp1(x)", "∫ exp(-t)/t dt from x on: y' = -exp(-x)/x.", lambda y, x: -np.exp(-x) / x)
rule("expi(x)", "∫ exp(t)/t dt up to x: y' = exp(x)/x.", lambda y, x: np.exp(x) / x)


def _expn(y: Array, n: Array, x: Array) -> Array:
    """Return -E_(n-1), of which E_0 = exp(-x)/x and E_(-1) = (1 + 1/x) E_0 are no longer SciPy's."""
    first = np.exp(-x) / x
    lowered = sp.expn(np.where(np.greater(n, 1), n - 1, 1), x)
    return -np.where(np.greater(n, 1), lowered, first * np.where(np.equal(n, 0), 1 + 1 / x, 1.0))


rule("expn(n, x)", "∂x = -expn(n - 1, x); none for n.", None, in_precision(_expn), precision="x")


def _sinhc(x: Array) -> Array:
    return np.real(np.sinc(x * (1j / math.pi))) if not np.iscomplexobj(x) else np.sinc(x * (1j / math.pi))


several("sici", "y' = sin(x)/x, cos(x)/x.", lambda ys, x: (np.sinc(x * (1 / math.pi)), np.cos(x) / x))
several("shichi", "y' = sinh(x)/x, cosh(x)/x.", lambda ys, x: (_sinhc(x), np.cosh(x) / x))
rule("wrightomega(z)", "y + log(y) = z: y' = y/(1 + y).", lambda y, z: y / (1 + y))
rule(
    "_lambertw(z, k, tol)",
    "y exp(y) = z: ∂z = exp(-y)/(1 + y).",
    lambda y, z, k, tol: np.exp(-y) / (1 + y),
    precision="z",
)

# -- entropies and losses --------------------------------------------------------------------------------------------


def _ratio(x: Array, y: Array) -> Array:
    """Return x/y, 0 where x is."""
    none = np.equal(x, 0)
    return x / np.where(none & np.equal(y, 0), y + 1, y)


rule(
    "xlogy(x, y)",
    "x log(y), 0 for x = 0: ∂x = log(y), ∂y = x/y.",
    lambda z, x, y: np.log(y),
    lambda z, x, y: _ratio(x, y),
)
rule(
    "xlog1py(x, y)",
    "x log(1 + y), 0 for x = 0: ∂x = log(1 + y), ∂y = x/(1 + y).",
    lambda z, x, y: np.log1p(y),
    lambda z, x, y: _ratio(x, 1 + y),
)
rule("entr(x)", "-x log(x): y' = -log(x) - 1.", lambda y, x: -np.log(x) - 1)
rule(
    "rel_entr(x, y)",
    "x log(x/y): ∂x = log(x/y) + 1, ∂y = -x/y.",
    lambda z, x, y: np.log(x / y) + 1,
    lambda z, x, y: -_ratio(x, y),
)
rule(
    "kl_div(x, y)",
    "x log(x/y) - x + y: ∂x = log(x/y), ∂y = 1 - x/y.",
    lambda z, x, y: np.log(x / y),
    lambda z, x, y: 1 - _ratio(x, y),
)
rule(
    "huber(delta, r)",
    "r²/2 where |r| <= δ, else δ (|r| - δ/2): ∂δ = max(|r| - δ, 0), ∂r = r clipped to ±δ.",
    lambda z, delta, r: np.where(np.greater(np.abs(r), delta), np.abs(r) - delta, 0.0),
    lambda z, delta, r: np.where(np.greater(np.abs(r), delta), np.sign(r) * delta, r),
)


def _pseudo_huber_delta(z: Array, delta: Array, r: Array) -> Array:
    u = r / delta
    s = np.sqrt(1 + u * u)
    return delta * (2 * (u * u) / (1 + s) - u * u / s)


rule(
    "pseudo_huber(delta, r)",
    "δ² (s - 1), s = √(1 + u²), u = r/δ: ∂δ = δ (2 (s - 1) - u²/s), ∂r = r/s.",
    _pseudo_huber_delta,
    lambda z, delta, r: r / np.sqrt(1 + (r / delta) * (r / delta)),
)

# -- power transforms: (x^λ - 1)/λ = log(x) exprel(λ log x) ----------------------------------------------------------


def _boxcox_lambda(log: Array, lmbda: Array) -> Array:
    return multiply_at_pole(log * log, exprel_slope(lmbda * log))


def _inverse_lambda(power: Array, y: Array, lmbda: Array) -> Array:
    """Return z ∂λ log(1 + λy)/λ = -z y²/2 F(2, 2; 3; -λy), for log(1 + u)/u = F(1, 1; 2; -u)."""
    return power * (y * y * -0.5) * sp.hyp2f1(2, 2, 3, -lmbda * y)


rule(
    "boxcox(x, lmbda)",
    "(x^λ - 1)/λ: ∂x = x^(λ-1), ∂λ = log(x)² exprel'(λ log x).",
    lambda z, x, lmbda: x ** (lmbda - 1),
    lambda z, x, lmbda: _boxcox_lambda(np.log(x), lmbda),
)
rule(
    "boxcox1p(x, lmbda)",
    "boxcox(1 + x, λ).",
    lambda z, x, lmbda: (1 + x) ** (lmbda - 1),
    lambda z, x, lmbda: _boxcox_lambda(np.log1p(x), lmbda),
)
rule(
    "inv_boxcox(y, lmbda)",
    "z = (1 + λy)^(1/λ): ∂y = z^(1-λ), ∂λ = -z y²/2 F(2, 2; 3; -λy).",
    lambda z, y, lmbda: z ** (1 - lmbda),
    lambda z, y, lmbda: _inverse_lambda(z, y, lmbda),
)
rule(
    "inv_boxcox1p(y, lmbda)",
    "inv_boxcox(y, λ) - 1.",
    lambda z, y, lmbda: (1 + z) ** (1 - lmbda),
    lambda z, y, lmbda: _inverse_lambda(1 + z, y, lmbda),
)
