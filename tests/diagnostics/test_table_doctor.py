"""The doctor and the pictures on runs on tables."""

import shlex

import numpy as np
import polars as pl
import pytest

from multilayer.cli.application import run as multilayer_in_process
from multilayer.diagnostics.doctor.examination import doctor
from multilayer.diagnostics.learning import learning_of, save_pictures, snapshots_of
from multilayer.engine.network import Network
from multilayer.engine.target_statistics import without_versions
from multilayer.errors import RunFolderError, TrainingDivergedError
from multilayer.fit.column_roles import ColumnRoles
from multilayer.model.model_file import load_model
from multilayer.runs.earlier_runs import TableRun

SMALL = {"hidden_widths": (32,), "max_epochs": 30, "batch_size": 64}


def write(path, num_rows=3000, **columns):
    source = np.random.default_rng(0)
    x, y = source.uniform(-1, 1, (2, num_rows))
    flips = source.random(num_rows) < 0.02
    pl.DataFrame(
        {
            "x": 100 * x, "y": y,
            "class": np.where((np.hypot(x, y) > 0.7) ^ flips, "far", "near"),
            "price": x**2 + y + source.normal(0, 0.1, num_rows),
            **{name: make(source, x, y, flips) for name, make in columns.items()},
        }
    ).write_csv(path)  # fmt: skip
    return path


def fit(path, output, target, drop, recipe_name="fast", **changes):
    run = TableRun(path, ColumnRoles((target,), drop=(drop,)), output, recipe_name=recipe_name,
                   changes={**SMALL, **changes})  # fmt: skip
    try:
        list(run.epochs())
        run.finish()
    except TrainingDivergedError:
        run.folder.release()
    return run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    write(folder / "rings.csv")
    fit(folder / "rings.csv", folder / "class", "class", "price")
    fit(folder / "rings.csv", folder / "price", "price", "class")
    fit(folder / "rings.csv", folder / "folds", "class", "price", "best", max_epochs=12)
    return folder


@pytest.mark.parametrize("name", ["class", "price", "folds"])
def test_a_healthy_run_leaves_every_rule_silent(folder, name):
    assert doctor(folder / name) == []
    assert doctor(folder / name, is_quick=True) == []


@pytest.mark.parametrize(
    ("name", "target", "data", "settings"),
    [
        ("learning rate too high", "price", {}, {"learning_rate": 1e6, "optimizer": "sgd"}),
        ("learning rate too low", "class", {}, {"learning_rate": 1e-6, "max_epochs": 6}),
        ("learning rate too low", "price", {}, {"learning_rate": 3e-4, "max_epochs": 6}),
        ("few validation rows", "price", {"num_rows": 60}, {}),
        ("few validation rows", "class", {"num_rows": 200}, {}),
        ("leak suspected", "price", {"paid": lambda _, x, y, __: 3 * (x**2 + y)}, {}),
        ("leak suspected", "class",
         {"code": lambda _, x, y, flips: np.where((np.hypot(x, y) > 0.7) ^ flips, "a", "b")}, {}),
        ("overfitting", "class", {"num_rows": 150},
         {"selection": "last", "max_epochs": 200, "batch_size": 16}),
    ],
)  # fmt: skip
def test_a_run_that_shows_the_fault(tmp_path, name, target, data, settings):
    if name == "leak suspected" and target == "price":
        data = {**data, "price": lambda _, x, y, __: x**2 + y}
    path = write(tmp_path / "t.csv", **data)
    run = fit(path, tmp_path / "run", target, "class" if target == "price" else "price", **settings)
    found = doctor(tmp_path / "run")
    assert any(diagnosis.name.startswith(name) for diagnosis in found), found
    assert [one.name for one in doctor(tmp_path / "run", run.fit)] == [one.name for one in found]
    for diagnosis in found:
        words = shlex.split(diagnosis.next_step)
        assert words[1] in ("train", "compare")
        assert words[2] == str(path)
        assert words[words.index("--target") + 1] == target


def test_a_table_with_nothing_held_out_is_told_of(tmp_path):
    path = write(tmp_path / "t.csv", 300)
    fit(path, tmp_path / "run", "class", "price", validation_fraction=0.0, selection="last")
    [found] = doctor(tmp_path / "run")
    assert found.name == "nothing held out"
    assert "all 300 rows" in found.evidence
    assert "--validation" not in found.next_step  # the recipe holds a fifth out


