"""The complementary error function, which NumPy lacks and the Gaussian error linear unit needs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.families import elementwise

# Chebyshev coefficients of exp(x²) erfc(x) / t in u = 2t - 1, t = 2 / (2 + x), x >= 0: the cosine sums
# c_j = (2/N) Σ_k F(cos θ_k) cos(j θ_k), θ_k = π (k + 1/2)/N, N = 64, c_0 halved, taken in 40-digit arithmetic.
# The n-th term is below the rounding of float64 from n = 28 on, of float32 from n = 12 on.
_CHEBYSHEV = (
    5.77033738616469689e-01, 3.55436921270498487e-01, 6.50951588287865246e-02, 3.67114239583663917e-03,
    -1.11284474335263250e-03, -1.60758299153780798e-04, 3.27803157417313706e-05, 5.44244164550501603e-06,
    -1.51546655531714816e-06, -1.42976081811698649e-07, 8.23460882741949343e-08, -1.29628468523065625e-09,
    -4.15472163101519830e-09, 6.34705827836281118e-10, 1.43208227122562237e-10, -6.16039010520458554e-11,
    2.06121385547216963e-12, 3.57149314884770445e-12, -8.58642284325179648e-13, -6.14560021379063055e-14,
    7.41872574859661706e-14, -1.28950427550323256e-14, -2.35872638571063236e-15, 1.57293493816859114e-15,
    -2.27829662395464652e-16, -6.31233045075642981e-17, 3.59167635318148923e-17, -5.04980914984772927e-18,
)  # fmt: skip


def _erfc(x: Any) -> Any:
    x = np.asarray(x)
    given = np.result_type(x, np.float16)
    if given == np.float16:
        return _erfc(x.astype(np.float32)).astype(np.float16)
    magnitude = np.absolute(x).astype(given)
    t = 2 / (2 + magnitude)
    u = 4 * t - 2
    after = last = np.zeros_like(t)
    for c in reversed(_CHEBYSHEV[1 : 14 if given == np.float32 else None]):  # Clenshaw's recurrence
        last, after = u * last - after + given.type(c), last
    tail = t * np.exp(-magnitude * magnitude) * (u / 2 * last - after + given.type(_CHEBYSHEV[0]))
    return np.where(x < 0, 2 - tail, tail)


erfc = elementwise(
    _erfc,
    "(2/√π) ∫ exp(-t²) dt from x to infinity; y' = -(2/√π) exp(-x²).",
    name="erfc",
    derivative=lambda x: np.exp(-x * x) * (-2 / math.sqrt(math.pi)),
)
