"""Commands on a table of many files, and on shards, in this process."""

import json
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from multilayer.cli.application import run
from multilayer.fit import table_size
from multilayer.model.model_file import load_predictor
from multilayer.reading.table import read_table
from multilayer.runs.evaluation import evaluate_table
from multilayer.runs.many_predictions import predict_files

QUICK = ["--recipe", "fast", "--hidden-widths", "8", "--max-epochs", "5", "--quiet"]
WRITERS = {"csv": "write_csv", "parquet": "write_parquet", "jsonl": "write_ndjson"}


def houses(num_rows: int = 300, seed: int = 0) -> pl.DataFrame:
    generator = np.random.default_rng(seed)
    size = generator.normal(100, 30, num_rows).round(1)
    town = generator.choice(["Bern", "Oslo", "Rome"], num_rows)
    price = size * 3 + 100 * (town == "Oslo") + generator.normal(0, 10, num_rows)
    return pl.DataFrame(
        {
            "size": size,
            "town": town,
            "year": generator.integers(2020, 2023, num_rows),
            "price": [None if place % 25 == 3 else round(p, 2) for place, p in enumerate(price)],
            "class": np.where(price > 330, "dear", "cheap"),
        }
    )


def write(frame: pl.DataFrame, root: Path, kind: str) -> Path:
    """In a folder for each year, in two files."""
    for (year,), rows in frame.group_by("year", maintain_order=True):
        folder = root / f"year={year}"
        folder.mkdir(parents=True)
        for number, part in enumerate((rows[: len(rows) // 2], rows[len(rows) // 2 :]), 1):
            getattr(part.drop("year"), WRITERS[kind])(folder / f"part-{number}.{kind}")
    return root


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The same rows in many files and in one, and the runs `price` and `class` on the files."""
    folder = tmp_path_factory.mktemp("many")
    for kind in WRITERS:
        write(houses(), folder / kind, kind)
    read_table(folder / "csv").write_csv(folder / "one.csv")
    for target, other in (("price", "class"), ("class", "price")):
        arguments = ["train", str(folder / "csv"), "--target", target, "--drop", other]
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
    return errors[0].removeprefix("error: ")


def test_many_files_train_as_one(folder, capsys):
    """The same rows in the same order give the same network."""
    arguments = ["--target", "price", "--drop", "class", *QUICK]
    assert run(["train", "one.csv", *arguments, "--output", "of-one"]) == 0
    names = ("model.safetensors", "history.jsonl")
    one, many = ([folder / run / name for name in names] for run in ("of-one", "price"))
    first, second = (load_predictor(path) for path in (one[0], many[0]))
    rows = houses(20, 1)
    np.testing.assert_array_equal(first.predict(rows), second.predict(rows))
    settings = json.loads((folder / "price" / "settings.json").read_text())["data"]
    assert settings["load"] == str(folder / "csv")
    assert settings["name"] == "csv"
    assert len(settings["sha256"]) == 64


@pytest.mark.parametrize("data", ["csv", "csv/*/*.csv", "jsonl"])
def test_many_files_are_evaluated_as_one(folder, capsys, data):
    found = []
    for name in (data, "one.csv"):
        capsys.readouterr()
        assert run(["evaluate", "class", name, "--json", "--output", "."]) == 0
        found.append(json.loads(capsys.readouterr().out))
    for document in found:
        del document["data"], document["notes"]
    assert found[0] == found[1]


def test_what_a_run_was_trained_on_is_known_again(folder, capsys):
    assert run(["evaluate", "class", "csv"]) == 0
    assert "csv is the file that class was trained on" in " ".join(capsys.readouterr().err.split())
    assert run(["inspect", "class"]) == 0
    assert "rise of the loss when a column is shuffled" in capsys.readouterr().out
    assert run(["doctor", "class"]) == 0


@pytest.mark.parametrize("target", ["price", "class"])
def test_a_table_too_large_for_memory_is_evaluated_in_pieces(folder, monkeypatch, target):
    """To the same figures, with rows without a target and with labels that are not known."""
    odd = houses(200, 2).with_columns(
        pl.when(pl.int_range(pl.len()) % 30 == 7)
        .then(pl.lit("other"))
        .otherwise(pl.col("class"))
        .alias("class"),
        pl.when(pl.int_range(pl.len()) % 40 == 9)
        .then(pl.lit("Nowhere"))
        .otherwise(pl.col("town"))
        .alias("town"),
    )
    odd.write_csv(folder / "odd.csv")
    model = load_predictor(folder / target / "model.safetensors")
    expected = evaluate_table(model, folder / "odd.csv")
    monkeypatch.setattr(table_size, "free_bytes", lambda: 10_000)
    monkeypatch.setattr("multilayer.runs.evaluation.rows_for_model", None)  # all rows at once
    monkeypatch.setattr("multilayer.reading.csv.PIECE_BYTES", 500)
    found = evaluate_table(model, folder / "odd.csv")
    for ours, theirs in zip(found.scores, expected.scores, strict=True):
        names = ("value", "low", "high", "baseline")
        assert ours.name == theirs.name
        assert [getattr(ours, name) for name in names] == pytest.approx(
            [getattr(theirs, name) for name in names], rel=1e-12, nan_ok=True
        )
    ours, theirs = found.to_json(), expected.to_json()
    # Of values that were not seen, rows of unknown labels are counted too.
    assert [re.sub(r"of \d+ rows", "", note) for note in ours["notes"]] == [
        re.sub(r"of \d+ rows", "", note) for note in theirs["notes"]
    ]
    for name in ("scores", "notes", "expected_calibration_error"):
        del ours[name], theirs[name]
    assert ours == theirs
    assert found.num_unknown == (0 if target == "price" else 7)


@pytest.mark.parametrize("kind", WRITERS)
def test_answers_lie_as_the_files_do(folder, capsys, kind, tmp_path):
    assert run(["predict", "class", kind, "-o", str(tmp_path / "all.csv"), "--proba"]) == 0
    out = tmp_path / "out"
    assert run(["predict", "class", kind, "-o", str(out), "--proba", "--processes", "1"]) == 0
    assert re.search(r"out: 6 files, 300 rows", capsys.readouterr().err)
    names = [path.relative_to(kind) for path in sorted(Path(kind).rglob("*.*"))]
    assert [path.relative_to(out) for path in sorted(out.rglob("*.*"))] == names
    found, expected = read_table(out), read_table(tmp_path / "all.csv")
    assert found.equals(expected.select(found.columns))


def test_files_are_answered_side_by_side(folder, tmp_path):
    model, options = folder / "class" / "model.safetensors", {"on_unseen": "note"}
    for number in (1, 3):
        *_, last = predict_files(
            model, "csv", tmp_path / str(number), num_processes=number, **options
        )
        assert (last.num_files, last.num_rows) == (6, 300)
    for path in (tmp_path / "1").rglob("*.csv"):
        other = tmp_path / "3" / path.relative_to(tmp_path / "1")
        assert other.read_bytes() == path.read_bytes()
    bad = tmp_path / "bad"
    write(houses().with_columns(pl.col("size").cast(pl.String)), bad, "csv")
    path = bad / "year=2021" / "part-2.csv"
    path.write_text(path.read_text() + "much,Bern,1,dear\n")
    for number in (1, 2):
        with pytest.raises(ValueError, match=rf"column 'size' of {path} must be a number"):
            list(predict_files(model, bad, tmp_path / f"bad-{number}", num_processes=number))


def test_bad_input_is_answered_with_one_line(folder, capsys, tmp_path):
    assert complaint(capsys, "train", "csv") == (
        "csv is a table of 6 files; name its column to predict with --target"
    )
    assert "matches no file" in complaint(capsys, "train", "no/*.csv", "--target", "price")
    assert "is read; choose another" in complaint(capsys, "predict", "class", "csv", "-o", "csv")
    (tmp_path / "x.csv").write_text("")
    assert "would look like answers" in complaint(
        capsys, "predict", "class", "csv", "-o", str(tmp_path)
    )
    assert "--processes must be at least 1" in complaint(
        capsys, "predict", "class", "csv", "-o", "out", "--processes", "0"
    )
    assert "--processes is for a table of many files" in complaint(
        capsys, "predict", "class", "one.csv", "--processes", "2"
    )
    assert "column 'year' is not in csv/year=2021" in complaint(
        capsys, "predict", "class", "csv/year=2021", "-o", "out"
    )
    assert "name the column to predict" in complaint(capsys, "encode", "csv", "-o", "s")
    assert "--processes must be" in complaint(
        capsys, "encode", "csv", "--target", "price", "-o", "s", "--processes", "0"
    )
    assert "--validation must be the fraction" in complaint(
        capsys, "encode", "csv", "--target", "price", "-o", "s", "--validation", "one.csv"
    )
    assert "standard input cannot be read twice" in complaint(
        capsys, "encode", "-", "--target", "price", "-o", "s"
    )


def test_encode_and_train(folder, capsys, tmp_path):
    shards = str(tmp_path / "shards")
    arguments = ["encode", "csv", "--target", "class", "--drop", "price", "--recipe", "fast"]
    assert run([*arguments, "--output", shards, "--processes", "1"]) == 0
    told = capsys.readouterr().out
    assert re.search(r"6 shards, 300 rows of \d+ bytes", told)
    assert f"train {shards}" in told
    assert run(["train", shards, "--output", str(tmp_path / "run"), *QUICK[2:]]) == 0
    assert run(["evaluate", str(tmp_path / "run"), "jsonl"]) == 0
    capsys.readouterr()
    assert run(["inspect", shards]) == 0
    shown = capsys.readouterr().out
    assert "6 shards of csv (6 files, 300 rows with a target)" in shown
    assert "predicts class (binary); 240 rows to learn from, 60 held out" in shown
    assert run(["inspect", str(tmp_path / "run")]) == 0
    assert "no importances: which rows were held out is not kept" in capsys.readouterr().out
    for words in (["tune"], ["compare", "fast", "chapter"]):
        assert "holds encoded shards, which `multilayer train` alone" in complaint(
            capsys, words[0], shards, *words[1:]
        )
    best = ["train", shards, "--recipe", "best", "--output", str(tmp_path / "best"), *QUICK[2:]]
    assert run(best) == 0
    assert "the 5 networks learn from the same rows" in capsys.readouterr().err
    for command in ("evaluate", "predict"):
        assert "holds encoded shards, not a table" in complaint(capsys, command, "class", shards)
    assert "--target does not go with shards" in complaint(
        capsys, "train", shards, "--target", "price"
    )
    assert "--loss was cross_entropy when" in complaint(
        capsys, "train", shards, "--loss", "squared_error"
    )
