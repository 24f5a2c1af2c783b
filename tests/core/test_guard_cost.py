"""What the guard against changed arrays costs, in one run: at most a twentieth of a LeNet-5 step."""

import time

import numpy as np
import pytest

from tinygrad_np import grad, nn, random
from tinygrad_np.core.guard import Guard
from tinygrad_np.models import lenet5


@pytest.mark.acceptance
def test_the_guard_costs_at_most_a_twentieth_of_a_lenet_step(monkeypatch):
    params = lenet5.init(random.key(0))
    x = np.random.default_rng(0).random((64, 28, 28, 1), np.float32)
    labels = np.arange(64) % 10
    step = grad(lambda params: nn.cross_entropy(lenet5.apply(params, x), labels))

    def seconds():
        start = time.perf_counter()
        step(params)
        return time.perf_counter() - start

    ratios = []
    for _ in range(300):  # in pairs, so that a disturbance of the machine meets both
        guarded = seconds()
        with monkeypatch.context() as patch:
            patch.setattr(Guard, "watch", lambda *args: None)
            patch.setattr(Guard, "check", lambda *args: None)
            ratios.append(guarded / seconds())
    ratio = np.median(ratios)
    print(f"LeNet-5 step, batch 64, with the guard / without: {ratio:.3f}")
    assert ratio <= 1.05
