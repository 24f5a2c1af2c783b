"""The tape itself: what recording costs, higher derivatives, and the time until something has been learned."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from . import peers, processes, tape
from .cases import COMPILED, EAGER, Case, Program
from .cases_operations import WORST

OTHERS = (COMPILED, "PyTorch", "JAX jit", "MyGrad", "autograd")
CHAIN = 1000


def library(name: str) -> tape.Library:
    """Return a competitor's."""
    return peers.module(name).library(**({"compiled": True} if name == COMPILED else {}))


def _build(name: str, make: Callable[..., Program], *args: Any) -> list[Program]:
    return [make(library(name), *args)]


def tape_case(
    name: str, title: str, make: Callable[..., Program], others: tuple[str, ...], *args: Any, **options: Any
) -> Case:
    """A case of a function of `tape`."""
    builders = {n: partial(_build, n, make, *args) for n in (EAGER, *others)}
    return Case(name, title, builders, **options)


CASES = [
    tape_case(
        "tape/chain", f"`x * y` on 16 elements, an operation in a chain of {CHAIN:,}", tape.chain, OTHERS, CHAIN,
        per=CHAIN, targets={EAGER: 1.0}, rivals=("PyTorch",), most_seconds=4e-6,
    ),
    tape_case(
        "tape/grad of grad", "grad of grad, 16 variables", tape.grad_of_grad,
        (COMPILED, "PyTorch", "JAX jit", "autograd"),
        targets={EAGER: WORST, COMPILED: WORST},
    ),
    tape_case(
        "tape/vmap grad", "vmap(grad) over 256 examples", tape.vmap_grad, (COMPILED, "PyTorch", "JAX jit"),
        targets={EAGER: WORST, COMPILED: WORST},
    ),
    tape_case(
        "tape/hessian", "Hessian of 100 variables", tape.hessian, (COMPILED, "PyTorch", "JAX jit", "autograd"),
        targets={EAGER: WORST, COMPILED: WORST},
    ),
    Case(
        "tape/import", "import, process start and end included",
        processes.imports(EAGER, "PyTorch", "JAX jit", "MyGrad", "autograd"), {EAGER: WORST}, patience=60,
    ),
    Case(
        "tape/first epoch", "process start to the end of the first epoch: LeNet-5, 6,000 digits, batch 32",
        processes.epochs(EAGER, COMPILED, "PyTorch", "JAX jit"), {EAGER: 1 / 3, COMPILED: 1 / 3},
        patience=60,
    ),
]  # fmt: skip
