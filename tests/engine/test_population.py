"""A member of a population is the network that it would be alone."""

from dataclasses import replace

import pytest
import torch

from multilayer.engine.batches import Examples
from multilayer.engine.network import Network
from multilayer.engine.randomness import generator
from multilayer.engine.records import history_line
from multilayer.engine.scores import Scorer, Scores, evaluate
from multilayer.engine.selection import Selection
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec
from multilayer.engine.training import train
from multilayer.errors import SettingsError

SPEC = NetworkSpec(4, 3, (16, 8))


@pytest.fixture(scope="module")
def blobs() -> Examples:
    """Three clouds that overlap, 350 points in four dimensions."""
    source = generator(0, "blobs")
    labels = torch.randint(3, (350,), generator=source)
    centres = 1.5 * torch.randn(3, 4, generator=source)
    return Examples(centres[labels] + torch.randn(350, 4, generator=source), labels)


@pytest.fixture(scope="module")
def held_out(blobs) -> Examples:
    return Examples(blobs.inputs[250:], blobs.targets[250:])


MEMBERS = [
    TrainingSettings(
        hidden_widths=SPEC.hidden_widths, batch_size=32, max_epochs=6, seed=seed,
        learning_rate=rate, weight_decay=decay, dropout=dropout,
    )
    for seed, rate, decay, dropout in
    [(0, 0.1, 0.0, 0.0), (5, 0.05, 0.1, 0.3), (7, 0.2, 0.01, 0.1)]
]  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"optimizer": "adam", "learning_rate": 0.01},
        {"momentum": 0.9, "schedule": "one_cycle"},
        {"max_gradient_norm": 0.5, "average_decay": 0.9},
        {"selection": "loss"},
        {"selection": "accuracy", "patience": 2, "max_epochs": 30},
        {"selection": "calibrated_loss"},
        {"selection": "loss", "average_decay": 0.9, "patience": 3, "max_epochs": 40},
    ],
    ids=lambda changes: " ".join(changes) or "plain",
)
def test_a_member_with_settings_of_its_own_is_the_one_trained_alone(blobs, held_out, changes):
    """In float64, because in float32 many epochs make rounding grow."""
    blobs, held_out = (Examples(rows.inputs.double(), rows.targets) for rows in (blobs, held_out))
    members = [replace(member, **changes) for member in MEMBERS]
    seeds = [member.seed for member in members]
    together = Network.initialized(SPEC, seeds, dtype=torch.float64)
    records = list(train(together, blobs, members, validation=held_out))
    for number, settings in enumerate(members):
        alone = Network.initialized(SPEC, [settings.seed], dtype=torch.float64)
        own = list(train(alone, blobs, settings, validation=held_out))
        torch.testing.assert_close(
            together.parameters[number], alone.parameters[0], atol=1e-8, rtol=0
        )
        assert own[-1].epoch <= records[-1].epoch
        assert records[own[-1].epoch - 1].train_loss[number] == pytest.approx(
            own[-1].train_loss[0], abs=1e-8
        )
        if own[-1].best_epoch is not None:
            assert records[-1].best_epoch[number] == own[-1].best_epoch[0]


def test_in_float32_a_member_is_the_one_trained_alone_to_a_hundred_thousandth(blobs):
    together = Network.initialized(SPEC, [member.seed for member in MEMBERS])
    list(train(together, blobs, MEMBERS))
    for number, settings in enumerate(MEMBERS):
        alone = Network.initialized(SPEC, [settings.seed])
        list(train(alone, blobs, settings))
        torch.testing.assert_close(
            together.parameters[number], alone.parameters[0], atol=1e-5, rtol=0
        )


