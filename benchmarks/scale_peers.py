"""One pass over the table by the means of others; run by the interpreter that has them.

python scale_peers.py METHOD TABLE ROWS    # prints rows and seconds as JSON

Each reads files of Parquet, scales numbers, encodes categories, and trains: what `multilayer
encode` and `multilayer train` do together. The networks are of the size and batch of `scale.py`.
"""

import itertools
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

WIDTHS, BATCH, RATE = (128, 128), 4096, 0.001
_ROWS_AT_ONCE = 100_000
_TREES, _LEAVES = 100, 31


def pandas_chunks(table: Path, num_rows: int) -> Iterator[Any]:
    """Frames of up to 100,000 rows."""
    import pyarrow.parquet as parquet

    left = num_rows
    for path in sorted(table.glob("*.parquet")):
        for batch in parquet.ParquetFile(path).iter_batches(_ROWS_AT_ONCE):
            frame = batch.to_pandas()[:left]
            left -= len(frame)
            yield frame
            if not left:
                return


def partial_fit(table: Path, num_rows: int, estimator: Any) -> None:
    """Learn chunk after chunk, scaled and one-hot by what the first one holds."""
    from sklearn.compose import make_column_transformer
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    encoder = None
    for frame in pandas_chunks(table, num_rows):
        inputs, target = frame.drop(columns="y"), frame["y"].to_numpy()
        if encoder is None:
            numbers = [name for name in inputs if name[0] == "x"]
            categories = [name for name in inputs if name[0] == "c"]
            one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False, dtype=np.float32)
            encoder = make_column_transformer(
                (StandardScaler(), numbers), (one_hot, categories)
            ).fit(inputs)
        estimator.partial_fit(encoder.transform(inputs).astype(np.float32), target)


def sgd(table: Path, num_rows: int) -> None:
    """A linear model."""
    from sklearn.linear_model import SGDRegressor

    partial_fit(table, num_rows, SGDRegressor())


def mlp(table: Path, num_rows: int) -> None:
    """A network; a call of `partial_fit` is one pass over its rows."""
    from sklearn.neural_network import MLPRegressor

    network = MLPRegressor(
        hidden_layer_sizes=WIDTHS, batch_size=BATCH, learning_rate_init=RATE
    )  # fmt: skip
    partial_fit(table, num_rows, network)


def lightgbm(table: Path, num_rows: int) -> None:
    """Trees; the rows lie in memory as a whole, as the library wants them from pandas."""
    import lightgbm as library
    import pandas as pd

    frames = []
    for frame in pandas_chunks(table, num_rows):
        for name in frame.columns[frame.dtypes != np.float64]:
            frame[name] = frame[name].astype("category")
        frames.append(frame)
    for name in frames[0].columns[frames[0].dtypes == "category"]:
        union = pd.api.types.union_categoricals([f[name] for f in frames]).categories
        for frame in frames:
            frame[name] = frame[name].cat.set_categories(union)
    whole = pd.concat(frames, ignore_index=True)
    data = library.Dataset(whole.drop(columns="y"), whole["y"], free_raw_data=True)
    settings = {"objective": "regression", "num_leaves": _LEAVES, "verbose": -1, "num_threads": 1}
    library.train(settings, data, _TREES)


def data_loader(table: Path, num_rows: int) -> None:
    """PyTorch's `DataLoader` over row groups, in this process: one thread, as the others have.

    A worker would be forked, and wait for ever for polars' threads.
    """
    import polars as pl
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, IterableDataset

    first = pl.read_parquet(min(table.glob("*.parquet")), n_rows=_ROWS_AT_ONCE)
    numbers = [name for name in first.columns if name[0] == "x"]
    categories = {
        name: pl.Enum(first[name].unique().sort()) for name in first.columns if name[0] == "c"
    }
    means, deviations = (
        first.select(getattr(pl.col(numbers), name)()).to_numpy()[0].astype(np.float32)
        for name in ("mean", "std")
    )
    sizes = [len(kind.categories) for kind in categories.values()]

    class Rows(IterableDataset):
        def __iter__(self) -> Iterator[tuple[torch.Tensor, ...]]:
            left = num_rows
            for path in sorted(table.glob("*.parquet")):
                scan = pl.scan_parquet(path)
                of_file = scan.select(pl.len()).collect().item()
                for start in range(0, of_file, _ROWS_AT_ONCE):
                    frame = scan.slice(start, min(left, _ROWS_AT_ONCE)).collect()
                    left -= len(frame)
                    x = (frame.select(numbers).to_numpy().astype(np.float32) - means) / deviations
                    codes = frame.select(
                        pl.col(name).cast(kind).to_physical().cast(pl.Int64)
                        for name, kind in categories.items()
                    ).to_numpy()
                    y = frame["y"].to_numpy().astype(np.float32)
                    order = torch.randperm(len(frame))
                    parts = [torch.from_numpy(part)[order] for part in (x, codes, y)]
                    yield from zip(*(part.split(BATCH) for part in parts), strict=True)
                    if not left:
                        return

    widths = (len(numbers) + sum(sizes), *WIDTHS)
    layers = [
        layer
        for width, following in itertools.pairwise(widths)
        for layer in (nn.Linear(width, following), nn.ReLU())
    ]
    network = nn.Sequential(*layers, nn.Linear(widths[-1], 1))
    optimizer = torch.optim.Adam(network.parameters(), RATE)
    for x, codes, y in DataLoader(Rows(), batch_size=None):
        one_hot = [
            nn.functional.one_hot(codes[:, place], size).float() for place, size in enumerate(sizes)
        ]
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(network(torch.cat([x, *one_hot], 1))[:, 0], y)
        loss.backward()
        optimizer.step()


# Of each method the environment of `environments.py`, and what it is called in the table. None: the
# project's own environment has what it needs.
METHODS: dict[str, tuple[str | None, str, Callable[[Path, int], None]]] = {
    "sgd": ("trees", "pandas in chunks, scikit-learn `SGDRegressor.partial_fit`", sgd),
    "mlp": ("trees", "pandas in chunks, scikit-learn `MLPRegressor.partial_fit`", mlp),
    "lightgbm": ("trees", f"LightGBM, {_TREES} trees, rows read whole", lightgbm),
    "data_loader": (None, "PyTorch `DataLoader` over Parquet, read by polars", data_loader),
}


def main() -> None:
    """Measure one method."""
    name, table, num_rows = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    began = time.perf_counter()
    METHODS[name][2](table, num_rows)
    print(json.dumps({"rows": num_rows, "seconds": time.perf_counter() - began}))


if __name__ == "__main__":
    main()
