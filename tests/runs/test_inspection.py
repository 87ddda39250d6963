import json

import numpy as np
import polars as pl
import pytest

from multilayer.errors import RunFolderError
from multilayer.fit.column_roles import ColumnRoles
from multilayer.metrics.importance import permutation_importance
from multilayer.model.model_file import load_model
from multilayer.runs.earlier_runs import TableRun
from multilayer.runs.inspection import held_out_rows, inspect_table, members_holding_out

SETTINGS = {
    "hidden_widths": (128,), "max_epochs": 400, "num_folds": 3, "selection": "last",
    "validation_fraction": 0.0, "num_threads": 1, "batch_size": 128,
}  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Three folds that learn noise by heart: only on its own rows is a member at a loss."""
    folder = tmp_path_factory.mktemp("inspection")
    generator = np.random.default_rng(0)
    frame = pl.DataFrame(generator.normal(size=(90, 4)), schema=["a", "b", "c", "d"])
    frame = frame.with_columns(y=pl.Series(generator.normal(size=90)))
    frame.write_csv(folder / "noise.csv")
    run = TableRun(
        folder / "noise.csv", ColumnRoles(("y",)), folder / "run", recipe_name="fast",
        changes=SETTINGS,
    )  # fmt: skip
    for _ in run.epochs():
        pass
    run.finish()
    return folder / "run"


def test_each_member_is_looked_at_on_the_rows_that_it_held_out(run):
    """Shuffling a column hurts an answer that was learned by heart, and does nothing to a guess."""
    model = load_model(run / "model.safetensors")
    rows, _ = held_out_rows(run, model)
    members = members_holding_out(run, rows)
    assert len(rows) == 90
    assert np.bincount(members).tolist() == [30, 30, 30]
    honest = {i.column: i.rise for i in inspect_table(run).importances}
    mean = {i.column: i.rise for i in permutation_importance(model, rows.frame, rows.targets)}
    assert max(map(abs, honest.values())) < 0.5 * min(mean.values())
    assert inspect_table(run).importances == permutation_importance(
        model, rows.frame, rows.targets, members
    )


def test_rows_that_nobody_is_said_to_have_held_out_are_named(run, tmp_path):
    settings = json.loads((run / "settings.json").read_text())
    model = load_model(run / "model.safetensors")
    rows, _ = held_out_rows(run, model)
    del settings["data"]["validation_members"]  # as runs of before have it
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    assert members_holding_out(tmp_path, rows) is None
    settings["data"]["validation_members"] = [0] * 89
    settings["data"]["validation_rows"] = settings["data"]["validation_rows"][:89]
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    with pytest.raises(RunFolderError, match="do not name the network of row 89"):
        members_holding_out(tmp_path, rows)
