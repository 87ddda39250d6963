"""Times answers over HTTP: `multilayer serve` beside a pipeline of scikit-learn behind FastAPI.

    python benchmarks/serving.py [--seconds 5] [--requests 100000] [--contenders multi] [--write]

A table of 20 columns, half of them categories, and two classes; a network of 64-64 for all. The
pipeline scales numbers, writes categories one-hot and ends in `MLPClassifier`; a third server
answers with the same pipeline in onnxruntime. Each server is one process; the client, a process of
its own on the same machine, keeps its connections open and checks every answer's status. Latencies
are those that the client sees. The contenders' environment is made on the first run.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from environments import REQUIREMENTS, clean_environment, python_of
from reporting import machine, markdown_table, write_result
from workers import note

from multilayer import MLPClassifier

NUM_CLIENTS = (1, 16, 64)
NUM_ROWS_A_BATCH = 1000
WIDTHS = (64, 64)


@dataclass(frozen=True)
class Measured:
    """The requests of a while.

    Args:
        seconds: of each request, ascending.
        wall_seconds: of all together.
    """

    seconds: np.ndarray
    wall_seconds: float

    def quantile(self, share: float) -> str:
        """In milliseconds."""
        return f"{1000 * np.quantile(self.seconds, share):.2f}"

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.seconds) / self.wall_seconds


def table(num_rows: int, seed: int) -> pl.DataFrame:
    """Ten numbers, ten categories of 3 to 21 values, and the class."""
    generator = np.random.default_rng(seed)
    columns: dict[str, np.ndarray] = {
        f"n{place}": generator.normal(100, 30, num_rows).round(2) for place in range(10)
    }
    columns |= {
        f"c{place}": generator.choice([f"v{value}" for value in range(3 + 2 * place)], num_rows)
        for place in range(10)
    }
    score = columns["n0"] * 2 + 50 * (columns["c0"] == "v1") + generator.normal(0, 20, num_rows)
    return pl.DataFrame(columns | {"kind": np.where(score > 220, "dear", "cheap")})


@contextmanager
def multilayer_server(folder: Path) -> Iterator[tuple[int, int]]:
    """Port and process of `multilayer serve`."""
    rows = pl.read_csv(folder / "train.csv")
    model = MLPClassifier("default", hidden_layer_sizes=WIDTHS, max_iter=20, random_state=0)
    model.fit(rows.drop("kind"), rows["kind"]).save(folder / "model.safetensors")
    command = [Path(sys.executable).with_name("multilayer"), "serve", folder / "model.safetensors"]
    with _process([*command, "--port", "0", "--max-waiting", "1000"], "page ") as (server, line):
        yield int(line.split()[1].rstrip("/,").rpartition(":")[2]), server


Start = Callable[[Path], AbstractContextManager[tuple[int, int]]]


def fastapi_server(kind: str) -> Start:
    """The same of a pipeline behind FastAPI; `kind` is sklearn or onnx."""

    @contextmanager
    def serve(folder: Path) -> Iterator[tuple[int, int]]:
        program = Path(__file__).with_name("serving_contender.py")
        command = [python_of("serving"), program, kind, folder / "train.csv"]
        with _process(command, "port ") as (server, line):
            yield int(line.split()[1]), server

    return serve


CONTENDERS: dict[str, Start] = {
    "multilayer serve": multilayer_server,
    "scikit-learn behind FastAPI": fastapi_server("sklearn"),
    "onnxruntime behind FastAPI": fastapi_server("onnx"),
}


@contextmanager
def _process(command: list[str | Path], beginning: str) -> Iterator[tuple[int, str]]:
    """A server's process number and the line that says where it is."""
    environment = clean_environment(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment
        )
        assert process.stdout is not None
        line = next((one for one in process.stdout if one.startswith(beginning)), None)
        if line is None:
            log.seek(0)
            sys.exit(f"{log.read().decode()}\nerror: {command[1]} did not start")
        try:
            yield process.pid, line
        finally:
            process.terminate()
            process.wait(30)
            process.stdout.close()


