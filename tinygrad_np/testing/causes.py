"""A guess at the cause: what could turn the true Jacobian into the one that a rule returns, at every call seen.

At one small call many mistakes look alike: twice too large is also n times too large where n is 2, and a border is all
there is of an array of two elements. So a cause has to fit every failing call at hand, and to be told from nothing at
one of them at least. Each `_rule` takes the evidence of one call and answers None if it does not fit, "" if it fits but
shows nothing there, and else the cause in words.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from .differences import Mask
from .evidence import Evidence
from .vectors import Vector


def guess(calls: Sequence[Sequence[Evidence]]) -> str:
    """Return the cause that fits the evidence of all calls, for each leaf that is wrong; "" without any evidence."""
    leaves: dict[str, list[Evidence]] = {}
    for call in calls:
        for e in call:
            if e.wrong.any():
                leaves.setdefault(e.name, []).append(e)
    causes: dict[str, list[str]] = {}
    for name, some in leaves.items():
        real = [e for e in some if not e.is_complex]  # there it is simpler
        causes.setdefault(_cause(real or some), []).append(name)
    return "; ".join(f"{', '.join(names)}: {cause}" for cause, names in causes.items())


def _cause(some: list[Evidence]) -> str:
    for rule in RULES:
        answers = [rule(e) for e in some]
        if all(a is not None for a in answers) and (told := Counter(filter(None, answers))):
            return str(told.most_common(1)[0][0])
        if rule is _zero and (cause := _factors(some)):
            return cause
    return _where(some)


def _factors(some: list[Evidence]) -> str | None:
    """One factor for all elements of a call: the same at all calls, or a length."""
    found = [(e, k) for e in some if (k := e.factor()) is not None]
    if len(found) < len(some) or not found:
        return None
    ks = np.array([k for _, k in found])
    constant = np.ptp(ks) <= 1e-4 * np.abs(ks).max()
    if not constant:
        return _length(found)
    by_length = _length(found, "the length of axis")  # of many lengths, one may fit by chance
    words, k = factor_in_words(float(np.median(ks))), abs(ks[0])
    telling = (
        k > 0 and max(k, 1 / k) > 2.5 and all(e.lengths == found[0][0].lengths for e, _ in found)
    )  # not by chance, n = 2
    return f"{words}: perhaps {by_length}" if by_length and telling else words


def factor_in_words(k: float) -> str:
    """Say what a factor is."""
    if abs(k + 1) < 1e-5:
        return "the wrong sign"
    sign, size = ", of the wrong sign" if k < 0 else "", abs(k)
    if abs(size - 2) < 1e-5:
        return f"twice too large{sign}"
    if size > 1:
        return f"{size:.6g} times too large{sign}"
    return f"{size:.6g} of what it should be, a factor {1 / size:.6g} is missing{sign}"


def _length(found: list[tuple[Evidence, float]], what: str = "") -> str | None:
    """Find the n of a factor n, 1/n, n/(n-1) or (n-1)/n that fits at all calls, among lengths so called."""
    forms: dict[str, Callable[[float], float]] = {
        "a factor 1/n is missing": lambda n: n,
        "a factor 1/n too much": lambda n: 1 / n,
        "a factor 1/n² is missing": lambda n: n * n,
        "divided by n - 1 in place of n": lambda n: n / (n - 1) if n != 1 else np.nan,
        "divided by n in place of n - 1": lambda n: (n - 1) / n,
    }
    for words, form in forms.items():
        for label in found[0][0].lengths:
            if label.startswith(what) and all(
                e.lengths.get(label) and abs(k - form(float(e.lengths[label]))) <= 1e-4 * abs(k) for e, k in found
            ):
                batch = " (the batch?)" if "axis 0" in label else ""
                return f"{words}, n {label}{batch}"
    return None


# -- one call ---------------------------------------------------------------------------------------------------------


def _not_finite(e: Evidence) -> str | None:
    return "not finite: overflow, or a division 0 / 0" if not np.isfinite(e.got[e.seen]).all() else None


def _zero(e: Evidence) -> str | None:
    return "zero: not computed" if not e.got[e.seen].any() else None


def _unchanged(e: Evidence) -> str | None:
    """The rule hands g on."""
    m = len(e.expected)
    if e.got[0].size != m or not e.is_like(np.eye(m).reshape(e.got.shape)):
        return None
    return "wrong: g is passed on unchanged, the factor of the derivative is missing" if m else ""


def _conjugated(e: Evidence) -> str | None:
    if not e.is_complex or not e.is_like(e.expected * np.array([1.0, -1.0])):
        return None
    return "the complex conjugate"


def _transposed(e: Evidence) -> str | None:
    if e.is_complex or e.got.ndim < 3:
        return None
    for a, b in itertools.combinations(range(1, e.got.ndim), 2):
        if e.is_like(np.swapaxes(e.expected, a, b)):
            return "transposed" if e.got.ndim == 3 else f"transposed: axes {a - 1} and {b - 1} are exchanged"
    return None


def _operand_transposed(e: Evidence) -> str | None:
    """An axis of the output and one of the leaf are exchanged, as by w in place of its transpose."""
    expected, count = e.by_output(e.expected), len(e.out_shape)
    for a in range(count):
        for b in range(count, expected.ndim - e.is_complex):
            if expected.shape[a] == expected.shape[b]:
                exchanged = np.swapaxes(expected, a, b)
                if e.is_like(exchanged.reshape(e.got.shape)):
                    telling = not np.array_equal(exchanged, expected)
                    return "transposed: a factor of the product" if telling else ""
    return None


def _reversed(e: Evidence) -> str | None:
    axes = range(1, e.got.ndim)
    for count in (1, 2, 3):
        for some in itertools.combinations(axes, count):
            if e.is_like(np.flip(e.expected, some)):
                named = " and ".join(str(a - 1) for a in some)
                return f"reversed along ax{'i' if count == 1 else 'e'}s {named}: a kernel that is flipped, or is not"
    return None


def _swapped(e: Evidence) -> str | None:
    for name, other in e.others.items():
        if e.is_like(other):
            return f"it is the gradient of {name}: arguments swapped"
    return None


def _wrong_output_axis(e: Evidence) -> str | None:
    """The cotangent was used with its axes exchanged, or summed over another one."""
    expected, got = e.by_output(e.expected), e.got
    for a, b in itertools.combinations(range(len(e.out_shape)), 2):
        if e.out_shape[a] == e.out_shape[b] and e.is_like(np.swapaxes(expected, a, b).reshape(got.shape)):
            return f"summed over the wrong axis: axes {a} and {b} of g are exchanged"
    return None


def _strided(e: Evidence) -> str | None:
    """The rule's row at k s is the true one at k, or the other way round."""
    if not e.out_shape or e.got.size == 0:
        return None
    expected, got = e.by_output(e.expected), e.by_output(e.got)
    seen = e.seen.reshape(got.shape)
    fits = None
    axes = [a for a in range(len(e.out_shape)) if e.out_shape[a] > 1][:3]
    for steps in itertools.product((1, 2, 3), repeat=len(axes)):
        if max(steps, default=1) == 1:
            continue
        thin, front = [slice(None)] * got.ndim, [slice(None)] * got.ndim
        for axis, s in zip(axes, steps, strict=True):
            thin[axis], front[axis] = slice(None, None, s), slice(-(-e.out_shape[axis] // s))
        for ours, theirs, what in (
            (tuple(thin), tuple(front), "ignored"), (tuple(front), tuple(thin), "applied twice"),
        ):  # fmt: skip
            if _same_part(e, got[ours], expected[theirs], seen[theirs]):
                if not _same_part(e, expected[ours], expected[theirs], seen[theirs]):
                    return f"wrong: the stride is {what}, the gradient of the output at {max(steps)} k is that due at k"
                fits = ""
    return fits


def _same_part(e: Evidence, a: Vector, b: Vector, seen: Mask) -> bool:
    size = np.max(np.abs(e.expected), initial=0, where=e.seen)
    return bool(np.isclose(a, b, rtol=2e-5, atol=1e-6 * size)[seen].all()) and bool(np.any(b[seen]))


def _shifted(e: Evidence) -> str | None:
    """The rule's gradient is the true one moved along some axes of the leaf; what falls out is lost."""
    axes = [a for a in range(1, e.got.ndim - e.is_complex) if e.got.shape[a] > 1][:3]
    for moves in itertools.product((0, 1, -1), repeat=len(axes)):
        if not any(moves):
            continue
        ours, theirs = [slice(None)] * e.got.ndim, [slice(None)] * e.got.ndim
        for axis, move in zip(axes, moves, strict=True):
            if move:
                ours[axis], theirs[axis] = (
                    slice(max(move, 0), min(move, 0) or None),
                    slice(max(-move, 0), min(-move, 0) or None),
                )
        there = e.seen[tuple(theirs)] & e.seen[tuple(ours)]
        if _same_part(e, e.got[tuple(ours)], e.expected[tuple(theirs)], there):
            named = " and ".join(str(a - 1) for a, move in zip(axes, moves, strict=True) if move)
            return f"shifted by one along ax{'i' if sum(map(abs, moves)) == 1 else 'e'}s {named}: an offset or padding"
    return None


def _early(e: Evidence) -> str | None:
    """Only the first output has its gradient."""
    if len(e.expected) < 2 or e.got[1:][e.seen[1:]].any() or not e.is_like(e.expected, _first_row(e)):
        return "" if len(e.expected) < 2 and not e.wrong.any() else None
    wrong, total = np.any(e.wrong, axis=0), np.any(e.seen, axis=0)
    part = f"zero in {int(wrong.sum())} of {int(total.sum())} elements"
    return f"{part}: only the first output passes its cotangent on, as in a loop that ends too early"


def _first_row(e: Evidence) -> Mask:
    first = np.zeros(e.got.shape, bool)
    first[:1] = True
    return first


def _diagonal(e: Evidence) -> str | None:
    """As if the function were elementwise."""
    m = len(e.expected)
    if e.got[0].size != m or m < 2:
        return None
    diagonal = np.eye(m, dtype=bool).reshape(e.got.shape)
    if not e.is_like(np.where(diagonal, e.expected, 0)):
        return None
    return "the diagonal of the Jacobian only, as if each output depended on one input"


def _sign_lost(e: Evidence) -> str | None:
    return "the sign is lost: the absolute value" if e.is_like(np.abs(e.expected)) else None


def _elementwise(e: Evidence) -> str | None:
    """The ratio is a simple function of the element, in an elementwise function or a sum of one."""
    m = len(e.expected)
    if e.is_complex or not (m == 1 or m == e.x.size == e.y.size):
        return None
    expected, got, seen = (a.reshape(m, -1) for a in (e.expected, e.got, e.seen))
    diagonal = np.ones((1, e.x.size), bool) if m == 1 else np.eye(m, dtype=bool)
    if expected[~diagonal & seen].any():
        return None
    true, ours, seen, x = expected[diagonal], got[diagonal], seen[diagonal], e.x.ravel()
    fits = None
    simple = _SIMPLE if m == 1 else _SIMPLE | {words.replace("x", "y"): c for words, c in _SIMPLE.items()}
    for words, function in simple.items():
        c = function(e.y if "y" in words else x)[seen]
        for told, a, b in ((f"the factor {words} is missing", ours[seen] * c, true[seen]),
                           (f"one factor {words} too much", ours[seen], true[seen] * c)):  # fmt: skip
            if np.isfinite(c).all() and np.allclose(a, b, rtol=2e-5, atol=0):
                if c.size and np.ptp(c) > 0:
                    return told
                fits = ""
    return fits


_SIMPLE: dict[str, Callable[[Vector], Vector]] = {
    "x": lambda x: x, "x²": lambda x: x * x, "(1 - x)": lambda x: 1 - x, "(1 - x²)": lambda x: 1 - x * x,
    "x (1 - x)": lambda x: x * (1 - x), "(1 + x²)": lambda x: 1 + x * x, "sign(x)": np.sign, "cos(x)": np.cos,
    "sin(x)": np.sin, "(x > 0)": lambda x: np.where(x > 0, 1.0, 0.0),
}  # fmt: skip


def _alike_along(e: Evidence) -> str | None:
    for axis in range(1, e.got.ndim):
        if e.got.shape[axis] > 1 and e.is_like(np.broadcast_to(e.got.take([0], axis), e.got.shape)):
            return f"the same all along axis {axis - 1}, where it should vary: summed over the wrong axis"
    return None


def _total(e: Evidence) -> str | None:
    """What each output sends to a leaf is right in sum."""
    axes = tuple(range(1, e.got.ndim))
    if not axes or not e.seen.all() or not np.isfinite(e.got).all():
        return None
    true, ours = e.expected.sum(axes), e.got.sum(axes)
    if np.any(np.abs(ours - true) > 1e-5 * e.sizes.ravel()):
        return None
    return (
        "wrong, though right in sum: summed over the wrong axis, or sent to the wrong elements" if np.any(true) else ""
    )


def _offset(e: Evidence) -> str | None:
    gap = (e.got - e.expected)[e.seen]
    if gap.size < 2 or np.ptp(gap) > 1e-5 * np.abs(gap).max() or not np.abs(gap).max():
        return None
    return f"a constant, {gap[0]:.5g}, is added to every element"


RULES: tuple[Callable[[Evidence], str | None], ...] = (
    _not_finite, _zero, _unchanged, _conjugated, _transposed, _swapped, _wrong_output_axis, _operand_transposed,
    _early, _reversed, _diagonal, _sign_lost, _elementwise, _strided, _shifted, _alike_along, _total, _offset,
)  # fmt: skip


def _where(some: list[Evidence]) -> str:
    """Say which part is wrong, of the call that shows most."""
    e = max(some, key=lambda e: int(e.wrong.any(0).sum()))
    wrong, total = np.any(e.wrong, axis=0), np.any(e.seen, axis=0)
    part = "" if wrong[total].all() else f" in {int(wrong.sum())} of {int(total.sum())} elements"
    if part and all(_at_border(e) for e in some):
        part += ", at the border only"
    if not any(e.got[e.wrong].any() for e in some):
        return f"zero{part}" if part else "zero for a part of the outputs"
    ratios = {float(f"{r:.4g}") for e in some for r in (e.got[e.wrong] / e.expected[e.wrong]).ravel()}
    if len(ratios) == 1:
        return f"{factor_in_words(ratios.pop())}{part or ' for a part of the outputs'}"
    return f"wrong{part}"


def _at_border(e: Evidence) -> bool:
    """Whether all wrong elements lie at an end of one of the axes."""
    wrong: Mask = np.asarray(np.any(e.wrong, axis=0))
    border = np.zeros(wrong.shape, bool)
    for axis in range(wrong.ndim - e.is_complex):
        np.moveaxis(border, axis, 0)[[0, -1]] = wrong.shape[axis] > 2
    return bool(border.any()) and not wrong[~border].any()
