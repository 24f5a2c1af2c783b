"""Exercise 6 of 6: the VJP of batch normalisation.

Forward:  x (N, D). Along axis 0, with mean and variance of the batch (both divide by N),
          h = (x - mean) / sqrt(variance + eps), z = scale * h + shift; scale and shift are (D,).
Task:     from g, with the shape of z, find x_bar, scale_bar and shift_bar.

Think about it:
- The last step is exercise 1: what were scale and shift broadcast over?
- x[n] acts on z three times: as itself, through the mean, and through the variance, which all rows of the batch share.
  Write dh for a dx of all rows at once, then ask for the factor of each dx[n].
- Add the same number to a whole column: z stays as it is, so each column of x_bar sums to zero. Multiply a column by a
  number: z stays nearly as it is, so what must the sum of x_bar times h nearly be? Both are good tests of your answer.

Judged to second order: write np functions of the arguments, and write into no array.
"""

import numpy as np


def batch_norm(x, scale, shift, *, eps=1e-5):
    """Return scale * (x - mean) / sqrt(variance + eps) + shift."""
    return scale * (x - np.mean(x, axis=0)) / np.sqrt(np.var(x, axis=0) + eps) + shift


def batch_norm_vjp(g, x, scale, shift, *, eps=1e-5):
    """Return (x_bar, scale_bar, shift_bar), with the shapes of x, scale and shift."""
    # -- solution
    # With r = 1/sqrt(variance + eps), c = x - mean and h = r c, in one column:
    #     dc_n = dx_n - mean(dx),   d variance = (2/N) Σ c_n dc_n = 2 mean(c dx)   (for Σ c_n = 0),
    #     dr = -r³/2 d variance = -r³ mean(c dx),
    #     dh_n = r dc_n + c_n dr = r (dx_n - mean(dx) - h_n mean(h dx)).
    # This map of dx is symmetric: its transpose, applied to h_bar = g scale, is
    #     x_bar = r (h_bar - mean(h_bar) - h mean(h_bar h)).
    # It takes from h_bar what would shift the column, and what would stretch it.
    r = 1 / np.sqrt(np.var(x, axis=0) + eps)
    h = (x - np.mean(x, axis=0)) * r
    h_bar = g * scale
    x_bar = r * (h_bar - np.mean(h_bar, axis=0) - h * np.mean(h_bar * h, axis=0))
    return x_bar, np.sum(g * h, axis=0), np.sum(g, axis=0)
