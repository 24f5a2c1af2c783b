"""backward_source: the text, run on its own, gives the bits of grad."""

import importlib
import re
import subprocess
import sys
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

import tinygrad_np as tg
from tests.ops.cases import CASES, package_primitives
from tinygrad_np import nn, random
from tinygrad_np.core.primitive import registry
from tinygrad_np.core.tensor import dtype_of
from tinygrad_np.inspect import backward_source
from tinygrad_np.models import MODELS

RNG = np.random.default_rng(0)


def bits(x):
    x = np.asarray(x)
    if x.dtype.kind == "c" and x.ndim == 0:  # NumPy divides complex scalars otherwise than arrays
        return np.array([float(f"{part:.14g}") for part in (x.real, x.imag)]).tobytes()
    return x.tobytes()


def same(x, y):
    """Whether two trees hold the same bits, in the same kinds of values."""
    assert tg.tree.structure(x) == tg.tree.structure(y)
    return all(
        type(a) is type(b) and dtype_of(a) == dtype_of(b) and np.shape(a) == np.shape(b) and bits(a) == bits(b)
        for a, b in zip(tg.tree.leaves(x), tg.tree.leaves(y), strict=True)
    )


def check(f, *args, argnums=0, has_aux=False, **kwargs):
    source = backward_source(f, argnums, has_aux)(*args, **kwargs)
    expected = tg.value_and_grad(f, argnums, has_aux)(*args, **kwargs)
    for _ in range(2):  # it changes nothing that it is given
        assert same(source.run(*args, **kwargs), expected), source
    return source


def scalar_of(y):
    """A real loss of all outputs, in which each element has a weight of its own."""
    total = 0.0
    for k, part in enumerate(y if isinstance(y, tuple) else (y,)):
        if dtype_of(part).kind in "fc":
            weights = np.cos(np.arange(np.size(part)) + k).reshape(np.shape(part))
            total = total + np.sum(np.real(part) * weights)
            if dtype_of(part).kind == "c":
                total = total + np.sum(np.imag(part))
    return total


def movable(op, i, x):
    """Whether an argument has a VJP rule."""
    return dtype_of(x).kind in "fc" and (op.variadic or i in op.vjps or i in (op.joint or ((),))[0])


@pytest.mark.parametrize("key", [key for key in package_primitives(differentiable=True) if "scipy" not in key])
@settings(max_examples=2, phases=[Phase.generate])
@given(data=st.data())
def test_every_primitive(key, data):
    args, options = data.draw(CASES[key])
    op = registry[key]
    moving = tuple(i for i, x in enumerate(args) if movable(op, i, x))
    assume(moving)
    with np.errstate(all="ignore"):
        source = check(lambda *xs: scalar_of(op(*xs, **options)), *args, argnums=moving)
    assert all(isinstance(x, np.ndarray) for x in source.constants.values())  # every function has text


COMPLEX = ("imag", "hurwitz_op", "voigt_profile")  # of complex numbers, or with some on the way: see `bits`


@pytest.mark.acceptance
@pytest.mark.parametrize("key", [key for key in package_primitives(differentiable=True) if not key.endswith(COMPLEX)])
@settings(max_examples=5, phases=[Phase.generate], suppress_health_check=[HealthCheck.filter_too_much])
@given(data=st.data())
def test_every_primitive_to_second_order(key, data):
    args, options = data.draw(CASES[key])
    op = registry[key]
    moving = tuple(i for i, x in enumerate(args) if movable(op, i, x))
    assume(moving and not any(dtype_of(x).kind == "c" for x in args))
    loss = lambda *xs: scalar_of(op(*xs, **options))
    with np.errstate(all="ignore"):
        check(loss, *args, argnums=moving)
        check(lambda *xs: scalar_of(tuple(tg.grad(loss, moving)(*xs))), *args, argnums=moving)


