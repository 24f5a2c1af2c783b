import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_np import compile, grad, optim, random, vmap
from tinygrad_np.core import tree
from tinygrad_np.kernels.threads import get_num_threads, set_num_threads
from tinygrad_np.optim import leafwise
from tinygrad_np.training.archive import read_archive, write_archive

GRADS = [[1.0, -2.0, 0.5], [0.25, 3.0, -1.5], [-1.0, 0.5, 0.0]]
START = [0.5, -1.25, 2.0]

OPTIMISERS = {
    "sgd": lambda rate: optim.sgd(rate),
    "momentum": lambda rate: optim.sgd(rate, 0.9),
    "nesterov": lambda rate: optim.sgd(rate, 0.9, nesterov=True),
    "adam": lambda rate: optim.adam(rate),
    "adam uncorrected": lambda rate: optim.adam(rate, bias_correction=False),
    "rmsprop": lambda rate: optim.rmsprop(rate),
    "rmsprop momentum": lambda rate: optim.rmsprop(rate, momentum=0.5),
    "clipped": lambda rate: optim.chain(optim.clip_by_global_norm(1.0), optim.adam(rate)),
    "clipped each": lambda rate: optim.chain(optim.clip_by_norm(1.0), optim.sgd(rate)),
    "penalised": lambda rate: optim.sgd(rate, 0.9, weight_decay=0.1),
    "adam penalised": lambda rate: optim.adam(rate, weight_decay=0.1, mask=optim.not_bias),
    "adamw": lambda rate: optim.adamw(rate),
    "adamw masked": lambda rate: optim.adamw(rate, weight_decay=0.1, mask=optim.not_bias),
    "amsgrad": lambda rate: optim.amsgrad(rate),
    "nadam": lambda rate: optim.nadam(rate),
    "radam": lambda rate: optim.radam(rate, b2=0.99),
    "adamax": lambda rate: optim.adamax(rate),
    "adagrad": lambda rate: optim.chain(optim.adagrad(rate), optim.scale(10.0)),
    "adadelta": lambda rate: optim.chain(optim.adadelta(rate, eps=0.1), optim.scale(30.0)),
    "lion": lambda rate: optim.lion(rate),
    "partition": lambda rate: optim.partition(
        {1: optim.adam(rate), 0: optim.sgd(rate, 0.5)}, lambda path, leaf: int(path.startswith("['rest']"))
    ),
    "if finite": lambda rate: optim.apply_if_finite(optim.adam(rate), 2),
    "one step in one": lambda rate: optim.multi_steps(optim.adam(rate), 1),
    "averaged": lambda rate: optim.chain(optim.adam(rate), optim.params_ema(0.9)),
}
every_optimiser = pytest.mark.parametrize("make", OPTIMISERS.values(), ids=OPTIMISERS)


def run(optimiser, params, grads):
    state = optimiser.init(params)
    for g in grads:
        updates, state = optimiser.update(g, state, params)
        params = optim.apply_updates(params, updates)
    return params, state


def sample(dtype=np.float32, seed=0):
    k = random.split(random.key(seed), 3)
    return {
        "w": random.normal(k[0], (3, 2), dtype),
        "rest": [random.normal(k[1], (), dtype), None, (random.normal(k[2], 2, dtype),)],
    }


# three steps of torch.optim 2.x in float64 from START along GRADS
@pytest.mark.parametrize(
    ("optimiser", "expected"),
    [
        (optim.sgd(0.1), [0.475, -1.4, 2.1]),
        (optim.sgd(0.1, 0.9), [0.2815, -1.328, 2.1495]),
        (optim.sgd(0.1, 0.9, nesterov=True), [0.27835, -1.4702, 2.23455]),
        (optim.adam(0.1), [0.31538262572685755, -1.2025162864159464, 1.9876200018147745]),
        (optim.adam(0.01, 0.8, 0.95, 1e-3), [0.4827155809087696, -1.246221164125077, 1.999383992604457]),
        (optim.rmsprop(0.01), [0.4834670806122223, -1.2497477335847977, 1.9985283592500318]),
        (optim.rmsprop(0.01, 0.95, 1e-3, 0.9), [0.39015394450795304, -1.2065759592962957, 1.9604634655335296]),
    ],
)
def test_steps_equal_those_of_torch(optimiser, expected):
    params, _ = run(optimiser, {"p": np.array(START)}, [{"p": np.array(g)} for g in GRADS])
    np.testing.assert_allclose(params["p"], expected, rtol=1e-14)


