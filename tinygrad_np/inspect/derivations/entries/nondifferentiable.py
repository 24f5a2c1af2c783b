"""Functions without a derivative: what they are, and why they have none."""

from typing import Any

from ..table import entry

_STEPS = "Constant between its jumps, so dy = 0 almost everywhere, and at a jump there is no derivative."
_LOGICAL = "The result is true or false: it stays as it is when x changes a little, or jumps."
_INTEGERS = "Integers, or bits: between two of them there is nothing to differentiate along."
_PLACES = "The result is places, integers: they stay as they are while the order of the values does."
_SHAPE = "The values do not enter the result, only shape and dtype do."

_X, _Y = [-1.5, 0.0, 2.5], [1.0, 0.0, 2.5]
_I, _J = [6, 4, 1], [3, 5, 1]

# name -> formula, why, example
_TABLE: dict[str, tuple[str, str, tuple[Any, ...]]] = {
    "sign": ("y = x / |x|, 0 at 0", _STEPS, (_X,)),
    "floor": ("y = max {n integer: n <= x}", _STEPS, (_X,)),
    "ceil": ("y = min {n integer: n >= x}", _STEPS, (_X,)),
    "trunc": ("y = sign(x) floor(|x|)", _STEPS, (_X,)),
    "fix": ("y = sign(x) floor(|x|)", _STEPS, (_X,)),
    "rint": ("y = the integer nearest to x, the even one of two", _STEPS, (_X,)),
    "round": ("y = rint(10^d x) / 10^d, d = decimals", _STEPS, (_X,)),
    "around": ("y = rint(10^d x) / 10^d, d = decimals", _STEPS, (_X,)),
    "floor_divide": ("z = floor(x / y)", _STEPS, (_X, [2.0, 2.0, 2.0])),
    "isnan": ("y = [x is nan]", _LOGICAL, (_X,)),
    "isinf": ("y = [x is ∞ or -∞]", _LOGICAL, (_X,)),
    "isfinite": ("y = [x is neither nan nor ±∞]", _LOGICAL, (_X,)),
    "isneginf": ("y = [x is -∞]", _LOGICAL, (_X,)),
    "isposinf": ("y = [x is ∞]", _LOGICAL, (_X,)),
    "iscomplex": ("y = [Im x is not 0]", _LOGICAL, ([1.0 + 1.0j, 2.0],)),
    "isreal": ("y = [Im x is 0]", _LOGICAL, ([1.0 + 1.0j, 2.0],)),
    "signbit": ("y = [x is negative, or -0]", _LOGICAL, (_X,)),
    "logical_not": ("y = [x is 0]", _LOGICAL, (_X,)),
    "logical_and": ("z = [x and y are not 0]", _LOGICAL, (_X, _Y)),
    "logical_or": ("z = [x or y is not 0]", _LOGICAL, (_X, _Y)),
    "logical_xor": ("z = [one of x and y is not 0]", _LOGICAL, (_X, _Y)),
    "equal": ("z = [x = y]", _LOGICAL, (_X, _Y)),
    "not_equal": ("z = [x ≠ y]", _LOGICAL, (_X, _Y)),
    "less": ("z = [x < y]", _LOGICAL, (_X, _Y)),
    "less_equal": ("z = [x <= y]", _LOGICAL, (_X, _Y)),
    "greater": ("z = [x > y]", _LOGICAL, (_X, _Y)),
    "greater_equal": ("z = [x >= y]", _LOGICAL, (_X, _Y)),
    "isclose": ("z = [|a - b| <= atol + rtol |b|]", _LOGICAL, (_X, _Y)),
    "allclose": ("z = [|a_i - b_i| <= atol + rtol |b_i| for all i]", _LOGICAL, (_X, _Y)),
    "array_equal": ("z = [the shapes are equal, and x_i = y_i for all i]", _LOGICAL, (_X, _Y)),
    "array_equiv": ("z = [x_i = y_i for all i after broadcasting]", _LOGICAL, (_X, _Y)),
    "any": ("y = [x_i is not 0 for some i]", _LOGICAL, (_X,)),
    "all": ("y = [x_i is not 0 for all i]", _LOGICAL, (_X,)),
    "isin": ("y_i = [x_i is among the test elements]", _LOGICAL, (_X, _Y)),
    "count_nonzero": ("y = Σ_i [x_i is not 0]", "A count, an integer: constant between its jumps.", (_X,)),
    "invert": ("y = ~x, every bit the other one", _INTEGERS, (_I,)),
    "bitwise_count": ("y = the number of ones among the bits of |x|", _INTEGERS, (_I,)),
    "bitwise_and": ("z = x & y, bit by bit", _INTEGERS, (_I, _J)),
    "bitwise_or": ("z = x | y, bit by bit", _INTEGERS, (_I, _J)),
    "bitwise_xor": ("z = x ^ y, bit by bit", _INTEGERS, (_I, _J)),
    "left_shift": ("z = x 2^y", _INTEGERS, (_I, _J)),
    "right_shift": ("z = floor(x / 2^y)", _INTEGERS, (_I, _J)),
    "gcd": ("z = the largest integer that divides x and y", _INTEGERS, (_I, _J)),
    "lcm": ("z = |x y| / gcd(x, y)", _INTEGERS, (_I, _J)),
    "argmax": ("y = min {i: x_i = max x}", _PLACES, (_X,)),
    "argmin": ("y = min {i: x_i = min x}", _PLACES, (_X,)),
    "argsort": ("y = the places i_1, i_2, ... with x[i_1] <= x[i_2] <= ...", _PLACES, (_Y,)),
    "argpartition": ("y = places with x[y_i] <= x[y_kth] before kth, and >= after it", _PLACES, (_Y,)),
    "lexsort_op": ("y = the places in the order of the last key, at ties of the one before", _PLACES, (_X, _Y)),
    "searchsorted": ("y = the place of v in a sorted list: a[y-1] < v <= a[y]", _PLACES, (_X, _Y)),
    "nonzero": ("y = the places i with x_i ≠ 0, an array an axis", _PLACES, (_X,)),
    "flatnonzero": ("y = the places i with x_i ≠ 0 in the flat array", _PLACES, (_X,)),
    "argwhere": ("y = the places i with x_i ≠ 0, as rows", _PLACES, (_X,)),
    "unravel_op": ("(i_1, ..., i_d) = the indices with i_d + n_d (i_(d-1) + n_(d-1) (...)) = y", _INTEGERS, ([5, 2],)),
    "ravel_multi_op": ("y = i_d + n_d (i_(d-1) + n_(d-1) (...)), n the axes' lengths", _INTEGERS, ([1, 0], [2, 2])),
    "zeros_like": ("y_i = 0 in the shape of x", _SHAPE, (_X,)),
    "ones_like": ("y_i = 1 in the shape of x", _SHAPE, (_X,)),
}  # fmt: skip

