"""Learning rates that change: a schedule is a function of the number of updates made so far, 0, 1, 2, ....

Every schedule takes a whole number of Python or NumPy, gives a float, and refuses anything else.
"""

import functools
import math
from collections.abc import Callable
from typing import ParamSpec

from .base import Schedule, check_number, check_whole

P = ParamSpec("P")


def of_steps(make: Callable[P, Schedule]) -> Callable[P, Schedule]:
    """Let the schedules that a function makes check their steps."""

    @functools.wraps(make)
    def checked(*args: P.args, **options: P.kwargs) -> Schedule:
        rate = make(*args, **options)
        return lambda step: rate(check_whole(make.__name__, "step", step))

    return checked


@of_steps
def constant(value: float) -> Schedule:
    """Give the same rate always."""
    value = check_number("constant", "value", value, 0)
    return lambda step: value


@of_steps
def polynomial(init_value: float, end_value: float, power: float, transition_steps: int) -> Schedule:
    """Go from one rate to another and stay there: end + (init - end) (1 - step / transition_steps)^power.

    Parameters
    ----------
    init_value, end_value : float
        At least 0: the rates at step 0, and from step `transition_steps` on.
    power : float
        Above 0; 1 is a straight line.
    transition_steps : int
        At least 1.
    """
    init_value = check_number("polynomial", "init_value", init_value, 0)
    end_value = check_number("polynomial", "end_value", end_value, 0)
    power = check_number("polynomial", "power", power, positive=True)
    end = check_whole("polynomial", "transition_steps", transition_steps, 1)
    return lambda step: end_value + (init_value - end_value) * (1 - min(step / end, 1.0)) ** power


@of_steps
def linear(init_value: float, end_value: float, transition_steps: int) -> Schedule:
    """Go from one rate to another in a straight line and stay there.

    Parameters
    ----------
    init_value, end_value : float
        At least 0: the rates at step 0, and from step `transition_steps` on.
    transition_steps : int
        At least 1.

    Examples
    --------
    >>> [linear(0.5, 0.25, 2)(step) for step in (0, 1, 2, 3)]
    [0.5, 0.375, 0.25, 0.25]
    """
    init_value = check_number("linear", "init_value", init_value, 0)
    end_value = check_number("linear", "end_value", end_value, 0)
    return polynomial(init_value, end_value, 1.0, check_whole("linear", "transition_steps", transition_steps, 1))


@of_steps
def exponential_decay(
    init_value: float, transition_steps: int, decay_rate: float, *, staircase: bool = False
) -> Schedule:
    """Decay by a factor every `transition_steps`: init_value · decay_rate^(step / transition_steps).

    Parameters
    ----------
    init_value : float
        The rate at step 0.
    transition_steps : int
        In how many steps the rate is multiplied by `decay_rate`.
    decay_rate : float
        Above 0.
    staircase : bool
        If true, the exponent is rounded down.
    """
    init_value = check_number("exponential_decay", "init_value", init_value, 0)
    period = check_number("exponential_decay", "transition_steps", transition_steps, positive=True)
    decay_rate = check_number("exponential_decay", "decay_rate", decay_rate, positive=True)

    def schedule(step: int) -> float:
        periods = step / period
        return init_value * decay_rate ** (math.floor(periods) if staircase else periods)

    return schedule


@of_steps
def step_decay(init_value: float, step_size: int, gamma: float = 0.1) -> Schedule:
    """Multiply by `gamma` every `step_size` steps, as PyTorch's StepLR: the staircase of `exponential_decay`.

    Parameters
    ----------
    init_value : float
        The rate at step 0.
    step_size : int
        At least 1.
    gamma : float
        Above 0.
    """
    init_value = check_number("step_decay", "init_value", init_value, 0)
    size = check_whole("step_decay", "step_size", step_size, 1)
    gamma = check_number("step_decay", "gamma", gamma, positive=True)
    return exponential_decay(init_value, size, gamma, staircase=True)


@of_steps
def cosine_decay(init_value: float, decay_steps: int, alpha: float = 0.0) -> Schedule:
    """Fall along half a cosine from `init_value` to ``alpha * init_value`` at `decay_steps` and stay there [1]_.

    Parameters
    ----------
    init_value : float
        The rate at step 0.
    decay_steps : int
        When the end is reached.
    alpha : float
        At least 0: the fraction left at the end.

    References
    ----------
    .. [1] I. Loshchilov, F. Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.
    """
    init_value = check_number("cosine_decay", "init_value", init_value, 0)
    end = check_number("cosine_decay", "decay_steps", decay_steps, positive=True)
    alpha = check_number("cosine_decay", "alpha", alpha, 0)
    return lambda step: half_cosine(init_value, alpha * init_value, min(step / end, 1.0))


@of_steps
def cosine_warm_restarts(init_value: float, first_steps: int, t_mult: int = 1, alpha: float = 0.0) -> Schedule:
    """Fall along half a cosine again and again, as PyTorch's CosineAnnealingWarmRestarts [1]_.

    Parameters
    ----------
    init_value : float
        The rate at step 0 and after each restart.
    first_steps : int
        T_0, at least 1: the length of the first fall.
    t_mult : int
        At least 1: how many times longer the next one is.
    alpha : float
        At least 0: the fraction that a fall ends at; its last step is one before.

    Examples
    --------
    >>> [round(cosine_warm_restarts(1.0, 2, t_mult=2)(step), 3) for step in range(7)]
    [1.0, 0.5, 1.0, 0.854, 0.5, 0.146, 1.0]

    References
    ----------
    .. [1] I. Loshchilov, F. Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.
    """
    init_value = check_number("cosine_warm_restarts", "init_value", init_value, 0)
    first = check_whole("cosine_warm_restarts", "first_steps", first_steps, 1)
    growth = check_whole("cosine_warm_restarts", "t_mult", t_mult, 1)
    end_value = init_value * check_number("cosine_warm_restarts", "alpha", alpha, 0)

    def schedule(step: int) -> float:
        length, since = first, step
        if growth == 1:
            since %= length
        while since >= length:
            since, length = since - length, length * growth
        return half_cosine(init_value, end_value, since / length)

    return schedule


def half_cosine(start: float, end: float, fraction: float) -> float:
    """Value between start (fraction 0) and end (fraction 1) on half a cosine."""
    return end + (start - end) * (1 + math.cos(math.pi * fraction)) / 2
