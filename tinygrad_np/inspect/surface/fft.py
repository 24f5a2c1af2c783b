"""numpy.fft: even and odd lengths, cropped and padded, all norms, complex signals made of two real arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from .base import T3, A, V, example


def _of_complex(f: Any, **options: Any) -> Any:
    """Return f of x + iy as a function of two real arrays."""
    return lambda x, y: f(x + 1j * y, **options)


C, D = T3, np.sin(7 * T3)  # the parts of a complex signal

for _name in ("fft", "ifft"):
    _f = getattr(np.fft, _name)
    example(
        f"numpy.fft.{_name}",
        (_f, (A,)),
        (lambda x, f=_f: f(x, 5, norm="ortho"), (A,)),
        (lambda x, f=_f: f(x, n=2, axis=0, norm="forward"), (T3,)),
        (_of_complex(_f, axis=-2), (C, D)),
    )
for _name in ("fft2", "ifft2", "fftn", "ifftn"):
    _f = getattr(np.fft, _name)
    example(
        f"numpy.fft.{_name}",
        (_f, (A,)),
        (lambda x, f=_f: f(x, s=(3, 2), axes=(0, -1), norm="ortho"), (T3,)),
        (_of_complex(_f, axes=(1, 0), norm="forward"), (C, D)),
    )
example(
    "numpy.fft.rfft",
    (np.fft.rfft, (A,)),
    (np.fft.rfft, (T3,)),
    (lambda x: np.fft.rfft(x, 7, norm="forward"), (T3,)),
    (lambda x: np.fft.rfft(x, n=2, axis=1, norm="ortho"), (T3,)),
)
example("numpy.fft.rfft2", (np.fft.rfft2, (A,)), (lambda x: np.fft.rfft2(x, (3, 5), (1, 0), "ortho"), (T3,)))
example(
    "numpy.fft.rfftn",
    (np.fft.rfftn, (T3,)),
    (lambda x: np.fft.rfftn(x, axes=(0, 1), norm="forward"), (T3,)),
    (lambda x: np.fft.rfftn(x, s=(3, -1), axes=(-1, 0)), (T3,)),
)
example(
    "numpy.fft.irfft",
    (np.fft.irfft, (A,)),
    (_of_complex(np.fft.irfft), (C, D)),
    (_of_complex(np.fft.irfft, n=7, norm="ortho"), (C, D)),
    (_of_complex(np.fft.irfft, n=4, axis=1, norm="forward"), (C, D)),
    (_of_complex(np.fft.irfft, n=9), (C, D)),
)
example(
    "numpy.fft.irfft2",
    (_of_complex(np.fft.irfft2), (C, D)),
    (_of_complex(np.fft.irfft2, s=(3, 3), axes=(0, 1), norm="ortho"), (C, D)),
)
example(
    "numpy.fft.irfftn",
    (_of_complex(np.fft.irfftn), (C, D)),
    (_of_complex(np.fft.irfftn, s=(2, 5), axes=(-1, 0), norm="forward"), (C, D)),
)
example(
    "numpy.fft.hfft",
    (np.fft.hfft, (A,)),
    (_of_complex(np.fft.hfft), (C, D)),
    (_of_complex(np.fft.hfft, n=5, axis=0, norm="ortho"), (C, D)),
)
example(
    "numpy.fft.ihfft",
    (np.fft.ihfft, (A,)),
    (lambda x: np.fft.ihfft(x, 5, axis=1, norm="forward"), (T3,)),
)
for _name in ("fftshift", "ifftshift"):
    _f = getattr(np.fft, _name)
    example(
        f"numpy.fft.{_name}",
        (_f, (A,)),
        (_f, (V,)),
        (lambda x, f=_f: f(x, axes=-1), (T3,)),
        (lambda x, f=_f: f(x, (0, 2)), (T3,)),
    )
