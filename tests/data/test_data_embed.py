import io
import lzma
import tarfile

import numpy as np

from tinygrad_np.data import Split, datasets, embed, load


def _split(per_class=5, classes=4, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(per_class * classes) % classes
    return Split(rng.integers(0, 256, (len(labels), 3, 3, 1), np.uint8), labels)


def test_a_sample_is_balanced_and_does_not_depend_on_the_order_of_the_files():
    split = _split()
    labelled = {image.tobytes(): label for image, label in zip(*split, strict=True)}
    chosen = embed.sample(split, 3)
    assert np.bincount(chosen.labels).tolist() == [3] * 4
    assert [labelled[image.tobytes()] for image in chosen.images] == chosen.labels.tolist()
    again = embed.sample(Split(split.images[::-1], split.labels[::-1]), 3)
    np.testing.assert_array_equal(again.images, chosen.images)
    np.testing.assert_array_equal(again.labels, chosen.labels)


def test_a_pack_is_a_folder_for_load(tmp_path):
    train, test = _split(), _split(per_class=2, seed=1)
    content = embed.pack(train, test)
    assert content == embed.pack(train, test)
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        assert tuple(archive.getnames()) == datasets.IDX_FILES
        assert {member.mtime for member in archive} == {0}
    (tmp_path / "own.tar").write_bytes(content)
    loaded = load(tmp_path / "own.tar", dtype=np.uint8)
    np.testing.assert_array_equal(loaded.train.images, train.images, strict=True)
    np.testing.assert_array_equal(loaded.test.labels, test.labels, strict=True)


def test_the_command_makes_the_packages_digits_again(full_data, tmp_path, monkeypatch, capsys):
    output = tmp_path / "again.tar.xz"
    monkeypatch.setattr("sys.argv", ["embed", str(full_data), str(output)])
    embed.main()
    assert f"{output.stat().st_size:,} bytes" in capsys.readouterr().out
    assert lzma.decompress(output.read_bytes()) == lzma.decompress(datasets.DIGITS.read_bytes())
