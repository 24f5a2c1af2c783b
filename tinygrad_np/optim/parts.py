"""Parts that need no memory of gradients, and the chain that joins parts."""

from typing import Any, NamedTuple

import numpy as np

from ..core import tree
from ..core.batching import one_by_one
from ..core.primitive import primitive
from ..core.tensor import Array
from .base import (
    GradientTransformation,
    Schedule,
    Tree,
    check_number,
    check_params,
    check_state,
    like,
    no_updates,
    one_more,
    plain,
    scaled,
    side_by_side,
    stateless,
    zeroed,
)
from .masking import Mask, masked


class ScheduleState(NamedTuple):
    """Number of updates so far."""

    count: Array


def chain(*transforms: GradientTransformation) -> GradientTransformation:
    """Apply transformations one after the other; the state is the tuple of their states.

    Examples
    --------
    >>> from tinygrad_np import optim
    >>> optimiser = optim.chain(optim.clip_by_global_norm(1.0), optim.sgd(0.1, momentum=0.9))
    """
    if not transforms or not all(isinstance(each, GradientTransformation) for each in transforms):
        raise TypeError(f"optim.chain: takes one or more GradientTransformations, got {transforms!r}")

    def init(params: Tree) -> Tree:
        return tuple(each.init(params) for each in transforms)

    def update(grads: Tree, state: Tree, params: Tree = None) -> tuple[Tree, Tree]:
        check_state("chain", state, tuple)
        if len(state) != len(transforms):
            raise ValueError(f"optim.chain: state has {len(state)} parts for {len(transforms)} transformations")
        states = []
        for each, old in zip(transforms, state, strict=True):
            grads, new = each.update(grads, old, params)
            states.append(new)
        return grads, tuple(states)

    return GradientTransformation(init, update)


def scale(factor: float) -> GradientTransformation:
    """Multiply by a constant."""
    factor = check_number("scale", "factor", factor)
    return stateless(lambda grads: scaled(grads, factor))


def scale_by_learning_rate(learning_rate: float | Schedule) -> GradientTransformation:
    """Multiply by minus the learning rate, so that adding the updates descends.

    Parameters
    ----------
    learning_rate : float or callable
        At least 0; or a schedule, ``schedule(step)`` with the number of updates made before, an int.
    """
    if not callable(learning_rate):
        return scale(-check_number("scale_by_learning_rate", "learning_rate", learning_rate, 0))
    schedule = learning_rate

    def init(params: Tree) -> Tree:
        return ScheduleState(no_updates())

    def update(grads: Tree, state: Tree, params: Tree = None) -> tuple[Tree, Tree]:
        check_state("scale_by_learning_rate", state, ScheduleState)
        rate = plain(_rate(state.count, schedule=schedule))
        return scaled(grads, -rate), ScheduleState(one_more(state.count))

    return GradientTransformation(init, update)


@primitive(differentiable=False)
def _rate(count: Array, *, schedule: Schedule) -> Any:
    """Return the learning rate after so many updates. As a primitive it follows the count also in a recording."""
    step = int(count)
    return np.float64(check_number("scale_by_learning_rate", f"learning_rate({step})", schedule(step), 0))


_rate.defbatch(one_by_one(_rate))


def add_decayed_weights(weight_decay: float, mask: Mask | None = None) -> GradientTransformation:
    """Add the parameters to the gradients: g + weight_decay · p, the gradient of weight_decay ‖p‖² / 2 with it.

    Before the part that remembers gradients it is the L2 penalty of PyTorch's SGD and Adam; after it, and before the
    learning rate, the decoupled decay of AdamW [1]_. ``update`` needs the parameters.

    Parameters
    ----------
    weight_decay : float
        At least 0.
    mask : tree of bool or callable, optional
        Which parameters decay; see `masked`. `not_bias` leaves out biases and scales.

    Examples
    --------
    >>> from tinygrad_np import optim
    >>> decay, params = optim.add_decayed_weights(0.5, mask={"w": True, "b": False}), {"w": 4.0, "b": 4.0}
    >>> decay.update({"w": 1.0, "b": 1.0}, decay.init(params), params)[0]
    {'w': 3.0, 'b': 1.0}

    References
    ----------
    .. [1] I. Loshchilov, F. Hutter, "Decoupled weight decay regularization", ICLR 2019.
    """
    weight_decay = check_number("add_decayed_weights", "weight_decay", weight_decay, 0)

    def update(grads: Tree, state: Tree, params: Tree = None) -> tuple[Tree, Tree]:
        check_params("add_decayed_weights", params)
        shape, (gs, ps) = side_by_side("optim.add_decayed_weights: params", grads, params)
        return tree.unflatten(shape, [like(g + weight_decay * p, g) for g, p in zip(gs, ps, strict=True)]), ()

    decayed = GradientTransformation(lambda params: (), update)
    return decayed if mask is None else masked(decayed, mask)


def set_to_zero() -> GradientTransformation:
    """Make every update zero, also of gradients that are not finite."""
    return stateless(zeroed)


def freeze(mask: Mask) -> GradientTransformation:
    """Make the updates of some parameters zero, those where the mask is true; the last part of a chain.

    The other parts still remember these gradients; `partition` with `set_to_zero` keeps nothing of them.

    Parameters
    ----------
    mask : tree of bool or callable
        See `masked`.

    Examples
    --------
    >>> from tinygrad_np import optim
    >>> optimiser = optim.chain(optim.adamw(1e-3), optim.freeze(lambda path, leaf: path.startswith("['conv1']")))
    """
    return masked(set_to_zero(), mask)
