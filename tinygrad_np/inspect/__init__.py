"""Looking into things: a call's tape, time, memory and rounding, and pictures of training and what was learned."""

from .explain import Explanation, explain
from .precision import Precision, precision
from .profiles import Profile, profile
from .source import Source, backward_source
from .why_zero import WhyZero, why_zero

__all__ = [
    "Explanation",
    "Precision",
    "Profile",
    "Source",
    "WhyZero",
    "backward_source",
    "explain",
    "precision",
    "profile",
    "why_zero",
]