def test_the_first_step_of_adam_by_hand():
    optimiser = optim.adam(0.1, b1=0.5, b2=0.75, eps=1.0)
    updates, (state, _) = optimiser.update(np.array([3.0]), optimiser.init(np.array([0.0])))
    assert (state.count, state.mu, state.nu) == (1, 1.5, 2.25)
    np.testing.assert_allclose(updates, [-0.1 * 3 / (3 + 1)], rtol=1e-15)
    plain = optim.adam(0.1, b1=0.5, b2=0.75, eps=1.0, bias_correction=False)
    updates, _ = plain.update(np.array([3.0]), plain.init(np.array([0.0])))
    np.testing.assert_allclose(updates, [-0.1 * 1.5 / (1.5 + 1)], rtol=1e-15)


STATEFUL = ["momentum", "rmsprop", "adam", "amsgrad", "nadam", "radam", "adamax", "adagrad", "adadelta", "lion"]


@every_optimiser
def test_every_optimiser_descends_a_bowl(make):
    params = sample()
    norm = lambda t: sum(np.sum(x**2) for x in tree.leaves(t))
    end = params
    optimiser = make(0.02)
    state = optimiser.init(params)
    for _ in range(200):
        updates, state = optimiser.update(end, state, end)
        end = optim.apply_updates(end, updates)
    assert norm(end) < 0.02 * norm(params)


@every_optimiser
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.complex64])
def test_dtypes_shapes_and_containers_are_kept(make, dtype):
    params, grads = sample(np.float32), sample(np.float32, 1)
    params, grads = tree.map(lambda x: x.astype(dtype), params), tree.map(lambda x: x.astype(dtype), grads)
    optimiser = make(0.1)
    updates, _ = optimiser.update(grads, optimiser.init(params), params)
    for result in (updates, run(optimiser, params, [grads] * 3)[0]):
        form = lambda x: (x.shape, x.dtype)
        assert tree.map(form, result) == tree.map(form, params)
        assert all(isinstance(x, np.ndarray) for x in tree.leaves(result))
        assert all(np.all(np.isfinite(x)) for x in tree.leaves(result))


@every_optimiser
def test_a_python_float_stays_one(make):
    params, _ = run(make(0.1), {"scale": 1.0}, [{"scale": 0.5}] * 2)
    assert type(params["scale"]) is float
    assert params["scale"] < 1


@every_optimiser
@given(st.integers(0, 2**32))
def test_nothing_is_changed_and_nothing_shared(make, seed):
    params, grads = sample(seed=seed), sample(seed=seed + 1)
    optimiser = make(0.1)
    _, state = run(optimiser, params, [grads])
    arguments = (grads, state, params)
    before = copy.deepcopy(arguments)
    updates, new = optimiser.update(grads, state, params)
    params = optim.apply_updates(params, updates)
    tree.map(np.testing.assert_array_equal, arguments, before)
    arrays = tree.leaves((arguments, updates, new, params))
    results = tree.leaves((updates, new, params))
    assert not any(np.shares_memory(x, y) for x in results for y in arrays if x is not y)
    assert len({id(x) for x in arrays}) == len(arrays)
    assert all(x.flags.writeable and x.flags.owndata for x in results)


@every_optimiser
def test_a_state_is_a_plain_tree_of_arrays(make):
    optimiser = make(lambda step: 0.1)
    params, grads = sample(), sample(seed=1)
    first = optimiser.init(params)
    _, state = optimiser.update(grads, first, params)
    assert tree.structure(first) == tree.structure(state)
    assert all(isinstance(x, np.ndarray) for x in tree.leaves(state))
    kinds = lambda t: [(x.shape, x.dtype) for x in tree.leaves(t)]
    assert kinds(first) == kinds(state)
    counts = [x for path, x in tree.flatten_with_path(state)[0] if path.endswith(".count")]
    assert counts
    assert all((x, x.shape, x.dtype) == (1, (), np.int64) for x in counts)


