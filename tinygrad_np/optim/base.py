"""What every optimiser shares: the pair of functions, trees side by side, validation."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from ..core import tree
from ..core.tensor import Array, Tensor, dtype_of, shape_of

Tree = Any
Schedule = Callable[[int], float]


class Update(Protocol):
    """``update(grads, state, params=None) -> (updates, state)``: a pure function that changes none of its arguments."""

    def __call__(self, grads: Tree, state: Tree, params: Tree = None) -> tuple[Tree, Tree]:
        """Turn gradients into updates, to be added to the parameters."""


class GradientTransformation(NamedTuple):
    """An optimiser, or a part of one: a function that makes its state and a function that uses it.

    Attributes
    ----------
    init : callable
        ``init(params) -> state``. A state is a tree of arrays, so it is saved and mapped as parameters are.
    update : callable
        ``update(grads, state, params=None) -> (updates, state)``. Updates have the dtypes of the gradients.

    Examples
    --------
    >>> from tinygrad_np import optim
    >>> optimiser, params, grads = optim.sgd(0.1, momentum=0.9), {"w": 2.0}, {"w": 5.0}
    >>> updates, state = optimiser.update(grads, optimiser.init(params), params)
    >>> optim.apply_updates(params, updates)
    {'w': 1.5}
    """

    init: Callable[[Tree], Tree]
    update: Update


def apply_updates(params: Tree, updates: Tree) -> Tree:
    """Add updates to parameters, which keep their dtypes.

    Raises
    ------
    ValueError
        If the trees differ in structure or in a shape; names the path.
    """
    shape, (old, steps) = side_by_side("optim.apply_updates: updates", params, updates)
    return tree.unflatten(shape, [like(x + step, x) for x, step in zip(old, steps, strict=True)])


def stateless(transform: Callable[[Tree], Tree]) -> GradientTransformation:
    """Make a transformation of a function of the gradients alone."""
    return GradientTransformation(lambda params: (), lambda grads, state, params=None: (transform(grads), ()))


def scaled(grads: Tree, factor: Any) -> Tree:
    """Tree times a number."""
    return tree.map(lambda g: like(beside(factor, g) * g, g), grads)


def side_by_side(name: str, reference: Tree, *others: Tree) -> tuple[tree.Structure, list[list[Array]]]:
    """Structure of the reference, its leaves, and those of the others in the same order; `name` is for errors."""
    found, structure = tree.flatten(reference)
    shapes = [shape_of(x) for x in found]
    rows = [found]
    for other in others:
        row = tree.flatten_like(structure, other, name)
        if [shape_of(x) for x in row] != shapes:
            raise ValueError(f"{name} does not match: {_first_misfit(structure, found, row)}")
        rows.append(row)
    return structure, rows


def _first_misfit(structure: tree.Structure, expected: Sequence[Array], actual: Sequence[Array]) -> str:
    triples = zip(structure.paths, expected, actual, strict=True)
    path, x, y = next((path, x, y) for path, x, y in triples if shape_of(x) != shape_of(y))
    return f"at {path or 'the root'}: expected shape {shape_of(x)}, got {shape_of(y)}"


def like(value: Array, reference: Array) -> Array:
    """Value in the dtype of a reference; what stands for an array is an array, what stands for a number a number."""
    if type(value) is np.ndarray and type(reference) is np.ndarray and value.dtype is reference.dtype:
        return value  # the usual case, without a further call
    return cast(value, reference.dtype) if hasattr(reference, "dtype") else plain(value)


def cast(value: Array, dtype: np.dtype[Any]) -> Array:
    """Array or tensor of the given dtype; the same one if it has it."""
    if isinstance(value, np.generic | float | complex):  # what NumPy makes of 0-d arrays
        return np.asarray(value, dtype)
    if type(value) is Tensor and not value.shape:
        value = np.reshape(value, ())  # so that a recording makes an array, no scalar
    return value if value.dtype == dtype else value.astype(dtype)


def plain(x: Array) -> Any:
    """Python number of a 0-d array, so that it has no say in the dtype of a product; a tensor stays one."""
    return x.item() if isinstance(x, np.ndarray | np.generic) else x


def beside(number: Any, x: Array) -> Any:
    """Give a number to multiply x with; a traced one in the precision of x, as if it were a Python number."""
    return number.astype(np.finfo(dtype_of(x)).dtype) if type(number) is Tensor and hasattr(x, "dtype") else number


def squared(x: Array) -> Array:
    """|x|², real also for complex x."""
    return (x * np.conj(x)).real if dtype_of(x).kind == "c" else x * x


def copied(values: Tree) -> Tree:
    """Tree of copies: what an update hands back must not share memory with what it was given."""
    return tree.map(lambda x: like(np.copy(x), x), values)


def zeroed(values: Tree) -> Tree:
    """Tree of zeros of the same shapes and dtypes, also of what is not finite."""
    return tree.map(lambda x: np.zeros(shape_of(x), x.dtype) if hasattr(x, "dtype") else type(x)(0), values)


def conditional(condition: bool | Array, yes: Callable[[], Tree], no: Callable[[], Tree]) -> Tree:
    """Tree of one function or the other; where the condition is traced, as under vmap, both are called."""
    if isinstance(condition, bool):
        return yes() if condition else no()
    with np.errstate(all="ignore"):  # of numbers that are not chosen
        return tree.map(lambda a, b: np.where(condition, a, b), yes(), no())


def zeros(operation: str, params: Tree, *, real: bool = False) -> Tree:
    """Tree of zeros to accumulate in: float16 is accumulated in float32, a Python float in float64.

    Raises
    ------
    TypeError
        If a leaf is not a number of floating point; names the path.
    """

    def zero(path: str, x: Array) -> Array:
        dtype = dtype_of(x)
        if dtype.kind not in "fc":
            raise TypeError(
                f"{operation}: params{path} is of dtype {dtype}; only floating point can be optimised: "
                "set it apart with tree.partition"
            )
        wide = np.promote_types(dtype, np.float32)
        return np.zeros(shape_of(x), np.finfo(wide).dtype if real else wide)

    return tree.map_with_path(zero, params)


def no_updates() -> Array:
    """Count at the start."""
    return np.zeros((), np.int64)


def one_more(count: Array) -> Array:
    """Count after one more."""
    return like(count + 1, count)


def check_number(
    operation: str, name: str, value: Any, low: float = -math.inf, below: float = math.inf, *, positive: bool = False
) -> float:
    """Return a finite number in [low, below), or greater than 0 if `positive`, or raise."""
    real = isinstance(value, int | float | np.integer | np.floating)
    if real and math.isfinite(value) and low <= value < below and not (positive and value <= 0):
        return float(value)
    bounds = "above 0" if positive else f"at least {low}" + (f" and below {below}" if below < math.inf else "")
    wanted = "finite" if low == -math.inf and not positive else f"finite, {bounds}"
    raise (ValueError if real else TypeError)(f"optim.{operation}: {name} must be a number ({wanted}), got {value!r}")


def check_whole(operation: str, name: str, value: Any, low: int = 0) -> int:
    """Return a whole number of at least `low` as an int, or raise; a 0-d array of integers is one, a bool is none."""
    if (
        isinstance(value, int | np.integer | np.ndarray)
        and np.shape(value) == ()
        and np.asarray(value).dtype.kind in "iu"
        and value >= low
    ):
        return int(value)
    wrong = ValueError if isinstance(value, int | float | np.number) and not isinstance(value, bool) else TypeError
    raise wrong(f"optim.{operation}: {name} must be a whole number, at least {low}, got {value!r}")


def check_transformation(operation: str, inner: Any) -> None:
    """Refuse what is no transformation."""
    if not isinstance(inner, GradientTransformation):
        raise TypeError(f"optim.{operation}: expected a GradientTransformation, got {inner!r}")


def check_params(operation: str, params: Tree) -> None:
    """Refuse an update without parameters."""
    if params is None:
        raise ValueError(f"optim.{operation}: needs the parameters; call update(grads, state, params)")


def check_state(operation: str, state: Any, kind: type) -> None:
    """Refuse the state of another optimiser."""
    if not isinstance(state, kind):
        raise TypeError(
            f"optim.{operation}: state must be a {kind.__name__}, as init returns it, got {type(state).__name__}"
        )
