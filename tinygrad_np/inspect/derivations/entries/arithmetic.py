"""Arithmetic with broadcasting, the extrema, clip, where, complex parts."""

from ..table import entry

_INF = float("inf")

entry(
    "arithmetic.add",
    "z = x + y",
    "(x + dx) + (y + dy) = z + dx + dy, so dz = dx + dy.",
    at=([[1.0, 2.0], [3.0, 4.0]], [10.0, 20.0]),
    conventions=[
        (
            "what was broadcast gets the sum over the axes along which it was",
            "vjp(np.add, np.ones((2, 3)), np.ones(3))[1](np.ones((2, 3)))[1]",
            [2.0, 2.0, 2.0],
        )
    ],
)
entry(
    "arithmetic.subtract",
    "z = x - y",
    "(x + dx) - (y + dy) = z + dx - dy, so dz = dx - dy.",
    at=([1.0, 2.0], [3.0, 5.0]),
)
entry(
    "arithmetic.multiply",
    "z = x y",
    "(x + dx)(y + dy) = z + y dx + x dy + dx dy, whose last term is of second order.",
    at=([1.0, 2.0], [3.0, 5.0]),
    conventions=[("an input used twice sums", "grad(lambda x: x * x)(3.0)", 6.0)],
)
entry(
    "arithmetic.divide",
    "z = x / y",
    "Differentiate z y = x: y dz + z dy = dx, so dz = (dx - z dy) / y.",
    at=([1.0, 2.0], [4.0, -2.0]),
    conventions=[
        ("at y = 0 the derivative is infinite", "grad(np.divide)(1.0, 0.0)", _INF),
        ("but a cotangent of exactly 0 stays 0 there", "vjp(np.divide, 1.0, 0.0)[1](0.0)", (0.0, 0.0)),
        (
            "so a branch that np.where does not take is harmless",
            "grad(lambda y: np.where(y != 0, 1 / y, 0.0))(0.0)",
            0.0,
        ),
    ],
)
entry(
    "arithmetic.remainder",
    "z = x - y floor(x / y)",
    "floor(x / y) is constant between its jumps, so there dz = dx - floor(x / y) dy.",
    at=([5.0, -3.5], [3.0, 2.0]),
    conventions=[("where z jumps, the derivative is that of the right side", "grad(np.remainder)(6.0, 3.0)", 1.0)],
)
entry(
    "arithmetic.power",
    "z = x^y = exp(y log x)",
    "dz = z d(y log x) = z (y/x dx + log(x) dy), and z y/x = y x^(y-1).",
    at=([1.0, 2.0, 0.5], [3.0, -1.0, 2.0]),
    conventions=[
        ("x^0 is the constant 1: its derivative is 0, at 0 too", "grad(lambda x: x**0)(0.0)", 0.0),
        ("also for a power that is an array", "grad(np.power)(0.0, np.array(0.0))", 0.0),
        ("at x = 0 the derivative in y is 0", "grad(np.power, 1)(0.0, 2.0)", 0.0),
        ("x^(1/2) has a pole at 0", "grad(lambda x: x**0.5)(0.0)", _INF),
        ("where a cotangent of exactly 0 stays 0", "vjp(lambda x: x**0.5, 0.0)[1](0.0)", (0.0,)),
        ("x² has the derivative 2 x, without a power", "grad(lambda x: x**2)(-3.0)", -6.0),
    ],
)
entry("arithmetic.negative", "y = -x", "-(x + dx) = y - dx.", at=([1.0, -2.0],))
entry("arithmetic.positive", "y = x", "A copy: dy = dx.", at=([1.0, -2.0],))
entry("arithmetic.square", "y = x²", "(x + dx)² = x² + 2 x dx + dx².", at=([1.0, -2.0, 0.5],))
entry(
    "arithmetic.sqrt",
    "y = sqrt(x): y² = x, y >= 0",
    "Differentiate y² = x: 2 y y' = 1.",
    at=([0.25, 1.0, 4.0],),
    conventions=[
        ("sqrt'(0) is infinite", "grad(np.sqrt)(0.0)", _INF),
        ("but a cotangent of exactly 0 stays 0 there", "vjp(np.sqrt, 0.0)[1](0.0)", (0.0,)),
        (
            "so a branch that np.where does not take is harmless",
            "grad(lambda x: np.where(x > 0, np.sqrt(x), 0.0))(0.0)",
            0.0,
        ),
    ],
)
entry(
    "arithmetic.cbrt",
    "y = x^(1/3): y³ = x",
    "Differentiate y³ = x: 3 y² y' = 1.",
    at=([-8.0, 1.0, 0.125],),
    conventions=[
        ("at 0 the derivative is infinite", "grad(np.cbrt)(0.0)", _INF),
        ("but a cotangent of exactly 0 stays 0 there", "vjp(np.cbrt, 0.0)[1](0.0)", (0.0,)),
    ],
)
entry(
    "arithmetic.reciprocal",
    "y = 1 / x",
    "Differentiate y x = 1: x dy + y dx = 0, so dy = -(y/x) dx and y = 1/x.",
    at=([0.5, 1.0, -4.0],),
    conventions=[
        ("at 0 the derivative is infinite", "grad(np.reciprocal)(0.0)", -_INF),
        ("but a cotangent of exactly 0 stays 0 there", "vjp(np.reciprocal, 0.0)[1](0.0)", (0.0,)),
    ],
)
entry(
    "arithmetic.absolute",
    "y = |x|; of complex x sqrt(x conj(x))",
    "y is x right of 0 and -x left of it. Of complex x = a + ib: y² = a² + b², so y dy = a da + b db = Re(conj(x) dx).",
    at=([1.0, -2.0, 0.5],),
    conventions=[
        ("|x|'(0) = 0, between the slopes -1 and 1 of the two sides", "grad(np.abs)(0.0)", 0.0),
        ("of complex x conj(x)/|x|, whose conjugate points uphill", "grad(np.abs)(3.0 + 4.0j)", 0.6 - 0.8j),
    ],
)