@pytest.mark.parametrize("name", ["gamma", "gammaincc", "lambertw", "jv"])
def test_functions_of_scipy(name):
    special = pytest.importorskip("scipy.special")
    function = getattr(special, name)
    given = {"gammaincc": (np.array([0.5, 2.0]),), "jv": (np.array([0.0, 2.0]),)}.get(name, ())
    check(lambda x: np.sum(np.real(function(*given, x))), np.array([0.5, 3.0]))


# -- whole functions


def network_loss(model):
    def loss(params, images, labels, key=None):
        return model.loss(model.apply(params, images, key=key), labels)

    return loss


@pytest.mark.parametrize("name", sorted({model.name for model in MODELS.values()}))
def test_the_networks(name):
    model = MODELS[name]
    images = random.normal(random.key(1), (2, *model.image_shape), model.recipe.dtype)
    labels = np.arange(2) % model.classes
    source = check(network_loss(model), model.init(random.key(0)), images, labels, random.key(2))
    assert "# backward of conv" in source
    assert not source.constants


def test_the_text_needs_numpy_and_the_kernels_alone():
    model = MODELS["lenet5"]
    images, labels = random.normal(random.key(1), (2, 28, 28, 1)), np.arange(2)
    source = check(network_loss(model), model.init(random.key(0)), images, labels)
    imports = [line for line in source.splitlines() if re.match("(import|from) ", line)]
    assert imports[0] == "import numpy as np"
    assert all(line.startswith("from tinygrad_np.kernels import ") for line in imports[1:])
    assert max(map(len, source.splitlines())) <= 120
    assert "# backward of conv, lenet5.py:" in source and "params_conv1_w = params['conv1']['w']" in source
    assert "params_conv1_w_bar = convolution.correlate_kernel_gradient(" in source
    assert str(source) == repr(source)


def test_a_saved_text_runs_in_another_process(tmp_path):
    table = RNG.normal(size=(4, 30))
    x = RNG.normal(size=30)
    source = check(lambda x: np.sum(np.tanh(table @ x)), x)
    assert list(source.constants) == ["table"]
    source.save(tmp_path / "slope.py")
    np.save(tmp_path / "x.npy", x)
    code = "import numpy as np, slope; print(slope.value_and_grad(np.load('x.npy'), **np.load('slope.npz'))[1].tobytes().hex())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.strip() == source.run(x)[1].tobytes().hex()


def test_another_point_gives_another_gradient():
    """A mask computed from the arguments is part of the program, not a constant of it."""
    f = lambda x: np.sum(np.where(x > 0, x**3, 0.5 * x) + np.maximum(x, 0.25) * (x < 1))
    source = backward_source(f)(np.array([-1.0, 2.0, 0.5]))
    for x in (np.array([-1.0, 2.0, 0.5]), np.array([3.0, -2.0, 0.125])):
        assert same(source.run(x), tg.value_and_grad(f)(x))


def test_functions_of_numpy_are_called_by_their_names():
    def f(x, labels):
        best = np.argmax(x, axis=1)
        y = np.where(best == labels, np.max(x, axis=1), np.zeros_like(x[:, 0]))
        return np.sum(np.linalg.inv(x.T @ x)) + np.sum(y * np.searchsorted(np.arange(3), best))

    source = check(f, RNG.normal(size=(4, 3)), np.array([0, 1, 2, 0]))
    for call in (
        "np.argmax(x, axis=1)",
        "np.zeros_like(v",
        "np.linalg.inv(v",
        "np.equal(v",
        "np.searchsorted(np.array(",
    ):
        assert call in source
    assert "def " not in source.partition("def value_and_grad")[0]


def test_what_the_gradient_does_not_need_is_not_there():
    source = backward_source(lambda x: np.sum(x) + 0 * np.sum(tg.stop_gradient(np.exp(x))))(np.ones(3))
    assert "np.exp" in source  # of the value
    source = backward_source(lambda p, x: np.sum(p * x))(np.ones(3), np.ones(3))
    assert "x_bar" not in source.replace("x_bar is", "")


