"""What this package finds of Python's library on Windows, for its own modules alone.

`python like_windows.py FOLDER` runs the commands in a process in which those modules find neither
the modules nor the names that Windows lacks; libraries find all of them.
"""

import errno
import http.client
import importlib
import io
import json
import signal
import sys
import threading
import time
from pathlib import Path
from types import ModuleType
from typing import Any

MODULES = ("crypt", "curses", "fcntl", "grp", "posix", "pty", "pwd", "readline", "resource",
           "syslog", "termios", "tty")  # fmt: skip
_OF_OS = """
O_ASYNC O_CLOEXEC O_DIRECTORY O_DSYNC O_NOATIME O_NOCTTY O_NOFOLLOW O_NONBLOCK O_PATH O_SYNC
O_TMPFILE WEXITSTATUS WIFEXITED WIFSIGNALED WNOHANG WTERMSIG chown chroot confstr copy_file_range
ctermid environb eventfd fchdir fchmod fchown fdatasync fork forkpty fpathconf fstatvfs
get_blocking getegid geteuid getgid getgroups getloadavg getpgid getpgrp getpriority getresuid
getsid getuid getxattr initgroups killpg lchown listxattr lockf major makedev memfd_create minor
mkfifo mknod nice openpty pathconf pidfd_open pipe2 posix_fadvise posix_fallocate posix_spawn
posix_spawnp pread preadv pwrite pwritev readv register_at_fork removexattr sched_getaffinity
sched_setaffinity sched_yield sendfile set_blocking setegid seteuid setgid setgroups setpgid
setpriority setsid setuid setxattr splice statvfs sync sysconf tcgetpgrp tcsetpgrp ttyname uname
unshare wait wait3 wait4 waitid writev
"""
_OF_SIGNAL = """
ITIMER_REAL SIGALRM SIGBUS SIGCHLD SIGCONT SIGHUP SIGIO SIGKILL SIGPIPE SIGPROF SIGQUIT SIGSTOP
SIGSYS SIGTRAP SIGTSTP SIGTTIN SIGTTOU SIGURG SIGUSR1 SIGUSR2 SIGVTALRM SIGWINCH SIGXCPU SIGXFSZ
alarm getitimer pause pthread_kill pthread_sigmask setitimer siginterrupt sigpending sigtimedwait
sigwait sigwaitinfo
"""
NAMES = {"os": set(_OF_OS.split()), "signal": set(_OF_SIGNAL.split())}
LIBRARIES = (
    "asyncio", "multiprocessing.util", "subprocess", "cyclopts", "filelock", "matplotlib.pyplot",
    "optuna", "polars", "rich.console", "sklearn.base", "torch", "uvicorn",
    "uvicorn.protocols.http.httptools_impl",
)  # fmt: skip
O_BINARY = 0x8000  # Linux passes it over


class Lacking(ModuleType):
    """A module that lacks names for those who ask from within this package.

    Args:
        real: the module.
        instead: other values of names, for the same.
    """

    def __init__(self, real: ModuleType, **instead: Any) -> None:
        super().__init__(real.__name__)
        self._real, self._instead = real, instead
        self.__all__ = [name for name in dir(real) if not name.startswith("_")]

    def __getattr__(self, name: str) -> Any:
        asked_by = sys._getframe(1).f_globals.get("__name__", "")
        if asked_by.partition(".")[0] == "multilayer":
            if name in self._instead:
                return self._instead[name]
            if name in NAMES[self._real.__name__]:
                raise AttributeError(f"module {self._real.__name__!r} has no attribute {name!r}")
        return getattr(self._real, name)


