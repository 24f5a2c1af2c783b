"""Costs: formulas held against loops that count, over drawn shapes; every primitive is declared."""

import math
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


# -- computed with numbers that count: the definition gives the operation's values, and so many flops


class Number:
    """A number that computes, and counts each of its operations."""

    flops = 0

    def __init__(self, value):
        self.value = float(value)

    def _with(self, f, *others):
        Number.flops += 1
        return Number(f(self.value, *[x.value if isinstance(x, Number) else x for x in others]))

    def __add__(self, other):
        return self._with(lambda x, y: x + y, other)

    def __sub__(self, other):
        return self._with(lambda x, y: x - y, other)

    def __mul__(self, other):
        return self._with(lambda x, y: x * y, other)

    def __truediv__(self, other):
        return self._with(lambda x, y: x / y, other)

    def larger(self, other):
        return self._with(max, other)

    def at(self, function):
        return self._with(function)


numbers = np.vectorize(Number, otypes=[object])


def zeros(shape):
    return numbers(np.zeros(shape))


def total(terms):
    result = Number(0)
    for x in terms:
        result = result + x
    return result


def values(array):
    return np.vectorize(lambda x: x.value, otypes=[float])(array) if array.size else np.zeros(array.shape)


def computed(define, *arrays, **options):
    """What a definition gives, and how many flops it takes."""
    Number.flops = 0
    result = define(*[numbers(x) if x.size else np.empty(x.shape, object) for x in arrays], **options)
    return values(result), Number.flops


def check_cost(op, define, *arrays, slack=0, **options):
    """The definition computes what the operation does; the formula may leave out a few flops an output element."""
    y = op(*arrays, **options)
    first = y[0] if isinstance(y, tuple) else y
    result, count = computed(define, *arrays, **options)
    np.testing.assert_allclose(result, first, rtol=1e-12, atol=1e-12)
    assert 0 <= count - flops(op, arrays, options, y) <= slack * first.size


def taps(size, out, *, kernel_size, stride, padding, dilation):
    """Each output position with its kernel positions and where these lie in the padded input."""
    for p in product(*map(range, out)):
        for r in product(*map(range, kernel_size)):
            yield p, r, tuple(i * s + k * d for i, k, s, d in zip(p, r, stride, dilation, strict=True))


def padded(size, padding):
    return tuple(low + n + high for n, (low, high) in zip(size, padding, strict=True))


def inside(size, padding):
    return tuple(slice(low, low + n) for n, (low, _) in zip(size, padding, strict=True))


