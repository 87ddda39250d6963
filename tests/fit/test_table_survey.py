import itertools
import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multilayer.encoding.row_draw import RowDraw
from multilayer.errors import TableError
from multilayer.fit import rare_rows
from multilayer.fit.survey import RowSample, TableSurvey


def sample(parts: list[pl.DataFrame], num_rows: int, seed: int) -> pl.Series:
    drawn = RowSample(num_rows, seed)
    for part in parts:
        numbers = part["n"].to_numpy()
        drawn.add(part, numbers, numbers, numbers)
    assert drawn.frame["n"].to_list() == drawn.numbers.tolist()
    return drawn.frame["n"]


def test_a_sample_is_drawn_evenly_and_repeats():
    numbers = pl.DataFrame({"n": range(1000)})
    parts = [numbers.slice(start, 77) for start in range(0, 1000, 77)]
    drawn = sample(parts, 200, 0)
    assert len(drawn) == 200
    assert drawn.is_sorted()
    assert abs(drawn.mean() - 499.5) < 80  # 4 standard errors
    assert sample([numbers], 200, 0).equals(drawn)  # however the table is cut
    assert not sample(parts, 200, 1).equals(drawn)
    assert sample(parts, 5000, 0).equals(numbers["n"])
    with pytest.raises(TableError, match="no table"):
        _ = RowSample(5, 0).frame


def survey_of(table: pl.DataFrame, sample_rows: int = 20, **options) -> TableSurvey:
    options = {"target": ("y",), "weight": None, "source": "t.csv", "seed": 0, **options}
    survey = TableSurvey(sample_rows=sample_rows, **options)
    for start in range(0, len(table), 30):
        survey.add(table.slice(start, 30))
    return survey


def test_parts_are_surveyed_as_one_table():
    generator = np.random.default_rng(0)
    num_rows = 900
    label = pl.Series([None if n % 11 == 5 else f"class {n // 90}" for n in range(num_rows)])
    table = pl.DataFrame(
        {"x": range(num_rows), "y": label, "w": generator.integers(0, 4, num_rows)}
    )  # fmt: skip
    files = [(0, 0, 300), (1, 300, 420), (1, 420, 700), (2, 700, 900)]  # file, start, end
    firsts = (0, 300, 700)

    def filled(survey: TableSurvey, parts: list[tuple[int, int, int]]) -> TableSurvey:
        for file, start, end in parts:
            for row in range(start, end, 20):
                survey.add(table[row : row + 20], file, row - firsts[file])
        return survey

    def empty() -> TableSurvey:
        return TableSurvey(("y",), "w", "t.csv", 50, 0)

    whole, merged = filled(empty(), files), empty()
    for part in files:
        one = empty()
        one.begin(merged.state)
        merged.merge(filled(one, [part]))
    assert merged.sample.equals(whole.sample)
    assert merged.sample_rows.tolist() == whole.sample_rows.tolist()
    assert merged.sample_numbers.tolist() == whole.sample_numbers.tolist()
    assert merged.labels() == whole.labels()
    assert list(merged.labels().counts) == list(whole.labels().counts)
    assert merged.first_rows() == whole.first_rows()
    assert merged.rows_of_rare_classes() == whole.rows_of_rare_classes()
    assert (merged.left_out, merged.mean_weight) == (whole.left_out, whole.mean_weight)
    assert (merged.num_rows, merged.num_rows_read) == (whole.num_rows, whole.num_rows_read)
    assert merged.num_weight_zero == whole.num_weight_zero


def test_classes_outside_the_sample_are_found():
    labels = ["1", "2"] * 100 + ["rare", None, "?"]
    survey = survey_of(pl.DataFrame({"x": range(203), "y": labels}))
    assert (survey.num_rows_read, survey.num_rows) == (203, 201)
    assert survey.left_out.num_without_target == 2
    assert survey.left_out.spellings == {"?": 1}
    assert survey.labels().counts == {"1": 100, "2": 100, "rare": 1}
    assert survey.first_rows() == (0, 1, 200)
    # As in the table as a whole, the classes are text, though those of the sample are numbers.
    assert survey.reader().number_types == (None,)
    assert set(survey.sample_targets()) == {"1", "2"}


def test_text_of_numbers_is_read_as_the_whole_table_says():
    whole = survey_of(pl.DataFrame({"y": ["1", " 2"] * 50}))
    assert whole.reader().number_types == ("Int64",)
    assert whole.sample_targets().dtype == np.int64
    fractions = survey_of(pl.DataFrame({"y": [*["1", "2"] * 50, "2.5"]}))
    assert fractions.reader().number_types == ("Float64",)
    assert fractions.sample_targets().dtype == np.float64


