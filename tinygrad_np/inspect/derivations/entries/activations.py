"""Activations, smooth and piecewise, the softmax family, and the bounded logarithms of probabilities."""

from ..table import entry

entry(
    "activations.relu",
    why="y is x right of 0, where its slope is 1, and the constant 0 left of it. At the kink any slope from 0 to "
    "1 is a "
    "subgradient; 0 is taken, as everywhere in the field, so that a unit that is off stays without gradient.",
    at=([-1.0, 0.5, 2.0],),
    conventions=[
        ("relu'(0) = 0", "grad(nn.relu)(0.0)", 0.0),
        ("at -0.0 too", "grad(nn.relu)(-0.0)", 0.0),
        ("nan stays nan", "nn.relu(np.array([np.nan]))", [float("nan")]),
    ],
    source="K. Fukushima, Visual feature extraction by a multilayered network of analog threshold elements, 1969",
)
entry(
    "activations.relu_gradient",
    "z = g [y > 0]",
    "relu's rule applied to g, as one operation of g and relu's output y: linear in g, and constant in y between "
    "jumps at y = 0.",
    at=([1.0, 2.0], [0.5, -1.0]),
    conventions=[("so relu'' is 0", "grad(grad(nn.relu))(2.0)", 0.0)],
)
entry(
    "activations.sigmoid",
    why="With e = exp(-x), y = 1/(1 + e): y' = e/(1 + e)², and e/(1 + e) = 1 - y.",
    at=([-1.0, 0.0, 2.0],),
    conventions=[("no overflow, far out the derivative is 0", "grad(nn.sigmoid)(-800.0)", 0.0)],
)
entry(
    "activations.sigmoid_gradient",
    "z = g y (1 - y)",
    "sigmoid's rule applied to g, as one operation of g and sigmoid's output y: linear in g, and "
    "∂(y - y²)/∂y = 1 - 2 y.",
    at=([1.0, 2.0], [0.5, 0.25]),
)
entry(
    "activations.softsign",
    why="Right of 0, (x/(1 + x))' = ((1 + x) - x)/(1 + x)²; left of it -x takes the place of x, with the same result.",
    at=([-1.0, 0.5, 2.0],),
    conventions=[
        ("at 0 both sides have the slope 1", "grad(nn.softsign)(0.0)", 1.0),
        ("y'' jumps there from 2 to -2 and is 0", "grad(grad(nn.softsign))(0.0)", 0.0),
    ],
)
entry("activations.tanh_shrink", why="1 - tanh'(x) = 1 - (1 - tanh² x).", at=([-1.0, 0.5, 2.0],))
entry(
    "activations.softplus",
    why="y' = exp(x)/(1 + exp(x)) = 1/(1 + exp(-x)).",
    at=([-1.0, 0.0, 2.0],),
    conventions=[("no overflow for large x", "nn.softplus(1000.0)", 1000.0)],
)

# -- the softmax family ----------------------------------------------------------------------------------------------

