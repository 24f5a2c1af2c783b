"""Which calls a function takes: found by trying shapes, values and options on plain arrays.

A function that wants a matrix and a vector, or an image and a kernel, refuses most shapes. Before anything is checked,
a few hundred combinations are tried: all arguments alike, broadcasting, chains of matrices, windows over images, axes
of lengths from a small pool. What the function takes without an exception, with finite numbers, is what is drawn from.
"""

from __future__ import annotations

import dataclasses
import inspect
import itertools
import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import tree
from ..core.primitive import Primitive
from ..transforms.reverse import vjp
from .candidates import Shape, Shapes, candidates
from .promises import bound
from .vectors import is_float

TRIES = 240  # of each round
ENOUGH = 12  # different shapes with which a round is content
ARGUMENTS = 3  # at most, for a function that takes any number


@dataclasses.dataclass(frozen=True)
class Domain:
    """From where values are drawn.

    Attributes
    ----------
    name : str
        What messages call it.
    low, high : float
        Bounds, included.
    integer : bool
        Whether the values are int64, for indices and labels.
    """

    name: str
    low: float
    high: float
    integer: bool = False

    def sample(self, shape: Shape, rng: np.random.Generator) -> NDArray[Any]:
        """Return random values."""
        if self.integer:
            return rng.integers(int(self.low), int(self.high) + 1, shape)
        return np.asarray(rng.uniform(self.low, self.high, shape))


DOMAINS = (
    Domain("real numbers", -2.0, 2.0),
    Domain("positive numbers", 0.125, 4.0),
    Domain("numbers between 0 and 1", 0.125, 0.875),
    Domain("numbers above 1", 1.125, 4.0),
    Domain("indices", 0, 1, integer=True),
)


@dataclasses.dataclass(frozen=True)
class Form:
    """A kind of call that a function takes."""

    shapes: Shapes
    domains: tuple[Domain, ...]
    options: dict[str, Any]


@dataclasses.dataclass
class Survey:
    """What was found.

    Attributes
    ----------
    forms : list of Form
        What the function takes, the smallest first but for those without elements.
    tried : int
        How many calls were made.
    refusals : dict
        How often the function raised each message, with the shapes of the first time.
    analytic : bool
        Whether it takes complex arrays, and as the analytic function that it is on real ones.
    """

    forms: list[Form] = dataclasses.field(default_factory=list)
    tried: int = 0
    refusals: dict[str, tuple[int, Shapes]] = dataclasses.field(default_factory=dict)
    analytic: bool = False

    def refusal(self) -> str:
        """Return the commonest refusal."""
        if not self.refusals:
            return "nothing was tried"
        message, (count, shapes) = max(self.refusals.items(), key=lambda item: item[1][0])
        return f"{count} times, first for shapes {', '.join(map(str, shapes))}: {message}"

    def refused(self, error: str, shapes: Shapes) -> None:
        """Count a refusal."""
        count, first = self.refusals.get(error, (0, shapes))
        self.refusals[error] = (count + 1, first)


def survey(
    f: Callable[..., Any], *, shapes: Sequence[Shapes] | None, options: dict[str, Any] | None, seed: int
) -> Survey:
    """Find calls that a function takes.

    Parameters
    ----------
    f : callable
        The function.
    shapes : sequence of tuples of shapes
        Those to try; without it, many.
    options : dict
        Keyword arguments to give always; others are guessed, see `options_of`.
    seed : int
        The same seed, the same tries.
    """
    rng, found = np.random.default_rng(seed), Survey()
    choices = options_of(f, options or {})
    if shapes is not None:
        for some in shapes:
            for chosen in choices:
                _try(f, some, chosen, rng, found)
    else:
        counts = arities(f)
        for longest in (3, 5, 8):
            per_count = TRIES // len(counts)
            tries = [s for count in counts for s in itertools.islice(candidates(count, longest, rng), per_count)]
            for some in dict.fromkeys(tries):
                _try(f, some, choices[int(rng.integers(len(choices)))], rng, found)
            if len(found.forms) >= ENOUGH:
                break
    found.forms.sort(key=_simplicity)
    found.analytic = _analytic(f, found.forms, rng)
    return found


def _simplicity(form: Form) -> tuple[bool, int, int]:
    sizes = [math.prod(s) for s in form.shapes]
    return 0 in sizes, sum(sizes), sum(map(len, form.shapes))


def arities(f: Callable[..., Any]) -> list[int]:
    """Return how many arrays a function may be given by position."""
    if isinstance(f, np.ufunc):
        return [f.nin]
    if isinstance(f, Primitive):
        return [*range(1, ARGUMENTS + 1)] if f.variadic else [len(f.arrays)]
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        return [*range(1, ARGUMENTS + 1)]
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return [*range(1, ARGUMENTS + 1)]
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    places = list(itertools.takewhile(lambda p: p.default is p.empty or p.name not in _BY_NAME, places))
    places = [p for p in places if not _is_option(p)]
    required = sum(p.default is p.empty for p in places)
    if (getattr(f, "__module__", None) or "").startswith("numpy"):
        return [required]  # what comes next is an out= or the like
    optional = sum(1 for _ in itertools.takewhile(lambda p: p.default is None, places[required:]))
    return [required, required + optional] if required and optional else [required or min(1, len(places))]


def _is_option(p: inspect.Parameter) -> bool:
    """Whether a parameter is to be given by keyword, such as kernel_size."""
    return p.kind is p.KEYWORD_ONLY or (
        p.kind is p.POSITIONAL_OR_KEYWORD and p.default is p.empty and p.name in _BY_NAME
    )


