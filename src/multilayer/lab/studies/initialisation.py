"""How the weights should begin."""

from dataclasses import replace

from multilayer.engine.settings import InitializationName
from multilayer.lab.studies import variants
from multilayer.lab.studies.variants import Variant
from multilayer.lab.study import Finding, Progress, StudyPlan
from multilayer.report.panels import Panel

INITIALIZATIONS: tuple[InitializationName, ...] = ("linear", "normal", "glorot", "he")
DEPTHS = (1, 4)


def study(plan: StudyPlan) -> Progress:
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
        rows += variants.rows(measured, pairs, plan.matters)
        begin = f"With {depth} hidden layer{'s' * (depth > 1)}:"
        sentences.append(f"{begin} {variants.in_words('the start', measured, pairs, 0, plan)}")
    deep_normal = by_depth[DEPTHS[-1]][INITIALIZATIONS.index("normal")].interval
    sentences.append(
        f"N(0, 0.01²) shrinks the signal in every layer, by about √{width} times 0.01 = "
        f"{0.01 * width**0.5:.2f}: at {DEPTHS[-1]} layers it ends at {deep_normal.mean:.4f}, which "
        "is what the other starts avoid by scaling with the number of inputs."
    )
    headers = variants.headers("start", by_depth[1][0])
    headers[3] = "against linear"
    return Finding(
        f"First weights: {plan.in_words}",
        headers,
        rows,
        " ".join(sentences),
        [
            Panel(f"{depth} hidden layer{'s' * (depth > 1)} of {width}", "first weights",
                  "accuracy on the rows held out", [variants.series(measured)],
                  categories=INITIALIZATIONS)
            for depth, measured in by_depth.items()
        ],
        {f"hidden_layers_{depth}": variants.document(m) for depth, m in by_depth.items()},
    )  # fmt: skip
