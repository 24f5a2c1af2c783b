"""Exercises: write the VJP of six operations, judged by the property checks of the library's own rules.

Each has a sheet (`sheets`), which is handed out without its answer, points at which an answer is judged, and the
mistakes that are often made, with a nudge and a hint each. `tinygrad-np learn` is their command.
"""

from .batch_norm import BATCH_NORM
from .conv2d import CONV2D
from .cross_entropy import CROSS_ENTROPY
from .exercise import Exercise, Mistake, Point
from .judging import Verdict, judge
from .loading import AnswerError, load_answer
from .matmul import MATMUL
from .max_pool import MAX_POOL
from .multiply import MULTIPLY

EXERCISES = {e.name: e for e in (MULTIPLY, MATMUL, MAX_POOL, CONV2D, CROSS_ENTROPY, BATCH_NORM)}

__all__ = ["EXERCISES", "AnswerError", "Exercise", "Mistake", "Point", "Verdict", "judge", "load_answer"]
