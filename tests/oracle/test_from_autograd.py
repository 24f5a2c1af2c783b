"""What the page notebooks/from_autograd.md says of HIPS autograd, held against autograd itself."""

import importlib
import importlib.metadata
import re
from pathlib import Path

import numpy as np
import pytest

import tinygrad_np as tg

pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("ignore")]  # autograd divides by zero where it says nan

autograd = pytest.importorskip("autograd")
anp = pytest.importorskip("autograd.numpy")

PAGE = (Path(__file__).parents[2] / "notebooks" / "from_autograd.md").read_text(encoding="utf-8")
IMPORTS = {
    "import numpy as np": "import autograd.numpy as np",
    "from tinygrad_np import data, grad": "from tinygrad_np import data\nfrom autograd import grad",
    "from tinygrad_np import grad": "from autograd import grad",
    "from tinygrad_np.special import logsumexp": "from autograd.scipy.special import logsumexp",
}


def blocks_after(heading):
    return re.findall(r"```python\n(.*?)```", PAGE.split(heading + "\n", 1)[1], re.DOTALL)


def run(source, *, by_autograd):
    for ours, theirs in IMPORTS.items() if by_autograd else ():
        source = re.sub(f"^{re.escape(ours)}$", theirs, source, flags=re.MULTILINE)
    assert not by_autograd or ("import autograd.numpy" in source and "from autograd import grad" in source)
    namespace = {"__name__": "program"}
    exec(source, namespace)
    return namespace


def test_the_first_program_is_the_same_text():
    source = blocks_after("## What to change")[0]
    ours, theirs = run(source, by_autograd=False), run(source, by_autograd=True)
    assert ours["grad"](ours["tanh"])(0.7) == pytest.approx(theirs["grad"](theirs["tanh"])(0.7), rel=1e-14)


@pytest.mark.parametrize(
    ("heading", "rtol"),
    [
        ("### Gradient descent: logistic regression", 1e-12),
        ("### A Gaussian mixture", 1e-12),
        ("### A neural network", 1e-4),  # float32
        ("### An ODE, fitted by hand", 1e-10),
    ],
)
def test_a_program_is_the_same_text_with_the_same_gradient(heading, rtol):
    source = blocks_after(heading)[0]
    ours, theirs = run(source, by_autograd=False), run(source, by_autograd=True)
    start = theirs["start"]
    np.testing.assert_allclose(ours["loss"](start), theirs["loss"](start), rtol=rtol)
    mine, structure = tg.tree.flatten(ours["grad"](ours["loss"])(start))
    other = tg.tree.flatten_like(structure, theirs["grad"](theirs["loss"])(start))
    for a, b in zip(mine, other, strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * np.max(np.abs(b)))


KINKS = re.findall(r"^\| `([^`]+)` \| `([^`]+)` \| `([^`]+)` \| `([^`]+)` \|$", PAGE, re.MULTILINE)


def test_the_table_of_kinks_is_found():
    assert len(KINKS) == 11


@pytest.mark.parametrize(("f", "x", "in_autograd", "here"), KINKS, ids=[row[0] for row in KINKS])
def test_values_at_kinks(f, x, in_autograd, here):
    for module, grad, stated in ((anp, autograd.grad, in_autograd), (np, tg.grad, here)):
        names = {"np": module, "nan": np.nan, "inf": np.inf}
        g = grad(lambda x, names=names: names["np"].sum(eval(f, {**names, "x": x})))(np.array(eval(x)))
        np.testing.assert_array_equal(g, eval(stated, names))


V = np.array([1.0, 2.0])
W = np.array([0.5, -1.0])


def cubes(x):
    return np.sum(x**3) * x[0]


def a_cubes(x):
    return anp.sum(x**3) * x[0]


def area(width, height):
    return width * height


