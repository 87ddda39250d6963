"""A pack repeats, resumes bit for bit, and sees no fold's held-out rows where it must not."""

from dataclasses import replace
from threading import Event
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from kept_states import KeepAll

from multilayer.columns.kinds import infer_schema
from multilayer.engine.state import TrainingState
from multilayer.errors import CheckpointError, DataWarning, SettingsError, TrainingDivergedError
from multilayer.fit.prepare import PreparedData, prepare
from multilayer.fit.rows import Rows
from multilayer.model.model import Model
from multilayer.model.model_file import load_model, load_predictor, save_model
from multilayer.pack import ending_rules, pack_fit
from multilayer.pack.draw import Draw
from multilayer.pack.fit_of import fit_of
from multilayer.pack.mixture import greedy_counts
from multilayer.pack.pack_fit import PackFit
from multilayer.pack.time_limit import Deadline
from multilayer.pack.time_plan import planned

pytestmark = pytest.mark.usefixtures("batch_by_batch")

QUICK: dict[str, Any] = {
    "max_epochs": 8, "num_draws": 7, "seed": 3, "hidden_widths": (8,), "batch_size": 64,
    "num_threads": 1, "numeric_embedding": "none", "num_folds": 3,
}  # fmt: skip


def data_of(table, changes=QUICK, **options: Any) -> PreparedData:
    frame, target = table
    rows = Rows(frame, target, groups=options.pop("groups", None))
    return prepare(rows, infer_schema(frame), recipe_name="pack", changes=changes, **options)


def fit_to(table, changes=QUICK, **options: Any) -> PackFit:
    fit = fit_of(lambda settings: data_of(table, changes, settings=settings, **options))
    assert isinstance(fit, PackFit)
    return fit


def trained(fit: PackFit, **options: Any) -> PackFit:
    for _ in fit.epochs(**options):
        pass
    return fit


def parameters_of(model: Model) -> list[torch.Tensor]:
    networks = getattr(model.network, "networks", [model.network])
    return [network.parameters for network in networks]


def outcome(fit: PackFit) -> tuple[Any, ...]:
    model = fit.model()
    history = [{**line, "seconds": 0} for line in fit.history]
    ends = [(draw.number, draw.end, draw.num_epochs, draw.best_epochs) for draw in fit.draws]
    return history, ends, model.temperature, model.details["pack"]


def assert_same(fit: PackFit, other: PackFit) -> None:
    assert outcome(fit) == outcome(other)
    pairs = zip(parameters_of(fit.model()), parameters_of(other.model()), strict=True)
    assert all(torch.equal(one, two) for one, two in pairs)


@pytest.fixture(scope="module")
def whole(wine) -> tuple[PackFit, list[TrainingState]]:
    keeper = KeepAll()
    return trained(fit_to(wine), keeper=keeper), keeper.states


def test_draws_end_before_others_or_with_them(whole):
    fit, _ = whole
    ends = {draw.end for draw in fit.draws}
    assert {"finished", "fell behind"} <= ends
    assert sorted(draw.number for draw in fit.draws) == list(range(7))
    for draw in fit.draws:
        assert draw.num_epochs == 8 if draw.end == "finished" else draw.num_epochs < 8
    assert fit.history[-1]["epoch"] == len(fit.history)
    assert fit.history[-1]["wave"] == 4


def test_it_repeats(wine, whole):
    assert_same(trained(fit_to(wine)), whole[0])


def test_it_resumes_bit_for_bit_from_wherever_it_was_killed(wine, whole, tmp_path):
    fit, states = whole
    assert len(states) > 40
    for state in states[1::7]:
        state.save(tmp_path / "state.safetensors")
        again = fit_to(wine)
        again.resume(TrainingState.load(tmp_path / "state.safetensors"))
        assert_same(trained(again), fit)


def test_it_resumes_after_it_was_interrupted_and_had_a_model(wine, whole):
    stop, keeper, first = Event(), KeepAll(), fit_to(wine)
    for record in first.epochs(stop, keeper):
        if record.epoch == 21:
            stop.set()
    assert first.history[-1]["epoch"] == 21
    assert first.model().details["pack"]["num_draws"] == 5
    again = fit_to(wine)
    again.resume(keeper.states[-1])
    assert_same(trained(again), whole[0])


