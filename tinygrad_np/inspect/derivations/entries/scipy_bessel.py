"""Bessel functions of SciPy and what comes with them."""

from ..table import entry

_DLMF = "NIST Digital Library of Mathematical Functions"
_BOTH = (
    "The series of J satisfies f_(v-1) + f_(v+1) = (2v/z) f_v and (z^v f_v)' = z^v f_(v-1). The second, written out, "
    "is f' = f_(v-1) - (v/z) f_v; put half of the first in for (v/z) f_v, and f' = (f_(v-1) - f_(v+1))/2. Y and the "
    "Hankel functions, its combinations with J, satisfy the same two relations."
)
_MODIFIED = (
    "The series of I, with only positive terms, satisfies f_(v-1) - f_(v+1) = (2v/z) f_v and (z^v f_v)' = z^v f_(v-1), "
    "so f' = f_(v-1) - (v/z) f_v = (f_(v-1) + f_(v+1))/2."
)
_SECOND = (
    "exp(iπv) K_v satisfies what I_v does; the factor changes sign from one order to the next, so "
    "K' = -(K_(v-1) + K_(v+1))/2."
)
_ORDER = "The derivative in the order v is another kind of function, and is refused."
_V, _Z = [0.5, 1.5], [1.0, 2.5]


_INF = float("inf")


def _refuses(name: str) -> list[tuple[str, str, object]]:
    return [("no derivative in the order", f"grad(lambda v: sp.{name}(v, 2.0))(0.5)", TypeError)]


def _at_zero(name: str, order: float, value: float) -> tuple[str, str, object]:
    return (f"at 0, of order {order}", f"grad(lambda z: sp.{name}({order}, z))(0.0)", value)


_AT_ZERO = {"jv": [_at_zero("jv", 1.0, 0.5), _at_zero("jv", 0.5, _INF)]}


_FIRST = {
    "jv": "y = J_v(z) = Σ_k (-1)^k (z/2)^(v+2k) / (k! Γ(v+k+1))",
    "yv": "y = Y_v(z) = (J_v(z) cos(vπ) - J_(-v)(z)) / sin(vπ)",
    "hankel1": "y = H_v(z) = J_v(z) + i Y_v(z)",
    "hankel2": "y = H_v(z) = J_v(z) - i Y_v(z)",
}
for _name, _formula in _FIRST.items():
    entry(
        f"scipy_table.{_name}",
        _formula,
        f"{_BOTH} {_ORDER}",
        at=(_V, _Z),
        conventions=[*_refuses(_name), *_AT_ZERO.get(_name, ())],
        source=f"{_DLMF}, 10.6",
    )
entry(
    "scipy_table.yn",
    "y = Y_n(z) for whole n",
    f"As for yv: {_BOTH} The order n is whole, and not differentiated.",
    at=([1, 2], _Z),
    source=f"{_DLMF}, 10.6",
)
entry(
    "scipy_table.iv",
    "y = I_v(z) = Σ_k (z/2)^(v+2k) / (k! Γ(v+k+1))",
    f"{_MODIFIED} {_ORDER}",
    at=(_V, _Z),
    conventions=[*_refuses("iv"), _at_zero("iv", 1.0, 0.5)],
    source=f"{_DLMF}, 10.29",
)
entry(
    "scipy_table.kv",
    "y = K_v(z) = π/2 (I_(-v)(z) - I_v(z)) / sin(vπ)",
    f"{_SECOND} {_ORDER}",
    at=(_V, _Z),
    conventions=[*_refuses("kv"), _at_zero("kv", 0.5, -_INF)],
    source=f"{_DLMF}, 10.29",
)
entry(
    "scipy_table.kn",
    "y = K_n(z) for whole n",
    f"{_SECOND} The order n is whole, and not differentiated.",
    at=([1, 2], _Z),
    source=f"{_DLMF}, 10.29",
)

# -- scaled ----------------------------------------------------------------------------------------------------------

_SCALED = (
    "The product rule on the scale and the function: the scale of the neighbours is the same, so both terms stay scaled"
)
for _name, _of in (("jve", "J"), ("yve", "Y")):
    entry(
        f"scipy_table.{_name}",
        f"y = {_of}_v(z) exp(-|Im z|)",
        f"For real z the scale is 1, and the function {_of}_v itself. {_BOTH} For complex z the scale is no "
        "holomorphic function, and the derivative is refused.",
        at=(_V, _Z),
        conventions=[
            ("complex z is refused", f"vjp(lambda z: sp.{_name}(0.5, z), 1.0 + 1.0j)[1](1.0 + 0j)", TypeError)
        ],
        source=f"{_DLMF}, 10.6",
    )
