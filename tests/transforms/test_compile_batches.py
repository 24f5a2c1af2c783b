"""compile with batch_argnums: the results are those of the whole batch, whatever the function does with the examples."""

import threading

import numpy as np
import pytest

import tinygrad_np as tg
from tests.transforms.compiled import assert_same, counted, normal
from tinygrad_np import checkpoint, compile, grad, hessian, jvp, nn, random, tree, value_and_grad, vmap

W = normal(3, 2, seed=7)
INDEX = np.array([3, 1, 2, 0])

FUNCTIONS = {
    # each example by itself
    "dense": lambda x, i: np.tanh(nn.dense(x, W, np.ones(2))),
    "softmax": lambda x, i: nn.softmax(x),
    "reduced": lambda x, i: (np.sum(x, axis=1), np.mean(x, axis=-1), np.max(x, axis=1), np.linalg.norm(x, axis=1)),
    "label": lambda x, i: (x[np.arange(4), i], nn.one_hot(i, 3), nn.embedding(i, W), np.where(i[:, None] > 0, x, 0.0)),
    "take along axis": lambda x, i: np.take_along_axis(x, (i % 3)[:, None], axis=1),
    "vmap": lambda x, i: vmap(lambda x: np.sin(x) @ W)(x),
    "vmap of grad": lambda x, i: vmap(grad(lambda x: np.sum(np.sin(x) * x)))(x),
    "jvp": lambda x, i: jvp(lambda x: np.sin(x @ W), (x,), (x,)),
    "checkpoint": lambda x, i: checkpoint(lambda x: np.sin(x @ W))(x),
    "shapes": lambda x, i: (x * x.shape[0] + len(x), x.shape),
    # sums over them
    "mean": lambda x, i: (np.mean(x @ W), np.mean(x, axis=0), np.sum(x, axis=0, keepdims=True), np.sum(x, (0, 1))),
    "cross-entropy": lambda x, i: nn.cross_entropy(x, i),
    "its gradient": lambda x, i: grad(nn.cross_entropy)(x, i),
    "gram": lambda x, i: (x.T @ x, np.einsum("ni,nj->ij", x, x), np.tensordot(x, x, (0, 0))),
    "of parameters": lambda x, i: grad(lambda w: np.sum(np.tanh(x @ w) ** 2))(W),
    "hessian": lambda x, i: hessian(lambda s: np.sum(np.sin(x * s)))(np.ones(3)),
    "vectors": lambda x, i: (x @ W[:, 0], W[:, 0] @ x.T, x[:, 0] @ x, x.T @ x[:, 0], x[:, 0] @ x[:, 1]),
    "of a vector": lambda x, i: grad(lambda w: np.sum(np.tanh(x @ w) ** 2))(W[:, 0]),
    "weighted": lambda x, i: (np.average(x, axis=0, weights=np.arange(1.0, 5.0)), x * np.arange(4.0)[:, None]),
    # what mixes them
    "normed": lambda x, i: (x - np.mean(x, axis=0)) / np.sqrt(np.var(x, axis=0) + 1e-3),
    "softmax over examples": lambda x, i: (nn.softmax(x, axis=0), nn.logsumexp(x, axis=0)),
    "products of pairs": lambda x, i: (x @ x.T, x[:, None] * x[None], np.outer(x, x), np.einsum("ni,mi->nm", x, x)),
    "order": lambda x, i: (np.sort(x, axis=0), np.argmax(x, axis=0), np.max(x, axis=0), np.cumsum(x, axis=0)),
    "moved": lambda x, i: (x[::-1], x[INDEX], np.roll(x, 1, axis=0), np.flip(x, 0), x.T, x.reshape(-1), x[1:3], x[-1]),
    "joined": lambda x, i: (np.concatenate([x, x]), np.concatenate([x, x], 1), np.stack([x, x]), np.stack([x, x], 1)),
    "spread": lambda x, i: (np.broadcast_to(x, (2, 4, 3)), np.expand_dims(x, 0), np.tile(x, (2, 1)), np.pad(x, 1)),
    "set": lambda x, i: (tg.at(x)[0].set(0.0), tg.at(x)[i].add(1.0)),
    "list": lambda x, i: [v * 2 for v in x],
    # and nothing of it
    "arguments": lambda x, i: (x, i, W, {"x": x}, None),
    "dropout": lambda x, i: nn.dropout(x, 0.5, random.key(1)),
}


def total(f):
    """A loss: the weighted sum of all that a function returns in floating point."""

    def loss(x, i):
        floats = [v for v in tree.leaves(f(x, i)) if hasattr(v, "dtype") and v.dtype.kind == "f"]
        return sum((np.sum(np.sin(v) * (k + 1)) for k, v in enumerate(floats)), 0.0 * np.sum(x))

    return loss


@pytest.mark.parametrize(("argnums", "micro_batch"), [((0, 1), 1), ([0, 1], 3), (0, 2), ((1,), 2), (0, 4)])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_results_are_those_of_the_whole_batch(name, argnums, micro_batch):
    for f in (FUNCTIONS[name], value_and_grad(total(FUNCTIONS[name]))):
        g, recorded = counted(f)
        compiled = compile(g, batch_argnums=argnums, micro_batch=micro_batch)
        for x, i in (
            (normal(4, 3), np.array([0, 1, 2, 1])),
            (normal(8, 3, seed=1)[::-2], np.array([2, 1, 0, 0])[::-1]),
            (normal(3, 4, seed=2).T, np.array([1, 1, 0, 0])),
        ):
            ours = compiled(x, i)
            assert_same(ours, f(x, i), 1e-11)
            assert not any(np.may_share_memory(y, x) for y in tree.leaves(ours) if isinstance(y, np.ndarray))
        assert len(recorded) == 1


