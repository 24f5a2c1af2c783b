"""The same example for another library: its functions put in place of NumPy's and SciPy's, wherever they are named."""

import importlib
import types

import numpy as np

from tinygrad_np.inspect.coverage import public_names

NAMES = {f: names[0] for f, names in public_names().items()}


class AbsentError(Exception):
    """The other library has no such function."""


class Library:
    """What stands in for NumPy (and scipy.special): "jax.numpy" and "jax.scipy", "autograd.numpy" and "autograd.scipy"."""

    def __init__(self, name):
        self.name = name

    def module(self, module):
        """Find the like of a module of NumPy or SciPy."""
        try:
            return importlib.import_module(f"{self.name}.{module.__name__}")
        except ModuleNotFoundError:
            raise AbsentError(f"{self.name} has no {module.__name__}") from None

    def function(self, path):
        """Find the like of a function of NumPy or SciPy by its name."""
        place, _, attribute = path.rpartition(".")
        try:
            return getattr(importlib.import_module(f"{self.name}.{place}"), attribute)
        except (ModuleNotFoundError, AttributeError):
            raise AbsentError(f"{self.name} has no {path}") from None

    def of(self, thing):
        """Translate what an example is made of: a function, and what it names, encloses or has for defaults."""
        if isinstance(thing, types.ModuleType) and thing.__name__.split(".")[0] in ("numpy", "scipy"):
            return self.module(thing)
        if callable(thing) and _hashable(thing) and thing in NAMES:
            return self.function(NAMES[thing])
        if isinstance(thing, types.FunctionType) and thing.__module__.startswith("tinygrad_np.inspect.surface"):
            return self._rebuilt(thing)
        if isinstance(thing, types.FunctionType) and thing.__module__.startswith("numpy"):
            raise AbsentError(f"{thing.__module__}.{thing.__name__} is NumPy's own")
        return [self.of(part) for part in thing] if type(thing) is list else thing

    def _rebuilt(self, function):
        scope = function.__globals__
        known = {name: self.of(scope[name]) for name in _names(function.__code__) if name in scope}
        cells = tuple(types.CellType(self.of(cell.cell_contents)) for cell in function.__closure__ or ())
        defaults = tuple(self.of(value) for value in function.__defaults__ or ())
        return types.FunctionType(function.__code__, {**scope, **known}, function.__name__, defaults, cells)


def _names(code):
    """Names that a function and those inside it look up."""
    inner = [name for const in code.co_consts if isinstance(const, types.CodeType) for name in _names(const)]
    return {*code.co_names, *inner}


def _hashable(thing):
    return getattr(type(thing), "__hash__", None) is not None


def leaves(y):
    """Floating-point and complex arrays of an output, whoever made its containers."""
    if isinstance(y, tuple | list) or type(y).__name__ == "SequenceBox":
        return [leaf for part in y for leaf in leaves(part)]
    kind = np.dtype(getattr(y, "dtype", None) or np.asarray(y).dtype).kind
    if kind == "O":
        raise AbsentError("it makes an array of Python objects")
    return [y] if kind in "fc" else []
