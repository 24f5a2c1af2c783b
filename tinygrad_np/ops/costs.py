"""Costs: how many floating-point operations a primitive takes, by formulas of its shapes.

What counts, and how:

- An addition, a multiplication, a division, a comparison, a function of one element (exp, tanh) is one flop each; a
  multiply-add is two. Complex arithmetic counts like real.
- Products with the zeros of a padding count, as everywhere in the field: they are in the definition's sum. So do the
  elements of windows that hang over the input.
- Moving data (reshape, transpose, getitem, pad, a change of dtype) takes none.
- What LAPACK and the FFT do is counted by the leading terms of the textbook's algorithm.

Convolution, matrix products, einsum and pooling are exact. The others belong to families; an operation that is not
listed here, such as one of the user's own, counts as elementwise: one flop an element of its output.

References
----------
G. H. Golub and C. F. Van Loan, Matrix Computations, 4th edition, 2013, for the factorisations.
M. Frigo and S. G. Johnson, FFTW, for 5 n log₂ n as the measure of a complex transform of n elements.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.primitive import Primitive
from ..core.tensor import Array, shape_of

Formula = Callable[[Sequence[Array], dict[str, Any], Any], float]

formulas: dict[str, Formula] = {}  # by the primitive's key


def flops(op: Primitive, args: Sequence[Array], options: dict[str, Any], y: Any) -> int:
    """Return the number of floating-point operations of one call of a primitive.

    Parameters
    ----------
    op : Primitive
        The operation.
    args : sequence of arrays
        Its arguments; only their shapes matter.
    options : dict
        Its static options.
    y : array or tuple of arrays
        Its result.

    Returns
    -------
    int
        See the module's docstring for what counts.

    Examples
    --------
    >>> from tinygrad_np.ops.linalg import matmul_op
    >>> x, w = np.ones((8, 400)), np.ones((400, 120))
    >>> flops(matmul_op, (x, w), {}, x @ w)
    768000
    """
    return round(formulas.get(op.key, _elementwise)(args, options, y))


def is_declared(op: Primitive) -> bool:
    """Whether a primitive has a formula or is one of the elementwise families', rather than counted by default."""
    return op.weak or op.key in formulas


def _family(formula: Formula, **modules: str) -> None:
    """Enter a formula for the primitives of these modules, all of `ops` but random, that have these names."""
    for module, names in modules.items():
        room = "tinygrad_np" if module == "random" else "tinygrad_np.ops"
        formulas.update({f"{room}.{module}.{name}": formula for name in names.split()})


def _size(x: Any) -> int:
    """Return the number of elements of an array or of all arrays of a tuple."""
    return sum(map(_size, x)) if isinstance(x, tuple) else math.prod(shape_of(x))


# -- families --------------------------------------------------------------------------------------------------------


def _elementwise(args: Sequence[Array], options: dict[str, Any], y: Any) -> float:
    """One an element of the output. Also what `core.families` makes, which need not be listed."""
    return _size(y)


def _movement(args: Sequence[Array], options: dict[str, Any], y: Any) -> float:
    return 0


def _reduction(args: Sequence[Array], options: dict[str, Any], y: Any) -> float:
    """One an element of the (first) argument: an addition, a comparison."""
    return _size(args[0])


def _times(factor: float) -> Formula:
    """So many an element of the first argument."""
    return lambda args, options, y: factor * _size(args[0])


def _sorting(args: Sequence[Array], options: dict[str, Any], y: Any) -> float:
    """Count n log₂ n comparisons along an axis of n, or for all elements where there is no axis."""
    total, shape, axis = sum(map(_size, args)), shape_of(args[0]), options.get("axis")
    return total * _log2(shape[axis] if isinstance(axis, int) and shape else total)


def _search(args: Sequence[Array], options: dict[str, Any], y: Any) -> float:
    """Count log₂ of the shorter list's length for each value; the list and the values are the two arguments."""
    values = _size(y)
    return values * _log2(sum(map(_size, args)) - values)


def _log2(n: int) -> float:
    return math.log2(n) if n > 1 else 0