@every_optimiser
def test_frozen_parts_stay_out(make):
    params, grads = sample(), sample(seed=1)
    chosen, rest = tree.partition(params, lambda path, _: path.startswith("['rest']"))
    trained, _ = run(make(0.1), chosen, [tree.partition(grads, lambda path, _: path.startswith("['rest']"))[0]])
    merged = tree.merge(trained, rest)
    assert merged["w"] is params["w"]
    assert merged["rest"][0] != params["rest"][0]


@every_optimiser
def test_gradients_match_parameters_by_key(make):
    params, grads = {"a": np.ones(2), "b": np.ones(3)}, {"a": np.full(2, 2.0), "b": np.full(3, 3.0)}
    straight, _ = run(make(0.1), params, [grads] * 2)
    turned, _ = run(make(0.1), params, [{"b": grads["b"], "a": grads["a"]}] * 2)
    tree.map(np.testing.assert_array_equal, straight, turned)


def test_float16_accumulates_in_float32():
    tiny = np.full(3, 1e-4, np.float16)  # its square is below the least float16
    optimiser = optim.adam(1.0)
    updates, state = optimiser.update(tiny, optimiser.init(tiny))
    np.testing.assert_allclose(updates, -1, rtol=2e-3)
    assert state[0].nu.dtype == np.float32
    np.testing.assert_allclose(state[0].mu, 0.1 * tiny.astype(np.float32), rtol=1e-6)
    updates, _ = optim.rmsprop(1.0, decay=0.75).update(tiny, optim.rmsprop(1.0).init(tiny))
    np.testing.assert_allclose(updates, -2, rtol=2e-3)
    for optimiser in (optim.adagrad(1.0), optim.amsgrad(1.0), optim.adamax(1.0)):
        updates, state = optimiser.update(tiny, optimiser.init(tiny))
        np.testing.assert_allclose(updates, -1, rtol=2e-3)
    assert state[0].maximum.dtype == np.float32
    _, state = run(optim.sgd(0.0, 0.999), np.zeros(1, np.float16), [np.ones(1, np.float16)] * 4000)
    np.testing.assert_allclose(state[0].trace, 1000 * (1 - 0.999**4000), rtol=1e-4)


def test_complex_moments_are_of_the_modulus():
    for make in (optim.adam, optim.rmsprop, optim.amsgrad, optim.nadam, optim.adamax, optim.adagrad, optim.adadelta):
        g = np.array([3 + 4j, 5j])
        optimiser = make(0.1)
        updates, state = optimiser.update(g, optimiser.init(g))
        assert {x.dtype.kind for x in tree.leaves(state) if x.shape} <= {"c", "f"}
        assert tree.leaves(state)[-1].dtype == np.float64
        np.testing.assert_allclose(updates / updates[1] * 1j, g / 5, rtol=1e-14)
    turned, _ = run(optim.lion(0.1), np.zeros(2, complex), [g])
    np.testing.assert_allclose(turned, -0.1 * g / 5, rtol=1e-14)


@given(st.floats(1e-3, 1e3), st.integers(0, 2**32))
def test_clipping_shrinks_to_the_norm_and_leaves_less_alone(max_norm, seed):
    grads = sample(np.float64, seed)
    norm = np.sqrt(sum(np.sum(x**2) for x in tree.leaves(grads)))
    clipped, state = optim.clip_by_global_norm(max_norm).update(grads, ())
    assert state == ()
    for x, g in zip(tree.leaves(clipped), tree.leaves(grads), strict=True):
        np.testing.assert_allclose(x, g * min(1.0, max_norm / norm), rtol=1e-14)
        if norm <= max_norm:
            np.testing.assert_array_equal(x, g)


