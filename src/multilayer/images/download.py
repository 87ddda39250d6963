"""Places on the machine and on the network that offer Fashion-MNIST.

Each place is a function that takes an empty working folder, which it may fill, and gives the folder
where the four idx files are; or raises DatasetNotFoundError with the reason. Nothing that comes
from here is trusted: whoever calls compares the checksums.
"""

import http.client
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from multilayer.errors import DatasetNotFoundError, escaped
from multilayer.images.folder import FILE_NAMES

DEBIAN_PACKAGE = "dataset-fashion-mnist"
DEBIAN_FOLDER = "usr/share/datasets/fashion-mnist"
SYSTEM_ROOT = Path("/")
PUBLISHED_ADDRESS = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"
DOWNLOAD_BYTES = 30_900_000
LARGEST_DOWNLOAD_BYTES = 2 * DOWNLOAD_BYTES
STALL_SECONDS = 20
APT_OPTIONS = (
    *("-o", f"Acquire::http::Timeout={STALL_SECONDS}"),
    *("-o", f"Acquire::https::Timeout={STALL_SECONDS}"),
    *("-o", "Acquire::Retries=1"),
)

ShowBytes = Callable[[int], None]


def installed_package(_work: Path) -> Path:
    """Give the folder of the Debian package, where it is installed."""
    folder = SYSTEM_ROOT / DEBIAN_FOLDER
    if not folder.is_dir():
        raise DatasetNotFoundError(f"{folder} does not exist")
    return folder


def downloaded_package(work: Path) -> Path:
    """Download the Debian package with apt-get and unpack it; needs no root and installs nothing.

    The system's package lists are tried first. Where they are absent or too old, lists are fetched
    into `work` and the system's are left alone.
    """
    for program in ("apt-get", "dpkg-deb"):
        if shutil.which(program) is None:
            raise DatasetNotFoundError(f"{program} is not installed")
    try:
        _download_package(work, lists=())
    except DatasetNotFoundError:
        for part in work.glob("*.deb"):
            part.unlink()
        lists = ("-c", str(_configure_own_lists(work)))
        with _shown("fetching the package lists for apt-get (10 MB)"):
            complaints = _run(["apt-get", *APT_OPTIONS, *lists, "update"], work).stderr
        # To apt-get a list that it cannot fetch is no failure, but it is the cause of the next one.
        _download_package(work, lists, complaints)
    unpacked = work / "unpacked"
    package = next(work.glob("*.deb"))
    result = _run(["dpkg-deb", "-x", str(package), str(unpacked)], work)
    if result.returncode:
        raise DatasetNotFoundError(_first_complaint(result.stderr))
    return unpacked / DEBIAN_FOLDER


def published_download(work: Path) -> Path:
    """Download the four files from where the authors of the data set published them."""
    done = 0
    with _shown("fetching Fashion-MNIST as published (31 MB)") as show:
        for name in FILE_NAMES:
            address = f"{PUBLISHED_ADDRESS}/{name}.gz"
            try:
                with (
                    urlopen(address, timeout=STALL_SECONDS) as response,  # noqa: S310 - a constant
                    (work / f"{name}.gz").open("wb") as file,
                ):
                    while block := response.read(1 << 16):
                        file.write(block)
                        done += len(block)
                        show(done)
                        if done > LARGEST_DOWNLOAD_BYTES:
                            raise DatasetNotFoundError(f"{address} sends far more than it should")
            except (OSError, http.client.HTTPException) as error:
                if isinstance(error, HTTPError):
                    error.close()  # it is also the answer, with the connection
                reason = error.reason if type(error) is URLError else error
                raise DatasetNotFoundError(f"{address} ({reason})") from error
    return work


def _download_package(work: Path, lists: tuple[str, ...], complaints: str = "") -> None:
    """Let apt-get put the package into `work`.

    Args:
        work: The folder.
        lists: The options that name the package lists; none for the system's.
        complaints: What apt-get has written so far, which may hold the reason for a failure.
    """
    with _shown("fetching Fashion-MNIST as a Debian package (31 MB)") as show:
        command = ["apt-get", *APT_OPTIONS, *lists, "download", DEBIAN_PACKAGE]
        result = _run(command, work, lambda: show(_size_of_packages(work)))
    if result.returncode or not list(work.glob("*.deb")):
        raise DatasetNotFoundError(_first_complaint(complaints + result.stderr))


def _configure_own_lists(work: Path) -> Path:
    """Write an apt-get configuration that keeps everything apt-get writes within `work`."""
    for folder in ("state", "cache"):
        (work / folder).mkdir()
    configuration = work / "apt.conf"
    configuration.write_text(
        f'Dir::State "{work}/state";\n'
        f'Dir::State::lists "{work}/state/lists";\n'
        f'Dir::Cache "{work}/cache";\n'
        f'Dir::Cache::archives "{work}/cache/archives";\n'
        'Acquire::Languages "none";\n'
        # What the machine does after its own updates (refresh catalogues, …) is not for this one.
        "#clear APT::Update::Post-Invoke;\n"
        "#clear APT::Update::Post-Invoke-Success;\n"
    )
    return configuration


def _run(
    command: list[str], folder: Path, meanwhile: Callable[[], None] = lambda: None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and call `meanwhile` ten times a second."""
    errors = folder / "stderr"
    with (
        errors.open("w+", errors="replace") as stderr,
        subprocess.Popen(  # noqa: S603 - no part of the command comes from a user
            command,
            cwd=folder,
            env={**os.environ, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
        ) as process,
    ):
        try:
            while process.poll() is None:
                meanwhile()
                time.sleep(0.1)
        except BaseException:
            process.kill()
            raise
        stderr.seek(0)
        return subprocess.CompletedProcess(command, process.returncode, stderr=stderr.read())


def _size_of_packages(work: Path) -> int:
    with suppress(FileNotFoundError):  # apt-get may rename a file at any time
        return sum(path.stat().st_size for path in work.glob("*.deb"))
    return 0


def _first_complaint(stderr: str) -> str:
    """Pick the line of apt-get's or dpkg-deb's output that says what went wrong first."""
    lines = [" ".join(line.split()) for line in stderr.splitlines()]
    for start in ("W: Failed", "E:", "dpkg-deb: error:"):
        for line in lines:
            if line.startswith(start):
                return line.removeprefix("W: ").removeprefix("E: ")
    return lines[-1] if lines else "no reason given"


@contextmanager
def _shown(title: str) -> Iterator[ShowBytes]:
    """Say on stderr what is fetched, and in a terminal how far it is."""
    print(f"{escaped(title)} …", file=sys.stderr, flush=True)
    if not sys.stderr.isatty():
        yield lambda _done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    columns = (BarColumn(bar_width=None), DownloadColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, expand=True) as progress:
        task = progress.add_task(title, total=None)
        yield lambda done: progress.update(task, completed=done, total=DOWNLOAD_BYTES)
