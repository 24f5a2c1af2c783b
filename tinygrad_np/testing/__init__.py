"""Tests of derivatives.

`check` holds a function to all its promises at inputs drawn by Hypothesis, `check_at` at one point; `check_grads`
compares derivatives with differences. The Hypothesis strategies are those of `tinygrad_np.testing.strategies`; they and
`check` need Hypothesis, which is imported when one of them is first used. `tinygrad_np.testing.plugin` is the pytest
plugin. It is imported in every run of pytest, so all names here are looked up on first use.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .gradients import Report, check_grads, check_vjp
    from .promises import Call, check_at
    from .result import Failure, Result
    from .search import check
    from .strategies import arrays, broadcastable, conv_geometry, dtypes, network_inputs, pool_geometry, shapes

_PLACES = {
    "gradients": ("Report", "check_grads", "check_vjp"),
    "promises": ("Call", "check_at"),
    "result": ("Failure", "Result"),
    "search": ("check",),
    "strategies": (
        "arrays", "broadcastable", "conv_geometry", "dtypes", "network_inputs", "pool_geometry", "shapes",
    ),
}  # fmt: skip

__all__ = [
    "Call", "Failure", "Report", "Result", "arrays", "broadcastable", "check", "check_at", "check_grads", "check_vjp",
    "conv_geometry", "dtypes", "network_inputs", "pool_geometry", "shapes",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    from importlib import import_module

    for place, names in _PLACES.items():
        if name in names:
            try:
                return getattr(import_module(f".{place}", __name__), name)
            except ModuleNotFoundError as error:
                if error.name != "hypothesis":
                    raise
                advice = f"tinygrad_np.testing.{name} needs Hypothesis, which is not installed: pip install hypothesis."
                raise ModuleNotFoundError(advice, name="hypothesis") from None
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
