"""Derivatives as arrays: Jacobians and Hessians; and their products with a vector."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import tree
from ..core.tensor import Array, bottom, dtype_of, name_of, shape_of
from .arguments import Argnums, as_kind_of, check_holomorphic, describe, leaves_of, outputs_of, own, resolve
from .batch import vmap
from .forward import jvp
from .reverse import grad, vjp


def jacfwd(f: Callable[..., Any], argnums: Argnums = 0, holomorphic: bool = False) -> Callable[..., Any]:
    """Return the Jacobian of a function by forward mode: all directions of the input at once.

    Parameters
    ----------
    f : callable
        Of trees of arrays, returns a tree of arrays.
    argnums : int, str or sequence of them
        Which arguments to differentiate; as for `grad`.
    holomorphic : bool
        Promise that f is holomorphic, for complex arguments.

    Returns
    -------
    callable
        Of f's arguments. It returns, for each leaf of f's output, a tree like the differentiated argument (for a
        sequence of argnums a tuple of them), whose leaves have the output's shape followed by the input's.

    Notes
    -----
    J[i, j] = ∂y_i / ∂x_j. f is evaluated once, beside the tangents along the n unit vectors of the input, batched.
    Cheaper than `jacrev` where the input has fewer elements than the output.

    Examples
    --------
    >>> jacfwd(lambda x: x**2)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """

    @functools.wraps(f, updated=())
    def jacfwd_f(*args: Any, **kwargs: Any) -> Any:
        g, primals, one = _differentiated(f, argnums, args, kwargs, "jacfwd", holomorphic)
        leaves, structure = tree.flatten(primals)
        if not leaves:
            return tree.map(lambda _: _first(primals, one), g(*primals))
        if not holomorphic:
            _refuse_complex(leaves, f"jacfwd({name_of(f)}): the argument")
        along = lambda *dots: jvp(g, primals, dots)
        y, y_dots = vmap(along, out_axes=(None, -1))(*tree.unflatten(structure, _basis(leaves)))
        blocks = tree.leaves(y_dots)
        ends = np.cumsum([math.prod(shape_of(leaf)) for leaf in leaves])[:-1]
        outputs, out_structure = tree.flatten(y)
        jacobians = []
        for leaf, block in zip(outputs, blocks, strict=True):
            parts = np.split(block, ends, axis=-1)
            shaped = [np.reshape(p, (*shape_of(leaf), *shape_of(x))) for p, x in zip(parts, leaves, strict=True)]
            jacobians.append(_owned(tree.unflatten(structure, shaped), one))
        return tree.unflatten(out_structure, jacobians)

    return jacfwd_f


def jacrev(f: Callable[..., Any], argnums: Argnums = 0, holomorphic: bool = False) -> Callable[..., Any]:
    """Return the Jacobian of a function by reverse mode: all elements of the output at once.

    Parameters and result as for `jacfwd`. f is evaluated once; its pullback is run on the m unit vectors of the output,
    batched. Cheaper than `jacfwd` where the output has fewer elements than the input.

    Examples
    --------
    >>> jacrev(np.sum)(np.array([1.0, 2.0]))
    array([1., 1.])
    """

    @functools.wraps(f, updated=())
    def jacrev_f(*args: Any, **kwargs: Any) -> Any:
        g, primals, one = _differentiated(f, argnums, args, kwargs, "jacrev", holomorphic)
        y, pullback = vjp(g, *primals)
        leaves, structure = outputs_of(y, f"jacrev({name_of(f)})")
        if holomorphic:
            check_holomorphic(leaves, f"jacrev({name_of(f)})", "the outputs")
        else:
            _refuse_complex(leaves, f"jacrev({name_of(f)}): the output")
        if not leaves:
            return y
        sizes = [math.prod(shape_of(leaf)) for leaf in leaves]
        basis = tree.unflatten(structure, _basis(leaves))
        if sizes == [1]:  # one pullback needs no batch
            gradient = tree.map(functools.partial(_row, leaves[0]), pullback(tree.map(lambda e: e[0], basis)))
            return tree.unflatten(structure, [_first(gradient, one)])
        bars = vmap(pullback)(basis)
        ends = [0, *np.cumsum(sizes).tolist()]
        jacobians = []
        for leaf, start, end in zip(leaves, ends[:-1], ends[1:], strict=True):
            rows = tree.map(lambda b: np.reshape(b[start:end], (*shape_of(leaf), *shape_of(b)[1:])), bars)
            jacobians.append(_owned(rows, one))
        return tree.unflatten(structure, jacobians)

    return jacrev_f


def jacobian(f: Callable[..., Any], argnums: Argnums = 0, holomorphic: bool = False) -> Callable[..., Any]:
    """Return the Jacobian of a function by whichever of `jacfwd` and `jacrev` takes fewer passes.

    Parameters and result as for `jacfwd`. f is evaluated once more to count its outputs.

    Examples
    --------
    >>> jacobian(lambda x: x[:1] * x[1:])(np.array([2.0, 3.0]))
    array([[3., 2.]])
    """

    @functools.wraps(f, updated=())
    def jacobian_f(*args: Any, **kwargs: Any) -> Any:
        _, primals, _ = _differentiated(f, argnums, args, kwargs, "jacobian", holomorphic)
        inputs = sum(math.prod(shape_of(leaf)) for leaf in tree.leaves(primals))
        outputs = sum(math.prod(shape_of(leaf)) for leaf in tree.leaves(f(*args, **kwargs)))
        mode = jacrev if outputs < inputs else jacfwd
        return mode(f, argnums, holomorphic)(*args, **kwargs)

    return jacobian_f


def hessian(f: Callable[..., Any], argnums: Argnums = 0, holomorphic: bool = False) -> Callable[..., Any]:
    """Return the second derivatives of a function, forward over reverse.

    Parameters as for `jacfwd`.

    Returns
    -------
    callable
        Of f's arguments. For an array x (n,) and a scalar f it returns the Hessian (n, n); in general, for each leaf of
        the output, a tree like the argument of trees like the argument.

    Notes
    -----
    H[i, j] = ∂²y / ∂x_i ∂x_j. One gradient is evaluated, beside its tangents along the n unit vectors at once. For a
    product with a vector alone, `hvp` needs no matrix.

    Examples
    --------
    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 3.0]))
    array([[6., 2.],
           [2., 0.]])
    """
    return jacfwd(jacrev(f, argnums, holomorphic), argnums, holomorphic)


def hvp(f: Callable[..., Any], x: Any, v: Any, *args: Any) -> Any:
    """Return the product of the Hessian of a scalar function with a vector, without the Hessian.

    Parameters
    ----------
    f : callable
        ``f(x, *args)`` is a real scalar.
    x, v : trees
        The point, and the vector: a tree like x.
    *args
        Further arguments, held constant.

    Returns
    -------
    tree
        H v, like x. It costs a few times f, and the memory of `grad`: the gradient is differentiated forward along v.

    Examples
    --------
    >>> hvp(lambda x: np.sum(x**3), np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    array([6., 0.])
    """
    return jvp(grad(lambda x: f(x, *args)), (x,), (v,))[1]


def ggnvp(model: Callable[..., Any], loss: Callable[[Any], Any], x: Any, v: Any, *args: Any) -> Any:
    """Return the product of the generalised Gauss-Newton matrix with a vector, without the matrix.

    Parameters
    ----------
    model : callable
        ``z = model(x, *args)``, a tree of arrays.
    loss : callable
        ``loss(z)`` is a real scalar, best a convex function of z.
    x, v : trees
        The point, and the vector: a tree like x.
    *args
        Further arguments of the model, held constant.

    Returns
    -------
    tree
        G v = Jᵀ H J v with the model's Jacobian J and the loss's Hessian H, like x.

    Notes
    -----
    The Hessian of loss(model(x)) without the model's own curvature; where the loss is convex it is positive
    semi-definite. Schraudolph, Fast curvature matrix-vector products for second-order gradient descent, 2002.

    Examples
    --------
    >>> model = lambda x: x[0] * np.array([1.0, 2.0])
    >>> ggnvp(model, lambda z: np.sum(z**2) / 2, np.array([5.0]), np.array([1.0]))
    array([5.])
    """
    z, pullback = vjp(lambda x: model(x, *args), x)
    z_dot = jvp(lambda x: model(x, *args), (x,), (v,))[1]
    return pullback(hvp(loss, z, z_dot))[0]


def elementwise_grad(f: Callable[..., Any], argnums: Argnums = 0, holomorphic: bool = False) -> Callable[..., Any]:
    """Return the derivative of an elementwise function, element by element.

    Parameters
    ----------
    f : callable
        Each element of its output depends on the elements of its arguments at the same place only.
    argnums : int, str or sequence of them
        As for `grad`.
    holomorphic : bool
        Promise that f is holomorphic, for complex arguments.

    Returns
    -------
    callable
        Of f's arguments, returns ∂y_i / ∂x_i in the shape of x.

    Raises
    ------
    ValueError
        At the call, if f is not elementwise: output and argument differ in shape, or J is not diagonal.

    Notes
    -----
    The Jacobian J is diagonal, so its diagonal d is Jᵀ 1. That J is diagonal is checked with one more pullback of
    irregular numbers r, for which Jᵀ r = d r; for another J, Jᵀ 1 would silently be sums of derivatives.

    Examples
    --------
    >>> elementwise_grad(np.sin)(np.array([0.0, np.pi]))
    array([ 1., -1.])
    """

    @functools.wraps(f, updated=())
    def elementwise_grad_f(*args: Any, **kwargs: Any) -> Any:
        origin = f"elementwise_grad({name_of(f)})"
        g, primals, one = _differentiated(f, argnums, args, kwargs, "elementwise_grad", holomorphic)
        y, pullback = vjp(g, *primals)
        outputs, _ = outputs_of(y, origin)
        if not all(tree.is_leaf(x) for x in (y, *primals)):
            raise TypeError(f"{origin}: the argument or the output is a tree; an elementwise function maps arrays.")
        if not holomorphic:
            _refuse_complex(outputs, f"{origin}: the output")
        for x in primals:
            if shape_of(x) != shape_of(y):
                raise ValueError(
                    f"{origin}: the output has shape {shape_of(y)} and an argument {shape_of(x)}; an elementwise "
                    "function keeps the shape. Use vmap(grad(f)) for a function of each row, jacobian for any other."
                )
        diagonals = pullback(as_kind_of(y, np.ones(shape_of(y), dtype_of(y))))
        r = _irregular(shape_of(y), dtype_of(y))
        for d, pulled in zip(diagonals, pullback(as_kind_of(y, r)), strict=True):
            _check_diagonal(d * r, pulled, origin)
        return _first(diagonals, one)

    return elementwise_grad_f


def _irregular(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    n = 1.7 * np.arange(1, math.prod(shape) + 1)
    r = np.sin(n) + 1.3
    return (r + 1j * np.cos(n) if dtype.kind == "c" else r).reshape(shape).astype(dtype)


def _check_diagonal(expected: Array, pulled: Array, origin: str) -> None:
    eps = float(np.finfo(dtype_of(pulled)).eps)
    with np.errstate(all="ignore"):
        apart = np.any(np.abs(pulled - expected) > 1e3 * eps * np.max(np.abs(expected) + np.abs(pulled), initial=0))
    if np.any(bottom(apart)):  # of any example, under vmap
        raise ValueError(
            f"{origin}: the function is not elementwise: its Jacobian is not diagonal. "
            "Use vmap(grad(f)) for a function of each row, jacobian for the whole matrix."
        )


def _differentiated(
    f: Callable[..., Any], argnums: Argnums, args: tuple[Any, ...], kwargs: dict[str, Any], name: str, holomorphic: bool
) -> tuple[Callable[..., Any], tuple[Any, ...], bool]:
    """Return f as a function of the arguments to differentiate alone, those arguments, and whether they are one."""
    origin = f"{name}({name_of(f)})"
    keys, one = resolve(f, argnums, args, kwargs, origin)
    primals = tuple(kwargs[k] if isinstance(k, str) else args[k] for k in keys)
    leaves, _ = leaves_of(f, keys, primals, origin)
    if holomorphic:
        check_holomorphic(leaves, origin, "the arguments")

    @functools.wraps(f, updated=())
    def g(*chosen: Any) -> Any:
        arguments, keywords = list(args), dict(kwargs)
        for key, x in zip(keys, chosen, strict=True):
            if isinstance(key, str):
                keywords[key] = x
            else:
                arguments[key] = x
        return f(*arguments, **keywords)

    return g, primals, one


def _refuse_complex(leaves: Sequence[Any], what: str) -> None:
    for leaf in leaves:
        if dtype_of(leaf).kind == "c":
            raise TypeError(
                f"{what} is {describe(leaf)}: a complex derivative is one number only for holomorphic functions. Say "
                "holomorphic=True if it is one, or differentiate real and imaginary parts apart."
            )


def _basis(leaves: Sequence[Any]) -> list[Array]:
    """Return the unit vectors of trees of arrays: each leaf with one more axis in front, of the number of elements."""
    sizes = [math.prod(shape_of(leaf)) for leaf in leaves]
    total, start, basis = sum(sizes), 0, []
    for leaf, n in zip(leaves, sizes, strict=True):
        rows = np.zeros((total, n), dtype_of(leaf))
        rows[np.arange(start, start + n), np.arange(n)] = 1
        basis.append(rows.reshape(total, *shape_of(leaf)))
        start += n
    return basis


def _row(y: Any, x_bar: Any) -> Array:
    """Return the derivatives of the only element of y in the shape of a Jacobian, as an array also of numbers."""
    shape = shape_of(y)
    return x_bar if shape == () != shape_of(x_bar) else np.reshape(x_bar, (*shape, *shape_of(x_bar)))


def _first(trees: tuple[Any, ...], one: bool) -> Any:
    return trees[0] if one else trees


def _owned(trees: tuple[Any, ...], one: bool) -> Any:
    """Copy views of a whole batch of derivatives, which would keep it alive."""
    return _first(tree.map(own, trees), one)
