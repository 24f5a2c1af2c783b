"""Every primitive has a derivation, and what it says is what the operation does."""

import importlib.util
import re

import numpy as np
import pytest

from tinygrad_np import primitive
from tinygrad_np.core.primitive import registry
from tinygrad_np.inspect.coverage import public_names
from tinygrad_np.inspect.derivations import Convention, derivation_of, text
from tinygrad_np.inspect.derivations.composition import NotRecordedError, compose, step_lines
from tinygrad_np.inspect.derivations.derivation import entries
from tinygrad_np.inspect.derivations.names import UnknownNameError, all_names, find
from tinygrad_np.inspect.derivations.reading import notes_of
from tinygrad_np.inspect.derivations.stating import evaluate, holds
from tinygrad_np.inspect.derivations.working import deviation, work, work_function

SCIPY = importlib.util.find_spec("scipy") is not None
public_names()  # enters the rules for scipy.special, if SciPy is there
KEYS = [key for key in registry if key.startswith("tinygrad_np.")]
WRITTEN = [key for key in KEYS if key in entries()]
CONVENTIONS = [(key, c) for key, written in entries().items() if key in registry for c in written.conventions]


@pytest.fixture
def declare():
    """Declare primitives that are gone after the test."""
    before = dict(registry)
    yield primitive
    registry.clear()
    registry.update(before)


# -- the entries -----------------------------------------------------------------------------------------------------


def test_every_primitive_has_an_entry():
    assert sorted(set(KEYS) - set(entries())) == []


def test_no_entry_for_a_primitive_that_does_not_exist():
    without = (".scipy_", ".incomplete_gamma.")  # primitives of the rules for SciPy, entered if it is there
    known = {key for key in entries() if SCIPY or not any(part in key for part in without)}
    assert sorted(known - set(registry)) == []


@pytest.mark.parametrize("key", WRITTEN)
def test_says_something(key):
    op, found = registry[key], derivation_of(registry[key])
    assert " = " in found.formula
    assert len(found.derivation.split()) >= 10
    if not op.differentiable:
        assert len(entries()[key].why.split()) >= 3, "the reason why there is no derivative"
        return
    assert re.search(r"_dot|JVP|\bd[a-zA-Z]\w*\b", found.derivation), "the tangent"
    ruled = {*op.vjps, *(op.joint[0] if op.joint else ())}
    names = [] if op.variadic else [op.arrays[i] for i in ruled]
    assert "_bar" in found.derivation
    for name in names:
        assert re.search(rf"\b({name}|{name[0]})_bar", found.derivation), f"the cotangent of {name}"


@pytest.mark.parametrize("key", WRITTEN)
def test_the_example_agrees_with_differences(key):
    op, found = registry[key], derivation_of(registry[key])
    worked = work(op, found.at, found.options)
    assert bool(worked.moving) == op.differentiable
    for name in worked.moving:
        np.testing.assert_allclose(worked.bars[name], worked.bar_differences[name], rtol=1e-7, atol=1e-8)
    assert len(worked.y_dot) == len(worked.g)
    for dot, difference in zip(worked.y_dot, worked.y_dot_differences, strict=True):
        np.testing.assert_allclose(dot, difference, rtol=1e-7, atol=1e-8)
    if worked.moving:
        assert any(np.any(bar) for bar in worked.bars.values()), "an example whose gradient is 0 shows nothing"


@pytest.mark.parametrize(
    ("key", "convention"), CONVENTIONS, ids=[f"{key.rpartition('.')[2]}: {c.text}" for key, c in CONVENTIONS]
)
def test_convention(key, convention):
    assert holds(convention), f"{convention.call} is {evaluate(convention)}, stated is {convention.value}"


