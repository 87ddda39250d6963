"""First values that come from the training rows."""

from dataclasses import replace

import pytest
import torch

from multilayer.engine.backpropagation import Passes
from multilayer.engine.network import Network
from multilayer.engine.settings import TrainingSettings, of_members
from multilayer.engine.specification import NetworkSpec

TABLE = NetworkSpec(
    5, 3, (40, 30), "selu", embedded_numbers=3, category_sizes=(4,), scale_layer=True,
    learned_activation=True,
)  # fmt: skip
FITTED = TrainingSettings(initialization="data", hidden_widths=(40, 30))


@pytest.fixture
def rows() -> torch.Tensor:
    torch.manual_seed(0)
    rows = 3 * torch.randn(800, 5, dtype=torch.float64) + 1
    rows[:, 4] = torch.randint(4, (800,)).double()
    return rows


def pre_activations(network: Network, rows: torch.Tensor) -> list[torch.Tensor]:
    passes = Passes(network.spec, network.parameters)
    passes.forward(rows.unsqueeze(0))
    return [
        values @ weight
        for values, weight in zip(passes.linear_inputs, network.weights, strict=True)
    ]


def test_each_neuron_has_deviation_one_before_its_bias(rows):
    network = Network.for_training(TABLE, [FITTED, FITTED], rows, dtype=torch.float64)
    for values in pre_activations(network, rows):
        torch.testing.assert_close(
            values.std(dim=1, correction=0),
            torch.ones(2, values.shape[2], dtype=torch.float64), atol=1e-9, rtol=0,
        )  # fmt: skip


def test_each_neuron_bends_within_the_rows(rows):
    """Minus the bias is a mean of five pre-activations: between their least and most, and spread
    as wide as such means are, 1 / √3 of the rows' deviation for even shares on the simplex."""
    network = Network.for_training(TABLE, [FITTED], rows, dtype=torch.float64)
    for values, bias in zip(pre_activations(network, rows), network.biases, strict=True):
        centred = values[0] + bias[0]
        assert (centred.amin(0) < 0).all()
        assert (centred.amax(0) > 0).all()
    first = pre_activations(network, rows)[0][0]
    offsets = -network.biases[0][0, 0] - first.mean(0)
    assert offsets.std().item() == pytest.approx(3**-0.5, rel=0.3)


def test_a_member_is_fitted_to_its_own_rows_as_if_alone(rows):
    own = [torch.arange(400), torch.arange(400, 800)]
    members = [FITTED, TrainingSettings(initialization="data", seed=4, hidden_widths=(40, 30))]
    together = Network.for_training(TABLE, members, rows, own)
    alone = Network.for_training(TABLE, members[1:], rows[400:])
    torch.testing.assert_close(together.parameters[1:], alone.parameters)


def test_members_may_differ_in_their_first_frequencies(rows):
    members = [replace(FITTED, embedding_frequency=frequency) for frequency in (0.1, 0.4)]
    network = Network.for_training(TABLE, members, rows)
    plain, quick = TABLE.slots["numbers.frequency"].view(network.parameters)
    torch.testing.assert_close(quick, 4 * plain)
    assert 0.05 < plain.std() < 0.15
    alone = Network.for_training(TABLE, members[1:], rows)
    assert torch.equal(alone.parameters[0], network.parameters[1])
    assert of_members(members, 2) == members


def test_a_constant_column_leaves_finite_weights():
    spec = NetworkSpec(2, 2, (6,), "selu")
    network = Network.for_training(spec, [FITTED], torch.zeros(50, 2))
    assert network.parameters.isfinite().all()
    assert network.weights[0].any()


def test_the_last_layer_begins_at_zero_where_that_is_asked_for(rows):
    settings = TrainingSettings(initialization="data", zero_last_layer=True)
    network = Network.for_training(TABLE, [settings], rows)
    assert not network.logits(rows).any()
    assert network.weights[1].any()


@pytest.mark.parametrize("own_rows", [False, True])
def test_bytes_are_standardized_by_their_rows(own_rows):
    pixels = torch.randint(256, (5000, 6), dtype=torch.uint8)
    pixels[:, 2] = 7
    spec = NetworkSpec(6, 6, (), input_scale=1 / 255, standardize_inputs=True)
    rows = [torch.arange(0, 3000), torch.arange(2000, 5000)] if own_rows else None
    network = Network.for_training(spec, [TrainingSettings()] * 2, pixels, rows, torch.float64)
    for member in range(2):
        network.weights[0][member] = torch.eye(6)
        network.biases[0][member] = 0
        seen = pixels if rows is None else pixels[rows[member]]
        values = network.logits(seen)[member]
        torch.testing.assert_close(values.mean(0), torch.zeros(6).double(), atol=1e-9, rtol=0)
        assert values.square().mean().item() == pytest.approx(1, abs=1e-9)


def test_inputs_that_are_all_the_same_keep_their_scale():
    spec = NetworkSpec(3, 2, (), standardize_inputs=True)
    network = Network.for_training(spec, [TrainingSettings()], torch.ones(10, 3))
    assert network.logits(torch.ones(1, 3)).isfinite().all()


def test_plain_settings_draw_what_they_always_drew(rows):
    spec = NetworkSpec(5, 3, (4,))
    ready = Network.for_training(spec, [TrainingSettings(seed=3)], rows)
    assert torch.equal(ready.parameters, Network.initialized(spec, [3]).parameters)
