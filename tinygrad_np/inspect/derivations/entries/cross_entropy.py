"""Cross-entropies from logits, and standardising."""

from ..table import entry

_LOGITS = [[2.0, 0.5, -1.0], [0.0, 1.0, 3.0]]
_SOURCE = "C. M. Bishop, Pattern Recognition and Machine Learning, 2006, sections 4.3.2 and 4.3.4"
_OPTIONS = {"reduction": "mean", "ignore_index": -100}

entry(
    "cross_entropy.softmax_cross_entropy_op",
    why="d log Σ_c exp(x_nc) = Σ_c p_nc dx_nc with p_nc = exp(x_nc) / Σ_k exp(x_nk), and d x_nt = Σ_c [c = t] dx_nc.",
    at=(_LOGITS, [0, 1]),
    options=_OPTIONS,
    conventions=[
        (
            "the cotangents of an example's logits sum to 0",
            "np.sum(grad(nn.cross_entropy)(np.array([[2.0, 0.5, -1.0]]), np.array([0])))",
            0.0,
        ),
        (
            "no overflow: at ±1000 loss and gradient are exact",
            "grad(nn.cross_entropy)(np.array([[1000.0, -1000.0]]), np.array([1]))",
            [[1.0, -1.0]],
        ),
        (
            "an ignored example has no gradient, nor does it count in the mean",
            "grad(nn.cross_entropy)(np.array([[0.0, 0.0], [5.0, 0.0]]), np.array([0, -100]))",
            [[-0.5, 0.5], [0.0, 0.0]],
        ),
    ],
    source=_SOURCE,
)
entry(
    "cross_entropy.softmax_cross_entropy_gradient_op",
    "z_nc = w_n (p_nc - [c = t_n]), p = softmax(x); w = g for losses that count, 0 for others, over the count "
    "for a mean",
    derivation="The gradient of the cross-entropy as an operation of g, x and the labels t, so that it has "
    "derivatives in its "
    "turn. dz_nc = (p_nc - [c = t_n]) dw_n + w_n dp_nc, with dp_nc = p_nc (dx_nc - Σ_k p_nk dx_nk).\n\n"
    "With z's cotangent h, <h, dz> gives w_bar_n = Σ_c h_nc (p_nc - [c = t_n]), summed over what g was spread to for "
    "g_bar; and, the Jacobian of p being symmetric, x_bar = p (q - Σ_k p q) with q = w h.",
    at=([0.5, 2.0], _LOGITS, [0, 1]),
    options={"reduction": "none", "ignore_index": -100},
    conventions=[
        (
            "the second derivative does not see the label: diag(p) - p pᵀ",
            "tg.hessian(lambda x: nn.cross_entropy(x, np.array(1)))(np.zeros(2))",
            [[0.25, -0.25], [-0.25, 0.25]],
        )
    ],
    source=_SOURCE,
)
entry(
    "cross_entropy.sigmoid_cross_entropy_op",
    why="(log(1 + exp(-x)))' = -exp(-x)/(1 + exp(-x)) = s - 1 with s = 1/(1 + exp(-x)), so ∂loss/∂x = (1 - t) + s - 1 "
    "= s - t.",
    at=([2.0, -1.0], [1.0, 0.25]),
    options={"reduction": "mean"},
    conventions=[
        (
            "no overflow: at -1000 loss and gradient are exact",
            "grad(nn.binary_cross_entropy_with_logits)(np.array([-1000.0]), np.array([1.0]))",
            [-1.0],
        ),
        (
            "targets have a derivative too, -x",
            "grad(nn.binary_cross_entropy_with_logits, 1)(np.array([2.0]), np.array([1.0]))",
            [-2.0],
        ),
    ],
    source=_SOURCE,
)
entry(
    "cross_entropy.sigmoid_cross_entropy_gradient_op",
    "z = w (s - t), s = 1 / (1 + exp(-x)); w = g, over the count for a mean",
    derivation="The gradient of the binary cross-entropy as an operation of g, x and the targets t, so that it "
    "has derivatives "
    "in its turn. With s' = s (1 - s), dz = (s - t) dw + w s (1 - s) dx - w dt.\n\n"
    "With z's cotangent h, <h, dz> gives w_bar = h (s - t), summed over what g was spread to for g_bar, "
    "x_bar = h w s (1 - s) and t_bar = -h w.",
    at=([0.5, 2.0], [2.0, -1.0], [1.0, 0.25]),
    options={"reduction": "none"},
    source=_SOURCE,
)

_NORM = (
    "S. Ioffe and C. Szegedy, Batch normalization, arXiv:1502.03167; "
    "J. L. Ba et al., Layer normalization, arXiv:1607.06450"
)
entry(
    "standardizing.standardize_op",
    at=([[1.0, 2.0, 4.0], [0.5, -1.0, 3.0]], [[2.0], [1.0]], [[0.5], [0.0]]),
    options={"axis": (1,), "eps": 0.5, "centred": True},
    conventions=[
        (
            "x may be shifted: the cotangents of a group sum to 0",
            "np.sum(grad(lambda x: np.sum(nn.layer_norm(x, 3)[0] ** 3))(np.array([[1.0, 2.0, 4.0]])))",
            0.0,
        ),
        (
            "of equal entries y is 0 and eps alone stands under the root",
            "grad(lambda x: nn.layer_norm(x, 2, eps=0.25)[0])(np.ones(2))",
            [1.0, -1.0],
        ),
    ],
    source=_NORM,
)
entry(
    "standardizing.standardize_gradient_op",
    "x_bar = s r (g - G/n) - s r³ D d/n + m_bar/n + 2 d v_bar/n, s_bar = r D, b_bar = G, with G = Σ g and D = Σ g d",
    derivation="The pullback of standardising as an operation of all that it is made of, so that it has derivatives in "
    "its turn. Paired with cotangents (k, α, β) of its three results it is, with K = Σ k and C = Σ k d,\n\n"
    "S = s r Σ k g - s r K G/n - s r³ C D/n + m_bar K/n + 2 v_bar C/n + α r D + β G,\n\n"
    "and the derivatives are those of S. In g, g_bar = s r (k - K/n) + d (α r - s r³ C/n) + β; in x, x_bar = "
    "g (α r - s r³ C/n) + k (2 v_bar - s r³ D)/n; in the mean, m_bar = -Σ x_bar; in the scale, s_bar = "
    "r (Σ k g - K G/n) - r³ C D/n; and in the variance, by dr = -r³ dv/2, v_bar = -r³ dS/dr / 2. The cotangents that "
    "came with m_bar and v_bar are K/n and 2 C/n. Not centred, the terms with K are not there. The tangent is dS, term "
    "by term.",
    at=(
        [[1.0, -2.0, 0.5], [0.5, 1.0, 2.0]],
        [[0.1], [0.2]],
        [[0.3], [-0.4]],
        [[1.0, 2.0, 4.0], [0.5, -1.0, 3.0]],
        [[2.0], [1.0]],
        [[2.0], [1.0]],
        [[1.5], [2.5]],
    ),
    options={"axis": (1,), "eps": 0.5, "centred": True},
    source=_NORM,
)
