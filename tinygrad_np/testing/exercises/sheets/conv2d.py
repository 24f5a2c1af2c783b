"""Exercise 4 of 6: the VJP of conv2d.

Forward:  x (N, H, W, C) is padded with zeros. Each element (a, b) of the kernel w (kh, kw, C, F) meets some of it:
          `tap` says which, and they have the shape (N, rows, columns, C). Their matrix product with w[a, b], (C, F),
          is that of exercise 2; z is the sum of these products.
Task:     from g, with the shape of z, (N, rows, columns, F), find x_bar and w_bar.

Think about it:
- z is a sum of kh kw products. Each has its own share in x_bar and w_bar, and exercise 2 says which.
- A window read forwards is a window added to backwards, as in exercise 3: taps overlap.
- Padding is a copy into the middle of something larger. What is its way back?

Judged to first order: loops, and writing into arrays of your own (np.zeros_like), are welcome.
"""

import numpy as np


def tap(rows, columns, a, b, stride, dilation):
    """Return the index of the elements of the padded x that element (a, b) of the kernel meets."""
    down, right = a * dilation, b * dilation
    last_row, last_column = down + (rows - 1) * stride, right + (columns - 1) * stride
    return np.s_[:, down : last_row + 1 : stride, right : last_column + 1 : stride, :]


def conv2d(x, w, *, stride=1, padding=0, dilation=1):
    """Return the convolution, (N, rows, columns, F); what is called so in networks: the kernel is not turned round."""
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    rows, columns = (((x.shape[1 + i] - dilation * (w.shape[i] - 1) - 1) // stride + 1) for i in (0, 1))
    taps = np.ndindex(w.shape[:2])
    return sum(x[tap(rows, columns, a, b, stride, dilation)] @ w[a, b] for a, b in taps)


def conv2d_vjp(g, x, w, *, stride=1, padding=0, dilation=1):
    """Return (x_bar, w_bar), with the shapes of x and w, for g with the shape of conv2d(x, w, ...)."""
    # -- solution
    # With p the padded x, z_nijf = Σ_abc p[n, i s + a d, j s + b d, c] w_abcf, so
    #     w_bar_abcf = Σ_nij p[n, i s + a d, j s + b d, c] g_nijf,
    #     p_bar[n, u, v, c] = Σ_abf g_nijf w_abcf   over all (i, j, a, b) with i s + a d = u and j s + b d = v.
    # Instead of looking for these, each tap adds its product to the elements that it read. Of p_bar the border belongs
    # to zeros that nobody can change, and is cut off.
    border = ((0, 0), (padding, padding), (padding, padding), (0, 0))
    p = np.pad(x, border)
    p_bar, w_bar = np.zeros_like(p), np.zeros_like(w)
    for a, b in np.ndindex(w.shape[:2]):
        met = tap(g.shape[1], g.shape[2], a, b, stride, dilation)
        w_bar[a, b] = np.tensordot(p[met], g, axes=([0, 1, 2], [0, 1, 2]))
        p_bar[met] += g @ w[a, b].T
    height, width = x.shape[1:3]
    return p_bar[:, padding : padding + height, padding : padding + width], w_bar
