"""Functions with rules of your own: custom_vjp, custom_jvp, grad_tap."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import tree
from ..core.calls import Call, leaves_like
from ..core.tensor import Tensor, name_of, parameter_names, zeros_of
from .arguments import floats_of
from .batch import Batch, join, on_examples, spread
from .reverse import vjp

Function = Callable[..., Any]


@dataclasses.dataclass(frozen=True)
class Rules:
    """A function and its own rules; what is not given follows from the other rule.

    `forward(*args)` returns (y, residuals), `backward(residuals, g)` a tuple of cotangents, `pushforward(args, dots)`
    the pair (y, y_dot).
    """

    name: str
    f: Function
    forward: Function | None = None
    backward: Function | None = None
    pushforward: Function | None = None

    def __call__(self, *args: Any) -> Any:
        """Apply the function to trees."""
        if any(type(leaf) is Tensor for leaf in tree.leaves(args)):
            return CustomCall(self, args).apply()
        return self.f(*args)

    def batched(self, size: int, axes: tuple[Any, ...]) -> Rules:
        """Return the rules of the function of all examples: arguments batched along those axes, outputs along 0."""

        def run(function: Function, *args: Any) -> Any:
            return on_examples(function, self.name, size, *args)

        def forward(*args: Any) -> Any:
            assert self.forward is not None
            return run(self.forward, axes, args, lambda pair, t: (join(pair[0], 0, t), _Residuals(pair[1], t)))

        def backward(residuals: _Residuals, g: Any) -> tuple[Any, ...]:
            assert self.backward is not None
            given = (residuals.axes, 0), (residuals.values, g)
            return run(self.backward, *given, lambda bars, t: _collected(bars, axes, t))  # type: ignore[no-any-return]

        def pushforward(args: tuple[Any, ...], dots: tuple[Any, ...]) -> Any:
            assert self.pushforward is not None
            return run(self.pushforward, (axes, axes), (args, dots))

        return Rules(
            self.name,
            lambda *args: run(self.f, axes, args),
            self.forward and forward,
            self.backward and backward,
            self.pushforward and pushforward,
        )


class _Residuals:
    """What a batched forward pass keeps: values, some of them of all examples, and where the examples lie."""

    def __init__(self, residuals: Any, trace: Batch) -> None:
        leaves, structure = tree.flatten(residuals)
        ours = [type(x) is Tensor and x._trace is trace for x in leaves]
        self.values = tree.unflatten(structure, [x._value if o else x for x, o in zip(leaves, ours, strict=True)])
        self.axes = tree.unflatten(structure, [x._index if o else None for x, o in zip(leaves, ours, strict=True)])


def _collected(bars: Sequence[Any], axes: tuple[Any, ...], trace: Batch) -> tuple[Any, ...]:
    """Bring the examples' cotangents where each argument's batch axes are; sum them where all shared a value."""

    def collect(bar: Any, axes: Any) -> Any:
        joined = join(bar, 0, trace)
        leaves, structure = tree.flatten(joined)
        each = zip(leaves, spread(axes, joined, lambda: trace.origin), strict=True)
        return tree.unflatten(structure, [np.sum(x, axis=0) if a is None else np.moveaxis(x, 0, a) for x, a in each])

    return tuple(None if bar is None else collect(bar, a) for bar, a in zip(bars, axes, strict=True))


class CustomCall(Call):
    """One call of a function with its own rules."""

    def __init__(self, rules: Rules, args: tuple[Any, ...]) -> None:
        super().__init__(rules.name, args)
        self.rules = rules
        self.residuals: Any = None

    def run(self, *args: Any) -> Any:
        """Evaluate the function, by its own forward rule if there is one; older transforms see its code."""
        if self.rules.forward is None:
            return self.rules(*args)
        pair = self.rules.forward(*args)
        if not (isinstance(pair, tuple) and len(pair) == 2):
            raise TypeError(f"{self.name}: the forward rule returns (y, residuals), got {type(pair).__name__}.")
        y, self.residuals = pair
        return y

    def inside(self, *args: Any) -> Any:
        """Evaluate the function."""
        return self.rules.f(*args)

    def pull(self, y: Any, args: tuple[Any, ...], g: Any) -> Sequence[Any]:
        """Apply the backward rule, or the transpose of the JVP rule."""
        if self.rules.backward is not None:
            bars: Sequence[Any] = self.rules.backward(self.residuals, g)
            return bars
        moving, rest = floats_of(args)
        _, transposed = vjp(
            lambda dots: floats_of(self._tangent(y, args, tree.merge(dots, tree.map(zeros_of, rest))))[0],
            tree.map(zeros_of, moving),
        )
        (bars,) = transposed(floats_of(g)[0])
        return tree.merge(bars, rest)  # type: ignore[no-any-return]

    def push(self, y: Any, args: tuple[Any, ...], dots: tuple[Any, ...]) -> Any:
        """Apply the JVP rule, or the transpose of the backward rule."""
        if self.rules.pushforward is not None:
            return self._tangent(y, args, dots)
        moving, rest = floats_of(y)

        def cotangents(g: Any) -> Any:
            bars = self.checked(self.pull(y, args, tree.merge(g, tree.map(zeros_of, rest))), args)
            full = [zeros_of(x) if bar is None else bar for x, bar in zip(tree.leaves(args), bars, strict=True)]
            return floats_of(tree.unflatten(self.structure, full))[0]

        _, transposed = vjp(cotangents, tree.map(zeros_of, moving))
        (y_dot,) = transposed(floats_of(dots)[0])
        return tree.merge(y_dot, tree.map(zeros_of, rest))

    def run_batch(self, size: int, axes: tuple[Any, ...], args: tuple[Any, ...]) -> tuple[Any, int]:
        """Call the function of all examples, with the rules of all examples."""
        return self.rules.batched(size, axes)(*args), 0

    def _tangent(self, y: Any, args: tuple[Any, ...], dots: tuple[Any, ...]) -> Any:
        assert self.rules.pushforward is not None
        pair = self.rules.pushforward(args, dots)
        if not (isinstance(pair, tuple) and len(pair) == 2):
            raise TypeError(f"{self.name}: the JVP rule returns (y, y_dot), got {type(pair).__name__}.")
        outputs, structure = tree.flatten(y)
        rule = f"the JVP rule of {self.name}"
        given = zip(outputs, leaves_like(y, pair[1], rule), structure.paths, strict=True)
        found = [self.checked_leaf(x, d, f"{rule} returned for output{path}", "the output") for x, d, path in given]
        return tree.unflatten(structure, [zeros_of(x) if d is None else d for x, d in zip(outputs, found, strict=True)])


class _Custom:
    """A function to which rules can be given. Static arguments are passed to it and to the rules as they are."""

    def __init__(self, f: Function, nondiff_argnums: int | str | Sequence[int | str] = ()) -> None:
        functools.update_wrapper(self, f, updated=())
        self._f = f
        self._signature = _signature(f)
        names = list(self._signature.parameters)
        static = (nondiff_argnums,) if isinstance(nondiff_argnums, int | str) else nondiff_argnums
        for s in static:
            if s not in (names if isinstance(s, str) else range(-len(names), len(names))):
                raise ValueError(f"{name_of(f)}: nondiff_argnums names {s!r}, the parameters are {', '.join(names)}.")
        self._static = [s if isinstance(s, str) else names[s] for s in static]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Apply the function; arguments by keyword are traced as well as positional ones."""
        try:
            bound = self._signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{name_of(self._f)}: {error}; it takes {name_of(self._f)}{self._signature}.") from None
        bound.apply_defaults()
        arguments = bound.arguments
        fixed = {name: arguments[name] for name in self._static}
        order = tuple(arguments)
        names = [name for name in order if name not in fixed]

        def with_static(function: Function) -> Function:
            def call(*traced: Any) -> Any:
                given = dict(zip(names, traced, strict=True)) | fixed
                bound = inspect.BoundArguments(self._signature, {n: given[n] for n in order})
                return function(*bound.args, **bound.kwargs)

            return call

        return self._rules(with_static, tuple(fixed.values()))(*[arguments[name] for name in names])

    def _rules(self, with_static: Callable[[Function], Function], fixed: tuple[Any, ...]) -> Rules:
        raise NotImplementedError


