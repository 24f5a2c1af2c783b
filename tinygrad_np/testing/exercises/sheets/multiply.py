"""Exercise 1 of 6: the VJP of multiply, with broadcasting.

Forward:  z = x * y, after NumPy has broadcast x and y to one shape.
Task:     a loss, computed from z, changes by g[i] for each unit that z[i] moves by: g is the cotangent of z. By how
          much does it change for a unit of x[j], and of y[j]? These are the cotangents x_bar[j] and y_bar[j]. The map
          from g to them is the VJP of multiply, and a framework runs nothing else backwards.

Think about it:
- For two numbers, dz = dx y + x dy. What does g dz say about dx alone?
- x of shape (3, 1) and y of shape (4,) give z of shape (3, 4). On how many elements of z does one of x act, and what
  becomes of the loss if it acts on it through each of them?
- x_bar has the shape of x. Two things broadcasting does: it adds axes in front, and it stretches axes of length 1.

Judged to second order: write np functions of g, x and y, and write into no array.
"""

import numpy as np


def multiply(x, y):
    """Return x * y."""
    return x * y


def multiply_vjp(g, x, y):
    """Return (x_bar, y_bar), with the shapes of x and y, for g with the shape of multiply(x, y)."""
    # -- solution
    # z_i = x_a(i) y_b(i), where a(i) and b(i) are the elements that broadcasting copied to place i. So
    #     Σ_i g_i dz_i = Σ_i g_i y_b(i) dx_a(i) + ... ,
    # and the factor of dx_j gathers all places that hold a copy of x_j: x_bar_j = Σ_{i: a(i) = j} g_i y_b(i).
    # A copy forwards is a sum backwards.
    return _sum_to(g * y, np.shape(x)), _sum_to(g * x, np.shape(y))


def _sum_to(bar, shape):
    """Sum over the axes that broadcasting added in front, then over those that it stretched."""
    bar = np.sum(bar, axis=tuple(range(np.ndim(bar) - len(shape))))
    stretched = tuple(i for i, n in enumerate(shape) if n == 1)
    return np.sum(bar, axis=stretched, keepdims=True)
