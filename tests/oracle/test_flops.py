"""PyTorch's counter of flops, which sees convolutions and matrix products, as an oracle for `nn.summary`."""

import numpy as np
import pytest

from tinygrad_np import nn, random
from tinygrad_np.models import lenet5
from tinygrad_np.nn import stax

pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def of_torch(torch, module, shape):
    """Flops of convolutions and matrix products, forward and backward; the input needs no gradient."""
    flop_counter = pytest.importorskip("torch.utils.flop_counter")
    x = torch.zeros(shape)
    with flop_counter.FlopCounterMode(display=False) as forward:
        y = module(x)
    with flop_counter.FlopCounterMode(display=False) as backward:
        y.sum().backward()
    return forward.get_total_flops(), backward.get_total_flops()


def of_products(table, names):
    """The same of a summary, less the additions of biases: one an output element, forward and backward."""
    rows = [row for row in table.rows if row.name.startswith(names)]
    biases = sum(int(np.prod(row.shape)) for row in rows)
    return sum(row.flops for row in rows) - biases, sum(row.flops_backward for row in rows) - biases


def test_lenet5(torch):
    t = torch.nn
    module = t.Sequential(
        t.Conv2d(1, 6, 5, padding=2), t.Tanh(), t.AvgPool2d(2), t.Conv2d(6, 16, 5), t.Tanh(), t.AvgPool2d(2),
        t.Flatten(), t.Linear(400, 120), t.Tanh(), t.Linear(120, 84), t.Tanh(), t.Linear(84, 10),
    )  # fmt: skip
    table = nn.summary(lenet5.apply, lenet5.init(random.key(0)), np.zeros((3, 28, 28, 1), np.float32))
    assert of_products(table, ("conv", "dense")) == of_torch(torch, module, (3, 1, 28, 28))
    assert table.total.parameters == sum(p.numel() for p in module.parameters())


def test_groups_strides_and_dilation(torch):
    t = torch.nn
    module = t.Sequential(
        t.Conv2d(4, 6, (3, 2), stride=2, padding=1, groups=2), t.Tanh(), t.Conv2d(6, 8, 3, dilation=2, padding=2),
        t.Tanh(), t.Flatten(), t.LazyLinear(5),
    )  # fmt: skip
    net = nn.serial(
        stax.Conv(6, (3, 2), stride=2, padding=1, groups=2), np.tanh, stax.Conv(8, 3, dilation=2, padding=2),
        np.tanh, stax.Flatten(), stax.Dense(5),
    )  # fmt: skip
    params, _ = net.init(random.key(0), (11, 9, 4))
    module(torch.zeros(1, 4, 11, 9))
    table = nn.summary(net.apply, params, np.zeros((2, 11, 9, 4), np.float32))
    ours, theirs = of_products(table, ("conv", "dense")), of_torch(torch, module, (2, 4, 11, 9))
    grouped = of_products(table, ("conv1",))[0]
    assert ours[0] == theirs[0]
    assert ours[1] == theirs[1] - grouped  # its kernel gradient of two groups is counted as of one, twice as much
