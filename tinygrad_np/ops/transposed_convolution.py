"""Transposed convolution: the map that a convolution's VJP is, forward."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.tensor import Array, as_array, shape_of
from .convolution import Tuple, check_bias, check_groups, check_kernel, conv_input_op
from .windows import Ints, Layout, Padding, Pairs, check_input, give_layout, pairs_of, per_axis, ranked


def conv_transpose(
    x: Array,
    w: Array,
    b: Array | None = None,
    *,
    stride: Ints = 1,
    padding: Padding = 0,
    output_padding: Ints = 0,
    dilation: Ints = 1,
    groups: int = 1,
    layout: Layout = "channels_last",
) -> Array:
    """Transposed convolution: the transpose (not the inverse) of `conv` with the same weight and options.

    Parameters
    ----------
    x : array, shape (N, *size, F); channels_first: (N, F, *size)
        What the convolution would have given.
    w : array, shape (*kernel, C/groups, F); channels_first: (F, C/groups, *kernel)
        The weight of the convolution it transposes.
    b : array, shape (C,), optional
        Bias.
    stride, padding, dilation, groups, layout
        Those of the convolution it transposes. padding="same" gives an output of size * stride.
    output_padding : int or one an axis
        Extra elements at the end of each axis, less than stride or dilation: a strided convolution maps several sizes
        to one, and this chooses among them.

    Returns
    -------
    array, shape (N, *out, C) or (N, C, *out)
        out = (size - 1) stride - low - high + dilation (kernel - 1) + 1 + output_padding.

    Raises
    ------
    ValueError
        For shapes and options that do not fit, with the arithmetic.

    Notes
    -----
    y[n, i, c] = Σ_{p stride + r dilation - low = i} x[n, p, f] w[r, c, f] + b[c]. It is linear in x and in w, and its
    VJPs are `conv` in x and the kernel gradient in w (see `conv`). Cost: that of the convolution it transposes.

    References
    ----------
    M. D. Zeiler et al., Deconvolutional networks, CVPR 2010.

    Examples
    --------
    >>> conv_transpose(np.ones((1, 2, 1)), np.array([1.0, 2.0, 3.0]).reshape(3, 1, 1), stride=2).ravel()
    array([1., 2., 4., 2., 3.])
    """
    name = "conv_transpose"
    x = check_input(name, x, layout)
    w = check_kernel(name, w, x, layout)
    *size, filters = shape_of(x)[1:]
    *kernel, per_group, expected = shape_of(w)
    check_groups(name, groups, per_group * groups, per_group, expected, layout)
    if filters != expected:
        raise ValueError(
            f"{name}: x has {filters} channels, but w is of a convolution to {expected} filters (shape {shape_of(w)})."
        )
    steps, gaps = per_axis(name, "stride", stride, len(size)), per_axis(name, "dilation", dilation, len(size))
    extra = per_axis(name, "output_padding", output_padding, len(size), least=0)
    if any(e >= max(s, d) for e, s, d in zip(extra, steps, gaps, strict=True)):
        raise ValueError(
            f"{name}: output_padding={output_padding!r} must be less than stride {steps} or dilation {gaps}."
        )
    pairs, reached, beyond = _transposed_geometry(padding, size, kernel, steps, gaps, extra)
    y = conv_input_op(x, w, size=reached, stride=steps, padding=pairs, dilation=gaps, groups=int(groups))
    if any(beyond):
        y = np.pad(y, ((0, 0), *((0, e) for e in beyond), (0, 0)))
    if b is not None:
        b = as_array(b)
        check_bias(name, shape_of(b), per_group * int(groups))
        y = y + b
    return give_layout(y, layout)


def _transposed_geometry(
    padding: Padding, size: Any, kernel: Any, stride: Tuple, dilation: Tuple, extra: Tuple
) -> tuple[Pairs, Tuple, Tuple]:
    """Return the padding, and the output size in two parts: what a convolution so padded sees, and zeros beyond."""
    name = "conv_transpose"
    if padding == "same":
        whole = tuple(n * s for n, s in zip(size, stride, strict=True))
        return pairs_of(name, padding, whole, kernel, stride, dilation), whole, extra
    given = pairs_of(name, padding, size, kernel, stride, dilation)
    axes = []
    for axis, (n, k, s, (low, high), d, e) in enumerate(zip(size, kernel, stride, given, dilation, extra, strict=True)):
        out = (n - 1) * s - low - high + d * (k - 1) + 1 + e
        if out < 1:
            raise ValueError(
                f"{name}: nothing is left of axis {axis}: (size {n} - 1) * stride {s} - padding {low} - {high} "
                f"+ dilation {d} * (kernel {k} - 1) + 1 + output_padding {e} = {out} < 1."
            )
        beyond = max(e - high, 0)  # output_padding first undoes the cropping at the end, then adds zeros
        missing = max(beyond - out, 0)  # the low padding crops all that the windows reach, and more
        axes.append(((low - missing, max(high - e, 0)), out - beyond + missing, beyond - missing))
    pairs, reached, zeros = zip(*axes, strict=True)
    return pairs, reached, zeros


conv_transpose1d, conv_transpose2d, conv_transpose3d = (ranked(conv_transpose, dims) for dims in (1, 2, 3))
