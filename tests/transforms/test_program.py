"""The layout of a program on buffers: random programs, compiled, compute what they compute without."""

import numpy as np
import pytest
from hypothesis import given, note
from hypothesis import strategies as st

import tinygrad_np as tg
from tinygrad_np import checkpoint, compile, nn, stop_gradient, value_and_grad
from tinygrad_np.transforms import program

N = 4  # every value of a random program is an array (N, N)
WEIGHTS = np.cos(np.arange(1.0, N * N + 1)).reshape(N, N)
TILT = np.sin(np.arange(2.0, N * N + 2) * 7).reshape(N, N) / 8  # no ties, which rounding would break either way
BIAS = np.sin(np.arange(1.0, N + 1))

UNARY = {
    "tanh": np.tanh,
    "sin": np.sin,
    "square": lambda x: np.tanh(x * x),
    "scaled": lambda x: 0.5 * x,
    "transpose": np.transpose,
    "flip": lambda x: x[::-1],
    "flip columns": lambda x: x[:, ::-1],
    "reshape": lambda x: x.reshape(N * N)[::-1].reshape(N, N),
    "window": lambda x: np.broadcast_to(x[1], (N, N)),
    "diagonal": lambda x: np.broadcast_to(np.diagonal(x)[:, None], (N, N)),
    "centred": lambda x: x - np.mean(x, axis=0, keepdims=True),
    "normed": lambda x: x / (1 + np.sum(x**2)),
    "cumsum": lambda x: np.cumsum(x, axis=0) / N,
    "sort": lambda x: np.sort(x + TILT, axis=1),
    "float32": lambda x: x.astype(np.float32).astype(np.float64),
    "real": np.real,
    "constant": stop_gradient,
    "taken": lambda x: x[np.array([2, 0, 3, 3])],
    "relu": lambda x: nn.relu(x + TILT),
    "sigmoid": nn.sigmoid,
    "softmax": lambda x: nn.softmax(x, axis=0),
    "log-softmax": lambda x: nn.log_softmax(x) / N,
    "dense": lambda x: nn.dense(x, WEIGHTS, x[1]),
    "dense of weights": lambda x: nn.dense(WEIGHTS, x, BIAS) / 2,
    "conv": lambda x: nn.conv2d(x[None, :, :, None], WEIGHTS[:3, :3, None, None], padding="same")[0, :, :, 0],
    "conv of channels": lambda x: nn.conv2d(x.reshape(1, 2, 2, N), WEIGHTS[None, None] * 0.5, BIAS).reshape(N, N),
    "conv by values": lambda x: nn.conv2d(WEIGHTS.reshape(2, 2, 2, 2), x.reshape(2, 2, 2, 2), padding="same").reshape(
        N, N
    ),
    "max pool": lambda x: np.tile(nn.max_pool2d((x + TILT).reshape(1, N, N, 1), 2).reshape(2, 2), (2, 2)),
    "mean pool": lambda x: np.repeat(nn.avg_pool2d(x.reshape(1, N, N, 1), 2).reshape(2, 2), (2, 2), axis=0).T.repeat(
        2, 0
    ),
    "cross-entropy": lambda x: x - nn.cross_entropy(x, np.array([0, 3, 1, 1])),
    "ranked": lambda x: np.take_along_axis(x, np.argsort(x + TILT, axis=0), axis=0),
    "call that views": lambda x: checkpoint(np.transpose)(x),
    "call that passes on": lambda x: checkpoint(lambda x: x)(x),
    "call": lambda x: checkpoint(lambda x: np.sin(x.T * 2) * x)(x),
}
BINARY = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "maximum": lambda x, y: np.maximum(x, y + TILT),
    "matmul": lambda x, y: x @ y / N,
    "outer": lambda x, y: np.tanh(x[:, :1] + y[:1]),
    "where": lambda x, y: np.where(x > y.T + TILT, x, y),
    "concatenate": lambda x, y: np.concatenate([x[1:], y[:1]]),
    "set": lambda x, y: tg.at(x)[1].set(y[0]),
    "call that exchanges": lambda x, y: checkpoint(lambda x, y: (y, x.T))(x, y)[0],
    "call that views both": lambda x, y: np.subtract(*checkpoint(lambda x, y: (y.T, x[::-1]))(x, y)),
}
OPERATIONS = {**UNARY, **BINARY}


@st.composite
def programs(draw):
    """A function of two arrays: steps, each of values before it, of which some are returned."""
    steps = []
    for i in range(draw(st.integers(4, 12))):
        recent = st.integers(max(0, i - 2), i + 1)
        if draw(st.booleans()):
            steps.append((draw(st.sampled_from(sorted(UNARY))), (draw(recent),)))
        else:
            steps.append((draw(st.sampled_from(sorted(BINARY))), (draw(recent), draw(st.integers(0, i + 1)))))
    returned = [*draw(st.lists(st.integers(0, len(steps) + 1), min_size=1, max_size=4)), len(steps) + 1]

    def f(x, y):
        values = [x, y]
        for name, places in steps:
            values.append(OPERATIONS[name](*[values[place] for place in places]))
        return [values[place] for place in returned]

    f.__name__ = f"{steps} -> {returned}"
    return f


def loss(f):
    return lambda x, y: sum((k + 1) * np.sum(np.sin(v)) for k, v in enumerate(f(x, y)))


def pairs(count):
    """Pairs of arrays in several layouts, of the same shape and dtype."""
    draws = np.random.default_rng(0)
    for k in range(count):
        x, y = draws.standard_normal((2, N, N))
        wide = draws.standard_normal((N, 2 * N))
        yield ((x, x), (x, y.T), (wide[:, ::2], wide[:, 1::2]), (x[::-1], np.broadcast_to(y[0], (N, N))))[k % 4]


def assert_compiled(f, calls, **options):
    """Compare a compiled function with itself; write to the results, which nothing may see."""
    compiled = compile(f, **options)
    for args in calls:
        before, expected = [x.copy() for x in args], f(*args)
        ours, structure = tg.tree.flatten(compiled(*args))
        assert structure == tg.tree.structure(expected)
        for k, (a, b) in enumerate(zip(ours, tg.tree.leaves(expected), strict=True)):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-10)
            assert not any(np.shares_memory(a, other) for other in (*args, *ours[:k]))
        for a in ours:
            if isinstance(a, np.ndarray):
                a[...] = np.nan
        for x, kept in zip(args, before, strict=True):
            np.testing.assert_array_equal(x, kept)


@pytest.mark.parametrize(
    "batch", [{}, {"batch_argnums": (0, 1), "micro_batch": 2}, {"batch_argnums": 1, "micro_batch": 1}]
)
@pytest.mark.parametrize("copied", [1 << 20, 0, 64], ids=["on buffers", "looked up", "some of each"])
@given(f=programs(), start=st.integers(0, 3))
def test_random_programs_compute_what_they_compute_without(copied, batch, f, start):
    note(f.__name__)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(program, "_COPIED", copied)  # as if the arrays were larger
        calls = list(pairs(8))[start : start + 4]
        assert_compiled(f, calls, **batch)
        assert_compiled(value_and_grad(loss(f), argnums=(0, 1)), calls, **batch)
