"""A model of texts such as 1.234,5 answers for numbers of JSON and of workbooks as numbers."""

import json
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import polars as pl
import pytest

from multilayer import MLPRegressor
from multilayer.columns.value_format import ValueFormat
from multilayer.errors import TableError
from multilayer.fit.column_roles import ColumnRoles
from multilayer.fit.large_table import LargeTable
from multilayer.fit.table_source import read_rows
from multilayer.model.model_file import load_model
from multilayer.runs.table_predictions import TablePredictions

pytestmark = pytest.mark.filterwarnings("ignore::multilayer.errors.DataWarning")


def _german(number: float) -> str:
    return f"{number:,.3f}".translate(str.maketrans(",.", ".,"))


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    x = np.random.default_rng(0).uniform(1, 9000, 60)
    rows = pl.DataFrame({"price": map(_german, x), "y": map(_german, 2 * x)})
    path = tmp_path_factory.mktemp("german") / "t.csv"
    rows.write_csv(path, separator=";")
    source = read_rows(path, ColumnRoles(("y",)))
    assert source.schema.target_formats[0].thousands == "."
    return source


@pytest.fixture(scope="module")
def model(source, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "m.safetensors"
    regressor = MLPRegressor(recipe="fast", hidden_layer_sizes=(4,), max_iter=2)
    prices = pl.DataFrame({"price": [_german(x) for x in source.rows.frame["price"]]})
    regressor.fit(prices, np.ravel(source.rows.targets)).save(path)
    return load_model(path)


def _answers(model, path: Path) -> list[float]:
    piece = pl.concat(TablePredictions(model, path).pieces())
    return piece[piece.columns[-1]].to_list()


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".xlsx"])
def test_predict_takes_numbers_as_numbers(model, suffix: str, tmp_path: Path) -> None:
    values = [1.234, 2.5, 1234.5, 7]
    path = tmp_path / f"t{suffix}"
    if suffix == ".xlsx":
        book = openpyxl.Workbook()
        for row in [("price",), *((value,) for value in values)]:
            book.active.append(row)
        book.save(path)
    elif suffix == ".json":
        path.write_text(json.dumps([{"price": value} for value in values]))
    else:
        path.write_text("".join(json.dumps({"price": value}) + "\n" for value in values))
    texts = tmp_path / "t.csv"
    pl.DataFrame({"price": map(_german, values)}).write_csv(texts)
    assert _answers(model, path) == _answers(model, texts)
    path.write_text('{"price": 1.234}\n{"price": "2,5"}\n')
    with pytest.raises(TableError, match="numbers such as 1.234 and texts such as '2,5'"):
        _answers(model, path)


def test_evaluate_takes_numbers_as_numbers(source, tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    path.write_text('{"price": 1.234, "y": 2.468}\n{"price": 2.5, "y": 5}\n')
    rows = read_rows(
        path, ColumnRoles(("y",)), schema=source.schema, number_types=source.number_types
    ).rows
    assert rows.frame["price"].to_list() == [1.234, 2.5]
    np.testing.assert_array_equal(np.ravel(rows.targets), [2.468, 5])


def test_a_decimal_comma_that_was_told_is_for_texts(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    rows = [{"x": 1 + row / 1000, "y": row} for row in range(101, 161)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    roles = ColumnRoles(("y",), values=ValueFormat(decimal=","))
    frame = read_rows(path, roles).rows.frame
    assert frame["x"].to_list() == [row["x"] for row in rows]
    large = LargeTable(path, roles, 700_000_000, changes={"max_epochs": 1})
    for _ in large.prepare():
        pass
    [column] = large.schema.columns
    assert column.kind == "numeric" and "1.101 to 1.16" in column.reason
    large.remove()


def test_estimators_refuse_numbers_among_texts_with_points(source) -> None:
    prices = pd.DataFrame({"price": [_german(x) for x in source.rows.frame["price"]]})
    targets = np.ravel(source.rows.targets)
    regressor = MLPRegressor(recipe="fast", hidden_layer_sizes=(4,), max_iter=2)
    regressor.fit(prices, targets)
    [one] = regressor.predict(prices.head(1).assign(price="1,234"))
    for alone in (pd.Series([1.234], dtype=object), [1.234], [np.float32(1.234)]):
        assert regressor.predict(pd.DataFrame({"price": alone})) == pytest.approx(one)
    message = "numbers such as 1.234 and texts such as"
    for beside in ("2.500,5", "n/a"):
        mixed = pd.DataFrame({"price": pd.Series([1.234, beside], dtype=object)})
        with pytest.raises(TableError, match=message):
            regressor.predict(mixed)
        with pytest.raises(TableError, match=message):
            regressor.fit(prices, targets, X_val=mixed, y_val=[1, 2])
    prices = pd.DataFrame({"price": pd.Series([1.234, *prices["price"][1:]], dtype=object)})
    with pytest.raises(TableError, match=message):
        regressor.fit(prices, targets)
