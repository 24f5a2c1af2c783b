"""Functional automatic differentiation in NumPy: plain functions, plain np, gradients derived by hand."""

from . import ops as _ops  # noqa: F401  (declares what NumPy's functions do with Tensors)
from .core import tree
from .core.primitive import primitive
from .core.tensor import Tensor
from .ops.indexing import at
from .transforms.reverse import grad, value_and_grad, vjp
from .transforms.stop import stop_gradient

__version__ = "0.1.0"

__all__ = ["Tensor", "at", "grad", "primitive", "stop_gradient", "tree", "value_and_grad", "vjp"]
