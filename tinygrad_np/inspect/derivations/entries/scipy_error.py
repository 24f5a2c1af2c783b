"""Error functions of SciPy, the normal distribution, exponential integrals, entropies, power transforms."""

from ..table import entry

_DLMF = "NIST Digital Library of Mathematical Functions"
_UPPER = "An integral's derivative in its upper end is the integrand there."
_LOWER = "An integral's derivative in its lower end is minus the integrand there."
_INF = float("inf")

# -- error functions -------------------------------------------------------------------------------------------------

for _name, _formula, _why, _at in (
    ("erf", "y = (2/√π) ∫ exp(-t²) dt from 0 to x", _UPPER, [-1.0, 0.5]),
    ("erfc", "y = (2/√π) ∫ exp(-t²) dt from x to infinity", _LOWER, [-1.0, 2.5]),
    ("erfi", "y = (2/√π) ∫ exp(t²) dt from 0 to x", _UPPER, [-1.0, 0.5]),
    (
        "erfcx",
        "y = exp(x²) erfc(x)",
        "The product rule: 2 x exp(x²) erfc(x) is 2 x y, and exp(x²) erfc'(x) = -2/√π, for the exponentials cancel.",
        [-0.5, 2.0],
    ),
    (
        "dawsn",
        "y = exp(-x²) ∫ exp(t²) dt from 0 to x",
        "The product rule: -2 x exp(-x²) times the integral is -2 x y, and exp(-x²) exp(x²) = 1.",
        [-0.5, 2.0],
    ),
    (
        "wofz",
        "y = exp(-z²) erfc(-iz)",
        "The product rule: -2 z exp(-z²) erfc(-iz) is -2 z y, and exp(-z²) (-i) erfc'(-iz) = 2i/√π exp(-z²) exp(z²).",
        [0.5 + 0.5j, -1.0 + 0.25j],
    ),
):
    entry(f"scipy_table.{_name}", _formula, _why, at=(_at,), source=f"{_DLMF}, 7.2 and 7.10")

_INVERSE = "Differentiate {of} = {x}: {slope} y' = 1, so y' is one over the slope, taken at y."
for _name, _formula, _of, _x, _slope, _at in (
    ("erfinv", "y = erf⁻¹(x): erf(y) = x", "erf(y)", "x", "2/√π exp(-y²)", [-0.5, 0.25]),
    ("erfcinv", "y = erfc⁻¹(x): erfc(y) = x", "erfc(y)", "x", "-2/√π exp(-y²)", [0.5, 1.25]),
    ("ndtri", "y = Φ⁻¹(p): Φ(y) = p", "Φ(y)", "p", "exp(-y²/2)/√(2π)", [0.25, 0.9]),
):
    entry(
        f"scipy_table.{_name}",
        _formula,
        _INVERSE.format(of=_of, x=_x, slope=_slope),
        at=(_at,),
        conventions=[
            (
                "at an end of the domain, where y is infinite, so is the derivative",
                f"grad(sp.{_name})(1.0)" if _name != "erfcinv" else "grad(sp.erfcinv)(0.0)",
                -_INF if _name == "erfcinv" else _INF,
            )
        ],
        source=f"{_DLMF}, 7.17",
    )
