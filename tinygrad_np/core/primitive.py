"""Primitives: an operation on raw arrays together with its rules, in one block.

    @primitive
    def cube(x):
        return x**3

    @cube.defvjp("x")                     # y' = 3 x²
    def _(y, x):
        return lambda g: g * 3 * x**2

The contract, complete for all kinds of trace:

- Positional parameters of the forward function are arrays (integer, index and label arrays too); keyword-only ones are
  static options, already normalised. `*xs` takes any number of arrays. An operation that serves no NumPy function may
  take and return trees of arrays: its rules then see and return trees (see `core.calls`).
- `defvjp("x")`: a rule `(y, x, ..., **options) -> pullback(g)`, a map from a point to a linear map. What the pullback's
  closure holds is what is kept for the backward pass. A rule for an argument, or one for several
  (`defvjp("x", "w")`, whose pullback returns a tuple); for `*xs` the rule is `(i, y, *xs, **options)`.
- `defjvp("x")`: a rule `(y, x, ..., **options) -> pushforward(x_dot)`, summed over the arguments. A joint rule, for
  several arguments or for `*xs`, returns `pushforward(*dots)` of a tangent each, None where an argument stands still.
  `deflinear("x")`: the operation is linear in x, and so its own pushforward.
- `defbatch`: a rule `(size, axes, *args, **options) -> (result, axis)`; an axis is None where nothing is batched. The
  usual ones are made by `core.batching`.
- Several outputs: return a tuple or a namedtuple; then `y` and `g` are tuples, `g` with zeros where nothing arrived,
  and so is what a pushforward returns, None for zero. This is also how a forward pass saves a residual for its rules:
  as a further output.
- `defprepare`: how `compile` runs the operation without dispatch. A rule `(out, *args, **options) -> calls`: functions
  without arguments that write the result to `out`, from arrays that stay where they are and change between the calls;
  or None if it declines. Without it the forward function runs, and a NumPy ufunc needs none.
- `defdivide`: how an operation on a batch is one on each of its micro-batches, see `core.dividing`.
- No rule at all (`differentiable=False`): the function is locally constant or not numeric; differentiating traces pass
  it one level down. A rule is NumPy code, so it is differentiable in its turn.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, overload

from . import tree
from .tensor import PLAIN, Array, Tensor, implements

Rule = Callable[..., Any]

registry: dict[str, Primitive] = {}


class Primitive:
    """An operation: a forward function on raw arrays and the rules of its derivatives. Made by `primitive`.

    Attributes
    ----------
    name : str
        What messages call it.
    key : str
        The module-qualified name, its place in the registry. Declaring the name again replaces the entry.
    arrays : tuple of str
        Names of the array arguments, `variadic` if they are any number.
    options : tuple of str
        Names of the static options.
    serves : bool
        Whether it serves NumPy functions.
    weak : bool
        Whether a result of Python numbers alone is a Python number.
    broadcasts : bool
        Whether its pullbacks may return cotangents of the output's shape, which the tape sums over broadcast axes.
    fresh : bool
        Whether its pullbacks return new arrays, made in the call that returns them and held by nothing else, or views.
        The tape may then write to the arrays and hand them out as they are. Undeclared, and of views, it makes copies.
    views : bool
        Whether it makes views of one array, which depend on the options and on how that lies, not on its values.
    differentiable : bool
        False for functions without a derivative.
    vjps, jvps : dict
        Rules by position of the argument; for a variadic primitive the only rule stands at -1.
    joint, joint_jvp : tuple or None
        `(positions, rule)` of a joint VJP or JVP rule.
    batch : callable or None
        The batching rule.
    prepare, divide : callable or None
        The rules that `compile` uses.
    linear : frozenset of int
        Positions in each of which the operation is linear; there the forward function is its own JVP.
    """

    prepare: Rule | None = None
    divide: Rule | None = None
    views = False

    def __init__(
        self,
        forward: Callable[..., Any],
        *,
        implements_: tuple[Callable[..., Any], ...] = (),
        differentiable: bool = True,
        signature: inspect.Signature | None = None,
        name: str | None = None,
        module: str | None = None,
        doc: str | None = None,
    ) -> None:
        self.forward = forward
        self.name = name or forward.__name__.removesuffix("_op")  # `sum_op` serves behind the facing function `sum`
        functools.update_wrapper(self, forward, updated=())
        if name:
            self.__name__ = self.__qualname__ = name
        self.__module__ = module or forward.__module__
        self.__doc__ = doc or forward.__doc__
        self.__signature__ = signature or inspect.signature(forward)
        self.key = f"{self.__module__}.{name or getattr(forward, '__qualname__', self.name)}"
        parameters = self.__signature__.parameters.values()
        kinds = inspect.Parameter
        if any(p.kind is kinds.VAR_KEYWORD for p in parameters):
            raise TypeError(f"primitive {self.name}: name the static options; **{self.name}'s options cannot be seen.")
        self.variadic = any(p.kind is kinds.VAR_POSITIONAL for p in parameters)
        self.options = tuple(p.name for p in parameters if p.kind is kinds.KEYWORD_ONLY)
        self.arrays = tuple(p.name for p in parameters if p.kind is not kinds.KEYWORD_ONLY)
        self.parameters = (*self.arrays, *self.options)
        self._options = frozenset(self.options)
        self.differentiable = differentiable
        self.weak = self.broadcasts = self.fresh = False
        self.vjps: dict[int, Rule] = {}
        self.jvps: dict[int, Rule] = {}
        self.joint: tuple[tuple[int, ...], Rule] | None = None
        self.joint_jvp: tuple[tuple[int, ...], Rule] | None = None
        self.batch: Rule | None = None
        self.linear: frozenset[int] = frozenset()
        self.serves = bool(implements_)  # NumPy's functions take a list for an array, not for a tree
        registry[self.key] = self
        implements(*implements_, differentiable=differentiable)(self)

    def argument(self, i: int) -> str:
        """Return what messages call the array argument at a position: "x", or "xs[2]" of any number."""
        return f"{self.arrays[0]}[{i}]" if self.variadic else self.arrays[i]

    def __repr__(self) -> str:
        return f"<primitive {self.key}>"

    def __call__(self, *args: Array, **options: Any) -> Any:
        """Apply the operation: to plain arrays at once, else as the innermost trace among the arguments wants it."""
        if options:
            if not options.keys() <= self._options:
                args, options = self._bind(args, options)
            if Tensor in map(type, options.values()):
                self._refuse_option(options)
        top, trees = None, False
        for x in args:
            kind = type(x)
            if kind is Tensor:
                if top is None or x._trace.level > top.level:
                    top = x._trace
            elif kind not in PLAIN and not self.serves and tree.children(x) is not None:
                trees = True
        if trees and (top is not None or any(type(leaf) is Tensor for leaf in tree.leaves(args))):
            from .calls import OnTrees  # which is a kind of primitive

            return OnTrees(self, args, options).apply()
        if top is None:
            return self.forward(*args, **options)
        return top.process(self, args, options)

    def _bind(self, args: tuple[Any, ...], options: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Put arrays that came by keyword in their places."""
        try:
            bound = self.__signature__.bind(*args, **options)
        except TypeError as error:
            raise TypeError(f"{self.name}: {error}; it takes {self.name}{self.__signature__}.") from None
        return bound.args, bound.kwargs

    def _refuse_option(self, options: dict[str, Any]) -> None:
        names = [name for name, value in options.items() if type(value) is Tensor]
        raise TypeError(
            f"{self.name}: the option {names[0]}= is static and cannot be a Tensor. Make it an array argument of the "
            "operation, or pass tinygrad_np.stop_gradient(...) if its derivative is not wanted."
        )

    def position(self, name: str) -> int:
        """Place of the array argument `name`, -1 for the `*xs` of a variadic primitive."""
        if name not in self.arrays:
            raise ValueError(
                f"{self.name} has no array argument {name!r}; it has {', '.join(self.arrays)}"
                + (f" and the static options {', '.join(self.options)}." if self.options else ".")
            )
        return -1 if self.variadic else self.arrays.index(name)

    def defvjp(self, *names: str) -> Callable[[Rule], Rule]:
        """Declare the VJP rule of one array argument, or a joint rule of several. See the module's docstring."""
        positions = tuple(self.position(name) for name in names)
        if not positions or not self.differentiable:
            raise ValueError(f"{self.name}.defvjp: name the arguments of a differentiable primitive, got {names}.")

        def declare(rule: Rule) -> Rule:
            if len(positions) == 1:
                self.vjps[positions[0]] = rule
            else:
                self.joint = (positions, rule)
            return rule

        return declare

    def defjvp(self, *names: str) -> Callable[[Rule], Rule]:
        """Declare the JVP rule of one array argument, or a joint rule of several. See the module's docstring."""
        positions = tuple(self.position(name) for name in names)
        if not positions or not self.differentiable:
            raise ValueError(f"{self.name}.defjvp: name the arguments of a differentiable primitive, got {names}.")

        def declare(rule: Rule) -> Rule:
            if len(positions) == 1 and not self.variadic:
                self.jvps[positions[0]] = rule
            else:
                self.joint_jvp = (positions, rule)
            return rule

        return declare

    def defbatch(self, rule: Rule) -> Rule:
        """Declare the batching rule. See the module's docstring."""
        self.batch = rule
        return rule

    def defprepare(self, rule: Rule) -> Rule:
        """Declare how `compile` runs the operation. See the module's docstring."""
        self.prepare = rule
        return rule

    def defdivide(self, rule: Rule) -> Rule:
        """Declare how the operation divides into micro-batches. See the module's docstring."""
        self.divide = rule
        return rule

    def deflinear(self, *names: str) -> None:
        """Declare that the operation is linear in each of these arguments (not: in all together)."""
        self.linear = frozenset(self.position(name) for name in names)

    def pullback(self, position: int, y: Any, args: list[Array], options: dict[str, Any]) -> Callable[[Any], Any]:
        """Return the pullback of the argument at `position`, or raise if it has no rule."""
        if self.variadic:
            if -1 in self.vjps:
                return self.vjps[-1](position, y, *args, **options)  # type: ignore[no-any-return]
        elif position in self.vjps:
            return self.vjps[position](y, *args, **options)  # type: ignore[no-any-return]
        raise self._lacks("VJP", "defvjp", position)

    def pushforwards(
        self, dots: dict[int, Any], y: Any, args: list[Array], options: dict[str, Any]
    ) -> list[tuple[str, Any]]:
        """Return the parts of y's tangent, each with the argument it comes from, or raise if a rule is missing."""
        parts: list[tuple[str, Any]] = []
        joint, rule = self.joint_jvp or ((), None)
        together = dots.keys() if self.variadic and rule else dots.keys() & set(joint)
        if together and rule is not None:
            places = range(len(args)) if self.variadic else joint
            parts.append((", ".join(self.arrays), rule(y, *args, **options)(*[dots.get(i) for i in places])))
        for i in sorted(dots.keys() - together):
            name = self.arrays[0 if self.variadic else i]
            if i in self.jvps:
                parts.append((name, self.jvps[i](y, *args, **options)(dots[i])))
            elif i in self.linear or -1 in self.linear:
                parts.append((name, self(*args[:i], dots[i], *args[i + 1 :], **options)))
            else:
                raise self._lacks("JVP", "defjvp", i)
        return parts

    def _lacks(self, kind: str, method: str, position: int) -> TypeError:
        name = self.arrays[0 if self.variadic else position]
        return TypeError(
            f"{self.name} has no {kind} rule for its argument {name!r}. Declare one with {self.name}.{method}({name!r})"
            f", or pass tinygrad_np.stop_gradient({name}) if no derivative is wanted there."
        )


