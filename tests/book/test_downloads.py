import hashlib
import io
import tarfile
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

import multilayer as d2l
from multilayer.errors import ChecksumError, DataError, DatasetNotFoundError

CONTENT = b"Id,SalePrice\n1,2\n"
SHA1 = hashlib.sha1(CONTENT).hexdigest()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_request(self, code="-", size="-"):
        self.server.num_requests = getattr(self.server, "num_requests", 0) + 1

    def log_error(self, *args):
        pass


@pytest.fixture
def server(tmp_path):
    served = tmp_path / "served"
    served.mkdir()
    (served / "houses.csv").write_bytes(CONTENT)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(served)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    server.address = f"http://127.0.0.1:{server.server_port}"
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_file_is_fetched_once(server, tmp_path):
    folder = tmp_path / "new" / "data"
    path = d2l.download(f"{server.address}/houses.csv?x=1", folder, SHA1)
    assert path == str(folder / "houses.csv")
    assert (folder / "houses.csv").read_bytes() == CONTENT
    assert d2l.download(f"{server.address}/houses.csv", folder, SHA1) == path
    assert server.num_requests == 1


def test_a_file_that_has_another_sha1_is_fetched_again(server, tmp_path):
    (tmp_path / "houses.csv").write_text("torn")
    d2l.download(f"{server.address}/houses.csv", tmp_path, SHA1)
    assert (tmp_path / "houses.csv").read_bytes() == CONTENT


def test_what_has_the_wrong_sha1_is_not_kept(server, tmp_path):
    with pytest.raises(ChecksumError, match=f"has the SHA-1 {SHA1}; it must be 0000"):
        d2l.download(f"{server.address}/houses.csv", tmp_path, "0" * 40)
    assert [path.name for path in tmp_path.iterdir()] == ["served"]


def test_a_name_of_the_hub_is_fetched_with_its_sha1(server, tmp_path, monkeypatch):
    monkeypatch.setitem(d2l.DATA_HUB, "houses", (f"{server.address}/houses.csv", SHA1))
    assert d2l.download("houses", tmp_path) == str(tmp_path / "houses.csv")


@pytest.mark.parametrize("url", ["hauses", "ftp://127.0.0.1/x", "file:///etc/hostname"])
def test_what_is_no_address_is_named(tmp_path, url):
    with pytest.raises(DatasetNotFoundError, match=url):
        d2l.download(url, tmp_path)


def test_an_address_that_does_not_answer_says_where_the_file_may_be_put(server, tmp_path):
    with pytest.raises(DatasetNotFoundError, match=r"404.*put it at .*/other\.csv"):
        d2l.download(f"{server.address}/other.csv", tmp_path)


def test_archives_are_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("in/one.txt", "one")
    with tarfile.open(tmp_path / "b.tar.gz", "w:gz") as archive:
        entry = tarfile.TarInfo("in/two.txt")
        entry.size = 3
        archive.addfile(entry, io.BytesIO(b"two"))
    d2l.extract(tmp_path / "a.zip")
    d2l.extract(tmp_path / "b.tar.gz", tmp_path / "out")
    assert (tmp_path / "in" / "one.txt").read_text() == "one"
    assert (tmp_path / "out" / "in" / "two.txt").read_text() == "two"


def test_members_outside_of_the_folder_are_refused(tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir()
    with zipfile.ZipFile(inner / "a.zip", "w") as archive:
        archive.writestr("../escaped.txt", "x")
    with tarfile.open(inner / "b.tar", "w") as archive:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        archive.addfile(link)
    with pytest.raises(DataError, match=r"'\.\./escaped.txt' would lie outside of"):
        d2l.extract(inner / "a.zip")
    with pytest.raises(DataError, match="'link' is no ordinary file"):
        d2l.extract(inner / "b.tar")
    assert not (tmp_path / "escaped.txt").exists()


def test_a_member_behind_a_link_is_refused(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / "in").symlink_to(tmp_path / "elsewhere")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("in/one.txt", "one")
    with pytest.raises(DataError, match="behind a link"):
        d2l.extract(tmp_path / "a.zip", tmp_path / "out")


@pytest.mark.parametrize("content", [b"no archive", b"PK\x03\x04 torn"])
def test_what_is_no_archive_is_named(tmp_path, content):
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.zip is no whole \.zip or \.tar archive"):
        d2l.extract(tmp_path / "a.zip")


def test_an_archive_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none\.zip cannot be unpacked: No such file"):
        d2l.extract(tmp_path / "none.zip")
