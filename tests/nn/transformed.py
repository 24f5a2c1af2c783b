"""What every function of arrays promises under the transforms, in one call."""

import numpy as np

from tinygrad_np import grad, jvp, vjp, vmap
from tinygrad_np.testing import check_grads


def check_transforms(f, *args, order=2):
    """Derivatives to an order, forward mode, vmap of values and gradients, float32, and nothing of size 0 lost."""
    check_grads(f, args, order=order)
    rng = np.random.default_rng(0)
    places = tuple(range(len(args)))
    y, pullback = vjp(f, *args)
    g, dots = rng.standard_normal(np.shape(y)), tuple(rng.standard_normal(x.shape) for x in args)
    pushed = jvp(f, args, dots)[1]
    paired = sum(np.sum(bar * dot) for bar, dot in zip(pullback(g), dots, strict=True))
    np.testing.assert_allclose(np.sum(g * pushed), paired, rtol=1e-9, atol=1e-9)
    batch = tuple(np.stack([x, x[::-1] if x.ndim else x, x]) for x in args)
    scalar = lambda *xs: np.sum(f(*xs) ** 2)
    for h in (f, lambda *xs: grad(scalar, argnums=places)(*xs)[0]):
        each = np.stack([h(*[x[i] for x in batch]) for i in range(3)])
        np.testing.assert_allclose(vmap(h)(*batch), each, rtol=1e-9, atol=1e-9)
        only = vmap(h, in_axes=(0, *(None,) * (len(args) - 1)))(batch[0], *args[1:])
        np.testing.assert_allclose(only[0], h(*args), rtol=1e-9, atol=1e-9)
    low = tuple(x.astype(np.float32) for x in args)
    z, pullback = vjp(f, *low)
    assert z.dtype == np.float32
    assert [bar.dtype for bar in pullback(np.ones_like(z))] == [np.float32] * len(args)
    np.testing.assert_allclose(z, y, rtol=1e-4, atol=1e-4)
