"""Every formula written out again, one number at a time, as a generator of steps along gradients of one parameter."""

from math import copysign, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_np import optim, random


def adam(gs, b1, b2, eps, largest=False):
    m = v = top = 0.0
    for t, g in enumerate(gs, 1):
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        top = max(top, v) if largest else v
        yield m / (1 - b1**t) / (sqrt(top / (1 - b2**t)) + eps)


def nadam(gs, b1, b2, eps, psi):
    momentum = lambda t: b1 * (1 - 0.5 * 0.96 ** (t * psi))
    m, v, product = 0.0, 0.0, 1.0
    for t, g in enumerate(gs, 1):
        m, v, product = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g, product * momentum(t)
        ahead = momentum(t + 1) * m / (1 - product * momentum(t + 1)) + (1 - momentum(t)) * g / (1 - product)
        yield ahead / (sqrt(v / (1 - b2**t)) + eps)


def radam(gs, b1, b2, eps):
    m = v = 0.0
    limit = 2 / (1 - b2) - 1
    for t, g in enumerate(gs, 1):
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        mean, length = m / (1 - b1**t), limit - 2 * t * b2**t / (1 - b2**t)
        if length > 5:
            r = sqrt((length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length))
            yield mean * r * sqrt(1 - b2**t) / (sqrt(v) + eps)
        else:
            yield mean


def adamax(gs, b1, b2, eps):
    m = u = 0.0
    for t, g in enumerate(gs, 1):
        m, u = b1 * m + (1 - b1) * g, max(b2 * u, abs(g) + eps)
        yield m / (1 - b1**t) / u


def adagrad(gs, start, eps):
    total = start
    for g in gs:
        total += g * g
        yield g / (sqrt(total) + eps)


def adadelta(gs, rho, eps):
    v = x = 0.0
    for g in gs:
        v = rho * v + (1 - rho) * g * g
        step = g * sqrt(x + eps) / sqrt(v + eps)
        x = rho * x + (1 - rho) * step * step
        yield step


def lion(gs, b1, b2):
    m = 0.0
    for g in gs:
        mean = b1 * m + (1 - b1) * g
        m = b2 * m + (1 - b2) * g
        yield copysign(1.0, mean) if mean else 0.0


def rmsprop(gs, decay, eps):
    v = 0.0
    for g in gs:
        v = decay * v + (1 - decay) * g * g
        yield g / (sqrt(v) + eps)


CASES = [
    (optim.scale_by_adam, adam, (0.9, 0.99, 1e-8)),
    (lambda *args: optim.scale_by_adam(*args, amsgrad=True), lambda *args: adam(*args, largest=True), (0.8, 0.7, 1e-3)),
    (optim.scale_by_nadam, nadam, (0.9, 0.999, 1e-8, 4e-3)),
    (optim.scale_by_nadam, nadam, (0.8, 0.95, 1e-3, 0.5)),
    (optim.scale_by_radam, radam, (0.9, 0.999, 1e-8)),
    (optim.scale_by_radam, radam, (0.8, 0.9, 1e-3)),
    (optim.scale_by_radam, radam, (0.8, 0.7, 1e-3)),
    (optim.scale_by_adamax, adamax, (0.9, 0.5, 1e-3)),
    (optim.scale_by_rss, adagrad, (0.0, 1e-10)),
    (optim.scale_by_rss, adagrad, (0.5, 1e-3)),
    (optim.scale_by_adadelta, adadelta, (0.9, 1e-6)),
    (optim.scale_by_lion, lion, (0.9, 0.5)),
    (optim.scale_by_rms, rmsprop, (0.9, 1e-3)),
]


@pytest.mark.parametrize(("part", "formula", "options"), CASES)
@given(seed=st.integers(0, 2**32))
def test_steps_are_those_of_the_formula(part, formula, options, seed):
    values, sizes = random.split(random.key(seed))
    grads = random.normal(values, (15, 3), np.float64) * 10 ** random.normal(sizes, (15, 1), np.float64)
    transformation = part(*options)
    state, steps = transformation.init(np.zeros(3)), []
    for g in grads:
        step, state = transformation.update(g, state)
        steps.append(step)
    expected = np.transpose([list(formula(map(float, column), *options)) for column in grads.T])
    np.testing.assert_allclose(steps, expected, rtol=1e-9)