@pytest.mark.parametrize(
    ("call", "value"),
    [
        ("grad(nn.relu)(0.0)", 1.0),
        ("grad(np.sqrt)(0.0)", 1e300),
        ("vjp(np.maximum, 2.0, 2.0)[1](1.0)", (1.0, 0.0)),
        ("vjp(np.maximum, 2.0, 2.0)[1](1.0)", (0.5,)),
        ("grad(np.sum)(np.ones(2))", 1.0),  # the shape counts
        ("np.ones(2)", ValueError),
    ],
)
def test_a_convention_that_is_not_so_does_not_hold(call, value):
    assert not holds(Convention("", call, value))


def test_a_convention_may_be_that_something_is_refused():
    assert holds(Convention("", "np.ones(2)[5]", IndexError))
    with pytest.raises(TypeError):
        holds(Convention("", "np.ones(2) + None", IndexError))


# The conventions that the design promises, by the primitive that states them.
@pytest.mark.parametrize(
    ("key", "call"),
    [
        ("activations.relu", "grad(nn.relu)(0.0)"),
        ("reductions.max_op", "grad(np.max)(np.array([2.0, 2.0]))"),
        ("arithmetic.maximum", "grad(lambda x: np.maximum(x, 0))(0.0)"),
        ("arithmetic.absolute", "grad(np.abs)(0.0)"),
        ("arithmetic.sqrt", "vjp(np.sqrt, 0.0)[1](0.0)"),
        ("arithmetic.clip", "grad(lambda x: np.clip(x, -1, 1))(1.0)"),
        ("arithmetic.hypot", "vjp(np.hypot, 0.0, 0.0)[1](1.0)"),
        ("arithmetic.arctan2", "vjp(np.arctan2, 0.0, 0.0)[1](1.0)"),
        ("arithmetic.power", "grad(lambda x: x**0)(0.0)"),
        ("reductions.std_op", "grad(np.std)(np.ones(3))"),
        ("pooling.max_pool", "grad(lambda x: np.sum(nn.max_pool1d(x, 3)))(np.ones((1, 3, 1))).ravel()"),
        ("piecewise_activations.relu6", "grad(nn.relu6)(6.0)"),
    ],
)
def test_the_promised_conventions_are_stated(key, call):
    assert call in [convention.call for convention in entries()[f"tinygrad_np.ops.{key}"].conventions]


# -- derivations from docstrings -------------------------------------------------------------------------------------


def test_a_users_primitive_is_read_from_its_docstring(declare):
    @declare
    def cube(x):
        """Third power, y = x³ elementwise. dy = 3 x² dx, so x_bar = 3 x² g.

        Parameters
        ----------
        x : array

        Notes
        -----
        y[i] = x[i]³. By two products. Kept: x. Cost: 2 flops an element.

        References
        ----------
        Euclid.
        """
        return x**3

    found = derivation_of(cube)
    assert found.formula == "y[i] = x[i]³"
    assert found.derivation == "Third power, y = x³ elementwise. dy = 3 x² dx, so x_bar = 3 x² g."
    assert found.remarks == "By two products."
    assert (found.kept, found.cost, found.source) == ("x.", "2 flops an element.", "Euclid.")
    assert found.at is None


def test_what_has_no_docstring_has_no_derivation(declare):
    assert derivation_of(declare(lambda x: x)) is None


@pytest.mark.parametrize(
    ("doc", "formula", "derivation"),
    [
        ("y = Σ x over axes, linear. VJP: x_bar = g.", "y = Σ x over axes, linear", "VJP: x_bar = g."),
        ("tanh(x), elementwise. y' = 1 - y².", "y = tanh(x)", "y' = 1 - y²."),
        ("relu(x), elementwise. max(x, 0); y' = [x > 0].", "y = max(x, 0)", "y' = [x > 0]."),
        ("f(x, y), elementwise with broadcasting. z = x y: ∂x = y.", "z = x y", "∂x = y."),
        ("f(x, y), elementwise with broadcasting. ∂x = y.", "z = f(x, y)", "∂x = y."),
        ("erfcx(x), elementwise with broadcasting. exp(x²) erfc(x): y' = 2 x y.", "y = exp(x²) erfc(x)", "y' = 2 x y."),
        ("x_bar = g. It is linear.", "", "x_bar = g. It is linear."),
        (None, "", ""),
    ],
)
def test_sentences_of_a_docstring(doc, formula, derivation):
    assert notes_of(doc)[:2] == (formula, derivation)


