"""Rules for scipy.special: Bessel functions and what comes with them (Airy, Kelvin, Struve, Fresnel).

The derivative in the argument is a combination of neighbouring orders [1]_; none is given in the order.

References
----------
.. [1] NIST Digital Library of Mathematical Functions, 9.2, 10.6, 10.29, 10.61, 11.4 and 7.2.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.tensor import Array
from .scipy_table import in_precision, rule, safe, several, sp


def _neighbours(name: str, sign: int, factor: float = 0.5) -> Any:
    """Return the rule z -> factor (f_(v-1) + sign f_(v+1))."""

    def partial(y: Array, v: Array, z: Array) -> Array:
        f = getattr(sp, name)
        below, above = f(v - 1, z), f(v + 1, z)
        return factor * (below + above if sign > 0 else below - above)

    return partial


def _scaled(name: str, sign: int, factor: float, scale: Any) -> Any:
    """Return the rule for e^(s(z)) f_v, where `scale` gives s'(z)."""
    inner = _neighbours(name, sign, factor)
    return lambda y, v, z: inner(y, v, z) + scale(z) * y


def _not_holomorphic(name: str) -> str:
    return (
        f"scipy.special.{name} is not holomorphic for complex z: its scale is an absolute value. "
        f"Differentiate {name.removesuffix('e')}(v, z) instead."
    )


for _name in ("jv", "yv", "hankel1", "hankel2"):
    rule(f"{_name}(v, z)", "∂z = (y_(v-1) - y_(v+1))/2; none for v.", None, _neighbours(_name, -1))
rule("yn(v, z)", "∂z = (y_(v-1) - y_(v+1))/2; none for v.", None, in_precision(_neighbours("yn", -1)), precision="z")
rule("kv(v, z)", "∂z = -(y_(v-1) + y_(v+1))/2; none for v.", None, _neighbours("kv", 1, -0.5))
rule("kn(v, z)", "∂z as of kv; none for v.", None, in_precision(_neighbours("kn", 1, -0.5)), precision="z")
rule("iv(v, z)", "∂z = (y_(v-1) + y_(v+1))/2; none for v.", None, _neighbours("iv", 1))

rule("jve(v, z)", "For real z, ∂z as of jv.", None, _neighbours("jve", -1), real=_not_holomorphic("jve"))
rule("yve(v, z)", "For real z, ∂z as of yv.", None, _neighbours("yve", -1), real=_not_holomorphic("yve"))
rule(
    "ive(v, z)",
    "exp(-|z|) iv for real z: ∂z = (y_(v-1) + y_(v+1))/2 - sign(z) y.",
    None,
    _scaled("ive", 1, 0.5, lambda z: -np.sign(z)),
    real=_not_holomorphic("ive"),
)
rule("kve(v, z)", "exp(z) kv: ∂z = y - (y_(v-1) + y_(v+1))/2.", None, _scaled("kve", 1, -0.5, lambda z: 1))
rule(
    "hankel1e(v, z)",
    "exp(-iz) hankel1: ∂z = (y_(v-1) - y_(v+1))/2 - i y.",
    None,
    _scaled("hankel1e", -1, 0.5, lambda z: -1j),
)
rule(
    "hankel2e(v, z)",
    "exp(iz) hankel2: ∂z = (y_(v-1) - y_(v+1))/2 + i y.",
    None,
    _scaled("hankel2e", -1, 0.5, lambda z: 1j),
)

