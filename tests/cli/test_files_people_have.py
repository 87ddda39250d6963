"""Files as people have them, through the commands, in this process."""

import io
import json
import sys

import polars as pl
import pytest

from multilayer.cli.application import run

QUICK = ["--recipe", "fast", "--hidden-widths", "8", "--max-epochs", "2", "--quiet"]
ROWS = [
    f"{number % 17},{'uv'[number % 2]},{'yes' if number % 17 > 8 else 'no'}" for number in range(60)
]
TEXT = "\n".join(["x,c,y", *ROWS]) + "\n"


@pytest.fixture
def standard_input(monkeypatch):
    def set_content(content: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(content))))

    return set_content


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_the_standard_input_is_trained_on_and_evaluated(kind, standard_input, tmp_path, capsys):
    frame, file = pl.read_csv(TEXT.encode()), io.BytesIO()
    {"csv": frame.write_csv, "jsonl": frame.write_ndjson, "parquet": frame.write_parquet}[kind](
        file
    )
    folder = str(tmp_path / "run")
    standard_input(file.getvalue())
    assert run(["train", "-", "--target", "y", *QUICK, "--output", folder]) == 0
    standard_input(file.getvalue())
    assert run(["evaluate", folder, "-", "--json"]) == 0
    standard_input(b"x,c\n1,u\n")
    assert run(["train", "-", "--target", "y", "--output", str(tmp_path / "other")]) == 2
    assert "not in the standard input" in capsys.readouterr().err


def test_a_format_is_kept_for_the_file_itself_alone(tmp_path, capsys):
    own, other, folder = tmp_path / "own.csv", tmp_path / "other.csv", str(tmp_path / "run")
    own.write_bytes(b"Title\n" + TEXT.replace(",", ":").replace("u", "é").encode("cp1252"))
    other.write_text(TEXT.replace("u", "é"))
    flags = ["--delimiter", ":", "--encoding", "windows-1252", "--skip-rows", "1"]
    assert run(["train", str(own), "--target", "y", *flags, *QUICK, "--output", folder]) == 0
    kept = json.loads((tmp_path / "run" / "settings.json").read_text())
    assert kept["data"]["roles"]["table_format"]["delimiter"] == ":"
    for path in (own, other):
        answers = tmp_path / f"{path.stem}-answers.csv"
        assert run(["predict", folder, str(path), "-o", str(answers)]) == 0
        assert run(["evaluate", folder, str(path)]) == 0
    assert (tmp_path / "own-answers.csv").read_text() == (
        tmp_path / "other-answers.csv"
    ).read_text()
    assert run(["predict", folder, str(other), "--delimiter", ":"]) == 2
    assert "'x'" in capsys.readouterr().err


def test_a_nested_column_may_be_dropped_and_is_not_needed(tmp_path, capsys):
    path, folder = tmp_path / "t.parquet", str(tmp_path / "run")
    nested = pl.read_csv(TEXT.encode()).with_columns(e=pl.lit([1.0, 2.0]))
    nested.write_parquet(path)
    arguments = ["train", str(path), "--target", "y", "--drop", "e", *QUICK]
    assert run([*arguments, "--output", folder]) == 0
    assert run([*arguments, "--memory-limit", "2GB", "--output", f"{folder}2"]) == 0
    assert run(["predict", folder, str(path), "-o", str(tmp_path / "a.csv")]) == 0
    lines = tmp_path / "t.jsonl"
    nested.write_ndjson(lines)
    assert run(["predict", folder, str(lines), "-o", str(tmp_path / "b.csv")]) == 0
    assert (tmp_path / "a.csv").read_text() == (tmp_path / "b.csv").read_text()
    assert run(["evaluate", folder, str(path)]) == 0
    assert "column 'e' of" in capsys.readouterr().err


def test_the_column_names_among_the_rows_make_no_class(tmp_path, capsys):
    path = tmp_path / "t.csv"
    path.write_text(TEXT + TEXT)
    assert (
        run(["train", str(path), "--target", "y", *QUICK, "--output", str(tmp_path / "run")]) == 0
    )
    assert "line 62 of" in capsys.readouterr().err
    origin = json.loads((tmp_path / "run" / "settings.json").read_text())["data"]
    assert (origin["num_rows"], origin["task"]) == (120, "binary")


def test_predictions_never_take_the_place_of_what_is_read(tmp_path, capsys):
    path, folder, link = tmp_path / "own.csv", tmp_path / "run", tmp_path / "link.csv"
    path.write_text(TEXT)
    assert run(["train", str(path), "--target", "y", *QUICK, "--output", str(folder)]) == 0
    link.symlink_to(path)
    model = folder / "model.safetensors"
    before = model.read_bytes()
    for output in (path, link, model):
        assert run(["predict", str(folder), str(path), "-o", str(output)]) == 2
        assert "which is read" in capsys.readouterr().err
    assert path.read_text() == TEXT and model.read_bytes() == before


def test_what_the_system_refuses_is_one_line(tmp_path, monkeypatch, capsys):
    (tmp_path / "own.csv").write_text(TEXT)
    tune = ["tune", str(tmp_path / "own.csv"), "--target", "y", "--trials", "1", "--quiet"]
    assert run([*tune, "--output", str(tmp_path / ("x" * 300))]) == 2
    assert "too long" in capsys.readouterr().err.splitlines()[-1]
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    try:
        assert run([*tune, "--output", "run"]) in (1, 2)
    finally:
        monkeypatch.chdir(tmp_path)
    assert capsys.readouterr().err.count("error: ") == 1
