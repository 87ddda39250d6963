"""train, evaluate, predict and inspect on tables, in this process; the last test in a real one."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from multilayer.cli.application import run

QUICK = ["--recipe", "fast", "--hidden-widths", "16", "--max-epochs", "20", "--quiet"]


def houses(num_rows: int = 300, seed: int = 0) -> pl.DataFrame:
    generator = np.random.default_rng(seed)
    size = generator.normal(100, 30, num_rows).round(1)
    town = generator.choice(["Bern", "Oslo", "Rome"], num_rows)
    price = size * 3 + 100 * (town == "Oslo") + generator.normal(0, 10, num_rows)
    return pl.DataFrame(
        {
            "id": [f"h{number:05d}" for number in range(num_rows)],
            "size": size,
            "town": town,
            "sold": [f"2024-{1 + number % 12:02d}-15" for number in range(num_rows)],
            "street": [f"s{number // 10}" for number in range(num_rows)],
            "trust": generator.integers(0, 3, num_rows),
            "price": price.round(2),
            "class": np.where(price > 330, "dear", "cheap"),
        }
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Files to train on and to predict, and the runs `price` and `class`."""
    folder = tmp_path_factory.mktemp("tables")
    houses().write_csv(folder / "houses.csv")
    houses(60, seed=1).write_csv(folder / "new.csv")
    houses(60, seed=1).write_parquet(folder / "new.parquet")
    for target, other in (("price", "class"), ("class", "price")):
        arguments = ["train", str(folder / "houses.csv"), "--target", target, "--drop", other]
        assert run([*arguments, *QUICK, "--output", str(folder / target)]) == 0
    return folder


@pytest.fixture(autouse=True)
def _in_folder(folder, monkeypatch) -> None:
    monkeypatch.chdir(folder)


def complaint(capsys, *arguments: str) -> str:
    """The one line that a command answers bad input with."""
    capsys.readouterr()
    assert run(list(arguments)) == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    return errors[0]


def test_training_shows_the_columns_and_leaves_a_folder(capsys, tmp_path):
    arguments = ["train", "houses.csv", "--target", "price", "--drop", "class"]
    assert run([*arguments, *QUICK[:-1], "--output", str(tmp_path / "run")]) == 0
    shown, notes = capsys.readouterr()
    assert "houses.csv: 300 rows, regression of price" in shown
    assert "id       identifier    nearly all values differ" in shown
    assert "town     categorical   3 values" in shown
    assert "sold     date          every value is a date" in shown
    assert "60 rows held out" in shown
    assert "epoch 20/20: train_loss " in shown
    assert "on held-out rows: RMSE " in shown
    assert "note: column 'id' looks like an identifier" in notes
    names = sorted(path.name for path in (tmp_path / "run").iterdir())
    assert names == [
        "curves.png", "history.jsonl", "model.safetensors", "results.json", "settings.json"
    ]  # fmt: skip
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert results["status"] == "finished"
    assert [score["name"] for score in results["validation"]] == ["RMSE", "MAE", "R²"]
    settings = json.loads((tmp_path / "run" / "settings.json").read_text())
    assert settings["settings"]["hidden_widths"] == [16]
    assert len(settings["data"]["validation_rows"]) == 60
    assert len((tmp_path / "run" / "history.jsonl").read_text().splitlines()) == 20


def test_columns_have_the_roles_that_flags_give_them(tmp_path):
    arguments = [
        "train", "houses.csv", "--target", "class", "--drop", "price", "--weight", "trust",
        "--group-by", "street", "--categorical", "sold", "--as", "id=categorical", "--seed", "3",
        "--validation", "0.3", "--task", "classification",
    ]  # fmt: skip
    assert run([*arguments, *QUICK, "--output", str(tmp_path / "run")]) == 0
    data = json.loads((tmp_path / "run" / "settings.json").read_text())["data"]
    kinds = {column["name"]: column["kind"] for column in data["schema"]["columns"]}
    assert kinds == {
        "id": "categorical", "size": "numeric", "town": "categorical", "sold": "categorical",
        "street": "dropped", "trust": "dropped", "price": "dropped",
    }  # fmt: skip
    frame = houses()
    held_out = frame[data["validation_rows"]]
    assert held_out.filter(pl.col("trust") == 0).is_empty()
    kept = frame.with_row_index().filter(~pl.col("index").is_in(data["validation_rows"]))
    kept = kept.filter(pl.col("trust") > 0)
    assert not set(held_out["street"]) & set(kept["street"])


