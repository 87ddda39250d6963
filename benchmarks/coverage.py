"""How often prediction intervals and sets of 0.9 hold the truth on rows that nobody has seen.

    python benchmarks/coverage.py [--recipe default] [--tables california,casp] [--rows 1500]
                                  [--seeds 0,1,2] [--folds 0,1,2] [--report] [--write]

A table's training rows of an outer fold, some of them drawn by the seed, are fitted once; all its
other rows are asked. The same networks are calibrated in two ways: by the rows that chose their
epochs, as it was once, and by outputs of epochs that the other half of these rows chose. Where a
second network learns from all rows (`refit`), the first one alone is set beside both instead. What
is measured is kept in results/records/ under the settings that a recipe comes to, and only what is
missing is measured.
"""

import argparse
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars
import torch
from reporting import RECORDS as FOLDER
from reporting import machine, markdown_table, write_result
from table_recipes import settings_digest
from tabular.workers import Prepared, names_of_tables, prepared, suite_folder

from multilayer.columns.kinds import infer_schema
from multilayer.fit.prepare import prepare
from multilayer.fit.refit import Refit
from multilayer.fit.rows import Rows
from multilayer.model.model import Model
from multilayer.pack.fit_of import fit_of

RECORDS = FOLDER / "coverage.jsonl"
ROWS_OF_A_TABLE, ROWS_OF_A_LARGE_TABLE = 3_000, 10_000
COVERAGE = 0.9


def measure(table: Prepared, fold: int, seed: int, recipe: str, num_rows: int) -> dict[str, Any]:
    """Fit and ask one table.

    Returns:
        "coverage" and "size" (the mean width, or number of classes), and for classes "log_loss",
        the first two before and after.
    """
    features = polars.read_parquet(table.folder / "features.parquet")
    target = np.load(table.folder / "target.npy")
    with np.load(table.folder / "folds.npz") as folds:
        drawn = np.random.default_rng(seed).permutation(folds[f"outer_{fold}_train"])
    train = np.sort(drawn[:num_rows])
    test = np.setdiff1d(np.arange(len(target)), train)
    rows = Rows(features[train], target[train])
    task = table.facts["task"]
    schema, changes = infer_schema(rows.frame), {"seed": seed}
    fit = fit_of(
        lambda settings: prepare(
            rows, schema, task=task, recipe_name=recipe, changes=changes, settings=settings
        )
    )
    for _ in fit.epochs():
        pass
    after, held_out = fit.model(), fit.data.held_out
    assert held_out is not None
    if isinstance(fit, Refit):
        before = replace(after, network=after.leading.member(0))
    else:
        before = held_out.of_members(fit.finite_members()).scored(after)
    outputs = after.member_outputs(features[test])
    asked = [_asked(model, outputs[: model.num_members], target[test]) for model in (before, after)]
    answer = {"coverage": [a[0] for a in asked], "size": [a[1] for a in asked]}
    if task != "regression":
        answer["log_loss"] = _log_loss(after, outputs, target[test])
    return answer


def _asked(model: Model, outputs: np.ndarray, truths: np.ndarray) -> tuple[float, float]:
    """The share of truths that are held, and the mean width or number of classes."""
    if model.targets.task == "regression":
        low, high = model.intervals_of(model.member_numbers(outputs), COVERAGE)
        is_held = (low[:, 0] <= truths) & (truths <= high[:, 0])
        return float(is_held.mean()), float((high - low).mean())
    sets = model.sets_of(model.member_probabilities(outputs), COVERAGE)
    is_known, places = _places(model, truths)
    is_held = sets[np.flatnonzero(is_known), places]  # an unknown class is in no set
    return float(is_held.sum() / len(truths)), float(sets.sum(axis=1).mean())


def _log_loss(model: Model, outputs: np.ndarray, truths: np.ndarray) -> float:
    is_known, places = _places(model, truths)
    chances = model.member_probabilities(outputs).mean(axis=0)
    return float(-np.log(chances[np.flatnonzero(is_known), places]).mean())


