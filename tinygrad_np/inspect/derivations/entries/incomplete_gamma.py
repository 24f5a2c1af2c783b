"""Derivatives of the incomplete gamma function in its parameter."""

from ..table import entry

entry(
    "incomplete_gamma.gammainc_op",
    "y = ∂_a^k P(a, x), P(a, x) = ∫ t^(a-1) exp(-t) dt over (0, x) / Γ(a), k = order",
    at=(2.0, 1.5),
    options={"order": 1},
    derivation=(
        "With w = log t, P = ∫ exp(a w - exp(w) - log Γ(a)) dw up to log x. The exponent's derivative in a is w - "
        "ψ(a), so each ∂_a multiplies the integrand by a polynomial M_k of w, of ψ(a) and of its derivatives: M_0 = 1, "
        "M_1 = w - ψ(a), M_2 = M_1² - ψ'(a), by the product rule."
        "\n\n"
        "∂_a y is the same function with order k + 1, and ∂_x y is the integrand at the upper end, "
        "∂_x y = x^(a-1) exp(-x) / Γ(a) M_k(log x). So dy = ∂_a y da + ∂_x y dx gives a_bar = g ∂_a y and "
        "x_bar = g ∂_x y, summed over the axes that were broadcast; y_dot = ∂_a y a_dot + ∂_x y x_dot."
        "\n\n"
        "The integral is taken by Gauss and Legendre's rule over the tail that does not hold the integrand's peak at "
        "w = log a: both tails together give ∂_a^k 1 = 0."
    ),
    conventions=[
        (
            "at x = 0, P is 0 for every a",
            "registry['incomplete_gamma.gammainc_op'](2.0, 0.0, order=1)",
            0.0,
        )
    ],
    source="NIST Digital Library of Mathematical Functions, 8.2 and 8.8",
)
