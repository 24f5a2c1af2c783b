"""Convolution and its two transposes, patches, and the affine map of a dense layer."""

from ..table import entry

_X = [[[[1.0], [2.0], [0.0]], [[0.0], [1.0], [3.0]], [[2.0], [-1.0], [1.0]]]]  # (1, 3, 3, 1)
_W = [[[[1.0]], [[-1.0]]], [[[2.0]], [[0.5]]]]  # (2, 2, 1, 1)
_G = [[[[1.0], [2.0]], [[-1.0], [0.5]]]]  # (1, 2, 2, 1)
_GEOMETRY = {"stride": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1)}

entry(
    "convolution.conv_op",
    see="convolution.conv",
    why="Linear in x, in w and in b, so dy is the sum of three maps: of conv(dx, w), conv(x, dw) and db.",
    at=(_X, _W, [0.5]),
    options=_GEOMETRY | {"groups": 1},
    conventions=[
        (
            "the kernel is not turned around: a cross-correlation",
            "nn.conv1d(np.arange(3.0).reshape(1, 3, 1), np.array([1.0, 0.0]).reshape(2, 1, 1)).ravel()",
            [0.0, 1.0],
        ),
        (
            "'same' puts the extra element at the end",
            "nn.conv1d(np.ones((1, 3, 1)), np.array([1.0, 2.0]).reshape(2, 1, 1), padding='same').ravel()",
            [3.0, 3.0, 1.0],
        ),
        (
            "an element of x gets as many terms as windows see it",
            "grad(lambda x: np.sum(nn.conv1d(x, np.ones((2, 1, 1)))))(np.ones((1, 3, 1))).ravel()",
            [1.0, 2.0, 1.0],
        ),
    ],
)
entry(
    "convolution.conv_input_op",
    "y[n, i, c] = Σ_{p, r, f: p stride + r dilation - low = i} g[n, p, f] w[r, c, f]",
    "It is the x_bar of a convolution: <g, conv(x, w)> = <x, y> for every x. With its own cotangent h in x's place, "
    "<h, conv_input(g, w)> = <g, conv(h, w)> = <w, conv_kernel(h, g)>.",
    at=(_G, _W),
    options=_GEOMETRY | {"groups": 1, "size": (3, 3)},
    conventions=[
        (
            "input that no window sees gets 0",
            "grad(lambda x: np.sum(nn.conv1d(x, np.ones((1, 1, 1)), stride=2)))(np.ones((1, 4, 1))).ravel()",
            [1.0, 0.0, 1.0, 0.0],
        )
    ],
    source="V. Dumoulin and F. Visin, A guide to convolution arithmetic for deep learning, arXiv:1603.07285.",
)
entry(
    "convolution.conv_kernel_op",
    "y[r, c, f] = Σ_{n, p} x[n, p stride + r dilation - low, c] g[n, p, f]",
    "It is the w_bar of a convolution: <g, conv(x, w)> = <w, y> for every w. With its own cotangent v in w's place, "
    "<v, conv_kernel(x, g)> = <g, conv(x, v)> = <x, conv_input(g, v)>.",
    at=(_X, _G),
    options=_GEOMETRY | {"groups": 1, "kernel_size": (2, 2)},
    source="V. Dumoulin and F. Visin, A guide to convolution arithmetic for deep learning, arXiv:1603.07285.",
)

_ROW = {"kernel_size": (2,), "stride": (1,), "padding": ((0, 0),), "dilation": (1,), "output_size": (3,)}
entry(
    "patches.unfold_op",
    "y[n, p, r, c] = x[n, p stride + r dilation - low, c], 0 in the padding",
    "<g, dy> = Σ_{p, r} g[n, p, r, c] dx[n, p stride + r dilation - low, c]: x_bar adds every g to the element "
    "that was "
    "copied there, which is fold.",
    at=([[[1.0], [2.0], [3.0], [4.0]]],),
    options=_ROW,
)
entry(
    "patches.fold_op",
    "y[n, i, c] = Σ_{p, r: p stride + r dilation - low = i} g[n, p, r, c]",
    "With y's cotangent h, <h, dy> = Σ_{p, r} h[n, p stride + r dilation - low, c] dg[n, p, r, c]: g_bar copies h to "
    "every window that sees it, which is unfold.",
    at=([[[[1.0], [2.0]], [[3.0], [4.0]], [[5.0], [6.0]]]],),
    options=_ROW | {"size": (4,)},
    conventions=[
        (
            "where windows overlap they add, so fold is no inverse",
            "nn.fold(nn.unfold(np.ones((1, 4, 1)), 2), (4,), 2).ravel()",
            [1.0, 2.0, 2.0, 1.0],
        )
    ],
)
entry(
    "dense.affine_op",
    "Y_no = Σ_i X_ni W_io + b_o",
    "dY = dX W + X dW + db, the sum of three maps that are each linear.",
    at=([[1.0, 2.0], [0.5, -1.0]], [[1.0, 0.0, 2.0], [3.0, 1.0, -1.0]], [0.1, 0.2, 0.3]),
)
