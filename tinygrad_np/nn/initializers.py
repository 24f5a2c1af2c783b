"""Initialisers: functions of a key and a shape.

The variance-scaling ones keep the variance of activations (fan in), of gradients (fan out) or of both (their mean). A
weight's fan in is its in_axis times the receptive field, all axes that are neither in_axis nor out_axis; the defaults
suit dense (in, out) and channels-last convolution weights (*kernel, in, out). For channels-first weights
(out, in, *kernel) pass in_axis=1, out_axis=0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import random
from ..core.tensor import Array

Shape = Sequence[int]


def zeros(key: Array | None, shape: Shape, dtype: Any = np.float32) -> Array:
    """Zeros; the key is not used."""
    return np.zeros(shape, dtype)


def constant(key: Array | None, shape: Shape, dtype: Any = np.float32, *, value: float) -> Array:
    """Return one value everywhere; the key is not used. A TypeError refuses dtypes that are not floating-point."""
    if np.dtype(dtype).kind not in "fc":
        raise TypeError(f"initializers.constant: dtype must be floating-point, got {np.dtype(dtype)}.")
    return np.full(shape, value, dtype)


def ones(key: Array | None, shape: Shape, dtype: Any = np.float32) -> Array:
    """Ones; the key is not used."""
    return np.ones(shape, dtype)


def normal(key: Array, shape: Shape, dtype: Any = np.float32, *, mean: float = 0.0, std: float = 1.0) -> Array:
    """Normal with a mean and a standard deviation."""
    return random.normal(key, shape, dtype) * std + mean


def uniform(key: Array, shape: Shape, dtype: Any = np.float32, *, low: float = 0.0, high: float = 1.0) -> Array:
    """Uniform in [low, high)."""
    return random.uniform(key, shape, dtype, low, high)


# Coefficients of P and Q, highest first, for |p - 1/2| <= 0.425, and for r = √(-log min(p, 1 - p)) up to 5 or more
# (M. Wichura, "Algorithm AS 241: the percentage points of the normal distribution", Applied Statistics 37, 1988).
_CENTRE = (
    (
        2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
        13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.387132872796366608,
    ),
    (
        5226.495278852854561, 28729.085735721942674, 39307.89580009271061, 21213.794301586595867,
        5394.1960214247511077, 687.1870074920579083, 42.313330701600911252, 1.0,
    ),
)  # fmt: skip
_NEAR = (
    (
        7.7454501427834140764e-4, 0.0227238449892691845833, 0.24178072517745061177, 1.27045825245236838258,
        3.64784832476320460504, 5.7694972214606914055, 4.6303378461565452959, 1.42343711074968357734,
    ),
    (
        1.05075007164441684324e-9, 5.475938084995344946e-4, 0.0151986665636164571966, 0.14810397642748007459,
        0.68976733498510000455, 1.6763848301838038494, 2.05319162663775882187, 1.0,
    ),
)  # fmt: skip
_FAR = (
    (
        2.01033439929228813265e-7, 2.71155556874348757815e-5, 0.0012426609473880784386, 0.026532189526576123093,
        0.29656057182850489123, 1.7848265399172913358, 5.4637849111641143699, 6.6579046435011037772,
    ),
    (
        2.04426310338993978564e-15, 1.4215117583164458887e-7, 1.8463183175100546818e-5, 7.868691311456132591e-4,
        0.0148753612908506148525, 0.13692988092273580531, 0.59983220655588793769, 1.0,
    ),
)  # fmt: skip


def _ratio(coefficients: Any, r: Array) -> Array:
    p, q = coefficients
    return np.polyval(p, r) / np.polyval(q, r)


def _normal_quantile(p: Array) -> Array:
    """Return Φ⁻¹(p) for 0 < p < 1 in float64, to a relative error of 1e-15."""
    q = p - 0.5
    central = np.less_equal(np.absolute(q), 0.425)
    centre = q * _ratio(_CENTRE, np.where(central, 0.180625 - q * q, 0.0))
    r = np.sqrt(-np.log(np.minimum(p, 1 - p)))
    tail = np.where(np.less_equal(r, 5), _ratio(_NEAR, np.minimum(r, 5.0) - 1.6), _ratio(_FAR, np.maximum(r, 5.0) - 5))
    return np.where(central, centre, np.copysign(tail, q))


def truncated_normal(
    key: Array,
    shape: Shape,
    dtype: Any = np.float32,
    *,
    mean: float = 0.0,
    std: float = 1.0,
    lower: float = -2.0,
    upper: float = 2.0,
) -> Array:
    """Normal with a mean and a standard deviation, given that it lies between two bounds.

    Parameters
    ----------
    mean, std : float
        Of the normal distribution before it is truncated, as in JAX and PyTorch; what is left of it has a smaller
        deviation, 0.8796 std for the bounds -2 and 2.
    lower, upper : float
        Bounds in standard deviations from the mean, as in JAX, perhaps infinite. (PyTorch's a and b are the numbers
        mean + lower std and mean + upper std.)

    Raises
    ------
    ValueError
        If std is negative, or the probability between the bounds is not above 1e-290.

    Notes
    -----
    Φ⁻¹(u), u uniform between Φ(lower) and Φ(upper), in float64: exact to rounding, one random number each. Where most
    of the interval is above 0 its mirror image is used, for Φ has its digits below 0.
    """
    mirrored = lower + upper > 0
    a, b = (-upper, -lower) if mirrored else (lower, upper)
    low, high = (0.5 * math.erfc(-bound * math.sqrt(0.5)) for bound in (a, b))
    if not (std >= 0 and high - low > 1e-290):
        raise ValueError(
            f"initializers.truncated_normal: std={std!r}, lower={lower!r}, upper={upper!r}; std is not "
            "negative, and the probability between lower and upper is above 1e-290."
        )
    u = low + (high - low) * random.uniform(key, shape, np.float64)
    x = np.clip(_normal_quantile(np.clip(u, 1e-300, 1 - 2.0**-53)), a, b)
    return (x * (-std if mirrored else std) + mean).astype(dtype)


def _fans(shape: Shape, in_axis: int, out_axis: int) -> tuple[float, float]:
    if len(shape) < 2:
        raise ValueError(f"initializers: shape {tuple(shape)} has no fan in and fan out; use zeros, normal or uniform.")
    fan_in, fan_out = shape[in_axis], shape[out_axis]
    if in_axis % len(shape) == out_axis % len(shape) or not fan_in * fan_out:
        raise ValueError(
            f"initializers: in_axis={in_axis} and out_axis={out_axis} of shape {tuple(shape)} give no fans."
        )
    field = math.prod(shape) / (fan_in * fan_out)
    return fan_in * field, fan_out * field


def _scaling(
    name: str, source: str, variance: Callable[[float, float], float], distribution: str
) -> Callable[..., Array]:
    def initializer(
        key: Array, shape: Shape, dtype: Any = np.float32, *, in_axis: int = -2, out_axis: int = -1
    ) -> Array:
        std = math.sqrt(variance(*_fans(shape, in_axis, out_axis)))
        if distribution == "normal":
            return random.normal(key, shape, dtype) * std
        return random.uniform(key, shape, dtype, -math.sqrt(3) * std, math.sqrt(3) * std)

    initializer.__name__ = initializer.__qualname__ = f"{name}_{distribution}"
    formula = {"glorot": "2/(fan_in + fan_out)", "he": "2/fan_in", "lecun": "1/fan_in"}[name]
    initializer.__doc__ = f"{distribution.capitalize()} with mean 0 and variance {formula} ({source})."
    return initializer


def _glorot(fan_in: float, fan_out: float) -> float:
    return 2 / (fan_in + fan_out)


def _he(fan_in: float, fan_out: float) -> float:
    return 2 / fan_in


def _lecun(fan_in: float, fan_out: float) -> float:
    return 1 / fan_in


glorot_normal = _scaling("glorot", "Glorot and Bengio, 2010", _glorot, "normal")
glorot_uniform = _scaling("glorot", "Glorot and Bengio, 2010", _glorot, "uniform")
he_normal = _scaling("he", "He et al., 2015", _he, "normal")
he_uniform = _scaling("he", "He et al., 2015", _he, "uniform")
lecun_normal = _scaling("lecun", "LeCun et al., Efficient BackProp, 1998", _lecun, "normal")
lecun_uniform = _scaling("lecun", "LeCun et al., Efficient BackProp, 1998", _lecun, "uniform")


def orthogonal(
    key: Array,
    shape: Shape,
    dtype: Any = np.float32,
    *,
    gain: float = 1.0,
    in_axis: int = -2,
    out_axis: int = -1,
) -> Array:
    """Orthogonal matrices, each as likely as every other, times `gain` (Saxe et al., 2014).

    Parameters
    ----------
    gain : float
    in_axis, out_axis : int
        The weight is taken as a matrix with a column for each output and a row for each place of the fan in: all axes
        but out_axis. Their order makes no difference to the distribution.

    Returns
    -------
    array
        W with WᵀW = gain² 1 (orthonormal columns) if the fan in is at least the number of outputs, else with
        W Wᵀ = gain² 1 (orthonormal rows), to the rounding of dtype.

    Notes
    -----
    The factor Q of a matrix of normal numbers, with the signs of its columns such that R has a positive diagonal, is
    uniform by Haar's measure; as LAPACK leaves the signs it is not (Mezzadri, "How to generate random matrices from the
    classical compact groups", Notices of the AMS 54, 2007). Computed in float64.
    """
    fan_in, _ = _fans(shape, in_axis, out_axis)
    rows, columns = int(fan_in), shape[out_axis]
    q, r = np.linalg.qr(random.normal(key, (max(rows, columns), min(rows, columns)), np.float64))
    q = q * np.where(np.less(np.diagonal(r), 0), -gain, gain)
    matrix = q if rows >= columns else np.transpose(q)
    others = [n for axis, n in enumerate(shape) if axis != out_axis % len(shape)]
    return np.moveaxis(np.reshape(matrix, (*others, columns)), -1, out_axis).astype(dtype)
