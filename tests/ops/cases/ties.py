"""What the rules say where a function has no derivative, or an infinite one: ties, kinks, poles, bounds.

Differences cannot tell what is right there; the conventions are chosen, and written in the operations' docstrings. Here
they stand as numbers worked out by hand: `(args, options, g, bars)`, the cotangents of the floating-point arguments.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Tie = tuple[tuple[Any, ...], dict[str, Any], list[Any], list[Any]]
TIES: dict[str, list[Tie]] = {}
INF = np.inf


def tie(name: str, args: list[Any], bars: list[Any], g: list[Any] | None = None, **options: Any) -> None:
    """Enter one; without `g` all cotangents are 1."""
    arrays = tuple(np.array(x) if isinstance(x, list) else x for x in args)
    given = [1.0] * np.size(bars[0]) if g is None else g
    TIES.setdefault(f"tinygrad_np.{name}", []).append((arrays, options, given, bars))


# Kinks: the slope at 0.
for _name in ("arithmetic.absolute", "numerics.fabs"):
    tie(f"ops.{_name}", [[-2.0, 0.0, 2.0]], [[-1.0, 0.0, 1.0]])
tie("ops.activations.relu", [[-2.0, 0.0, 2.0]], [[0.0, 0.0, 1.0]])
tie("ops.piecewise_activations.relu6", [[-1.0, 0.0, 3.0, 6.0, 7.0]], [[0.0, 0.0, 1.0, 0.0, 0.0]])
tie("ops.piecewise_activations.leaky_relu", [[-2.0, 0.0, 2.0], [0.5] * 3], [[0.5, 0.5, 1.0], [-2.0, 0.0, 0.0]])
tie("ops.activations.relu_gradient", [[3.0, 3.0, 3.0], [-1.0, 0.0, 1.0]], [[0.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
_slopes = [[0.5, 0.5, 1.0], [0.0, 0.0, 0.0], [3.0, 3.0, 0.0]]
tie("ops.piecewise_activations.leaky_relu_gradient", [[3.0] * 3, [-1.0, 0.0, 1.0], [0.5] * 3], _slopes)
tie("ops.numerics.copysign", [[0.0, 3.0, -3.0], [-1.0, -1.0, -1.0]], [[0.0, -1.0, 1.0], [0.0, 0.0, 0.0]])
tie("ops.numerics.heaviside", [[-1.0, 0.0, 1.0], [2.0, 2.0, 2.0]], [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
tie("ops.arithmetic.hypot", [[0.0, 3.0], [0.0, 4.0]], [[0.0, 0.6], [0.0, 0.8]])
tie("ops.arithmetic.arctan2", [[0.0, 0.5], [0.0, 0.5]], [[0.0, 1.0], [0.0, -1.0]])
tie("ops.norms.norm_op", [[[0.0, 0.0], [3.0, 4.0]]], [[[0.0, 0.0], [0.6, 0.8]]], [1.0, 1.0], axis=(1,))
tie("ops.reductions.std_op", [[[2.0, 2.0], [0.0, 2.0]]], [[[0.0, 0.0], [-0.5, 0.5]]], [1.0, 1.0], axis=(1,), ddof=0)

tie("ops.reductions.var_op", [[1.0, 3.0]], [[-INF, INF]], [1.0], axis=(0,), ddof=2)  # no degree of freedom is left
tie("ops.activations.logsumexp_op", [[[-INF, -INF], [0.0, -INF]]], [[[0.0, 0.0], [1.0, 0.0]]], [1.0, 1.0], axis=(1,))

# Ties: who takes the cotangent.
_x, _y, _won, _lost = [1.0, 2.0, 3.0], [2.0, 2.0, 2.0], [0.0, 0.5, 1.0], [1.0, 0.5, 0.0]
for _name in ("arithmetic.maximum", "numerics.fmax"):
    tie(f"ops.{_name}", [_x, _y], [_won, _lost])
for _name in ("arithmetic.minimum", "numerics.fmin"):
    tie(f"ops.{_name}", [_x, _y], [_lost, _won])
for _name in ("fmax", "fmin"):
    tie(f"ops.numerics.{_name}", [[np.nan, 1.0], [1.0, np.nan]], [[0.0, 1.0], [1.0, 0.0]])
_rows = [[1.0, 3.0, 3.0, 2.0], [5.0, 5.0, 5.0, 5.0]]
tie("ops.reductions.max_op", [_rows], [[[0.0, 1.0, 1.0, 0.0], [1.0] * 4]], [2.0, 4.0], axis=(1,))
tie("ops.reductions.min_op", [_rows], [[[2.0, 0.0, 0.0, 0.0], [1.0] * 4]], [2.0, 4.0], axis=(1,))
_bounds = [[-1.0, 0.0, 1.0, 2.0, 3.0, 1.0], [0.0] * 5 + [1.0], [2.0] * 5 + [1.0]]
_inside, _below, _above = [0.0, 1.0, 1.0, 1.0, 0.0, 0.0], [1.0] + [0.0] * 5, [0.0] * 4 + [1.0, 1.0]
tie("ops.arithmetic.clip", _bounds, [_inside, _below, _above])
tie("ops.arithmetic.clip", [[0.0, 3.0], [1.0, 2.0], [1.0, 1.0]], [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
_image, _geometry = np.array([1.0, 2.0, 2.0, 0.0]).reshape(1, 4, 1), {"padding": ((0, 0),), "dilation": (1,)}
_first = np.array([0.0, 2.0, 1.0, 0.0]).reshape(1, 4, 1)
tie(
    "ops.pooling.max_pool",
    [_image],
    [_first],
    [1.0, 1.0, 1.0],
    kernel_size=(2,),
    stride=(1,),
    output_size=(3,),
    **_geometry,
)

# Poles: the derivative is infinite, and a cotangent of 0 stays 0.
for _name, _at, _slope in [
    ("arithmetic.sqrt", 0.0, INF), ("arithmetic.cbrt", 0.0, INF), ("elementary.log", 0.0, INF),
    ("elementary.log2", 0.0, INF), ("elementary.log10", 0.0, INF), ("elementary.log1p", -1.0, INF),
    ("elementary.arctanh", 1.0, INF), ("elementary.arcsin", 1.0, INF), ("elementary.arccos", 1.0, -INF),
    ("elementary.arccosh", 1.0, INF), ("arithmetic.reciprocal", 0.0, -INF),
]:  # fmt: skip
    tie(f"ops.{_name}", [[_at, _at]], [[0.0, _slope]], [0.0, 1.0])
tie("ops.arithmetic.divide", [[1.0, 1.0, 0.0], [0.0, 0.0, 2.0]], [[0.0, INF, 0.5], [0.0, -INF, 0.0]], [0.0, 1.0, 1.0])
tie("ops.arithmetic.power", [[0.0, 0.0, 4.0], [0.0, 2.0, 0.5]], [[0.0, 0.0, 0.25], [0.0, 0.0, 4 * np.log(2)]])
tie("ops.arithmetic.power", [[0.0, 0.0], [0.5, 0.5]], [[0.0, INF], [0.0, 0.0]], [0.0, 1.0])
tie("ops.arithmetic.power", [[0.0, 2.0], 0], [[0.0, 0.0]])
tie("ops.arithmetic.power", [[0.0, 2.0], 1], [[1.0, 1.0]])
tie("ops.arithmetic.power", [[0.0, 2.0], 2], [[0.0, 4.0]])  # Python's numbers go ways of their own
tie("ops.arithmetic.power", [[0.0, 2.0], 3], [[0.0, 12.0]])
tie("ops.arithmetic.power", [[-1.0, 2.0], -1], [[-1.0, -0.25]])
tie("ops.arithmetic.logaddexp", [[-INF, 0.0], [-INF, -INF]], [[0.0, 1.0], [0.0, 0.0]])

# SciPy's, if it is there.
_logs = [[-INF, np.log(2.0), -INF], [0.0, 0.0, INF]]
tie("ops.scipy_table.xlogy", [[0.0, 0.0, 1.0], [0.0, 2.0, 0.0]], _logs)
tie("ops.scipy_table.beip", [[0.0]], [[0.5]])
tie("ops.scipy_table.berp", [[0.0]], [[0.0]])
tie("ops.scipy_table.it2struve0", [[0.0]], [[-2 / np.pi]])
tie("ops.scipy_table.huber", [[1.0, 1.0, 1.0], [-3.0, 1.0, 3.0]], [[2.0, 0.0, 2.0], [-1.0, 1.0, 1.0]])
_near = 2.0**-20  # beside 1: π/8 F(3/2, 3/2; 2; .), whose series this is; to a formula that cancels it is lost
_slope = -np.pi / 8 * (1 + 9 / 8 * _near + 75 / 64 * _near**2)
tie("ops.scipy_table.ellipkm1", [[1 - _near]], [[_slope]])
# At (1, 1): ∂²P by mpmath, as a wrong moment is wrong in the value and the rules alike; at x = 0: none.
_of_gamma = [[0.033618035299959197, 0.0], [np.exp(-1) * np.euler_gamma, 0.0]]
tie("ops.incomplete_gamma.gammainc_op", [[1.0, 2.0], [1.0, 0.0]], _of_gamma, order=1)

# A singular value of 0: what does not depend on its vectors has a derivative still, what does has none.
_tall = [[[2.0, 0.0], [0.0, 0.0], [0.0, 0.0]]]
_none = np.zeros((3, 2)), np.zeros((2, 2))
tie("ops.decompositions.svd_op", _tall, [[[3.0, 0.0], [0.0, 1.0], [0.0, 0.0]]], [_none[0], [3.0, 1.0], _none[1]])
_tiny = [[[2e8, 0.0], [0.0, 1e-9], [0.0, 0.0]]]  # 0 to rounding, beside the other
_turned = np.zeros((3, 2))
_turned[2, 1] = 1.0
tie("ops.decompositions.svd_op", _tiny, [np.full((3, 2), np.nan)], [_turned, [0.0, 0.0], _none[1]])
_twice = [[[2.0, 0.0], [0.0, 2.0]]]
tie("ops.eigenvalues.eigh_op", _twice, [[[1.0, 0.0], [0.0, 3.0]]], [[1.0, 3.0], _none[1]], UPLO="L")


def _of_cofactors(a: Any, g: Any) -> Any:
    """Σ g_ij ∂C_ij/∂a for the cofactors C of a 3x3 matrix: C_ij is a_kl a_mn - a_kn a_ml, cyclic in rows and columns."""
    bar = np.zeros((3, 3), np.result_type(np.array(a), np.array(g)))
    for i, j in np.ndindex(3, 3):
        k, m, q, n = (i + 1) % 3, (i + 2) % 3, (j + 1) % 3, (j + 2) % 3
        for row, column, sign, rest in ((k, q, 1, (m, n)), (m, n, 1, (k, q)), (k, n, -1, (m, q)), (m, q, -1, (k, n))):
            bar[row, column] += g[i][j] * sign * a[rest[0]][rest[1]]
    return bar


# Singular matrices, which have cofactors, and these a derivative: of rank 2, of rank 1.
_given = [[1.0, 2.0, 3.0], [4.0, 5.0, 7.0], [6.0, 8.0, 9.0]]
for _singular in (
    [[1.0, 2.0, 4.0], [3.0, 1.0, 2.0], [2.0, 5.0, 10.0]],
    [[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [3.0, 6.0, 9.0]],
):
    for _rows in (
        _singular,
        _singular[::-1],
        [_singular[1], [1j * x for x in _singular[0]], _singular[2]],
        [[a, (1 + 1j) * b, 1j * c] for a, b, c in _singular],
    ):
        tie("ops.determinants.cofactor_op", [_rows], [_of_cofactors(_rows, _given)], _given)
