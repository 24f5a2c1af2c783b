"""Softmax cross-entropy of a few rows and its gradient, as NumPy calls on arrays that stay.

Each function takes what the operation takes, the array of the result, and what to run instead where a label is no class
or a row has no finite maximum; it returns functions without arguments that compute the same, or None where it does not
know how. The softmax is computed once for both.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from tinygrad_np.kernels.cross_entropy import MANY, Array
from tinygrad_np.kernels.scratch import kept, scratch, shared

Calls = list[Callable[[], object]]
Forward = Callable[..., Array]


class _Softmax:
    """The softmax of rows of logits, but for the division, and where in them the labels point.

    Attributes
    ----------
    usual : bool
        Whether, in this run, every label is a class and every row has a finite maximum. Else nothing here is good.
    exponentials, total : array (N, C), (N,)
        exp(x - max x), and its sum over each row.
    at, picked : array (N,)
        Places of the labels among all logits, and x - max x there.
    """

    def __init__(self, x: Array, labels: Array) -> None:
        classes = x.shape[-1]
        self.x, self.labels = x.reshape(-1, classes), labels.reshape(-1)
        self.unsigned = self.labels.view(f"u{labels.itemsize}")  # negative labels are large
        n = len(self.x)
        self.starts, self.at = np.arange(n) * classes, kept((n,), np.intp)
        self.total, self.picked = kept((n,), x.dtype), kept((n,), x.dtype)
        self.exponentials = kept((n, classes), x.dtype)
        self.shift, self.finite = scratch((n,), x.dtype), scratch((n,), np.bool_)
        self.pick = partial(self.exponentials.reshape(-1).take, self.at, None, self.picked, "clip")
        self.usual = False

    def column(self, a: Array) -> Array:
        """Return one number a row so that it goes with the logits; a single one NumPy spreads sooner than a column."""
        return a.reshape(-1, 1) if len(self.x) > 1 else a.reshape(())

    def compute(self) -> None:
        """Compute them, if all is usual."""
        self.usual = False
        if np.maximum.reduce(self.unsigned) >= self.x.shape[1]:
            return
        np.copyto(self.at, self.labels, casting="unsafe")
        np.add(self.at, self.starts, self.at)
        np.maximum.reduce(self.x, -1, out=self.shift)
        np.isfinite(self.shift, self.finite)
        if np.count_nonzero(self.finite) < len(self.x):
            return
        np.subtract(self.x, self.column(self.shift), self.exponentials)
        self.pick()
        np.exp(self.exponentials, self.exponentials)
        np.add.reduce(self.exponentials, -1, out=self.total)
        self.usual = True


def prepare_cross_entropy(
    out: Array, x: Array, labels: Array, otherwise: Forward, *, reduction: str, ignore_index: int
) -> Calls | None:
    """Prepare the sum or the mean of the losses."""
    if reduction == "none" or not _can_share(x, labels, ignore_index):
        return None
    softmax, new = shared(_Softmax, x, labels)
    n = len(softmax.x)
    losses = out.reshape(1) if n == 1 else scratch((n,), x.dtype)
    mean, count = reduction == "mean", x.dtype.type(n)

    def run() -> None:
        if not softmax.usual:
            np.copyto(out, otherwise(x, labels, reduction=reduction, ignore_index=ignore_index))
            return
        np.log(softmax.total, losses)
        np.subtract(losses, softmax.picked, losses)
        if n > 1:
            np.add.reduce(losses, None, out=out)
            if mean:
                np.divide(out, count, out)

    return [softmax.compute, run] if new else [run]


def prepare_cross_entropy_gradient(
    out: Array, g: Array, x: Array, labels: Array, otherwise: Forward, *, reduction: str, ignore_index: int
) -> Calls | None:
    """Prepare the gradient for the cotangent of the sum or of the mean."""
    if g.shape != () or not out.flags.c_contiguous or not _can_share(x, labels, ignore_index):
        return None
    softmax, new = shared(_Softmax, x, labels)
    n, gradient, column = len(softmax.x), out.reshape(softmax.x.shape), softmax.column(softmax.total)
    flat, one, count = out.reshape(-1), np.ones((), x.dtype), x.dtype.type(n)
    divided = reduction == "mean" and n > 1
    weight = scratch((), g.dtype) if divided else g

    def run() -> None:
        if not softmax.usual:
            np.copyto(out, otherwise(g, x, labels, reduction=reduction, ignore_index=ignore_index))
            return
        np.divide(softmax.exponentials, column, gradient)
        np.subtract.at(flat, softmax.at, one)
        if divided:
            np.divide(g, count, weight)
        np.multiply(gradient, weight, gradient)

    return [softmax.compute, run] if new else [run]


def _can_share(x: Array, labels: Array, ignore_index: int) -> bool:
    """Whether `_Softmax` computes as the kernel does, and sees the arrays whatever a run puts into them."""
    few = 0 < x.size < MANY and x.dtype.char in "fd"
    return few and not 0 <= ignore_index < x.shape[-1] and x.flags.c_contiguous and labels.flags.c_contiguous
