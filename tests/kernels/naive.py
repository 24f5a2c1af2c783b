"""The kernels as their definitions say them: loops over positions and kernel offsets, slow and obviously right."""

from itertools import product
from math import prod

import numpy as np


def output_size(size, *, kernel_size, stride, padding, dilation):
    axes = zip(size, kernel_size, stride, padding, dilation, strict=True)
    return tuple((n + low + high - (k - 1) * d - 1) // s + 1 for n, k, s, (low, high), d in axes)


def windows(size, *, kernel_size, stride, padding, dilation, output_size):
    """For each window p, row-major: the (number, offset r, position i) of each of its elements that is not padding."""
    for p in product(*map(range, output_size)):
        inside = []
        for number, r in enumerate(product(*map(range, kernel_size))):
            i = tuple(q * s + t * d - low for q, s, t, d, (low, _) in zip(p, stride, r, dilation, padding, strict=True))
            if all(0 <= j < n for j, n in zip(i, size, strict=True)):
                inside.append((number, r, i))
        yield p, inside


# -- convolution: the scalar sum of g[n, p, f] x[n, i, c] w[r, c, f] by each of its three factors


def _terms(size, kernel_size, channels, filters, *, groups, **options):
    """The (p, i, r, c, f) of every product, c and f as slices of one group."""
    options["output_size"] = output_size(size, kernel_size=kernel_size, **options)
    depth, width = channels // groups, filters // groups
    for p, inside in windows(size, kernel_size=kernel_size, **options):
        for _, r, i in inside:
            for j in range(groups):
                yield p, i, r, slice(j * depth, (j + 1) * depth), slice(j * width, (j + 1) * width)


def correlate(x, w, *, groups, **options):
    size, kernel_size, filters = x.shape[1:-1], w.shape[:-2], w.shape[-1]
    out = output_size(size, kernel_size=kernel_size, **options)
    y = np.zeros((len(x), *out, filters), np.result_type(x, w))
    for p, i, r, c, f in _terms(size, kernel_size, x.shape[-1], filters, groups=groups, **options):
        y[:, *p, f] += x[:, *i, c] @ w[*r][:, f]
    return y


def correlate_input_gradient(g, w, *, size, groups, **options):
    channels, filters = w.shape[-2] * groups, w.shape[-1]
    x_bar = np.zeros((len(g), *size, channels), np.result_type(g, w))
    for p, i, r, c, f in _terms(size, w.shape[:-2], channels, filters, groups=groups, **options):
        x_bar[:, *i, c] += g[:, *p, f] @ w[*r][:, f].T
    return x_bar


def correlate_kernel_gradient(x, g, *, kernel_size, groups, **options):
    channels, filters = x.shape[-1], g.shape[-1]
    w_bar = np.zeros((*kernel_size, channels // groups, filters), np.result_type(x, g))
    for p, i, r, c, f in _terms(x.shape[1:-1], kernel_size, channels, filters, groups=groups, **options):
        w_bar[*r, :, f] += x[:, *i, c].T @ g[:, *p, f]
    return w_bar


# -- pooling


def _pool(x, reduce, of_padding, dtype, **options):
    """Reduce each window from its elements that are not padding and their numbers."""
    y = np.full((len(x), *options["output_size"], x.shape[-1]), of_padding, dtype)
    for p, inside in windows(x.shape[1:-1], **options):
        if inside:
            numbers, _, positions = zip(*inside, strict=True)
            y[:, *p] = reduce(np.stack([x[:, *i] for i in positions]), np.array(numbers))
    return y


def max_pool(x, **options):
    lowest = np.iinfo(x.dtype).min if np.issubdtype(x.dtype, np.integer) else -np.inf
    return _pool(x, lambda elements, _: elements.max(0), lowest, x.dtype, **options)


def max_pool_winner(x, **options):
    last = prod(options["kernel_size"]) - 1
    return _pool(x, lambda elements, numbers: numbers[elements.argmax(0)], last, np.int64, **options)


def sum_pool(x, **options):
    return _pool(x, lambda elements, _: elements.sum(0), 0, x.dtype, **options)


def sum_pool_transpose(g, *, size, **options):
    x_bar = np.zeros((len(g), *size, g.shape[-1]), g.dtype)
    for p, inside in windows(size, **options):
        for _, _, i in inside:
            x_bar[:, *i] += g[:, *p]
    return x_bar


def window_gather(x, winner, **options):
    y = np.zeros(winner.shape, x.dtype)
    for p, inside in windows(x.shape[1:-1], **options):
        for number, _, i in inside:
            y[:, *p] += np.where(winner[:, *p] == number, x[:, *i], 0)
    return y


def window_scatter(g, winner, *, size, **options):
    x_bar = np.zeros((len(g), *size, g.shape[-1]), g.dtype)
    for p, inside in windows(size, **options):
        for number, _, i in inside:
            x_bar[:, *i] += np.where(winner[:, *p] == number, g[:, *p], 0)
    return x_bar


def winner_to_flat_index(winner, *, size, **options):
    flat = np.full(winner.shape, -1)
    for p, inside in windows(size, **options):
        for number, _, i in inside:
            flat[:, *p][winner[:, *p] == number] = np.ravel_multi_index(i, size)
    return flat