entry(
    "activations.softmax_op",
    "y_i = exp(x_i) / Σ_k exp(x_k)",
    "log y_i = x_i - log Σ_k exp(x_k), and the logarithm of the sum changes by Σ_k y_k dx_k: "
    "dy_i / y_i = dx_i - Σ_k y_k dx_k. The Jacobian y_i (δ_ik - y_k) is symmetric.",
    see="activations.softmax",
    at=([1.0, 2.0, 0.5],),
    options={"axis": (0,)},
    conventions=[
        (
            "a shift of x changes nothing, so x_bar sums to 0",
            "vjp(nn.softmax, np.zeros(2))[1](np.array([1.0, 0.0]))[0]",
            [0.25, -0.25],
        ),
        ("no overflow", "nn.softmax(np.array([1000.0, 1000.0]))", [0.5, 0.5]),
        (
            "-inf has the share 0, and gradient 0",
            "grad(lambda x: nn.softmax(x)[0])(np.array([0.0, -np.inf]))",
            [0.0, 0.0],
        ),
    ],
)
entry(
    "activations.log_softmax_op",
    "y_i = x_i - log Σ_k exp(x_k)",
    "d log Σ_k exp(x_k) = Σ_k p_k dx_k with p = exp(y), the softmax: dy_i = dx_i - Σ_k p_k dx_k. "
    "<g, dy> = Σ_i g_i dx_i - (Σ_i g_i) Σ_k p_k dx_k.",
    at=([1.0, 2.0, 0.5],),
    options={"axis": (0,)},
    conventions=[
        ("never -inf where the softmax underflows", "nn.log_softmax(np.array([0.0, 1000.0]))", [-1000.0, 0.0])
    ],
)
entry(
    "activations.logsumexp_op",
    "y = log Σ_k exp(x_k)",
    "dy = Σ_k exp(x_k) dx_k / exp(y) = Σ_k exp(x_k - y) dx_k, the softmax's shares; <g, dy> gives each x_k its own.",
    at=([1.0, 2.0, 0.5],),
    options={"axis": (0,)},
    conventions=[
        ("ties share equally", "grad(nn.logsumexp)(np.array([1.0, 1.0]))", [0.5, 0.5]),
        ("of -inf alone y is -inf and the gradient 0", "grad(nn.logsumexp)(np.array([-np.inf, -np.inf]))", [0.0, 0.0]),
    ],
)

# -- pieces ----------------------------------------------------------------------------------------------------------

entry(
    "piecewise_activations.relu6",
    why="y is 0, x or 6: the slopes are 0, 1 and 0. At each corner that of the flat side is taken.",
    at=([-1.0, 2.0, 7.0],),
    conventions=[
        ("relu6'(0) = 0", "grad(nn.relu6)(0.0)", 0.0),
        ("relu6'(6) = 0", "grad(nn.relu6)(6.0)", 0.0),
    ],
    source="A. Krizhevsky, Convolutional deep belief networks on CIFAR-10, 2010",
)
entry(
    "piecewise_activations.leaky_relu",
    "y = x where x > 0, else slope x",
    "Two straight pieces: dy = dx right of 0, slope dx + x dslope left of it.",
    at=([-1.0, 0.5, 2.0], 0.1),
    conventions=[
        ("at 0 the slope is that of the left side", "grad(nn.leaky_relu)(0.0, 0.1)", 0.1),
        (
            "the slope's derivative sums over its uses",
            "grad(lambda a: np.sum(nn.leaky_relu(np.array([-1.0, -2.0]), a)))(0.1)",
            -3.0,
        ),
    ],
)
entry(
    "piecewise_activations.leaky_relu_gradient",
    "z = g where x > 0, else slope g",
    "leaky_relu's rule applied to g, as one operation: linear in g; linear in the slope where x <= 0; constant in x.",
    at=([1.0, 2.0], [0.5, -1.0], 0.1),
)
_BOUNDED = (
    "The logarithm's own derivative, one over its argument p, is held at 10¹² where p is below 10⁻¹². There it is not "
    "the derivative of y: a probability that is wrongly 0 is still pushed away."
)
entry(
    "bounded_logarithms.bounded_log",
    why=_BOUNDED,
    at=([0.25, 0.5],),
    conventions=[
        ("log 0 is -100", "registry['bounded_logarithms.bounded_log'](np.array(0.0))", -100.0),
        ("with the derivative 10¹²", "grad(registry['bounded_logarithms.bounded_log'])(0.0)", 1e12),
    ],
)
entry(
    "bounded_logarithms.bounded_log1p",
    why=_BOUNDED,
    at=([-0.25, 0.5],),
    conventions=[
        ("log 0 is -100", "registry['bounded_logarithms.bounded_log1p'](np.array(-1.0))", -100.0),
        ("with the derivative 10¹²", "grad(registry['bounded_logarithms.bounded_log1p'])(-1.0)", 1e12),
    ],
)
