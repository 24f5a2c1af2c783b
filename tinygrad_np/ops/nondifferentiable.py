"""Functions without a derivative: comparisons, rounding, tests, orderings, questions about shape and type.

They are primitives without rules. Reverse and forward traces hand their values one level down, so a comparison of
Tensors under `grad` is a plain boolean array.
"""

from __future__ import annotations

import inspect
import math
import operator
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from ..core.batching import align, one_by_one, over_leading_axis, over_stack, shifted, to_front
from ..core.families import signature_of
from ..core.primitive import Primitive, primitive
from ..core.tensor import Array, Tensor, dtype_of, implements, shape_of

UNARY = (
    np.sign, np.floor, np.ceil, np.trunc, np.rint, np.isnan, np.isinf, np.isfinite, np.signbit, np.logical_not,
    np.invert, np.bitwise_count,
)  # fmt: skip
BINARY = (
    np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal,
    np.logical_and, np.logical_or, np.logical_xor, np.floor_divide,
    np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.left_shift, np.right_shift, np.gcd, np.lcm,
)  # fmt: skip

for _ufunc in (*UNARY, *BINARY):
    over_stack(
        Primitive(
            _ufunc,
            implements_=(_ufunc,),
            differentiable=False,
            signature=signature_of("x") if _ufunc.nin == 1 else signature_of("x", "y"),
            module=__name__,
        ),
        core=0,
    )


# -- batching rules --------------------------------------------------------------------------------------------------


def _default(op: Primitive, option: str) -> Any:
    return op.__signature__.parameters[option].default


def elementwise_rule(op: Primitive) -> None:
    """Give the rule to a function of one array that keeps its shape."""
    op.defbatch(lambda size, axes, x, **options: (op(x, **options), axes[0]))


def along_axis_rule(op: Primitive) -> None:
    """Give the rule to a function along one axis, or of the flattened array for axis=None."""

    def rule(size: int, axes: tuple[int], x: Array, **options: Any) -> tuple[Array, int]:
        x, axis = to_front(x, axes[0]), options.get("axis", _default(op, "axis"))
        shape = shape_of(x)[1:]
        if axis is not None:
            return op(x, **{**options, "axis": normalize_axis_index(axis, len(shape)) + 1}), 0
        keepdims = options.pop("keepdims", False) is True
        y = op(np.reshape(x, (size, math.prod(shape))), **{**options, "axis": 1})
        return (np.reshape(y, (size, *(1,) * len(shape))) if keepdims else y), 0

    op.defbatch(rule)


def reduction_rule(op: Primitive) -> None:
    """Give the rule to a reduction over axes, or over all of them for axis=None."""

    def rule(size: int, axes: tuple[int], x: Array, **options: Any) -> tuple[Array, int]:
        x, axis = to_front(x, axes[0]), options.get("axis")
        n = len(shape_of(x)) - 1
        over = tuple(range(n)) if axis is None else normalize_axis_tuple(axis, n)
        return op(x, **{**options, "axis": shifted(over)}), 0

    op.defbatch(rule)


def constant_rule(op: Primitive) -> None:
    """Give the rule to zeros_like and ones_like."""
    op.defbatch(lambda size, axes, a, **given: (op(a, **given), axes[0] if given.get("shape") is None else None))


def table_rule(op: Primitive, table: int) -> None:
    """Give the rule to an elementwise function of one argument that looks things up in the other, at `table`."""
    loop = one_by_one(op)

    def rule(size: int, axes: tuple[int | None, int | None], *xs: Array, **options: Any) -> tuple[Array, int | None]:
        return (op(*xs, **options), axes[1 - table]) if axes[table] is None else loop(size, axes, *xs, **options)

    op.defbatch(rule)


def agreement_rule(op: Primitive, agree: Callable[..., Array], fit: Callable[..., bool]) -> None:
    """Give the rule to a comparison of two whole arrays, from the elementwise one; shapes that do not fit differ."""

    def rule(size: int, axes: tuple[int | None, int | None], *xs: Array, **options: Any) -> tuple[Array, int]:
        shapes = [shape_of(to_front(x, a))[a is not None :] for x, a in zip(xs, axes, strict=True)]
        if not fit(*shapes):
            return np.zeros(size, bool), 0
        n = max(map(len, shapes))
        same = agree(*[align(size, x, a, n) for x, a in zip(xs, axes, strict=True)], **options)
        return np.all(same, axis=tuple(range(1, n + 1))), 0

    op.defbatch(rule)


