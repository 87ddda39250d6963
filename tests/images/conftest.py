"""Real Fashion-MNIST files, a real web server that offers them, and processes that load them."""

import gzip
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from multilayer.images.datasets import ImageDataset
from multilayer.images.folder import FILE_NAMES
from multilayer.images.idx import write_idx

LOAD = """
import resource
import sys
from pathlib import Path
from multilayer.images import download
download.SYSTEM_ROOT = Path(sys.argv[1])
download.PUBLISHED_ADDRESS = sys.argv[2]
largest_file = int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
from multilayer.images.fashion_mnist import load_fashion_mnist
from multilayer.errors import MultilayerError
try:
    dataset = load_fashion_mnist()
except MultilayerError as error:
    sys.exit(f"error: {error}")
print(dataset.source, len(dataset.train), len(dataset.test))
"""


class Handler(SimpleHTTPRequestHandler):
    server: "Server"

    def do_GET(self) -> None:
        self.server.requests[self.path] += 1
        super().do_GET()

    def copyfile(self, source, outputfile) -> None:
        if not self.server.pause.is_set():
            outputfile.write(source.read(1_000_000))
            outputfile.flush()
            self.server.paused.set()
            self.server.pause.wait(30)
        with suppress(OSError):  # the other side was killed
            shutil.copyfileobj(source, outputfile)

    def log_message(self, *args) -> None:
        pass


class Server(ThreadingHTTPServer):
    """Serves a folder; while `pause` is not set it stops after a million bytes of a file."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
        self.folder = folder
        self.requests: Counter[str] = Counter()
        self.pause = threading.Event()
        self.pause.set()
        self.paused = threading.Event()
        self.address = f"http://127.0.0.1:{self.server_port}"


@pytest.fixture(autouse=True)
def direct_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture(scope="session")
def plain_folder(fashion_mnist: ImageDataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plain")
    arrays = (
        fashion_mnist.train.images,
        fashion_mnist.train.labels.astype(np.uint8),
        fashion_mnist.test.images,
        fashion_mnist.test.labels.astype(np.uint8),
    )
    for name, array in zip(FILE_NAMES, arrays, strict=True):
        write_idx(folder / name, array)
    return folder


@pytest.fixture(scope="session")
def gzip_folder(plain_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gzip")
    for name in FILE_NAMES:
        content = (plain_folder / name).read_bytes()
        (folder / f"{name}.gz").write_bytes(gzip.compress(content, compresslevel=1))
    return folder


@pytest.fixture
def server(gzip_folder: Path, tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "served"
    folder.mkdir()
    for path in gzip_folder.iterdir():
        (folder / path.name).symlink_to(path)
    with Server(folder) as server:
        thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.05))
        thread.start()
        yield server
        server.pause.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache: the folder where the four files will be."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "multilayer" / "fashion-mnist"


@pytest.fixture
def without_apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


@pytest.fixture
def start_loading(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a process that loads Fashion-MNIST, with this test's environment."""
    started: list[subprocess.Popen[str]] = []

    def start(
        address: str = "http://127.0.0.1:1", largest_file: int = -1, **options
    ) -> subprocess.Popen[str]:
        command = [sys.executable, "-W", "error", "-c", LOAD]
        command += [str(tmp_path / "no-root"), address, str(largest_file)]
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
        started.append(subprocess.Popen(command, start_new_session=True, **options))
        return started[-1]

    yield start
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture
def wait_until() -> Callable[[Callable[[], bool]], None]:
    def wait(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 600
        while not condition():
            assert time.monotonic() < deadline, "it did not happen in ten minutes"
            time.sleep(0.02)

    return wait
