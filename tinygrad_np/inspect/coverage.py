"""The coverage table: each function of NumPy in one of four classes, the differentiable ones with what was measured."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import inspect
import operator
import sys
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from ..core.primitive import Primitive
from ..core.tape import Tape
from ..core.tensor import constants, implementations, refusals
from ..core.trace import QuietCollector
from ..ops.refusals import enter as enter_refusals
from ..ops.scipy_table import enter
from .columns import COLUMNS, NotApplicable
from .surface import EXAMPLES, REAL_ONLY, UNREACHABLE, Example

DIFFERENTIABLE, CONSTANT = "differentiable", "non-differentiable"
REFUSED, UNSEEN = "refused", "cannot be intercepted"
CLASSES = (DIFFERENTIABLE, CONSTANT, REFUSED, UNSEEN)

_PUBLIC = (
    "numpy", "numpy.linalg", "numpy.fft", "numpy.strings", "numpy.lib.stride_tricks", "numpy.lib.scimath",
    "numpy.lib.recfunctions", "numpy.char", "numpy.polynomial.polynomial",
)  # fmt: skip
_SCIPY = ("scipy.special",)
_LATE = ("numpy.char", "numpy.polynomial")  # their functions are known to be overridable once they are imported
_UNDECLARED = (
    "It is new to this version of NumPy. Write it with supported functions, or declare it with tinygrad_np.primitive."
)
_PRIVATE = "numpy._core.umath"  # helpers of numpy.strings and the like, ufuncs too


@dataclasses.dataclass
class Row:
    """One function: its class and what was measured.

    Attributes
    ----------
    name : str
        As users write it: "numpy.linalg.solve".
    kind : str or None
        "primitive" if a call is one operation with its own rules, "composed" if it is made of others.
    vjp, jvp, second_order, vmap, complex : bool or None
        Whether its examples pass the checks of `tinygrad_np.inspect.columns`; None where NumPy itself does not do it,
        or the function has no derivative.
    reason : str or None
        Why it is refused or cannot be intercepted, and what to write instead.
    aliases : list of str
        Its other names.
    gaps : dict
        For each column that is False, an example of what went wrong.
    """

    name: str
    class_: str
    kind: str | None = None
    vjp: bool | None = None
    jvp: bool | None = None
    second_order: bool | None = None
    vmap: bool | None = None
    complex: bool | None = None
    reason: str | None = None
    aliases: list[str] = dataclasses.field(default_factory=list)
    gaps: dict[str, str] = dataclasses.field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the row for JSON; the class is called "class"."""
        facts = dataclasses.asdict(self)
        return {"name": facts.pop("name"), "class": facts.pop("class_"), **facts}


def overridable() -> set[Callable[..., Any]]:
    """All ufuncs and functions that NumPy says can be overridden."""
    for place in _LATE:
        importlib.import_module(place)
    from numpy.testing.overrides import get_overridable_numpy_array_functions, get_overridable_numpy_ufuncs

    return {*get_overridable_numpy_ufuncs(), *get_overridable_numpy_array_functions()}


def surface() -> dict[str, list[Callable[..., Any]]]:
    """Return all that the table is about, by name: what can be overridden, and what is served beyond that.

    NumPy may have several objects for one name: np.eye exists once more behind its like=.
    """
    names = public_names()
    enter_refusals()
    known = [f for f in (*implementations, *refusals) if f in names]
    found: dict[str, list[Callable[..., Any]]] = {}
    for function in dict.fromkeys([*sorted(overridable(), key=_own_name), *known]):
        name = names[function][0] if function in names else _own_name(function)
        found.setdefault(name, []).append(function)
    return found


def public_names() -> dict[Any, list[str]]:
    """Return the public names of each callable of NumPy and scipy.special; the one it bears itself stands first."""
    names: dict[Any, list[str]] = {operator.getitem: ["operator.getitem"], np.ndarray.astype: ["numpy.ndarray.astype"]}
    for place in _PUBLIC + (_SCIPY if _has_scipy() else ()):
        for name, value in vars(importlib.import_module(place)).items():
            if callable(value) and not name.startswith("_") and not isinstance(value, type):
                names.setdefault(value, []).append(f"{place}.{name}")
    for function, given in names.items():
        given.sort(key=lambda name: name.rpartition(".")[2] != getattr(function, "__name__", ""))
    if _has_scipy():
        enter()
    return names


def _has_scipy() -> bool:
    return importlib.util.find_spec("scipy") is not None


