"""Exponentials, logarithms, (arc) trigonometric and hyperbolic functions."""

from ..table import entry

# -- exponentials and logarithms -------------------------------------------------------------------------------------

entry(
    "elementary.exp",
    "y = exp(x) = Σ_k x^k / k!",
    "Term by term (x^k / k!)' = x^(k-1) / (k-1)!, the series again.",
    at=([-1.0, 0.0, 0.5],),
    conventions=[("where y underflows to 0, so does the derivative", "grad(np.exp)(-800.0)", 0.0)],
)
entry(
    "elementary.exp2",
    "y = 2^x = exp(x log 2)",
    "By the chain rule y' = exp(x log 2) log 2.",
    at=([-1.0, 0.0, 1.5],),
)
entry(
    "elementary.expm1",
    "y = exp(x) - 1, without cancellation near 0",
    "The constant drops out: y' = exp(x), which the output gives as y + 1.",
    at=([-0.5, 0.0, 1e-3],),
    conventions=[("near 0 nothing cancels", "grad(np.expm1)(1e-20)", 1.0)],
)
entry(
    "elementary.log",
    "y = log(x): exp(y) = x",
    "Differentiate exp(y) = x: exp(y) y' = 1, so y' = 1/exp(y).",
    at=([0.5, 1.0, 4.0],),
    conventions=[
        ("at 0 the derivative is infinite", "grad(np.log)(0.0)", float("inf")),
        ("but a cotangent of exactly 0 stays 0 there", "vjp(np.log, 0.0)[1](0.0)", (0.0,)),
        (
            "so a branch that np.where does not take is harmless",
            "grad(lambda x: np.where(x > 0, np.log(x), 0.0))(0.0)",
            0.0,
        ),
    ],
)
entry(
    "elementary.log1p",
    "y = log(1 + x), without cancellation near 0",
    "Differentiate exp(y) = 1 + x: exp(y) y' = 1, so y' = 1/(1 + x).",
    at=([-0.5, 0.0, 1.0],),
    conventions=[
        ("at -1 the derivative is infinite", "grad(np.log1p)(-1.0)", float("inf")),
        ("but a cotangent of exactly 0 stays 0 there", "vjp(np.log1p, -1.0)[1](0.0)", (0.0,)),
    ],
)
for _name, _base in (("log2", 2), ("log10", 10)):
    entry(
        f"elementary.{_name}",
        f"y = log(x) / log({_base}): {_base}^y = x",
        f"The logarithm's derivative 1/x over the constant log {_base}.",
        at=([0.5, 1.0, 4.0],),
        conventions=[
            ("at 0 the derivative is infinite", f"grad(np.{_name})(0.0)", float("inf")),
            ("but a cotangent of exactly 0 stays 0 there", f"vjp(np.{_name}, 0.0)[1](0.0)", (0.0,)),
        ],
    )

# -- trigonometric ---------------------------------------------------------------------------------------------------

_ADDITION = "sin(x + h) = sin(x) cos(h) + cos(x) sin(h)"
entry(
    "elementary.sin",
    "y = sin(x)",
    f"{_ADDITION}, with cos(h) = 1 + O(h²) and sin(h) = h + O(h³): the part linear in h is cos(x) h.",
    at=([-1.0, 0.0, 0.5],),
)
entry(
    "elementary.cos",
    "y = cos(x) = sin(x + π/2)",
    "From sin' = cos by the shift: y' = cos(x + π/2) = -sin(x).",
    at=([-1.0, 0.25, 0.5],),
)
entry(
    "elementary.tan",
    "y = tan(x) = sin(x) / cos(x)",
    "By the quotient rule y' = (cos² x + sin² x) / cos² x = 1 + tan² x.",
    at=([-1.0, 0.0, 0.5],),
)
entry(
    "elementary.arcsin",
    "y = arcsin(x): sin(y) = x, -π/2 <= y <= π/2",
    "Differentiate sin(y) = x: cos(y) y' = 1, and cos(y) = sqrt(1 - sin² y) is not negative there.",
    at=([-0.5, 0.0, 0.5],),
    conventions=[
        ("at ±1 the derivative is infinite", "grad(np.arcsin)(1.0)", float("inf")),
        ("but a cotangent of exactly 0 stays 0 there", "vjp(np.arcsin, 1.0)[1](0.0)", (0.0,)),
    ],
)
entry(
    "elementary.arccos",
    "y = arccos(x) = π/2 - arcsin(x)",
    "The derivative of arcsin with the other sign.",
    at=([-0.5, 0.0, 0.5],),
    conventions=[
        ("at ±1 the derivative is infinite", "grad(np.arccos)(1.0)", float("-inf")),
        ("but a cotangent of exactly 0 stays 0 there", "vjp(np.arccos, 1.0)[1](0.0)", (0.0,)),
    ],
)
entry(
    "elementary.arctan",
    "y = arctan(x): tan(y) = x",
    "Differentiate tan(y) = x: (1 + tan² y) y' = 1, and tan(y) is x.",
    at=([-2.0, 0.0, 0.5],),
)

