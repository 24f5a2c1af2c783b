"""Parts that shorten gradients."""

from typing import Any

import numpy as np

from ..core import tree
from ..core.tensor import Array, dtype_of
from .base import GradientTransformation, cast, check_number, like, plain, scaled, squared, stateless


def clip(max_delta: float) -> GradientTransformation:
    """Clip every number to [-max_delta, max_delta]; nan stays.

    Parameters
    ----------
    max_delta : float
        Above 0.

    Raises
    ------
    TypeError
        From ``update``, for complex gradients, which have no order; names the path.
    """
    max_delta = check_number("clip", "max_delta", max_delta, positive=True)

    def one(path: str, g: Array) -> Array:
        if dtype_of(g).kind == "c":
            raise TypeError(f"optim.clip: grads{path} is complex; shorten it with clip_by_norm")
        return like(np.clip(g, -max_delta, max_delta), g)

    return stateless(lambda grads: tree.map_with_path(one, grads))


def clip_by_norm(max_norm: float) -> GradientTransformation:
    """Shrink each gradient by its own factor, so that its norm is at most `max_norm`.

    As `clip_by_global_norm`, leaf by leaf.

    Parameters
    ----------
    max_norm : float
        Above 0.
    """
    max_norm = check_number("clip_by_norm", "max_norm", max_norm, positive=True)
    return stateless(lambda grads: tree.map(lambda g: scaled(g, _shrinkage([g], max_norm)), grads))


def clip_by_global_norm(max_norm: float) -> GradientTransformation:
    """Shrink all gradients by one factor, so that their joint norm is at most `max_norm` [1]_.

    The norm is ‖g‖ = √(Σ |gᵢ|²) over all leaves, in float64; the factor max_norm / max(‖g‖, max_norm). Gradients that
    are not finite stay so.

    Parameters
    ----------
    max_norm : float
        Above 0.

    References
    ----------
    .. [1] R. Pascanu, T. Mikolov, Y. Bengio, "On the difficulty of training recurrent neural networks", ICML 2013.
    """
    max_norm = check_number("clip_by_global_norm", "max_norm", max_norm, positive=True)

    return stateless(lambda grads: scaled(grads, _shrinkage(tree.leaves(grads), max_norm)))


def _shrinkage(gs: list[Array], max_norm: float) -> Any:
    """Factor max_norm / max(‖g‖, max_norm)."""
    wide = [cast(g, np.promote_types(dtype_of(g), np.float64)) for g in gs]
    norm = np.sqrt(sum(np.sum(squared(g)) for g in wide))
    return plain(max_norm / np.maximum(norm, max_norm))
