"""What bounds training in several processes: the parts measured, added up, taken to 128 machines.

    python benchmarks/scaling.py                      # measures what is missing: under 12 minutes
    python benchmarks/scaling.py --measure 0 --write  # keeps the page of what is there in results/
    python benchmarks/scaling.py --rehearse           # all of it at tiny sizes

Measured is on one machine: a step in 1, 2, 3 and 4 processes at once, reading and shuffling, an
all-reduce, encoding, and then `train` as a whole, also between two network namespaces with a cable
between them that is slow and long (`delayed_cable.py`, for which it must be root). Each process has
one thread, and an all-reduce goes through gloo. Where processes are more than cores, they take
turns. Each piece is a line in results/records/scaling.jsonl as soon as it is made.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import piece_records
import polars as pl
import reporting
from delayed_cable import ADDRESSES, DEVICE, DelayedCable
from scaling_pages import page

RECORDS = reporting.RECORDS / "scaling.jsonl"
WORKER = Path(__file__).with_name("scaling_worker.py")
CABLES: dict[str, tuple[float, float | None]] = {  # seconds each way, bytes a second
    "0 ms": (0.0, None),
    "1 ms, 1 Gbit/s": (1e-3, 125e6),
    "5 ms, 100 Mbit/s": (5e-3, 12.5e6),
}


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    step_seconds: float = 0.15
    step_cases: tuple[tuple[str, int], ...] = tuple(
        (network, rows)
        for network in ("64", "recipe", "512-512", "2048-2048")
        for rows in (64, 256, 1024)
    )
    bytes_of_exchanges: tuple[int, ...] = (64, 4096, 65_536, 1 << 20, 1 << 23, 1 << 25)
    num_exchanges: int = 5
    num_rows: int = 400_000
    chunk_bytes: int = 16_000_000
    nums_encoded: tuple[int, int] = (150_000, 400_000)  # the difference is what rows take
    whole_cases: tuple[tuple[str, int, int], ...] = (  # network, rows of a batch, rows of an epoch
        ("recipe", 256, 256 * 60),
        ("recipe", 4096, 4096 * 6),
        ("2048-2048", 256, 256 * 4),
        ("2048-2048", 1024, 1024 * 2),
    )
    cable_cases: tuple[tuple[str, int, int], ...] = (
        ("recipe", 256, 256 * 20),
        ("recipe", 4096, 4096 * 8),
        ("2048-2048", 256, 256 * 3),
    )


TINY = Sizes(
    step_seconds=0.01,
    step_cases=(("8", 16), ("8", 64), ("32-32", 16), ("32-32", 64), ("64-64", 64)),
    bytes_of_exchanges=(64, 65_536, 131_072),
    num_exchanges=2,
    num_rows=20_000,
    chunk_bytes=400_000,
    nums_encoded=(800, 2_000),
    whole_cases=(("8", 64, 640), ("64-64", 256, 1024)),
    cable_cases=(("8", 64, 320),),
)


def make_rows(folder: Path, num_rows: int) -> None:
    """Encoded rows as they lie in shards, and a table of Parquet files to encode."""
    source = np.random.default_rng(18)
    inputs = source.standard_normal((num_rows, 30), dtype=np.float32)
    (folder / "inputs.bin").write_bytes(inputs.tobytes())
    (folder / "targets.bin").write_bytes(inputs[:, :1].tobytes())


def make_table(folder: Path, num_rows: int) -> None:
    """A table of 24 columns of numbers and 6 of categories, in 8 Parquet files."""
    folder.mkdir()
    source = np.random.default_rng(18)
    for number in range(8):
        x = source.normal(size=(num_rows // 8, 24)).round(4)
        columns: dict[str, Any] = {f"x{place}": x[:, place] for place in range(24)}
        for place in range(6):
            names = np.array([f"c{place}_{name}" for name in range(4 * (place + 1))])
            columns[f"c{place}"] = names[source.integers(len(names), size=len(x))]
        pl.DataFrame({**columns, "y": x[:, 0] * x[:, 1]}).write_parquet(
            folder / f"{number}.parquet"
        )


def run_job(
    num_processes: int,
    jobs: dict[str, Any],
    *,
    cable: DelayedCable | None = None,
    is_compiled: bool = False,
) -> dict[str, Any]:
    """What rank 0 of some processes found.

    Args:
        num_processes: that do it together.
        jobs: what they are told, one after the other.
        cable: at whose ends the two processes are; None: they are on this machine.
        is_compiled: whether the compiled step may be taken, which several processes never do.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    processes = []
    for rank in range(num_processes):
        variables = {"OMP_NUM_THREADS": "1", "MULTILAYER_COMPILED": str(int(is_compiled))}
        if num_processes > 1:
            variables |= {
                "RANK": str(rank), "WORLD_SIZE": str(num_processes), "MASTER_PORT": str(port),
                "MASTER_ADDR": ADDRESSES[0] if cable else "127.0.0.1",
                "GLOO_SOCKET_IFNAME": DEVICE if cable else "lo", "TORCH_CPP_LOG_LEVEL": "FATAL",
            }  # fmt: skip
        place = cable.end(rank) if cable else []
        command = [*place, sys.executable, str(WORKER), json.dumps(jobs)]
        processes.append(
            subprocess.Popen(
                command, env={**os.environ, **variables}, stdout=subprocess.PIPE, text=True
            )
        )
    answers = [process.communicate()[0] for process in processes]
    if any(process.returncode for process in processes):
        raise SystemExit(f"error: one of {num_processes} processes failed")
    found: dict[str, Any] = json.loads(answers[0])
    return found