def loss(p, x, y):
    return np.mean((np.tanh(x @ p["w"] + p["b"]) - y) ** 2)


PARAMS = {"w": RNG.normal(size=(3, 4)), "b": RNG.normal(size=4)}
X, Y = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 4))


def test_second_order():
    def norm(p, x, y):
        g = tg.grad(loss)(p, x, y)
        return sum(np.sum(leaf**2) for leaf in tg.tree.leaves(g))

    source = check(norm, PARAMS, X, Y)
    assert "backward of" in source
    check(lambda v: np.sum(tg.hvp(lambda x: np.sum(np.exp(x) * x[::-1]), v, np.ones(3)) ** 2), RNG.normal(size=3))
    check(lambda x: tg.grad(tg.grad(np.sin))(x), 0.5)


@pytest.mark.parametrize("x", [0.5, np.float64(0.5), np.float32(0.5), np.array(0.5), np.array(0.5, np.float32)])
def test_scalars_stay_what_they_are(x):
    check(lambda x: np.sin(x) * x + 2.0 / x, x)
    check(lambda x, w: np.sum(x * w), x, np.ones(3, np.float32), argnums=(0, 1))


def test_broadcasting_and_several_arguments():
    f = lambda a, b, c: np.sum(a * b + c / (1 + b * b))
    given = RNG.normal(size=(2, 1, 3)), RNG.normal(size=(4, 1)), RNG.normal(size=3)
    check(f, *given, argnums=(2, 0))
    check(f, *given, argnums=["b"])
    check(f, given[0], b=given[1], c=given[2], argnums=("c", 0))


def test_auxiliary_data_and_trees():
    def f(p, scale):
        first, (second, more) = p
        y = np.sum(first * scale) * second
        return y + np.sum(more["a"]), {"twice": 2 * y, "name": "f", "none": None}

    source = check(
        f, [np.ones(3), (2.0, {"a": np.zeros((0, 2)), "unused": np.ones((2, 2), np.float32)})], 3.0, has_aux=True
    )

    assert "# scale is 3.0, as part of this text" in source


class Layer(NamedTuple):
    w: object
    b: object


def test_a_gradient_is_like_its_argument():
    source = check(lambda p: np.sum(p.w * p.b), Layer(np.ones(3), 2.0))
    assert "p._replace(w=p_w_bar, b=float(p_b_bar))" in source
    check(lambda p: np.sum(p[0] * p[1][2].w), {0: np.ones(3), 1: {2: Layer(np.arange(3.0), 1.0)}})
    source = check(lambda p: (np.sum(p.w), p), Layer(np.ones(3), 2.0), has_aux=True)
    assert source.constants == {"Layer": Layer}


def test_names_that_mean_something_else_in_the_text():
    check(
        lambda np_, loss, v1, sums: tg.nn.mse_loss(np_ * v1, loss) * sums,
        np.ones(3),
        np.zeros(3),
        2.0,
        3.0,
        argnums=(0, 3),
    )
    check(lambda softmax, x: np.sum(nn.softmax(softmax) * x), np.ones(3), np.arange(3.0))


def test_random_numbers_come_from_the_key():
    f = lambda x, key: np.sum(nn.dropout(x, 0.5, key) * random.uniform(random.split(key)[0], (40,)))
    x = RNG.normal(size=40)
    source = check(f, x, random.key(3))
    assert same(source.run(x, random.key(4)), tg.value_and_grad(f)(x, random.key(4)))


