"""Normalisation, patches, adaptive pools, resizing, embedding and attention against PyTorch, in float64.

Values, gradients and the second derivative along a direction, over drawn shapes and options, in both layouts.
"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_np as tg
from tests.kernels.geometries import generators
from tinygrad_np import nn

pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("ignore")]

sides = st.integers(1, 6)
ranks = st.integers(1, 3)
layouts = st.sampled_from(["channels_last", "channels_first"])


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


def images(rng, n, size, channels):
    return rng.standard_normal((n, channels, *size))


def in_layout(f, layout):
    """Make a function of images with channels last one of images with channels first, in which torch has them."""
    if layout == "channels_first":
        return lambda x, *rest: f(x, *rest, layout=layout)
    return lambda x, *rest: np.moveaxis(f(np.moveaxis(x, 1, -1), *rest, layout=layout), -1, 1)


def compare(torch, ours, theirs, *xs, rtol=1e-9):
    """Compare values, gradients of Σ w y + Σ w y² and the second derivative along a direction."""
    rng = np.random.default_rng(0)
    y = ours(*xs)
    w, vs = rng.standard_normal(y.shape), tuple(rng.standard_normal(x.shape) for x in xs)
    loss = lambda *xs: (lambda y: np.sum(w * (y + y * y)))(ours(*xs))
    first, second = tg.jvp(tg.grad(loss, argnums=tuple(range(len(xs)))), xs, vs)
    ts = [torch.tensor(x, requires_grad=True) for x in xs]
    z = theirs(*ts)
    close = lambda a, b, what: np.testing.assert_allclose(a, b.detach().numpy(), rtol, rtol, err_msg=what)
    close(y, z, "value")
    scalar = torch.sum(torch.tensor(w) * (z + z * z))
    gradients = torch.autograd.grad(scalar, ts, create_graph=True)
    for a, b in zip(first, gradients, strict=True):
        close(a, b, "gradient")
    pushed = sum(torch.sum(g * torch.tensor(v)) for g, v in zip(gradients, vs, strict=True))
    for a, b in zip(second, torch.autograd.grad(pushed, ts), strict=True):
        close(a, b, "second derivative")


@given(generators, ranks, st.integers(2, 3), st.integers(1, 3), st.integers(1, 2), layouts, st.booleans())
def test_normalisations(torch, rng, rank, n, groups, depth, layout, affine):
    F, channels = torch.nn.functional, groups * depth
    size = tuple(int(m) for m in rng.integers(2, 5, rank))
    x, parameters = images(rng, n, size, channels), rng.standard_normal((2, channels)) if affine else ()
    running = rng.standard_normal(channels), rng.uniform(0.5, 2, channels)
    fresh = lambda: [torch.tensor(r) for r in running]
    compare(
        torch, in_layout(lambda x, *p, layout: nn.group_norm(x, groups, *p, eps=0.01, layout=layout), layout),
        lambda x, *p: F.group_norm(x, groups, *p, eps=0.01), x, *parameters,
    )  # fmt: skip
    compare(
        torch, in_layout(nn.instance_norm, layout), lambda x, *p: F.instance_norm(x, None, None, *p), x, *parameters
    )
    for own in (True, False):
        for ours, theirs, name in (
            (nn.batch_norm, F.batch_norm, "train"),
            (nn.instance_norm, F.instance_norm, "use_input_stats"),
        ):
            state = nn.BatchNormState(*running)
            normed = lambda x, *p, layout: ours(
                x,
                **{"state": state, name: own, "momentum": 0.3, "layout": layout},
                **dict(zip(("scale", "bias"), p, strict=False)),
            )
            flag = {"training" if name == "train" else name: own}
            compare(
                torch,
                in_layout(lambda *a, **k: normed(*a, **k)[0], layout),
                lambda x, *p: theirs(x, *fresh(), *p, momentum=0.3, **flag),
                x,
                *parameters,
            )
            mean, var = fresh()
            theirs(torch.tensor(x), mean, var, momentum=0.3, **flag)
            new = normed(x, layout="channels_first")[1]
            np.testing.assert_allclose(new.mean, mean, rtol=1e-12)
            np.testing.assert_allclose(new.var, var, rtol=1e-12)


@given(
    generators,
    st.lists(st.integers(1, 4), min_size=1, max_size=3),
    st.integers(1, 3),
    st.integers(0, 2),
    st.sampled_from([None, 0.1]),
)
def test_layer_and_rms_norm(torch, rng, shape, last, given, eps):
    F, normalized = torch.nn.functional, tuple(shape[-last:])
    x, parameters = rng.standard_normal((2, *shape)), [rng.standard_normal(normalized) for _ in range(given)]
    compare(
        torch,
        lambda x, *p: nn.layer_norm(x, normalized, *p, eps=eps or 1e-2),
        lambda x, *p: F.layer_norm(x, normalized, *p, eps=eps or 1e-2),
        x,
        *parameters,
    )
    compare(
        torch,
        lambda x, *p: nn.rms_norm(x, normalized, *p, eps=eps),
        lambda x, *p: F.rms_norm(x, normalized, *p, eps=eps),
        x,
        *parameters[:1],
    )


@given(generators, st.tuples(sides, sides), st.data())
def test_unfold_and_fold(torch, rng, size, data):
    F, pairs = torch.nn.functional, lambda low, high: st.tuples(st.integers(low, high), st.integers(low, high))
    options = {"dilation": data.draw(pairs(1, 2)), "padding": data.draw(pairs(0, 2)), "stride": data.draw(pairs(1, 3))}
    room = [n + 2 * p for n, p in zip(size, options["padding"], strict=True)]
    kernel = tuple(data.draw(st.integers(1, (m - 1) // d + 1)) for m, d in zip(room, options["dilation"], strict=True))
    x = images(rng, 2, size, 2)
    first = {"layout": "channels_first"}
    compare(torch, lambda x: nn.unfold(x, kernel, **options, **first), lambda x: F.unfold(x, kernel, **options), x)
    y = nn.unfold(x, kernel, **options, **first)
    compare(
        torch, lambda y: nn.fold(y, size, kernel, **options, **first), lambda y: F.fold(y, size, kernel, **options), y
    )


@given(generators, ranks, st.data(), layouts)
def test_adaptive_pools(torch, rng, rank, data, layout):
    F = torch.nn.functional
    size, out = (tuple(data.draw(sides) for _ in range(rank)) for _ in range(2))
    x = rng.permutation(4 * math.prod(size)).reshape(2, 2, *size) / 8 - 1
    ours = in_layout(lambda x, layout: nn.adaptive_avg_pool(x, out, layout=layout), layout)
    compare(torch, ours, lambda x: getattr(F, f"adaptive_avg_pool{rank}d")(x, out), x)
    ours = in_layout(lambda x, layout: nn.adaptive_max_pool(x, out, layout=layout), layout)
    theirs = getattr(F, f"adaptive_max_pool{rank}d")
    compare(torch, ours, lambda x: theirs(x, out), x)
    indices = in_layout(lambda x, layout: nn.adaptive_max_pool(x, out, return_indices=True, layout=layout)[1], layout)
    np.testing.assert_array_equal(indices(x), theirs(torch.tensor(x), out, return_indices=True)[1])


@given(generators, ranks, st.data(), layouts)
def test_max_unpool(torch, rng, rank, data, layout):
    """Without overlap: where windows share a maximum, torch's result depends on the order of its threads."""
    F = torch.nn.functional
    kernel = tuple(data.draw(st.integers(1, 3)) for _ in range(rank))
    padding = tuple(data.draw(st.integers(0, k // 2)) for k in kernel)
    size = tuple(data.draw(st.integers(max(k - 2 * p, 1), 7)) for k, p in zip(kernel, padding, strict=True))
    x = rng.permutation(4 * math.prod(size)).reshape(2, 2, *size) / 8 - 1
    y, indices = getattr(F, f"max_pool{rank}d")(torch.tensor(x), kernel, padding=padding, return_indices=True)
    options = {"padding": padding, "output_size": size}

    def ours(y, layout):
        i = indices.numpy() if layout == "channels_first" else np.moveaxis(indices.numpy(), 1, -1)
        return nn.max_unpool(y, i, kernel, **options, layout=layout)

    theirs = getattr(F, f"max_unpool{rank}d")
    compare(torch, in_layout(ours, layout), lambda y: theirs(y, indices, kernel, **options), y.numpy())


NAMES = {1: "linear", 2: "bilinear", 3: "trilinear"}


@given(
    generators,
    ranks,
    st.data(),
    layouts,
    st.sampled_from(["nearest", "nearest-exact", "linear", "antialias"]),
    st.booleans(),
    st.booleans(),
)
def test_resize(torch, rng, rank, data, layout, method, align_corners, by_factor):
    size = tuple(data.draw(st.integers(1, 9)) for _ in range(rank))
    if by_factor:
        factors = tuple(data.draw(st.integers(-(-8 // n), 24)) / 8 for n in size)
        options = {"scale_factor": factors}
    else:
        options = {"size": tuple(data.draw(st.integers(1, 12)) for _ in range(rank))}
    if method == "antialias":  # torch has it for two axes alone
        size, options = (size * 2)[:2], {k: (v * 2)[:2] for k, v in options.items()}
    x = images(rng, 2, size, 2)
    mode = NAMES[x.ndim - 2] if method in ("linear", "antialias") else method
    if not method.startswith("nearest"):
        options |= {"align_corners": align_corners, "antialias": method == "antialias"}
    ours = in_layout(lambda x, layout: nn.resize(x, mode=mode, **options, layout=layout), layout)
    theirs = lambda x: torch.nn.functional.interpolate(x, mode=mode, **options)
    if mode == "nearest" and by_factor:
        # Theirs is then not the gradient of their own values: [a, b] by 1.125 gives [a, a], yet b gets a gradient.
        np.testing.assert_array_equal(ours(x), theirs(torch.tensor(x)))
    else:
        compare(torch, ours, theirs, x)


def test_nearest_of_every_size(torch):
    for n in range(1, 25):
        x = np.arange(n, dtype=float).reshape(1, 1, n)
        for m in range(1, 49):
            for method in ("nearest", "nearest-exact"):
                y = nn.resize(x, m, mode=method, layout="channels_first")
                np.testing.assert_array_equal(y, torch.nn.functional.interpolate(torch.tensor(x), m, mode=method))


@given(generators, st.integers(1, 5), st.lists(st.integers(0, 3), max_size=2), st.booleans())
def test_embedding(torch, rng, rows, shape, pads):
    indices, weight = rng.integers(0, rows, shape), rng.standard_normal((rows, 3))
    padding_idx = int(rng.integers(-rows, rows)) if pads else None
    compare(
        torch, lambda w: nn.embedding(indices, w, padding_idx=padding_idx),
        lambda w: torch.nn.functional.embedding(torch.tensor(indices), w, padding_idx=padding_idx), weight,
    )  # fmt: skip


@given(
    generators,
    st.lists(st.integers(1, 2), max_size=2),
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(1, 3),
    st.sampled_from(["none", "bool", "additive", "causal"]),
    st.sampled_from([None, 0.7]),
)
def test_attention(torch, rng, lead, queries, keys, features, kind, scale):
    q, k, v = (rng.standard_normal((*lead, *s)) for s in ((queries, features), (keys, features), (keys, 2)))
    mask = {"bool": rng.random((queries, keys)) < 0.7, "additive": rng.standard_normal((queries, keys))}.get(kind)
    if kind == "bool":
        mask[:, 0] = True
    options = {"is_causal": kind == "causal", "scale": scale}
    from torch.nn.attention import SDPBackend, sdpa_kernel

    with sdpa_kernel(SDPBackend.MATH):  # the others have no second derivative
        compare(
            torch, lambda *a: nn.scaled_dot_product_attention(*a, attn_mask=mask, **options),
            lambda *a: torch.nn.functional.scaled_dot_product_attention(*a, None if mask is None else torch.tensor(mask), **options),
            q, k, v,
        )  # fmt: skip


def test_a_query_that_sees_no_key_gives_zero_as_in_torch(torch):
    q, mask = np.ones((2, 3)), np.array([[True, False], [False, False]])
    theirs = torch.nn.functional.scaled_dot_product_attention(*[torch.tensor(q)] * 3, torch.tensor(mask))
    np.testing.assert_array_equal(nn.scaled_dot_product_attention(q, q, q, attn_mask=mask), theirs)


@given(generators, st.sampled_from([1.0, 1.5, 2.0, 3.0]), st.integers(0, 2))
def test_directions(torch, rng, p, axis):
    x, y = rng.standard_normal((2, 3, 2, 4))
    F = torch.nn.functional
    compare(torch, lambda x: nn.normalize(x, p=p, axis=axis), lambda x: F.normalize(x, p=p, dim=axis), x)
    compare(
        torch,
        lambda x, y: nn.cosine_similarity(x, y, axis=axis),
        lambda x, y: F.cosine_similarity(x, y, dim=axis),
        x,
        y,
    )


@given(generators, st.integers(1, 3), layouts)
def test_pixel_shuffle(torch, rng, r, layout):
    x = images(rng, 2, (2, 3), 2 * r * r)
    compare(
        torch,
        in_layout(lambda x, layout: nn.pixel_shuffle(x, r, layout=layout), layout),
        lambda x: torch.nn.functional.pixel_shuffle(x, r),
        x,
    )
    y = images(rng, 2, (2 * r, 3 * r), 2)
    compare(
        torch,
        in_layout(lambda x, layout: nn.pixel_unshuffle(x, r, layout=layout), layout),
        lambda x: torch.nn.functional.pixel_unshuffle(x, r),
        y,
    )
