"""Exercise 3 of 6: the VJP of max pooling.

Forward:  z[i, j] is the largest element of the window of size x size elements of x that begins at (i stride, j stride).
Task:     from g, with the shape of z, find x_bar with the shape of x.

Think about it:
- If x moves a little, z[i, j] moves with the window's largest element, and with no other. Where does g[i, j] go?
- With stride < size windows overlap, and an element may win in several: then it acts on the loss through each.
- Where two elements of a window are equal there is no derivative, but an answer is needed: here the first in the order
  of the window, row by row, takes all. np.argmax of a flat window finds it; x == z finds all of them.

Judged to first order: loops, and writing into an array of your own (np.zeros_like(x)), are welcome.
"""

import numpy as np


def max_pool(x, *, size, stride):
    """Return the maxima of the windows of x, (H, W): (H - size) // stride + 1 rows, columns likewise."""
    rows, columns = ((n - size) // stride + 1 for n in x.shape)
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size))[::stride, ::stride]
    return np.max(windows[:rows, :columns], axis=(2, 3))


def max_pool_vjp(g, x, *, size, stride):
    """Return x_bar, with the shape of x, for g with the shape of max_pool(x, size=size, stride=stride)."""
    # -- solution
    # z_ij = x_p(i,j), where p(i, j) is the place of the window's first maximum. It does not change when x moves a
    # little, so dz_ij = dx_p(i,j), and Σ_ij g_ij dz_ij = Σ_q dx_q Σ_{ij: p(i,j) = q} g_ij.
    # Picking forwards is adding at the picked place backwards, as often as it was picked.
    x_bar = np.zeros_like(x)
    for i, j in np.ndindex(g.shape):
        window = x[i * stride : i * stride + size, j * stride : j * stride + size]
        row, column = np.unravel_index(np.argmax(window), window.shape)
        x_bar[i * stride + row, j * stride + column] += g[i, j]
    return x_bar
