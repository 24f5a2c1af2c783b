"""tinygrad_np; with "compile" after the file of digits, the step is compiled."""

from __future__ import annotations

import sys

from benchmarks import limits  # noqa: F401  (before NumPy)

import numpy as np  # isort: skip

from benchmarks.first_epoch import LAST, RATE, batches
from benchmarks.networks import LENET5
from tinygrad_np import nn, tree, value_and_grad
from tinygrad_np.models import lenet5


@value_and_grad
def gradients(params, x, y):
    return nn.cross_entropy(lenet5.apply(params, x), y)


def step(params, x, y):
    loss, grads = gradients(params, x, y)
    return loss, tree.map(lambda p, g: p - RATE * g, params, grads)


if "compile" in sys.argv:
    from tinygrad_np import compile

    step = compile(step)

params, losses = LENET5.parameters(), []
for x, y in batches(sys.argv[1]):
    loss, params = step(params, x, y)
    losses.append(loss)
print(np.mean(losses[-LAST:]))