def test_the_latest_rows_are_held_out(tmp_path):
    arguments = ["train", "houses.csv", "--target", "price", "--time-column", "sold"]
    assert run([*arguments, *QUICK, "--output", str(tmp_path / "run")]) == 0
    data = json.loads((tmp_path / "run" / "settings.json").read_text())["data"]
    assert set(houses()[data["validation_rows"]]["sold"].str.slice(5, 2)) == {"11", "12"}


def test_a_file_of_validation_rows_and_two_targets(tmp_path, capsys):
    arguments = [
        "train", "houses.csv", "--target", "price", "--target", "size",
        "--validation", "new.parquet",
    ]  # fmt: skip
    assert run([*arguments, *QUICK, "--output", str(tmp_path / "run")]) == 0
    assert "price: RMSE" in capsys.readouterr().out
    assert run(["predict", str(tmp_path / "run"), "new.csv", "-o", str(tmp_path / "out.csv")]) == 0
    answers = pl.read_csv(tmp_path / "out.csv")
    assert answers.columns[-2:] == ["predicted_price", "predicted_size"]
    assert run(["evaluate", str(tmp_path / "run"), "new.csv"]) == 0
    assert "size: R²" in capsys.readouterr().out


def test_folds_and_a_run_without_held_out_rows(tmp_path, capsys):
    arguments = ["train", "houses.csv", "--target", "class", "--drop", "price"]
    folds = [*QUICK[:-1], "--num-folds", "3", "--output", str(tmp_path / "folds")]
    assert run([*arguments, *folds]) == 0
    shown = capsys.readouterr().out
    assert "network: 3 networks of " in shown
    assert "3 folds held out in turn" in shown
    assert run(["inspect", str(tmp_path / "folds")]) == 0
    assert "on 300 rows:" in capsys.readouterr().out
    assert run([*arguments, *QUICK, "--validation", "0", "--output", str(tmp_path / "all")]) == 0
    assert run(["inspect", str(tmp_path / "all")]) == 0
    assert "no importances: the run held no rows out; name a table" in capsys.readouterr().out
    assert "held-out rows" in complaint(
        capsys, "predict", str(tmp_path / "all"), "new.csv", "--interval", "0.9"
    )


def test_a_second_network_is_planned_shown_and_reported(tmp_path, capsys):
    flags = ["--target", "price", "--drop", "class", *QUICK[:-1], "--output", str(tmp_path / "run")]
    assert run(["train", "houses.csv", *flags, "--refit"]) == 0
    said = capsys.readouterr().out
    assert "60 rows held out, then a second network on all rows\n" in said
    epoch = json.loads((tmp_path / "run" / "results.json").read_text())["best_epochs"][0]
    assert f"second network, on all rows: epoch {epoch} of {epoch}\n" in said
    assert f"; a second network learned from all 300 rows for {epoch} epoch" in said
    assert run(["inspect", str(tmp_path / "run")]) == 0
    assert "network: 2 networks of " in capsys.readouterr().out
    assert run(["report", str(tmp_path / "run")]) == 0
    assert "learned from all rows, the validation rows too" in (
        tmp_path / "run" / "report.html"
    ).read_text().replace("\n", " ")
    assert complaint(capsys, "train", "houses.csv", "--target", "price", "--refit", "--num-folds",
                     "3").startswith("error: --refit trains one network again")  # fmt: skip
    assert complaint(
        capsys, "train", "houses.csv", "--target", "price", "--refit", "--memory-limit", "600MB"
    ).startswith("error: --refit needs all training rows at once")


