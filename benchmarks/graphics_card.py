"""The engine on an NVIDIA card: its tests, whether it learns the same there, and its speed.

    python benchmarks/graphics_card.py             # under ten minutes; again: what is missing
    python benchmarks/graphics_card.py --write     # keeps the page in results/ too
    python benchmarks/graphics_card.py --rehearse  # the same on the processor, at tiny sizes

S is 784-256-10 with SGD, T 20-128-128-2, L 784-1024-1024-10 and W 784-4096-4096-10 with Adam;
batches of 256, 200, 512 and 4,096 rows. The engine is timed beside eager PyTorch, `torch.compile`
with and without CUDA graphs, and a JAX scan where JAX with CUDA is installed, in float32, TF32 and
bfloat16, in turns; then populations of 16 and 256 beside one network. Each piece is a line of
results/records/graphics-card.jsonl as soon as it is made: a run that is cut keeps its lines.

A file cuda.py here would hide NVIDIA's package `cuda` from PyTorch in every benchmark.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import piece_records
import reporting
from card_contenders import (
    CARD_CASES,
    CONTENDERS,
    PRECISIONS,
    TINY_CASES,
    losses_of,
    our_engine,
)
from card_page import page

RECORDS = reporting.RECORDS / "graphics-card.jsonl"
ROOT = Path(__file__).parent.parent
SIZES = (1, 16, 256)
TOLERANCES = {"float64": 1e-9, "float32": 1e-3, "TF32": 0.02}
PIECES = [
    "tests", "agreement: S", "agreement: T",
    *(f"speed: {name}, {precision}" for name in CARD_CASES for precision in PRECISIONS),
    "population: S", "population: T",
]  # fmt: skip


def tests() -> dict[str, Any]:
    """What the project's tests for a card say."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/engine/test_cuda.py", "-q", "-n0"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    lines = done.stdout.strip().splitlines() or [done.stderr.strip()]
    failed = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    counts = {
        kind: int(number)
        for number, kind in re.findall(r"(\d+) (passed|failed|skipped|errors?)", lines[-1])
    }
    return {"code": done.returncode, "counts": counts, "failed": failed, "last": lines[-1]}


def agreement(name: str, cases: dict[str, Any], device: str) -> dict[str, Any]:
    """How far the losses of three epochs on the device are from those on the processor."""
    import torch

    case, found = cases[name], {}
    for kind, tolerance in TOLERANCES.items():
        dtype = torch.float64 if kind == "float64" else torch.float32
        precision = "medium" if kind == "TF32" else "highest"
        here = losses_of(case, "cpu", dtype)
        there = losses_of(case, device, dtype, precision=precision)
        most = max(abs(one / other - 1) for one, other in zip(there, here, strict=True))
        found[kind] = {"losses": there, "difference": most, "tolerance": tolerance}
    return {"kinds": found}


def timed(makers: dict[str, Callable[[], Any]], num_steps: int, seconds: float) -> dict[str, Any]:
    """Seconds of a step of each contender, in turns, until the time is over."""
    ready, found, deadline = {}, {}, 0.0
    for name, make in makers.items():
        try:
            contender = make()
            ready[name] = contender, contender.warm_up(seconds / 40)
        except Exception as error:  # of any library: the others are measured all the same
            found[name] = {"error": f"{type(error).__name__}: {error}".splitlines()[0][:200]}
    times: dict[str, list[float]] = {name: [] for name in ready}
    deadline = time.perf_counter() + seconds
    while ready and (time.perf_counter() < deadline or len(next(iter(times.values()))) < 3):
        for name, (contender, num_epochs) in ready.items():
            times[name].append(contender.seconds(num_epochs) / (num_epochs * num_steps))
    for name, of_contender in times.items():
        found[name] = {
            "median": statistics.median(of_contender), "least": min(of_contender),
            "most": max(of_contender), "rounds": len(of_contender),
        }  # fmt: skip
    return found


def speed(name: str, precision: str, cases: Any, device: str, seconds: float) -> dict[str, Any]:
    """The contenders at a case."""
    case = cases[name]
    rows = case.examples()
    makers = {
        title: lambda make=make: make(case, rows, device, precision)
        for title, make in CONTENDERS.items()
    }
    return {"case": str(case), "seconds": timed(makers, case.num_steps, seconds)}


