import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_np import nn, random, value_and_grad, vmap
from tinygrad_np.data import Split
from tinygrad_np.training import Mean, accuracy, classification, evaluate, top_k_accuracy

LOGITS = np.asarray(random.normal(random.key(0), (23, 4)))
LABELS = np.asarray(random.randint(random.key(1), (23,), 0, 4))


def test_accuracy_counts_the_largest_logit():
    logits = np.array([[1.0, 2.0], [3.0, 0.0], [0.0, 1.0], [2.0, 1.0]])
    assert accuracy(logits, np.array([1, 0, 0, 1])) == 0.5
    assert accuracy(logits, np.array([1, 0, 1, 0])) == 1.0


@given(
    logits=hnp.arrays(np.float32, (6, 4), elements=st.sampled_from([-1.0, 0.0, 0.5, 2.0, np.inf])),
    labels=hnp.arrays(np.int64, 6, elements=st.integers(0, 3)),
    k=st.integers(1, 4),
)
def test_the_best_k_are_those_that_a_stable_sort_puts_first(logits, labels, k):
    best = [sorted(range(4), key=lambda c, row=row: -row[c])[:k] for row in logits]
    expected = sum(label in row for label, row in zip(labels, best, strict=True)) / 6
    assert top_k_accuracy(logits, labels, k) == pytest.approx(expected)
    assert top_k_accuracy(logits, labels, 1) == accuracy(logits, labels)
    assert top_k_accuracy(logits, labels, 4) == 1


def test_a_label_without_a_number_is_not_among_the_best():
    logits = np.array([[np.nan, 1.0], [np.nan, 1.0]])
    assert top_k_accuracy(logits, np.array([0, 1]), 2) == 0.5


def test_metrics_work_beside_a_loss_and_under_vmap():
    def loss_fn(logits):
        metrics = {"1": accuracy(logits, LABELS), "2": top_k_accuracy(logits, LABELS, 2)}
        return nn.cross_entropy(logits, LABELS), metrics

    (_, metrics), _ = value_and_grad(loss_fn, has_aux=True)(LOGITS)
    assert float(metrics["1"]) == accuracy(LOGITS, LABELS)
    assert float(metrics["2"]) == top_k_accuracy(LOGITS, LABELS, 2)
    each = vmap(lambda row, label: top_k_accuracy(row, label, 2))(LOGITS, LABELS)
    assert np.mean(each) == pytest.approx(top_k_accuracy(LOGITS, LABELS, 2))


@pytest.mark.parametrize("metric", [accuracy, top_k_accuracy])
@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        (LABELS[:5], ValueError, r"logits have shape \(23, 4\) and labels \(5,\)"),
        (LABELS[:, None], ValueError, r"labels \(23, 1\)"),
        (LABELS + 1, ValueError, r"label 4 is not in 0\.\.3"),
        (-LABELS, ValueError, r"label -\d is not in 0\.\.3"),
        (LABELS / 1, TypeError, "labels are float64, expected integers"),
    ],
)
def test_labels_that_do_not_fit_are_refused(metric, labels, error, message):
    with pytest.raises(error, match=f"{metric.__name__}: .*{message}" if error is TypeError else message):
        metric(LOGITS, labels)


@pytest.mark.parametrize("k", [0, 5])
def test_k_must_be_a_number_of_classes(k):
    with pytest.raises(ValueError, match=rf"top_k_accuracy: k={k} is not in 1\.\.4"):
        top_k_accuracy(LOGITS, LABELS, k)


def test_classification_gives_loss_and_accuracy():
    loss, metrics = classification(LOGITS, LABELS)
    assert loss == nn.cross_entropy(LOGITS, LABELS)
    assert metrics == {"accuracy": accuracy(LOGITS, LABELS)}


@pytest.mark.parametrize("size", [1, 7, 23, 100])
def test_evaluation_in_batches_is_that_of_the_whole(size):
    seen = []

    def loss_fn(batch):
        seen.append(len(batch.images))
        return classification(batch.images, batch.labels)

    result = evaluate(loss_fn, Split(LOGITS, LABELS), batch_size=size)
    loss, metrics = classification(LOGITS, LABELS)
    assert result == pytest.approx({"loss": float(loss), "accuracy": float(metrics["accuracy"])}, rel=1e-6)
    assert max(seen) <= size
    assert sum(seen) == 23


def test_a_loss_alone_will_do():
    assert evaluate(np.mean, np.arange(5.0), batch_size=2) == {"loss": 2.0}


@pytest.mark.parametrize(
    ("result", "error", "message"),
    [
        (np.zeros(2), TypeError, r"the metric 'loss' is an array of shape \(2,\)"),
        ((1.0, {"state": {}}), TypeError, "the metric 'state' is .* of type dict; metrics are scalars"),
        ((1.0, 2.0), TypeError, "loss_fn returned 2.0 of type float beside the loss; expected a dictionary"),
        ((1.0, {"loss": 2.0}), ValueError, "has a 'loss' too"),
    ],
)
def test_what_is_no_loss_with_metrics_is_refused(result, error, message):
    with pytest.raises(error, match=f"^evaluate: .*{message}"):
        evaluate(lambda batch: result, np.zeros(3))


def test_metrics_that_come_and_go_have_no_mean():
    mean = Mean()
    mean.add({"loss": 1.0, "more": 2.0}, 3)
    with pytest.raises(ValueError, match="the metrics of a batch are loss, of those before loss, more"):
        mean.add({"loss": 5.0}, 1)
    assert mean.values() == {"loss": 1.0, "more": 2.0}


def test_an_empty_dataset_is_an_error():
    with pytest.raises(ValueError, match="empty"):
        evaluate(np.mean, np.zeros((0, 3)))


def test_means_weigh_by_examples():
    mean = Mean()
    mean.add({"loss": 1.0}, 3)
    mean.add({"loss": 5.0}, 1)
    assert mean.values() == {"loss": 2.0}
