"""What NumPy never hands over: calls of which a Tensor's protocols do not hear, with the reason and a replacement.

A Tensor is asked (NEP 13 and 18) only if it is an argument that the function dispatches on. In the calls below it is
not: they end in ``Tensor.__array__``, ``__index__`` or ``__float__``, which raise with advice. None detaches silently.
"""

from __future__ import annotations

_VALUES = "It makes an array of what it is given, and dispatches on like= alone."
_SHAPES = "Its arguments are numbers of a shape, and it dispatches on like= alone."
_FILES = "It reads data from outside, of which no derivative is wanted; it dispatches on like= alone."
_ARRAY = "The array's own method looks for an array in its argument; it does not dispatch."
_MATH = "Python's math wants a float, and a float has no derivative."
_UNNEEDED = "Leave the call out: a Tensor is an array already."
_OUTSIDE = "Call it outside of the differentiated function and pass the array."
_FILLED = "np.ones(shape) * t, or np.broadcast_to(t, shape)."

# name of the function or form of the call: (reason, what to write instead)
UNREACHABLE: dict[str, tuple[str, str]] = {
    "numpy.array": (_VALUES, "np.stack([t, u]) or np.concatenate; np.copy(t) for a copy, t.astype for a dtype."),
    **dict.fromkeys(
        ("numpy.asarray", "numpy.asanyarray", "numpy.ascontiguousarray", "numpy.asfortranarray", "numpy.require"),
        (_VALUES, _UNNEEDED),
    ),
    "numpy.full": (_VALUES, "np.broadcast_to(t, shape)."),
    "numpy.full_like(array, t)": ("It dispatches on the array alone.", "np.broadcast_to(t, array.shape)."),
    "numpy.nan_to_num(array, nan=t)": ("It dispatches on the array alone.", "np.where(np.isnan(array), t, array)."),
    "numpy.arange": (_VALUES, "np.linspace(t, u, n), or t + step * np.arange(n)."),
    **dict.fromkeys(
        ("numpy.ones", "numpy.zeros", "numpy.empty"), (_SHAPES, f"Give integers, and for values {_FILLED}")
    ),
    **dict.fromkeys(
        ("numpy.eye", "numpy.identity", "numpy.tri"), (_SHAPES, "Give integers, and for values t * np.eye(n).")
    ),
    "numpy.fromfunction": (
        "Its arguments are a function and a shape, and it dispatches on like= alone.",
        "f(*np.indices(shape)), where f may use Tensors.",
    ),
    "numpy.fromiter": (_VALUES, "np.stack(list(iterable))."),
    **dict.fromkeys(
        ("numpy.frombuffer", "numpy.fromfile", "numpy.fromstring", "numpy.genfromtxt", "numpy.loadtxt"),
        (_FILES, _OUTSIDE),
    ),
    "numpy.asarray_chkfinite": (
        "It makes an array of what it is given and does not dispatch.",
        "np.isfinite(t).all().",
    ),
    "numpy.r_[t, u]": ("An index expression makes arrays of its parts.", "np.concatenate([t, u])."),
    "numpy.c_[t, u]": ("An index expression makes arrays of its parts.", "np.column_stack([t, u])."),
    "numpy.mgrid[a:t:n, ...]": (
        "An index expression makes arrays of its parts.",
        "np.meshgrid(np.linspace(a, t, n), ...).",
    ),
    "numpy.vectorize(f)(t)": (
        "It calls f on the elements of an array that it makes.",
        "Write f with NumPy's functions, np.where for its branches; or tinygrad_np.vmap(f)(t).",
    ),
    "numpy.frompyfunc(f, n, m)(t)": (
        "It makes a ufunc of Python objects, for which no rule can be known: refused.",
        "Write f with NumPy's functions; or tinygrad_np.primitive(f) with its rules.",
    ),
    "numpy.take(array, t)": (
        "It dispatches on the array alone; the indices are batched Tensors under vmap.",
        "tinygrad_np.at(array)[t].get().",
    ),
    "array[t]": (
        "The array's own indexing looks for integers; the indices are batched Tensors under vmap.",
        "tinygrad_np.at(array)[t].get().",
    ),
    "array[i] = t": ("The array's own assignment wants numbers.", "tinygrad_np.at(array)[i].set(t)."),
    "array += t": ("It writes into an ndarray, which holds numbers: refused.", "array = array + t."),
    "numpy.sum(array, initial=t)": (
        "Reductions dispatch on the array alone: sum, prod, max, min with initial=.",
        "np.sum(array) + t, np.prod(array) * t, np.maximum(np.max(array), t), np.minimum(np.min(array), t).",
    ),
    "numpy.sum(array, where=t)": (
        "Reductions dispatch on the array alone; a condition is a batched Tensor under vmap.",
        "np.sum(np.where(t, array, 0)), and alike with what changes nothing.",
    ),
    "array.dot(t)": (_ARRAY, "np.dot(array, t) or array @ t."),
    "array.take(t)": (_ARRAY, "tinygrad_np.at(array)[t].get()."),
    "array.searchsorted(t)": (_ARRAY, "np.searchsorted(array, t)."),
    "array.choose(t)": (_ARRAY, "np.choose(array, t)."),
    "array.fill(t)": ("The array's own method writes numbers into it.", "np.broadcast_to(t, array.shape)."),
    "math.exp(t)": (_MATH, "np.exp(t); every function of math has its like in NumPy or scipy.special."),
    "float(t)": ("A Python float has no derivative.", "t; to cut it off on purpose, tinygrad_np.stop_gradient(t)."),
    "numpy.float64(t)": ("The scalar types make arrays of what they are given.", "t.astype(np.float64)."),
    "numpy.kaiser(n, t)": (
        "Windows make their arrays themselves: kaiser; hamming and the others have only a length.",
        "np.i0(t * np.sqrt(1 - np.linspace(-1, 1, n)**2)) / np.i0(t).",
    ),
    "numpy.nditer(t)": (
        "Iterators look at memory, and a Tensor has none: nditer, ndenumerate, broadcast.",
        "np.broadcast_arrays, or a loop over indices.",
    ),
    "numpy.lib.stride_tricks.as_strided": (
        "It looks at memory, and a Tensor has none.",
        "np.lib.stride_tricks.sliding_window_view, np.broadcast_to or indexing.",
    ),
    "numpy.matrix(t)": ("A class of its own, whose operators mean something else.", "Two-dimensional arrays and @."),
    "numpy.ma": ("A masked array is a class of its own.", "np.where(mask, 0, t), or the nan-functions."),
    "numpy.poly1d([t, u])": ("Its coefficients are made an array.", "np.polyval(np.stack([t, u]), x)."),
    "numpy.polynomial": (
        "Its functions and classes make arrays of coefficients; at a Tensor they evaluate rightly.",
        "np.polyval, with the highest power first, or np.vander.",
    ),
    "numpy.random": (
        "Generators draw numbers with parameters that they make arrays.",
        "t * rng.normal(size=n), drawn outside; or tinygrad_np.random, whose keys make draws that repeat.",
    ),
    "scipy.special.logsumexp": (
        "A SciPy function that is no ufunc makes an array of what it is given; so for softmax, polygamma, ...",
        "tinygrad_np.special has logsumexp, log_softmax, softmax, polygamma, multigammaln.",
    ),
    "scipy.linalg": (
        "SciPy's functions make arrays of what they are given.",
        "numpy.linalg; or tinygrad_np.primitive(f) with its rules.",
    ),
    "scipy.integrate": (
        "SciPy's functions make arrays of what they are given.",
        "The steps of a method written with NumPy; or tinygrad_np.primitive(f) with its rules.",
    ),
}