def test_members_learn_from_their_own_rows_and_are_scored_on_their_own(blobs):
    folds = torch.arange(350).chunk(5)
    rows = [torch.cat([*folds[:k], *folds[k + 1 :]]) for k in range(5)]
    settings = [replace(MEMBERS[0], seed=seed) for seed in range(5)]
    together = Network.initialized(SPEC, range(5))
    *_, last = train(
        together, blobs, settings, rows=rows, validation=blobs, validation_rows=list(folds)
    )
    for number in range(5):
        alone = Network.initialized(SPEC, [number])
        subset = Examples(blobs.inputs[rows[number]], blobs.targets[rows[number]])
        held_out = Examples(blobs.inputs[folds[number]], blobs.targets[folds[number]])
        *_, own = train(alone, subset, settings[number], validation=held_out)
        torch.testing.assert_close(
            together.parameters[number], alone.parameters[0], atol=1e-5, rtol=0
        )
        assert last.validation.accuracy[number] == own.validation.accuracy[0]
        assert last.validation.loss[number] == pytest.approx(own.validation.loss[0], abs=1e-5)


def test_the_best_epoch_is_restored_whatever_came_after(blobs, held_out):
    settings = replace(MEMBERS[0], selection="loss", learning_rate=1.0, max_epochs=25)
    network = Network.initialized(SPEC, [0, 1])
    losses = []
    for record in train(network, blobs, settings, validation=held_out):
        losses.append(record.validation.loss)
    kept = evaluate(network, held_out)
    for member in range(2):
        of_member = [loss[member] for loss in losses]
        assert kept.loss[member] == pytest.approx(min(of_member), abs=1e-6)
        assert record.best_epoch[member] == 1 + of_member.index(min(of_member))
    assert min(losses) != losses[-1], "the last epoch must not be the best, or nothing is shown"


def test_patience_ends_training_when_the_last_member_has_stopped(blobs, held_out):
    settings = replace(MEMBERS[0], selection="loss", patience=3, learning_rate=1.0, max_epochs=500)
    records = list(train(Network.initialized(SPEC, [0, 1]), blobs, settings, validation=held_out))
    assert len(records) == max(records[-1].best_epoch) + 3 < 500


def test_leaving_the_loop_early_keeps_the_best_so_far(blobs, held_out):
    settings = replace(MEMBERS[0], selection="loss", learning_rate=1.0)
    network = Network.initialized(SPEC, [0])
    loop = train(network, blobs, settings, validation=held_out)
    losses = [next(loop).validation.loss[0] for _ in range(4)]
    loop.close()
    assert evaluate(network, held_out).loss[0] == pytest.approx(min(losses), abs=1e-6)


def test_a_member_that_diverges_does_not_stop_the_others(blobs):
    members = [replace(MEMBERS[0], learning_rate=rate) for rate in (0.1, 1e38)]
    together = Network.initialized(SPEC, [0, 0])
    *_, last = train(together, blobs, members, validation=blobs)
    alone = Network.initialized(SPEC, [0])
    list(train(alone, blobs, members[0]))
    torch.testing.assert_close(together.parameters[0], alone.parameters[0], atol=1e-5, rtol=0)
    assert last.validation.accuracy[0] > 0.5


def test_rows_with_weight_zero_are_as_good_as_absent(blobs):
    doubled = Examples(
        torch.cat([blobs.inputs, torch.randn(350, 4)]),
        torch.cat([blobs.targets, blobs.targets]),
        torch.cat([torch.ones(350), torch.zeros(350)]),
    )
    whole = replace(MEMBERS[0], batch_size=700)
    networks = [Network.initialized(SPEC, [0]) for _ in range(2)]
    for network, examples in zip(networks, (blobs, doubled), strict=True):
        list(train(network, examples, whole))
    torch.testing.assert_close(networks[0].parameters, networks[1].parameters, atol=1e-5, rtol=0)
    assert evaluate(networks[0], doubled).accuracy == pytest.approx(
        evaluate(networks[0], blobs).accuracy
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"settings": MEMBERS[:2]}, "3 members were given 2 settings"),
        (
            {"settings": [*MEMBERS[:2], replace(MEMBERS[2], hidden_widths=(3,))]},
            r"members may differ in seed, .* alone, not in hidden_widths: \(16, 8\), \(3,\)",
        ),
        ({"rows": [torch.arange(9)]}, "3 members were given 1 sets of rows"),
        (
            {"rows": [torch.arange(9), torch.arange(9), torch.arange(0)]},
            "each member must have rows to learn from",
        ),
        (
            {"settings": replace(MEMBERS[0], selection="loss"), "validation": None},
            "selection by 'loss' needs validation rows",
        ),
    ],
)
def test_what_does_not_fit_the_population_is_refused(blobs, arguments, message):
    arguments = {"settings": MEMBERS, "validation": blobs, **arguments}
    with pytest.raises(SettingsError, match=message):
        next(train(Network.initialized(SPEC, range(3)), blobs, **arguments))


