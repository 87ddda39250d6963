"""Parquet and Arrow files as frames."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from multilayer.data.byte_stream import memory_bytes
from multilayer.data.plain_columns import with_plain_columns
from multilayer.errors import TableError

if TYPE_CHECKING:
    import polars as pl

PARQUET, ARROW, OLD_FEATHER = b"PAR1", b"ARROW1", b"FEA1"
_BYTES_A_VALUE = 8


def read_columnar_pieces(
    content: Path | bytes, is_parquet: bool, source: str, rows_at_once: int | None
) -> Iterator["pl.DataFrame"]:
    """Read a Parquet file or an Arrow file (also called Feather, version 2).

    Args:
        content: The file's path, or what it holds.
        is_parquet: Which of the two it is.
        source: What errors call the file.
        rows_at_once: None: all of them.

    Raises:
        TableError: the file is damaged, has columns of lists, structures or bytes, or all rows at
            once are more than this machine holds.
    """
    import polars as pl

    file = content if isinstance(content, Path) else io.BytesIO(content)
    try:
        scan = (pl.scan_parquet if is_parquet else pl.scan_ipc)(file)
        schema = scan.collect_schema()
        # Nested columns are refused before they are read.
        with_plain_columns(pl.DataFrame(schema=schema), source)
        num_rows = int(scan.select(pl.len()).collect().item())
        if rows_at_once is None:
            if num_rows * len(schema) * _BYTES_A_VALUE > memory_bytes():
                raise TableError(
                    f"{source} has {num_rows:,} rows and {len(schema):,} columns, "
                    "which is more than this machine holds at once"
                )
            rows_at_once = max(num_rows, 1)
        for start in range(0, max(num_rows, 1), rows_at_once):
            yield with_plain_columns(scan.slice(start, rows_at_once).collect(), source)
    except TableError:
        raise
    except (Exception, pl.exceptions.PanicException) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        kind = "Parquet" if is_parquet else "Arrow"
        raise TableError(f"{source} is no {kind} file that can be read: {reason}") from error
