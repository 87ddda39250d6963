"""How well small tables are learned, beside the base rate and a frequency table.

    PYTHONPATH=src python benchmarks/small_tables.py [--seconds 120]

Fits the default classifier to tables of few distinct rows and mixed answers, and to iris, wine and
breast cancer cut to a few rows, and prints the log loss on new rows. Run it with another PYTHONPATH
for the package of before.
"""

import argparse
import time
import warnings

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.metrics import log_loss

from multilayer import MLPClassifier
from multilayer.drawing.panels import markdown_table

SIZES = (6, 8, 10, 15, 20, 30, 60, 150)
REAL = {"iris": load_iris, "wine": load_wine, "breast cancer": load_breast_cancer}


def drawn(seed, num_rows):
    """A table and 1,000 new rows: two columns of few values, classes as the values say."""
    generator = np.random.default_rng(seed)
    num_levels, num_classes = generator.integers((1, 2), (9, 7)), generator.integers(2, 6)
    logits = generator.normal(0, generator.choice([0.0, 0.3, 1, 3]), (*num_levels, num_classes))
    kind = generator.choice(["as drawn", "xor", "rare"])
    if kind == "xor":
        logits[..., 0] += np.where(np.indices(num_levels).sum(0) % 2, 2, -2)
    elif kind == "rare":
        logits[..., 0] += 4
    shares = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    as_text = generator.random(2) < 0.5
    levels = np.stack([generator.integers(0, most, num_rows + 1000) for most in num_levels])
    ends = shares[tuple(levels)].cumsum(1)[:, :-1]
    classes = (generator.random((num_rows + 1000, 1)) > ends).sum(1)
    columns = [c.astype(str) if t else c for c, t in zip(levels, as_text, strict=True)]
    return pd.DataFrame(dict(zip("ab", columns, strict=True))), classes


def counted(frame, classes, others, base):
    """Shares among equal rows, with two rows of the base rates beside them."""
    rows, asked = (each.astype(str).agg("|".join, axis=1) for each in (frame, others))
    counts = pd.crosstab(rows, classes).reindex(index=asked, fill_value=0).to_numpy() + 2 * base
    return counts / counts.sum(1, keepdims=True)


def losses(frame, classes, num_rows):
    """Log losses of the network, of the base rate and by counting; None: one class alone."""
    others, truth = frame[num_rows:], classes[num_rows:]
    known, answers = np.unique(classes[:num_rows], return_inverse=True)
    if len(known) < 2:
        return None
    others, truth = others[np.isin(truth, known)], truth[np.isin(truth, known)]
    model = MLPClassifier(random_state=0).fit(frame[:num_rows], known[answers])
    base = np.bincount(answers) / num_rows
    found = [
        model.predict_proba(others),
        np.tile(base, (len(others), 1)),
        counted(frame[:num_rows], answers, others, base),
    ]
    return [log_loss(truth, each, labels=known) for each in found]


def main():
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=120)
    end = time.time() + parser.parse_args().seconds
    warnings.simplefilter("ignore")
    found = {}
    for seed in range(1000):
        for num_rows in SIZES:
            for kind in ("drawn", list(REAL)[seed % 3]):
                if time.time() > end or (kind != "drawn" and num_rows > 100):
                    continue
                if kind == "drawn":
                    frame, classes = drawn(seed, num_rows)
                else:
                    inputs, classes = REAL[kind](return_X_y=True)
                    order = np.random.default_rng(seed).permutation(len(classes))
                    frame, classes = pd.DataFrame(inputs[order]), classes[order]
                result = losses(frame, classes, num_rows)
                if result is not None:
                    name = "drawn" if kind == "drawn" else "real"
                    found.setdefault((name, num_rows), []).append(result)
    lines = []
    for (kind, num_rows), results in sorted(found.items()):
        means = np.mean(results, 0)
        worst = max(of_model - base for of_model, base, _ in results)
        numbers = [f"{mean:.3f}" for mean in means] + [f"{worst:+.2f}"]
        lines.append([kind, str(num_rows), str(len(results)), *numbers])
    header = ["tables", "rows", "how many", "network", "base rate", "counting", "worst over base"]
    print(markdown_table(header, lines))


if __name__ == "__main__":
    main()
