"""np.i0, np.sinc, and the ufuncs of scipy.special, if SciPy is there."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

import numpy as np

from .base import POSITIVE, A, V, example

example("numpy.i0", (np.i0, (A,)), (np.i0, (8 * A,)))
example("numpy.sinc", (np.sinc, (A,)), (np.sinc, (np.array([0.0, 1e-3, 5.25]),)))

UNIT = np.array([0.125, 0.5, 0.875])
ROW = np.array([[0.75, 1.25, 2.5]])  # broadcasts with POSITIVE

# Each of one argument, by the values to try it with.
_UNARY: dict[str, tuple[Any, ...]] = {
    "gamma": (A + 0.1, POSITIVE), "gammaln": (A + 0.1, POSITIVE), "loggamma": (POSITIVE,), "rgamma": (A, V),
    "psi": (A + 0.1, POSITIVE), "digamma": (POSITIVE,), "erf": (A,), "erfc": (A,), "erfi": (A,), "erfcx": (A,),
    "dawsn": (A,), "wofz": (A,), "erfinv": (2 * UNIT - 1,), "erfcinv": (2 * UNIT,), "ndtr": (A,),
    "log_ndtr": (A, 10 * V), "ndtri": (UNIT,), "ndtri_exp": (-POSITIVE,), "j0": (A,), "j1": (A,), "y0": (POSITIVE,),
    "y1": (POSITIVE,), "i0": (A,), "i1": (A,), "i0e": (A,), "i1e": (A,), "k0": (POSITIVE,), "k1": (POSITIVE,),
    "k0e": (POSITIVE,), "k1e": (POSITIVE,), "ber": (POSITIVE,), "bei": (POSITIVE,), "ker": (POSITIVE,),
    "kei": (POSITIVE,), "berp": (POSITIVE,), "beip": (POSITIVE,), "kerp": (POSITIVE,), "keip": (POSITIVE,),
    "itstruve0": (POSITIVE,), "it2struve0": (POSITIVE,), "itmodstruve0": (POSITIVE,), "itj0y0": (POSITIVE,),
    "iti0k0": (POSITIVE,), "airy": (A,), "fresnel": (A,), "sici": (POSITIVE,), "shichi": (POSITIVE,),
    "exp1": (POSITIVE,), "expi": (A,), "expit": (A,), "log_expit": (A,), "logit": (UNIT,), "expm1": (A,),
    "log1p": (POSITIVE - 1,), "exp2": (A,), "exp10": (A,), "cbrt": (A,), "exprel": (A, np.array([0.0, 1e-9, 1e-3])),
    "cosm1": (A,), "sindg": (50 * A,), "cosdg": (50 * A,), "tandg": (20 * A,), "cotdg": (50 * A,), "entr": (POSITIVE,),
    "spence": (POSITIVE, np.array([1.0, 1 + 1e-9, 0.999])), "wrightomega": (A,), "ellipk": (UNIT, -POSITIVE, 0 * UNIT),
    "ellipe": (UNIT, -POSITIVE), "ellipkm1": (UNIT, UNIT / 1e6),
}  # fmt: skip

# Each of several arguments, by one list of them; a tuple (value,) is not differentiated.
_SEVERAL: dict[str, list[Any]] = {
    "beta": [POSITIVE, ROW], "betaln": [POSITIVE, ROW], "poch": [POSITIVE, ROW], "binom": [POSITIVE + 2, ROW],
    "betainc": [(1.5,), (2.0,), UNIT], "betaincc": [(1.5,), (2.0,), UNIT], "betaincinv": [(1.5,), (2.0,), UNIT],
    "betainccinv": [(1.5,), (2.0,), UNIT], "gammainc": [POSITIVE, ROW], "gammaincc": [POSITIVE, ROW],
    "gammaincinv": [V + 1.5, UNIT], "gammainccinv": [V + 1.5, UNIT], "chdtr": [POSITIVE, ROW],
    "chdtrc": [POSITIVE, ROW], "gdtr": [POSITIVE, ROW, UNIT], "gdtrc": [POSITIVE, ROW, UNIT],
    "pdtr": [(2.0,), POSITIVE], "pdtrc": [(2.0,), POSITIVE], "fdtr": [(3.0,), (4.0,), POSITIVE],
    "fdtrc": [(3.0,), (4.0,), POSITIVE], "stdtr": [(3.0,), A], "stdtrit": [(3.0,), UNIT], "chdtri": [(3.0,), UNIT],
    "zeta": [(2.5,), POSITIVE], "jv": [(1,), A], "jn": [(2,), A], "yv": [(0.5,), POSITIVE], "yn": [(1,), POSITIVE],
    "iv": [(1.5,), POSITIVE], "ive": [(0,), POSITIVE], "kv": [(0.5,), POSITIVE], "kn": [(1,), POSITIVE],
    "kve": [(2,), POSITIVE], "jve": [(1.5,), POSITIVE], "yve": [(1.5,), POSITIVE], "hankel1": [(0.5,), POSITIVE],
    "hankel2": [(1,), POSITIVE], "hankel1e": [(1,), POSITIVE], "hankel2e": [(0.5,), POSITIVE],
    "struve": [(1,), POSITIVE], "modstruve": [(0.5,), POSITIVE], "expn": [(2,), POSITIVE], "lambertw": [POSITIVE],
    "owens_t": [A, ROW], "voigt_profile": [A, POSITIVE, ROW], "powm1": [POSITIVE, A], "xlogy": [A, POSITIVE],
    "xlog1py": [A, POSITIVE - 1], "rel_entr": [POSITIVE, ROW], "kl_div": [POSITIVE, ROW],
    "huber": [POSITIVE, 2 * A + 0.1], "pseudo_huber": [POSITIVE, A], "boxcox": [POSITIVE, A], "boxcox1p": [POSITIVE, A],
    "inv_boxcox": [POSITIVE, ROW], "inv_boxcox1p": [POSITIVE, ROW], "hyp0f1": [(1.5,), A],
    "hyp1f1": [(0.5,), (1.5,), A], "hyperu": [(0.5,), (1.5,), POSITIVE],
    "hyp2f1": [(0.5,), (1.5,), (2.5,), 2 * UNIT - 1], "wright_bessel": [(0.5,), (1.5,), POSITIVE],
    "ellipkinc": [A, (0.5,)], "ellipeinc": [A, (0.5,)], "eval_legendre": [(3,), A],
    "eval_jacobi": [(2,), (0.5,), (1.5,), A], "eval_gegenbauer": [(3,), (1.5,), A], "eval_chebyt": [(4,), A],
    "eval_chebyu": [(3,), A], "eval_hermite": [(3,), A], "eval_hermitenorm": [(0,), A], "eval_laguerre": [(3,), A],
    "eval_genlaguerre": [(2,), (0.5,), A],
}  # fmt: skip


def _of_arrays(f: Any, slots: list[Any]) -> tuple[Any, tuple[Any, ...]]:
    """Return f as a function of the arguments that are differentiated, and these."""

    def of_arrays(*xs: Any) -> Any:
        given = iter(xs)
        return f(*[slot[0] if isinstance(slot, tuple) else next(given) for slot in slots])

    return of_arrays, tuple(slot for slot in slots if not isinstance(slot, tuple))


def _enter_scipy() -> None:
    module = importlib.import_module("scipy.special")
    for name, values in _UNARY.items():
        example(f"scipy.special.{name}", *[(getattr(module, name), (x,)) for x in values])
    for name, slots in _SEVERAL.items():
        example(f"scipy.special.{name}", _of_arrays(getattr(module, name), slots))
    example(
        "scipy.special.boxcox",
        (module.boxcox, (POSITIVE, 0 * A)),
        (module.boxcox, (POSITIVE, 1e-7 * A)),
    )


if importlib.util.find_spec("scipy") is not None:
    _enter_scipy()
