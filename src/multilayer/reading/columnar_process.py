"""Decode a Parquet or Arrow file for `read_columnar_pieces`, in a subprocess.

A damaged file can make the decoder panic, run out of memory or crash the process. In a subprocess
that does not end the reader's process.

Messages on the standard output are a letter, a length and so many bytes. F: a file begins, of
several. P: rows, as an Arrow stream. N: a note, in UTF-8. E: an error. Z: all rows were sent.
Without Z or E the process died.
"""

import io
import json
import os
import struct
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from multilayer.errors import TableError
from multilayer.reading.arrow_schema import dictionary_columns
from multilayer.reading.byte_stream import largest_whole_bytes, memory_bytes
from multilayer.reading.plain_columns import with_plain_columns

if TYPE_CHECKING:
    import polars as pl

HEAD = struct.Struct("<cQ")
FILE, ROWS, NOTE, ERROR, END = b"F", b"P", b"N", b"E", b"Z"
SEVERAL = "+"  # instead of a path: they are on the standard input
# Exit statuses: the decoder's threads were deadlocked; the parent process is gone.
STANDS_STILL, LEFT_ALONE = 3, 4
_SECONDS_OF_STANDING_STILL = 60.0
BYTES_A_VALUE = 8
_ROWS_A_MESSAGE = 100_000
_TEXT_A_MESSAGE = 2**28
_MOST_BYTES_A_BYTE = 1000  # largest ratio of text to file size
_LEAST_UNPACKED_BYTES = 2**30  # that any file may hold
_LARGEST_TEXT_BYTES = 2**25
_SECONDS_TO_OUTLIVE = 0.25


