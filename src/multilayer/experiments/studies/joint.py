"""How to choose everything at once: random search, halving, and a fair last comparison."""

from dataclasses import replace

import numpy as np

from multilayer.drawing.panels import Panel, Series
from multilayer.engine.settings import TrainingSettings
from multilayer.experiments.studies import results, variants
from multilayer.experiments.studies.variants import Measured, Variant
from multilayer.experiments.study import StudyResult, StudySteps
from multilayer.experiments.study_plan import StudyPlan

NUM_DRAWN, QUICK_DRAWN = 24, 9
_SEARCH_SEEDS = 1_000_000  # the search's seeds begin here, far from those of the last comparison


def study_joint(plan: StudyPlan) -> StudySteps:
    """Draw settings, keep the best third again and again, and try the last on fresh seeds."""
    num_drawn = QUICK_DRAWN if plan.is_quick else NUM_DRAWN
    left = draw(plan.settings, num_drawn)
    rounds: list[list[Measured]] = []
    num_seeds, first_seed = 2, _SEARCH_SEEDS
    while len(left) > 1:
        measured = yield from variants.measure(
            plan, left, seeds=range(first_seed, first_seed + num_seeds)
        )
        rounds.append(sorted(measured, key=lambda one: -one.interval.mean))
        left = [one.variant for one in rounds[-1][: max(1, len(left) // 3)]]
        first_seed, num_seeds = first_seed + num_seeds, num_seeds * 2
    winner, in_search = left[0], rounds[-1][0].interval.mean
    final = yield from variants.measure(
        plan, [Variant("starting point", plan.settings), replace(winner, name="winner")]
    )
    pairs = variants.against(final, 0, plan)
    first_look = rounds[0]
    best_at_first = first_look[0]
    return StudyResult(
        f"All settings at once: {plan.in_words}",
        results.headers("settings", final[0], plan),
        results.rows(final, pairs, plan.matters)
        + [[f"round {number}: {one.variant.name}", f"{one.interval.mean:.4f}", "", "", "", "",
            f"{one.num_parameters:,}", f"{one.seconds:.3f}"]
           for number, measured in enumerate(rounds, 1) for one in measured],
        f"{num_drawn} combinations of settings were drawn at random: learning rate (on a "
        "logarithmic scale), width, depth, activation, batch size and dropout. All were trained "
        "with 2 seeds each; the best third went on with twice as many new seeds, and so forth, "
        f"until one was left, the winner: {winner.name}. Its mean {plan.metric} in the last round "
        f"was {in_search:.4f}, and the best of the first round had "
        f"{best_at_first.interval.mean:.4f} there. Such figures are too high on average, because "
        "the same figures were used to choose. So the winner and the starting point, the settings "
        f"before the search, were trained once more, on {plan.num_seeds} seeds that the search had "
        f"not used. {results.in_words('the {}', final, pairs, 0, plan)} Random search usually "
        "beats a grid of the same size, because each trial tries another value of every setting, "
        "and few settings matter (Bergstra and Bengio, 2012).",
        [
            Panel(f"First round: {plan.metric} by learning rate", "learning rate", plan.metric,
                  [_by_rate(first_look)], is_log_x=True),
            Panel(f"Winner and starting point, on fresh seeds\n{results.WHAT_IS_DRAWN}", "",
                  plan.metric,
                  [results.series(final)], categories=["starting point", "winner"]),
        ],
        {"winner": winner.name, "final": results.document(final),
         "rounds": [results.document(measured) for measured in rounds]},
    )  # fmt: skip


def draw(start: TrainingSettings, num_drawn: int) -> list[Variant]:
    """Settings at random, the same ones each time."""
    source = np.random.default_rng(0)
    drawn: dict[str, Variant] = {}
    while len(drawn) < num_drawn:
        rate = float(f"{10 ** source.uniform(-2, 0):.2g}")
        width = int(source.choice([64, 128, 256, 512]))
        depth = int(source.integers(1, 4))
        activation = str(source.choice(["relu", "gelu", "tanh"]))
        batch_size = int(source.choice([64, 128, 256, 512]))
        dropout = float(source.choice([0.0, 0.1, 0.2]))
        name = (
            f"hidden {'-'.join([str(width)] * depth)}, {activation}, rate {rate:g}, "
            f"batch {batch_size}, dropout {dropout:g}"
        )
        drawn[name] = Variant(
            name,
            replace(
                start,
                hidden_widths=(width,) * depth,
                activation=activation,
                learning_rate=rate,
                batch_size=batch_size,
                dropout=dropout,
            ),
        )
    return list(drawn.values())


def _by_rate(measured: list[Measured]) -> Series:
    places = [one.variant.settings.learning_rate for one in measured]
    return Series("", places, [one.interval.mean for one in measured], is_line=False)
