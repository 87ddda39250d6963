import os
import shutil
import signal
import stat
from pathlib import Path

import numpy as np
import pytest

from multilayer.errors import ChecksumError, DatasetNotFoundError, IdxFileError
from multilayer.images import download
from multilayer.images.fashion_mnist import load_fashion_mnist
from multilayer.images.folder import FILE_NAMES
from multilayer.images.idx import read_idx, write_idx

needs_apt = pytest.mark.skipif(shutil.which("apt-get") is None, reason="there is no apt-get")


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {".lock"}


def copy(folder: Path, to: Path) -> Path:
    return Path(shutil.copytree(folder, to))


@pytest.fixture
def offline(without_apt, tmp_path, monkeypatch) -> None:
    """No place has the data set, except what a test offers."""
    monkeypatch.setattr(download, "SYSTEM_ROOT", tmp_path / "no-root")
    monkeypatch.setattr(download, "PUBLISHED_ADDRESS", "http://127.0.0.1:1")


def test_it_is_the_data_set_of_the_book(fashion_mnist) -> None:
    assert fashion_mnist.name == "fashion-mnist"
    assert fashion_mnist.image_shape == (28, 28)
    assert fashion_mnist.class_names[0] == "t-shirt"
    assert fashion_mnist.class_names[9] == "ankle boot"
    for split, size in ((fashion_mnist.train, 60_000), (fashion_mnist.test, 10_000)):
        assert split.images.shape == (size, 28, 28)
        assert split.images.dtype == np.uint8
        assert split.images.flags.writeable
        assert split.labels.dtype == np.int64
        assert np.bincount(split.labels).tolist() == [size / 10] * 10
    assert fashion_mnist.train.labels[:5].tolist() == [9, 0, 0, 3, 0]


@pytest.mark.parametrize("kind", ["plain", "gzip", "torchvision"])
def test_a_named_folder_is_used(kind, request, tmp_path, fashion_mnist) -> None:
    if kind == "torchvision":
        folder = tmp_path
        copy(request.getfixturevalue("plain_folder"), tmp_path / "FashionMNIST" / "raw")
    else:
        folder = request.getfixturevalue(f"{kind}_folder")
    dataset = load_fashion_mnist(folder)
    np.testing.assert_array_equal(dataset.test.images, fashion_mnist.test.images)
    assert str(folder) in dataset.source


def test_a_named_folder_without_the_files_is_an_error_although_others_have_them(tmp_path) -> None:
    with pytest.raises(DatasetNotFoundError, match=f"{tmp_path} lacks train-images-idx3-ubyte"):
        load_fashion_mnist(tmp_path)
    with pytest.raises(DatasetNotFoundError, match="no such file"):
        load_fashion_mnist(tmp_path / "absent")


def test_one_changed_pixel_is_a_checksum_error(plain_folder, tmp_path) -> None:
    folder = copy(plain_folder, tmp_path / "changed")
    images = read_idx(folder / FILE_NAMES[2])
    images[5000, 3, 3] ^= 1
    write_idx(folder / FILE_NAMES[2], images)
    with pytest.raises(ChecksumError) as caught:
        load_fashion_mnist(folder)
    message = str(caught.value)
    assert str(folder / FILE_NAMES[2]) in message
    assert "must be 8181f5470baa50b63fa0f6fddb340f0a" in message
    assert "\n" not in message


def test_a_truncated_file_in_a_named_folder_says_both_sizes(plain_folder, tmp_path) -> None:
    folder = copy(plain_folder, tmp_path / "cut")
    os.truncate(folder / FILE_NAMES[0], 1000)
    with pytest.raises(IdxFileError, match=r"announces 47040016 bytes .* it has 1000"):
        load_fashion_mnist(folder)


