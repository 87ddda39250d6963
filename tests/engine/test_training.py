from threading import Event

import pytest
import torch
from torch.nn import functional

from multilayer.engine.batches import Examples
from multilayer.engine.network import Network
from multilayer.engine.randomness import generator
from multilayer.engine.scores import evaluate
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec
from multilayer.engine.training import train
from multilayer.errors import DataError, TrainingDivergedError

pytestmark = pytest.mark.usefixtures("batch_by_batch")


@pytest.fixture
def blobs() -> Examples:
    """Three well separated clouds in four dimensions, 250 points."""
    source = generator(0, "blobs")
    labels = torch.randint(3, (250,), generator=source)
    centres = 4 * torch.randn(3, 4, generator=source)
    return Examples(centres[labels] + torch.randn(250, 4, generator=source), labels)


def fit(examples: Examples, num_members: int = 1, **settings):
    chosen = TrainingSettings(hidden_widths=(16,), batch_size=32, **settings)
    network = Network.initialized(NetworkSpec(4, 3, (16,)), range(num_members))
    return network, list(train(network, examples, chosen, validation=examples))


def test_training_learns_and_records_each_epoch(blobs):
    _, records = fit(blobs, max_epochs=20)
    assert [record.epoch for record in records] == list(range(1, 21))
    assert all(record.num_steps == 8 for record in records)  # 250 rows in batches of 32
    assert records[-1].train_loss[0] < records[0].train_loss[0] / 3
    assert records[-1].validation.accuracy[0] > 0.95
    assert not any(record.is_interrupted for record in records)


def test_the_same_seed_repeats_the_run_and_another_does_not(blobs):
    first, second, other = (fit(blobs, seed=seed, max_epochs=2)[0] for seed in (1, 1, 2))
    assert torch.equal(first.parameters, second.parameters)
    assert not torch.equal(first.parameters, other.parameters)


def test_the_global_generator_and_gradient_mode_are_left_alone(blobs):
    before = torch.random.get_rng_state()
    fit(blobs, max_epochs=1)
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.is_grad_enabled()


def test_a_member_trained_in_company_is_the_one_trained_alone(blobs):
    together, records = fit(blobs, num_members=3, max_epochs=5)
    alone = Network.initialized(NetworkSpec(4, 3, (16,)), [2])
    settings = TrainingSettings(hidden_widths=(16,), batch_size=32, max_epochs=5)
    *_, last = train(alone, blobs, settings)
    torch.testing.assert_close(together.parameters[2:], alone.parameters, atol=1e-5, rtol=0)
    assert records[-1].train_loss[2] == pytest.approx(last.train_loss[0], abs=1e-5)


def test_the_training_loss_of_an_epoch_weights_every_row_equally(blobs):
    # A learning rate so small that nothing moves: the epoch's loss is the loss of all rows.
    network, [record] = fit(blobs, max_epochs=1, learning_rate=1e-12)
    logits = network.logits(blobs.inputs)[0]
    expected = functional.cross_entropy(logits, blobs.targets).item()
    assert record.train_loss[0] == pytest.approx(expected, rel=1e-5)


def test_evaluation_is_the_mean_loss_and_the_share_of_right_answers(blobs):
    network = Network.initialized(NetworkSpec(4, 3), [0, 1])
    scores = evaluate(network, blobs)
    for member, logits in enumerate(network.logits(blobs.inputs)):
        expected = functional.cross_entropy(logits, blobs.targets).item()
        assert scores.loss[member] == pytest.approx(expected, rel=1e-6)
        share = (logits.argmax(1) == blobs.targets).double().mean().item()
        assert scores.accuracy[member] == share