rule("j0(x)", "y' = -j1.", lambda y, x: -sp.j1(x))
rule("j1(x)", "y' = (j0 - j2)/2.", lambda y, x: 0.5 * (sp.j0(x) - sp.jv(2, x)))
rule("y0(x)", "y' = -y1.", lambda y, x: -sp.y1(x))
rule("y1(x)", "y' = (y0 - y2)/2.", lambda y, x: 0.5 * (sp.y0(x) - sp.yv(2, x)))
rule("i0(x)", "y' = i1.", lambda y, x: sp.i1(x))
rule("i1(x)", "y' = (i0 + i2)/2.", lambda y, x: 0.5 * (sp.i0(x) + sp.iv(2, x)))
rule("k0(x)", "y' = -k1.", lambda y, x: -sp.k1(x))
rule("k1(x)", "y' = -(k0 + k2)/2.", lambda y, x: -0.5 * (sp.k0(x) + sp.kv(2, x)))
rule("i0e(x)", "exp(-|x|) i0: y' = i1e - sign(x) y.", lambda y, x: sp.i1e(x) - np.sign(x) * y)
rule(
    "i1e(x)",
    "exp(-|x|) i1: y' = (i0e + i2e)/2 - sign(x) y.",
    lambda y, x: 0.5 * (sp.i0e(x) + sp.ive(2, x)) - np.sign(x) * y,
)
rule("k0e(x)", "exp(x) k0: y' = y - k1e.", lambda y, x: y - sp.k1e(x))
rule("k1e(x)", "exp(x) k1: y' = y - (k0e + k2e)/2.", lambda y, x: y - 0.5 * (sp.k0e(x) + sp.kve(2, x)))

# -- Kelvin: f'' + f'/x = ∓ the other, for ber + i bei solves x² w'' + x w' = i x² w ---------------------------------


def _kelvin_prime(other: str, sign: int, *, pole: bool) -> Any:
    """The second derivative. At 0, unless there is a pole, f'/x is f'' too, so each is half of the right-hand side."""

    def partial(y: Array, x: Array) -> Array:
        right = sign * getattr(sp, other)(x)
        if pole:
            return right - y / x
        zero = np.equal(x, 0)
        return np.where(zero, 0.5 * right, right - y / safe(x, np.logical_not(zero)))

    return partial


for _f, _other, _sign_of_other in (("ber", "bei", -1), ("bei", "ber", 1), ("ker", "kei", -1), ("kei", "ker", 1)):
    rule(f"{_f}(x)", f"y' = {_f}p.", lambda y, x, f=_f: getattr(sp, f + "p")(x))
    rule(
        f"{_f}p(x)",
        f"y' = {'-' if _sign_of_other < 0 else ''}{_other} - y/x.",
        _kelvin_prime(_other, _sign_of_other, pole=_f == "ker"),
    )

# -- Struve and integrals --------------------------------------------------------------------------------------------


def _struve(name: str, sign: int) -> Any:
    inner = _neighbours(name, sign)

    def partial(y: Array, v: Array, x: Array) -> Array:
        return inner(y, v, x) + (0.5 * x) ** v * sp.rgamma(v + 1.5) * (0.5 / math.sqrt(math.pi))

    return partial


_LAST = "plus (x/2)^v / (2 √π Γ(v + 3/2)); none for v."
rule("struve(v, x)", f"∂x = (y_(v-1) - y_(v+1))/2, {_LAST}", None, _struve("struve", -1))
rule("modstruve(v, x)", f"∂x = (y_(v-1) + y_(v+1))/2, {_LAST}", None, _struve("modstruve", 1))
rule("itstruve0(x)", "∫ H0 from 0 to x: y' = H0(x).", lambda y, x: sp.struve(0, x))


def _it2struve0(y: Array, x: Array) -> Array:
    zero = np.equal(x, 0)  # where H0(x) is 2 x/π
    return np.where(zero, -2 / math.pi, -sp.struve(0, x) / safe(x, np.logical_not(zero)))


rule("it2struve0(x)", "∫ H0(t)/t dt from x on: y' = -H0(x)/x.", _it2struve0)
rule("itmodstruve0(x)", "∫ L0 from 0 to x: y' = L0(x).", lambda y, x: sp.modstruve(0, x))

several("itj0y0", "∫ J0 and ∫ Y0 from 0 to x; y' = J0(x), Y0(x).", lambda ys, x: (sp.j0(x), sp.y0(x)))
several("iti0k0", "∫ I0 and ∫ K0 from 0 to x; y' = I0(x), K0(x).", lambda ys, x: (sp.i0(x), sp.k0(x)))
several("airy", "Ai, Ai', Bi, Bi'; y' = Ai', x Ai, Bi', x Bi.", lambda ys, x: (ys[1], x * ys[0], ys[3], x * ys[2]))
several(
    "fresnel",
    "∫ sin(πt²/2) and ∫ cos(πt²/2) from 0 to x; y' = the integrands.",
    lambda ys, x: (np.sin(x * x * (math.pi / 2)), np.cos(x * x * (math.pi / 2))),
)
