"""Each half of the held-out rows is answered by the epoch that the other half chose."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from multilayer.engine.batches import Examples
from multilayer.engine.cross_selection import CrossSelection
from multilayer.engine.network import Network
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec
from multilayer.engine.state import TrainingState
from multilayer.engine.temperature import fit_temperature, tempered_cross_entropy
from multilayer.engine.training import Training, train
from multilayer.errors import DataWarning

pytestmark = pytest.mark.usefixtures("batch_by_batch")

PLAIN = TrainingSettings(
    hidden_widths=(8,), batch_size=16, max_epochs=40, learning_rate=0.5, num_threads=1
)
SPEC = NetworkSpec(3, 3, (8,))


def noisy(num_rows: int, seed: int, is_weighted: bool = False) -> Examples:
    """Classes that the inputs say little about."""
    source = torch.Generator().manual_seed(seed)
    inputs = torch.randn(num_rows, 3, generator=source)
    targets = (inputs + 2 * torch.randn(num_rows, 3, generator=source)).argmax(-1)
    weights = 0.5 + torch.rand(num_rows, generator=source) if is_weighted else None
    return Examples(inputs, targets, weights)


LEARNED, HELD_OUT = noisy(60, 0), noisy(44, 1)
HALF = torch.arange(44) % 2 == 1


def plain_score(by: str, logits: torch.Tensor, rows: Examples) -> float:
    """The higher the better."""
    if by == "calibrated_loss":
        weights = None if rows.weights is None else rows.weights.double().numpy()
        return -tempered_cross_entropy(logits.double().numpy(), rows.targets.numpy(), weights)
    weights = torch.ones(len(rows)) if rows.weights is None else rows.weights
    if by == "accuracy":
        of_rows = (logits.argmax(-1) == rows.targets).double()
    else:
        of_rows = -torch.nn.functional.cross_entropy(logits, rows.targets, reduction="none")
    return float((of_rows * weights).sum() / weights.sum())


def temperature(logits: torch.Tensor, rows: Examples) -> float:
    weights = None if rows.weights is None else rows.weights.double().numpy()
    return fit_temperature(logits.double().numpy(), rows.targets.numpy(), weights, len(rows))


def best_epoch(values: list[float], patience: int) -> int:
    """The last of the best, from 1; no epoch counts after a wait of `patience` epochs."""
    best, epoch, improved = -math.inf, 0, 0
    for number, value in enumerate(values, 1):
        if value > best:
            improved = number
        if value >= best:
            best, epoch = value, number
        if patience and number - improved >= patience:
            break
    return epoch


@pytest.mark.parametrize(
    ("by", "patience", "is_weighted"),
    [
        ("loss", 0, False), ("loss", 0, True), ("accuracy", 0, False), ("accuracy", 0, True),
        ("calibrated_loss", 0, False), ("calibrated_loss", 0, True), ("accuracy", 4, False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("is_shared", [True, False])
def test_a_half_is_answered_by_the_network_that_the_other_chose(
    by, patience, is_weighted, is_shared
):
    """The networks of all epochs are kept here, and scored one after the other."""
    held_out = noisy(44, 1, is_weighted)
    members = [replace(PLAIN, seed=seed, selection=by, patience=patience) for seed in (3, 4)]
    rows = [torch.arange(44)] * 2 if is_shared else [torch.arange(20), torch.arange(9, 44)]
    crossed = CrossSelection(
        [held_out.targets[of] for of in rows],
        None if held_out.weights is None else [held_out.weights[of] for of in rows],
        [HALF[of] for of in rows],
        members[0],
    )
    network = Network.initialized(SPEC, [3, 4])
    epochs = train(
        network, LEARNED, members, validation=held_out, cross_selection=crossed,
        validation_rows=None if is_shared else rows,
    )  # fmt: skip
    logits = [network.logits(held_out.inputs) for _ in epochs]
    assert len(logits) == 40 or patience
    for member, of_member in enumerate(rows):
        for is_second in (False, True):
            choosing = of_member[HALF[of_member] == is_second]
            values = [plain_score(by, of[member, choosing], held_out.at(choosing)) for of in logits]
            all_values = [
                plain_score(by, of[member, of_member], held_out.at(of_member)) for of in logits
            ]
            improved = best_epoch(all_values, patience)
            stop = min(len(values), improved + patience) if patience else len(values)
            chosen = best_epoch(values[:stop], patience)
            assert crossed.epochs[member][is_second] == chosen
            others = HALF[of_member] != is_second
            kept = logits[chosen - 1][member]
            expected = kept[of_member[others]] / temperature(kept[choosing], held_out.at(choosing))
            torch.testing.assert_close(
                crossed.outputs[member][others], expected, rtol=1e-3, atol=1e-4
            )


def test_numbers_too():
    numbers = Examples(LEARNED.inputs, LEARNED.inputs[:, :1] + torch.randn(60, 1))
    held_out = Examples(HELD_OUT.inputs, HELD_OUT.inputs[:, :1] + torch.randn(44, 1))
    settings = replace(PLAIN, loss="squared_error", selection="loss", learning_rate=0.1)
    crossed = CrossSelection([held_out.targets], None, [HALF], settings)
    network = Network.initialized(NetworkSpec(3, 1, (8,)), [0])
    losses, logits = [], []
    for _ in train(network, numbers, settings, validation=held_out, cross_selection=crossed):
        logits.append(network.logits(held_out.inputs)[0])
        errors = (logits[-1] - held_out.targets)[:, 0] ** 2
        losses.append((float(errors[~HALF].mean()), float(errors[HALF].mean())))
    first, second = (int(np.argmin(of_half)) for of_half in zip(*losses, strict=True))
    assert crossed.epochs == [(first + 1, second + 1)]
    torch.testing.assert_close(crossed.outputs[0][HALF], logits[first][HALF])
    torch.testing.assert_close(crossed.outputs[0][~HALF], logits[second][~HALF])


@pytest.mark.parametrize("by", ["loss", "accuracy", "calibrated_loss"])
def test_no_row_has_a_part_in_choosing_the_epoch_that_answers_it(by):
    """Whatever the truth of one half is, it is answered by the same epoch."""
    settings = replace(PLAIN, selection=by)
    source = torch.Generator().manual_seed(0)
    logits = torch.randn(50, 44, 3, generator=source)
    chosen, other_choices = set(), set()
    for seed in range(10):
        targets = HELD_OUT.targets.clone()
        drawn = torch.Generator().manual_seed(seed)
        targets[HALF] = torch.randint(3, (22,), generator=drawn)
        crossed = CrossSelection([targets], None, [HALF], settings)
        for epoch, of_epoch in enumerate(logits, 1):
            crossed.note(epoch, [of_epoch], [False])
        first, second = crossed.epochs[0]
        kept = logits[first - 1]
        divided = kept[HALF] / temperature(kept[~HALF], HELD_OUT.at(~HALF))
        torch.testing.assert_close(crossed.outputs[0][HALF], divided, rtol=1e-3, atol=1e-4)
        chosen.add(first)
        other_choices.add(second)
    assert len(chosen) == 1
    assert len(other_choices) > 1


def test_an_epoch_without_a_finite_score_is_not_chosen():
    crossed = CrossSelection(
        [HELD_OUT.targets] * 2, None, [HALF] * 2, replace(PLAIN, selection="loss")
    )
    good, bad = torch.zeros(44, 3), torch.full((44, 3), torch.nan)
    for epoch, of_first in enumerate((bad, good, bad), 1):
        crossed.note(epoch, [of_first, bad], [False, False])
    assert crossed.epochs == [(2, 2), (0, 0)]
    first, second = crossed.outputs
    assert torch.equal(first, good)
    assert second is None


@pytest.mark.parametrize("by", ["loss", "calibrated_loss"])
def test_a_training_that_goes_on_from_any_epoch_ends_with_the_same_outputs(by, tmp_path):
    members = [replace(PLAIN, seed=seed, selection=by, patience=20) for seed in (3, 4)]

    def made() -> tuple[Training, CrossSelection]:
        crossed = CrossSelection([HELD_OUT.targets] * 2, None, [HALF] * 2, members[0])
        return Training(
            Network.initialized(SPEC, [3, 4]), LEARNED, members, validation=HELD_OUT,
            cross_selection=crossed,
        ), crossed  # fmt: skip

    whole, crossed = made()
    paths = []
    for record in whole.epochs():
        if record.epoch in (1, 7, 32, 33):
            paths.append(tmp_path / str(record.epoch))
            whole.state().save(paths[-1])
    for path in paths:
        resumed, other = made()
        resumed.restore(TrainingState.load(path))
        for _ in resumed.epochs():
            pass
        assert other.epochs == crossed.epochs
        for one, again in zip(crossed.outputs, other.outputs, strict=True):
            assert torch.equal(one, again)


def test_a_state_without_the_outputs_goes_on_without_them(tmp_path):
    settings = replace(PLAIN, selection="loss", max_epochs=4)
    before = Training(Network.initialized(SPEC, [0]), LEARNED, settings, validation=HELD_OUT)
    next(before.epochs())
    before.state().save(tmp_path / "state")
    crossed = CrossSelection([HELD_OUT.targets], None, [HALF], settings)
    after = Training(
        Network.initialized(SPEC, [0]), LEARNED, settings, validation=HELD_OUT,
        cross_selection=crossed,
    )  # fmt: skip
    with pytest.warns(DataWarning, match="lacks the outputs .* a little less often"):
        after.restore(TrainingState.load(tmp_path / "state"))
    assert [record.epoch for record in after.epochs()] == [2, 3, 4]
    assert crossed.outputs == [None]
    assert crossed.state() == {}


def test_intervals_hold_as_many_truths_as_they_say_though_the_best_of_many_epochs_is_kept():
    """Of sixty networks with 30 held-out rows each; those that choose the epoch are too certain."""
    num_members, num_rows, num_held_out, num_asked = 60, 20, 30, 1000
    source = torch.Generator().manual_seed(0)
    inputs = torch.randn(num_members * (num_rows + num_held_out) + num_asked, 10, generator=source)
    numbers = inputs[:, :1] + torch.randn(len(inputs), 1, generator=source)
    examples = Examples(inputs, numbers)
    parts = torch.arange(len(inputs) - num_asked).view(num_members, -1)
    held_out = list(parts[:, num_rows:])
    members = [
        replace(
            PLAIN, loss="squared_error", selection="loss", optimizer="adam", learning_rate=0.2,
            max_epochs=60, batch_size=5, seed=seed,
        )
        for seed in range(num_members)
    ]  # fmt: skip
    half = torch.arange(num_held_out) % 2 == 1
    crossed = CrossSelection(
        [numbers[rows] for rows in held_out], None, [half] * num_members, members[0]
    )
    network = Network.initialized(NetworkSpec(10, 1, (32,)), range(num_members))
    for _ in train(
        network, examples, members, validation=examples, rows=list(parts[:, :num_rows]),
        validation_rows=held_out, cross_selection=crossed,
    ):  # fmt: skip
        pass
    answers, shares = network.logits(inputs), []
    rank = math.ceil(0.9 * (num_held_out + 1))
    for of_member, rows, outputs in zip(answers, held_out, crossed.outputs, strict=True):
        errors = (of_member - numbers).abs()[:, 0]
        widths = errors[rows], (outputs - numbers[rows]).abs()[:, 0]
        shares.append(
            [float((errors[-num_asked:] <= of.sort().values[rank - 1]).float().mean())
             for of in widths]
        )  # fmt: skip
    of_choosing, of_others = np.mean(shares, axis=0)
    assert of_choosing < 0.88
    assert 0.885 < of_others < 0.93