def test_the_norm_does_not_overflow():
    for dtype, big in ((np.float16, 6e4), (np.float32, 3e38)):
        clipped, _ = optim.clip_by_global_norm(5.0).update([np.full(9, big, dtype), np.full(16, big, dtype)], ())
        np.testing.assert_allclose(clipped[0], 1.0, rtol=1e-3)


def test_a_chain_applies_its_parts_in_order():
    parts = optim.scale(3.0), optim.clip_by_global_norm(1.0), optim.scale(0.5)
    updates, state = optim.chain(*parts).update(np.array([2.0]), ((), (), ()))
    assert (updates, state) == (0.5, ((), (), ()))


def test_the_updates_of_momentum_alone_are_no_part_of_its_state():
    updates, state = optim.trace(0.9).update(np.ones(2), optim.trace(0.9).init(np.ones(2)))
    np.testing.assert_array_equal(updates, state.trace)
    assert not np.shares_memory(updates, state.trace)


def test_a_learning_rate_may_be_a_schedule():
    rates = [0.5, 0.25, 0.0]
    params, (state,) = run(optim.chain(optim.sgd(rates.__getitem__)), np.array([0.0]), [np.array([1.0])] * 3)
    assert (params, state.count) == (-0.75, 3)


def test_apply_updates_keeps_the_dtype_of_the_parameters():
    params = optim.apply_updates([np.ones(1, np.float32), 1.0], [np.ones(1), np.float64(2)])
    assert (params, params[0].dtype, type(params[1])) == ([2.0, 3.0], np.float32, float)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: optim.sgd(-0.1), ValueError, r"learning_rate must be a number \(finite, at least 0\), got -0.1"),
        (lambda: optim.adam(np.nan), ValueError, "learning_rate must be a number"),
        (lambda: optim.adam("0.1"), TypeError, "learning_rate must be a number .*, got '0.1'"),
        (lambda: optim.sgd(0.1, 1.0), ValueError, "optim.sgd: momentum must be .* at least 0 and below 1.*, got 1.0"),
        (lambda: optim.sgd(0.1, nesterov=True), ValueError, "optim.sgd: nesterov=True .*give momentum"),
        (lambda: optim.rmsprop(0.1, momentum=-1), ValueError, "optim.rmsprop: momentum must be"),
        (lambda: optim.rmsprop(0.1, decay=1), ValueError, "optim.scale_by_rms: decay must be"),
        (lambda: optim.adam(0.1, b1=1.0), ValueError, "optim.scale_by_adam: b1 must be .* got 1.0"),
        (lambda: optim.adam(0.1, b2=-0.1), ValueError, "optim.scale_by_adam: b2 must be"),
        (lambda: optim.adam(0.1, eps=-1e-8), ValueError, "optim.scale_by_adam: eps must be"),
        (lambda: optim.nadam(0.1, momentum_decay=-1), ValueError, "optim.scale_by_nadam: momentum_decay must be"),
        (lambda: optim.radam(0.1, b2=1.0), ValueError, "optim.scale_by_radam: b2 must be"),
        (lambda: optim.adamax(0.1, b1=1.0), ValueError, "optim.scale_by_adamax: b1 must be"),
        (lambda: optim.adagrad(0.1, -1.0), ValueError, "optim.scale_by_rss: initial_accumulator_value must be"),
        (lambda: optim.adadelta(rho=1.0), ValueError, "optim.scale_by_adadelta: rho must be"),
        (lambda: optim.lion(0.1, b2=2.0), ValueError, "optim.scale_by_lion: b2 must be"),
        (lambda: optim.adamw(0.1, weight_decay=-1), ValueError, "optim.add_decayed_weights: weight_decay must be"),
        (lambda: optim.sgd(0.1, weight_decay=np.nan), ValueError, "optim.add_decayed_weights: weight_decay must be"),
        (lambda: optim.adamw(0.1).update(1.0, optim.adamw(0.1).init(1.0)), ValueError, "decayed.*needs the parameters"),
        (lambda: optim.clip(0), ValueError, "optim.clip: max_delta must be .* above 0"),
        (
            lambda: optim.clip(1.0).update({"w": 1j}, ()),
            TypeError,
            r"optim.clip: grads\['w'\] is complex.*clip_by_norm",
        ),
        (lambda: optim.clip_by_norm(-1), ValueError, "optim.clip_by_norm: max_norm must be"),
        (
            lambda: optim.clip_by_global_norm(np.nan),
            ValueError,
            r"max_norm must be a number \(finite, above 0\), got nan",
        ),
        (lambda: optim.clip_by_global_norm(0), ValueError, "optim.clip_by_global_norm: max_norm must be"),
        (lambda: optim.scale(np.inf), ValueError, r"optim.scale: factor must be a number \(finite\), got inf"),
        (lambda: optim.trace(np.ones(2)), TypeError, "optim.trace: decay must be a number"),
        (lambda: optim.chain(), TypeError, "optim.chain: takes one or more GradientTransformations"),
        (lambda: optim.chain(optim.sgd), TypeError, "optim.chain: takes one or more GradientTransformations"),
        (
            lambda: run(optim.sgd(lambda step: -step), 0.0, [1.0] * 3),
            ValueError,
            r"learning_rate\(1\) must be .* got -1",
        ),
        (
            lambda: optim.adam(0.1).init({"n": np.ones(2, int)}),
            TypeError,
            r"params\['n'\] is of dtype int64.*partition",
        ),
    ],
)
def test_wrong_arguments_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("make", [OPTIMISERS[name] for name in STATEFUL], ids=STATEFUL)
def test_gradients_that_do_not_match_are_refused_with_the_path(make):
    optimiser = make(0.1)
    state = optimiser.init({"w": np.ones((1, 3))})
    params = {"w": np.ones((1, 3))}
    with pytest.raises(ValueError, match=r"optim.\w+: grads does not match: at \['b'\]: expected nothing, got a leaf"):
        optimiser.update({"w": np.ones((1, 3)), "b": np.ones(3)}, state, params)
    with pytest.raises(ValueError, match=r"at \['w'\]: expected shape \(1, 3\), got \(3,\)"):  # it would broadcast
        optimiser.update({"w": np.ones(3)}, state, params)
    with pytest.raises(ValueError, match=r"optim.apply_updates: updates does not match: at \['w'\]: expected shape"):
        optim.apply_updates({"w": np.ones(3)}, {"w": np.ones((1, 3))})


