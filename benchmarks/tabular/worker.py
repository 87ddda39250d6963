"""Fits methods of one library in a process of its own, in that library's environment.

    python -m tabular.worker MODULE

Reads requests as lines of JSON and answers each with a line. A request names the method, the
prepared table's folder, the side ("outer" or "inner") and number of the fold, and a file for the
predictions. Whatever the libraries print goes to stderr, so that it cannot be taken for an answer.
"""

import importlib
import json
import os
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

NUM_ROWS_TO_WARM_UP = 100


def main() -> None:
    """Serve."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    module = importlib.import_module(f"tabular.{sys.argv[1]}")
    warm: set[tuple[str, str]] = set()
    for line in sys.stdin:
        try:
            answer = respond(module, json.loads(line), warm)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


def respond(module: ModuleType, request: dict[str, Any], warm: set[tuple[str, str]]) -> Any:
    """Fit and predict.

    A method's first fit for a task is preceded by one on a few rows, which loads what it needs.
    """
    folder, method = Path(request["folder"]), request["method"]
    task = json.loads((folder / "table.json").read_text())["task"]
    target = np.load(folder / "target.npy")
    with np.load(folder / "folds.npz") as folds:
        train, test = (
            folds[f"{request['side']}_{request['fold']}_{part}"] for part in ("train", "test")
        )
    if (method, task) not in warm:
        few = few_rows(target[train], task)
        fit_and_predict(module, method, task, folder, target, train[few], test[:10], seed=0)
        warm.add((method, task))
    predictions, fit_seconds, predict_seconds = fit_and_predict(
        module, method, task, folder, target, train, test, seed=request["fold"]
    )
    np.save(request["predictions"], predictions)
    return {"fit_seconds": fit_seconds, "predict_seconds": predict_seconds}


def few_rows(target: np.ndarray, task: str) -> np.ndarray:
    """Numbers of a few rows; of classes, the two commonest alone."""
    if task == "regression":
        return np.arange(min(len(target), NUM_ROWS_TO_WARM_UP))
    commonest = np.argsort(np.bincount(target))[-2:]
    return np.concatenate(
        [np.flatnonzero(target == label)[: NUM_ROWS_TO_WARM_UP // 2] for label in commonest]
    )


def fit_and_predict(
    module: ModuleType,
    method: str,
    task: str,
    folder: Path,
    target: np.ndarray,
    train: np.ndarray,
    test: np.ndarray,
    seed: int,
) -> tuple[np.ndarray, float, float]:
    """Predictions of the test rows, and the seconds that fitting and predicting took.

    The predictions are numbers, or a column of probabilities for each class. The features are read
    before the clock starts.
    """
    classes, train_target = np.unique(target[train], return_inverse=True)
    if task == "regression":
        train_target = target[train]
    train_features, test_features = module.read(folder, train, test)
    estimator = module.METHODS[method](task, seed)
    began = time.perf_counter()
    estimator.fit(train_features, train_target)
    fitted = time.perf_counter()
    if task == "regression":
        predictions = np.asarray(estimator.predict(test_features)).reshape(len(test))
    else:
        predictions = np.zeros((len(test), int(target.max()) + 1))
        predictions[:, classes] = estimator.predict_proba(test_features)
    return predictions, fitted - began, time.perf_counter() - fitted


if __name__ == "__main__":
    main()
