import numpy as np
import pytest

from tinygrad_np.kernels import by_columns, by_rows, depthwise, direct, pointwise, shifted, winograd
from tinygrad_np.kernels.choice import algorithm
from tinygrad_np.kernels.columns import Geometry


def chosen(
    batch, size, channels, filters, kernel=3, *, stride=1, dilation=1, padding=1, groups=1, dtype="f", order="C"
):
    geometry = Geometry(
        batch,
        (size, size),
        channels,
        filters,
        (kernel, kernel),
        (stride, stride),
        ((padding, padding),) * 2,
        (dilation, dilation),
        groups,
    )
    x, g = (np.empty(shape, dtype, order) for shape in ((batch, size, size, channels), (batch, *geometry.out, filters)))
    w = np.empty((kernel, kernel, channels // groups, filters), dtype)
    dtype = np.dtype(dtype)
    calls = (("correlate", x, w), ("kernel_gradient", x, g), ("input_gradient", g, w))
    modules = {algorithm(name, geometry, a, b, dtype).__module__.split(".")[-1] for name, a, b in calls}
    assert len(modules) == 1  # so that what one layer's kernels return lies in one order
    return modules.pop()


def name(module):
    return module.__name__.split(".")[-1]


@pytest.mark.parametrize(
    ("expected", "arguments", "options"),
    [
        (winograd, (32, 32, 64, 64), {}),
        (winograd, (32, 8, 128, 256), {}),
        (winograd, (8, 14, 256, 256), {}),
        (winograd, (8, 14, 256, 256), {"order": "F"}),
        (shifted, (32, 32, 64, 64), {"order": "F"}),
        (shifted, (32, 16, 128, 128), {"order": "F"}),
        (shifted, (32, 32, 32, 32), {}),  # transforms would cost more than they save
        (shifted, (32, 32, 64, 64), {"dtype": "d"}),
        (shifted, (32, 32, 64, 64), {"dtype": "F"}),
        (direct, (1, 6, 64, 64), {}),  # too few tiles, rows too short
        (direct, (32, 32, 64, 64), {"stride": 2}),
        (direct, (32, 32, 64, 64), {"dilation": 2}),
        (direct, (32, 32, 64, 64), {"groups": 4, "dilation": 2}),
        (direct, (32, 32, 64, 64, 1), {"stride": 2, "padding": 0}),
        (shifted, (32, 32, 64, 64), {"order": "F", "dilation": 2}),
        (shifted, (32, 32, 64, 64), {"order": "F", "stride": 2}),
        (direct, (32, 32, 64, 64), {"order": "F", "dilation": 2, "groups": 2}),
        (shifted, (32, 32, 16, 16), {"order": "F", "dilation": 2}),
        (by_columns, (32, 32, 3, 64), {"order": "F", "dilation": 2}),
        (pointwise, (32, 32, 64, 64, 1), {"padding": 0}),
        (pointwise, (32, 32, 3, 8, 1), {"padding": 0}),
        (shifted, (32, 32, 64, 64, 1), {"padding": 1}),
        (by_columns, (32, 32, 64, 64, 1), {"padding": 0, "groups": 2}),
        (by_columns, (32, 32, 64, 64, 1), {"padding": 0, "order": "F"}),
        (depthwise, (32, 32, 64, 64), {"groups": 64}),
        (shifted, (32, 32, 16, 32, 7), {}),
        (direct, (32, 32, 16, 32, 7), {"dilation": 2}),
        (by_rows, (32, 32, 16, 16), {}),
        (by_rows, (32, 32, 64, 64), {"groups": 4}),
        (by_rows, (32, 32, 3, 64), {}),
        (by_rows, (1, 28, 1, 6, 5), {}),
        (by_columns, (1, 28, 1, 16), {"padding": 0}),  # 6,084 numbers in all columns
        (by_rows, (64, 32, 1, 6, 5), {"padding": 0}),
        (by_rows, (64, 14, 6, 16, 5), {"padding": 0}),
    ],
)
def test_the_rule(expected, arguments, options):
    assert chosen(*arguments, **options) == name(expected)
