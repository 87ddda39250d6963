"""Small data in place of Fashion-MNIST, and a real terminal."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType

import pyte
import pytest
import torch

import multilayer as d2l

AS_TERMINALS_OWNER = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"


class SmallImages(d2l.DataModule):
    """Random images with random labels, as many as a test wants."""

    def __init__(self, num_train=50, num_val=23, batch_size=10):
        super().__init__()
        self.save_hyperparameters()
        self.train, self.val = (
            d2l.LabelledImages(
                torch.randint(0, 256, (n, 6, 5), dtype=torch.uint8),
                torch.randint(0, 10, (n,)),
                (6, 5),
            )
            for n in (num_train, num_val)
        )

    def get_dataloader(self, train):
        images = self.train if train else self.val
        return images.batches(self.batch_size, shuffle=train)


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the programs that tests start from waiting for a second core on a busy machine."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture
def small_images() -> SmallImages:
    torch.manual_seed(7)
    return SmallImages()


@pytest.fixture(scope="session")
def fashion_mnist() -> d2l.FashionMNIST:
    return d2l.FashionMNIST(batch_size=256)


@pytest.fixture(scope="session")
def printed_code() -> str:
    """The book's code, with two epochs in place of ten."""
    code = Path(__file__).with_name("printed_code.txt").read_text()
    assert code.count("max_epochs=10") == 1
    return code.replace("max_epochs=10", "max_epochs=2")


class Terminal:
    """A pseudo-terminal that a Python program owns, seen through a terminal emulator."""

    def __init__(self, program: str, columns: int, rows: int) -> None:
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self._master, self._slave = pty.openpty()
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.settings_before = self.settings
        unwanted = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES")
        environment = {k: v for k, v in os.environ.items() if k not in unwanted}
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", AS_TERMINALS_OWNER + program],
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            start_new_session=True,
            env=environment | {"TERM": "xterm-256color", "PYTHONUTF8": "1"},
        )

    @property
    def settings(self) -> list[object]:
        return termios.tcgetattr(self._slave)

    @property
    def text(self) -> str:
        return "\n".join(self.screen.display)

    def press(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def show_until(self, condition: Callable[[], bool]) -> None:
        """Show what the program writes until the condition holds."""
        os.set_blocking(self._master, False)
        while not condition():
            try:
                self._stream.feed(os.read(self._master, 65536))
            except BlockingIOError:
                has_ended = self.process.poll() is not None
                assert not has_ended or condition(), self.text
                time.sleep(0.02)

    def show_to_end(self) -> int:
        """Show what the program writes until it ends, and return its exit status."""
        self.show_until(lambda: self.process.poll() is not None)
        with suppress(BlockingIOError):
            while True:
                self._stream.feed(os.read(self._master, 65536))
        return self.process.returncode

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)
        os.close(self._slave)


@pytest.fixture
def open_terminal() -> Iterator[Callable[..., Terminal]]:
    terminals: list[Terminal] = []

    def open_one(program: str, columns: int = 80, rows: int = 30) -> Terminal:
        terminals.append(Terminal(program, columns, rows))
        return terminals[-1]

    yield open_one
    for terminal in terminals:
        terminal.close()


@pytest.fixture
def pyplot() -> Iterator[ModuleType]:
    """Pyplot without a window, its figures and settings as new."""
    import matplotlib
    from matplotlib import pyplot

    with matplotlib.rc_context():
        pyplot.switch_backend("agg")
        yield pyplot
        pyplot.close("all")
