"""A correlation with a kernel of one point: a product of all positions, as rows, with the kernel.

With channels innermost a batch of images is a matrix of positions and channels, x (N prod(out), C), and

    y = x w,    w_bar = xᵀ g,    x_bar = g wᵀ.

Large products are shared over the threads, see `products`. For any rank, of one group, without stride and padding.
"""

from numpy.typing import DTypeLike

from tinygrad_np.kernels.columns import Array, Geometry
from tinygrad_np.kernels.products import matmul


def correlate(geometry: Geometry, x: Array, w: Array, dtype: DTypeLike) -> Array:
    """Compute x w."""
    y: Array = matmul(*factors("correlate", x.astype(dtype, copy=False), w.astype(dtype, copy=False)))
    return y.reshape(geometry.batch, *geometry.out, geometry.filters)


def kernel_gradient(geometry: Geometry, x: Array, g: Array, dtype: DTypeLike) -> Array:
    """Compute xᵀ g."""
    w_bar: Array = matmul(*factors("kernel_gradient", x.astype(dtype, copy=False), g.astype(dtype, copy=False)))
    return w_bar.reshape(*geometry.kernel, geometry.channels, geometry.filters)


def input_gradient(geometry: Geometry, g: Array, w: Array, dtype: DTypeLike) -> Array:
    """Compute g wᵀ."""
    x_bar: Array = matmul(*factors("input_gradient", g.astype(dtype, copy=False), w.astype(dtype, copy=False)))
    return x_bar.reshape(geometry.batch, *geometry.size, geometry.channels)


def factors(which: str, a: Array, b: Array) -> tuple[Array, Array]:
    """Return the matrices whose product "correlate" or one of its transposes is; of contiguous arrays, views."""
    x, y = (z.reshape(-1, z.shape[-1]) for z in (a, b))
    return (x.T if which == "kernel_gradient" else x), (y.T if which == "input_gradient" else y)
