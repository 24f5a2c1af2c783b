"""checkpoint, its policies, checkpoint_chain: the same derivatives to the last bit, in less memory."""

import functools
import gc
import tracemalloc

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import (
    checkpoint,
    checkpoint_chain,
    grad,
    hessian,
    hvp,
    jacfwd,
    jacrev,
    jvp,
    linearize,
    nn,
    random,
    save_only,
    save_products,
    stop_gradient,
    tree,
    value_and_grad,
    vjp,
    vmap,
)  # fmt: skip

X = np.array([0.3, -1.1, 2.0])
POLICIES = {
    "none": None,
    "sin": save_only("sin"),
    "others": save_only("exp", "multiply"),
    "products": save_products,
    "all": lambda op: True,
}
TRANSFORMS = {
    "grad": lambda f: grad(f)(X),
    "value_and_grad": lambda f: value_and_grad(f)(X),
    "jvp": lambda f: jvp(f, (X,), (X[::-1],)),
    "vjp": lambda f: vjp(f, X)[1](2.0),
    "vmap": lambda f: vmap(f)(np.eye(3)),
    "vmap of grad": lambda f: vmap(grad(f), in_axes=1)(np.eye(3) + X),
    "grad of vmap": lambda f: grad(lambda x: np.sum(vmap(lambda s: f(x * s))(x)))(X),
    "hessian": lambda f: hessian(f)(X),
    "reverse over reverse": lambda f: jacrev(grad(f))(X),
    "forward over forward": lambda f: jacfwd(jacfwd(f))(X),
    "linearize": lambda f: linearize(f, X)[1](X),
    "hvp": lambda f: hvp(f, X, X),
    "third order": lambda f: jacrev(jacfwd(jacrev(f)))(X),
    "vmap of hessian": lambda f: vmap(hessian(f))(np.eye(3)),
}


def smooth(x):
    w = np.arange(9.0).reshape(3, 3) / 9
    return np.sum(np.sin(np.exp(w @ x) * x) * stop_gradient(x))


def same(a, b):
    return all(np.array_equal(u, v) for u, v in zip(tree.leaves(a), tree.leaves(b), strict=True))


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("transform", TRANSFORMS)
def test_derivatives_are_the_same_to_the_last_bit(transform, policy):
    run, policy = TRANSFORMS[transform], POLICIES[policy]
    for f in (checkpoint(smooth, policy), checkpoint(checkpoint(checkpoint(smooth), policy))):
        if transform == "third order":  # sums come in another order there
            np.testing.assert_allclose(run(f), run(smooth), rtol=1e-12)
        else:
            assert same(run(f), run(smooth))


@pytest.mark.parametrize("policy", POLICIES)
def test_python_that_looks_at_values_runs_as_without(policy):
    def f(x):
        n, mask = int(np.argmax(x)), x > 0
        y = x[np.argsort(x)] * float(stop_gradient(x[0]))
        y = y[mask] if mask.any() else y
        return np.sum(np.sin(y)) * [1, 2, 3][n] if np.sum(x) > 0 else np.sum(y)

    assert same(grad(checkpoint(f, POLICIES[policy]))(X), grad(f)(X))
    assert same(hessian(checkpoint(f, POLICIES[policy]))(X), hessian(f)(X))


def test_trees_keywords_integers_and_kinds():
    def f(p, i, *, scale=2.0, on=True):
        y = p["w"][i] * scale
        return {"y": np.sin(y) if on else y, "order": np.argsort(p["w"]), "none": None, "name": "f"}

    loss = lambda p, s, c: (lambda y: np.sum(y["y"] * p["w"][y["order"]]))(c(p, np.array([0, 0, 2]), scale=s))
    p = {"w": X, "unused": np.ones(2, np.float32)}
    assert same(grad(loss, argnums=(0, 1))(p, 3.0, checkpoint(f)), grad(loss, argnums=(0, 1))(p, 3.0, f))
    assert same(
        jvp(lambda w: f({"w": w}, 1)["y"], (X,), (X,)), jvp(lambda w: checkpoint(f)({"w": w}, 1)["y"], (X,), (X,))
    )
    assert grad(checkpoint(lambda a: a * 2))(2.0) == 2.0
    assert checkpoint(f)(p, 1)["name"] == "f"  # without a transform
    assert checkpoint(f).__name__ == "f"


def capturing(wrap):
    def f(x):
        table, listed, part = {"a": [x * 2]}, [x], functools.partial(lambda a, *, b: a * b, b=x)
        helper = lambda y: table["a"][0] * y + part(y) + listed[0]
        return np.sum(wrap(lambda y, d=x * 3: np.sin(helper(y)) * d)(np.cos(x))) + np.sum(wrap(lambda: x * x)())

    return f