@overload
def primitive(forward: Callable[..., Any]) -> Primitive: ...


@overload
def primitive(
    *, implements: Callable[..., Any] | tuple[Callable[..., Any], ...] = (), differentiable: bool = True
) -> Callable[[Callable[..., Any]], Primitive]: ...


def primitive(
    forward: Callable[..., Any] | None = None,
    *,
    implements: Callable[..., Any] | tuple[Callable[..., Any], ...] = (),
    differentiable: bool = True,
) -> Any:
    """Make a function of raw arrays a primitive operation, to which derivative rules can be given.

    Parameters
    ----------
    forward : callable
        Positional parameters are arrays, keyword-only parameters static options. It must not write to its arguments.
    implements : callable or tuple of callables
        NumPy functions it serves when they are called with Tensors.
    differentiable : bool
        False for a function without a derivative (comparisons, rounding, random numbers): it has no rules, and `grad`
        treats its result as a constant.

    Returns
    -------
    Primitive
        Called like `forward`; give it rules with `defvjp`, `defjvp`, `defbatch`.

    Examples
    --------
    >>> import tinygrad_np as tg
    >>> cube = tg.primitive(lambda x: x**3)
    >>> _ = cube.defvjp("x")(lambda y, x: lambda g: g * 3 * x**2)
    >>> tg.grad(cube)(2.0)
    12.0
    """
    served = implements if isinstance(implements, tuple) else (implements,)

    def declare(forward: Callable[..., Any]) -> Primitive:
        return Primitive(forward, implements_=served, differentiable=differentiable)

    return declare if forward is None else declare(forward)
