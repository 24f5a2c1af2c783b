"""What a case is: a piece of work, and the programs that do it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

Results = dict[str, np.ndarray]
EAGER, COMPILED = "tinygrad_np", "tinygrad_np compile"
OURS = (EAGER, COMPILED)


@dataclass(frozen=True)
class Program:
    """One way of doing the work of a case.

    Attributes
    ----------
    run : callable
        What is timed, without arguments.
    result : callable
        Runs it and returns what it computed, the loss and every gradient, by name as NumPy arrays in our layout.
    note : str
        What tells it from the other ways of the same competitor.
    """

    run: Callable[[], object]
    result: Callable[[], Results]
    note: str = ""


@dataclass(frozen=True)
class Case:
    """A piece of work.

    Attributes
    ----------
    name : str
        ``group/what/size``, as ``--cases`` selects it.
    title : str
        What the table says.
    builders : mapping
        From a competitor to a function that returns its programs; the fastest of them counts.
    targets : mapping
        From a competitor, ours, to the largest ratio to the best peer that it should have.
    per : int
        How many images or operations share the time that is shown.
    tolerance : float
        How far results may be apart, relative to their norm.
    yardstick : callable, optional
        Bare NumPy doing the same number of flops; it is timed with the rest, but it is no competitor.
    yardstick_target : float, optional
        The least of the yardstick's speed that ours should reach.
    flops : int
        What the yardstick computes.
    memory : bool
        Whether to measure the peak memory as well.
    rivals : tuple of str
        The competitors that the targets speak of; none named are all.
    most_seconds : float, optional
        What an image or operation of ours may take at most.
    at_least : mapping
        From a peer to how many times as fast ours should be.
    lean : bool
        Whether ours should need no more memory than PyTorch.
    patience : float
        Seconds a call: a peer that takes longer is left out.
    rounds : int
        How often every competitor has its turn at least.
    """

    name: str
    title: str
    builders: Mapping[str, Callable[[], list[Program]]]
    targets: Mapping[str, float] = field(default_factory=dict)
    per: int = 1
    tolerance: float = 2e-3
    yardstick: Callable[[], object] | None = None
    yardstick_target: float | None = None
    flops: int = 0
    memory: bool = False
    rivals: tuple[str, ...] = ()
    most_seconds: float | None = None
    at_least: Mapping[str, float] = field(default_factory=dict)
    lean: bool = False
    patience: float = 2.0
    rounds: int = 3

    @property
    def group(self) -> str:
        """The first part of the name."""
        return self.name.split("/")[0]