def request_of(rows: list[dict[str, object]]) -> bytes:
    """A whole request."""
    body = json.dumps(rows).encode()
    head = (
        "POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def client(port: int, requests: list[bytes], until: float, most: int) -> list[float]:
    """Seconds of each of the requests that one connection asked one after the other."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**24)
    seconds: list[float] = []
    while time.perf_counter() < until and len(seconds) < most:
        began = time.perf_counter()
        writer.write(requests[len(seconds) % len(requests)])
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        assert b" 200 " in head[:16], head
        size = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await reader.readexactly(size)
        seconds.append(time.perf_counter() - began)
    writer.close()
    return seconds


async def clients(
    port: int, requests: list[bytes], num: int, seconds: float, most: int
) -> Measured:
    """Several of them at once; `most` is of each."""
    began = time.perf_counter()
    tasks = [
        client(port, requests[place:] + requests[:place], began + seconds, most)
        for place in range(num)
    ]
    found = await asyncio.gather(*tasks)
    everything = np.sort(np.array([one for of_client in found for one in of_client]))
    return Measured(everything, time.perf_counter() - began)


def resident_megabytes(process: int) -> float:
    """Memory of a process."""
    status = Path(f"/proc/{process}/status").read_text()
    [kibibytes] = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")]
    return int(kibibytes) * 1024 / 1e6


def measure(name: str, folder: Path, options: argparse.Namespace) -> tuple[list[str], float]:
    """A row of the table, and requests a second at 16 clients."""
    rows = pl.read_csv(folder / "new.csv").drop("kind").to_dicts()
    one_row = [request_of([row]) for row in rows[:200]]
    batch = [request_of(rows[:NUM_ROWS_A_BATCH])]
    cells, at_16 = [name], 0.0
    with CONTENDERS[name](folder) as (port, process):
        asyncio.run(clients(port, one_row, 2, min(1.0, options.seconds), options.requests))
        for num in NUM_CLIENTS:
            note(f"{name}, {num} clients")
            found = asyncio.run(clients(port, one_row, num, options.seconds, options.requests))
            cells += [found.quantile(0.5), found.quantile(0.99), f"{found.rate:,.0f}"]
            at_16 = found.rate if num == 16 else at_16
        found = asyncio.run(clients(port, batch, 1, options.seconds, options.requests))
        cells.append(f"{NUM_ROWS_A_BATCH * found.rate:,.0f}")
        before = resident_megabytes(process)
        note(f"{name}, {options.requests:,} requests")
        asyncio.run(clients(port, one_row, 16, float("inf"), max(1, options.requests // 16)))
        cells += [f"{before:.0f}", f"{resident_megabytes(process):.0f}"]
    return cells, at_16


def report(rows: list[list[str]], rates: dict[str, float], num_requests: int) -> str:
    """A Markdown table, and how the rates compare."""
    headers = [""]
    for num in NUM_CLIENTS:
        what = f"{num} client{'s' * (num > 1)}"
        headers += [f"{what}: p50, ms", "p99, ms", "requests a second"]
    headers += [
        f"rows a second, batches of {NUM_ROWS_A_BATCH:,}", "resident MB",
        f"after {num_requests:,} requests more",
    ]  # fmt: skip
    ours = rates.get("multilayer serve")
    ratios = [
        f"multilayer serve answers {ours / rate:.1f} times as many requests a second as {name}, "
        "at 16 clients."
        for name, rate in rates.items()
        if ours and name != "multilayer serve"
    ]
    return "\n\n".join((markdown_table(headers, rows), *ratios))


def main() -> None:
    """Measure and print; with --write also keep the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    parser.add_argument("--requests", type=int, default=100_000, help="before memory is looked at")
    parser.add_argument("--contenders", help="beginnings of their names, with commas")
    parser.add_argument("--write", action="store_true", help="keep the table in results/")
    options = parser.parse_args()
    wanted = tuple((options.contenders or ",").split(",")) if options.contenders else ("",)
    rows, rates = [], {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table(5000, seed=0).write_csv(folder / "train.csv")
        table(NUM_ROWS_A_BATCH, seed=1).write_csv(folder / "new.csv")
        for contender in CONTENDERS:
            if contender.startswith(wanted):
                cells, rates[contender] = measure(contender, folder, options)
                rows.append(cells)
    pins = ", ".join(REQUIREMENTS["serving"]).replace("==", " ")
    what = f"One process each, one thread for products; the pipeline's: {pins}"
    text = f"{__doc__.splitlines()[0]}\n\n{machine()}{what}\n\n"
    text += report(rows, rates, options.requests)
    print(text)
    if options.write:
        write_result("serving", text)


if __name__ == "__main__":
    main()