def test_of_equal_epochs_the_last_is_kept_and_patience_does_not_begin_anew():
    parameters = torch.zeros(2, 1)
    selection = Selection(parameters, "accuracy", patience=3)
    for epoch, accuracies in enumerate([(0.5, 0.5), (0.7, 0.6), (0.7, 0.7), (0.6, 0.8)], 1):
        selection.note(epoch, torch.full((2, 1), float(epoch)), Scores((0.0, 0.0), accuracies))
    assert selection.best_epochs == [3, 4]
    assert selection.parameters.tolist() == [[3.0], [4.0]]
    selection.note(5, torch.full((2, 1), 5.0), Scores((0.0, 0.0), (0.7, 0.8)))
    assert selection.best_epochs == [5, 5]  # the first member waited since epoch 2: it stops here
    selection.note(6, torch.full((2, 1), 6.0), Scores((0.0, 0.0), (0.9, 0.9)))
    assert selection.best_epochs == [5, 6]


def test_the_calibrated_loss_chooses_a_network_that_is_right_though_it_is_too_sure():
    """Its own loss is higher than that of one that is unsure, which is as right when calibrated."""
    source = generator(0, "too sure")
    inputs = torch.randn(400, 1, generator=source)
    targets = (inputs[:, 0] + 0.5 * torch.randn(400, generator=source) > 0).long()
    network = Network.initialized(NetworkSpec(1, 2, ()), [0])
    weight, bias = network.weights[0], network.biases[0]
    bias.zero_()
    selections = {by: Selection(network.parameters, by, 0) for by in ("loss", "calibrated_loss")}
    scorer = Scorer(network, Examples(inputs, targets), calibrates=True)
    for epoch, slope in enumerate((0.01, 30.0, -0.1), 1):  # unsure, too sure, wrong
        weight.copy_(torch.tensor([[[-slope / 2, slope / 2]]]))
        scores = scorer.scores()
        for selection in selections.values():
            selection.note(epoch, network.parameters, scores)
        assert scores.calibrated_loss is not None
        assert scores.calibrated_loss[0] <= scores.loss[0] + 1e-6
    assert selections["loss"].best_epochs == [1]
    assert selections["calibrated_loss"].best_epochs == [2]


@pytest.mark.parametrize("rows", [None, [torch.arange(3), torch.arange(2, 9)]])
def test_a_scorer_hands_out_the_logits_that_it_scored(blobs, rows):
    network = Network.initialized(SPEC, [0, 1])
    scorer = Scorer(network, blobs, rows=rows)
    for _ in range(2):  # the second time of other parameters
        scorer.scores()
        assert len(scorer.logits) == 2
        for logits, expected, member in zip(
            scorer.logits, network.logits(blobs.inputs), range(2), strict=True
        ):
            torch.testing.assert_close(logits, expected if rows is None else expected[rows[member]])
        network.parameters.mul_(0.5)


def test_the_epoch_of_the_least_calibrated_loss_is_kept(blobs, held_out):
    members = [replace(member, selection="calibrated_loss") for member in MEMBERS]
    network = Network.initialized(SPEC, [0, 5, 7])
    records = list(train(network, blobs, members, validation=held_out))
    for member in range(3):
        losses = [record.validation.calibrated_loss[member] for record in records]
        assert records[-1].best_epoch[member] == losses.index(min(losses)) + 1
    assert history_line(records[0])["validation_calibrated_loss"] < 1.2


def test_patience_without_a_selection_is_refused():
    with pytest.raises(SettingsError, match="patience 3 needs a selection"):
        TrainingSettings(patience=3)
    with pytest.raises(SettingsError, match="selection by accuracy needs classes"):
        TrainingSettings(selection="accuracy", loss="squared_error")
    with pytest.raises(SettingsError, match="selection by calibrated_loss needs classes"):
        TrainingSettings(selection="calibrated_loss", loss="poisson")
