"""The slot `Trace.process` serves all four kinds of trace, and a primitive's contract has what each needs.

Forward mode, vmap and the recorder come later as transforms; these are the smallest traces of their kind.
"""

import numpy as np

from tinygrad_np import grad, nn
from tinygrad_np.core.primitive import primitive
from tinygrad_np.core.tape import Tape
from tinygrad_np.core.trace import Trace
from tinygrad_np.core.tensor import Tensor, shape_of


class Forward(Trace):
    """A tangent beside the value."""

    __slots__ = ()

    def process(self, op, args, options):
        values = self.lower(op, args)
        y = op(*values, **options)
        if not op.differentiable:
            return y
        y_dot = 0
        for i, a in enumerate(args):
            if type(a) is Tensor and a._trace is self:
                if i in op.linear:
                    y_dot = y_dot + op(*values[:i], a._index, *values[i + 1 :], **options)
                else:
                    y_dot = y_dot + op.jvps[i](y, *values, **options)(a._index)
        return Tensor(y, self, y_dot)


class Batch(Trace):
    """An axis of the value; the user sees the shape without it."""

    __slots__ = ("count",)

    def shape_of(self, x):
        shape = shape_of(x._value)
        return shape[: x._index] + shape[x._index + 1 :]

    def process(self, op, args, options):
        values = self.lower(op, args)
        axes = tuple(a._index if type(a) is Tensor and a._trace is self else None for a in args)
        y, axis = op.batch(self.count, axes, *values, **options)
        return Tensor(y, self, axis)


class Recorder(Trace):
    """Every primitive with its arguments and options."""

    __slots__ = ("calls",)

    def process(self, op, args, options):
        y = op(*self.lower(op, args), **options)
        self.calls.append((op.name, len(args), options))
        return Tensor(y, self, len(self.calls))


def jvp(f, x, x_dot):
    return f(Tensor(x, Forward("jvp"), x_dot))


def test_forward_trace_uses_the_families_rules():
    x, x_dot = np.array([0.5, 2.0]), np.array([1.0, -1.0])
    y = jvp(lambda x: np.tanh(x * x + np.arange(2.0)) / (x + 1), x, x_dot)
    h = 1e-6
    f = lambda x: np.tanh(x * x + np.arange(2.0)) / (x + 1)
    np.testing.assert_allclose(y._index, (f(x + h * x_dot) - f(x - h * x_dot)) / (2 * h), rtol=1e-8)


def test_forward_over_reverse_and_reverse_over_forward_agree():
    f = lambda x: np.exp(x) * np.sin(x)
    reverse_over_forward = grad(lambda x: jvp(f, x, 1.0)._index)(0.7)
    forward_over_reverse = jvp(grad(f), 0.7, 1.0)._index
    exact = 2 * np.exp(0.7) * np.cos(0.7)
    np.testing.assert_allclose([reverse_over_forward, forward_over_reverse], exact, rtol=1e-14)


def test_forward_trace_of_a_convolution_is_the_convolution_of_the_tangent():
    x, x_dot, w = np.arange(6.0).reshape(1, 6, 1), np.ones((1, 6, 1)), np.array([1.0, -2.0]).reshape(2, 1, 1)
    y = jvp(lambda x: nn.conv(x, w), x, x_dot)
    np.testing.assert_array_equal(y._index, nn.conv(x_dot, w))


def test_batching_trace_sees_the_unbatched_shape_and_nests_with_grad():
    trace = Batch("vmap")
    trace.count = 3
    x = Tensor(np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]), trace, 0)
    assert x.shape == (2,)
    y = np.sin(x)
    assert y.shape == (2,)
    np.testing.assert_array_equal(y._value, np.sin(x._value))
    z = grad(lambda s: np.sin(np.cos(s)))(Tensor(np.arange(3.0), trace, 0).__neg__())
    assert z._trace is trace
    s = -np.arange(3.0)
    np.testing.assert_allclose(z._value, -np.cos(np.cos(s)) * np.sin(s), rtol=1e-15)


def test_recorder_sees_every_primitive_with_options_random_and_nondifferentiable_ones_too():
    noise = primitive(lambda key, *, shape: np.ones(shape), differentiable=False)
    trace = Recorder("record")
    trace.calls = []
    x = Tensor(np.ones((2, 3)), trace, 0)
    np.sum(np.where(x > 0, x, x), axis=1)
    noise(x, shape=(2,))
    names = [name for name, _, _ in trace.calls]
    assert names == ["greater", "where", "sum", "<lambda>"]
    assert trace.calls[2][2] == {"axis": (1,), "keepdims": False}
    assert trace.calls[3][2] == {"shape": (2,)}


def test_a_recorder_under_grad_sees_the_backward_pass_too():
    trace = Recorder("record")
    trace.calls = []
    grad(lambda x: np.sin(x))(Tensor(2.0, trace, 0))
    assert [name for name, _, _ in trace.calls] == ["sin", "cos", "multiply"]


def test_a_tape_entry_keeps_its_operation():
    tape = Tape("grad")
    np.exp(tape.watch(np.ones(2)))
    assert tape.entries[1][0].name == "exp"
