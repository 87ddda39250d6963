"""Large tables: encoding and training from shards, at one process and two, and others' ways.

    python benchmarks/scale.py FOLDER --rows 20000000          # 20 million rows of 30 columns
    python benchmarks/scale.py FOLDER --rows 1000000 --kind csv --pieces encode,kill
    python benchmarks/scale.py FOLDER --rows 200000 --pieces large

The table is made by a seeded generator in FOLDER, in 20 files; those that are there are not made
again. The pieces:

encode  rows and cells a second with one process and with two, their peak memory
kill    what a kill in the middle of the shards costs
train   one epoch from the shards within a limit on memory, in one process and in two (torchrun),
        beside the same engine on the same rows in memory
large   one epoch of a network whose step is large enough to be divided, in one process and in two
peers   one pass over some of the rows by others: see `scale_peers.py`

What was measured is kept, a line of JSON each, in benchmarks/results/records/scale.jsonl, and is
not measured again on the same day unless `--again`. `--write` keeps the table.
"""

import argparse
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import reporting
import scale_report
from environments import clean_environment, python_of
from scale_peers import BATCH, METHODS, RATE, WIDTHS
from scale_processes import ONE_THREAD, watched
from scale_report import LARGE_WIDTHS
from scale_table import FILES, made

LIMIT_MB = 2000
PIECES = ("encode", "kill", "train", "peers")  # and "large", if it is asked for
PROCESSES = (1, 2)
RECORDS = reporting.RECORDS / "scale.jsonl"
# The network that is trained: the same for all, and an epoch of it.
SETTINGS = {
    "hidden_widths": list(WIDTHS), "activation": "relu", "batch_size": BATCH, "optimizer": "adam",
    "learning_rate": RATE, "numeric_embedding": "none", "max_epochs": 1,
}  # fmt: skip
LARGE = {**SETTINGS, "hidden_widths": list(LARGE_WIDTHS)}
VALIDATION = "0.005"  # of the rows; few enough for the limit on memory


def encoding(table: Path, shards: Path, processes: int) -> list[str | Path]:
    """The command of an encoding, as a user starts it."""
    return [
        sys.executable, "-m", "multilayer", "encode", table, "--target", "y", "--output", shards,
        "--processes", str(processes), "--validation", VALIDATION,
        "--memory-limit", f"{LIMIT_MB}MB", "--quiet",
    ]  # fmt: skip


def encode(table: Path, shards: Path, processes: int) -> dict[str, Any]:
    """Encode the table; the reading before the shards is measured apart."""
    shutil.rmtree(shards, ignore_errors=True)
    began, judged = time.perf_counter(), list[float]()

    def watch() -> None:
        if not judged and (shards / "shards.json").exists():
            judged.append(time.perf_counter() - began)

    found = watched(encoding(table, shards, processes), watch)
    return {
        "seconds": found.seconds, "reading_seconds": judged[0], "cpu_seconds": found.cpu_seconds,
        "peak_bytes": found.peaks[0], "read_bytes": found.read_bytes,
        "table_bytes": sum(path.stat().st_size for path in table.iterdir()),
    }  # fmt: skip


def kill(table: Path, shards: Path, whole_seconds: float) -> dict[str, Any]:
    """What a kill in the middle of the shards costs: seconds of both parts beyond a whole one."""
    shutil.rmtree(shards, ignore_errors=True)
    began = time.perf_counter()
    command = list(map(str, encoding(table, shards, 1)))
    process = subprocess.Popen(command, env=clean_environment(**ONE_THREAD))
    num_shards = 0
    while process.poll() is None and num_shards < FILES // 2:
        time.sleep(0.01)
        num_shards = len(list(shards.glob("0*.shard")))
    process.send_signal(signal.SIGKILL)
    process.wait()
    watched(command)
    return {
        "lost_seconds": time.perf_counter() - began - whole_seconds, "after_shards": num_shards
    }  # fmt: skip


def train(
    shards: Path, run: Path, processes: int, settings: Mapping[str, Any] = SETTINGS
) -> dict[str, Any]:
    """An epoch from the shards, in processes that torchrun starts where there are several."""
    shutil.rmtree(run, ignore_errors=True)
    flags = [f"--{name.replace('_', '-')}={in_flag(value)}" for name, value in settings.items()]
    launcher: list[str | Path] = [sys.executable]
    if processes > 1:
        launcher += ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    found = watched(
        [
            *launcher,
            "-m",
            "multilayer",
            "train",
            shards,
            "--output",
            run,
            "--quiet",
            "--memory-limit",
            f"{LIMIT_MB}MB",
            *flags,
        ]
    )
    history = [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]
    return {
        "seconds": found.seconds, "train_seconds": sum(line["seconds"] for line in history),
        "trained_rows": learned_rows(shards), "cpu_seconds": found.cpu_seconds,
        "peaks": found.peaks[: processes + (processes > 1)], "read_bytes": found.read_bytes,
        "shard_bytes": sum(path.stat().st_size for path in shards.glob("*.shard")),
    }  # fmt: skip