def test_the_state_of_another_optimiser_is_refused():
    inner = optim.scale(1.0)
    parts = [
        optim.trace(0.9),
        optim.scale_by_rms(),
        optim.scale_by_rss(),
        optim.scale_by_adadelta(),
        optim.scale_by_lion(),
        optim.scale_by_adam(),
        optim.scale_by_adam(amsgrad=True),
        optim.scale_by_nadam(),
        optim.scale_by_adamax(),
        optim.scale_by_learning_rate(lambda _: 1.0),
        optim.masked(inner, True),
        optim.partition({"a": inner}, "a"),
        optim.params_ema(0.5),
        optim.multi_steps(inner, 2),
        optim.apply_if_finite(inner, 2),
    ]
    states = [part.init(1.0) for part in parts]
    for i, part in enumerate(parts):
        part.update(1.0, states[i], 1.0)
        with pytest.raises(TypeError, match=r"optim.\w+: state must be a \w+State, as init returns it, got \w+State"):
            part.update(1.0, states[i - 1], 1.0)
    with pytest.raises(TypeError, match=r"optim\.chain: state must be a tuple"):
        optim.adam(0.1).update(1.0, [])
    with pytest.raises(ValueError, match=r"optim\.chain: state has 1 parts for 2 transformations"):
        optim.adam(0.1).update(1.0, ((),))


@every_optimiser
def test_training_can_be_differentiated(make):
    check_gradient_through_training(make(0.1), steps=3)


def test_training_with_rectified_steps_can_be_differentiated():
    check_gradient_through_training(optim.radam(0.1, b2=0.9), steps=10)


