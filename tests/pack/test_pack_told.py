"""What a pack in training and one that has ended tell of themselves; and what it refuses."""

import threading
from itertools import count

import numpy as np
import polars as pl
import pytest

from multilayer.columns.kinds import infer_schema
from multilayer.engine.settings import TrainingSettings
from multilayer.errors import SettingsError
from multilayer.estimators.classifier import MLPClassifier
from multilayer.experiments.compare import compare
from multilayer.experiments.tune.search_space import check_pinned
from multilayer.fit.prepare import prepare
from multilayer.fit.rows import Rows
from multilayer.pack.pack_fit import PackFit
from multilayer.pack.time_limit import Deadline
from multilayer.recipes.recipes import recipe
from multilayer.runs.written_settings import read_settings

SMALL = {"max_epochs": 4, "num_draws": 3, "hidden_widths": (4,), "num_folds": 2}


def rows_of(num_rows: int = 60) -> Rows:
    x = np.random.default_rng(0).normal(size=(num_rows, 2))
    frame = pl.DataFrame({"a": x[:, 0], "b": x[:, 1]})
    return Rows(frame, np.where(x[:, 0] + x[:, 1] > 0, "yes", "no"))


def pack_fit(deadline: Deadline | None = None, **changes) -> PackFit:
    rows = rows_of()
    changes = {**SMALL, **changes}
    return PackFit(
        prepare(rows, infer_schema(rows.frame), recipe_name="pack", changes=changes), deadline
    )


def test_progress_says_which_draws_are_trained_and_what_they_bring():
    fit = pack_fit()
    seen = []
    for record in fit.epochs():
        progress = fit.progress
        seen.append((progress.draws, progress.epoch, progress.num_epochs, progress.num_draws))
        assert progress.loss == record.mixture_loss
        assert progress.networks_loss == record.validation.calibrated_loss[0]
        assert progress.is_calibrated
        assert (progress.loss_before is None) == (progress.draws == (1,))
        assert progress.seconds_left is None
        assert progress.is_look
    assert seen == [((1,), e, 4, 3) for e in range(1, 5)] + [((2, 3), e, 4, 3) for e in range(1, 5)]
    assert fit.ended == "all draws"


def test_a_model_tells_who_is_in_it():
    fit = pack_fit()
    losses = [record.mixture_loss for record in fit.epochs()]
    model = fit.model()
    pack = model.details["pack"]
    assert (pack["num_draws"], pack["ends"], pack["ended"]) == (3, {"finished": 3}, "all draws")
    assert pack["loss"] == losses[-1]
    assert pack["first_loss"] == losses[3]  # of its first group, which is the first draw
    assert sum(one["share"] for one in pack["mixture"]) == pytest.approx(1)
    parts = getattr(model.network, "networks", (model.network,))
    assert pack["num_networks"] == sum(one.num_members for one in parts)
    assert pack["num_parameters"] == sum(one.parameters.numel() for one in parts)
    assert all(set(one["settings"]) == set(fit.settings.drawn) for one in pack["mixture"])
    assert "hidden_widths" not in fit.settings.drawn


def test_a_stop_and_a_time_that_is_over_are_told():
    stop, fit = threading.Event(), pack_fit()
    for _ in fit.epochs(stop):
        stop.set()
    assert fit.model().details["pack"]["ended"] == "interrupted"
    ticks = count()
    fit = pack_fit(Deadline(40, clock=lambda: next(ticks)), max_epochs=60)
    for _ in fit.epochs():
        assert fit.progress.seconds_left is not None
    assert fit.model().details["pack"]["ended"] == "time over"
    assert fit.seconds_spent >= 40


def test_draws_that_bring_nothing_end_a_pack(monkeypatch):
    monkeypatch.setattr("multilayer.pack.ending_rules.LEAST_PROGRESS", 1.0)
    monkeypatch.setattr("multilayer.pack.ending_rules.DRAWS_WITHOUT_PROGRESS", 2)
    fit = pack_fit(num_draws=9)
    assert len(list(fit.epochs())) == 8
    assert fit.ended == "no better"


