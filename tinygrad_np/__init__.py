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
    "elementwise_grad", "get_num_threads", "ggnvp", "grad", "grad_tap", "hessian", "hvp", "jacfwd", "jacobian",
    "jacrev", "jvp", "linear_transpose", "linearize", "nn", "optim", "primitive", "put_along_axis", "random",
    "save_only", "save_products", "set_num_threads", "special", "stop_gradient", "tree", "value_and_grad", "vjp",
    "vmap",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "data":  # on first use: reading files takes a quarter of the package's import time
        from importlib import import_module

        return import_module(".data", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