def test_rules_of_the_users_own_and_checkpoints_show_their_inside():
    @tg.custom_vjp
    def clipped(x):
        return np.sinh(x)

    clipped.defvjp(lambda x: (clipped(x), np.cosh(x)), lambda residual, g: (np.clip(g * residual, -1, 1),))
    source = check(lambda x: np.sum(clipped(x) ** 2), np.linspace(-2, 2, 5))
    assert "np.cosh" in source and "np.maximum" in source
    source = check(lambda x: np.sum(tg.checkpoint(lambda x: np.sin(np.sin(x)))(x)), np.ones(3))
    assert source.count("np.sin(") == 3  # both are computed, and the inner one again

    @tg.primitive
    def cube(x):
        """Return x³."""
        weight = OWN[0]
        return weight * x**3

    cube.defvjp("x")(lambda y, x: lambda g: g * 3 * OWN[0] * x**2)
    try:
        source = check(lambda x: np.sum(cube(x)), np.arange(3.0))
        assert '"""Return x³."""' in source and "weight * x ** 3" in source
    finally:
        del registry[cube.key]


OWN = (2.0, "of this module")


def test_captured_arrays_bear_their_names():
    small, large, strided = np.array([1.0, 2.0]), RNG.normal(size=(2, 20)), np.arange(80.0)[::2].reshape(2, 20)
    source = check(lambda x: np.sum((x * small) @ large * strided.sum(0)), np.ones(2))
    assert "np.array([1.0, 2.0], np.float64)" in source
    assert set(source.constants) >= {"large"}
    assert "def value_and_grad(x, *, " in source


def test_nan_and_signed_zeros_are_literals_too():
    special = np.array([np.nan, -0.0, np.inf, 1e-310])
    check(lambda x: np.sum(x * special), np.ones(4))
    check(lambda x: np.sum(x * special.astype(np.float16)), np.ones(4, np.float16))
    mixed = np.array([complex(1, 0), complex(1, -0.0), complex(-0.0, 0)])
    check(lambda x: np.sum(np.arctan2(np.imag(x * mixed), np.real(x * mixed))), np.ones(3))


def test_the_memory_order_of_a_constant_is_kept():
    fortran = np.asfortranarray(RNG.normal(size=(3, 4)))
    source = check(lambda x: np.sum(x @ fortran), np.ones((2, 3)))
    assert source.constants["fortran"] is fortran


def test_a_path_that_needs_values_is_refused_with_advice():
    with pytest.raises(TypeError, match=r"backward_source.* records operations, not values"):
        backward_source(lambda x, y: np.sum(x) * float(y[0]))(np.ones(3), np.ones(2))
    with pytest.raises(TypeError, match=r"an argument is a Tensor of grad\(.*; record the outermost"):
        tg.grad(lambda x: float(backward_source(np.sum)(x)))(np.ones(3))
    with pytest.raises(TypeError, match=r"multiply takes a Tensor of grad\("):
        tg.grad(lambda x: float(backward_source(lambda y: np.sum(x * y))(np.ones(3))))(np.ones(3))
    with pytest.raises(TypeError, match="scalar"):
        backward_source(lambda x: x)(np.ones(3))


def test_a_source_that_has_changed_since_is_not_believed(tmp_path, monkeypatch):
    file = tmp_path / "own_operation_of_source.py"
    file.write_text("import tinygrad_np as tg\n\n\n@tg.primitive\ndef triple(x):\n    return x * 3\n")
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module(file.stem)
    module.triple.defvjp("x")(lambda y, x: lambda g: g * 3)
    file.write_text(file.read_text().replace("3", "4"))
    try:
        source = check(lambda x: np.sum(module.triple(x)), np.ones(3))
        assert source.constants == {"triple": module.triple.forward}
    finally:
        del registry[module.triple.key], sys.modules[file.stem]


def test_what_is_no_array_cannot_be_saved(tmp_path):
    class Odd:
        factor = 2.0

        def __call__(self, x):
            return x * self.factor

    odd = tg.primitive(lambda x: helper(x))
    helper = Odd()
    odd.defvjp("x")(lambda y, x: lambda g: g * 2)
    try:
        source = check(lambda x: np.sum(odd(x)), np.ones(3))
        assert source.constants == {"helper": helper} and "*, helper)" in source
        with pytest.raises(TypeError, match=r"helper is .* no array"):
            source.save(tmp_path / "x.py")
    finally:
        del registry[odd.key]
