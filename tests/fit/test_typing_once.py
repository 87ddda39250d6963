"""A column is typed once: when a model is trained. Every other file is read as the model says."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from multilayer.columns.value_format import ValueFormat
from multilayer.errors import DataWarning, SettingsError, TableError
from multilayer.experiments.load_problem import load_problem
from multilayer.fit.column_roles import ColumnRoles
from multilayer.fit.table_source import read_rows
from multilayer.model.model import Model
from multilayer.runs.earlier_runs import TableRun
from multilayer.runs.evaluation import evaluate_table
from multilayer.runs.model_rows import rows_for_model
from multilayer.runs.table_predictions import TablePredictions

pytestmark = pytest.mark.filterwarnings("ignore::multilayer.errors.DataWarning")

QUICK = {"hidden_widths": (8,), "max_epochs": 2, "num_members": 1, "num_folds": 0}


def write(path: Path, names: str, rows: list[str]) -> Path:
    path.write_text("\n".join([names, *rows]) + "\n")
    return path


def trained(path: Path, output: Path, **roles) -> Model:
    run = TableRun(path, ColumnRoles(("y",), **roles), output, recipe_name="fast", changes=QUICK)
    for _ in run.epochs():
        pass
    run.finish()
    return run.fit.model()


def kinds(path: Path, **options) -> dict[str, str]:
    roles = ColumnRoles(("y",), **options)
    return {column.name: column.kind for column in read_rows(path, roles).schema.columns}


def accuracies(model: Model, path: Path) -> tuple[float, float]:
    """As `evaluate` says it, and as counted from what `predict` answers."""
    answers = pl.concat(list(TablePredictions(model, path).pieces()))
    is_right = answers["y"] == answers["predicted_y"].cast(pl.String)
    return evaluate_table(model, path).scores[0].value, is_right.mean()


@pytest.mark.parametrize("categorical", [(), ("code",)])
def test_evaluate_scores_what_predict_answers(tmp_path, categorical):
    rng = np.random.default_rng(0)
    codes = ["1.1", "1.10", "2.50", "2.75"] + ([] if categorical else ["beta"])
    drawn = [codes[n] for n in rng.integers(len(codes), size=600)]
    rows = [f"{rng.normal():.3f},{code},{'up' if len(code) == 4 else 'down'}" for code in drawn]
    path = write(tmp_path / "t.csv", "x,code,y", rows[:400])
    new = write(tmp_path / "new.csv", "x,code,y", [row for row in rows[400:] if "beta" not in row])
    model = trained(path, tmp_path / "run", categorical=categorical)
    evaluated, predicted = accuracies(model, new)
    assert evaluated == pytest.approx(predicted)
    column = next(c for c in model.encoder.categories if c.name == "code")
    assert (column.codes(pl.Series(drawn)) > 0).all()


@pytest.mark.parametrize("rows", [["mm,kg,"], ["Total,1000,"], ["Total,1000,NA"]])
def test_a_row_that_is_left_out_says_nothing_about_the_columns(tmp_path, rows):
    rng = np.random.default_rng(0)
    body = [f"{x:.4f},{w:.2f},{'yes' if x > 0 else 'no'}" for x, w in rng.normal(size=(60, 2))]
    path = write(tmp_path / "t.csv", "x,w,y", [*body[:30], *rows, *body[30:]])
    assert kinds(path) == {"x": "numeric", "w": "numeric"}
    source = read_rows(path, ColumnRoles(("y",)))
    assert source.num_rows == 60
    assert len(source.notes) == 1
    assert "31" in source.notes[0]
    assert source.rows.numbers.tolist() == [*range(30), *range(31, 61)]


def test_labels_of_an_evaluated_file_are_the_models(tmp_path):
    rng = np.random.default_rng(0)

    def table(name: str, labels: list[str]) -> Path:
        rows = [f"{rng.normal():.3f},{labels[n % len(labels)]}" for n in range(60)]
        return write(tmp_path / name, "x,y", rows)

    path = table("t.csv", ["0", "1", "unk"])
    model = trained(path, tmp_path / "run")
    assert model.targets.classes == ("0", "1", "unk")
    assert evaluate_table(model, table("new.csv", ["0", "1"])).num_rows == 60
    own = TableRun(
        path, ColumnRoles(("y",)), tmp_path / "own", recipe_name="fast", changes=QUICK,
        validation=table("v.csv", ["1", "0"]),
    )  # fmt: skip
    assert own.fit.has_own_validation
    mixed = rows_for_model(model, table("mixed.csv", ["0", "UNK ", "maybe"]))
    assert len(mixed.rows) == 40
    assert mixed.unknown == {"maybe": 20}
    assert "label 'UNK' (20 rows) is treated as class 'unk'" in mixed.notes
    assert "'maybe' (20 rows) of target 'y', first in row 3, is not among" in mixed.notes[-1]
    with pytest.raises(TableError, match="no row of .* can be scored: label 'maybe'"):
        rows_for_model(model, table("other.csv", ["maybe"]))


def test_rows_without_target_are_said_with_what_made_them_so(tmp_path):
    rows = [f"{n % 7},{'NA' if n % 2 else 'EU'}" for n in range(60)]
    path = write(tmp_path / "t.csv", "x,region", rows)
    with (
        pytest.warns(DataWarning, match=r"30 rows \(rows 2, 4, 6, …\) .* no target 'region'.*'NA'"),
        pytest.raises(TableError, match="class 'EU' alone"),
    ):
        TableRun(path, ColumnRoles(("region",)), tmp_path / "run", recipe_name="fast")


def test_whole_numbers_beyond_64_bits_are_labels_as_they_stand(tmp_path):
    first = 12345678901234567890
    rows = [f"{n % 7},{first + n % 2}" for n in range(60)]
    model = trained(write(tmp_path / "t.csv", "x,y", rows), tmp_path / "run")
    assert model.targets.classes == (str(first), str(first + 1))


@pytest.mark.parametrize(
    "roles",
    [
        {"target": ("y", "y")},
        {"target": ("y",), "weight": "y"},
        {"target": ("y",), "group_by": "y"},
    ],
)
def test_a_column_that_is_named_twice_is_refused(roles):
    with pytest.raises(SettingsError, match="column 'y' is named .*twice"):
        ColumnRoles(**roles)


def test_a_number_that_is_always_the_same_is_refused(tmp_path):
    path = write(tmp_path / "t.csv", "x,y", [f"{n % 7},3.5" for n in range(60)])
    with pytest.raises(TableError, match="target 'y' is 3.5 in every row"):
        TableRun(path, ColumnRoles(("y",)), tmp_path / "run", recipe_name="fast")
    assert not (tmp_path / "run").exists()
    with pytest.raises(TableError, match="target 'y' is 3.5 in every row"):
        load_problem(path, target="y")


def test_a_wrong_value_is_named_by_its_row_in_the_file(tmp_path):
    """Whichever rows are left out before it."""
    days = [f"2024-01-{1 + n % 28:02}" for n in range(60)]
    rows = [f"{n},{day},{'' if n < 9 else 'ab'[n % 2]}" for n, day in enumerate(days)]
    path = write(tmp_path / "t.csv", "x,day,y", rows)
    model = trained(path, tmp_path / "run")
    for place, (wrong, match) in enumerate(
        [("many,2024-01-01,a", "row 41 of column 'x' of"), ("7,soon,a", "row 41 of column 'day'")]
    ):
        bad = write(tmp_path / f"{place}.csv", "x,day,y", [*rows[:40], wrong, *rows[41:]])
        with pytest.raises(TableError, match=match):
            evaluate_table(model, bad)
        with pytest.raises(TableError, match=match):
            list(TablePredictions(model, bad).pieces())
        with pytest.raises(TableError, match=match):
            read_rows(bad, ColumnRoles(("y",)), schema=model.schema)
    told = ColumnRoles(("y",), as_kind={"x": "numeric"})
    with pytest.raises(TableError, match="row 41 of column 'x' of"):
        read_rows(tmp_path / "0.csv", told)
    with pytest.raises(TableError, match="row 41 of target 'x' must be|row 41 of column 'x' of"):
        TableRun(tmp_path / "0.csv", ColumnRoles(("x",)), tmp_path / "bad", task="regression")


def test_categories_never_seen_are_told_or_refused(tmp_path):
    rows = [f"{'abc'[n % 3]},{'uv'[n % 2]},{'yes' if n % 2 else 'no'}" for n in range(60)]
    model = trained(write(tmp_path / "t.csv", "city,g,y", rows), tmp_path / "run")
    new = write(tmp_path / "new.csv", "city,g,y", ["zz,u,no", "a,u,no"] * 20)
    predictions = TablePredictions(model, new)
    list(predictions.pieces())
    assert predictions.unseen.found == {"city": (20, ("zz",))}
    with pytest.raises(TableError, match="column 'city' holds values that were not in"):
        list(TablePredictions(model, new, on_unseen="error").pieces())
    assert any("'city'" in note for note in evaluate_table(model, new).notes)


def test_what_is_missing_can_be_told(tmp_path):
    """In features and in labels, and in whatever file is read for the model afterwards."""
    rows = [
        f"{-999 if n % 5 == 0 else n},{('NA', 'DE', 'ZA')[n % 3]},"
        f"{('NA', 'EU', 'unknown')[n // 3 % 3]}"
        for n in range(90)
    ]
    path = write(tmp_path / "t.csv", "x,country,y", rows)
    values = ValueFormat(missing=("Unknown", "-999"), keep_na=True)
    source = read_rows(path, ColumnRoles(("y",), values=values))
    assert source.left_out.spellings == {"unknown": 30}
    assert sorted(set(source.rows.targets)) == ["EU", "NA"]
    model = trained(path, tmp_path / "run", values=values)
    assert model.targets.classes == ("EU", "NA")
    assert model.encoder.categories[0].categories == ("DE", "NA", "ZA")
    assert model.encoder.numbers[0].has_indicator
    evaluation = evaluate_table(model, path)
    assert (evaluation.num_rows, evaluation.num_without_target) == (60, 30)
    answers = pl.concat(list(TablePredictions(model, path).pieces()))
    kept = answers.filter(pl.col("y") != "unknown")
    accuracy = (kept["y"] == kept["predicted_y"]).mean()
    assert evaluation.scores[0].value == pytest.approx(accuracy)
    numbers = write(
        tmp_path / "n.csv", "x,y", [f"{n},{-999 if n % 3 else n / 7}" for n in range(90)]
    )
    told = ColumnRoles(("y",), values=ValueFormat(missing=("-999",)))
    assert read_rows(numbers, told).num_rows == 30
    polars = pl.read_csv(numbers)
    polars.write_parquet(tmp_path / "n.parquet")
    assert read_rows(tmp_path / "n.parquet", told).num_rows == 30