_family(
    _elementwise,
    arithmetic="conjugate",
    bounds="in_bounds_op",
    special="i0_op sinc_op",
    incomplete_gamma="gammainc_op",
    scipy_gamma="hurwitz_op",
    scipy_table="itj0y0 iti0k0 airy fresnel round sici shichi gammasgn",
    indexing="multiply_at_op last_written",
    matrices="coincident",
    eigenvalues="real_component",
    numerics="exponent",
    nondifferentiable=(
        "sign floor ceil trunc rint isnan isinf isfinite signbit logical_not invert bitwise_count equal not_equal less "
        "less_equal greater greater_equal logical_and logical_or logical_xor floor_divide bitwise_and bitwise_or "
        "bitwise_xor left_shift right_shift gcd lcm round around fix iscomplex isreal isneginf isposinf isclose "
        "unravel_op ravel_multi_op"
    ),
    pooling="winner_to_flat_index",
    random="_uniform _normal _bernoulli _randint",
)
_family(
    _movement,
    shaping="reshape_op transpose_op broadcast_op astype_op",
    arithmetic="real imag",
    indexing="getitem_op set_op",
    arranging="flip_op roll_op repeat_op",
    joining="concatenate_op stack_op split_op",
    padding="pad_op",
    nondifferentiable="zeros_like ones_like",
    patches="unfold_op",
    pooling="window_gather",
    random="_split _fold_in _bits _permutation",
)
formulas["tinygrad_np.transforms.stop._constant"] = formulas["tinygrad_np.optim.parts._rate"] = _movement
_family(
    _reduction,
    parts="part_sum_op part_spread_op",
    reductions="sum_op mean_op max_op min_op cumsum_op",
    indexing="scatter_op",
    arranging="sum_repeats_op",
    patches="fold_op",
    pooling="window_scatter",
    histograms="edges_op",
    nondifferentiable=(
        "argmax argmin any all count_nonzero nonzero flatnonzero argwhere allclose array_equal array_equiv"
    ),
)
_family(_times(2), norms="norm_op")  # square, add
_family(_times(3), elementary="tanh_gradient", activations="sigmoid_gradient")  # subtract, twice multiply
_family(_times(2), activations="relu_gradient")  # compare, multiply
_family(_times(4), reductions="var_op std_op")  # add; subtract, square, add
_family(_times(5), activations="softmax_op log_softmax_op")  # compare, subtract, exp, add; divide or subtract
_family(_times(5), standardizing="standardize_op")  # add; square, add; multiply, add
_family(_times(8), standardizing="standardize_gradient_op")  # add; multiply, add; twice multiply and add, add
_family(_times(4), activations="logsumexp_op")
_family(_times(4), cross_entropy="softmax_cross_entropy_op")  # compare, subtract, exp, add
_family(_times(6), cross_entropy="sigmoid_cross_entropy_op")  # subtract, multiply; exp, add, log; add
_family(  # softmax, multiply; exp, add, divide, subtract, multiply
    lambda args, options, y: 6 * _size(y),
    cross_entropy="softmax_cross_entropy_gradient_op sigmoid_cross_entropy_gradient_op",
)
_family(_sorting, nondifferentiable="argsort argpartition isin lexsort_op", sets="unique_op intersect_op")
_family(_search, nondifferentiable="searchsorted", histograms="digitize_op")


# -- products --------------------------------------------------------------------------------------------------------


def _matmul(args: Sequence[Array], options: dict[str, Any], y: Any) -> float:
    """z_ij = Σ_k x_ik y_kj: a multiply-add for each i, j, k."""
    return 2 * _size(y) * shape_of(args[0])[-1]


def _affine(args: Sequence[Array], options: dict[str, Any], y: Any) -> float:
    return _matmul(args, options, y) + _size(y)


def _einsum(args: Sequence[Array], options: dict[str, Any], y: Any) -> float:
    """Σ Π of m operands: m - 1 multiplications at each point of all labels, an addition if any label is summed.

    With `optimize` the contractions of the path that NumPy takes.
    """
    terms, output = list(options["inputs"]), options["output"]
    sizes = {a: n for labels, x in zip(terms, args, strict=True) for a, n in zip(labels, shape_of(x), strict=True)}
    path: list[Any] = [tuple(range(len(terms)))]
    if options.get("optimize") and len(terms) > 2:
        shapes = [np.broadcast_to(0.0, shape_of(x)) for x in args]
        path = np.einsum_path(",".join(terms) + "->" + output, *shapes, optimize=options["optimize"])[0][1:]
    total = 0
    for places in path:
        operands = [terms.pop(i) for i in sorted(places, reverse=True)]
        labels = set().union(*operands)
        kept = labels.intersection(set(output).union(*terms))
        total += math.prod(sizes[a] for a in labels) * (len(operands) - 1 + (kept != labels))
        terms.append("".join(kept))
    return total