def behave_like_windows() -> list[tuple[int, int]]:
    """Let the modules of this package, none of which is loaded, find what they find on Windows.

    Returns:
        Descriptors and places that were locked, a list that grows.
    """
    import fcntl
    import os

    assert not [name for name in sys.modules if name.partition(".")[0] == "multilayer"]
    locked: list[tuple[int, int]] = []

    def open_as_windows(path: Any, flags: int, mode: int = 0o777) -> int:
        assert flags & O_BINARY, f"{path} is opened as text"
        if Path(path).is_dir():
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return os.open(path, flags & ~O_BINARY, mode)

    def lock_byte(descriptor: int, mode: int, num_bytes: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PermissionError(errno.EACCES, "Permission denied") from None
        locked.append((descriptor, os.lseek(descriptor, 0, os.SEEK_CUR)))

    windows_os = Lacking(os, name="nt", O_BINARY=O_BINARY, open=open_as_windows)
    sys.modules["os"], sys.modules["signal"] = windows_os, Lacking(signal)
    sys.modules.update(dict.fromkeys(MODULES))  # importing them fails
    msvcrt = ModuleType("msvcrt")
    msvcrt.locking, msvcrt.LK_NBLCK = lock_byte, 2
    sys.modules["msvcrt"] = msvcrt
    return locked


def decode_parquet(path: Path) -> list[bytes]:
    """What a decoder of Parquet files sends, as the first letters of its messages."""
    import polars as pl

    pl.DataFrame({"a": [1, 2]}).write_parquet(path)
    from multilayer.reading import columnar_process

    given, output = sys.argv, sys.stdout
    sys.stdout = io.TextIOWrapper(io.BytesIO())
    sys.argv = ["decoder", str(path), "parquet", "source", "0", "1"]  # 1: there is a launcher
    try:
        columnar_process.main()
        time.sleep(2 * columnar_process._SECONDS_TO_OUTLIVE)
        sent = sys.stdout.buffer.getvalue()
    finally:
        sys.argv, sys.stdout = given, output
    kinds = []
    while sent:
        kind, length = columnar_process.HEAD.unpack_from(sent)
        kinds.append(kind)
        sent = sent[columnar_process.HEAD.size + length :]
    return kinds


def health_of(lines: "Lines") -> None:
    """Wait for a server's address among the lines, ask for its health, and have it end."""
    lines.has_page.wait()
    page = next(line for line in lines.lines if line.startswith("page "))
    connection = http.client.HTTPConnection(page.split()[1].split("/")[2], timeout=60)
    connection.request("GET", "/v2/health/ready")
    lines.status = connection.getresponse().status
    connection.close()
    signal.raise_signal(signal.SIGTERM)


class Lines:
    """A stream that keeps its lines."""

    def __init__(self) -> None:
        self.lines, self.has_page, self.status = [""], threading.Event(), None

    def write(self, text: str) -> int:
        first, *others = text.split("\n")
        self.lines[-1] += first
        self.lines += others
        if any(line.startswith("page ") for line in self.lines[:-1]):
            self.has_page.set()
        return len(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return False


def main(folder: Path) -> None:
    """Train, answer and serve; prints what came out as JSON."""
    for name in LIBRARIES:  # they do as they always do
        importlib.import_module(name)
    locked = behave_like_windows()
    assert decode_parquet(folder / "rows.parquet") == [b"F", b"P", b"Z"]
    from multilayer.cli.address_space import can_load
    from multilayer.cli.application import run
    from multilayer.cli.interrupts import receive_signals
    from multilayer.cli.streams import flush_streams, guard_streams

    rows, trained = str(folder / "rows.csv"), str(folder / "run")
    quick = [
        "--recipe",
        "fast",
        "--max-epochs",
        "2",
        "--num-threads",
        "1",
        "--checkpoint-every",
        "0s",
    ]
    commands = [
        ["train", rows, "--target", "price", *quick, "--quiet", "--output", trained],
        ["predict", trained, rows, "--output", str(folder / "answers.csv")],
        ["evaluate", trained, rows],
        [
            "tune",
            rows,
            "--target",
            "price",
            "--trials",
            "2",
            *quick[:-2],
            "--output",
            str(folder / "study"),
        ],
        ["serve", trained, "--port", "0"],
    ]
    codes, lines = {}, Lines()
    with receive_signals():
        guard_streams(goes_on=True)
        output, sys.stdout = sys.stdout, lines
        for command in commands:
            assert can_load(command)
            if command[0] == "serve":
                asking = threading.Thread(target=health_of, args=(lines,))
                asking.start()
            codes[command[0]] = run(command)
        asking.join()
        sys.stdout = output
        print(json.dumps({"codes": codes, "health": lines.status, "locked": locked}))
        flush_streams()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
