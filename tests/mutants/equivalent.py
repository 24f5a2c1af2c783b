"""Equivalent mutants: mistakes that change nothing anyone could notice, listed by hand with the reason.

A pattern is a mutant's name, in which `*` stands for anything. The score fails if a mutant survives that is not listed,
and if one that is listed is noticed after all.
"""

from __future__ import annotations

import functools
import re

from .changes import CHANGES
from .outside import DIAGONAL

_ADDED = {"plus one"}  # to what is zero


def _zero(operation: str, x: str, *more: str) -> list[str]:
    """The names of all mistakes in a rule that is identically zero, but those that add something."""
    found = [f"{operation} | {mode} of {x} | {c}" for mode in ("vjp", "jvp") for c in CHANGES.keys() - _ADDED]
    both = [f"{operation} | both of {x} | {change}" for change in DIAGONAL]
    return sorted([*found, *both, *(f"{operation} | vjp of {x} | {change}" for change in more)])


def _each(pattern: str, names: str) -> list[str]:
    """The pattern with each of the names in place of {}; `:` parts names, `·` is a space."""
    return [pattern.format(*name.replace("·", " ").split(":")) for name in names.split()]


EQUIVALENT: dict[str, list[str]] = {
    "The operation is linear in the argument, so it is its own pushforward.": [
        *_each(
            "core.families.{} | jvp of {} | declared linear instead",
            "pole_product:x pole_product:y",
        ),
        *_each(
            "ops.{}.{} | jvp of {} | declared linear instead",
            "reductions:mean_op:x arithmetic:multiply:x arithmetic:multiply:y arithmetic:negative:x "
            "arithmetic:positive:x arithmetic:masked:x activations:relu_gradient:g activations:sigmoid_gradient:g "
            "elementary:tanh_gradient:g elementary:deg2rad:x elementary:rad2deg:x joining:split_op:x "
            "numerics:ldexp:x cross_entropy:softmax_cross_entropy_gradient_op:g "
            "cross_entropy:sigmoid_cross_entropy_gradient_op:g piecewise_activations:leaky_relu_gradient:g "
            "scipy_table:xlogy:x scipy_table:xlog1py:x solving:solve_op:b",
        ),
    ],
    "The operation is linear in the argument: of it the rule reads the shape at most.": [
        *_each(
            "ops.{}.{} | vjp of {} | {} held",
            "shaping:reshape_op:x:x shaping:broadcast_op:x:x reductions:sum_op:x:x reductions:mean_op:x:x "
            "fft:rfft_op:x:x fft:irfft_op:x:x indexing:getitem_op:xs:xs indexing:scatter_op:xs:xs "
            "indexing:set_op:xs:xs joining:concatenate_op:xs:xs joining:stack_op:xs:xs "
            "padding:pad_op:x:x convolution:conv_input_op:w:w convolution:conv_kernel_op:x:x parts:part_sum_op:x:x "
            "pooling:sum_pool:x:x pooling:window_gather:x:x patches:unfold_op:x:x arithmetic:negative:x:x "
            "arithmetic:positive:x:x numerics:fraction:x:x",
        ),
        *_each(
            "ops.{}.{} | {} of x | x held",
            "reductions:mean_op:both arithmetic:negative:both arithmetic:negative:jvp arithmetic:positive:both "
            "arithmetic:positive:jvp numerics:fraction:both numerics:fraction:jvp",
        ),
        *_each("ops.linalg.matmul_op | vjp of {} | {} held", "x:x y:y"),
        *_each("ops.convolution.conv_op | * of {} | {} held", "x:x w:w b:the·output"),
        *_each("ops.elementary.{} | * of x | x held", "deg2rad rad2deg"),
        "ops.solving.solve_op | joint vjp | b held",
        "ops.standardizing.standardize_op | joint vjp | bias held",
        *_each("ops.standardizing.standardize_gradient_op | joint {} | mean_bar held", "vjp jvp"),
        "ops.padding.pad_op | both of x | x held",
        "ops.decompositions.svd_op | * of x | x held",
        "ops.dense.affine_op | jvp of b | the output held",
        *_each("ops.cross_entropy.sigmoid_cross_entropy_gradient_op | {} of t | x held", "vjp jvp both"),
        *_each("ops.indexing.{} | joint jvp | xs held", "getitem_op scatter_op set_op"),
        *_each("ops.joining.{} | joint jvp | xs held", "concatenate_op stack_op"),
    ],
    "The derivative is locally constant: how it depends on the argument nobody can see.": [
        *_each("ops.reductions.{} | * of x | * held", "max_op min_op"),
        *_each("ops.arithmetic.{} | * held", "maximum minimum clip"),
        *_each("ops.numerics.{} | * held", "fmax fmin"),
        *_each("ops.{} | * of y | * held", "arithmetic.remainder numerics.fmod"),
        "ops.activations.relu | * of x | the output held",
        "ops.numerics.fabs | * of x | x held",
        *_each("ops.pooling.max_pool | * of x | {} held", "x the·output"),
        *_each("ops.piecewise_activations.leaky_relu_gradient | * of {} | {} held", "g:x x:the·output slope:x"),
        *_each("ops.numerics.copysign | * of x | {} held", "the·output x"),
        "ops.numerics.heaviside | * of y | x held",
        "ops.piecewise_activations.relu6 | * of x | the output held",
        *_each("ops.piecewise_activations.leaky_relu | {} of x | x held", "vjp jvp both"),
        "ops.activations.relu_gradient | * of g | y held",
        "ops.activations.relu_gradient | * of y | the output held",
    ],
    "The rule is identically zero: any multiple and any order of zeros is the same.": [
        *_zero("ops.activations.relu_gradient", "y", "averaged over broadcast axes"),
        *_zero("ops.piecewise_activations.leaky_relu_gradient", "x", "averaged over broadcast axes"),
        *_zero("ops.numerics.copysign", "y", "averaged over broadcast axes"),
        *_zero("ops.numerics.heaviside", "x", "averaged over broadcast axes"),
    ],
    "Sum and order of the two arguments are alike, and so are their rules.": [
        "ops.arithmetic.add | * of x and y | swapped",
    ],
    "A real cotangent is what it should be, so that it has no imaginary part to lose.": [
        "ops.arithmetic.real | vjp of x | conjugated",
        "ops.arithmetic.real | vjp of x | real part only",
    ],
    "The values are the same, only their order in memory is not.": [
        "ops.pooling.sum_pool | source of pooling._sum_pool_vjp | * -> `sum_pool_transpose_op(g, size=size, **options)`",
    ],
    "A vector has no transpose, and a vector of examples one axis.": [
        "random._fold_in | batch | examples transposed",
        "random._fold_in | batch | axis of data taken for the first",
        "random._permutation | batch | examples transposed",
        "ops.histograms.edges_op | batch | examples transposed",
        "ops.convolution.conv_op | vjp of b | transposed",
        "ops.dense.affine_op | vjp of b | transposed",
    ],
    "The tangent of the bias is the same for all rows.": [
        *_each(
            "ops.{} | jvp of b | {} along the first axis",
            "convolution.conv_op:reversed convolution.conv_op:averaged dense.affine_op:reversed dense.affine_op:averaged",
        ),
    ],
    "The results are all equal: their order nobody can see.": [
        *_each("ops.nondifferentiable.{}_like | batch | examples *", "zeros ones"),
        *_each("ops.nondifferentiable.{}_like | batch | the first *", "zeros ones"),
        "ops.nondifferentiable.zeros_like | batch | one element",
    ],
    "The result of an example is one number: there is no other axis, and nothing in it to rearrange.": [
        *(
            f"ops.nondifferentiable.{name} | batch | {change}"
            for name in ("allclose", "array_equal", "array_equiv")
            for change in (
                "axis off by one",
                "axis moved without saying so",
                "examples transposed",
                "examples reversed inside",
            )
        ),
        *_each("optim.parts._rate | batch | examples {}", "transposed"),
        "optim.parts._rate | batch | examples reversed inside",
        "optim.parts._rate | batch | axis off by one",
        "optim.parts._rate | batch | axis moved without saying so",
        *_each("optim.parts._rate | batch | axes taken for the {}", "first last"),
        "optim.parts._rate | batch | axis of count taken for the first",
    ],
    "The result of an example is symmetric.": ["ops.matrices.coincident | batch | examples transposed"],
    "The size is handed on to a helper that asks for it only where nothing is batched.": [
        "ops.nondifferentiable.allclose | batch | size one too large",
        "ops.nondifferentiable.array_equiv | batch | size one too large",
    ],
    "The number stands where np.where takes the other branch: any finite one will do.": [
        "ops.arithmetic.divide | source of families.divide_at_pole | `1` -> `2`",
        "ops.arithmetic.power | source of arithmetic._power_x | `1` -> `2`",
        "ops.matrices | source of matrices.reciprocal_unless | `1` -> `2` (2)",
        "ops.scipy_table | source of scipy_table.safe | `1` -> `2`",
        "ops.scipy_table.ellipkm1 | source of scipy_hypergeometric._ellipkm1 | `0.25` -> `0.5`",
        "ops.scipy_error | source of scipy_error._ratio | `1` -> `2`",
        "ops.scipy_error | source of scipy_error._ratio | `y + 1` -> `1`",
        "ops.scipy_error | source of scipy_error._ratio | `y + 1` -> `y - 1`",
        "ops.scipy_table.expn | source of scipy_error._expn | `1` -> `2`",
        "ops.scipy_table.expn | source of scipy_error._expn | `1` -> `2` (3)",
        "ops.scipy_table.expn | source of scipy_error._expn | `np.greater` -> `np.greater_equal`",
    ],
    "Equal elements are told apart before they are compared.": [
        *_each("ops.arithmetic.maximum | source of arithmetic.<lambda> | `np.greater` -> `np.greater_equal`{}", "*"),
        *_each("ops.arithmetic.minimum | source of arithmetic.<lambda> | `np.less` -> `np.less_equal`{}", "*"),
        "ops.numerics.fmax | source of numerics.<lambda> | `np.greater` -> `np.greater_equal`*",
        "ops.numerics.fmin | source of numerics.<lambda> | `np.less` -> `np.less_equal`*",
    ],
    "Only primitives of users get there, with several outputs and without a batching rule.": [
        *_each("core.batching | source of batching.one_by_one* | `0` -> `1` ({})", "7 8"),
    ],
    "NumPy takes any negative length for the one that is left.": [
        "ops.fft | source of fft._multiplicity | `1` -> `2` (5)",
    ],
    "Where they differ both ways give the same.": [
        "ops.indexing | source of indexing._unbroadcast | `extra <= 0` -> `extra < 0`",
        "ops.convolution.conv_op | source of convolution._conv_batch | `-1` -> `1`",
        "ops.nondifferentiable | source of nondifferentiable.table_rule.rule | `1 - table` -> `table - 1`",
        "core.batching | source of batching.one_by_one* | `1` -> `2`",
        "ops.arithmetic.power | source of arithmetic._power_number | `2` -> `1`",
        "ops.scipy_table.rgamma | source of scipy_gamma._rgamma | `0.5` -> `1.0`",
        "ops.scipy_table.rgamma | source of scipy_gamma._rgamma | `np.less` -> `np.less_equal`",
        "ops.scipy_table.ellipkm1 | source of scipy_hypergeometric._ellipkm1 | `np.less` -> `np.less_equal`",
        "ops.scipy_bessel | source of scipy_bessel._neighbours.partial | `sign > 0` -> `sign >= 0`",
        "ops.determinants.cofactor_op | source of determinants._by_singular_values | * * ~one` -> * -1)`",
        *_each("ops.decompositions | source of decompositions.{} | `1` -> `2`", "_complement_into _with_complement"),
        *_each("ops.decompositions.qr_op | source of decompositions._qr_{} | `1` -> `2`", "vjp jvp"),
        *_each(
            "ops.determinants.cofactor_op | source of determinants._cofactor_derivative | {}",
            "`1`·->·`2` `2`·->·`1` `np.linalg.matrix_rank(a,·rtol=REGULAR)`·->·`np.linalg.matrix_rank(a)`",
        ),
        "ops.decompositions.svd_op | source of decompositions._svd_* | `m > k` -> `m >= k`",
        "ops.decompositions.svd_op | source of decompositions._svd_* | `n > k` -> `n >= k`",
        "ops.decompositions.svd_op | source of decompositions._svd_vjp | `off + * -> `h @ transposed(v)`",
        "ops.decompositions.svd_op | source of decompositions._svd_vjp | `off + * -> `conjugated(u) @ adjoint(h)`",
    ],
    "It chooses the quicker of two ways to the same result.": [
        *(
            f"ops.convolution.conv_input_op | source of convolution._conv_input_batch | {change}"
            for change in (
                "*groups` -> `groups`",
                "*groups` -> `shape_of(g)[1] * math.prod(geometry['size']) * math.prod(shape_of(w)[1:-1])`",
                "*[1:-1])` -> `math.prod(shape_of(w)[1:-1])`",
                "*[1:-1])` -> `shape_of(g)[1] * math.prod(geometry['size'])`",
                "*` -> `shape_of(g)[1]`",
                "*` -> `math.prod(geometry['size'])`",
                "`1` -> `2`*",
                "`-1` -> `1`",
            )
        ),
        *(
            f"ops.convolution.conv_op | source of convolution._conv_batch_without_bias | {change}"
            for change in (
                "* -> `math.prod(shape_of(x)[1:])`",
                "* -> `math.prod(shape_of(w)[1:-2])`",
                "`1` -> `2`*",
                "`-2` -> `2`",
                "`2` -> `1`",
            )
        ),
        *_each(
            "ops.convolution.conv_kernel_op | source of convolution._conv_kernel_batch | * -> `math.prod({})`",
            "shape_of(x) geometry['kernel_size']",
        ),
        *_each(
            "ops.convolution | source of convolution._in_groups | {}",
            "`1`·->·`2` `1`·->·`2`·(2) *·->·`BUFFER` *·->·`math.prod(stride)`",
        ),
        "ops.linalg.matmul_op | source of linalg._matmul_batch | `2` -> `1`",
        *_each("ops.linalg.matmul_op | source of linalg._vectors_batch | {}", "`0`·->·`1` `1`·->·`2`·(2)"),
        "ops.linalg.einsum_op | source of linalg._einsum_vjp | * optimize=True)` -> *, output=inputs[i])`",
        "ops.linalg.einsum_op | source of linalg._einsum_batch | `one_by_one(* -> *, output=output)`",
        "ops.linalg.einsum_op | source of linalg._einsum_batch | `einsum_op(* optimize=optimize)` -> *, output=new + output)`",
    ],
    "The engine casts what the rule returns.": [
        "ops.reductions | source of reductions._share | * dtype=dtype_of(g))` -> `np.sum(attained, axis=axis, keepdims=True)`",
    ],
    "It moves a threshold within what is rounding in any case.": [
        "ops.decompositions.svd_op | source of decompositions._over_values | `s <= n *",
        "ops.decompositions.svd_op | source of decompositions._over_values | `n * np.finfo(real_dtype(s)).eps` -> `np.*",
        "ops.decompositions.svd_op | source of decompositions._over_values | `1` -> `2` (2)",
    ],
    "It leaves the terms of a sum in NumPy's order: another rounding, and slower.": [
        "ops.convolution.conv_op | source of convolution._conv_vjp_b | `*, reorder=True)` -> `sum_op(g, axis=axes)`",
    ],
    "Of an empty array only the dtype counts, and that of its imaginary part is the same.": [
        "ops.matrices | source of matrices.real_dtype | *",
    ],
    "The parameter is handed on to a function that does not read it.": [
        *_each("ops.scipy_table.{} | * of x | the output held", "fresnel iti0k0 itj0y0 modstruve shichi sici struve"),
        "ops.arithmetic.power | * of x | the output held",
        *_each("ops.scipy_table.{}c | * of * | the output held", "chdtr fdtr gdtr pdtr"),
        "ops.scipy_table.eval_legendre | * of x | the output held",
    ],
    "It sets how exactly SciPy computes, not what.": ["ops.scipy_table.lambertw | batch | the first tol for all"],
}


@functools.cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    return [(reason, _pattern(words)) for reason, patterns in EQUIVALENT.items() for words in patterns]


@functools.cache
def _pattern(words: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, words.split("*"))) + r"\Z", re.DOTALL)


def reason_of(name: str) -> str | None:
    """Why nobody can notice the mutant, None if it is not listed."""
    return next((reason for reason, pattern in _patterns() if pattern.match(name)), None)


def unused(names: list[str]) -> list[str]:
    """Patterns that no mutant's name matches."""
    every = [words for patterns in EQUIVALENT.values() for words in patterns]
    return [words for words in every if not any(map(_pattern(words).match, names))]