# -- extrema ---------------------------------------------------------------------------------------------------------

_ONE_TAKEN = (
    "z is one of the two, and near a point without a tie it stays that one: dz is dx or dy. At a tie z has no "
    "derivative; half of each is the mean of the two sides."
)
entry(
    "arithmetic.maximum",
    "z = max(x, y)",
    f"{_ONE_TAKEN} So ∂x = [x > y] + [x = y]/2, ∂y = [y > x] + [x = y]/2.",
    at=([1.0, 5.0], [3.0, 2.0]),
    conventions=[
        ("at a tie each takes half", "vjp(np.maximum, 2.0, 2.0)[1](1.0)", (0.5, 0.5)),
        (
            "so the derivative of maximum(x, 0) at 0 is 1/2, where relu has 0",
            "grad(lambda x: np.maximum(x, 0))(0.0)",
            0.5,
        ),
        (
            "complex numbers have no order, and no derivative here",
            "grad(lambda x: np.maximum(x, 1j).real)(1.0 + 0j)",
            TypeError,
        ),
    ],
)
entry(
    "arithmetic.minimum",
    "z = min(x, y)",
    f"{_ONE_TAKEN} So ∂x = [x < y] + [x = y]/2, ∂y = [y < x] + [x = y]/2.",
    at=([1.0, 5.0], [3.0, 2.0]),
    conventions=[("at a tie each takes half", "vjp(np.minimum, 2.0, 2.0)[1](1.0)", (0.5, 0.5))],
)
entry(
    "arithmetic.clip",
    "z = min(max(x, low), high)",
    "z is x between the bounds, low below and high above: dz is dx, dlow or dhigh, so ∂x = [low <= x <= high], "
    "∂low = [x < low], ∂high = [x > high].",
    at=([-2.0, 0.5, 3.0], [-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]),
    conventions=[
        ("at a bound x takes all of the cotangent", "grad(lambda x: np.clip(x, -1, 1))(1.0)", 1.0),
        ("and the bound none", "grad(lambda high: np.clip(1.0, -1.0, high))(1.0)", 0.0),
        ("beyond it x gets nothing", "grad(lambda x: np.clip(x, -1, 1))(1.5)", 0.0),
        ("bounds that leave no room: high takes all", "vjp(np.clip, 0.0, 2.0, 1.0)[1](1.0)", (0.0, 0.0, 1.0)),
    ],
)

# -- choices ---------------------------------------------------------------------------------------------------------