def options_of(f: Callable[..., Any], given: dict[str, Any]) -> list[dict[str, Any]]:
    """Return choices of keyword arguments: those given, and guesses for the others from default, annotation, name."""
    if isinstance(f, np.ufunc):
        return [given]
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        return [given]
    lists: dict[str, list[Any]] = {name: [value] for name, value in given.items()}
    for p in parameters:
        if _is_option(p) and p.name not in given and (guesses := _guesses(p)):
            lists[p.name] = guesses
    return [
        dict(zip(lists, chosen, strict=True)) for chosen in itertools.islice(itertools.product(*lists.values()), 64)
    ]


_BY_NAME: dict[str, list[Any]] = {
    "axis": [None, 0, -1], "keepdims": [False, True], "stride": [1, 2], "strides": [1, 2], "padding": [0, 1],
    "dilation": [1, 2], "groups": [1], "kernel_size": [2, 1, 3], "ddof": [0, 1],
}  # fmt: skip


def _guesses(p: inspect.Parameter) -> list[Any]:
    if p.default is not p.empty:
        if isinstance(p.default, bool):
            return [p.default, not p.default]
        usual = _BY_NAME.get(p.name, [])
        return [p.default, *(v for v in usual if v != p.default)] if usual else []
    return [False, True] if p.annotation in (bool, "bool") else _BY_NAME.get(p.name, [])


def _try(
    f: Callable[..., Any], shapes: Shapes, options: dict[str, Any], rng: np.random.Generator, found: Survey
) -> None:
    """Try shapes with values of all kinds, those first that went well before."""
    if isinstance(options.get("axis"), int) and () in shapes:
        return  # NumPy takes it, but means nothing by it
    kinds = dict.fromkeys(form.domains for form in found.forms if len(form.domains) == len(shapes))
    if not kinds or not found.tried % 7:
        kinds |= dict.fromkeys((domain,) * len(shapes) for domain in DOMAINS)
        mixed = itertools.product(DOMAINS[:: len(DOMAINS) - 1], repeat=len(shapes)) if len(shapes) <= ARGUMENTS else ()
        kinds |= dict.fromkeys(mixed)
    for domains in kinds:
        found.tried += 1
        error = refusal(f, [d.sample(s, rng) for d, s in zip(domains, shapes, strict=True)], options)
        if error is None:
            found.forms.append(Form(shapes, domains, options))
            return
        if domains == (DOMAINS[0],) * len(shapes):
            found.refused(error, shapes)


def refusal(f: Callable[..., Any], args: Sequence[Any], options: dict[str, Any]) -> str | None:
    """Call f on plain arrays; say what is wrong with the arguments, or None."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            leaves = tree.leaves(bound(f, options)(*args))
            floats = [leaf for leaf in leaves if is_float(leaf)]
            if not floats:
                return "it returned no floating-point array"
            return None if all(np.isfinite(leaf).all() for leaf in floats) else "its value was not finite"
    except Exception as error:
        return f"{type(error).__name__}: {error}".split("\n")[0]


def _analytic(f: Callable[..., Any], forms: list[Form], rng: np.random.Generator) -> bool:
    """Whether f is analytic at some of the calls that it takes."""
    tried = 0
    for form in forms[:: max(1, len(forms) // 6)]:
        if any(d.integer for d in form.domains) or not sum(map(math.prod, form.shapes)):
            continue
        xs = [d.sample(s, rng) for d, s in zip(form.domains, form.shapes, strict=True)]
        us = [rng.uniform(-1, 1, s) for s in form.shapes]
        tried += 1
        if not is_analytic(bound(f, form.options), xs, us) or not _differentiable(bound(f, form.options), xs, us):
            return False
    return tried > 0


def _differentiable(f: Callable[..., Any], xs: Sequence[Any], us: Sequence[Any]) -> bool:
    """Whether reverse mode takes complex arrays, too."""
    try:
        vjp(f, *[x + 1j * u for x, u in zip(xs, us, strict=True)])
    except Exception:
        return False
    return True


def is_analytic(f: Callable[..., Any], xs: Sequence[Any], us: Sequence[Any]) -> bool:
    """Whether differences of f along u and along iu agree: the Cauchy-Riemann equations, in one direction.

    With h = 2⁻¹⁰, (f(x + hu) - f(x - hu)) / 2h and (f(x + ihu) - f(x - ihu)) / 2ih differ by h² f''' / 3 where f is
    analytic, and altogether elsewhere.
    """
    h = 2.0**-10

    def along(step: complex) -> list[Any]:
        y = tree.leaves(f(*[x + step * u for x, u in zip(xs, us, strict=True)]))
        return [np.asarray(leaf) for leaf in y if is_float(leaf)]

    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("error")  # a cast that drops the imaginary part warns
            real = [(a - b) / (2 * h) for a, b in zip(along(h), along(-h), strict=True)]
            imaginary = [(a - b) / (2j * h) for a, b in zip(along(1j * h), along(-1j * h), strict=True)]
            scale = max([np.max(np.abs(a), initial=0) for a in real], default=0)
            return bool(scale > 0) and all(
                b.dtype.kind == "c" and a.shape == b.shape and np.allclose(a, b, rtol=1e-3, atol=1e-4 * scale)
                for a, b in zip(real, imaginary, strict=True)
            )
    except Exception:
        return False
