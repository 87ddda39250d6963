"""Texts that are the same in two forms of Unicode, and texts that are nearly the same."""

import unicodedata

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multilayer import MLPClassifier
from multilayer.columns.alike_texts import alike, composed
from multilayer.columns.category_columns import CategoryColumn
from multilayer.columns.kinds import infer_schema
from multilayer.columns.labels import LabelCounts, LabelMatcher, SettledLabels
from multilayer.columns.schema import Column, require_columns
from multilayer.encoding.row_draw import RowDraw
from multilayer.encoding.splits import split_groups
from multilayer.errors import DataWarning, TableError

ONE, TWO = "café", "cafe\N{COMBINING ACUTE ACCENT}"
TEXTS = st.text(max_size=8)


def column_of(values: list[str]) -> CategoryColumn:
    column = Column("c", "categorical", "", meaning="text")
    return CategoryColumn.fit(pl.Series("c", values), column, None)[0]


@given(st.lists(TEXTS.filter(str.strip), min_size=3, unique_by=str.strip))
def test_a_category_is_found_in_each_form_of_unicode(texts):
    column = column_of(texts)
    for form in ("NFC", "NFD"):
        other = pl.Series("c", [unicodedata.normalize(form, text) for text in texts])
        assert column.codes(other).tolist() == column.codes(pl.Series("c", texts)).tolist()


@given(TEXTS)
def test_composing_twice_changes_nothing(text):
    assert composed(composed(text)) == composed(text) == unicodedata.normalize("NFC", text)


def test_a_column_says_that_two_forms_are_one_category():
    schema = infer_schema(pl.DataFrame({"c": [ONE, TWO, "bar"] * 20}))
    assert schema.columns[0].reason == "2 values"
    assert schema.warnings == (
        f"column 'c' holds {ONE!r} with its accents written in two ways; they are one category",
    )


def test_a_column_says_which_categories_are_nearly_the_same():
    values = ["Red"] * 9 + ["red"] * 3 + ["blue", "Blue."] * 2 + ["green"] * 9
    schema = infer_schema(pl.DataFrame({"c": values}))
    [note] = schema.warnings
    assert note == (
        "values 'Red' (9 rows), 'red' (3 rows) of column 'c' differ only in case, spaces, final "
        "punctuation or how a number is written, and 1 more; they remain separate categories"
    )
    assert infer_schema(pl.DataFrame({"c": ["a", "b", "c"] * 9})).warnings == ()


def test_alike_texts_by_hand():
    assert alike(
        ["A", "a ", "b", "1.0", "1", "0", "0.0", "\N{FULLWIDTH LATIN CAPITAL LETTER B}"]
    ) == [
        ["A", "a "],
        ["b", "\N{FULLWIDTH LATIN CAPITAL LETTER B}"],
        ["1.0", "1"],
        ["0", "0.0"],
    ]


def test_a_model_that_has_both_forms_keeps_them():
    categories = tuple(sorted((ONE, TWO, "bar")))
    column = CategoryColumn("c", categories, "one-hot", "text")
    assert column.codes(pl.Series("c", list(categories))).tolist() == [1, 2, 3]


def test_labels_of_two_forms_are_one_class_and_the_note_says_so():
    settled = SettledLabels.of(LabelCounts.of(np.array([ONE, TWO, "bar"] * 3, object)), "y")
    assert settled.classes == ("bar", ONE)
    assert settled.counts == (3, 6)
    assert len(settled.notes) == 1
    assert f"of target 'y' are merged into class {ONE!r}" in settled.notes[0]
    assert LabelMatcher(settled.classes).place_of(TWO) == (1, False)
    assert LabelMatcher(("bar", TWO)).place_of(ONE) == (1, False)


def test_a_group_is_one_however_its_name_is_written():
    groups = np.array([ONE, TWO, f" {ONE}", "b", "b ", "c"] * 10, object)
    for held_out in split_groups(groups, 0.5, 0):
        names = {composed(name.strip()) for name in groups[held_out]}
        assert sum(composed(name.strip()) in names for name in groups) == len(held_out)
    draw = RowDraw.of_share(0.5, 60, 0, group_by="g")
    picked = draw.is_held_out(pl.DataFrame({"g": groups.tolist()}), np.arange(60))
    by_name: dict[str, set[bool]] = {}
    for name, is_out in zip(groups, picked, strict=True):
        by_name.setdefault(composed(name.strip()), set()).add(bool(is_out))
    assert all(len(found) == 1 for found in by_name.values())


def test_a_column_whose_name_only_looks_the_same_is_said_to():
    with pytest.raises(TableError, match="which has a column that looks the same and writes its"):
        require_columns([ONE], ["x", TWO], "rows.csv")
    with pytest.raises(TableError, match="not in rows.csv; its columns are x"):
        require_columns([ONE], ["x"], "rows.csv")


def test_an_estimator_answers_alike_for_both_forms():
    values = np.random.default_rng(0).normal(size=120)
    frame = pl.DataFrame({"x": values, "c": [ONE, "bar", "foo"] * 40})
    labels = np.where(values > 0, "no", "yes")
    network = MLPClassifier(recipe="fast", max_iter=2).fit(frame, labels)
    other = frame.with_columns(pl.col("c").str.normalize("NFD"))
    assert (network.predict_proba(frame) == network.predict_proba(other)).all()
    mixed = pl.concat([frame[:60], other[60:]])
    with pytest.warns(DataWarning, match="accents written in two ways"):
        MLPClassifier(recipe="fast", max_iter=1).fit(mixed, labels)
