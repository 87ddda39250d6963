"""Times a training step of a table's network: the engine beside eager PyTorch.

    python benchmarks/table_step.py [--columns 20] [--members 5] [--repeats 7] [--write]

20 numeric columns, 3 hidden layers of 256, batches of 256 rows; regression (Mish) and two classes
(SELU); the default recipe, with cosines. PyTorch's side is the same network in torch.nn's
operations under autograd, with its dropout, four groups of parameters, and the fused Adam; without
its own loop over members it trains one network, so that a population is held against as many steps
of one. The engine's step is compiled code and, beside it, PyTorch's operations. They take turns.
"""

import argparse
import math
import statistics
import time
from collections.abc import Callable
from itertools import pairwise

import torch
from reporting import machine, markdown_table, write_result
from torch import Tensor, nn
from torch.nn import functional

from multilayer.engine.batches import BatchSource, Examples
from multilayer.engine.compiled.compiled_step import CompiledStep
from multilayer.engine.compiled.coverage import choose_num_compiled_threads
from multilayer.engine.compiled.library import compiled_code
from multilayer.engine.network import Network
from multilayer.engine.processor import processor
from multilayer.engine.randomness import generator
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.step import Step
from multilayer.recipes.recipes import TaskName, recipe

BATCH_SIZE, STEPS_OF_A_TURN = 256, 60
NUM_FREQUENCIES, NUMBER_WIDTH = (
    TrainingSettings.embedding_components,
    TrainingSettings.embedding_width,
)


class EagerTable(nn.Module):
    """The recipe's network as PyTorch's users write it."""

    def __init__(self, num_columns: int, num_outputs: int, activation: str) -> None:
        super().__init__()
        self.frequency = nn.Parameter(0.1 * torch.randn(num_columns, NUM_FREQUENCIES))
        self.phase = nn.Parameter(math.pi * (2 * torch.rand(num_columns, NUM_FREQUENCIES) - 1))
        shape = (num_columns, NUM_FREQUENCIES, NUMBER_WIDTH - 1)
        self.mixture = nn.Parameter((torch.rand(shape) - 0.5) / 2)
        self.mixture_bias = nn.Parameter(torch.zeros(num_columns, NUMBER_WIDTH - 1))
        widths = [num_columns * NUMBER_WIDTH, 256, 256, 256, num_outputs]
        self.scale = nn.Parameter(torch.ones(widths[0]))
        pairs = list(pairwise(widths))
        self.weights = nn.ParameterList(torch.randn(pair) for pair in pairs)
        self.biases = nn.ParameterList(torch.zeros(width) for width in widths[1:])
        self.strengths = nn.ParameterList(torch.ones(width) for width in widths[1:-1])
        self.activation = {"mish": functional.mish, "selu": functional.selu}[activation]

    def forward(self, inputs: Tensor, dropout: float) -> Tensor:
        """Inputs (batch, columns) to outputs."""
        cosines = torch.cos(2 * math.pi * inputs[..., None] * self.frequency + self.phase)
        mixed = torch.einsum("bcf,cfm->bcm", cosines, self.mixture) + self.mixture_bias
        values = torch.cat([inputs[..., None], mixed], -1).flatten(1) * self.scale
        for number, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            values = torch.addmm(bias, values, weight, alpha=1 / math.sqrt(len(weight)))
            if number < len(self.strengths):
                values = torch.lerp(values, self.activation(values), self.strengths[number])
                values = functional.dropout(values, dropout)
        return values

    def groups(self, settings: TrainingSettings) -> list[dict]:
        """Parameters with their rates; the decay is on the matrices."""
        slow = [self.frequency, self.phase, self.mixture, self.mixture_bias]
        rate, decay = settings.learning_rate, settings.weight_decay
        return [
            {"params": list(self.weights), "lr": rate, "weight_decay": decay},
            {"params": [self.scale], "lr": 6 * rate, "weight_decay": 0},
            {
                "params": [*slow, *self.biases, *self.strengths],
                "lr": rate / 10,
                "weight_decay": 0,
            },
        ]


