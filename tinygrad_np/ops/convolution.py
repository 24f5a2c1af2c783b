"""Convolution, as everywhere in the field: cross-correlation, any number of spatial axes, both layouts.

    y[n, p, f] = Σ_{r, c} x[n, p stride + r dilation - low, c] w[r, c, f]

The scalar <g, conv(x, w)> is linear in each of g, x and w. Its three partial derivatives are three primitives, the
convolution, its transpose and the kernel gradient, and each one's two rules are the other two:

    L(g, x, w) = <g, conv(x, w)> = <x, conv_input(g, w)> = <w, conv_kernel(x, g)>

so derivatives of every order are there, with no further rule. The convolution may take a bias along, which is then
added to an array that is still its own.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.batching import to_front
from ..core.dividing import Division, over_first_axis
from ..core.primitive import Primitive, primitive
from ..core.tensor import Array, as_array, shape_of
from ..kernels import convolution as kernels
from ..kernels.columns import BUFFER
from .reductions import sum_op
from .windows import (
    Ints,
    Layout,
    Padding,
    Pairs,
    batching,
    beside,
    check_input,
    check_rank,
    fold,
    give_layout,
    output_size,
    pairs_of,
    per_axis,
    ranked,
    remembered,
    separate,
    unfold,
)  # fmt: skip

Tuple = tuple[int, ...]
Axes = tuple[int | None, ...]


@primitive
def conv_op(
    x: Array, w: Array, b: Array | None = None, *, stride: Tuple, padding: Pairs, dilation: Tuple, groups: int
) -> Any:
    """Return conv(x, w) + b. VJP: x_bar = conv_input(g, w), w_bar = conv_kernel(x, g), b_bar[f] = Σ_{n,p} g[n,p,f]."""
    y = kernels.correlate(x, w, stride=stride, padding=padding, dilation=dilation, groups=groups)
    if b is None:
        return y
    return np.add(y, b, out=y if b.dtype is y.dtype or np.result_type(y, b) == y.dtype else None)


@primitive
def conv_input_op(
    g: Array, w: Array, *, size: Tuple, stride: Tuple, padding: Pairs, dilation: Tuple, groups: int
) -> Any:
    """Transpose of conv in x. With x_bar's cotangent h: g_bar = conv(h, w), w_bar = conv_kernel(h, g)."""
    return kernels.correlate_input_gradient(
        g, w, size=size, stride=stride, padding=padding, dilation=dilation, groups=groups
    )


@primitive
def conv_kernel_op(
    x: Array, g: Array, *, kernel_size: Tuple, stride: Tuple, padding: Pairs, dilation: Tuple, groups: int
) -> Any:
    """Transpose of conv in w. With w_bar's cotangent v: x_bar = conv_input(g, v), g_bar = conv(x, v)."""
    return kernels.correlate_kernel_gradient(
        x, g, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation, groups=groups
    )


@conv_op.defvjp("x")
def _conv_vjp_x(y: Array, x: Array, w: Array, b: Array | None = None, **geometry: Any) -> Any:
    size = shape_of(x)[1:-1]
    return lambda g: conv_input_op(g, w, size=size, **geometry)


@conv_op.defvjp("w")
def _conv_vjp_w(y: Array, x: Array, w: Array, b: Array | None = None, **geometry: Any) -> Any:
    kernel_size = shape_of(w)[:-2]
    return lambda g: conv_kernel_op(x, g, kernel_size=kernel_size, **geometry)


@conv_op.defvjp("b")
def _conv_vjp_b(y: Array, x: Array, w: Array, b: Array, **geometry: Any) -> Any:
    axes = tuple(range(len(shape_of(y)) - 1))
    return lambda g: sum_op(g, axis=axes, reorder=True)


@conv_op.defjvp("x")
def _conv_jvp_x(y: Array, x: Array, w: Array, b: Array | None = None, **geometry: Any) -> Any:
    return lambda x_dot: conv_op(x_dot, w, **geometry)


@conv_op.defjvp("w")
def _conv_jvp_w(y: Array, x: Array, w: Array, b: Array | None = None, **geometry: Any) -> Any:
    return lambda w_dot: conv_op(x, w_dot, **geometry)


