import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_np import grad, optim, random, vmap
from tinygrad_np.core import tree


def run(optimiser, params, grads):
    state = optimiser.init(params)
    for g in grads:
        updates, state = optimiser.update(g, state, params)
        params = optim.apply_updates(params, updates)
    return params, state


@given(st.integers(1, 5), st.integers(0, 2**32))
def test_accumulated_gradients_are_those_of_one_large_batch(k, seed):
    keys = random.split(random.key(seed), 3)
    x, y = random.normal(keys[0], (3, 4 * k, 2), np.float64), random.normal(keys[1], (3, 4 * k), np.float64)
    params = {"w": random.normal(keys[2], 2, np.float64), "b": 0.5}
    slope = grad(lambda p, x, y: np.mean((x @ p["w"] + p["b"] - y) ** 2))
    small, large = params, params
    inner = optim.chain(optim.clip_by_global_norm(1.0), optim.adamw(optim.linear(0.1, 0.01, 3)))
    accumulating = optim.multi_steps(inner, k)
    state, inner_state = accumulating.init(small), inner.init(large)
    for i in range(3):
        updates, inner_state = inner.update(slope(large, x[i], y[i]), inner_state, large)
        large = optim.apply_updates(large, updates)
        for part in range(k):
            rows = slice(4 * part, 4 * part + 4)
            updates, state = accumulating.update(slope(small, x[i, rows], y[i, rows]), state, small)
            if part < k - 1:
                assert all(np.all(u == 0) for u in tree.leaves(updates))
            small = optim.apply_updates(small, updates)
    tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12), small, large)
    tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12), state.inner_state, inner_state)
    assert state.mini_step == 0
    assert type(small["b"]) is float


def test_float16_gradients_are_summed_in_float32():
    tiny = np.full(2, 2.0**-24, np.float16)  # a quarter of it is zero
    optimiser = optim.multi_steps(optim.sgd(1.0), 4)
    params, state = run(optimiser, np.zeros(2, np.float16), [tiny] * 4)
    np.testing.assert_array_equal(params, -tiny)
    assert (params.dtype, state.acc_grads.dtype) == (np.float16, np.float32)


def test_non_finite_gradients_are_skipped_and_counted():
    good, bad = [np.array([1.0, -2.0]), 0.5], [np.array([np.inf, 1.0]), 0.5]
    nan = [np.array([1.0, 1.0]), np.nan]
    inner = optim.adam(0.1)
    params = [np.zeros(2), 1.0]
    expected, inner_state = run(inner, params, [good] * 3)
    end, state = run(optim.apply_if_finite(inner, 2), params, [good, bad, nan, good, nan, good])
    tree.map(np.testing.assert_array_equal, (end, state.inner_state), (expected, inner_state))
    assert (state.notfinite_count, state.last_finite, state.total_notfinite) == (0, True, 3)
    assert type(end[1]) is float
    _, state = run(optim.apply_if_finite(inner, 2), params, [good, bad, nan])
    assert (state.notfinite_count, state.last_finite, state.total_notfinite) == (2, False, 2)


def test_too_many_non_finite_gradients_in_a_row_are_let_through():
    for most in (0, 1, 3):
        optimiser = optim.apply_if_finite(optim.sgd(1.0), most)
        for bad in range(1, most + 3):
            params, state = run(optimiser, np.zeros(2), [np.ones(2)] + [np.array([np.nan, 1.0])] * bad)
            assert np.isnan(params[0]) == (bad > most)
            assert state.notfinite_count == state.total_notfinite == bad


def test_each_member_of_an_ensemble_skips_and_waits_for_itself():
    grads = np.array([[1.0, 2.0], [np.nan, 2.0], [3.0, np.inf]])  # (step, member)
    optimiser = optim.apply_if_finite(optim.adam(0.1), 1)
    params, state = np.zeros(2), vmap(optimiser.init)(np.zeros(2))
    for g in grads:
        updates, state = vmap(optimiser.update)(g, state)
        params = params + updates
    for i in range(2):
        alone, inner = run(optimiser, 0.0, [float(g) for g in grads[:, i]])
        np.testing.assert_allclose(params[i], alone, rtol=1e-12)
        for x, y in zip(tree.leaves(state), tree.leaves(inner), strict=True):
            np.testing.assert_allclose(x[i], y, rtol=1e-12)
    waiting = optim.multi_steps(optim.sgd(1.0, 0.5), 2)
    state = vmap(waiting.init)(np.zeros(2))
    state = state._replace(mini_step=np.array([0, 1]))  # out of step
    updates, state = vmap(waiting.update)(np.ones(2), state)
    np.testing.assert_array_equal(updates, [0.0, -0.5])
    np.testing.assert_array_equal(state.mini_step, [1, 0])
    np.testing.assert_array_equal(state.inner_state[0].trace, [0.0, 0.5])