def _signature(f: Function) -> inspect.Signature:
    """Return a function's signature; of a ufunc, the arrays alone."""
    if not isinstance(f, np.ufunc):
        return inspect.signature(f)
    return inspect.Signature([inspect.Parameter(x, inspect.Parameter.POSITIONAL_ONLY) for x in parameter_names(f)])


class custom_vjp(_Custom):  # noqa: N801  (a decorator, as in JAX)
    """Give a function its own VJP rule.

    Parameters
    ----------
    f : callable
        Of trees of arrays, returns a tree of arrays. Without a transform it runs as it is.
    nondiff_argnums : int, str or sequence of them
        Static arguments: no arrays, but settings that the rules need too.

    Examples
    --------
    >>> @custom_vjp
    ... def safe_norm(x):
    ...     return np.sqrt(np.sum(x**2))
    >>> safe_norm.defvjp(lambda x: (safe_norm(x), x), lambda x, g: (g * x / max(safe_norm(x), 1e-12),))
    >>> vjp(safe_norm, np.zeros(2))[1](1.0)
    (array([0., 0.]),)
    """

    _forward: Function | None = None

    def defvjp(self, forward: Function, backward: Function) -> None:
        """Give the rule, in two parts.

        Parameters
        ----------
        forward : callable
            Of f's arguments; returns ``(y, residuals)``, where the residuals may be anything.
        backward : callable
            ``backward(*static, residuals, g)`` returns a tuple with the cotangent of each argument that is not
            static: a tree like it; None, in any place of it, for zero. ``*xs`` is one argument, a tuple, and keyword
            arguments stand where the signature has them. Shapes and dtypes are checked.

        Notes
        -----
        Forward mode transposes the backward rule. Derivatives of derivatives are those of the two rules' code.
        """
        self._forward, self._backward = forward, backward

    def _rules(self, with_static: Callable[[Function], Function], fixed: tuple[Any, ...]) -> Rules:
        if self._forward is None:
            raise TypeError(f"{name_of(self._f)}: custom_vjp without a rule; give it with {name_of(self._f)}.defvjp.")
        backward = functools.partial(self._backward, *fixed)
        return Rules(name_of(self._f), with_static(self._f), with_static(self._forward), backward)