def in_memory(shards: Path) -> dict[str, Any]:
    """The same epoch on rows that lie in memory."""
    program = Path(__file__).with_name("scale_in_memory.py")
    found = answer([sys.executable, program, shards, json.dumps(SETTINGS)])
    return {"train_seconds": found["seconds"], "trained_rows": found["rows"]}


def peer(table: Path, name: str, num_rows: int) -> dict[str, Any]:
    """One pass over rows of the table by another library."""
    program = Path(__file__).with_name("scale_peers.py")
    environment = METHODS[name][0]
    python = sys.executable if environment is None else python_of(environment)
    return answer([python, program, name, table, str(num_rows)])


def answer(command: list[Any]) -> dict[str, Any]:
    """What a program prints as JSON in its last line."""
    found = subprocess.run(
        list(map(str, command)), env=clean_environment(**ONE_THREAD), check=True,
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    document: dict[str, Any] = json.loads(found.stdout.splitlines()[-1])
    return document


def in_flag(value: object) -> str:
    """A setting as the command line takes it."""
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def learned_rows(shards: Path) -> int:
    """The training rows that shards hold."""
    entries = json.loads((shards / "shards.json").read_text())["entries"]
    return sum(entry["num_learned"] for entry in entries)


def measurements(
    asked: argparse.Namespace, known: dict[str, Any]
) -> Iterator[tuple[str, Callable[[], dict[str, Any]]]]:
    """What is asked for: names, and how each is measured; what is `known` is not asked twice."""
    table = made(asked.folder, asked.kind, asked.rows)
    shards, run = asked.folder / "shards", asked.folder / "run"
    pieces = asked.pieces.split(",")
    if "encode" in pieces:
        for processes in PROCESSES:
            yield f"encode {processes}", partial(encode, table, shards, processes)
    if "kill" in pieces:
        if "encode 1" not in known:
            raise SystemExit("a kill is measured against a whole encoding: --pieces encode,kill")
        yield "kill", partial(kill, table, shards, known["encode 1"]["seconds"])
    if {"train", "large"} & set(pieces) and not (shards / "shards.json").exists():
        watched(encoding(table, shards, 2))
    if "large" in pieces:
        for processes in PROCESSES:
            yield f"large {processes}", partial(train, shards, run, processes, LARGE)
    if "train" in pieces:
        for processes in PROCESSES:
            yield f"train {processes}", partial(train, shards, run, processes)
        yield "train in memory", partial(in_memory, shards)
    if "peers" in pieces:
        for name in METHODS:
            yield f"peer {name}", partial(peer, table, name, min(asked.peer_rows, asked.rows))


def latest(records: Path, kind: str, num_rows: int) -> dict[str, Any]:
    """The last measurement of each name."""
    found: dict[str, Any] = {}
    for line in records.read_text().splitlines() if records.exists() else ():
        record = json.loads(line)
        if (record["kind"], record["rows_of_table"]) == (kind, num_rows):
            found[record["name"]] = record
    return found


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--peer-rows", type=int, default=2_000_000)
    parser.add_argument("--kind", choices=("parquet", "csv"), default="parquet")
    parser.add_argument("--pieces", default=",".join(PIECES))
    parser.add_argument("--records", type=Path, default=RECORDS)
    parser.add_argument("--note", default="", help="a sentence about the machine, for the table")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    known = latest(asked.records, asked.kind, asked.rows)
    for name, measure in measurements(asked, known):
        if name in known and known[name]["measured"] == today and not asked.again:
            continue
        print(f"{name} …", file=sys.stderr, flush=True)
        record = {
            "name": name, "kind": asked.kind, "rows_of_table": asked.rows, "measured": today,
            "processor": reporting.processor(), **measure(),
        }  # fmt: skip
        known[name] = record
        asked.records.parent.mkdir(parents=True, exist_ok=True)
        with asked.records.open("a") as file:
            file.write(json.dumps(record) + "\n")
    text = scale_report.in_words(asked.kind, asked.rows, LIMIT_MB, known, asked.note)
    print(text)
    if asked.write:
        reporting.write_result(f"scale-{asked.kind}-{asked.rows}", text)


if __name__ == "__main__":
    main()