entry(
    "scipy_table.ndtri_exp",
    "y = Φ⁻¹(exp(p)): log Φ(y) = p",
    "Differentiate log Φ(y) = p: φ(y)/Φ(y) y' = 1, so y' = Φ(y)/φ(y), which is √(π/2) erfcx(-y/√2), since "
    "Φ(y) = erfc(-y/√2)/2 and φ(y) = exp(-y²/2)/√(2π).",
    at=([-2.0, -0.5],),
)
entry(
    "scipy_table.ndtr",
    "y = Φ(x) = ∫ exp(-t²/2) dt / √(2π) from -infinity to x",
    f"{_UPPER} It is the density φ of the normal distribution.",
    at=([-1.0, 0.5],),
)
entry(
    "scipy_table.log_ndtr",
    "y = log Φ(x)",
    "The chain rule: Φ'/Φ = φ/Φ. Both underflow far to the left; in erfcx(u) = exp(u²) erfc(u) with u = -x/√2 the "
    "exponential of φ is divided out.",
    at=([-1.0, 0.5],),
    conventions=[("far to the left the slope is -x", "round(grad(sp.log_ndtr)(-1e8) / 1e8, 8)", 1.0)],
)
entry(
    "scipy_table.owens_t",
    "z = T(h, a) = (1/2π) ∫ exp(-h² (1 + t²)/2) / (1 + t²) dt from 0 to a",
    "∂a is the integrand at the upper end. Under the integral, ∂h brings down -h (1 + t²), which cancels the "
    "denominator: ∂h = -(h/2π) exp(-h²/2) ∫ exp(-h² t²/2) dt, an error function.",
    at=([0.5, 1.0], [0.25, 2.0]),
)
entry(
    "scipy_table.voigt_profile",
    "y = Re w(z) / (σ √(2π)), z = (x + iγ)/(σ √2), w(z) = exp(-z²) erfc(-iz)",
    "The chain rule with w' = -2 z w + 2i/√π and ∂z/∂x = 1/(σ√2), ∂z/∂γ = i/(σ√2), ∂z/∂σ = -z/σ: for x the real part "
    "of w', for γ that of i w', which is -Im w'; for σ, ∂sigma = -(Re(w' z)/(σ√(2π)) + y)/σ, the second term from the "
    "factor 1/σ.",
    at=([0.5, -1.0], [1.0, 0.5], [0.25, 1.0]),
)

# -- exponentials, logarithms, circular functions --------------------------------------------------------------------

entry(
    "scipy_table.expm1",
    "y = exp(x) - 1, without cancellation near 0",
    "The constant drops out: y' = exp(x), which the output gives as y + 1.",
    at=([-0.5, 1.0],),
)
entry(
    "scipy_table.log1p",
    "y = log(1 + x), without cancellation near 0",
    "Differentiate exp(y) = 1 + x: exp(y) y' = 1.",
    at=([-0.5, 1.0],),
    conventions=[("at -1 the derivative is infinite", "grad(sp.log1p)(np.float64(-1.0))", _INF)],
)
for _name, _base in (("exp2", 2), ("exp10", 10)):
    entry(
        f"scipy_table.{_name}",
        f"y = {_base}^x = exp(x log {_base})",
        f"The chain rule: exp(x log {_base}) log {_base}.",
        at=([-0.5, 1.0],),
    )
entry(
    "scipy_table.cbrt",
    "y = x^(1/3): y³ = x",
    "Differentiate y³ = x: 3 y² y' = 1.",
    at=([-1.0, 2.0],),
    conventions=[("at 0 the tangent stands upright", "grad(sp.cbrt)(np.float64(0.0))", _INF)],
)
entry(
    "scipy_table.exprel",
    "y = (exp(x) - 1)/x = ∫ exp(x t) dt over (0, 1)",
    "Under the integral a factor t comes down: ∫ t exp(x t) dt = Σ_k x^k / (k! (k + 2)), half of the confluent "
    "hypergeometric function M(2, 3, x). The quotient, which cancels near 0, is not formed.",
    at=([-1.0, 0.5],),
    conventions=[("at 0, where the quotient is 0/0, the slope is 1/2", "grad(sp.exprel)(0.0)", 0.5)],
    source=f"{_DLMF}, 13.4",
)
entry(
    "scipy_table.cosm1",
    "y = cos(x) - 1, without cancellation near 0",
    "The constant drops out, and cos' = -sin.",
    at=([-1.0, 0.5],),
)
_RIGHT_ANGLES = {
    "sindg": [("at 180 degrees, exactly", "grad(sp.sindg)(180.0)", -3.141592653589793 / 180)],
    "cosdg": [("at 180 degrees, exactly", "grad(sp.cosdg)(180.0)", 0.0)],
    "tandg": [("at 90 degrees, a pole", "grad(sp.tandg)(90.0)", _INF)],
}
_DEGREES = "The chain rule: a degree is π/180, and {rule}."
for _name, _formula, _rule, _at in (
    ("sindg", "y = sin(π x/180)", "sin' = cos", [-30.0, 50.0]),
    ("cosdg", "y = cos(π x/180)", "cos' = -sin", [-30.0, 50.0]),
    ("tandg", "y = tan(π x/180)", "tan' = (cos² + sin²)/cos² = 1 + tan²", [-30.0, 50.0]),
    ("cotdg", "y = cot(π x/180)", "cot' = -(sin² + cos²)/sin² = -(1 + cot²)", [-30.0, 50.0]),
):
    entry(
        f"scipy_table.{_name}",
        _formula,
        _DEGREES.format(rule=_rule),
        at=(_at,),
        conventions=_RIGHT_ANGLES.get(_name, ()),
    )
