"""Real `multilayer train` processes are killed with -9 at random times, again and again, until each
run has ended: it must leave the bits that the uninterrupted run leaves."""

import hashlib
import os
import random
import re
import subprocess
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from fork_server import ForkServer

from multilayer.errors import RunFolderError
from multilayer.images.idx import write_idx
from multilayer.runs.configuration import RunConfiguration
from multilayer.runs.run_documents import read_history, read_json
from multilayer.stopwatch import without_times

MOST_KILLS_OF_A_RUN = 12
AT_ONCE = 2  # a run is killed while another one computes beside it
COMMAND = "from multilayer.cli import main\nmain()"
FLAGS = ("--num-threads", "1", "--quiet", "--checkpoint-every", "0.01s")
CASES = {
    "images": (
        "images", "--max-epochs", "12", "--batch-size", "16", "--hidden-widths", "12",
        "--optimizer", "adam", "--dropout", "0.1", "--average-decay", "0.9",
        "--validation-fraction", "0.2", "--selection", "loss",
    ),
    "chapter": ("images", "--max-epochs", "20", "--batch-size", "16", "--hidden-widths", "16"),
    "table": ("rows.csv", "--target", "class", "--weight", "weight", "--group-by", "group",
              "--max-epochs", "12", "--batch-size", "16", "--hidden-widths", "8"),
    "folds": ("rows.csv", "--target", "number", "--recipe", "best", "--max-epochs", "12",
              "--batch-size", "16", "--hidden-widths", "8"),
}  # fmt: skip


def run_command(
    forks: ForkServer, folder: Path, output: Path, arguments: list[str], seconds: float | None
) -> tuple[int, float]:
    """Run a command, killed after so many seconds; exit code and the seconds it lived."""
    with output.open("a") as file, Path(os.devnull).open() as nothing:
        streams = (nothing.fileno(), file.fileno(), file.fileno())
        began = time.perf_counter()
        process = forks.start(COMMAND, "multilayer", *arguments, cwd=folder, streams=streams)
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    process.close()
    return process.returncode, time.perf_counter() - began


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """A folder with a table and a folder of pictures."""
    folder, source = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    (folder / "images").mkdir()
    for prefix, num_rows in (("train", 320), ("t10k", 60)):
        labels = source.integers(0, 10, num_rows)
        pictures = source.integers(0, 150, (num_rows, 8, 8)) + 10 * labels[:, None, None]
        write_idx(folder / "images" / f"{prefix}-images-idx3-ubyte", pictures.astype(np.uint8))
        write_idx(folder / "images" / f"{prefix}-labels-idx1-ubyte", labels.astype(np.uint8))
    size = source.uniform(0, 9, 320)
    pl.DataFrame(
        {
            "size": size, "town": source.choice(["Aa", "Bo", "Cy"], 320),
            "number": size + source.normal(0, 1, 320), "class": np.where(size > 4, "much", "few"),
            "weight": source.integers(0, 4, 320), "group": source.integers(0, 60, 320),
        }
    ).write_csv(folder / "rows.csv")  # fmt: skip
    return folder


def outcome(run: Path) -> tuple[str, list[dict], dict]:
    """What must be the same: the model's checksum, the history, the results; all but times."""
    history = [{k: v for k, v in line.items() if k != "seconds"} for line in read_history(run)]
    checksum = hashlib.sha256((run / "model.safetensors").read_bytes()).hexdigest()
    return checksum, history, without_times(read_json(run, "results.json"))


def newest_place(run: Path) -> tuple[int, int]:
    """Epoch and batches done of the newest checkpoint."""
    names = (path.name for path in (run / "checkpoints").glob("epoch-*"))
    places = (tuple(map(int, re.findall(r"\d+", name)[:2])) for name in names)
    return max(places, default=(1, 0))


def has_ended(run: Path) -> bool:
    """Whether a killed run was only leaving."""
    try:
        RunConfiguration.saved_in(run)
    except RunFolderError as error:
        return "there is nothing to resume" in str(error)
    return False


def kill_until_it_ends(
    forks: ForkServer, data: Path, case: str, run: Path, seconds: float, chance: random.Random
) -> Counter:
    """Kill a run at random times and take it up again until it has ended; what was done to it.

    Args:
        seconds: that the uninterrupted run takes.
    """
    output, killed_in, is_over = run.with_suffix(".txt"), Counter(), False
    while not is_over:
        is_begun = (run / "settings.json").exists()
        given = ["--resume", str(run)] if is_begun else [*CASES[case], "--output", str(run)]
        delay = chance.uniform(0, seconds) if killed_in.total() < MOST_KILLS_OF_A_RUN else None
        code, _ = run_command(forks, data, output, ["train", *given, *FLAGS], delay)
        if code != -9:
            assert code == 0, output.read_text()
            break
        killed_in[newest_place(run)] += 1
        is_over = has_ended(run)
    epochs = {epoch for epoch, _ in killed_in}
    return Counter(
        {"runs": 1, "kills": killed_in.total(), "again": killed_in.total() - len(epochs)}
    )


def kill_many(num_kills: int, forks: ForkServer, data: Path, folder: Path) -> Counter:
    """Kill and resume runs of all cases until there were so many kills; what was done."""
    expected, seconds = {}, {}
    for case, arguments in CASES.items():
        run, output = folder / case, folder / "whole.txt"
        given = ["train", *arguments, "--output", str(run), *FLAGS]
        code, seconds[case] = run_command(forks, data, output, given, None)
        assert code == 0, output.read_text()
        expected[case] = outcome(run)
    done: Counter = Counter()

    def work(number: int) -> None:
        chance, names = random.Random(number), list(CASES)
        for attempt in count(number, AT_ONCE):
            if done["kills"] >= num_kills:
                return
            case = names[attempt // AT_ONCE % len(names)]
            run = folder / f"run-{attempt}"
            done.update(kill_until_it_ends(forks, data, case, run, seconds[case], chance))
            assert outcome(run) == expected[case], f"{case}, {run}"

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(work, range(AT_ONCE)))
    return done


@pytest.mark.parametrize("num_kills", [12, pytest.param(500, marks=pytest.mark.long)])
def test_runs_that_were_killed_end_in_the_same_bits(num_kills, forks, data, tmp_path, capsys):
    done = kill_many(num_kills, forks, data, tmp_path)
    with capsys.disabled():
        print(
            f"\nkilled with -9: {done['kills']} times, {done['again']} of them in an epoch that "
            f"had been killed in before; {done['runs']} runs, none of which ended otherwise"
        )
    assert done["kills"] >= num_kills
    assert done["again"] > 0
