"""`check`: what it draws, what it says, and that the tests it prints fail."""

import functools
import re
import subprocess
import sys
import types

import numpy as np
import pytest
from hypothesis import strategies as st

import tinygrad_np as tg
from tinygrad_np import nn, testing
from tinygrad_np.testing import Call, check, check_at, pasting, search, strategies
from tinygrad_np.testing.pasting import as_source


def declare(forward, *rules, jvp=None, batch=None):
    op = tg.primitive(forward)
    for name, rule in zip(op.arrays, rules, strict=True):
        op.defvjp(name)(rule)
    if jvp:
        op.defjvp(op.arrays[0])(jvp)
    if batch:
        op.defbatch(batch)
    return op


def cosine(y, x):
    return lambda g: g * np.cos(x)


def sine(x):
    return np.sin(x)


# -- what is drawn ----------------------------------------------------------------------------------------------------


def drawn(f, **told):
    """All calls that a passing check makes of f, as (args, options)."""
    calls = []

    def spy(call):
        calls.append(call)

    original = search._Search.hold
    try:
        search._Search.hold = lambda self, call: (spy(call), original(self, call))[1]
        assert check(f, **told).passed
    finally:
        search._Search.hold = original
    return calls


def test_shapes_dtypes_and_strides_of_all_kinds_are_drawn():
    calls = drawn(lambda x, y: x * np.tanh(y), examples=80, order=1)
    arrays = [x for call in calls for x in call.args]
    assert {x.ndim for x in arrays} >= {0, 1, 2, 3}
    assert any(x.size == 0 for x in arrays) and any(x.size == 1 and x.ndim for x in arrays)
    assert any(min(x.strides, default=0) < 0 for x in arrays)
    assert any(not x.flags.c_contiguous and not x.flags.f_contiguous for x in arrays)
    assert {x.dtype for x in arrays} == {np.dtype(t) for t in (np.float64, np.float32, np.complex128)}
    shapes = [tuple(x.shape for x in call.args) for call in calls]
    assert any(a != b and np.broadcast_shapes(a, b) not in (a, b) for a, b in shapes)


def test_complex_numbers_are_for_analytic_functions_only():
    for f in (np.abs, lambda x: np.maximum(x, 0) ** 2, np.cbrt):
        assert not any(np.iscomplexobj(x) for call in drawn(f, examples=20, order=1) for x in call.args)
    assert any(np.iscomplexobj(x) for call in drawn(np.sin, examples=20, order=1) for x in call.args)
    assert not any(np.iscomplexobj(x) for call in drawn(np.sin, dtypes=[np.float32], examples=10) for x in call.args)


TAKES = {
    "matrix and vector": lambda a, x: np.linalg.inv(a @ a.T + np.eye(a.shape[0])) @ x,
    "convolution": nn.conv2d,
    "three matrices": lambda a, b, c: a @ b @ c,
    "dense": lambda x, w, b: nn.dense(x, w, b),
    "square matrices": np.linalg.det,
    "labels": nn.cross_entropy,
    "positive numbers": lambda x: np.sum(np.log(x) * np.sqrt(x)),
    "above one": np.arccosh,
    "an option without a default": lambda x, *, axis: np.cumsum(x, axis=axis) * x,
    "an option by position": lambda x, kernel_size: nn.max_pool2d(x, kernel_size),
    "any number of arrays": lambda *xs: sum(x**2 for x in xs),
}


@pytest.mark.parametrize("name", TAKES)
def test_what_a_function_takes_is_found(name):
    result = check(TAKES[name], examples=6)
    assert result.passed, str(result)
    assert result.examples == 6


def test_options_are_varied_and_those_given_are_kept():
    f = lambda x, *, axis=0, keepdims=False: np.sum(x**2, axis=axis, keepdims=keepdims)
    options = [call.options for call in drawn(f, examples=20, order=1)]
    assert {o["axis"] for o in options} >= {0, -1} and {o["keepdims"] for o in options} == {False, True}
    assert {call.options["axis"] for call in drawn(f, options={"axis": None}, examples=5)} == {None}


def test_shapes_that_are_told():
    for shapes in (((3, 4), (4,)), [((3, 4), (4,))]):
        assert {tuple(x.shape for x in c.args) for c in drawn(np.multiply, shapes=shapes, examples=5)} == {
            ((3, 4), (4,))
        }
    assert {c.args[0].shape for c in drawn(np.sin, shapes=(2, 3), examples=5)} == {(2, 3)}


