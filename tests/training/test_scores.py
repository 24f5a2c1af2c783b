import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_np.training import confusion_matrix, f1_score, precision, recall

CLASSES = 4
examples = st.integers(0, 30).flatmap(
    lambda n: st.tuples(*[hnp.arrays(np.int64, n, elements=st.integers(0, CLASSES - 1))] * 2)
)


@given(examples, st.sampled_from([np.int64, np.uint8, np.int8]))
def test_rows_are_truth_and_columns_predictions(pair, dtype):
    expected = np.zeros((CLASSES, CLASSES), np.int64)
    for label, predicted in zip(*pair, strict=True):
        expected[label, predicted] += 1
    result = confusion_matrix(*[each.astype(dtype) for each in pair], CLASSES)
    np.testing.assert_array_equal(result, expected, strict=True)


def naive(labels, predicted, positive):
    """Precision, recall and F1 of one class from their definitions; 0 / 0 is 0."""
    pairs = list(zip(labels.tolist(), predicted.tolist(), strict=True))
    tp = sum(label == guess == positive for label, guess in pairs)
    fp = sum(guess == positive != label for label, guess in pairs)
    fn = sum(label == positive != guess for label, guess in pairs)
    p, r = tp / (tp + fp) if tp + fp else 0.0, tp / (tp + fn) if tp + fn else 0.0
    return p, r, 2 * p * r / (p + r) if p + r else 0.0


@given(examples)
def test_scores_are_those_of_their_definitions(pair):
    labels, predicted = pair
    matrix = confusion_matrix(labels, predicted, CLASSES)
    for k, score in enumerate((precision, recall, f1_score)):
        each = [naive(labels, predicted, c)[k] for c in range(CLASSES)]
        assert score(matrix).tolist() == pytest.approx(each)
        assert score(matrix, "macro") == pytest.approx(sum(each) / CLASSES)
        weights = [np.count_nonzero(labels == c) for c in range(CLASSES)]
        weighted = sum(w * s for w, s in zip(weights, each, strict=True)) / max(1, len(labels))
        assert score(matrix, "weighted") == pytest.approx(weighted)
        assert score(matrix, "micro") == pytest.approx(np.mean(labels == predicted) if len(labels) else 0)
        two = confusion_matrix((labels == 1).astype(int), (predicted == 1).astype(int), 2)
        assert score(two, "binary") == pytest.approx(each[1])


def test_scores_of_nothing_are_zero():
    empty = np.zeros((3, 3), np.int64)
    for score in (precision, recall, f1_score):
        assert score(empty).tolist() == [0, 0, 0]
        assert [score(empty, average) for average in ("macro", "micro", "weighted")] == [0, 0, 0]
        assert score(empty[:2, :2], "binary") == 0


def test_matrices_of_batches_add_up():
    labels, predicted = np.arange(20) % 4, np.arange(20) % 3
    parts = [confusion_matrix(labels[i : i + 6], predicted[i : i + 6], 4) for i in range(0, 20, 6)]
    assert np.array_equal(sum(parts), confusion_matrix(labels, predicted, 4))


@pytest.mark.parametrize(
    ("labels", "predicted", "classes", "error", "message"),
    [
        ([0, 1], [0], 2, ValueError, r"labels have shape \(2,\) and predicted \(1,\)"),
        ([[0]], [[0]], 2, ValueError, "argmax"),
        ([0, 2], [0, 1], 2, ValueError, r"label 2 is not in 0\.\.1"),
        ([0, 1], [0, -1], 2, ValueError, r"prediction -1 is not in 0\.\.1"),
        ([0.0], [0], 2, TypeError, "label is float64"),
        ([0], [True], 2, TypeError, "prediction is bool"),
        ([0], [0], 0, ValueError, "classes=0"),
    ],
)
def test_matrices_of_what_does_not_fit_are_refused(labels, predicted, classes, error, message):
    with pytest.raises(error, match=message):
        confusion_matrix(np.array(labels), np.array(predicted), classes)


@pytest.mark.parametrize("score", [precision, recall, f1_score])
@pytest.mark.parametrize(
    ("matrix", "average", "message"),
    [
        (np.ones((2, 3), int), None, r"shape \(2, 3\)"),
        (np.ones(4, int), None, r"shape \(4,\)"),
        (np.ones((0, 0), int), None, r"shape \(0, 0\)"),
        (np.ones((2, 2)), None, "must hold counts"),
        (-np.ones((2, 2), int), None, "must hold counts"),
        (np.ones((2, 2), int), "mean", "average='mean' is none of"),
        (np.ones((3, 3), int), "binary", "needs 2 classes, the matrix has 3"),
    ],
)
def test_scores_of_what_is_no_matrix_are_refused(score, matrix, average, message):
    with pytest.raises(ValueError, match=f"{score.__name__}: .*{message}"):
        score(matrix, average)
