"""All windows of an image side by side (im2col) and the transpose of that, of any rank.

Shapes: x (N, *size, C) and patches (N, *output_size, *kernel_size, C), where the patch at p holds
x[n, p * stride + r * dilation - low, c] for 0 <= r < kernel_size, zero where that is padding. One strided copy for
each offset r.
"""

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Sizes: TypeAlias = tuple[int, ...]
Pairs: TypeAlias = tuple[tuple[int, int], ...]
Index: TypeAlias = tuple[Any, ...]


def _offsets(kernel: Sizes, stride: Sizes, dilation: Sizes, out: Sizes) -> Iterator[tuple[Index, Index]]:
    """Yield for each offset of the kernel the index of its part of the patches, and of what that sees."""
    for r in np.ndindex(*kernel):
        axes = zip(r, stride, dilation, out, strict=True)
        seen = tuple(slice(t * d, t * d + (o - 1) * s + 1, s) for t, s, d, o in axes)
        yield (slice(None), *(slice(None),) * len(out), *r), (slice(None), *seen)


def unfold(
    x: Array, *, kernel_size: Sizes, stride: Sizes, padding: Pairs, dilation: Sizes, output_size: Sizes
) -> Array:
    """Copy each window of x into a patch of its own."""
    padded = np.pad(x, ((0, 0), *padding, (0, 0))) if any(map(any, padding)) else x
    patches = np.empty((len(x), *output_size, *kernel_size, x.shape[-1]), x.dtype)
    for place, seen in _offsets(kernel_size, stride, dilation, output_size):
        patches[place] = padded[seen]
    return patches


def fold(
    patches: Array,
    *,
    size: Sizes,
    kernel_size: Sizes,
    stride: Sizes,
    padding: Pairs,
    dilation: Sizes,
    output_size: Sizes,
) -> Array:
    """Transpose `unfold`: add each number of a patch to the element it comes from, giving (N, *size, C)."""
    accumulator = np.float32 if patches.dtype == np.float16 else patches.dtype
    padded_size = [n + low + high for n, (low, high) in zip(size, padding, strict=True)]
    x = np.zeros((len(patches), *padded_size, patches.shape[-1]), accumulator)
    for place, seen in _offsets(kernel_size, stride, dilation, output_size):
        x[seen] += patches[place]
    inside = tuple(slice(low, low + n) for n, (low, _) in zip(size, padding, strict=True))
    return np.ascontiguousarray(x[:, *inside], patches.dtype)
