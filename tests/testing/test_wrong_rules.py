"""The test of the tests: a zoo of operations, each with rules that are wrong in one way, all of which must be caught."""

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np.testing import check_grads, check_vjp


def declare(forward, *rules):
    """A primitive with a rule (y, *args) -> pullback for each argument in turn."""
    op = tg.primitive(forward)
    for name, rule in zip(op.arrays, rules, strict=True):
        op.defvjp(name)(rule)
    return op


def normal(*shapes):
    rng = np.random.default_rng(0)
    return tuple(rng.normal(size=shape) for shape in shapes)


def window_sum(x, w):
    n = x.shape[0] - w.shape[0] + 1
    return sum(x[i : i + n] * w[i] for i in range(w.shape[0]))


def window_sum_vjp_x(y, x, w):
    m = w.shape[0]

    def pullback(g):
        padded = np.concatenate([np.zeros((m - 1, g.shape[1])), g, np.zeros((m - 1, g.shape[1]))])
        return window_sum(padded, w[::-1])

    return pullback


def window_sum_vjp_w(y, x, w):
    n = y.shape[0]
    return lambda g: np.stack([np.sum(g * x[i : i + n]) for i in range(w.shape[0])])


# name: forward, right rules, arguments
ZOO = {
    "elementwise": (lambda x: np.sin(x), [lambda y, x: lambda g: g * np.cos(x)], normal((3, 4))),
    "large": (lambda x: x**3, [lambda y, x: lambda g: g * 3 * x**2], normal((20, 50))),
    "reduction": (
        lambda x: np.sum(x**2, axis=1),
        [lambda y, x: lambda g: np.expand_dims(g, 1) * 2 * x],
        normal((3, 4)),
    ),
    "matmul": (
        lambda x, w: x @ w,
        [lambda y, x, w: lambda g: g @ np.swapaxes(w, 0, 1), lambda y, x, w: lambda g: np.swapaxes(x, 0, 1) @ g],
        normal((3, 3), (3, 3)),
    ),
    "broadcast": (
        lambda x, b: x * b,
        [lambda y, x, b: lambda g: g * b, lambda y, x, b: lambda g: np.sum(g * x, axis=0)],
        normal((4, 4), (4,)),
    ),
    "window sum": (window_sum, [window_sum_vjp_x, window_sum_vjp_w], normal((7, 3), (3,))),
    "two outputs": (
        lambda x: (np.sin(x), x**2),
        [lambda y, x: lambda g: g[0] * np.cos(x) + g[1] * 2 * x],
        normal((2, 3)),
    ),
    "0-d": (lambda x: x**3, [lambda y, x: lambda g: g * 3 * x**2], (np.array(1.25),)),
    "python float": (lambda x: x**3, [lambda y, x: lambda g: g * 3 * x**2], (1.25,)),
    "complex": (lambda z: z**2 * 1j, [lambda y, z: lambda g: g * 2j * z], (normal((3,))[0] + 1j * normal((3,))[0][::-1],)),
}  # fmt: skip


def everywhere(change):
    """A mutation of what the pullback returns."""

    def mutate(rule):
        return lambda y, *args: lambda g: change(rule(y, *args)(g), *args)

    return mutate


def masked(make_mask):
    return everywhere(lambda bar, x, *rest: bar * make_mask(np.shape(bar)))


def without_border(shape):
    mask = np.ones(shape)
    mask[:1] = 0
    return mask


