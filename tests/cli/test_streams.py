"""Standard streams that are closed, full, gone, in ASCII, or narrow."""

import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from multilayer.cli.application import run as command
from multilayer.cli.terminal import own_command
from multilayer.reading.table import read_table

PROGRAM = Path(sys.executable).with_name("multilayer")
SMALL = ["--recipe", "fast", "--hidden-widths", "8", "--max-epochs", "2"]
ROWS = "größe,b,y\n" + "".join(f"{n % 17},{n % 5},{'no' if n % 3 else 'yes'}\n" for n in range(200))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with a table and a run on it."""
    folder = tmp_path_factory.mktemp("streams")
    (folder / "t.csv").write_text(ROWS, encoding="utf-8")
    output = str(folder / "run")
    flags = ["--target", "y", *SMALL, "--quiet", "--output", output]
    assert command(["train", str(folder / "t.csv"), *flags]) == 0
    return folder


def shell(folder: Path, line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", line.replace("multilayer", str(PROGRAM))], cwd=folder, text=True,
        errors="replace", capture_output=True, check=False, stdin=subprocess.DEVNULL,
        env={**os.environ, **environment},
    )  # fmt: skip


SHORT = ["--version", "--help", "predict --help", "inspect run", "predict run t.csv"]


@pytest.mark.parametrize("words", SHORT)
def test_an_answer_that_cannot_be_written_is_one_line(folder, words):
    for redirection, reason in ((">&-", "it is closed"), (">/dev/full", "no space left on device")):
        done = shell(folder, f"multilayer {words} {redirection}")
        expected = f"error: cannot write the standard output: {reason}\n"
        assert (done.returncode, done.stderr) == (1, expected)
    done = shell(folder, f"multilayer {words} 2>&- <&-")
    assert done.returncode == 0
    assert len(done.stdout) > 4


@pytest.mark.parametrize(
    ("redirection", "code"), [(">&-", 0), ("2>&-", 0), (">/dev/full", 1), ("2>/dev/full", 0)]
)
def test_a_training_is_kept_whatever_becomes_of_its_words(folder, tmp_path, redirection, code):
    line = f"multilayer train t.csv --target y {' '.join(SMALL)} --output {tmp_path}/run"
    done = shell(folder, f"{line} {redirection}")
    assert done.returncode == code, done.stderr
    assert (tmp_path / "run/model.safetensors").is_file()
    assert done.stderr.count("\n") == (redirection == ">/dev/full")


def test_a_reader_that_has_gone_ends_a_prediction_in_silence(folder):
    (folder / "many.csv").write_text(ROWS + ROWS.partition("\n")[2] * 200, encoding="utf-8")
    done = shell(folder, "multilayer predict run many.csv | head -2; exit ${PIPESTATUS[0]}")
    assert (done.returncode, done.stderr) == (141, "")
    assert done.stdout.count("\n") == 2


def test_an_output_in_ascii_gets_what_it_can_show(folder, tmp_path):
    (tmp_path / "t.csv").write_text(ROWS.replace("yes", "1").replace("no", "0.3"), encoding="utf-8")
    line = f"multilayer train t.csv --target y --task regression {' '.join(SMALL)} --output run"
    done = shell(tmp_path, line, PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert "R2 " in done.stdout
    assert "gr\\xf6\\xdfe" in done.stdout
    assert "----" in done.stdout


def test_names_that_are_no_utf_8_are_names(tmp_path, monkeypatch, capsys):
    table, run = (os.fsdecode(name) for name in (b"t\xff.csv", b"run\xfe"))
    (tmp_path / table).write_text(ROWS, encoding="utf-8")
    done = subprocess.run(
        [PROGRAM, "train", table, "--target", "y", *SMALL, "--output", run], cwd=tmp_path,
        text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "t\\udcff.csv: 200 rows" in done.stdout
    # A shell must get the name back from what is proposed.
    proposal = done.stdout.splitlines()[-1].partition("predict ")[2].removesuffix(" NEW.csv")
    assert subprocess.check_output(["bash", "-c", f"printf %s {proposal}"]) == b"run\xfe"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for words, code in (
        (["evaluate", run, table], 0), (["inspect", run], 0), (["doctor", run], 0),
        (["report", run], 0), (["predict", run, table, "-o", f"{table}.csv"], 0),
        (["train", "--resume", run], 2), (["tune", table], 2), (["predict", table, table], 2),
        (["study", "baseline", table, "--target", "y", "--settings", "fast,max_epochs=1"], 0),
        (["train", table, "--target", "y", *SMALL, "--memory-limit", "1GB"], 0),
    ):  # fmt: skip
        assert command(words) == code, (words, capsys.readouterr().err)


def test_a_columnar_file_whose_name_is_no_utf_8_is_read(tmp_path):
    frame = pl.DataFrame({"x": [1.0, 2.0]})
    frame.write_parquet(tmp_path / "t.parquet")
    path = tmp_path / os.fsdecode(b"t\xff.parquet")
    (tmp_path / "t.parquet").rename(path)
    assert_frame_equal(read_table(path), frame)


@pytest.mark.parametrize("columns", ["1", "2", "5"])
def test_help_ends_in_a_narrow_terminal(columns):
    done = subprocess.run(
        [PROGRAM, "train", "--help"], capture_output=True, text=True, check=True,
        env={**os.environ, "COLUMNS": columns},
    )  # fmt: skip
    assert max(map(len, done.stdout.splitlines())) <= 72  # the usage and the examples are whole


def test_notes_and_errors_are_broken_between_words(open_window):
    program = """
    from multilayer.cli import main
    main(["train", "nothing-at-all.csv", "--target", "y", "--seed", "2.5", "--num-folds", "3",
          "--validation", "0.3", "--categorical", "a-column-of-the-table"])
    """
    window = open_window(program, 30, 20)
    assert window.read_to_end() == 2
    lines = [line for line in window.lines if line]
    assert len(lines) > 2
    assert all(len(line) <= 30 for line in lines)
    said = " ".join(lines)
    assert said.startswith("error: ")
    assert "number" in said


@pytest.mark.parametrize(
    ("word", "typed"),
    [
        (Path("a run"), "'a run'"), (Path("-run"), "./-run"), ("NEW.csv", "NEW.csv"),
        (Path("it's"), """'it'"'"'s'"""), (Path("a\nb"), "$'a\\012b'"), ("--resume", "--resume"),
        (Path("$x"), "'$x'"),
    ],
)  # fmt: skip
def test_a_proposed_command_is_quoted(word, typed):
    assert own_command("predict", word).endswith(f" predict {typed}")
    printed = subprocess.check_output(["bash", "-c", f"printf %s {typed}"])
    assert printed == os.fsencode(typed if typed == "./-run" else str(word))
