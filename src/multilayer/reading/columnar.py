"""Read Parquet and Arrow files as frames."""

import io
import json
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from multilayer.errors import DataWarning, TableError
from multilayer.reading.columnar_process import (
    END,
    ERROR,
    FILE,
    HEAD,
    NOTE,
    SEVERAL,
    STANDS_STILL,
    decoded_pieces,
    named_in_utf_8,
)

if TYPE_CHECKING:
    import polars as pl

PARQUET, ARROW, OLD_FEATHER = b"PAR1", b"ARROW1", b"FEA1"


def read_columnar_pieces(
    content: Path | bytes,
    is_parquet: bool,
    source: str,
    rows_at_once: int | None,
    left_out: list[str] | None = None,
) -> Iterator["pl.DataFrame"]:
    """Read a Parquet file or an Arrow file (Feather, version 2) in pieces.

    It is decoded in a subprocess, which a damaged file may crash: see `columnar_process`. Columns
    of lists, structs or bytes are left out with a `DataWarning`.

    Args:
        content: The file's path or its content.
        is_parquet: Whether it is Parquet or Arrow.
        source: Name of the file in errors.
        rows_at_once: Rows to decode at once; None: all, which are still returned in pieces.
        left_out: The names of columns left out are appended here.

    Raises:
        TableError: the file is damaged, its metadata gives another number of rows than it has, a
            text is longer than 32 MB, or all rows at once do not fit in memory.
    """
    with _decoder(
        str(content) if isinstance(content, Path) else "-", is_parquet, source, rows_at_once,
        content if isinstance(content, bytes) else None,
    ) as process:  # fmt: skip
        for _, piece in _pieces_from(process, is_parquet, [source], left_out):
            yield piece


@dataclass(frozen=True)
class ColumnarFile:
    """One of several Parquet or Arrow files, uncompressed.

    Attributes:
        path: of the file.
        rows: which of its rows to read, from 0; None: all.
    """

    path: Path
    rows: range | None = None


def read_columnar_files(
    files: Sequence[ColumnarFile],
    is_parquet: bool,
    rows_at_once: int | None,
    left_out: list[str] | None = None,
) -> Iterator[tuple[int, "pl.DataFrame"]]:
    """Read several Parquet or Arrow files in pieces, in one subprocess, which is slow to begin.

    Args:
        files: of one format.
        is_parquet: whether it is Parquet or Arrow.
        rows_at_once: see `read_columnar_pieces`.
        left_out: see `read_columnar_pieces`.

    Yields:
        The index of the file, and rows of it; at least one piece of each file.

    Raises:
        TableError: see `read_columnar_pieces`.
    """
    rows = [None if file.rows is None else (file.rows.start, file.rows.stop) for file in files]
    names = [str(file.path) for file in files]
    listed = json.dumps(list(zip(names, names, rows, strict=True))).encode()
    with _decoder(SEVERAL, is_parquet, "", rows_at_once, listed) as process:
        yield from _pieces_from(process, is_parquet, names, left_out)


def decode_columnar_files(
    files: Sequence[ColumnarFile],
    is_parquet: bool,
    rows_at_once: int | None,
    left_out: list[str] | None = None,
) -> Iterator[tuple[int, "pl.DataFrame"]]:
    """Read several Parquet or Arrow files in this process, which a damaged file may end.

    No row goes through a pipe. For all else see `read_columnar_files`.
    """
    for place, file in enumerate(files):
        path = named_in_utf_8(str(file.path))
        for found in decoded_pieces(path, is_parquet, str(file.path), rows_at_once, file.rows):
            if isinstance(found, str):
                _note(found, left_out)
            else:
                yield place, found


def _note(message: str, left_out: list[str] | None) -> None:
    """Pass on a note of `decoded_pieces`."""
    name, _, note = message.partition("\0")
    if name and left_out is not None:
        left_out.append(name)
    warnings.warn(note, DataWarning, stacklevel=6)


def _pieces_from(
    process: subprocess.Popen[bytes],
    is_parquet: bool,
    sources: Sequence[str],
    left_out: list[str] | None,
) -> Iterator[tuple[int, "pl.DataFrame"]]:
    """What a decoder sends: the index of a file, and rows of it."""
    import polars as pl

    assert process.stdout is not None
    place = -1
    while True:
        tag, message = _message(process.stdout)
        if tag == FILE:
            place += 1
        elif tag == ERROR:
            raise TableError(message.decode())
        elif tag == NOTE:
            _note(message.decode(), left_out)
        elif tag == END:
            return
        elif not tag:
            kind = "Parquet" if is_parquet else "Arrow"
            raise TableError(
                f"{sources[max(place, 0)]} is not a readable {kind} file: {_death(process.wait())}"
            )
        else:
            yield place, pl.read_ipc_stream(io.BytesIO(message))


@contextmanager
def _decoder(
    path: str, is_parquet: bool, source: str, rows_at_once: int | None, given: bytes | None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that decodes a file; `given` is what it reads from its standard input."""
    command = [
        sys.executable, "-P", "-m", "multilayer.reading.columnar_process",
        path, "parquet" if is_parquet else "arrow", source, str(rows_at_once or 0),
        str(os.getpid()),
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(  # noqa: S603 (a part of this package, without a shell)
        command,
        stdin=subprocess.DEVNULL if given is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # the message of a panic is in its error too
        env=environment,
        start_new_session=True,  # control-c goes to this process only
    ) as process:
        try:
            if process.stdin is not None and given is not None:
                with suppress(BrokenPipeError), process.stdin:
                    process.stdin.write(given)
            yield process
        finally:
            process.kill()


def _message(output: IO[bytes]) -> tuple[bytes, bytes]:
    """Kind and content of the next message of the process; empty if there is none complete."""
    head = output.read(HEAD.size)
    if len(head) < HEAD.size:
        return b"", b""
    kind, length = HEAD.unpack(head)
    content = output.read(length)
    return (kind, content) if len(content) == length else (b"", b"")


def _death(status: int) -> str:
    """How the subprocess ended."""
    if status == STANDS_STILL:
        return "the decoder made no progress"
    if status < 0:
        return f"the decoder was ended by {signal.Signals(-status).name}"
    return f"the decoder ended with status {status}"
