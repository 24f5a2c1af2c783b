"""Indexing, its transpose, and functional updates."""

from ....ops.layouts import SLOT
from ..table import entry

_AT = {"template": (SLOT,)}  # x[array]

entry(
    "indexing.getitem_op",
    "y_k = x[i_k], the elements that an index names",
    "<g, dy> = Σ_k g_k dx[i_k]: every element of x gets the g of all places where it was taken, "
    "x_bar[j] = Σ_k g_k [i_k = j]; and y_dot = x_dot[index].",
    at=([1.0, 2.0, 3.0], [0, 2, 2]),
    options=_AT,
    conventions=[
        ("where the index repeats, cotangents add", "grad(lambda x: np.sum(x[[0, 0, 1]]))(np.ones(2))", [2.0, 1.0]),
        ("an index out of bounds is an error, never clamped", "grad(lambda x: x[5])(np.ones(2))", IndexError),
    ],
)
entry(
    "indexing.scatter_op",
    "y[j] = Σ_k v_k [i_k = j], zeros elsewhere",
    "The transpose of v = y[index]: <g, dy> = Σ_k g[i_k] dv_k, so v_bar = g[index]; linear in v, so y_dot "
    "scatters v_dot.",
    at=([1.0, 2.0, 3.0], [0, 2, 2]),
    options=_AT | {"shape": (4,)},
)
entry(
    "indexing.set_op",
    "y[index] = v, y = x elsewhere",
    "y[j] is x[j] where the index does not name j, else the last v written there: dy is dx or dv. So x_bar = g "
    "with 0 at "
    "the index, v_bar = g[index] for the values that stayed; and y_dot is x_dot with v_dot at the index.",
    at=([1.0, 2.0, 3.0], [9.0, 8.0], [0, 2]),
    options=_AT,
    conventions=[
        (
            "what is overwritten gets no gradient",
            "grad(lambda x: np.sum(tg.at(x)[0].set(5.0)))(np.ones(2))",
            [0.0, 1.0],
        ),
        (
            "where the index repeats, the last value stays and takes the cotangent",
            "grad(lambda v: np.sum(tg.at(np.zeros(2))[[0, 0]].set(v)))(np.ones(2))",
            [0.0, 1.0],
        ),
    ],
)
entry(
    "indexing.multiply_at_op",
    "y[index] = x[index] v, y = x elsewhere",
    "The product rule at the index: dy[i_k] = v_k dx[i_k] + x[i_k] dv_k, elsewhere dy = dx.",
    at=([1.0, 2.0, 3.0], [5.0, 7.0], [0, 2]),
    options=_AT,
    conventions=[
        (
            "v has no derivative where the index repeats",
            "grad(lambda v: np.sum(tg.at(np.ones(2))[[0, 0]].multiply(v)))(np.ones(2))",
            ValueError,
        ),
        ("x has one there too", "grad(lambda x: np.sum(tg.at(x)[[0, 0]].multiply(3.0)))(np.ones(2))", [9.0, 1.0]),
    ],
)
entry(
    "indexing.last_written",
    "y_k = [no later l > k has i_l = i_k]",
    "A mask made of integers: which value x[index] = v leaves where an index repeats. Small changes of x and v do not "
    "change it.",
    at=([0, 2, 0],),
    options=_AT | {"shape": (4,)},
)
entry(
    "bounds.in_bounds_op",
    "y = indices, if all are in 0..size-1",
    "Integers have no derivative. It is an operation so that indices that are batched or recorded are looked at "
    "as well.",
    at=([0, 2],),
    options={"size": 3, "what": "index"},
    conventions=[
        (
            "an index out of bounds is an error, never clamped",
            "registry['bounds.in_bounds_op'](np.array([3]), size=3, what='index')",
            ValueError,
        )
    ],
)
