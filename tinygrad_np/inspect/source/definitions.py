"""What a printed program stands on: expressions for values, and definitions of the functions that it calls.

A function of NumPy or of `tinygrad_np.kernels` is called by its name. Any other that has Python source, above all the
forward functions of `tinygrad_np.ops`, is written out, and with it what it uses in its turn. So the text needs nothing
but NumPy and the kernels.
"""

from __future__ import annotations

import ast
import builtins
import functools
import importlib
import math
import sys
import types
from typing import Any

import numpy as np

from ...core.primitive import Primitive
from . import syntax
from .inlining import inlined
from .layout import assigned

_PACKAGE = __name__.split(".")[0]
_KERNELS = f"{_PACKAGE}.kernels"
_SCIPY = ("scipy.special", "scipy.special._ufuncs")
_SMALL = 16  # elements up to which an array is written as a literal,
_LONG = 80  # if that has no more characters
_NUMPY = ("numpy", "numpy.linalg", "numpy.fft", "numpy.random", "numpy.lib.stride_tricks", "numpy.lib.array_utils")


class Definitions:
    """The definitions of one program, by name, in the order in which they can be executed.

    Parameters
    ----------
    reserved : iterable of str
        Names that the program uses otherwise.

    Attributes
    ----------
    imports : dict
        Name to the line that imports it.
    texts : dict
        Name to the text that defines it.
    saved : dict
        Name to an object that has no text: a large array, a function without source. Whoever runs the text passes it.
    """

    def __init__(self, reserved: set[str]) -> None:
        self.imports = {"np": "import numpy as np"}
        self.texts: dict[str, str] = {}
        self.saved: dict[str, Any] = {}
        self._taken = {"np", *reserved, *dir(builtins)}
        self._names: dict[int, tuple[str, Any]] = {}  # by identity; the objects are kept, so that it stays theirs

    def name(self, wish: str) -> str:
        """Take a name that is free, like the one that is wished for."""
        wish = syntax.identifier(wish)
        name = next(n for n in (wish, *(f"{wish}_{i}" for i in range(2, 10_000))) if n not in self._taken)
        self._taken.add(name)
        return name

    @property
    def names(self) -> set[str]:
        """All names that are given."""
        return {*self.imports, *(name for name, _ in self._names.values())}

    def name_of(self, x: Any) -> str | None:
        """Return the name that an object has been given."""
        return self._names[id(x)][0] if id(x) in self._names else None

    def alias(self, name: str) -> str:
        """Define another name for what has one, for a place where that one means something else."""
        other = self.name(name)
        self.texts[other] = f"{other} = {name}"
        return other

    # -- values --------------------------------------------------------------------------------------------------------

    def expression(self, x: Any, wish: str = "constant") -> str:
        """Return an expression that gives the value, to the last bit."""
        if (name := self.name_of(x)) is not None:
            return name
        if x is None or type(x) in _EXACT:
            return repr(x)
        if x is Ellipsis:
            return "..."
        if type(x) is float:
            return repr(x) if math.isfinite(x) else {math.inf: "np.inf", -math.inf: "-np.inf"}.get(x, "np.nan")
        if type(x) is complex:
            return f"complex({self.expression(x.real)}, {self.expression(x.imag)})"
        if isinstance(x, np.dtype):
            return f"np.dtype({x.name if x.isnative and x.kind in 'biufc' else x.str!r})"
        if isinstance(x, np.generic):
            return self._scalar(x, wish)
        if isinstance(x, slice):
            return f"slice({', '.join(self.expression(part, wish) for part in (x.start, x.stop, x.step))})"
        if type(x) in (tuple, list, set, frozenset, dict):
            return self._collection(x, wish)
        if type(x) is np.ndarray:
            return self._array(x, wish)
        if isinstance(x, tuple) and hasattr(x, "_fields"):
            return f"{self.expression(type(x))}({', '.join(self.expression(part, wish) for part in x)})"
        return self.reference(x, wish)

    def named(self, x: Any, wish: str) -> str:
        """Return an expression for a value that a function takes from its module: a long one gets a name."""
        text = self.expression(x, wish)
        if type(x) not in (tuple, list, dict) or len(text) < _LONG:
            return text
        name = self._register(x, wish)
        self.texts[name] = "\n".join(assigned(name, text, ""))
        return name

    def _scalar(self, x: np.generic, wish: str) -> str:
        if x.dtype.kind not in "biufc" or x.dtype.itemsize > (16 if x.dtype.kind == "c" else 8):
            return self.keep(x, wish)
        return f"np.{x.dtype.name}({self.expression(x.item())})"

    def _collection(self, x: Any, wish: str) -> str:
        if isinstance(x, dict):
            return "{" + ", ".join(f"{self.expression(k)}: {self.expression(v, wish)}" for k, v in x.items()) + "}"
        inside = ", ".join(self.expression(part, wish) for part in x)
        if isinstance(x, tuple):
            return f"({inside},)" if len(x) == 1 else f"({inside})"
        if isinstance(x, list):
            return f"[{inside}]"
        braces = "{" + inside + "}" if x else "set()"
        return braces if isinstance(x, set) else f"frozenset({braces})"

    def _array(self, x: Any, wish: str) -> str:
        """Write a small array, or one that is all the same; keep others."""
        spread = [i for i, (n, stride) in enumerate(zip(x.shape, x.strides, strict=True)) if n > 1 and not stride]
        if spread:
            one = x[tuple(slice(0, 1) if i in spread else slice(None) for i in range(x.ndim))]
            return f"np.broadcast_to({self._array(one.reshape(-1) if one.size == 1 else one, wish)}, {x.shape})"
        widest = {"f": 8, "c": 16}.get(x.dtype.kind, 8)
        if x.dtype.kind in "biufc" and x.flags.c_contiguous and x.dtype.isnative and x.dtype.itemsize <= widest:
            dtype, data, size = f"np.{x.dtype.name}", x.tobytes(), x.dtype.itemsize
            if not any(data):
                return f"np.zeros({x.shape}, {dtype})"
            if x.size > 1 and data == data[:size] * x.size:
                return f"np.full({x.shape}, {self.expression(x.flat[0].item())}, {dtype})"
            if x.size <= _SMALL and len(text := f"np.array({self.expression(x.tolist())}, {dtype})") <= _LONG:
                return text
        return self.keep(x, wish)

    def keep(self, x: Any, wish: str) -> str:
        """Take an object as it is: it is passed to the program."""
        name = self.name(wish)
        self._names[id(x)] = (name, x)
        self.saved[name] = x
        return name

    # -- functions, classes and modules --------------------------------------------------------------------------------

    def reference(self, x: Any, wish: str = "constant") -> str:
        """Return an expression for a function, a class, a module or another object."""
        if (name := self.name_of(x)) is not None:
            return name
        if isinstance(x, Primitive):
            return self.reference(x.forward, x.name)
        if isinstance(x, types.ModuleType):
            return self._module(x)
        if isinstance(x, functools.partial):
            parts = [self.reference(x.func), *[self.expression(a) for a in x.args]]
            parts += [f"{key}={self.expression(value)}" for key, value in x.keywords.items()]
            return f"{self._module(functools)}.partial({', '.join(parts)})"
        wrapped = getattr(x, "__wrapped__", None)
        if wrapped is not None and (isinstance(x, functools._lru_cache_wrapper) or _is_numpy(wrapped)):
            return self.reference(wrapped, wish)  # the value is the same with and without a cache
        if public := _public_name(x):
            return public if public.startswith("np.") or "." not in public else self._imported(public)
        return self._defined(x, wish)

    def _imported(self, public: str) -> str:
        module, _, name = public.rpartition(".")
        return f"{self._module(importlib.import_module(module))}.{name}"

    def _module(self, module: types.ModuleType) -> str:
        if module is np:
            return "np"
        if module.__name__.startswith("numpy.") and not module.__name__.startswith("numpy._"):
            importlib.import_module(module.__name__)
            return f"np{module.__name__[5:]}"
        if (known := self.name_of(module)) is not None:
            return known
        package, _, last = module.__name__.rpartition(".")
        name = self.name(last)
        line = f"from {package} import {last}" if package else f"import {last}"
        self.imports[name] = line + (f" as {name}" if name != last else "")
        self._names[id(module)] = (name, module)
        return name

    def _defined(self, x: Any, wish: str) -> str:
        """Write a definition, or keep the object if it has no source."""
        if isinstance(x, type) and issubclass(x, tuple) and hasattr(x, "_fields"):
            name = self._register(x, x.__name__)
            made = f"{self._module(importlib.import_module('collections'))}.namedtuple"
            self.texts[name] = f"{name} = {made}({name!r}, {x._fields!r})"
            return name
        if isinstance(x, types.FunctionType):
            wrapped = getattr(x, "__wrapped__", None)
            inner = wrapped if isinstance(wrapped, types.FunctionType) else x
            found, decorator = syntax.function_tree(inner), ""
            if found is not None and inner is not x:
                decorator = self._decorator(found, inner)
            if found is not None and (decorator or inner is x):
                name = self._register(x, inner.__name__ if inner.__name__ != "<lambda>" else wish)
                text = syntax.definition(name, found, syntax.Resolver(self, inner, found))
                self.texts[name] = decorator + text  # after what it uses
                return name
        if type(x).__module__.startswith(f"{_PACKAGE}.ops") and not getattr(x, "__dict__", None):
            name = self._register(x, type(x).__name__.upper())  # a mark, of which only the identity matters
            self.texts[name] = f"{name} = object()"
            return name
        return self.keep(x, wish)

    def _decorator(self, found: syntax.Function, f: types.FunctionType) -> str:
        """Return the line of the one decorator of a function if it is one of the kernels', "" otherwise."""
        names = [d.id for d in getattr(found, "decorator_list", []) if isinstance(d, ast.Name)]
        decorators = [f.__globals__.get(name) for name in names]
        if len(decorators) != 1 or not (_public_name(decorators[0]) or "").startswith(_KERNELS):
            return ""
        return f"@{self.reference(decorators[0])}\n"

    def _register(self, x: Any, wish: str) -> str:
        name = self.name(wish.removesuffix("_op").strip("_"))
        self._names[id(x)] = (name, x)
        return name

    # -- calls ---------------------------------------------------------------------------------------------------------

    def call(self, op: Primitive, args: list[str], options: dict[str, Any], arrays: set[str]) -> str:
        """Return the call of an operation's forward function; one that is a single expression stands there itself."""
        f = op.forward
        given = {key: self.expression(value, key) for key, value in options.items()}
        if isinstance(f, types.FunctionType) and not _public_name(f) and getattr(f, "__wrapped__", None) is None:
            found = syntax.function_tree(f)
            text = found and inlined(found, syntax.Resolver(self, f, found), args, given, arrays)
            if text:
                return text
        parts = [*args, *[f"{key}={value}" for key, value in given.items()]]
        return f"{self.reference(op, op.name)}({', '.join(parts)})"

    def needed_by_definitions(self) -> list[str]:
        """Return the names of objects without text that the definitions use."""
        used = {word for text in self.texts.values() for word in syntax.words(text)}
        return [name for name in self.saved if name in used]

    def lines(self, body: str) -> list[str]:
        """Return the imports and the definitions that a text needs."""
        found, used = set(syntax.words(body)), set[str]()
        while found - used:
            used |= found
            found = {word for name in used for word in syntax.words(self.texts.get(name, ""))}
        imports = [line for name, line in self.imports.items() if name in used and name != "np"]
        plain = sorted(line for line in imports if line.startswith("import"))
        ours = sorted(line for line in imports if line.startswith("from"))
        lines = [*plain, "", self.imports["np"], *ours] if plain else [self.imports["np"], *ours]
        for name, text in self.texts.items():
            if name in used:
                lines += ["", "", *text.split("\n")] if text.startswith(("def ", "@")) else ["", *text.split("\n")]
        return lines


