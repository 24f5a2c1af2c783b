"""Gamma and beta functions of SciPy, incomplete ones, distributions."""

from ..table import entry

_DLMF = "NIST Digital Library of Mathematical Functions"
_NAN = float("nan")

# -- gamma -----------------------------------------------------------------------------------------------------------

_PSI = "Everything follows from ψ = (log Γ)': "
entry(
    "scipy_table.gamma",
    "y = Γ(x) = ∫ t^(x-1) exp(-t) dt over (0, ∞)",
    "ψ is defined as (log Γ)' = Γ'/Γ, so Γ' = Γ ψ. (Under the integral a factor log t comes down.)",
    at=([0.5, 2.5],),
    conventions=[
        ("at 1 the slope is minus Euler's constant", "grad(sp.gamma)(1.0)", -0.5772156649015329),
        ("at the poles -1, -2, ... there is none", "grad(sp.gamma)(-1.0)", _NAN),
    ],
    source=f"{_DLMF}, 5.2",
)
for _name, _formula in (
    ("gammaln", "y = log|Γ(x)|"),
    ("loggamma", "y = log Γ(x), continued along the plane without its cut"),
):
    entry(
        f"scipy_table.{_name}",
        _formula,
        "(log Γ)' = Γ'/Γ is what ψ is defined as; a modulus changes the sign of both, and not their quotient.",
        at=([0.5, 2.5],),
        conventions=[
            ("Γ(1) = Γ(2), and the minimum lies between", f"grad(sp.{_name})(2.0) > 0 > grad(sp.{_name})(1.0)", True)
        ],
        source=f"{_DLMF}, 5.2",
    )
entry(
    "scipy_table.rgamma",
    "y = 1/Γ(x), 0 at the poles of Γ",
    "(1/Γ)' = -Γ'/Γ² = -y ψ(x). At 0, -1, ... this is 0 times infinity; there, and left of 1/2, the reflection "
    "1/Γ(x) = Γ(1-x) sin(πx)/π is differentiated instead: y' = Γ(1-x) (cos(πx) - sin(πx) ψ(1-x)/π).",
    at=([-0.5, 0.25, 2.5],),
    conventions=[
        ("at 0 the slope is 1", "grad(sp.rgamma)(0.0)", 1.0),
        ("at -1 it is -1", "grad(sp.rgamma)(-1.0)", -1.0),
    ],
    source=f"{_DLMF}, 5.5",
)
entry(
    "scipy_table.psi",
    "y = ψ(x) = -γ + Σ_k (1/(k + 1) - 1/(k + x))",
    "Term by term (-1/(k + x))' = 1/(k + x)²: the sum is Hurwitz's ζ(2, x).",
    at=([0.5, 2.5],),
    conventions=[("at 1 the slope is π²/6", "grad(sp.psi)(1.0)", 3.141592653589793**2 / 6)],
    source=f"{_DLMF}, 5.15",
)
entry(
    "scipy_table.zeta",
    "z = ζ(x, q) = Σ_k (k + q)^(-x), k from 0",
    "Term by term ∂q (k + q)^(-x) = -x (k + q)^(-x-1): ∂q = -x ζ(x + 1, q). The derivative in x is another kind of "
    "function, and is refused.",
    at=([2.0, 3.5], [0.5, 2.0]),
    conventions=[("no derivative in x", "grad(lambda x: sp.zeta(x, 1.0))(2.0)", TypeError)],
    source=f"{_DLMF}, 25.11",
)
entry(
    "scipy_gamma.hurwitz_op",
    "y = ζ(s, q) = Σ_k (k + q)^(-s), k from 0, for complex q and whole s >= 2",
    at=([1.5 + 0.5j, 2.0 - 1.0j],),
    options={"s": 2},
    derivation=(
        "Term by term ((k + q)^(-s))' = -s (k + q)^(-s-1), so y' = -s ζ(s + 1, q), the same function again. It is "
        "holomorphic: dy = y' dq elementwise, so Re Σ g dy gives q_bar = g y', and y_dot = y' q_dot."
        "\n\n"
        "The sum is taken up to Re(q + k) >= 12, and its rest by Euler and Maclaurin's formula."
    ),
    conventions=[
        (
            "it is what the digamma function of complex numbers has for derivative",
            "np.round(np.imag(vjp(sp.psi, 1.0 + 1.0j)[1](1.0 + 0j)[0]), 8)",
            -0.79423354,
        ),
    ],
    source=f"{_DLMF}, 25.11",
)
entry(
    "scipy_table.gammasgn",
    "y = sign of Γ(x)",
    "Constant between jumps, which lie at the poles of Γ: 0, -1, -2, ...",
    at=([-0.5, 2.5],),
)
entry(
    "scipy_table.poch",
    "y = Γ(z + m)/Γ(z) = z (z + 1) ... (z + m - 1)",
    f"{_PSI}log y = log Γ(z + m) - log Γ(z); differentiate, and multiply with y.",
    at=([0.5, 2.5], [1.5, 2.0]),
    source=f"{_DLMF}, 5.2",
)
entry(
    "scipy_table.binom",
    "y = Γ(n + 1)/(Γ(k + 1) Γ(n - k + 1))",
    f"{_PSI}take the logarithm of the quotient, differentiate each log Γ, and multiply with y. k enters twice, with "
    "opposite signs.",
    at=([4.5, 2.5], [1.5, 0.5]),
    conventions=[("n choose k and n choose n - k: no slope at k = n/2", "grad(lambda k: sp.binom(5.0, k))(2.5)", 0.0)],
    source=f"{_DLMF}, 1.2",
)

