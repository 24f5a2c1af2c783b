"""A Hypothesis strategy for every primitive: it draws `(arrays, options)` to call the primitive with.

The registry drives the suite: a primitive of the package that has no entry in CASES fails `test_registry`. Values lie
on the lattice k/8, where float64 arithmetic of multilinear maps is exact; kinks are hit exactly or stay 1/8 away.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_np.core.primitive import registry
from tinygrad_np.ops.indexing import SLOT

CASES: dict[str, st.SearchStrategy[tuple[tuple[Any, ...], dict[str, Any]]]] = {}

dims = st.integers(1, 3)
shapes = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
nonempty = hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=3)


def lattice(shape: Any, low: float = -2, high: float = 2, zero: bool = True) -> st.SearchStrategy[np.ndarray]:
    """Arrays of multiples of 1/8 in [low, high], contiguous, strided or reversed; without 0 on request."""
    ks = st.integers(int(low * 8), int(high * 8))
    elements = (ks if zero else ks.filter(bool)).map(lambda k: k / 8)
    plain = hnp.arrays(np.float64, shape, elements=elements, fill=st.nothing())
    return st.tuples(plain, st.integers(0, 2)).map(lambda pair: _restrided(*pair))


def _restrided(x: np.ndarray, how: int) -> np.ndarray:
    if how == 0 or x.ndim == 0:
        return x
    if how == 1:  # not contiguous
        wide = np.full((*x.shape[:-1], 2 * x.shape[-1]), np.nan)
        wide[..., ::2] = x
        return wide[..., ::2]
    return x[..., ::-1].copy()[..., ::-1]  # a negative stride


def case(name: str) -> Callable[[Any], Any]:
    """Enter a composite strategy for the primitive `tinygrad_np.<name>`."""

    def enter(function: Any) -> Any:
        CASES[f"tinygrad_np.{name}"] = st.composite(function)()
        return function

    return enter


def _options(**options: Any) -> Any:
    return st.fixed_dictionaries({k: v if isinstance(v, st.SearchStrategy) else st.just(v) for k, v in options.items()})


# -- elementwise -----------------------------------------------------------------------------------------------------

_DOMAINS = {
    "sqrt": (0.125, 3), "cbrt": (0.125, 3), "reciprocal": (0.125, 3), "log": (0.125, 3), "log2": (0.125, 3),
    "log10": (0.125, 3), "log1p": (-0.75, 2), "tan": (-1.25, 1.25), "arcsin": (-0.75, 0.75), "arccos": (-0.75, 0.75),
    "arccosh": (1.125, 3), "arctanh": (-0.75, 0.75),
}  # fmt: skip
_UNARY = {
    "arithmetic": ["negative", "positive", "square", "sqrt", "cbrt", "reciprocal", "absolute", "conjugate", "real"],
    "elementary": [
        "exp", "exp2", "expm1", "log", "log1p", "log2", "log10", "sin", "cos", "tan", "arcsin", "arccos", "arctan",
        "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "deg2rad", "rad2deg",
    ],
    "special": ["erfc"],
    "activations": ["relu", "sigmoid"],
}  # fmt: skip
for module, names in _UNARY.items():
    for name in names:
        domain = _DOMAINS.get(name, (-2, 2))
        values = shapes.flatmap(lambda s, domain=domain: lattice(s, *domain))
        CASES[f"tinygrad_np.ops.{module}.{name}"] = values.map(lambda x: ((x,), {}))


@case("ops.arithmetic.imag")
def _imag(draw: Any) -> Any:
    shape = draw(shapes)
    return (draw(lattice(shape)) + 1j * draw(lattice(shape)),), {}


_SIGNED, _POSITIVE, _NONZERO = {}, {"low": 0.25, "high": 2}, {"zero": False}
_BROADCASTING = {
    "add": [_SIGNED] * 2, "subtract": [_SIGNED] * 2, "multiply": [_SIGNED] * 2, "divide": [_SIGNED, _NONZERO],
    "power": [_POSITIVE, _SIGNED], "maximum": [_SIGNED] * 2, "minimum": [_SIGNED] * 2, "hypot": [_NONZERO] * 2,
    "arctan2": [_NONZERO] * 2, "logaddexp": [_SIGNED] * 2, "logaddexp2": [_SIGNED] * 2, "clip": [_SIGNED] * 3,
}  # fmt: skip


def _broadcast_case(*domains: dict[str, Any]) -> Any:
    mutual = hnp.mutually_broadcastable_shapes(num_shapes=len(domains), max_dims=3, min_side=0, max_side=3)
    arrays = mutual.flatmap(
        lambda m: st.tuples(*[lattice(s, **d) for s, d in zip(m.input_shapes, domains, strict=True)])
    )
    return arrays.map(lambda xs: (xs, {}))


CASES["tinygrad_np.core.families.pole_product"] = _broadcast_case({}, {})
for name, domains in _BROADCASTING.items():
    CASES[f"tinygrad_np.ops.arithmetic.{name}"] = _broadcast_case(*domains)


@case("ops.arithmetic.remainder")
def _remainder(draw: Any) -> Any:
    # x/y = k + 1/2 with y not 0: as far from the jumps as can be
    shape = draw(shapes)
    y = draw(lattice(shape, zero=False))
    return ((draw(hnp.arrays(np.int64, shape, elements=st.integers(-3, 3), fill=st.nothing())) + 0.5) * y, y), {}


@case("ops.arithmetic.where")
def _where(draw: Any) -> Any:
    (c, x, y), _ = draw(_broadcast_case({}, {}, {}))
    return (c > 0, x, y), {}


# -- functions without a derivative ----------------------------------------------------------------------------------

_TESTS1 = ["sign", "floor", "ceil", "trunc", "rint", "isnan", "isinf", "isfinite", "signbit", "logical_not"]
_TESTS2 = ["equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "logical_and", "logical_or",
           "logical_xor", "floor_divide", "isclose", "allclose", "array_equal"]  # fmt: skip
_TESTS = ["any", "all", "count_nonzero", "nonzero", "round", "flatnonzero", "argwhere", "zeros_like", "ones_like"]
for name in [*_TESTS1, *_TESTS]:
    CASES[f"tinygrad_np.ops.nondifferentiable.{name}"] = nonempty.flatmap(lattice).map(lambda x: ((x,), {}))
for name in _TESTS2:
    CASES[f"tinygrad_np.ops.nondifferentiable.{name}"] = _broadcast_case({}, {"zero": False})
for name in ["argmax", "argmin", "argsort"]:
    CASES[f"tinygrad_np.ops.nondifferentiable.{name}"] = nonempty.flatmap(lattice).map(lambda x: ((x,), {"axis": -1}))
CASES["tinygrad_np.ops.nondifferentiable.searchsorted"] = st.tuples(lattice(4), lattice((2, 2))).map(
    lambda xs: ((np.sort(xs[0]), xs[1]), {})
)
CASES["tinygrad_np.transforms.stop._constant"] = shapes.flatmap(lattice).map(lambda x: ((x,), {}))

# -- shaping ---------------------------------------------------------------------------------------------------------


@case("ops.shaping.reshape_op")
def _reshape(draw: Any) -> Any:
    x = draw(shapes.flatmap(lattice))
    return (x,), {"shape": draw(st.sampled_from([(x.size,), (1, x.size), (x.size, 1, 1), x.shape[::-1]]))}


@case("ops.shaping.transpose_op")
def _transpose(draw: Any) -> Any:
    x = draw(shapes.flatmap(lattice))
    return (x,), {"axes": tuple(draw(st.permutations(range(x.ndim))))}


@case("ops.shaping.broadcast_op")
def _broadcast(draw: Any) -> Any:
    mutual = draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3))
    return (draw(lattice(mutual.input_shapes[0])),), {"shape": mutual.result_shape}


CASES["tinygrad_np.ops.shaping.astype_op"] = shapes.flatmap(lattice).map(
    lambda x: ((x,), {"dtype": np.dtype(np.float64)})
)


@case("ops.shaping.concatenate_op")
def _concatenate(draw: Any) -> Any:
    shape = draw(nonempty)
    axis = draw(st.integers(0, len(shape) - 1))
    sizes = draw(st.lists(st.integers(0, 3), min_size=1, max_size=3))
    return tuple(draw(lattice((*shape[:axis], n, *shape[axis + 1 :]))) for n in sizes), {"axis": axis}


@case("ops.shaping.stack_op")
def _stack(draw: Any) -> Any:
    shape = draw(shapes)
    return tuple(draw(lattice(shape)) for _ in range(draw(dims))), {"axis": draw(st.integers(0, len(shape)))}


@case("ops.shaping.split_op")
def _split(draw: Any) -> Any:
    x = draw(nonempty.flatmap(lattice))
    axis = draw(st.integers(0, x.ndim - 1))
    points = draw(st.lists(st.integers(0, x.shape[axis]), max_size=2).map(sorted))
    return (x,), {"points": tuple(points), "axis": axis}


@case("ops.arranging.pad_op")
def _pad(draw: Any) -> Any:
    x = draw(shapes.flatmap(lattice))
    widths = tuple((draw(st.integers(0, 2)), draw(st.integers(0, 2))) for _ in range(x.ndim))
    return (x,), {"widths": widths, "value": 0.0}


@case("ops.arranging.flip_op")
def _flip(draw: Any) -> Any:
    x = draw(shapes.flatmap(lattice))
    return (x,), {"axes": tuple(i for i in range(x.ndim) if draw(st.booleans()))}


@case("ops.arranging.roll_op")
def _roll(draw: Any) -> Any:
    x = draw(nonempty.flatmap(lattice))
    axes = tuple(i for i in range(x.ndim) if draw(st.booleans()))
    return (x,), {"shifts": tuple(draw(st.integers(-4, 4)) for _ in axes), "axes": axes}


# -- indexing --------------------------------------------------------------------------------------------------------


def _draw_index(draw: Any, shape: tuple[int, ...], repeats: bool = True) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Draw (template, index arrays) for an array with no axis of length 0."""
    template: list[Any] = []
    arrays: list[Any] = []
    length = draw(st.integers(1, 3))
    for n in shape[: draw(st.integers(0, len(shape)))]:
        kind = draw(st.sampled_from(["int", "slice", "array", "none"]))
        if kind == "array" and (repeats or n >= length):
            indices = st.lists(
                st.integers(-n if repeats else 0, n - 1), min_size=length, max_size=length, unique=not repeats
            )
            arrays.append(np.array(draw(indices)))
            template.append(SLOT)
        elif kind == "int":
            template.append(draw(st.integers(-n, n - 1)))
        elif kind == "none":
            template.extend([None, slice(None)])
        else:
            template.append(draw(st.slices(n)))
    if draw(st.booleans()):
        template.append(Ellipsis)
    if not template and draw(st.booleans()):
        return (SLOT,), (draw(hnp.arrays(bool, shape, fill=st.nothing())),)
    return tuple(template), tuple(arrays)