def decoded_pieces(
    content: Path | bytes,
    is_parquet: bool,
    source: str,
    rows_at_once: int | None,
    selected: range | None = None,
) -> Iterator["pl.DataFrame | str"]:
    """Decode a file in this process: yields notes on columns, then rows.

    A note is the name of a column that is left out, or nothing, followed by a NUL and a sentence.
    For arguments and errors see `read_columnar_pieces`, and `ColumnarFile` for `selected`.
    """
    import polars as pl

    file = content if isinstance(content, Path) else io.BytesIO(content)
    kind = "Parquet" if is_parquet else "Arrow"
    try:
        metadata = pl.read_parquet_metadata(file) if is_parquet else None
        scan = (pl.scan_parquet if is_parquet else pl.scan_ipc)(file)
        schema = scan.collect_schema()
        kept, notes = _kept_columns(schema, source)
        yield from notes
        categories = [
            pl.col(name).cast(pl.String).cast(pl.Categorical)
            for name in sorted(dictionary_columns(file, metadata) & set(kept))
            if schema[name].is_numeric()
        ]
        scan = scan.select(kept)
        num_rows = int(scan.select(pl.len()).collect().item())
        size = len(content) if isinstance(content, bytes) else content.stat().st_size
        most_bytes = max(_LEAST_UNPACKED_BYTES, size * _MOST_BYTES_A_BYTE)
        if num_rows * len(kept) * BYTES_A_VALUE > most_bytes:
            raise TableError(
                f"{source} has {num_rows:,} rows and {len(kept):,} columns in {size:,} bytes, more "
                "than such a file can hold unless nearly all its values are equal; keep fewer rows"
            )
        num_selected = num_rows if selected is None else len(range(num_rows)[_slice_of(selected)])
        if rows_at_once is None and num_selected * len(kept) * BYTES_A_VALUE > memory_bytes():
            raise TableError(
                f"{source} has {num_rows:,} rows and {len(kept):,} columns, "
                "which do not fit in the memory of this machine"
            )
        if rows_at_once is None:
            most_bytes = min(most_bytes, largest_whole_bytes())
        num_found, num_bytes = 0, 0
        if selected is not None:
            scan = scan.slice(selected.start, num_selected)
        for rows in _slices(scan, num_selected, rows_at_once):
            text_bytes = _text_bytes(rows, source, num_found)
            num_bytes += text_bytes
            if num_bytes > most_bytes:
                raise TableError(
                    f"{source} unpacks to more than {most_bytes:,} bytes of text: it does not fit "
                    "in the memory of this machine, or is damaged"
                )
            num_found += len(rows)
            at_once = min(_ROWS_A_MESSAGE, max(1, len(rows) * _TEXT_A_MESSAGE // (text_bytes + 1)))
            for part in rows.iter_slices(at_once) if len(rows) else [rows]:
                yield with_plain_columns(part, source).with_columns(categories)
        if num_found != num_selected:
            raise TableError(
                f"{source} is a damaged {kind} file: its metadata gives {num_selected:,} rows, it "
                f"has {num_found:,}"
            )
    except TableError:
        raise
    except (Exception, pl.exceptions.PanicException) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise TableError(f"{source} is not a readable {kind} file: {reason}") from error


def _slice_of(rows: range) -> slice:
    return slice(rows.start, rows.stop)


def _kept_columns(schema: "pl.Schema", source: str) -> tuple[list[str], list[str]]:
    """Names of the columns that can be read, and notes on the others."""
    import polars as pl

    kept, notes = [], []
    for name, dtype in schema.items():
        if dtype.is_nested() or dtype in (pl.Binary, pl.Object):
            what = "bytes" if dtype == pl.Binary else str(dtype).lower()
            notes.append(f"{name}\0column {name!r} of {source} holds {what} and is left out")
        else:
            kept.append(name)
    if not kept:
        raise TableError(
            f"no column of {source} holds numbers, text, booleans, dates or times"
            + (f": {notes[0].partition(chr(0))[2]}" if notes else "")
        )
    return kept, notes


def _slices(
    scan: "pl.LazyFrame", num_rows: int, rows_at_once: int | None
) -> Iterator["pl.DataFrame"]:
    """The rows in slices, at least one; the last goes to the end whatever `num_rows` says."""
    if rows_at_once is None or num_rows <= rows_at_once:
        yield scan.collect()
        return
    for start in range(0, num_rows, rows_at_once):
        is_last = start + rows_at_once >= num_rows
        yield scan.slice(start, None if is_last else rows_at_once).collect()


def _text_bytes(rows: "pl.DataFrame", source: str, num_before: int) -> int:
    """Bytes of all texts of the rows, with dictionary values counted in each row.

    Raises:
        TableError: a text is too long.
    """
    import polars as pl

    total = 0
    for series in rows.iter_columns():
        if series.dtype == pl.String:
            lengths = series.str.len_bytes()
        elif series.dtype in (pl.Categorical, pl.Enum):
            lengths = series.cat.len_bytes()
        else:
            continue
        longest = lengths.max()
        if isinstance(longest, int) and longest > _LARGEST_TEXT_BYTES:
            raise TableError(
                f"row {num_before + int(lengths.arg_max() or 0) + 1} of column {series.name!r} of "
                f"{source} holds {longest:,} bytes of text; at most {_LARGEST_TEXT_BYTES:,} are "
                "allowed"
            )
        total += int(lengths.cast(pl.UInt64).sum() or 0)
    return total


def num_rows_of(path: Path, is_parquet: bool) -> int:
    """Rows of a file, as its metadata gives them; raises what polars raises."""
    import polars as pl

    scan = (pl.scan_parquet if is_parquet else pl.scan_ipc)(path)
    return int(scan.select(pl.len()).collect().item())


class Decoding:
    """Whether this process decodes; see `leave_if_still`."""

    waits = False  # for another process


class Sender(Decoding):
    """Writes the messages to the parent process."""

    def __init__(self, output: BinaryIO) -> None:
        self._output = output

    def send_pieces(
        self, files: list[tuple[Path | bytes, str, range | None]], is_parquet: bool,
        rows_at_once: int | None,
    ) -> None:  # fmt: skip
        """Send all notes and rows of each file, or an error.

        Args:
            files: of each path or content, its name in errors, and which rows; None: all.
            is_parquet: or Arrow.
            rows_at_once: see `read_columnar_pieces`.
        """
        try:
            for content, source, selected in files:
                self._send(FILE, b"")
                for rows in decoded_pieces(content, is_parquet, source, rows_at_once, selected):
                    if isinstance(rows, str):
                        self._send(NOTE, rows.encode(errors="replace"))
                        continue
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


def leave_if_still(decoding: Decoding) -> None:
    """Exit if no CPU time was used for 60 s, unless it waits."""
    computed = time.process_time()
    while True:
        time.sleep(_SECONDS_OF_STANDING_STILL)
        before, computed = computed, time.process_time()
        if computed - before < _SECONDS_OF_STANDING_STILL / 1000 and not decoding.waits:
            os._exit(STANDS_STILL)


def _leave_with(parent: int) -> None:
    """Exit once the parent process is gone."""
    while os.getppid() == parent:
        time.sleep(_SECONDS_TO_OUTLIVE)
    os._exit(LEFT_ALONE)


def named_in_utf_8(path: str) -> Path | bytes:
    """The path, or another name of the same file if this one is not UTF-8, as polars needs.

    Where the system gives no other name it is the content.
    """
    try:
        path.encode()
    except UnicodeEncodeError:
        descriptors = Path("/proc/self/fd")
        if not descriptors.is_dir():
            return Path(path).read_bytes()
        return descriptors / str(os.open(path, os.O_RDONLY))
    return Path(path)


def _limit_memory(most: int) -> None:
    """End the process rather than the machine, where the system has such a limit."""
    try:
        import resource
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    with suppress(ValueError, OSError):  # macOS may refuse it
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def main() -> None:
    """Decode the file named on the command line; - is the standard input."""
    path, kind, source, rows_at_once, parent = sys.argv[1:]
    if os.name != "nt":  # where a launcher may stand between, and a dead parent keeps its number
        threading.Thread(target=_leave_with, args=(int(parent),), daemon=True).start()
    files: list[tuple[Path | bytes, str, range | None]]
    if path == SEVERAL:
        files = [
            (named_in_utf_8(place), name, None if rows is None else range(*rows))
            for place, name, rows in json.load(sys.stdin)
        ]
    else:
        content = sys.stdin.buffer.read() if path == "-" else named_in_utf_8(path)
        files = [(content, source, None)]
    sizes = [len(one) if isinstance(one, bytes) else _size(one) for one, _, _ in files]
    _limit_memory(memory_bytes() + max(sizes))  # a file is memory-mapped
    sender = Sender(sys.stdout.buffer)
    threading.Thread(target=leave_if_still, args=(sender,), daemon=True).start()
    sender.send_pieces(files, kind == "parquet", int(rows_at_once) or None)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # reading it gives the error
        return 0


if __name__ == "__main__":
    main()
