"""The public convolutions and poolings against naive loops, over all options, exactly, in both layouts."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kernels import naive
from tests.kernels.geometries import generators, geometries, lattice
from tinygrad_np import grad, nn, vjp
from tinygrad_np.testing import check_grads


def first(x):
    """Channels last to channels first."""
    return np.moveaxis(x, -1, 1)


def kernel_first(w):
    """(*kernel, C/groups, F) to (F, C/groups, *kernel)."""
    return np.moveaxis(w, (-1, -2), (0, 1))


def in_both_layouts(f, x, w, b):
    """Call f in both layouts; the results must agree to the last bit."""
    y = f(x, w, b, layout="channels_last")
    np.testing.assert_array_equal(first(y), f(first(x), kernel_first(w), b, layout="channels_first"))
    return y


def drawn(rng, size, options, groups, per_group=2, per_filter=2):
    x = lattice(rng, (2, *size, groups * per_group))
    return x, lattice(rng, (*options["kernel_size"], per_group, groups * per_filter)), lattice(rng, groups * per_filter)


@given(geometries(), st.integers(1, 3), generators)
def test_conv_is_the_naive_loop(geometry, groups, rng):
    size, options = geometry
    x, w, b = drawn(rng, size, options, groups)
    call = {k: v for k, v in options.items() if k != "kernel_size"} | {"groups": groups}
    y = in_both_layouts(lambda *a, **k: nn.conv(*a, **call, **k), x, w, b)
    np.testing.assert_array_equal(y, naive.correlate(x, w, **call) + b, strict=True)


@given(geometries(), st.integers(1, 2), generators, st.data())
def test_conv_transpose_is_the_transpose_of_conv_for_every_output_size(geometry, groups, rng, data):
    size, options = geometry
    _, w, _ = drawn(rng, size, options, groups)
    call = {k: v for k, v in options.items() if k != "kernel_size"} | {"groups": groups}
    extra = tuple(
        data.draw(st.integers(0, max(s, d) - 1)) for s, d in zip(options["stride"], options["dilation"], strict=True)
    )
    inputs = tuple(data.draw(st.integers(1, 4)) for _ in size)
    axes = zip(inputs, w.shape, options["stride"], options["padding"], options["dilation"], extra, strict=False)
    out = tuple((n - 1) * s - sum(p) + d * (k - 1) + 1 + e for n, k, s, p, d, e in axes)
    x = lattice(rng, (2, *inputs, w.shape[-1]))
    if min(out) < 1:
        with pytest.raises(ValueError, match="nothing is left"):
            nn.conv_transpose(x, w, **call, output_padding=extra)
        return
    b = lattice(rng, w.shape[-2] * groups)
    y = in_both_layouts(lambda *a, **k: nn.conv_transpose(*a, **call, output_padding=extra, **k), x, w, b)
    full = naive_transposed(x, w, groups, options, out)
    np.testing.assert_array_equal(y, full + b, strict=True)


def naive_transposed(x, w, groups, options, out):
    """Scatter every product; what falls outside the output is dropped."""
    y = np.zeros((len(x), *out, w.shape[-2] * groups))
    depth, width = w.shape[-2], w.shape[-1] // groups
    for p in np.ndindex(*x.shape[1:-1]):
        for r in np.ndindex(*w.shape[:-2]):
            axes = zip(p, r, options["stride"], options["dilation"], options["padding"], strict=True)
            i = tuple(a * s + b * d - low for a, b, s, d, (low, _) in axes)
            if all(0 <= j < n for j, n in zip(i, out, strict=True)):
                for j in range(groups):
                    c, f = slice(j * depth, (j + 1) * depth), slice(j * width, (j + 1) * width)
                    y[:, *i, c] += x[:, *p, f] @ w[*r][:, f].T
    return y


@given(geometries(), generators)
def test_padding_same_gives_ceil_of_size_over_stride(geometry, rng):
    size, options = geometry
    x, w, _ = drawn(rng, size, options, 1)
    call = {"stride": options["stride"], "dilation": options["dilation"]}
    y = nn.conv(x, w, padding="same", **call)
    assert y.shape[1:-1] == tuple(math.ceil(n / s) for n, s in zip(size, options["stride"], strict=True))
    for axis, (n, k, s, d) in enumerate(zip(size, options["kernel_size"], *call.values(), strict=True)):
        total = max((y.shape[1 + axis] - 1) * s + (k - 1) * d + 1 - n, 0)
        x = np.pad(x, [(0, 0)] * (1 + axis) + [(total // 2, total - total // 2)] + [(0, 0)] * (x.ndim - 2 - axis))
    np.testing.assert_array_equal(y, nn.conv(x, w, **call))
    z = nn.conv_transpose(y, w, padding="same", **call)
    assert z.shape[1:-1] == tuple(n * s for n, s in zip(y.shape[1:-1], options["stride"], strict=True))


@given(geometries(), generators, st.booleans())
def test_max_pool_is_the_naive_loop_with_indices(geometry, rng, ceil_mode):
    size, options = geometry
    check_pool(nn.max_pool, naive.max_pool, size, options, rng, ceil_mode=ceil_mode)


def pooled_size(size, options, ceil_mode):
    """PyTorch's rule: rounded up, the last window starts inside the input or its left padding."""
    out = []
    for n, k, s, (low, high), d in zip(
        size, *(options[key] for key in ("kernel_size", "stride", "padding", "dilation")), strict=True
    ):
        room = n + low + high - d * (k - 1) - 1
        count = (math.ceil(room / s) if ceil_mode else room // s) + 1
        out.append(count - 1 if ceil_mode and (count - 1) * s >= n + low else count)
    return tuple(out)


def sees_only_padding(size, options, out):
    return any(not inside for _, inside in naive.windows(size, **options, output_size=out))


def check_pool(pool, reference, size, options, rng, *, ceil_mode, **more):
    x = rng.permutation(2 * math.prod(size) * 2).reshape(2, *size, 2) / 8
    out = pooled_size(size, options, ceil_mode)
    call = {k: v for k, v in options.items() if k != "kernel_size"} | {"ceil_mode": ceil_mode} | more
    if sees_only_padding(size, options, out):
        with pytest.raises(ValueError, match="nothing but padding"):
            pool(x, options["kernel_size"], **call)
        return
    y, indices = pool(x, options["kernel_size"], return_indices=True, **call)
    np.testing.assert_array_equal(y, reference(x, **options, output_size=out), strict=True)
    flat = x.reshape(2, -1, 2)
    np.testing.assert_array_equal(y.reshape(2, -1, 2), np.take_along_axis(flat, indices.reshape(2, -1, 2), 1))
    y1, i1 = pool(first(x), options["kernel_size"], return_indices=True, layout="channels_first", **call)
    np.testing.assert_array_equal(y1, first(y))
    np.testing.assert_array_equal(i1, first(indices))


@given(geometries(), generators, st.booleans(), st.booleans())
def test_avg_pool_divides_as_pytorch_defines(geometry, rng, ceil_mode, count_include_pad):
    size, options = geometry
    options = options | {"dilation": (1,) * len(size)}
    out = pooled_size(size, options, ceil_mode)
    x = lattice(rng, (2, *size, 2))
    call = {"stride": options["stride"], "padding": options["padding"], "ceil_mode": ceil_mode}
    call["count_include_pad"] = count_include_pad
    if sees_only_padding(size, options, out):
        with pytest.raises(ValueError, match="nothing but padding"):
            nn.avg_pool(x, options["kernel_size"], **call)
        return
    y = nn.avg_pool(x, options["kernel_size"], **call)
    total = naive.sum_pool(x, **options, output_size=out)
    for p in np.ndindex(*out):
        count = 1
        for q, k, s, (low, high), n in zip(
            p, options["kernel_size"], options["stride"], options["padding"], size, strict=True
        ):
            begin = q * s - low
            end = min(begin + k, n + high)
            count *= end - begin if count_include_pad else min(end, n) - max(begin, 0)
        np.testing.assert_allclose(y[:, *p], total[:, *p] / count, rtol=1e-15)
    z = nn.avg_pool(first(x), options["kernel_size"], layout="channels_first", **call)
    np.testing.assert_array_equal(first(y), z)


PUBLIC = {
    "conv1d": lambda x, w: nn.conv1d(x[:, :, 0], w[:, 0], stride=2, padding="same"),
    "conv2d": lambda x, w: nn.conv2d(x, w, stride=(2, 1), padding=((1, 0), (0, 2)), dilation=(1, 2)),
    "conv2d first": lambda x, w: nn.conv2d(first(x), kernel_first(w), padding=1, layout="channels_first"),
    "conv3d": lambda x, w: nn.conv3d(x[:, :, :, None], w[:, :, None], padding="same"),
    "conv_transpose2d": lambda x, w: nn.conv_transpose2d(x, np.swapaxes(w, -1, -2), stride=3, output_padding=2),
    "conv_transpose first": lambda x, w: nn.conv_transpose2d(first(x), kernel_first(np.swapaxes(w, -1, -2)), layout="channels_first"),
    "reflect": lambda x, w: nn.conv2d(x, w, padding=1, padding_mode="reflect"),
    "replicate": lambda x, w: nn.conv2d(x, w, padding=((2, 1), (0, 3)), padding_mode="replicate"),
    "circular": lambda x, w: nn.conv2d(x, w, padding="same", padding_mode="circular"),
    "max_pool": lambda x, w: nn.max_pool2d(x, (2, 3), stride=(1, 2), padding=1) * np.sum(w),
    "max_pool ceil": lambda x, w: nn.max_pool2d(x, 2, ceil_mode=True) * w[0, 0, 0, 0],
    "avg_pool": lambda x, w: nn.avg_pool2d(x, (3, 2), stride=2, padding="same", count_include_pad=False) * w[0, 0, 0, 0],
    "global_avg_pool": lambda x, w: nn.global_avg_pool(x) * w[0, 0, 0, 0],
    "global_max_pool": lambda x, w: nn.global_max_pool(first(x), layout="channels_first") * w[0, 0, 0, 0],
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLIC)
def test_public_functions_are_differentiable_to_second_order(name):
    rng = np.random.default_rng(0)
    x = rng.permutation(2 * 5 * 4 * 2).reshape(2, 5, 4, 2) / 16 - 2
    check_grads(PUBLIC[name], (x, lattice(rng, (2, 3, 2, 2)) + 0.0625), order=2)


def test_third_order_of_a_convolution():
    rng = np.random.default_rng(1)
    x, w = lattice(rng, (1, 4, 3, 1)), lattice(rng, (2, 2, 1, 2))
    check_grads(lambda x, w: np.sum(nn.conv2d(x, w) ** 3), (x, w), order=3)


def test_padding_modes_are_those_of_pad():
    rng = np.random.default_rng(2)
    x, w = lattice(rng, (1, 5, 2)), lattice(rng, (3, 2, 1))
    for mode, numpys in (("reflect", "reflect"), ("replicate", "edge"), ("circular", "wrap"), ("zeros", "constant")):
        padded = np.pad(x, ((0, 0), (2, 1), (0, 0)), mode=numpys)
        np.testing.assert_array_equal(nn.conv(x, w, padding=((2, 1),), padding_mode=mode), nn.conv(padded, w))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.complex64])
