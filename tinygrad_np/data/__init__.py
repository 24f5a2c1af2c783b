"""Datasets of images: digits that come with the package, MNIST, Fashion-MNIST, CIFAR-10, own files; and minibatches."""

from . import augment
from .batching import batches
from .datasets import Dataset, Split, cifar10, digits, fashion_mnist, load, mnist
from .files import DataError
from .idx import read_idx

__all__ = [
    "DataError", "Dataset", "Split", "augment", "batches", "cifar10", "digits", "fashion_mnist", "load", "mnist",
    "read_idx",
]  # fmt: skip
