"""The comparison as Markdown."""

from collections.abc import Sequence

import numpy as np
from reporting import machine, markdown_table

from tabular.comparison import Estimate, duels, standings
from tabular.methods import METHODS, versions
from tabular.records import Measurement
from tabular.scores import error
from tabular.workers import Prepared

METRICS = {"roc_auc": "AUC", "log_loss": "log loss", "rmse": "RMSE"}
PROTOCOL = """\
A table keeps at most {max_rows:,} rows, drawn once; {folds}. A fit sees two thirds of them, is
scored on the rest, and its time is that of the whole fit from a frame in memory, with {threads}.
The error of a table is the mean over its folds of 1 − AUC, of the log loss, or of the RMSE over the
target's deviation. Intervals are those of 95% of sets of tables drawn with replacement. Every
method has its own defaults; those that select an epoch hold rows out of what they are given.
"""

Measured = dict[tuple[str, str], list[Measurement]]  # by table and method, a fold after the other


def report(
    tables: Sequence[Prepared],
    folds: Sequence[int],
    methods: Sequence[str],
    measurements: Sequence[Measurement],
    max_rows: int,
    sources: str = "",
) -> str:
    """Everything.

    Args:
        tables: that the run is about.
        folds: that it is about.
        methods: keys of `METHODS`.
        measurements: what is there of it.
        max_rows: that a table was cut to.
        sources: see `versions`.
    """
    measured: Measured = {}
    for measurement in measurements:
        key = measurement.fit.table, measurement.fit.method
        measured.setdefault(key, []).append(measurement)
    complete = [
        table
        for table in tables
        if all(len(measured.get((table.facts["name"], m), [])) == len(folds) for m in methods)
    ]
    of_folds = f"folds {', '.join(map(str, folds))} of three" if len(folds) < 3 else "three folds"
    lines = [
        f"Compares methods on {len(tables)} tables.\n",
        machine(),
        versions_of(methods, sources),
        processors_of(measurements),
        PROTOCOL.format(max_rows=max_rows, folds=of_folds, threads=threads_of(measurements)),
    ]
    if len(complete) < len(tables):
        names = [t.facts["name"] for t in tables if t not in complete]
        lines.append(f"Not in the summaries, as a method is missing: {', '.join(names)}.\n")
    if len(complete) > 1:
        lines += summaries(complete, methods, measured)
    lines += [table_section(table, methods, measured) for table in tables]
    return "\n".join(lines)


def threads_of(measurements: Sequence[Measurement]) -> str:
    """How many threads the fits had."""
    found = sorted({measurement.num_threads for measurement in measurements})
    if len(found) > 1:
        return f"{' or '.join(map(str, found))} threads (so that times cannot be compared)"
    return "one thread" if found == [1] else f"{' '.join(map(str, found))} threads"


def processors_of(measurements: Sequence[Measurement]) -> str:
    """Where the fits were measured; times on one processor do not compare with another's."""
    found = sorted({fit.processor or "a processor not kept" for fit in measurements})
    more = "" if len(found) < 2 else ", so that times cannot be compared between methods"
    return f"Fits measured on {' and on '.join(found) or 'no machine yet'}{more}.\n"


def versions_of(methods: Sequence[str], sources: str) -> str:
    """One line with what took part."""
    found: dict[str, list[str]] = {}
    for name in methods:
        for package, version in versions(name, sources).items():
            known = found.setdefault(package, [])
            known += [version] if version not in known else []
    return ", ".join(f"{name} {' and '.join(of)}" for name, of in found.items()) + "\n"


def summaries(tables: Sequence[Prepared], methods: Sequence[str], measured: Measured) -> list[str]:
    """Single models, bags, all of them; then ours against each other."""
    errors = {name: errors_of(name, tables, measured) for name in methods}
    seconds = {name: seconds_of(name, tables, measured) for name in methods}
    groups = {
        "Single models": [name for name in methods if not METHODS[name].is_bag],
        "Bags": [name for name in methods if METHODS[name].is_bag],
        "All": list(methods),
    }
    sections = [
        f"## {title}\n\n{standings_table(group, errors, seconds)}"
        for title, group in groups.items()
        if len(group) > 1
    ]
    for name in methods:
        others = [other for other in methods if other != name]
        if METHODS[name].is_ours and others:
            table = duels_table(name, others, errors, seconds)
            sections.append(f"## {METHODS[name].title}, against each\n\n{table}")
    return sections


