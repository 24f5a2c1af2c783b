"""Extrema that pass over nan, signs, remainders, the parts of a floating-point number."""

from ..table import entry

for _name, _function, _wins in (("fmax", "max", ">"), ("fmin", "min", "<")):
    entry(
        f"numerics.{_name}",
        f"z = {_function}(x, y), and the other one where one is nan",
        f"z is one of the two, and near a point without a tie it stays that one: dz is dx or dy, so "
        f"∂x = [x {_wins} y or y is nan] + [x = y]/2, and ∂y alike.",
        at=([1.0, 5.0], [3.0, 2.0]),
        conventions=[
            ("at a tie each takes half", f"vjp(np.{_name}, 2.0, 2.0)[1](1.0)", (0.5, 0.5)),
            ("a number wins over nan", f"vjp(np.{_name}, np.nan, 2.0)[1](1.0)", (0.0, 1.0)),
        ],
    )
entry(
    "numerics.fabs",
    "y = |x|, for real x",
    "y is x right of 0 and -x left of it.",
    at=([1.0, -2.0],),
    conventions=[("|x|'(0) = 0", "grad(np.fabs)(0.0)", 0.0)],
)
entry(
    "numerics.copysign",
    why="Between the jumps at y = 0, sign(y) is constant and |x| has the slope sign(x).",
    at=([1.0, -2.0], [-1.0, 3.0]),
    conventions=[
        ("at x = 0, where |x| has its kink, 0", "grad(np.copysign)(0.0, 2.0)", 0.0),
        ("y gives its sign and gets nothing", "grad(np.copysign, 1)(3.0, 2.0)", 0.0),
    ],
)
entry(
    "numerics.heaviside",
    "z = 0, y or 1, for x < 0, x = 0 or x > 0",
    "z is constant in x left and right of the step, and y is its value on it.",
    at=([-1, 0, 2], [0.5, 0.5, 0.5]),  # x as integers, for at 0 there is no slope to compare with
    conventions=[
        ("on the step the derivative in x is 0", "grad(np.heaviside)(0.0, 0.5)", 0.0),
        ("and the value there takes the cotangent", "grad(np.heaviside, 1)(0.0, 0.5)", 1.0),
    ],
)
entry(
    "numerics.fmod",
    why="trunc(x/y) is constant between its jumps, so there dz = dx - trunc(x/y) dy.",
    at=([5.0, -3.5], [3.0, 2.0]),
    conventions=[
        ("where z jumps, the derivative is that of the side of larger |x|", "grad(np.fmod, 1)(6.0, 3.0)", -2.0)
    ],
)
entry(
    "numerics.fraction",
    "y = x - trunc(x)",
    "trunc(x) is constant between the integers.",
    at=([1.25, -2.5],),
    conventions=[("at an integer, where y jumps, 1 too", "grad(lambda x: np.modf(x)[0])(2.0)", 1.0)],
)
entry(
    "numerics.ldexp",
    "z = x 2^n, n an integer",
    "Linear in x; n has no derivative.",
    at=([1.0, -3.0], [2, -1]),
)
entry(
    "numerics.exponent",
    "n = 1 + floor(log2 |x|), 0 for 0: x = m 2^n with 1/2 <= |m| < 1",
    "An integer: constant between the powers of two, where it jumps.",
    at=([1.0, 5.0, 0.25],),
)