def _places(model: Model, truths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which truths are classes that the model knows, and the numbers of these."""
    classes = np.array(model.targets.classes)
    is_known = np.isin(truths, classes)
    return is_known, np.searchsorted(classes, truths[is_known])


def report(tables: Sequence[Prepared], measured: Mapping[str, list[dict[str, Any]]]) -> str:
    """A line for each table, and for each kind of task one for all."""
    headers = [
        "table", "fits", "coverage before", "after", "size, after to before",
        "log loss",
    ]  # fmt: skip
    parts = []
    for kind, of_kind in (("Intervals", True), ("Sets", False)):
        lines, means = [], []
        for table in tables:
            if (table.facts["task"] == "regression") != of_kind:
                continue
            fits = measured[table.facts["name"]]
            coverage = np.array([fit["coverage"] for fit in fits])
            sizes = np.array([fit["size"] for fit in fits])
            losses = np.array([fit.get("log_loss", np.nan) for fit in fits])
            ratio = np.log(sizes[:, 1] / sizes[:, 0]).mean()
            means.append([*coverage.mean(axis=0), ratio, losses.mean()])
            lines.append([table.facts["name"], len(fits), *_in_words(means[-1])])
        if lines:
            lines.append(["mean", sum(line[1] for line in lines), *_in_words(np.mean(means, 0))])
            width = 5 if of_kind else 6
            kept = [[str(cell) for cell in line[:width]] for line in lines]
            parts.append(f"## {kind}\n\n{markdown_table(headers[:width], kept)}")
    return "\n".join(parts)


def _in_words(means: Sequence[float]) -> list[str]:
    before, after, ratio, loss = means
    return [f"{before:.4f}", f"{after:.4f}", f"{np.expm1(ratio):+.1%}", f"{loss:.4f}"]


def main() -> None:
    """Measure what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--tables", help="names of data sets; default: all")
    parser.add_argument("--folds", default="0,1,2")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--rows", type=int, default=1500, help="rows to fit, at most 6,600")
    parser.add_argument("--report", action="store_true", help="measure nothing")
    parser.add_argument("--write", action="store_true", help="keep the table in results/")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    suite = suite_folder(None)
    names = options.tables.split(",") if options.tables else names_of_tables(suite)
    is_small = 2 * options.rows <= ROWS_OF_A_TABLE + 1_000
    most = ROWS_OF_A_TABLE if is_small else ROWS_OF_A_LARGE_TABLE
    tables = [prepared(suite, name, most) for name in names]
    known = {}
    if RECORDS.exists():
        for line in RECORDS.read_text().splitlines():
            key, value = json.loads(line)
            known[tuple(key)] = value
    measured: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for seed in map(int, options.seeds.split(",")):
        for fold in map(int, options.folds.split(",")):
            for table in tables:
                name = table.facts["name"]
                digest = settings_digest(options.recipe, table.facts["task"], {})
                key = (name, table.facts["digest"], fold, seed, options.rows, digest)
                if key not in known and not options.report:
                    known[key] = measure(table, fold, seed, options.recipe, options.rows)
                    print(name, fold, seed, known[key], flush=True)
                    with RECORDS.open("a") as file:
                        file.write(json.dumps([key, known[key]]) + "\n")
                if key in known:
                    measured[name].append(known[key])
    tables = [table for table in tables if measured[table.facts["name"]]]
    text = (
        f"{__doc__.splitlines()[0]}\n\n{machine()}\nRecipe {options.recipe}, {options.rows:,} rows"
        f" of a table to fit, folds {options.folds}, seeds {options.seeds}.\n\n"
        f"{report(tables, measured)}"
    )
    print(text)
    if options.write:
        write_result("coverage", text)


if __name__ == "__main__":
    main()
