"""Adam and its relatives: running means of gradients, divided by what their size has been."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..core.tensor import Array
from .base import (
    GradientTransformation,
    Tree,
    beside,
    check_number,
    conditional,
    like,
    no_updates,
    one_more,
    plain,
    zeros,
)
from .leafwise import Leaves, each, leafwise, mean_squares, means, wide


class AdamState(NamedTuple):
    """Number of updates so far and the running means of gradients and of their squares."""

    count: Array
    mu: Tree
    nu: Tree


class AmsgradState(NamedTuple):
    """As `AdamState`, and the largest mean of squares so far."""

    count: Array
    mu: Tree
    nu: Tree
    nu_max: Tree


class AdamaxState(NamedTuple):
    """Number of updates so far, the running mean of gradients and their decaying maximum."""

    count: Array
    mu: Tree
    maximum: Tree


class NadamState(NamedTuple):
    """As `AdamState`, and the product of the momenta so far."""

    count: Array
    product: Array
    mu: Tree
    nu: Tree


def scale_by_adam(
    b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8, *, bias_correction: bool = True, amsgrad: bool = False
) -> GradientTransformation:
    """Divide the running mean of gradients by the root of that of their squares [1]_.

    μ ← b1 · μ + (1 - b1) g and ν ← b2 · ν + (1 - b2) |g|²; at update number t = 1, 2, ... the result is
    μ̂ / (√ν̂ + eps) with μ̂ = μ / (1 - b1ᵗ) and ν̂ = ν / (1 - b2ᵗ), the means of a start at zero set right.

    Parameters
    ----------
    b1, b2 : float
        Decay rates in [0, 1); the paper's.
    eps : float
        At least 0; the paper's.
    bias_correction : bool
        If false, μ̂ = μ and ν̂ = ν.
    amsgrad : bool
        Whether ν̂ is made of the largest ν so far, so that steps never grow back [2]_. As in PyTorch the maximum is
        taken before the correction; optax takes it after, the paper corrects nothing (``bias_correction=False``).

    References
    ----------
    .. [1] D. Kingma, J. Ba, "Adam: a method for stochastic optimization", ICLR 2015.
    .. [2] S. Reddi, S. Kale, S. Kumar, "On the convergence of Adam and beyond", ICLR 2018.
    """
    b1, b2, eps = _checked("scale_by_adam", b1, b2, eps)

    def rule(gs: Leaves, count: Array, mus: Leaves, nus: Leaves, *largest: Leaves) -> Any:
        count, mus, nus = one_more(count), means(mus, gs, b1), mean_squares(nus, gs, b2)
        largest = tuple(each(lambda top, nu: like(np.maximum(top, nu), nu), tops, nus) for tops in largest)
        c1, c2 = (1 - _power(b1, count), 1 - _power(b2, count)) if bias_correction else (1.0, 1.0)
        return _quotients(mus, largest[0] if amsgrad else nus, c1, c2, eps), count, mus, nus, *largest

    kind = AmsgradState if amsgrad else AdamState
    return leafwise("scale_by_adam", kind, _adam_start("scale_by_adam", kind), rule, numbers=1)


def scale_by_radam(b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8) -> GradientTransformation:
    """Adam whose first steps, where ν is uncertain, are shorter [1]_.

    μ̂ and ν as in `scale_by_adam`. With ρ∞ = 2 / (1 - b2) - 1 and ρ = ρ∞ - 2t b2ᵗ / (1 - b2ᵗ) the update is μ̂ while
    ρ ≤ 5, and then r μ̂ √(1 - b2ᵗ) / (√ν + eps) with r² = (ρ - 4)(ρ - 2) ρ∞ / ((ρ∞ - 4)(ρ∞ - 2) ρ). So in PyTorch and
    in the authors' code; optax adds eps to √ν̂.

    Parameters
    ----------
    b1, b2 : float
        Decay rates in [0, 1); the paper's.
    eps : float
        At least 0; PyTorch's.

    References
    ----------
    .. [1] L. Liu et al., "On the variance of the adaptive learning rate and beyond", ICLR 2020.
    """
    b1, b2, eps = _checked("scale_by_radam", b1, b2, eps)
    longest = 2 / (1 - b2) - 1

    def rule(gs: Leaves, count: Array, mus: Leaves, nus: Leaves) -> Any:
        count, mus, nus = one_more(count), means(mus, gs, b1), mean_squares(nus, gs, b2)
        t, decayed = plain(count), _power(b2, count)
        c1, c2 = 1 - _power(b1, count), 1 - decayed
        length = longest - 2 * t * decayed / c2
        certain = longest > 5 and length > 5  # length < longest

        def rectified() -> Leaves:
            square = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
            root = plain(np.sqrt(np.where(certain, square * c2, 1.0)))
            factor = root / c1
            return [beside(factor, mu) * mu / (np.sqrt(nu) + eps) for mu, nu in zip(mus, nus, strict=True)]

        return conditional(certain, rectified, lambda: [mu / beside(c1, mu) for mu in mus]), count, mus, nus

    return leafwise("scale_by_radam", AdamState, _adam_start("scale_by_radam", AdamState), rule, numbers=1)


def scale_by_nadam(
    b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8, momentum_decay: float = 4e-3
) -> GradientTransformation:
    """Adam with Nesterov's look-ahead along a momentum that grows [1]_.

    μ and ν as in `scale_by_adam`; with mₜ = b1 (1 - 0.96^(t · momentum_decay) / 2) and Pₜ = m₁ ··· mₜ the update is
    (mₜ₊₁ μ / (1 - Pₜ₊₁) + (1 - mₜ) g / (1 - Pₜ)) / (√ν̂ + eps). So in PyTorch and in the paper, whose 4e-3 = 1/250 it
    is; optax has the constant momentum mₜ = b1.

    Parameters
    ----------
    b1, b2 : float
        Decay rates in [0, 1); PyTorch's, as is eps (the paper tunes them: b1 = 0.975 or 0.99).
    eps, momentum_decay : float
        At least 0.

    References
    ----------
    .. [1] T. Dozat, "Incorporating Nesterov momentum into Adam", ICLR workshop, 2016.
    """
    b1, b2, eps = _checked("scale_by_nadam", b1, b2, eps)
    momentum_decay = check_number("scale_by_nadam", "momentum_decay", momentum_decay, 0)

    def init(params: Tree) -> NadamState:
        return NadamState(no_updates(), np.ones(()), *_adam_zeros("scale_by_nadam", params))

    def rule(gs: Leaves, count: Array, product: Array, mus: Leaves, nus: Leaves) -> Any:
        count, mus, nus = one_more(count), means(mus, gs, b1), mean_squares(nus, gs, b2)
        t = plain(count)
        now, then = (b1 * (1 - 0.5 * _power(0.96, i * momentum_decay)) for i in (t, t + 1))
        product = like(product * now, product)
        p = plain(product)
        ahead, here = then / (1 - p * then), (1 - now) / (1 - p)
        ms = each(lambda mu, g: like(beside(ahead, mu) * mu + beside(here, mu) * like(g, mu), mu), mus, gs)
        return _quotients(ms, nus, 1.0, 1 - _power(b2, count), eps), count, product, mus, nus

    return leafwise("scale_by_nadam", NadamState, init, rule, numbers=2)


def scale_by_adamax(b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8) -> GradientTransformation:
    """Divide the running mean of gradients by their decaying maximum [1]_.

    μ as in `scale_by_adam`, u ← max(b2 · u, |g| + eps); the update is μ / ((1 - b1ᵗ) u). So in PyTorch and optax; the
    paper has no eps.

    Parameters
    ----------
    b1, b2 : float
        Decay rates in [0, 1); the paper's.
    eps : float
        At least 0.

    References
    ----------
    .. [1] D. Kingma, J. Ba, "Adam: a method for stochastic optimization", ICLR 2015, section 7.1.
    """
    b1, b2, eps = _checked("scale_by_adamax", b1, b2, eps)

    def rule(gs: Leaves, count: Array, mus: Leaves, tops: Leaves) -> Any:
        count, mus = one_more(count), means(mus, gs, b1)
        tops = each(lambda u, g: like(np.maximum(b2 * u, np.abs(wide(g, u)) + eps), u), tops, gs)
        c1 = 1 - _power(b1, count)
        return each(lambda mu, u: mu / (beside(c1, u) * u), mus, tops), count, mus, tops

    return leafwise("scale_by_adamax", AdamaxState, _adam_start("scale_by_adamax", AdamaxState), rule, numbers=1)


def _power(base: float, exponent: Array) -> Any:
    """Return a power as np.power has it, as in a recording: the last bit of Python's own may be another."""
    return plain(np.power(base, exponent))


def _quotients(mus: Leaves, nus: Leaves, c1: Any, c2: Any, eps: float) -> Leaves:
    """(μ / c1) / (√(ν / c2) + eps) with c1 moved into the root: one pass over the data less."""
    ratio, shift = c1 * c1 / c2, c1 * eps
    return [mu / (np.sqrt(beside(ratio, nu) * nu) + beside(shift, nu)) for mu, nu in zip(mus, nus, strict=True)]


def _checked(operation: str, b1: float, b2: float, eps: float) -> tuple[float, float, float]:
    b1, b2 = check_number(operation, "b1", b1, 0, 1), check_number(operation, "b2", b2, 0, 1)
    return b1, b2, check_number(operation, "eps", eps, 0)


def _adam_zeros(operation: str, params: Tree, more: int = 0) -> list[Tree]:
    name = f"optim.{operation}"
    return [zeros(name, params), *(zeros(name, params, real=True) for _ in range(1 + more))]


def _adam_start(operation: str, kind: Any) -> Callable[[Tree], Any]:
    return lambda params: kind(no_updates(), *_adam_zeros(operation, params, len(kind._fields) - 3))
