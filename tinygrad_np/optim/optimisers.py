"""The optimisers, each a chain of parts."""

from .base import GradientTransformation, check_number
from .parts import Schedule, chain, scale_by_adam, scale_by_learning_rate, scale_by_rms, trace


def sgd(learning_rate: float | Schedule, momentum: float = 0.0, nesterov: bool = False) -> GradientTransformation:
    """Stochastic gradient descent: t ← momentum · t + g, p ← p - learning_rate · t, as in PyTorch.

    Parameters
    ----------
    learning_rate : float or callable
        At least 0, or a schedule.
    momentum : float
        In [0, 1); with 0 there is nothing to remember.
    nesterov : bool
        Whether to use g + momentum · t in place of t; needs momentum.

    See Also
    --------
    trace : The momentum.

    References
    ----------
    .. [1] H. Robbins, S. Monro, "A stochastic approximation method", Ann. Math. Statist. 22, 1951.
    """
    momentum = check_number("sgd", "momentum", momentum, 0, 1)
    if nesterov and momentum == 0:
        raise ValueError("optim.sgd: nesterov=True looks ahead along the momentum, which is 0; give momentum, say 0.9")
    descent = scale_by_learning_rate(learning_rate)
    return descent if momentum == 0 else chain(trace(momentum, nesterov=nesterov), descent)


def adam(
    learning_rate: float | Schedule,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    *,
    bias_correction: bool = True,
) -> GradientTransformation:
    """Adam, as in its paper; see `scale_by_adam` for the formula, the parameters and the reference."""
    return chain(scale_by_adam(b1, b2, eps, bias_correction=bias_correction), scale_by_learning_rate(learning_rate))


def rmsprop(
    learning_rate: float | Schedule, decay: float = 0.9, eps: float = 1e-8, momentum: float = 0.0
) -> GradientTransformation:
    """RMSProp as PyTorch has it: ν ← decay · ν + (1 - decay) |g|², u = g / (√ν + eps).

    Then t ← momentum · t + u and p ← p - learning_rate · t. (By default optax takes g / √(ν + eps), and the rate
    before the momentum.)

    Parameters
    ----------
    learning_rate : float or callable
        At least 0, or a schedule.
    decay, eps
        See `scale_by_rms`.
    momentum : float
        In [0, 1).

    References
    ----------
    .. [1] T. Tieleman, G. Hinton, "Lecture 6.5, RMSProp", Coursera: Neural networks for machine learning, 2012.
    """
    momentum = check_number("rmsprop", "momentum", momentum, 0, 1)
    parts = [scale_by_rms(decay, eps), scale_by_learning_rate(learning_rate)]
    return chain(*parts) if momentum == 0 else chain(parts[0], trace(momentum), parts[1])
