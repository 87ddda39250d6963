from dataclasses import replace

import pytest
import torch

from multilayer.experiments.tune.group import BestEpoch, GroupTraining
from multilayer.experiments.tune.search_rows import RecipeRows, SearchedImages, SearchedTable
from multilayer.fit.column_roles import ColumnRoles

TARGET = ColumnRoles(("target",))
NUM_EPOCHS = 8


@pytest.fixture(params=["table fast", "table default", "images default"])
def rows(request, cancer) -> RecipeRows:
    kind, recipe = request.param.split()
    read = SearchedTable.read(cancer, TARGET) if kind == "table" else SearchedImages.read("digits")
    pinned = {"hidden_widths": (8,), "max_epochs": NUM_EPOCHS, "batch_size": 32}
    return RecipeRows.of_recipes(read, (recipe,), pinned, 0)[recipe]


def members_of(rows: RecipeRows) -> list:
    return [
        replace(rows.settings, learning_rate=rate, dropout=dropout, weight_decay=decay)
        for rate, dropout, decay in [
            (0.01, 0.1, 0.02), (0.02, 0.0, 0.0), (0.04, 0.3, 0.1), (0.08, 0.5, 0.02),
            (0.03, 0.2, 0.0),
        ]
    ]  # fmt: skip


def trained(rows: RecipeRows, members: list, drops: dict[int, set[int]]) -> list[BestEpoch]:
    training = GroupTraining(rows, members)
    for epoch in training.epochs():
        training.drop(drops.get(epoch, ()))
    return training.best


def test_members_go_on_as_they_would_beside_those_that_are_dropped(rows):
    members = members_of(rows)
    together = trained(rows, members, {})
    fewer = trained(rows, members, {2: {0, 3}, 5: {1}})
    for member in (2, 4):
        assert fewer[member].epoch == together[member].epoch
        assert fewer[member].loss == pytest.approx(together[member].loss, rel=1e-4)


def test_a_member_is_the_trial_that_it_would_be_alone(rows):
    members = members_of(rows)
    together = trained(rows, members, {})
    alone = trained(rows, members[2:3], {})
    assert together[2].loss == pytest.approx(alone[0].loss, rel=1e-3)


def test_what_is_dropped_is_trained_no_further(rows):
    training = GroupTraining(rows, members_of(rows))
    for epoch in training.epochs():
        if epoch == 3:
            kept = list(training.best)
            training.drop({0, 1})
    assert training.best[:2] == kept[:2]
    assert training.going == [2, 3, 4]


def test_a_group_without_members_is_over(rows):
    assert trained(rows, members_of(rows), {1: set(range(5))})[0].epoch == 1
    training = GroupTraining(rows, members_of(rows))
    seen = []
    for epoch in training.epochs():
        seen.append(epoch)
        training.drop(range(5))
    assert seen == [1]


def test_the_memory_of_members_is_taken_apart_whole(rows):
    """Two members taken out of a state hold what they held in it, and share its counters."""
    from multilayer.engine.training_loop import Training

    members = members_of(rows)
    training = Training(rows.network(members), rows.learned, members, validation=rows.watched)
    records = training.epochs()
    next(records)
    state = training.state()
    part = state.of_members([1, 3], {})
    assert set(part.parts) == set(state.parts)
    for name, tensor in part.parts["step"].items():
        whole = state.parts["step"][name]
        expected = whole[[1, 3]] if whole.dim() > 1 else whole
        assert torch.equal(tensor, expected)
    assert torch.equal(
        part.parts["network"]["parameters"], state.parts["network"]["parameters"][[1, 3]]
    )
    records.close()
