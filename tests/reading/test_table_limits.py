"""Small files that stand for large ones, and tables that would be far larger than their file."""

import gzip
import io
import time
import tracemalloc
from pathlib import Path

import polars as pl
import pytest

from multilayer.errors import TableError
from multilayer.reading import byte_stream
from multilayer.reading import csv as read_csv
from multilayer.reading import json_lines as read_json
from multilayer.reading import table as read_table
from multilayer.reading.table import read_table_pieces


def complaints(path: Path) -> list[str]:
    """What is said when the file is read as a whole, and in pieces; each in bounded memory."""
    found = []
    for read in (read_table.read_table, lambda path: list(read_table_pieces(path))):
        began = time.process_time()
        tracemalloc.start()
        with pytest.raises(TableError) as caught:
            read(path)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 400e6
        assert time.process_time() - began < 20
        found.append(str(caught.value))
    return found


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "t"


@pytest.mark.parametrize("stray", ["", '5" '])
def test_a_table_has_at_most_a_hundred_thousand_columns(path: Path, stray: str) -> None:
    path.write_text(stray + "," * 100_000 + "\n")
    assert complaints(path) == [f"{path} has 100,001 columns; at most 100,000 are allowed"] * 2


def test_a_bomb_of_nul_bytes_ends_at_the_first(path: Path) -> None:
    path.write_bytes(gzip.compress(bytes(200_000_000), 1))
    assert complaints(path) == [f"{path} holds a NUL at byte 0; is it a text file?"] * 2


def test_a_bomb_of_one_record_or_line_ends_at_its_limit(path: Path, monkeypatch) -> None:
    monkeypatch.setattr(read_csv, "_LARGEST_RECORD_BYTES", 2**25)
    monkeypatch.setattr(read_json, "_LARGEST_LINE_BYTES", 2**25)
    path.write_bytes(gzip.compress(b"x" * 200_000_000, 1))
    assert complaints(path)[0].startswith(f"row 1 of {path} is longer than 33,554,432 bytes")
    path.write_bytes(gzip.compress(b'{"a": 1}\n{"a": "' + b"x" * 200_000_000, 1))
    assert complaints(path) == [f"line 2 of {path} is longer than 33,554,432 bytes"] * 2


def parquet() -> bytes:
    file = io.BytesIO()
    pl.DataFrame({"a": range(100_000)}).write_parquet(file, compression="uncompressed")
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"[" + b'{"a":1},' * 100_000 + b'{"a":1}]',
        parquet(),
    ],
    ids=["list", "parquet"],
)
def test_what_cannot_be_read_in_pieces_has_a_limit(content, path: Path, monkeypatch) -> None:
    monkeypatch.setattr(byte_stream, "memory_bytes", lambda: 1_000_000)
    path.write_bytes(gzip.compress(content))
    for message in complaints(path):
        assert message.startswith(f"{path} unpacks to more than 250,000 bytes")


def test_objects_that_all_have_other_fields_are_refused(path: Path) -> None:
    lines = b"".join(b'{"k%d":1}\n' % number for number in range(30_000))
    path.write_bytes(lines)
    for message in complaints(path):
        assert "holds 30,001 objects with" in message
        assert "distinct fields" in message
    path.write_bytes(lines + b"{\n")  # read slowly, to say where it is wrong
    assert "distinct fields" in complaints(path)[0]


def test_pieces_that_all_have_other_columns_are_refused(path: Path, monkeypatch) -> None:
    monkeypatch.setattr(read_json, "PIECE_BYTES", 1000)
    monkeypatch.setattr(read_table, "memory_bytes", lambda: 10_000_000)
    path.write_bytes(b"".join(b'{"k%d":1}\n' % number for number in range(3000)))
    with pytest.raises(TableError, match="3,000 rows and 3,000 columns, which do not fit"):
        read_table.read_table(path)


def test_ten_thousand_columns_of_json_are_read(path: Path) -> None:
    path.write_text("{" + ",".join(f'"c{n}":{n}' for n in range(10_000)) + "}\n")
    assert read_table.read_table(path).shape == (1, 10_000)
