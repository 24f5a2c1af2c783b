"""compile(..., batch_argnums=...): whatever a function does with its batch, the micro-batches give what the whole gives."""

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import compile, models, nn, random, set_num_threads, value_and_grad
from tinygrad_np.core.dividing import Division, aligned
from tinygrad_np.kernels.threads import get_num_threads
from tinygrad_np.transforms.program import Program

N = 7


@pytest.fixture
def threads():
    pytest.importorskip("threadpoolctl", reason="without it set_num_threads warns")
    before = get_num_threads()
    yield set_num_threads
    set_num_threads(before)


def _close(a, b, rtol=1e-12):
    for x, y in zip(tg.tree.leaves(a), tg.tree.leaves(b), strict=True):
        assert np.shape(x) == np.shape(y)
        assert np.asarray(x).dtype == np.asarray(y).dtype
        np.testing.assert_allclose(x, y, rtol, rtol)


def _rng(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


W = {"w": _rng((3, 3, 2, 4)), "b": _rng(4), "d": _rng((36, 5)), "c": _rng(5)}
X = _rng((N, 6, 6, 2), 1)
LABELS = np.arange(N) % 5


def _logits(w, x):
    h = np.tanh(nn.conv2d(x, w["w"], w["b"], padding=1))
    return nn.dense(np.reshape(nn.avg_pool2d(h, 2), (-1, 36)), w["d"], w["c"])


FUNCTIONS = {
    "elementwise": lambda w, x, t: np.sum(np.exp(x * w["b"][:2]) * (t[:, None, None, None] + 1)),
    "a constant as long as the batch": lambda w, x, t: np.sum(x * np.arange(N).reshape(N, 1, 1, 1) * w["b"][0]),
    "broadcast the other way": lambda w, x, t: np.sum(np.mean(x, axis=(1, 2, 3)) * w["b"][:, None]),
    "an axis before the batch": lambda w, x, t: np.sum((x * w["b"][:, None, None, None, None]) ** 2),
    "network": lambda w, x, t: nn.cross_entropy(_logits(w, x), t),
    "losses of examples": lambda w, x, t: np.sum(nn.cross_entropy(_logits(w, x), t, reduction="none") ** 2),
    "ignored labels": lambda w, x, t: nn.cross_entropy(_logits(w, x), t, ignore_index=2),
    "binary": lambda w, x, t: nn.binary_cross_entropy_with_logits(_logits(w, x)[:, 0], (t > 2) * 1.0),
    "max pooling": lambda w, x, t: np.mean(nn.max_pool2d(nn.conv2d(x, w["w"]), 3, stride=1) ** 2),
    "transposed convolution": lambda w, x, t: np.sum(nn.conv_transpose2d(nn.conv2d(x, w["w"]), w["w"], stride=2) ** 2),
    "batch normalisation": lambda w, x, t: np.sum(
        nn.batch_norm(x, nn.batch_norm_state(2), w["b"][:2], w["b"][2:], train=True)[0] ** 3
    ),
    "layer normalisation": lambda w, x, t: np.sum(nn.layer_norm(x, 2, w["b"][:2], w["b"][2:]) ** 3),
    "transposed": lambda w, x, t: np.sum(np.tanh(np.transpose(x, (3, 1, 0, 2)) * w["b"][:2, None, None, None])),
    "products of the batch": lambda w, x, t: np.sum((x[:, 0, :, 0] @ x[:, 0, :, 1].T) ** 2 * w["b"][0]),
    "a product over the batch": lambda w, x, t: np.sum(np.tanh(x[:, 0, :, 0].T @ x[:, 0, :, 1]) * w["b"][0]),
    "stacked products": lambda w, x, t: np.sum(np.matmul(x[:, :, :, 0], x[:, :, :, 1]) * w["b"][0]),
    "sorted along the batch": lambda w, x, t: np.sum(np.sort(x, axis=0) * x * w["b"][:2]),
    "cumulative sum along the batch": lambda w, x, t: np.sum(np.cumsum(x, axis=0) ** 2 * w["b"][:2]),
    "some examples": lambda w, x, t: np.sum(x[2:5] ** 2 * w["b"][:2]) + np.sum(x[np.array([0, 0, 6])]),
    "flattened": lambda w, x, t: np.sum(np.ravel(x)[::3] ** 2 * w["b"][0]),
    "standard deviation": lambda w, x, t: np.sum(np.std(x, axis=0) * w["b"][:2]) + np.std(x) + np.max(x * w["b"][0]),
    "means": lambda w, x, t: np.sum(np.mean(x, axis=(0, 1), keepdims=True) * x) + np.sum(np.mean(x, axis=1) ** 2),
    "without the batch": lambda w, x, t: np.sum(w["d"] ** 2),
}


@pytest.mark.parametrize("micro_batch", [1, 3])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_and_gradients_are_those_of_the_whole_batch(name, micro_batch):
    step = value_and_grad(FUNCTIONS[name], argnums=(0, 1))
    compiled = compile(step, batch_argnums=(1, 2), micro_batch=micro_batch)
    _close(compiled(W, X, LABELS), step(W, X, LABELS))
    other = tg.tree.map(lambda a: a + 0.25, W)
    _close(compiled(other, X[::-1], LABELS[::-1]), step(other, X[::-1], LABELS[::-1]))


def test_results_of_examples_are_joined():
    compiled = compile(_logits, batch_argnums=1, micro_batch=2)
    for _ in range(2):
        _close(compiled(W, X), _logits(W, X))
    halves = compile(lambda batch: {"y": batch["x"] * 2, "n": np.sum(batch["t"])}, batch_argnums=(0,), micro_batch=3)
    for _ in range(2):
        found = halves({"x": X, "t": LABELS})
        np.testing.assert_array_equal(found["y"], X * 2)
        assert found["n"] == LABELS.sum()


def test_captured_arrays_are_read_where_they_lie():
    weights = np.arange(1.0, N + 1).reshape(N, 1, 1, 1)
    f = lambda x: np.sum(np.tanh(x) * weights)
    compiled = compile(f, batch_argnums=0, micro_batch=2)
    for _ in range(3):
        _close(compiled(X), f(X))
        weights *= 2


def test_second_derivatives_and_other_transforms_run_inside():
    hessian = lambda w, x: tg.hessian(lambda v: np.mean(np.tanh(x[:, 0, 0] @ v) ** 2))(w["b"][:2])
    each = lambda w, x: tg.vmap(tg.grad(lambda v, xi: np.sum(np.tanh(xi * v) ** 2)), (None, 0))(w["b"][:2], x)
    forward = lambda w, x: tg.jvp(lambda v: np.sum(np.sin(x * v)), (w["b"][:2],), (np.ones(2),))
    kept = lambda w, x: tg.grad(lambda v: np.sum(tg.checkpoint(lambda v: np.tanh(x * v))(v)))(w["b"][:2])
    for f in (hessian, each, forward, kept):
        compiled = compile(f, batch_argnums=1, micro_batch=3)
        for _ in range(2):
            _close(compiled(W, X), f(W, X))


def test_a_batch_that_fits_one_micro_batch_has_the_bits_of_the_plain_program():
    step = value_and_grad(FUNCTIONS["network"])
    one, plain = compile(step, batch_argnums=(1, 2), micro_batch=N), compile(step)
    for _ in range(2):
        for a, b in zip(*(tg.tree.leaves(f(W, X, LABELS)) for f in (one, plain)), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("micro_batch", [16, 4])  # fewer micro-batches than sums, and more
def test_every_number_of_threads_gives_the_same_bits(threads, micro_batch):
    key = random.key(0)
    params = models.lenet5.init(key)
    x, t = random.normal(key, (100, 28, 28, 1)), np.arange(100) % 10
    step = value_and_grad(lambda p, x, t: nn.cross_entropy(models.lenet5.apply(p, x), t))
    found = []
    for n in (1, 2, 3):
        threads(n)
        compiled = compile(step, batch_argnums=(1, 2), micro_batch=micro_batch)
        found += [tg.tree.leaves(compiled(params, x, t)) for _ in range(3)]
    _close(found[0], tg.tree.leaves(step(params, x, t)), 1e-4)
    for others in found[1:]:
        for a, b in zip(found[0], others, strict=True):
            np.testing.assert_array_equal(a, b)


def test_the_steps_of_a_network_are_one_region_for_all_micro_batches(monkeypatch):
    regions = []
    lay_out = Program._lay_out_region

    def spy(self, region):
        regions.append((region.divided, len(region.steps)))
        lay_out(self, region)

    monkeypatch.setattr(Program, "_lay_out_region", spy)
    compile(value_and_grad(FUNCTIONS["network"]), batch_argnums=(1, 2), micro_batch=2)(W, X, LABELS)
    divided = [steps for is_divided, steps in regions if is_divided]
    assert len(divided) == 1
    assert divided[0] > 4 * 10  # four micro-batches, forward and backward


def test_wrong_arguments_are_refused():
    f = lambda w, x, t: np.sum(x) * w
    with pytest.raises(ValueError, match=r"micro_batch=0; it is a positive integer"):
        compile(f, batch_argnums=1, micro_batch=0)
    for argnums in (-1, True, "x", (), 1.5):
        with pytest.raises(ValueError, match=r"batch_argnums=.*; it is a position or a sequence of them"):
            compile(f, batch_argnums=argnums)
    with pytest.raises(ValueError, match=r"batch_argnums=\(3,\) needs more than the 3 positional arguments"):
        compile(f, batch_argnums=3)(1.0, X, LABELS)
    with pytest.raises(
        ValueError, match=r"arguments \(1, 2\) have the shapes \(7, 6, 6, 2\), \(3,\); those of a batch"
    ):
        compile(f, batch_argnums=(1, 2))(1.0, X, LABELS[:3])
    with pytest.raises(ValueError, match=r"the shapes \(\)"):
        compile(lambda x: x * 2, batch_argnums=0)(np.float64(1))
    with pytest.raises(TypeError, match=r"compile\(.*the truth of a Tensor decides"):
        compile(lambda x: x if np.sum(x) > 0 else -x, batch_argnums=0, micro_batch=2)(X)
    with pytest.raises(TypeError, match=r"float of a Tensor"):
        compile(lambda x: float(np.sum(x)), batch_argnums=0, micro_batch=2)(X)


def test_aligned_finds_the_batch_from_the_last_axis():
    x, b, each = np.zeros((5, 3, 2)), np.zeros(2), np.zeros((5, 1, 1))
    assert aligned(5, (0, None, None), x, b, each) == Division((0, None, 0), 0)
    assert aligned(5, (None, 0), np.zeros((4, 5, 1)), np.zeros((5, 2))) == Division((1, 0), 1)
    assert aligned(5, (0, 0), np.zeros((5, 5)), np.zeros(5)) is None  # an outer product of the batch with itself
