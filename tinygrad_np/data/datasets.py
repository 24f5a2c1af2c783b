"""The datasets: digits within the package, MNIST, Fashion-MNIST and CIFAR-10 in full, and anybody's folder of files."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from . import cifar
from .files import DataError, Parser, StrPath, holds_any, read_members
from .idx import parse_idx
from .locate import Source, locate

DIGITS = Path(__file__).with_name("digits.tar.xz")
IDX_FILES = (
    "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte",
)  # fmt: skip

_REMOTE = tuple(f"{name}.gz" for name in IDX_FILES)
_MNIST = Source("mnist", "https://ossci-datasets.s3.amazonaws.com/mnist", _REMOTE)
_FASHION = Source("fashion-mnist", "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com", _REMOTE)
_CIFAR = Source(
    "cifar-10", "https://www.cs.toronto.edu/~kriz", (cifar.ARCHIVE,), (".", "cifar-10-batches-bin", cifar.ARCHIVE)
)
_CIFAR_FILES = (*cifar.TRAIN_FILES, cifar.TEST_FILE)

# Of the decompressed files, in the order of IDX_FILES.
_MNIST_SHA256 = (
    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
)
_FASHION_SHA256 = (
    "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
)

_DIGIT_CLASSES = tuple("0123456789")
_FASHION_CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip


class Split(NamedTuple):
    """One part of a dataset.

    Attributes
    ----------
    images : ndarray
        Shape (N, H, W, C): floating in [0, 1], or uint8 in 0..255 where that was asked for.
    labels : ndarray
        Shape (N,), int64.
    """

    images: NDArray[Any]
    labels: NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Images with labels, for training and for testing.

    Attributes
    ----------
    train, test : Split
        The two parts: ``images, labels = dataset.train``.
    name : str
        What the dataset is called.
    classes : tuple of str
        What label ``i`` stands for.
    """

    train: Split
    test: Split
    name: str = field(metadata={"static": True})  # so that trees see the arrays only
    classes: tuple[str, ...] = field(metadata={"static": True})

    def __repr__(self) -> str:
        train, test = (f"{images.shape} {images.dtype}" for images, _ in (self.train, self.test))
        return f"Dataset({self.name!r}, train={train}, test={test}, {len(self.classes)} classes)"


def digits(*, dtype: DTypeLike = np.float32) -> Dataset:
    """Return 6,000 + 1,000 digits of MNIST, 600 + 100 of each class, which come with the package.

    Parameters
    ----------
    dtype : dtype, optional
        Of the images: a floating type, scaled to [0, 1], or uint8, as stored.

    Returns
    -------
    Dataset
        Images (6000, 28, 28, 1) and (1000, 28, 28, 1), classes mixed. Training digits come from MNIST's training
        file, test digits from its test file.

    Notes
    -----
    The digits are under another licence than the code: see ``tinygrad_np/data/NOTICE``, also for their origin.

    Examples
    --------
    >>> digits()
    Dataset('digits', train=(6000, 28, 28, 1) float32, test=(1000, 28, 28, 1) float32, 10 classes)
    """
    return _idx_dataset(DIGITS, "digits", _DIGIT_CLASSES, _idx_parsers(), dtype)


def mnist(
    folder: StrPath | None = None, *, verify: bool = True, dtype: DTypeLike = np.float32, base_url: str | None = None
) -> Dataset:
    """Return MNIST: 60,000 + 10,000 handwritten digits of 28 x 28.

    Parameters
    ----------
    folder : path-like, optional
        The folder that holds the four IDX files, plain or gzipped, or its parent, or a tar archive of them. By default
        the first that has them of: the folder in the environment variable ``TINYGRAD_NP_DATA``, what Debian's packages
        install, pooch's cache, into which missing files are downloaded.
    verify : bool, optional
        Whether the decompressed files must have the checksums of the originals. Without, any count, size and rank-4
        images will do.
    dtype : dtype, optional
        Of the images: a floating type, scaled to [0, 1], or uint8, as stored.
    base_url : str, optional
        The folder to download from, if it comes to that. By default the subfolder with the dataset's name of
        the address in ``TINYGRAD_NP_DATA_URL``, or else a public mirror.

    Returns
    -------
    Dataset
        Images (60000, 28, 28, 1) and (10000, 28, 28, 1).

    Raises
    ------
    DataError
        If a file is damaged, not the original, or cannot be downloaded.
    FileNotFoundError
        If `folder` lacks a file.
    ModuleNotFoundError
        If a download is needed and pooch is not installed.
    ValueError
        If `dtype` is neither floating nor uint8.
    """
    parsers = _idx_parsers(_MNIST_SHA256 if verify else None)
    return _idx_dataset(locate(_MNIST, parsers, folder, base_url), _MNIST.name, _DIGIT_CLASSES, parsers, dtype)


def fashion_mnist(
    folder: StrPath | None = None, *, verify: bool = True, dtype: DTypeLike = np.float32, base_url: str | None = None
) -> Dataset:
    """Return Fashion-MNIST: 60,000 + 10,000 articles of clothing, of 28 x 28.

    Parameters, result and errors are those of `mnist`. Debian's package dataset-fashion-mnist is found where installed.
    """
    parsers = _idx_parsers(_FASHION_SHA256 if verify else None)
    return _idx_dataset(locate(_FASHION, parsers, folder, base_url), _FASHION.name, _FASHION_CLASSES, parsers, dtype)


