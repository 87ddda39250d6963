"""The benchmark of scale runs as a whole on a small table, and says what it has found."""

import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

SCALE = Path(__file__).parents[2] / "benchmarks" / "scale.py"
ENCODED = {
    "seconds": 20.0, "reading_seconds": 5.0, "cpu_seconds": 31.0, "peak_bytes": 10**9,
    "read_bytes": 10**8, "table_bytes": 10**8, "rows_of_table": 1_000_000,
}  # fmt: skip
TRAINED = {
    "seconds": 30.0, "train_seconds": 20.0, "trained_rows": 900_000, "peaks": [10**9, 10**8],
    "read_bytes": 4 * 10**8, "shard_bytes": 2 * 10**8,
}  # fmt: skip


def test_the_table_follows_from_its_size(tmp_path: Path) -> None:
    from scale_table import FILES, NUM_COLUMNS, made

    table = made(tmp_path / "1", "parquet", 100)
    again = made(tmp_path / "2", "csv", 100)
    assert len(list(table.iterdir())) == FILES
    frame = pl.read_parquet(table / "*.parquet")
    assert frame.shape == (100, NUM_COLUMNS + 1)
    assert pl.read_csv(again / "*.csv").equals(frame)


@pytest.mark.parametrize(("second", "ratio"), [(10.0, "2.00"), (20.0, "1.00")])
def test_ratios_worked_by_hand(second: float, ratio: str) -> None:
    from scale_report import in_words

    known = {
        "encode 1": ENCODED, "encode 2": {**ENCODED, "seconds": second},
        "train 1": TRAINED, "train 2": {**TRAINED, "train_seconds": second},
        "train in memory": {"train_seconds": 18.0, "trained_rows": 900_000},
        "peer sgd": {"rows": 1000, "seconds": 2.0},
    }  # fmt: skip
    text = in_words("parquet", 1_000_000, 2000, known, "")
    assert f"Two processes take {ratio} times less than one" in text
    assert f"Two processes are {ratio} times as fast as one" in text
    assert "is at 0.90 of the speed of rows in memory" in text
    assert "| 1 | 20.0 | 5.0 | 31.0 | 50,000 | 1,000,000 | 1,000 | 1.00 |" in text
    assert "| 1,000,000 | 50.0 | 20,000 |" in text
    assert "| 1,000 | 2.0 | 500 |" in text
    assert "within the limit" in text
    assert "NOT within the limit" in in_words("parquet", 1_000_000, 900, known, "")


@pytest.mark.long
def test_it_runs_on_a_small_table(tmp_path: Path) -> None:
    records = tmp_path / "records.jsonl"
    command = [
        sys.executable, str(SCALE), str(tmp_path / "work"), "--rows", "6000",
        "--pieces", "encode,kill,train", "--records", str(records),
    ]  # fmt: skip
    first = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    lines = records.read_text().splitlines()
    found = {record["name"]: record for record in map(json.loads, lines)}
    names = ["encode 1", "encode 2", "kill", "train 1", "train 2", "train in memory"]
    assert list(found) == names
    assert {found[name]["trained_rows"] for name in names[3:]} == {5970}
    again = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    assert again == first
    assert len(records.read_text().splitlines()) == len(names)
