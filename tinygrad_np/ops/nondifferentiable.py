"""Functions without a derivative: comparisons, rounding, tests, orderings, questions about shape and type.

They are primitives without rules. Reverse and forward traces hand their values one level down, so a comparison of
Tensors under `grad` is a plain boolean array.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.families import signature_of
from ..core.primitive import Primitive
from ..core.tensor import Tensor, dtype_of, implements, refuse, shape_of

UNARY = (
    np.sign, np.floor, np.ceil, np.trunc, np.rint, np.isnan, np.isinf, np.isfinite, np.signbit, np.logical_not,
)  # fmt: skip
BINARY = (
    np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal,
    np.logical_and, np.logical_or, np.logical_xor, np.floor_divide,
)  # fmt: skip

for _ufunc in (*UNARY, *BINARY):
    Primitive(
        _ufunc,
        implements_=(_ufunc,),
        differentiable=False,
        signature=signature_of("x") if _ufunc.nin == 1 else signature_of("x", "y"),
        module=__name__,
    )


def declare(function: Callable[..., Any], *arrays: str) -> Primitive:
    """Make a NumPy function a primitive without rules; `arrays` names its array parameters, the rest are options."""
    parameters = inspect.signature(function).parameters
    options = {name: p.default for name, p in parameters.items() if name not in arrays and name != "out"}

    def forward(*values: Any, **given: Any) -> Any:
        return function(**dict(zip(arrays, values, strict=True)), **given)

    forward.__name__ = forward.__qualname__ = function.__name__
    op = Primitive(forward, differentiable=False, signature=signature_of(*arrays, **options), module=__name__)

    def facing(*args: Any, **kwargs: Any) -> Any:
        given = dict(zip(parameters, args, strict=False)) | kwargs
        return op(*[given.pop(name) for name in arrays], **given)

    facing.parameters = op.parameters  # type: ignore[attr-defined]
    implements(function, differentiable=False)(facing)
    return op


_DECLARED: list[tuple[Callable[..., Any], tuple[str, ...]]] = [
    *((f, ("a",)) for f in (np.argmax, np.argmin, np.argsort, np.any, np.all, np.count_nonzero, np.nonzero, np.round)),
    *((f, ("a",)) for f in (np.flatnonzero, np.argwhere, np.zeros_like, np.ones_like)),
    *((f, ("a", "b")) for f in (np.isclose, np.allclose)),
    (np.array_equal, ("a1", "a2")),
    (np.searchsorted, ("a", "v")),
]
for _function, _arrays in _DECLARED:
    declare(_function, *_arrays)


refuse(
    "It wants plain values: pass tinygrad_np.stop_gradient(x), or return x from the function as aux (has_aux=True).",
    np.array2string, np.array_repr, np.array_str, np.save, np.savez, np.savez_compressed, np.savetxt,
)  # fmt: skip


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
