"""The NumPy surface, function by function: its examples through every column of the coverage table, and differences."""

import numpy as np
import pytest

from tinygrad_np import jvp, vjp
from tinygrad_np.core import tree
from tinygrad_np.inspect.columns import COLUMNS, differentiable_leaves
from tinygrad_np.inspect.coverage import measure
from tinygrad_np.inspect.surface import EXAMPLES
from tinygrad_np.testing import check_grads

CALLS = {f"{name}-{i}": (name, call) for name, calls in EXAMPLES.items() for i, call in enumerate(calls)}

# Their scale is an absolute value.
COMPLEX_GAPS = {"scipy.special.ive", "scipy.special.jve", "scipy.special.yve"}


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("call", CALLS)
def test_examples_pass_every_column_of_the_coverage_table(call, column):
    name, example = CALLS[call]
    if column == "complex" and name in COMPLEX_GAPS:
        with pytest.raises(TypeError, match="not holomorphic"):
            measure(column, name, example)
    else:
        assert measure(column, name, example) in (True, None)


@pytest.mark.parametrize("call", CALLS)
def test_gradients_and_second_derivatives_against_careful_differences(call):
    _, (f, xs) = CALLS[call]
    check_grads(differentiable_leaves(f), xs, order=2, strict=True)


def in_single(x):
    x = np.asarray(x)
    return x.astype({"f": np.float32, "c": np.complex64}.get(x.dtype.kind, x.dtype))


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.filterwarnings("ignore")
def test_single_precision_gives_the_dtypes_of_numpy(call):
    name, (f, xs) = CALLS[call]
    xs = tuple(map(in_single, xs))
    with np.errstate(all="ignore"):
        y, pullback = vjp(differentiable_leaves(f), *xs)
        expected = differentiable_leaves(f)(*xs)
        pushed = jvp(differentiable_leaves(f), xs, xs)[1]
    theirs, ours, moved = [[np.asarray(leaf).dtype for leaf in some] for some in (expected, y, pushed)]
    assert ours == moved
    if name.startswith("scipy.special."):  # of which some widen their results; ours keep the precision
        assert [o for o, t in zip(ours, theirs, strict=True) if o not in (t, in_single(np.zeros(1, t)).dtype)] == []
    else:
        assert ours == theirs
    for x, bar in zip(xs, pullback(tree.map(np.ones_like, y)), strict=True):
        assert (bar.dtype, bar.shape) == (x.dtype, x.shape)
