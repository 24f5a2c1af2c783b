"""Optimisers step by step against torch.optim and optax, schedules against both, on trees of several shapes.

Twenty steps along random gradients in float64. An optimiser stands beside the library whose formula it follows; beside
optax too where the options make the two formulas one.
"""

import numpy as np
import pytest

from tinygrad_np import optim
from tinygrad_np.core import tree

pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("ignore")]

SHAPES = {"w": (3, 4), "b": (4,), "scale": (), "kernel": (2, 2, 1, 3), "none": (0, 2)}
GENERATOR = np.random.default_rng(4)
START = {name: GENERATOR.normal(size=shape) for name, shape in SHAPES.items()}
GRADS = [{name: np.asarray(GENERATOR.normal(size=s) * 10.0 ** GENERATOR.integers(-3, 3)) for name, s in SHAPES.items()}
         for _ in range(20)]  # fmt: skip
STEPS = range(31)


def ours(optimiser):
    """Parameters after each step."""
    params, state, seen = START, optimiser.init(START), []
    for g in GRADS:
        updates, state = optimiser.update(g, state, params)
        params = optim.apply_updates(params, updates)
        seen.append(params)
    return seen


def compare(mine, theirs, who, count, rtol=1e-11):
    for x, y in zip(mine, theirs, strict=True):
        tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-13), x, y)
    count[f"steps of optimisers with {who}"] += len(mine)


