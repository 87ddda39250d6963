"""One process of a job that `scaling.py` measures: it does what it is told, and rank 0 prints it.

RANK=0 WORLD_SIZE=2 … python benchmarks/scaling_worker.py '{"steps": {…}, "train": {…}}'
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from multilayer.encoding.encoded_map import EncodedRows, RowFile
from multilayer.engine.batches import BatchSource
from multilayer.engine.chunks import ChunkedExamples
from multilayer.engine.distributed import Ranks, joined
from multilayer.engine.network import Network
from multilayer.engine.processor import processor
from multilayer.engine.randomness import generator
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.step import Step
from multilayer.engine.training import train
from multilayer.recipes.recipes import recipe

NUM_INPUTS = 30


def settings_of(network: str, batch_size: int) -> TrainingSettings:
    """The settings of a network by its name: "recipe", or hidden widths with hyphens."""
    settings = recipe("fast", "regression", batch_size=batch_size, selection="last")
    if network == "recipe":
        return settings
    widths = tuple(map(int, network.split("-")))
    return replace(settings, hidden_widths=widths, activation="relu", scale_layer=False)


def network_of(settings: TrainingSettings) -> Network:
    """A network for the rows of `scaling.make_rows`."""
    spec = settings.network_spec(NUM_INPUTS, 1, num_numeric=NUM_INPUTS)
    return Network.initialized(spec, [0])


def rows_of(folder: str, num_rows: int, chunk_bytes: int) -> ChunkedExamples:
    """The rows that lie in a folder."""
    inputs = RowFile(Path(folder, "inputs.bin"), "float32", (NUM_INPUTS,))
    targets = RowFile(Path(folder, "targets.bin"), "float32", (1,))
    return ChunkedExamples(EncodedRows(num_rows, inputs, targets, None, "drawn"), chunk_bytes)


def together(ranks: Ranks | None) -> None:
    """Go on when all are here."""
    if ranks is not None:
        ranks.texts("")


def steps(ranks: Ranks | None, job: dict[str, Any]) -> list[dict[str, Any]]:
    """Seconds of a step alone, in all processes at once and without any exchange.

    The least of three, here and of the epochs of `whole`: other work of the machine only adds.
    """
    found = []
    for name, num_rows in job["cases"]:
        settings = settings_of(name, num_rows)
        network = network_of(settings)
        step = Step(network, settings, num_steps=10**6)
        inputs, targets = torch.randn(1, num_rows, NUM_INPUTS), torch.randn(1, num_rows, 1)
        with processor(1, "highest"), torch.inference_mode():
            step(inputs, targets)
            together(ranks)
            mine = min(window(lambda: step(inputs, targets), job["seconds"]) for _ in range(3))  # noqa: B023
        of_all = [mine] if ranks is None else [*map(float, ranks.texts(repr(mine)))]
        found.append(
            {
                "network": name, "rows": num_rows, "seconds": max(of_all),
                "parameters": network.spec.num_parameters,
            }
        )  # fmt: skip
    return found


def window(take_step: Callable[[], object], seconds: float) -> float:
    """Seconds of a step, over some time."""
    began, number = time.perf_counter(), 0
    while number == 0 or time.perf_counter() - began < seconds:
        take_step()
        number += 1
    return (time.perf_counter() - began) / number


def exchange(ranks: Ranks | None, job: dict[str, Any]) -> list[dict[str, Any]]:
    """Seconds of an all-reduce by its size."""
    assert ranks is not None
    found = []
    for num_bytes in job["sizes"]:
        values, times = torch.zeros(num_bytes // 4), []
        for number in range(job["repeats"] + 2):
            together(ranks)
            began = time.perf_counter()
            ranks.sum(values)
            if number >= 2:
                times.append(time.perf_counter() - began)
        found.append({"bytes": num_bytes, "seconds": statistics.median(times)})
    return found


def order(ranks: Ranks | None, job: dict[str, Any]) -> list[dict[str, Any]]:  # noqa: ARG001
    """Seconds of an epoch's reading, shuffling and gathering, for one of n processes."""
    found = []
    for num_processes in job["processes"]:
        rows = rows_of(job["folder"], job["rows"], job["chunk_bytes"])
        source = BatchSource(
            rows, job["batch_size"], [generator(0, "shuffle")], None, (0, num_processes)
        )
        times = []
        for number in range(job["repeats"] + 1):
            if job["is_cold"]:
                forget(Path(job["folder"]))
            began = time.perf_counter()
            for _ in source.epoch():
                pass
            if number:
                times.append(time.perf_counter() - began)
        found.append({"processes": num_processes, "seconds": statistics.median(times)})
    return found


def forget(folder: Path) -> None:
    """Have the system read the files from the disk again."""
    for path in folder.glob("*.bin"):
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def whole(ranks: Ranks | None, job: dict[str, Any]) -> list[dict[str, Any]]:
    """Seconds of a step of `train`, in all: reading, step, exchange."""
    found = []
    for name, batch_size, num_rows in job["cases"]:
        settings = replace(settings_of(name, batch_size), max_epochs=4, validation_fraction=0.0)
        network = network_of(settings)
        rows = rows_of(job["folder"], num_rows, job["chunk_bytes"])
        together(ranks)
        records = list(train(network, rows, settings))
        seconds = min(r.seconds / r.num_steps for r in records[1:])
        found.append(
            {
                "network": name, "batch_size": batch_size, "seconds": seconds,
                "parameters": network.spec.num_parameters,
            }
        )  # fmt: skip
    return found


JOBS: dict[str, Callable[[Ranks | None, dict[str, Any]], list[dict[str, Any]]]] = {
    "steps": steps, "all-reduce": exchange, "reading": order, "train": whole,
}  # fmt: skip


def main() -> None:
    """Do what the first argument asks for."""
    jobs = json.loads(sys.argv[1])
    with joined() as ranks:
        found = {name: JOBS[name.partition(",")[0]](ranks, job) for name, job in jobs.items()}
        if ranks is None or ranks.rank == 0:
            print(json.dumps(found))


if __name__ == "__main__":
    main()
