"""Error functions, i0 and sinc, without SciPy."""

from ..table import entry

_DLMF = "NIST Digital Library of Mathematical Functions"

entry(
    "special.erf",
    "y = (2/√π) ∫ exp(-t²) dt from 0 to x",
    "An integral's derivative in its upper end is the integrand there.",
    at=([-1.0, 0.0, 0.5],),
    conventions=[("far out the derivative underflows to 0", "grad(tg.special.erf)(30.0)", 0.0)],
    source=f"{_DLMF}, 7.2",
)
entry(
    "special.erfc",
    "y = (2/√π) ∫ exp(-t²) dt from x to infinity = 1 - erf(x)",
    "An integral's derivative in its lower end is minus the integrand there.",
    at=([-1.0, 0.0, 2.5],),
    conventions=[("far out the derivative underflows to 0", "grad(tg.special.erfc)(30.0)", 0.0)],
    source=f"{_DLMF}, 7.2",
)
entry(
    "special.i0_op",
    "y = (1/π) ∫ cos(t)^k exp(x cos t) dt over (0, π), the k-th derivative of the Bessel function I0, k = order",
    at=([-1.0, 0.5, 2.0],),
    options={"order": 0},
    derivation=(
        "I0(x) = (1/π) ∫ exp(x cos t) dt. Under the integral, each derivative in x brings down a factor cos t, so the "
        "derivative of order k is the function of order k + 1: y' = i0(x, order=k + 1), and so on without end. "
        "Elementwise, dy = y' dx, so x_bar = g y' and y_dot = y' x_dot."
        "\n\n"
        "The integral is a mean of a smooth periodic function, for which the midpoint rule errs by less than rounding."
    ),
    conventions=[("I0 is even, so its slope at 0 is 0", "grad(np.i0)(0.0)", 0.0)],
    source=f"{_DLMF}, 10.32; L. N. Trefethen, J. A. C. Weideman, The exponentially convergent trapezoidal rule, 2014",
)
entry(
    "special.sinc_op",
    "y = π^k ∫ t^k cos(π x t + k π/2) dt over (0, 1), the k-th derivative of sin(πx)/(πx), k = order",
    at=([-0.75, 0.25, 1.5],),
    options={"order": 0},
    derivation=(
        "sin(z)/z = ∫ cos(z t) dt over (0, 1), z = π x. Under the integral, each derivative in x brings down a factor "
        "π t and turns the cosine by a quarter: cos' = cos(. + π/2). So the derivative of order k is the function of "
        "order k + 1, y' = sinc(x, order=k + 1), and 0 is no special point: the quotient cos(z)/z - sin(z)/z², which "
        "cancels there, is never formed. Elementwise, dy = y' dx, so x_bar = g y' and y_dot = y' x_dot."
    ),
    conventions=[
        ("at 0 the slope is 0", "grad(np.sinc)(0.0)", 0.0),
        ("and the curvature -π²/3", "grad(grad(np.sinc))(0.0)", -(3.141592653589793**2) / 3),
    ],
    source=f"{_DLMF}, 10.54",
)
