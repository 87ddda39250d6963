"""How the weights should begin."""

from dataclasses import replace

from multilayer.drawing.panels import Panel
from multilayer.engine.settings import InitializationName
from multilayer.experiments.sequential import Pair
from multilayer.experiments.studies import results, variants
from multilayer.experiments.studies.variants import Variant
from multilayer.experiments.study import StudyResult, StudySteps
from multilayer.experiments.study_plan import StudyPlan

INITIALIZATIONS: tuple[InitializationName, ...] = ("linear", "normal", "glorot", "he")
DEPTHS = (1, 4)


def study_initialisation(plan: StudyPlan) -> StudySteps:
    """Four ways to draw the first weights, in a shallow and in a deep network."""
    width = plan.settings.hidden_widths[0] if plan.settings.hidden_widths else 256
    by_depth = {}
    for depth in DEPTHS:
        by_depth[depth] = yield from variants.measure(
            plan,
            [
                Variant(
                    f"{name}, {depth} hidden",
                    replace(plan.settings, initialization=name, hidden_widths=(width,) * depth),
                )
                for name in INITIALIZATIONS
            ],
        )
    rows, sentences = [], []
    for depth, measured in by_depth.items():
        pairs = variants.against(measured, 0, plan)
        rows += results.rows(measured, pairs, plan.matters)
        begin = f"With {depth} hidden layer{'s' * (depth > 1)}:"
        sentences.append(f"{begin} {results.in_words('the start', measured, pairs, 0, plan)}")
    # The pairs are those of the deepest networks now.
    sentences.append(about_normal(width, DEPTHS[-1], pairs[INITIALIZATIONS.index("normal")]))
    headers = results.headers("start", by_depth[1][0], plan)
    headers[3] = "against linear"
    return StudyResult(
        f"First weights: {plan.in_words}",
        headers,
        rows,
        " ".join(sentences),
        [
            Panel(f"{depth} hidden layer{'s' * (depth > 1)} of {width}", "first weights",
                  f"{plan.metric} on the rows held out", [results.series(measured)],
                  categories=INITIALIZATIONS)
            for depth, measured in by_depth.items()
        ],
        {f"hidden_layers_{depth}": results.document(m) for depth, m in by_depth.items()},
    )  # fmt: skip


def about_normal(width: int, depth: int, pair: Pair) -> str:
    """What became of the signal that N(0, 0.01²) shrinks or stretches, by the figures.

    Args:
        width: of every hidden layer.
        depth: number of hidden layers.
        pair: these weights against those of PyTorch's layers, in networks of that depth.
    """
    factor = 0.01 * width**0.5
    interval = (
        f"{pair.difference.mean:+.4f}, 95% interval {pair.difference.low:+.4f} to "
        f"{pair.difference.high:+.4f}"
    )
    begin = (
        f"N(0, 0.01²) multiplies the size of a signal by about 0.01 · √{width} = {factor:.2f} in "
        "every matrix between hidden layers, where the other starts scale with the number of "
        "inputs"
    )
    if pair.verdict == "first is better":
        return f"{begin}: with {depth} of them the network did worse than with linear ({interval})."
    if pair.verdict == "second is better":
        return (
            f"{begin}: with {depth} of them the network nevertheless did better than with linear "
            f"({interval})."
        )
    if pair.verdict == "no difference that matters":
        return (
            f"{begin}: with {depth} of them that made no difference that matters against linear "
            f"({interval})."
        )
    return f"{begin}: whether that harms with {depth} of them these seeds do not tell ({interval})."