RENAMED = {
    "make_vjp": lambda: (autograd.make_vjp(anp.sin)(V)[0](W), tg.vjp(np.sin, V)[1](W)[0]),
    "make_jvp": lambda: (autograd.make_jvp(anp.sin)(V)(W), tg.jvp(np.sin, (V,), (W,))),
    "vector_jacobian_product": lambda: (
        autograd.vector_jacobian_product(anp.cumsum)(V, W), tg.vjp(np.cumsum, V)[1](W)[0],
    ),
    "elementwise_grad": lambda: (autograd.elementwise_grad(anp.tanh)(V), tg.elementwise_grad(np.tanh)(V)),
    "deriv": lambda: (autograd.deriv(anp.tanh)(0.5), tg.elementwise_grad(np.tanh)(0.5)),
    "jacobian": lambda: (autograd.jacobian(anp.cumsum)(V), tg.jacobian(np.cumsum)(V)),
    "hessian": lambda: (autograd.hessian(a_cubes)(V), tg.hessian(cubes)(V)),
    "hessian_vector_product": lambda: (autograd.hessian_vector_product(a_cubes)(V, W), tg.hvp(cubes, V, W)),
    "make_hvp": lambda: (autograd.make_hvp(a_cubes)(V)[0](W), tg.hvp(cubes, V, W)),
    "make_ggnvp": lambda: (
        autograd.make_ggnvp(anp.exp, lambda z: anp.sum(z**4))(V)(W), tg.ggnvp(np.exp, lambda z: np.sum(z**4), V, W),
    ),
    "grad_named": lambda: (autograd.grad_named(area, "height")(2.0, 3.0), tg.grad(area, "height")(2.0, 3.0)),
    "grad argnums": lambda: (autograd.grad(area, (0, 1))(2.0, 3.0), tg.grad(area, (0, 1))(2.0, 3.0)),
    "value_and_grad": lambda: (autograd.value_and_grad(a_cubes)(V)[1], tg.value_and_grad(cubes)(V)[1]),
    "holomorphic_grad": lambda: (
        autograd.holomorphic_grad(lambda z: z**3)(1 + 2j), tg.grad(lambda z: z**3, holomorphic=True)(1 + 2j),
    ),
    "complex": lambda: (autograd.grad(anp.abs)(3 + 4j), tg.grad(np.abs)(3 + 4j)),
    "checkpoint": lambda: (autograd.grad(autograd.checkpoint(a_cubes))(V), tg.grad(tg.checkpoint(cubes))(V)),
}  # fmt: skip


@pytest.mark.parametrize("name", RENAMED)
def test_the_same_by_another_name(name):
    theirs, ours = RENAMED[name]()
    np.testing.assert_allclose(ours, theirs, rtol=1e-13)


def test_flatten_sorts_keys_and_ravel_does_not():
    from autograd.misc.flatten import flatten

    parameters = {"w": V, "b": 3.0}
    assert list(flatten(parameters)[0]) == [3.0, 1.0, 2.0]
    assert list(tg.tree.ravel(parameters)[0]) == [1.0, 2.0, 3.0]


def test_optimisers():
    from autograd.misc import optimizers

    def slope(x, i):
        return 2 * (x - 1) * np.array([1.0, 3.0])

    def ours(optimiser):
        x = np.array([3.0, 4.0])
        state = optimiser.init(x)
        for i in range(20):
            updates, state = optimiser.update(slope(x, i), state, x)
            x = tg.optim.apply_updates(x, updates)
        return x

    start = np.array([3.0, 4.0])
    np.testing.assert_allclose(
        ours(tg.optim.adam(0.1)), optimizers.adam(slope, start, num_iters=20, step_size=0.1), rtol=1e-6
    )
    np.testing.assert_allclose(
        ours(tg.optim.sgd(0.1 * (1 - 0.9), momentum=0.9)),
        optimizers.sgd(slope, start, num_iters=20, step_size=0.1, mass=0.9),
        rtol=1e-12,
    )
    assert not np.allclose(ours(tg.optim.rmsprop(0.1)), optimizers.rmsprop(slope, start, num_iters=20), rtol=1e-2)


@pytest.mark.parametrize("name", ["sum", "mean", "prod", "std", "var"])
def test_autograd_ignores_where(name):
    x, some = np.array([1.0, 2.0, 4.0]), np.array([True, True, False])
    theirs = autograd.grad(lambda x: getattr(anp, name)(x, where=some))(x)
    ours = tg.grad(lambda x: getattr(np, name)(x, where=some))(x)
    assert theirs[2] != 0 and ours[2] == 0
    if name in ("sum", "mean"):
        assert (
            list(autograd.grad(lambda x: getattr(anp, name)(x, where=some[1:]))(V)) == [1 / (1 + (name == "mean"))] * 2
        )


