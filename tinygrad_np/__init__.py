"""Functional automatic differentiation in NumPy: plain functions, plain np, gradients derived by hand."""

from typing import Any

from . import nn, optim, random, special
from . import ops as _ops  # noqa: F401  (declares what NumPy's functions do with Tensors)
from .core import tree
from .core.primitive import primitive
from .core.tensor import Tensor
from .kernels import memory as _memory  # noqa: F401  (asks the C library to keep freed memory)
from .kernels.threads import get_num_threads, set_num_threads
from .ops.indexing import at, put_along_axis
from .transforms.batch import vmap
from .transforms.chain import checkpoint_chain
from .transforms.checkpoint import checkpoint, save_only, save_products
from .transforms.compile import compile
from .transforms.custom import custom_jvp, custom_vjp, grad_tap
from .transforms.debug import debug
from .transforms.derivatives import elementwise_grad, ggnvp, hessian, hvp, jacfwd, jacobian, jacrev
from .transforms.forward import jvp, linear_transpose, linearize
from .transforms.reverse import grad, value_and_grad, vjp
from .transforms.stop import stop_gradient

__version__ = "0.1.0"

__all__ = [
    "Tensor", "at", "checkpoint", "checkpoint_chain", "compile", "custom_jvp", "custom_vjp", "data", "debug",
    "elementwise_grad", "get_num_threads", "ggnvp", "grad", "grad_tap", "hessian", "hvp", "inspect", "jacfwd",
    "jacobian", "jacrev", "jvp", "linear_transpose", "linearize", "models", "nn", "optim", "precision", "primitive",
    "put_along_axis", "random", "save_only", "save_products", "set_num_threads", "special", "stop_gradient", "testing",
    "training", "tree", "value_and_grad", "vjp", "vmap", "why_zero",
]  # fmt: skip

# Imported on first use, since most programs need none of them: the rooms, and functions by the room they are in.
_ROOMS = ("data", "inspect", "models", "testing", "training")
_FUNCTIONS = {"precision": "inspect", "why_zero": "inspect"}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _ROOMS:
        return import_module(f".{name}", __name__)
    if name in _FUNCTIONS:
        return getattr(import_module(f".{_FUNCTIONS[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