def check_gradient_through_training(optimiser, steps):
    def loss_after_training(params):
        state = optimiser.init(params)
        for _ in range(steps):
            updates, state = optimiser.update(2 * params, state, params)
            params = optim.apply_updates(params, updates)
        return np.sum(params**2)

    start, step = np.array(START), 1e-5
    differences = [loss_after_training(start + step * e) - loss_after_training(start - step * e) for e in np.eye(3)]
    np.testing.assert_allclose(grad(loss_after_training)(start), np.array(differences) / (2 * step), rtol=1e-6)


@every_optimiser
def test_an_ensemble_under_vmap_trains_as_its_members_do(make):
    optimiser = make(0.1)
    members = [sample(np.float64, seed) for seed in range(3)]
    stack = lambda trees: tree.map(lambda *xs: np.stack(xs), *trees)
    params = stack(members)
    state = vmap(optimiser.init)(params)
    for _ in range(7):
        updates, state = vmap(optimiser.update)(tree.map(lambda p: 2 * p, params), state, params)
        params = vmap(optim.apply_updates)(params, updates)
    for i, member in enumerate(members):
        alone, inner = member, optimiser.init(member)
        for _ in range(7):
            updates, inner = optimiser.update(tree.map(lambda p: 2 * p, alone), inner, alone)
            alone = optim.apply_updates(alone, updates)
        expected = tree.leaves((alone, inner))
        for x, y in zip(tree.leaves((params, state)), expected, strict=True):
            np.testing.assert_allclose(x[i], y, rtol=1e-10, atol=1e-12)


@every_optimiser
def test_a_state_saved_and_restored_goes_on_with_the_same_bits(make, tmp_path):
    optimiser = make(optim.cosine_decay(0.1, 10))
    params, grads = sample(), [sample(seed=seed) for seed in range(1, 7)]
    state = optimiser.init(params)
    for g in grads[:3]:
        updates, state = optimiser.update(g, state, params)
        params = optim.apply_updates(params, updates)
    write_archive(tmp_path / "state.npz", {"params": params, "state": state}, {"kind": "test"})
    like = {"params": sample(seed=9), "state": optimiser.init(sample(seed=9))}
    restored = read_archive(tmp_path / "state.npz", "test").restore(like)
    runs = []
    for end, inner in ((params, state), (restored["params"], restored["state"])):
        for g in grads[3:]:
            updates, inner = optimiser.update(g, inner, end)
            end = optim.apply_updates(end, updates)
        runs.append((end, inner))
    tree.map(np.testing.assert_array_equal, *runs)


def test_decoupled_decay_is_not_divided_by_the_size_of_gradients():
    params = np.array([2.0, -4.0])
    none = np.zeros(2)
    end, _ = run(optim.adamw(0.1, weight_decay=0.5), params, [none] * 3)
    np.testing.assert_allclose(end, params * 0.95**3, rtol=1e-14)
    end, _ = run(optim.adam(0.1, weight_decay=0.5), params, [none])
    np.testing.assert_allclose(end, params - 0.1 * np.sign(params), rtol=1e-7)
    end, _ = run(optim.sgd(0.1, weight_decay=0.5), params, [none] * 3)
    np.testing.assert_allclose(end, params * 0.95**3, rtol=1e-14)
    end, _ = run(optim.lion(0.1, weight_decay=0.5), params, [none] * 3)
    np.testing.assert_allclose(end, params * 0.95**3, rtol=1e-14)


def test_the_steps_of_amsgrad_do_not_grow_back():
    first = [np.array([100.0])] + [np.array([1e-3])] * 200
    _, (state, _) = run(optim.amsgrad(0.1, b2=0.5), np.zeros(1), first)
    _, (plain, _) = run(optim.adam(0.1, b2=0.5), np.zeros(1), first)
    np.testing.assert_allclose(state.nu, plain.nu)
    assert state.nu_max == 5000.0 and plain.nu < 1e-5


