import json
from pathlib import Path
from threading import Event

import numpy as np
import optuna
import polars as pl
import pytest

from multilayer import TuneRun, tune
from multilayer.errors import CheckpointError, SettingsError, TableError
from multilayer.experiments.tune.budget import Budget
from multilayer.experiments.tune.finalists import mean_loss
from multilayer.fit.column_roles import ColumnRoles
from multilayer.model.model_file import load_model
from multilayer.reading.table import read_table
from multilayer.report.collect import write_report
from multilayer.runs.evaluation import evaluate_run
from multilayer.runs.inspection import inspect_table

pytestmark = pytest.mark.filterwarnings("ignore::multilayer.errors.DataWarning")

QUICK = {"hidden_widths": (8,), "max_epochs": 4, "numeric_embedding": False}
TARGET = ColumnRoles(("target",))


def run_of(data: Path, folder: Path, num_trials: int = 8, **options) -> TuneRun:
    options = {"settings": QUICK, **options}
    return TuneRun(data, TARGET, folder, budget=Budget(num_trials=num_trials), **options)


def trials_of(folder: Path) -> list[optuna.trial.FrozenTrial]:
    storage = optuna.storages.JournalStorage(
        optuna.storages.journal.JournalFileBackend(str(folder / "study.journal"))
    )
    return optuna.load_study(study_name="tune", storage=storage).trials


def test_a_search_leaves_a_run_folder_that_everything_reads(cancer, tmp_path):
    result = tune(cancer, "target", num_trials=10, output=tmp_path / "run", settings=QUICK)
    assert sorted(path.name for path in result.folder.iterdir() if path.name[0] != ".") == [
        "curves.png", "history.jsonl", "model.safetensors", "results.json", "settings.json",
        "study.journal", "trials.csv", "tune.json",
    ]  # fmt: skip
    frame = pl.read_csv(cancer)
    loaded = load_model(result.folder / "model.safetensors")
    np.testing.assert_array_equal(
        loaded.probabilities(frame.drop("target")), result.model.probabilities(frame)
    )
    accuracy = result.scores[0]
    assert accuracy.name == "accuracy"
    assert 0.7 < accuracy.low < accuracy.value
    assert result.model.network.num_members == 5
    evaluation, _ = evaluate_run(result.folder, cancer)
    assert evaluation.num_rows == 200
    assert inspect_table(result.folder).importances
    assert write_report([result.folder]).is_file()
    trials = pl.read_csv(result.folder / "trials.csv")
    assert len(trials) == 10
    assert set(trials["state"]) <= {"complete", "pruned", "diverged"}


def test_rows_set_aside_are_not_learned_from_nor_measured_on(cancer, tmp_path):
    run = run_of(cancer, tmp_path / "run")
    aside, searched = run.rows.set_aside.numbers, run.rows.searched.numbers
    assert len(aside) == 40
    assert not set(aside) & set(searched)
    assert set(aside) | set(searched) == set(range(200))
    for _ in run.search():
        pass
    *finalists, result = run.choose()
    for finalist in finalists:
        assert not set(finalist.fit.rows.numbers) & set(aside)
    named = json.loads((result.folder / "settings.json").read_text())["data"]["validation_rows"]
    assert named == list(aside)
    frame = read_table(cancer)[aside]
    said = result.model.predict(frame)
    is_right = said == frame["target"].to_numpy()
    assert result.scores[0].value == pytest.approx(is_right.mean())


def test_the_winner_is_the_best_in_folds(diabetes, tmp_path):
    run = run_of(diabetes, tmp_path / "run", num_trials=9)
    for _ in run.search():
        pass
    *finalists, result = run.choose()
    assert len(finalists) == 3
    best = min(finalists, key=lambda one: one.loss)
    assert result.params == best.trial.params
    assert [one.trial.number for one in finalists] == [
        trial.number for trial in run.tally().best[:3]
    ]
    assert result.results["cross_validation"][0]["name"] == "RMSE"
    # The loss in folds is the mean square error of the standardised target, as in the search.
    rmse = best.scores[0].value / best.model.targets.scale.deviations[0]
    assert best.loss == pytest.approx(rmse**2)


def test_trials_of_a_group_share_a_shape_and_differ_in_numbers(cancer, tmp_path):
    run = TuneRun(
        cancer, TARGET, tmp_path / "run", budget=Budget(num_trials=16),
        settings={"max_epochs": 2, "hidden_widths": (8,)},
    )  # fmt: skip
    sizes = {progress.group_size for progress in run.search()}
    assert max(sizes) > 4
    rates = [trial.params["learning_rate"] for trial in trials_of(run.folder.path)]
    assert len(set(rates)) > 10


def test_a_study_goes_on_where_it_was_stopped(cancer, tmp_path):
    stop = Event()
    run = run_of(cancer, tmp_path / "run", num_trials=12)
    for progress in run.search(stop):
        if progress.tally.num_finished >= 4 and progress.epoch == 1:
            stop.set()
    assert list(run.choose(stop)) == []
    run.close()
    stopped = trials_of(tmp_path / "run")
    assert not [trial for trial in stopped if trial.state.name == "RUNNING"]
    assert [trial for trial in stopped if trial.state.name == "WAITING"]
    again = run_of(cancer, tmp_path / "run", num_trials=12)
    assert not again.is_new
    for _ in again.search():
        pass
    assert again.tally().num_finished == 12
    tried = [trial for trial in trials_of(tmp_path / "run") if "retry_of" in trial.user_attrs]
    assert tried
    for trial in tried:
        failed = trials_of(tmp_path / "run")[trial.user_attrs["retry_of"]]
        assert failed.state.name == "FAIL"
        assert failed.params == trial.params


