"""Hypergeometric functions of SciPy, elliptic integrals, orthogonal polynomials."""

from ..table import entry

_DLMF = "NIST Digital Library of Mathematical Functions"
_PARAMETERS = "The derivatives in the parameters are no functions of the same kind, and are refused."
_SHIFT = (
    "With (a)_k = a (a+1) ... (a+k-1), differentiate term by term: k/k! = 1/(k-1)!, and (a)_(k+1) = a (a+1)_k pulls "
    "one factor out of each symbol, so that the sum from k - 1 = 0 is the series with all parameters raised by 1."
)

# -- hypergeometric functions ----------------------------------------------------------------------------------------

entry(
    "scipy_table.hyp0f1",
    "y = F(; v; z) = Σ_k z^k / ((v)_k k!)",
    f"{_SHIFT} {_PARAMETERS}",
    at=([1.5, 2.5], [0.5, -1.0]),
    conventions=[("no derivative in v", "grad(lambda v: sp.hyp0f1(v, 0.5))(1.5)", TypeError)],
    source=f"{_DLMF}, 16.3",
)
entry(
    "scipy_table.hyp1f1",
    "z = M(a, b, x) = Σ_k (a)_k x^k / ((b)_k k!)",
    f"{_SHIFT} {_PARAMETERS}",
    at=([1.5, 0.5], [2.5, 2.0], [0.5, -1.0]),
    conventions=[
        ("M(a, a, x) = exp(x)", "grad(lambda x: sp.hyp1f1(1.5, 1.5, x))(0.0)", 1.0),
        ("no derivative in a", "grad(lambda a: sp.hyp1f1(a, 1.5, 0.5))(1.5)", TypeError),
    ],
    source=f"{_DLMF}, 13.3",
)
entry(
    "scipy_table.hyperu",
    "z = U(a, b, x) = ∫ exp(-x t) t^(a-1) (1+t)^(b-a-1) dt over (0, ∞) / Γ(a)",
    "Under the integral a factor -t comes down, which makes a + 1 of a and, for the power of 1 + t stays, b + 1 of b; "
    "and "
    f"Γ(a + 1) = a Γ(a). {_PARAMETERS}",
    at=([1.5, 0.5], [2.5, 1.25], [0.5, 2.0]),
    conventions=[("no derivative in a", "grad(lambda a: sp.hyperu(a, 1.5, 0.5))(1.5)", TypeError)],
    source=f"{_DLMF}, 13.3 and 13.4",
)
entry(
    "scipy_table.hyp2f1",
    "y = F(a, b; c; z) = Σ_k (a)_k (b)_k z^k / ((c)_k k!)",
    f"{_SHIFT} {_PARAMETERS}",
    at=([1.5, 0.5], [0.5, 1.0], [2.5, 2.0], [0.25, -0.5]),
    conventions=[
        ("F(1, b; b; z) = 1/(1 - z)", "grad(lambda z: sp.hyp2f1(1.0, 2.0, 2.0, z))(0.5)", 4.0),
        ("no derivative in a", "grad(lambda a: sp.hyp2f1(a, 0.5, 2.5, 0.25))(1.5)", TypeError),
    ],
    source=f"{_DLMF}, 15.5",
)
entry(
    "scipy_table.wright_bessel",
    "z = Φ(a, b; x) = Σ_k x^k / (k! Γ(a k + b))",
    f"Term by term k/k! = 1/(k-1)!, and a k + b = a (k-1) + (a + b): the same series with a + b for b. {_PARAMETERS}",
    at=([1.0, 0.5], [1.5, 2.0], [0.5, 1.5]),
    source=f"{_DLMF}, 10.46",
)
entry(
    "scipy_table.spence",
    "y = -∫ log(t)/(t - 1) dt from 1 to z",
    "An integral's derivative in its upper end is the integrand there. At z = 1 it is 0/0; with u = 1 - z, "
    "log(z)/(z - 1) = -log(1 - u)/u = Σ_k u^k/(k + 1) = F(1, 1; 2; u), which has nothing special there.",
    at=([0.5, 1.5],),
    conventions=[
        ("at 1 the slope is -1", "grad(sp.spence)(1.0)", -1.0),
        ("at 0, the end of the domain, minus infinity", "grad(sp.spence)(0.0)", float("-inf")),
    ],
    source=f"{_DLMF}, 25.12",
)

# -- elliptic integrals ----------------------------------------------------------------------------------------------

