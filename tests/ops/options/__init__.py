"""A Hypothesis strategy for every function of NumPy that takes options: `(function of arrays, arrays)`.

The options are drawn and bound in the function; the arrays are those that it is differentiated by. A differentiable
function with options that has no entry in OPTIONS fails `test_options`.
"""

import importlib
import pathlib

from .base import OPTIONS, SHAPED_BY_VALUES

for _file in sorted(pathlib.Path(__file__).parent.glob("[!_]*.py")):
    importlib.import_module(f"{__name__}.{_file.stem}")

__all__ = ["OPTIONS", "SHAPED_BY_VALUES"]
