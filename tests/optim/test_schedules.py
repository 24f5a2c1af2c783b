import math

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
        (lambda: optim.linear_warmup(0, 0.1), "steps must be"),
        (lambda: optim.linear_warmup(5, 0.1, -1), "start must be"),
        (lambda: optim.linear_warmup(5, lambda step: math.nan), "then must be .* got nan"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