def test_the_target_s_mean_in_each_category_is_an_input_where_asked(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    arguments = ["train", "houses.csv", "--target", "class", "--drop", "price", *QUICK[2:]]
    asked = [*arguments, "--categorical", "street", "--category-statistics"]
    for more in ([], ["--num-folds", "2"]):
        folder = str(tmp_path / f"run{len(more)}")
        assert run([*asked, *more, "--output", folder]) == 0
        capsys.readouterr()
        assert run(["inspect", folder]) == 0
        shown = capsys.readouterr().out
        assert "the target's mean in each category is an input too: street\n" in shown
        for command in (["evaluate", folder, "new.csv"], ["report", folder]):
            assert run(command) == 0
    limited = complaint(capsys, *asked, "--memory-limit", "0.5GB")
    assert "--category-statistics" in limited and "--memory-limit" in limited
    few = [*arguments[: -len(QUICK[2:])], "--drop", "street", *QUICK[2:], "--category-statistics"]
    assert run([*few, "--output", str(tmp_path / "few")]) == 0
    assert "left out: no categorical column has more than 8 values" in capsys.readouterr().err


def test_a_limit_on_memory_is_kept_and_shown(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    arguments = ["train", "houses.csv", "--target", "price", "--drop", "class"]
    limit = ["--memory-limit", "0.5GB", "--output", str(tmp_path / "run")]
    assert run([*arguments, *QUICK[:-1], *limit]) == 0
    shown = capsys.readouterr().out
    assert "reading: 300 rows" in shown
    assert "columns are judged and scaled by 300 of 300 rows" in shown
    assert f"take 0.1 MB in {tmp_path}/cache/multilayer/encoded-tables/houses-" in shown
    assert "100%, 300 of 300 rows" in shown
    assert "houses.csv: 300 rows, regression of price" in shown
    assert "60 rows held out" in shown
    assert "on held-out rows: RMSE " in shown
    assert not list((tmp_path / "cache" / "multilayer" / "encoded-tables").iterdir())
    assert run(["predict", str(tmp_path / "run"), "new.csv", "-o", str(tmp_path / "out.csv")]) == 0
    assert run(["evaluate", str(tmp_path / "run"), "new.csv"]) == 0
    assert run(["inspect", str(tmp_path / "run")]) == 0
    assert run(["report", str(tmp_path / "run")]) == 0


def test_a_table_too_large_for_memory_gets_a_limit_by_itself(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("multilayer.fit.table_size._bytes_in_memory", lambda _: 10**15)
    arguments = ["train", "houses.csv", "--target", "price", *QUICK]
    assert run([*arguments, "--output", str(tmp_path / "run")]) == 0
    noted = capsys.readouterr().err
    assert "note: the table is large for this machine's memory; it is trained from the" in noted
    settings = json.loads((tmp_path / "run" / "settings.json").read_text())
    assert f"within --memory-limit {settings['data']['memory_limit'] // 10**6}MB" in noted


def test_evaluating_prints_scores_with_intervals(capsys, tmp_path):
    assert run(["evaluate", "price", "new.csv"]) == 0
    shown = capsys.readouterr().out
    assert "new.csv: 60 rows, regression of price" in shown
    assert all(f"\n{name}" in shown for name in ("RMSE", "MAE", "R²"))
    assert "intervals of coverage 0.9 hold the truth in " in shown
    arguments = ["evaluate", "class/model.safetensors", "new.parquet", "--output", str(tmp_path)]
    assert run(arguments) == 0
    shown = capsys.readouterr().out
    assert "binary of class" in shown
    assert all(f"\n{name}" in shown for name in ("accuracy", "log loss", "ROC AUC"))
    assert "expected calibration error 0." in shown
    assert "true \\ predicted" in shown
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["confusion_matrix.png", "reliability.png"]
    assert run(["evaluate", "class/model.safetensors", "new.csv"]) == 0
    assert ".png" not in capsys.readouterr().out


def test_predictions_stand_beside_the_rows(capsys):
    assert run(["predict", "price", "new.csv", "--interval", "0.8", "-o", "out.csv"]) == 0
    given, answered = pl.read_csv("new.csv"), pl.read_csv("out.csv")
    assert answered.columns[:-3] == given.columns
    assert answered.select(given.columns).equals(given)
    low, high = answered["predicted_price_low"], answered["predicted_price_high"]
    assert ((low < answered["predicted_price"]) & (answered["predicted_price"] < high)).all()
    assert np.corrcoef(answered["predicted_price"], answered["price"])[0, 1] > 0.8
    assert "note: columns that are not needed: id, class" in capsys.readouterr().err
    assert run(["predict", "price/model.safetensors", "new.parquet", "-o", "out.parquet"]) == 0
    again = pl.read_parquet("out.parquet")
    np.testing.assert_allclose(again["predicted_price"], answered["predicted_price"], rtol=1e-12)
    assert again.schema["size"] == pl.Float64


def test_probabilities_and_sets_of_classes():
    arguments = ["predict", "class", "new.csv", "--proba", "--interval", "0.95", "-o", "out.csv"]
    assert run(arguments) == 0
    answered = pl.read_csv("out.csv")
    assert answered.columns[-4:] == [
        "predicted_class", "predicted_class_set", "probability_cheap", "probability_dear"
    ]  # fmt: skip
    total = answered["probability_cheap"] + answered["probability_dear"]
    np.testing.assert_allclose(total, 1)
    assert set(answered["predicted_class_set"]) <= {"cheap", "dear", "cheap | dear"}
    assert (answered["predicted_class"] == answered["class"]).mean() > 0.8


def test_quantiles_and_counts_have_columns_and_scores_of_their_own(tmp_path, capsys):
    out = str(tmp_path / "quantiles")
    train = ["train", "houses.csv", "--target", "price", *QUICK]
    assert run([*train, "--loss", "quantile", "--quantiles", "0.1,0.9", "--output", out]) == 0
    assert "pinball loss of quantile 0.1" in capsys.readouterr().out
    answers = str(tmp_path / "answers.csv")
    assert run(["predict", out, "new.csv", "--interval", "0.8", "-o", answers]) == 0
    answered = pl.read_csv(answers)
    middle, low, high = (f"predicted_price{end}" for end in ("", "_quantile_0.1", "_quantile_0.9"))
    ends = ["predicted_price_low", "predicted_price_high"]
    assert answered.columns[-5:] == [middle, low, high, *ends]
    assert (answered[low] <= answered[high]).all()
    np.testing.assert_allclose(answered[middle], (answered[low] + answered[high]) / 2)
    assert run(["evaluate", out, "new.csv"]) == 0
    assert "share below quantile 0.9" in capsys.readouterr().out
    assert run(["inspect", out]) == 0
    assert "on 60 rows:" in capsys.readouterr().out

    out = str(tmp_path / "counts")
    train = ["train", "houses.csv", "--target", "trust", "--loss", "poisson", "--drop", "price"]
    assert run([*train, *QUICK, "--output", out]) == 0
    shown = capsys.readouterr().out
    assert "Poisson deviance" in shown
    assert run(["predict", out, "new.csv", "-o", answers]) == 0
    assert (pl.read_csv(answers)["predicted_trust"] > 0).all()
    message = complaint(capsys, "train", "houses.csv", "--target", "class", "--loss", "poisson")
    assert "is for numbers; the target holds 'cheap'" in message


def test_standard_input_and_output():
    command = [sys.executable, "-m", "multilayer", "predict", "class", "-"]
    done = subprocess.run(
        command, input=Path("new.csv").read_bytes(), capture_output=True, check=True
    )
    assert done.stdout.startswith(b"id,size,town,sold,street,trust,price,class,predicted_class\n")
    assert done.stdout.count(b"\n") == 61


def test_formulas_are_quoted_where_asked(tmp_path):
    frame = houses(3).with_columns(id=pl.Series(["=1+1", "@cmd", "-5"]))
    frame.write_csv(tmp_path / "evil.csv")
    out = str(tmp_path / "out.csv")
    assert run(["predict", "price", str(tmp_path / "evil.csv"), "-o", out]) == 0
    assert pl.read_csv(out)["id"].to_list() == ["=1+1", "@cmd", "-5"]
    arguments = ["predict", "price", str(tmp_path / "evil.csv"), "-o", out, "--spreadsheet-safe"]
    assert run(arguments) == 0
    assert pl.read_csv(out)["id"].to_list() == ["'=1+1", "'@cmd", "-5"]


def test_inspecting_says_what_is_expected_and_relied_on(capsys):
    assert run(["inspect", "price"]) == 0
    shown = capsys.readouterr().out
    assert "predicts price (regression) from the rows of a table" in shown
    assert "town     categorical" in shown
    assert "not used: id, class" in shown
    relied_on = shown.partition("on 60 rows:")[2].split()
    assert relied_on.index("size") < relied_on.index("trust")
    assert run(["inspect", "class/model.safetensors"]) == 0
    shown = capsys.readouterr().out
    assert "classes: cheap, dear" in shown
    assert "no importances: a model file holds no rows" in shown
    assert run(["inspect", "class/model.safetensors", "new.csv"]) == 0
    assert "on 60 rows:" in capsys.readouterr().out


def written(path: Path, frame: pl.DataFrame) -> str:
    if path.suffix == ".parquet":
        frame.write_parquet(path)
    else:
        frame.write_csv(path)
    return str(path)


def test_a_target_that_is_not_there(capsys):
    message = complaint(capsys, "train", "houses.csv", "--target", "prise")
    assert message.startswith(
        "error: column 'prise' is not in houses.csv; its columns are id, size"
    )


def test_rows_without_target_are_left_out_or_refused(capsys, tmp_path):
    frame = houses().with_columns(
        price=pl.when(pl.int_range(pl.len()) % 100 == 7).then(None).otherwise(pl.col("price"))
    )
    path = written(tmp_path / "gaps.csv", frame)
    arguments = ["train", path, "--target", "price", *QUICK[:-1], "--output", str(tmp_path / "run")]
    assert run(arguments) == 0
    assert "297 rows (3 more have no target), regression" in capsys.readouterr().out
    message = complaint(capsys, "train", path, "--target", "price", "--strict")
    assert "target 'price' of" in message
    assert "is missing in 3 rows (rows 8, " in message


def test_a_class_of_one_row(tmp_path):
    frame = houses()
    frame = frame.with_columns(pl.Series("class", ["palace", *frame["class"].to_list()[1:]]))
    path = written(tmp_path / "palace.csv", frame)
    out = str(tmp_path / "run")
    assert run(["train", path, "--target", "class", *QUICK, "--output", out]) == 0
    assert run(["evaluate", out, path]) == 0


def test_text_in_a_numeric_column(capsys, tmp_path):
    frame = houses(5).with_columns(size=pl.Series(["1", "2", "big", "4", "5"]))
    path = written(tmp_path / "text.csv", frame)
    message = complaint(capsys, "predict", "price", path, "-o", str(tmp_path / "out.csv"))
    assert "row 3 of column 'size' of" in message
    assert "big" in message
    assert not (tmp_path / "out.csv").exists()


def test_a_column_too_few(capsys, tmp_path):
    path = written(tmp_path / "few.csv", houses(5).drop("size", "town"))
    message = complaint(capsys, "predict", "price", path)
    assert "columns 'size', 'town' are not in" in message
    (tmp_path / "ragged.csv").write_text("a,b\n1,2\n3\n")
    message = complaint(capsys, "train", str(tmp_path / "ragged.csv"), "--target", "b")
    assert "row 2 of" in message
    assert "has 1 field, it must have 2" in message


def test_a_target_that_is_infinite(capsys, tmp_path):
    path = written(tmp_path / "inf.csv", pl.DataFrame({"x": [1.0, 2.0], "y": [1.5, np.inf]}))
    message = complaint(capsys, "train", path, "--target", "y", "--task", "regression")
    assert "row 2 of target 'y' must be a finite number, it is inf" in message


def test_nested_columns(capsys, tmp_path):
    path = written(tmp_path / "nested.parquet", pl.DataFrame({"x": [[1], [2]], "y": [1, 2]}))
    assert run(["train", str(path), "--target", "y"]) == 2
    message = capsys.readouterr().err
    assert "column 'x' of" in message
    assert "holds list" in message
    assert "no feature columns" in message


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1, -1], "in row 2 it is -1"),
        ([0, 0], "all sample weights are zero"),
        ([1, None], "is missing"),
    ],
)
def test_weights_that_make_no_sense(capsys, tmp_path, weights, message):
    frame = pl.DataFrame({"x": [1, 2], "y": ["a", "b"], "w": weights})
    path = written(tmp_path / "weights.csv", frame)
    assert message in complaint(capsys, "train", path, "--target", "y", "--weight", "w")


