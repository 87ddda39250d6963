import numpy as np
import polars as pl
import pytest

from multilayer.encoding.row_draw import RowDraw
from multilayer.errors import TableError
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


def test_a_draw_keeps_groups_together():
    table = pl.DataFrame({"g": [None if n % 50 == 0 else n % 50 for n in range(5000)]})
    draw = RowDraw.of_share(0.4, 5000, seed=0, group_by="g")
    held_out = draw.is_held_out(table, np.arange(5000))
    shares = table.with_columns(pl.Series("h", held_out)).group_by("g").agg(pl.col("h").mean())["h"]
    assert set(shares) == {0.0, 1.0}
    assert 8 <= shares.sum() <= 32
