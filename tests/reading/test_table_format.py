"""How a table's file is written."""

import pytest

from multilayer.columns.schema import require_columns
from multilayer.errors import SettingsError, TableError
from multilayer.reading.table import read_table
from multilayer.reading.table_format import TableFormat


def test_a_delimiter_may_be_named():
    assert TableFormat("\\t").delimiter == TableFormat("tab").delimiter == "\t"
    assert TableFormat("space").delimiter == " "


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"delimiter": ";;"}, "one ASCII character"),
        ({"delimiter": '"'}, "one ASCII character"),
        ({"encoding": "latin-77"}, "'latin-77' is unknown"),
        ({"encoding": "rot13"}, "'rot13' is unknown"),
        ({"skip_rows": -1}, "--skip-rows must be a number of lines"),
        ({"comment": ""}, "--comment must be what"),
        ({"sheet": 0}, "counted from 1"),
        ({"sheet": "0"}, "counted from 1"),
        ({"sheet": ""}, "name or number"),
    ],
)
def test_impossible_formats_are_refused(options, message):
    with pytest.raises(SettingsError, match=message):
        TableFormat(**options)


def test_two_delimiters_are_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a;b\n1;2\n")
    assert read_table(path, table_format=TableFormat(";")).columns == ["a", "b"]
    with pytest.raises(SettingsError, match="not both"):
        read_table(path, delimiter=";", table_format=TableFormat(";"))


def test_a_missing_column_below_a_title_is_said_to_stand_further_down():
    names = ["Report 2024", "column_2", "column_3"]
    with pytest.raises(TableError, match="if the names stand further down, add --skip-rows$"):
        require_columns(["y"], names, "rows.xlsx")
    with pytest.raises(TableError, match="its columns are x, z$"):
        require_columns(["y"], ["x", "z"], "rows.xlsx")
