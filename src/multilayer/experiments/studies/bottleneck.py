"""What a hidden layer of a single neuron does, and why it fails."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch

from multilayer.diagnostics.layer_statistics import layer_statistics
from multilayer.drawing.panels import Panel, Series
from multilayer.engine.backpropagation import Passes
from multilayer.engine.batches import Examples
from multilayer.engine.network import Network
from multilayer.experiments.sequential import Pair
from multilayer.experiments.studies import results, variants
from multilayer.experiments.studies.variants import Variant, name_of
from multilayer.experiments.study import StudyResult, StudySteps
from multilayer.experiments.study_figures import Figure, Thing
from multilayer.experiments.study_plan import StudyPlan

_ROWS_LOOKED_AT = 2000
_SILENT = 1e-6  # a neuron whose values differ by less says the same of every row


@dataclass(frozen=True)
class Neuron:
    """The one neuron of a trained bottleneck, on some rows.

    Attributes:
        is_silent: its value is the same for every row.
        num_classes_said: number of classes that its network predicts for some row.
        by_class: of the values of each class' rows: mean, and what 10% and 90% are below.
    """

    is_silent: bool
    num_classes_said: int
    by_class: Sequence[tuple[float, float, float]]


def study_bottleneck(plan: StudyPlan) -> StudySteps:
    """Two hidden layers, the second of 1, 2 or 4 neurons in place of 256."""
    width = plan.settings.hidden_widths[0] if plan.settings.hidden_widths else 256
    shapes = ((width, width), (width, 4), (width, 2), (width, 1))
    *wider, narrowest = [
        Variant("-".join(map(str, shape)), replace(plan.settings, hidden_widths=shape))
        for shape in shapes
    ]
    measured = yield from variants.measure(plan, wider, with_curves=True)
    measured += yield from variants.measure(
        plan, [narrowest], with_curves=True, look=lambda network: asdict(_neuron_of(network, plan))
    )
    pairs = variants.against(measured, 0, plan)
    neurons = [Neuron(**look) for look in measured[-1].looks]
    norms = _gradients_at_start(plan, [wider[0], narrowest])
    return StudyResult(
        f"A bottleneck of one neuron: {plan.in_words}",
        results.headers("hidden layers", measured[0], plan),
        results.rows(measured, pairs, plan.matters),
        f"{results.in_words('the network {}', measured, pairs, 0, plan)} "
        f"{explanation(neurons, norms, pairs[len(shapes) - 1], plan)}",
        [
            results.scores_panel(measured, plan, "hidden layers"),
            results.curves_panel(measured, plan),
            _panel_of_values(neurons, plan.rows.class_names),
            Panel("Gradients before training", "weight matrix, counted from the input",
                  "norm of the gradient",
                  [Series(name, range(len(found)), found) for name, found in norms.items()],
                  categories=["first", "second", "third"], is_log_y=True),
        ],
        {
            **results.document(measured),
            "silent_neurons": [neuron.is_silent for neuron in neurons],
            "num_classes_said": [neuron.num_classes_said for neuron in neurons],
            "gradient_norms": norms,
        },
    )  # fmt: skip


def _rows_looked_at(plan: StudyPlan) -> Examples:
    return plan.rows.examples(plan.settings).at(slice(_ROWS_LOOKED_AT))


def _neuron_of(network: Network, plan: StudyPlan) -> Neuron:
    examples = _rows_looked_at(plan)
    with torch.inference_mode():
        passes = Passes(network.spec, network.parameters)
        answers = passes.forward(examples.inputs.unsqueeze(0)).argmax(-1)
        values = passes.hidden_values[-1][0, :, 0].clone().numpy()
    labels = examples.targets.numpy()
    by_class = []
    for label in range(len(plan.rows.class_names)):
        of_class = values[labels == label] if (labels == label).any() else np.zeros(1)
        low, high = np.quantile(of_class, [0.1, 0.9])
        by_class.append((float(of_class.mean()), float(low), float(high)))
    return Neuron(bool(np.ptp(values) < _SILENT), len(answers.unique()), by_class)


def _gradients_at_start(plan: StudyPlan, compared: Sequence[Variant]) -> dict[str, list[float]]:
    """Of each weight matrix of the first seed's networks, before they are trained."""
    by_thing: dict[Thing, Variant] = {
        (f"gradients at the first weights, {name_of(plan, one.settings)}", 0): one
        for one in compared
    }

    def measure(things: Sequence[Thing]) -> list[Figure]:
        examples = _rows_looked_at(plan)
        figures: list[Figure] = []
        for thing in things:
            settings = replace(by_thing[thing].settings, seed=0)
            network = plan.rows.network([settings], [torch.arange(len(examples))])
            norms = layer_statistics(network, examples, settings.loss)[1]
            figures.append({"norms": [one.gradient for one in norms]})
        return figures

    figures = plan.figures.get(list(by_thing), measure)
    return {one.name: figure["norms"] for one, figure in zip(compared, figures, strict=True)}


def explanation(
    neurons: Sequence[Neuron], norms: dict[str, list[float]], pair: Pair, plan: StudyPlan
) -> str:
    """What one neuron does, and whether it fails, by the figures.

    Args:
        neurons: of each seed's narrowest network, after training.
        norms: gradients at the start of the widest and the narrowest network, by name.
        pair: the widest against the narrowest network.
        plan: of the study.
    """
    wide_norms, narrow_norms = norms.values()
    num_seeds, num_classes = len(neurons), len(plan.rows.class_names)
    begin = {
        "first is better": "Why one neuron fails",
        "second is better": "One neuron does not fail here; its task",
        "no difference that matters": "One neuron does not fail here; its task",
        "undecided": "One neuron was not shown to fail here; its task",
    }[pair.verdict]
    half = " ReLU also sets all negative values to 0." if plan.settings.activation == "relu" else ""
    *first, last = [neuron.num_classes_said for neuron in neurons]
    num_silent = sum(neuron.is_silent for neuron in neurons)
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


def _about_gradients(narrow: list[float], wide: list[float], name: str) -> str:
    if not wide[0]:  # the last matrix begins at 0
        return (
            "Before training no gradient reaches the first weight matrix of either network, as the "
            "last one starts at 0."
        )
    first, last = (narrow[place] / wide[place] for place in (0, -1))
    return (
        "Before training the gradient of the last weight matrix, which has one input instead of "
        f"many, is {last:.2f} times as large as in {name}, and that of the first weight matrix "
        f"{first:.2f} times (norms, at the first seed)."
    )


def _panel_of_values(neurons: Sequence[Neuron], names: Sequence[str]) -> Panel:
    """The neuron's values by class, for the first seed whose neuron says something."""
    seed = next((seed for seed, one in enumerate(neurons) if not one.is_silent), 0)
    means, lows, highs = zip(*neurons[seed].by_class, strict=True)
    return Panel(
        f"Value of the one neuron (seed {seed}); bars: 80% of a class",
        "class",
        "mean value",
        [Series("", range(len(means)), means, lows, highs, is_line=False)],
        categories=names,
    )