class custom_jvp(_Custom):  # noqa: N801
    """Give a function its own JVP rule. Parameters as for `custom_vjp`.

    Examples
    --------
    >>> @custom_jvp
    ... def log1pexp(x):
    ...     return np.log1p(np.exp(x))
    >>> @log1pexp.defjvp
    ... def _(primals, tangents):
    ...     (x,), (x_dot,) = primals, tangents
    ...     return log1pexp(x), x_dot * (1 - 1 / (1 + np.exp(x)))
    >>> vjp(log1pexp, 0.0)[1](1.0)
    (0.5,)
    """

    _pushforward: Function | None = None

    def defjvp(self, rule: Function) -> Function:
        """Give the rule.

        Parameters
        ----------
        rule : callable
            ``rule(*static, primals, tangents)`` gets tuples with an entry for each argument that is not static, and
            returns ``(y, y_dot)``, linear in the tangents, with y_dot like y.

        Notes
        -----
        Reverse mode transposes the rule. Derivatives of derivatives are those of the rule's code.
        """
        self._pushforward = rule
        return rule

    def _rules(self, with_static: Callable[[Function], Function], fixed: tuple[Any, ...]) -> Rules:
        if self._pushforward is None:
            raise TypeError(f"{name_of(self._f)}: custom_jvp without a rule; give it with {name_of(self._f)}.defjvp.")
        rule = functools.partial(self._pushforward, *fixed)
        return Rules(name_of(self._f), with_static(self._f), pushforward=rule)


def grad_tap(x: Any, fn: Callable[[Any], Any]) -> Any:
    """Return x, and have reverse mode pass the cotangent that arrives there through a function.

    Parameters
    ----------
    x : tree of arrays
        A value in the middle of a computation.
    fn : callable
        Gets the cotangent of x, a tree like it, and returns what is to go on: the same clipped, scaled, zeroed; or
        None to let it pass unchanged, having seen it. Under `vmap` it sees one example.

    Returns
    -------
    tree
        x. Forward mode carries tangents on unchanged.

    Examples
    --------
    >>> from tinygrad_np import grad
    >>> grad(lambda x: grad_tap(x, lambda g: np.clip(g, -1, 1)) ** 2)(3.0)
    1.0
    """

    def backward(residuals: None, g: Any) -> tuple[Any]:
        given = fn(g)
        return (g if given is None else given,)

    rules = Rules("grad_tap", lambda x: x, lambda x: (x, None), backward, lambda args, dots: (args[0], dots[0]))
    return rules(x)
