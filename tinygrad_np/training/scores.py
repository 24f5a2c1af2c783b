"""The confusion matrix of a classifier, and the scores that are read from it.

Rows of a confusion matrix are true classes, columns predicted ones. Matrices of several batches add up to that of all
of them, so the scores of a large dataset need memory for one batch only. In terms of class c, true positives are
``m[c, c]``, false negatives the rest of row c, and false positives the rest of column c.

Where a score is 0 / 0 (a class that nobody predicted has no precision, one that does not occur no recall) it is 0, as
in scikit-learn, and enters means as such: these are over all rows of the matrix, as scikit-learn's over all `labels`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .metrics import check_range

AVERAGES = (None, "macro", "micro", "weighted", "binary")
Matrix = NDArray[np.integer[Any]]


def confusion_matrix(labels: Any, predicted: Any, classes: int) -> NDArray[np.int64]:
    """Count how often each class was taken for which.

    Parameters
    ----------
    labels, predicted : array (N,), integers
        The true classes and the predicted ones, such as ``np.argmax(logits, axis=-1)``.
    classes : int
        How many classes there are.

    Returns
    -------
    array (classes, classes), int64
        Rows are true classes, columns predicted ones.

    Raises
    ------
    ValueError
        If the two differ in shape, or a value is not in 0..classes - 1.
    TypeError
        If one of them is no array of integers.

    Examples
    --------
    >>> confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    labels, predicted = np.asarray(labels), np.asarray(predicted)
    if classes < 1:
        raise ValueError(f"confusion_matrix: classes={classes} must be 1 or more")
    if labels.shape != predicted.shape or labels.ndim != 1:
        raise ValueError(
            f"confusion_matrix: labels have shape {labels.shape} and predicted {predicted.shape}; "
            "expected (N,) twice; of logits take np.argmax(logits, axis=-1)"
        )
    for what, values in (("label", labels), ("prediction", predicted)):
        if values.dtype.kind not in "iu":
            raise TypeError(f"confusion_matrix: a {what} is {values.dtype}, expected integers")
        check_range("confusion_matrix", what, values, classes)
    places = labels.astype(np.int64) * classes + predicted.astype(np.int64)
    return np.bincount(places, minlength=classes**2).reshape(classes, classes).astype(np.int64, copy=False)


def precision(confusion: Matrix, average: str | None = None) -> Any:
    """Return the share of a class's predictions that are right, TP / (TP + FP).

    Parameters
    ----------
    confusion : array (C, C), integers
        From `confusion_matrix`.
    average : {None, "macro", "micro", "weighted", "binary"}
        None gives one number a class; "macro" their mean; "weighted" their mean weighted by how often a class occurs;
        "micro" the score of the sums of TP, FP and FN over classes, which for classes that exclude each other is the
        accuracy; "binary" the score of class 1 of two.

    Returns
    -------
    array (C,), or a scalar, float64

    Raises
    ------
    ValueError
        For another average, what is no matrix of counts, or "binary" where there are not two classes.

    Examples
    --------
    >>> precision(np.array([[1, 1], [0, 1]])).tolist()
    [1.0, 0.5]
    """
    hits, predicted, _ = _counts("precision", confusion, average)
    return _averaged(_ratio(hits, predicted), confusion, average)


def recall(confusion: Matrix, average: str | None = None) -> Any:
    """Return the share of a class's examples that are found, TP / (TP + FN); otherwise as `precision`.

    Examples
    --------
    >>> recall(np.array([[1, 1], [0, 1]])).tolist()
    [0.5, 1.0]
    """
    hits, _, true = _counts("recall", confusion, average)
    return _averaged(_ratio(hits, true), confusion, average)


def f1_score(confusion: Matrix, average: str | None = None) -> Any:
    """Return 2 TP / (2 TP + FP + FN), the harmonic mean of precision and recall; otherwise as `precision`.

    Examples
    --------
    >>> f1_score(np.array([[1, 0], [0, 1]]), "macro").item()
    1.0
    """
    hits, predicted, true = _counts("f1_score", confusion, average)
    return _averaged(_ratio(2 * hits, predicted + true), confusion, average)


def _counts(name: str, confusion: Any, average: str | None) -> tuple[Any, Any, Any]:
    """True positives, predictions and occurrences of every class; of all classes together for "micro"."""
    confusion = np.asarray(confusion)
    if confusion.ndim != 2 or len(set(confusion.shape)) != 1 or not len(confusion):
        raise ValueError(f"{name}: the confusion matrix has shape {confusion.shape}, expected (C, C)")
    if confusion.dtype.kind not in "iu" or confusion.min() < 0:
        raise ValueError(f"{name}: the confusion matrix must hold counts; make it with confusion_matrix")
    if average not in AVERAGES:
        raise ValueError(f"{name}: average={average!r} is none of {AVERAGES}")
    if average == "binary" and len(confusion) != 2:
        raise ValueError(f"{name}: average='binary' needs 2 classes, the matrix has {len(confusion)}; take 'macro'")
    counts = np.diagonal(confusion), confusion.sum(axis=0), confusion.sum(axis=1)
    return tuple(each.sum() for each in counts) if average == "micro" else counts


def _ratio(part: Any, whole: Any) -> Any:
    return part / np.maximum(whole, 1)  # counts are whole numbers, and no part exceeds its whole


def _averaged(scores: Any, confusion: Any, average: str | None) -> Any:
    if average == "macro":
        return np.mean(scores)
    if average == "weighted":
        true = np.sum(confusion, axis=1)
        return _ratio(np.sum(scores * true), true.sum())
    return scores[1] if average == "binary" else scores
