"""How a table's file is written."""

import pytest

from multilayer.errors import SettingsError
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