@conv_op.defjvp("b")
def _conv_jvp_b(y: Array, x: Array, w: Array, b: Array, **geometry: Any) -> Any:
    shape = shape_of(y)
    return lambda b_dot: np.broadcast_to(b_dot, shape)


@conv_input_op.defvjp("g")
def _conv_input_vjp_g(y: Array, g: Array, w: Array, *, size: Tuple, **geometry: Any) -> Any:
    return lambda h: conv_op(h, w, **geometry)


@conv_input_op.defvjp("w")
def _conv_input_vjp_w(y: Array, g: Array, w: Array, *, size: Tuple, **geometry: Any) -> Any:
    kernel_size = shape_of(w)[:-2]
    return lambda h: conv_kernel_op(h, g, kernel_size=kernel_size, **geometry)


@conv_kernel_op.defvjp("x")
def _conv_kernel_vjp_x(y: Array, x: Array, g: Array, *, kernel_size: Tuple, **geometry: Any) -> Any:
    size = shape_of(x)[1:-1]
    return lambda v: conv_input_op(g, v, size=size, **geometry)


@conv_kernel_op.defvjp("g")
def _conv_kernel_vjp_g(y: Array, x: Array, g: Array, *, kernel_size: Tuple, **geometry: Any) -> Any:
    return lambda v: conv_op(x, v, **geometry)


conv_input_op.deflinear("g", "w")
conv_kernel_op.deflinear("x", "g")

conv_op.fresh = True

over_first_axis(conv_op, "x")
over_first_axis(conv_input_op, "g")


@conv_kernel_op.defdivide
def _conv_kernel_divide(size: int, axes: Axes, x: Array, g: Array, **geometry: Any) -> Division | None:
    return Division((0, 0), None) if set(axes) <= {0, None} else None


# Batching. Where the kernels are shared the examples are so many more images. Kernels of several examples stand side by
# side as filters, or as channels, of one: each group g of them gives B groups' worth. Where both factors differ between
# the examples, example b of group g is group (b, g) of one convolution of B times the groups.


@batching(conv_op)
def _conv_batch(size: int, axes: Axes, x: Array, w: Array, b: Array | None = None, /, **geometry: Any) -> Any:
    y, axis = _conv_batch_without_bias(size, axes[0], axes[1], x, w, **geometry)
    if b is None:
        return y, axis
    if axes[2] is not None:
        b = to_front(b, axes[2])
        b = np.reshape(b, (size, *(1,) * (len(shape_of(y)) - 2), shape_of(b)[-1]))
    return y + b, axis


def _conv_batch_without_bias(
    size: int, in_x: int | None, in_w: int | None, x: Array, w: Array, *, groups: int, **geometry: Any
) -> Any:
    if in_w is None:
        return unfold(size, conv_op(fold(size, x, in_x), w, groups=groups, **geometry)), 0
    if in_x is None:
        return separate(size, conv_op(x, beside(w, in_w, groups), groups=groups, **geometry), groups), 0
    x, w = to_front(x, in_x), to_front(w, in_w)
    columns = math.prod(shape_of(x)[1:]) * math.prod(shape_of(w)[1:-2])
    return _in_groups(conv_op, columns, x, w, groups=groups, **geometry), 0


@batching(conv_input_op)
def _conv_input_batch(size: int, axes: Axes, g: Array, w: Array, /, *, groups: int, **geometry: Any) -> Any:
    in_g, in_w = axes
    if in_w is None:
        return unfold(size, conv_input_op(fold(size, g, in_g), w, groups=groups, **geometry)), 0
    if in_g is None:
        w = np.moveaxis(w, in_w, -3)
        *kernel, _, per_group, filters = shape_of(w)
        w = np.reshape(w, (*kernel, size * per_group, filters))
        return separate(size, conv_input_op(g, w, groups=groups, **geometry), groups), 0
    g, w = to_front(g, in_g), to_front(w, in_w)
    columns = shape_of(g)[1] * math.prod(geometry["size"]) * math.prod(shape_of(w)[1:-1]) * groups
    return _in_groups(conv_input_op, columns, g, w, groups=groups, **geometry), 0


