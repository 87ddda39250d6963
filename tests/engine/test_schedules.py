import math

import pytest
import torch

from multilayer.engine.network import Network
from multilayer.engine.schedules import REGULARIZATION_SCHEDULES, SCHEDULES
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec
from multilayer.engine.step import Step


@pytest.mark.parametrize(
    ("done", "factor"),
    # log₂(1 + 15 t) is a whole number at 0, 1/15, 3/15, 7/15, 1 and half-way between at
    # (√2 − 1)/15 and so on, where the rate is at its highest.
    [(0, 0), (1 / 15, 0), (3 / 15, 0), (7 / 15, 0), (1, 0), ((2**0.5 - 1) / 15, 1),
     ((2**3.5 - 1) / 15, 1), ((2**1.25 - 1) / 15, 0.5)],
)  # fmt: skip
def test_log_cosine_rises_and_falls_four_times(done, factor):
    assert SCHEDULES["log_cosine"](done) == pytest.approx(factor, abs=1e-12)


@pytest.mark.parametrize(
    ("done", "factor"), [(0, 1), (0.25, 1), (0.5, 1), (0.75, 0.5), (1, 0), (2 / 3, 0.75)]
)
def test_flat_cosine_falls_in_the_second_half(done, factor):
    assert REGULARIZATION_SCHEDULES["flat_cosine"](done) == pytest.approx(factor, abs=1e-12)


def test_weight_decay_follows_its_schedule_and_the_learning_rates():
    """With a gradient of zero, weight decay is all that moves the weights."""
    network = Network.initialized(NetworkSpec(3, 2, (), "identity"), [0], dtype=torch.float64)
    settings = TrainingSettings(
        loss="squared_error", learning_rate=0.5, weight_decay=0.2, schedule="cosine",
        regularization_schedule="flat_cosine", optimizer="adam",
    )  # fmt: skip
    step, expected = Step(network, settings, num_steps=8), network.weights[0].clone()
    inputs = torch.zeros(1, 5, 3, dtype=torch.float64)
    for number in range(8):
        step(inputs, network.biases[0].expand(1, 5, 2))  # what it says already
        done = number / 8
        rate = 0.5 * (1 + math.cos(math.pi * done)) / 2
        strength = (1 + math.cos(math.pi * (max(1, 2 * done) - 1))) / 2
        expected *= 1 - rate * 0.2 * strength
    torch.testing.assert_close(network.weights[0], expected, atol=1e-12, rtol=0)


def test_dropout_follows_its_schedule_down_to_none():
    spec = NetworkSpec(4, 2, (500,), "identity")
    network = Network.initialized(spec, [0])
    settings = TrainingSettings(
        dropout=0.4, learning_rate=1e-9, regularization_schedule="flat_cosine"
    )
    step, shares = Step(network, settings, num_steps=4), []
    for _ in range(5):
        step(torch.randn(1, 8, 4), torch.randint(2, (1, 8)))
        hidden = step.passes.hidden_values[0]
        shares.append((hidden == 0).double().mean().item())
    expected = [0.4, 0.4, 0.4, 0.2, 0]
    assert shares == pytest.approx(expected, abs=0.04)
    assert shares[-1] == 0
