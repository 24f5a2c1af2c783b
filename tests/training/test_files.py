import errno
import os
import stat
from pathlib import Path

import pytest

from tinygrad_np.training import write_whole


@pytest.fixture
def old(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    return path


def test_a_file_is_written_and_replaced_with_nothing_beside_it(tmp_path):
    path = tmp_path / "file"
    for content in (b"first", b"", b"second" * 1000):
        write_whole(path, content)
        assert path.read_bytes() == content
        assert os.listdir(tmp_path) == ["file"]


def test_others_may_read_it_as_they_may_any_new_file(tmp_path):
    (tmp_path / "usual").touch()
    write_whole(tmp_path / "file", b"")
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("usual", "file")}
    assert len(modes) == 1


@pytest.mark.parametrize("call", ["replace", "fsync"])
@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_file_and_nothing_else(old, monkeypatch, call, failure):
    def fail(*args):
        raise failure

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(type(failure)) as caught:
        write_whole(old, b"new")
    assert old.read_bytes() == b"old"
    assert os.listdir(old.parent) == ["file"]
    if isinstance(failure, OSError):
        assert caught.value.filename == str(old)
        assert "None" not in str(caught.value)


def test_a_write_that_fails_midway_leaves_the_old_file(old, monkeypatch):
    opened = Path.open

    class Full:
        """A file on a disk that has room for three bytes."""

        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.file.close()

        def write(self, content):
            self.file.write(content[:3])
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "open", lambda path, mode: Full(opened(path, mode)))
    with pytest.raises(OSError, match="No space left on device"):
        write_whole(old, b"new content")
    monkeypatch.undo()
    assert old.read_bytes() == b"old"
    assert os.listdir(old.parent) == ["file"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_a_file_that_cannot_be_opened_leaves_the_old_one(old, monkeypatch, code):
    def refuse(path, mode):
        raise OSError(code, os.strerror(code), str(path))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(OSError, match=os.strerror(code)) as caught:
        write_whole(old, b"new")
    monkeypatch.undo()
    assert (caught.value.errno, caught.value.filename) == (code, str(old))
    assert old.read_bytes() == b"old"
    assert os.listdir(old.parent) == ["file"]


def test_at_every_moment_the_old_or_the_new_file_is_there_in_full(old, monkeypatch):
    seen = []
    for name in ("open", "fsync", "replace", "close"):
        real = getattr(os, name)

        def look(*args, real=real, **options):
            before, result, after = old.read_bytes(), real(*args, **options), old.read_bytes()
            seen.extend([before, after])
            return result

        monkeypatch.setattr(os, name, look)
    write_whole(old, b"new" * 100_000)
    monkeypatch.undo()
    assert set(seen) == {b"old", b"new" * 100_000}


def test_content_is_on_the_disk_before_the_name_is(old, monkeypatch):
    order = []
    real = {name: getattr(os, name) for name in ("fsync", "replace")}
    for name in real:
        monkeypatch.setattr(os, name, lambda *args, name=name: (order.append(name), real[name](*args))[1])
    write_whole(old, b"new")
    assert order == (["fsync", "replace", "fsync"] if os.name == "posix" else ["fsync", "replace"])


def test_a_folder_that_is_not_there_is_named(tmp_path):
    path = tmp_path / "absent" / "file"
    with pytest.raises(FileNotFoundError) as caught:
        write_whole(path, b"")
    assert caught.value.filename == str(path)
