"""Discrete Fourier transforms."""

from ..table import entry

entry(
    "fft.fft_op",
    "y_k = c Σ_j x_j ω^(jk), ω = exp(-2πi/n), or exp(2πi/n) for the inverse",
    at=([1.0, 2.0, -1.0],),
    options={"axis": 0, "norm": "backward", "inverse": False},
    derivation=(
        "Linear: y = F x with F_kj = c ω^(jk). In the pairing Re Σ g dy nothing is conjugated, so the pullback is the "
        "plain transpose, Re Σ_k g_k Σ_j F_kj dx_j = Re Σ_j (Σ_k F_kj g_k) dx_j; and F is symmetric, since jk = kj. So "
        "x_bar = F g, the same transform with the same norm, of which a real x takes the real part; and y_dot = F "
        "x_dot. It is not the inverse, which would be right if the pairing conjugated one side."
        " The factor c, which is 1 or 1/n or 1/√n, belongs to F."
    ),
    conventions=[
        (
            "the sum of all y_k is n x_0",
            "np.real(grad(lambda x: np.sum(np.real(np.fft.fft(x))))(np.ones(4)))",
            [4.0, 0.0, 0.0, 0.0],
        ),
        (
            "n= larger than the axis pads with zeros, which have no cotangent",
            "grad(lambda x: np.real(np.fft.fft(x, 4)[0]))(np.ones(2))",
            [1.0, 1.0],
        ),
    ],
    source="J. W. Cooley, J. W. Tukey, An algorithm for the machine calculation of complex Fourier series, 1965",
    cost="about 5 n log2(n) flops, forward and backward",
)
entry(
    "fft.rfft_op",
    "y_k = c Σ_j x_j ω^(jk), k <= n/2, ω = exp(-2πi/n), for real x",
    at=([1.0, 2.0, -1.0, 0.5],),
    options={"axis": 0, "norm": "backward"},
    derivation=(
        "Linear, y_dot = rfft(x_dot). For real dx, Re Σ_k g_k Σ_j c ω^(jk) dx_j = Σ_j (c Re Σ_k g_k ω^(jk)) dx_j, so "
        "x_bar_j = c Re Σ_k g_k ω^(jk), a sum over half of the spectrum. Re z = Re conj(z), so it is also "
        "c Re Σ_k conj(g_k) ω^(-jk), which irfft can compute: irfft counts twice, with v_k = 2, each entry that stands "
        "for a conjugate pair, and once, v_k = 1, those at k = 0 and n/2. Hence x_bar = irfft(conj(g) / v), with the "
        "norm turned round, so that the factor 1/n goes with the same direction."
    ),
    conventions=[
        (
            "y_0 is the sum, which all x share",
            "grad(lambda x: np.real(np.fft.rfft(x)[0]))(np.arange(4.0))",
            [1.0, 1.0, 1.0, 1.0],
        ),
        (
            "so is y_(n/2), with alternating signs",
            "grad(lambda x: np.real(np.fft.rfft(x)[2]))(np.arange(4.0))",
            [1.0, -1.0, 1.0, -1.0],
        ),
    ],
    cost="about 2.5 n log2(n) flops, forward and backward",
)
entry(
    "fft.irfft_op",
    "y_j = c Re Σ_k v_k x_k ω^(-jk), k <= n/2; v_k = 1 for k = 0 and n/2, else 2; ω = exp(-2πi/n)",
    at=([2.0 + 0.0j, 1.0 - 1.0j, -0.5 + 0.5j],),
    options={"n": 4, "axis": 0, "norm": "backward"},
    derivation=(
        "Linear over the real numbers, y_dot = irfft(x_dot). Σ_j g_j dy_j = Re Σ_k (c v_k Σ_j g_j ω^(-jk)) dx_k, and "
        "what stands beside dx_k is x_bar_k = c v_k Σ_j g_j ω^(-jk). For real g the sum is conj(rfft(g)_k), so "
        "x_bar = v conj(rfft(g)), with the norm turned round. Where v_k = 1 the imaginary part of x_k is ignored, and "
        "x_bar_k is real there: Σ_j g_j and Σ_j (-1)^j g_j are."
    ),
    conventions=[
        (
            "the imaginary part of x_0 is ignored",
            "np.imag(grad(lambda z: np.sum(np.fft.irfft(z, 4)))(np.ones(3) + 1j))",
            [0.0, 0.0, 0.0],
        ),
        (
            "an entry that stands for a pair counts twice",
            "np.real(grad(lambda z: np.fft.irfft(z, 4)[0])(np.ones(3) + 0j))",
            [0.25, 0.5, 0.25],
        ),
    ],
    cost="about 2.5 n log2(n) flops, forward and backward",
)
