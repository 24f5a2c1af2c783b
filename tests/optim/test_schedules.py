import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_np import optim


@pytest.mark.parametrize(
    ("schedule", "steps", "rates"),
    [
        (optim.constant(0.3), (0, 10**6), (0.3, 0.3)),
        (optim.exponential_decay(0.1, 10, 0.5), (0, 5, 10, 25), (0.1, 0.07071067811865477, 0.05, 0.01767766952966369)),
        (optim.exponential_decay(0.1, 10, 0.5, staircase=True), (0, 9, 10, 25), (0.1, 0.1, 0.05, 0.025)),
        # torch.optim.lr_scheduler.CosineAnnealingLR(T_max=10, eta_min=0.01)
        (
            optim.cosine_decay(0.1, 10, 0.1),
            (0, 1, 4, 10, 11),
            (0.1, 0.09779754323328192, 0.06890576474687264, 0.01, 0.01),
        ),
        (
            optim.piecewise_constant({100: 0.2, 0: 0.1, 50: 0.3}),
            (0, 49, 50, 99, 100, 101),
            (0.1, 0.1, 0.3, 0.3, 0.2, 0.2),
        ),
        (optim.linear(0.1, 0.5, 4), (0, 1, 4, 5), (0.1, 0.2, 0.5, 0.5)),
        (optim.polynomial(0.5, 0.1, 2, 4), (0, 2, 4, 5), (0.5, 0.2, 0.1, 0.1)),
        (optim.polynomial(0.5, 0.1, 0.5, 4), (0, 3, 4), (0.5, 0.3, 0.1)),
        (optim.step_decay(0.1, 3), (0, 2, 3, 5, 6), (0.1, 0.1, 0.01, 0.01, 0.001)),
        (optim.step_decay(0.1, 1, 2.0), (0, 1, 2), (0.1, 0.2, 0.4)),
        (optim.piecewise_linear({10: 0.5, 0: 0.1, 30: 0.3}), (0, 5, 10, 20, 30, 99), (0.1, 0.3, 0.5, 0.4, 0.3, 0.3)),
        (optim.piecewise_linear({0: 0.1}), (0, 9), (0.1, 0.1)),
        (
            optim.join_schedules([optim.constant(0.1), optim.linear(0.5, 0.3, 2), optim.constant(0.9)], [2, 4]),
            (0, 1, 2, 3, 4, 9),
            (0.1, 0.1, 0.5, 0.4, 0.9, 0.9),
        ),
        (optim.join_schedules([lambda step: 0.5 + step], []), (0, 7), (0.5, 7.5)),
        # torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(T_0=2, T_mult=2, eta_min=0.01)
        (
            optim.cosine_warm_restarts(0.1, 2, 2, 0.1),
            (0, 1, 2, 3, 5, 6, 10, 13, 14),
            (0.1, 0.055, 0.1, 0.08681980515339464, 0.02318019484660537, 0.1, 0.055, 0.013425421036992098, 0.1),
        ),
        (optim.cosine_warm_restarts(0.1, 2), (0, 1, 2, 3, 10**12 + 1), (0.1, 0.05, 0.1, 0.05, 0.05)),
        (
            optim.warmup_cosine_decay(0.1, 0.5, 4, 8, 0.3),
            (0, 2, 4, 6, 8, 9),
            (0.1, 0.3, 0.5, 0.4, 0.3, 0.3),
        ),
        (
            optim.cosine_onecycle(20, 0.5, 0.2, 5.0, 10.0),
            (0, 2, 4, 12, 20, 21),
            (0.1, 0.3, 0.5, 0.255, 0.01, 0.01),
        ),
        (optim.linear_warmup(4, 0.2), (0, 1, 4, 9), (0.0, 0.05, 0.2, 0.2)),
        (optim.linear_warmup(4, 0.2, start=0.1), (0, 2, 4), (0.1, 0.15, 0.2)),
        (optim.linear_warmup(4, optim.exponential_decay(0.2, 1, 0.5)), (3, 4, 5, 6), (0.15, 0.2, 0.1, 0.05)),
    ],
)
def test_rates_at_steps(schedule, steps, rates):
    assert [schedule(step) for step in steps] == pytest.approx(rates, rel=1e-14)
    assert all(type(schedule(step)) is float for step in steps)


