"""What keeping a run from harm costs: checkpoints, saving, and looking for what is not finite.

    python benchmarks/checkpoints.py [--repeats 7] [--write]

Whole trainings of the chapter's network on Fashion-MNIST (784-256-10, batches of 256, 10 epochs)
take turns: with checkpoints after each epoch, with the default plan, and with none. A model file of
10 MB is saved in turn with a plain write and fsync of the same bytes. What looks for numbers that
are not finite is timed by itself, over the losses of an epoch, and told as a share of the epoch.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import torch
from reporting import machine, markdown_table, write_result

from multilayer import Network, NetworkSpec, recipe, train
from multilayer.engine.epoch_losses import EpochLosses
from multilayer.fit.image_rows import image_examples
from multilayer.images.datasets import load_images
from multilayer.model.model import Model
from multilayer.model.model_file import save_model
from multilayer.runs.checkpoints import CheckpointPlan, Checkpoints

PLANS = {
    "none": None,
    "the default: an epoch, at most once in 30 s": CheckpointPlan(),
    "after each epoch": CheckpointPlan(1, 0.0),
}
WIDTH_OF_10_MB = 3150
NUM_SAVES = 21


def seconds_of(work: Callable[[], object]) -> float:
    """How long something takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def spread(values: list[float], unit: float = 1.0, digits: int = 3) -> list[str]:
    """Median, least and most."""
    low, high = min(values) * unit, max(values) * unit
    return [
        f"{statistics.median(values) * unit:.{digits}f}",
        f"{low:.{digits}f} to {high:.{digits}f}",
    ]


def trainings(repeats: int, folder: Path) -> tuple[str, float]:
    """A table of whole trainings, and the seconds of an epoch without checkpoints."""
    dataset, settings = load_images("fashion-mnist"), recipe("chapter")
    rows, watched = image_examples(dataset.train, dataset), image_examples(dataset.test, dataset)
    spec = settings.network_spec(784, 10, input_scale=1 / 255)
    taken: dict[str, list[float]] = {name: [] for name in PLANS}
    for repeat in range(-1, repeats):
        for number, (name, plan) in enumerate(PLANS.items()):
            network = Network.for_training(spec, [settings], rows.inputs)
            keeper = None
            if plan is not None:
                keeper = Checkpoints(folder / f"checkpoints-{repeat}-{number}", plan)
            epochs = train(network, rows, settings, validation=watched, keeper=keeper)

            def train_to_the_end(epochs=epochs, keeper=keeper) -> None:
                with keeper or nullcontext():
                    for _ in epochs:
                        pass

            seconds = seconds_of(train_to_the_end)
            if repeat >= 0:  # the first round warms up
                taken[name].append(seconds)
    plain = taken["none"]
    table = [
        [
            name, *spread(seconds),
            *(f"{value:+.2f}%" for value in _cost(seconds, plain)),
        ]
        for name, seconds in taken.items()
    ]  # fmt: skip
    heads = [
        "checkpoints",
        "seconds a training",
        "least to most",
        "cost, median of the turns",
        "least",
        "most",
    ]
    return markdown_table(heads, table), statistics.median(plain) / settings.max_epochs


def _cost(seconds: list[float], plain: list[float]) -> tuple[float, float, float]:
    """Per cent more than the training without in the same turn: median, least and most."""
    costs = [100 * (one / other - 1) for one, other in zip(seconds, plain, strict=True)]
    return statistics.median(costs), min(costs), max(costs)


def saves(folder: Path) -> str:
    """A table of a model file's save and a plain write of the same bytes."""
    network = Network.initialized(NetworkSpec(784, 10, (WIDTH_OF_10_MB,)))
    model = Model.of_images(network, (28, 28), tuple(map(str, range(10))))
    save_model(model, folder / "model.safetensors")
    content = (folder / "model.safetensors").read_bytes()

    def write_plainly() -> None:
        descriptor = os.open(folder / "plain", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.write(descriptor, content)
        os.fsync(descriptor)
        os.close(descriptor)

    plain, saved = [], []
    for _ in range(NUM_SAVES):
        plain.append(seconds_of(write_plainly))
        saved.append(seconds_of(lambda: save_model(model, folder / "model.safetensors")))
    beyond = [one - other for one, other in zip(saved, plain, strict=True)]
    rows = {
        f"write and fsync of {len(content) / 1e6:.1f} MB": plain,
        "the same as a model file": saved,
        "beyond the disk's own time": beyond,
    }
    return markdown_table(
        ["saving", "milliseconds", "least to most"],
        [[name, *spread(values, 1000, 1)] for name, values in rows.items()],
    )


def finiteness(epoch_seconds: float) -> str:
    """A line on what the look at the losses costs."""
    num_steps, times = 235, []
    for _ in range(200):
        losses = EpochLosses(1, 0.1)
        for _ in range(num_steps):
            losses.add(torch.rand(1), 256)
        times.append(seconds_of(losses.checked))
    median = statistics.median(times)
    # Once an epoch; an epoch of this length is looked at once more for each full second.
    looks = 1 + int(epoch_seconds)
    share = looks * median / epoch_seconds
    return (
        f"Looking at the {num_steps} losses of an epoch takes {1e6 * median:.0f} microseconds "
        f"({1e6 * min(times):.0f} to {1e6 * max(times):.0f}): {100 * share:.3f}% of an epoch of "
        f"{epoch_seconds:.2f} s, and so of a step.\n"
    )


def main() -> None:
    """Measure and print; with --write also keep the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--write", action="store_true", help="keep the tables in results/")
    parser.add_argument("--folder", help="where to write; its disk is the one that is measured")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        table, epoch_seconds = trainings(options.repeats, Path(name))
        parts = [table, saves(Path(name)), finiteness(epoch_seconds)]
    text = f"{__doc__.splitlines()[0]}\n\n{machine()}\n" + "\n".join(parts)
    print(text)
    if options.write:
        write_result("checkpoints", text)


if __name__ == "__main__":
    main()
