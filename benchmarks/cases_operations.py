"""Operations, forward, and forward with the cotangents of all inputs, float32."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from . import peers
from .cases import COMPILED, EAGER, Case, Program
from .operations import Operation

WORST = 1.5  # no case of the suite above this
SHARE_OF_PRODUCT = 0.85
CONVOLUTION = {"MyGrad": 5, "autograd": 50}


def _build(name: str, op: Operation, backward: bool) -> list[Program]:
    options = {"compiled": True} if name in (COMPILED, "torch.compile") else {}
    return peers.module(name).operation(op, backward, **options)


def product_of(flops: float) -> Callable[[], object]:
    """Return a bare product of square float32 matrices of (nearly) so many flops."""
    n = round((flops / 2) ** (1 / 3))
    a, b = (np.random.default_rng(i).standard_normal((n, n), dtype=np.float32) for i in (0, 1))
    out = np.empty((n, n), np.float32)
    return lambda: np.matmul(a, b, out=out)


def _cases(
    name: str, title: str, op: Operation, names: tuple[str, ...], flops: int = 0, wide: bool = False
) -> list[Case]:
    """Forward, and forward with backward, of one operation."""
    cases = []
    for backward, suffix in ((False, "forward"), (True, "vjp")):
        times = 3 if backward else 1
        cases.append(
            Case(
                name=f"operations/{name}/{suffix}",
                title=f"{title}, {'forward and backward' if backward else 'forward'}",
                builders={n: partial(_build, n, op, backward) for n in (EAGER, COMPILED, *names)},
                targets={EAGER: WORST, COMPILED: WORST},
                at_least=CONVOLUTION if flops else {},
                yardstick=product_of(flops * times) if flops else None,
                yardstick_target=SHARE_OF_PRODUCT if wide and backward else None,
                flops=flops * times,
            )
        )
    return cases


def _conv(name: str, n: int, c: int, size: int, f: int, k: int, padding: int = 0, **options: Any) -> list[Case]:
    groups = options.get("groups", 1)
    reach = options.get("dilation", 1) * (k - 1) + 1
    out = (size + 2 * padding - reach) // options.get("stride", 1) + 1
    op = Operation(
        "conv2d",
        ((n, size, size, c), (k, k, c // groups, f)),
        ("images", "kernels"),
        ({"padding": padding} if padding else {}) | options,
        "images",
    )
    names = ["PyTorch", "JAX jit"] + ["MyGrad"] * (groups == 1 and "stride" not in options)
    names += ["autograd"] * (c * f * k * k * out * out * n < 2e8 and not options)
    said = "".join(f", {key} {value}" for key, value in options.items())
    title = f"conv2d {n}x{size}x{size}x{c} to {f}, {k}x{k}, padding {padding}{said}"
    flops = 2 * n * out * out * f * k * k * c // groups
    return _cases(f"conv2d {name}", title, op, tuple(names), flops, min(c // groups, f) >= 64)


EVERY = ("PyTorch", "JAX jit", "MyGrad", "autograd")
FUSING = ("PyTorch", "torch.compile", "JAX jit", "MyGrad", "autograd")
_IMAGES = (32, 32, 32, 64)


def _operation(function: str, title: str, names: tuple[str, ...], *args: Any, **options: Any) -> list[Case]:
    return _cases(function, title, Operation(function, *args, **options), names)


CASES = [
    *_conv("64 wide", 32, 64, 32, 64, 3, 1),
    *_conv("128 wide", 32, 128, 16, 128, 3, 1),
    *_conv("256 wide", 8, 256, 14, 256, 3, 1),
    *_conv("3 to 64", 32, 3, 32, 64, 3, 1),
    *_conv("6 to 16", 64, 6, 14, 16, 5),
    *_conv("1 to 6", 64, 1, 32, 6, 5),
    *_conv("1 to 32", 64, 1, 28, 32, 3),
    *_conv("stride 2", 32, 64, 32, 64, 3, 1, stride=2),
    *_conv("dilation 2", 32, 64, 32, 64, 3, 2, dilation=2),
    *_conv("depthwise", 32, 64, 32, 64, 3, 1, groups=64),
    *_conv("1x1", 32, 128, 16, 128, 1),
    *_conv("7x7", 32, 3, 32, 64, 7, 3),
    *_operation(
        "conv_transpose2d", "conv_transpose2d 32x16x16x64 to 32, 4x4, stride 2", ("PyTorch", "JAX jit"),
        ((32, 16, 16, 64), (4, 4, 32, 64)), ("images", "kernels"), {"stride": 2, "padding": 1}, "images",
    ),
    *_operation(
        "max_pool2d", "max_pool2d 2x2 of 32x32x32x64", EVERY, (_IMAGES,), ("images",), {"kernel_size": 2}, "images"
    ),
    *_operation(
        "avg_pool2d", "avg_pool2d 2x2 of 32x32x32x64", EVERY, (_IMAGES,), ("images",), {"kernel_size": 2}, "images"
    ),
    *_operation(
        "cross_entropy", "softmax cross-entropy of 512x1000", FUSING, ((512, 1000), (512,)), ("plain", "constant"),
        below=1000,
    ),
    *_operation(
        "batch_norm", "batch norm of 32x32x32x64", ("PyTorch", "torch.compile", "JAX jit", "MyGrad"),
        (_IMAGES, (64,), (64,)), ("images", "plain", "plain"), {}, "images",
    ),
    *_operation("chain", "ten elementwise operations on 512x512", FUSING, ((512, 512),) * 2, ("plain",) * 2),
    *_operation("matmul", "matmul 512x512 by 512x512", EVERY, ((512, 512),) * 2, ("plain",) * 2),
    *_operation(
        "index", "x[i], 4,096 rows of 10,000x64, some twice", EVERY, ((10_000, 64), (4096,)), ("plain", "constant"),
        below=10_000,
    ),
    *_operation(
        "einsum", "einsum bqhd,bkhd->bhqk, 8x128x8x64", EVERY, ((8, 128, 8, 64),) * 2, ("plain",) * 2
    ),
]  # fmt: skip
