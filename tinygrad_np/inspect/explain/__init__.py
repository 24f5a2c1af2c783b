"""A call of a function as a picture of its tape: as a page, as a picture in a notebook, and as text."""

from .explanation import Explanation, explain
from .nodes import Group, Node, Operand
from .numbers import Numbers

__all__ = ["Explanation", "Group", "Node", "Numbers", "Operand", "explain"]