def test_it_has_a_model_of_what_it_learned_so_far_wherever_one_stops_to_look(wine):
    fit, losses = fit_to(wine), []
    for record in fit.epochs():
        if record.epoch in (1, 8, 9, 20):
            losses.append(fit.mixture().loss)
        if record.epoch == 20:
            break
    assert losses == sorted(losses, reverse=True)
    frame, _ = wine
    assert fit.model().probabilities(frame).shape == (len(frame), 3)


def test_another_seed_is_another_state(wine, whole):
    other = fit_to(wine, {**QUICK, "seed": 4})
    other.resume(whole[1][-1])
    with pytest.raises(CheckpointError, match="not the training that was saved"):
        trained(other)


def test_the_model_is_the_mixture_that_the_greedy_rule_finds(wine, whole):
    fit, _ = whole
    frame, _ = wine
    usable = sorted((draw for draw in fit.draws if draw.is_usable), key=lambda draw: draw.number)
    predictions = np.stack([draw.predictions for draw in usable])
    counts = greedy_counts(predictions, usable[0].held_out.loss_of)
    model = fit.model()
    alone = replace(model, temperature=1.0, uniform_share=0.0)
    expected = sum(
        count / counts.sum()
        * replace(alone, network=draw.calibrated_network()).probabilities(frame)
        for count, draw in zip(counts, usable, strict=True)
    )  # fmt: skip
    assert alone.probabilities(frame) == pytest.approx(expected, abs=1e-6)
    document = model.details["pack"]["mixture"]
    assert {one["draw"] - 1: one["share"] for one in document} == pytest.approx(
        {usable[k].number: counts[k] / counts.sum() for k in np.flatnonzero(counts)}
    )


@pytest.mark.parametrize("kind", ["classes", "labels", "numbers", "counts", "quantiles"])
def test_all_kinds_of_targets(kind, diabetes):
    frame, numbers = diabetes
    frame, numbers = frame[:150], numbers[:150]
    changes = {**QUICK, "num_draws": 3}
    target: Any = numbers
    if kind == "classes":
        target = np.where(numbers > 140, "high", "low")
    elif kind == "labels":
        target = np.stack([numbers > 100, numbers > 200], axis=1).astype(int)
    elif kind == "counts":
        target, changes["loss"] = np.round(numbers / 20), "poisson"
    elif kind == "quantiles":
        changes |= {"loss": "quantile", "quantiles": (0.1, 0.5, 0.9)}
    fit = trained(fit_to((frame, target), changes))
    model = fit.model()
    losses = [draw.loss for draw in fit.draws]
    assert fit.mixture().loss <= min(losses)
    if kind in ("classes", "labels"):
        assert np.isfinite(model.probabilities(frame)).all()
    else:
        low, high = model.intervals(frame)
        assert 0.85 <= ((low[:, 0] <= target) & (target <= high[:, 0])).mean() <= 1


def test_no_fold_learns_from_the_rows_that_it_holds_out(wine):
    """Other targets of a fold's held-out rows change nothing but who is kept and mixed."""
    frame, target = wine
    changes = {**QUICK, "num_draws": 3, "selection": "last"}
    first = trained(fit_to((frame, target), changes))
    own = first.data.split.held_out[1]
    moved = target.copy()
    moved[own] = np.roll(target[own], 1)
    # The same folds, which are stratified by the targets.
    data = data_of((frame, moved), changes)
    targets = data.examples.targets.clone()
    examples = replace(first.data.examples, targets=targets)
    other = PackFit(
        replace(
            first.data, examples=examples,
            held_out=replace(first.data.held_out, examples=examples),
        )
    )  # fmt: skip
    trained(other)
    assert not torch.equal(first.data.examples.targets, targets)
    for one, two in zip(first.draws, other.draws, strict=True):
        assert torch.equal(one.parameters[1], two.parameters[1])
        assert not torch.equal(one.parameters[0], two.parameters[0])


def test_held_out_predictions_are_of_networks_that_have_not_seen_the_rows(wine):
    fit = trained(fit_to(wine, {**QUICK, "num_draws": 1}))
    [draw] = fit.draws
    rows = np.concatenate(fit.data.split.held_out)
    assert sorted(rows.tolist()) == list(range(len(wine[1])))
    temperature = draw.held_out.of(draw.network)[1]
    place = 0
    for member, own in enumerate(fit.data.split.held_out):
        assert not set(own) & set(fit.data.split.train[member])
        logits = draw.network.member(member).logits(fit.data.examples.inputs[own])[0].double()
        chances = (logits / temperature).softmax(-1)[
            range(len(own)), fit.data.examples.targets[own]
        ]
        found = draw.predictions[place : place + len(own), 0]
        assert found == pytest.approx(chances.numpy(), abs=1e-6)
        place += len(own)


