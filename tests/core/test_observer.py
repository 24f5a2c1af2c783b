"""The observer: what it sees of each operation, forward and backward, and that it changes nothing."""

import inspect

import numpy as np
import pytest

from tinygrad_np import checkpoint, custom_vjp, grad, jvp, nn, random, value_and_grad, vjp, vmap
from tinygrad_np.core.observer import ObservedTape, Observer, new_tape
from tinygrad_np.models import lenet5


def watch(f, *args, numbers=False, kind=Observer):
    """An observer that has watched a call, and the result of that."""
    seen = kind("watch")
    with seen:
        y = f(*seen.enter(args, numbers=numbers))
    return seen, seen.release(y)


def told(seen):
    return [(s.op.name, s.place.direction, s.place.rule) for s in seen.steps]


def line_of(seen, i):
    return int(seen.steps[i].place.line.rsplit(":", 1)[1])


def test_steps_know_the_operation_whose_rule_they_serve_and_its_line():
    def loss(x):
        h = np.sin(x)
        return np.sum(h * h)

    seen, _ = watch(grad(loss), np.ones(3))
    first = inspect.getsourcelines(loss)[1]
    assert [s.op.name for s in seen.steps if s.place.direction == "forward"] == ["sin", "multiply", "sum"]
    for i, step in enumerate(seen.steps):
        place = step.place
        assert place.line.startswith(__file__)
        if place.direction == "forward":
            assert place.of is None
            assert place.rule == ""
        else:
            assert place.direction == "backward"
            owner = seen.steps[place.of]
            assert owner.op.name == place.rule
            assert owner.place.line == place.line
        assert line_of(seen, i) == first + (1 if (place.rule or step.op.name) == "sin" else 2)
    cos = next(s for s in seen.steps if s.op.name == "cos")
    assert cos.place.rule == "sin"


def test_sums_of_cotangents_belong_to_the_rule_that_sent_the_last():
    seen, gradient = watch(grad(lambda x: np.sin(x) + np.exp(x)), np.array(0.5))
    assert gradient == np.cos(0.5) + np.exp(0.5)
    added = [s.place for s in seen.steps if s.op.name == "add" and s.place.direction == "backward"]
    assert [p.rule for p in added] == ["sin"]  # the tape is read from its end: exp's cotangent is there already


def test_tangents_too():
    seen, _ = watch(lambda x: jvp(np.sin, (x,), (np.ones(2),)), np.ones(2))
    assert told(seen) == [("sin", "forward", ""), ("cos", "tangent", "sin"), ("multiply", "tangent", "sin")]


def test_second_order_tells_whose_rule_at_each_level():
    seen, y = watch(grad(grad(lambda x: x**3)), 2.0, numbers=True)
    assert y == 12.0
    chains = set()
    for step in seen.steps:
        names, place = [], step.place
        while place.of is not None:
            names.append(place.rule)
            place = seen.steps[place.of].place
        chains.add(tuple(names))
    assert ("power",) in chains
    assert any(len(c) == 2 and c[1] == "power" for c in chains)


def test_calls_of_the_library_are_told_apart():
    def f(x, w):
        return nn.avg_pool2d(nn.avg_pool2d(nn.conv2d(x, w), 2), 2)

    seen, _ = watch(f, np.ones((1, 10, 10, 1)), np.ones((3, 3, 1, 1)))
    calls = list(dict.fromkeys((s.place.call, s.place.number) for s in seen.steps))
    assert [name for name, _ in calls] == ["conv", "avg_pool", "avg_pool"]
    assert len({number for _, number in calls}) == 3


def test_nothing_changes_to_the_last_bit():
    params, x = lenet5.init(random.key(0)), np.random.default_rng(0).random((4, 28, 28, 1), np.float32)
    labels = np.arange(4)
    loss = lambda params, x, labels: nn.cross_entropy(lenet5.apply(params, x), labels)
    seen, (value, gradient) = watch(value_and_grad(loss), params, x, labels)
    expected, expected_gradient = value_and_grad(loss)(params, x, labels)
    assert value == expected
    for layer, leaves in expected_gradient.items():
        for name, leaf in leaves.items():
            np.testing.assert_array_equal(gradient[layer][name], leaf)
            assert gradient[layer][name].dtype == leaf.dtype
    models = {s.place.line.split("models/")[-1].split(":")[0] for s in seen.steps if "models" in s.place.line}
    assert models == {"lenet5.py"}


def test_integers_and_masks_stay_arrays_and_are_known_again():
    table = np.arange(10.0)

    def f(x):
        order = np.argsort(x)
        assert type(order) is np.ndarray
        return np.sum(np.where(x > 0, table[order], x)) + np.take(x, order)[0]

    seen, y = watch(f, np.array([2.0, -1.0, 3.0]))
    assert y == f(np.array([2.0, -1.0, 3.0]))
    by_name = {s.op.name: s for s in seen.steps}
    assert by_name["greater"].outputs[0] in by_name["where"].inputs
    taken = next(s for s in seen.steps if by_name["argsort"].outputs[0] in s.inputs)
    assert taken.constants[1] is None


