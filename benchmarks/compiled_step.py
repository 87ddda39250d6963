"""How long a training step takes as PyTorch's operations and as compiled code.

    python benchmarks/compiled_step.py [--rounds 5] [--cases S,L] [--write]

A process of its own trains each case for some epochs, with the compiled step switched off and on in
turns, on as many threads as the engine takes by itself; the time is that of whole epochs by their
steps, and the least of a process counts. PyTorch's threads wait awake for a while, so the two kinds
are never in one process.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

import torch
from environments import ROOT, clean_environment
from reporting import machine, markdown_table, write_result

from multilayer import Examples, Network, NetworkSpec, TrainingSettings, recipe, train
from multilayer.engine.compiled.library import SWITCH

ADAM = {"optimizer": "adam", "learning_rate": 1e-3}
EPOCHS = 6


def table(task: str, num_rows: int) -> tuple[NetworkSpec, TrainingSettings, int]:
    """A network of the default recipe for 20 numbers."""
    settings = recipe("default", task, num_rows=num_rows, selection="last", max_epochs=EPOCHS)
    num_outputs = 1 if task == "regression" else 3
    return settings.network_spec(20, num_outputs, num_numeric=20), settings, num_rows


CASES = {
    "D 64-64-10, Adam, 32 rows": lambda: (
        NetworkSpec(64, 10, (64,)),
        TrainingSettings(hidden_widths=(64,), batch_size=32, max_epochs=EPOCHS, **ADAM),
        32 * 300,
    ),
    "T 20-128-128-2, Adam, 200 rows": lambda: (
        NetworkSpec(20, 2, (128, 128)),
        TrainingSettings(hidden_widths=(128, 128), batch_size=200, max_epochs=EPOCHS, **ADAM),
        200 * 100,
    ),
    "B 64-128-128-10, batch norm, Adam, 128 rows": lambda: (
        NetworkSpec(64, 10, (128, 128), batch_norm=True),
        TrainingSettings(
            hidden_widths=(128, 128), batch_norm=True, batch_size=128, max_epochs=EPOCHS, **ADAM
        ),
        128 * 100,
    ),
    "S 784-256-10, SGD, 256 rows": lambda: (
        NetworkSpec(784, 10, (256,)),
        TrainingSettings(
            hidden_widths=(256,), learning_rate=0.1, batch_size=256, max_epochs=EPOCHS
        ),
        256 * 60,
    ),
    "L 784-1024-1024-10, Adam, 512 rows": lambda: (
        NetworkSpec(784, 10, (1024, 1024)),
        TrainingSettings(hidden_widths=(1024, 1024), batch_size=512, max_epochs=EPOCHS, **ADAM),
        512 * 10,
    ),
    "default, classes, 5,120 rows": lambda: table("classification", 5_120),
    "default, numbers, 5,120 rows": lambda: table("regression", 5_120),
    "default, classes, 280 rows, a step an epoch": lambda: table("classification", 280),
}


def microseconds(case: str) -> float:
    """Of a step, the least of the epochs."""
    spec, settings, num_rows = CASES[case]()
    source = torch.Generator().manual_seed(0)
    inputs = torch.randn(num_rows, spec.row_width, generator=source)
    if settings.loss == "cross_entropy":
        targets = torch.randint(0, spec.num_outputs, (num_rows,), generator=source)
    else:
        targets = torch.randn(num_rows, 1, generator=source)
    network = Network.for_training(spec, [settings], inputs)
    records = train(network, Examples(inputs, targets), settings)
    return min(1e6 * record.seconds / record.num_steps for record in records)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cases", help="the first letters of those to measure; left out: all")
    parser.add_argument("--child", action="store_true", help="measure here, once")
    parser.add_argument("--write", action="store_true", help="keep the table in results/")
    options = parser.parse_args()
    chosen = tuple((options.cases or "").split(","))
    cases = [case for case in CASES if case.startswith(chosen)]
    if options.child:
        print(json.dumps([microseconds(case) for case in cases]))
        return
    found: dict[str, list[list[float]]] = {"0": [], "1": []}
    for _ in range(options.rounds):
        for switch, times in found.items():
            environment = clean_environment(PYTHONPATH=os.pathsep.join([str(ROOT / "src")]))
            answer = subprocess.run(
                [sys.executable, __file__, "--child", "--cases", ",".join(chosen)],
                env=environment | {SWITCH: switch}, check=True, capture_output=True, text=True,
            )  # fmt: skip
            times.append(json.loads(answer.stdout))
            print(switch, *map(round, times[-1]), file=sys.stderr, flush=True)
    lines = []
    for case, twin, own in zip(
        cases, *(zip(*times, strict=True) for times in found.values()), strict=True
    ):
        lines.append(
            [
                case,
                *map(in_words, (twin, own)),
                f"{statistics.median(twin) / statistics.median(own):.2f}",
            ]
        )
    text = f"{__doc__}\n{machine()}\n" + markdown_table(
        ["µs of a step, median (least to most)", "PyTorch's", "compiled", "times as fast"], lines
    )
    print(text)
    if options.write:
        write_result("compiled-step", text)


def in_words(times: tuple[float, ...]) -> str:
    """The median and the range."""
    return f"{statistics.median(times):.0f} ({min(times):.0f} to {max(times):.0f})"


if __name__ == "__main__":
    main()
