"""A second network learns from all rows; scores, temperature and intervals are the first's."""

from dataclasses import replace
from threading import Event
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from kept_states import KeepAll

from multilayer import MLPClassifier, load_images, recipe
from multilayer.columns.kinds import infer_schema
from multilayer.engine.network import Network
from multilayer.engine.settings import SEED_STEP
from multilayer.engine.target_statistics import statistic_tables, with_versions, without_versions
from multilayer.engine.training import train
from multilayer.engine.training_loop import Training
from multilayer.errors import DataWarning, SettingsError, TrainingDivergedError
from multilayer.fit.column_roles import ColumnRoles
from multilayer.fit.fit import Fit
from multilayer.fit.prepare import prepare
from multilayer.fit.refit import Refit
from multilayer.fit.rows import Rows
from multilayer.metrics.importance import permutation_importance
from multilayer.model.model_file import load_model, load_predictor, save_model
from multilayer.pack.fit_of import fit_of
from multilayer.runs.earlier_runs import TableRun
from multilayer.runs.inspection import held_out_rows, inspect_table, members_holding_out

pytestmark = pytest.mark.usefixtures("batch_by_batch")

QUICK: dict[str, Any] = {
    "refit": True, "max_epochs": 12, "hidden_widths": (16,), "batch_size": 32, "num_threads": 1,
    "selection": "loss", "validation_fraction": 0.2, "seed": 3, "learning_rate": 0.05,
}  # fmt: skip


@pytest.fixture(scope="module")
def mixed() -> Rows:
    """Numbers and a column of 30 categories, some of which say something of the target."""
    generator = np.random.default_rng(0)
    numbers, codes = generator.normal(size=(400, 3)), generator.integers(0, 30, 400)
    target = (numbers[:, 0] + (codes % 3) - 1 + generator.normal(size=400) > 0).astype(int)
    frame = pl.DataFrame(numbers, schema=["a", "b", "c"])
    return Rows(frame.with_columns(kind=pl.Series([f"k{code}" for code in codes])), target)


def data_of(rows: Rows, changes: dict[str, Any] = QUICK, **options: Any) -> Any:
    options = {"recipe_name": "default", "changes": changes, **options}
    return prepare(rows, infer_schema(rows.frame), **options)


def fitted(rows: Rows, changes: dict[str, Any] = QUICK, **options: Any) -> Fit:
    return trained(fit_of(lambda settings: data_of(rows, changes, settings=settings, **options)))


def trained(fit: Fit, **options: Any) -> Fit:
    for _ in fit.epochs(**options):
        pass
    return fit


class KeepNone(KeepAll):
    """Keeps what it is given without having asked."""

    def is_due(self, *, is_epoch_over: bool) -> bool:
        return False


def test_the_second_network_is_one_of_all_rows_up_to_the_firsts_epoch(mixed):
    fit = fitted(mixed)
    assert isinstance(fit, Refit) and fit.second is not None
    best = fit.history[-1]["best_epochs"][0]
    assert 1 < best < len(fit.history) == 12
    settings = replace(fit.settings, seed=3 + SEED_STEP, selection="last", validation_fraction=0.0)
    examples, sizes = fit.data.examples, fit.encoder.category_sizes
    changes = {**QUICK, "validation_fraction": 0.0, "seed": 3 + SEED_STEP, "refit": False}
    parts = data_of(mixed, changes).examples.inputs[:, -1:].long() // torch.tensor(sizes)
    assert set(parts.flatten().tolist()) == {1, 2, 3, 4, 5}  # no row meets its own target
    examples = replace(examples, inputs=with_versions(examples.inputs, sizes, parts.flatten()))
    statistics = statistic_tables(fit.data.spec, examples)
    plain = Network.for_training(fit.data.spec, [settings], examples.inputs, statistics=statistics)
    for record in (epochs := train(plain, examples, settings)):
        if record.epoch == best:
            break
    epochs.close()
    assert torch.equal(fit.second.parameters, without_versions(plain).parameters)


