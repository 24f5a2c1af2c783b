"""What goes around an optimiser, or after it: averages of parameters, accumulated gradients, refused gradients."""

import functools
from typing import NamedTuple

import numpy as np

from ..core import tree
from ..core.tensor import Array
from .base import (
    GradientTransformation,
    Tree,
    apply_updates,
    check_number,
    check_params,
    check_state,
    check_transformation,
    check_whole,
    conditional,
    copied,
    like,
    no_updates,
    one_more,
    plain,
    side_by_side,
    zeroed,
    zeros,
)
from .leafwise import means


class ParamsEmaState(NamedTuple):
    """Running mean of parameters that began at zero, and how much of it is parameters: 1 - decay^updates."""

    weight: Array
    ema: Tree


class MultiStepsState(NamedTuple):
    """Number of gradients in the sum, their sum divided by k, and the state of the optimiser."""

    mini_step: Array
    acc_grads: Tree
    inner_state: Tree


class ApplyIfFiniteState(NamedTuple):
    """How many gradients in a row were not finite, whether the last was, how many there were, and the inner state."""

    notfinite_count: Array
    last_finite: Array
    total_notfinite: Array
    inner_state: Tree


def params_ema(decay: float) -> GradientTransformation:
    """Keep an exponential moving average of the parameters; updates pass as they are.

    After each update, a ← decay · a + (1 - decay) p of the new parameters p, from a = 0 [1]_. It is the last part of a
    chain, since it takes what arrives for the updates that are applied; ``update`` needs the parameters. Read it out
    with `averaged_params`, which divides by 1 - decay^updates, so that the start at zero leaves no trace.

    Parameters
    ----------
    decay : float
        In [0, 1); the mean reaches back about 1 / (1 - decay) updates.

    Examples
    --------
    >>> from tinygrad_np import optim
    >>> optimiser, params = optim.chain(optim.sgd(0.5), optim.params_ema(0.5)), {"w": 4.0}
    >>> updates, state = optimiser.update({"w": 2.0}, optimiser.init(params), params)
    >>> optim.averaged_params(state, params)
    {'w': 3.0}

    References
    ----------
    .. [1] D. Kingma, J. Ba, "Adam: a method for stochastic optimization", ICLR 2015, section 7.2.
    """
    decay = check_number("params_ema", "decay", decay, 0, 1)

    def init(params: Tree) -> ParamsEmaState:
        return ParamsEmaState(np.zeros(()), zeros("optim.params_ema", params))

    def update(grads: Tree, state: Tree, params: Tree = None) -> tuple[Tree, Tree]:
        check_state("params_ema", state, ParamsEmaState)
        check_params("params_ema", params)
        shape, (old, new) = side_by_side("optim.params_ema: params", state.ema, apply_updates(params, grads))
        weight = like(decay * state.weight + (1 - decay), state.weight)
        return copied(grads), ParamsEmaState(weight, tree.unflatten(shape, means(old, new, decay)))

    return GradientTransformation(init, update)


def averaged_params(state: Tree, params: Tree) -> Tree:
    """Average of the parameters that `params_ema` keeps somewhere in the state of an optimiser.

    Parameters
    ----------
    state : tree
        The state, after one update or more.
    params : tree of arrays
        The parameters, for their structure and dtypes.

    Raises
    ------
    ValueError
        If the state has no such average or several, the average has another structure, or there was no update yet.
    """
    found = _averages(state)
    if len(found) != 1:
        raise ValueError(f"optim.averaged_params: the state has {len(found)} averages; chain one params_ema")
    weight, ema = plain(found[0].weight), found[0].ema
    if isinstance(weight, float) and weight == 0:
        raise ValueError("optim.averaged_params: no update has been made, so there is nothing to average")
    shape, (ps, means_) = side_by_side("optim.averaged_params: the average", params, ema)
    return tree.unflatten(shape, [like(mean / weight, p) for p, mean in zip(ps, means_, strict=True)])


