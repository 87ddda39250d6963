"""Decodes a Parquet or Arrow file for `read_columnar`, as a process of its own.

A damaged file can make the decoder panic, ask for more memory than there is, or end the process
without a word. Here that ends this process and not the one that was asked to read.

It writes messages to the standard output: a letter, a length and so many bytes. P: rows, as an
Arrow stream. E: an error, in UTF-8. Z: all rows have been sent. Without Z or E it has died.
"""

import io
import os
import resource
import struct
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from multilayer.data.byte_stream import memory_bytes
from multilayer.data.plain_columns import with_plain_columns
from multilayer.errors import TableError

if TYPE_CHECKING:
    import polars as pl

HEAD = struct.Struct("<cQ")
ROWS, ERROR, END = b"P", b"E", b"Z"
# Exit status of one that has stood still for so long: the threads of the decoder wait for another.
STANDS_STILL = 3
_SECONDS_OF_STANDING_STILL = 60.0
BYTES_A_VALUE = 8
_ROWS_A_MESSAGE = 100_000


def decoded_pieces(
    content: Path | bytes, is_parquet: bool, source: str, rows_at_once: int | None
) -> Iterator["pl.DataFrame"]:
    """The rows of a file in this process; for arguments and errors see `read_columnar_pieces`."""
    import polars as pl

    file = content if isinstance(content, Path) else io.BytesIO(content)
    try:
        scan = (pl.scan_parquet if is_parquet else pl.scan_ipc)(file)
        schema = scan.collect_schema()
        # Nested columns are refused before they are read.
        with_plain_columns(pl.DataFrame(schema=schema), source)
        num_rows = int(scan.select(pl.len()).collect().item())
        if rows_at_once is None:
            if num_rows * len(schema) * BYTES_A_VALUE > memory_bytes():
                raise TableError(
                    f"{source} has {num_rows:,} rows and {len(schema):,} columns, "
                    "which is more than this machine holds at once"
                )
            rows_at_once = max(num_rows, 1)
        for start in range(0, max(num_rows, 1), rows_at_once):
            rows = with_plain_columns(scan.slice(start, rows_at_once).collect(), source)
            yield from rows.iter_slices(_ROWS_A_MESSAGE) if len(rows) else [rows]
    except TableError:
        raise
    except (Exception, pl.exceptions.PanicException) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        kind = "Parquet" if is_parquet else "Arrow"
        raise TableError(f"{source} is no {kind} file that can be read: {reason}") from error


class Sender:
    """Writes the messages of a file.

    Args:
        output: where to.
    """

    def __init__(self, output: BinaryIO) -> None:
        self._output = output
        self.waits = False  # for whoever reads

    def send_pieces(
        self, content: Path | bytes, is_parquet: bool, source: str, rows_at_once: int | None
    ) -> None:
        """Send all rows, or an error."""
        try:
            for rows in decoded_pieces(content, is_parquet, source, rows_at_once):
                stream = io.BytesIO()
                rows.write_ipc_stream(stream)
                self._send(ROWS, stream.getbuffer())
        except TableError as error:
            self._send(ERROR, str(error).encode(errors="replace"))
        else:
            self._send(END, b"")

    def _send(self, kind: bytes, content: bytes | memoryview) -> None:
        self.waits = True
        self._output.write(HEAD.pack(kind, len(content)))
        self._output.write(content)
        self._output.flush()
        self.waits = False


def _leave_if_still(sender: Sender) -> None:
    """End the process once nothing was computed for a while, unless nobody takes the rows."""
    computed = time.process_time()
    while True:
        time.sleep(_SECONDS_OF_STANDING_STILL)
        before, computed = computed, time.process_time()
        if computed - before < _SECONDS_OF_STANDING_STILL / 1000 and not sender.waits:
            os._exit(STANDS_STILL)


def main() -> None:
    """Decode the file that the command line names; - is the content on the standard input."""
    path, kind, source, rows_at_once = sys.argv[1:]
    content = sys.stdin.buffer.read() if path == "-" else Path(path)
    size = len(content) if isinstance(content, bytes) else content.stat().st_size
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = memory_bytes() + size  # a file is mapped into memory
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    sender = Sender(sys.stdout.buffer)
    threading.Thread(target=_leave_if_still, args=(sender,), daemon=True).start()
    sender.send_pieces(content, kind == "parquet", source, int(rows_at_once) or None)


if __name__ == "__main__":
    main()