def encode(table: Path, num_processes: int) -> dict[str, float]:
    """Seconds of `multilayer encode`, and until the first pass over the table was done."""
    with tempfile.TemporaryDirectory() as folder:
        shards = Path(folder, "shards")
        began = time.perf_counter()
        process = subprocess.Popen(
            [
                sys.executable, "-m", "multilayer", "encode", table, "--target", "y", "--output",
                shards, "--processes", str(num_processes), "--quiet",
            ],
            env={**os.environ, "OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"},
        )  # fmt: skip
        first_pass = None
        while process.poll() is None:
            if first_pass is None and (shards / "shards.json").exists():
                first_pass = time.perf_counter() - began
            time.sleep(0.01)
        seconds = time.perf_counter() - began
        if process.returncode:
            raise SystemExit("error: the encoding failed")
        return {"seconds": seconds, "first_pass": first_pass or seconds}


def pieces_of(folder: Path, sizes: Sizes) -> dict[str, Callable[[], dict[str, Any]]]:
    """What is measured, by name."""
    of_rows = {"folder": str(folder), "rows": sizes.num_rows, "chunk_bytes": sizes.chunk_bytes}
    steps = {"steps": {"cases": sizes.step_cases, "seconds": sizes.step_seconds}}
    exchange = {
        "all-reduce": {"sizes": sizes.bytes_of_exchanges, "repeats": sizes.num_exchanges}
    }  # fmt: skip
    train = {"train": {"cases": sizes.whole_cases, **of_rows}}
    order = {"processes": [1, 2, 4, 8, 32, 128], "batch_size": 1024, "repeats": 3, **of_rows}
    reading = {
        f"reading, from {where}": {**order, "is_cold": where == "the disk"}
        for where in ("memory", "the disk")
    }

    apart_jobs = {
        "all-reduce": {**exchange["all-reduce"], "sizes": sizes.bytes_of_exchanges[:-1]},
        "train": {**train["train"], "cases": sizes.cable_cases},
    }

    def apart(kind: tuple[float, float | None]) -> dict[str, Any]:
        with DelayedCable(*kind) as cable:
            return run_job(2, apart_jobs, cable=cable)

    def encoded(num_processes: int) -> dict[str, Any]:
        return {
            str(number): encode(folder / f"table-{number}", num_processes)
            for number in sizes.nums_encoded
        }

    pieces: dict[str, Callable[[], dict[str, Any]]] = {
        "1 process": partial(run_job, 1, {**steps, **train}),
        "reading": partial(run_job, 1, reading),
    }
    for number in (2, 4, 3):
        jobs = {**steps, **exchange, **train}
        pieces[f"{number} processes"] = partial(run_job, number, jobs)
    for name, kind in CABLES.items():
        pieces[f"cable of {name}"] = partial(apart, kind)
    for number in (1, 2):
        pieces[f"encode, {number}"] = partial(encoded, number)
    pieces["1 process, compiled step"] = partial(run_job, 1, train, is_compiled=True)
    return pieces


def measure(records: Path, sizes: Sizes, repeats: int, limit_seconds: float) -> None:
    """Make the pieces that are missing, as far as the time goes."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_rows(folder, sizes.num_rows)
        for number in sizes.nums_encoded:
            make_table(folder / f"table-{number}", number)
        pieces = pieces_of(folder, sizes)
        for number in range(repeats):
            for piece, make in pieces.items():
                if len(piece_records.kept(records).get(piece, [])) > number:
                    continue
                if time.monotonic() - began > limit_seconds:
                    print(f"the time is over before {piece}", file=sys.stderr)
                    return
                at = time.monotonic()
                try:
                    found = make()
                except (OSError, subprocess.CalledProcessError) as error:
                    print(f"{piece} is left out: {error}", file=sys.stderr)
                    continue
                about = {"cores": len(os.sched_getaffinity(0)), "rows": sizes.num_rows}
                piece_records.append(records, piece, {**about, "found": found})
                print(f"{piece}: {time.monotonic() - at:.1f} s", file=sys.stderr, flush=True)


def main() -> None:
    """Measure and print; with --write also keep the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=2, help="of each piece")
    parser.add_argument("--measure", type=float, default=690, help="seconds that it may take")
    parser.add_argument("--rehearse", action="store_true", help="tiny sizes, nothing is kept")
    parser.add_argument("--note", default="", help="a sentence for the page on this run")
    parser.add_argument("--write", action="store_true", help="keep the page in results/")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() if options.rehearse else nullcontext() as folder:
        records = RECORDS if folder is None else Path(folder, "scaling.jsonl")
        sizes = TINY if options.rehearse else Sizes()
        repeats = 1 if options.rehearse else options.repeats
        measure(records, sizes, repeats, options.measure)
        text = page(piece_records.kept(records), options.note)
    print(text)
    if options.write and not options.rehearse:
        reporting.write_result("scaling", text)


if __name__ == "__main__":
    main()
