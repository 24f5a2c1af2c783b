import numpy as np
import pytest

from tinygrad_np import optim
from tinygrad_np.core import tree

PARAMS = {"conv": {"w": np.full((2, 1), 2.0), "b": np.full(2, 3.0)}, "dense": [np.full((1, 2), 4.0), 5.0]}
GRADS = {"conv": {"w": np.full((2, 1), 0.5), "b": np.full(2, 0.25)}, "dense": [np.full((1, 2), 1.0), 2.0]}
MATRICES = {"conv": {"w": True, "b": False}, "dense": [True, np.False_]}
in_conv = lambda path, leaf: path.startswith("['conv']")


def same(x, y):
    tree.map(np.testing.assert_array_equal, x, y)


@pytest.mark.parametrize(
    "mask", [MATRICES, optim.not_bias, lambda path, leaf: path in ("['conv']['w']", "['dense'][0]")]
)
def test_a_mask_is_a_tree_or_a_predicate(mask):
    optimiser = optim.masked(optim.trace(0.5), mask)
    state = optimiser.init(PARAMS)
    same(tree.leaves(state), [np.zeros((2, 1)), np.zeros((1, 2))])
    updates, state = optimiser.update(GRADS, state)
    updates, state = optimiser.update(GRADS, state)
    same(updates, {"conv": {"w": np.full((2, 1), 0.75), "b": GRADS["conv"]["b"]}, "dense": [np.full((1, 2), 1.5), 2.0]})
    assert type(updates["dense"][1]) is float
    assert not np.shares_memory(updates["conv"]["b"], GRADS["conv"]["b"])


def test_weight_decay_spares_biases():
    zero = tree.map(lambda x: 0 * x, GRADS)
    for optimiser in (
        optim.adamw(0.5, weight_decay=0.5, mask=optim.not_bias),
        optim.sgd(0.5, weight_decay=0.5, mask=MATRICES),
        optim.lion(0.5, weight_decay=0.5, mask=optim.not_bias),
    ):
        updates, _ = optimiser.update(zero, optimiser.init(PARAMS), PARAMS)
        params = optim.apply_updates(PARAMS, updates)
        same(
            params,
            {"conv": {"w": np.full((2, 1), 1.5), "b": PARAMS["conv"]["b"]}, "dense": [np.full((1, 2), 3.0), 5.0]},
        )


@pytest.mark.parametrize("labels", [lambda path, leaf: "slow" if in_conv(path, leaf) else "fast",
                                    {"conv": {"w": "slow", "b": "slow"}, "dense": ["fast", "fast"]}])  # fmt: skip
def test_each_label_has_its_own_optimiser(labels):
    parts = {"slow": optim.adam(0.001), "fast": optim.sgd(0.5, 0.9), "unused": optim.adagrad(0.1)}
    optimiser = optim.partition(parts, labels)
    params, state = PARAMS, optimiser.init(PARAMS)
    alone = {"slow": PARAMS["conv"], "fast": PARAMS["dense"]}
    states = {name: parts[name].init(alone[name]) for name in alone}
    for _ in range(3):
        updates, state = optimiser.update(GRADS, state, params)
        params = optim.apply_updates(params, updates)
        for name, part in (("slow", "conv"), ("fast", "dense")):
            updates, states[name] = parts[name].update(GRADS[part], states[name], alone[name])
            alone[name] = optim.apply_updates(alone[name], updates)
    same(params, {"conv": alone["slow"], "dense": alone["fast"]})
    assert state.inner_states["slow"][0].count == 3
    assert tree.leaves(state.inner_states["unused"]) == []


def test_frozen_parameters_stay_to_the_bit_even_under_bad_gradients():
    grads = tree.map(lambda g: g * 1.0, GRADS)
    grads["conv"]["w"] = np.full((2, 1), np.nan)
    label = lambda path, leaf: "frozen" if in_conv(path, leaf) else "trained"
    for optimiser in (
        optim.chain(optim.sgd(0.5, 0.9, weight_decay=0.1), optim.freeze(in_conv)),
        optim.partition({"trained": optim.sgd(0.5, 0.9, weight_decay=0.1), "frozen": optim.set_to_zero()}, label),
    ):
        updates, _ = optimiser.update(grads, optimiser.init(PARAMS), PARAMS)
        params = optim.apply_updates(PARAMS, updates)
        same(params["conv"], PARAMS["conv"])
        np.testing.assert_array_equal(params["dense"][0], 4.0 - 0.5 * (1.0 + 0.1 * 4.0))
        assert params["dense"][1] == pytest.approx(5.0 - 0.5 * (2.0 + 0.1 * 5.0))


