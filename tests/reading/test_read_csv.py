import csv
import io
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from multilayer.errors import DataWarning, MultilayerError, SettingsError, TableError
from multilayer.reading import csv as read_csv
from multilayer.reading.csv import read_csv_pieces
from multilayer.reading.csv_records import find_delimiter
from multilayer.reading.table import read_table
from multilayer.reading.table_format import TableFormat


def rows_of(
    content: bytes, delimiter: str | None = None, **options
) -> tuple[list[str], list[tuple]]:
    stream = io.BufferedReader(io.BytesIO(content))
    frame = pl.concat(list(read_csv_pieces(stream, "t.csv", TableFormat(delimiter, **options))))
    return frame.columns, frame.rows()


# What csv-spectrum asks of a reader, in examples of our own. An empty field is None.
ODDITIES = {
    "comma in quotes": (
        b'name,place\nAda,"London, Marylebone"\n',
        ["name", "place"],
        [("Ada", "London, Marylebone")],
    ),
    "empty fields": (b'a,b,c\n1,"",""\n2,,4\n', ["a", "b", "c"], [("1", "", ""), ("2", None, "4")]),
    "empty fields and CRLF": (
        b'a,b,c\r\n1,"",""\r\n2,3,4\r\n',
        ["a", "b", "c"],
        [("1", "", ""), ("2", "3", "4")],
    ),
    "doubled quotes": (b'a,b\n1,"say ""ha"" twice"\n', ["a", "b"], [("1", 'say "ha" twice')]),
    "JSON in a field": (
        b'key,value\n1,"{""kind"": ""point"", ""xs"": [1, 2]}"\n',
        ["key", "value"],
        [("1", '{"kind": "point", "xs": [1, 2]}')],
    ),
    "newlines in quotes": (
        b'a,b,c\n1,2,3\n"Once upon\na time",5,6\n7,8,9\n',
        ["a", "b", "c"],
        [("1", "2", "3"), ("Once upon\na time", "5", "6"), ("7", "8", "9")],
    ),
    "CRLF in quotes": (b'a,b\r\n1,"x\r\ny"\r\n', ["a", "b"], [("1", "x\r\ny")]),
    "quotes and newlines": (
        b'a,b\n1,"ha \n""ha"" \nha"\n3,4\n',
        ["a", "b"],
        [("1", 'ha \n"ha" \nha'), ("3", "4")],
    ),
    "simple": (b"a,b,c\n1,2,3\n", ["a", "b", "c"], [("1", "2", "3")]),
    "CRLF": (b"a,b,c\r\n1,2,3\r\n", ["a", "b", "c"], [("1", "2", "3")]),
    "CR alone": (b"a,b,c\r1,2,3\r4,5,6\r", ["a", "b", "c"], [("1", "2", "3"), ("4", "5", "6")]),
    "no newline at the end": (b"a,b\n1,2", ["a", "b"], [("1", "2")]),
    "unicode": ("a,b\n1,日本\n2,ʤ\n".encode(), ["a", "b"], [("1", "日本"), ("2", "ʤ")]),
    "byte order mark": (b"\xef\xbb\xbfa,b\n1,2\n", ["a", "b"], [("1", "2")]),
    "UTF-16": ("a,b\n1,é\n".encode("utf-16"), ["a", "b"], [("1", "é")]),
    "empty lines": (b"\na,b\n\n1,2\n\r\n3,4\n\n", ["a", "b"], [("1", "2"), ("3", "4")]),
    "one column": (b'a\n1\n\n""\n2\n', ["a"], [("1",), ("",), ("2",)]),
    "spaces": (b"a, b\n 1 , x\n", ["a", "b"], [(" 1 ", " x")]),
    "quotes in the header": (b'"a, b","c\nd"\n1,2\n', ["a, b", "c\nd"], [("1", "2")]),
    "a quote inside a field": (b'a,b\n5" pipe,2\n', ["a", "b"], [('5" pipe', "2")]),
    "nameless column": (b",a\n0,1\n", ["column_1", "a"], [("0", "1")]),
    "header alone": (b"a,b\n", ["a", "b"], []),
    "semicolons": (b"a;b\n1,5;2\n", ["a", "b"], [("1,5", "2")]),
    "tabs": (b"a\tb\n1\t2\n", ["a", "b"], [("1", "2")]),
    "bars": (b'a|b\n"1|2"|3\n', ["a", "b"], [("1|2", "3")]),
}  # fmt: skip