# -- pages -----------------------------------------------------------------------------------------------------------


def test_a_wrong_rule_shows(declare):
    @declare
    def square(x):
        """y = x². x_bar = 3 x g, which is wrong."""
        return x**2

    square.defvjp("x")(lambda y, x: lambda g: g * 3 * x)
    worked = work(square, ([1.0, 2.0],), {})
    np.testing.assert_allclose(worked.bar_differences["x"], [2.0, 8.0])
    page = "\n".join(text.page_of_primitive(square))
    assert "finite differences deviate by 6e+00" in page
    assert "x_bar       = [ 2.25 -7.5  18.  ]\n    differences = [ 1.5 -5.  12. ]" in page
    assert "JVP" not in page.partition("example")[2].partition("rules")[0], "it has no JVP rule"


def test_the_page_shows_what_was_worked_out():
    page = "\n".join(text.page_of_primitive(registry["tinygrad_np.ops.reductions.sum_op"]))
    for shown in (
        "y = Σ_i x_i over the axes",
        "x_bar = g, spread over the axes.",
        "x           = [[ 1.   2.   4. ]\n                   [ 0.5 -1.   3. ]]",
        "y           = [7.  2.5]",
        "x_bar       = [[1. 1. 1.]\n                   [2. 2. 2.]]",
        "6 floating-point operations forward",
        "tinygrad_np/ops/reductions.py:",
    ):
        assert shown in page


@pytest.mark.parametrize("family", sorted({key.rpartition(".")[0] for key in WRITTEN}))
def test_pages_fit_the_width(family):
    for key in WRITTEN:
        if key.rpartition(".")[0] == family:
            lines = list(text.page_of_primitive(registry[key]))
            assert max(map(len, lines)) <= 100
            assert not any(re.search(r"\x1b|\t| $", line) for line in lines)


def test_the_list_names_every_primitive():
    listed = "\n".join(text.listing())
    assert [key for key in WRITTEN if not re.search(rf"\b{re.escape(registry[key].name)}\b", listed)] == []


# -- names and compositions ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "full", "key"),
    [
        ("tanh", "np.tanh", "elementary.tanh"),
        ("np.tanh", "np.tanh", "elementary.tanh"),
        ("numpy.matmul", "np.matmul", None),
        ("relu", "nn.relu", "activations.relu"),
        ("conv2d", "nn.conv2d", None),
        ("linalg.solve", "np.linalg.solve", None),
        ("floor", "np.floor", "nondifferentiable.floor"),
        ("lexsort", "np.lexsort", "nondifferentiable.lexsort_op"),
        ("softmax_cross_entropy", "softmax_cross_entropy", "cross_entropy.softmax_cross_entropy_op"),
        ("pooling.max_pool", "max_pool", "pooling.max_pool"),
        ("tinygrad_np.nn.gelu", "nn.gelu", None),
        ("stop_gradient", "tg.stop_gradient", None),
    ],
)
def test_names(name, full, key):
    found = find(name)
    assert found.name == full
    assert (found.op and found.op.key) == (key and f"tinygrad_np.ops.{key}")


@pytest.mark.skipif(not SCIPY, reason="needs SciPy")
def test_names_of_scipy():
    assert find("scipy.special.erf").op.key == "tinygrad_np.ops.scipy_table.erf"
    assert find("gammaln").name == "scipy.special.gammaln"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("conv2", "there is no operation 'conv2'; did you mean nn.conv2d"),
        ("np.tanhh", "did you mean np.tanh"),
        ("qqqq", "`tinygrad-np derive` lists all"),
        ("grad", "tinygrad_np.grad is no operation"),
        ("np.array", "np.stack"),
        ("np.linalg.nonsense.x", "there is no operation"),
    ],
)
def test_names_that_there_are_not(name, said):
    with pytest.raises(UnknownNameError, match=re.escape(said)):
        find(name)


