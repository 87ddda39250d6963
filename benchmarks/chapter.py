"""Times an epoch of the chapter's network: the book's Trainer, the engine, and plain PyTorch.

    python benchmarks/chapter.py [--rounds 5] [--write]

784-256-10, ReLU, SGD at 0.1, batches of 256 on Fashion-MNIST: 60,000 rows to train on and a
validation pass over 10,000, ten epochs a run. Every run is a process of its own, so that its
memory is its own; the contenders take turns, round by round. What torch.optim imports on its first
use is loaded before the clock starts, for all alike.

The last row is the time of the same matrix products alone, into buffers that are made once.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import torch
from reporting import machine, markdown_table, write_result
from torch import nn
from torch.nn import functional

import multilayer as d2l

NUM_EPOCHS, BATCH_SIZE, LEARNING_RATE = 10, 256, 0.1


def flat_tensors() -> tuple[torch.Tensor, ...]:
    """Bytes (n, 784) and classes (n,) of both parts."""
    dataset = d2l.load_images("fashion-mnist")
    return tuple(
        torch.from_numpy(array)
        for split in (dataset.train, dataset.test)
        for array in (split.images.reshape(len(split), -1), split.labels)
    )


def book_from_scratch() -> Callable[[], float]:
    """The printed code, first half."""
    return book_trainer(d2l.MLPScratch(784, 10, 256, LEARNING_RATE))


def book_through_the_api() -> Callable[[], float]:
    """The printed code, second half."""
    return book_trainer(d2l.MLP(10, 256, LEARNING_RATE))


def book_trainer(model: d2l.Classifier) -> Callable[[], float]:
    """What trains a model of the book."""
    data = d2l.FashionMNIST(batch_size=BATCH_SIZE)
    trainer = d2l.Trainer(max_epochs=NUM_EPOCHS)

    def fit() -> float:
        trainer.fit(model, data)
        return model.board.data["val_acc"][-1].y

    return fit


def engine() -> Callable[[], float]:
    """The engine."""
    inputs, targets, test_inputs, test_targets = flat_tensors()
    settings = d2l.recipe("chapter", max_epochs=NUM_EPOCHS)
    network = d2l.Network.initialized(d2l.NetworkSpec(784, 10, (256,), input_scale=1 / 255))
    examples, test = d2l.Examples(inputs, targets), d2l.Examples(test_inputs, test_targets)

    def fit() -> float:
        *_, last = d2l.train(network, examples, settings, validation=test)
        return last.validation.accuracy[0]

    return fit


def make_model() -> tuple[nn.Module, torch.optim.Optimizer]:
    """The chapter's network as PyTorch's users write it."""
    model = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))
    return model, torch.optim.SGD(model.parameters(), lr=LEARNING_RATE)


def data_loader() -> Callable[[], float]:
    """A plain loop over DataLoader(TensorDataset)."""
    from torch.utils.data import DataLoader, TensorDataset

    inputs, targets, test_inputs, test_targets = flat_tensors()
    train = DataLoader(TensorDataset(inputs / 255, targets), BATCH_SIZE, shuffle=True)
    test = DataLoader(TensorDataset(test_inputs / 255, test_targets), BATCH_SIZE)
    return autograd_loop(lambda: train, lambda: test)


def gathered() -> Callable[[], float]:
    """Autograd, but batches gathered by index from memory."""
    inputs, targets, test_inputs, test_targets = flat_tensors()
    floats, test_floats = inputs / 255, test_inputs / 255

    def train():
        for rows in torch.randperm(len(floats)).split(BATCH_SIZE):
            yield floats[rows], targets[rows]

    def test():
        yield from zip(test_floats.split(BATCH_SIZE), test_targets.split(BATCH_SIZE), strict=True)

    return autograd_loop(train, test)


def autograd_loop(train_batches: Callable, test_batches: Callable) -> Callable[[], float]:
    """Ten epochs over batches, with a validation pass after each."""
    model, optimizer = make_model()

    def fit() -> float:
        for _ in range(NUM_EPOCHS):
            for inputs, targets in train_batches():
                loss = functional.cross_entropy(model(inputs), targets)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            num_right, loss_sum = 0, 0.0
            with torch.no_grad():
                for inputs, targets in test_batches():
                    logits = model(inputs)
                    loss_sum += functional.cross_entropy(logits, targets, reduction="sum").item()
                    num_right += (logits.argmax(1) == targets).sum().item()
        return num_right / 10_000

    return fit


def floor() -> Callable[[], float]:
    """The matrix products alone."""
    torch.manual_seed(0)
    inputs = torch.rand(BATCH_SIZE, 784)
    first, second = torch.rand(784, 256), torch.rand(256, 10)
    hidden, outputs = torch.empty(BATCH_SIZE, 256), torch.empty(BATCH_SIZE, 10)
    first_gradient, second_gradient = torch.empty_like(first), torch.empty_like(second)
    hidden_gradient = torch.empty_like(hidden)

    def products(num_rows: int, with_gradients: bool) -> None:
        x, h, y, g = (t[:num_rows] for t in (inputs, hidden, outputs, hidden_gradient))
        torch.mm(x, first, out=h)
        torch.mm(h, second, out=y)
        if with_gradients:
            torch.mm(h.t(), y, out=second_gradient)
            torch.mm(y, second.t(), out=g)
            torch.mm(x.t(), g, out=first_gradient)

    def fit() -> float:
        for _ in range(NUM_EPOCHS):
            for num_rows, with_gradients in ((60_000, True), (10_000, False)):
                for start in range(0, num_rows, BATCH_SIZE):
                    products(min(BATCH_SIZE, num_rows - start), with_gradients)
        return float("nan")

    return fit


CONTENDERS = {
    "DataLoader loop": data_loader,
    "autograd, gathered batches": gathered,
    "Trainer, MLPScratch": book_from_scratch,
    "Trainer, MLP": book_through_the_api,
    "engine": engine,
    "matrix products alone (MKL)": floor,
}
REFERENCE = "DataLoader loop"


def measure_here(name: str) -> dict[str, float]:
    """Run one contender in this process."""
    if name not in ("engine", "matrix products alone (MKL)"):
        make_model()  # what torch.optim imports on its first use
    torch.manual_seed(0)
    fit = CONTENDERS[name]()
    began = time.perf_counter()
    accuracy = fit()
    return {
        "epoch_seconds": (time.perf_counter() - began) / NUM_EPOCHS,
        "resident_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "accuracy": accuracy,
    }


def measure_apart(name: str) -> dict[str, float]:
    """Run one contender in a process of its own."""
    environment = {k: v for k, v in os.environ.items() if k != "OPENBLAS_CORETYPE"}
    done = subprocess.run(
        [sys.executable, __file__, "--only", name],
        capture_output=True,
        check=True,
        env=environment,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def report(results: dict[str, list[dict[str, float]]]) -> str:
    """A Markdown table: medians, spread, and how many times faster than the reference."""

    def median(name: str, key: str) -> float:
        return statistics.median(result[key] for result in results[name])

    rows = []
    for name, runs in results.items():
        times = [run["epoch_seconds"] for run in runs]
        accuracy = median(name, "accuracy")
        rows.append(
            [
                name,
                f"{statistics.median(times):.3f}",
                f"{min(times):.3f} to {max(times):.3f}",
                f"{median(REFERENCE, 'epoch_seconds') / statistics.median(times):.2f}",
                f"{median(name, 'resident_megabytes'):.0f}",
                "" if accuracy != accuracy else f"{accuracy:.4f}",
            ]
        )
    headers = [
        "", "seconds an epoch", "least to most", f"times faster than {REFERENCE}",
        "peak resident MB", "test accuracy",
    ]  # fmt: skip
    return markdown_table(headers, rows)


def main() -> None:
    """Measure and print; with --write also keep the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="keep the table in results/")
    parser.add_argument("--only", choices=CONTENDERS, help="measure one, here, as JSON")
    options = parser.parse_args()
    if options.only:
        print(json.dumps(measure_here(options.only)))
        return
    results: dict[str, list[dict[str, float]]] = {name: [] for name in CONTENDERS}
    for round_number in range(options.rounds):
        for name in CONTENDERS:
            results[name].append(measure_apart(name))
            print(f"round {round_number + 1}, {name}: {results[name][-1]}", file=sys.stderr)
    text = (
        f"{__doc__.splitlines()[0]}\n\n{machine()}\nMedians of {options.rounds} runs of "
        f"{NUM_EPOCHS} epochs, each with its validation pass.\n\n{report(results)}"
    )
    print(text)
    if options.write:
        write_result("chapter", text)


if __name__ == "__main__":
    main()