def _broadcast(*shapes: tuple[int, ...]) -> bool:
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        return False
    return True


def data_dependent(op: Primitive) -> None:
    """Refuse to batch an operation whose result has a shape that depends on the values."""

    def rule(*_: Any, **__: Any) -> NoReturn:
        raise TypeError(
            f"{op.name} under vmap: the shape of the result depends on the values, so the examples' results do not fit "
            "into one array. Keep the shape: np.where(condition, x, 0) instead of x[condition], np.sum(condition) "
            "instead of counting elements; or write a loop over the examples."
        )

    op.defbatch(rule)


# -- functions of NumPy ----------------------------------------------------------------------------------------------


def declare(function: Callable[..., Any], *arrays: str) -> Primitive:
    """Make a NumPy function a primitive without rules; `arrays` names its array parameters, the rest are options."""
    parameters = inspect.signature(function).parameters
    options = {name: p.default for name, p in parameters.items() if name not in arrays and name != "out"}

    def forward(*values: Any, **given: Any) -> Any:
        return function(**dict(zip(arrays, values, strict=True)), **given)

    forward.__name__ = forward.__qualname__ = function.__name__
    forward.__wrapped__ = function  # type: ignore[attr-defined]
    op = Primitive(forward, differentiable=False, signature=signature_of(*arrays, **options), module=__name__)

    def facing(*args: Any, **kwargs: Any) -> Any:
        given = dict(zip(parameters, args, strict=False)) | kwargs
        return op(*[given.pop(name) for name in arrays], **given)

    facing.parameters = op.parameters  # type: ignore[attr-defined]
    implements(function, differentiable=False)(facing)
    return op


def _equal(x: Array, y: Array, equal_nan: bool = False) -> Array:
    same = np.equal(x, y)
    return np.logical_or(same, np.logical_and(np.isnan(x), np.isnan(y))) if equal_nan else same


_DECLARED: dict[Callable[[Primitive], None], tuple[Callable[..., Any], ...]] = {
    along_axis_rule: (np.argmax, np.argmin, np.argsort, np.argpartition),
    reduction_rule: (np.any, np.all, np.count_nonzero),
    elementwise_rule: (np.round, np.around),
    constant_rule: (np.zeros_like, np.ones_like),
    data_dependent: (np.nonzero, np.flatnonzero, np.argwhere),
}
for _rule, _functions in _DECLARED.items():
    for _function in _functions:
        _rule(declare(_function, "a"))
for _test in (np.fix, np.iscomplex, np.isreal, np.isneginf, np.isposinf):
    elementwise_rule(declare(_test, "x"))
isclose_op = declare(np.isclose, "a", "b")
over_stack(isclose_op, core=0)
agreement_rule(declare(np.allclose, "a", "b"), np.isclose, lambda *shapes: True)
agreement_rule(declare(np.array_equal, "a1", "a2"), _equal, operator.eq)
agreement_rule(declare(np.array_equiv, "a1", "a2"), np.equal, _broadcast)
table_rule(declare(np.searchsorted, "a", "v"), table=0)
table_rule(declare(np.isin, "element", "test_elements"), table=1)


@primitive(differentiable=False)
def lexsort_op(*keys: Array, axis: int) -> Any:
    """Order by several keys, the last one first."""
    return np.lexsort(keys, axis)


over_leading_axis(lexsort_op, "axis")


@implements(np.lexsort, differentiable=False)
def lexsort(keys: Any, axis: int = -1) -> Array:
    """As np.lexsort."""
    keys = tuple(keys)
    return lexsort_op(*keys, axis=normalize_axis_index(axis, len(shape_of(keys[0]))))


@primitive(differentiable=False)
def unravel_op(indices: Array, *, shape: Any, order: Any) -> Any:
    """Indices along the axes of a shape, from positions in the flat array."""
    return np.unravel_index(indices, shape, order)


elementwise_rule(unravel_op)


