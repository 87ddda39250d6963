"""What `evaluate` and `train` say of a table's scores."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from multilayer.cli.application import run
from multilayer.cli.inspect import _classes

FAST = ["--recipe", "fast", "--hidden-widths", "4", "--max-epochs", "3", "--seed", "1"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scored")
    rng = np.random.default_rng(0)
    for name in ("t.csv", "new.csv"):
        rows = [f"{x:.3f},{'abc'[int(x > 0) + int(x > 1)]}" for x in rng.normal(size=200)]
        (folder / name).write_text("\n".join(["x,y", *rows]) + "\n")
    flags = ["--target", "y", *FAST, "--output", str(folder / "run")]
    assert run(["train", str(folder / "t.csv"), *flags]) == 0
    return folder


def said(capsys, *arguments) -> tuple[str, str]:
    capsys.readouterr()
    assert run([str(argument) for argument in arguments]) == 0
    shown = capsys.readouterr()
    return shown.out, shown.err


def test_training_shows_baseline_classes_and_the_kept_epoch(tmp_path, folder, capsys):
    out, err = said(
        capsys, "train", folder / "t.csv", "--target", "y", *FAST, "--output", tmp_path / "run"
    )
    assert "classes: a " in out
    assert "the best constant answer: accuracy 0." in out
    assert ", kept epoch " in out
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert 0 < results["validation"][0]["baseline"] < 1
    out, err = said(capsys, "evaluate", tmp_path / "run", folder / "t.csv")
    assert "best constant" in out
    assert "is the file that" in err
    out, err = said(capsys, "evaluate", tmp_path / "run", folder / "new.csv")
    assert "is the file that" not in err
    assert "precision" in out


def test_the_training_file_is_known_when_it_is_compressed(tmp_path, folder, capsys):
    (tmp_path / "other.csv.gz").write_bytes(gzip.compress((folder / "t.csv").read_bytes()))
    _, err = said(
        capsys, "evaluate", folder / "run", tmp_path / "other.csv.gz", "--output", tmp_path
    )
    assert "is the file that" in err
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress((folder / "t.csv").read_bytes()))
    train = ("train", tmp_path / "t.csv.gz", "--target", "y", *FAST)
    said(capsys, *train, "--output", tmp_path / "run")
    for name in (folder / "t.csv", tmp_path / "t.csv.gz"):
        _, err = said(capsys, "evaluate", tmp_path / "run", name)
        assert "is the file that" in err


def test_flags_that_change_nothing_are_told(tmp_path, folder, capsys):
    flags = ["--target", "y", *FAST, "--validation", "0.2", "--num-folds", "2"]
    _, err = said(capsys, "train", folder / "t.csv", *flags, "--output", tmp_path / "run")
    assert "--validation 0.2 is not used: each fold" in err
    assert run(["predict", str(folder / "run"), str(folder / "new.csv"), "--invert"]) == 2
    assert "--invert is for pictures" in capsys.readouterr().err


@pytest.mark.parametrize("more", [(), ("--memory-limit", "1GB")])
def test_a_loss_of_numbers_on_classes_is_named(tmp_path, folder, capsys, more):
    flags = ["--target", "y", "--loss", "quantile", *more, "--output", str(tmp_path / "run")]
    assert run(["train", str(folder / "t.csv"), *flags]) == 2
    assert "error: the loss quantile (--loss) is for numbers" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_inspect_counts_classes_beyond_fifty():
    names = [f"k{number}" for number in range(300)]
    assert _classes(names).endswith(", k49 and 250 more")
    assert _classes(names[:50]).endswith(", k49")


def test_figures_as_json(tmp_path, folder, capsys):
    rows = [line for line in (folder / "new.csv").read_text().splitlines() if ",c" not in line]
    Path(tmp_path / "ab.csv").write_text("\n".join([*rows, "0.5,d", "0.5,A"]) + "\n")
    out, err = said(capsys, "evaluate", folder / "run", tmp_path / "ab.csv", "--json")
    found = json.loads(out)
    assert found["num_rows"] == len(rows)
    assert found["num_rows_of_unknown_classes"] == 1
    assert [row["class"] for row in found["classes"]] == ["a", "b", "c"]
    assert found["classes"][2]["recall"] is None
    assert found["scores"][0]["name"] == "accuracy"
    assert "class 'c'" in err
    assert "label 'A' (1 row) is treated as class 'a'" in err
    assert "label 'd' (1 row) of target 'y'" in err


def test_predictions_as_json_lines(tmp_path, folder, capsys):
    path = tmp_path / "answers.jsonl"
    said(capsys, "predict", folder / "run", folder / "new.csv", "-o", path)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(rows) == 200
    assert set(rows[0]) == {"x", "y", "predicted_y"}
