"""What misuse of the transforms says: the text of each error (those of grad and vjp are in test_reverse)."""

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np import (
    checkpoint_chain,
    elementwise_grad,
    ggnvp,
    grad,
    hessian,
    hvp,
    jacfwd,
    jacobian,
    jacrev,
    jvp,
    linear_transpose,
    linearize,
    value_and_grad,
    vjp,
    vmap,
)  # fmt: skip

X = np.array([0.3, -1.1, 2.0])
A = np.ones((2, 3))
Z = X + 1j


def f(x):
    return np.sum(x**2)


def g(p, y):
    return p["a"] * y


def undeclared():
    @tg.primitive
    def half(x):
        return x / 2

    return half


INT = r"is 3 of type int; only floating-point and complex values have derivatives\. Convert it \(np\.asarray"
HOLOMORPHIC = (
    r"holomorphic=True, but the arguments hold an array of shape \(3,\) and dtype float64.*\.astype\(complex\)"
)
BRANCH = (
    r"vmap\(branch\): if, while, and, or, not and bool\(\) need one answer, but this value has one for each of the 2 "
    r"examples\. Write np\.where\(condition, a, b\), np\.logical_and"
)

ERRORS = {
    # jvp
    "jvp, int": (lambda: jvp(f, (3,), (1,)), TypeError, rf"jvp\(f\): x {INT}"),
    "jvp, bool leaf": (
        lambda: jvp(g, ({"a": np.ones(2, bool)}, X), ({"a": X}, X)), TypeError, r"jvp\(g\): p\['a'\] is an array .* bool"),
    "jvp, text leaf": (
        lambda: jvp(g, ({"a": X, "name": "net"}, X), ({"a": X, "name": 0}, X)), TypeError, r"p\['name'\] is 'net' of type str.*partition"),
    "jvp, shape": (
        lambda: jvp(g, ({"a": X}, X), ({"a": X}, X[:2])), ValueError,
        r"jvp\(g\): tangent 1 is an array of shape \(2,\) and dtype float64; primal 1 has shape \(3,\)"),
    "jvp, shape in a tree": (
        lambda: jvp(g, ({"a": X}, X), ({"a": A}, X)), ValueError, r"tangent 0\['a'\] is .*\(2, 3\).*primal 0\['a'\] has shape \(3,\)"),
    "jvp, structure": (lambda: jvp(g, ({"a": X}, X), ({"b": X}, X)), ValueError, r"tangent 0 does not match: at \['a'\]"),
    "jvp, None": (lambda: jvp(f, (X,), (None,)), ValueError, "tangent 0 does not match.*expected a leaf, got None"),
    "jvp, complex": (lambda: jvp(f, (X,), (Z,)), TypeError, "tangent 0 is complex128; primal 0 is float64"),
    "jvp, no tuple": (lambda: jvp(f, X, X), TypeError, r"jvp\(f\): primals is a tuple of one tree an argument, got an array"),
    "jvp, dict": (lambda: jvp(f, (X,), {"x": X}), TypeError, r"tangents is a tuple of one tree an argument, got \{"),
    "jvp, count": (lambda: jvp(f, (X,), (X, X)), ValueError, "1 primals and 2 tangents; give one an argument"),
    "jvp, output": (lambda: jvp(lambda x: {"y": "text"}, (X,), (X,)), TypeError, r"the output\['y'\] is 'text' of type str; expected"),
    "jvp, aux": (lambda: jvp(f, (X,), (X,), has_aux=True), TypeError, r"has_aux=True the function returns \(value, aux\), got a scalar"),
    "jvp, missing rule": (
        lambda: jvp(undeclared(), (X,), (X,)), TypeError,
        r"half has no JVP rule for its argument 'x'\. Declare one with half\.defjvp\('x'\), or pass tinygrad_np\.stop_gradient\(x\)"),
    # linearize, linear_transpose
    "linearize, int": (lambda: linearize(f, 3), TypeError, rf"linearize\(f\): x {INT}"),
    "linearize, tangent": (lambda: linearize(f, X)[1](X[:2]), ValueError, r"linearize\(f\): tangent 0 is .*\(2,\).*primal 0 has shape \(3,\)"),
    "linearize, count": (lambda: linearize(f, X)[1](X, X), ValueError, r"linearize\(f\): 1 primals and 2 tangents"),
    "transpose, nonlinear": (
        lambda: linear_transpose(f, X), ValueError, r"linear_transpose\(f\): the function is not linear in its arguments; use vjp"),
    "transpose, int": (lambda: linear_transpose(f, 3), TypeError, rf"linear_transpose\(f\): x {INT}"),
    # Jacobians and Hessians
    **{
        f"{jac.__name__}, {name}": (lambda jac=jac, call=call: call(jac), error, words.replace("JAC", jac.__name__))
        for jac in (jacfwd, jacrev, jacobian)
        for name, (call, error, words) in {
            "int": (lambda jac: jac(f)(3), TypeError, rf"JAC\(f\): x {INT}"),
            "argnums": (lambda jac: jac(f, argnums=1)(X), ValueError, r"JAC\(f\): argnums=1 needs more than the 1 positional"),
            "name": (lambda jac: jac(f, argnums="z")(X), ValueError, "argnums names 'z'.*the function's parameters are x"),
            "real": (lambda jac: jac(f, holomorphic=True)(X), TypeError, rf"JAC\(f\): {HOLOMORPHIC}"),
            "complex": (lambda jac: jac(np.sin)(Z), TypeError, "complex derivative is one number only for holomorphic functions"),
            "text": (lambda jac: jac(lambda x: "text")(X), TypeError, "the output is 'text' of type str; expected arrays"),
        }.items()
    },
    "hessian, int": (lambda: hessian(f)(3), TypeError, rf"x {INT}"),
    "hessian, argnums twice": (lambda: hessian(f, argnums=(0, "x"))(X), ValueError, "names the same argument twice"),
    "hvp, vector": (lambda: hvp(f, X, A), ValueError, r"tangent 0 is .*\(2, 3\).*primal 0 has shape \(3,\)"),
    "hvp, not scalar": (lambda: hvp(np.sin, X, X), TypeError, r"the loss has shape \(3,\).*np\.sum"),
    "ggnvp, not scalar": (lambda: ggnvp(np.sin, np.cos, X, X), TypeError, r"the loss has shape \(3,\).*np\.sum"),
    # elementwise_grad
    "elementwise, shape": (
        lambda: elementwise_grad(f)(X), ValueError,
        r"elementwise_grad\(f\): the output has shape \(\) and an argument \(3,\).*vmap\(grad\(f\)\).*jacobian"),
    "elementwise, broadcast": (
        lambda: elementwise_grad(np.add, argnums=1)(A, X), ValueError, r"output has shape \(2, 3\) and an argument \(3,\)"),
    "elementwise, tree": (lambda: elementwise_grad(lambda p: p["a"])({"a": X}), TypeError, "is a tree; an elementwise function maps arrays"),
    "elementwise, None": (lambda: elementwise_grad(lambda x: None)(X), TypeError, "is a tree"),
    "elementwise, complex": (lambda: elementwise_grad(np.sin)(Z), TypeError, "output is .*complex128.*holomorphic=True"),
    "elementwise, holomorphic": (lambda: elementwise_grad(np.conj, holomorphic=True)(Z), ValueError, "Jacobian is not diagonal"),
    "elementwise, int": (lambda: elementwise_grad(f)(3), TypeError, rf"elementwise_grad\(f\): x {INT}"),
    # vmap
    "vmap, lengths": (
        lambda: vmap(g)({"a": A}, X), ValueError,
        r"vmap\(g\): the batch axes differ in length: p\['a'\] has 2, y has 3\. in_axes=None shares an argument"),
    "vmap, scalar": (lambda: vmap(f)(3.0), ValueError, r"vmap\(f\): x has shape \(\) and no axis 0 to batch over; None shares it"),
    "vmap, no such axis": (lambda: vmap(f, in_axes=-3)(A), ValueError, r"x has shape \(2, 3\) and no axis -3"),
    "vmap, in_axes count": (lambda: vmap(f, in_axes=(0, 0))(A), ValueError, r"in_axes=\(0, 0\) for 1 positional arguments"),
    "vmap, in_axes dict": (lambda: vmap(g, in_axes={"a": 0})({"a": A}, A), ValueError, "for 2 positional arguments; give an int, or one entry"),
    "vmap, in_axes float": (lambda: vmap(f, in_axes=1.0)(A), ValueError, r"in_axes=1\.0"),
    "vmap, in_axes bool": (lambda: vmap(f, in_axes=(True,))(A), ValueError, r"in_axes of x: True is no axis \(an int or None\)"),
    "vmap, prefix": (
        lambda: vmap(g, in_axes=({"c": 0}, 0))({"a": A}, A), ValueError, r"in_axes of p: \{'c': 0\} .* no tree of axes that matches a tree \{'a': \*\}"),
    "vmap, deep prefix": (
        lambda: vmap(f, in_axes=({"a": [0]},))({"a": [A, A]}), ValueError, r"in_axes of x\['a'\]: \[0\] .* a tree \[\*, \*\]"),
    "vmap, none batched": (lambda: vmap(f, in_axes=None)(A), ValueError, "no argument has a batch axis; give at least one"),
    "vmap, text": (lambda: vmap(g)({"a": A}, "text"), TypeError, "y is 'text' of type str, which has no axis 0; give it None in in_axes"),
    "vmap, out_axes None": (lambda: vmap(lambda x: {"y": x}, out_axes=None)(A), ValueError, r"the output\['y'\] differs between examples"),
    "vmap, out_axes": (lambda: vmap(f, out_axes=1)(A), ValueError, r"the output of an example has shape \(\); no axis 1"),
    "vmap, out_axes tree": (lambda: vmap(f, out_axes=(0, 0))(A), ValueError, r"out_axes: \(0, 0\) is no axis"),
    "vmap, output": (lambda: vmap(lambda x: ["text"])(A), TypeError, r"the output\[0\] is 'text' of type str; expected arrays"),
    "vmap, assignment": (lambda: vmap(lambda x: x.__setitem__(0, 1.0))(A), TypeError, r"tinygrad_np\.at\(t\)\[index\]\.set"),
    "vmap, mask": (lambda: vmap(lambda x: x[x > 0])(A), TypeError, r"under vmap: .*mask.*np\.where\(mask, x, 0\)"),
    # checkpoint_chain
    "chain, budget": (
        lambda: grad(lambda x: np.sum(checkpoint_chain([np.sin], 1)(x)))(X), ValueError,
        r"no choice fits into budget_bytes=1; the 1 functions need at least about \d+ bytes\. Raise the budget"),
    "chain, budget of text": (lambda: checkpoint_chain([np.sin], "5"), TypeError, "budget_bytes='5' is no number of bytes"),
    "chain, negative budget": (lambda: checkpoint_chain([np.sin], -5), ValueError, "budget_bytes=-5 is negative"),
    "chain, one function": (lambda: checkpoint_chain(np.sin, 5), TypeError, "functions is a sequence of callables, got .*sin"),
    # grad and value_and_grad, where test_reverse has none
    "grad, real": (lambda: grad(f, holomorphic=True)(X), TypeError, rf"grad\(f\): {HOLOMORPHIC}"),
    "grad, loss not complex": (
        lambda: grad(lambda z: np.sum(np.real(z)), holomorphic=True)(Z), TypeError, "holomorphic=True, but the value hold a scalar .*float64"),
    "value_and_grad, list": (lambda: value_and_grad(lambda x: [x])(1.0), TypeError, "expected a real scalar"),
    "vjp, int": (lambda: vjp(f, 3), TypeError, rf"vjp\(f\): x {INT}"),
    "vjp, cotangent": (
        lambda: vjp(lambda x: {"y": x}, X)[1]({"y": X[:2]}), ValueError,
        r"the cotangent\['y'\] is an array of shape \(2,\) and dtype float64; the output\['y'\] has shape \(3,\)"),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_misuse_is_explained(name):
    action, error, words = ERRORS[name]
    with pytest.raises(error, match=f"(?s){words}"):
        action()


@pytest.mark.parametrize(
    "branch",
    [
        lambda x: x if np.sum(x) > 0 else -x,
        lambda x: (x[0] > 0) and x,
        lambda x: x * (not x[0] > 0),
        lambda x: bool(x[0]),
        lambda x: next(x for _ in range(1) if x[0] > 1),
        lambda x: max(x[0], x[1]),
        lambda x: grad(lambda y: y[0] if y[1] > 0 else y[2])(x),
    ],
)
def test_a_branch_under_vmap_is_explained(branch):
    branch.__name__ = "branch"
    with pytest.raises(TypeError, match=BRANCH):
        vmap(branch)(A)


def test_a_tensor_of_another_call_is_explained_by_every_transform():
    for transform, call in (
        ("jvp", lambda f: jvp(f, (X,), (X,))),
        ("vmap", lambda f: vmap(f)(A)),
        ("linearize", lambda f: linearize(f, X)),
        ("grad", lambda f: grad(lambda x: np.sum(f(x)))(X)),
    ):
        kept = []
        call(lambda x, kept=kept: (kept.append(x), x)[1])
        with pytest.raises(
            RuntimeError,
            match=rf"multiply: a Tensor of {transform}\(.*used after that call ended\. It escaped.*has_aux",
        ):
            kept[0] * 2