@pytest.mark.parametrize("transform", ["grad", "jvp", "vmap", "vmap of grad", "grad of vmap", "hessian", "third order"])
def test_captured_values_are_differentiated(transform):
    run = TRANSFORMS[transform]
    expected = run(capturing(lambda f: f))
    for a, b in zip(tree.leaves(run(capturing(checkpoint))), tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_captured_through_partial_and_constants():
    assert same(grad(lambda x: np.sum(checkpoint(functools.partial(np.multiply, x))(x)))(X), 2 * X)
    assert same(grad(lambda x: np.sum(checkpoint(lambda a: a * x)(np.ones(3))))(X), np.ones(3))


def test_a_capture_that_cannot_be_seen_is_refused():
    class Holder:
        def __init__(self, w):
            self.w = w

        def __call__(self, a):
            return a * self.w

    with pytest.raises(
        TypeError, match=r"checkpoint\(Holder\): its output depends on a Tensor of grad.*Pass that value"
    ):
        grad(lambda x: np.sum(checkpoint(Holder(x))(x)))(X)


def test_memory_is_the_inputs_of_the_parts():
    x = np.ones(100_000)

    def part(x):
        for _ in range(8):
            x = np.tanh(x)
        return x

    def peak(f):
        loss = lambda x: np.sum(f(f(f(f(x)))))
        gc.collect()
        tracemalloc.start()
        grad(loss)(x)
        found = tracemalloc.get_traced_memory()[1] / x.nbytes
        tracemalloc.stop()
        return found

    plain, by_part, kept = peak(part), peak(checkpoint(part)), peak(checkpoint(part, save_only("tanh")))
    assert plain > 31
    assert by_part < 16  # 4 inputs, 8 outputs of one part, a few cotangents
    assert kept > 31


@pytest.fixture
def frozen_heap():
    """What the other tests left is not looked at: a collection takes half a second among all their objects."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.usefixtures("frozen_heap")
def test_nothing_is_left_to_the_garbage_collector(transform):
    """It is paused in a transform: what it alone could free would add up there."""
    own = tg.custom_vjp(np.sin)
    own.defvjp(lambda x: (np.sin(x), x), lambda x, g: (g * np.cos(x),))
    run = TRANSFORMS[transform]
    for f in (
        smooth,
        checkpoint(smooth),
        checkpoint(smooth, save_only("exp")),
        capturing(checkpoint),
        lambda x: np.sum(own(x) * x),
    ):
        run(f)
        gc.collect()
        gc.disable()
        try:
            run(f)
            assert gc.collect() == 0
        finally:
            gc.enable()


def test_policies_keep_what_they_name():
    calls = {"sin": 0, "matmul": 0}

    def counted(name, f, pullback):
        @tg.primitive
        def op(x):
            calls[name] += 1
            return f(x)

        op.name = name
        op.defvjp("x")(pullback)
        return op

    sin = counted("sin", np.sin, lambda y, x: lambda g: g * np.cos(x))
    product = counted("matmul", lambda x: 2 * x, lambda y, x: lambda g: 2 * g)
    for policy, expected in (
        (None, (2, 2)),
        (save_only("sin"), (1, 2)),
        (save_products, (2, 1)),
        (lambda op: True, (1, 1)),
    ):
        calls.update(sin=0, matmul=0)
        g = grad(lambda x: np.sum(checkpoint(lambda a: product(sin(a)), policy)(x)))(X)
        np.testing.assert_allclose(g, 2 * np.cos(X), rtol=1e-15)
        assert (calls["sin"], calls["matmul"]) == expected


def test_a_pullback_may_be_called_again():
    for policy in POLICIES.values():
        _, pullback = vjp(checkpoint(smooth, policy), X)
        assert same(pullback(1.0), pullback(1.0))


def test_dropout_with_keys_is_recomputed_identically():
    layer = lambda x, key: nn.dropout(np.sin(x), 0.5, key)
    x, key = np.ones(50), random.key(3)
    loss = lambda f: lambda x: np.sum(f(x, key) ** 2)
    assert same(grad(loss(checkpoint(layer)))(x), grad(loss(layer))(x))
    assert same(hvp(loss(checkpoint(layer)), x, x), hvp(loss(layer), x, x))
    keys = random.split(key, 3)
    each = lambda f: vmap(grad(lambda x, k: np.sum(f(x, k) ** 2)), in_axes=(None, 0))(x, keys)
    assert same(each(checkpoint(layer)), each(layer))


@pytest.mark.parametrize(
    "run",
    [
        lambda f: grad(lambda x: np.sum(checkpoint(f)(x)))(X),
        lambda f: grad(lambda x: np.sum(checkpoint(f, save_only("sin"))(x)))(X),
        lambda f: hessian(lambda x: np.sum(checkpoint(f)(x)))(X),
        lambda f: grad(lambda x: np.sum(checkpoint(lambda y: checkpoint(f)(y) * 2)(x)))(X),
    ],
)
def test_random_numbers_from_a_generator_are_detected(run):
    rng = np.random.default_rng(0)
    with pytest.raises(RuntimeError, match=r"recomputing it gave another result.*take random numbers from keys"):
        run(lambda a: np.sin(a) ** 2 * rng.normal(size=3))


def test_a_captured_array_that_changed_is_detected():
    b = np.ones(3)
    _, pullback = vjp(lambda w: np.sum(checkpoint(lambda w: np.sin(w) * b)(w)), X)
    b *= 2
    with pytest.raises(RuntimeError, match=r"checkpoint\(<lambda>\): recomputing it gave another result"):
        pullback(1.0)


def test_another_order_of_summation_is_no_other_result():
    x = np.asfortranarray(np.random.default_rng(0).standard_normal((8, 8)))
    f = lambda x: np.sum(np.sort(x, axis=0))  # NumPy sorts a Fortran array into one, the tape's rule into another
    np.testing.assert_array_equal(grad(checkpoint(f))(x), np.ones((8, 8)))
    flaky = iter([1.0, 1.0 + 1e-6])
    with pytest.raises(RuntimeError, match="another result"):
        grad(checkpoint(lambda x: np.sum(x) * next(flaky)))(x)


# -- checkpoint_chain ------------------------------------------------------------------------------------------------


def peak_bytes(f, *args):
    f(*args)
    gc.collect()
    tracemalloc.start()
    f(*args)
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found


def test_a_chain_stays_within_its_budget():
    x = np.linspace(0, 1, 20_000)
    stages = [np.tanh, np.sin, lambda v: np.exp(-v)] * 8
    plain = grad(lambda x: np.sum(functools.reduce(lambda v, f: f(v), stages, x)))
    expected = plain(x)
    for units in (11, 14, 18, 40):
        chain = checkpoint_chain(stages, budget_bytes=units * x.nbytes)
        loss = grad(lambda x, chain=chain: np.sum(chain(x)))
        assert same(loss(x), expected)
        peak = peak_bytes(loss, x)
        assert peak < (units + 2) * x.nbytes, (units, peak / x.nbytes)  # the input's gradient and its copy
    assert peak_bytes(plain, x) > 24 * x.nbytes


def test_a_chain_of_unlike_stages_with_trees_and_weights():
    rng = np.random.default_rng(0)
    w = [
        rng.standard_normal((200, 150)) * 0.05,
        rng.standard_normal((150, 40)) * 0.05,
        rng.standard_normal((40, 200)) * 0.1,
    ]
    stages = [
        lambda x: {"h": np.tanh(x @ w[0]), "x": x},
        lambda p: (np.tanh(p["h"] @ w[1]), p["x"]),
        lambda t: np.sin(t[0] @ w[2]) + t[1],
    ] * 12
    x = rng.standard_normal((32, 200))
    plain = lambda x: np.sum(functools.reduce(lambda v, f: f(v), stages, x) ** 2)
    whole = peak_bytes(grad(plain), x)
    budget = whole // 2
    chain = checkpoint_chain(stages, budget)
    loss = lambda x: np.sum(chain(x) ** 2)
    assert same(grad(loss)(x), grad(plain)(x))
    assert peak_bytes(grad(loss), x) < budget + 4 * x.nbytes
    assert same(jvp(loss, (x,), (x,)), jvp(plain, (x,), (x,)))
    assert same(hvp(loss, x, x), hvp(plain, x, x))


def test_a_chain_differentiates_its_captured_weights():
    w = np.array([0.5, -0.2, 0.1])

    def loss(w, x, compose):
        return np.sum(compose([lambda v, i=i: np.tanh(v * w[i]) for i in range(3)])(x))

    plain = lambda stages: lambda x: functools.reduce(lambda v, f: f(v), stages, x)
    expected = grad(loss)(w, X, plain)
    np.testing.assert_allclose(grad(loss)(w, X, lambda s: checkpoint_chain(s, 100_000)), expected, rtol=1e-13)


def test_an_impossible_budget_says_what_is_needed():
    x = np.ones(1000)
    with pytest.raises(
        ValueError, match=r"no choice fits into budget_bytes=1000; the 6 functions need at least about \d+ bytes"
    ) as info:
        grad(lambda x: np.sum(checkpoint_chain([np.sin] * 6, 1000)(x)))(x)
    least = int(str(info.value).split("about ")[1].split()[0])
    enough = checkpoint_chain([np.sin] * 6, int(least * 1.05) + 200)
    assert same(
        grad(lambda x: np.sum(enough(x)))(x),
        grad(lambda x: np.sum(functools.reduce(lambda v, _: np.sin(v), range(6), x)))(x),
    )


def test_chains_of_no_and_one_function_and_without_a_transform():
    assert same(checkpoint_chain([], 10_000)(X), X)
    assert same(grad(lambda x: np.sum(checkpoint_chain([np.sin], 100_000)(x)))(X), np.cos(X))
    assert same(checkpoint_chain([np.sin, np.cos], 100_000)(X), np.cos(np.sin(X)))
    assert same(vmap(checkpoint_chain([np.sin, np.cos], 100_000))(np.eye(3)), np.cos(np.sin(np.eye(3))))