def _indexed(x: np.ndarray, template: Any, arrays: Any) -> np.ndarray:
    rest = iter(arrays)
    return x[tuple(next(rest) if part is SLOT else part for part in template)]


@case("ops.indexing.getitem_op")
def _getitem(draw: Any) -> Any:
    x = draw(nonempty.flatmap(lattice))
    template, arrays = _draw_index(draw, x.shape)
    return (x, *arrays), {"template": template}


@case("ops.indexing.scatter_op")
def _scatter(draw: Any) -> Any:
    shape = draw(nonempty)
    template, arrays = _draw_index(draw, shape)
    v = draw(lattice(np.shape(_indexed(np.empty(shape), template, arrays))))
    return (v, *arrays), {"template": template, "shape": shape}


def _update(draw: Any, repeats: bool) -> Any:
    x = draw(nonempty.flatmap(lattice))
    template, arrays = _draw_index(draw, x.shape, repeats)
    part = np.shape(_indexed(x, template, arrays))
    v = draw(lattice(part if draw(st.booleans()) else part[1:]))
    return (x, v, *arrays), {"template": template}


CASES["tinygrad_np.ops.indexing.set_op"] = st.composite(lambda draw: _update(draw, True))()
CASES["tinygrad_np.ops.indexing.multiply_at_op"] = st.composite(lambda draw: _update(draw, False))()


