"""Every case computes what it says: at reduced size, against naive NumPy in float64 and central differences."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import cases_operations, cases_training, networks, peers
from benchmarks.cases import EAGER
from benchmarks.cases_tape import library
from benchmarks.checking import check
from benchmarks.suite import CASES
from benchmarks.tape import chain, grad_of_grad, hessian, vmap_grad
from tests.benchmarks import naive

NETWORKS = [networks.TWO_CLASS, networks.LENET5, networks.DEEP_CNN, networks.STRIDED, networks.CONV_POOL_SOFTMAX,
            networks.VGG, networks.MLP]  # fmt: skip
RATE = 2.0**-6
PEERS = [name for name in peers.NAMES if name not in (EAGER, "torch.compile")]


def small(op):
    """The same operation on two images of at most 10 x 10."""
    sizes = [
        (2, *(min(n, 10) for n in shape[1:3]), shape[3]) if kind == "images" else shape
        for shape, kind in zip(op.shapes, op.kinds, strict=True)
    ]
    return replace(op, shapes=tuple(sizes))


OPERATIONS = {case.name.split("/")[1]: small(case.builders[EAGER].args[1]) for case in cases_operations.CASES}


def along(f, inputs, directions, h=1e-6):
    """The derivative of f along the directions."""
    high, low = ([x + s * h * d for x, d in zip(inputs, directions, strict=True)] for s in (1, -1))
    return (f(*high) - f(*low)) / (2 * h)


@pytest.mark.parametrize("network", NETWORKS, ids=lambda n: n.name)
def test_training_step_has_the_gradients_of_the_naive_loss(network):
    (program,) = peers.module(EAGER).training(network, 2, RATE)
    results = program.result()
    x, y = network.data(2)
    start = network.parameters()
    names = [(layer, name) for layer, leaves in start.items() for name in leaves]
    leaves = [start[layer][name].astype(np.float64) for layer, name in names]

    def loss(*leaves):
        params = {}
        for (layer, name), leaf in zip(names, leaves, strict=True):
            params.setdefault(layer, {})[name] = leaf
        return naive.loss(network, params, x.astype(np.float64), y)

    assert results.keys() == {"loss"} | {f"{layer}.{name}" for layer, name in names}
    np.testing.assert_allclose(results["loss"], loss(*leaves), rtol=1e-5)
    generator = np.random.default_rng(2)
    gradients = [results[f"{layer}.{name}"] for layer, name in names]
    # along the gradient itself, disturbed: then the derivative is far from 0
    directions = [g * generator.uniform(0.5, 1.5, g.shape) for g in gradients]
    expected = sum(np.sum(g * d) for g, d in zip(gradients, directions, strict=True))
    np.testing.assert_allclose(expected, along(loss, leaves, directions), rtol=2e-3)


@pytest.mark.parametrize("name", OPERATIONS)
def test_operation_has_the_value_and_the_gradients_of_the_naive_one(name):
    op = OPERATIONS[name]
    module = peers.module(EAGER)
    ways = list(zip(module.operation(op, True), module.operation(op, False), strict=True))
    assert len(ways) == 1 + ("images" in op.kinds)  # the memory orders
    for both, forward in ways:
        assert_naive(op, both.result(), forward.result())


def assert_naive(op, results, forward):
    inputs = [a if kind == "constant" else a.astype(np.float64) for a, kind in zip(op.inputs(), op.kinds, strict=True)]
    which = op.differentiated
    g = op.cotangent(results["value"].shape)

    def value(*some):
        every = [*inputs]
        for i, x in zip(which, some, strict=True):
            every[i] = x
        return naive.FUNCTIONS[op.function](*every, **op.options)

    some = [inputs[i] for i in which]
    np.testing.assert_allclose(results["value"], value(*some), rtol=1e-4, atol=1e-4)
    directions = [results[f"gradient {i}"].astype(np.float64) for i in which]
    expected = sum(np.sum(d * d) for d in directions)
    np.testing.assert_allclose(along(lambda *xs: np.sum(g * value(*xs)), some, directions), expected, rtol=1e-3)
    rounding = 1e-6 * np.abs(results["value"]).max()  # a sum in another order is off by the scale of what is summed
    np.testing.assert_allclose(forward["value"], results["value"], rtol=1e-5, atol=rounding)


def tape_programs(name):
    lib = library(name)
    makers = {"chain": lambda lib: chain(lib, 20), "second": grad_of_grad, "vmapped": vmap_grad, "hessian": hessian}
    return {key: make(lib) for key, make in makers.items() if key == "chain" or getattr(lib, key) is not None}


def test_tape_cases_have_the_closed_forms_of_their_derivatives():
    results = {key: program.result() for key, program in tape_programs(EAGER).items()}
    power = np.float64(1 - 2**-23) ** 20
    np.testing.assert_allclose(results["chain"]["output 0"], 16 * power, rtol=1e-5)
    np.testing.assert_allclose(results["chain"]["output 1"], np.full(16, power), rtol=1e-5)
    matrix = results["hessian"]["output 0"]
    assert matrix.shape == (100, 100)
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-5)
    generator = np.random.default_rng(0)
    w, v, x = (generator.standard_normal(s, dtype=np.float32).astype(float) for s in ((64, 32), (32,), (256, 64)))
    t = np.tanh(x @ w / 8)
    outer = 2 * (t @ v)[:, None] * v * (1 - t**2)
    np.testing.assert_allclose(results["vmapped"]["output 0"], x[:, :, None] * outer[:, None], rtol=1e-3, atol=1e-3)


def test_names_are_unique_and_ours_is_in_every_case():
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)
    assert all(EAGER in case.builders for case in CASES)
    assert {case.group for case in CASES} == {"training", "operations", "tape", "growth"}
    assert len(cases_training.CASES) == 10


def of(name):
    if name not in peers.installed():
        pytest.skip(f"{name} is not installed")
    return peers.module(name), {"compiled": True} if name.endswith("compile") else {}


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("network", NETWORKS, ids=lambda n: n.name)
def test_every_way_of_a_peer_to_train_agrees(network, name):
    module, options = of(name)
    if name == "autograd" and network.name == "vgg":
        pytest.skip("autograd has no batch norm")
    (ours,) = peers.module(EAGER).training(network, 2, RATE)
    expected = ours.result()
    for way in module.training(network, 2, RATE, **options):
        check(expected, way.result(), 2e-3)


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("case", [c for c in cases_operations.CASES if c.name.endswith("vjp")], ids=lambda c: c.name)
def test_every_way_of_a_peer_to_apply_an_operation_agrees(case, name):
    if name not in case.builders:
        pytest.skip("no competitor")
    module, options = of(name)
    op = OPERATIONS[case.name.split("/")[1]]
    for backward in (False, True):
        expected = peers.module(EAGER).operation(op, backward)[0].result()
        for way in module.operation(op, backward, **options):
            check(expected, way.result(), 1e-4)


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", PEERS)
def test_every_way_of_a_peer_to_use_the_tape_agrees(name):
    of(name)
    expected = tape_programs(EAGER)
    for key, program in tape_programs(name).items():
        check(expected[key].result(), program.result(), 1e-3)