def test_groups_stay_together_in_every_fold(wine):
    groups = np.arange(len(wine[1])) // 6
    fit = fit_to(wine, groups=groups)
    for train, held_out in zip(fit.data.split.train, fit.data.split.held_out, strict=True):
        assert not set(groups[train]) & set(groups[held_out])


def test_rows_held_out_for_all_are_mixed_by_as_well(wine):
    changes = {**QUICK, "num_folds": 0, "validation_fraction": 0.25, "num_draws": 4}
    fit = trained(fit_to(wine, changes))
    assert fit.model().num_members == 1
    assert len(fit.draws) == 4


def test_a_draw_that_diverges_is_counted_and_left_out(wine, monkeypatch):
    drawn = pack_fit.drawn_settings

    def with_one_wild(settings, wave, place, *, is_of_images):
        one = drawn(settings, wave, place, is_of_images=is_of_images)
        return replace(one, learning_rate=1e38) if (wave, place) == (1, 1) else one

    monkeypatch.setattr(pack_fit, "drawn_settings", with_one_wild)
    fit = trained(fit_to(wine))
    details = fit.model().details["pack"]
    assert details["ends"]["diverged"] == 1
    assert 3 not in {one["draw"] for one in details["mixture"]}
    assert details["num_draws"] == 7
    assert all(np.isfinite(line["train_loss"]) for line in fit.history)


def test_where_all_diverge_it_says_so(wine):
    with pytest.raises(TrainingDivergedError):
        trained(fit_to(wine, {**QUICK, "num_draws": 2, "learning_rate": 1e38}))


def test_it_ends_when_the_mixture_gets_no_better(wine, monkeypatch):
    monkeypatch.setattr(ending_rules, "LEAST_PROGRESS", 1.0)  # nothing is progress
    fit = trained(fit_to(wine, {**QUICK, "num_draws": 40}))
    assert len(fit.draws) == 11  # the first, and ten that were waited for


def test_too_few_rows_to_hold_out_are_trained_without_a_pack(wine):
    frame, target = wine
    few = (frame[::25], target[::25])
    with pytest.warns(DataWarning, match="settings are not drawn"):
        fit = fit_of(lambda settings: data_of(few, settings=settings))
    assert not isinstance(fit, PackFit)


def test_without_rows_to_choose_by_it_is_refused(wine):
    changes = {**QUICK, "num_folds": 0, "validation_fraction": 0.0}
    with pytest.raises(SettingsError, match="held-out rows, and none are"):
        fit_to(wine, changes)


def test_as_many_draws_at_once_as_there_is_memory_for(wine, monkeypatch):
    def check(spec, members, device=None):
        if len(members) > 3:
            raise SettingsError("training 6 networks takes more memory than is free")

    monkeypatch.setattr(pack_fit, "check_machine", check)
    with pytest.warns(DataWarning, match="here fewer: training 6 networks"):
        fit = trained(fit_to(wine, {**QUICK, "num_draws": 3}))
    assert [record["wave"] for record in fit.history][-1] == 3


class Ticking:
    """A clock that goes on by a little whenever it is asked."""

    def __init__(self, step: float) -> None:
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


@pytest.fixture
def endless(monkeypatch) -> None:
    """Packs that end for no other reason than their time."""
    monkeypatch.setattr(ending_rules, "DRAWS_WITHOUT_PROGRESS", 1000)


def test_a_time_limit_ends_it_with_the_best_so_far(wine, endless):
    clock = Ticking(0.01)
    deadline = Deadline(3.0, clock=clock)
    fit = trained(PackFit(data_of(wine, {**QUICK, "num_draws": 100, "time_limit": 3.0}), deadline))
    assert 2 < clock.now < 3.2
    assert not any(line.get("is_interrupted") for line in fit.history)
    assert fit.model().details["pack"]["num_draws"] < 100