_OPTIONS: dict[str, dict[str, Any]] = {
    "argpartition": {"kth": 1},
    "lexsort_op": {"axis": 0},
    "unravel_op": {"shape": (2, 3), "order": "C"},
    "ravel_multi_op": {"dims": (2, 3), "mode": "raise", "order": "C"},
}

_CONVENTIONS: dict[str, list[tuple[str, str, Any]]] = {
    "sign": [
        ("to grad it is a constant", "grad(lambda x: np.sign(x) * x)(-2.0)", -1.0),
        ("sign(0) is 0", "np.sign(0.0)", 0.0),
    ],
    "floor": [("so x - floor(x) has the derivative 1", "grad(lambda x: x - np.floor(x))(1.25)", 1.0)],
    "rint": [("halves go to the even integer", "np.rint(np.array([0.5, 1.5, 2.5]))", [0.0, 2.0, 2.0])],
    "greater": [("a condition under grad is a plain array", "grad(lambda x: x * (x > 1))(2.0)", 1.0)],
    "argmax": [
        ("the first of equal elements", "np.argmax(np.array([2.0, 2.0]))", 0),
        ("an index is a plain integer", "grad(lambda x: x[np.argmax(x)])(np.array([1.0, 3.0]))", [0.0, 1.0]),
    ],
    "argsort": [
        ("so a sort by it has a derivative", "grad(lambda x: x[np.argsort(x)][0])(np.array([3.0, 1.0]))", [0.0, 1.0])
    ],
}  # fmt: skip

for _name, (_formula, _why, _at) in _TABLE.items():
    entry(
        f"nondifferentiable.{_name}",
        _formula,
        _why,
        at=_at,
        options=_OPTIONS.get(_name),
        conventions=_CONVENTIONS.get(_name, ()),
    )
