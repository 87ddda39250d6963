"""Weights, times and groups as people write them, and what a run says of them."""

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from multilayer.columns.value_format import ValueFormat
from multilayer.errors import TableError
from multilayer.fit.column_roles import ColumnRoles
from multilayer.fit.table_source import read_rows

ROWS = range(40)


def table(tmp_path: Path, name: str, of_row: Callable[[int], str]) -> Path:
    path = tmp_path / "t.csv"
    draw = random.Random(0)
    rows = [f"{draw.gauss(0, 1):.3f};{of_row(row)};{'ab'[row % 2]}" for row in ROWS]
    path.write_text("\n".join([f"x;{name};y", *rows]) + "\n")
    return path


@pytest.mark.parametrize(
    ("of_row", "weight"),
    [
        (lambda row: f"{row % 7 + 1}%", lambda row: row % 7 + 1),
        (lambda row: f"{row / 10 + 1:.1f}".replace(".", ","), lambda row: row / 10 + 1),
        (lambda row: f"${row * 1000 + 1:,}.00", lambda row: row * 1000 + 1),
    ],
)
def test_weights_are_numbers_as_they_are_written(
    tmp_path: Path, of_row: Callable[[int], str], weight: Callable[[int], float]
) -> None:
    path = table(tmp_path, "w", of_row)
    found = read_rows(path, ColumnRoles(("y",), weight="w"))
    np.testing.assert_allclose(found.rows.weights, [weight(row) for row in ROWS])


def test_weights_all_with_an_open_comma_are_in_proportion_and_told_ones_exact(
    tmp_path: Path,
) -> None:
    path = table(tmp_path, "w", lambda row: f"{row + 1},000")
    weights = read_rows(path, ColumnRoles(("y",), weight="w")).rows.weights
    assert weights is not None
    assert (weights / weights[0]).tolist() == list(range(1, len(weights) + 1))
    told = ColumnRoles(("y",), weight="w", values=ValueFormat(thousands=","))
    weights = read_rows(path, told).rows.weights
    assert weights is not None
    assert weights[1] == 2000


def test_rows_of_weight_0_and_without_a_group_are_said(tmp_path: Path) -> None:
    path = table(tmp_path, "w", lambda row: str(min(row, 2)))
    assert any(
        "1 row of weight 0" in note
        for note in read_rows(path, ColumnRoles(("y",), weight="w")).notes
    )
    path = table(tmp_path, "g", lambda row: "" if row % 4 == 0 else f"g{row % 5}")
    notes = read_rows(path, ColumnRoles(("y",), group_by="g")).notes
    assert any("10 rows without a value of 'g'" in note for note in notes)


def test_times_are_read_as_told_or_as_numbers(tmp_path: Path) -> None:
    path = table(tmp_path, "t", lambda row: f"{row % 12 + 1:02d}/{row // 12 + 1:02d}/2020")
    with pytest.raises(TableError, match="--as t=date:%d/%m/%Y"):
        read_rows(path, ColumnRoles(("y",), time_column="t"))
    told = ColumnRoles(("y",), time_column="t", as_kind={"t": "date:%d/%m/%Y"})
    times = read_rows(path, told).rows.times
    assert times is not None
    assert times.tolist() == sorted(times.tolist())
    path = table(tmp_path, "t", lambda row: f"{row * 500 + 100:,}.00")
    times = read_rows(path, ColumnRoles(("y",), time_column="t")).rows.times
    assert times is not None
    assert times.tolist() == sorted(times.tolist())


def test_a_target_of_numbers_that_may_mean_missing_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    rows = [f"{row % 7},{-999 if row % 9 == 0 else row / 10:g}" for row in ROWS]
    path.write_text("\n".join(["x,y", *rows]) + "\n")
    notes = read_rows(path, ColumnRoles(("y",))).notes
    assert any("target 'y' holds -999 in 5 rows" in note for note in notes)