entry(
    "scipy_table.ive",
    "y = I_v(z) exp(-|Re z|)",
    f"{_SCALED}, and (exp(-|z|))' = -sign(z) exp(-|z|) for real z. {_MODIFIED}",
    at=(_V, _Z),
    conventions=[
        ("complex z is refused", "vjp(lambda z: sp.ive(0.5, z), 1.0 + 1.0j)[1](1.0 + 0j)", TypeError),
        ("at 0, where |z| has a kink, its derivative counts as 0", "grad(lambda z: sp.ive(0.0, z))(0.0)", 0.0),
    ],
    source=f"{_DLMF}, 10.29",
)
entry(
    "scipy_table.kve",
    "y = K_v(z) exp(z)",
    f"{_SCALED}, and exp' = exp. {_SECOND}",
    at=(_V, _Z),
    source=f"{_DLMF}, 10.29",
)
for _name, _sign, _other in (("hankel1e", "-", "+"), ("hankel2e", "+", "-")):
    entry(
        f"scipy_table.{_name}",
        f"y = (J_v(z) {_other} i Y_v(z)) exp({_sign}iz)",
        f"{_SCALED}, and (exp({_sign}iz))' = {_sign}i exp({_sign}iz). {_BOTH}",
        at=(_V, _Z),
        source=f"{_DLMF}, 10.6",
    )

# -- fixed orders ----------------------------------------------------------------------------------------------------

for _f, _letter in (("j", "J"), ("y", "Y")):
    entry(
        f"scipy_table.{_f}0",
        f"y = {_letter}_0(x)",
        "f' = (f_(-1) - f_1)/2, and f_(-1) = -f_1 by f_(v-1) + f_(v+1) = (2v/x) f_v at v = 0.",
        at=([0.5, 2.0],),
        conventions=[("at 0", f"grad(sp.{_f}0)(0.0)", _INF if _f == "y" else 0.0)],
        source=f"{_DLMF}, 10.6",
    )
    entry(
        f"scipy_table.{_f}1",
        f"y = {_letter}_1(x)",
        "f' = (f_(v-1) - f_(v+1))/2 at v = 1: from (x^v f_v)' = x^v f_(v-1) and f_(v-1) + f_(v+1) = (2v/x) f_v.",
        at=([0.5, 2.0],),
        source=f"{_DLMF}, 10.6",
    )
entry(
    "scipy_table.i0",
    "y = I_0(x) = (1/π) ∫ exp(x cos t) dt over (0, π)",
    "Under the integral a factor cos t comes down: that is the integral of I_1.",
    at=([-1.0, 2.0],),
    source=f"{_DLMF}, 10.32",
)
entry(
    "scipy_table.i1",
    "y = I_1(x) = (1/π) ∫ cos t exp(x cos t) dt over (0, π)",
    "Under the integral cos t becomes cos² t = (1 + cos 2t)/2, the integrals of I_0 and I_2.",
    at=([-1.0, 2.0],),
    source=f"{_DLMF}, 10.32",
)
entry(
    "scipy_table.k0",
    "y = K_0(x) = ∫ exp(-x cosh t) dt over (0, ∞)",
    "Under the integral a factor -cosh t comes down: that is minus the integral of K_1.",
    at=([0.5, 2.0],),
    conventions=[("at 0, a pole, the derivative is minus infinity", "grad(sp.k0)(0.0)", -_INF)],
    source=f"{_DLMF}, 10.32",
)
entry(
    "scipy_table.k1",
    "y = K_1(x) = ∫ cosh t exp(-x cosh t) dt over (0, ∞)",
    "Under the integral cosh t becomes -cosh² t = -(1 + cosh 2t)/2, minus the integrals of K_0 and K_2.",
    at=([0.5, 2.0],),
    source=f"{_DLMF}, 10.32",
)
_AT_THE_KINK = {"i0e": [("at 0, where |x| has a kink, its derivative counts as 0", "grad(sp.i0e)(0.0)", 0.0)]}
for _name, _formula, _why in (
    ("i0e", "y = I_0(x) exp(-|x|)", "I_0' = I_1"),
    ("i1e", "y = I_1(x) exp(-|x|)", "I_1' = (I_0 + I_2)/2"),
    ("k0e", "y = K_0(x) exp(x)", "K_0' = -K_1"),
    ("k1e", "y = K_1(x) exp(x)", "K_1' = -(K_0 + K_2)/2"),
):
    entry(
        f"scipy_table.{_name}",
        _formula,
        f"{_SCALED}: {_why}, and the scale's derivative is {'-sign(x)' if _name[0] == 'i' else '1'} times the scale.",
        at=([0.5, 2.0],),
        conventions=_AT_THE_KINK.get(_name, ()),
        source=f"{_DLMF}, 10.29",
    )

# -- Kelvin, Airy ----------------------------------------------------------------------------------------------------