def test_dtypes_are_kept(dtype):
    rng = np.random.default_rng(3)
    x, w, b = lattice(rng, (2, 5, 5, 2), dtype), lattice(rng, (3, 3, 2, 4), dtype), lattice(rng, 4, dtype)
    f = lambda x, w, b: nn.avg_pool2d(nn.conv2d(x, w, b, padding="same"), 2)
    y, pullback = vjp(f, x, w, b)
    assert y.dtype == dtype
    assert [g.dtype for g in pullback(np.ones_like(y))] == [dtype] * 3


def test_images_of_bytes_are_promoted_and_constant():
    x = np.arange(32, dtype=np.uint8).reshape(2, 4, 4, 1)
    w = np.ones((3, 3, 1, 2), np.float32)
    g = grad(lambda w: np.sum(nn.conv2d(x, w)))(w)
    assert g.dtype == np.float32
    np.testing.assert_array_equal(g[0, 0, 0], [x[:, :2, :2].sum()] * 2)


def test_empty_batch():
    y, pullback = vjp(lambda x, w: nn.max_pool2d(nn.conv2d(x, w), 2), np.zeros((0, 6, 6, 2)), np.ones((3, 3, 2, 4)))
    assert y.shape == (0, 2, 2, 4)
    np.testing.assert_array_equal(pullback(y)[1], np.zeros((3, 3, 2, 4)))


