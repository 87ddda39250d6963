"""Whether a table fits in this machine's memory, judged before it is read."""

from pathlib import Path

from multilayer.engine.machine import free_bytes
from multilayer.errors import TableError
from multilayer.reading.columnar import ARROW, PARQUET
from multilayer.reading.parquet_footer import rows_and_columns

_COLUMNAR_FACTOR = 8  # by which a file of columns grows: unpacked, and copied while it is encoded
_BYTES_A_VALUE = 32  # of a column that the file holds as next to nothing: read, sent and encoded
_TEXT_FACTOR = 4  # by which text grows: a frame of text, then of numbers, then inputs
_PACKED_FACTOR = 5  # by which compressed text grows when it is unpacked
_COMPRESSIONS = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")
_LARGEST_SHARE = 0.7  # of the memory that is free
_STEP_BYTES = 10**8


def choose_memory_limit(data: str | Path) -> int | None:
    """Half of the free memory, in whole 100 MB, for a table that would take most of it.

    Args:
        data: a file that `read_table_pieces` takes.

    Returns:
        None where the table fits, or nothing is known.
    """
    free = free_bytes()
    if free is None or str(data) == "-":
        return None
    try:
        needed = _bytes_in_memory(Path(data).expanduser())
    except OSError:  # whoever reads it says what is wrong
        return None
    if needed < free * _LARGEST_SHARE:
        return None
    return free // 2 // _STEP_BYTES * _STEP_BYTES


def require_memory_for_all(path: str | Path) -> None:
    """Refuse a Parquet file whose rows, all at once, are more than the memory that is free.

    A few bytes of it may stand for any number of rows. Other files are read before they are judged.

    Raises:
        TableError: it has too many rows.
    """
    free, file = free_bytes(), Path(path).expanduser()
    try:
        if free is None or str(path) == "-" or not _starts_with(file, (PARQUET,)):
            return
        num_rows, num_columns = rows_and_columns(file) or (0, 0)
    except OSError:  # whoever reads it says what is wrong
        return
    needed = num_rows * num_columns * _BYTES_A_VALUE
    if needed > free:
        raise TableError(
            f"{path} has {num_rows:,} rows and {num_columns:,} columns, which take about "
            f"{needed / 1e9:,.1f} GB of memory at once, and {free / 1e9:,.1f} GB are free; take "
            "some of its rows"
        )


def _starts_with(path: Path, signs: tuple[bytes, ...]) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(8).startswith(signs)


def _bytes_in_memory(path: Path) -> int:
    """About what a table takes at most while it is read and encoded as a whole."""
    if not path.is_file():
        return 0
    with path.open("rb") as file:
        beginning = file.read(8)
    if beginning.startswith((PARQUET, ARROW)):
        size = path.stat().st_size * _COLUMNAR_FACTOR
        num_rows, num_columns = rows_and_columns(path) or (0, 0)
        return max(size, num_rows * num_columns * _BYTES_A_VALUE)
    size = path.stat().st_size * _TEXT_FACTOR
    return size * _PACKED_FACTOR if beginning.startswith(_COMPRESSIONS) else size
