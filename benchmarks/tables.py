"""Compares methods for tables on twelve data sets, under a fixed protocol.

    python benchmarks/tables.py [--quick] [--tables adult,bank] [--methods default,lightgbm]
                                [--folds 0,1] [--rows N] [--develop] [--again] [--report] [--write]
                                [--sources DIGEST|METHOD=DIGEST,…]

Every method has its own documented defaults and runs in an environment of its own library; three
outer folds are fixed by the table's name. Measurements are kept in results/records/, and a run
makes those that are missing: it may be stopped and continued, on another machine too. The data
sets are read by open_suite.py, which is not part of this project: see --suite. This package is
measured anew when code of a fit has changed; --sources DIGEST --report tells of earlier code.

How long it takes, from the seconds of fits kept on 2026-11-24 (one thread, a machine with other
work to do): at --quick's 1,500 rows a fold of all tables takes its ten methods 548 s, so that it
fits into ten minutes, and on idle cores with room to spare. The slow five take about 1,340 s: the
bag of RealMLP 400 (six tables took 198), those of CatBoost, LightGBM and XGBoost five times one of
each, 575, TabM half a minute a table. With 3,000 rows the 1,180 s of networks in both double and
the 710 s of trees grow by four tenths: 3,350 s a fold, 2.8 hours for three.
"""

import argparse
import datetime
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path

from reporting import processor, write_result
from tabular.folds import NUM_FOLDS
from tabular.methods import METHODS, versions
from tabular.records import Fit, Measurement, append, latest
from tabular.report import report
from tabular.scores import score
from tabular.workers import (
    SUITE_VARIABLE,
    Prepared,
    Worker,
    names_of_tables,
    prepared,
    suite_folder,
)
from workers import note

ROWS, QUICK_ROWS = 3000, 1500
QUICK_FOLDS = (0,)
# The slow ones: half a minute for a fold even of so few rows.
NOT_QUICK = (
    "pack",
    "pack-1m",
    "pack-5m",
    "pack-15m",
    "tabm",
    "realmlp-eight",
    "lightgbm-eight",
    "xgboost-eight",
    "catboost-eight",
)


def plan(
    tables: Sequence[Prepared],
    methods: Sequence[str],
    folds: Sequence[int],
    side: str,
    sources: str = "",
) -> list[tuple[Prepared, Fit]]:
    """The fits of a run, in order: methods take turns within each fold."""
    return [
        (
            table,
            Fit(
                table.facts["name"],
                table.facts["digest"],
                side,
                fold,
                method,
                versions(method, sources),
            ),
        )
        for table in tables
        for fold in folds
        for method in methods
    ]


def measure_all(fits: Sequence[tuple[Prepared, Fit]]) -> None:
    """Make measurements and keep them; a failure is told and left out."""
    with ExitStack() as stack:
        workers: dict[tuple[str, str | None], Worker] = {}
        for number, (table, fit) in enumerate(fits, 1):
            method = METHODS[fit.method]
            key = method.module, method.environment
            if key not in workers:
                workers[key] = stack.enter_context(closing(Worker(method)))
            where = f"{number}/{len(fits)} {fit.table}, fold {fit.fold}, {fit.method}"
            try:
                measurement = measure(workers[key], table, fit)
            except (RuntimeError, ValueError) as error:
                note(f"{where}: failed: {error}")
                workers.pop(key).close()
                continue
            append(measurement)
            note(
                f"{where}: {table.facts['metric']} {measurement.score:.4f},"
                f" {measurement.fit_seconds:.1f} s"
            )


def measure(worker: Worker, table: Prepared, fit: Fit) -> Measurement:
    """Make one measurement."""
    predictions, fit_seconds, predict_seconds = worker.fit(fit.method, table, fit.side, fit.fold)
    target = table.target_of_test(fit.side, fit.fold)
    value, accuracy = score(table.facts["metric"], target, predictions)
    num_threads = int(os.environ.get("OMP_NUM_THREADS") or len(os.sched_getaffinity(0)))
    now = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
    return Measurement(
        fit, value, accuracy, fit_seconds, predict_seconds, num_threads, now, processor()
    )


def chosen(what: str, text: str | None, known: Sequence[str], usual: Sequence[str]) -> list[str]:
    """Names in a comma-separated list; the usual ones where there is none.

    Raises:
        SystemExit: one of them is not known.
    """
    names = text.split(",") if text else list(usual)
    for name in names:
        if name not in known:
            sys.exit(f"error: unknown {what} {name!r}; known: {', '.join(known)}")
    return names


def main() -> None:
    """Measure what is missing, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--quick", action="store_true", help="fewer rows, one fold, no slow methods"
    )
    parser.add_argument("--tables", help="names of data sets; default: all")
    parser.add_argument("--methods", help=f"of {', '.join(METHODS)}; default: all")
    parser.add_argument("--folds", help=f"of 0 to {NUM_FOLDS - 1}; default: all")
    parser.add_argument("--rows", type=int, help=f"a table keeps at most; default {ROWS}")
    parser.add_argument(
        "--develop", action="store_true", help="split the training rows; never see the test rows"
    )
    parser.add_argument("--again", action="store_true", help="measure also what is measured")
    parser.add_argument("--report", action="store_true", help="measure nothing")
    parser.add_argument("--write", action="store_true", help="keep the tables in results/")
    parser.add_argument(
        "--sources",
        default="",
        help="digest of earlier code, of all methods or METHOD=DIGEST,…; with --report",
    )
    parser.add_argument(
        "--suite", type=Path, help=f"folder of open_suite.py; default: ${SUITE_VARIABLE}, "
        "or shared/datasets beside the project"
    )  # fmt: skip
    options = parser.parse_args()
    if options.sources and not options.report:
        sys.exit("error: --sources names code that is not here: it needs --report")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the workers end as well
    suite = suite_folder(options.suite)
    known = names_of_tables(suite)
    names = chosen("data set", options.tables, known, known)
    usual = [name for name in METHODS if not (options.quick and name in NOT_QUICK)]
    methods = chosen("method", options.methods, list(METHODS), usual)
    usual_folds = map(str, QUICK_FOLDS if options.quick else range(NUM_FOLDS))
    all_folds = list(map(str, range(NUM_FOLDS)))
    folds = [int(fold) for fold in chosen("fold", options.folds, all_folds, list(usual_folds))]
    max_rows = options.rows or (QUICK_ROWS if options.quick else ROWS)
    tables = [prepared(suite, name, max_rows) for name in names]
    side = "inner" if options.develop else "outer"
    fits = plan(tables, methods, folds, side, options.sources)
    if not options.report:
        done = [] if options.again else [m.fit for m in latest(fit for _, fit in fits)]
        measure_all([(table, fit) for table, fit in fits if fit not in done])
    text = report(tables, folds, methods, latest(fit for _, fit in fits), max_rows, options.sources)
    print(text)
    if options.write:
        kind = "-quick" if options.quick else ""
        write_result(f"tables{kind}{'-developing' if options.develop else ''}", text)


if __name__ == "__main__":
    main()
