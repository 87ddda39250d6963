"""1.234 as a number of JSON or of a workbook is never 1234, whatever the texts of a column mean."""

import json
from pathlib import Path

import openpyxl
import pytest

from multilayer.columns.thousands_points import ThousandsPoints
from multilayer.columns.value_format import ValueFormat
from multilayer.errors import TableError
from multilayer.reading import json_lines
from multilayer.reading.table import read_table, read_table_pieces

_POINTS = ThousandsPoints(frozenset({"price"}))


def _lines(path: Path, *values: object) -> Path:
    path.write_text("".join(json.dumps({"price": v, "x": 1}) + "\n" for v in values))
    return path


def _document(path: Path, *values: object) -> Path:
    path.write_text(json.dumps([{"price": value, "x": 1} for value in values]))
    return path


def _workbook(path: Path, *values: object) -> Path:
    book = openpyxl.Workbook()
    for row in [("price", "x"), *((value, 1) for value in values)]:
        book.active.append(row)
    book.save(path.with_suffix(".xlsx"))
    return path.with_suffix(".xlsx")


_WRITERS = pytest.mark.parametrize("write", [_lines, _document, _workbook])


@_WRITERS
def test_numbers_stay_numbers_where_texts_have_points(write, tmp_path: Path) -> None:
    path = write(tmp_path / "t.json", 1.234, 7, None)
    assert read_table(path, as_text=True)["price"].to_list() == ["1.234", "7", None]
    assert read_table(path, as_text=True, points=_POINTS)["price"].to_list() == [1.234, 7, None]
    told = ThousandsPoints.told(ValueFormat(decimal=","))
    [piece] = read_table_pieces(path, points=told)
    assert piece["price"].to_list() == [1.234, 7, None] and piece["x"].to_list() == [1, 1, 1]


@_WRITERS
@pytest.mark.parametrize("points", [_POINTS, None])
@pytest.mark.parametrize("text", ["1.234,5", "1.234.567", "€ 1.234,50"])
def test_numbers_beside_texts_with_points_are_refused(
    write, points: ThousandsPoints | None, text: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "t.json", 1.234, text)
    with pytest.raises(TableError, match="'price' of .* numbers such as 1.234 and texts such as"):
        read_table(path, as_text=True, points=points)


@_WRITERS
def test_what_cannot_be_mistaken_is_read(write, tmp_path: Path) -> None:
    path = write(tmp_path / "t.json", 7, "1.234,5")
    assert read_table(path, as_text=True)["price"].to_list() == ["7", "1.234,5"]
    path = write(tmp_path / "t.json", 1.25, "n/a", "12, rue X")
    assert read_table(path, as_text=True)["price"].to_list() == ["1.25", "n/a", "12, rue X"]
    with pytest.raises(TableError, match=r"texts such as 'n/a'"):
        read_table(path, as_text=True, points=_POINTS)


def test_texts_and_numbers_in_different_pieces_are_refused(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(json_lines, "PIECE_BYTES", 64)
    path = _lines(tmp_path / "t.jsonl", *["1.234,5"] * 9, *[1.234] * 9)
    with pytest.raises(TableError, match="numbers such as 1.234 and texts such as '1.234,5'"):
        read_table(path, as_text=True)
    path = _lines(tmp_path / "t.jsonl", *[1.234] * 9, *["1.234,5"] * 9)
    with pytest.raises(TableError, match="numbers such as 1.234 and texts such as '1.234,5'"):
        list(read_table_pieces(path))


def test_names_of_fields_are_found_however_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    for name in ('"pré\\"is"', '"pr\\u00e9\\"is"'):
        path.write_text(f'{{{name}: 1.5e3}}\n{{{name} :"1.234,5"}}\n')
        with pytest.raises(TableError, match="numbers such as 1.5e3"):
            read_table(path, as_text=True)
