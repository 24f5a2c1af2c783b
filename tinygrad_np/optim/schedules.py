"""Learning rates that change: a schedule is a function of the number of updates made so far."""

import bisect
import math
from collections.abc import Mapping

from .base import check_number
from .parts import Schedule


def constant(value: float) -> Schedule:
    """Give the same rate always."""
    value = check_number("constant", "value", value, 0)
    return lambda step: value


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

    def schedule(step: int) -> float:
        height = (1 + math.cos(math.pi * min(step / end, 1.0))) / 2
        return init_value * (alpha + (1 - alpha) * height)

    return schedule


def piecewise_constant(rates: Mapping[int, float]) -> Schedule:
    """Give the rate of the last boundary reached.

    Parameters
    ----------
    rates : mapping of int to float
        From which step on which rate applies; the first boundary is 0.

    Examples
    --------
    >>> schedule = piecewise_constant({0: 0.1, 1000: 0.01})
    >>> schedule(999), schedule(1000)
    (0.1, 0.01)
    """
    boundaries = sorted(rates)
    if not boundaries or boundaries[0] != 0:
        raise ValueError(f"optim.piecewise_constant: rates must say what holds from step 0 on, got {dict(rates)}")
    values = [check_number("piecewise_constant", f"rates[{step}]", rates[step], 0) for step in boundaries]
    return lambda step: values[bisect.bisect_right(boundaries, step) - 1]


def linear_warmup(steps: int, then: float | Schedule, start: float = 0.0) -> Schedule:
    """Rise in a straight line from `start` to what comes then.

    Parameters
    ----------
    steps : int
        Length of the rise.
    then : float or callable
        Rate or schedule that follows; its step 0 is step `steps`.
    start : float
        The rate at step 0; if it is 0, the first update changes nothing.

    Examples
    --------
    >>> schedule = linear_warmup(4, then=cosine_decay(0.1, 100))
    >>> [schedule(step) for step in (0, 2, 4)]
    [0.0, 0.05, 0.1]
    """
    length = check_number("linear_warmup", "steps", steps, positive=True)
    start = check_number("linear_warmup", "start", start, 0)
    after = then if callable(then) else constant(then)
    peak = check_number("linear_warmup", "then", after(0), 0)
    return lambda step: start + (peak - start) * step / length if step < length else after(step - steps)