# The three factors of <g, conv(x, w)> share its products, 2 |g| |w| / F flops: a multiply-add for each output position,
# filter, kernel position and channel of the filter's group.


def _conv(args: Sequence[Array], options: dict[str, Any], y: Any) -> float:
    bias = _size(y) if len(args) > 2 else 0
    return 2 * _size(y) * math.prod(shape_of(args[1])[:-1]) + bias


def _conv_input(args: Sequence[Array], options: dict[str, Any], y: Any) -> float:
    return 2 * _size(args[0]) * math.prod(shape_of(args[1])[:-1])


def _conv_kernel(args: Sequence[Array], options: dict[str, Any], y: Any) -> float:
    return 2 * _size(args[1]) * math.prod(shape_of(y)[:-1])


def _windows(args: Sequence[Array], options: dict[str, Any], y: Any) -> float:
    """Count a comparison, or an addition, for each element of each window, and a multiplication by a scale."""
    return _size(y) * (int(math.prod(options["kernel_size"])) + int(options.get("scale", 1) != 1))


def _windows_transposed(args: Sequence[Array], options: dict[str, Any], y: Any) -> float:
    return _size(args[0]) * (int(math.prod(options["kernel_size"])) + int(options.get("scale", 1) != 1))


_family(_matmul, linalg="matmul_op")
_family(_affine, dense="affine_op")
_family(_einsum, linalg="einsum_op")
_family(_conv, convolution="conv_op")
_family(_conv_input, convolution="conv_input_op")
_family(_conv_kernel, convolution="conv_kernel_op")
_family(_windows, pooling="max_pool max_pool_winner sum_pool")
_family(_windows_transposed, pooling="sum_pool_transpose")


# -- algorithms of LAPACK and of the FFT, by their leading terms -----------------------------------------------------


def _cubic(factor: float) -> Formula:
    """Count factor n³ for each matrix of a stack (..., n, n)."""
    return lambda args, options, y: factor * _size(args[0]) * shape_of(args[0])[-1]


def _solve(args: Sequence[Array], options: dict[str, Any], y: Any) -> float:
    """Factorise, 2/3 n³, and substitute for each right-hand side, 2 n²."""
    return _cubic(2 / 3)(args, options, y) + 2 * _size(y) * shape_of(args[0])[-1]


def _tall(m_factor: float, n_factor: float) -> Formula:
    """Count (m_factor m + n_factor n) n² for each matrix of a stack, m the longer side and n the shorter."""

    def formula(args: Sequence[Array], options: dict[str, Any], y: Any) -> float:
        n, m = sorted(shape_of(args[0])[-2:])
        return math.prod(shape_of(args[0])[:-2]) * (m_factor * m + n_factor * n) * n**2

    return formula


def _fft(factor: float) -> Formula:
    """Count factor n log₂ n for each transform of n elements along the axis."""

    def formula(args: Sequence[Array], options: dict[str, Any], y: Any) -> float:
        longer = args[0] if _size(args[0]) > _size(y) else y  # the real side of a real transform, not its half spectrum
        return factor * _size(longer) * _log2(shape_of(longer)[options["axis"]])

    return formula


_family(_cubic(1 / 3), decompositions="cholesky_op")
_family(_cubic(2 / 3), determinants="det_op slogdet_op")
_family(_cubic(2), solving="inv_op")
_family(_cubic(8 / 3), determinants="cofactor_op")  # a determinant and an inverse
_family(_cubic(9), eigenvalues="eigh_op")
_family(_cubic(25), eigenvalues="eig_op")
_family(_tall(4, -4 / 3), decompositions="qr_op", solving="matrix_rank_op")  # Householder with Q; singular values alone
_family(_tall(6, 20), decompositions="svd_op")
_family(_tall(8, 20), solving="pinv_op")  # the svd and a product
_family(_solve, solving="solve_op")
_family(_fft(5), fft="fft_op")
_family(_fft(2.5), fft="rfft_op irfft_op")
