"""Rounding, operation by operation: a run in float32 or float16, and the same tape in float64 beside it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..core import tree
from ..core.recorder import Step
from ..core.stack import shown
from ..core.tensor import Tensor, dtype_of, name_of, shape_of
from ..core.trace import QuietCollector
from ..transforms.arguments import argument_name
from ..transforms.reverse import vjp
from .cancellation import cause_of_loss
from .program import WIDE, Program, is_narrow, refuse_tensors, the_argument, widen

_SHOWN = 15  # rows of the table
_WORTH_TELLING = 0.5  # digits


class Row(NamedTuple):
    """An operation of the run.

    Attributes
    ----------
    operation : str
        The primitive.
    direction : str
        "forward", "backward" or "tangent"; then `of` is the operation whose rule it serves, else "".
    of : str
        See direction.
    line : str or None
        The user's line, "/path/model.py:12".
    shape, dtype : tuple of int, dtype
        Of its result.
    rounding : float
        Relative error of its result, ‖y - y₆₄‖ / ‖y₆₄‖, if its operands are taken for exact: what it rounds itself.
    error : float
        Relative error against the run in float64: with what it has inherited.
    lost : float
        Decimal digits that it loses: log₁₀ of the error over the largest of its operands', or over the unit of
        rounding if that is larger. It is made of norms: what hits few elements shows where they are taken out.
    cause : str or None
        What is going on, and what helps.
    """

    operation: str
    direction: str
    of: str
    line: str | None
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    rounding: float
    error: float
    lost: float
    cause: str | None


class Outcome(NamedTuple):
    """A result of the run, the function's or a gradient: its name, its relative error, the digits that are right."""

    name: str
    error: float
    digits: float


@dataclass(frozen=True)
class Precision:
    """What `precision` found; it prints as a table.

    Attributes
    ----------
    origin : str
        "precision(loss)".
    rows : tuple of Row
        All operations, those that lose most first.
    outcomes : tuple of Outcome
        The function's results, then the gradients.
    """

    origin: str
    rows: tuple[Row, ...]
    outcomes: tuple[Outcome, ...]

    def __repr__(self) -> str:
        lines = [f"{self.origin}: {len(self.rows)} operations, compared with float64"]
        width = max((len(o.name) for o in self.outcomes), default=0)
        lines += [f"  {o.name:{width}}  {_right(o)}" for o in self.outcomes]
        told = [row for row in self.rows if row.lost >= _WORTH_TELLING][:_SHOWN]
        if told:
            lines += ["", "  lost  error    rounding  operation"]
        for row in told:
            name = f"{row.operation} of {row.of}, {row.direction}" if row.of else row.operation
            where = f" at {shown(row.line)}" if row.line else ""
            lines.append(
                f"  {row.lost:4.1f}  {row.error:7.1e}  {row.rounding:7.1e}   {name} {row.dtype} {row.shape}{where}"
            )
            lines += [f"        {row.cause}"] if row.cause else []
        rest = len(self.rows) - len(told)
        lines += ["", f"  {rest} operations lose less"] if told and rest else []
        return "\n".join(lines if told else [*lines, "", f"  no operation loses {_WORTH_TELLING} digits"])


def precision(f: Callable[..., Any], argnum: int | str = 0) -> Callable[..., Precision]:
    """Return a function that says how many digits each operation of f and of its gradient loses to rounding.

    Parameters
    ----------
    f : callable
        Returns an array or a tree of arrays.
    argnum : int or str
        The argument with respect to which the backward pass is looked at as well, that of the sum of f's results; if it
        holds other than floating-point arrays, there is none.

    Returns
    -------
    callable
        Of f's arguments, of which some are float32 or float16; it returns a `Precision`.

    Raises
    ------
    TypeError
        For Tensors among the arguments.
    ValueError
        If no argument holds a float32, float16 or complex64 array.

    Notes
    -----
    f runs once. Each operation is then repeated twice in float64: on the operands as they were, for its own rounding,
    and on those of the run in float64, for the error so far. Decisions (comparisons, indices, rounding to integers)
    stay those of the first run, so that both are the same tape. Norms are Euclidean, over all elements of an array.

    Examples
    --------
    >>> report = precision(lambda x: 1 - np.cos(x))(np.float32(1e-3))
    >>> report.rows[0].operation, report.rows[0].lost > 4
    ('subtract', True)
    """
    origin = f"precision({name_of(f)})"

    def measure(*args: Any, **kwargs: Any) -> Precision:
        refuse_tensors((args, kwargs), origin)
        if not any(map(is_narrow, tree.leaves((args, kwargs)))):
            raise ValueError(
                f"{origin}: no argument holds float32 or float16 arrays; convert them, x.astype(np.float32), to see "
                "what that would lose against float64."
            )
        program = Program(origin)
        with QuietCollector(), program:
            named = _run(f, argnum, program, args, kwargs)
        with QuietCollector(), np.errstate(all="ignore"):  # f has warned already
            rows, wide = _compared(program)
            outcomes = tuple(_outcome(name, x, program, wide) for name, x in named)
        return Precision(origin, tuple(sorted(rows, key=lambda row: -row.lost)), outcomes)

    return measure


