"""JSON whose rows differ, in pieces and as documents."""

import json
import warnings

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multilayer.errors import DataWarning, TableError
from multilayer.reading.table import read_table, read_table_pieces

ROWS = [{"a": 1, "b": "x", "t": True}, {"a": 2, "b": "y", "t": False}]
DOCUMENTS = {
    "columns": {name: {str(n): row[name] for n, row in enumerate(ROWS)} for name in "abt"},
    "split": {
        "columns": ["a", "b", "t"],
        "index": [0, 1],
        "data": [list(r.values()) for r in ROWS],
    },
    "index": dict(enumerate(ROWS)),
    "list": {name: [row[name] for row in ROWS] for name in "abt"},
    "wrapped": {"meta": {"n": 2}, "data": ROWS},
}


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize("indent", [None, 2])
def test_a_document_is_read_with_a_note(name, indent, tmp_path):
    path = tmp_path / "t.json"
    path.write_text(json.dumps(DOCUMENTS[name], indent=indent))
    with pytest.warns(DataWarning, match=str(path)):
        assert read_table(path).to_dicts() == ROWS


def test_a_list_over_several_lines_and_a_single_row_are_read(tmp_path):
    path = tmp_path / "t.json"
    for text, rows in [(json.dumps(ROWS, indent=1), ROWS), ('{\n"a": 1}', [{"a": 1}])]:
        path.write_text(text)
        assert read_table(path).to_dicts() == rows
    path.write_text("[[1, 2]]")
    with pytest.raises(TableError, match="item 1 of .* must be an object"):
        read_table(path)


def test_later_columns_are_named(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text('{"x": 1, "c": "a"}\n{"c": "b", "x": "2"}\n{"z": 9, "x": true}\n')
    with pytest.warns(DataWarning, match="column 'z' of .* after line 2"):
        pieces = list(read_table_pieces(path, text_bytes=20))
    assert len(pieces) == 3
    assert pl.concat(pieces).rows() == [("1", "a"), ("2", "b"), ("true", None)]
    assert read_table(path).columns == ["x", "c", "z"]


def test_nested_fields_are_left_out(tmp_path):
    path = tmp_path / "t.jsonl"
    for other in ("[2]", '{"k": 1}', "null", "3"):
        path.write_text(f'{{"x": 1, "e": [1, 2.5]}}\n{{"e": {other}, "x": 2}}\n')
        with pytest.warns(DataWarning, match="column 'e' of .* holds lists or objects"):
            assert read_table(path).to_dict(as_series=False) == {"x": [1, 2]}


VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-99, 99)
    | st.floats(width=16)
    | st.text("0a.", max_size=3)
)


@settings(deadline=None, max_examples=100)
@given(
    rows=st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys("abc", VALUES)), min_size=1),
    piece_bytes=st.integers(1, 60),
    shuffle=st.randoms(),
)
def test_the_pieces_do_not_matter(rows, piece_bytes, shuffle, tmp_path_factory):
    """Rows are the same, whatever the order of the keys, the types and the size of the pieces."""
    path = tmp_path_factory.mktemp("pieces") / "t.jsonl"
    rows = [{"a": 0, "b": 0, "c": 0}, *rows]
    lines = [json.dumps({n: r[n] for n in shuffle.sample(list(r), len(r))}) for r in rows]
    path.write_text("\n".join(lines) + "\n")
    whole = read_table(path, as_text=True)
    pieces = pl.concat(list(read_table_pieces(path, text_bytes=piece_bytes)))
    assert pieces.columns == whole.columns
    assert pieces.rows() == whole.rows()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(whole) == len(rows)