def multi_steps(inner: GradientTransformation, every_k: int) -> GradientTransformation:
    """Make one update of the mean of k gradients: the step of one batch k times as large, in the memory of a small one.

    That is so where the loss is a mean over examples and the batches have one size. Updates in between are zero; the
    inner optimiser, its schedules too, sees and counts one update in k. Gradients are summed in float32 at least.

    Parameters
    ----------
    inner : GradientTransformation
        What makes the update.
    every_k : int
        k, at least 1.

    Examples
    --------
    >>> from tinygrad_np import optim
    >>> optimiser = optim.multi_steps(optim.sgd(1.0), 2)
    >>> first, state = optimiser.update(1.0, optimiser.init(0.0))
    >>> first, optimiser.update(3.0, state)[0]
    (0.0, -2.0)
    """
    check_transformation("multi_steps", inner)
    k = check_whole("multi_steps", "every_k", every_k, 1)

    def init(params: Tree) -> MultiStepsState:
        return MultiStepsState(no_updates(), zeros("optim.multi_steps", params), inner.init(params))

    def update(grads: Tree, state: Tree, params: Tree = None) -> tuple[Tree, Tree]:
        check_state("multi_steps", state, MultiStepsState)
        shape, (sums, gs) = side_by_side("optim.multi_steps: grads", state.acc_grads, grads)
        total = tree.unflatten(shape, [like(a + like(g, a) / k, a) for a, g in zip(sums, gs, strict=True)])
        count = one_more(state.mini_step)

        def whole() -> tuple[Tree, Tree]:
            updates, inner_state = inner.update(total, state.inner_state, params)
            updates = tree.map(like, updates, tree.unflatten(shape, gs))
            return updates, MultiStepsState(like(count - k, count), zeroed(total), inner_state)

        def waiting() -> tuple[Tree, Tree]:
            return zeroed(tree.unflatten(shape, gs)), MultiStepsState(count, total, copied(state.inner_state))

        result: tuple[Tree, Tree] = conditional(plain(count >= k), whole, waiting)
        return result

    return GradientTransformation(init, update)


def apply_if_finite(inner: GradientTransformation, max_consecutive_errors: int) -> GradientTransformation:
    """Skip gradients that have an infinity or a nan: zero updates, and the inner state stays.

    As in optax, one more than `max_consecutive_errors` of them in a row are let through, and so into the state: an
    error that stays is to show. The state counts them, in a row and in all.

    Parameters
    ----------
    inner : GradientTransformation
        What makes the updates of finite gradients.
    max_consecutive_errors : int
        At least 0.

    Examples
    --------
    >>> from tinygrad_np import optim
    >>> optimiser = optim.apply_if_finite(optim.sgd(1.0, momentum=0.9), 3)
    >>> updates, state = optimiser.update(np.array([1.0, np.nan]), optimiser.init(np.zeros(2)))
    >>> updates, int(state.total_notfinite)
    (array([0., 0.]), 1)
    """
    check_transformation("apply_if_finite", inner)
    most = check_whole("apply_if_finite", "max_consecutive_errors", max_consecutive_errors)

    def init(params: Tree) -> ApplyIfFiniteState:
        return ApplyIfFiniteState(no_updates(), np.ones((), bool), no_updates(), inner.init(params))

    def update(grads: Tree, state: Tree, params: Tree = None) -> tuple[Tree, Tree]:
        check_state("apply_if_finite", state, ApplyIfFiniteState)
        finite = functools.reduce(np.logical_and, [np.all(np.isfinite(g)) for g in tree.leaves(grads)], np.True_)
        row = like(np.where(finite, 0, state.notfinite_count + 1), state.notfinite_count)
        updates, inner_state = conditional(
            plain(np.logical_or(finite, row > most)),
            lambda: inner.update(grads, state.inner_state, params),
            lambda: (zeroed(grads), copied(state.inner_state)),
        )
        total = like(np.where(finite, 0, 1) + state.total_notfinite, row)
        return updates, ApplyIfFiniteState(row, like(finite, state.last_finite), total, inner_state)

    return GradientTransformation(init, update)


def _averages(state: Tree) -> list[ParamsEmaState]:
    if isinstance(state, ParamsEmaState):
        return [state]
    nodes = tree.children(state) or {}
    return [each for node in nodes.values() for each in _averages(node)]