def _own_name(function: Callable[..., Any]) -> str:
    """Name what is not public: the ufunc behind a function of the same name like this one, any other by its place."""
    if not isinstance(function, np.ufunc):
        return f"{function.__module__}.{function.__name__}"
    places = [place for place in _PUBLIC if hasattr(sys.modules[place], function.__name__)]
    return f"{(*places, _PRIVATE)[0]}.{function.__name__}"


def classes_of(name: str, functions: list[Callable[..., Any]]) -> list[str]:
    """Return the classes in which a name stands: one, if all is well. A function without NumPy's is one of ours."""
    ours = not functions and name in EXAMPLES
    found = {
        DIFFERENTIABLE: any(f in implementations and f not in constants for f in functions) or ours,
        CONSTANT: any(f in constants for f in functions),
        REFUSED: any(f in refusals for f in functions),
        UNSEEN: name in UNREACHABLE,
    }
    return [class_ for class_ in CLASSES if found[class_]]


def rows() -> Iterator[Row]:
    """Measure the whole table, row by row: the classes in order, the names in alphabetical order."""
    names, known = public_names(), surface()
    others = {alias: name for f, given in names.items() for name in given[:1] for alias in given[1:]}
    for name in (*EXAMPLES, *UNREACHABLE):
        if others.get(name, name) not in known:  # functions of SciPy around a ufunc, and forms of calls
            known[name] = []
    aliases: dict[str, list[str]] = {}
    for alias, name in others.items():
        aliases.setdefault(name, []).append(alias)
    table = {name: (classes_of(name, functions) or [REFUSED])[0] for name, functions in known.items()}
    for name in sorted(known, key=lambda name: (CLASSES.index(table[name]), name)):
        row = Row(name, table[name], aliases=sorted(aliases.get(name, [])))
        if row.class_ == DIFFERENTIABLE:
            _measure(row, known[name])
        elif row.class_ == REFUSED:
            row.reason = next((refusals[f] for f in known[name] if f in refusals), _UNDECLARED)
        elif row.class_ == UNSEEN:
            row.reason = "{} Instead: {}".format(*UNREACHABLE[name])
        yield row


def examples_of(row: Row) -> list[Example]:
    """Return the examples of a function under all its names."""
    return [call for name in (row.name, *row.aliases) for call in EXAMPLES.get(name, [])]


def measure(column: str, name: str, example: Example) -> bool | None:
    """Check one column with one example; return True, or None where NumPy itself does not do it. Else it raises."""
    if column == "complex" and name in REAL_ONLY:
        return None
    f, xs = example
    rng = np.random.default_rng(zlib.crc32(f"{name} {column}".encode()))
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            COLUMNS[column](f, xs, rng)
        except NotApplicable:
            return None
    return True


def _measure(row: Row, functions: list[Callable[..., Any]]) -> None:
    examples = examples_of(row)
    row.kind = _kind(functions, examples)
    for column in COLUMNS:
        found: set[bool | None] = set()
        for example in examples:
            try:
                found.add(measure(column, row.name, example))
            except Exception as error:
                found.add(False)
                row.gaps.setdefault(column, f"{type(error).__name__}: {error}".partition("\n")[0])
        if not examples:
            row.gaps[column] = "there is no example"
            found.add(False)
        setattr(row, column, False if False in found else True if True in found else None)


def _kind(functions: list[Callable[..., Any]], examples: list[Example]) -> str | None:
    """Tell primitives from compositions: by the implementation, or by how many operations its calls write on a tape."""
    if any(isinstance(implementations.get(f), Primitive) for f in functions):
        return "primitive"
    lengths: list[int] = []
    for f, xs in examples:
        tape = Tape("coverage")
        with _spied(functions, tape, lengths), QuietCollector(), suppress(Exception):
            first = len(lengths)
            f(*[tape.watch(x) for x in xs])
            if not functions:  # ours, not NumPy's
                lengths[first:] = [_length(tape)]
    return None if not examples else "primitive" if 1 in lengths else "composed"


@contextmanager
def _spied(functions: list[Callable[..., Any]], tape: Tape, lengths: list[int]) -> Iterator[None]:
    """Note by how much the tape grows in calls of these functions, while the context lasts."""
    originals = {f: implementations[f] for f in functions if f in implementations}

    def spy_on(original: Callable[..., Any]) -> Callable[..., Any]:
        def spy(*args: Any, **kwargs: Any) -> Any:
            before = _length(tape)
            y = original(*args, **kwargs)
            lengths.append(_length(tape) - before)
            return y

        spy.parameters = inspect.signature(original).parameters  # type: ignore[attr-defined]
        return spy

    implementations.update({f: spy_on(original) for f, original in originals.items()})
    try:
        yield
    finally:
        implementations.update(originals)


def _length(tape: Tape) -> int:
    return sum(op is not None for op, *_ in tape.entries)
