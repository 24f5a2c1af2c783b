"""Momentum, and the parts that divide by the root of a mean or sum of squares."""

from typing import Any, NamedTuple

import numpy as np

from ..core import tree
from .base import GradientTransformation, Tree, check_number, like, squared, zeros
from .leafwise import Leaves, each, leafwise, mean_squares, means, wide


class TraceState(NamedTuple):
    """Running sum of gradients."""

    trace: Tree


class RmsState(NamedTuple):
    """Running mean of squared gradients."""

    nu: Tree


class RssState(NamedTuple):
    """Sum of squared gradients."""

    sum_of_squares: Tree


class AdadeltaState(NamedTuple):
    """Running means of squared gradients and of squared steps."""

    e_g: Tree
    e_x: Tree


class LionState(NamedTuple):
    """Running mean of gradients."""

    mu: Tree


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

    def rule(gs: Leaves, old: Leaves) -> Any:
        new = each(lambda t, g: like(decay * t + g, t), old, gs)
        # +t is a copy: who changes the updates in place must not change the state
        return each(lambda t, g: g + decay * t if nesterov else +t, new, gs), new

    return leafwise("trace", TraceState, lambda params: TraceState(zeros("optim.trace", params)), rule)


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

    def rule(gs: Leaves, nus: Leaves) -> Any:
        nus = mean_squares(nus, gs, decay)
        return each(lambda nu, g: g / (np.sqrt(nu) + eps), nus, gs), nus

    return leafwise(
        "scale_by_rms", RmsState, lambda params: RmsState(zeros("optim.scale_by_rms", params, real=True)), rule
    )


def scale_by_rss(initial_accumulator_value: float = 0.0, eps: float = 1e-10) -> GradientTransformation:
    """Divide by the root of the sum of squares [1]_: s ← s + |g|², update g / (√s + eps).

    Parameters
    ----------
    initial_accumulator_value : float
        At least 0: where the sums start. 0 as in the paper and in PyTorch; optax starts at 0.1.
    eps : float
        At least 0; outside the root as in PyTorch, whose 1e-10 it is (optax adds 1e-7 under the root).

    References
    ----------
    .. [1] J. Duchi, E. Hazan, Y. Singer, "Adaptive subgradient methods for online learning and stochastic
       optimization", JMLR 12, 2011.
    """
    start = check_number("scale_by_rss", "initial_accumulator_value", initial_accumulator_value, 0)
    eps = check_number("scale_by_rss", "eps", eps, 0)

    def init(params: Tree) -> RssState:
        return RssState(tree.map(lambda s: like(s + start, s), zeros("optim.scale_by_rss", params, real=True)))

    def rule(gs: Leaves, sums: Leaves) -> Any:
        sums = each(lambda s, g: like(s + squared(wide(g, s)), s), sums, gs)
        return each(lambda s, g: g / (np.sqrt(s) + eps), sums, gs), sums

    return leafwise("scale_by_rss", RssState, init, rule)


def scale_by_adadelta(rho: float = 0.9, eps: float = 1e-6) -> GradientTransformation:
    """Give gradients the size that steps had so far [1]_.

    v ← rho · v + (1 - rho) |g|²; the update is d = g √(x + eps) / √(v + eps); then x ← rho · x + (1 - rho) |d|². The
    same in PyTorch and optax.

    Parameters
    ----------
    rho : float
        In [0, 1); 0.9 as in PyTorch and optax, the paper has 0.95.
    eps : float
        At least 0; the paper's. With 0 nothing ever moves.

    References
    ----------
    .. [1] M. Zeiler, "ADADELTA: an adaptive learning rate method", arXiv:1212.5701, 2012.
    """
    rho = check_number("scale_by_adadelta", "rho", rho, 0, 1)
    eps = check_number("scale_by_adadelta", "eps", eps, 0)

    def init(params: Tree) -> AdadeltaState:
        return AdadeltaState(*(zeros("optim.scale_by_adadelta", params, real=True) for _ in range(2)))

    def rule(gs: Leaves, e_g: Leaves, e_x: Leaves) -> Any:
        e_g = mean_squares(e_g, gs, rho)
        steps = each(lambda v, x, g: wide(g, v) * (np.sqrt(x + eps) / np.sqrt(v + eps)), e_g, e_x, gs)
        return steps, e_g, mean_squares(e_x, steps, rho)

    return leafwise("scale_by_adadelta", AdadeltaState, init, rule)


def scale_by_lion(b1: float = 0.9, b2: float = 0.99) -> GradientTransformation:
    """Take the sign of a mean of gradients [1]_: the update is sign(b1 · μ + (1 - b1) g), then μ ← b2 · μ + (1 - b2) g.

    Parameters
    ----------
    b1, b2 : float
        In [0, 1); the paper's. The sign of a complex number is z / |z|.

    References
    ----------
    .. [1] X. Chen et al., "Symbolic discovery of optimization algorithms", NeurIPS 2023.
    """
    b1, b2 = check_number("scale_by_lion", "b1", b1, 0, 1), check_number("scale_by_lion", "b2", b2, 0, 1)

    def rule(gs: Leaves, mus: Leaves) -> Any:
        return [np.sign(mean) for mean in means(mus, gs, b1)], means(mus, gs, b2)

    return leafwise("scale_by_lion", LionState, lambda params: LionState(zeros("optim.scale_by_lion", params)), rule)