def errors_of(method: str, tables: Sequence[Prepared], measured: Measured) -> np.ndarray:
    """A method's error on each table."""
    return np.array(
        [
            np.mean(
                [
                    error(table.facts["metric"], m.score, table.facts["target_deviation"])
                    for m in measured[table.facts["name"], method]
                ]
            )
            for table in tables
        ]
    )


def seconds_of(method: str, tables: Sequence[Prepared], measured: Measured) -> np.ndarray:
    """Seconds that a method takes to fit each table."""
    return np.array(
        [np.mean([m.fit_seconds for m in measured[t.facts["name"], method]]) for t in tables]
    )


def standings_table(
    methods: Sequence[str], errors: dict[str, np.ndarray], seconds: dict[str, np.ndarray]
) -> str:
    """Methods among themselves, the best mean rank first."""
    found = standings(np.stack([errors[name] for name in methods], axis=1))
    rows = []
    for name, standing in sorted(
        zip(methods, found, strict=True), key=lambda pair: pair[1].mean_rank.value
    ):
        rows.append(
            [
                METHODS[name].title,
                in_words(standing.mean_rank, ".2f"),
                in_words(standing.win_rate, ".2f"),
                in_words(standing.mean_error, ".4f"),
                f"{np.exp(np.log(seconds[name]).mean()):.2f}",
                f"{seconds[name].sum():.0f}",
            ]
        )
    headers = [
        f"{len(next(iter(errors.values())))} tables", "mean rank", "win rate",
        "shifted geometric mean of errors", "geometric mean of seconds", "seconds of a fold of all",
    ]  # fmt: skip
    return markdown_table(headers, rows)


def duels_table(
    name: str,
    others: Sequence[str],
    errors: dict[str, np.ndarray],
    seconds: dict[str, np.ndarray],
) -> str:
    """A method against each other one."""
    rows = [
        [
            METHODS[other].title,
            f"{duel.num_wins} of {duel.num_tables}",
            in_words(duel.change, "+.1%"),
            f"{duel.probability:.3f}",
            f"{duel.adjusted:.3f}",
            f"{np.exp(np.mean(np.log(seconds[name] / seconds[other]))):.2f}",
        ]
        for other, duel in zip(
            others, duels(errors[name], [errors[other] for other in others]), strict=True
        )
    ]
    headers = [
        "against", "smaller error", "change of the error", "p (Wilcoxon)", "p (Holm)",
        "times its seconds",
    ]  # fmt: skip
    return markdown_table(headers, rows)


def table_section(table: Prepared, methods: Sequence[str], measured: Measured) -> str:
    """Every fold of one table."""
    facts = table.facts
    rows = []
    for name in methods:
        found = measured.get((facts["name"], name), [])
        if found:
            rows.append(
                [
                    METHODS[name].title,
                    " ".join(f"{m.score:.4f}" for m in found),
                    f"{np.mean([m.score for m in found]):.4f}",
                    f"{np.mean([m.accuracy for m in found]):.4f}",
                    f"{np.mean([m.fit_seconds for m in found]):.2f}",
                    f"{np.mean([m.predict_seconds for m in found]):.2f}",
                ]
            )
    beside = "R²" if facts["metric"] == "rmse" else "accuracy"
    metric = METRICS[facts["metric"]]
    headers = [
        facts["name"], f"{metric}, each fold", f"{metric}, mean", beside, "seconds to fit",
        "to predict",
    ]  # fmt: skip
    classes = f"{facts['num_classes']} classes, " if facts["num_classes"] else ""
    left_out = f" ({facts['num_left_out']} of rare classes left out)" * bool(facts["num_left_out"])
    return (
        f"## {facts['name']}\n\n{facts['source']}. {facts['num_rows']:,} rows{left_out}, {classes}"
        f"{facts['num_columns']} columns, {facts['num_categorical']} of categories,"
        f" {facts['missing_share']:.1%} missing.\n\n{markdown_table(headers, rows)}"
    )


def in_words(estimate: Estimate, digits: str) -> str:
    """An estimate with its interval."""
    value, low, high = (
        format(number, digits) for number in (estimate.value, estimate.low, estimate.high)
    )
    return f"{value} ({low} to {high})"
