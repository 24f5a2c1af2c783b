"""JAX, the whole step jitted."""

from __future__ import annotations

import sys

from benchmarks import limits  # noqa: F401  (before NumPy)

import jax  # isort: skip
import numpy as np  # isort: skip

from benchmarks.first_epoch import LAST, RATE, batches
from benchmarks.networks import LENET5
from benchmarks.peers.jax import loss_of

gradients = jax.value_and_grad(loss_of(LENET5, windows=False))


@jax.jit
def step(params, x, y):
    loss, grads = gradients(params, x, y)
    return loss, jax.tree.map(lambda p, g: p - RATE * g, params, grads)


params, losses = LENET5.parameters(), []
for x, y in batches(sys.argv[1]):
    loss, params = step(params, x, y)
    losses.append(loss)
print(np.mean(jax.device_get(losses[-LAST:])))
