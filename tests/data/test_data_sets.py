import hashlib
import lzma
import subprocess
import sys

import numpy as np
import pytest

from tinygrad_np import data
from tinygrad_np.core import tree
from tinygrad_np.data import DataError, datasets, locate

TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = datasets.IDX_FILES


def assert_same(a, b):
    for x, y in zip(tree.leaves(a), tree.leaves(b), strict=True):
        np.testing.assert_array_equal(x, y, strict=True)


def test_digits_are_what_they_are_said_to_be():
    digits = data.digits()
    for (images, labels), count in ((digits.train, 6000), (digits.test, 1000)):
        assert images.shape == (count, 28, 28, 1)
        assert images.dtype == np.float32
        assert labels.dtype == np.int64
        assert (images.min(), images.max()) == (0, 1)
        assert np.bincount(labels).tolist() == [count // 10] * 10
        assert len({image.tobytes() for image in images}) == count
        for start in range(0, count, 100):  # mixed: 100 of them in a row have no class in excess
            assert np.bincount(labels[start : start + 100], minlength=10).max() < 30
    assert digits.classes == tuple("0123456789")
    assert repr(digits).startswith("Dataset('digits', train=(6000, 28, 28, 1) float32")


def test_digits_can_be_told_apart():
    """Nearest class mean: labels that had slipped against their images would score 10 %."""
    (images, labels), (test_images, test_labels) = data.digits().train, data.digits().test
    means = np.stack([images[labels == c].mean(0).ravel() for c in range(10)])
    distances = ((test_images.reshape(1000, 1, -1) - means) ** 2).sum(-1)
    assert (distances.argmin(1) == test_labels).mean() > 0.75


def test_digits_file_is_small_and_has_its_notice():
    assert datasets.DIGITS.stat().st_size < 2_000_000
    notice = datasets.DIGITS.with_name("NOTICE").read_text()
    contents = hashlib.sha256(lzma.decompress(datasets.DIGITS.read_bytes())).hexdigest()
    for needed in (
        datasets.DIGITS.name,
        contents,
        "by-sa/3.0",
        "python -m tinygrad_np.data.embed",
        *datasets._MNIST_SHA256,
    ):
        assert needed in notice


def test_digits_of_different_calls_share_nothing():
    first = data.digits()
    first.train.images[:] = 7
    assert data.digits().train.images.max() == 1


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floating_images_are_the_bytes_over_255(dtype):
    raw, scaled = data.digits(dtype=np.uint8).test.images, data.digits(dtype=dtype).test.images
    assert raw.dtype == np.uint8
    assert scaled.dtype == dtype
    np.testing.assert_array_equal(scaled, (raw / 255).astype(dtype) if dtype != np.float32 else raw / np.float32(255))


@pytest.mark.parametrize("dtype", [np.int32, np.complex64, bool])
def test_other_types_of_images_are_refused(dtype):
    with pytest.raises(ValueError, match="floating"):
        data.digits(dtype=dtype)


@pytest.mark.parametrize("packed", [False, True])
def test_load_reads_a_folder_of_any_counts(packed, tmp_path, mnist_files, write):
    files = mnist_files()
    dataset = data.load(write(tmp_path / "own", files, packed))
    assert (dataset.name, len(dataset.classes)) == ("own", 10)
    for part, images, labels in (("train", *dataset.train), ("t10k", *dataset.test)):
        raw = np.frombuffer(files[f"{part}-images-idx3-ubyte"][16:], np.uint8).reshape(-1, 4, 3, 1)
        np.testing.assert_array_equal(images, raw / np.float32(255), strict=True)
        np.testing.assert_array_equal(labels, np.arange(len(raw)) % 10, strict=True)


def test_load_reads_an_archive_like_a_folder(tmp_path, mnist_files, write, tar):
    files = mnist_files()
    folder = write(tmp_path / "own", files)
    for mode in ("w", "w:gz", "w:xz"):
        (tmp_path / "own.tar").write_bytes(tar(files, mode))
        assert_same(data.load(tmp_path / "own.tar"), data.load(folder))


def test_load_takes_images_with_channels_and_other_classes(tmp_path, mnist_files, write, idx):
    files = mnist_files(shape=(4, 3, 2)) | {TRAIN_LABELS: idx(np.full(30, 11, np.uint8))}
    folder = write(tmp_path, files)
    assert data.load(folder, classes=tuple("abcdefghijkl")).train.images.shape == (30, 4, 3, 2)
    with pytest.raises(DataError, match="0 to 9, they are 11 to 11"):
        data.load(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({TRAIN_LABELS: np.zeros(29, np.uint8)}, "30 images want as many"),
        ({TEST_LABELS: np.zeros((20, 1), np.uint8)}, "20 images want as many"),
        ({TEST_LABELS: np.zeros(20, np.float32)}, "integer labels"),
        ({TEST_LABELS: np.full(20, 10, np.uint8)}, "they are 10 to 10"),
        (
            {TEST_LABELS: np.arange(-1, 19, dtype=np.int8) % 10 - np.eye(1, 20, dtype=np.int8)[0] * 10},
            "they are -1 to 9",
        ),
        ({TEST_IMAGES: np.zeros((20, 3, 4), np.uint8)}, "test images"),
        ({TRAIN_IMAGES: np.zeros((30, 12), np.uint8)}, "rank 3 or 4"),
        ({TRAIN_IMAGES: np.zeros((30, 4, 3), np.float32)}, "must be uint8"),
        ({TRAIN_IMAGES: np.zeros((0, 4, 3), np.uint8), TRAIN_LABELS: np.zeros(0, np.uint8)}, "not empty"),
    ],
)
def test_load_refuses_files_that_do_not_fit_together(change, message, tmp_path, mnist_files, write, idx):
    folder = write(tmp_path, mnist_files() | {name: idx(array) for name, array in change.items()})
    with pytest.raises(DataError, match=message) as raised:
        data.load(folder)
    assert str(tmp_path) in str(raised.value)