def test_validation_rows_with_other_columns(capsys, tmp_path):
    path = written(tmp_path / "other.csv", houses(20).drop("size"))
    message = complaint(capsys, "train", "houses.csv", "--target", "price", "--validation", path)
    assert "column 'size' is not in" in message


def test_a_table_of_one_row(capsys, tmp_path):
    path = written(tmp_path / "one.csv", houses(1))
    message = complaint(capsys, "train", path, "--target", "price")
    assert "1 row to train on; at least 2 are needed" in message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "houses.csv"], "houses.csv is a file; name its column to predict with --target"),
        (["train", "absent.csv", "--target", "y"], "cannot read absent.csv: no such file"),
        (["train", "houses.csv", "--target", "price", "--as", "zip"], "--as must be NAME=KIND"),
        (["train", "houses.csv", "--target", "price", "--as", "size=odd"], "cannot be 'odd'"),
        (["train", "houses.csv", "--target", "price", "--validation", "2"], "--validation"),
        (["train", "houses.csv", "--target", "price", "--recipe", "b"], "unknown recipe 'b'"),
        (["train", "houses.csv", "--target", "price", "--augment", "shift"], "go with tables"),
        (["train", "houses.csv", "--target", "town", "--task", "regression"], "must be a number"),
        (["train", "new.csv", "--target", "price", "--memory-limit", "much"], "500MB or 4GB, not"),
        (["train", "new.csv", "--target", "price", "--memory-limit", "1MB"], "smallest that works"),
        (["evaluate", "price"], "name a file with rows that it was not trained on"),
        (["evaluate", "price", "few.csv"], "cannot read few.csv"),
        (["evaluate", "absent", "new.csv"], "there is no run folder absent"),
        (["predict", "houses.csv", "new.csv"], "houses.csv is not a whole file of ours"),
        (["predict", "price", "new.csv", "--proba"], "this model predicts numbers"),
        (["predict", "price", "new.csv", "--interval", "90"], "must be a number between 0 and 1"),
        (["predict", "price", "new.csv", "--interval", "0.999"], "needs at least 999 held-out"),
        (
            ["predict", "price", "new.csv", "-o", "out.xlsx"],
            "must end in .csv, .parquet, ",
        ),
    ],
)
def test_other_bad_input_is_answered_with_one_line(capsys, arguments, message):
    assert message in complaint(capsys, *arguments)