def test_strategies_of_arrays_tuples_calls_and_trees():
    array = strategies.arrays((3,))
    assert check(np.sin, array, examples=5).passed
    assert check(np.multiply, st.tuples(array, array), examples=5).passed
    assert check(np.sum, st.builds(lambda x: Call((x,), {"axis": 0}), array), examples=5).passed
    params = st.fixed_dictionaries({"w": array, "b": array})
    assert check(lambda p: np.tanh(p["w"]) * p["b"], params, examples=5).passed


@pytest.mark.parametrize("name", ["arrays", "network_inputs", "conv_geometry", "pool_geometry"])
def test_strategies_are_exported(name):
    assert getattr(testing, name) is getattr(strategies, name)


def test_network_inputs_drive_a_network():
    w = np.arange(12, dtype=np.float32).reshape(4, 3) % 5 / 4

    def loss(images, labels):
        return nn.cross_entropy(images.reshape(len(images), -1) @ w, labels)

    calls = drawn(loss, strategy=testing.network_inputs((2, 2, 1), 3), examples=20)
    images = [call.args[0] for call in calls]
    assert {x.dtype for x in images} == {np.dtype(np.float32)} and {len(x) for x in images} == {1, 2, 3}
    assert all(x.min() >= 0 and x.max() <= 1 for x in images) and any(not x.any() for x in images)


# -- verdicts ---------------------------------------------------------------------------------------------------------


def test_kinks_are_left_out_and_noted():
    result = check(lambda x: np.maximum(x, 0), examples=25)
    assert result.passed
    assert any("kinks were left out" in note for note in result.notes)


def test_only_kinks_cannot_be_told():
    result = check(np.abs, st.just(np.zeros(3)), examples=3)
    assert result.verdict.startswith("cannot tell: kink at x[0]")
    assert result.failure is None


def test_a_function_that_takes_nothing_says_how_to_go_on():
    def picky(x):
        raise ValueError("seven by nine, please")

    result = check(picky)
    assert result.verdict.startswith("cannot tell: picky took none of")
    assert all(words in result.verdict for words in ("seven by nine", "shapes", "strategy"))
    assert check(picky, strategies.arrays((3,))).verdict.startswith("cannot tell: all")


def test_values_that_overflow_are_no_input():
    naive = lambda z: np.exp(z) / np.sum(np.exp(z))
    result = check(naive, st.just(np.array([800.0, 0.0])), examples=2)
    assert result.verdict.startswith("cannot tell: all") and "not finite" in result.verdict


def test_arguments_that_are_wrong():
    with pytest.raises(ValueError, match="at least 1"):
        check(np.sin, examples=0)


def test_the_same_seed_gives_the_same_result():
    wrong = declare(sine, lambda y, x: lambda g: g * np.cos(x) * 1.001)
    assert str(check(wrong)) == str(check(wrong))


def test_without_hypothesis_it_says_what_to_install():
    code = """import sys; sys.modules['hypothesis'] = None
import numpy as np
from tinygrad_np import testing
testing.check_at(np.sin, (np.ones(2),))
for use in (lambda: testing.check(np.sin), lambda: testing.arrays):
    try: use()
    except ModuleNotFoundError as error: assert 'pip install hypothesis' in str(error)
    else: raise SystemExit(1)"""
    subprocess.run([sys.executable, "-c", code], check=True)


# -- promises ---------------------------------------------------------------------------------------------------------


def plain_batch(size, axes, x):
    return np.sin(x), axes[0]