def test_integers_may_be_masked_out_as_may_holes():
    params = {"w": np.ones(2), "n": np.arange(3)}
    state = optim.masked(optim.adam(0.1), {"w": True, "n": False}).init(params)
    assert len(tree.leaves(state)) == 3
    chosen, rest = tree.partition(PARAMS, in_conv)
    optimiser = optim.masked(optim.sgd(0.5, 0.9), optim.not_bias)
    updates, _ = optimiser.update(tree.partition(GRADS, in_conv)[0], optimiser.init(chosen), chosen)
    same(tree.merge(updates, rest)["conv"], {"w": np.full((2, 1), -0.25), "b": GRADS["conv"]["b"]})


def test_masks_nest():
    inner = optim.adamw(0.5, weight_decay=0.5, mask=optim.not_bias)
    optimiser = optim.partition({True: inner, False: optim.set_to_zero()}, in_conv)
    zero = tree.map(lambda x: 0 * x, GRADS)
    updates, _ = optimiser.update(zero, optimiser.init(PARAMS), PARAMS)
    same(updates, {"conv": {"w": np.full((2, 1), -0.5), "b": np.zeros(2)}, "dense": [np.zeros((1, 2)), 0.0]})


def test_not_bias_counts_axes():
    said = [optim.not_bias("", x) for x in (1.0, np.ones(()), np.ones(3), np.ones((1, 1)), np.ones((3, 3, 1, 2)))]
    assert said == [False, False, False, True, True]


INNER = optim.trace(0.5)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: optim.masked(INNER, {"conv": True}).init(PARAMS),
            ValueError,
            r"optim.masked: mask does not match: at",
        ),
        (lambda: optim.masked(INNER, lambda path, leaf: 1).init(PARAMS), TypeError, r"at \['conv'\]\['w'\] it says 1"),
        (lambda: optim.masked(INNER, lambda path, leaf: None).init(1.0), TypeError, r"at the root it says None"),
        (lambda: optim.masked(optim.trace, MATRICES), TypeError, "optim.masked: expected a GradientTransformation"),
        (
            lambda: optim.masked(INNER, MATRICES).update(GRADS, optim.masked(INNER, MATRICES).init(PARAMS), {"w": 1.0}),
            ValueError,
            "optim.masked: params does not match",
        ),
        (
            lambda: optim.masked(INNER, optim.not_bias).update(
                GRADS, optim.masked(INNER, MATRICES).init(GRADS["conv"])
            ),
            ValueError,
            "mask does not match",
        ),
        (
            lambda: optim.partition({"a": INNER}, lambda path, leaf: "b").init(PARAMS),
            ValueError,
            r"the label at \['conv'\]\['w'\] is 'b'; optimisers are for \['a'\]",
        ),
        (lambda: optim.partition({"a": INNER}, {"conv": "a"}).init(PARAMS), ValueError, "labels does not match"),
        (lambda: optim.partition({}, "a"), TypeError, "optimisers must be a mapping by label"),
        (
            lambda: optim.partition({"a": optim.sgd}, "a"),
            TypeError,
            "optim.partition: expected a GradientTransformation",
        ),
        (
            lambda: optim.partition({"a": INNER}, "a").update(1.0, optim.partition({"b": INNER}, "b").init(1.0)),
            ValueError,
            r"state is of \['b'\], not of \['a'\]",
        ),
        (
            lambda: optim.add_decayed_weights(0.1).update(np.ones(2), (), np.ones((2, 2))),
            ValueError,
            r"optim.add_decayed_weights: params does not match: at the root: expected shape \(2,\), got \(2, 2\)",
        ),
    ],
)
def test_wrong_arguments_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