TORCH = {
    "sgd": (lambda: optim.sgd(0.1), "SGD", {"lr": 0.1}),
    "momentum": (
        lambda: optim.sgd(0.1, 0.9, weight_decay=0.3), "SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.3}),
    "nesterov": (
        lambda: optim.sgd(0.1, 0.9, nesterov=True), "SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    "rmsprop": (lambda: optim.rmsprop(0.01, 0.95, 1e-3, 0.9), "RMSprop",
                {"lr": 0.01, "alpha": 0.95, "eps": 1e-3, "momentum": 0.9}),
    "adam": (lambda: optim.adam(0.1), "Adam", {"lr": 0.1}),
    "adam penalised": (lambda: optim.adam(0.1, 0.8, 0.95, 1e-3, weight_decay=0.3), "Adam",
                       {"lr": 0.1, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.3}),
    "adamw": (lambda: optim.adamw(0.1), "AdamW", {"lr": 0.1}),
    "adamw amsgrad": (lambda: optim.adamw(0.1, 0.8, 0.95, 1e-3, 0.3, amsgrad=True), "AdamW",
                      {"lr": 0.1, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.3, "amsgrad": True}),
    "amsgrad": (lambda: optim.amsgrad(0.1, 0.8, 0.9), "Adam", {"lr": 0.1, "betas": (0.8, 0.9), "amsgrad": True}),
    "nadam": (lambda: optim.nadam(0.1), "NAdam", {"lr": 0.1}),
    "nadam options": (lambda: optim.nadam(0.1, 0.8, 0.95, 1e-3, 0.5), "NAdam",
                      {"lr": 0.1, "betas": (0.8, 0.95), "eps": 1e-3, "momentum_decay": 0.5}),
    "radam": (lambda: optim.radam(0.1), "RAdam", {"lr": 0.1}),
    "radam options": (
        lambda: optim.radam(0.1, 0.8, 0.95, 1e-3), "RAdam", {"lr": 0.1, "betas": (0.8, 0.95), "eps": 1e-3}),
    "radam short": (lambda: optim.radam(0.1, 0.8, 0.5), "RAdam", {"lr": 0.1, "betas": (0.8, 0.5)}),
    "adamax": (lambda: optim.adamax(0.1), "Adamax", {"lr": 0.1}),
    "adamax options": (
        lambda: optim.adamax(0.1, 0.8, 0.5, 1e-3), "Adamax", {"lr": 0.1, "betas": (0.8, 0.5), "eps": 1e-3}),
    "adagrad": (lambda: optim.adagrad(0.1), "Adagrad", {"lr": 0.1}),
    "adagrad options": (lambda: optim.adagrad(lambda step: 0.1 / (1 + 0.2 * step), 0.5, 1e-3), "Adagrad",
                        {"lr": 0.1, "initial_accumulator_value": 0.5, "eps": 1e-3, "lr_decay": 0.2}),
    "adadelta": (lambda: optim.adadelta(), "Adadelta", {}),
    "adadelta options": (lambda: optim.adadelta(0.5, 0.7, 1e-3), "Adadelta", {"lr": 0.5, "rho": 0.7, "eps": 1e-3}),
    "no decay of biases": (lambda: optim.adamw(0.1, weight_decay=0.3, mask=optim.not_bias), "AdamW",
                           {"lr": 0.1, "weight_decay": 0.3, "split": True}),
    "clipped by norm": (lambda: optim.chain(optim.clip_by_global_norm(2.0), optim.sgd(0.1)), "SGD",
                        {"lr": 0.1, "clip": lambda torch, ps: torch.nn.utils.clip_grad_norm_(ps, 2.0)}),
    "clipped by value": (lambda: optim.chain(optim.clip(0.3), optim.sgd(0.1)), "SGD",
                         {"lr": 0.1, "clip": lambda torch, ps: torch.nn.utils.clip_grad_value_(ps, 0.3)}),
}  # fmt: skip


@pytest.mark.parametrize("name", TORCH)
def test_against_torch(name, count):
    torch = pytest.importorskip("torch")
    make, kind, options = TORCH[name]
    options = dict(options)
    clip, split = options.pop("clip", None), options.pop("split", False)
    params = {key: torch.tensor(value, requires_grad=True) for key, value in START.items()}
    groups = [{"params": list(params.values())}]
    if split:
        groups = [{"params": [p for p in params.values() if p.ndim >= 2]},
                  {"params": [p for p in params.values() if p.ndim < 2], "weight_decay": 0.0}]  # fmt: skip
    optimiser, seen = getattr(torch.optim, kind)(groups, **options), []
    for g in GRADS:
        for key, p in params.items():
            p.grad = torch.tensor(g[key])
        if clip:
            clip(torch, params.values())
        optimiser.step()
        seen.append({key: p.detach().numpy().copy() for key, p in params.items()})
    compare(ours(make()), seen, "torch", count, rtol=1e-5 if name in COARSE else 1e-9)


# torch divides by norm + 1e-6 where it clips, and has the product of momenta in float32; so has optax sums of gradients
COARSE = {"clipped by norm", "nadam", "nadam options", "accumulated"}

OPTAX = {
    "sgd": (lambda o: o.sgd(0.1, momentum=0.9), lambda o: o.sgd(0.1, momentum=0.9)),
    "adam": (lambda o: o.adam(0.1, 0.8, 0.95, 1e-3), None),
    "adamw": (lambda o: o.adamw(0.1, weight_decay=0.2), None),
    "adamw masked": (
        lambda o: o.adamw(0.1, weight_decay=0.2, mask=optim.not_bias),
        lambda o: o.adamw(0.1, weight_decay=0.2, mask={name: len(shape) >= 2 for name, shape in SHAPES.items()}),
    ),
    "lion": (lambda o: o.lion(0.1), None),
    "lion options": (lambda o: o.lion(0.1, 0.8, 0.95, weight_decay=0.2), None),
    "adamax": (lambda o: o.adamax(0.1, 0.8, 0.5, 1e-3), None),
    "adadelta": (lambda o: o.adadelta(0.5, 0.7, 1e-3), None),
    "adagrad": (lambda o: o.adagrad(0.1, 0.1, 0.0), None),
    "radam": (lambda o: o.radam(0.1, 0.8, 0.95, 0.0), None),
    "rmsprop": (lambda o: o.rmsprop(0.1, 0.8), lambda o: o.rmsprop(0.1, 0.8, eps_in_sqrt=False)),
    "clip": (lambda o: o.chain(o.clip(0.5), o.sgd(0.1)), None),
    "clip by global norm": (lambda o: o.chain(o.clip_by_global_norm(0.5), o.adam(0.1)), None),
    "schedule": (
        lambda o: o.adam(o.cosine_decay(0.1, 10)),
        lambda o: o.adam(o.cosine_decay_schedule(0.1, 10)),
    ),
    "accumulated": (
        lambda o: o.multi_steps(o.adamw(0.1, weight_decay=0.2), 3),
        lambda o: o.MultiSteps(o.adamw(0.1, weight_decay=0.2), 3).gradient_transformation(),
    ),
    "partition": (
        lambda o: o.partition({"a": o.adam(0.1), "b": o.set_to_zero()}, lambda path, leaf: "ab"["b" in path]),
        lambda o: o.partition(
            {"a": o.adam(0.1), "b": o.set_to_zero()}, {name: "ab"["b" in name] for name in SHAPES}
        ),
    ),
}  # fmt: skip


def optax_in_float64():
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    return jax, pytest.importorskip("optax")


@pytest.mark.parametrize("name", OPTAX)
def test_against_optax(name, count):
    _, optax = optax_in_float64()
    make, theirs = OPTAX[name]
    seen = steps_of_optax(optax, (theirs or make)(optax), GRADS)
    compare(ours(make(optim)), seen, "optax", count, rtol=1e-5 if name in COARSE else 1e-9)


def steps_of_optax(optax, optimiser, grads):
    import jax

    params, state, seen = START, optimiser.init(START), []
    update = jax.jit(optimiser.update)
    for g in grads:
        updates, state = update(g, state, params)
        params = optax.apply_updates(params, updates)
        seen.append(tree.map(np.asarray, params))
    return seen


def test_skipped_gradients_against_optax(count):
    _, optax = optax_in_float64()
    bad = [tree.map(lambda x: x * (np.nan if i in (2, 3, 7, 11, 12, 13) else 1.0), g) for i, g in enumerate(GRADS)]
    inner = optim.apply_if_finite(optim.sgd(0.1, 0.9), 2)
    params, state, seen = START, inner.init(START), []
    for g in bad:
        updates, state = inner.update(g, state, params)
        params = optim.apply_updates(params, updates)
        seen.append(params)
    compare(seen, steps_of_optax(optax, optax.apply_if_finite(optax.sgd(0.1, momentum=0.9), 2), bad), "optax", count)
    assert np.isnan(seen[13]["w"]).all() and np.isfinite(seen[12]["w"]).all()


SCHEDULES = {
    "linear": (optim.linear(0.1, 0.5, 20), lambda o: o.linear_schedule(0.1, 0.5, 20)),
    "polynomial": (optim.polynomial(0.5, 0.1, 2.5, 20), lambda o: o.polynomial_schedule(0.5, 0.1, 2.5, 20)),
    "exponential": (optim.exponential_decay(0.5, 7, 0.3), lambda o: o.exponential_decay(0.5, 7, 0.3)),
    "staircase": (optim.step_decay(0.5, 7, 0.3), lambda o: o.exponential_decay(0.5, 7, 0.3, staircase=True)),
    "cosine": (optim.cosine_decay(0.5, 20, 0.1), lambda o: o.cosine_decay_schedule(0.5, 20, 0.1)),
    "warmup": (
        optim.warmup_cosine_decay(0.1, 0.5, 5, 20, 0.05), lambda o: o.warmup_cosine_decay_schedule(0.1, 0.5, 5, 20, 0.05)),
    "onecycle": (optim.cosine_onecycle(25, 0.5), lambda o: o.cosine_onecycle_schedule(25, 0.5)),
    "piecewise constant": (
        optim.piecewise_constant({0: 1.0, 5: 0.5, 9: 1.5}), lambda o: o.piecewise_constant_schedule(1.0, {5: 0.5, 9: 3.0})),
    "piecewise linear": (optim.piecewise_linear({0: 1.0, 5: 0.5, 9: 1.5}),
                         lambda o: o.piecewise_interpolate_schedule("linear", 1.0, {5: 0.5, 9: 3.0})),
    "join": (
        optim.join_schedules([optim.linear(0.1, 0.5, 4), optim.constant(0.5), optim.cosine_decay(0.5, 9)], [4, 11]),
        lambda o: o.join_schedules(
            [o.linear_schedule(0.1, 0.5, 4), o.constant_schedule(0.5), o.cosine_decay_schedule(0.5, 9)], [4, 11])),
}  # fmt: skip


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_against_optax(name, count):
    _, optax = optax_in_float64()
    mine, theirs = SCHEDULES[name]
    expected = theirs(optax)
    np.testing.assert_allclose(
        [mine(step) for step in STEPS], [float(expected(step)) for step in STEPS], rtol=1e-12, atol=1e-15
    )
    count["rates with optax"] += len(STEPS)


@pytest.mark.parametrize(
    ("mine", "kind", "options"),
    [
        (optim.step_decay(0.5, 7, 0.3), "StepLR", {"step_size": 7, "gamma": 0.3}),
        (optim.exponential_decay(0.5, 1, 0.9), "ExponentialLR", {"gamma": 0.9}),
        (optim.cosine_warm_restarts(0.5, 4, 2, 0.1), "CosineAnnealingWarmRestarts",
         {"T_0": 4, "T_mult": 2, "eta_min": 0.05}),
        (optim.cosine_warm_restarts(0.5, 7), "CosineAnnealingWarmRestarts", {"T_0": 7}),
        (optim.linear_warmup(5, 0.5, 0.1), "LinearLR", {"start_factor": 0.2, "total_iters": 5}),
        # the peak at 0.3 * 40 - 1 = 11 in torch, at 11 of 39 here
        (optim.cosine_onecycle(39, 0.5, 11.5 / 39), "OneCycleLR", {"max_lr": 0.5, "total_steps": 40}),
    ],
    ids=["step", "exponential", "restarts", "equal restarts", "warmup", "onecycle"],
)  # fmt: skip
def test_schedules_against_torch(mine, kind, options, count):
    torch = pytest.importorskip("torch")
    optimiser = torch.optim.SGD([torch.zeros(1)], lr=0.5)
    scheduler, rates = getattr(torch.optim.lr_scheduler, kind)(optimiser, **options), []
    for _ in STEPS:
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        scheduler.step()
    np.testing.assert_allclose([mine(step) for step in STEPS], rates, rtol=1e-12)
    count["rates with torch"] += len(STEPS)
