"""Derivations: for every primitive its formula, how its rules follow from it, its conventions, cost, and an example.

What a docstring says already is read from there; the table of entries adds the steps in between.
"""

from .derivation import Derivation, derivation_of
from .table import ENTRIES, Convention, entry

__all__ = ["ENTRIES", "Convention", "Derivation", "derivation_of", "entry"]