# -- beta ------------------------------------------------------------------------------------------------------------

entry(
    "scipy_table.beta",
    "z = B(a, b) = ∫ t^(a-1) (1-t)^(b-1) dt over (0, 1) = Γ(a) Γ(b)/Γ(a + b)",
    f"{_PSI}log z = log Γ(a) + log Γ(b) - log Γ(a + b), so ∂a = z (ψ(a) - ψ(a + b)) and ∂b = z (ψ(b) - ψ(a + b)).",
    at=([0.5, 2.5], [1.5, 2.0]),
    source=f"{_DLMF}, 5.12",
)
entry(
    "scipy_table.betaln",
    "z = log B(a, b) = log Γ(a) + log Γ(b) - log Γ(a + b)",
    f"{_PSI}∂a = ψ(a) - ψ(a + b), ∂b = ψ(b) - ψ(a + b).",
    at=([0.5, 2.5], [1.5, 2.0]),
    source=f"{_DLMF}, 5.12",
)
_BETA = "p(t) = t^(a-1) (1-t)^(b-1) / B(a, b)"
_PARAMETERS = "The derivatives in the parameters are other functions, and are refused."
_UPPER = "An integral's derivative in its upper end is the integrand there."
_LOWER = "An integral's derivative in its lower end is minus the integrand there."
_BETA_REFUSED = ("no derivative in a parameter", "grad(lambda a: sp.{}(a, 2.0, 0.5))(2.0)", TypeError)


_INF = float("inf")
_ENDS: dict[str, list[tuple[str, str, object]]] = {
    "betainc": [("where the density is infinite", "grad(lambda x: sp.betainc(0.5, 2.0, x))(0.0)", _INF)],
    "betaincc": [("where the density is infinite", "grad(lambda x: sp.betaincc(0.5, 2.0, x))(0.0)", -_INF)],
    "gammainc": [
        ("at 0 for a = 1, where the density is 1", "grad(lambda x: sp.gammainc(1.0, x))(0.0)", 1.0),
        ("at 0 for a < 1, where it is infinite", "grad(lambda x: sp.gammainc(0.5, x))(0.0)", _INF),
        ("a cotangent of exactly 0 stays 0 there", "grad(lambda x: 0.0 * sp.gammainc(0.5, x))(0.0)", 0.0),
    ],
    "gammaincc": [("at 0 for a < 1", "grad(lambda x: sp.gammaincc(0.5, x))(0.0)", -_INF)],
    "chdtr": [("of 2 degrees, at 0", "grad(lambda x: sp.chdtr(2.0, x))(0.0)", 0.5)],
    "pdtr": [
        ("of none, at m = 0", "grad(lambda m: sp.pdtr(0.0, m))(0.0)", -1.0),
        ("no derivative in k", "grad(lambda k: sp.pdtr(k, 1.0))(2.5)", TypeError),
    ],
    "fdtr": [
        ("of 2 and 4 degrees, at 0", "grad(lambda x: sp.fdtr(2.0, 4.0, x))(0.0)", 1.0),
        ("no derivative in d1", "grad(lambda d: sp.fdtr(d, 4.0, 1.0))(2.0)", TypeError),
    ],
}


