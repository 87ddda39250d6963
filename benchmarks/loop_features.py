"""What each feature of the training loop costs, as part of a plain step's time.

    python benchmarks/loop_features.py [--repeats 7] [--write]

Random rows, 100 steps an epoch, the same network with one thing more at a time; the contenders
take turns. S is 784-256-10 with plain descent and batches of 256, T is 20-128-128-2 with Adam and
batches of 200. Plain descent is folded into the products, which some features rule out: "momentum"
shows what writing the gradient down costs.
"""

import argparse
import statistics
from dataclasses import replace
from typing import Any

import torch
from reporting import machine, markdown_table, write_result

from multilayer import Examples, Network, NetworkSpec, TrainingSettings, train

NUM_STEPS = 100
CASES = {
    "S": (NetworkSpec(784, 10, (256,)), TrainingSettings()),
    "T": (
        NetworkSpec(20, 2, (128, 128)),
        TrainingSettings(hidden_widths=(128, 128), optimizer="adam", learning_rate=0.001,
                         batch_size=200),
    ),
}  # fmt: skip
FEATURES: dict[str, dict[str, Any]] = {
    "plain": {},
    "momentum": {"momentum": 0.9},
    "dropout": {"dropout": 0.2},
    "weight decay": {"weight_decay": 0.01},
    "gradient clipping": {"max_gradient_norm": 1.0},
    "schedule": {"schedule": "cosine"},
    "average of the weights": {"average_decay": 0.99},
    "weights of rows": {},
    "validation by a fifth of the rows": {},
    "selection and early stopping": {"selection": "loss", "patience": 1000},
}


class Contender:
    """One network with one feature.

    Args:
        case: a name in `CASES`.
        feature: a name in `FEATURES`.
    """

    def __init__(self, case: str, feature: str) -> None:
        spec, settings = CASES[case]
        num_rows = NUM_STEPS * settings.batch_size
        source = torch.Generator().manual_seed(0)
        inputs = torch.randn(num_rows, spec.num_inputs, generator=source)
        targets = torch.randint(spec.num_outputs, (num_rows,), generator=source)
        weights = torch.rand(num_rows) if feature == "weights of rows" else None
        is_validated = "validation" in feature or "selection" in feature
        fifth = num_rows // 5
        validation = Examples(inputs[:fifth], targets[:fifth]) if is_validated else None
        self._epochs = train(
            Network.initialized(spec),
            Examples(inputs, targets, weights),
            replace(settings, max_epochs=10_000, **FEATURES[feature]),
            validation=validation,
        )
        next(self._epochs)
        self.seconds: list[float] = []

    def take_turn(self) -> None:
        """Train an epoch."""
        self.seconds.append(next(self._epochs).seconds)


def report(case: str, repeats: int) -> str:
    """A Markdown table."""
    names = [name for name in FEATURES if not (case == "T" and name == "momentum")]
    contenders = {name: Contender(case, name) for name in names}
    for _ in range(repeats):
        for contender in contenders.values():
            contender.take_turn()
    medians = {name: statistics.median(c.seconds) for name, c in contenders.items()}
    rows = [
        [
            name,
            f"{1000 * medians[name] / NUM_STEPS:.3f}",
            f"{1000 * min(c.seconds) / NUM_STEPS:.3f} to {1000 * max(c.seconds) / NUM_STEPS:.3f}",
            f"{100 * (medians[name] / medians['plain'] - 1):+.0f}%",
        ]
        for name, c in contenders.items()
    ]
    return markdown_table([case, "milliseconds a step", "least to most", "cost"], rows)


def main() -> None:
    """Measure and print; with --write also keep the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--write", action="store_true", help="keep the tables in results/")
    options = parser.parse_args()
    tables = "\n".join(report(case, options.repeats) for case in CASES)
    text = f"{__doc__.splitlines()[0]}\n\n{machine()}\n{tables}"
    print(text)
    if options.write:
        write_result("loop-features", text)


if __name__ == "__main__":
    main()
