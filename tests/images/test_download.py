import shutil

import pytest

from multilayer.errors import DatasetNotFoundError
from multilayer.images import download
from multilayer.images.folder import FILE_NAMES

needs_apt = pytest.mark.skipif(shutil.which("apt-get") is None, reason="there is no apt-get")


@needs_apt
def test_without_package_lists_apt_gets_its_own(tmp_path, monkeypatch, capsys) -> None:
    (tmp_path / "lists").mkdir()
    configuration = tmp_path / "empty.conf"
    configuration.write_text(
        f'Dir::State::lists "{tmp_path}/lists";\n'
        f'APT::Update::Post-Invoke {{"touch {tmp_path}/invoked";}};\n'
    )
    monkeypatch.setenv("APT_CONFIG", str(configuration))
    work = tmp_path / "a folder with spaces"
    work.mkdir()
    found = download.downloaded_package(work)
    assert {f"{name}.gz" for name in FILE_NAMES} <= {path.name for path in found.iterdir()}
    assert "fetching the package lists for apt-get" in capsys.readouterr().err
    assert list((tmp_path / "lists").iterdir()) == []
    assert not (tmp_path / "invoked").exists()


@needs_apt
def test_an_apt_failure_gives_its_reason(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(download, "DEBIAN_PACKAGE", "no-such-package-anywhere")
    with pytest.raises(DatasetNotFoundError, match=r"^Unable to locate package no-such-package"):
        download.downloaded_package(tmp_path)


def test_without_apt_the_reason_is_that(tmp_path, without_apt) -> None:
    with pytest.raises(DatasetNotFoundError, match="apt-get is not installed"):
        download.downloaded_package(tmp_path)


def test_an_endless_answer_is_cut_off(tmp_path, server, monkeypatch) -> None:
    monkeypatch.setattr(download, "PUBLISHED_ADDRESS", server.address)
    monkeypatch.setattr(download, "LARGEST_DOWNLOAD_BYTES", 1_000_000)
    with pytest.raises(DatasetNotFoundError, match="sends far more than it should"):
        download.published_download(tmp_path)
    assert sum(path.stat().st_size for path in tmp_path.glob("*.gz")) < 2_000_000


@pytest.mark.parametrize("width", [40, 80])
def test_a_terminal_shows_a_bar_while_it_downloads(
    cache, without_apt, server, open_window, tmp_path, width
) -> None:
    server.pause.clear()
    program = f"""
    from pathlib import Path
    from multilayer.images import download
    from multilayer.images.fashion_mnist import load_fashion_mnist
    download.SYSTEM_ROOT = Path({str(tmp_path / "no-root")!r})
    download.PUBLISHED_ADDRESS = {server.address!r}
    load_fashion_mnist()
    """
    window = open_window(program, width, 24)
    window.read_until(b"1.0/30.9 MB")
    bar_line, _ = window.find("1.0/30.9 MB")
    assert "━━━" in window.lines[bar_line]
    server.pause.set()
    assert window.read_to_end() == 0
    # No trace of the bar is left, and the line may be wrapped at a space.
    assert "".join(window.text.split()) == "fetchingFashion-MNISTaspublished(31MB)…"
