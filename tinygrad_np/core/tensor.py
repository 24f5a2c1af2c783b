"""The Tensor: a value watched by a trace, and NumPy's door to the operations.

A Tensor knows no operation. One table, `implementations`, maps a NumPy callable to ours; every operation enters
itself there when it is declared, and Tensor's operators, methods and protocols look it up there.
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn, TypeVar

import numpy as np

Array = Any  # an ndarray, a NumPy or Python scalar, or a Tensor

implementations: dict[Callable[..., Any], Callable[..., Any]] = {}
refusals: dict[Callable[..., Any], str] = {}
constants: set[Callable[..., Any]] = set()  # those of the implementations whose results have no derivative
resolvers: list[Callable[[Any], Any]] = []  # asked for the implementation of a callable that is in neither table

Function = TypeVar("Function", bound=Callable[..., Any])


def implements(*numpy_callables: Callable[..., Any], differentiable: bool = True) -> Callable[[Function], Function]:
    """Enter a function in the table: it serves these NumPy callables when a Tensor is among their arguments.

    With ``differentiable=False`` it is one whose result has no derivative: a test, an order, a question of shape.
    """

    def enter(function: Function) -> Function:
        for numpy_callable in numpy_callables:
            implementations[numpy_callable] = function
            if not differentiable:
                constants.add(numpy_callable)
        return function

    return enter


def refuse(advice: str, *numpy_callables: Callable[..., Any]) -> None:
    """State why these NumPy callables are refused for Tensors, and what to write instead."""
    for numpy_callable in numpy_callables:
        refusals[numpy_callable] = advice


def name_of(function: Callable[..., Any]) -> str:
    """Name a NumPy callable or a user's function as a reader would write it: "np.linalg.norm", "loss"."""
    if isinstance(function, np.ufunc):
        return f"np.{function.__name__}" if getattr(np, function.__name__, None) is function else function.__name__
    module = getattr(function, "__module__", None) or ""
    name = getattr(function, "__name__", None) or type(function).__name__
    return f"np{module[5:]}.{name}" if module.split(".")[0] == "numpy" and "._" not in module else name