def test_a_resumed_run_has_the_time_that_is_left(wine, endless):
    keeper, clock = KeepAll(), Ticking(0.01)
    changes = {**QUICK, "num_draws": 100, "time_limit": 3.0}
    first = trained(PackFit(data_of(wine, changes), Deadline(3.0, clock=clock)), keeper=keeper)
    half = keeper.states[len(keeper.states) // 2]
    clock = Ticking(0.01)
    again = PackFit(data_of(wine, changes), Deadline(3.0, clock=clock))
    again.resume(half)
    trained(again)
    assert float(half.parts["pack"]["seconds"]) + clock.now < 3.2
    pairs = list(zip(waves_of(first), waves_of(again), strict=False))
    alike = [(one, two) for one, two in pairs if plans_of(one) == plans_of(two)]
    assert len(alike) >= 3
    for one, two in alike:
        assert all(torch.equal(a.parameters, b.parameters) for a, b in zip(one, two, strict=True))


def waves_of(fit: PackFit) -> list[list[Draw]]:
    """The draws of each wave, by number."""
    draws = {draw.number: draw for draw in fit.draws}
    return [[draws[p.first_draw + n] for n in range(p.num_draws)] for p in fit._waves]


def plans_of(wave: list[Draw]) -> list[Any]:
    return [(draw.settings, draw.num_epochs) for draw in wave]


@pytest.mark.parametrize(
    ("seconds", "num_folds", "num_epochs"), [(1000, 3, 8), (10, 3, 5), (6, 3, 6), (1.5, 0, None)]
)
def test_less_is_planned_where_less_fits(seconds, num_folds, num_epochs, wine, monkeypatch):
    monkeypatch.setattr("multilayer.pack.time_plan._seconds_of_an_epoch", lambda *_: 1.0)
    monkeypatch.setattr("multilayer.pack.time_plan.FEWEST_EPOCHS_OF_FOLDS", 4)
    data = data_of(wine, {**QUICK, "time_limit": float(seconds)})
    deadline = Deadline(seconds, clock=Ticking(0.0))
    found, words = planned(data, lambda settings: data_of(wine, settings=settings), deadline)
    assert found.settings.num_folds == num_folds
    assert found.settings.max_epochs == (num_epochs or found.settings.max_epochs) <= 8
    assert f"in {seconds:g} s" in words
    assert "epochs fit" in words


def test_a_time_that_is_too_short_says_what_the_least_is(wine, monkeypatch):
    monkeypatch.setattr("multilayer.pack.time_plan._seconds_of_an_epoch", lambda *_: 7.0)
    data = data_of(wine, {**QUICK, "time_limit": 2.0})
    with pytest.raises(SettingsError, match=r"time_limit 2 s is too short.*the least is about 3 s"):
        planned(data, lambda s: data_of(wine, settings=s), Deadline(2.0, clock=Ticking(0.0)))


def test_an_epoch_is_really_timed(wine):
    fit = fit_to(wine, {**QUICK, "time_limit": 60.0})
    assert "an epoch of 3 networks, a fold each, takes" in fit.plan


def test_frames_may_have_categories(mixed):
    frame, target = mixed
    changes = {**QUICK, "num_draws": 3, "one_hot_limit": 2}
    fit = trained(fit_to((frame.head(200), target[:200]), changes))
    assert isinstance(fit.model().numbers(pl.DataFrame(frame.head(3))), np.ndarray)


def test_draws_have_statistics_of_categories_out_of_fold(tmp_path):
    source = np.random.default_rng(5)
    town = source.integers(0, 12, 150)
    frame = pl.DataFrame({"x": source.normal(size=150), "town": [f"t{place}" for place in town]})
    target = (source.uniform(size=150) < 1 / (1 + np.exp(6 - town))).astype(int)
    changes = QUICK | {"max_epochs": 2, "num_draws": 3, "category_statistics": True}
    fit = trained(fit_to((frame, target), changes))
    spec = fit.draws[0].spec
    assert (spec.category_statistics, spec.statistic_versions) == (1, 4)
    first, last = (
        draw.spec.slots["categories.statistics"].view(draw.parameters)
        for draw in (fit.draws[0], fit.draws[-1])
    )
    assert first.equal(last)  # of all draws the same
    for member in range(3):  # held-out rows see all that their network is trained on
        versions = first[member].unflatten(0, (4, -1))
        assert versions[0].equal(versions[1 + member])
        assert not versions[0].equal(versions[1 + (member + 1) % 3])
    model = fit.model()
    networks = getattr(model.network, "networks", [model.network])
    assert {network.spec.statistic_versions for network in networks} == {1}
    save_model(model, tmp_path / "model.safetensors")
    expected = model.probabilities(frame)
    for loaded in (load_model(tmp_path), load_predictor(tmp_path)):
        np.testing.assert_allclose(loaded.probabilities(frame), expected, rtol=1e-6)
