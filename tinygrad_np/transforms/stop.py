"""stop_gradient: a value as a constant."""

from __future__ import annotations

from typing import Any

from ..core import tree
from ..core.primitive import primitive
from ..core.tensor import Array


@primitive(differentiable=False)
def _constant(x: Array) -> Array:
    return x


_constant.defbatch(lambda size, axes, x: (_constant(x), axes[0]))


def stop_gradient(x: Any) -> Any:
    """Return the value of x as a constant: no derivative passes through it.

    Parameters
    ----------
    x : tree of arrays
        Values that are being differentiated, or plain ones, which come back as they are.

    Returns
    -------
    tree
        Of plain arrays, unless another kind of transform (batching, recording) watches them too.

    Examples
    --------
    >>> from tinygrad_np import grad
    >>> grad(lambda x: x * stop_gradient(x))(3.0)
    3.0
    """
    return tree.map(_constant, x)
