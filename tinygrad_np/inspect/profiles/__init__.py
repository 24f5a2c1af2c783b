"""Where time and memory go: `profile`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ...core import tree
from ...core.observer import Observer
from ...core.tensor import Tensor, dtype_of, name_of
from ...transforms.arguments import NUMERIC, Argnums
from ...transforms.reverse import value_and_grad
from ..machine import Machine, machine
from .measuring import Memory, StepCost, dtype_of_most, measure
from .result import Profile
from .tables import Row

__all__ = ["Machine", "Memory", "Profile", "Row", "StepCost", "machine", "profile"]


_OTHERWISE = (
    "the operations take longer watched than in a plain run, which does otherwise: it is compiled, or its rules take "
    "shorter ways for plain arrays; or the machine was busy"
)


def profile(
    f: Callable[..., Any], *, argnums: Argnums = 0, has_aux: bool = False, repeats: int = 5
) -> Callable[..., Profile]:
    """Return a function that runs f and tells where the time and the memory go.

    Parameters
    ----------
    f : callable
        A loss, which is run with its backward pass; or a function that takes derivatives itself (``grad(loss)``, a
        whole training step), or one that is no loss (a network, a function of integers): these are run as they are.
    argnums : int, str or sequence of them
        Which arguments of a loss to differentiate; as for `grad`.
    has_aux : bool
        Whether f is a loss that returns (loss, auxiliary data).
    repeats : int
        How many runs are measured at least; the median counts.

    Returns
    -------
    callable
        Of f's arguments; it returns a `Profile`: print it, or ``.save("profile.html")``.

    Raises
    ------
    TypeError
        For Tensors among the arguments: profile the outermost function.
    RuntimeError
        If f takes different ways in two runs.

    Notes
    -----
    After a run to warm up, plain runs and watched ones alternate. In the watched ones each operation is timed apart,
    without the recorder around it, and what the clock itself takes is subtracted. The whole run is timed unwatched;
    what its operations do not take is Python's: dispatch, the tape, f's own code. A rule that sees Tensors, as in a
    watched run, may need other operations than the same rule on plain arrays, where it can look at the values. Of a
    function made by `compile`, plain runs are those of its program, and the operations those of what it was made from.

    Flops are counted by the formulas of `tinygrad_np.ops.costs`. Bytes are those of an operation's arguments and
    results. Memory is seen where it is freed; what a kernel uses for itself is not in it.

    Examples
    --------
    >>> found = profile(lambda x: np.sum(np.exp(x) ** 2))(np.ones((100, 100)))
    >>> [(row.name, row.count, row.count_backward) for row in sorted(found.operations, key=lambda row: row.name)]
    [('exp', 1, 1), ('power', 1, 2), ('sum', 1, 1)]
    >>> found.memory.kept
    80000
    """
    if isinstance(repeats, bool) or not isinstance(repeats, int) or repeats < 1:
        raise ValueError(f"profile({name_of(f)}): repeats={repeats!r}; it is a positive integer.")

    @functools.wraps(f, updated=())
    def profiled(*args: Any, **kwargs: Any) -> Profile:
        origin = f"profile({name_of(f)})"
        for leaf in tree.leaves((args, kwargs)):
            if type(leaf) is Tensor:
                raise TypeError(f"{origin}: an argument is a Tensor of {leaf._trace.origin}; profile that one instead.")
        moves = argnums != 0 or _can_be_differentiated(args[:1]) or (kwargs and not args)
        loss = has_aux or (moves and _is_loss(f, origin, args, kwargs))
        run, name = (value_and_grad(f, argnums, has_aux), f"grad({name_of(f)})") if loss else (f, name_of(f))
        measured = measure(run, origin, args, kwargs, repeats)
        kernels = sum(step.seconds for step in measured.steps)
        notes = (_OTHERWISE,) if kernels > 1.25 * measured.seconds else ()
        return Profile(name, measured, machine(dtype_of_most((args, kwargs))), notes)

    return profiled


def _can_be_differentiated(x: Any) -> bool:
    """Whether a tree holds floating-point or complex numbers."""
    return any(isinstance(leaf, NUMERIC) and dtype_of(leaf).kind in "fc" for leaf in tree.leaves(x))


def _is_loss(f: Callable[..., Any], origin: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether a function returns a real scalar and takes no derivatives itself."""
    observer = Observer(origin)
    with observer:
        given, by_name = observer.enter((args, kwargs))
        y = f(*given, **by_name)
    directions = {step.place.direction for step in observer.steps if step.place is not None}
    scalar = isinstance(y, Tensor | np.ndarray | np.generic | float) and np.shape(observer.release(y)) == ()
    return scalar and directions <= {"forward"} and not np.iscomplexobj(observer.release(y))