# -- hyperbolic ------------------------------------------------------------------------------------------------------

entry(
    "elementary.sinh",
    "y = sinh(x) = (exp(x) - exp(-x)) / 2",
    "exp(-x) changes its sign when it is differentiated: y' = (exp(x) + exp(-x)) / 2.",
    at=([-1.0, 0.0, 0.5],),
)
entry(
    "elementary.cosh",
    "y = cosh(x) = (exp(x) + exp(-x)) / 2",
    "exp(-x) changes its sign when it is differentiated: y' = (exp(x) - exp(-x)) / 2.",
    at=([-1.0, 0.25, 0.5],),
)
entry(
    "elementary.tanh",
    "y = tanh(x) = sinh(x) / cosh(x)",
    "By the quotient rule y' = (cosh² x - sinh² x) / cosh² x = 1 - tanh² x.",
    at=([-1.0, 0.0, 0.5],),
    conventions=[("where y rounds to ±1 the derivative is exactly 0", "grad(np.tanh)(40.0)", 0.0)],
)
entry(
    "elementary.tanh_gradient",
    "z = g (1 - y²)",
    "tanh's rule applied to g, as one operation of g and of tanh's output y; it is there so that it has a derivative "
    "in its turn. It is linear in g, and ∂(1 - y²)/∂y = -2 y.",
    at=([1.0, 2.0], [0.5, -0.25]),
)
entry(
    "elementary.arcsinh",
    "y = arcsinh(x): sinh(y) = x",
    "Differentiate sinh(y) = x: cosh(y) y' = 1, and cosh(y) = sqrt(1 + sinh² y).",
    at=([-2.0, 0.0, 0.5],),
)
entry(
    "elementary.arccosh",
    "y = arccosh(x): cosh(y) = x, y >= 0",
    "Differentiate cosh(y) = x: sinh(y) y' = 1, and sinh(y) = sqrt(cosh² y - 1) for y >= 0.",
    at=([1.5, 2.0, 4.0],),
    conventions=[
        ("at 1 the derivative is infinite", "grad(np.arccosh)(1.0)", float("inf")),
        ("but a cotangent of exactly 0 stays 0 there", "vjp(np.arccosh, 1.0)[1](0.0)", (0.0,)),
    ],
)
entry(
    "elementary.arctanh",
    "y = arctanh(x): tanh(y) = x",
    "Differentiate tanh(y) = x: (1 - tanh² y) y' = 1, and tanh(y) is x.",
    at=([-0.5, 0.0, 0.5],),
    conventions=[
        ("at ±1 the derivative is infinite", "grad(np.arctanh)(-1.0)", float("inf")),
        ("but a cotangent of exactly 0 stays 0 there", "vjp(np.arctanh, -1.0)[1](0.0)", (0.0,)),
    ],
)

# -- units -----------------------------------------------------------------------------------------------------------

entry("elementary.deg2rad", "y = x π / 180", "A multiple of x; its derivative is the factor.", at=([-90.0, 45.0],))
entry("elementary.rad2deg", "y = x 180 / π", "A multiple of x; its derivative is the factor.", at=([-1.0, 0.5],))
