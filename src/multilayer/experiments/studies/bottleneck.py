"""What a hidden layer of a single neuron does, and why it fails."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from multilayer.diagnostics.layer_statistics import GradientNorm, layer_statistics
from multilayer.drawing.panels import Panel, Series
from multilayer.engine.backpropagation import Passes
from multilayer.engine.batches import Examples
from multilayer.engine.network import Network
from multilayer.experiments.problem import Problem
from multilayer.experiments.sequential import Pair
from multilayer.experiments.studies import results, variants
from multilayer.experiments.studies.variants import Measured, Variant
from multilayer.experiments.study import StudyResult, StudySteps
from multilayer.experiments.study_plan import StudyPlan

_ROWS_LOOKED_AT = 2000


@dataclass(frozen=True, eq=False)
class Neuron:
    """The one neuron of a bottleneck, on some rows.

    Attributes:
        values: (num_seeds, num_rows).
        num_classes_said: number of classes that each seed's network predicts for some row.
    """

    values: NDArray[Any]
    num_classes_said: list[int]

    @property
    def is_silent(self) -> NDArray[Any]:
        """Which seeds' neuron has the same value for every row, (num_seeds,)."""
        silent: NDArray[Any] = np.ptp(self.values, axis=1) < 1e-6
        return silent


def study_bottleneck(plan: StudyPlan) -> StudySteps:
    """Two hidden layers, the second of 1, 2 or 4 neurons in place of 256."""
    width = plan.settings.hidden_widths[0] if plan.settings.hidden_widths else 256
    shapes = ((width, width), (width, 4), (width, 2), (width, 1))
    names = ["-".join(map(str, shape)) for shape in shapes]
    measured = yield from variants.measure(
        plan,
        [
            Variant(name, replace(plan.settings, hidden_widths=shape))
            for name, shape in zip(names, shapes, strict=True)
        ],
        with_curves=True,
    )
    pairs = variants.against(measured, 0, plan)
    problem = plan.rows
    examples = problem.examples(plan.settings).at(slice(_ROWS_LOOKED_AT))
    narrow = measured[-1]
    neuron = _look_at(narrow.network, examples)
    norms = {
        one.variant.name: _gradients_at_start(one, problem, examples)
        for one in (measured[0], narrow)
    }
    return StudyResult(
        f"A bottleneck of one neuron: {plan.in_words}",
        results.headers("hidden layers", measured[0], plan),
        results.rows(measured, pairs, plan.matters),
        f"{results.in_words('the network {}', measured, pairs, 0, plan)} "
        f"{explanation(neuron, norms, pairs[len(shapes) - 1], plan)}",
        [
            results.scores_panel(measured, plan, "hidden layers"),
            results.curves_panel(measured, plan),
            _panel_of_values(neuron, examples, problem.class_names),
            Panel("Gradients before training", "weight matrix, counted from the input",
                  "norm of the gradient",
                  [Series(name, range(len(found)), [one.gradient for one in found])
                   for name, found in norms.items()],
                  categories=["first", "second", "third"], is_log_y=True),
        ],
        {
            **results.document(measured),
            "silent_neurons": neuron.is_silent.tolist(),
            "num_classes_said": neuron.num_classes_said,
            "gradient_norms": {name: [one.gradient for one in found]
                               for name, found in norms.items()},
        },
    )  # fmt: skip


def _look_at(network: Network, examples: Examples) -> Neuron:
    with torch.inference_mode():
        passes = Passes(network.spec, network.parameters)
        logits = passes.forward(examples.inputs.unsqueeze(0))
        said = [len(answers.unique()) for answers in logits.argmax(-1)]
        return Neuron(passes.hidden_values[-1][:, :, 0].clone().numpy(), said)


def _gradients_at_start(one: Measured, problem: Problem, examples: Examples) -> list[GradientNorm]:
    """Of the first seed's network, before it was trained."""
    settings = replace(one.variant.settings, seed=0)
    network = problem.network([settings], [torch.arange(len(examples))])
    return layer_statistics(network, examples, settings.loss)[1]


def explanation(
    neuron: Neuron, norms: dict[str, list[GradientNorm]], pair: Pair, plan: StudyPlan
) -> str:
    """What one neuron does, and whether it fails, by the figures.

    Args:
        neuron: of the narrowest network, after training.
        norms: gradients at the start of the widest and the narrowest network, by name.
        pair: the widest against the narrowest network.
        plan: of the study.
    """
    wide_norms, narrow_norms = norms.values()
    num_seeds, num_classes = len(neuron.values), len(plan.rows.class_names)
    begin = {
        "first is better": "Why one neuron fails",
        "second is better": "One neuron does not fail here; its task",
        "no difference that matters": "One neuron does not fail here; its task",
        "undecided": "One neuron was not shown to fail here; its task",
    }[pair.verdict]
    half = " ReLU also sets all negative values to 0." if plan.settings.activation == "relu" else ""
    *first, last = neuron.num_classes_said
    num_silent = int(neuron.is_silent.sum())
    silent = (
        f" In {num_silent} of {num_seeds} the neuron is dead: its value is the same for every "
        "row, so no gradient passes through it and the layers before it stop learning."
        if num_silent
        else " In none of them is the neuron dead."
    )
    return (
        f"{begin}: the last layer receives a single number for each row, so that each of the "
        f"{num_classes} classes must have an interval of its own on one line.{half} After "
        f"training, the {num_seeds} networks predict {', '.join(map(str, first))} and {last} of "
        f"the {num_classes} classes.{silent} "
        f"{_about_gradients(narrow_norms, wide_norms, next(iter(norms)))}"
    )


def _about_gradients(narrow: list[GradientNorm], wide: list[GradientNorm], name: str) -> str:
    if not wide[0].gradient:  # the last matrix begins at 0
        return (
            "Before training no gradient reaches the first weight matrix of either network, as the "
            "last one starts at 0."
        )
    first, last = (narrow[place].gradient / wide[place].gradient for place in (0, -1))
    return (
        "Before training the gradient of the last weight matrix, which has one input instead of "
        f"many, is {last:.2f} times as large as in {name}, and that of the first weight matrix "
        f"{first:.2f} times (norms, at the first seed)."
    )


def _panel_of_values(neuron: Neuron, examples: Examples, names: Sequence[str]) -> Panel:
    """The neuron's values by class, for the first seed whose neuron says something."""
    speaking = np.flatnonzero(~neuron.is_silent)
    seed = int(speaking[0]) if len(speaking) else 0
    labels = examples.targets.numpy()
    by_class = [neuron.values[seed][labels == label] for label in range(len(names))]
    means = [float(values.mean()) if len(values) else 0.0 for values in by_class]
    quantiles = [
        np.quantile(values, [0.1, 0.9]) if len(values) else np.zeros(2) for values in by_class
    ]
    return Panel(
        f"Value of the one neuron (seed {seed}); bars: 80% of a class",
        "class",
        "mean value",
        [Series("", range(len(means)), means, [float(q[0]) for q in quantiles],
                [float(q[1]) for q in quantiles], is_line=False)],
        categories=names,
    )  # fmt: skip