def network(params, x, labels):
    h = nn.avg_pool2d(np.tanh(nn.conv2d(x, params["w"], padding=1)), 2)
    return nn.cross_entropy(nn.dense(h.reshape(h.shape[0], -1), params["v"], params["b"]), labels)


def training(batch, seed=0):
    draws = np.random.default_rng(seed)
    params = {"w": draws.standard_normal((3, 3, 2, 4)), "v": draws.standard_normal((64, 5)), "b": np.zeros(5)}
    params = tree.map(lambda p: p.astype(np.float32), params)
    return params, draws.standard_normal((batch, 8, 8, 2)).astype(np.float32), draws.integers(0, 5, batch)


@pytest.mark.parametrize("batch", [0, 1, 4, 5, 6, 11])
def test_a_batch_of_any_size(batch):
    f = value_and_grad(
        lambda params, x, labels: network(params, x, labels) if len(x) else np.sum(x @ params["w"][0, 0])
    )
    step = compile(f, batch_argnums=(1, 2), micro_batch=5)
    for seed in range(3):
        assert_same(step(*training(batch, seed)), f(*training(batch, seed)), 1e-5)


def test_a_batch_in_a_tree_beside_static_values():
    f = value_and_grad(lambda w, batch: np.sum(np.tanh(batch["x"] @ w) * batch["y"][0]) * batch["rate"])
    step = compile(f, batch_argnums=1, micro_batch=2)
    for seed in range(3):
        batch = {"x": normal(5, 3, seed=seed), "y": [normal(5, 2, seed=seed + 1)], "rate": 0.5, "mode": None}
        assert_same(step(W, batch), f(W, batch))


def test_what_numpy_is_told_about_floating_point_holds_in_every_thread():
    logarithm, x = compile(lambda x: np.sum(np.log(x), axis=1), batch_argnums=0, micro_batch=2), np.ones((8, 3))
    for _ in range(2):
        np.testing.assert_array_equal(logarithm(x), np.zeros(8))
    assert np.isnan(logarithm(-x)).all()  # without a warning, which the suite makes an error
    for k in (0, 3, 7):
        wrong = x.copy()
        wrong[k] = -1
        with np.errstate(all="raise"), pytest.raises(FloatingPointError):
            logarithm(wrong)
        np.testing.assert_array_equal(logarithm(x), np.zeros(8))


def test_kernels_that_use_threads_and_threads_that_call_at_once():
    w = normal(3, 3, 32, 32).astype(np.float32) / 20
    f = value_and_grad(lambda w, x: np.sum(np.tanh(nn.conv2d(x, w, padding=1)) ** 2))
    step, wrong = compile(f, batch_argnums=1, micro_batch=4), []

    def work(seed):
        for k in range(3):
            x = normal(8, 16, 16, 32, seed=10 * seed + k).astype(np.float32)
            if not np.allclose(step(w, x)[1], f(w, x)[1], rtol=1e-3, atol=1e-3):
                wrong.append((seed, k))

    threads = [threading.Thread(target=work, args=(seed,), daemon=True) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong
    assert not any(thread.is_alive() for thread in threads)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_argnums": 3}, "needs more than the 3 positional"),
        ({"batch_argnums": 0}, "as long as each other"),
        ({"batch_argnums": (1, 2, 0)}, "as long as each other"),
        ({"batch_argnums": -1}, "from 0 on"),
        ({"batch_argnums": True}, "from 0 on"),
        ({"batch_argnums": ()}, "from 0 on"),
        ({"batch_argnums": "x"}, "from 0 on"),
        ({"micro_batch": 0}, "positive integer"),
        ({"micro_batch": 2.0}, "positive integer"),
        ({"batch_argnums": 1, "micro_batch": True}, "positive integer"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        compile(network, **options)(*training(4))


def test_arrays_without_a_batch_are_refused():
    with pytest.raises(ValueError, match="as long as each other"):
        compile(lambda x, s: x * s, batch_argnums=(0, 1))(normal(4), np.float64(2))
    with pytest.raises(ValueError, match=r"arguments \(1,\), which batch_argnums names, hold no array"):
        compile(lambda x, s: x * s, batch_argnums=1)(normal(4), 2.0)


def test_means_of_half_numbers_do_not_overflow():
    x, labels = np.full((4, 3), 3e4, np.float16), np.array([0, 1, 0, 1])
    x[:, 0] = -3e4  # so the losses of the even examples are 6e4, and their sum is more than a half number can be
    f = lambda x, i: (np.mean(x[:, 1:]), np.mean(x[:, 1:], axis=0), nn.cross_entropy(x, i))
    for a, b in zip(compile(f, batch_argnums=(0, 1), micro_batch=1)(x, labels), f(x, labels), strict=True):
        assert np.all(np.isfinite(b)) and a.dtype == b.dtype == np.float16
        np.testing.assert_allclose(a, b, rtol=1e-3)
