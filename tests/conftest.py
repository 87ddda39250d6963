"""What several rooms' tests share: real data, the installed command, a real terminal."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

# Before PyTorch is loaded, and for every process that a test starts: threads of several processes
# that wait for each other by spinning take ten times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")
import numpy as np
import pyte
import pytest
from fork_server import Forked, ForkServer
from hypothesis import settings

from multilayer.images.datasets import ImageDataset, load_images
from multilayer.images.idx import write_idx

# Under nohup every process that a test starts would ignore what it is sent.
signal.signal(signal.SIGHUP, signal.SIG_DFL)

pytest_plugins = ["browser", "database", "sample_tables"]
SECONDS_UNTIL_STUCK = 600

# No example of a property is timed: a busy machine is no counterexample. `make test` says the same
# each time; `make test-long` draws examples that nobody has seen yet.
settings.register_profile("the same", settings(), deadline=None, derandomize=True)
settings.register_profile("anew", settings(), deadline=None)
settings.load_profile("the same")


@pytest.fixture(scope="session", autouse=True)
def temporary_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What libraries and processes leave in the folder for temporary files goes with the tests'."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(tmp_path_factory.mktemp("t", numbered=False)))
        patch.setattr(tempfile, "tempdir", None)
        yield


@pytest.fixture(scope="session")
def fashion_mnist() -> ImageDataset:
    """The real data set; fetched on the first use, as any user's is."""
    return load_images("fashion-mnist")