@needs_apt
def test_places_are_tried_in_order(
    cache, server, plain_folder, gzip_folder, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(download, "SYSTEM_ROOT", tmp_path / "root")
    monkeypatch.setattr(download, "PUBLISHED_ADDRESS", server.address)
    copy(gzip_folder, tmp_path / "root" / download.DEBIAN_FOLDER)
    copy(plain_folder, cache)
    assert load_fashion_mnist(gzip_folder).source == f"the folder {gzip_folder}"
    assert load_fashion_mnist().source == "the cache"

    def source_with_empty_cache() -> str:
        shutil.rmtree(cache)
        source = load_fashion_mnist().source
        assert names_in(cache) == set(FILE_NAMES)
        assert load_fashion_mnist().source == "the cache"
        return source

    assert source_with_empty_cache() == "the installed Debian package dataset-fashion-mnist"
    shutil.rmtree(tmp_path / "root")
    assert source_with_empty_cache() == "the Debian package dataset-fashion-mnist, downloaded"
    assert not server.requests
    monkeypatch.setenv("PATH", str(tmp_path))
    assert source_with_empty_cache() == "the published download"
    assert sum(server.requests.values()) == 4


def test_what_is_kept_is_readable_by_all_and_equal_to_the_published_files(
    cache, offline, server, monkeypatch, plain_folder
) -> None:
    monkeypatch.setattr(download, "PUBLISHED_ADDRESS", server.address)
    load_fashion_mnist()
    for name in FILE_NAMES:
        assert (cache / name).read_bytes() == (plain_folder / name).read_bytes()
        assert stat.S_IMODE((cache / name).stat().st_mode) & 0o400


def test_no_network_and_no_data_says_what_was_tried_and_what_to_do(
    cache, tmp_path, monkeypatch, start_loading
) -> None:
    for name in ("http_proxy", "https_proxy"):  # nobody listens there
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy")
    output, errors = start_loading("http://example.invalid").communicate(timeout=600)
    assert output == ""
    *progress, message = errors.splitlines()
    assert message.startswith("error: Fashion-MNIST was not found; tried: the cache (")
    places = ["the cache (", "the installed ", ", downloaded (", "the published download ("]
    positions = [message.index(place) for place in places]
    assert positions == sorted(positions)
    assert "--data-dir DIR" in message
    assert "FashionMNIST(root=DIR)" in message
    assert "apt-get install dataset-fashion-mnist" in message
    assert message.lower().count("refused") >= (2 if shutil.which("apt-get") else 1)
    assert all(line.startswith("fetching ") for line in progress)
    assert names_in(cache) == set()


def test_a_cached_file_that_is_damaged_is_fetched_again(
    cache, offline, server, monkeypatch, plain_folder, capsys
) -> None:
    monkeypatch.setattr(download, "PUBLISHED_ADDRESS", server.address)
    copy(plain_folder, cache)
    os.truncate(cache / FILE_NAMES[0], 3000)
    assert load_fashion_mnist().source == "the published download"
    errors = capsys.readouterr().err
    assert f"note: {cache / FILE_NAMES[0]} is truncated" in errors
    assert "fetching it again" in errors

    labels = bytearray((cache / FILE_NAMES[3]).read_bytes())
    labels[-1] ^= 1
    (cache / FILE_NAMES[3]).write_bytes(labels)
    assert load_fashion_mnist().source == "the published download"
    assert "is not Fashion-MNIST's t10k-labels-idx1-ubyte" in capsys.readouterr().err
    assert load_fashion_mnist().source == "the cache"
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("problem", ["truncated", "another", "page", "absent"])
def test_a_wrong_download_is_refused_and_not_kept(
    cache, offline, server, monkeypatch, problem
) -> None:
    monkeypatch.setattr(download, "PUBLISHED_ADDRESS", server.address)
    path = server.folder / f"{FILE_NAMES[2]}.gz"
    content = path.read_bytes()
    path.unlink()
    if problem == "truncated":
        path.write_bytes(content[:-1000])
        says = "corrupt gzip file: its header announces 7840016 bytes"
    elif problem == "another":
        write_idx(path, np.zeros((10_000, 28, 28), dtype=np.uint8))
        says = "it must be 8181f5470baa50b63fa0f6fddb340f0a"
    elif problem == "page":
        path.write_text("<html>Please log in to the hotel's network</html>")
        says = "is not an idx file: it begins with 3c 68 74 6d"
    else:
        says = "t10k-images-idx3-ubyte.gz (HTTP Error 404: File not found)"
    with pytest.raises(DatasetNotFoundError) as caught:
        load_fashion_mnist()
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert names_in(cache) == set()


def test_a_cache_that_cannot_be_written_is_done_without(
    offline, server, monkeypatch, capsys, tmp_path
) -> None:
    monkeypatch.setattr(download, "PUBLISHED_ADDRESS", server.address)
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    dataset = load_fashion_mnist()
    assert (dataset.source, len(dataset.train)) == ("the published download", 60_000)
    assert "note: the cache" in capsys.readouterr().err


def test_a_home_that_is_read_only_is_done_without(
    offline, server, monkeypatch, capsys, tmp_path
) -> None:
    monkeypatch.setattr(download, "PUBLISHED_ADDRESS", server.address)
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc")  # even root cannot make a folder there
    assert load_fashion_mnist().source == "the published download"
    assert (
        "note: the cache /proc/multilayer/fashion-mnist cannot be used" in capsys.readouterr().err
    )


def test_a_file_that_cannot_be_replaced_in_the_cache_is_only_noted(
    cache, offline, server, monkeypatch, capsys
) -> None:
    monkeypatch.setattr(download, "PUBLISHED_ADDRESS", server.address)
    (cache / FILE_NAMES[0]).mkdir(parents=True)
    assert load_fashion_mnist().source == "the published download"
    errors = capsys.readouterr().err
    assert "note: Fashion-MNIST is not kept for the next time: cannot write" in errors


def test_a_disk_too_full_to_keep_the_files_is_only_noted(
    cache, without_apt, server, start_loading
) -> None:
    # The download, 26 MB at most, fits; the decompressed file, 47 MB, does not.
    process = start_loading(server.address, largest_file=40_000_000)
    output, errors = process.communicate(timeout=600)
    assert output == "the published download 60000 10000\n"
    assert "note: Fashion-MNIST is not kept for the next time: cannot write" in errors
    assert names_in(cache) == set()


def test_a_disk_too_full_for_the_download_is_one_line(
    cache, without_apt, server, start_loading
) -> None:
    process = start_loading(server.address, largest_file=5_000_000)
    output, errors = process.communicate(timeout=600)
    assert output == ""
    assert errors.splitlines()[-1].startswith("error: Fashion-MNIST was not found")
    assert "too large" in errors
    assert "Traceback" not in errors
    assert names_in(cache) == set()


@needs_apt
def test_a_disk_without_any_room_is_one_line(cache, start_loading) -> None:
    output, errors = start_loading(largest_file=0).communicate(timeout=600)
    assert output == ""
    assert errors.splitlines()[-1].startswith("error: Fashion-MNIST was not found")
    assert "Traceback" not in errors


@needs_apt
def test_an_interrupted_apt_download_is_ended(
    cache, tmp_path, monkeypatch, start_loading, wait_until
) -> None:
    configuration = tmp_path / "slow.conf"
    configuration.write_text('Acquire::http::Dl-Limit "500";\n')  # kB/s: about a minute
    monkeypatch.setenv("APT_CONFIG", str(configuration))
    process = start_loading()
    wait_until(lambda: any(cache.glob(".fetch-*/*.deb")))
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=600)
    assert names_in(cache) == set()

    def group_is_gone() -> bool:
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return True
        return False

    wait_until(group_is_gone)