@given(st.floats(0, 0.99), st.integers(1, 6), st.integers(0, 2**32))
def test_the_average_of_parameters_is_a_weighted_mean(decay, steps, seed):
    grads = list(random.normal(random.key(seed), (steps, 3), np.float64))
    optimiser = optim.chain(optim.sgd(0.5, 0.9), optim.params_ema(decay))
    params, seen, state = np.ones(3), [], optimiser.init(np.ones(3))
    for g in grads:
        updates, state = optimiser.update(g, state, params)
        params = optim.apply_updates(params, updates)
        seen.append(params)
    weights = np.array([decay ** (steps - 1 - i) for i in range(steps)])
    average = optim.averaged_params(state, params)
    np.testing.assert_allclose(average, weights @ np.array(seen) / weights.sum(), rtol=1e-11, atol=1e-13)
    np.testing.assert_array_equal(params, run(optim.sgd(0.5, 0.9), np.ones(3), grads)[0])
    alone = optim.params_ema(decay)
    updates, _ = alone.update(grads[0], alone.init(params), params)
    np.testing.assert_array_equal(updates, grads[0])
    assert not np.shares_memory(updates, grads[0])


def test_the_average_is_found_in_nested_states_and_has_the_dtypes_of_parameters():
    params = {"w": np.full((1, 2), 4.0, np.float16), "b": 8.0}
    grads = {"w": np.full((1, 2), 2.0, np.float16), "b": 4.0}
    inner = optim.chain(optim.sgd(0.5), optim.params_ema(0.25))
    for optimiser in (
        optim.partition({"all": inner}, lambda path, leaf: "all"),
        optim.apply_if_finite(optim.multi_steps(inner, 1), 5),
    ):
        _, state = run(optimiser, params, [grads])
        average = optim.averaged_params(state, params)
        assert average["w"].dtype == np.float16 and type(average["b"]) is float
        np.testing.assert_array_equal(average["w"], 3.0)
        assert average["b"] == pytest.approx(6.0)


@pytest.mark.parametrize(
    "optimiser", [optim.multi_steps(optim.adam(0.1), 2), optim.apply_if_finite(optim.adam(0.1), 1)]
)
@pytest.mark.parametrize("bad", [1.0, np.nan])
def test_waiting_and_skipping_change_and_share_nothing(optimiser, bad):
    params, good = {"w": np.ones(3), "b": np.ones(())}, {"w": np.full(3, 2.0), "b": np.ones(())}
    grads = tree.map(lambda g: np.asarray(g * bad), good)
    _, state = run(optimiser, params, [good, good])
    before = copy.deepcopy((grads, state, params))
    updates, new = optimiser.update(grads, state, params)
    tree.map(np.testing.assert_array_equal, (grads, state, params), before)
    given, made = tree.leaves((grads, state, params)), tree.leaves((updates, new))
    assert not any(np.shares_memory(x, y) for x in made for y in given)
    assert len({id(x) for x in made}) == len(made)
    assert all(isinstance(x, np.ndarray) and x.flags.writeable and x.flags.owndata for x in made)
    kinds = lambda t: [(x.shape, x.dtype) for x in tree.leaves(t)]
    assert kinds(new) == kinds(state)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: optim.multi_steps(optim.sgd(1.0), 0), ValueError, "every_k must be a whole number, at least 1, got 0"),
        (lambda: optim.multi_steps(optim.sgd(1.0), 2.0), ValueError, "every_k must be a whole number.*got 2.0"),
        (lambda: optim.multi_steps(optim.sgd(1.0), True), TypeError, "every_k must be a whole number.*got True"),
        (lambda: optim.multi_steps(optim.sgd, 2), TypeError, "optim.multi_steps: expected a GradientTransformation"),
        (lambda: optim.apply_if_finite(optim.sgd(1.0), -1), ValueError, "max_consecutive_errors must be .* at least 0"),
        (lambda: optim.apply_if_finite(None, 1), TypeError, "optim.apply_if_finite: expected a GradientTransf"),
        (lambda: optim.params_ema(1.0), ValueError, "optim.params_ema: decay must be .* below 1"),
        (lambda: run_without_params(optim.params_ema(0.5)), ValueError, "optim.params_ema: needs the parameters"),
        (lambda: optim.params_ema(0.5).init({"n": 1}), TypeError, r"optim.params_ema: params\['n'\] is of dtype int64"),
        (lambda: optim.averaged_params(optim.adam(0.1).init(1.0), 1.0), ValueError, "has 0 averages; chain one"),
        (
            lambda: optim.averaged_params(optim.chain(*[optim.params_ema(0.5)] * 2).init(1.0), 1.0),
            ValueError,
            "has 2 averages",
        ),
        (lambda: optim.averaged_params(optim.params_ema(0.5).init(1.0), 1.0), ValueError, "no update has been made"),
        (
            lambda: optim.averaged_params(run(optim.params_ema(0.5), np.ones(2), [np.ones(2)])[1], np.ones(3)),
            ValueError,
            r"the average does not match: at the root: expected shape \(3,\), got \(2,\)",
        ),
        (
            lambda: optim.multi_steps(optim.sgd(1.0), 2).update([1.0], optim.multi_steps(optim.sgd(1.0), 2).init(1.0)),
            ValueError,
            "optim.multi_steps: grads does not match",
        ),
    ],
)
def test_wrong_arguments_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


def run_without_params(optimiser):
    return optimiser.update(1.0, optimiser.init(1.0))
