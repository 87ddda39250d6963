"""Encoding of large tables: a table made by a seeded generator in many files, encoded into shards.

    python benchmarks/scale.py FOLDER --rows 20000000          # 20 million rows of 30 columns
    python benchmarks/scale.py FOLDER --rows 1000000 --kind csv --pieces encode,kill

Files that are there are not made again, and a measurement that was kept is not made again, so that
the program goes on where it was stopped. It prints a table: rows and cells a second with one
process and with two, the peak memory of each process, and what a kill costs. `--write` keeps the
table in benchmarks/results/.
"""

import argparse
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

NUM_NUMBERS, NUM_CATEGORIES = 24, 6  # 30 columns, and the target
FILES = 20
PIECES = ("encode", "kill")
RESULTS = Path(__file__).parent / "results"


def make_file(path: Path, number: int, num_rows: int) -> None:
    """Write one file of the table; its rows follow from its number."""
    generator = np.random.default_rng([18, number])
    x = generator.normal(size=(num_rows, NUM_NUMBERS)).round(4)
    columns: dict[str, object] = {f"x{place}": x[:, place] for place in range(NUM_NUMBERS)}
    for place in range(NUM_CATEGORIES):
        names = np.array([f"c{place}_{name}" for name in range(4 * (place + 1))])
        columns[f"c{place}"] = names[generator.integers(len(names), size=num_rows)]
    columns["y"] = x[:, 0] * x[:, 1] + x[:, 2] + generator.normal(0, 0.5, num_rows).round(4)
    frame = pl.DataFrame(columns)
    part = path.with_name(f".{path.name}.part")
    (frame.write_parquet if path.suffix == ".parquet" else frame.write_csv)(part)
    part.replace(path)


def made(folder: Path, kind: str, num_rows: int) -> Path:
    """The folder of the table, made if it is not there."""
    table = folder / f"table-{kind}-{num_rows}"
    table.mkdir(parents=True, exist_ok=True)
    ends = np.linspace(0, num_rows, FILES + 1).astype(int).tolist()
    for number, (start, end) in enumerate(itertools.pairwise(ends)):
        path = table / f"part-{number:03}.{kind}"
        if not path.exists():
            make_file(path, number, end - start)
    return table


def peak_bytes(pid: int) -> dict[int, int]:
    """The peak resident memory of a process and of those that it has started."""
    found: dict[int, int] = {}
    waiting = [pid]
    while waiting:
        one = waiting.pop()
        try:
            status = Path(f"/proc/{one}/status").read_text()
            found[one] = int(status.partition("VmHWM:")[2].split()[0]) * 1024
            for task in Path(f"/proc/{one}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
        except (OSError, IndexError, ValueError):
            continue
    return found


def started(table: Path, shards: Path, processes: int) -> subprocess.Popen[bytes]:
    """An encoding as a user starts it."""
    return subprocess.Popen(
        [
            sys.executable, "-m", "multilayer", "encode", str(table), "--target", "y",
            "--output", str(shards), "--processes", str(processes), "--quiet",
        ],
        env={**os.environ, "OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"},
    )  # fmt: skip


def encode(table: Path, shards: Path, processes: int) -> dict[str, float]:
    """Seconds and peak memory of one encoding; the reading before the shards is measured apart."""
    shutil.rmtree(shards, ignore_errors=True)
    peaks: dict[int, int] = {}
    began = time.perf_counter()
    process = started(table, shards, processes)
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            for pid, peak in peak_bytes(process.pid).items():
                peaks[pid] = max(peak, peaks.get(pid, 0))

    watching = threading.Thread(target=watch)
    watching.start()
    read_after = 0.0
    while process.poll() is None:
        if not read_after and (shards / "shards.json").exists():
            read_after = time.perf_counter() - began
        time.sleep(0.01)
    seconds = time.perf_counter() - began
    done.set()
    watching.join()
    if process.returncode:
        raise SystemExit(f"the encoding ended with {process.returncode}")
    return {"seconds": seconds, "reading": read_after, "peak": float(max(peaks.values()))}


def kill(table: Path, shards: Path, whole_seconds: float) -> dict[str, float]:
    """What a kill in the middle of the shards costs: seconds of both parts beyond a whole one."""
    shutil.rmtree(shards, ignore_errors=True)
    began = time.perf_counter()
    process = started(table, shards, 1)
    num_shards = 0
    while process.poll() is None and num_shards < FILES // 2:
        time.sleep(0.01)
        num_shards = len(list(shards.glob("0*.shard")))
    process.send_signal(signal.SIGKILL)
    process.wait()
    if started(table, shards, 1).wait():
        raise SystemExit("the second encoding failed")
    return {"lost": time.perf_counter() - began - whole_seconds, "after": float(num_shards)}


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--kind", choices=("parquet", "csv"), default="parquet")
    parser.add_argument("--processes", default="1,2")
    parser.add_argument("--pieces", default=",".join(PIECES))
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    table = made(asked.folder, asked.kind, asked.rows)
    kept = asked.folder / f"measured-{asked.kind}-{asked.rows}.json"
    known = json.loads(kept.read_text()) if kept.exists() else {}
    shards = asked.folder / "shards"
    pieces = asked.pieces.split(",")
    for processes in map(int, asked.processes.split(",")):
        if "encode" in pieces and f"encode {processes}" not in known:
            known[f"encode {processes}"] = encode(table, shards, processes)
            kept.write_text(json.dumps(known))
    if "kill" in pieces and "kill" not in known and "encode 1" in known:
        known["kill"] = kill(table, shards, known["encode 1"]["seconds"])
        kept.write_text(json.dumps(known))
    shutil.rmtree(shards, ignore_errors=True)
    text = in_words(asked.kind, asked.rows, known)
    print(text)
    if asked.write:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"scale-{asked.kind}.md").write_text(text)


def in_words(kind: str, num_rows: int, known: dict[str, dict[str, float]]) -> str:
    """The measurements as a table in Markdown."""
    num_columns, cores = NUM_NUMBERS + NUM_CATEGORIES, os.cpu_count()
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    lines = [
        f"{num_rows:,} rows of {num_columns} columns in {FILES} {kind} files, {day}, {cores} cores",
        "",
        "| processes | seconds | of these to read | rows/s | cells/s encoded | peak of a process |",
        "|---|---|---|---|---|---|",
    ]
    for name, found in known.items():
        if name.startswith("encode"):
            seconds, reading = found["seconds"], found["reading"]
            cells = num_rows * (num_columns + 1) / max(seconds - reading, 1e-9)
            lines.append(
                f"| {name.removeprefix('encode ')} | {seconds:.1f} | {reading:.1f} | "
                f"{num_rows / seconds:,.0f} | {cells:,.0f} | {found['peak'] / 1e6:,.0f} MB |"
            )
    if "kill" in known:
        lost, after = known["kill"]["lost"], known["kill"]["after"]
        lines += ["", f"A kill after {after:.0f} shards costs {lost:.1f} s."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