_EXACT = (bool, int, str, bytes, range)


def _is_numpy(x: Any) -> bool:
    return (_public_name(x) or "").startswith("np.")


def _public_name(x: Any) -> str | None:
    """Return the name by which anyone can import an object: "np.linalg.det", "math.sqrt", "tuple"; None without one.

    Of this package that is what `kernels` has.
    """
    name = getattr(x, "__name__", None)
    if not isinstance(name, str) or not (callable(x) or isinstance(x, type)):
        return None
    for place in _NUMPY:
        if getattr(sys.modules.get(place), name, None) is x:
            return f"np{place[5:]}.{name}"
    if getattr(builtins, name, None) is x:
        return name
    module = getattr(x, "__module__", None) or ""
    if isinstance(x, np.ufunc):
        module = next((m for m in _SCIPY if getattr(sys.modules.get(m), name, None) is x), "")
    ours = module.split(".")[0] == _PACKAGE and not module.startswith(_KERNELS)
    stable = module.startswith(_KERNELS) or _is_installed(module)
    if ours or not stable or getattr(sys.modules.get(module), name, None) is not x:
        return None
    return f"{module}.{name}"


def _is_installed(module: str) -> bool:
    """Whether a module is of the standard library or of an installed package, rather than the user's own."""
    if module.split(".")[0] in sys.stdlib_module_names and module != "__main__":
        return True
    return "site-packages" in (getattr(sys.modules.get(module), "__file__", None) or "")
