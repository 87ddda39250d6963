"""Test accuracy of the chapter's network and its neighbours on Fashion-MNIST, over seeds.

    python benchmarks/chapter_accuracy.py [--seeds 20] [--write]

Trained on all 60,000 rows; the accuracy is that of the last epoch, nothing is chosen by it. A seed
sets both the first weights and the order of the rows.
"""

import argparse
import statistics
import sys

import torch
from reporting import machine, markdown_table, write_result

import multilayer

NETWORKS = {
    "softmax regression": {"hidden_widths": ()},
    "the chapter: 784-256-10": {},
    "the chapter, 30 epochs": {"max_epochs": 30},
    "initialised N(0, 0.01²), as from scratch": {"initialization": "normal"},
    "784-256-128-10": {"hidden_widths": (256, 128)},
    "784-256-10, Adam 0.001": {"optimizer": "adam", "learning_rate": 1e-3},
}


def main() -> None:
    """Measure and print; with --write also keep the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--write", action="store_true", help="keep the table in results/")
    options = parser.parse_args()
    dataset = multilayer.load_images("fashion-mnist")
    train, test = (
        multilayer.Examples(
            torch.from_numpy(split.images.reshape(len(split), -1)), torch.from_numpy(split.labels)
        )
        for split in (dataset.train, dataset.test)
    )
    rows = []
    for name, changes in NETWORKS.items():
        accuracies = []
        for seed in range(options.seeds):
            settings = multilayer.recipe("chapter", seed=seed, **changes)
            spec = multilayer.NetworkSpec(784, 10, settings.hidden_widths, input_scale=1 / 255)
            network = multilayer.Network.initialized(spec, [seed], settings.initialization)
            for _ in multilayer.train(network, train, settings):
                pass
            accuracies.append(multilayer.evaluate(network, test).accuracy[0])
        print(name, *accuracies, file=sys.stderr, flush=True)
        rows.append(
            [
                name,
                f"{statistics.mean(accuracies):.4f}",
                f"{statistics.stdev(accuracies):.4f}",
                f"{min(accuracies):.4f} to {max(accuracies):.4f}",
            ]
        )
    table = markdown_table(["", "mean", "standard deviation", "least to most"], rows)
    text = f"{__doc__.splitlines()[0]}\n\n{machine()}\n{options.seeds} seeds each.\n\n{table}"
    print(text)
    if options.write:
        write_result("chapter-accuracy", text)


if __name__ == "__main__":
    main()