def one_off(shape):
    mask = np.ones(shape)
    mask.flat[mask.size * 7 // 9] = 1.001
    return mask


def stale(rule):
    """The rule of the point where it was first run, however the point is watched: right in the first order."""
    return lambda y, *args: rule(tg.stop_gradient(y), *[tg.stop_gradient(a) for a in args])


MUTATIONS = {
    "scaled by 1.001": everywhere(lambda bar, *_: bar * 1.001),
    "doubled": everywhere(lambda bar, *_: bar * 2),
    "negated": everywhere(lambda bar, *_: -bar),
    "zeroed": everywhere(lambda bar, *_: bar * 0),
    "border dropped": masked(without_border),
    "one element": masked(one_off),
    "rounded to float16": everywhere(lambda bar, *_: bar.astype(np.float16).astype(np.float64)),
    "not linear": everywhere(lambda bar, *_: bar * np.absolute(bar)),
    "clipped": everywhere(lambda bar, *_: np.clip(bar, -1e3, 1e3)),
    "nan": everywhere(lambda bar, *_: bar * np.nan),
    "stale": stale,
}


def wrong(name, how):
    """The operation of the zoo with the rule of each argument wrong in turn."""
    forward, rules, args = ZOO[name]
    for i in range(len(rules)):
        yield declare(forward, *(MUTATIONS[how](rule) if i == j else rule for j, rule in enumerate(rules))), args


@pytest.mark.parametrize("name", ZOO)
def test_right_rules_pass(name):
    forward, rules, args = ZOO[name]
    report = check_grads(declare(forward, *rules), args, order=3 if name != "large" else 2)
    assert report.passed
    assert report.concluded > 0


@pytest.mark.parametrize("how", MUTATIONS)
@pytest.mark.parametrize("name", ZOO)
def test_wrong_rules_fail(name, how):
    args = ZOO[name][2]
    if np.ndim(args[0]) == 0 and how in ("border dropped", "one element"):
        pytest.skip("a scalar has no parts")
    if name == "complex" and how in ("clipped", "rounded to float16"):
        pytest.skip("not for complex numbers")
    for f, xs in wrong(name, how):
        with pytest.raises(AssertionError, match="wrong"):
            check_grads(f, xs)


@pytest.mark.parametrize("name", ZOO)
def test_a_stale_rule_is_right_in_the_first_order(name):
    for f, args in wrong(name, "stale"):
        assert check_vjp(f, args).passed
        with pytest.raises(AssertionError, match=r"(?s)the VJP of the VJP .* order 1 is right"):
            check_grads(f, args)


@pytest.mark.parametrize("of_f", [1e-12, 1e-10, 1e-8, 1.0, 1e12])
@pytest.mark.parametrize("of_x", [1e-12, 1e-6, 1.0, 1e12])
@pytest.mark.parametrize("size", [5, 100])
def test_all_scales(of_f, of_x, size):
    (x,) = normal((size,))

    def scaled(factor):
        return declare(
            lambda x: of_f * np.sin(x / of_x), lambda y, x: lambda g: g * (factor * of_f / of_x) * np.cos(x / of_x)
        )

    assert check_grads(scaled(1), (x * of_x,)).passed
    for factor in (15, 1.001, 0.999, -1, 0):
        with pytest.raises(AssertionError, match="wrong"):
            check_vjp(scaled(factor), (x * of_x,))


@pytest.mark.parametrize("scale", [1e-8, 1e-10])
def test_what_other_checkers_let_pass(scale):
    square = declare(lambda x: scale * x**2, lambda y, x: lambda g: 15 * g * 2 * scale * x)
    with pytest.raises(AssertionError, match="15 times too large"):
        check_vjp(square, (np.array([1.0, 2.0]),))
    with pytest.raises(AssertionError, match="15 times too large"):
        check_vjp(lambda x: {"small": square(x), "large": x * 1e3}, (np.array([1.0, 2.0]),))


@pytest.mark.parametrize("mutation", [lambda k: k != 777, lambda k: k != 999, lambda k: k >= 1])
def test_one_element_of_a_thousand_through_a_sum(mutation):
    mask = np.array([mutation(k) for k in range(1000)], float)
    op = declare(lambda x: np.tanh(x), lambda y, x: lambda g: g * (1 - y**2) * mask)
    with pytest.raises(AssertionError, match="zero in 1 of 1000 elements"):
        check_vjp(lambda x: np.sum(op(x)), normal((1000,)))


def test_trees_are_named():
    op = declare(lambda x: np.sin(x), lambda y, x: lambda g: 2 * g * np.cos(x))
    with pytest.raises(AssertionError, match=r"params\['b'\]\[0\]: twice too large(.|\n)*params\['b'\]\[0\]\[1\]"):
        check_vjp(lambda params, x: params["w"] * op(params["b"][0]) + x, ({"w": 2.0, "b": list(normal((3,)))}, 1.0))


DIAGNOSES = {
    "the wrong sign": ("elementwise", lambda bar, x: -bar),
    "twice too large": ("elementwise", lambda bar, x: 2 * bar),
    "twice too large, of the wrong sign": ("elementwise", lambda bar, x: -2 * bar),
    "0.5 of what it should be, a factor 2 is missing": ("elementwise", lambda bar, x: bar / 2),
    "zero: not computed": ("elementwise", lambda bar, x: 0 * bar),
    "not finite: overflow, or a division 0 / 0": ("elementwise", lambda bar, x: bar * np.inf),
    "zero in 4 of 12 elements, at the border only": ("elementwise", lambda bar, x: bar * without_border((3, 4))),
    "transposed": ("matmul", lambda bar, x, *w: np.swapaxes(bar, 0, 1)),
    "reversed along axis 1": ("elementwise", lambda bar, x: bar[:, ::-1]),
    "not linear in g": ("elementwise", lambda bar, x: np.clip(bar, -10, 10)),
    "the same all along axis 0, where it should vary": (
        "elementwise",
        lambda bar, x: np.broadcast_to(np.sum(bar, axis=0), (3, 4)),
    ),
}


@pytest.mark.parametrize("words", DIAGNOSES)
def test_diagnosis(words):
    name, change = DIAGNOSES[words]
    forward, (rule, *rest), args = ZOO[name]
    with pytest.raises(AssertionError) as error:
        check_vjp(declare(forward, everywhere(change)(rule), *rest), args)
    line = next(line for line in str(error.value).splitlines()[1:] if words in line)
    assert line.strip().removesuffix(".").endswith(words) or "axis" in words
    assert "pullback" in str(error.value)


def test_swapped_arguments():
    forward, (first, second), args = ZOO["matmul"]
    with pytest.raises(AssertionError, match="it is the gradient of w: arguments swapped"):
        check_vjp(declare(forward, second, first), args)


def test_broadcast_axes_that_were_not_summed():
    op = declare(lambda x, b: x + b, lambda y, x, b: lambda g: g, lambda y, x, b: lambda g: g)
    with pytest.raises(AssertionError, match="broadcast axes not summed"):
        check_vjp(op, normal((3, 4), (4,)))


def test_wrong_in_float32_only():
    op = declare(lambda x: np.sin(x), lambda y, x: lambda g: g * np.cos(x) * (1 + 1e-3 * (x.dtype == np.float32)))
    (x,) = normal((3, 4))
    assert check_vjp(op, (x,)).passed
    with pytest.raises(AssertionError, match="wrong in float32 only"):
        check_vjp(op, (x.astype(np.float32),))


def test_wrong_with_strides_only():
    op = declare(lambda x: np.sin(x), lambda y, x: lambda g: g * np.cos(x.ravel("K").reshape(x.shape)))
    (x,) = normal((3, 4))
    assert check_vjp(op, (x,)).passed
    with pytest.raises(AssertionError, match="memory layout"):
        check_vjp(op, (x.T,))


def _writes_to_g(y, x):
    def pullback(g):
        g *= np.cos(x)
        return g

    return pullback


def _writes_to_x(y, x):
    def pullback(g):
        x_bar = g * np.cos(x)
        x[...] = 0
        return x_bar

    return pullback


def test_nothing_may_be_changed():
    with pytest.raises(AssertionError, match="changed the cotangent g"):
        check_vjp(declare(lambda x: np.sin(x), _writes_to_g), normal((3,)))
    with pytest.raises(AssertionError, match="changed its arguments"):
        check_vjp(declare(lambda x: np.sin(x), _writes_to_x), normal((3,)))
    with pytest.raises(AssertionError, match="changed its arguments"):
        check_vjp(lambda x: np.add(x, 1, out=x), normal((3,)))


def test_a_rule_that_raises_or_cannot_be_differentiated():
    op = declare(lambda x: np.sin(x), lambda y, x: lambda g: g * undefined)  # noqa: F821
    with pytest.raises(AssertionError, match="the pullback raised NameError"):
        check_vjp(op, normal((3,)))
    op = declare(lambda x: np.sin(x), lambda y, x: lambda g: g * np.array([np.cos(e) for e in x]))
    assert check_vjp(op, normal((3,))).passed
    with pytest.raises(AssertionError, match=r"(?s)the VJP of the VJP .* vjp raised TypeError"):
        check_grads(op, normal((3,)))


FLAWS = {
    "shares": lambda g: g,
    "dtype": lambda g: (2 * g).astype(np.float32),
    "shape": lambda g: 2 * g[None],
    "structure": lambda g: [2 * g],
    "read-only": lambda g: np.broadcast_to(2 * g, g.shape),
    "random": lambda g, calls=iter(range(100)): 2 * g + next(calls),  # noqa: B008
}


@pytest.mark.parametrize(
    ("flaw", "message"),
    [
        ("shares", "shares memory with the cotangent"),
        ("dtype", "the gradient of x has shape and dtype .*float32"),
        ("shape", r"the gradient of x has shape and dtype \(\(1, 3\)"),
        ("structure", "the gradient is"),
        ("read-only", "read-only"),
        ("random", "not deterministic"),
    ],
)
def test_flaws_of_an_engine(monkeypatch, flaw, message):
    monkeypatch.setattr("tinygrad_np.testing.vectors.vjp", lambda f, x: (f(x), lambda g: (FLAWS[flaw](g),)))
    with pytest.raises(AssertionError, match=message):
        check_vjp(lambda x: 2 * x, normal((3,)))


def to_all_ties(y, x):
    return lambda g: g * (x == y)


def shared_by_ties(y, x):
    return lambda g: g * (x == y) / np.sum(x == y)


def to_none(y, x):
    return lambda g: g * (x == y) * (np.sum(x == y) == 1)


@pytest.mark.parametrize("size", [3, 40])
def test_ties_are_judged_by_moving_all_elements_together(size):
    x = np.where(np.arange(size) % 2 == 0, 1.0, 0.25)
    largest = lambda x: np.max(x)
    assert check_vjp(declare(largest, shared_by_ties), (x,)).verdict.startswith("cannot tell: kink at x[0], x[2]")
    with pytest.raises(AssertionError, match="at ties: each of the equal elements is given the whole gradient"):
        check_vjp(declare(largest, to_all_ties), (x,))
    with pytest.raises(AssertionError, match="at ties: the shares of the equal elements do not add up"):
        check_vjp(declare(largest, to_none), (x,))


def test_points_without_a_derivative_that_no_element_gives_away():
    assert check_vjp(np.median, (np.ones(3),)).verdict.startswith("cannot tell: kink")
    assert check_vjp(np.median, (np.array([1.0, 2.0, 4.0]),)).passed
    wrong = declare(lambda x: np.prod(x), lambda y, x: lambda g: 2 * g * y / x)
    with pytest.raises(AssertionError, match="twice too large"):
        check_vjp(wrong, (np.ones(3),))


@pytest.mark.parametrize("seed", range(4))
def test_outputs_that_are_constant_to_rounding_are_no_alarm(seed):
    x = np.random.default_rng(seed).normal(size=(3, 5))
    assert check_grads(np.corrcoef, (x,), seed=seed).concluded
    check_grads(lambda x: np.trace(np.corrcoef(x)), (1e3 * x + 1e3,), seed=seed)


def test_messages_have_no_trailing_space():
    with pytest.raises(AssertionError) as error:
        check_vjp(declare(lambda x: np.sin(x), lambda y, x: lambda g: -g * np.cos(x)), normal((3,)))
    assert all(line == line.rstrip() for line in str(error.value).splitlines())


def test_a_gradient_that_accumulates_is_named():
    total = {"w": 0.0}

    def never_reset(y, x):
        def pullback(g):
            total["w"] = total["w"] + g * np.cos(x)
            return total["w"]

        return pullback

    with pytest.raises(AssertionError, match=r"not deterministic.*Guess: x: accumulates over calls"):
        check_vjp(declare(lambda x: np.sin(x), never_reset), normal((3,)))