@batching(conv_kernel_op)
def _conv_kernel_batch(size: int, axes: Axes, x: Array, g: Array, /, *, groups: int, **geometry: Any) -> Any:
    in_x, in_g = axes
    if in_x is None:
        return separate(size, conv_kernel_op(x, beside(g, in_g, groups), groups=groups, **geometry), groups), 0
    if in_g is None:
        y = conv_kernel_op(beside(x, in_x, groups), g, groups=groups, **geometry)
        *kernel, depth, filters = shape_of(y)
        return np.reshape(y, (*kernel, size, depth // size, filters)), len(kernel)
    columns = math.prod(shape_of(x)) * math.prod(geometry["kernel_size"]) // size
    return _in_groups(conv_kernel_op, columns, to_front(x, in_x), to_front(g, in_g), groups=groups, **geometry), 0


def _in_groups(
    op: Primitive, columns: int, a: Array, b: Array, *, groups: int, stride: Tuple, **geometry: Any
) -> Array:
    """Return op(a[i], b[i]) for all i: some examples at a time as groups, so many that their columns fill a buffer.

    For small images that is several times as fast as a loop over the examples, for large ones no slower.
    """
    size, step = shape_of(a)[0], max(1, BUFFER * math.prod(stride) // max(1, columns))
    parts = []
    for i in range(0, size, step):
        n = min(step, size - i)
        sides = beside(a[i : i + n], 0), beside(b[i : i + n], 0)
        parts.append(separate(n, op(*sides, groups=n * groups, stride=stride, **geometry)))
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def check_kernel(operation: str, w: Array, x: Array, layout: str) -> Array:
    """Return w as (*kernel, C/groups, F)."""
    w, rank = as_array(w), len(shape_of(x))
    _check_rank_of_kernel(operation, shape_of(w), rank, layout)
    return w if layout == "channels_last" else np.transpose(w, (*range(2, rank), 1, 0))


def _check_rank_of_kernel(operation: str, shape: Tuple, rank: int, layout: str) -> None:
    if len(shape) != rank:
        axes = "(F, C/groups, *kernel)" if layout == "channels_first" else "(*kernel, C/groups, F)"
        raise ValueError(
            f"{operation}: w has shape {shape}; for x with {rank - 2} spatial axes it needs {rank} axes, {axes}."
        )


def check_groups(operation: str, groups: int, channels: int, per_group: int, filters: int, layout: str) -> None:
    """Refuse groups that divide no channels or filters."""
    if not isinstance(groups, int | np.integer) or groups < 1 or filters % groups:
        raise ValueError(
            f"{operation}: groups={groups!r} must be a positive integer that divides the {filters} filters of w."
        )
    if channels != per_group * groups:
        raise ValueError(
            f"{operation}: x has {channels} channels, but w takes {per_group} channels a group * {groups} groups = "
            f"{per_group * groups} (layout={layout!r}: is it the one you mean?)."
        )


def check_bias(operation: str, shape: Tuple, channels: int) -> None:
    """Refuse a bias of another shape."""
    if shape != (channels,):
        raise ValueError(
            f"{operation}: b has shape {shape}; the output has {channels} channels, so expected ({channels},)."
        )


@remembered(shapes=3)
def _geometry(
    images: Tuple,
    kernels: Tuple,
    bias: Tuple | None,
    stride: Ints,
    padding: Padding,
    dilation: Ints,
    groups: int,
    layout: str,
    padding_mode: str,
) -> dict[str, Any]:
    """Return the options in normal form, for the shapes (N, *size, C), (*kernel, C/groups, F) and (F,); or refuse."""
    check_rank("conv", images, layout)
    _check_rank_of_kernel("conv", kernels, len(images), layout)
    _, *size, channels = images
    *window, per_group, filters = kernels
    check_groups("conv", groups, channels, per_group, filters, layout)
    steps, gaps = per_axis("conv", "stride", stride, len(size)), per_axis("conv", "dilation", dilation, len(size))
    pairs = pairs_of("conv", padding, size, window, steps, gaps)
    output_size("conv", size, window, steps, pairs, gaps)
    if padding_mode not in _PAD_MODES:
        raise ValueError(f"conv: padding_mode={padding_mode!r}; it is one of {', '.join(_PAD_MODES)}.")
    if bias is not None:
        check_bias("conv", bias, filters)
    return {"stride": steps, "padding": pairs, "dilation": gaps, "groups": int(groups)}


_PAD_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def _pad_input(operation: str, x: Array, padding: Pairs, mode: str) -> Array:
    for axis, (n, pair) in enumerate(zip(shape_of(x)[1:-1], padding, strict=True)):
        most = {"reflect": n - 1, "circular": n}.get(mode, max(pair))
        if max(pair) > most or (n == 0 and max(pair) > 0):
            raise ValueError(
                f"{operation}: padding_mode={mode!r} pads axis {axis} of size {n} by at most {most}, not {pair}."
            )
    return np.pad(x, ((0, 0), *padding, (0, 0)), mode=_PAD_MODES[mode])  # type: ignore[call-overload]


def conv(
    x: Array,
    w: Array,
    b: Array | None = None,
    *,
    stride: Ints = 1,
    padding: Padding = 0,
    dilation: Ints = 1,
    groups: int = 1,
    layout: Layout = "channels_last",
    padding_mode: str = "zeros",
) -> Array:
    """Convolution (cross-correlation) over any number of spatial axes.

    Parameters
    ----------
    x : array, shape (N, *size, C); channels_first: (N, C, *size)
        Images, floating point or complex.
    w : array, shape (*kernel, C/groups, F); channels_first: (F, C/groups, *kernel)
        Kernels. The filters are group-major: the first F/groups see the first C/groups channels.
    b : array, shape (F,), optional
        Bias, added to every output element of its filter.
    stride, dilation : int or one an axis
        Steps of the window, and between its taps.
    padding : int, one an axis, (low, high) an axis, "valid" or "same"
        "same" gives outputs of ceil(size / stride) for any stride, dilation and kernel; where its elements are odd in
        number the extra one is at the end.
    groups : int
        Divides channels and filters; `groups=C` is a depthwise convolution.
    layout : {"channels_last", "channels_first"}
        Of x, w and the result.
    padding_mode : {"zeros", "reflect", "replicate", "circular"}
        What stands in the padding.

    Returns
    -------
    array, shape (N, *out, F) or (N, F, *out)
        out = floor((size + low + high - dilation (kernel - 1) - 1) / stride) + 1; dtype as NumPy promotes x and w.

    Raises
    ------
    ValueError
        For shapes and options that do not fit, with the arithmetic.

    Notes
    -----
    y[n, p, f] = Σ_{r, c} x[n, p stride + r dilation - low, c] w[r, c, f] + b[f].

    <g, dy> for a change dx is Σ g[n,p,f] dx[n, p stride + r dilation - low, c] w[r,c,f]. Collecting what meets
    dx[n,i,c], x_bar[n,i,c] = Σ_{p stride + r dilation - low = i} g[n,p,f] w[r,c,f], the transposed convolution.
    In the same way w_bar[r,c,f] = Σ_{n,p} x[n, p stride + r dilation - low, c] g[n,p,f], b_bar[f] = Σ_{n,p} g[n,p,f].
    Kept: x for w_bar, w for x_bar. Cost: 2 N out F C/groups kernel flops, and as many for each of x_bar and w_bar.

    How it is computed follows from shapes, memory order and dtype, and so do the last bits. Wide 3 x 3 layers in
    float32 take Winograd's minimal filtering: errors are up to twice those of plain sums (root mean square), and an
    output that sees an infinity may be NaN where they give an infinity.

    References
    ----------
    V. Dumoulin and F. Visin, A guide to convolution arithmetic for deep learning, arXiv:1603.07285.

    Examples
    --------
    >>> conv(np.arange(4.0).reshape(1, 4, 1), np.array([-1.0, 1.0]).reshape(2, 1, 1)).ravel()
    array([1., 1., 1.])
    """
    x, w = as_array(x), as_array(w)
    biases = () if b is None else (as_array(b),)
    if layout != "channels_last":
        x = check_input("conv", x, layout)
        w = check_kernel("conv", w, x, layout)
    bias = biases[0].shape if biases else None
    geometry = _geometry(x.shape, w.shape, bias, stride, padding, dilation, groups, layout, padding_mode)
    if padding_mode != "zeros":
        x = _pad_input("conv", x, geometry["padding"], padding_mode)
        geometry = geometry | {"padding": ((0, 0),) * (len(shape_of(x)) - 2)}
    y = conv_op(x, w, *biases, **geometry)
    return y if layout == "channels_last" else give_layout(y, layout)


conv1d, conv2d, conv3d = (ranked(conv, dims) for dims in (1, 2, 3))
