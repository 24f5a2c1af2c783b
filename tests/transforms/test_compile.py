"""compile: what the compiled function computes is what the function computes, in and around transforms."""

import numpy as np
import pytest

from tests.transforms.compiled import X, Y, Z, assert_same, check, counted, normal
from tinygrad_np import (
    checkpoint,
    compile,
    custom_jvp,
    custom_vjp,
    grad,
    hessian,
    hvp,
    jacfwd,
    jacrev,
    jvp,
    linearize,
    nn,
    optim,
    random,
    save_only,
    stop_gradient,
    tree,
    value_and_grad,
    vjp,
    vmap,
)
from tinygrad_np.models import MODELS


def smooth(x):
    w = np.arange(9.0).reshape(3, 3) / 9
    return np.sum(np.sin(np.exp(w @ x) * x) * stop_gradient(x) / (1 + x**2))


def loop(x):
    s = x
    for k in range(5):
        s = np.tanh(s * (k + 1)) + np.cumsum(x)
    return np.sum(s)


@custom_vjp
def clipped(x):
    return np.sin(x)


clipped.defvjp(lambda x: (clipped(x), x), lambda x, g: (np.clip(g, -0.5, 0.5) * x,))


@custom_jvp
def soft(x):
    return np.log1p(np.exp(x))


soft.defjvp(lambda primals, tangents: (soft(*primals), tangents[0] / (1 + np.exp(-primals[0]))))

INSIDE = {
    "value": lambda x: smooth(x),
    "grad": grad(smooth),
    "value_and_grad with aux": value_and_grad(lambda x: (smooth(x), {"twice": 2 * x, "name": "aux"}), has_aux=True),
    "grad of grad": grad(lambda x: np.sum(grad(smooth)(x) ** 2)),
    "third order": lambda x: jacrev(jacfwd(jacrev(smooth)))(x),
    "jvp": lambda x: jvp(smooth, (x,), (x[::-1],)),
    "vjp": lambda x: vjp(smooth, x)[1](x[0]),
    "hessian": lambda x: hessian(smooth)(x),
    "hvp": lambda x: hvp(smooth, x, x + 1),
    "linearize": lambda x: linearize(smooth, x)[1](x),
    "vmap": lambda x: vmap(smooth)(x[:, None] * x),
    "vmap of grad": lambda x: vmap(grad(smooth), in_axes=1)(x[:, None] + x),
    "grad of vmap": grad(lambda x: np.sum(vmap(lambda s: smooth(x * s))(x))),
    "checkpoint": grad(lambda x: np.sum(checkpoint(lambda x: np.sin(x.reshape(3, 1) * x))(x) ** 2)),
    "checkpoint that keeps": grad(checkpoint(smooth, save_only("exp"))),
    "custom_vjp": grad(lambda x: np.sum(clipped(x * 2) * x)),
    "custom_jvp": grad(lambda x: np.sum(soft(x * 2) * x)),
    "custom_jvp forward": lambda x: jvp(lambda x: np.sum(soft(x)), (x,), (x,)),
    "a Python loop": grad(loop),
    "a list comprehension": lambda x: [np.sin(v) for v in x],
    "compile": lambda x: compile(grad(smooth))(x),
    "grad of compile": grad(compile(smooth)),
}


@pytest.mark.parametrize("name", INSIDE)
def test_transforms_inside(name):
    check(INSIDE[name], (X,), (Y,), (Z,), (X,), tolerance=1e-12)


OUTSIDE = {
    "grad": lambda f: grad(f)(Y),
    "vmap": lambda f: vmap(f)(np.stack([X, Y])),
    "jvp": lambda f: jvp(f, (X,), (Y,)),
    "hessian": lambda f: hessian(f)(Z),
    "checkpoint": lambda f: grad(checkpoint(f))(Y),
    "compile": lambda f: compile(f)(Y),
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_inside_of_other_transforms_it_is_the_function_itself(name):
    for compiled in (compile(smooth), compile(smooth)):
        np.testing.assert_array_equal(tree.leaves(OUTSIDE[name](compiled))[0], tree.leaves(OUTSIDE[name](smooth))[0])
        compiled(X)  # now with a recording
        np.testing.assert_array_equal(tree.leaves(OUTSIDE[name](compiled))[0], tree.leaves(OUTSIDE[name](smooth))[0])


# -- networks and training ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"batch_argnums": (1, 2), "micro_batch": 2}], ids=["whole", "micro-batches"])
@pytest.mark.parametrize("name", MODELS)
def test_training_of_the_networks(name, options):
    model = MODELS[name]

    def step(params, x, labels):
        value, slopes = value_and_grad(lambda params: model.loss(model.apply(params, x), labels))(params)
        return tree.map(lambda p, g: p - np.float32(0.01) * g, params, slopes), value

    step, calls = counted(step)
    compiled, params = compile(step, **options), model.init(random.key(0))
    for seed in range(3):
        draws = np.random.default_rng(seed)
        x = draws.standard_normal((5, *model.image_shape)).astype(np.float32)
        labels = draws.integers(0, model.classes, 5)
        expected, ours = step(params, x, labels), compiled(params, x, labels)
        assert_same(ours, expected, 2e-5 if options else 1e-6)
        params = ours[0]
    assert len(calls) == 4  # three of these and one recording


@pytest.mark.parametrize("optimiser", [optim.sgd(0.1, momentum=0.9), optim.adam(0.05)], ids=["sgd", "adam"])
def test_a_step_of_an_optimiser_with_its_state(optimiser):
    def loss(params, x, y):
        return np.mean((np.tanh(x @ params["w"]) @ params["v"] + params["b"] - y) ** 2)

    def step(params, state, x, y):
        value, slopes = value_and_grad(loss)(params, x, y)
        updates, state = optimiser.update(slopes, state, params)
        return optim.apply_updates(params, updates), state, value

    params = {"w": normal(2, 4), "v": normal(4), "b": np.zeros(1)}
    ours = expected = (params, optimiser.init(params))
    compiled = compile(step)
    for seed in range(5):
        x, y = normal(6, 2, seed=seed), normal(6, seed=seed + 9)
        *ours, value = compiled(*ours, x, y)
        *expected, expected_value = step(*expected, x, y)
        assert_same(tree.leaves((ours, value)), tree.leaves((expected, expected_value)), 1e-12)


def test_dropout_with_keys_and_batch_norm_with_state():
    def loss(params, state, key, x):
        y, state = nn.batch_norm(x, state, params["scale"], params["bias"], train=True)
        y = nn.dropout(y, 0.5, key)
        return np.sum(y**2), (state, random.normal(key, (2,)))

    params = {"scale": np.ones(3, np.float32), "bias": np.zeros(3, np.float32)}
    state, f = nn.batch_norm_state(3), value_and_grad(loss, has_aux=True)
    calls = [(params, state, random.key(k), normal(4, 3, seed=k).astype(np.float32)) for k in range(4)]
    check(f, *calls, tolerance=1e-6)
    split = compile(lambda key: random.split(key, 3))
    for seed in range(3):
        np.testing.assert_array_equal(split(random.key(seed)), random.split(random.key(seed), 3))