def test_a_program_of_all_kinds_runs_again():
    class All(Observer):
        all_kinds = True

    seen = All("watch")
    with seen:
        y = np.sum(np.where(seen.enter(np.array([1, -2])) > 0, 1.0, 3.0))
    assert seen.replay([np.array([-1, -1])])[y._index] == 6.0


def test_pull_sees_each_cotangent_before_its_pullback_runs():
    class Cotangents(Observer):
        __slots__ = ("seen",)

        def __init__(self, origin):
            super().__init__(origin)
            self.seen = []

        def pull(self, rule, positions, pullback, g):
            self.seen.append((rule.rule, positions, self.release(g)))
            return super().pull(rule, positions, pullback, g)

    f = lambda x, w: np.sum(np.sin(x @ w))
    x, w = np.ones((2, 3)), np.full((3, 1), 0.1)
    seen, _ = watch(grad(f, (0, 1)), x, w, kind=Cotangents)
    (add, _, one), (sine, _, ones), *products = seen.seen
    assert (add, sine, one) == ("sum", "sin", 1.0)
    np.testing.assert_array_equal(ones, np.ones((2, 1)))
    assert [p[0] for p in products] == ["matmul"] * len(products)
    assert sorted(i for p in products for i in p[1]) == [0, 1]
    for p in products:
        np.testing.assert_array_equal(p[2], np.cos(x @ w))


def test_hooks_run_the_operations_and_see_their_results():
    class Doubling(Observer):
        __slots__ = ("results",)

        def __init__(self, origin):
            super().__init__(origin)
            self.results = []

        def compute(self, op, values, options):
            return 2 * super().compute(op, values, options)

        def observe(self, number, step, values, y):
            assert self.steps[number] is step
            self.results.append((step.op.name, [np.asarray(v).tolist() for v in values], y.tolist()))

    seen, y = watch(lambda x: np.exp(np.negative(x)), np.zeros(1), kind=Doubling)
    assert seen.results == [("negative", [[0.0]], [0.0]), ("exp", [[0.0]], [2.0])]
    assert y == [2.0]


def test_checkpoints_and_functions_with_rules_are_looked_into():
    @custom_vjp
    def tripled(x):
        return np.negative(x)

    tripled.defvjp(lambda x: (tripled(x), None), lambda kept, g: (np.exp(g * 3),))
    seen, y = watch(lambda x: checkpoint(np.sin)(tripled(x)), np.array(0.5))
    assert told(seen) == [("negative", "forward", ""), ("sin", "forward", "")]
    assert y == np.sin(-0.5)
    seen, y = watch(grad(lambda x: tripled(x) * x), np.array(0.5))
    assert y == np.exp(1.5) - 0.5
    rule = [i for i, s in enumerate(seen.steps) if s.place.rule == "tripled"]
    assert [seen.steps[i].op.name for i in rule][:2] == ["multiply", "exp"]
    first_line = inspect.getsourcelines(test_checkpoints_and_functions_with_rules_are_looked_into)[1]
    assert line_of(seen, rule[1]) == first_line + 5


def test_under_an_older_tape_a_function_keeps_its_rules():
    @custom_vjp
    def tripled(x):
        return x

    tripled.defvjp(lambda x: (x, None), lambda kept, g: (g * 3,))

    def inner(x):
        return watch(tripled, x)[1]

    assert grad(inner)(np.array(1.0)) == 3.0


def test_a_loop_of_examples_under_vmap_is_seen_once():
    seen, y = watch(vmap(lambda row: np.sum(np.sin(row))), np.ones((4, 3)))
    assert [name for name, *_ in told(seen)] == ["sin", "sum"]
    np.testing.assert_allclose(y, np.full(4, 3 * np.sin(1.0)))


def test_tapes_are_observed_while_an_observer_watches_and_no_longer():
    seen = Observer("watch")
    with seen:
        assert isinstance(new_tape("a"), ObservedTape)
        inner = Observer("inner")
        with inner:
            assert new_tape("b").observer is inner
        assert new_tape("c").observer is seen
    assert type(new_tape("d")).__name__ == "Tape"
    assert seen._frame is None


def test_a_pullback_kept_for_later_works_after_the_observer_is_gone():
    seen = Observer("watch")
    with seen:
        y, pullback = vjp(np.sin, np.array(0.5))  # of a constant: nothing is seen
    assert pullback(1.0) == (np.cos(0.5),)
    assert seen.steps == []


def test_a_tensor_that_outlives_its_observer_is_refused():
    seen = Observer("watch")
    with seen:
        x = seen.enter(np.ones(2))
    with pytest.raises(RuntimeError, match="watch was used after that call ended"):
        np.sin(x)


def test_errors_leave_nothing_open():
    seen = Observer("watch")
    with pytest.raises(ZeroDivisionError), seen:
        raise ZeroDivisionError
    assert seen.closed
    assert type(new_tape("d")).__name__ == "Tape"