def test_scores_temperature_and_sets_are_those_of_the_first_alone(mixed):
    fit, single = fitted(mixed), fitted(mixed, {**QUICK, "refit": False})
    assert type(single) is Fit
    both, first = fit.model(), single.model()
    assert both.num_members == 2 and first.num_members == 1
    assert fit.model_members() == [0, 1]
    assert torch.equal(both.leading.parameters[:1], first.leading.parameters)
    assert both.temperature == first.temperature
    for one, other in zip(both.conformal.of_members, first.conformal.of_members, strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(fit.held_out_answers(both), single.held_out_answers(first), strict=True):
        np.testing.assert_array_equal(one, other)
    second = replace(first, network=fit.second)
    mean = (first.probabilities(mixed.frame) + second.probabilities(mixed.frame)) / 2
    np.testing.assert_allclose(both.probabilities(mixed.frame), mean, rtol=1e-9)


def test_numbers_are_averaged_too_and_intervals_stay(diabetes):
    frame, numbers = diabetes
    changes = {**QUICK, "learning_rate": 0.02}
    both = fitted(Rows(frame, numbers), changes).model()
    first = fitted(Rows(frame, numbers), {**changes, "refit": False}).model()
    assert both.num_members == 2
    width = np.diff(both.intervals(frame, 0.8), axis=-1)
    np.testing.assert_allclose(width, np.diff(first.intervals(frame, 0.8), axis=-1), rtol=1e-6)


def test_held_out_rows_reach_the_second_network_alone(mixed):
    """What stands in them changes nothing in the first one's training."""
    fit = fitted(mixed, {**QUICK, "selection": "last"})
    held_out = fit.split.held_out[0]
    numbers = mixed.frame["a"].to_numpy().copy()
    numbers[held_out] *= -3
    frame = mixed.frame.with_columns(a=pl.Series(numbers))
    again = fitted(Rows(frame, mixed.targets), {**QUICK, "selection": "last"})
    assert torch.equal(fit.network.parameters, again.network.parameters)
    assert not torch.equal(fit.second.parameters, again.second.parameters)


def test_a_fit_goes_on_bit_for_bit_from_any_state(mixed):
    keeper = KeepAll()
    whole = trained(fit_of(lambda _: data_of(mixed)), keeper=keeper)
    expected = whole.model().leading.parameters
    for state in (keeper.states[0], keeper.states[len(keeper.states) // 2], keeper.states[-1]):
        fit = fit_of(lambda _: data_of(mixed))
        fit.resume(state)
        trained(fit)
        assert torch.equal(fit.model().leading.parameters, expected)
        assert [{**line, "seconds": 0} for line in fit.history] == [
            {**line, "seconds": 0} for line in whole.history
        ]


def test_a_stop_in_the_second_leaves_the_first_and_can_go_on(mixed):
    whole = fitted(mixed).model()
    fit, stop, keeper, seen = fit_of(lambda _: data_of(mixed)), Event(), KeepNone(), []

    def stop_at_the_second_epoch(num_done: int, num_epochs: int) -> None:
        seen.append((num_done, num_epochs))
        if num_done == 2:
            stop.set()

    fit.on_second = stop_at_the_second_epoch
    trained(fit, stop=stop, keeper=keeper)
    best = fit.history[-1]["best_epochs"][0]
    assert seen == [(0, best), (1, best), (2, best)]
    first = fit.model()
    assert fit.second is None and first.num_members == 1 and fit.model_members() == [0]
    assert torch.equal(first.leading.parameters, whole.leading.parameters[:1])
    (state,) = keeper.states
    assert state.epoch == 13
    again = fit_of(lambda _: data_of(mixed))
    again.resume(state)
    assert list(again.epochs()) == []
    assert torch.equal(again.model().leading.parameters, whole.leading.parameters)


def test_only_the_state_after_the_last_epoch_is_copied_for_the_second(mixed, monkeypatch):
    taken, state = [], Training.state
    monkeypatch.setattr(Training, "state", lambda one: taken.append(1) or state(one))
    keeper = KeepNone()
    trained(fit_of(lambda _: data_of(mixed)), keeper=keeper)
    assert len(taken) == 1 and not keeper.states


def test_a_stop_in_the_first_keeps_its_state_and_trains_no_second(mixed):
    fit, stop, keeper = fit_of(lambda _: data_of(mixed)), Event(), KeepNone()
    for record in fit.epochs(stop, keeper):
        if record.epoch == 3:
            stop.set()
    assert fit.second is None and len(keeper.states) == 1
    again = fit_of(lambda _: data_of(mixed))
    again.resume(keeper.states[0])
    expected = fitted(mixed).model().leading.parameters
    assert torch.equal(trained(again).model().leading.parameters, expected)


def test_a_second_network_that_diverges_is_left_out_and_said(mixed, monkeypatch):
    plain = Fit.epochs

    def epochs(fit: Fit, *arguments: Any) -> Any:
        if fit.settings.refit:
            yield from plain(fit, *arguments)
        else:
            raise TrainingDivergedError("training", 1, 1, 0.05)

    fit = fit_of(lambda _: data_of(mixed))
    monkeypatch.setattr(Fit, "epochs", epochs)
    with pytest.warns(DataWarning, match="the second network, on all rows"):
        trained(fit)
    assert fit.model().num_members == 1


def test_files_hold_both_networks(mixed, tmp_path):
    model = fitted(mixed).model()
    save_model(model, tmp_path / "model.safetensors")
    read, light = (load(tmp_path / "model.safetensors") for load in (load_model, load_predictor))
    expected = model.probabilities(mixed.frame)
    np.testing.assert_array_equal(read.probabilities(mixed.frame), expected)
    np.testing.assert_allclose(light.probabilities(mixed.frame), expected, rtol=1e-5, atol=1e-7)


def test_groups_and_pictures_are_trained_again_too(mixed):
    groups = np.repeat(np.arange(80), 5)
    fit = fitted(replace(mixed, groups=groups))
    assert fit.model().num_members == 2
    digits = load_images("digits")
    rows = Rows.of_images(digits.train, digits.class_names)
    changes = {**QUICK, "max_epochs": 3, "augment": ("shift",)}
    fit = fit_of(lambda _: prepare(rows, recipe_name="default", changes=changes))
    assert trained(fit).model().num_members == 2


def test_the_last_epoch_is_the_firsts_epoch_where_none_is_chosen(mixed):
    counts = []
    fit = fit_of(lambda _: data_of(mixed, {**QUICK, "selection": "last", "max_epochs": 4}))
    fit.on_second = lambda num_done, num_epochs: counts.append((num_done, num_epochs))
    trained(fit)
    assert counts[-1] == (4, 4)


@pytest.mark.parametrize(
    ("changes", "options", "reason"),
    [
        ({"validation_fraction": 0.0}, {}, "no rows are held out"),
        ({}, {"validation": True}, "not from the training data"),
    ],
    ids=["nothing held out", "own validation"],
)
def test_where_there_is_no_second_network_it_is_said(mixed, changes, options, reason):
    if options:
        options = {"validation": mixed.take(np.arange(50))}
    with pytest.warns(DataWarning, match=rf"\(refit, --refit\).*{reason}"):
        data = data_of(mixed, {**QUICK, **changes}, **options)
    assert not data.settings.refit


@pytest.mark.parametrize("changes", [{"num_folds": 5}, {"num_members": 2}, {"num_draws": 3}])
def test_many_networks_are_not_trained_again(changes):
    with pytest.raises(SettingsError, match="refit trains one network again"):
        recipe("fast", "classification", refit=True, **changes)
    assert not recipe("default", "classification", num_rows=9_000, **changes).refit


def test_default_does_so_from_1000_rows_on():
    for task in ("classification", "regression", "multilabel"):
        assert recipe("default", task, num_rows=1_000).refit
        assert not recipe("default", task, num_rows=999).refit
        assert not recipe("fast", task, num_rows=9_000).refit
        assert not recipe("best", task, num_rows=9_000).refit
    assert not recipe("default", "images").refit


def test_an_estimator_says_that_it_trains_a_second(mixed, capsys):
    settings = {name: value for name, value in QUICK.items() if name != "seed"}
    estimator = MLPClassifier(settings=settings, verbose=True, random_state=0)
    assert estimator.fit(mixed.frame, mixed.targets).model_.num_members == 2
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].startswith("second network, on all rows: epoch ")
    assert any(line.endswith(" epochs") for line in lines)


def test_a_warm_start_has_one_network(mixed):
    X, y = mixed.frame.to_pandas(), mixed.targets
    settings = {name: value for name, value in QUICK.items() if name not in ("seed", "refit")}
    estimator = MLPClassifier(settings=settings, warm_start=True, random_state=0)
    assert estimator.fit(X, y).fit(X, y).model_.num_members == 1
    estimator.set_params(settings={**settings, "refit": True})
    with pytest.raises(SettingsError, match="does not go with warm_start"):
        estimator.fit(X, y)


def test_a_run_is_inspected_by_its_first_network(mixed, tmp_path):
    """The second has learned the held-out rows, and would be too sure of them."""
    mixed.frame.with_columns(y=pl.Series(mixed.targets)).write_csv(tmp_path / "t.csv")
    run = TableRun(
        tmp_path / "t.csv", ColumnRoles(("y",)), tmp_path / "run", recipe_name="default",
        changes=QUICK,
    )  # fmt: skip
    for _ in run.epochs():
        pass
    results = run.finish()
    assert results["members"] == [0, 1]
    assert (results["num_members"], results["num_diverged"]) == (2, 0)
    model = load_model(tmp_path / "run" / "model.safetensors")
    rows, _ = held_out_rows(tmp_path / "run", model)
    assert len(rows) == 80
    assert members_holding_out(tmp_path / "run", rows).tolist() == [0] * 80
    first = replace(model, network=model.leading.member(0))
    assert inspect_table(tmp_path / "run").importances == permutation_importance(
        first, rows.frame, rows.targets
    )
    assert results["train_seconds"] > sum(line["seconds"] for line in run.history)