def channels_of(f, depth, width):
    return range(f // width * depth, (f // width + 1) * depth)


@settings(max_examples=15)
@given(geometries(), st.integers(1, 2), st.integers(1, 2), st.integers(1, 2), st.integers(0, 99))
def test_convolutions_by_their_definitions(geometry, depth, width, groups, seed):
    size, options = geometry
    kernel_size = options.pop("kernel_size")
    window = {**options, "kernel_size": kernel_size}
    out, wide, middle = (
        naive.output_size(size, **window),
        padded(size, options["padding"]),
        inside(size, options["padding"]),
    )
    rng = np.random.default_rng(seed)
    x = rng.integers(-8, 9, (1, *size, depth * groups)) / 8
    w = rng.integers(-8, 9, (*kernel_size, depth, width * groups)) / 8
    g = rng.integers(-8, 9, (1, *out, width * groups)) / 8

    def terms():
        for p, r, i in taps(size, out, **window):
            for f in range(width * groups):
                for k, c in enumerate(channels_of(f, depth, width)):
                    yield (0, *p, f), (*r, k, f), (0, *i, c)

    def conv(x, w, **_):
        y, whole = zeros(g.shape), zeros((1, *wide, depth * groups))
        whole[(0, *middle)] = x[0]
        for at_y, at_w, at_x in terms():
            y[at_y] = y[at_y] + whole[at_x] * w[at_w]
        return y

    def conv_input(g, w, **_):
        whole = zeros((1, *wide, depth * groups))
        for at_y, at_w, at_x in terms():
            whole[at_x] = whole[at_x] + g[at_y] * w[at_w]
        return whole[(slice(None), *middle)]

    def conv_kernel(x, g, **_):
        result, whole = zeros(w.shape), zeros((1, *wide, depth * groups))
        whole[(0, *middle)] = x[0]
        for at_y, at_w, at_x in terms():
            result[at_w] = result[at_w] + whole[at_x] * g[at_y]
        return result

    options |= {"groups": groups}
    check_cost(convolution.conv_op, conv, x, w, **options)
    check_cost(convolution.conv_op, lambda x, w, b, **_: conv(x, w) + b, x, w, np.ones(width * groups), **options)
    check_cost(convolution.conv_input_op, conv_input, g, w, size=size, **options)
    check_cost(convolution.conv_kernel_op, conv_kernel, x, g, kernel_size=kernel_size, **options)


@settings(max_examples=15)
@given(geometries(), st.integers(1, 2), st.sampled_from([1, 0.25]), st.integers(0, 99))
def test_pooling_by_its_definition(geometry, channels, scale, seed):
    size, options = geometry
    out, wide, middle = (
        naive.output_size(size, **options),
        padded(size, options["padding"]),
        inside(size, options["padding"]),
    )
    rng = np.random.default_rng(seed)
    x, g = rng.integers(-8, 9, (1, *size, channels)) / 8, rng.integers(-8, 9, (1, *out, channels)) / 8
    places = list(taps(size, out, **options))

    def pooled(start, combine):
        def define(x, scale=1, **_):
            y, whole = numbers(np.full(g.shape, start)), numbers(np.full((1, *wide, channels), start))
            whole[(0, *middle)] = x[0]
            for (p, _, i), c in product(places, range(channels)):
                y[(0, *p, c)] = combine(y[(0, *p, c)], whole[(0, *i, c)])
            return y if scale == 1 else y * scale

        return define

    def spread(g, scale=1, **_):
        g, whole = g if scale == 1 else g * scale, zeros((1, *wide, channels))
        for (p, _, i), c in product(places, range(channels)):
            whole[(0, *i, c)] = whole[(0, *i, c)] + g[(0, *p, c)]
        return whole[(slice(None), *middle)]

    options |= {"output_size": out}
    check_cost(pooling.max_pool_op, pooled(-np.inf, Number.larger), x, **options)
    check_cost(pooling.sum_pool_op, pooled(0, Number.__add__), x, scale=scale, **options)
    check_cost(pooling.sum_pool_transpose_op, spread, g, size=size, scale=scale, **options)


def product_of(x, y, **_):
    return np.array(
        [[total(a * b for a, b in zip(row, column, strict=True)) for column in y.T] for row in x], object
    ).reshape(len(x), y.shape[1])


@given(sizes, sizes, sizes)
def test_products_by_their_definitions(rows, inner, columns):
    rng = np.random.default_rng(0)
    x, y, b = (rng.integers(-8, 9, shape) / 8 for shape in ((rows, inner), (inner, columns), columns))
    check_cost(linalg.matmul_op, product_of, x, y)
    check_cost(registry["tinygrad_np.ops.dense.affine_op"], lambda x, y, b: product_of(x, y) + b, x, y, b)
    inner_product = lambda x, y, **_: np.array(total(a * b for a, b in zip(x.ravel(), y.ravel(), strict=True)))
    check_cost(linalg.einsum_op, inner_product, x, x, inputs=("ij", "ij"), output="")


def largest(row):
    result = row[0]
    for x in row[1:]:
        result = result.larger(x)
    return result


def exponentials(row):
    most = largest(row)
    e = [(x - most).at(math.exp) for x in row]
    return most, e, total(e)


def variance(row):
    m = total(row) / len(row)
    differences = [x - m for x in row]
    return total(d * d for d in differences) / len(row)


def softmax(row):
    _, e, s = exponentials(row)
    return [x / s for x in e]


def log_softmax(row):
    most = largest(row)
    z = [x - most for x in row]
    s = total(x.at(math.exp) for x in z).at(math.log)
    return [x - s for x in z]


def logsumexp(row):
    most, _, s = exponentials(row)
    return s.at(math.log) + most


ROWS = {  # with what the formulas leave out: a few flops a row
    "reductions.sum_op": (total, 0),
    "reductions.mean_op": (lambda row: total(row) / len(row), 1),
    "reductions.max_op": (largest, 0),
    "reductions.var_op": (variance, 2),
    "reductions.std_op": (lambda row: variance(row).at(math.sqrt), 3),
    "norms.norm_op": (lambda row: total(x * x for x in row).at(math.sqrt), 1),
    "activations.softmax_op": (softmax, 0),
    "activations.log_softmax_op": (log_softmax, 1),
    "activations.logsumexp_op": (logsumexp, 2),
}


@pytest.mark.parametrize("name", ROWS)
@given(rows=st.integers(1, 3), columns=st.integers(1, 5), seed=st.integers(0, 99))
def test_reductions_by_their_definitions(name, rows, columns, seed):
    define, slack = ROWS[name]
    op, x = registry[f"tinygrad_np.ops.{name}"], np.random.default_rng(seed).normal(size=(rows, columns))
    y = op(x, axis=(1,))
    result, count = computed(lambda x: np.array([define(row) for row in x], object), x)
    np.testing.assert_allclose(result, y, rtol=1e-12)
    least = (
        rows if name.endswith(("max_op", "softmax_op", "logsumexp_op")) else 0
    )  # n - 1 comparisons find the largest of n
    assert -least <= count - flops(op, (x,), {"axis": (1,)}, y) <= slack * rows


@pytest.mark.parametrize(("name", "define"), [
    ("elementary.tanh_gradient", lambda g, y: g * one_minus(y * y)),
    ("activations.sigmoid_gradient", lambda g, y: g * (y * one_minus(y))),
    ("arithmetic.add", lambda x, y: x + y),
    ("arithmetic.multiply", lambda x, y: x * y),
])  # fmt: skip
def test_elementwise_functions_by_their_definitions(name, define):
    x, y = np.random.default_rng(0).uniform(0.1, 0.9, (2, 3, 4))
    check_cost(registry[f"tinygrad_np.ops.{name}"], define, x, y)


def one_minus(x):
    return numbers(np.ones(x.shape)) - x
