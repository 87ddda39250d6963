"""What training within a limit takes at most, measured in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

LIMIT_BYTES = 500_000_000
NUM_ROWS, NUM_COLUMNS = 1_000_000, 64
ROW_GROUP = 50_000
ROW_GROUP_BYTES = ROW_GROUP * 8 * (NUM_COLUMNS + 1)  # a margin

# Runs the command line and says what the process took at most, in bytes.
MEASURED = """
import sys
from multilayer.cli.application import run
code = run(sys.argv[1:])
# Not ru_maxrss, which knows of the process that this one was made from too.
line = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print("peak", int(line.split()[1]) * 1024, file=sys.stderr)
sys.exit(code)
"""


@pytest.fixture(scope="module")
def big(tmp_path_factory) -> Path:
    """A Parquet file larger than the limit."""
    path = tmp_path_factory.mktemp("big") / "big.parquet"
    generator = np.random.default_rng(0)
    columns = {f"x{place}": generator.standard_normal(NUM_ROWS) for place in range(NUM_COLUMNS)}
    columns["y"] = columns["x0"] + columns["x1"]
    pl.DataFrame(columns).write_parquet(path, compression="uncompressed", row_group_size=ROW_GROUP)
    assert path.stat().st_size > LIMIT_BYTES
    return path


def peak_bytes(*arguments: str, cwd: Path) -> int:
    environment = {**os.environ, "XDG_CACHE_HOME": str(cwd / "cache"), "PYTHONWARNINGS": "error"}
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *arguments],
        capture_output=True, text=True, check=False, cwd=cwd, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return int(done.stderr.split()[-1])


def test_training_stays_within_the_limit(big, tmp_path):
    settings = ["--recipe", "fast", "--hidden-widths", "16", "--batch-size", "4096"]
    peak = peak_bytes(
        "train", str(big), "--target", "y", "--memory-limit", str(LIMIT_BYTES), "--output", "run",
        "--max-epochs", "1", *settings, cwd=tmp_path,
    )  # fmt: skip
    assert peak < LIMIT_BYTES + ROW_GROUP_BYTES
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert results["num_rows"] == NUM_ROWS
    assert results["validation"][2]["value"] > 0.9  # R²