@pytest.mark.parametrize(
    ("change", "differing"),
    [
        ({"seed": 1}, "seed was 0, now it is 1"),
        ({"recipe": "fast"}, "recipes was"),
        ({"settings": {**QUICK, "batch_size": 32}}, "settings batch_size was None, now it is 32"),
    ],
)
def test_a_study_of_something_else_is_not_gone_on_with(cancer, tmp_path, change, differing):
    run_of(cancer, tmp_path / "run").close()
    with pytest.raises(CheckpointError, match=differing):
        run_of(cancer, tmp_path / "run", **change)


def test_a_changed_table_is_another_study(cancer, tmp_path):
    run_of(cancer, tmp_path / "run").close()
    cancer.write_text(cancer.read_text() + cancer.read_text().splitlines()[1] + "\n")
    with pytest.raises(CheckpointError, match="data was"):
        run_of(cancer, tmp_path / "run")


def test_no_trial_in_the_time_given_is_said_and_nothing_is_lost(cancer, tmp_path):
    run = TuneRun(cancer, TARGET, tmp_path / "run", budget=Budget(seconds=1e-6), settings=QUICK)
    for _ in run.search():
        pass
    with pytest.raises(SettingsError, match="no trial came to its end in the time given"):
        list(run.choose())
    run.close()
    assert (tmp_path / "run" / "study.journal").is_file()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("a,target\n" + "1,0\n2,1\n" * 10, "has 20 rows with a target; a search needs at least 50"),
        ("a,b\n1,2\n", "target"),
        ("", "is empty"),
    ],
)
def test_tables_that_cannot_be_searched(tmp_path, content, complaint):
    (tmp_path / "table.csv").write_text(content)
    with pytest.raises(TableError, match=complaint):
        run_of(tmp_path / "table.csv", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_rate_that_diverges_is_counted_and_not_chosen(diabetes, tmp_path):
    run = run_of(
        diabetes, tmp_path / "run", recipe="chapter",
        settings={"hidden_widths": (8,), "max_epochs": 3, "learning_rate": 1e30},
    )  # fmt: skip
    for _ in run.search():
        pass
    known = run.tally()
    assert known.num_diverged == 8
    with pytest.raises(SettingsError, match="no trial came to its end"):
        list(run.choose())


def test_groups_of_rows_are_not_divided(tmp_path):
    rows = [f"{number},{number % 7},{number % 2},{number // 3}" for number in range(180)]
    (tmp_path / "table.csv").write_text("a,b,target,house\n" + "\n".join(rows) + "\n")
    run = TuneRun(
        tmp_path / "table.csv", ColumnRoles(("target",), group_by="house"), tmp_path / "run",
        budget=Budget(num_trials=1), settings=QUICK,
    )  # fmt: skip
    assert not set(run.rows.set_aside.groups) & set(run.rows.searched.groups)


def test_the_loss_in_folds_is_that_of_the_search(cancer, tmp_path):
    run = run_of(cancer, tmp_path / "run", num_trials=3)
    for _ in run.search():
        pass
    first, *_ = run.choose()
    answers = np.array([[0.25, 0.75], [0.5, 0.5]])
    expected = -(np.log(0.75) + np.log(0.5)) / 2
    assert mean_loss(first.model.targets, answers, np.array([1, 0])) == pytest.approx(expected)


@pytest.mark.parametrize("task", ["multilabel", "regression"])
def test_several_targets(task, tmp_path):
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(120, 3))
    numbers = np.stack([inputs[:, 0], inputs.sum(axis=1)], axis=1)
    answers = (numbers > 0).astype(int) if task == "multilabel" else numbers
    frame = pl.DataFrame({"a": inputs[:, 0], "b": inputs[:, 1], "c": inputs[:, 2]})
    frame = frame.with_columns(one=pl.Series(answers[:, 0]), two=pl.Series(answers[:, 1]))
    frame.write_csv(tmp_path / "table.csv")
    result = tune(
        tmp_path / "table.csv", ["one", "two"], num_trials=2, output=tmp_path / "run", task=task,
        settings=QUICK,
    )  # fmt: skip
    assert result.model.targets.task == task
    assert result.scores[0].low <= result.scores[0].value <= result.scores[0].high
    assert all(np.isfinite(one["loss_in_folds"]) for one in result.results["finalists"])


def test_who_comes_second_helps_and_leaves_the_choice_to_the_first(cancer, tmp_path):
    first = run_of(cancer, tmp_path / "run", num_trials=6)
    second = run_of(cancer, tmp_path / "run", num_trials=6)
    assert (first.is_choosing, second.is_choosing) == (True, False)
    for _ in second.search():
        pass
    assert not second.is_choosing
    assert first.tally().num_finished == 6
    for _ in first.search():
        pass
    *_, result = first.choose()
    assert result.folder == tmp_path / "run"
    # Now that there is a result, one that still helped has nothing to choose.
    assert second.folder.take_over().own is None
    for run in (first, second):
        run.close()


def test_who_helped_takes_over_where_the_first_is_gone(cancer, tmp_path):
    first = run_of(cancer, tmp_path / "run", num_trials=2)
    second = run_of(cancer, tmp_path / "run", num_trials=2)
    first.close()
    for _ in second.search():
        pass
    assert second.is_choosing
    second.close()