def test_lion_takes_steps_of_one_size():
    end, _ = run(optim.lion(0.25, weight_decay=0.0), np.zeros(3), [np.array([1e-6, -1e6, 0.0])])
    np.testing.assert_array_equal(end, [-0.25, 0.25, 0.0])


@pytest.mark.parametrize("b2", [0.0, 0.3, 0.6, 2 / 3])
def test_radam_with_a_short_memory_never_trusts_its_squares(b2):
    grads = [np.array(g) for g in GRADS]
    optimiser, momentum = optim.scale_by_radam(0.9, b2), optim.scale_by_radam(0.9, 0.5)
    state, other = optimiser.init(np.zeros(3)), momentum.init(np.zeros(3))
    for i in range(12):
        steps, state = optimiser.update(grads[i % 3], state)
        expected, other = momentum.update(grads[i % 3], other)
        np.testing.assert_array_equal(steps, expected)


@given(st.floats(1e-3, 10), st.integers(0, 2**32))
def test_each_leaf_may_be_clipped_by_value_or_by_its_norm(bound, seed):
    grads = sample(np.float64, seed)
    by_value, _ = optim.clip(bound).update(grads, ())
    by_norm, _ = optim.clip_by_norm(bound).update(grads, ())
    for g, x, y in zip(*map(tree.leaves, (grads, by_value, by_norm)), strict=True):
        np.testing.assert_array_equal(np.ravel(x), [max(-bound, min(bound, v)) for v in np.ravel(g)])
        np.testing.assert_allclose(y, g * min(1.0, bound / np.sqrt(np.sum(g**2))), rtol=1e-14)


def test_an_ensemble_shares_the_count_of_a_schedule():
    optimiser = optim.adam(optim.cosine_decay(0.1, 10))
    params = np.arange(6.0).reshape(3, 2)
    adam_state, schedule_state = optimiser.init(params)
    axes = (optim.AdamState(None, 0, 0), optim.ScheduleState(None))
    updates, state = vmap(optimiser.update, in_axes=(0, axes), out_axes=(0, axes))(params, (adam_state, schedule_state))
    expected, after = optimiser.update(params, optimiser.init(params))
    tree.map(np.testing.assert_array_equal, (updates, state), (expected, after))


def test_an_ensemble_may_have_counts_of_its_own():
    optimiser = optim.sgd(optim.cosine_decay(0.1, 10))
    params, counts = np.arange(6.0).reshape(3, 2), np.array([0, 4, 9])
    updates, after = vmap(optimiser.update)(params, optim.ScheduleState(counts))
    for i, count in enumerate(counts):
        expected, _ = optimiser.update(params[i], optim.ScheduleState(count))
        np.testing.assert_array_equal(updates[i], expected)
    np.testing.assert_array_equal(after.count, counts + 1)


@every_optimiser
def test_long_leaves_are_shared_over_threads_without_a_changed_bit(make, monkeypatch):
    pytest.importorskip("threadpoolctl")
    generator = np.random.default_rng(0)
    params = {name: generator.standard_normal((8, 5), np.float32) for name in ("w", "rest", "b")}
    grads = [{name: generator.standard_normal((8, 5), np.float32) for name in params} for _ in range(3)]
    before, results = get_num_threads(), []
    try:
        for threads, long in ((1, 10**9), (1, 100), (2, 100), (3, 100)):
            monkeypatch.setattr(leafwise, "LONG", long)
            set_num_threads(threads)
            results.append([x.tobytes() for x in tree.leaves(run(make(0.1), params, grads))])
    finally:
        set_num_threads(before)
    assert all(result == results[0] for result in results)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@every_optimiser
def test_a_compiled_update_has_the_same_bits(make, dtype):
    optimiser = make(0.1)
    compiled, params = compile(optimiser.update), sample(dtype)
    state = optimiser.init(params)
    for seed in range(1, 40):  # at some of these counts b**t and np.power(b, t) are different numbers
        grads = sample(dtype, seed)
        expected = optimiser.update(grads, state, params)
        tree.map(np.testing.assert_array_equal, compiled(grads, state, params), expected)
        params, state = optim.apply_updates(params, expected[0]), expected[1]
