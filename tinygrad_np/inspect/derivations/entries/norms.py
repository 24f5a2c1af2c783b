"""The Euclidean norm."""

from ..table import entry

entry(
    "norms.norm_op",
    "y = sqrt(Σ_i |x_i|²) over the axes",
    "y² = Σ conj(x_i) x_i; vary both sides: 2 y dy = 2 Re Σ conj(x_i) dx_i, so dy = Re Σ (conj(x_i) / y) dx_i. The "
    "gradient has length 1 and points away from 0. At 0 itself y is a cone: every direction rises at rate 1, and 0, "
    "the mean of all these gradients, is taken.",
    at=([3.0, -4.0, 0.5],),
    options={"axis": (0,)},
    conventions=[
        ("at 0, the tip of the cone, the gradient is 0", "grad(np.linalg.norm)(np.zeros(2))", [0.0, 0.0]),
        ("elsewhere it has length 1", "np.linalg.norm(grad(np.linalg.norm)(np.array([3.0, -4.0])))", 1.0),
        (
            "tied entries share the derivative of the norm of order inf",
            "grad(lambda x: np.linalg.norm(x, np.inf))(np.array([2.0, -2.0, 1.0]))",
            [0.5, -0.5, 0.0],
        ),
    ],
    cost="2 flops an element, and a root. The pullback is one division a norm and one product an element",
)
