"""Read Parquet and Arrow files as frames."""

import io
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from multilayer.errors import DataWarning, TableError
from multilayer.reading.columnar_process import END, ERROR, HEAD, NOTE, STANDS_STILL

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
    import polars as pl

    kind = "Parquet" if is_parquet else "Arrow"
    with _decoder(content, kind, source, rows_at_once) as process:
        assert process.stdout is not None
        while True:
            tag, message = _message(process.stdout)
            if tag == ERROR:
                raise TableError(message.decode())
            if tag == NOTE:
                name, _, note = message.decode().partition("\0")
                if name and left_out is not None:
                    left_out.append(name)
                warnings.warn(note, DataWarning, stacklevel=4)
                continue
            if tag == END:
                return
            if not tag:
                raise TableError(
                    f"{source} is not a readable {kind} file: {_death(process.wait())}"
                )
            yield pl.read_ipc_stream(io.BytesIO(message))


@contextmanager
def _decoder(
    content: Path | bytes, kind: str, source: str, rows_at_once: int | None
) -> Iterator[subprocess.Popen[bytes]]:
    command = [
        sys.executable, "-P", "-m", "multilayer.reading.columnar_process",
        str(content) if isinstance(content, Path) else "-", kind.lower(), source,
        str(rows_at_once or 0), str(os.getpid()),
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(  # noqa: S603 (a part of this package, without a shell)
        command,
        stdin=subprocess.PIPE if isinstance(content, bytes) else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # the message of a panic is in its error too
        env=environment,
        start_new_session=True,  # control-c goes to this process only
    ) as process:
        try:
            if process.stdin is not None and isinstance(content, bytes):
                with suppress(BrokenPipeError), process.stdin:
                    process.stdin.write(content)
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