def test_weights_are_counted():
    survey = survey_of(pl.DataFrame({"y": range(100), "w": [0.0, 1.0, 3.0, 4.0] * 25}), weight="w")
    assert survey.num_rows == 75
    assert survey.mean_weight == pytest.approx(8 / 3)
    assert set(survey.sample_weights()) <= {1.0, 3.0, 4.0}
    alike = survey_of(pl.DataFrame({"y": range(9), "w": [2.0] * 9}), weight="w")
    assert alike.mean_weight is None


def test_a_draw_holds_out_exactly_the_share():
    table = pl.DataFrame({"g": [str(n % 50) for n in range(1000)]})
    numbers = np.arange(1000)
    draw = RowDraw.of_share(0.2, 1000, seed=3, always_learned=(5, 6))
    held_out = draw.is_held_out(table, numbers)
    assert held_out.sum() == 200
    assert not held_out[[5, 6]].any()
    assert abs(numbers[held_out].mean() - 499.5) < 80
    # It does not matter where one begins.
    assert (draw.is_held_out(table[300:], numbers[300:]) == held_out[300:]).all()
    other = RowDraw.of_share(0.2, 1000, seed=4).is_held_out(table, numbers)
    assert 20 < (other & held_out).sum() < 65
    assert RowDraw.of_share(0.01, 10, seed=0).is_held_out(table[:10], numbers[:10]).sum() == 1
    # Of very many rows nobody counts them.
    many = RowDraw.of_share(0.3, 10**7, seed=0).is_held_out(table, numbers)
    assert 230 < many.sum() < 370


@given(
    nums=st.lists(st.integers(1, 40), min_size=1, max_size=12),
    share=st.floats(0.05, 0.5),
    seed=st.integers(0, 9),
)
def test_of_a_rare_class_the_same_share_is_held_out(nums, share, seed):
    order = np.random.default_rng(seed).permutation(500)
    ends = np.cumsum([0, *nums])
    classes = [sorted(order[a:b].tolist()) for a, b in itertools.pairwise(ends)]
    firsts = [rows[0] for rows in classes]
    draw = RowDraw.of_share(share, 500, seed, firsts, None, classes)
    table, numbers = pl.DataFrame({"x": range(500)}), np.arange(500)
    held_out = draw.is_held_out(table, numbers)
    assert held_out.sum() == max(1, round(share * 500))
    for rows in classes:
        least = int(len(rows) * share)
        assert least <= held_out[rows].sum() <= min(least + 1, len(rows) - 1)
    assert RowDraw.from_json(json.loads(json.dumps(draw.to_json()))) == draw
    assert (draw.is_held_out(table[77:], numbers[77:]) == held_out[77:]).all()


def test_rounding_of_rare_classes_is_fair():
    """A fifth of two rows each is two fifths of a row: so many of 400 classes have one held out."""
    classes = [[2 * place, 2 * place + 1] for place in range(400)]
    draw = RowDraw.of_share(0.2, 10_000, 1, (), None, classes)
    assert 130 < len(draw.always_held_out) < 190


def test_where_all_classes_are_rare_rows_are_held_out_still():
    classes = [[place] for place in range(20)]
    draw = RowDraw.of_share(0.2, 21, 0, range(20), None, [*classes, [20]])
    assert draw.is_held_out(pl.DataFrame({"x": range(21)}), np.arange(21)).sum() <= 1
    pairs = [[place, place + 10] for place in range(10)]
    draw = RowDraw.of_share(0.1, 20, 0, range(10), None, pairs)
    held_out = draw.is_held_out(pl.DataFrame({"x": range(20)}), np.arange(20))
    assert held_out.sum() >= 1
    assert not held_out[:10].any()


@pytest.mark.parametrize("are_numbers", [False, True])
def test_rows_of_rare_classes_are_found(monkeypatch, are_numbers):
    labels = ["1"] * 150 + ["2 "] * 20 + ["3"] * 100 + [None] + ["4"] * 101 + ["2"] * 5
    table = pl.DataFrame({"y": labels})
    if are_numbers:
        table = table.select(pl.col("y").str.strip_chars().cast(pl.Int64))
    found = survey_of(table).rows_of_rare_classes()
    assert sorted(found) == [[*range(150, 170), *range(371, 376)], list(range(170, 270))]
    monkeypatch.setattr(rare_rows, "_MOST_ROWS", 300)  # 60 of each
    [rare] = survey_of(table).rows_of_rare_classes()
    assert rare == [*range(150, 170), *range(371, 376)]


def test_a_draw_keeps_groups_together():
    table = pl.DataFrame({"g": [None if n % 50 == 0 else n % 50 for n in range(5000)]})
    draw = RowDraw.of_share(0.4, 5000, seed=0, group_by="g")
    held_out = draw.is_held_out(table, np.arange(5000))
    shares = table.with_columns(pl.Series("h", held_out)).group_by("g").agg(pl.col("h").mean())["h"]
    assert set(shares) == {0.0, 1.0}
    assert 8 <= shares.sum() <= 32