@pytest.mark.parametrize("name", datasets.IDX_FILES)
@pytest.mark.parametrize("packed", [False, True])
def test_a_damaged_file_among_four_is_named(name, packed, tmp_path, mnist_files, write):
    write(tmp_path, mnist_files(), packed)
    path = tmp_path / (f"{name}.gz" if packed else name)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError) as raised:
        data.load(tmp_path)
    assert str(path) in str(raised.value)


def test_a_missing_file_among_four_is_named(tmp_path, mnist_files, write):
    write(tmp_path, mnist_files())
    (tmp_path / TEST_LABELS).unlink()
    with pytest.raises(FileNotFoundError, match=TEST_LABELS):
        data.load(tmp_path)


def test_load_knows_the_names(monkeypatch, bare_machine, tmp_path, mnist_files, write):
    assert data.load("digits").name == "digits"
    with pytest.raises(FileNotFoundError, match="digits, mnist, fashion"):
        data.load("digitz")
    write(tmp_path / "mnist", mnist_files())
    monkeypatch.setenv(locate.FOLDER_VARIABLE, str(tmp_path))
    with pytest.raises(DataError, match="sha256"):  # the name means the original
        data.load("mnist")
    monkeypatch.chdir(tmp_path)
    assert data.load("./mnist").name == "mnist"


@pytest.mark.parametrize(("reader", "name"), [(data.mnist, "mnist"), (data.fashion_mnist, "fashion-mnist")])
def test_folder_and_its_parent_and_its_archive(reader, name, tmp_path, mnist_files, write, tar):
    files = mnist_files()
    folder = write(tmp_path / name, files, packed=True)
    (tmp_path / "all.tar.gz").write_bytes(tar(files))
    for place in (folder, tmp_path, str(folder), tmp_path / "all.tar.gz"):
        dataset = reader(place, verify=False)
        assert dataset.name == name
        assert_same(dataset, data.load(folder))
        with pytest.raises(DataError, match="verify=False"):
            reader(place)


@pytest.mark.parametrize("reader", [data.mnist, data.fashion_mnist, data.cifar10])
def test_a_folder_without_the_files_says_what_is_wanted(reader, tmp_path):
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(FileNotFoundError, match="none of the files of"):
            reader(folder)


def test_the_subfolder_of_the_name_comes_before_the_folder_itself(tmp_path, mnist_files, write):
    write(tmp_path, mnist_files(train=10))
    write(tmp_path / "fashion-mnist", mnist_files(train=11))
    assert len(data.fashion_mnist(tmp_path, verify=False).train.labels) == 11
    assert len(data.mnist(tmp_path, verify=False).train.labels) == 10


def test_a_folder_given_comes_before_the_variable_and_that_before_the_system(monkeypatch, tmp_path, mnist_files, write):
    for count, place in enumerate(("given", "variable", "system"), start=10):
        write(tmp_path / place / "fashion-mnist", mnist_files(train=count))
    monkeypatch.setattr(locate, "SYSTEM_FOLDER", tmp_path / "system")
    monkeypatch.setenv(locate.FOLDER_VARIABLE, str(tmp_path / "variable"))

    def count(*folder):
        return len(data.fashion_mnist(*folder, verify=False).train.labels)

    assert count(tmp_path / "given") == 10
    assert count() == 11
    monkeypatch.setenv(locate.FOLDER_VARIABLE, str(tmp_path / "missing"))
    with pytest.raises(FileNotFoundError, match="missing, which is no folder"):
        count()
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv(locate.FOLDER_VARIABLE, str(tmp_path / "empty"))
    assert count() == 12
    monkeypatch.delenv(locate.FOLDER_VARIABLE)
    assert count() == 12


def test_debian_puts_fashion_mnist_where_we_look():
    assert locate.SYSTEM_FOLDER.as_posix() == "/usr/share/datasets"


@pytest.mark.parametrize(
    ("reader", "counts"),
    [
        (data.mnist, [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]),
        (data.fashion_mnist, [1000] * 10),
    ],
)
def test_full_data(reader, counts, full_data):
    dataset = reader()
    assert dataset.train.images.shape == (60000, 28, 28, 1)
    assert dataset.test.images.shape == (10000, 28, 28, 1)
    assert np.bincount(dataset.test.labels).tolist() == counts


def test_full_data_of_the_other_name_is_not_the_original(full_data):
    with pytest.raises(DataError, match="sha256"):
        data.mnist(full_data / "fashion-mnist")


def test_reading_data_needs_numpy_and_the_standard_library_only():
    program = """
import sys
from tinygrad_np import data
data.digits()
roots = {name.partition(".")[0] for name in sys.modules}
assert not roots & {"pooch", "requests", "tqdm", "matplotlib", "PIL", "scipy"}, roots
"""
    subprocess.run([sys.executable, "-c", program], check=True)
