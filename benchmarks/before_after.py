"""Times what users wait for in two checkouts of this package, in turns.

    python benchmarks/before_after.py BEFORE/src AFTER/src [--repeats 5] [--write]

Each measurement is a process of its own that imports the package from the given folder; the clock
starts after the imports, but for the start of the command line, which is timed as a whole. All
cases with five repeats are meant to take less than ten minutes; each line is printed when it is
known.

csv: `read_table` on 1,000,000 rows of 5 columns. fit: `default` on 3,000 rows of 10 columns, 40
epochs. predict: that model on 100,000 rows. step: 300 steps of the network 784-256-10, batches of
256, plain gradient descent. start: `multilayer train --help`.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from reporting import machine, markdown_table, write_result

PREPARED = """
import sys, time, warnings
warnings.simplefilter("ignore")
import numpy as np
rng = np.random.default_rng(0)
X = rng.normal(size=(3000, 10))
y = (X[:, :3].sum(1) + rng.normal(size=3000) > 0).astype(int)
"""
CASES = {
    "csv": PREPARED
    + """
from multilayer import read_table
began = time.perf_counter()
read_table(sys.argv[1])
""",
    "fit": PREPARED
    + """
from multilayer import MLPClassifier
MLPClassifier(max_iter=1, random_state=0).fit(X[:300], y[:300])
began = time.perf_counter()
MLPClassifier(max_iter=40, random_state=0).fit(X, y)
""",
    "predict": PREPARED
    + """
from multilayer import MLPClassifier
model = MLPClassifier(max_iter=4, random_state=0).fit(X, y)
rows = rng.normal(size=(100_000, 10))
model.predict_proba(rows[:1000])
began = time.perf_counter()
model.predict_proba(rows)
""",
    "step": PREPARED
    + """
import torch
from multilayer import Examples, Network, NetworkSpec, TrainingSettings, train
rows = Examples(torch.rand(76_800, 784), torch.randint(10, (76_800,)))
settings = TrainingSettings(max_epochs=2, batch_size=256)
epochs = train(Network.initialized(NetworkSpec(784, 10, (256,)), [0]), rows, settings)
next(epochs)
began = time.perf_counter()
next(epochs)
""",
    "start": "",
}
BEGAN = time.perf_counter()
TELL = "print(time.perf_counter() - began)\n"


def seconds(source: Path, case: str, table: Path) -> float:
    """One measurement."""
    environment = {**os.environ, "PYTHONPATH": str(source)}
    environment.pop("OPENBLAS_CORETYPE", None)
    if case == "start":
        began = time.perf_counter()
        command = [sys.executable, "-m", "multilayer", "train", "--help"]
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - began
    done = subprocess.run(
        [sys.executable, "-c", CASES[case] + TELL, str(table)],
        env=environment, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return float(done.stdout)


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "table.csv"
        with table.open("w") as file:
            file.write("a,b,c,d,e\n")
            for number in range(1_000_000):
                file.write(f"{number},{number * 0.37:.3f},{number % 7},k{number % 5},{-number}\n")
        for case in arguments.cases.split(","):
            found: dict[str, list[float]] = {"before": [], "after": []}
            for _ in range(arguments.repeats):
                for name, times in found.items():
                    times.append(seconds(getattr(arguments, name), case, table))
            medians = {name: statistics.median(times) for name, times in found.items()}
            rows.append(
                [case]
                + [
                    f"{medians[name]:.3f} ({min(times):.3f} to {max(times):.3f})"
                    for name, times in found.items()
                ]
                + [f"{medians['after'] / medians['before'] - 1:+.1%}"]
            )
            print(f"{time.perf_counter() - BEGAN:5.0f} s", *rows[-1], flush=True)
            headers = ["", "before, s", "after, s", "change of the median"]
            report = markdown_table(headers, rows)
            if arguments.write:  # what there is by now
                how = f"Medians of {arguments.repeats} (least to most), in turns."
                write_result("before-after", f"{how} {machine()}\n\n{report}")
    print(report)


if __name__ == "__main__":
    main()
