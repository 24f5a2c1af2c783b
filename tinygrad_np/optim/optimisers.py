"""The optimisers, each a chain of parts.

The learning rate is at least 0, or a schedule. Where PyTorch and optax differ, the one that is followed is named.
"""

from .adams import scale_by_adam, scale_by_adamax, scale_by_nadam, scale_by_radam
from .base import GradientTransformation, Schedule, check_number
from .masking import Mask
from .moments import scale_by_adadelta, scale_by_lion, scale_by_rms, scale_by_rss, trace
from .parts import add_decayed_weights, chain, scale_by_learning_rate


def sgd(
    learning_rate: float | Schedule,
    momentum: float = 0.0,
    nesterov: bool = False,
    *,
    weight_decay: float = 0.0,
    mask: Mask | None = None,
) -> GradientTransformation:
    """Stochastic gradient descent [1]_: t ← momentum · t + g, p ← p - learning_rate · t, as in PyTorch.

    Parameters
    ----------
    learning_rate : float or callable
        At least 0, or a schedule.
    momentum : float
        In [0, 1); with 0 there is nothing to remember.
    nesterov : bool
        Whether to use g + momentum · t in place of t; needs momentum.
    weight_decay : float
        At least 0; the gradient is g + weight_decay · p, as in PyTorch.
    mask : tree of bool or callable, optional
        Which parameters decay; see `add_decayed_weights`.

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
    parts = [] if momentum == 0 else [trace(momentum, nesterov=nesterov)]
    return _penalised(weight_decay, mask, *parts, scale_by_learning_rate(learning_rate))


def adam(
    learning_rate: float | Schedule,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    *,
    bias_correction: bool = True,
    amsgrad: bool = False,
    weight_decay: float = 0.0,
    mask: Mask | None = None,
) -> GradientTransformation:
    """Adam, as in its paper; see `scale_by_adam` for the formula, the parameters and the reference.

    With `weight_decay` the gradient is g + weight_decay · p, as in PyTorch: the decay is divided by √ν̂ with the rest
    (`adamw` does not do so). `mask` says which parameters decay; see `add_decayed_weights`.
    """
    part = scale_by_adam(b1, b2, eps, bias_correction=bias_correction, amsgrad=amsgrad)
    return _penalised(weight_decay, mask, part, scale_by_learning_rate(learning_rate))


def adamw(
    learning_rate: float | Schedule,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 1e-2,
    mask: Mask | None = None,
    *,
    amsgrad: bool = False,
) -> GradientTransformation:
    """Adam with decoupled weight decay [1]_: p ← p - learning_rate (μ̂ / (√ν̂ + eps) + weight_decay · p).

    Parameters
    ----------
    learning_rate : float or callable
        At least 0, or a schedule; it scales the decay too, as in PyTorch and optax.
    b1, b2, eps, amsgrad
        See `scale_by_adam`.
    weight_decay : float
        At least 0; 1e-2 as in PyTorch (optax has 1e-4).
    mask : tree of bool or callable, optional
        Which parameters decay; see `add_decayed_weights`.

    Examples
    --------
    >>> from tinygrad_np import optim
    >>> optimiser = optim.adamw(1e-3, weight_decay=0.05, mask=optim.not_bias)

    References
    ----------
    .. [1] I. Loshchilov, F. Hutter, "Decoupled weight decay regularization", ICLR 2019.
    """
    part = scale_by_adam(b1, b2, eps, amsgrad=amsgrad)
    return chain(part, add_decayed_weights(weight_decay, mask), scale_by_learning_rate(learning_rate))


def amsgrad(
    learning_rate: float | Schedule, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8
) -> GradientTransformation:
    """Adam with the largest mean of squares so far, as in PyTorch; see `scale_by_adam`."""
    return adam(learning_rate, b1, b2, eps, amsgrad=True)


def nadam(
    learning_rate: float | Schedule,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    momentum_decay: float = 4e-3,
) -> GradientTransformation:
    """Adam with Nesterov's look-ahead, as in PyTorch; see `scale_by_nadam` for the formula and the reference."""
    return chain(scale_by_nadam(b1, b2, eps, momentum_decay), scale_by_learning_rate(learning_rate))


