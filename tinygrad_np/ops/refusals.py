"""Functions of NumPy that Tensors have no part in, each with the reason and what to write instead."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ..core.tensor import refusals, refuse, resolvers


@functools.cache
def enter() -> None:
    """Enter the reasons. It takes modules of NumPy that most programs never import, so it waits for the first need."""
    from numpy import char
    from numpy._core import strings, umath
    from numpy.lib import recfunctions
    from numpy.polynomial import polynomial

    refuse(
        "It wants plain values: pass tinygrad_np.stop_gradient(x), or return x from the function as aux "
        "(has_aux=True).",
        np.array2string, np.array_repr, np.array_str, np.save, np.savez, np.savez_compressed, np.savetxt, np.packbits,
        np.unpackbits,
    )  # fmt: skip
    refuse(
        "It is a property of the floating-point numbers and has no derivative: pass tinygrad_np.stop_gradient(x).",
        np.nextafter, np.spacing,
    )  # fmt: skip
    refuse("It looks at the value of a number; ask for x.dtype.", np.min_scalar_type)
    refuse(
        "Tensors never change, so whether they share memory makes no difference.", np.may_share_memory, np.shares_memory
    )
    refuse(
        "Dates are no floating-point numbers; compute with them outside and pass the results.",
        np.busday_count, np.busday_offset, np.is_busday, np.datetime_as_string, np.isnat,
    )  # fmt: skip

    numbers = frozenset("?bBhHiIlLqQefdgFDG")
    ufuncs = [f for f in (*vars(umath).values(), *vars(strings).values()) if isinstance(f, np.ufunc)]
    refuse(
        "It works on strings, and a Tensor holds numbers.",
        *(f for f in ufuncs if f not in refusals and not any(numbers & set(types[: f.nin]) for types in f.types)),
    )
    if "in1d" in vars(np):  # before NumPy 2.4
        refuse("Use np.isin.", vars(np)["in1d"])
    refuse("It is a helper of NumPy's own; use np.ones_like.", vars(umath)["_ones_like"])
    refuse(
        "It works on strings, and a Tensor holds numbers.",
        *(f for f in vars(strings).values() if callable(f) and getattr(f, "__module__", "") == "numpy.strings"),
        char.equal, char.not_equal, char.less, char.less_equal, char.greater, char.greater_equal,
    )  # fmt: skip
    refuse(
        "Write it with np.polyval, or with np.einsum and powers from np.vander.",
        polynomial.polyval2d, polynomial.polygrid2d,
    )  # fmt: skip
    refuse(
        "It works on structured arrays, and a Tensor holds plain numbers: keep the fields in a dictionary, which the "
        "transforms take as it is.",
        *(getattr(recfunctions, name) for name in recfunctions.__all__),
    )


def resolve(function: Any) -> None:
    """Know no function, but the reasons, once one is in no table."""
    enter()


resolvers.append(resolve)