def test_numbers_as_targets_have_no_accuracy():
    inputs = torch.randn(100, 4)
    examples = Examples(inputs, inputs[:, :2] * 3)
    network = Network.initialized(NetworkSpec(4, 2, (32,)))
    settings = TrainingSettings(
        loss="squared_error", optimizer="adam", learning_rate=0.01, max_epochs=100
    )
    *_, last = train(network, examples, settings)
    assert last.train_loss[0] < 0.5
    assert evaluate(network, examples, "squared_error").accuracy is None


class StopAfter(Event):
    """Is set from the n-th look at it on."""

    def __init__(self, num_looks: int) -> None:
        super().__init__()
        self.num_looks = num_looks

    def is_set(self) -> bool:
        self.num_looks -= 1
        return self.num_looks < 0


def stopped(blobs: Examples, stop: Event):
    network = Network.initialized(NetworkSpec(4, 3, (16,)))
    settings = TrainingSettings(hidden_widths=(16,), batch_size=32, max_epochs=100)
    return list(train(network, blobs, settings, validation=blobs, stop=stop))


def test_a_stop_ends_training_after_the_batch_with_a_last_record(blobs):
    records = stopped(blobs, StopAfter(8 + 1 + 2))  # an epoch, its end, and two batches
    assert len(records) == 2
    assert [record.is_interrupted for record in records] == [False, True]
    assert records[-1].num_steps == 3
    assert records[-1].validation is not None


def test_a_stop_between_epochs_ends_training_without_another_batch(blobs):
    records = stopped(blobs, StopAfter(8))
    assert [(record.num_steps, record.is_interrupted) for record in records] == [(8, False)]


@pytest.mark.parametrize("activation", ["relu", "tanh", "identity"])
def test_a_loss_that_is_not_finite_stops_and_says_where_and_what_to_try(activation):
    inputs = torch.randn(64, 4)
    network = Network.initialized(NetworkSpec(4, 1, (16,), activation))
    settings = TrainingSettings(loss="squared_error", learning_rate=1e30, batch_size=16)
    with pytest.raises(TrainingDivergedError, match=r"epoch 1, step \d; .* 1e\+30 .* try 0\.1$"):
        list(train(network, Examples(inputs, inputs[:, :1]), settings))


def test_the_step_named_is_the_first_whose_loss_is_not_finite(blobs):
    inputs = blobs.inputs.clone()
    order = torch.randperm(250, generator=generator(0, "shuffle"))
    inputs[order[32 * 4 + 5]] = torch.nan  # a row of the fifth batch
    with pytest.raises(TrainingDivergedError) as caught:
        fit(Examples(inputs, blobs.targets))
    assert (caught.value.epoch, caught.value.step) == (1, 5)


def test_parameters_that_break_in_the_last_step_are_found_by_the_validation():
    inputs = torch.randn(16, 4)
    examples = Examples(inputs, inputs[:, :1])
    network = Network.initialized(NetworkSpec(4, 1, ()))
    settings = TrainingSettings(loss="squared_error", learning_rate=1e38, batch_size=16)
    with pytest.raises(TrainingDivergedError, match="the validation loss"):
        list(train(network, examples, settings, validation=examples))


def test_examples_that_do_not_fit_together_are_refused():
    with pytest.raises(DataError, match="3 rows of inputs have 2 targets"):
        Examples(torch.zeros(3, 2), torch.zeros(2, dtype=torch.int64))
    with pytest.raises(DataError, match="no rows"):
        Examples(torch.zeros(0, 2), torch.zeros(0, dtype=torch.int64))


def test_the_engine_trains_without_torch_optim_or_its_compiler():
    import subprocess
    import sys

    program = """
import sys, torch
from multilayer.engine import batches, network, settings, specification, training
net = network.Network.initialized(specification.NetworkSpec(4, 3))
rows = batches.Examples(torch.randn(9, 4), torch.arange(9) % 3)
for optimizer in ("sgd", "adam"):
    list(training.train(net, rows, settings.TrainingSettings(optimizer=optimizer), validation=rows))
assert "torch._dynamo" not in sys.modules, "over a second of imports"
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)