def radam(
    learning_rate: float | Schedule, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8
) -> GradientTransformation:
    """Rectified Adam, as in PyTorch; see `scale_by_radam` for the formula and the reference."""
    return chain(scale_by_radam(b1, b2, eps), scale_by_learning_rate(learning_rate))


def adamax(
    learning_rate: float | Schedule, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8
) -> GradientTransformation:
    """Adam with a maximum for the root of squares; see `scale_by_adamax` for the formula and the reference."""
    return chain(scale_by_adamax(b1, b2, eps), scale_by_learning_rate(learning_rate))


def adagrad(
    learning_rate: float | Schedule, initial_accumulator_value: float = 0.0, eps: float = 1e-10
) -> GradientTransformation:
    """AdaGrad, as in PyTorch; see `scale_by_rss` for the formula and the reference.

    PyTorch's lr_decay is the schedule ``lambda step: learning_rate / (1 + step * lr_decay)``.
    """
    return chain(scale_by_rss(initial_accumulator_value, eps), scale_by_learning_rate(learning_rate))


def adadelta(learning_rate: float | Schedule = 1.0, rho: float = 0.9, eps: float = 1e-6) -> GradientTransformation:
    """ADADELTA; see `scale_by_adadelta` for the formula and the reference. The paper has no learning rate: it is 1."""
    return chain(scale_by_adadelta(rho, eps), scale_by_learning_rate(learning_rate))


def lion(
    learning_rate: float | Schedule,
    b1: float = 0.9,
    b2: float = 0.99,
    weight_decay: float = 1e-3,
    mask: Mask | None = None,
) -> GradientTransformation:
    """Signs of a mean of gradients, with decoupled weight decay; see `scale_by_lion` for formula and reference.

    Steps have the size of the learning rate, which should be 3 to 10 times smaller than Adam's, says the paper, and the
    decay as much larger; 1e-3 is optax's (PyTorch does not have Lion). For `mask` see `add_decayed_weights`.
    """
    decay = add_decayed_weights(weight_decay, mask)
    return chain(scale_by_lion(b1, b2), decay, scale_by_learning_rate(learning_rate))


def rmsprop(
    learning_rate: float | Schedule, decay: float = 0.9, eps: float = 1e-8, momentum: float = 0.0
) -> GradientTransformation:
    """RMSProp [1]_ as PyTorch has it: ν ← decay · ν + (1 - decay) |g|², u = g / (√ν + eps).

    Then t ← momentum · t + u and p ← p - learning_rate · t. (By default optax takes g / √(ν + eps), and the rate
    before the momentum.)

    Parameters
    ----------
    learning_rate : float or callable
        At least 0, or a schedule.
    decay, eps
        See `scale_by_rms`; 0.9 as in the lecture and in optax (PyTorch has 0.99).
    momentum : float
        In [0, 1).

    References
    ----------
    .. [1] T. Tieleman, G. Hinton, "Lecture 6.5, RMSProp", Coursera: Neural networks for machine learning, 2012.
    """
    momentum = check_number("rmsprop", "momentum", momentum, 0, 1)
    parts = [scale_by_rms(decay, eps), scale_by_learning_rate(learning_rate)]
    return chain(*parts) if momentum == 0 else chain(parts[0], trace(momentum), parts[1])


def _penalised(weight_decay: float, mask: Mask | None, *parts: GradientTransformation) -> GradientTransformation:
    """Chain of the parts, after the gradient of the L2 penalty where there is one."""
    if weight_decay != 0 or mask is not None:
        parts = (add_decayed_weights(weight_decay, mask), *parts)
    return parts[0] if len(parts) == 1 else chain(*parts)