def test_numbers_that_are_answered_by_their_mean_are_no_better_than_guessing(tmp_path):
    path = write(tmp_path / "t.csv", noise=lambda source, x, *_: source.normal(0, 1, len(x)))
    run = TableRun(
        path, ColumnRoles(("noise",), drop=("class", "price")), tmp_path / "run",
        recipe_name="fast", changes=SMALL,
    )  # fmt: skip
    list(run.epochs())
    run.finish()
    found = {one.name: one for one in doctor(tmp_path / "run")}
    assert "always answering the mean has 0" in found["no better than guessing"].evidence


def test_copies_are_found(tmp_path):
    path = write(tmp_path / "t.csv")
    frame = pl.read_csv(path)
    pl.concat([frame, frame[:400]]).write_csv(path)
    fit(path, tmp_path / "run", "class", "price")
    [found] = [one for one in doctor(tmp_path / "run") if one.name == "leak suspected"]
    assert "validation rows" in found.evidence


def test_copies_are_found_and_learning_is_repeated_with_statistics_of_categories(tmp_path):
    path = write(tmp_path / "t.csv", town=lambda source, *_: source.integers(0, 20, 3000))
    frame = pl.read_csv(path).with_columns(town=pl.format("town {}", "town"))
    pl.concat([frame, frame[:400]]).write_csv(path)
    changes = {"category_statistics": True, "one_hot_limit": 8, "selection": "last"}
    fit(path, tmp_path / "run", "class", "price", max_epochs=3, **changes)
    assert "leak suspected" in {one.name for one in doctor(tmp_path / "run")}
    learning = learning_of(tmp_path / "run")
    [*_, last] = snapshots_of(learning)
    trained = learning.fit.network.spec
    network = without_versions(Network.of(trained, last.parameters.unsqueeze(0)))
    assert network.parameters.equal(load_model(tmp_path / "run").network.parameters)


def test_a_table_that_has_changed(tmp_path):
    path = write(tmp_path / "t.csv", 300)
    fit(path, tmp_path / "run", "class", "price", max_epochs=4)
    pl.read_csv(path)[:200].write_csv(path)
    with pytest.raises(RunFolderError, match="has changed since the run"):
        doctor(tmp_path / "run")


def test_training_ends_with_a_line_of_the_doctor(tmp_path, capsys):
    path = write(tmp_path / "t.csv", 300)
    arguments = ["train", str(path), "--target", "class", "--drop", "price", "--recipe", "fast",
                 "--max-epochs", "4", "--hidden-widths", "8",
                 "--output", str(tmp_path / "run")]  # fmt: skip
    assert multilayer_in_process(arguments) == 0
    assert "\ndoctor: " in capsys.readouterr().out
    assert multilayer_in_process(["doctor", str(tmp_path / "run")]) == 0


def test_regions_of_a_table_with_two_inputs(folder, tmp_path):
    learning = learning_of(folder / "class")
    assert learning.plane is not None
    assert learning.plane.names == ("x", "y")
    model = load_model(folder / "class" / "model.safetensors")
    points = np.array([[0.0, 0.0], [90.0, 0.9]])
    said = model.network.logits(learning.plane.inputs_of(points))[0].argmax(-1)
    assert [learning.class_names[number] for number in said] == ["near", "far"]
    snapshots = list(snapshots_of(learning))
    assert save_pictures(learning, snapshots, tmp_path) == []
    assert {path.name for path in tmp_path.iterdir()} == {
        "regions.gif", "regions.png", "regions.svg", "loss_surface.png", "loss_surface.svg",
    }  # fmt: skip


def test_other_tables_have_the_surface_alone(folder, tmp_path):
    learning = learning_of(folder / "price")
    [note] = save_pictures(learning, list(snapshots_of(learning)), tmp_path)
    assert "two numeric columns and a class" in note
    assert {path.name for path in tmp_path.iterdir()} == {"loss_surface.png", "loss_surface.svg"}


def test_a_run_is_repeated_to_the_same_weights(tmp_path):
    path = write(tmp_path / "t.csv", 300)
    fit(path, tmp_path / "run", "class", "price", selection="last", max_epochs=5)
    *_, last = snapshots_of(learning_of(tmp_path / "run"))
    kept = load_model(tmp_path / "run" / "model.safetensors").network.parameters[0]
    np.testing.assert_array_equal(last.parameters.numpy(), kept.numpy())
