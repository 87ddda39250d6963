"""What the commas and points of one column mean, where only the other columns tell."""

import polars as pl
import pytest

from multilayer.columns.value_format import ValueFormat
from multilayer.encoding.row_reader import RowReader
from multilayer.errors import TableError
from multilayer.fit.column_roles import ColumnRoles
from multilayer.fit.survey import TableSurvey
from multilayer.fit.table_source import read_rows


def written(path, target, weight="1", beside="{},5"):
    rows = [f"{beside.format(row)};{target(row)};{weight}" for row in range(60)]
    path.write_text("x;y;w\n" + "\n".join(rows) + "\n")
    return path


@pytest.mark.parametrize(
    ("target", "beside", "first", "words"),
    [
        (lambda row: f"{row + 1}.034", "{},5", 1034, "--decimal ."),
        (lambda row: f"{row + 1}.034" if row % 2 else f"{row + 1}", "{},5", 1, "--decimal ."),
        (lambda row: f"{row + 1},034", "{},5", 1.034, "--thousands ,"),
        (lambda row: f"{row + 1},034", "{}.5", 1034, "--decimal ,"),
    ],
)
def test_targets_are_read_as_the_other_columns_tell(tmp_path, target, beside, first, words) -> None:
    path = written(tmp_path / "t.csv", target, beside=beside)
    source = read_rows(path, ColumnRoles(("y",)))
    assert source.rows.targets[0] == first
    assert any("target 'y'" in note and words in note for note in source.notes)
    again = read_rows(
        path, ColumnRoles(("y",)), schema=source.schema, number_types=source.number_types
    )
    assert (again.rows.targets == source.rows.targets).all()


def test_labels_apart_from_the_other_columns_are_read_alike() -> None:
    table = pl.DataFrame({"x": ["1,5", "2,5"] * 20, "y": ["1.034", "2.034"] * 20})
    reader = RowReader(("y",), (None,), None, "t.csv").judging(table)
    labels = pl.DataFrame({"y": ["1.034", "2.034", "3.034"]})
    of_labels = reader.judging(labels, table)
    assert of_labels.number_formats == reader.number_formats
    assert of_labels.targets(labels).tolist() == [1034, 2034, 3034]


def test_weights_may_be_open_where_they_are_all_written_alike(tmp_path) -> None:
    roles = ColumnRoles(("y",), weight="w")
    path = tmp_path / "t.csv"
    rows = read_rows(written(path, lambda row: "ab"[row % 2], "1,250", "{}"), roles).rows
    assert rows.weights is not None
    assert rows.weights[0] in (1.25, 1250)
    grouped = written(path, lambda row: "ab"[row % 2], "1.250")
    rows = read_rows(grouped, roles).rows
    assert rows.weights is not None
    assert rows.weights[0] == 1250


def test_weights_in_chunks_are_read_as_the_first_are_written() -> None:
    def survey(*weights: str) -> TableSurvey:
        survey = TableSurvey(["y"], "w", "t.csv", 100, 0)
        for weight in weights:
            survey.add(pl.DataFrame({"y": ["a", "b"] * 10, "w": [weight] * 20}))
        return survey

    weights = survey("1,250", "1,999", "950").sample_weights()
    assert weights is not None
    assert sorted(set(weights)) == [950, 1250, 1999]
    mean = survey("1,5", "1,250").mean_weight
    assert mean == 1.375
    with pytest.raises(TableError, match="row 21 of column 'w' of t.csv must be a number"):
        survey("1,250", "1,5")


def test_weight_0_is_counted() -> None:
    piece = pl.DataFrame({"y": ["a", "b", None], "w": [0.0, 1.0, 0.0]})
    assert RowReader(("y",), (None,), "w", "t").read(piece, 1).num_weight_zero == 1


def test_a_class_that_may_mean_missing_is_named() -> None:
    table = pl.DataFrame({"y": ["a", "b", "Unknown", "not available", "a"]})
    reader = RowReader(("y",), (None,), None, "t.csv")
    doubts = reader.judging(table).doubts
    assert ["'Unknown'" in doubts[0], "--missing 'not available'" in doubts[1]] == [True, True]
    keeping = RowReader(("y",), (None,), None, "t.csv", values=ValueFormat(keep_na=True))
    assert keeping.judging(table).doubts == ()
