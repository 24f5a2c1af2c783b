"""Rules for scipy.special: hypergeometric functions, complete elliptic integrals, orthogonal polynomials.

Derivatives are given in the argument, not in the parameters; each is a function of the same kind [1]_.

References
----------
.. [1] NIST Digital Library of Mathematical Functions, 13.3, 15.5, 18.9, 19.5 and 25.12.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.tensor import Array
from .scipy_table import in_precision, rule, safe, sp

# -- hypergeometric functions ----------------------------------------------------------------------------------------

rule("hyp0f1(v, z)", "∂z = F(v + 1; z)/v.", None, lambda y, v, z: sp.hyp0f1(v + 1, z) / v)
rule(
    "hyp1f1(a, b, x)",
    "∂x = a/b M(a + 1, b + 1, x).",
    None,
    None,
    lambda y, a, b, x: sp.hyp1f1(a + 1, b + 1, x) * (a / b),
)
rule("hyperu(a, b, x)", "∂x = -a U(a + 1, b + 1, x).", None, None, lambda y, a, b, x: -a * sp.hyperu(a + 1, b + 1, x))
rule(
    "hyp2f1(a, b, c, z)",
    "∂z = a b/c F(a + 1, b + 1; c + 1; z).",
    None,
    None,
    None,
    lambda y, a, b, c, z: sp.hyp2f1(a + 1, b + 1, c + 1, z) * (a * b / c),
)
rule(
    "wright_bessel(a, b, x)",
    "Σ x^k / (k! Γ(a k + b)): ∂x = wright_bessel(a, a + b, x).",
    None,
    None,
    lambda y, a, b, x: sp.wright_bessel(a, a + b, x),
)
rule(
    "spence(z)",
    "-∫ log(t)/(t - 1) dt from 1 to z: y' = -log(z)/(z - 1) = -F(1, 1; 2; 1 - z).",
    lambda y, z: -sp.hyp2f1(1, 1, 2, 1 - z),
)

# -- elliptic integrals, K(m) = π/2 F(1/2, 1/2; 1; m) and E(m) = π/2 F(-1/2, 1/2; 1; m) ------------------------------


def _ellipkm1(y: Array, p: Array) -> Array:
    """Return dK(1 - p)/dp = -(E - p K)/(2 p (1 - p)), near p = 1, where this cancels, as F."""
    near = np.less(p, 0.5)
    q = np.where(near, p, 0.25)
    left = (q * sp.ellipkm1(q) - sp.ellipe(1 - q)) / (2 * q * (1 - q))
    return np.where(near, left, sp.hyp2f1(1.5, 1.5, 2, 1 - safe(p, np.logical_not(near))) * (-math.pi / 8))


rule("ellipk(m)", "y' = π/8 F(3/2, 3/2; 2; m).", lambda y, m: sp.hyp2f1(1.5, 1.5, 2, m) * (math.pi / 8))
rule("ellipe(m)", "y' = -π/8 F(1/2, 3/2; 2; m).", lambda y, m: sp.hyp2f1(0.5, 1.5, 2, m) * (-math.pi / 8))
rule("ellipkm1(p)", "K(1 - p): y' = -(E - p K)/(2 p (1 - p)).", _ellipkm1)
rule(
    "ellipkinc(phi, m)",
    "∂φ = 1/√(1 - m sin²φ); none for m.",
    lambda y, phi, m: 1 / np.sqrt(1 - m * np.sin(phi) ** 2),
)
rule("ellipeinc(phi, m)", "∂φ = √(1 - m sin²φ); none for m.", lambda y, phi, m: np.sqrt(1 - m * np.sin(phi) ** 2))

# -- orthogonal polynomials ------------------------------------------------------------------------------------------


def _lower(n: Array) -> Array:
    """Return n - 1, and 0 for 0, where the factor of the derivative is 0."""
    return max(n - 1, 0) if type(n) is int else np.where(np.equal(n, 0), n, n - 1)


def _jacobi(y: Array, n: Array, alpha: Array, beta: Array, x: Array) -> Array:
    slope = sp.eval_jacobi(_lower(n), alpha + 1, beta + 1, x) * (0.5 * (n + alpha + beta + 1))
    return np.where(np.equal(n, 0), 0.0, slope)


def _gegenbauer(n: Array, alpha: Array, x: Array) -> Array:
    slope = sp.eval_gegenbauer(_lower(n), alpha + 1, x) * (2 * alpha)
    return np.where(np.equal(n, 0), 0.0, slope)


def _laguerre(n: Array, alpha: Any, x: Array) -> Array:
    slope = -sp.eval_genlaguerre(_lower(n), alpha + 1, x)
    return np.where(np.equal(n, 0), 0.0, slope)


def _hermite(name: str, factor: int) -> Any:
    def partial(y: Array, n: Array, x: Array) -> Array:
        return getattr(sp, name)(_lower(n), x) * (factor * n)

    return in_precision(partial)


rule("eval_jacobi(n, alpha, beta, x)", "∂x = (n + α + β + 1)/2 P_(n-1)^(α+1, β+1).", None, None, None, _jacobi)
rule("eval_legendre(n, x)", "∂x = (n + 1)/2 P_(n-1)^(1, 1).", None, lambda y, n, x: _jacobi(y, n, 0, 0, x))
rule(
    "eval_gegenbauer(n, alpha, x)",
    "∂x = 2α C_(n-1)^(α+1).",
    None,
    None,
    lambda y, n, alpha, x: _gegenbauer(n, alpha, x),
)
rule("eval_chebyt(n, x)", "∂x = n U_(n-1).", None, lambda y, n, x: n * sp.eval_chebyu(_lower(n), x))
rule("eval_chebyu(n, x)", "U_n = C_n^(1): ∂x = 2 C_(n-1)^(2).", None, lambda y, n, x: _gegenbauer(n, 1, x))
rule("eval_hermite(n, x)", "∂x = 2n H_(n-1).", None, _hermite("eval_hermite", 2), precision="x")
rule("eval_hermitenorm(n, x)", "∂x = n He_(n-1).", None, _hermite("eval_hermitenorm", 1), precision="x")
rule("eval_laguerre(n, x)", "∂x = -L_(n-1)^(1).", None, lambda y, n, x: _laguerre(n, 0, x))
rule("eval_genlaguerre(n, alpha, x)", "∂x = -L_(n-1)^(α+1).", None, None, lambda y, n, alpha, x: _laguerre(n, alpha, x))
