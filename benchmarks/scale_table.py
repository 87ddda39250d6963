"""The table of the benchmark of scale: made by a seeded generator, in many files."""

import itertools
from pathlib import Path

import numpy as np
import polars as pl

NUM_NUMBERS, NUM_CATEGORIES = 24, 6  # 30 columns, and the target
NUM_COLUMNS = NUM_NUMBERS + NUM_CATEGORIES
FILES = 20


def make_file(path: Path, number: int, num_rows: int) -> None:
    """Write one file of the table; its rows follow from its number."""
    generator = np.random.default_rng([18, number])
    x = generator.normal(size=(num_rows, NUM_NUMBERS)).round(4)
    columns: dict[str, object] = {f"x{place}": x[:, place] for place in range(NUM_NUMBERS)}
    for place in range(NUM_CATEGORIES):
        names = np.array([f"c{place}_{name}" for name in range(4 * (place + 1))])
        columns[f"c{place}"] = names[generator.integers(len(names), size=num_rows)]
    columns["y"] = x[:, 0] * x[:, 1] + x[:, 2] + generator.normal(0, 0.5, num_rows).round(4)
    frame = pl.DataFrame(columns)
    part = path.with_name(f".{path.name}.part")
    (frame.write_parquet if path.suffix == ".parquet" else frame.write_csv)(part)
    part.replace(path)


def made(folder: Path, kind: str, num_rows: int) -> Path:
    """The folder of the table, made if it is not there."""
    table = folder / f"table-{kind}-{num_rows}"
    table.mkdir(parents=True, exist_ok=True)
    ends = np.linspace(0, num_rows, FILES + 1).astype(int).tolist()
    for number, (start, end) in enumerate(itertools.pairwise(ends)):
        path = table / f"part-{number:03}.{kind}"
        if not path.exists():
            make_file(path, number, end - start)
    return table