@pytest.fixture(scope="session")
def small_folder(fashion_mnist: ImageDataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MNIST-like folder with the first 2,000 + 500 pictures of Fashion-MNIST."""
    folder = tmp_path_factory.mktemp("small-fashion")
    for prefix, split, rows in (
        ("train", fashion_mnist.train, 2000),
        ("t10k", fashion_mnist.test, 500),
    ):
        write_idx(folder / f"{prefix}-images-idx3-ubyte", split.images[:rows])
        write_idx(folder / f"{prefix}-labels-idx1-ubyte", split.labels[:rows].astype(np.uint8))
    return folder


@pytest.fixture
def batch_by_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled code looks up after each batch, as the twin does, and not fifty times a second."""
    monkeypatch.setattr("multilayer.engine.compiled.compiled_step._SECONDS_AT_ONCE", 0.0)


@pytest.fixture
def twin(monkeypatch: pytest.MonkeyPatch) -> None:
    """The step of PyTorch's operations, also where there is compiled code."""
    monkeypatch.setenv("MULTILAYER_COMPILED", "0")


@pytest.fixture(scope="session")
def forks() -> Iterator[ForkServer]:
    server = ForkServer()
    yield server
    server.close()


COMMAND = "from multilayer.cli import main\nmain()"


@pytest.fixture
def start_multilayer(forks: ForkServer, tmp_path: Path) -> Iterator[Callable[..., Forked]]:
    """The command line in a fork, in an empty folder, its streams being pipes."""
    started: list[Forked] = []
    nothing = os.open(os.devnull, os.O_RDONLY)

    def start(*arguments: str | Path, cwd: Path = tmp_path, before: str = "", **env: str) -> Forked:
        """`before` is Python that runs first."""
        command = [Path(sys.executable).with_name("multilayer"), *map(str, arguments)]
        environment = {**os.environ, "PYTHONWARNINGS": "error", **env}
        program = f"import sys\n{before}\n{COMMAND}"
        streams = (nothing, None, None)
        started.append(forks.start(program, *command, cwd=cwd, env=environment, streams=streams))
        return started[-1]

    yield start
    os.close(nothing)
    for process in started:
        process.close()


@pytest.fixture
def multilayer(
    start_multilayer: Callable[..., Forked], tmp_path: Path
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The installed command, run in an empty folder, its output going into pipes.

    In a fork of a process that has everything loaded, but where there are options for
    `subprocess.run`.
    """

    def run(*arguments: str | Path, **options) -> subprocess.CompletedProcess[str]:
        command = [Path(sys.executable).with_name("multilayer"), *map(str, arguments)]
        if not options:
            process = start_multilayer(*arguments)
            said = process.communicate(timeout=SECONDS_UNTIL_STUCK)
            return subprocess.CompletedProcess(command, process.returncode, *said)
        environment = {**os.environ, "PYTHONWARNINGS": "error", **options.pop("env", {})}
        options = {"cwd": tmp_path, "timeout": SECONDS_UNTIL_STUCK, **options}
        return subprocess.run(
            command, capture_output=True, text=True, check=False, env=environment, **options
        )

    return run


class Window:
    """A terminal window of `columns` by `rows` in which one Python program runs."""

    def __init__(
        self, forks: ForkServer, program: str, columns: int, rows: int, **environment: str
    ) -> None:
        self.screen = pyte.HistoryScreen(columns, rows, history=1000)
        self.bytes = b""
        self._stream = pyte.ByteStream(self.screen)
        self._master, slave = pty.openpty()
        self._set_size(columns, rows)
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "COLORTERM")
        }
        environment = {**inherited, "TERM": "xterm-256color", "PYTHONUTF8": "1", **environment}
        program = textwrap.dedent(program)
        # How its streams are encoded is decided when a process begins.
        if "PYTHONIOENCODING" in environment:
            self.process: Forked | subprocess.Popen[str] = subprocess.Popen(
                [sys.executable, "-W", "error", "-c", program],
                stdin=subprocess.PIPE, stdout=slave, stderr=slave, text=True, env=environment,
            )  # fmt: skip
        else:
            self.process = forks.start(program, "-c", env=environment, streams=(None, slave, slave))
        os.close(slave)

    def _set_size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def resize(self, columns: int, rows: int) -> None:
        self._set_size(columns, rows)
        self.screen.resize(rows, columns)

    def read_until(self, mark: bytes) -> None:
        """Show what the program writes until it has written `mark` once more."""
        start = len(self.bytes)
        while mark not in self.bytes[start:]:
            assert self._read(), f"the program ended without writing {mark!r}:\n{self.text}"

    def read_to_end(self) -> int:
        """Show what the program writes until it ends, and return its exit status."""
        while self._read():
            pass
        return self.process.wait()

    def answer(self, line: str = "") -> None:
        """Write a line to the program's standard input, which is a pipe."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.screen.display]

    @property
    def text(self) -> str:
        return "\n".join(self.lines).rstrip("\n")

    @property
    def scrolled_away(self) -> list[str]:
        return [
            "".join(row[column].data for column in range(self.screen.columns)).rstrip()
            for row in self.screen.history.top
        ]

    @property
    def everything(self) -> list[str]:
        """What has been on the screen and was not drawn over, the oldest line first."""
        return [*self.scrolled_away, *self.lines]

    def find(self, text: str) -> tuple[int, int]:
        """Return the row and column at which `text` first stands on the screen."""
        for row, line in enumerate(self.lines):
            if text in line:
                return row, line.index(text)
        raise AssertionError(f"{text!r} is not on the screen:\n{self.text}")

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        if isinstance(self.process, Forked):
            self.process.close()
        os.close(self._master)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._master], [], [], SECONDS_UNTIL_STUCK)
        assert ready, f"the program is stuck:\n{self.text}"
        try:
            chunk = os.read(self._master, 65536)
        except OSError:  # Linux says so when the program at the other end has gone
            return False
        self.bytes += chunk
        self._stream.feed(chunk)
        return bool(chunk)


@pytest.fixture
def open_window(forks: ForkServer) -> Iterator[Callable[..., Window]]:
    windows: list[Window] = []

    def open_one(program: str, columns: int, rows: int, **environment: str) -> Window:
        windows.append(Window(forks, program, columns, rows, **environment))
        return windows[-1]

    yield open_one
    for window in windows:
        window.close()
