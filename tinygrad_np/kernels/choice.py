"""Which algorithm computes a correlation or one of its transposes: a rule of cost, from shapes and strides alone."""

from collections.abc import Callable
from typing import Any

from tinygrad_np.kernels import by_columns
from tinygrad_np.kernels.columns import Array, Geometry

_BY_COLUMNS = {
    "correlate": by_columns.correlate,
    "kernel_gradient": by_columns.kernel_gradient,
    "input_gradient": by_columns.input_gradient,
}


def algorithm(which: str, geometry: Geometry, a: Array, b: Array, dtype: Any) -> Callable[..., Array]:
    """Give the function `(geometry, a, b, dtype) -> result in dtype` for "correlate" or one of its two transposes."""
    return _BY_COLUMNS[which]
