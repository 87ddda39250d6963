"""Error against time: packs within their time limits as a line, all other methods as points.

    python benchmarks/anytime.py [--tables adult,bank] [--folds 0,1,2] [--rows N] [--sources DIGEST]
                                 [--write]

It measures nothing: it reads what benchmarks/tables.py has measured and kept. The error of a table
is relative to that of CatBoost's default, (error + 0.01) / (CatBoost's + 0.01), and the geometric
mean over the tables is shown; the time is the mean of whole fits. With --write the picture goes to
docs/images/anytime.svg.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from reporting import machine, markdown_table, write_result
from tables import plan
from tabular.comparison import SHIFT
from tabular.folds import NUM_FOLDS
from tabular.methods import METHODS
from tabular.records import latest
from tabular.report import Measured, errors_of, seconds_of, threads_of
from tabular.workers import Prepared, names_of_tables, prepared, suite_folder

from multilayer.files import replace_atomically

BASE = "catboost"
LINE = ("pack-1m", "pack-5m", "pack-15m")
PICTURE = Path(__file__).parent.parent / "docs" / "images" / "anytime.svg"
# Middle greys and colours, which stand out on a white page and on a black one.
_LEFT = ("best",)  # whose words stand before the point, as those of a neighbour stand behind
_PLACE: dict[bool, dict[str, Any]] = {
    False: {"xytext": (5, 4)},
    True: {"xytext": (-6, -3), "ha": "right"},
}
_TEXT, _OTHERS, _OURS = "#7d8590", "#8b949e", "#2f81f7"


def main() -> None:
    """Print the table, and draw it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", help="names of data sets; default: all")
    parser.add_argument("--folds", help=f"of 0 to {NUM_FOLDS - 1}; default: all")
    parser.add_argument("--rows", type=int, default=10_000, help="a table keeps at most")
    parser.add_argument("--suite", type=Path, help="folder of open_suite.py")
    parser.add_argument("--sources", default="", help="as of tables.py")
    parser.add_argument("--write", action="store_true", help="keep the table and the picture")
    options = parser.parse_args()
    suite = suite_folder(options.suite)
    names = options.tables.split(",") if options.tables else names_of_tables(suite)
    folds = [int(fold) for fold in (options.folds or "0,1,2").split(",")]
    tables = [prepared(suite, name, options.rows) for name in names]
    fits = plan(tables, list(METHODS), folds, "outer", options.sources)
    measurements = latest(fit for _, fit in fits)
    measured: Measured = {}
    for measurement in measurements:
        key = measurement.fit.table, measurement.fit.method
        measured.setdefault(key, []).append(measurement)
    points = points_of(tables, folds, measured)
    if BASE not in points:
        sys.exit(f"error: {BASE} has not been measured on all of these tables; run tables.py")
    text = (
        f"Error against time on {len(tables)} tables ({', '.join(names)}) of at most "
        f"{options.rows:,} rows, {len(folds)} of three folds, {threads_of(measurements)}.\n\n"
        f"{machine()}\n"
        + markdown_table(
            ["method", "seconds of a fit", "error relative to CatBoost's"],
            [
                [METHODS[name].title, f"{seconds:.1f}", f"{error:.3f}"]
                for name, (seconds, error) in sorted(points.items(), key=lambda item: item[1][1])
            ],
        )
    )
    print(text)
    if options.write:
        write_result("anytime", text)
        draw(points, PICTURE)


def points_of(
    tables: Sequence[Prepared], folds: Sequence[int], measured: Measured
) -> dict[str, tuple[float, float]]:
    """Mean seconds and relative error of the methods that were measured on all tables."""
    whole = [
        name
        for name in METHODS
        if all(len(measured.get((t.facts["name"], name), [])) == len(folds) for t in tables)
    ]
    if BASE not in whole:
        return {}
    base = errors_of(BASE, tables, measured)
    points = {}
    for name in whole:
        ratios = (errors_of(name, tables, measured) + SHIFT) / (base + SHIFT)
        points[name] = (
            float(seconds_of(name, tables, measured).mean()),
            float(np.exp(np.log(ratios).mean())),
        )
    return points


def draw(points: Mapping[str, tuple[float, float]], path: Path) -> None:
    """Draw error against time, on a logarithmic axis."""
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "anytime", "font.size": 8}):
        figure = Figure(figsize=(8.5, 4), layout="constrained")
        axes = figure.subplots()
        axes.set_xscale("log")
        for name, (seconds, error) in points.items():
            is_ours = METHODS[name].is_ours
            marker = "s" if METHODS[name].is_bag else "o"
            axes.plot(seconds, error, marker, color=_OURS if is_ours else _OTHERS, markersize=5)
            axes.annotate(
                METHODS[name].title.removeprefix("multilayer, "), (seconds, error),
                textcoords="offset points", color=_OURS if is_ours else _TEXT,
                **_PLACE[name in _LEFT],
            )  # fmt: skip
        line = [points[name] for name in LINE if name in points]
        axes.plot(*zip(*line, strict=True), color=_OURS, linewidth=1.5) if line else None
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_xlabel("seconds of a whole fit", color=_TEXT)
        axes.set_ylabel("error relative to CatBoost's default", color=_TEXT)
        axes.tick_params(colors=_TEXT)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(_TEXT)
        with replace_atomically(path) as file:
            figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})


if __name__ == "__main__":
    main()