entry(
    "scipy_table.powm1",
    "z = x^y - 1, without cancellation where x^y is near 1",
    "x^y = exp(y log x): ∂x brings down y/x, ∂y brings down log x.",
    at=([1.5, 2.0], [0.5, 3.0]),
    conventions=[
        ("the square root of 0", "grad(lambda x: sp.powm1(x, 0.5))(np.float64(0.0))", _INF),
        ("0^y stays 0 for positive y", "grad(lambda y: sp.powm1(0.0, y))(np.float64(2.0))", 0.0),
    ],
)
entry(
    "scipy_table.round",
    "y = the nearest whole number, the even one at a tie",
    "Constant between jumps, which lie at the half numbers.",
    at=([0.4, 2.5],),
    conventions=[("a tie goes to the even number", "sp.round(2.5)", 2.0)],
)
entry(
    "scipy_table.expit",
    "y = 1/(1 + exp(-x))",
    "y' = exp(-x)/(1 + exp(-x))², which is y times 1/(1 + exp(x)) = expit(-x).",
    at=([-1.0, 0.5],),
    conventions=[("far out nothing cancels: the slope is exp(-x)", "grad(sp.expit)(40.0)", 4.248354255291589e-18)],
)
entry(
    "scipy_table.log_expit",
    "y = log expit(x) = -log(1 + exp(-x))",
    "The chain rule: exp(-x)/(1 + exp(-x)) = expit(-x).",
    at=([-1.0, 0.5],),
    conventions=[("far to the left the slope is 1", "grad(sp.log_expit)(-1e3)", 1.0)],
)
entry(
    "scipy_table.logit",
    "y = log(p/(1 - p))",
    "log p - log(1 - p) has the derivative 1/p + 1/(1 - p), on one denominator 1/(p (1 - p)).",
    at=([0.25, 0.9],),
    conventions=[("at 0 the derivative is infinite", "grad(sp.logit)(np.float64(0.0))", _INF)],
)

# -- exponential integrals -------------------------------------------------------------------------------------------

entry(
    "scipy_table.exp1",
    "y = ∫ exp(-t)/t dt from x to infinity",
    _LOWER,
    at=([0.5, 2.0],),
    conventions=[
        ("at 0, a pole, the derivative is minus infinity", "grad(sp.exp1)(np.float64(0.0))", -_INF),
        ("but a cotangent of exactly 0 stays 0 there", "grad(lambda x: 0.0 * sp.exp1(x))(np.float64(0.0))", 0.0),
    ],
    source=f"{_DLMF}, 6.2",
)
entry(
    "scipy_table.expi",
    "y = ∫ exp(t)/t dt from -infinity to x",
    f"{_UPPER} For x > 0 the integral is a principal value, and the pole at 0 does not move with x.",
    at=([-1.0, 2.0],),
    conventions=[("at 0+ the derivative is infinite", "grad(sp.expi)(np.float64(0.0))", _INF)],
    source=f"{_DLMF}, 6.2",
)
entry(
    "scipy_table.expn",
    "z = ∫ exp(-x t) t^(-n) dt from 1 to infinity",
    "Under the integral a factor -t comes down, which makes n - 1 of n. Below n = 1 this ends with E_0 = exp(-x)/x.",
    at=([1, 2], [0.5, 2.0]),
    conventions=[("for n = 0 too", "grad(lambda x: sp.expn(0, x))(2.0)", -0.10150146242745952)],
    source=f"{_DLMF}, 8.19",
)


def _two(name: str, formula: str, why: str, at: list[float], conventions: list[tuple[str, str, object]]) -> None:
    """Enter a function with two results."""
    entry(
        f"scipy_table.{name}",
        formula,
        at=(at,),
        derivation=f"{why} Each result depends on its own x alone: dy_k = y'_k dx, so <g, dy> = Σ_k g_k y'_k dx and "
        "x_bar = Σ_k g_k y'_k; in the other direction y_dot_k = y'_k x_dot.",
        conventions=conventions,
        source=f"{_DLMF}, 6.2",
    )


