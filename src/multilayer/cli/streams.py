"""Standard streams that may be closed, full, gone, or unable to show a character.

A training is worth more than what is printed about it: what can no longer be printed goes nowhere,
and is told when the command is over.
"""

import codecs
import errno
import io
import os
import select
import shutil
import sys
from contextlib import suppress
from typing import IO, Any

from multilayer.cli.interrupts import request_stop_for_broken_pipe

_LEAST_COLUMNS = 20  # a help page in fewer takes minutes to lay out
_ERRORS = "multilayer.plain"
# Equivalents for terminals that show ASCII alone.
_PLAIN = {
    "²": "2", "×": "x", "…": "...", "µ": "u", "μ": "u", "–": "-", "—": "-", "−": "-", "·": ".",
    "•": "*", "→": "->", "≤": "<=", "≥": ">=", "±": "+-", "“": '"', "”": '"',
    "\N{LEFT SINGLE QUOTATION MARK}": "'", "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "─": "-", "━": "-", "╴": "-", "╶": "-", "╸": "-", "╺": "-", "│": "|", "┃": "|", "█": "#",
    "░": ".", "\N{NO-BREAK SPACE}": " ",
}  # fmt: skip


class OutputLostError(BaseException):
    """The standard output takes nothing more, and the command has nothing else to do."""


class _Output(io.RawIOBase):
    """A standard stream; once it takes nothing more, what is written goes nowhere.

    Args:
        descriptor: 1 or 2.
        is_open: whether it was when the process began.
    """

    def __init__(self, descriptor: int, is_open: bool) -> None:
        self._descriptor, self._is_open = descriptor, is_open
        self.goes_on = descriptor == 2
        self.error: OSError | None = None

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def fileno(self) -> int:
        return self._descriptor

    def write(self, data: Any) -> int:
        if not self._is_open and not self.goes_on and self.error is None:
            self.error = OSError(errno.EBADF, "it is closed")
            raise OutputLostError
        while True:
            try:
                return os.write(self._descriptor, data)
            except BlockingIOError:
                select.select([], [self._descriptor], [])
            except OSError as error:
                self._lose(error)
                return len(data)

    def _lose(self, error: OSError) -> None:
        """Let all that is written later, by C libraries too, go nowhere."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._descriptor)
        os.close(nowhere)
        self.error = error
        if self._descriptor == 2:
            return
        if isinstance(error, BrokenPipeError):
            if not request_stop_for_broken_pipe():
                raise OutputLostError
        elif not self.goes_on:
            raise OutputLostError


_guarded: dict[int, _Output] = {}


def guard_streams(*, goes_on: bool) -> None:
    """Make the standard streams safe to use, once a process.

    Args:
        goes_on: whether the command does something that is worth finishing though nobody sees it.
    """
    codecs.register_error(_ERRORS, _shown_in_ascii)
    is_open = [_open_if_closed(descriptor) for descriptor in (0, 1, 2)]
    if sys.stdin is None:
        sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)))
    sys.stdout = _guard(sys.stdout, 1, is_open[1])
    sys.stderr = _guard(sys.stderr, 2, is_open[2])
    _guarded[1].goes_on = goes_on
    with suppress(ValueError):  # COLUMNS may be anything
        if 0 < shutil.get_terminal_size().columns < _LEAST_COLUMNS:
            os.environ["COLUMNS"] = str(_LEAST_COLUMNS)


def flush_streams() -> OSError | None:
    """Write what is left to be written; what kept the standard output from it, if anything did."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OutputLostError, ValueError, OSError):
            stream.flush()
    return _guarded[1].error if _guarded else None


def _guard(stream: IO[str] | None, descriptor: int, is_open: bool) -> io.TextIOWrapper:
    if stream is not None:
        with suppress(OSError):
            stream.flush()
    raw = _guarded[descriptor] = _Output(descriptor, is_open)
    if os.name == "nt" and raw.isatty() and isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors=_ERRORS)  # a console of Windows takes text, no bytes
        return stream
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=getattr(stream, "encoding", None) or "utf-8",
        errors=_ERRORS,
        newline="\n",
        line_buffering=descriptor == 2 or raw.isatty(),
        write_through=descriptor == 2,
    )


def _open_if_closed(descriptor: int) -> bool:
    """Whether a standard stream is open; if not, no file of ours may get its number."""
    try:
        os.fstat(descriptor)
    except OSError:
        opened = os.open(os.devnull, os.O_RDWR)
        if opened != descriptor:
            os.dup2(opened, descriptor)
            os.close(opened)
        return False
    return True


def _shown_in_ascii(error: UnicodeError) -> tuple[str | bytes, int]:
    """An equivalent in ASCII, or an escape; of a byte that was no UTF-8 in a file name, too."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_plain, error.object[error.start : error.end])), error.end


def _plain(character: str) -> str:
    code = ord(character)
    if character in _PLAIN:
        return _PLAIN[character]
    if 0x2500 <= code < 0x2580:  # corners and crossings of boxes
        return "+"
    if 0xDC80 <= code < 0xDD00:
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("ascii", "backslashreplace").decode()
