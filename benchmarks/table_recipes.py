"""Compares variants of the tables' recipes on development folds, which never hold a test row.

    python benchmarks/table_recipes.py [--recipe default] [--tables california,casp] [--folds 0,1]
                                       [--seeds 0] [--rows 1500] [--report] [--write]
                                       [slow='{"learning_rate": 0.1}' …]

A variant is a name and the settings that it changes, as JSON. Each table's training rows of an
outer fold are divided again; a variant is fitted to the one part and scored on the other, beside
the recipe as it is, with the same rows and seeds. What is measured is kept in results/records/
under the settings that a recipe comes to, and only what is missing is measured. Seconds are of
whole fits on one thread, and rough where the machine has other work.
"""

import argparse
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import polars
import torch
from reporting import RECORDS as FOLDER
from reporting import machine, markdown_table, write_result
from tabular.comparison import SHIFT, duels
from tabular.scores import error, score
from tabular.workers import Prepared, names_of_tables, prepared, suite_folder

from multilayer import MLPClassifier, MLPRegressor
from multilayer.recipes.recipes import recipe

RECORDS = FOLDER / "table-recipes.jsonl"
AS_IT_IS = "as it is"


def settings_digest(name: str, task: str, changes: Mapping[str, Any]) -> str:
    """Eight digits that follow from the settings that a recipe comes to, and from the changes.

    What follows from the rows is not in the first, and may be what is changed.
    """
    kind = "regression" if task == "regression" else "classification"
    settings = [asdict(recipe(name, kind, **changes)), changes]
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:8]


def measure(
    table: Prepared, fold: int, seed: int, name: str, changes: Mapping[str, Any]
) -> tuple[float, float]:
    """Error on a fold's rows to test on, and the seconds that the fit took."""
    task, features = table.facts["task"], polars.read_parquet(table.folder / "features.parquet")
    target = np.load(table.folder / "target.npy")
    with np.load(table.folder / "folds.npz") as folds:
        train, test = (folds[f"inner_{fold}_{part}"] for part in ("train", "test"))
    kind = MLPRegressor if task == "regression" else MLPClassifier
    model = kind(recipe=name, random_state=seed, settings=dict(changes))
    began = time.perf_counter()
    model.fit(features[train], target[train])
    seconds = time.perf_counter() - began
    if task == "regression":
        predictions = model.predict(features[test])
    else:
        predictions = np.zeros((len(test), int(target.max()) + 1))
        predictions[:, model.classes_] = model.predict_proba(features[test])
    metric = table.facts["metric"]
    value, _ = score(metric, target[test], predictions)
    return error(metric, value, table.facts.get("target_deviation")), seconds


def report(
    tables: Sequence[Prepared],
    variants: Mapping[str, Mapping[str, Any]],
    pairs: Mapping[tuple[str, str], list[tuple[float, float]]],
) -> str:
    """A line for each variant and kind of task: changes to the recipe as it is.

    Args:
        tables: all of them.
        variants: by name.
        pairs: of a table and a variant, errors and seconds in the order of folds and seeds.
    """
    lines = []
    for kind in ("regression", "classification"):
        of_kind = [
            table.facts["name"] for table in tables
            if (table.facts["task"] == "regression") == (kind == "regression")
        ]  # fmt: skip
        for name in variants:
            logs, times, num_better, num_pairs = [], [], 0, 0
            for table in of_kind:
                plain, other = (np.array(pairs[table, which]) for which in (AS_IT_IS, name))
                logs.append(np.log(other[:, 0] + SHIFT).mean() - np.log(plain[:, 0] + SHIFT).mean())
                times.append(np.log(other[:, 1] / plain[:, 1]).mean())
                num_better += int((other[:, 0] < plain[:, 0]).sum())
                num_pairs += len(plain)
            if name == AS_IT_IS or len(logs) < 2:
                continue
            change = duels(np.exp(logs) - SHIFT, [np.full(len(logs), 1 - SHIFT)])[0].change
            each = ", ".join(
                f"{table} {np.expm1(log):+.1%}" for table, log in zip(of_kind, logs, strict=True)
            )
            lines.append(
                [
                    kind, name, f"{change.value:+.1%} ({change.low:+.1%} to {change.high:+.1%})",
                    f"{num_better} of {num_pairs}", f"{np.exp(np.mean(times)):.2f}", each,
                ]
            )  # fmt: skip
    headers = ["task", "variant", "change of the error", "better pairs", "times its seconds"]
    return markdown_table([*headers, "change on each table"], lines)


def main() -> None:
    """Measure what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("variants", nargs="*", help="NAME={settings as JSON}")
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--tables", help="names of data sets; default: all")
    parser.add_argument("--folds", default="0,1,2")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--rows", type=int, default=1500, help="a table keeps at most")
    parser.add_argument("--report", action="store_true", help="measure nothing")
    parser.add_argument("--write", action="store_true", help="keep the table in results/")
    options = parser.parse_args()
    torch.set_num_threads(1)
    suite = suite_folder(None)
    names = options.tables.split(",") if options.tables else names_of_tables(suite)
    tables = [prepared(suite, name, options.rows) for name in names]
    variants: dict[str, dict[str, Any]] = {AS_IT_IS: {}}
    for variant in options.variants:
        name, _, changes = variant.partition("=")
        variants[name] = json.loads(changes)
    known = {}
    if RECORDS.exists():
        for line in RECORDS.read_text().splitlines():
            key, *values = json.loads(line)
            known[tuple(key)] = values
    pairs: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for table in tables:
        for fold in map(int, options.folds.split(",")):
            for seed in map(int, options.seeds.split(",")):
                for name, changes in variants.items():
                    digest = settings_digest(options.recipe, table.facts["task"], changes)
                    key = (table.facts["name"], table.facts["digest"], fold, seed, digest)
                    if key not in known and not options.report:
                        known[key] = measure(table, fold, seed, options.recipe, changes)
                        print(*key[:1], fold, seed, name, *known[key], flush=True)
                        with RECORDS.open("a") as file:
                            file.write(json.dumps([key, *known[key]]) + "\n")
                    pairs.setdefault((table.facts["name"], name), []).append(known[key])
    changes = "".join(f"- {name}: {json.dumps(of)}\n" for name, of in variants.items() if of)
    text = (
        f"{__doc__.splitlines()[0]}\n\n{machine()}\nRecipe {options.recipe}, at most"
        f" {options.rows:,} rows a table, folds {options.folds}, seeds {options.seeds}.\n\n"
        f"{changes}\n{report(tables, variants, pairs)}"
    )
    print(text)
    if options.write:
        write_result("table-recipes", text)


if __name__ == "__main__":
    main()
