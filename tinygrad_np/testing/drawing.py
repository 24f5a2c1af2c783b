"""Strategies that draw calls of a function, from what a survey found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

from .promises import Call
from .strategies import arrays
from .survey import Domain, Form, Survey


def forms_as_strategy(found: Survey, dtypes: Sequence[Any] | None) -> st.SearchStrategy[Call]:
    """Draw calls of the forms that a function takes, in these dtypes: the simplest form first, so it shrinks to it."""
    kinds: list[Any] = list(dtypes or [np.float64, np.float32])
    if dtypes is None and found.analytic:
        kinds.append(np.complex128)
    return _call(found.forms, [np.dtype(kind) for kind in kinds])


@st.composite
def _call(draw: st.DrawFn, forms: list[Form], dtypes: list[np.dtype[Any]]) -> Call:
    form = draw(st.sampled_from(forms))
    dtype, lattice = draw(st.sampled_from(dtypes)), draw(st.sampled_from([True, False]))
    return Call(
        tuple(draw(_values(s, d, dtype, lattice)) for s, d in zip(form.shapes, form.domains, strict=True)),
        form.options,
    )


def _values(shape: tuple[int, ...], domain: Domain, dtype: np.dtype[Any], lattice: bool) -> st.SearchStrategy[Any]:
    if domain.integer:
        count = int(np.prod(shape))
        drawn = st.lists(st.integers(int(domain.low), int(domain.high)), min_size=count, max_size=count)
        return drawn.map(lambda values: np.array(values, np.int64).reshape(shape))
    return arrays(shape, dtype, low=domain.low, high=domain.high, lattice=lattice)


def calls_like(strategy: st.SearchStrategy[Any], options: dict[str, Any]) -> st.SearchStrategy[Call]:
    """Draw calls from a strategy of calls, of tuples of arguments, or of the only argument."""

    def as_call(drawn: Any) -> Call:
        if isinstance(drawn, Call):
            return Call(drawn.args, {**options, **drawn.options})
        return Call(drawn if isinstance(drawn, tuple) else (drawn,), options)

    return strategy.map(as_call)
