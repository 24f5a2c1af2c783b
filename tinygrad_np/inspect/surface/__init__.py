"""The NumPy surface: for every function of NumPy with a derivative here, calls to try it with.

The coverage table is measured on these calls, the tests draw on them, and so do the comparisons with other libraries.
Every module of this room enters its examples in the one table.
"""

from importlib import import_module
from pkgutil import iter_modules

from .base import EXAMPLES, REAL_ONLY, Example
from .unreachable import UNREACHABLE

for _module in iter_modules(__path__):
    import_module(f".{_module.name}", __name__)

__all__ = ["EXAMPLES", "REAL_ONLY", "UNREACHABLE", "Example"]