@given(st.integers(0, 200), st.integers(1, 100), st.floats(0, 1))
def test_decays_never_rise_and_stay_in_bounds(step, length, alpha):
    for schedule in (optim.cosine_decay(0.1, length, alpha), optim.exponential_decay(0.1, length, 0.5)):
        assert 0 <= schedule(step + 1) <= schedule(step) <= 0.1
    assert optim.cosine_decay(0.1, length, alpha)(length + step) == pytest.approx(0.1 * alpha)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: optim.constant(-1), "optim.constant: value must be"),
        (lambda: optim.exponential_decay(0.1, 0, 0.5), "transition_steps must be .* above 0"),
        (lambda: optim.exponential_decay(0.1, 1, 0), "decay_rate must be .* above 0"),
        (lambda: optim.cosine_decay(math.inf, 10), "init_value must be .*got inf"),
        (lambda: optim.cosine_decay(0.1, 0), "decay_steps must be"),
        (lambda: optim.cosine_decay(0.1, 10, -0.1), "alpha must be"),
        (lambda: optim.piecewise_constant({}), "rates must say what holds from step 0 on, got {}"),
        (lambda: optim.piecewise_constant({10: 0.1}), "from step 0 on, got {10: 0.1}"),
        (lambda: optim.piecewise_constant({0: 0.1, 5: -1}), r"rates\[5\] must be .* got -1"),
        (lambda: optim.piecewise_linear({3: 0.1}), "optim.piecewise_linear: rates must say what holds from step 0"),
        (lambda: optim.piecewise_linear({0: 0.1, -1: 0.2}), "a step of rates must be a whole number.*got -1"),
        (lambda: optim.piecewise_constant({0: 0.1, 1.5: 0.2}), "a step of rates must be a whole number.*got 1.5"),
        (lambda: optim.linear(0.1, 0.2, 0), "optim.linear: transition_steps must be a whole number, at least 1, got 0"),
        (lambda: optim.linear(0.1, -0.2, 5), "optim.linear: end_value must be"),
        (lambda: optim.step_decay(-0.1, 5), "optim.step_decay: init_value must be"),
        (lambda: optim.linear(-0.1, 0.2, 5), "optim.linear: init_value must be"),
        (lambda: optim.polynomial(0.1, math.nan, 1, 5), "end_value must be"),
        (lambda: optim.polynomial(0.1, 0.2, 0, 5), "power must be .* above 0"),
        (lambda: optim.step_decay(0.1, 0), "optim.step_decay: step_size must be"),
        (lambda: optim.step_decay(0.1, 1, 0), "optim.step_decay: gamma must be"),
        (lambda: optim.cosine_warm_restarts(0.1, 0), "first_steps must be"),
        (lambda: optim.cosine_warm_restarts(0.1, 5, 0), "t_mult must be"),
        (lambda: optim.cosine_warm_restarts(0.1, 5, 1.5), "t_mult must be a whole number"),
        (lambda: optim.cosine_warm_restarts(0.1, 5, 1, -1), "alpha must be"),
        (lambda: optim.join_schedules([optim.constant(1)] * 3, [5]), r"3 schedules have 2 growing .* got \[5\]"),
        (lambda: optim.join_schedules([optim.constant(1)] * 3, [5, 5]), "growing boundaries"),
        (lambda: optim.join_schedules([optim.constant(1)] * 3, [6, 5]), "growing boundaries"),
        (lambda: optim.join_schedules([optim.constant(1)] * 2, [0]), r"boundaries\[0\] must be .* at least 1"),
        (lambda: optim.warmup_cosine_decay(0.1, 0.0, 1, 5), "peak_value must be .* above 0"),
        (lambda: optim.warmup_cosine_decay(0.1, 0.5, 0, 5), "warmup_steps must be"),
        (lambda: optim.warmup_cosine_decay(0.1, 0.5, 5, 5), "decay_steps must be .* at least 6"),
        (lambda: optim.cosine_onecycle(1, 0.1), "transition_steps must be"),
        (lambda: optim.cosine_onecycle(3, 0.1), "of 3 steps a part of 0.3 is no step to rise in"),
        (lambda: optim.cosine_onecycle(10, 0.1, 1.0), "pct_start must be"),
        (lambda: optim.cosine_onecycle(10, 0.1, div_factor=0), "div_factor must be"),
        (lambda: optim.constant(0.1)(-1), "optim.constant: step must be a whole number, at least 0, got -1"),
        (lambda: optim.cosine_decay(0.1, 5)(1.5), "optim.cosine_decay: step must be a whole number.*got 1.5"),
        (lambda: optim.linear_warmup(0, 0.1), "steps must be"),
        (lambda: optim.linear_warmup(2.5, 0.1), "steps must be a whole number"),
        (lambda: optim.linear_warmup(5, 0.1, -1), "start must be"),
        (lambda: optim.linear_warmup(5, lambda step: math.nan), "then must be .* got nan"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


EVERY = {
    "constant": optim.constant(0.1),
    "linear": optim.linear(0.1, 0.5, 7),
    "polynomial": optim.polynomial(0.5, 0.1, 2.0, 7),
    "exponential_decay": optim.exponential_decay(0.1, 10, 0.5),
    "step_decay": optim.step_decay(0.1, 3),
    "cosine_decay": optim.cosine_decay(0.1, 10),
    "cosine_warm_restarts": optim.cosine_warm_restarts(0.1, 3, 2),
    "piecewise_constant": optim.piecewise_constant({0: 0.1, 5: 0.2}),
    "piecewise_linear": optim.piecewise_linear({0: 0.1, 5: 0.2}),
    "join_schedules": optim.join_schedules([optim.constant(0.1), optim.linear(0.5, 0.3, 2)], [3]),
    "linear_warmup": optim.linear_warmup(4, optim.cosine_decay(0.2, 5)),
    "warmup_cosine_decay": optim.warmup_cosine_decay(0.1, 0.5, 4, 8),
    "cosine_onecycle": optim.cosine_onecycle(10, 0.5),
}


@pytest.mark.parametrize("name", EVERY)
def test_a_step_is_any_whole_number_and_nothing_else(name):
    schedule = EVERY[name]
    for step in (0, 1, 5, 100):
        for same in (np.int64(step), np.int32(step), np.uint8(step), np.array(step), np.array(step, np.uint64)):
            rate = schedule(same)
            assert type(rate) is float
            assert rate == schedule(step)
    for wrong in (-1, np.int64(-1), 1.0, np.float32(1), math.nan):
        with pytest.raises(ValueError, match=f"optim.{name}: step must be a whole number, at least 0, got"):
            schedule(wrong)
    for wrong in ("1", None, True, np.True_, np.array([1]), np.array(1.0), [1], 1j):
        with pytest.raises(
            (TypeError, ValueError), match=f"optim.{name}: step must be a whole number, at least 0, got"
        ):
            schedule(wrong)


def test_what_is_no_schedule_cannot_be_joined():
    with pytest.raises(TypeError, match=r"optim.join_schedules: schedules must be one or more functions"):
        optim.join_schedules([0.1, optim.constant(0.1)], [5])
    with pytest.raises(TypeError, match=r"optim.join_schedules: schedules must be one or more functions"):
        optim.join_schedules([], [])