@case("ops.indexing.last_written")
def _last_written(draw: Any) -> Any:
    shape = draw(nonempty)
    template, arrays = _draw_index(draw, shape)
    return arrays, {"template": template, "shape": shape}


# -- reductions and the softmax family -------------------------------------------------------------------------------


def _draw_axes(draw: Any, x: np.ndarray) -> tuple[int, ...]:
    return tuple(i for i in range(x.ndim) if draw(st.booleans()))


def _reduction(draw: Any, array: Any, **options: Any) -> Any:
    x = draw(array)
    return (x,), {"axis": _draw_axes(draw, x), "keepdims": draw(st.booleans())} | options


def _distinct(shape: tuple[int, ...]) -> st.SearchStrategy[np.ndarray]:
    n = int(np.prod(shape))
    return st.permutations(range(n)).map(lambda p: (np.array(p, float).reshape(shape) - n // 2) / 4)


for name, array in {
    "sum_op": shapes.flatmap(lattice),
    "mean_op": nonempty.flatmap(lattice),
    "var_op": nonempty.flatmap(lattice),
    "std_op": nonempty.flatmap(_distinct),
    "max_op": nonempty.flatmap(_distinct),
    "min_op": nonempty.flatmap(_distinct),
    "norm_op": nonempty.flatmap(lambda s: lattice(s, 0.125)),
}.items():
    CASES[f"tinygrad_np.ops.reductions.{name}"] = st.composite(lambda draw, a=array: _reduction(draw, a))()
CASES["tinygrad_np.ops.activations.logsumexp_op"] = st.composite(
    lambda draw: _reduction(draw, nonempty.flatmap(lattice))
)()


@case("ops.reductions.cumsum_op")
def _cumsum(draw: Any) -> Any:
    x = draw(nonempty.flatmap(lattice))
    return (x,), {"axis": draw(st.integers(0, x.ndim - 1))}


for name in ("softmax_op", "log_softmax_op"):

    @case(f"ops.activations.{name}")
    def _softmax(draw: Any) -> Any:
        x = draw(nonempty.flatmap(lattice))
        return (x,), {"axis": _draw_axes(draw, x)}


# -- products --------------------------------------------------------------------------------------------------------


@case("ops.linalg.matmul_op")
def _matmul(draw: Any) -> Any:
    m, k, n = draw(st.tuples(*[st.integers(0, 3)] * 3))
    left, right = draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=2, max_side=2)).input_shapes
    return (draw(lattice((*left, m, k))), draw(lattice((*right, k, n)))), {}


