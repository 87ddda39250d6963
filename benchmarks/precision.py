"""What precision="medium" changes: the accuracy over ten seeds, and the time of an epoch.

    python benchmarks/precision.py [--seeds 10] [--write]

784-256-10 as in the chapter, ten epochs of SGD, and a wider 784-1024-1024-10 with Adam, three
epochs, on Fashion-MNIST. Each seed is trained both ways, one right after the other and in turns, so
that the differences are between networks that began alike and saw the same batches. The interval is
that of the mean difference, by Student's t. "medium" lets PyTorch give float32 products to bfloat16
units; whether it does is up to the processor, and is seen from whether the networks differ at all.
"""

import argparse
import statistics
from collections.abc import Sequence
from dataclasses import replace

from reporting import machine, markdown_table, write_result

from multilayer import Examples, Network, NetworkSpec, TrainingSettings, load_images, train
from multilayer.fit.image_rows import image_examples

T_975 = {3: 4.303, 5: 2.776, 10: 2.262}  # Student's t for that many seeds
CASES = {
    "S: 784-256-10": TrainingSettings(),
    "L: 784-1024-1024-10": TrainingSettings(
        hidden_widths=(1024, 1024), optimizer="adam", learning_rate=0.001, batch_size=512,
        max_epochs=3,
    ),
}  # fmt: skip


def fit(settings: TrainingSettings, rows: Examples, test: Examples) -> tuple[float, float, Network]:
    """Accuracy, seconds of an epoch without its validation's share taken out, and the network."""
    spec = NetworkSpec(784, 10, settings.hidden_widths, input_scale=1 / 255)
    network = Network.initialized(spec, [settings.seed])
    records = list(train(network, rows, settings, validation=test))
    seconds = statistics.median(record.seconds for record in records)
    assert records[-1].validation is not None
    assert records[-1].validation.accuracy is not None
    return records[-1].validation.accuracy[0], seconds, network


def row_of(name: str, settings: TrainingSettings, seeds: Sequence[int], data: list[Examples]):
    """A line of the table."""
    accuracies: dict[str, list[float]] = {"highest": [], "medium": []}
    seconds: dict[str, list[float]] = {"highest": [], "medium": []}
    largest = 0.0
    for seed in seeds:
        networks = {}
        for precision in ("highest", "medium") if seed % 2 else ("medium", "highest"):
            chosen = replace(settings, seed=seed, precision=precision)
            accuracy, time, networks[precision] = fit(chosen, *data)
            accuracies[precision].append(accuracy)
            seconds[precision].append(time)
        distance = networks["highest"].parameters - networks["medium"].parameters
        largest = max(largest, float(distance.abs().max()))
    pairs = zip(accuracies["medium"], accuracies["highest"], strict=True)
    differences = [medium - highest for medium, highest in pairs]
    half = T_975[len(seeds)] * statistics.stdev(differences) / len(seeds) ** 0.5
    times = {precision: statistics.median(values) for precision, values in seconds.items()}
    return [
        name,
        str(len(seeds)),
        f"{statistics.mean(accuracies['highest']):.4f}",
        f"{statistics.mean(accuracies['medium']):.4f}",
        f"{statistics.mean(differences):+.4f} ± {half:.4f}",
        f"{largest:.1e}",
        f"{times['highest']:.3f}",
        f"{times['medium']:.3f}",
        f"{times['highest'] / times['medium']:.2f}",
    ]


def main() -> None:
    """Measure and print; with --write also keep the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10, choices=T_975)
    parser.add_argument("--write", action="store_true", help="keep the table in results/")
    options = parser.parse_args()
    dataset = load_images("fashion-mnist")
    data = [image_examples(dataset.train, dataset), image_examples(dataset.test, dataset)]
    rows = [row_of(name, case, range(options.seeds), data) for name, case in CASES.items()]
    headers = [
        "", "seeds", "accuracy, highest", "accuracy, medium", "mean difference, 95%",
        "largest difference of a weight", "seconds an epoch, highest", "medium", "times faster",
    ]  # fmt: skip
    text = f"{__doc__.splitlines()[0]}\n\n{machine()}\n{markdown_table(headers, rows)}"
    print(text)
    if options.write:
        write_result("precision", text)


if __name__ == "__main__":
    main()
