"""Small real tables, and settings that train in a moment."""

from pathlib import Path

import polars as pl
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes


def _written(data, path: Path, num_rows: int) -> Path:
    frame = pl.DataFrame({name: data.frame[name].to_numpy() for name in data.frame})
    frame[:num_rows].write_csv(path)
    return path


@pytest.fixture
def cancer(tmp_path: Path) -> Path:
    """200 rows, two classes in the column target."""
    return _written(load_breast_cancer(as_frame=True), tmp_path / "cancer.csv", 200)


@pytest.fixture
def diabetes(tmp_path: Path) -> Path:
    """200 rows, a number in the column target."""
    return _written(load_diabetes(as_frame=True), tmp_path / "diabetes.csv", 200)