@case("ops.linalg.einsum_op")
def _einsum(draw: Any) -> Any:
    text = draw(
        st.sampled_from(["ij,jk->ik", "ij,ij->", "i,j->ij", "ij->ji", "bij,bjk,k->bi", "ij,jk,kl->il", "ij,j,i->ji"])
    )
    left, _, output = text.partition("->")
    inputs = tuple(left.split(","))
    size = {label: draw(st.integers(1, 3)) for label in "ijklb"}
    return tuple(draw(lattice(tuple(size[a] for a in labels))) for labels in inputs), {
        "inputs": inputs,
        "output": output,
    }


# -- windows ---------------------------------------------------------------------------------------------------------


def _draw_windows(draw: Any, pads: bool = True) -> tuple[tuple[int, ...], dict[str, Any], tuple[int, ...]]:
    """Draw (size, stride/padding/dilation, kernel) with at least one output an axis; everything non-square."""
    axes = []
    for _ in range(draw(st.integers(1, 2))):
        kernel, stride, dilation = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 2))
        low, high = draw(st.integers(0, kernel // 2)), draw(st.integers(0, kernel // 2))
        least = max(dilation * (kernel - 1) + 1 - low - high, dilation * (kernel - 1) + 1 if not pads else 1)
        axes.append((draw(st.integers(least, least + 3)), kernel, stride, (low, high) if pads else (0, 0), dilation))
    size, kernel, stride, padding, dilation = zip(*axes, strict=True)
    return size, {"stride": stride, "padding": padding, "dilation": dilation}, kernel


def _outputs(size: Any, kernel: Any, *, stride: Any, padding: Any, dilation: Any) -> tuple[int, ...]:
    return tuple(
        (n + sum(p) - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(size, kernel, stride, padding, dilation, strict=True)
    )


def _conv(draw: Any) -> dict[str, Any]:
    size, geometry, kernel = _draw_windows(draw)
    groups, per_group, per_filter, n = draw(st.tuples(*[st.integers(1, 2)] * 4))
    out = _outputs(size, kernel, **geometry)
    return {
        "size": size, "kernel_size": kernel, "geometry": geometry | {"groups": groups},
        "x": lattice((n, *size, groups * per_group)), "w": lattice((*kernel, per_group, groups * per_filter)),
        "g": lattice((n, *out, groups * per_filter)),
    }  # fmt: skip


@case("ops.convolution.conv_op")
def _conv_op(draw: Any) -> Any:
    c = _conv(draw)
    return (draw(c["x"]), draw(c["w"])), c["geometry"]


@case("ops.convolution.conv_input_op")
def _conv_input_op(draw: Any) -> Any:
    c = _conv(draw)
    return (draw(c["g"]), draw(c["w"])), c["geometry"] | {"size": c["size"]}


@case("ops.convolution.conv_kernel_op")
def _conv_kernel_op(draw: Any) -> Any:
    c = _conv(draw)
    return (draw(c["x"]), draw(c["g"])), c["geometry"] | {"kernel_size": c["kernel_size"]}


def _pool(draw: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Draw the input's shape and so on, and the pooling primitives' geometry."""
    size, geometry, kernel = _draw_windows(draw, pads=False)
    out = _outputs(size, kernel, **geometry)
    n, channels = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    winner = hnp.arrays(
        np.uint8, (n, *out, channels), elements=st.integers(0, int(np.prod(kernel)) - 1), fill=st.nothing()
    )
    drawn = {"x": (n, *size, channels), "y": (n, *out, channels), "winner": winner, "size": size}
    return drawn, geometry | {"kernel_size": kernel, "output_size": out}


for name in ("max_pool", "max_pool_winner", "sum_pool"):

    @case(f"ops.pooling.{name}")
    def _pool_op(draw: Any, name: str = name) -> Any:
        drawn, geometry = _pool(draw)
        return (draw((lattice if name == "sum_pool" else _distinct)(drawn["x"])),), geometry


@case("ops.pooling.window_gather")
def _gather_windows(draw: Any) -> Any:
    drawn, geometry = _pool(draw)
    return (draw(lattice(drawn["x"])), draw(drawn["winner"])), geometry


@case("ops.pooling.window_scatter")
def _scatter_windows(draw: Any) -> Any:
    drawn, geometry = _pool(draw)
    return (draw(lattice(drawn["y"])), draw(drawn["winner"])), geometry | {"size": drawn["size"]}


@case("ops.pooling.winner_to_flat_index")
def _flat_index(draw: Any) -> Any:
    drawn, geometry = _pool(draw)
    return (draw(drawn["winner"]),), geometry | {"size": drawn["size"]}


@case("ops.pooling.sum_pool_transpose")
def _sum_pool_transpose(draw: Any) -> Any:
    drawn, geometry = _pool(draw)
    return (draw(lattice(drawn["y"])),), geometry | {"size": drawn["size"]}


# -- random numbers --------------------------------------------------------------------------------------------------

_keys = hnp.arrays(np.uint64, 2, fill=st.nothing())
_float = st.sampled_from([np.dtype(np.float32), np.dtype(np.float64)])
for name, options in {
    "_split": _options(n=3), "_bits": _options(shape=shapes),
    "_uniform": _options(shape=shapes, dtype=_float, low=-1.0, high=2.0),
    "_normal": _options(shape=shapes, dtype=_float),
    "_bernoulli": _options(p=0.25, shape=shapes), "_randint": _options(shape=shapes, low=-3, high=4),
    "_permutation": _options(n=5),
}.items():  # fmt: skip
    CASES[f"tinygrad_np.random.{name}"] = st.tuples(_keys, options).map(lambda case: ((case[0],), case[1]))
CASES["tinygrad_np.random._fold_in"] = _keys.map(lambda key: ((key, np.uint64(7)), {}))


def package_primitives(*, differentiable: bool | None = None) -> list[str]:
    """Keys of the package's own primitives; only those with, or only those without derivatives on request."""
    return [
        key
        for key, op in registry.items()
        if key.startswith("tinygrad_np.") and differentiable in (None, op.differentiable)
    ]