@implements(np.unravel_index, differentiable=False)
def unravel_index(indices: Array, shape: Any, order: str = "C") -> tuple[Array, ...]:
    """As np.unravel_index."""
    return unravel_op(indices, shape=shape, order=order)  # type: ignore[no-any-return]


@primitive(differentiable=False)
def ravel_multi_op(*multi_index: Array, dims: Any, mode: Any, order: Any) -> Any:
    """Positions in the flat array, from indices along the axes of a shape."""
    return np.ravel_multi_index(multi_index, dims, mode, order)


over_stack(ravel_multi_op, core=0)


@implements(np.ravel_multi_index, differentiable=False)
def ravel_multi_index(multi_index: Any, dims: Any, mode: Any = "raise", order: str = "C") -> Array:
    """As np.ravel_multi_index."""
    return ravel_multi_op(*multi_index, dims=dims, mode=mode, order=order)


# -- questions about shape and type ----------------------------------------------------------------------------------


@implements(np.empty_like, differentiable=False)
def empty_like(prototype: Any, dtype: Any = None, *, shape: Any = None) -> Array:
    """As np.empty_like, filled with zeros."""
    return np.zeros_like(prototype, dtype=dtype, shape=shape)


@implements(np.tril_indices_from, differentiable=False)
def tril_indices_from(arr: Any, k: int = 0) -> tuple[Array, ...]:
    """As np.tril_indices_from."""
    return np.tril_indices(*_rows_columns("np.tril_indices_from", arr, k))


@implements(np.triu_indices_from, differentiable=False)
def triu_indices_from(arr: Any, k: int = 0) -> tuple[Array, ...]:
    """As np.triu_indices_from."""
    return np.triu_indices(*_rows_columns("np.triu_indices_from", arr, k))


def _rows_columns(function: str, arr: Any, k: int) -> tuple[int, int, int]:
    if len(shape_of(arr)) != 2:
        raise ValueError(f"{function}: expected a matrix, got shape {shape_of(arr)}.")
    rows, columns = shape_of(arr)
    return rows, k, columns


@implements(np.diag_indices_from, differentiable=False)
def diag_indices_from(arr: Any) -> tuple[Array, ...]:
    """As np.diag_indices_from."""
    return np.diag_indices_from(np.broadcast_to(0, shape_of(arr)))


@implements(np.einsum_path, differentiable=False)
def einsum_path(*operands: Any, optimize: Any = "greedy") -> tuple[Any, str]:
    """As np.einsum_path; the shapes settle it."""
    return np.einsum_path(*[_shape_only(x) for x in operands], optimize=optimize)


def _shape_only(x: Any) -> Any:
    return np.broadcast_to(np.zeros((), x.dtype), x.shape) if type(x) is Tensor else x


@implements(np.can_cast, differentiable=False)
def can_cast(from_: Any, to: Any, casting: Any = "safe") -> bool:
    """As np.can_cast."""
    return np.can_cast(from_.dtype, to, casting)


@implements(np.common_type, differentiable=False)
def common_type(*arrays: Any) -> Any:
    """As np.common_type."""
    return np.common_type(*[np.empty(0, dtype_of(a)) for a in arrays])


@implements(np.shape, differentiable=False)
def shape(a: Any) -> tuple[int, ...]:
    """As np.shape."""
    return shape_of(a)


@implements(np.ndim, differentiable=False)
def ndim(a: Any) -> int:
    """As np.ndim."""
    return len(shape_of(a))


@implements(np.size, differentiable=False)
def size(a: Any, axis: int | None = None) -> int:
    """As np.size."""
    return int(np.prod(shape_of(a), dtype=np.int64)) if axis is None else shape_of(a)[axis]


@implements(np.result_type, differentiable=False)
def result_type(*arrays_and_dtypes: Any) -> np.dtype[Any]:
    """As np.result_type."""
    return np.result_type(*[x.dtype if type(x) is Tensor else x for x in arrays_and_dtypes])


@implements(np.iscomplexobj, differentiable=False)
def iscomplexobj(x: Any) -> bool:
    """As np.iscomplexobj."""
    return dtype_of(x).kind == "c"


@implements(np.isrealobj, differentiable=False)
def isrealobj(x: Any) -> bool:
    """As np.isrealobj."""
    return dtype_of(x).kind != "c"