def test_the_steps_of_a_composition():
    made = compose("np.kron", np.kron)
    assert step_lines(made) == [
        "t1 = reshape(x0, shape=(2, 1, 3, 1))",
        "t2 = reshape(x1, shape=(1, 1, 1, 3))",
        "t3 = multiply(t1, t2)",
        "t4 = reshape(t3, shape=(2, 9))",
    ]
    page = "\n".join(text.page_of_composition("np.kron", np.kron))
    assert "made of 4 operations, recorded with x0 (2, 3), x1 (3,)" in page
    assert all(f"tinygrad_np.ops.{key}\n" in page for key in ("shaping.reshape_op", "arithmetic.multiply"))


def test_a_function_around_one_primitive_has_the_page_of_that():
    page = "\n".join(text.page_of_composition("nn.conv2d", find("conv2d").function))
    assert page.startswith("\nnn.conv2d ")
    assert page.splitlines()[1].endswith("tinygrad_np.ops.convolution.conv_op")
    assert "made of" not in page


# What NumPy itself refuses to be called with those arrays, or has no derivative by convention.
APART = {"np.can_cast", "np.unravel_index", "np.ravel_multi_index", "np.einsum_path", "np.trim_zeros", "np.common_type",
         "np.histogram_bin_edges"}  # fmt: skip
NEED_SCIPY = set() if SCIPY else {"special.polygamma", "special.multigammaln"}
COMPOSED = [name for name in all_names() if find(name).op is None]


@pytest.mark.parametrize("place", ["nn", "np", "np.linalg", "np.fft", "special", "random"])
def test_examples_of_compositions_agree_with_differences(place):
    names = [name for name in COMPOSED if name.rpartition(".")[0] == place and name not in APART | NEED_SCIPY]
    assert names or place == "random"
    for name in names:
        try:
            made = compose(name, find(name).function)
        except NotRecordedError as error:
            raise AssertionError(name) from error
        worked = work_function(made.function, made.args, made.moving)
        assert deviation([worked.bars[m] for m in worked.moving], list(worked.bar_differences.values())) < 1e-7, name
        assert deviation(worked.y_dot, worked.y_dot_differences) < 1e-7, name


def test_what_cannot_be_recorded_says_why():
    with pytest.raises(NotRecordedError, match="none of the arguments"):
        compose("f", lambda s: s.upper())
    with pytest.raises(NotRecordedError, match="cannot be recorded: TypeError"):
        compose("f", lambda x: np.array([float(x[0])]))
    page = "\n".join(text.page_of_composition("f", lambda s: s.upper()))
    assert "made of\n    It takes none of the arguments" in page


def test_a_product_of_many_is_linear_in_each_not_in_all_together():
    page = " ".join(" ".join(text.page_of_primitive(registry["tinygrad_np.ops.linalg.einsum_op"], "einsum")).split())
    assert "y_dot = Σ_k einsum(..., xs_dot_k, ...), with xs_dot_k in the place of xs_k." in page
    assert "the operation itself: y_dot = einsum(xs_dot)" not in page


@pytest.mark.skipif(not importlib.util.find_spec("scipy"), reason="needs SciPy")
def test_a_base_of_two_terms_stands_in_brackets():
    page = lambda name: " ".join("\n".join(text.page_of_primitive(find(f"scipy.special.{name}")[2], name)).split())
    assert "∂x = (1 + x)^(λ-1), for the λ in front of the power cancels" in page("boxcox1p")
    assert "∂y = (z + 1)^(1-λ)" in page("inv_boxcox1p")
    assert "so ∂y = z^(1-λ)" in page("inv_boxcox")