_two(
    "sici",
    "y = (∫ sin(t)/t dt from 0 to x, γ + log(x) + ∫ (cos(t) - 1)/t dt from 0 to x)",
    "The integrands at x: sin(x)/x, and 1/x + (cos(x) - 1)/x = cos(x)/x.",
    [0.5, 2.0],
    [("sin(x)/x is 1 at 0", "grad(lambda x: sp.sici(x)[0])(0.0)", 1.0)],
)
_two(
    "shichi",
    "y = (∫ sinh(t)/t dt from 0 to x, γ + log(x) + ∫ (cosh(t) - 1)/t dt from 0 to x)",
    "The integrands at x: sinh(x)/x, and 1/x + (cosh(x) - 1)/x = cosh(x)/x.",
    [0.5, 2.0],
    [("sinh(x)/x is 1 at 0", "grad(lambda x: sp.shichi(x)[0])(0.0)", 1.0)],
)
entry(
    "scipy_table.wrightomega",
    "y = ω(z): y + log(y) = z",
    "Differentiate both sides: y' + y'/y = 1, so y' = y/(1 + y).",
    at=([-1.0, 2.0],),
)
entry(
    "scipy_table.lambertw",
    "y = W(z): y exp(y) = z, the k-th branch, found to within tol",
    "Differentiate both sides: (1 + y) exp(y) y' = 1. k and tol choose and are not differentiated.",
    at=([0.5 + 0j, 2.0 + 0.5j], 0, 1e-8),
    conventions=[
        ("at 0, where W(z)/z is 0/0, the slope is 1", "grad(lambda z: np.real(sp.lambertw(z)))(0.0)", 1.0),
    ],
    source=f"{_DLMF}, 4.13",
)

# -- entropies and losses --------------------------------------------------------------------------------------------

entry(
    "scipy_table.xlogy",
    "z = x log(y), 0 for x = 0",
    "A product: ∂x = log(y); ∂y = x/y, since log' = 1/y.",
    at=([0.5, 2.0], [1.5, 0.25]),
    conventions=[
        ("at x = y = 0 the derivative in y is 0", "grad(lambda y: sp.xlogy(0.0, y))(0.0)", 0.0),
        ("in x it is log(0)", "grad(lambda x: sp.xlogy(x, 0.0))(0.0)", -_INF),
    ],
)
entry(
    "scipy_table.xlog1py",
    "z = x log(1 + y), 0 for x = 0",
    "A product: ∂x = log(1 + y); ∂y = x/(1 + y).",
    at=([0.5, 2.0], [1.5, 0.25]),
    conventions=[("at x = 0, y = -1 the derivative in y is 0", "grad(lambda y: sp.xlog1py(0.0, y))(-1.0)", 0.0)],
)
entry(
    "scipy_table.entr",
    "y = -x log(x), 0 for x = 0",
    "The product rule: -log(x) - x/x.",
    at=([0.5, 2.0],),
    conventions=[
        ("at 0 the slope is infinite", "grad(sp.entr)(0.0)", _INF),
        ("but a cotangent of exactly 0 stays 0 there", "vjp(sp.entr, 0.0)[1](0.0)", (0.0,)),
    ],
)
entry(
    "scipy_table.rel_entr",
    "z = x log(x/y), 0 for x = 0, y >= 0",
    "z = x log(x) - x log(y): ∂x = log(x) + 1 - log(y), ∂y = -x/y.",
    at=([0.5, 2.0], [1.5, 0.25]),
    conventions=[
        ("at x = y = 0 the derivative in y is 0", "grad(lambda y: sp.rel_entr(0.0, y))(0.0)", 0.0),
        ("at x = 0 that in x is log(0)", "grad(lambda x: sp.rel_entr(x, 1.0))(0.0)", -_INF),
    ],
)
entry(
    "scipy_table.kl_div",
    "z = x log(x/y) - x + y, y for x = 0",
    "As for rel_entr, and the linear terms take 1 from ∂x and add 1 to ∂y: both vanish where x = y, the minimum.",
    at=([0.5, 2.0], [1.5, 0.25]),
    conventions=[
        ("where x = y the gradient is 0", "vjp(sp.kl_div, 2.0, 2.0)[1](1.0)", (0.0, 0.0)),
        ("at x = 0 that in x is log(0)", "grad(lambda x: sp.kl_div(x, 1.0))(0.0)", -_INF),
        ("at x = y = 0 the derivative in y is 1", "grad(lambda y: sp.kl_div(0.0, y))(0.0)", 1.0),
    ],
)
entry(
    "scipy_table.huber",
    "z = r²/2 where |r| <= δ, else δ (|r| - δ/2)",
    "Inside r²/2 gives r and nothing for δ; outside δ |r| - δ²/2 gives δ sign(r) and |r| - δ. At |r| = δ both agree: z "
    "is smooth there to first order.",
    at=([1.0, 0.5], [0.5, -2.0]),
    conventions=[
        ("at |r| = δ the derivative is ±δ", "grad(lambda r: sp.huber(1.0, r))(-1.0)", -1.0),
        ("and that in δ is 0", "grad(lambda d: sp.huber(d, 1.0))(1.0)", 0.0),
    ],
)
entry(
    "scipy_table.pseudo_huber",
    "z = δ² (s - 1), s = √(1 + u²), u = r/δ",
    "ds = (u/s) du with du = dr/δ - (r/δ²) dδ: ∂r = δ² (u/s)/δ = r/s, and ∂delta = 2 δ (s - 1) - δ² (u/s) r/δ² = "
    "δ (2 (s - 1) - u²/s). s - 1 is taken as u²/(1 + s), which does not cancel.",
    at=([1.0, 0.5], [0.5, -2.0]),
    conventions=[("at r = 0 there is no kink: the slope is 0", "grad(lambda r: sp.pseudo_huber(1.0, r))(0.0)", 0.0)],
)

