"""How wide the hidden layer should be, how many there should be, and whether one is worth it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from multilayer.experiments.sequential import Pair
from multilayer.experiments.studies import results, variants
from multilayer.experiments.studies.variants import Variant
from multilayer.experiments.study import StudySteps
from multilayer.experiments.study_plan import StudyPlan

WIDTHS = (16, 32, 64, 128, 256, 512, 1024, 2048)
QUICK_WIDTHS = (16, 64, 256, 1024)
DEPTHS = (0, 1, 2, 3, 4, 6, 8)
QUICK_DEPTHS = (0, 1, 2, 4, 6)


def study_width(plan: StudyPlan) -> StudySteps:
    """One hidden layer of growing width, against 256."""
    widths = QUICK_WIDTHS if plan.is_quick else WIDTHS
    measured = yield from variants.measure(
        plan, [Variant(str(w), replace(plan.settings, hidden_widths=(w,))) for w in widths]
    )
    reference = widths.index(256)
    pairs = variants.against(measured, reference, plan)
    first, last = measured[0].seconds, measured[-1].seconds
    return results.study_result(
        "Width of one hidden layer", "width", "width {}", measured, pairs, reference, plan,
        f"Training one network for an epoch took {first:.3f} s at width {widths[0]} and "
        f"{last:.3f} s at width {widths[-1]}.",
        [results.scores_panel(measured, plan, "width", widths, is_log_x=True),
         results.seconds_panel(measured, "width", widths)],
    )  # fmt: skip


def study_depth(plan: StudyPlan) -> StudySteps:
    """Growing numbers of hidden layers of one width, against a single one."""
    depths = QUICK_DEPTHS if plan.is_quick else DEPTHS
    width = plan.settings.hidden_widths[0] if plan.settings.hidden_widths else 256
    measured = yield from variants.measure(
        plan,
        [Variant(str(depth), replace(plan.settings, hidden_widths=(width,) * depth))
         for depth in depths],
        with_curves=True,
    )  # fmt: skip
    reference = depths.index(1)
    pairs = variants.against(measured, reference, plan)
    return results.study_result(
        f"Depth: the number of hidden layers, each of width {width}", "depth",
        "depth {}", measured, pairs, reference, plan,
        f"{about_depth(depths, pairs)} All were trained with the learning rate "
        f"{plan.settings.learning_rate:g} and the initialisation "
        f"'{plan.settings.initialization}'.",
        [results.scores_panel(measured, plan, "depth (hidden layers)", depths),
         results.curves_panel(measured, plan, " layers")],
    )  # fmt: skip


def about_depth(depths: Sequence[int], pairs: Mapping[int, Pair]) -> str:
    """What the figures say of no hidden layer and of more than one, and no more than that.

    Args:
        depths: numbers of hidden layers.
        pairs: each against a single hidden layer, by its place in `depths`.
    """
    better, worse = (
        [depths[number] for number, pair in pairs.items() if pair.verdict == verdict]
        for verdict in ("second is better", "first is better")
    )
    sentences = []
    if 0 in worse:
        sentences.append("A hidden layer pays: without one the network does worse.")
    if 0 in better:
        sentences.append("The network does better without a hidden layer here.")
    deep_better, deep_worse = ([d for d in found if d > 1] for found in (better, worse))
    if deep_better:
        sentences.append(
            f"More than one hidden layer pays: {_listed(deep_better)} layers do better than one."
        )
    if deep_worse:
        sentences.append(
            f"{_listed(deep_worse)} hidden layers do worse than one with this learning rate and "
            "initialisation; others, which may suit deep networks better, were not tried."
        )
    if not deep_better and not deep_worse:
        sentences.append(
            "No network with more than one hidden layer was shown to be better or worse than the "
            "network with one."
        )
    return " ".join(sentences)


def _listed(numbers: Sequence[int]) -> str:
    *first, last = map(str, numbers)
    return f"{', '.join(first)} and {last}" if first else last


def study_baseline(plan: StudyPlan) -> StudySteps:
    """The network without its hidden layers, and with them."""
    hidden = plan.settings.hidden_widths or (256,)
    name = "-".join(map(str, hidden))
    linear = "softmax regression" if plan.rows.class_names else "linear regression"
    measured = yield from variants.measure(
        plan,
        [
            Variant(linear, replace(plan.settings, hidden_widths=())),
            Variant(f"MLP with {name}", replace(plan.settings, hidden_widths=hidden)),
        ],
        with_curves=True,
    )
    pairs = variants.against(measured, 0, plan)
    [pair] = pairs.values()
    return results.study_result(
        f"{linear.capitalize()} against the MLP", "network", "the {}", measured, pairs, 0, plan,
        f"The hidden layers change the mean {plan.metric} by {pair.difference.mean:+.4f} (95% "
        f"interval {pair.difference.low:+.4f} to {pair.difference.high:+.4f}); the network has "
        f"{measured[1].num_parameters:,} parameters with them and "
        f"{measured[0].num_parameters:,} without.",
        [results.scores_panel(measured, plan, ""), results.curves_panel(measured, plan)],
    )  # fmt: skip
