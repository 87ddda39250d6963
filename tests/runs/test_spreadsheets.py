import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multilayer.runs.spreadsheets import frame_without_formulas, text_without_formula

FORMULAS = [
    "=1+1", "+A1", "-A1", "@cmd", "\t=1", "\n=cmd|' /c calc'!A1", " =1", "\r\n\t =1", "\ufeff=1",
    "\u200b=1", "\x00=1", "\uff1d1+1", "-1_000", "\tx", "\x85=1", "-inf", "+٣",
]  # fmt: skip
HARMLESS = ["-5", "+3.5", " -2e9 ", "a=b", "", "x", "'=1", "ü", "- 5 apples"[2:], "1-2"]


@pytest.mark.parametrize("text", [*FORMULAS, *HARMLESS])
def test_formulas_become_text_in_cells_names_and_categories(text):
    safe = f"'{text}" if text in FORMULAS else text
    assert text_without_formula(text) == safe
    frame = pl.DataFrame({text: [1.5], "t": [text], "c": pl.Series([text], dtype=pl.Categorical)})
    found = frame_without_formulas(frame)
    assert found.columns == [safe, "t", "c"]
    assert found.row(0) == (1.5, safe, safe)


def test_names_stay_different():
    frame = pl.DataFrame({"=x": [1], "'=x": [2], "'=x_": [3]})
    assert frame_without_formulas(frame).columns == ["'=x", "'=x_", "'=x__"]


@given(st.text(max_size=6))
def test_cells_and_names_are_judged_alike(text):
    frame = frame_without_formulas(pl.DataFrame({"t": [text]}))
    assert frame["t"][0] == text_without_formula(text)
