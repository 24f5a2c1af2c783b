import numpy as np
import pytest

from tinygrad_np import nn, random
from tinygrad_np.data import Split
from tinygrad_np.training import Mean, accuracy, classification, evaluate

LOGITS = np.asarray(random.normal(random.key(0), (23, 4)))
LABELS = np.asarray(random.randint(random.key(1), (23,), 0, 4))


def test_accuracy_counts_the_largest_logit():
    logits = np.array([[1.0, 2.0], [3.0, 0.0], [0.0, 1.0], [2.0, 1.0]])
    assert accuracy(logits, np.array([1, 0, 0, 1])) == 0.5
    assert accuracy(logits, np.array([1, 0, 1, 0])) == 1.0


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


def test_an_empty_dataset_is_an_error():
    with pytest.raises(ValueError, match="empty"):
        evaluate(np.mean, np.zeros((0, 3)))


def test_means_weigh_by_examples():
    mean = Mean()
    mean.add({"loss": 1.0}, 3)
    mean.add({"loss": 5.0}, 1)
    assert mean.values() == {"loss": 2.0}
