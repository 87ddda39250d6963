"""Comma-separated text that is not quite what the standard says."""

import csv
import io
import warnings

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multilayer.errors import DataWarning, TableError
from multilayer.reading.csv import read_csv_pieces
from multilayer.reading.table_format import TableFormat

ROWS = "".join(f"{row},{row * row},x\n" for row in range(20))


def read(content: str | bytes, piece_bytes: int | None = None, **options):
    """Columns, rows and notes."""
    content = content if isinstance(content, bytes) else content.encode()
    stream = io.BufferedReader(io.BytesIO(content))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DataWarning)
        pieces = list(read_csv_pieces(stream, "t.csv", TableFormat(**options), piece_bytes))
    frame = pl.concat(pieces)
    return frame.columns, frame.rows(), [str(one.message) for one in caught]


READ = {
    "separator named": ("sep=;\na;b\n1,5;2\n", {}, ["a", "b"], ("1,5", "2"), "delimiter to ';'"),
    "separator quoted": ('"sep=\t"\r\na\tb\r\n1\t2\r\n', {}, ["a", "b"], ("1", "2"), "'\\t'"),
    "titles": (f"My table\n\na,b,c\n{ROWS}", {"skip_rows": 2}, ["a", "b", "c"], None, None),
    "comments": (
        f'# it is "so\na,b,c\n#x\n{ROWS}#y', {"comment": "#"}, ["a", "b", "c"], None, None
    ),
    "Windows": (
        "a,b\n1,“é”\n".encode("cp1252"), {"encoding": "cp1252"}, ["a", "b"], ("1", "“é”"), None
    ),
    "UTF-16 unmarked": (
        "a,b\n1,é\n".encode("utf-16-le"), {}, ["a", "b"], ("1", "é"), "read as UTF-16-LE"
    ),
    "UTF-32": ("a,b\n1,é\n".encode("utf-32"), {}, ["a", "b"], ("1", "é"), None),
    "two marks": (b"\xef\xbb\xbf" * 2 + b"a,b\n1,2\n", {}, ["a", "b"], ("1", "2"), None),
    "row names": ('"x","y"\n"1",3,4\n', {}, ["row_names", "x", "y"], ("1", "3", "4"), "as R"),
    "delimiter after rows": (
        "a,b\n1,2,\n3,4,\n", {}, ["a", "b", "column_3"], ("1", "2", None), "header lacks"
    ),
    "delimiter after the header": ("a,b,\n1,2\n", {}, ["a", "b"], ("1", "2"), "rows lack"),
    "space before a quote": (
        'a, b\n1, "b, c"\n', {}, ["a", "b"], ("1", "b, c"), "spaces after delimiters"
    ),
    "backslash before a quote": (
        'a,b\n1,"he \\"said\\", x"\n', {}, ["a", "b"], ("1", 'he "said", x'), "backslashes"
    ),
    "spaces": ("a   b c\n1   2  3\n", {"delimiter": " "}, ["a", "b", "c"], ("1", "2", "3"), None),
    "header again": ("a,b\n1,2\na,b\n3,4\n", {}, ["a", "b"], ("1", "2"), "line 3 of t.csv repeats"),
    "lines of text": (
        'n,text,y\n1,"Hello, you\nhow are you, today\nbye",yes\n', {},
        ["n", "text", "y"], ("1", "Hello, you\nhow are you, today\nbye", "yes"), None,
    ),
    "lines like rows": (
        'a,b,c\n"1,2,3\n4,5,6",7,8\n', {"quoted_lines": True},
        ["a", "b", "c"], ("1,2,3\n4,5,6", "7", "8"), None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize("piece_bytes", [None, 5])
def test_what_is_unusual_is_read_and_noted(name, piece_bytes):
    content, options, columns, row, note = READ[name]
    found_columns, rows, notes = read(content, piece_bytes, **options)
    assert found_columns == columns
    assert rows[0] == (row or ("0", "0", "x"))
    assert len(rows) == (20 if row is None else len(rows))
    assert len(notes) == (note is not None)
    assert note is None or note in notes[0]


def quoted(text: str, *places: int) -> str:
    """Text with a quote before each of some lines."""
    lines = text.splitlines()
    return "\n".join('"' * (place in places) + line for place, line in enumerate(lines)) + "\n"


THREE = "c,g,y\n" + "a,u,yes\n" * 30
REFUSED = {
    "titles": (f"My table\nof x, y\n\na,b,c\n{ROWS}", {}, "line 4 holds .* add --skip-rows 3"),
    "comments": (f"# x\n# y\na,b,c\n{ROWS}", {}, "--comment '#'"),
    "a comment": (f"a,b,c\n{ROWS}% y\n", {}, "--comment '%'"),
    "Windows": (b"a,b\n1,\xe9\n", {}, "byte 6, in line 2, is 0xe9; .* --encoding windows-1252"),
    "no Windows": (b"a\n\xe9\n\x81\n", {"encoding": "cp1252"}, "byte 4, in line 3, is 0x81"),
    "too few lines": ("a\n1\n", {"skip_rows": 5}, "fewer lines than --skip-rows"),
    "rows in quotes": (quoted(THREE, 6, 13), {}, r"row 6 of t.csv \(line 7\) .* up to line 14"),
    "rows in regular quotes": (
        "c,g,y\na,u,yes\n\"a,u,yes\nb,u\",yes\n", {}, r"row 2 of t.csv \(line 3\) .* up to line 4"
    ),
    "rows of two fields": (
        'g,y\n"u,yes\n' + "u,yes\n" * 9 + 'u",yes\n', {}, r"row 1 of .* up to line 12"
    ),
    "rows after the header": (quoted(THREE, 0, 5), {}, r"the header of t.csv \(line 1\)"),
    "quote never closed": (quoted(THREE, 6), {}, "opens a quote in row 6"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("piece_bytes", [None, 5])
def test_what_may_be_wrong_is_refused_with_its_place(name, piece_bytes):
    content, options, message = REFUSED[name]
    with pytest.raises(TableError, match=message):
        read(content, piece_bytes, **options)


CELLS = st.text(st.sampled_from('ab1 ,\n"\\'), max_size=4)


@settings(deadline=None, max_examples=150)
@given(
    rows=st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=8),
    piece_bytes=st.integers(1, 40),
    again=st.integers(0, 8),
    stray=st.sampled_from(["", '"', '5" ', "# "]),
)
def test_the_pieces_do_not_matter(rows, piece_bytes, again, stray):
    """Rows, notes and errors are the same, whatever the size of the pieces."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([["a", "b"], *rows[:again], ["a", "b"]])
    text.write(stray)
    csv.writer(text, lineterminator="\n").writerows(rows[again:])
    results = []
    for size in (None, piece_bytes):
        try:
            columns, found, notes = read(text.getvalue(), size)
            results.append((columns, [[cell or "" for cell in row] for row in found], notes))
        except TableError as error:
            results.append(str(error))
    assert results[0] == results[1]
