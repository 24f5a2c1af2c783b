"""Parts that optimisers are chained from: each turns gradients into updates and does one thing."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..core import tree
from ..core.tensor import Array, dtype_of
from .base import (
    GradientTransformation,
    Tree,
    cast,
    check_number,
    check_state,
    like,
    plain,
    side_by_side,
    squared,
    zeros,
)

Schedule = Callable[[int], float]


class TraceState(NamedTuple):
    """Running sum of gradients."""

    trace: Tree


class AdamState(NamedTuple):
    """Number of updates so far and the running means of gradients and of their squares."""

    count: Array
    mu: Tree
    nu: Tree


class RmsState(NamedTuple):
    """Running mean of squared gradients."""

    nu: Tree


class ScheduleState(NamedTuple):
    """Number of updates so far."""

    count: Array


def chain(*transforms: GradientTransformation) -> GradientTransformation:
    """Apply transformations one after the other; the state is the tuple of their states.

    Examples
    --------
    >>> optimiser = chain(clip_by_global_norm(1.0), trace(0.9), scale_by_learning_rate(0.1))
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
    return _stateless(lambda grads: _scaled(grads, factor))


def scale_by_learning_rate(learning_rate: float | Schedule) -> GradientTransformation:
    """Multiply by minus the learning rate, so that adding the updates descends.

    Parameters
    ----------
    learning_rate : float or callable
        At least 0; or a schedule, ``schedule(step)`` with the number of updates made before.
    """
    if not callable(learning_rate):
        return scale(-check_number("scale_by_learning_rate", "learning_rate", learning_rate, 0))
    schedule = learning_rate

    def init(params: Tree) -> Tree:
        return ScheduleState(_no_updates())

    def update(grads: Tree, state: Tree, params: Tree = None) -> tuple[Tree, Tree]:
        check_state("scale_by_learning_rate", state, ScheduleState)
        step = plain(state.count)
        rate = check_number("scale_by_learning_rate", f"learning_rate({step})", schedule(step), 0)
        return _scaled(grads, -rate), ScheduleState(_one_more(state.count))

    return GradientTransformation(init, update)


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

    def clip(grads: Tree) -> Tree:
        wide = [cast(g, np.promote_types(dtype_of(g), np.float64)) for g in tree.leaves(grads)]
        norm = np.sqrt(sum(np.sum(squared(g)) for g in wide))
        return _scaled(grads, plain(max_norm / np.maximum(norm, max_norm)))

    return _stateless(clip)


def trace(decay: float, *, nesterov: bool = False) -> GradientTransformation:
    """Momentum: t ← decay · t + g; the update is t, or with Nesterov's look-ahead g + decay · t [1]_.

    Parameters
    ----------
    decay : float
        In [0, 1).
    nesterov : bool
        Whether to look ahead.

    References
    ----------
    .. [1] I. Sutskever, J. Martens, G. Dahl, G. Hinton, "On the importance of initialization and momentum in deep
       learning", ICML 2013.
    """
    decay = check_number("trace", "decay", decay, 0, 1)

    def init(params: Tree) -> Tree:
        return TraceState(zeros("optim.trace", params))

    def update(grads: Tree, state: Tree, params: Tree = None) -> tuple[Tree, Tree]:
        check_state("trace", state, TraceState)
        shape, (old, gs) = side_by_side("optim.trace: grads", state.trace, grads)
        new = [like(decay * t + g, t) for t, g in zip(old, gs, strict=True)]
        # +t is a copy: who changes the updates in place must not change the state
        steps = [like(g + decay * t if nesterov else +t, g) for t, g in zip(new, gs, strict=True)]
        return tree.unflatten(shape, steps), TraceState(tree.unflatten(shape, new))

    return GradientTransformation(init, update)