entry(
    "arithmetic.where",
    "z = x where the condition c holds, y elsewhere",
    "dz = c dx + (1 - c) dy with c in {0, 1}: ∂x = c, ∂y = 1 - c. The condition is no number and has no derivative.",
    at=([True, False, True], [1.0, 2.0, 3.0], [10.0, 20.0, 30.0]),
    conventions=[
        ("the cotangent goes to the branch that was taken", "grad(lambda x: np.where(x > 0, x, 2 * x))(-1.0)", 2.0),
        (
            "exactly 0 goes to the other, be it nan",
            "grad(lambda x: np.where(x > 0, np.log(x), 0.0))(-1.0)",
            0.0,
        ),
    ],
)
entry(
    "arithmetic.masked",
    "z = x where the mask m holds, 0 elsewhere",
    "dz = m dx with m in {0, 1}: ∂x = m. It is what np.where's rule makes of a cotangent, and its own rule. Not the "
    "product m x, which is nan where x is infinite.",
    at=([1.0, 2.0, 3.0], [True, False, True]),
    conventions=[
        (
            "what is masked is 0, be it infinite",
            "registry['arithmetic.masked'](np.array([np.inf]), np.array([False]))",
            [0.0],
        )
    ],
)
entry(
    "tinygrad_np.core.families.pole_product",
    "z = x y, with 0 times infinity = 0 in its derivatives",
    "The product rule dz = y dx + x dy; it is the product g f'(x) of an elementwise rule at a pole of f', as an "
    "operation, so that derivatives of it keep the convention.",
    at=([1.0, 2.0], [3.0, 5.0]),
    conventions=[
        (
            "a zero cotangent stays zero beside an infinite factor",
            "vjp(registry['tinygrad_np.core.families.pole_product'], 1.0, np.array(np.inf))[1](np.array(0.0))[0]",
            0.0,
        )
    ],
)

# -- planes ----------------------------------------------------------------------------------------------------------

entry(
    "arithmetic.hypot",
    "z = sqrt(x² + y²)",
    "Differentiate z² = x² + y²: z dz = x dx + y dy.",
    at=([3.0, 1.0], [4.0, -1.0]),
    conventions=[("both derivatives are 0 at the origin", "vjp(np.hypot, 0.0, 0.0)[1](1.0)", (0.0, 0.0))],
)
entry(
    "arithmetic.arctan2",
    "z = arctan2(y, x), the angle of (x, y): x = r cos z, y = r sin z",
    "x dy - y dx = r² (cos² z + sin² z) dz = r² dz, for the change of r drops out; so dz = (x dy - y dx) / r².",
    at=([1.0, -2.0], [2.0, 0.5]),
    conventions=[
        ("both derivatives are 0 at the origin", "vjp(np.arctan2, 0.0, 0.0)[1](1.0)", (0.0, 0.0)),
        ("on the cut the angle jumps, its derivative does not", "grad(np.arctan2)(0.0, -2.0)", -0.5),
    ],
)
for _name, _log, _exp, _constant in (
    ("logaddexp", "log", "exp({})", ""),
    ("logaddexp2", "log2", "2^({})", ", and by the constant log 2"),
):
    _x, _y, _z = map(_exp.format, "xyz")
    entry(
        f"arithmetic.{_name}",
        f"z = {_log}({_x} + {_y}), without overflow",
        f"Differentiate {_z} = {_x} + {_y} and divide by {_z}{_constant}: dz = {_exp.format('x - z')} dx + "
        f"{_exp.format('y - z')} dy, two shares that sum to 1.",
        at=([0.0, 1.0], [0.5, -1.0]),
        conventions=[
            ("at a tie each takes half", f"vjp(np.{_name}, 1.0, 1.0)[1](1.0)", (0.5, 0.5)),
            ("of -inf and -inf, where nothing is added, none", f"grad(np.{_name})(-np.inf, -np.inf)", 0.0),
        ],
    )

# -- complex parts ---------------------------------------------------------------------------------------------------

_PAIRING = "Linear over the real numbers, which is what a derivative is; the pairing is Re Σ g dy."
entry(
    "arithmetic.conjugate",
    "y = conj(x) = a - ib for x = a + ib",
    _PAIRING,
    at=([1.0 + 2.0j, -0.5j],),
)
entry("arithmetic.real", "y = Re x = a for x = a + ib", _PAIRING, at=([1.0 + 2.0j, -0.5j],))
entry(
    "arithmetic.imag",
    "y = Im x = b for x = a + ib",
    _PAIRING,
    at=([1.0 + 2.0j, -0.5j],),
    conventions=[("the cotangent of a complex x has a real and an imaginary part", "grad(np.imag)(1.0 + 2.0j)", -1j)],
)
