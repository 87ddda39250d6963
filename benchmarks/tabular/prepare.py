"""Turns a data set of the suite into files for the methods; runs in the environment `suite`.

    python -m tabular.prepare SUITE_FOLDER NAME MAX_ROWS OUTPUT_FOLDER

Writes features.parquet, target.npy (numbers, or codes of the classes), folds.npz and table.json.
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from tabular.folds import inner_folds, outer_folds

LEAST_ROWS_OF_A_CLASS = 10


def prepare(suite: Path, name: str, max_rows: int, output: Path) -> None:
    """Write the files of one data set.

    Rows of a class with fewer than ten are left out: three folds of them show nothing.

    Args:
        suite: folder of open_suite.py.
        name: of the data set.
        max_rows: a fixed random subset of so many is kept.
        output: an empty folder.
    """
    sys.path.insert(0, str(suite))
    import open_suite

    table = open_suite.load(name, max_rows=max_rows)
    features, target, groups = table.features, table.target, table.groups
    classes, num_left_out = None, 0
    if table.task != "regression":
        counts = target.astype(str).value_counts()
        classes = sorted(counts.index[counts >= LEAST_ROWS_OF_A_CLASS])
        kept = target.astype(str).isin(classes).to_numpy()
        num_left_out = int((~kept).sum())
        features, target = features[kept].reset_index(drop=True), target[kept]
        groups = None if groups is None else groups[kept]
        codes = pd.Categorical(target.astype(str), categories=classes).codes
        labels = values = np.asarray(codes, dtype=np.int64)
    else:
        labels, values = None, target.to_numpy(np.float64)
    group_of_row = None if groups is None else groups.to_numpy()
    outer = outer_folds(name, table.split, labels, group_of_row, len(features))
    inner = inner_folds(name, outer, labels, group_of_row)
    features.to_parquet(output / "features.parquet", index=False)
    np.save(output / "target.npy", values)
    parts = {
        f"{side}_{fold.number}_{part}": getattr(fold, part)
        for side, folds in (("outer", outer), ("inner", inner))
        for fold in folds
        for part in ("train", "test")
    }
    np.savez(output / "folds.npz", **parts)
    categorical = [str(c) for c in features if features[c].dtype == "category"]
    document = {
        "name": name,
        "task": table.task,
        "metric": table.metric,
        "source": table.source,
        "split": table.split,
        "num_rows": len(features),
        "num_left_out": num_left_out,
        "digest": digest(values, *parts.values()),
        "num_columns": features.shape[1],
        "num_categorical": len(categorical),
        "missing_share": float(features.isna().to_numpy().mean()),
        "num_classes": 0 if classes is None else len(classes),
        "target_deviation": None if classes else float(values.std()),
    }
    (output / "table.json").write_text(json.dumps(document, indent=2))


def digest(*arrays: np.ndarray) -> str:
    """Eight digits that tell these rows, folds and targets from others."""
    content = b"".join(array.tobytes() for array in arrays)
    return hashlib.sha256(content).hexdigest()[:8]


if __name__ == "__main__":
    prepare(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]))
