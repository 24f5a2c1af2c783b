"""A drawn call of a primitive as a function of its differentiable arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinygrad_np.core.primitive import registry
from tinygrad_np.core.tensor import dtype_of


def differentiated(key: str, args: Any) -> list[int]:
    """Positions of the floating-point arguments that have a rule."""
    op = registry[key]
    floats = [i for i, x in enumerate(args) if dtype_of(x).kind in "fc"]
    return [i for i in floats if op.variadic or i in op.vjps or (op.joint and i in op.joint[0])]


def of_differentiated(key: str, args: Any, options: dict[str, Any]) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """The primitive as a function of its differentiable arguments alone, with its floating-point outputs, and these."""
    places = differentiated(key, args)

    def f(*xs: Any) -> Any:
        full = list(args)
        for i, x in zip(places, xs, strict=True):
            full[i] = x
        y = registry[key](*full, **options)
        return tuple(yk for yk in y if dtype_of(yk).kind in "fc") if isinstance(y, tuple) else y

    return f, tuple(args[i] for i in places)