# -- power transforms ------------------------------------------------------------------------------------------------

_BOXCOX = (
    "With l = log({x}), z = (exp(λ l) - 1)/λ = l e(λ l), e(u) = (exp(u) - 1)/u: so ∂lmbda = l² e'(λ l), which has "
    "nothing special at λ = 0. ∂x = {base}^(λ-1), for the λ in front of the power cancels."
)
entry(
    "scipy_table.boxcox",
    "z = (x^λ - 1)/λ, log(x) for λ = 0",
    _BOXCOX.format(x="x", base="x"),
    at=([0.5, 2.0], [1.5, 0.25]),
    conventions=[("at λ = 0, where the quotient is 0/0: log(x)²/2", "grad(lambda l: sp.boxcox(np.e, l))(0.0)", 0.5)],
)
entry(
    "scipy_table.boxcox1p",
    "z = ((1 + x)^λ - 1)/λ, log(1 + x) for λ = 0",
    _BOXCOX.format(x="1 + x", base="(1 + x)"),
    at=([0.5, 2.0], [1.5, 0.25]),
    conventions=[("at λ = 0: log(1 + x)²/2", "grad(lambda l: sp.boxcox1p(np.e - 1, l))(0.0)", 0.5)],
)
_UNBOXCOX = (
    "{base}^λ = 1 + λ y. Differentiate in y: λ {base}^(λ-1) ∂y = λ, so ∂y = {base}^(1-λ). For λ, log({x}) = "
    "log(1 + u)/λ = y f(u) with u = λ y and f(u) = log(1 + u)/u = F(1, 1; 2; -u), whose derivative is -F(2, 2; 3; "
    "-u)/2: ∂lmbda = -{base} (y²/2) F(2, 2; 3; -u), with nothing special at λ = 0."
)
entry(
    "scipy_table.inv_boxcox",
    "z = (1 + λ y)^(1/λ), exp(y) for λ = 0",
    _UNBOXCOX.format(x="z", base="z"),
    at=([0.5, 1.0], [1.5, 0.25]),
    conventions=[("at λ = 0: -exp(y) y²/2", "grad(lambda l: sp.inv_boxcox(1.0, l))(0.0) / np.e", -0.5)],
    source=f"{_DLMF}, 15.4 and 15.5",
)
entry(
    "scipy_table.inv_boxcox1p",
    "z = (1 + λ y)^(1/λ) - 1, exp(y) - 1 for λ = 0",
    _UNBOXCOX.format(x="z + 1", base="(z + 1)"),
    at=([0.5, 1.0], [1.5, 0.25]),
    conventions=[("at λ = 0: -exp(y) y²/2", "grad(lambda l: sp.inv_boxcox1p(1.0, l))(0.0) / np.e", -0.5)],
    source=f"{_DLMF}, 15.4 and 15.5",
)
