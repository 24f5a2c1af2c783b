"""Costs: formulas held against loops that count, over drawn shapes; every primitive is declared."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels import naive
from tests.kernels.geometries import geometries
from tests.ops.cases import CASES, package_primitives
from tinygrad_np.core.primitive import primitive, registry
from tinygrad_np.ops import convolution, linalg, pooling
from tinygrad_np.ops.costs import flops, formulas, is_declared

sizes = st.integers(0, 4)


def test_every_primitive_has_a_formula_or_is_elementwise_and_no_formula_is_stale():
    assert [key for key in package_primitives() if not is_declared(registry[key])] == []
    of_scipy = {key for key in formulas if "scipy" in key or "incomplete_gamma" in key}  # declared where SciPy is there
    assert set(formulas) - of_scipy - set(registry) == set()


@pytest.mark.parametrize("key", package_primitives())
@settings(max_examples=3)
@given(data=st.data())
def test_every_formula_suits_every_drawn_call(key, data):
    args, options = data.draw(CASES[key])
    op = registry[key]
    with np.errstate(all="ignore"):
        count = flops(op, args, options, op(*args, **options))
    assert type(count) is int
    assert count >= 0


def cost(op, *args, **options):
    return flops(op, args, options, op(*args, **options))


class Counter:
    """A number that counts what is done with it: every multiplication and every addition is a flop."""

    count = 0

    def __mul__(self, other):
        Counter.count += 1
        return self

    __add__ = __mul__


def count(run):
    Counter.count = 0
    run()
    return Counter.count


# -- convolution: every product of the definition, those with the zeros of the padding included


def convolution_loop(images, channels, filters, groups, kernel_size, out):
    """The multiply-adds of y[n, p, f] += x[n, p stride + r dilation - low, c] w[r, c, f]."""
    x, w, total = Counter(), Counter(), Counter()
    depth, width = channels // groups, filters // groups
    for _ in product(range(images), *map(range, out)):
        for f, _ in product(range(filters), product(*map(range, kernel_size))):
            for _ in range(f // width * depth, (f // width + 1) * depth):
                total = total + x * w


@given(geometries(), st.integers(0, 2), st.integers(1, 2), st.integers(1, 2), st.integers(1, 3))
def test_convolution_and_its_two_gradients(geometry, images, depth, width, groups):
    size, options = geometry
    options |= {"groups": groups}
    kernel_size = options.pop("kernel_size")
    out = naive.output_size(size, kernel_size=kernel_size, **{k: options[k] for k in ("stride", "padding", "dilation")})
    x, w = np.ones((images, *size, depth * groups)), np.ones((*kernel_size, depth, width * groups))
    g = np.ones((images, *out, width * groups))
    expected = count(lambda: convolution_loop(images, depth * groups, width * groups, groups, kernel_size, out))
    assert cost(convolution.conv_op, x, w, **options) == expected
    assert cost(convolution.conv_input_op, g, w, size=size, **options) == expected
    assert cost(convolution.conv_kernel_op, x, g, kernel_size=kernel_size, **options) == expected


def test_without_padding_all_products_are_of_elements():
    """There the loop over what is inside the input alone, of the kernels' own tests, counts the same."""
    options = {"stride": (2, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 2), "groups": 1}
    x, w = np.ones((1, 7, 6, 1)), np.ones((3, 2, 1, 1))
    products = naive.correlate(x, w, **options).sum()  # of ones
    assert cost(convolution.conv_op, x, w, **options) == 2 * products


@given(geometries(), st.integers(0, 2), st.integers(1, 3))
def test_pooling(geometry, images, channels):
    size, options = geometry
    options |= {"output_size": naive.output_size(size, **options)}
    x = np.ones((images, *size, channels))
    g = np.ones((images, *options["output_size"], channels))
    windows = sum(1 for _ in product(range(images), *map(range, options["output_size"]), range(channels)))
    expected = windows * sum(1 for _ in product(*map(range, options["kernel_size"])))
    assert cost(pooling.winner_op, x, pooling.max_pool_op(x, **options), **options) == expected
    for op in (pooling.max_pool_op, pooling.sum_pool_op):
        assert cost(op, x, **options) == expected
    assert cost(pooling.sum_pool_transpose_op, g, size=size, **options) == expected
    winner = pooling.winner_op(x, pooling.max_pool_op(x, **options), **options)
    assert cost(pooling.scatter_op, g, winner, size=size, **options) == windows
    assert cost(pooling.gather_op, x, winner, **options) == 0


# -- products


