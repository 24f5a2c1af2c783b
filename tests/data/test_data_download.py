import gc
import gzip
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pooch
import pytest

from tinygrad_np import data
from tinygrad_np.core import tree
from tinygrad_np.data import DataError, cifar, locate


class Server:
    """What a local server answers with, by path, and what it has been asked for."""

    def __init__(self, files):
        self.files, self.asked, self.cut = files, [], 0

    @contextmanager
    def running(self):
        with ThreadingHTTPServer(("127.0.0.1", 0), self._handler()) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_port}"
            finally:
                server.shutdown()
                thread.join()

    def _handler(self):
        state = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                state.asked.append(self.path)
                content = state.files.get(self.path)
                if content is None:
                    return self.send_error(404)
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: len(content) - state.cut])

            def log_message(self, *_):
                pass

        return Handler


@pytest.fixture
def cache(bare_machine, monkeypatch, tmp_path):
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache" / project)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "cache" / "tinygrad_np"


@pytest.fixture
def server(mnist_files):
    return Server({f"/m/{name}.gz": gzip.compress(content) for name, content in mnist_files().items()})


def kept(cache):
    return sorted(path.name for path in cache.rglob("*") if path.is_file())


@pytest.mark.parametrize(("reader", "name"), [(data.mnist, "mnist"), (data.fashion_mnist, "fashion-mnist")])
def test_files_are_downloaded_once(reader, name, cache, server, tmp_path, mnist_files, write):
    with server.running() as url:
        first = reader(base_url=f"{url}/m", verify=False)
        assert sorted(server.asked) == sorted(server.files)
    second = reader(base_url=f"{url}/m/", verify=False)  # from the cache: the server is gone
    expected = data.load(write(tmp_path / "local", mnist_files()))
    for a, b, c in zip(*map(tree.leaves, (first, second, expected)), strict=True):
        np.testing.assert_array_equal(a, c)
        np.testing.assert_array_equal(b, c)
    assert len(kept(cache / name)) == 4


def test_the_variable_names_a_folder_of_datasets(cache, server, monkeypatch):
    server.files = {path.replace("/m/", "/all/mnist/"): content for path, content in server.files.items()}
    with server.running() as url:
        monkeypatch.setenv(locate.URL_VARIABLE, f"{url}/all/")
        assert len(data.mnist(verify=False).train.labels) == 30


def test_what_is_on_the_machine_is_not_downloaded(cache, server, monkeypatch, tmp_path, mnist_files, write):
    write(tmp_path / "here" / "mnist", mnist_files(train=10))
    monkeypatch.setenv(locate.FOLDER_VARIABLE, str(tmp_path / "here"))
    with server.running() as url:
        assert len(data.mnist(base_url=f"{url}/m", verify=False).train.labels) == 10
    assert server.asked == []


def test_cifar_comes_as_an_archive(cache, cifar_files, tar):
    server = Server({f"/c/{cifar.ARCHIVE}": tar(cifar_files(), folder="cifar-10-batches-bin/")})
    with server.running() as url:
        assert len(data.cifar10(base_url=f"{url}/c", verify=False).train.labels) == 35
        with pytest.raises(DataError, match="10,000 records"):
            data.cifar10(base_url=f"{url}/c")
    assert len(server.asked) == 1


def _fails(server, path, match, reader=data.mnist, verify=False):
    with server.running() as url:
        with pytest.raises(DataError, match=match) as raised:
            reader(base_url=f"{url}/m", verify=verify)
        assert f"{url}{path}" in str(raised.value)


FIRST, LAST = "/m/train-images-idx3-ubyte.gz", "/m/t10k-labels-idx1-ubyte.gz"


def test_a_wrong_checksum_is_an_error_and_is_not_kept(cache, server):
    _fails(server, FIRST, "sha256", verify=True)
    assert kept(cache) == []


def test_a_half_file_is_an_error_and_is_not_kept(cache, server):
    server.files[LAST] = server.files[LAST][: len(server.files[LAST]) // 2]
    _fails(server, LAST, "cannot be read")
    assert len(kept(cache)) == 3


def test_a_half_archive_is_an_error_and_is_not_kept(cache, cifar_files, tar):
    archive = tar(cifar_files())
    path = f"/m/{cifar.ARCHIVE}"
    _fails(Server({path: archive[: len(archive) // 2]}), path, "cannot be read", data.cifar10)
    assert kept(cache) == []


def test_a_connection_that_breaks_is_an_error(cache, server):
    server.cut = 20
    _fails(server, FIRST, "Delete it|cannot be downloaded")
    assert kept(cache) == []


def test_a_file_that_is_not_there_is_an_error(cache, server):
    del server.files[LAST]
    _fails(server, LAST, "404.*TINYGRAD_NP_DATA")
    gc.collect()  # a connection left open would be a warning now, and so an error


def test_a_login_page_is_an_error(cache, server):
    server.files[FIRST] = b"<html>Please log in</html>"
    _fails(server, FIRST, "not an IDX file")


def test_a_server_that_is_not_there_is_an_error(cache, server):
    with server.running() as url:
        pass
    with pytest.raises(DataError, match="cannot be downloaded"):
        data.mnist(base_url=url)


def test_a_mistake_after_which_the_right_file_comes_needs_no_tidying(cache, server):
    right, server.files[FIRST] = server.files[FIRST], b"wrong"
    _fails(server, FIRST, "not an IDX file")
    server.files[FIRST] = right
    with server.running() as url:
        assert len(data.mnist(base_url=f"{url}/m", verify=False).train.labels) == 30


def test_without_pooch_the_error_says_what_to_install(bare_machine, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "tinygrad_np\[train\]"'):
        data.mnist()


def test_the_originals_pass_verification(full_data, cache):
    folder = full_data / "mnist"
    server = Server({f"/m/{path.name}": path.read_bytes() for path in folder.glob("*.gz")})
    with server.running() as url:
        assert len(data.mnist(base_url=f"{url}/m", dtype=np.uint8).train.labels) == 60_000
