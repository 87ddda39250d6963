"""A comparison in words, and as a document."""

from dataclasses import asdict
from typing import Any

from multilayer.experiments.comparison import Comparison
from multilayer.experiments.problem import LOWER_IS_BETTER
from multilayer.experiments.sequential import Pair


def headers(comparison: Comparison) -> list[str]:
    """Of the table of settings."""
    return ["settings", "seeds", comparison.metric, "95% interval", "standard deviation", "seconds"]


def rows(comparison: Comparison) -> list[list[str]]:
    """Of the table of settings, a row for each."""
    table = []
    for one in comparison.candidates:
        interval = comparison.interval(one)
        table.append(
            [
                one.name,
                str(len(one.values)),
                comparison.shown(interval.mean),
                f"{comparison.shown(interval.low)} to {comparison.shown(interval.high)}",
                comparison.shown(float(one.values.std(ddof=1))),
                f"{one.seconds:.1f}",
            ]
        )
    return table


def pair_headers() -> list[str]:
    """Of the table of pairs."""
    return ["second against first", "seeds", "better by", "95% interval", "verdict"]


def pair_rows(comparison: Comparison) -> list[list[str]]:
    """Of the table of pairs, a row for each."""
    return [
        [
            f"{_name(comparison, pair.second)} against {_name(comparison, pair.first)}",
            str(pair.num_seeds),
            comparison.shown(pair.difference.mean, "+"),
            " to ".join(
                comparison.shown(end, "+") for end in (pair.difference.low, pair.difference.high)
            ),
            verdict_in_words(comparison, pair),
        ]
        for pair in comparison.pairs
    ]


def verdict_in_words(comparison: Comparison, pair: Pair) -> str:
    """Such as "dropout=0.2 is better"."""
    if pair.verdict == "first is better":
        return f"{_name(comparison, pair.first)} is better"
    if pair.verdict == "second is better":
        return f"{_name(comparison, pair.second)} is better"
    if pair.verdict == "no difference that matters":
        return f"no difference larger than {comparison.matters:g}"
    return "undecided"


def paragraph(comparison: Comparison) -> str:
    """What was found, how sure it is, and what it is about."""
    sentences = [_sentence(comparison, pair) for pair in comparison.pairs]
    sentences += [
        f"{one.name} diverged at {one.num_diverged} of {len(one.values)} seeds."
        for one in comparison.candidates
        if one.num_diverged
    ]
    looks = ", ".join(map(str, comparison.looks))
    num_rows = f"{comparison.num_scored_rows:,} rows held out to score on"
    stands = f"the first weights, the order of the batches and the {num_rows}"
    mean = "seeds and splits of these rows"
    if comparison.has_fixed_split:
        stands = f"the first weights and the order of the batches; the {num_rows} are the latest"
        mean = "seeds, scored on these rows"
    sentences.append(
        f"All settings used the same seeds; a seed determines {stands}. The intervals hold jointly "
        f"with 95% confidence over the planned interim analyses at {looks} seeds, for the mean "
        f"over {mean}."
    )
    if len(comparison.pairs) > 1:
        sentences.append(
            f"Verdicts are corrected for {len(comparison.pairs)} pairs by Holm's method: with 95% "
            "confidence all claims that one is better are right, and so are all claims of no "
            "difference."
        )
    if comparison.is_interrupted:
        sentences.append("The comparison was interrupted before it was decided.")
    return " ".join(sentences)


def document(comparison: Comparison) -> dict[str, Any]:
    """Everything, as JSON holds it."""
    return {
        "data": comparison.problem_name,
        "metric": comparison.metric,
        "matters": comparison.matters,
        "looks": comparison.looks,
        "num_scored_rows": comparison.num_scored_rows,
        "status": "interrupted" if comparison.is_interrupted else "finished",
        "settings": [
            {
                "name": one.name,
                "settings": asdict(one.settings),
                "values": one.values.tolist(),
                "num_diverged": one.num_diverged,
                "seconds": one.seconds,
                "mean": asdict(comparison.interval(one)),
            }
            for one in comparison.candidates
        ],
        "pairs": [
            {
                **asdict(pair),
                "first": _name(comparison, pair.first),
                "second": _name(comparison, pair.second),
            }
            for pair in comparison.pairs
        ],
        "in_words": paragraph(comparison),
    }


def _sentence(comparison: Comparison, pair: Pair) -> str:
    first, second = _name(comparison, pair.first), _name(comparison, pair.second)
    difference = pair.difference
    low, high = difference.low, difference.high
    if difference.mean < 0:
        first, second, low, high = second, first, -high, -low
    better = "a lower" if comparison.metric in LOWER_IS_BETTER else "a higher"
    begin = (
        f"Over {pair.num_seeds} seeds {second} has {better} {comparison.metric} than {first}, by "
        f"{comparison.shown(abs(difference.mean))} (95% interval {comparison.shown(low)} to "
        f"{comparison.shown(high)})"
    )
    if pair.verdict == "undecided":
        return (
            f"{begin}; this leaves open which is better and whether it matters: undecided at the "
            f"limit of {comparison.looks[-1]} seeds."
            if pair.num_seeds == comparison.looks[-1]
            else f"{begin}; undecided so far."
        )
    if pair.verdict == "no difference that matters":
        return f"{begin}: no difference larger than {comparison.matters:g}."
    return f"{begin}: {verdict_in_words(comparison, pair)}."


def _name(comparison: Comparison, number: int) -> str:
    return comparison.candidates[number].name
