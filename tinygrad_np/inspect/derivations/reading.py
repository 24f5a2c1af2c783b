"""Reading a docstring: which of its sentences are the formula, which the derivation, what is kept, what it costs."""

from __future__ import annotations

import inspect
import re
from typing import NamedTuple

_FAMILY = re.compile(r"^(\w+\([\w, ]*\))(, elementwise(?P<broadcasting> with broadcasting)?)?\. ")  # of core.families
_DERIVATIVE = re.compile(r"y'|∂|VJP|JVP|_bar|_dot|\bd[A-Za-z]\b")
_FORMULA = re.compile(r"(?!\w+_bar|\w+_dot|d\w)[a-zA-Z]\w*(\[[^]]*\]|_\w+)?(, \w+)* = ")
_END = re.compile(r"\.\s+(?=[^\s=])|;\s+(?=y' )|: (?=∂|y' )")
_SECTION = re.compile(r"^(\w+)\n-{3,}$", re.MULTILINE)


class Notes(NamedTuple):
    """What a docstring says about the mathematics; empty strings where it says nothing."""

    formula: str
    derivation: str
    kept: str
    cost: str
    remarks: str
    references: str


def notes_of(doc: str | None) -> Notes:
    """Read the summary and the sections Notes and References of a docstring.

    Sentences are told by their form: the formula is the first equation, "Kept: " and "Cost: " begin theirs.
    A paragraph that says something about a derivative belongs to the derivation; any other of the Notes is a remark,
    and a summary that only names the function is left out.
    """
    summary, sections = _split(inspect.cleandoc(doc or ""))
    first, *others = _paragraphs(summary) or [""]
    formula, kept, cost = "", "", ""
    derivation: list[str] = []
    remarks: list[str] = []
    if family := _FAMILY.match(first):
        formula, first = _of_family(family, first[family.end() :])
    for number, paragraph in enumerate((first, *others, *_paragraphs(sections.get("Notes", "")))):
        remaining = []
        for sentence in _sentences(paragraph):
            if not formula and _FORMULA.match(sentence):
                formula = sentence.rstrip(".;:")
            elif sentence.startswith("Kept: "):
                kept = sentence.removeprefix("Kept: ")
            elif sentence.startswith("Cost: "):
                cost = sentence.removeprefix("Cost: ")
            else:
                remaining.append(sentence)
        rest = " ".join(remaining)
        if rest and (_DERIVATIVE.search(rest) or number):
            (derivation if _DERIVATIVE.search(rest) else remarks).append(rest)
    found = ("\n\n".join(texts) for texts in (derivation, remarks))
    return Notes(formula, next(found), kept, cost, next(found), _joined(sections.get("References", "")))


def _of_family(family: re.Match[str], doc: str) -> tuple[str, str]:
    """Return the formula of an elementwise operation, and what is left: "max(x, 0); y' = ..." or "y' = ..."."""
    arrays = family[1].partition("(")[2][:-1].split(", ")
    result = "y" if len(arrays) == 1 or "z" in arrays else "z"  # as `Symbols` has it
    first, *rest = _sentences(doc)
    if _DERIVATIVE.search(first):
        return f"{result} = {family[1]}", doc
    first = first.rstrip(".;:")
    named = first if _FORMULA.match(first) else f"{result} = {first}"
    return named, " ".join(rest)


def _split(doc: str) -> tuple[str, dict[str, str]]:
    """Return what stands before the first section, and the sections by their titles."""
    first, *rest = _SECTION.split(doc)
    return first, dict(zip(rest[::2], rest[1::2], strict=True))


def _paragraphs(text: str) -> list[str]:
    return [_joined(p) for p in text.split("\n\n") if p.strip()]


def _joined(text: str) -> str:
    return " ".join(text.split())


def _sentences(paragraph: str) -> list[str]:
    parts, start = [], 0
    for end in _END.finditer(paragraph):
        parts.append(paragraph[start : end.start() + 1])
        start = end.end()
    last = paragraph[start:].strip()
    return [*parts, last] if last else parts
