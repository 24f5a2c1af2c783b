"""Mistakes put on from outside: what a rule returns, what it is given, and what a primitive declares.

A rule `(y, *args) -> pullback` is wrapped; the wrapped one asks the right one and changes its answer.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import tinygrad_np as tg
from tinygrad_np.core.primitive import Primitive, Rule
from tinygrad_np.core.tensor import shape_of

from . import batches
from .changes import CHANGES, COMPLEX, Change
from .mutant import Mutant, Undo, attribute, swapped_in, together, uses

DIAGONAL = ["doubled", "times 1.001", "negated", "zeroed", "divided by its size", "first row dropped"]
DIAGONAL += ["one element times 1.001"]  # maps that are their own transposes


OUTPUT, ANY = -2, -1  # among the places of arguments: the result, and all of a variadic primitive


@dataclasses.dataclass(frozen=True)
class Seen:
    """Of the drawn calls of a primitive: places of arguments with a derivative, and what can be complex."""

    floats: frozenset[int]
    complex_: frozenset[int]


Mistakes = Iterator[tuple[str, str, str, Callable[[], Undo]]]


def mutants_of(op: Primitive, seen: Seen) -> Iterator[Mutant]:
    """All mistakes from outside in the rules of a primitive."""
    for rule, kind, change, apply in itertools.chain(
        _vjps(op, seen), _jvps(op, seen), _both(op, seen), _declared(op), batches.mistakes(op)
    ):
        yield Mutant(op.key, rule, change, kind, (op.key,), apply)


def _changes(place: int, seen: Seen) -> dict[str, Change]:
    return CHANGES | (COMPLEX if place in seen.complex_ else {})


def _name(op: Primitive, position: int) -> str:
    return op.arrays[0 if op.variadic else position]


# -- rules wrapped ---------------------------------------------------------------------------------------------------


def after(rule: Rule, change: Change) -> Rule:
    """The rule with its answer changed; of several outputs, those that are there."""

    def wrong(*args: Any, **options: Any) -> Any:
        linear = rule(*args, **options)
        return lambda *g: _each(change, linear(*g))

    return wrong


def _each(change: Change, y: Any) -> Any:
    if isinstance(y, tuple | list):
        return tuple(_each(change, part) for part in y)
    return None if y is None else change(y)


def after_one(rule: Rule, change: Change, j: int) -> Rule:
    """The joint rule with the j-th of its answers changed."""

    def wrong(*args: Any, **options: Any) -> Any:
        linear = rule(*args, **options)

        def pullback(g: Any) -> Any:
            return tuple(_each(change, bar) if i == j else bar for i, bar in enumerate(linear(g)))

        return pullback

    return wrong


def before(rule: Rule, change: Change, j: int) -> Rule:
    """The rule with the j-th tangent changed that it is given."""

    def wrong(*args: Any, **options: Any) -> Any:
        linear = rule(*args, **options)
        return lambda *dots: linear(*[_each(change, dot) if i == j else dot for i, dot in enumerate(dots)])

    return wrong


def held(rule: Rule, places: list[int]) -> Rule:
    """The rule with some of what it is given held constant: right in the first order."""

    def wrong(*args: Any, **options: Any) -> Any:
        return rule(*[tg.stop_gradient(a) if i in places else a for i, a in enumerate(args)], **options)

    return wrong


def _mean_over_broadcast(rule: Rule, position: int) -> Rule:
    """The rule of an operation that broadcasts, which averages where it should sum."""

    def wrong(y: Any, *args: Any, **options: Any) -> Any:
        pullback = rule(y, *args, **options)
        sizes = [int(np.prod(shape_of(x))) for x in (args[position], y)]
        return lambda g: pullback(g) * (sizes[0] / max(1, sizes[1]))

    return wrong


# -- VJPs and JVPs ---------------------------------------------------------------------------------------------------


def _vjps(op: Primitive, seen: Seen) -> Mistakes:
    for i, rule in op.vjps.items():
        changes = _changes(i, seen)
        site, put = f"vjp of {_name(op, i)}", functools.partial(swapped_in, op.vjps, i)
        for name, change in changes.items():
            yield site, "vjp", name, functools.partial(put, after(rule, change))
        if op.broadcasts and len(op.arrays) > 1:
            yield site, "vjp", "averaged over broadcast axes", functools.partial(put, _mean_over_broadcast(rule, i))
        yield from _held(op, seen, site, "vjp", rule, put)
        if op.variadic and len(seen.floats) > 1:
            yield site, "vjp", "of the next argument", functools.partial(put, _of_the_next(rule))
        if op.fresh:
            yield site, "vjp", "returned array kept", functools.partial(put, _kept(rule))
    for i, j in itertools.combinations(op.vjps, 2):
        yield f"vjp of {_name(op, i)} and {_name(op, j)}", "vjp", "swapped", functools.partial(_swap, op.vjps, i, j)
    if op.joint:
        yield from _joint(op, seen, *op.joint)


def _joint(op: Primitive, seen: Seen, positions: tuple[int, ...], rule: Rule) -> Mistakes:
    def put(wrong: Rule) -> Undo:
        return attribute(op, "joint", (positions, wrong))

    for j, i in enumerate(positions):
        for name, change in CHANGES.items():
            yield f"vjp of {_name(op, i)}", "vjp", name, functools.partial(put, after_one(rule, change, j))
    for i, j in itertools.combinations(range(len(positions)), 2):
        site = f"vjp of {_name(op, positions[i])} and {_name(op, positions[j])}"
        yield site, "vjp", "swapped", functools.partial(put, _swapped_answers(rule, i, j))
    yield from _held(op, seen, "joint vjp", "vjp", rule, put)


def _jvps(op: Primitive, seen: Seen) -> Mistakes:
    changes = _changes(OUTPUT, seen)
    rules = {i: _itself(op, i) for i in op.linear if i >= 0} | op.jvps
    for i, rule in rules.items():
        site, put = f"jvp of {_name(op, i)}", functools.partial(_put_jvp, op, i)
        for name, change in changes.items():
            yield site, "jvp", name, functools.partial(put, after(rule, change))
        if i not in op.jvps:
            continue
        yield from _held(op, seen, site, "jvp", rule, put)
        yield site, "jvp", "declared linear instead", functools.partial(_declare_linear, op, i)
    for i, j in itertools.combinations(op.jvps, 2):
        yield f"jvp of {_name(op, i)} and {_name(op, j)}", "jvp", "swapped", functools.partial(_swap, op.jvps, i, j)
    if op.joint_jvp:
        positions, rule = op.joint_jvp

        def put_joint(wrong: Rule) -> Undo:
            return attribute(op, "joint_jvp", (positions, wrong))

        for name, change in changes.items():
            yield "joint jvp", "jvp", name, functools.partial(put_joint, after(rule, change))
            for j in sorted(seen.floats)[:2] if op.variadic else range(len(positions)):
                site = f"joint jvp, tangent {j}"
                yield site, "jvp", name, functools.partial(put_joint, before(rule, change, j))
        yield from _held(op, seen, "joint jvp", "jvp", rule, put_joint)


def _both(op: Primitive, seen: Seen) -> Mistakes:
    """The same mistake in both modes, which agree with each other then."""
    changes = {name: CHANGES[name] for name in DIAGONAL}
    for i in op.vjps.keys() & op.jvps.keys():
        vjp, jvp = op.vjps[i], op.jvps[i]
        for name, change in changes.items():
            put = functools.partial(_put_both, op, i, after(vjp, change), before(jvp, change, 0))
            yield f"both of {_name(op, i)}", "both", name, put
        for what, places in _holdable(op, vjp, seen):
            put = functools.partial(_put_both, op, i, held(vjp, places), held(jvp, places))
            yield f"both of {_name(op, i)}", "both", f"{what} held", put
    if op.joint and op.joint_jvp and op.joint[0] == op.joint_jvp[0]:
        for (j, i), name in itertools.product(enumerate(op.joint[0]), changes):
            yield f"both of {_name(op, i)}", "both", name, functools.partial(_put_joints, op, j, changes[name])


def _held(op: Primitive, seen: Seen, site: str, kind: str, rule: Rule, put: Callable[[Rule], Undo]) -> Mistakes:
    for what, places in _holdable(op, rule, seen):
        yield site, kind, f"{what} held", functools.partial(put, held(rule, places))


def _holdable(op: Primitive, rule: Rule, seen: Seen) -> Iterator[tuple[str, list[int]]]:
    """What a rule is given and reads: the output and each argument with a derivative; all of a variadic primitive."""
    if op.variadic:
        yield op.arrays[0], [i + 1 for i in range(20)]
        return
    for place, name in enumerate(("the output", *op.arrays)):
        if uses(rule, place) and (place == 0 or place - 1 in seen.floats):
            yield name, [place]


def _of_the_next(rule: Rule) -> Rule:
    return lambda i, y, *xs, **options: rule((i + 1) % len(xs), y, *xs, **options)


def _kept(rule: Rule) -> Rule:
    def wrong(*args: Any, **options: Any) -> Any:
        pullback, kept = rule(*args, **options), []

        def once(g: Any) -> Any:
            if not kept:
                kept.append(pullback(g))
            return kept[0]

        return once

    return wrong


def _swapped_answers(rule: Rule, i: int, j: int) -> Rule:
    def wrong(*args: Any, **options: Any) -> Any:
        pullback = rule(*args, **options)

        def swapped(g: Any) -> Any:
            bars = list(pullback(g))
            bars[i], bars[j] = bars[j], bars[i]
            return tuple(bars)

        return swapped

    return wrong


def _itself(op: Primitive, i: int) -> Rule:
    """The pushforward of an operation that is linear in the argument: itself."""
    return lambda y, *args, **options: lambda dot: op(*args[:i], dot, *args[i + 1 :], **options)


def _put_jvp(op: Primitive, i: int, rule: Rule) -> Undo:
    return attribute(op, "jvps", {**op.jvps, i: rule})


def _put_both(op: Primitive, i: int, vjp: Rule, jvp: Rule) -> Undo:
    return together(swapped_in(op.vjps, i, vjp), swapped_in(op.jvps, i, jvp))


def _put_joints(op: Primitive, j: int, change: Change) -> Undo:
    (places, vjp), (_, jvp) = op.joint, op.joint_jvp  # type: ignore[misc]
    return together(
        attribute(op, "joint", (places, after_one(vjp, change, j))),
        attribute(op, "joint_jvp", (places, before(jvp, change, j))),
    )


def _swap(rules: dict[int, Rule], i: int, j: int) -> Undo:
    return together(*[swapped_in(rules, k, rules[m]) for k, m in ((i, j), (j, i))])


# -- declarations ----------------------------------------------------------------------------------------------------


def _declared(op: Primitive) -> Mistakes:
    if op.broadcasts and len(op.arrays) > 1:
        yield "declaration", "vjp", "broadcast axes not summed", functools.partial(attribute, op, "broadcasts", False)
    if op.linear:
        yield "declaration", "jvp", "not linear", functools.partial(attribute, op, "linear", frozenset())


def _declare_linear(op: Primitive, i: int) -> Undo:
    rest = {j: rule for j, rule in op.jvps.items() if j != i}
    return together(attribute(op, "jvps", rest), attribute(op, "linear", op.linear | {i}))