def _run(
    f: Callable[..., Any], argnum: int | str, program: Program, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> list[tuple[str, Any]]:
    """Run f, and its backward pass if it has one; return the names and values of results and gradients."""
    args, kwargs = program.enter((args, kwargs))
    key = the_argument(f, argnum, args, kwargs, program.origin)
    chosen = kwargs[key] if isinstance(key, str) else args[key]
    leaves = tree.leaves(chosen)
    if not leaves or not all(isinstance(x, Tensor | float) for x in leaves):
        return _named("result", f(*args, **kwargs))

    def of_chosen(x: Any) -> Any:
        if isinstance(key, str):
            return f(*args, **{**kwargs, key: x})
        return f(*args[:key], x, *args[key + 1 :], **kwargs)

    y, pullback = vjp(of_chosen, chosen)
    if not any(dtype_of(leaf).kind in "fc" for leaf in tree.leaves(y)):
        return _named("result", y)
    (bars,) = pullback(tree.map(lambda leaf: np.ones(shape_of(leaf), dtype_of(leaf)), y))
    return _named("result", y) + _named(f"gradient of {argument_name(f, key)}", bars)


def _named(name: str, x: Any) -> list[tuple[str, Any]]:
    leaves, structure = tree.flatten(x)
    return [(name + path, leaf) for path, leaf in zip(structure.paths, leaves, strict=True)]


def _compared(program: Program) -> tuple[list[Row], list[Any]]:
    """Repeat the steps in float64; return a row for each, and the wide values of all places."""
    wide = [widen(x) for x in program.values]  # of the inputs; those of the steps are computed now
    rows = []
    for step in program.steps:
        given = dict(step.places)
        operands = program.operands(step)
        inherited = [wide[given[i]] if i in given else widen(x) for i, x in enumerate(step.constants)]
        options = {name: _wide_option(x) for name, x in step.options.items()}
        exact = _tuple(_again(step, [widen(x) for x in operands], options))
        beside = _tuple(_again(step, inherited, options))
        errors = [relative(x, w) for x, w in zip(operands, inherited, strict=True)]
        for k, place in enumerate(step.outputs):
            y = program.values[place]
            if exact is None or beside is None or _is_decision(step, y):
                wide[place] = widen(y)
                continue
            wide[place] = beside[k]
            if is_narrow(y):
                rows.append(_row(program, step, place, errors, relative(y, exact[k]), relative(y, beside[k])))
    return rows, wide


def _row(
    program: Program, step: Step, place: int, errors: Sequence[float], rounding: float, error: float
) -> Row:  # fmt: skip
    y, where = program.values[place], step.place
    assert where is not None
    unit = min(_unit(x) for x in (y, *program.operands(step)) if is_narrow(x))
    before = max(unit, *map(_at_most_all, errors))
    lost = max(0.0, math.log10(_at_most_all(error) / before)) if error != 0 else 0.0
    cause = cause_of_loss(program, step, rounding, error) if lost >= _WORTH_TELLING else None
    return Row(
        step.op.name, where.direction, where.rule, where.line, shape_of(y), dtype_of(y), rounding, error, lost, cause
    )  # fmt: skip


def _at_most_all(error: float) -> float:
    """Return a relative error, 1 where no digit is right: also of an overflow, and of what should be 0."""
    return min(error, 1.0) if math.isfinite(error) else 1.0


def _again(step: Step, operands: list[Any], options: dict[str, Any]) -> Any:
    """Apply a step in float64; None if it cannot be."""
    try:
        return step.function(*operands, **options)
    except Exception:  # an operation of the user's that takes one dtype only
        return None


def _tuple(y: Any) -> tuple[Any, ...] | None:
    return y if isinstance(y, tuple) or y is None else (y,)


def _is_decision(step: Step, y: Any) -> bool:
    """Whether a result is one of few values, which must be the same in both runs."""
    return dtype_of(y).kind not in "fc" or (not step.op.differentiable and step.op.name != "_constant")


def _unit(x: Any) -> float:
    """Return the largest relative error of rounding to the dtype of x."""
    return float(np.finfo(dtype_of(x)).eps) / 2


def _wide_option(option: Any) -> Any:
    """Return a static option for the run in float64: a dtype is one as well."""
    if isinstance(option, np.dtype):
        return WIDE.get(option, option)
    if isinstance(option, type) and issubclass(option, np.inexact):
        return WIDE.get(np.dtype(option), np.dtype(option)).type
    return option


def relative(x: Any, exact: Any) -> float:
    """Return ‖x - exact‖ / ‖exact‖, 0 for what is no floating-point array."""
    if not isinstance(x, np.ndarray | np.generic) or x.dtype.kind not in "fc" or not x.size:
        return 0.0
    x, exact = np.ravel(widen(x)), np.ravel(exact)
    same = (x == exact) | (np.isnan(x) & np.isnan(exact))  # an infinity too
    x, exact = np.where(same, 0, x), np.where(same & ~np.isfinite(exact), 0, exact)
    difference = float(np.linalg.norm(np.where(same, 0, x - exact)))
    norm = float(np.linalg.norm(exact))
    return difference / norm if norm else (0.0 if difference == 0 else math.inf)


def _right(outcome: Outcome) -> str:
    if outcome.error == 0:
        return "exact"
    if math.isnan(outcome.error):
        return "not finite in float64 either (error nan)"
    return f"{outcome.digits:4.1f} digits are right (error {outcome.error:.1e})"


def _outcome(name: str, x: Any, program: Program, wide: Sequence[Any]) -> Outcome:
    """Compare a result with that of the run in float64."""
    if not isinstance(x, Tensor):
        return Outcome(name, 0.0, math.inf)
    exact = np.asarray(wide[x._index])
    compared = not np.isnan(exact).any() and (np.isfinite(exact).any() or not exact.size)
    error = relative(program.values[x._index], exact) if compared else math.nan
    most = -math.log10(_unit(x))
    digits = most if error == 0 else min(most, max(0.0, -math.log10(error)))
    return Outcome(name, error, digits)