def test_patience_ends_draws_as_they_got_no_better():
    fit = pack_fit(max_epochs=60, patience=1, num_draws=1, learning_rate=0.5)
    assert len(list(fit.epochs())) < 60
    assert fit.mixture().to_json(fit.draws, fit.ended)["ends"] == {"no better": 1}


def test_an_estimator_prints_plan_progress_and_end(capsys):
    rows = rows_of()
    model = MLPClassifier(
        recipe="pack", verbose=True, max_iter=4, hidden_layer_sizes=(4,),
        settings={"num_draws": 3, "num_folds": 2},
    ).fit(rows.frame, rows.targets)  # fmt: skip
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("pack: up to 3 draws of 2 networks")
    assert sum(line.startswith(("draw 1 of 3", "draws 2, 3 of 3")) for line in lines) == 8
    assert lines[-2] == "3 draws tried (3 finished); ended as all draws were trained"
    assert model.n_iter_ == 8


def test_warm_start_is_refused_before_anything_is_trained():
    rows = rows_of()
    for arguments in ({"recipe": "pack"}, {"settings": {"num_draws": 2}}):
        with pytest.raises(SettingsError, match="a pack draws its networks anew"):
            MLPClassifier(warm_start=True, **arguments).fit(rows.frame, rows.targets)


def test_partial_fit_is_refused():
    rows = rows_of()
    with pytest.raises(SettingsError, match="partial_fit trains one network"):
        MLPClassifier(recipe="pack").partial_fit(rows.frame, rows.targets, classes=["no", "yes"])


def test_validation_rows_of_their_own_are_what_a_pack_is_mixed_by():
    rows = rows_of()
    model = MLPClassifier(
        recipe="pack", max_iter=4, hidden_layer_sizes=(4,), settings={"num_draws": 3}
    ).fit(rows.frame[:40], rows.targets[:40], X_val=rows.frame[40:], y_val=rows.targets[40:])
    pack = model.model_.details["pack"]
    assert pack["num_networks"] == len(pack["mixture"])  # one of each draw: there are no folds


@pytest.mark.parametrize("text", ["pack", "pack,dropout=0.1"])
def test_texts_of_settings_of_single_networks_refuse_a_pack(text):
    with pytest.raises(SettingsError, match="each network is scored alone"):
        read_settings(text)
    with pytest.raises(SettingsError, match="each network is scored alone"):
        read_settings("dropout=0.1", "pack", "regression")


@pytest.mark.parametrize("text", ["num_draws=3", "drawn=dropout", "time_limit=60"])
def test_texts_of_settings_of_single_networks_refuse_settings_of_packs(text):
    with pytest.raises(SettingsError, match="cannot be set here: each network is scored alone"):
        read_settings(text)


def test_a_comparison_and_a_search_refuse_packs():
    with pytest.raises(SettingsError, match="is several networks"):
        compare("digits", "chapter", TrainingSettings(num_draws=2, validation_fraction=0.1))
    for name in ("num_draws", "drawn", "time_limit"):
        with pytest.raises(SettingsError, match=f"{name} is not for tune"):
            check_pinned({name: 1})


def test_a_pack_with_an_activation_for_each_layer_draws_no_number_of_layers():
    told = {"activation": "relu,tanh,relu", "hidden_widths": (8, 8, 8)}
    assert "hidden_widths" not in recipe("pack", "regression", **told).drawn
    with pytest.raises(SettingsError, match="a pack that draws hidden_widths draws the number"):
        recipe("pack", "regression", **told, drawn=("hidden_widths",))


def test_what_is_drawn_belongs_to_a_pack():
    with pytest.raises(SettingsError, match="drawn dropout is for a pack"):
        recipe("default", "regression", drawn=("dropout",))
    assert recipe("default", "regression", drawn=("dropout",), num_draws=2).drawn == ("dropout",)
