"""Workbooks, and files that are no tables at all."""

import datetime
import io
import sys
import zipfile

import openpyxl
import polars as pl
import pytest

from multilayer.errors import DataWarning, MissingExtraError, TableError
from multilayer.reading.table import read_table, read_table_pieces
from multilayer.reading.table_format import TableFormat

DAY = datetime.datetime(2024, 1, 31)


def workbook(path, sheets, merged=()):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
        for cells in merged:
            sheet.merge_cells(cells)
    book.save(path)
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "t.xlsx"


def test_a_sheet_is_read_as_csv_would_be(path):
    rows = [
        [],
        ["n", "x", "t", "b", "d"],
        [1, 2.5, "é", True, DAY],
        [],
        [20, None, "", False, None],
    ]
    workbook(path, {"one": rows, "empty": []})
    frame = read_table(path)
    assert frame.to_dict(as_series=False) == {
        "n": [1, 20], "x": [2.5, None], "t": ["é", None], "b": ["true", "false"],
        "d": ["2024-01-31", None],
    }  # fmt: skip
    assert pl.concat(list(read_table_pieces(path))).equals(read_table(path, as_text=True))


def test_sheets_are_chosen(path):
    workbook(path, {"first": [["a"], [1]], "7": [["title"], ["b"], [2]]})
    with pytest.warns(DataWarning, match="2 sheets; 'first' is read; .* --sheet"):
        assert read_table(path).columns == ["a"]
    chosen = TableFormat(sheet="2", skip_rows=1)
    assert read_table(path, table_format=chosen).to_dict(as_series=False) == {"b": [2]}
    for sheet in ("three", 3):
        with pytest.raises(TableError, match=r"no sheet .*; it has 2: 'first', '7'"):
            read_table(path, table_format=TableFormat(sheet=sheet))


def test_bad_workbooks_are_named(path, monkeypatch):
    for sheets, message in [
        ({"a": []}, "is empty"),
        ({"a": [["x", "x"], [1, 2]]}, "same name 'x'"),
    ]:
        workbook(path, sheets)
        with pytest.raises(TableError, match=message):
            read_table(path)
    workbook(path, {"a": [["Title", None], ["x", "y"], [1, 2]]}, ["A1:B1"])
    with pytest.raises(TableError, match="row 1 of sheet 'a' .* merged cells; .* --skip-rows"):
        read_table(path)
    assert read_table(path, table_format=TableFormat(skip_rows=1)).columns == ["x", "y"]
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(TableError, match="damaged"):
        read_table(path)
    path.write_bytes(content)
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(MissingExtraError, match=r"multilayer\[excel\]"):
        read_table(path)


def plain_zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("t.csv", "a\n1\n")
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (plain_zip(), "a zip archive; unpack"),
        (b"SQLite format 3\0" + bytes(99), "a SQLite database"),
        (b"\x80\x04\x95\x10\0\0\0", "a pickle"),
        (b"\n<!DOCTYPE html><html>", "a web page"),
        (b"% x\n@RELATION iris\n", "an ARFF file"),
        (b"+1 1:0.5 7:1\n-1 2:1\n", "a file of libsvm"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
        (b"\xff\xff\xff\xff\x10\0\0\0", "an Arrow stream"),
        (b"t.csv".ljust(257, b"\0") + b"ustar\0", "a tar archive"),
    ],
)  # fmt: skip
def test_other_files_are_named_for_what_they_are(content, what, tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(TableError, match=f"{path} is {what}"):
        read_table(path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("https://host/t.csv", "^https://host/t.csv is a URL; download"),
        ("data/*.csv", r"^data/\*.csv matches no file; a table needs at least one"),
    ],
)
def test_what_names_no_file_is_refused(name, message):
    with pytest.raises(TableError, match=message):
        read_table(name)
    with pytest.raises(TableError, match=message):
        list(read_table_pieces(name))


def test_a_sheet_is_for_workbooks(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a\n1\n")
    with pytest.raises(TableError, match="--sheet is for workbooks"):
        read_table(path, table_format=TableFormat(sheet=1))


def test_flags_that_mean_nothing_are_noted(tmp_path):
    path = tmp_path / "t.parquet"
    pl.DataFrame({"a": [1]}).write_parquet(path)
    with pytest.warns(DataWarning, match="--delimiter is ignored for"):
        read_table(path, delimiter=";")
