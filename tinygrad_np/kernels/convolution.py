"""Cross-correlation of any rank, and its two transposes.

The form <g, correlate(x, w)> is linear in g, x and w. Its derivatives by each are the three functions of this file,
and so each other's derivatives, to every order. Channels are last: x (N, *size, C), w (*kernel, C/groups, F), g and y
(N, *out, F).

    y[n, p, f] = sum over r, c of x[n, p * stride + r * dilation - low, c] w[r, c, f]
    out = floor((size + low + high - (kernel - 1) * dilation - 1) / stride) + 1

Filters of group j are f = j F/groups, ..., (j + 1) F/groups - 1, and see the channels of group j only.

Options, one entry a spatial axis: `stride` and `dilation`, positive; `padding`, pairs (low, high) of non-negative
numbers of zeros; and `groups`, a divisor of C and F. Arrays may have any strides and are not written to. Results are
fresh, in whichever memory order was fastest, with the dtype that NumPy gives a product of the arguments; float16 is
summed in float32 and rounded once. Each function costs 2 N prod(out) prod(kernel) C/groups F flops.

Here the results' shapes and dtypes are settled; which algorithm computes them, `choice` says.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from tinygrad_np.kernels.choice import algorithm
from tinygrad_np.kernels.columns import Array, Geometry

Sizes = tuple[int, ...]
Padding = tuple[tuple[int, int], ...]


def correlate(x: Array, w: Array, *, stride: Sizes, padding: Padding, dilation: Sizes, groups: int) -> Array:
    """Correlate x (N, *size, C) with the filters w (*kernel, C/groups, F), giving y (N, *out, F)."""
    work = _settle(x.shape, w.shape, x.dtype, w.dtype, stride, padding, dilation, groups)
    geometry, dtype = work.geometry, work.dtype
    if work.empty:
        return np.zeros((geometry.batch, *geometry.out, geometry.filters), work.result)
    y = algorithm("correlate", geometry, x, w, dtype)(geometry, x, w, dtype)
    return y.astype(work.result, copy=False)


def correlate_kernel_gradient(
    x: Array, g: Array, *, kernel_size: Sizes, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
) -> Array:
    """Transpose `correlate` in w: from x (N, *size, C) and g (N, *out, F) to (*kernel, C/groups, F).

    w_bar[r, c, f] = sum over n, p of x[n, p * stride + r * dilation - low, c] g[n, p, f].
    """
    w_shape = (*kernel_size, x.shape[-1] // groups, g.shape[-1])
    work = _settle(x.shape, w_shape, x.dtype, g.dtype, stride, padding, dilation, groups)
    geometry, dtype = work.geometry, work.dtype
    if work.empty:
        return np.zeros(w_shape, work.result)
    w_bar = algorithm("kernel_gradient", geometry, x, g, dtype)(geometry, x, g, dtype)
    return w_bar.astype(work.result, copy=False)


def correlate_input_gradient(
    g: Array, w: Array, *, size: Sizes, stride: Sizes, padding: Padding, dilation: Sizes, groups: int
) -> Array:
    """Transpose `correlate` in x: from g (N, *out, F) and w (*kernel, C/groups, F) to (N, *size, C).

    x_bar[n, i, c] = sum over f, and over p, r with p * stride + r * dilation - low = i, of g[n, p, f] w[r, c, f];
    zero where no window reaches. Transposed convolution is this function, forward.
    """
    x_shape = (len(g), *size, w.shape[-2] * groups)
    work = _settle(x_shape, w.shape, g.dtype, w.dtype, stride, padding, dilation, groups)
    geometry, dtype = work.geometry, work.dtype
    if work.empty:
        return np.zeros(x_shape, work.result)
    x_bar = algorithm("input_gradient", geometry, g, w, dtype)(geometry, g, w, dtype)
    return x_bar.astype(work.result, copy=False)


class _Work(NamedTuple):
    """What follows from shapes, dtypes and options alone, settled once for each.

    Attributes
    ----------
    geometry : Geometry
    result, dtype : dtype
        That of the result, and that to sum in.
    empty : bool
        Whether images, kernels or outputs have no elements.
    """

    geometry: Geometry
    result: np.dtype[Any]
    dtype: np.dtype[Any]
    empty: bool


@lru_cache(maxsize=4096)
def _settle(x: Sizes, w: Sizes, a: Any, b: Any, stride: Sizes, padding: Padding, dilation: Sizes, groups: int) -> _Work:
    """Settle it for images of shape x, kernels of shape w and two arguments with the dtypes a and b."""
    (n, *size, channels), (*kernel, _, filters) = x, w
    geometry = Geometry(n, tuple(size), channels, filters, tuple(kernel), stride, padding, dilation, groups)
    result = np.result_type(a, b)
    return _Work(
        geometry, result, np.dtype(np.float32) if result == np.float16 else result, 0 in (*x, *w, *geometry.out)
    )
