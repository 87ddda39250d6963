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
                    f"{name}, {in_words(depth)}",
                    replace(plan.settings, initialization=name, hidden_widths=(width,) * depth),
                )
                for name in INITIALIZATIONS
            ],
        )
    rows, sentences = [], []
    for depth, measured in by_depth.items():
        pairs = variants.against(measured, 0, plan)
        rows += results.rows(measured, pairs, plan.matters)
        named = [replace(one, variant=replace(one.variant, name=name))
                 for one, name in zip(measured, INITIALIZATIONS, strict=True)]  # fmt: skip
        found = results.in_words("the initialisation {}", named, pairs, 0, plan)
        sentences.append(f"With {in_words(depth)}: {found}")
    # The pairs are those of the deepest networks now.
    sentences.append(about_normal(width, DEPTHS[-1], pairs[INITIALIZATIONS.index("normal")]))
    headers = results.headers("initialisation", by_depth[1][0], plan)
    headers[3] = "difference from linear"
    return StudyResult(
        f"Initialisation of the weights: {plan.in_words}",
        headers,
        rows,
        " ".join(sentences),
        [
            Panel(f"{in_words(depth).capitalize()} of width {width}\n{results.WHAT_IS_DRAWN}",
                  "initialisation",
                  f"{plan.metric} on held-out rows", [results.series(measured)],
                  categories=INITIALIZATIONS)
            for depth, measured in by_depth.items()
        ],
        {f"hidden_layers_{depth}": results.document(m) for depth, m in by_depth.items()},
    )  # fmt: skip


def in_words(depth: int) -> str:
    """A number of hidden layers."""
    return f"{depth} hidden layer{'s' * (depth > 1)}"


def about_normal(width: int, depth: int, pair: Pair) -> str:
    """What became of the signal that N(0, 0.01²) shrinks or stretches, by the figures.

    Args:
        width: of every hidden layer.
        depth: number of hidden layers.
        pair: these weights against those of PyTorch's layers, in networks of that depth.
    """
    factor = 0.01 * width**0.5
    figures = (
        f"{pair.difference.mean:+.4f}, 95% interval {pair.difference.low:+.4f} to "
        f"{pair.difference.high:+.4f}"
    )
    did = {
        "first is better": "the network did worse than with linear",
        "second is better": "the network nevertheless did better than with linear",
        "no difference that matters": "that made no difference from linear that matters",
        "undecided": "these seeds do not tell whether that is worse than linear",
    }[pair.verdict]
    return (
        "The initialisation normal draws weights from N(0, 0.01²); in every matrix between hidden "
        f"layers they multiply the size of the signal by about 0.01 · √{width} = {factor:.2f}. The "
        "other initialisations choose the spread by the size of the matrix. With "
        f"{in_words(depth)} {did} ({figures})."
    )