def population(name: str, cases: Any, device: str, seconds: float) -> dict[str, Any]:
    """Populations of several sizes."""
    case = cases[name]
    rows = case.examples()
    makers = {
        str(size): lambda size=size: our_engine(case, rows, device, "float32", size)
        for size in (SIZES if device == "cuda" else SIZES[:2])
    }
    return {"case": str(case), "seconds": timed(makers, case.num_steps, seconds)}


def make(piece: str, is_rehearsal: bool, seconds: float) -> dict[str, Any]:
    """One piece."""
    kind, _, what = piece.partition(": ")
    cases, device = (TINY_CASES, "cpu") if is_rehearsal else (CARD_CASES, "cuda")
    if kind == "tests":
        return tests()
    if kind == "agreement":
        return agreement(what, cases, device)
    if kind == "population":
        return population(what, cases, device, seconds)
    name, precision = what.split(", ")
    return speed(name, precision, cases, device, seconds)


def made_apart(pieces: list[str], options: argparse.Namespace, left: float) -> Iterator[str]:
    """Lines of JSON from a process that makes pieces, which is ended when the time is over."""
    command = [
        sys.executable, __file__, "--make", json.dumps(pieces), "--seconds", str(options.seconds),
        *(["--rehearse"] if options.rehearse else []),
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ})
    timer = threading.Timer(max(left, 1.0), process.kill)
    timer.start()
    assert process.stdout is not None
    try:
        yield from process.stdout
        process.wait()
    finally:
        timer.cancel()
        process.kill()
        process.communicate()


def measure(records: Path, options: argparse.Namespace, chosen: list[str]) -> None:
    """Make the pieces that are missing, those of a case in one process, as far as the time goes."""
    began = time.monotonic()
    groups: dict[str, list[str]] = {}
    for piece in chosen:
        if piece not in piece_records.kept(records):
            groups.setdefault(piece.partition(",")[0], []).append(piece)
    for group, pieces in groups.items():
        left = options.limit - (time.monotonic() - began)
        if left < options.seconds:
            print(f"the time is over before {group}", file=sys.stderr)
            return
        missing = set(pieces)
        for line in made_apart(pieces, options, left):
            piece, found = json.loads(line)
            piece_records.append(records, piece, found)
            missing.discard(piece)
            print(f"{piece}: done", file=sys.stderr, flush=True)
        for piece in sorted(missing):
            print(f"{piece}: nothing came of it", file=sys.stderr)


def card() -> str:
    """The card, driver and versions in words."""
    import torch

    if not torch.cuda.is_available():
        return "no card: a rehearsal on the processor"
    properties = torch.cuda.get_device_properties(0)
    return f"{properties.name}, {properties.total_memory / 1e9:.0f} GB, CUDA {torch.version.cuda}"


def main() -> None:
    """Measure and print; with --write also keep the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pieces", default="", help="names that begin so, with ; between; all")
    parser.add_argument("--seconds", type=float, default=12.0, help="of a piece, without warm-up")
    parser.add_argument("--limit", type=float, default=540.0, help="seconds of everything")
    parser.add_argument("--rehearse", action="store_true", help="on the processor, tiny; not kept")
    parser.add_argument("--write", action="store_true", help="keep the page in results/")
    parser.add_argument("--make", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.make:
        for piece in json.loads(options.make):
            found = make(piece, options.rehearse, options.seconds)
            print(json.dumps([piece, {"card": card(), **found}]), flush=True)
        return
    if not options.rehearse and "no card" in card():
        sys.exit("error: PyTorch finds no NVIDIA card here; --rehearse runs on the processor")
    starts = tuple(options.pieces.split(";"))
    chosen = [piece for piece in PIECES if piece.startswith(starts)]
    if not chosen:
        parser.error(f"no piece begins with {options.pieces!r}; there are: {'; '.join(PIECES)}")
    with tempfile.TemporaryDirectory() if options.rehearse else nullcontext() as folder:
        records = RECORDS if folder is None else Path(folder, "graphics-card.jsonl")
        measure(records, options, chosen)
        text = page(piece_records.kept(records), PIECES)
    print(text)
    if options.write and not options.rehearse:
        reporting.write_result("graphics-card", text)


if __name__ == "__main__":
    main()
