"""The slot `Trace.process` serves all kinds of trace; a recorder sees every primitive, whoever else is there."""

import numpy as np
import pytest

from tinygrad_np import grad, jvp, vjp, vmap
from tinygrad_np.core.primitive import primitive
from tinygrad_np.core.tape import Tape
from tinygrad_np.core.tensor import Tensor
from tinygrad_np.transforms.forward import Recorder


def names(trace):
    return [op.name for op, *_ in trace.steps]


def test_recorder_sees_every_primitive_with_options_random_and_nondifferentiable_ones_too():
    noise = primitive(lambda key, *, shape: np.ones(shape), differentiable=False)
    trace = Recorder("record")
    x = trace.watch(np.ones((2, 3)))
    np.sum(np.where(x > 0, x, x), axis=1)
    noise(x, shape=(2,))
    assert names(trace) == ["greater", "where", "sum", "<lambda>"]
    assert trace.steps[2][3] == {"axis": (1,), "keepdims": False}
    assert trace.steps[3][3] == {"shape": (2,)}


def test_a_recorder_under_grad_sees_the_backward_pass_too():
    trace = Recorder("record")
    grad(lambda x: np.sin(x))(trace.watch(2.0))
    assert names(trace) == ["sin", "cos", "multiply"]


def test_a_recorded_program_runs_again_on_other_inputs():
    trace = Recorder("record")
    x = trace.watch(np.array([1.0, 2.0]))
    y = np.sum(np.split(x * 3.0, 2)[1])
    assert trace.replay([np.array([1.0, 5.0])])[y._index] == 15.0


def test_a_tape_entry_keeps_its_operation():
    tape = Tape("grad")
    np.exp(tape.watch(np.ones(2)))
    assert tape.entries[1][0].name == "exp"


@pytest.mark.parametrize(
    "transform", [grad, lambda f: vmap(f), lambda f: lambda x: jvp(f, (x,), (x,)), lambda f: lambda x: vjp(f, x)]
)
def test_a_tensor_that_outlives_its_transform_is_refused(transform):
    escaped = []

    def f(x):
        escaped.append(x)
        return np.sum(x)

    transform(f)(np.ones(2))
    assert type(escaped[0]) is Tensor
    with pytest.raises(RuntimeError, match="used after that call ended"):
        escaped[0] + 1.0


def test_a_tensor_of_one_transform_is_a_constant_to_another():
    assert grad(lambda x: grad(lambda y: x * y)(3.0))(2.0) == 1.0
    assert jvp(lambda x: jvp(lambda y: x, (1.0,), (1.0,))[1], (2.0,), (1.0,)) == (0.0, 0.0)