_KELVIN = {
    "ber": ("y = ber(x) = Re J_0(x exp(3πi/4))", "bei"),
    "bei": ("y = bei(x) = Im J_0(x exp(3πi/4))", "ber"),
    "ker": ("y = ker(x) = Re K_0(x exp(πi/4))", "kei"),
    "kei": ("y = kei(x) = Im K_0(x exp(πi/4))", "ker"),
}
for _name, (_formula, _other) in _KELVIN.items():
    entry(
        f"scipy_table.{_name}",
        _formula,
        f"Its derivative is a function of SciPy's own, {_name}p, the real or imaginary part of the Bessel function's.",
        at=([0.5, 2.0],),
        source=f"{_DLMF}, 10.61",
    )
    entry(
        f"scipy_table.{_name}p",
        f"y = {_name}'(x)",
        f"w = {_name[0]}er + i {_name[0]}ei is J_0 along the ray turned by 3π/4, or K_0 along that by π/4: Bessel's "
        f"equation there is w'' + w'/x = i w. Real and imaginary part of w'' = i w - w'/x give the derivative of "
        f"{_name}'.",
        at=([0.5, 2.0],),
        source=f"{_DLMF}, 10.61",
    )


def _several(name: str, formula: str, why: str, at: list[float]) -> None:
    """Enter a function with several results."""
    entry(
        f"scipy_table.{name}",
        formula,
        at=(at,),
        derivation=f"{why} Each result depends on its own x alone: dy_k = y'_k dx, so <g, dy> = Σ_k g_k y'_k dx and "
        "x_bar = Σ_k g_k y'_k; in the other direction y_dot_k = y'_k x_dot.",
        source=f"{_DLMF}, 6.2, 7.2, 9.2 and 10.43",
    )


_several(
    "airy",
    "y = (Ai, Ai', Bi, Bi'), the solutions of w'' = x w",
    "The first and the third have the second and the fourth for derivatives, by their names; those have x Ai and x Bi, "
    "by Airy's equation.",
    [-1.0, 0.5],
)
_several(
    "fresnel",
    "y = (∫ sin(πt²/2) dt, ∫ cos(πt²/2) dt) from 0 to x",
    "An integral's derivative in its upper end is the integrand there: y' = (sin(πx²/2), cos(πx²/2)).",
    [0.5, 1.5],
)
_several(
    "itj0y0",
    "y = (∫ J_0(t) dt, ∫ Y_0(t) dt) from 0 to x",
    "An integral's derivative in its upper end is the integrand there: y' = (J_0(x), Y_0(x)).",
    [0.5, 2.0],
)
_several(
    "iti0k0",
    "y = (∫ I_0(t) dt, ∫ K_0(t) dt) from 0 to x",
    "An integral's derivative in its upper end is the integrand there: y' = (I_0(x), K_0(x)).",
    [0.5, 2.0],
)

# -- Struve ----------------------------------------------------------------------------------------------------------

_STRUVE = (
    "Its series begins like that of a Bessel function but with half powers, so that the two relations have one more "
    "term: f_(v-1) {a} f_(v+1) = (2v/x) f_v + c and (x^v f_v)' = x^v f_(v-1), with c = (x/2)^v / (√π Γ(v + 3/2)). As "
    "there, f' = f_(v-1) - (v/x) f_v, and half of the first put in for (v/x) f_v gives (f_(v-1) {b} f_(v+1))/2 + c/2."
)
entry(
    "scipy_table.struve",
    "z = H_v(x) = Σ_k (-1)^k (x/2)^(v+2k+1) / (Γ(k + 3/2) Γ(v + k + 3/2))",
    f"{_STRUVE.format(a='+', b='-')} {_ORDER}",
    at=([0.5, 1.5], [1.0, 2.0]),
    conventions=[*_refuses("struve"), _at_zero("struve", 0.0, 2 / 3.141592653589793)],
    source=f"{_DLMF}, 11.4",
)
entry(
    "scipy_table.modstruve",
    "z = L_v(x) = Σ_k (x/2)^(v+2k+1) / (Γ(k + 3/2) Γ(v + k + 3/2))",
    f"{_STRUVE.format(a='-', b='+')} {_ORDER}",
    at=([0.5, 1.5], [1.0, 2.0]),
    conventions=_refuses("modstruve"),
    source=f"{_DLMF}, 11.4",
)
entry(
    "scipy_table.itstruve0",
    "y = ∫ H_0(t) dt from 0 to x",
    "An integral's derivative in its upper end is the integrand there.",
    at=([0.5, 2.0],),
    source=f"{_DLMF}, 11.7",
)
entry(
    "scipy_table.it2struve0",
    "y = ∫ H_0(t)/t dt from x to infinity",
    "An integral's derivative in its lower end is minus the integrand there.",
    at=([0.5, 2.0],),
    source=f"{_DLMF}, 11.7",
)
entry(
    "scipy_table.itmodstruve0",
    "y = ∫ L_0(t) dt from 0 to x",
    "An integral's derivative in its upper end is the integrand there.",
    at=([0.5, 2.0],),
    source=f"{_DLMF}, 11.7",
)