def cifar10(
    folder: StrPath | None = None, *, verify: bool = True, dtype: DTypeLike = np.float32, base_url: str | None = None
) -> Dataset:
    """Return CIFAR-10: 50,000 + 10,000 photographs of 32 x 32 in three colours, from the binary version.

    Parameters and errors are those of `mnist`, but for these two.

    Parameters
    ----------
    folder : path-like, optional
        The folder that holds ``data_batch_1.bin`` to ``5`` and ``test_batch.bin``, or ``cifar-10-binary.tar.gz``,
        or its parent, or the archive.
    verify : bool, optional
        Whether each file must hold 10,000 records, and each class 5,000 training and 1,000 test images. Nothing more
        is known of the originals here: there is no checksum. Without, any number of whole records will do.

    Returns
    -------
    Dataset
        Images (50000, 32, 32, 3) and (10000, 32, 32, 3).
    """
    parsers = dict.fromkeys(_CIFAR_FILES, partial(cifar.parse_records, count=cifar.RECORDS if verify else None))
    container = locate(_CIFAR, parsers, folder, base_url)
    records = read_members(container, parsers)
    train, test = np.concatenate([records[name] for name in cifar.TRAIN_FILES]), records[cifar.TEST_FILE]
    for part in (train, test) if verify else ():
        counts = np.bincount(part[:, 0], minlength=len(cifar.CLASSES))
        if (counts != len(part) // len(cifar.CLASSES)).any():
            raise DataError(str(container), f"is not CIFAR-10: its classes have {counts} images, not equally many")
    return Dataset(_split(*cifar.unpack(train), dtype), _split(*cifar.unpack(test), dtype), _CIFAR.name, cifar.CLASSES)


_NAMED: Mapping[str, Callable[..., Dataset]] = {
    "digits": digits, "mnist": mnist, "fashion": fashion_mnist, "fashion-mnist": fashion_mnist,
    "cifar10": cifar10, "cifar-10": cifar10,
}  # fmt: skip


def load(source: StrPath, *, classes: tuple[str, ...] = _DIGIT_CLASSES, dtype: DTypeLike = np.float32) -> Dataset:
    """Return a dataset by its name, or from a folder: what the command line's ``--data`` takes.

    Parameters
    ----------
    source : str or path-like
        ``digits``, ``mnist``, ``fashion`` or ``cifar10``; or a folder (``./mnist`` if it is called
        like a dataset) or tar archive with IDX files, plain or gzipped, of MNIST's names: uint8 images of rank 3
        (N, H, W) or 4 (N, H, W, C), any number, of any one size, without checksum. Where there are none, with the
        binary files of CIFAR-10, of any number of records.
    classes : tuple of str, optional
        What the labels of IDX files stand for.
    dtype : dtype, optional
        Of the images: a floating type, scaled to [0, 1], or uint8, as stored.

    Raises
    ------
    DataError
        If a file is damaged, images and labels differ in number, the two parts in the size of their images, or a label
        has no class.
    FileNotFoundError
        If `source` is neither a dataset's name nor a folder with the files.
    ValueError
        If `dtype` is neither floating nor uint8.
    """
    if source in _NAMED:
        return _NAMED[str(source)](dtype=dtype)
    container = Path(source)
    if not container.exists():
        raise FileNotFoundError(f"{container} is no folder, and no dataset: those are {', '.join(_NAMED)}")
    name = container.resolve().name
    if not holds_any(container, IDX_FILES) and _holds_cifar(container):
        return replace(cifar10(container, verify=False, dtype=dtype), name=name)
    return _idx_dataset(container, name, classes, _idx_parsers(), dtype)


def _holds_cifar(container: Path) -> bool:
    places = (container / inside for inside in _CIFAR.inside)
    return any(holds_any(place, _CIFAR_FILES) for place in places if place.exists())


def _idx_parsers(checksums: tuple[str, ...] | None = None) -> dict[str, Parser]:
    digests = checksums or (None,) * len(IDX_FILES)
    return {name: partial(parse_idx, sha256=digest) for name, digest in zip(IDX_FILES, digests, strict=True)}


def _idx_dataset(
    container: Path, name: str, classes: tuple[str, ...], parsers: Mapping[str, Parser], dtype: DTypeLike
) -> Dataset:
    arrays = read_members(container, parsers)
    train_images, train_labels, test_images, test_labels = (arrays[file] for file in IDX_FILES)
    for part, images, labels in (("train", train_images, train_labels), ("t10k", test_images, test_labels)):
        if problem := _mismatch(images, labels, len(classes)):
            raise DataError(f"{container} ({part}-*)", problem)
    if train_images.shape[1:] != test_images.shape[1:]:
        problem = f"training images are {train_images.shape[1:]}, test images {test_images.shape[1:]}"
        raise DataError(str(container), problem)
    return Dataset(_split(train_images, train_labels, dtype), _split(test_images, test_labels, dtype), name, classes)


def _mismatch(images: NDArray[Any], labels: NDArray[Any], classes: int) -> str | None:
    """Say what keeps two arrays from being images and their labels."""
    if images.dtype != np.uint8 or images.ndim not in (3, 4) or images.size == 0:
        return f"the images must be uint8 of rank 3 or 4 and not empty, not {images.dtype} {images.shape}"
    if labels.dtype.kind not in "iu" or labels.shape != images.shape[:1]:
        return f"{len(images):,} images want as many integer labels, not {labels.dtype} {labels.shape}"
    if labels.min() < 0 or labels.max() >= classes:
        return f"the labels must be 0 to {classes - 1}, they are {labels.min()} to {labels.max()}"
    return None


def _split(images: NDArray[Any], labels: NDArray[Any], dtype: DTypeLike) -> Split:
    wanted = np.dtype(dtype)
    if wanted != np.uint8 and wanted.kind != "f":
        raise ValueError(f"images can be had as floating numbers or as uint8, not as {wanted}")
    if images.ndim == 3:
        images = images[..., np.newaxis]
    scaled = images if wanted == np.uint8 else np.divide(images, 255, dtype=wanted)
    return Split(scaled, labels.astype(np.int64))