BROKEN = {
    "VJP": declare(sine, lambda y, x: lambda g: -g * np.cos(x)),
    "VJP of the VJP": declare(sine, lambda y, x: lambda g: g * np.cos(tg.stop_gradient(x))),
    "JVP": declare(sine, cosine, jvp=lambda y, x: lambda dot: 2 * dot * np.cos(x)),
    "JVP: raises ZeroDivisionError": declare(sine, cosine, jvp=lambda y, x: lambda dot: dot * (1 // 0)),
    "vmap": declare(sine, cosine, batch=lambda size, axes, x: (np.sin(x[::-1]), axes[0])),
    "arguments unchanged": lambda x: np.multiply(x, 2, out=x),
    "VJP: raises ValueError": declare(lambda x, b: x * b, lambda y, x, b: lambda g: g * b, lambda y, x, b: lambda g: (g * x)[..., None]),
    "VJP: precision": declare(sine, lambda y, x: lambda g: g * np.cos(x) * (1 + 1e-2 * (x.dtype == np.float32))),
}  # fmt: skip


@pytest.mark.parametrize("promise", BROKEN)
def test_each_promise_is_held(promise):
    result = check(BROKEN[promise], examples=30)
    assert result.failure is not None
    assert result.failure.promise == promise


def test_right_rules_of_all_kinds_pass():
    op = declare(sine, cosine, jvp=lambda y, x: lambda dot: dot * np.cos(x), batch=plain_batch)
    result = check(op, examples=20)
    assert result.passed and not result.notes
    assert "vmap not tried: no batching rule is declared" in check(declare(sine, cosine), examples=5).notes


def test_what_is_not_linear_at_zero_only_is_caught():
    op = declare(sine, lambda y, x: lambda g: g * np.cos(x) if np.any(g) else np.ones_like(x))
    result = check(op, order=1)
    assert result.failure.promise == "VJP: linearity"


# -- causes -----------------------------------------------------------------------------------------------------------


def mean_op(x):
    return np.mean(x, axis=0)


def row_sums(x):
    return np.sum(x, axis=1)


def border(y, x):
    def pullback(g):
        x_bar = g * np.cos(x)
        return np.pad(x_bar[1:-1, 1:-1], 1) if x.ndim == 2 else x_bar

    return pullback


def window(x, w):
    return sum(x[i : x.shape[0] - 2 + i] * w[i] for i in range(3))


def window_x(shift):
    def rule(y, x, w):
        def pullback(g):
            x_bar = np.zeros(x.shape)
            for i in range(3):
                x_bar[i : x.shape[0] - 2 + i] += g * w[i]
            return np.roll(x_bar, shift)

        return pullback

    return rule


def window_w(order=1):
    return lambda y, x, w: lambda g: np.array([np.sum(g * x[i : x.shape[0] - 2 + i]) for i in range(3)])[::order]


WINDOWS = [((n,), (3,)) for n in (4, 5, 6)]
matmul_x, matmul_w = lambda y, x, w: lambda g: g @ w.T, lambda y, x, w: lambda g: x.T @ g
CAUSES = {
    "twice too large": (declare(sine, lambda y, x: lambda g: 2 * g * np.cos(x)), {}),
    "the wrong sign": (declare(sine, lambda y, x: lambda g: -g * np.cos(x)), {}),
    "zero: not computed": (declare(sine, lambda y, x: lambda g: 0 * g), {}),
    "not finite": (declare(lambda x: x * x, lambda y, x: lambda g: g * 2 * x * x / x), {"shapes": [((3,),)], "examples": 200}),
    "a factor 1/n is missing, n the length of axis 0 of x": (
        declare(mean_op, lambda y, x: lambda g: g + 0 * x), {},
    ),
    "a factor 1/n too much, n the length of axis 1 of x": (
        declare(row_sums, lambda y, x: lambda g: np.expand_dims(g, 1) / x.shape[1] + 0 * x), {},
    ),
    "transposed": (
        declare(lambda x, w: x @ w, lambda y, x, w: lambda g: g @ w, matmul_w),
        {"shapes": [((2, 2), (2, 2)), ((3, 3), (3, 3))]},
    ),
    "broadcast axes not summed": (
        declare(lambda x, b: x + b, lambda y, x, b: lambda g: g * 1, lambda y, x, b: lambda g: g * 1),
        {"shapes": [((2, 3), (3,))]},
    ),
    "at the border only": (declare(sine, border), {"shapes": [((3, 4),), ((4, 4),)]}),
    "shifted by one along axis 0": (declare(window, window_x(1), window_w()), {"shapes": WINDOWS, "order": 1}),
    "reversed along axis 0": (declare(window, window_x(0), window_w(-1)), {"shapes": WINDOWS, "order": 1}),
    "the factor cos(x) is missing": (declare(lambda x: np.sin(x) ** 2, lambda y, x: lambda g: g * 2 * np.sin(x)), {}),
    "right in the first order only": (declare(sine, lambda y, x: lambda g: g * np.cos(tg.stop_gradient(x))), {}),
    "arguments swapped": (declare(lambda x, w: x * w, lambda y, x, w: lambda g: g * x, lambda y, x, w: lambda g: g * w), {"shapes": ((3,), (3,))}),
    "the diagonal of the Jacobian only": (declare(lambda x: nn.softmax(x), lambda y, x: lambda g: g * y * (1 - y)), {"shapes": [((3,),), ((4,),)]}),
    "the sign is lost": (declare(lambda x: np.cos(x), lambda y, x: lambda g: np.abs(np.sin(x)) * g), {}),
    "the complex conjugate": (declare(lambda z: z * (1 + 2j), lambda y, z: lambda g: np.conj(g * (1 + 2j))), {"dtypes": [np.complex128]}),
    "summed over the wrong axis": (
        declare(lambda x, b: x * b, lambda y, x, b: lambda g: g * b, lambda y, x, b: lambda g: np.sum(g * x, axis=1)),
        {"shapes": [((2, 2), (2,)), ((3, 3), (3,))]},
    ),
}  # fmt: skip


@functools.cache
def found(cause):
    op, told = CAUSES[cause]
    return check(op, **{"examples": 20} | told)


@pytest.mark.parametrize("cause", CAUSES)
def test_the_cause_is_guessed(cause):
    result = found(cause)
    assert result.failure is not None
    assert cause in result.failure.cause
    assert result.failure.cause.split(";")[0] in str(result)


def test_the_table_has_index_difference_value_and_ratio():
    result = check(declare(sine, lambda y, x: lambda g: 2 * g * np.cos(x)), shapes=(2, 1))
    header, row = re.findall(r"^  (?:argument|x\[0, 0\]).*$", result.failure.message, re.MULTILINE)
    assert header.split() == ["argument", "differences", "pullback", "ratio"]
    name, true, ours, ratio = row.rsplit(maxsplit=3)
    assert name.strip() == "x[0, 0]"
    assert float(ours) == pytest.approx(2 * float(true), rel=1e-6) and float(ratio) == 2


# -- shrinking, and tests to paste ------------------------------------------------------------------------------------


def test_failures_are_small():
    op = declare(sine, lambda y, x: lambda g: g * np.cos(x) * np.where(x == 0.5, 1.5, 1))
    (x,) = check(op, examples=200).failure.args
    assert x.size == 1 and x == 0.5 and x.dtype == np.float64


def paste(source, **known):
    """Run a pasted test; functions that it cannot import are put in by hand."""
    module = types.ModuleType("pasted")
    source = re.sub(r"^(\w+) = \.\.\.  # put .*$", "", source, flags=re.MULTILINE)
    vars(module).update(known)
    exec(compile(source, "pasted", "exec"), vars(module))
    (test,) = [value for name, value in vars(module).items() if name.startswith("test_")]
    test()


@pytest.mark.parametrize("cause", CAUSES)
def test_the_pasted_test_fails(cause):
    failure = found(cause).failure
    name = re.search(r"check_at\((\w+),", failure.test)[1]
    with pytest.raises(AssertionError, match="wrong"):
        paste(failure.test, **{name: CAUSES[cause][0]})


def standing_alone(x):
    return np.multiply(x, 2, out=x)


def test_a_pasted_test_finds_the_function():
    test = check(standing_alone).failure.test
    with pytest.raises(AssertionError, match="in place"):
        paste(test)
    assert f"from {__name__} import standing_alone" in test or "def standing_alone" in test
    assert "check_at(np.sin, (x,), order=1)" in pasting.as_test(
        np.sin, Call((np.ones(2),)), order=1, origin=None, heading=""
    )


@pytest.mark.parametrize(
    "x",
    [
        np.array([[1.5, -0.0], [np.inf, 1e-310]]), np.arange(6.0).reshape(2, 3)[::-1, ::-1], np.arange(12.0)[::2],
        np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.zeros((0, 3), np.float32), np.array(0.1, np.float32),
        np.array([1 + 2j], np.complex64), np.array([3, 1]), np.float32(0.1), 0.1, {"w": [np.ones(1)], "n": (1, None)},
        np.arange(6.0).reshape(2, 3)[::-1],
    ],
)  # fmt: skip
def test_source_of_arguments_gives_every_bit_and_the_strides(x):
    y = eval(as_source(x), {"np": np})
    assert type(y) is type(x)
    if isinstance(x, np.ndarray):
        assert (y.dtype, y.shape, y.tobytes()) == (x.dtype, x.shape, x.tobytes())
        assert y.size < 2 or np.sign(y.strides).tolist() == np.sign(x.strides).tolist()
        assert y.flags.f_contiguous == x.flags.f_contiguous and y.flags.c_contiguous == x.flags.c_contiguous
    elif isinstance(x, dict):
        assert tg.tree.structure(x) == tg.tree.structure(y)
    else:
        assert x == y


def test_check_at_passes_and_fails_as_check_does():
    assert check_at(np.sum, (np.ones((2, 3)),), {"axis": 1}).passed
    with pytest.raises(AssertionError, match="the JVP of"):
        check_at(BROKEN["JVP"], (np.ones(2),))
    assert check_at(BROKEN["VJP of the VJP"], (np.ones(2),), order=1).passed