@needs_apt
def test_two_processes_at_once_fill_an_empty_cache_with_the_debian_package(
    cache, start_loading
) -> None:
    both = [start_loading(), start_loading()]
    for process in both:
        output, errors = process.communicate(timeout=600)
        assert output.endswith(" 60000 10000\n"), errors
    assert {path.name for path in cache.iterdir()} <= {*FILE_NAMES, ".lock"}
    assert names_in(cache) == set(FILE_NAMES)


def test_the_second_process_waits_for_the_first_and_fetches_nothing(
    cache, without_apt, server, start_loading
) -> None:
    server.pause.clear()
    first = start_loading(server.address)
    assert server.paused.wait(30)
    second = start_loading(server.address)
    assert second.stderr.readline() == (
        "note: waiting for another process that is fetching Fashion-MNIST\n"
    )
    server.pause.set()
    assert first.communicate(timeout=600) == (
        "the published download 60000 10000\n",
        "fetching Fashion-MNIST as published (31 MB) …\n",
    )
    assert second.communicate(timeout=600) == ("the cache 60000 10000\n", "")
    assert set(server.requests.values()) == {1}
    assert names_in(cache) == set(FILE_NAMES)


def test_a_killed_download_leaves_nothing_that_is_trusted(
    cache, without_apt, server, start_loading
) -> None:
    server.pause.clear()
    killed = start_loading(server.address)
    assert server.paused.wait(30)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert len(names_in(cache)) == 1  # the working folder
    (cache / f".{FILE_NAMES[0]}.x1y2").write_bytes(b"cut off while it was written")
    server.pause.set()
    output, errors = start_loading(server.address).communicate(timeout=600)
    assert output == "the published download 60000 10000\n", errors
    assert names_in(cache) == set(FILE_NAMES)


@needs_apt
def test_a_killed_apt_download_leaves_nothing_that_is_trusted(
    cache, tmp_path, monkeypatch, start_loading, wait_until
) -> None:
    configuration = tmp_path / "slow.conf"
    configuration.write_text('Acquire::http::Dl-Limit "4000";\n')  # kB/s: about 8 s
    monkeypatch.setenv("APT_CONFIG", str(configuration))
    killed = start_loading()
    wait_until(lambda: any(p.stat().st_size > 1_000_000 for p in cache.glob(".fetch-*/*.deb")))
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert len(names_in(cache)) == 1
    monkeypatch.delenv("APT_CONFIG")
    output, errors = start_loading().communicate(timeout=600)
    assert output == "the Debian package dataset-fashion-mnist, downloaded 60000 10000\n", errors
    assert names_in(cache) == set(FILE_NAMES)


def test_an_interrupted_download_is_cleaned_away_at_once(
    cache, without_apt, server, start_loading
) -> None:
    server.pause.clear()
    process = start_loading(server.address)
    assert server.paused.wait(30)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=600)
    assert process.returncode != 0
    assert names_in(cache) == set()
