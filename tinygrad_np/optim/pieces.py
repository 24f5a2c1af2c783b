"""Schedules made of pieces: between given points, and of other schedules one after the other."""

import bisect
from collections.abc import Mapping, Sequence

from .base import Schedule, check_number, check_whole
from .schedules import constant, cosine_decay, half_cosine, of_steps


@of_steps
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
    steps, values = _points("piecewise_constant", rates)
    return lambda step: values[bisect.bisect_right(steps, step) - 1]


@of_steps
def piecewise_linear(rates: Mapping[int, float]) -> Schedule:
    """Go in straight lines from one given rate to the next; the last one stays.

    Parameters
    ----------
    rates : mapping of int to float
        Rates at some steps; the first of them is 0. (optax has factors in place of rates.)

    Examples
    --------
    >>> schedule = piecewise_linear({0: 0.0, 10: 0.5, 30: 0.25})
    >>> [schedule(step) for step in (0, 5, 10, 20, 40)]
    [0.0, 0.25, 0.5, 0.375, 0.25]
    """
    steps, values = _points("piecewise_linear", rates)

    def schedule(step: int) -> float:
        i = bisect.bisect_right(steps, step) - 1
        if i == len(steps) - 1:
            return values[i]
        return values[i] + (values[i + 1] - values[i]) * (step - steps[i]) / (steps[i + 1] - steps[i])

    return schedule


@of_steps
def join_schedules(schedules: Sequence[Schedule], boundaries: Sequence[int]) -> Schedule:
    """Let one schedule follow another.

    Parameters
    ----------
    schedules : sequence of callable
        Each begins with its own step 0.
    boundaries : sequence of int
        The steps at which the second and the further ones take over, growing.

    Examples
    --------
    >>> schedule = join_schedules([constant(0.1), cosine_decay(0.1, 50)], [100])
    """
    schedules = list(schedules)
    if not schedules or not all(callable(each) for each in schedules):
        raise TypeError(f"optim.join_schedules: schedules must be one or more functions of a step, got {schedules!r}")
    starts = [0, *(check_whole("join_schedules", f"boundaries[{i}]", b, 1) for i, b in enumerate(boundaries))]
    if len(starts) != len(schedules) or sorted(set(starts)) != starts:
        raise ValueError(
            f"optim.join_schedules: {len(schedules)} schedules have {len(schedules) - 1} growing boundaries between "
            f"them, got {list(boundaries)}"
        )

    def schedule(step: int) -> float:
        i = bisect.bisect_right(starts, step) - 1
        return schedules[i](step - starts[i])

    return schedule


@of_steps
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
    length = check_whole("linear_warmup", "steps", steps, 1)
    start = check_number("linear_warmup", "start", start, 0)
    after = then if callable(then) else constant(then)
    peak = check_number("linear_warmup", "then", after(0), 0)
    return lambda step: start + (peak - start) * step / length if step < length else after(step - length)


@of_steps
def warmup_cosine_decay(
    init_value: float, peak_value: float, warmup_steps: int, decay_steps: int, end_value: float = 0.0
) -> Schedule:
    """Rise in a straight line to the peak, then fall along half a cosine and stay there.

    Parameters
    ----------
    init_value : float
        The rate at step 0.
    peak_value : float
        Above 0: the rate at step `warmup_steps`.
    warmup_steps : int
        At least 1.
    decay_steps : int
        Above `warmup_steps`: when the end is reached. As in optax it counts from step 0.
    end_value : float
        The rate at the end.
    """
    peak = check_number("warmup_cosine_decay", "peak_value", peak_value, positive=True)
    init_value = check_number("warmup_cosine_decay", "init_value", init_value, 0)
    end_value = check_number("warmup_cosine_decay", "end_value", end_value, 0)
    rise = check_whole("warmup_cosine_decay", "warmup_steps", warmup_steps, 1)
    length = check_whole("warmup_cosine_decay", "decay_steps", decay_steps, rise + 1) - rise
    return linear_warmup(rise, cosine_decay(peak, length, end_value / peak), init_value)


@of_steps
def cosine_onecycle(
    transition_steps: int,
    peak_value: float,
    pct_start: float = 0.3,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
) -> Schedule:
    """Rise along half a cosine and fall along another, far below the start [1]_.

    From peak_value / div_factor to `peak_value` at step ⌊pct_start · transition_steps⌋, and to
    peak_value / (div_factor · final_div_factor) at `transition_steps`, as in optax. (PyTorch's OneCycleLR has the same
    rates, with the peak at pct_start · total_steps - 1, perhaps between two steps, and the end at total_steps - 1.)

    Parameters
    ----------
    transition_steps : int
        So many that the rise and the fall have one step or more.
    peak_value : float
        At least 0.
    pct_start : float
        In [0, 1): the part of the rise.
    div_factor, final_div_factor : float
        Above 0.

    References
    ----------
    .. [1] L. Smith, N. Topin, "Super-convergence: very fast training of neural networks using large learning rates",
       arXiv:1708.07120, 2017.
    """
    name = "cosine_onecycle"
    peak = check_number(name, "peak_value", peak_value, 0)
    start = peak / check_number(name, "div_factor", div_factor, positive=True)
    final = start / check_number(name, "final_div_factor", final_div_factor, positive=True)
    end = check_whole(name, "transition_steps", transition_steps, 2)
    top = int(check_number(name, "pct_start", pct_start, 0, 1) * end)
    if top == 0:
        raise ValueError(f"optim.{name}: of {end} steps a part of {pct_start} is no step to rise in; give more")

    def schedule(step: int) -> float:
        if step <= top:
            return half_cosine(start, peak, step / top)
        return half_cosine(peak, final, min((step - top) / (end - top), 1.0))

    return schedule


def _points(operation: str, rates: Mapping[int, float]) -> tuple[list[int], list[float]]:
    """Steps in order, the first of them 0, and their rates."""
    steps = sorted(check_whole(operation, "a step of rates", step) for step in rates)
    if not steps or steps[0] != 0:
        raise ValueError(f"optim.{operation}: rates must say what holds from step 0 on, got {dict(rates)}")
    return steps, [check_number(operation, f"rates[{step}]", rates[step], 0) for step in steps]