def _refused(name: str) -> list[tuple[str, str, object]]:
    text, call, error = _BETA_REFUSED
    return [(text, call.format(name), error)]


for _name, _formula, _why in (
    ("betainc", f"z = ∫ p(t) dt from 0 to x, {_BETA}", _UPPER),
    ("betaincc", f"z = ∫ p(t) dt from x to 1, {_BETA}", _LOWER),
    ("betaincinv", f"y = ∫ p(t) dt from 0 to z, {_BETA}", "Differentiate ∫ p(t) dt = y: p(z) ∂y = 1."),
    ("betainccinv", f"y = ∫ p(t) dt from z to 1, {_BETA}", "Differentiate ∫ p(t) dt = y: -p(z) ∂y = 1."),
):  # fmt: skip
    entry(
        f"scipy_table.{_name}",
        _formula,
        f"{_why} {_PARAMETERS}",
        at=([1.5, 2.5], [2.0, 1.5], [0.25, 0.75]),
        conventions=[*_refused(_name), *_ENDS.get(_name, ())],
        source=f"{_DLMF}, 8.17",
    )

# -- incomplete gamma ------------------------------------------------------------------------------------------------

_GAMMA = "p(t) = t^(a-1) exp(-t) / Γ(a)"
_IN_A = (
    "The derivative in a, P_a, is an integral of its own: under it, ∂_a p = p (log t - ψ(a)). It is taken by "
    "quadrature, to any order, by the primitive gammainc of tinygrad_np.ops.incomplete_gamma."
)
for _name, _formula, _why in (
    ("gammainc", f"z = P(a, x) = ∫ p(t) dt from 0 to x, {_GAMMA}", f"{_UPPER} {_IN_A}"),
    (
        "gammaincc",
        f"z = Q(a, x) = ∫ p(t) dt from x to infinity, {_GAMMA}",
        f"Q = 1 - P, so ∂x = -p(x) and ∂a = -P_a(a, x). {_IN_A}",
    ),
    (
        "gammaincinv",
        f"P(a, z) = y, P(a, x) = ∫ p(t) dt from 0 to x, {_GAMMA}",
        f"Differentiate P(a, z) = y: in y, p(z) ∂y = 1; in a, P_a + p(z) ∂a = 0. {_IN_A}",
    ),
    (
        "gammainccinv",
        f"Q(a, z) = y, Q(a, x) = ∫ p(t) dt from x to infinity, {_GAMMA}",
        f"Differentiate Q(a, z) = 1 - P(a, z) = y: in y, -p(z) ∂y = 1; in a, P_a + p(z) ∂a = 0. {_IN_A}",
    ),
):
    entry(
        f"scipy_table.{_name}",
        _formula,
        _why,
        at=([1.5, 2.5], [0.25, 0.75]),
        conventions=_ENDS.get(_name, ()),
        source=f"{_DLMF}, 8.2 and 8.8",
    )

# -- distributions ---------------------------------------------------------------------------------------------------