@given(st.lists(sizes, max_size=2), sizes, sizes, sizes)
def test_matmul(stack, rows, inner, columns):
    x, y = np.ones((*stack, rows, inner)), np.ones((inner, columns))

    def loop():
        for _ in product(*map(range, stack), range(rows), range(columns)):
            total = Counter()
            for _ in range(inner):
                total = total + Counter() * Counter()

    assert cost(linalg.matmul_op, x, y) == count(loop)


def contract(inputs, output, sizes):
    """Every product of the operands at every point of all labels; an addition where a label is summed."""
    labels = sorted(set("".join(inputs)))
    for _ in product(*[range(sizes[a]) for a in labels]):
        term = Counter()
        for _ in inputs[1:]:
            term = term * Counter()
        if set(labels) != set(output):
            term = term + Counter()


@pytest.mark.parametrize("text", ["ij,jk->ik", "bij,bjk->bik", "i,j->ij", "ij,ij->", "ij->ji", "ij,jk,kl->il", "i,i,i->i", "ij,j->i"])  # fmt: skip
@given(data=st.data())
def test_einsum(text, data):
    left, output = text.split("->")
    inputs = tuple(left.split(","))
    lengths = {a: data.draw(st.integers(0, 3)) for a in sorted(set("".join(inputs)))}
    xs = [np.ones([lengths[a] for a in labels]) for labels in inputs]
    expected = count(lambda: contract(inputs, output, lengths))
    assert cost(linalg.einsum_op, *xs, inputs=inputs, output=output) == expected


def test_einsum_along_a_path_counts_each_contraction():
    xs = np.ones((2, 30)), np.ones((30, 40)), np.ones((40, 5))
    options = {"inputs": ("ij", "jk", "kl"), "output": "il"}
    assert cost(linalg.einsum_op, *xs, **options) == 3 * 2 * 30 * 40 * 5
    assert cost(linalg.einsum_op, *xs, **options, optimize="optimal") == 2 * 2 * 30 * 40 + 2 * 2 * 40 * 5
    assert cost(linalg.einsum_op, *xs, **options, optimize=True) == 2 * 30 * 40 * 5 + 2 * 2 * 30 * 5  # greedy
    assert cost(linalg.einsum_op, *xs[:2], inputs=("ij", "jk"), output="ik", optimize=True) == 2 * 2 * 30 * 40


# -- families


@pytest.mark.parametrize(("call", "expected"), [
    (("elementary.exp", np.ones((3, 4)), {}), 12),
    (("arithmetic.add", np.ones((3, 4)), {}, np.ones((2, 1, 4))), 24),
    (("shaping.reshape_op", np.ones((3, 4)), {"shape": (12,)}), 0),
    (("arithmetic.real", np.ones(4, complex), {}), 0),
    (("reductions.sum_op", np.ones((3, 4)), {"axis": (0,)}), 12),
    (("reductions.var_op", np.ones((3, 4)), {"axis": (0,)}), 48),
    (("reductions.cumsum_op", np.ones((3, 4)), {"axis": 0}), 12),
    (("nondifferentiable.argmax", np.ones((3, 4)), {"axis": 1}), 12),
    (("nondifferentiable.argsort", np.ones((3, 4)), {"axis": -1}), 3 * 4 * 2),
    (("nondifferentiable.searchsorted", np.arange(8.0), {}, np.ones(5)), 5 * 3),
    (("activations.softmax_op", np.ones((3, 4)), {"axis": (1,)}), 60),
    (("fft.fft_op", np.ones((3, 8), complex), {"axis": 1, "norm": "backward", "inverse": False}), 3 * 5 * 8 * 3),
    (("fft.rfft_op", np.ones((3, 8)), {"axis": 1, "norm": "backward"}), 3 * 2.5 * 8 * 3),
    (("fft.irfft_op", np.ones((3, 5), complex), {"n": 8, "axis": 1, "norm": "backward"}), 3 * 2.5 * 8 * 3),
    (("solving.inv_op", np.eye(6)[None], {}), 2 * 6**3),
    (("solving.solve_op", np.eye(6), {}, np.ones((6, 2))), 2 / 3 * 6**3 + 2 * 6**2 * 2),
    (("decompositions.svd_op", np.ones((6, 3)), {}), (6 * 6 + 20 * 3) * 9),
    (("decompositions.qr_op", np.ones((2, 3, 6)), {}), 2 * (4 * 6 - 4 / 3 * 3) * 9),
])  # fmt: skip
def test_families(call, expected):
    key, x, options, *rest = call
    assert cost(registry[f"tinygrad_np.ops.{key}"], x, *rest, **options) == round(expected)


def test_an_operation_of_the_users_own_counts_as_elementwise():
    own = primitive(lambda x: x**3)
    try:
        assert not is_declared(own)
        assert cost(own, np.ones((2, 3))) == 6
    finally:
        del registry[own.key]