def scale_by_rms(decay: float = 0.9, eps: float = 1e-8) -> GradientTransformation:
    """Divide by the root of the running mean of squares: ν ← decay · ν + (1 - decay) |g|², update g / (√ν + eps).

    Parameters
    ----------
    decay : float
        In [0, 1).
    eps : float
        At least 0; outside the root, as in PyTorch (optax has it inside by default).
    """
    decay = check_number("scale_by_rms", "decay", decay, 0, 1)
    eps = check_number("scale_by_rms", "eps", eps, 0)

    def init(params: Tree) -> Tree:
        return RmsState(zeros("optim.scale_by_rms", params, real=True))

    def update(grads: Tree, state: Tree, params: Tree = None) -> tuple[Tree, Tree]:
        check_state("scale_by_rms", state, RmsState)
        shape, (old, gs) = side_by_side("optim.scale_by_rms: grads", state.nu, grads)
        new = [_mean_square(nu, g, decay) for nu, g in zip(old, gs, strict=True)]
        steps = [like(g / (np.sqrt(nu) + eps), g) for nu, g in zip(new, gs, strict=True)]
        return tree.unflatten(shape, steps), RmsState(tree.unflatten(shape, new))

    return GradientTransformation(init, update)


def scale_by_adam(
    b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8, *, bias_correction: bool = True
) -> GradientTransformation:
    """Divide the running mean of gradients by the root of that of their squares [1]_.

    μ ← b1 · μ + (1 - b1) g and ν ← b2 · ν + (1 - b2) |g|²; at update number t = 1, 2, ... the result is
    μ̂ / (√ν̂ + eps) with μ̂ = μ / (1 - b1ᵗ) and ν̂ = ν / (1 - b2ᵗ), the means of a start at zero set right.

    Parameters
    ----------
    b1, b2 : float
        Decay rates in [0, 1).
    eps : float
        At least 0.
    bias_correction : bool
        If false, μ̂ = μ and ν̂ = ν.

    References
    ----------
    .. [1] D. Kingma, J. Ba, "Adam: a method for stochastic optimization", ICLR 2015.
    """
    b1, b2 = check_number("scale_by_adam", "b1", b1, 0, 1), check_number("scale_by_adam", "b2", b2, 0, 1)
    eps = check_number("scale_by_adam", "eps", eps, 0)

    def init(params: Tree) -> Tree:
        name = "optim.scale_by_adam"
        return AdamState(_no_updates(), zeros(name, params), zeros(name, params, real=True))

    def update(grads: Tree, state: Tree, params: Tree = None) -> tuple[Tree, Tree]:
        check_state("scale_by_adam", state, AdamState)
        shape, (mus, nus, gs) = side_by_side("optim.scale_by_adam: grads", state.mu, state.nu, grads)
        count = _one_more(state.count)
        t = plain(count)
        c1, c2 = (1 - b1**t, 1 - b2**t) if bias_correction else (1.0, 1.0)
        mus = [like(b1 * mu + (1 - b1) * like(g, mu), mu) for mu, g in zip(mus, gs, strict=True)]
        nus = [_mean_square(nu, g, b2) for nu, g in zip(nus, gs, strict=True)]
        # μ̂ / (√ν̂ + eps) with c1 moved into the root: one pass over the data less
        ratio, shift = c1 * c1 / c2, c1 * eps
        steps = [like(mu / (np.sqrt(ratio * nu) + shift), g) for mu, nu, g in zip(mus, nus, gs, strict=True)]
        return tree.unflatten(shape, steps), AdamState(count, tree.unflatten(shape, mus), tree.unflatten(shape, nus))

    return GradientTransformation(init, update)


def _stateless(transform: Callable[[Tree], Tree]) -> GradientTransformation:
    return GradientTransformation(lambda params: (), lambda grads, state, params=None: (transform(grads), ()))


def _scaled(grads: Tree, factor: float) -> Tree:
    return tree.map(lambda g: like(factor * g, g), grads)


def _mean_square(nu: Array, g: Array, decay: float) -> Array:
    wide = cast(g, np.promote_types(dtype_of(g), nu.dtype))
    return like(decay * nu + (1 - decay) * squared(wide), nu)


def _no_updates() -> Array:
    return np.zeros((), np.int64)


def _one_more(count: Array) -> Array:
    return like(count + 1, count)