@pytest.mark.parametrize("f", [lambda np, x: np.repeat(x, [1, 2], axis=1), lambda np, x: np.linalg.svd(x)[1]])
def test_autograd_refuses_late(f):
    reached = []

    def loss(x):
        y = f(anp, x)
        reached.append(True)
        return anp.sum(y)

    x = np.array([[2.0, 1.0]])
    with pytest.raises((TypeError, NotImplementedError)):
        autograd.grad(loss)(x)
    assert reached and tg.grad(lambda x: np.sum(f(np, x)))(x).shape == x.shape


def test_autograd_sums_where_a_function_is_not_elementwise():
    assert list(autograd.elementwise_grad(lambda x: anp.sum(x) * x)(V)) == [6.0, 6.0]


def test_autograd_lets_boxes_out():
    _, aux = autograd.grad_and_aux(lambda x: (x**2, {"twice": 2 * x}))(3.0)
    assert "ArrayBox" in repr(anp.sin(aux["twice"]))


def test_autograd_does_not_see_changed_arrays():
    def careless(x):
        weights = np.ones(2)
        y = anp.sum(weights * x)
        weights[:] = 0.0
        return y

    assert list(autograd.grad(careless)(V)) == [0.0, 0.0]


@pytest.mark.parametrize("name", ["mean", "max", "std"])
def test_autograd_makes_float64_of_float32(name):
    single = V.astype(np.float32)
    assert autograd.grad(getattr(anp, name))(single).dtype == np.float64
    assert tg.grad(getattr(np, name))(single).dtype == np.float32


@pytest.mark.parametrize("value", [3, {"w": V, "steps": 3}], ids=["number", "tree"])
def test_both_refuse_integers(value):
    for grad in (autograd.grad, tg.grad):
        with pytest.raises(TypeError):
            grad(lambda x: 1.0)(value)


def test_autograd_looks_into_lists():
    assert autograd.grad(lambda t: anp.sum(anp.array([[t, 1.0], [0.0, t]])))(1.0) == 2.0
    assert autograd.grad(lambda t: anp.sum(anp.r_[t, t]) + anp.sum(anp.full(3, t)))(1.0) == 5.0


@pytest.mark.parametrize("name", ["flip", "take", "cumprod", "median", "percentile", "interp"])
def test_autograd_lacks(name):
    more = {"take": (0,), "percentile": (50.0,)}.get(name, ())
    f = lambda np_, x: np_.interp(0.5, V, x) if name == "interp" else np_.sum(getattr(np_, name)(x, *more))
    with pytest.raises(NotImplementedError, match="VJP"):
        autograd.grad(lambda x: f(anp, x))(V)
    assert tg.grad(lambda x: f(np, x))(V).shape == V.shape


@pytest.mark.parametrize("name", ["linalg.det", "linalg.solve", "fft.fft"])
def test_autograd_lacks_forward_mode(name):
    module, f = name.split(".")
    call = lambda np_: lambda x: getattr(getattr(np_, module), f)(x, *([V] if f == "solve" else []))
    x = np.array([[2.0, 1.0], [0.0, 3.0]])
    with pytest.raises(NotImplementedError, match="JVP"):
        autograd.make_jvp(call(anp))(x)(x)
    assert tg.jvp(call(np), (x,), (x,))[1].shape == call(np)(x).shape


@pytest.mark.skipif(importlib.metadata.version("autograd") != "1.9.1", reason="the page counts those of 1.9.1")
def test_how_many_operations_lack_forward_mode():
    for name in ("integrate", "linalg", "signal", "special", "stats"):
        importlib.import_module(f"autograd.scipy.{name}")
    rules = importlib.import_module("autograd.core")
    ours = "a_cubes"  # which `checkpoint` above made an operation
    declared = [f for f in rules.primitive_vjps if f.__name__ != ours]
    lacking = [f for f in declared if f not in rules.primitive_jvps]
    assert (len(declared), len(lacking)) == (216, 89)