def eager_step(settings: TrainingSettings, rows: Tensor, targets: Tensor) -> Callable[[], object]:
    """A function that takes one step with autograd."""
    is_regression = settings.loss == "squared_error"
    network = EagerTable(rows.shape[1], 1 if is_regression else 2, settings.activation)
    betas = (settings.beta_1, settings.beta_2)
    optimizer = torch.optim.AdamW(network.groups(settings), betas=betas, fused=True)

    def step() -> None:
        outputs = network(rows, settings.dropout)
        if is_regression:
            loss = functional.mse_loss(outputs, targets)
        else:
            loss = functional.cross_entropy(outputs, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def engine_turn(
    settings: TrainingSettings, rows: Tensor, targets: Tensor, num_members: int, is_compiled: bool
) -> Callable[[], object]:
    """A function that takes a turn's steps with the engine, all members on the same rows."""
    is_regression, num_columns = settings.loss == "squared_error", rows.shape[1]
    spec = settings.network_spec(num_columns, 1 if is_regression else 2, num_numeric=num_columns)
    network = Network.for_training(spec, [settings] * num_members, rows)
    if is_compiled:
        code, examples = compiled_code(), Examples(rows, targets)
        source = generator(0, "shuffle")
        batches = BatchSource(examples, len(rows), [source], None, (0, 1), False, None)
        num_threads = choose_num_compiled_threads(settings, spec, num_members)
        compiled = CompiledStep(code, network, settings, 10**9, batches, num_threads)
        order = torch.arange(len(rows)).repeat(1, STEPS_OF_A_TURN)
        return lambda: compiled.run(examples, order, [len(rows)] * STEPS_OF_A_TURN)
    step = Step(network, settings, num_steps=10**9)
    own_rows = rows.expand(num_members, -1, -1).contiguous()
    own_targets = targets.expand(num_members, *targets.shape).contiguous()
    return a_turn_of(lambda: step(own_rows, own_targets))


def a_turn_of(step: Callable[[], object]) -> Callable[[], object]:
    """A function that takes as many steps as a turn has."""

    def turn() -> None:
        for _ in range(STEPS_OF_A_TURN):
            step()

    return turn


def median_times(contenders: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Seconds of a step of each, by turns."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(repeats + 1):
        for name, turn in contenders.items():
            with torch.inference_mode(not name.startswith("eager")):
                began = time.perf_counter()
                turn()
                times[name].append((time.perf_counter() - began) / STEPS_OF_A_TURN)
    return {name: statistics.median(of_name[1:]) for name, of_name in times.items()}


def rows_of(task: TaskName, columns: int, members: int, repeats: int) -> list[list[str]]:
    """The table's rows for one task."""
    torch.manual_seed(0)
    settings = recipe("default", task, numeric_embedding="periodic")
    rows = torch.randn(BATCH_SIZE, columns)
    targets = rows[:, :1] if task == "regression" else (rows[:, 0] > 0).long()
    contenders = {
        "eager PyTorch": a_turn_of(eager_step(settings, rows, targets)),
        "engine, PyTorch's step": engine_turn(settings, rows, targets, 1, False),
        "engine": engine_turn(settings, rows, targets, 1, True),
        f"engine, PyTorch's step, {members} members": engine_turn(
            settings, rows, targets, members, False
        ),
        f"engine, {members} members": engine_turn(settings, rows, targets, members, True),
    }
    times = median_times(contenders, repeats)
    eager = times["eager PyTorch"]
    return [
        [
            task, name, f"{1e3 * seconds:.2f} ms",
            f"{eager * (members if 'members' in name else 1) / seconds:.2f}",
        ]
        for name, seconds in times.items()
    ]  # fmt: skip


def main() -> None:
    """Measure and print; with --write also keep the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--columns", type=int, default=20)
    parser.add_argument("--members", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--write", action="store_true", help="keep the table in results/")
    options = parser.parse_args()
    with processor(torch.get_num_threads(), "highest"):
        lines = [
            line
            for task in ("regression", "classification")
            for line in rows_of(task, options.columns, options.members, options.repeats)
        ]
    headers = ["task", "contender", "time a step", "networks' steps to eager PyTorch's, in speed"]
    text = f"{__doc__.splitlines()[0]}\n\n{machine()}\n" + markdown_table(headers, lines)
    print(text)
    if options.write:
        write_result("table_step", text)


if __name__ == "__main__":
    main()
