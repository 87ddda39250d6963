"""Estimate whether a table fits in memory before it is read."""

import warnings
from collections.abc import Sequence
from pathlib import Path

from multilayer.engine.machine import free_bytes
from multilayer.errors import DataWarning, TableError
from multilayer.ordinary_files import open_regular
from multilayer.reading.columnar import ARROW, PARQUET
from multilayer.reading.parquet_footer import rows_and_columns
from multilayer.reading.table_files import find_table_files, is_many_files

_COLUMNAR_FACTOR = 8  # memory per byte of Parquet or Arrow: decompressed, and copied when encoded
_BYTES_A_VALUE = 32  # memory of a value, however well the file compresses it
_TEXT_FACTOR = 4  # memory per byte of text: a frame of text, then of numbers, then inputs
_PACKED_FACTOR = 5  # compression ratio of text
_COMPRESSIONS = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")
_LARGEST_SHARE = 0.7  # of the free memory
_STEP_BYTES = 10**8
_USUAL_FREE_BYTES = 4 * 10**9


def choose_memory_limit(data: str | Path) -> int | None:
    """A memory limit for a table that would take most of the free memory.

    Args:
        data: what `read_table_pieces` takes.

    Returns:
        Half of the free memory in bytes, rounded down to 100 MB; None if the table fits, or its
        size is unknown.
    """
    free = free_bytes()
    if free is None or str(data) == "-":
        return None
    try:
        needed = sum(map(_bytes_in_memory, _files(data)))
    except (OSError, TableError):  # reading it raises the error
        return None
    return None if needed < free * _LARGEST_SHARE else _half_of(free)


def usual_memory_limit() -> int:
    """Half of the free memory in bytes, rounded down to 100 MB; 2 GB where it is not known."""
    return _half_of(free_bytes() or _USUAL_FREE_BYTES)


def _half_of(free: int) -> int:
    return free // 2 // _STEP_BYTES * _STEP_BYTES


def require_memory_for_all(path: str | Path) -> None:
    """Reject Parquet files that need more than the free memory.

    Its compression ratio is unbounded: a few bytes may expand to any number of rows.

    Raises:
        TableError: it has too many rows.
    """
    free = free_bytes()
    if free is None or str(path) == "-":
        return
    num_rows = num_columns = 0
    try:
        for file in _files(path):
            if _starts_with(file, (PARQUET,)):
                of_file, num_columns = rows_and_columns(file) or (0, num_columns)
                num_rows += of_file
    except (OSError, TableError):  # reading it raises the error
        return
    needed = num_rows * num_columns * _BYTES_A_VALUE
    if needed > free:
        raise TableError(
            f"{path} is too large for memory: its {num_rows:,} rows and {num_columns:,} columns "
            f"take about {needed / 1e9:,.1f} GB, and {free / 1e9:,.1f} GB are free; use fewer rows"
        )


def _files(data: str | Path) -> Sequence[Path]:
    """The files of a table."""
    if not is_many_files(data):
        return [Path(data).expanduser()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # of files left out: reading gives it
        return [file.path for file in find_table_files(data)]


def _starts_with(path: Path, signs: tuple[bytes, ...]) -> bool:
    if not path.is_file():
        return False
    with open_regular(path) as file:
        return file.read(8).startswith(signs)


def _bytes_in_memory(path: Path) -> int:
    """Rough peak memory of reading and encoding a whole table, in bytes."""
    if not path.is_file():
        return 0
    with open_regular(path) as file:
        beginning = file.read(8)
    if beginning.startswith((PARQUET, ARROW)):
        size = path.stat().st_size * _COLUMNAR_FACTOR
        num_rows, num_columns = rows_and_columns(path) or (0, 0)
        return max(size, num_rows * num_columns * _BYTES_A_VALUE)
    size = path.stat().st_size * _TEXT_FACTOR
    return size * _PACKED_FACTOR if beginning.startswith(_COMPRESSIONS) else size
