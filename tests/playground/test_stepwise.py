"""The training that is taken step by step is the one that `train` does."""

import math
from dataclasses import replace

import numpy as np
import pytest

from multilayer.engine.training import train
from multilayer.fit.fit import Fit
from multilayer.playground.curves import Curves
from multilayer.playground.problems import make_problem
from multilayer.playground.setup import Setup
from multilayer.playground.stepwise import StepwiseTraining

SMALL = Setup(num_rows=60, batch_size=16, hidden_widths=(6,), activations=("tanh",), num_epochs=4)


def stepwise(setup: Setup) -> StepwiseTraining:
    data = make_problem(setup).prepared
    held_out = data.held_out
    return StepwiseTraining(
        Fit(data).network, data.learned(), data.members, validation=held_out.examples,
        rows=data.row_numbers(), validation_rows=held_out.row_tensors(),
    )  # fmt: skip


def take_epochs(training: StepwiseTraining, number: int) -> None:
    with training.on_processor():
        for _ in range(number):
            while not training.step():
                pass


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"optimizer": "adam", "learning_rate": 0.01},
        {"dropout": 0.3, "weight_decay": 0.01},
        {"num_seeds": 3, "problem": "surface"},
    ],
    ids=str,
)
def test_it_is_the_training_of_the_engine_bit_for_bit(twin, changes):
    setup = replace(SMALL, **changes)
    data = make_problem(setup).prepared
    fit = Fit(data)
    records = list(fit.epochs())
    training = stepwise(setup)
    take_epochs(training, 4)
    assert training.network.parameters.equal(fit.network.parameters)
    points = training.curves.points
    for member in range(setup.num_seeds):
        losses = [record.train_loss[member] for record in records]
        assert points[1:, 0, 0].min() <= np.float32(min(losses)) <= points[1:, 0, 2].max()
    if setup.num_seeds == 1:
        assert points[1:, 0, 1].tolist() == [np.float32(r.train_loss[0]) for r in records]
        assert points[1:, 1, 1].tolist() == [np.float32(r.validation.loss[0]) for r in records]


def test_it_is_the_compiled_training_to_rounding():
    training = stepwise(SMALL)
    take_epochs(training, 4)
    data = make_problem(SMALL).prepared
    fit = Fit(data)
    list(
        train(fit.network, data.learned(), data.members, validation=data.held_out.examples,
              validation_rows=data.held_out.row_tensors())
    )  # fmt: skip
    difference = (training.network.parameters - fit.network.parameters).abs().max()
    assert float(difference) < 1e-5


def test_a_change_on_the_way_is_a_training_of_two_parts(twin):
    """With another rate from the third epoch on: the same as one that began there with it."""
    training = stepwise(SMALL)
    take_epochs(training, 2)
    training.change([replace(member, learning_rate=0.5) for member in training.members])
    take_epochs(training, 1)
    other = stepwise(SMALL)
    take_epochs(other, 2)
    before = other.network.parameters.clone()
    take_epochs(other, 1)  # without the change
    moved = (training.network.parameters - before).norm() / (
        other.network.parameters - before
    ).norm()
    assert 3 < float(moved) < 7  # a rate five times as large
    assert training.epoch == other.epoch == 4


def test_adam_keeps_what_it_remembers_and_another_optimiser_begins_anew():
    training = stepwise(replace(SMALL, optimizer="adam", learning_rate=0.01))
    take_epochs(training, 3)
    training.change([replace(member, learning_rate=0.02) for member in training.members])
    kept = training._step.state()
    assert int(kept["steps_done"]) == training.num_steps
    assert float(kept["second_moment"].max()) > 0
    training.change([replace(member, optimizer="sgd") for member in training.members])
    assert int(training._step.state()["steps_done"]) == 0
    training.change([replace(member, dropout=0.2) for member in training.members])
    take_epochs(training, 1)


@pytest.mark.parametrize("changes", [{}, {"num_seeds": 2}], ids=str)
def test_the_rows_of_the_next_batch_are_known_before(changes):
    training = stepwise(replace(SMALL, **changes))
    with training.on_processor():
        for _ in range(7):  # over an epoch's end, and its short last batch
            rows = training.next_rows()
            training.step()
            shown = training.shown_rows()
            assert training.examples.inputs[rows].equal(shown.inputs)
            assert training.examples.targets[rows].equal(shown.targets)


def test_another_batch_size_is_that_of_the_next_epoch():
    training = stepwise(SMALL)
    with training.on_processor():
        training.step()
        training.change([replace(member, batch_size=8) for member in training.members])
        assert (training.num_batches, training.num_batches_done) == (3, 1)
        while not training.step():
            pass
    assert (training.num_batches, training.num_batches_done) == (6, 0)


def test_curves_stay_bounded_and_end_with_the_newest():
    curves = Curves(3)
    for epoch in range(3000):
        curves.add([epoch, epoch + 1, math.nan], [epoch] * 3, None)
    assert curves.every == 8
    assert curves.points.shape == (375, 2, 3)
    assert curves.points[:, 0].tolist() == [[8 * n, 8 * n, 8 * n + 1] for n in range(375)]
    assert curves.last[0].tolist()[:2] == [2999, 3000]
    curves.add([math.nan] * 3, [math.nan] * 3, None)
    assert np.isnan(curves.points[-1]).all() == (3000 % 8 == 0)
