"""Whether a model will fit into its file is known before it is trained."""

import numpy as np
import polars as pl
import pytest

from multilayer import MLPClassifier
from multilayer.container import writing
from multilayer.errors import DataWarning, ModelFileError
from multilayer.fit.column_roles import ColumnRoles
from multilayer.fit.large_table import LargeTable
from multilayer.runs.earlier_runs import TableRun

ROWS = pl.DataFrame({"x": np.arange(40.0), "town": ["a", "b"] * 20, "y": [0, 1, 1, 0] * 10})


@pytest.fixture
def narrow(monkeypatch):
    """Files that hold next to nothing beside what training adds."""
    monkeypatch.setattr(writing, "LARGEST_DOCUMENT_BYTES", 200_300)


@pytest.fixture
def path(tmp_path):
    ROWS.write_csv(tmp_path / "rows.csv")
    return tmp_path / "rows.csv"


@pytest.mark.usefixtures("narrow")
def test_a_run_is_refused_before_it_begins(path, tmp_path):
    with pytest.raises(
        ModelFileError, match=r"of these 2 columns could not be saved.*drop columns"
    ):
        TableRun(path, ColumnRoles(("y",)), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("narrow")
def test_so_is_one_on_a_large_table(path, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    table = LargeTable(path, ColumnRoles(("y",)), 1_000_000_000)
    list(table.prepare())
    with pytest.raises(ModelFileError, match="could not be saved"):
        TableRun.of_large(table, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("narrow")
def test_an_estimator_says_so_and_goes_on():
    X, y = ROWS.drop("y"), ROWS["y"].to_numpy()
    with pytest.warns(DataWarning, match="could not be saved"):
        estimator = MLPClassifier(recipe="fast", max_iter=1).fit(X, y)
    assert len(estimator.predict(X)) == len(X)