@pytest.mark.parametrize("limit", [[], ["--memory-limit", "500MB"]])
def test_a_file_with_every_oddity_of_csv(tmp_path, monkeypatch, limit):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    lines = []
    for number in range(40):
        json_text = f'"{{""kind"": ""point"", ""xs"": [{number % 4}, null]}}"'
        texts = f'"{number}, ""first""","a\r\nb{number % 2}",{number % 3},"é\t日本{number}"'
        lines.append(f'{texts},,"",{json_text}')
        lines.append("")  # blank lines are no rows
    head = '\ufeff"x ""1""","two\nlines",n,utf,empty,"quoted, empty",json'
    text = head + "\r\n" + "\r\n".join(lines)  # the last line has no end
    path = tmp_path / "odd.csv"
    path.write_bytes(text.encode())
    out = str(tmp_path / "run")
    arguments = ["train", str(path), "--target", "two\nlines", "--as", "utf=categorical"]
    assert run([*arguments, *QUICK, *limit, "--output", out]) == 0
    assert run(["evaluate", out, str(path)]) == 0
    assert run(["predict", out, str(path), "-o", str(tmp_path / "out.csv")]) == 0
    given, answered = (
        [row for row in csv.reader(io.StringIO(each.read_text("utf-8-sig"), newline="")) if row]
        for each in (path, tmp_path / "out.csv")
    )
    assert answered[0] == [*given[0], "predicted_two\nlines"]
    assert [row[:-1] for row in answered] == given