@pytest.mark.parametrize("name", ODDITIES)
def test_every_oddity_is_read(name: str) -> None:
    content, columns, rows = ODDITIES[name]
    assert rows_of(content) == (columns, rows)


@pytest.mark.parametrize("name", ODDITIES)
@pytest.mark.parametrize("piece_bytes", [1, 7, 16])
def test_it_does_not_matter_where_pieces_end(name: str, piece_bytes: int, monkeypatch) -> None:
    content, columns, rows = ODDITIES[name]
    monkeypatch.setattr(read_csv, "PIECE_BYTES", piece_bytes)
    assert rows_of(content) == (columns, rows)


BAD = {
    "no bytes": (b"", "t.csv is empty"),
    "no record": (b"\n\r\n\n", "t.csv is empty; a table begins with its column names"),
    "NUL": (b"a,b\n1,\0\n", "t.csv holds a NUL at byte 6; is it a text file?"),
    "too few": (
        b"a,b,c\n\n1,2,3\n4,5\n",
        r"row 2 of t.csv \(line 4\) has 2 fields, it must have 3: a, b, c$",
    ),
    "too many": (
        b'a,b\n"1\n",2\n3,4,5\n',
        r"row 2 of t.csv \(line 4\) has 3 fields, it must have 2: a, b$",
    ),
    "too many after a stray quote": (
        b'a,b\n5" x,2\n3,4,5\n',
        r"row 2 of t.csv \(line 3\) has 3 fields, it must have 2",
    ),
    "same name": (b"x,y, x\n1,2,3\n", "columns 1 and 3 of t.csv have the same name 'x'"),
    "open quote": (b'a,b\n1,2\n3,"4\n5,6\n', "t.csv opens a quote in row 2 that is never closed"),
    "two encodings": (
        "a,b\n1,é\n".encode() + "2,é\n".encode("latin1"),
        r"t.csv is not UTF-8: byte 11, in line 3, is 0xe9; name .* --encoding windows-1252",
    ),
    "half of UTF-16": (
        "a,b\n1,é\n".encode("utf-16")[:-1],
        "t.csv is not utf-16-le: byte 16, in line 2, is 0x0a",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_said_with_its_place(name: str) -> None:
    content, message = BAD[name]
    with pytest.raises(TableError, match=message):
        rows_of(content)


FIELDS = st.text(st.sampled_from('ab1 ,;\n"\r\té'), max_size=6)


@settings(deadline=None, max_examples=300)
@given(data=st.data(), ending=st.sampled_from(["\n", "\r\n"]), all_quoted=st.booleans())
def test_what_the_standard_library_writes_comes_back(data, ending, all_quoted) -> None:
    num_columns = data.draw(st.integers(1, 4))
    rows = data.draw(
        st.lists(st.lists(FIELDS, min_size=num_columns, max_size=num_columns), max_size=5)
    )
    delimiter = data.draw(st.sampled_from([",", ";", "\t"]))
    text = io.StringIO(newline="")
    # Some versions of the library leave a lone carriage return without quotes.
    all_quoted |= any("\r" in field for row in rows for field in row)
    quoting = csv.QUOTE_ALL if all_quoted else csv.QUOTE_MINIMAL
    writer = csv.writer(text, delimiter=delimiter, lineterminator=ending, quoting=quoting)
    names = [f"c{place}" for place in range(num_columns)]
    writer.writerows([names, *rows])
    found_names, found = rows_of(text.getvalue().encode(), delimiter, quoted_lines=True)
    assert found_names == names
    assert [tuple(v or "" for v in row) for row in found] == [tuple(row) for row in rows]


@settings(deadline=None, max_examples=500)
@given(content=st.binary(max_size=60) | st.text(st.sampled_from('ab1,;\n"\r\té|'), max_size=60))
@example(b'"')
@example(b'a,"b\n"c,d\n')
@example("\r\r")
@example(b"a\n\xff")
def test_any_bytes_are_a_table_or_a_named_error(content) -> None:
    content = content if isinstance(content, bytes) else content.encode()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)
            columns, rows = rows_of(content)
    except MultilayerError as error:
        assert "\n" not in str(error)
    else:
        assert all(len(row) == len(columns) for row in rows)


def test_fields_of_megabytes_are_read() -> None:
    long = "x" * 20_000_000
    assert rows_of(f'a,b\n1,"{long}\n"\n2,3\n'.encode())[1] == [("1", f"{long}\n"), ("2", "3")]


def test_a_record_has_an_end(monkeypatch) -> None:
    monkeypatch.setattr(read_csv, "PIECE_BYTES", 1000)
    monkeypatch.setattr(read_csv, "_LARGEST_RECORD_BYTES", 5000)
    with pytest.raises(TableError, match=r"row 2 of t.csv is longer than 5,000 bytes; is a quote"):
        rows_of(b'a,b\n1,2\n"' + b"1,2\n" * 10_000)


def test_a_wide_table_is_read() -> None:
    names = [f"c{place}" for place in range(10_000)]
    content = ",".join(names) + "\n" + ",".join("7" * 10_000) + "\n"
    columns, rows = rows_of(content.encode())
    assert columns == names
    assert rows == [("7",) * 10_000]


def test_pieces_take_little_memory(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(read_csv, "PIECE_BYTES", 2**16)
    lines = b"".join(b"%d,%d\n" % (row, row * row) for row in range(200_000))
    stream = io.BufferedReader(io.BytesIO(b"a,b\n" + lines))
    tracemalloc.start()
    total = sum(len(frame) for frame in read_csv_pieces(stream, "t.csv", TableFormat()))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == 200_000
    assert peak < 3_000_000


@pytest.mark.parametrize(
    ("content", "delimiter"),
    [
        (b"a,b;c\n1,2;3\n", ","),
        (b"a;b\n1,2;3\n2;4\n", ";"),
        (b"when,what\n12:30,a;b\n", ","),
        (b"a b\n1 2\n", ","),
        (b'a;b\n5" x;2\n', ";"),
        (b'a|"b,c"\n1|2\n', "|"),
    ],
)
def test_the_delimiter_is_found(content: bytes, delimiter: str) -> None:
    assert find_delimiter(content) == delimiter


def test_a_delimiter_can_be_given(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"a:b\n1:2\n")
    assert read_table(path, delimiter=":").rows() == [(1, 2)]
    for wrong in ("::", "", "é", '"', "\n"):
        with pytest.raises(SettingsError, match="delimiter must be one ASCII"):
            read_table(path, delimiter=wrong)


def test_columns_of_numbers_are_found(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        "whole,real,spaced,mixed,code,comma,big,none,spelled\n"
        "1,1.5, 1,1,007,\"1,5\",9007199254740993,,na\n"
        "-2,1e3,2 ,x,1,2,1,?,NaN\n"
        "?,.5,N/A,2,2,3,2,-,null\n"
        "+4,-0,4,3,3,4,3,None,4\n"
    )  # fmt: skip
    frame = read_table(path)
    assert frame.to_dict(as_series=False) == {
        "whole": [1, -2, None, 4],
        "real": [1.5, 1000.0, 0.5, -0.0],
        "spaced": [1, 2, None, 4],
        "mixed": ["1", "x", "2", "3"],
        "code": ["007", "1", "2", "3"],
        "comma": ["1,5", "2", "3", "4"],
        "big": [9007199254740993, 1, 2, 3],
        "none": [None, "?", "-", "None"],
        "spelled": [None, None, None, 4],
    }
    assert read_table(path, as_text=True)["whole"].to_list() == ["1", "-2", "?", "+4"]


def test_numbers_survive_to_the_last_digit(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0).normal(size=1000) * 10.0 ** np.linspace(-300, 300, 1000)
    path = tmp_path / "t.csv"
    path.write_text("x\n" + "\n".join(map(repr, numbers.tolist())))
    np.testing.assert_array_equal(read_table(path)["x"].to_numpy(), numbers)