def parameter_names(function: Callable[..., Any]) -> list[str]:
    """Name the parameters that a call can fill by position; a ufunc's are x, or x1, x2; none if they cannot be seen."""
    if isinstance(function, np.ufunc):  # before NumPy 2.4 they have no signature
        return ["x"] if function.nin == 1 else [f"x{i + 1}" for i in range(function.nin)]
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    return [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def _lookup(function: Callable[..., Any]) -> Callable[..., Any]:
    """Find the implementation of a callable that is not in the table, or refuse it."""
    implementation: Callable[..., Any] | None = None
    if function not in refusals:
        implementation = next((found for resolve in resolvers if (found := resolve(function)) is not None), None)
    if implementation is None:
        advice = refusals.get(function, "Write it with supported functions, or declare it with tinygrad_np.primitive.")
        raise TypeError(f"{name_of(function)} is not supported for Tensors. {advice}")
    return implementation


def _binary(ufunc: np.ufunc) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def method(self: Tensor, other: Array) -> Array:
        return implementations[ufunc](self, other)

    def reflected(self: Tensor, other: Array) -> Array:
        return implementations[ufunc](other, self)

    return method, reflected


def _method(function: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: Tensor, *args: Any, **kwargs: Any) -> Array:
        return _dispatch(function, (self, *args), kwargs)

    return method


def _dispatch(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    implementation = implementations.get(function) or _lookup(function)
    if kwargs:
        if kwargs.pop("out", None) is not None:
            raise TypeError(
                f"{name_of(function)}: out= cannot be used with Tensors, which never change; use the result."
            )
        code = getattr(implementation, "__code__", None)
        known = getattr(implementation, "parameters", None) or (code and code.co_varnames[: _arity(code)])
        unknown = [key for key in kwargs if known is not None and key not in known]
        if unknown:
            raise TypeError(
                f"{name_of(function)}: {', '.join(k + '=' for k in unknown)} is not supported for Tensors; "
                f"supported are {', '.join(known or ())}."
                + (_UFUNC_ADVICE.get(unknown[0], "") if isinstance(function, np.ufunc) else "")
            )
    return implementation(*args, **kwargs)


_UFUNC_ADVICE = {
    "where": " It leaves elements of the result without a value; write np.where(mask, f(x), default).",
    **dict.fromkeys(("dtype", "casting", "signature"), " Convert the arguments with .astype(dtype)."),
}


def _arity(code: Any) -> int:
    return int(code.co_argcount + code.co_kwonlyargcount)


def _refuses_conversion(target: str) -> Callable[..., NoReturn]:
    def method(self: Tensor, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError(
            f"{target} of a Tensor would cut it from its derivative. Write np.exp(t) instead of math.exp(t), and "
            "tinygrad_np.at(array)[i].set(t) instead of array[i] = t; to log it, return it as aux (has_aux=True). "
            + self._trace.conversion_advice(target)
        )

    return method


class Tensor:
    """A value watched by a trace.

    Tensors are made by the transforms (`grad`, `vjp`, ...), which call your function with them; you never make one.
    They take part in NumPy's functions and operators, have an array's attributes and methods, and never change.

    Attributes
    ----------
    shape, ndim, size, dtype
        As an array's.
    T, mT, real, imag
        As an array's, differentiable.
    """

    # The value is an array, a Python scalar (weakly typed, as NumPy has it) or a Tensor of an older trace. What the
    # index means is the trace's: a place on a tape, a tangent, an axis, a node.
    __slots__ = ("_index", "_trace", "_value")

    def __init__(self, value: Array, trace: Any, index: Any) -> None:
        self._value = value
        self._trace = trace
        self._index = index

    # -- what an array tells of itself ------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """Tuple of the axes' lengths."""
        return self._trace.shape_of(self)  # type: ignore[no-any-return]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The elements' type; that of a Python number is what NumPy makes of it alone."""
        value = self._value
        return value.dtype if type(value) is np.ndarray else dtype_of(value)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(np.prod(self.shape, dtype=np.int64))

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of an unsized Tensor (its shape is ()).")
        return self.shape[0]

    def __iter__(self) -> Iterator[Array]:
        if not self.shape:
            raise TypeError("iteration over a Tensor of shape ().")
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return (
            f"Tensor({np.array2string(np.asarray(bottom(self)), separator=', ', prefix='Tensor(')}, dtype={self.dtype})"
        )

    def __format__(self, spec: str) -> str:
        value = bottom(self)
        return format(value, spec) if spec and not np.shape(value) else repr(self)

    def __bool__(self) -> bool:
        return self._trace.bool_of(self)  # type: ignore[no-any-return]

    # -- what must not happen silently ------------------------------------------------------------------------------

    __hash__ = None  # type: ignore[assignment]
    __float__ = _refuses_conversion("float")
    __int__ = _refuses_conversion("int")
    __complex__ = _refuses_conversion("complex")
    __index__ = _refuses_conversion("operator.index")
    item = _refuses_conversion("item")
    tolist = _refuses_conversion("tolist")

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse: NumPy would detach the Tensor or build an array of objects."""
        raise TypeError(
            f"A Tensor of shape {self.shape} cannot become an ndarray: that would cut it from its derivative. "
            "Join Tensors with np.stack or np.concatenate instead of np.array([...]); write np.full(shape, t) as "
            "np.broadcast_to(t, shape), array.dot(t) as np.dot(array, t), array[t] as tinygrad_np.at(array)[t].get(), "
            "array[i] = t as tinygrad_np.at(array)[i].set(t); to leave the derivative on purpose use "
            "tinygrad_np.stop_gradient(t). "
            "A function that calls np.asarray (most of SciPy) needs a rule: tinygrad_np.primitive."
        )

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        raise TypeError(
            "Tensors never change, so t[index] = value cannot work. "
            "Write t = tinygrad_np.at(t)[index].set(value); also .add(value) and .multiply(value)."
        )

    def _in_place(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("Tensors never change: use the function of the same name (np.sort, np.resize, ...).")

    sort = fill = partition = put = resize = itemset = _in_place

    # -- NumPy's protocols ------------------------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """NEP 13: serve `ufunc(...)`; refuse `ufunc.at`, `.reduce`, ... and `out=` with advice."""
        if method != "__call__":
            raise TypeError(
                f"{name_of(ufunc)}.{method} is not supported for Tensors. Use np.sum, np.prod, np.max, np.min or "
                "np.cumsum instead of .reduce and .accumulate, tinygrad_np.at(x)[i].add(v) instead of .at."
            )
        if "out" in kwargs:
            raise TypeError(
                f"{name_of(ufunc)}: out= and in-place operators need an ndarray; a Tensor never changes. Use x = x + t."
            )
        return _dispatch(ufunc, inputs, kwargs)

    def __array_function__(
        self, function: Callable[..., Any], types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """NEP 18: serve the functions of the table; refuse the others by name, at call time."""
        return _dispatch(function, args, dict(kwargs))

    # -- operators and methods: names only, the operations are in the table ------------------------------------------

    __add__, __radd__ = _binary(np.add)
    __sub__, __rsub__ = _binary(np.subtract)
    __mul__, __rmul__ = _binary(np.multiply)
    __truediv__, __rtruediv__ = _binary(np.divide)
    __floordiv__, __rfloordiv__ = _binary(np.floor_divide)
    __mod__, __rmod__ = _binary(np.remainder)
    __pow__, __rpow__ = _binary(np.power)
    __matmul__, __rmatmul__ = _binary(np.matmul)
    __lt__ = _binary(np.less)[0]
    __le__ = _binary(np.less_equal)[0]
    __gt__ = _binary(np.greater)[0]
    __ge__ = _binary(np.greater_equal)[0]
    __eq__ = _binary(np.equal)[0]
    __ne__ = _binary(np.not_equal)[0]
    __and__, __rand__ = _binary(np.bitwise_and)
    __or__, __ror__ = _binary(np.bitwise_or)
    __xor__, __rxor__ = _binary(np.bitwise_xor)
    __invert__ = _method(np.invert)
    __neg__ = _method(np.negative)
    __pos__ = _method(np.positive)
    __abs__ = _method(np.absolute)
    __getitem__ = _method(operator.getitem)

    def __divmod__(self, other: Array) -> tuple[Array, Array]:
        return self // other, self % other

    def __rdivmod__(self, other: Array) -> tuple[Array, Array]:
        return other // self, other % self

    def __round__(self, ndigits: int = 0) -> Array:
        return _dispatch(np.round, (self, ndigits), {})

    T = property(_method(np.transpose), doc="The axes reversed.")
    mT = property(_method(np.matrix_transpose), doc="The last two axes exchanged.")  # noqa: N815
    real = property(_method(np.real), doc="The real part.")
    imag = property(_method(np.imag), doc="The imaginary part.")

    def reshape(self, *shape: Any, order: str = "C") -> Array:
        """As np.reshape; the shape as one tuple or as separate integers."""
        return implementations[np.reshape](self, _one_tuple(shape), order)

    def transpose(self, *axes: Any) -> Array:
        """As np.transpose; the axes as one tuple or as separate integers."""
        return implementations[np.transpose](self, _one_tuple(axes) if axes else None)

    astype = _method(np.ndarray.astype)
    copy = _method(np.copy)
    flatten = ravel = _method(np.ravel)
    squeeze = _method(np.squeeze)
    swapaxes = _method(np.swapaxes)
    repeat = _method(np.repeat)
    take = _method(np.take)
    dot = _method(np.dot)
    diagonal = _method(np.diagonal)
    trace = _method(np.trace)
    clip = _method(np.clip)
    round = _method(np.round)
    conj = conjugate = _method(np.conjugate)
    sum = _method(np.sum)
    prod = _method(np.prod)
    mean = _method(np.mean)
    var = _method(np.var)
    std = _method(np.std)
    max = _method(np.max)
    min = _method(np.min)
    cumsum = _method(np.cumsum)
    cumprod = _method(np.cumprod)
    any = _method(np.any)
    all = _method(np.all)
    argmax = _method(np.argmax)
    argmin = _method(np.argmin)
    argsort = _method(np.argsort)
    nonzero = _method(np.nonzero)
    searchsorted = _method(np.searchsorted)
    choose = _method(np.choose)

    def compress(self, condition: Any, axis: int | None = None) -> Array:
        """As np.compress."""
        return _dispatch(np.compress, (condition, self, axis), {})


def _one_tuple(items: tuple[Any, ...]) -> Any:
    return items[0] if len(items) == 1 else items


def bottom(x: Array) -> Array:
    """Return what lies under all traces, for messages and printing; no rule may use it."""
    while type(x) is Tensor:
        x = x._value
    return x


def shape_of(x: Array) -> tuple[int, ...]:
    """Shape of an array, a Tensor or a Python number."""
    try:
        return x.shape  # type: ignore[no-any-return]
    except AttributeError:
        return () if type(x) in _NUMBERS else np.shape(x)


def dtype_of(x: Array) -> np.dtype[Any]:
    """Dtype of an array or a Tensor; of a Python number, the one NumPy gives it alone."""
    try:
        return x.dtype  # type: ignore[no-any-return]
    except AttributeError:
        return _NUMBERS.get(type(x)) or np.asarray(x).dtype


def as_array(x: Any) -> Array:
    """Return what has no shape (a list, a Python number) as an ndarray, an array or Tensor as it is."""
    return x if type(x) in _ARRAYS or hasattr(x, "shape") else np.asarray(x)


def zeros_of(x: Array) -> Any:
    """Return zeros of the shape and dtype of x: a derivative where nothing arrived."""
    return np.zeros(shape_of(x), dtype_of(x))


def outputs_like(y: tuple[Any, ...], outputs: Sequence[Any]) -> Any:
    """Return the outputs of an operation as the tuple or namedtuple that y is."""
    return type(y)(*outputs) if hasattr(y, "_fields") else tuple(outputs)


_ARRAYS = frozenset((np.ndarray, Tensor))
_NUMBERS = {number: np.result_type(number) for number in (float, int, bool, complex)}
PLAIN = frozenset((Tensor, np.ndarray, *_NUMBERS, *np.sctypeDict.values())) - {np.object_, np.str_, np.bytes_, np.void}


def plain(x: Any, where: str) -> Array:
    """Return `x` as an operation takes it: an ndarray, a scalar or a Tensor; refuse what is none.

    Raises
    ------
    TypeError
        For np.matrix and masked arrays (their operators mean something else), sequences that hold Tensors, and what
        is not numeric.
    """
    if type(x) in PLAIN:
        return x
    if isinstance(x, np.matrix | np.ma.MaskedArray):
        raise TypeError(f"{where}: a {type(x).__name__} is not supported; pass np.asarray(x), masks apart.")
    if isinstance(x, list | tuple) and any(type(e) is Tensor for e in x):
        raise TypeError(
            f"{where}: a {type(x).__name__} of Tensors is no array; join them with np.stack or np.concatenate."
        )
    array = np.asarray(x)
    if array.dtype.kind not in "biufc":
        raise TypeError(f"{where}: expected numbers, got {type(x).__name__} ({array.dtype}).")
    return array