def test_the_first_maximum_takes_all():
    x = np.ones((1, 4, 4, 1))
    g = grad(lambda x: np.sum(nn.max_pool2d(x, 2)))(x)[0, :, :, 0]
    expected = np.zeros((4, 4))
    expected[::2, ::2] = 1
    np.testing.assert_array_equal(g, expected)
    np.testing.assert_array_equal(grad(lambda x: np.sum(nn.global_max_pool(x)))(x)[0, :, :, 0].ravel().nonzero(), [[0]])


X, W = np.zeros((1, 5, 4, 2)), np.zeros((3, 3, 2, 6))
ERRORS = {
    "size": (lambda: nn.conv2d(X, np.zeros((6, 3, 2, 1))), r"axis 0: size 5 \+ padding 0 \+ 0 - dilation 1 \* \(kernel 6 - 1\) - 1 = -1 < 0"),
    "channels": (lambda: nn.conv2d(X, np.zeros((3, 3, 3, 1))), r"x has 2 channels, but w takes 3 channels a group \* 1 groups = 3.*layout"),
    "groups": (lambda: nn.conv2d(X, W, groups=4), "groups=4 must be a positive integer that divides the 6 filters"),
    "groups channels": (lambda: nn.conv2d(X, W, groups=3), r"2 channels a group \* 3 groups = 6"),
    "rank": (lambda: nn.conv1d(X, W), "conv1d: x has shape.*expected 3 axes"),
    "w rank": (lambda: nn.conv(X, W[0]), r"w has shape \(3, 2, 6\).*needs 4 axes"),
    "no batch": (lambda: nn.conv(X[0, 0], W), r"x\[None\]"),
    "bias": (lambda: nn.conv2d(X, W, np.zeros(5)), r"b has shape \(5,\); the output has 6 channels"),
    "stride": (lambda: nn.conv2d(X, W, stride=0), "stride=0; give one integer >= 1, or 2"),
    "stride length": (lambda: nn.conv2d(X, W, stride=(1, 2, 3)), "stride="),
    "stride float": (lambda: nn.conv2d(X, W, stride=1.5), "stride=1.5"),
    "padding": (lambda: nn.conv2d(X, W, padding=-1), "padding=-1; give one integer >= 0"),
    "padding name": (lambda: nn.conv2d(X, W, padding="full"), "'valid' and 'same'"),
    "padding length": (lambda: nn.conv2d(X, W, padding=((1, 1),)), r"\(low, high\) pair"),
    "padding mode": (lambda: nn.conv2d(X, W, padding=1, padding_mode="mirror"), "padding_mode='mirror'"),
    "reflect": (lambda: nn.conv2d(X, W, padding=4, padding_mode="reflect"), "by at most 3"),
    "layout": (lambda: nn.conv2d(X, W, layout="NCHW"), "layout='NCHW'"),
    "transposed channels": (lambda: nn.conv_transpose2d(X, W), "x has 2 channels, but w is of a convolution to 6"),
    "output_padding": (lambda: nn.conv_transpose2d(X, W.swapaxes(2, 3), output_padding=1), "must be less than stride"),
    "pool": (lambda: nn.max_pool2d(X, 6), "does not fit axis 0"),
    "pool padding": (lambda: nn.max_pool2d(X, 2, padding=2), "nothing but padding"),
    "pool rank": (lambda: nn.avg_pool3d(X, 2), "expected 5 axes"),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_errors_carry_the_arithmetic(name):
    action, words = ERRORS[name]
    with pytest.raises(ValueError, match=words):
        action()


def test_average_of_integers_is_refused():
    with pytest.raises(TypeError, match="convert it to floating point"):
        nn.avg_pool2d(np.ones((1, 4, 4, 1), int), 2)
