import os
import random

import polars as pl
import pytest

from multilayer.errors import TableError
from multilayer.fit import table_size
from multilayer.fit.column_roles import ColumnRoles
from multilayer.fit.table_size import choose_memory_limit
from multilayer.fit.table_source import read_rows
from multilayer.reading.parquet_footer import rows_and_columns


@pytest.fixture
def path(tmp_path):
    return tmp_path / "t.parquet"


def test_rows_and_columns_are_those_of_the_file(path):
    columns = {"a": [1] * 1000, "b": ["x"] * 1000, "c": [[1, 2]] * 1000}
    pl.DataFrame(columns).write_parquet(path, row_group_size=10)
    assert rows_and_columns(path) == (1000, 3)
    pl.DataFrame({f"c{place}": [None, 1.5] for place in range(40)}).write_parquet(path)
    assert rows_and_columns(path) == (2, 40)


def test_a_damaged_footer_gives_nothing_or_numbers(path):
    pl.DataFrame({"a": [1.5] * 10, "b": ["x"] * 10}).write_parquet(path)
    content, rng = path.read_bytes(), random.Random(0)
    for _ in range(300):
        damaged = bytearray(content)
        for _ in range(3):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        path.write_bytes(damaged)
        found = rows_and_columns(path)
        assert found is None or all(isinstance(number, int) for number in found)
    endless = b"\x19\xf3" + b"\xff" * 9 + b"\x01"  # a list of bytes
    for few in (
        endless + b"\x0c\0\0\0PAR1",
        b"",
        b"PAR1",
        content[:-9],
        b"PAR1" + b"\xff" * 90 + b"\x5a\0\0\0PAR1",
    ):
        path.write_bytes(few)
        assert rows_and_columns(path) is None


def test_rows_that_a_file_holds_as_next_to_nothing_count_for_the_memory(path, monkeypatch):
    pl.DataFrame({"a": [1.5] * 100_000, "b": [1] * 100_000}).write_parquet(path)
    assert path.stat().st_size < 10_000
    monkeypatch.setattr(table_size, "free_bytes", lambda: 5_000_000)
    monkeypatch.setattr(table_size, "_STEP_BYTES", 1000)
    assert choose_memory_limit(path) == 2_500_000


def test_they_are_refused_where_all_of_them_are_needed_at_once(path, monkeypatch):
    pl.DataFrame({"a": [1.5, 2.5] * 50_000, "b": [1, 2] * 50_000}).write_parquet(path)
    roles = ColumnRoles(("b",))
    monkeypatch.setattr(table_size, "free_bytes", lambda: 10_000_000)
    assert len(read_rows(path, roles).rows) == 100_000
    monkeypatch.setattr(table_size, "free_bytes", lambda: 5_000_000)
    with pytest.raises(TableError, match=r"its 100,000 rows and 2 columns take about 0\.0 GB"):
        read_rows(path, roles)


@pytest.mark.skipif(not os.access("/proc/kmsg", os.R_OK), reason="needs a file that waits")
def test_a_file_that_waits_for_content_is_left_to_reading():
    assert choose_memory_limit("/proc/kmsg") is None