entry(
    "scipy_table.ellipk",
    "y = K(m) = ∫ (1 - m sin²t)^(-1/2) dt over (0, π/2) = π/2 F(1/2, 1/2; 1; m)",
    "F(a, b; c; m)' = (a b/c) F(a + 1, b + 1; c + 1; m), here with a b/c = 1/4.",
    at=([0.25, -1.0],),
    conventions=[
        ("at 0 the slope is π/8", "grad(sp.ellipk)(0.0)", 3.141592653589793 / 8),
        ("at 1, the end of the domain, it is infinite", "grad(sp.ellipk)(1.0)", float("inf")),
    ],
    source=f"{_DLMF}, 19.5",
)
entry(
    "scipy_table.ellipe",
    "y = E(m) = ∫ (1 - m sin²t)^(1/2) dt over (0, π/2) = π/2 F(-1/2, 1/2; 1; m)",
    "F(a, b; c; m)' = (a b/c) F(a + 1, b + 1; c + 1; m), here with a b/c = -1/4.",
    at=([0.25, -1.0],),
    conventions=[
        ("at 0 the slope is -π/8", "grad(sp.ellipe)(0.0)", -3.141592653589793 / 8),
        ("at 1, the end of the domain, minus infinity", "grad(sp.ellipe)(1.0)", float("-inf")),
    ],
    source=f"{_DLMF}, 19.5",
)
entry(
    "scipy_table.ellipkm1",
    "y = K(1 - p) = ∫ (1 - (1 - p) sin²t)^(-1/2) dt over (0, π/2), exact for small p",
    "dK/dm = (E - (1 - m) K)/(2 m (1 - m)), and m = 1 - p turns the sign: y' = -(E - p K)/(2 p (1 - p)). Near p = 1 "
    "the numerator cancels, and y' is taken as -π/8 F(3/2, 3/2; 2; 1 - p).",
    at=([0.25, 0.75],),
    conventions=[("at p = 1 the slope is -π/8", "grad(sp.ellipkm1)(1.0)", -3.141592653589793 / 8)],
    source=f"{_DLMF}, 19.4",
)
for _name, _sign, _power in (("ellipkinc", "F", "-1/2"), ("ellipeinc", "E", "1/2")):
    entry(
        f"scipy_table.{_name}",
        f"z = {_sign}(φ, m) = ∫ (1 - m sin²t)^({_power}) dt from 0 to φ",
        "An integral's derivative in its upper end is the integrand there. The derivative in m is refused.",
        at=([0.5, 1.0], [0.25, -1.0]),
        conventions=[("no derivative in m", f"grad(lambda m: sp.{_name}(0.5, m))(0.25)", TypeError)],
        source=f"{_DLMF}, 19.2",
    )

# -- orthogonal polynomials ------------------------------------------------------------------------------------------

_JACOBI = (
    "P_n is orthogonal to all lower degrees under the weight (1-x)^α (1+x)^β. Integration by parts shows that P_n' is "
    "so under the weight with α + 1 and β + 1, which only P_(n-1)^(α+1, β+1) is, to a factor; the leading coefficients "
    "give it: (n + α + β + 1)/2."
)
_WHOLE = "The degree and the parameters are not differentiated."
_X = [0.25, -0.5]
_POLYNOMIALS = {
    "eval_jacobi": (
        "z = P_n^(α, β)(x), Jacobi's polynomial of degree n",
        _JACOBI,
        ([2, 3], [0.5, 1.0], [1.5, 0.0], _X),
        "18.9",
    ),
    "eval_legendre": (
        "z = P_n(x), Legendre's polynomial, P_n^(0, 0)",
        f"{_JACOBI} Here α = β = 0.",
        ([2, 3], _X),
        "18.9",
    ),
    "eval_gegenbauer": (
        "z = C_n^(α)(x): Σ_n C_n^(α)(x) t^n = (1 - 2 x t + t²)^(-α)",
        "Differentiate the generating function in x: 2 α t (1 - 2 x t + t²)^(-α-1), which is 2 α t Σ_n C_n^(α+1)(x) "
        "t^n.",
        ([2, 3], [0.5, 1.5], _X),
        "18.9 and 18.12",
    ),
    "eval_chebyt": (
        "z = T_n(x) = cos(n θ), x = cos θ",
        "dz/dθ = -n sin(n θ) and dx/dθ = -sin θ: the quotient is n sin(n θ)/sin θ = n U_(n-1)(x).",
        ([2, 3], _X),
        "18.9",
    ),
    "eval_chebyu": (
        "z = U_n(x) = sin((n + 1) θ)/sin θ, x = cos θ",
        "U_n is Gegenbauer's C_n^(1), and those have C_n^(α)' = 2 α C_(n-1)^(α+1), by their generating function.",
        ([2, 3], _X),
        "18.9",
    ),
    "eval_hermite": (
        "z = H_n(x): Σ_n H_n(x) t^n/n! = exp(2 x t - t²)",
        "Differentiate the generating function in x: it is multiplied by 2 t, so H_n'/n! = 2 H_(n-1)/(n-1)!.",
        ([2, 3], _X),
        "18.9 and 18.12",
    ),
    "eval_hermitenorm": (
        "z = He_n(x): Σ_n He_n(x) t^n/n! = exp(x t - t²/2)",
        "Differentiate the generating function in x: it is multiplied by t, so He_n'/n! = He_(n-1)/(n-1)!.",
        ([2, 3], _X),
        "18.9 and 18.12",
    ),
    "eval_laguerre": (
        "z = L_n(x): Σ_n L_n(x) t^n = exp(-x t/(1 - t))/(1 - t)",
        "Differentiate the generating function in x: it is multiplied by -t/(1 - t), which makes exponent 2 of "
        "exponent 1 in the denominator and shifts n by one: -L_(n-1)^(1).",
        ([2, 3], [0.5, 2.0]),
        "18.9 and 18.12",
    ),
    "eval_genlaguerre": (
        "z = L_n^(α)(x): Σ_n L_n^(α)(x) t^n = exp(-x t/(1 - t))/(1 - t)^(α+1)",
        "Differentiate the generating function in x: it is multiplied by -t/(1 - t), which raises α by 1 and shifts n "
        "by one.",
        ([2, 3], [0.5, 1.5], [0.5, 2.0]),
        "18.9 and 18.12",
    ),
}
for _name, (_formula, _why, _at, _section) in _POLYNOMIALS.items():
    _others = ", ".join("0" if isinstance(_a[0], int) else "0.5" for _a in _at[:-1])
    entry(
        f"scipy_table.{_name}",
        _formula,
        f"{_why} {_WHOLE}",
        at=_at,
        conventions=[("a constant has the derivative 0", f"grad(lambda x: sp.{_name}({_others}, x))(0.25)", 0.0)],
        source=f"{_DLMF}, {_section}",
    )