_COMPLEMENT = "It is 1 - {of}, so all derivatives are the negatives of those: "
for _name, _formula, _why, _at, _complement in (
    (
        "chdtr",
        "z = P(v/2, x/2), the χ² distribution with v degrees of freedom, P the incomplete gamma function",
        "The chain rule with a = v/2 and t = x/2: ∂x = p(x/2)/2 with p(t) = t^(a-1) exp(-t)/Γ(a), ∂v = P_a(v/2, "
        "x/2)/2.",
        ([3.0, 4.5], [1.5, 2.0]),
        "z = Q(v/2, x/2), Q = 1 - P",
    ),
    (
        "gdtr",
        "z = P(b, a x), the gamma distribution of rate a and shape b",
        "The chain rule at t = a x: ∂x = a p(a x) and ∂a = x p(a x) with p(t) = t^(b-1) exp(-t)/Γ(b); ∂b is P's "
        "derivative in its parameter.",
        ([1.5, 0.5], [2.0, 1.5], [0.5, 2.0]),
        "z = Q(b, a x), Q = 1 - P",
    ),
    (
        "pdtr",
        "z = Σ_j exp(-m) m^j / j!, j from 0 to floor(k), the Poisson distribution",
        "∂m of the term j is the term j - 1 minus the term j: the sum telescopes to minus its last term, "
        "∂m = -exp(-m) m^floor(k) / floor(k)!. In k it is constant between jumps.",
        ([1.0, 3.0], [1.5, 2.0]),
        "z = Σ_j exp(-m) m^j / j!, j > floor(k)",
    ),
    (
        "fdtr",
        "z = I(u; d1/2, d2/2), u = d1 x/(d1 x + d2), the F distribution, I the incomplete beta function",
        "The chain rule: ∂x = p(u) du/dx with p the density of the beta distribution and du/dx = d1 d2/(d1 x + d2)². "
        "The derivatives in d1 and d2 are refused.",
        ([3.0, 4.0], [2.0, 5.0], [0.5, 2.0]),
        "z = 1 - I(u; d1/2, d2/2), u = d1 x/(d1 x + d2)",
    ),
):
    entry(
        f"scipy_table.{_name}",
        _formula,
        _why,
        at=_at,
        conventions=_ENDS.get(_name, ()),
        source=f"{_DLMF}, 8.2 and 8.17",
    )
    entry(
        f"scipy_table.{_name}c",
        _complement,
        _COMPLEMENT.format(of=_name) + _why,
        at=_at,
        source=f"{_DLMF}, 8.2 and 8.17",
    )
entry(
    "scipy_table.stdtr",
    "z = ∫ p(s) ds from -infinity to t, p(s) = (1 + s²/df)^(-(df+1)/2) / (√df B(df/2, 1/2)), Student's distribution",
    f"{_UPPER} The derivative in df is refused.",
    at=([3.0, 4.5], [0.5, -1.0]),
    conventions=[
        ("of one degree, Cauchy's: 1/π at 0", "grad(lambda t: sp.stdtr(1.0, t))(0.0)", 1 / 3.141592653589793),
        ("no derivative in df", "grad(lambda v: sp.stdtr(v, 0.5))(3.0)", TypeError),
    ],
)
entry(
    "scipy_table.stdtrit",
    "∫ q(s) ds = p from -infinity to z, q(s) the density of Student's distribution with df degrees of freedom",
    "Differentiate both sides in p: q(z) ∂p = 1. The derivative in df is refused.",
    at=([3.0, 4.5], [0.25, 0.75]),
    conventions=[("no derivative in df", "grad(lambda v: sp.stdtrit(v, 0.5))(3.0)", TypeError)],
)
entry(
    "scipy_table.chdtri",
    "Q(v/2, z/2) = p, the inverse of chdtrc in x",
    "Differentiate both sides in p: -q(z/2)/2 ∂p = 1 with the density q(t) = t^(v/2-1) exp(-t)/Γ(v/2). The derivative "
    "in v is refused.",
    at=([3.0, 4.5], [0.25, 0.75]),
    conventions=[("no derivative in v", "grad(lambda v: sp.chdtri(v, 0.5))(3.0)", TypeError)],
)
