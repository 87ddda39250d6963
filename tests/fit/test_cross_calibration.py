"""Intervals and sets are made from epochs that other held-out rows chose, in every kind of fit."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch

from multilayer import load_images, recipe
from multilayer.columns.kinds import infer_schema
from multilayer.fit.column_roles import ColumnRoles
from multilayer.fit.fit import Fit
from multilayer.fit.large_table import LargeTable
from multilayer.fit.prepare import prepare
from multilayer.fit.rows import Rows

LIMIT = 600_000_000


def followed(fit: Fit) -> torch.Tensor:
    """Train; the outputs for `fit.data.held_out.examples` after each epoch, by member."""
    inputs = fit.data.held_out.examples.inputs
    return torch.stack([fit.network.logits(inputs) for _ in fit.epochs()])


def fit_of(frame, targets, changes, **arguments) -> Fit:
    rows = Rows(frame, targets, **arguments.pop("of_rows", {}))
    schema = infer_schema(rows.frame)
    return Fit(prepare(rows, schema, recipe_name="chapter", changes=changes, **arguments))


def check_scores(fit: Fit, outputs: torch.Tensor) -> list[np.ndarray]:
    """Hold the conformal scores to those of the chosen epochs' outputs.

    Args:
        fit: trained.
        outputs: from `followed`.

    Returns:
        For each member the epoch that answers each of its held-out rows.
    """
    model, held_out, found = fit.model(), fit.data.held_out, []
    answers, truths, crossed = [], [], fit.cross_selection
    every = np.arange(len(held_out.examples))
    for member, (first, second) in enumerate(crossed.epochs):
        rows = every if held_out.rows is None else held_out.rows[member]
        of_epochs = outputs[:, member, rows]
        of_first, of_second = of_epochs[first - 1], of_epochs[second - 1]
        own = crossed.outputs[member]
        # Of classes they are divided by a temperature, which the angle between rows does not see.
        own_shape = own / own.norm(dim=1, keepdim=True)
        far = []
        for of_half in (of_first, of_second):
            shape = of_half / of_half.norm(dim=1, keepdim=True)
            far.append((own_shape - shape).abs().amax(1).numpy())
            if model.targets.task == "regression":
                far[-1] = (own - of_half).abs().amax(1).numpy()
        assert np.minimum(*far).max() < 1e-4
        is_by_first = far[0] <= far[1]
        if first != second:
            assert 0.35 < is_by_first.mean() < 0.65
        found.append(np.where(is_by_first, first, second))
        answers.append(own.double().numpy()[None])
        truths.append(held_out.examples.targets[rows].numpy())
    if held_out.rows is None:
        answers, truths = [np.concatenate(answers)], truths[:1]
    for outputs_of, truth, scores in zip(answers, truths, model.conformal.of_members, strict=True):
        if model.targets.task == "regression":
            numbers = model.member_numbers(outputs_of).mean(0)
            expected = np.abs(numbers - model.targets.scale.restore(truth))
        else:
            chances = replace(model, temperature=1.0).member_probabilities(outputs_of).mean(0)
            expected = 1 - chances[np.arange(len(truth)), truth][:, None]
        np.testing.assert_allclose(scores, np.sort(expected, axis=0), atol=1e-12)
    plain = held_out.calibrated(replace(model, conformal=None, temperature=1.0, uniform_share=0.0))
    assert plain.temperature == pytest.approx(model.temperature)
    return found


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"num_members": 3},
        {"num_folds": 4, "validation_fraction": 0.0},
        {"selection": "accuracy", "patience": 8},
        {"selection": "calibrated_loss", "num_folds": 3, "validation_fraction": 0.0},
    ],
    ids=["one", "members", "folds", "accuracy", "calibrated folds"],
)
def test_sets_are_made_from_epochs_that_the_other_half_chose(wine, settings, changes):
    frame, kinds = wine
    chosen = {"learning_rate": 0.5, "validation_fraction": 0.3, **changes}
    fit = fit_of(frame, kinds, settings(**chosen))
    found = check_scores(fit, followed(fit))
    if fit.data.held_out.rows is None:
        assert all(np.array_equal(of, found[0]) or fit.network.num_members > 1 for of in found)


def test_intervals_are_too_and_validation_rows_of_ones_own_are_halved(diabetes, settings):
    frame, numbers = diabetes
    others = Rows(frame[300:], numbers[300:])
    fit = fit_of(frame[:300], numbers[:300], settings(), validation=others)
    (epochs,) = check_scores(fit, followed(fit))
    assert len(set(epochs)) == 2, "both halves chose the same epoch, so nothing is shown"
    low, high = fit.model().intervals(frame, 0.9)
    assert (low < high).all()


@pytest.mark.parametrize("changes", [{}, {"num_folds": 3, "validation_fraction": 0.0}])
def test_rows_of_a_group_are_in_one_half(diabetes, settings, changes):
    frame, numbers = diabetes
    groups = np.arange(len(frame)) % 40
    fit = fit_of(frame, numbers, settings(learning_rate=0.2, **changes), of_rows={"groups": groups})
    found = check_scores(fit, followed(fit))
    assert any(len(set(epochs)) == 2 for epochs in found)
    for epochs, rows in zip(found, fit.split.held_out, strict=False):
        for group in np.unique(groups):
            assert len(set(epochs[fit.rows.groups[rows] == group])) <= 1


def test_images_too():
    digits = load_images("digits")
    settings = recipe(
        "chapter", "images", max_epochs=12, hidden_widths=(16,), num_threads=1, selection="loss",
        validation_fraction=0.2, learning_rate=1.0,
    )  # fmt: skip
    fit = Fit(prepare(Rows.of_images(digits.train, digits.class_names), settings=settings))
    check_scores(fit, followed(fit))


def test_tables_on_the_disk_too(diabetes, settings, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    frame, numbers = diabetes
    frame.with_columns(y=pl.Series(numbers)).write_csv(tmp_path / "t.csv")
    large = LargeTable(
        tmp_path / "t.csv", ColumnRoles(("y",)), LIMIT, changes=settings(), recipe_name="chapter"
    )
    for _ in large.prepare():
        pass
    fit = Fit(large.prepared)
    check_scores(fit, followed(fit))
    large.remove()


def test_a_last_epoch_that_no_row_chose_is_calibrated_by_itself(wine, settings):
    frame, kinds = wine
    fit = fit_of(frame, kinds, settings(selection="last"))
    for _ in fit.epochs():
        pass
    assert fit.cross_selection is None
    again = fit.data.held_out.calibrated(replace(fit.model(), conformal=None))
    for one, other in zip(
        fit.model().conformal.of_members, again.conformal.of_members, strict=True
    ):
        np.testing.assert_array_equal(one, other)
    assert fit.model().conformal.num_rows == fit.num_held_out


def test_one_group_alone_cannot_be_halved(diabetes, settings):
    frame, numbers = diabetes
    groups = np.where(np.arange(len(frame)) % 5 == 0, "a", "b")
    fit = fit_of(frame, numbers, settings(max_epochs=2), of_rows={"groups": groups})
    for _ in fit.epochs():
        pass
    assert fit.cross_selection is None
    assert fit.model().conformal.num_rows == fit.num_held_out


def test_a_resumed_fit_has_the_same_scores(diabetes, settings):
    class Keeper:
        states: list = []  # noqa: RUF012

        def is_due(self, *, is_epoch_over: bool) -> bool:
            return is_epoch_over

        def keep(self, state) -> None:
            self.states.append(state)

    frame, numbers = diabetes
    keeper, changes = Keeper(), settings(num_folds=3, validation_fraction=0.0)
    fit = fit_of(frame, numbers, changes)
    for _ in fit.epochs(keeper=keeper):
        pass
    for state in keeper.states[4::11]:
        other = fit_of(frame, numbers, changes)
        other.resume(state)
        for _ in other.epochs():
            pass
        scores = zip(
            fit.model().conformal.of_members, other.model().conformal.of_members, strict=True
        )
        assert all(np.array_equal(one, again) for one, again in scores)
