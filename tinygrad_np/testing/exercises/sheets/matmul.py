"""Exercise 2 of 6: the VJP of matmul, as a layer uses it.

Forward:  z = x @ w for x (..., n, k) and w (k, m): z[..., i, j] is the sum over l of x[..., i, l] w[l, j].
Task:     from g, with the shape of z, find x_bar and w_bar.

Think about it:
- Write the loss's change as a sum, g[i, j] dx[i, l] w[l, j] over i, j and l. The factor of dx[i, l] is x_bar[i, l].
  Which indices are summed, and which matrix product has just these sums?
- The shapes check you: x_bar is (n, k), and of g (n, m) and w (k, m) there is one way to make it. But a test with
  square matrices hides a forgotten transpose.
- If x has axes in front, each matrix of the stack met the same w: exercise 1 says what that means for w_bar. And x.T
  reverses all axes; np.swapaxes(x, -1, -2) only the last two.

Judged to second order: write np functions of g, x and w, and write into no array.
"""

import numpy as np


def matmul(x, w):
    """Return x @ w."""
    return x @ w


def matmul_vjp(g, x, w):
    """Return (x_bar, w_bar), with the shapes of x and w, for g with the shape of matmul(x, w)."""
    # -- solution
    # With s for the place in the stack, z_sij = Σ_l x_sil w_lj, so
    #     Σ_sij g_sij dz_sij = Σ_sil dx_sil (Σ_j g_sij w_lj) + Σ_lj dw_lj (Σ_si x_sil g_sij).
    # The sum over j is that of g wᵀ. The sum over i is that of xᵀ g, and w serves all of the stack, so s is summed too.
    x_bar = g @ np.swapaxes(w, -1, -2)
    w_bar = np.swapaxes(x, -1, -2) @ g
    return x_bar, np.sum(w_bar, axis=tuple(range(np.ndim(w_bar) - 2)))
