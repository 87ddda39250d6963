"""Tables as people have them: each is trained on, or answered with one line."""

import gzip
from pathlib import Path

import pytest

from multilayer.cli.application import run

QUICK = ["--recipe", "fast", "--hidden-widths", "4", "--max-epochs", "2", "--quiet"]
ROWS = range(60)


def lines(header: str, row, rows=ROWS) -> str:
    return header + "\n" + "".join(f"{row(number)}\n" for number in rows)


def letter(number: int) -> str:
    return "ab"[number % 2]


USED = {
    "constant columns": lines("x,z,y", lambda n: f"1,{n},{letter(n)}"),
    "a column without values": lines("x,z,y", lambda n: f",{n},{letter(n)}"),
    "infinite values": lines("x,z,y", lambda n: f"{'inf' if n % 5 else n},{n},{letter(n)}"),
    "whole numbers beyond 2⁵³": lines("x,y", lambda n: f"{2**53 + n % 7},{letter(n)}"),
    "whole numbers beyond 64 bits": lines("x,y", lambda n: f"{10**30 * (n % 7)},{letter(n)}"),
    "zones": lines("t,y", lambda n: f"2024-01-{11 + n % 9}T12:00+0{n % 9}:00,{letter(n)}"),
    "a byte order mark": "\ufeff" + lines("x,y", lambda n: f"{n},{letter(n)}"),
    "UTF-16": lines("x,y", lambda n: f"{n},{letter(n)}").encode("utf-16"),
    "a target missing here and there": lines("x,y", lambda n: f"{n},{letter(n) if n % 7 else ''}"),
    "targets beyond 2⁵³": lines("x,y", lambda n: f"{n},{2**53 + 1 + n % 2}"),
}  # fmt: skip
REFUSED = {
    "one class": (lines("x,y", lambda n: f"{n},a"), "at least 2 classes are needed"),
    "a class for each row": (
        lines("x,y", lambda n: f"{n},c{n}"),
        "60 different values in 60 rows, such as 'c0', 'c1', 'c2', which look like free text",
    ),
    "no value in the target": (lines("x,y", lambda n: f"{n},"), "target 'y'"),
    "nothing to learn from": (lines("x,y", lambda n: f"1,{letter(n)}"), "no feature columns"),
    "an infinite target": (
        lines("x,y", lambda n: f"{n},{'inf' if n == 17 else n / 3}"),
        "row 18 of target 'y' must be a finite number, it is inf",
    ),
    "a ragged row": (lines("x,y", lambda n: f"{n},a") + "1\n", "row 61 of "),
    "a NUL": (lines("x,y", lambda n: f"{n},a") + "1,\0\n", "holds a NUL at byte"),
    "two encodings": (
        lines("x,y", lambda n: f"{n},é").encode() + "1,é\n".encode("latin-1"),
        "in line 62, is 0xe9",
    ),
    "the same name twice": (lines("x,x,y", lambda n: f"{n},1,a"), "columns 1 and 2 of "),
    "a header alone": ("x,y\n", "no row of "),
    "an empty file": ("", "is empty"),
    "empty lines": ("\n\n\n", "is empty"),
    "an open quote": (lines("x,y", lambda n: f"{n},a") + '"1,a\n', "opens a quote in row 61"),
    "half an archive": (gzip.compress(b"x,y\n" * 1000)[:-20], "is damaged"),
    "no Parquet": (b"PAR1" + bytes(100), "not a readable Parquet file"),
    "targets too large": (lines("x,y", lambda n: f"{n},{1 + n / 3}e300"), "too large"),
}  # fmt: skip


def trained(path: Path, content: str | bytes) -> int:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return run(
        ["train", str(path), "--target", "y", *QUICK, "--output", str(path.with_name("run"))]
    )


@pytest.mark.parametrize("name", USED)
def test_it_is_trained_on(name, tmp_path, capsys):
    assert trained(tmp_path / "t.csv", USED[name]) == 0, capsys.readouterr().err
    assert (tmp_path / "run" / "model.safetensors").exists()


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_answered_with_one_line(name, tmp_path, capsys):
    content, message = REFUSED[name]
    assert trained(tmp_path / "t.csv", content) == 2
    errors = capsys.readouterr().err.splitlines()
    assert [line for line in errors if line.startswith("error: ")] == errors[-1:]
    assert message in errors[-1]
    assert not (tmp_path / "run" / "model.safetensors").exists()


def test_a_run_keeps_how_dates_are_written(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(lines("t,y", lambda n: f"{n % 12 + 1:02d}/{n % 11 + 1:02d}/2020,{letter(n)}"))
    told = ["--as", "t=date:%d/%m/%Y", "--output", str(tmp_path / "run")]
    assert run(["train", str(path), "--target", "y", *told, *QUICK]) == 0
    assert run(["evaluate", str(tmp_path / "run"), str(path)]) == 0
