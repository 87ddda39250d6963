"""A network small enough to be worked out by hand."""

import pytest
import torch

from multilayer.diagnostics.layer_statistics import layer_statistics
from multilayer.engine.batches import Examples
from multilayer.engine.network import Network
from multilayer.engine.specification import NetworkSpec


def network_of(weights: list[list[list[float]]], activation: str) -> Network:
    widths = [len(weights[0]), *(len(matrix[0]) for matrix in weights)]
    network = Network(
        NetworkSpec(widths[0], widths[-1], tuple(widths[1:-1]), activation), dtype=torch.float64
    )
    for view, matrix in zip(network.weights, weights, strict=True):
        view.copy_(torch.tensor(matrix, dtype=torch.float64))
    return network


ROWS = torch.tensor([[1.0], [2.0], [-1.0], [4.0]], dtype=torch.float64)
TARGETS = torch.zeros(4, 1, dtype=torch.float64)


def test_a_hidden_layer_of_three_neurons_by_hand():
    # max(0, x), max(0, −x) and a neuron without any weight: it says 0 of every row.
    network = network_of([[[1.0, -1.0, 0.0]], [[1.0], [1.0], [1.0]]], "relu")
    [layer], norms = layer_statistics(network, Examples(ROWS, TARGETS), "squared_error")
    # The values are 1 0 0 / 2 0 0 / 0 1 0 / 4 0 0: their sum is 8, of their squares 22.
    assert layer.width == 3
    assert layer.mean == pytest.approx(8 / 12)
    assert layer.deviation == pytest.approx((22 / 12 - (8 / 12) ** 2) ** 0.5)
    assert layer.zero_share == pytest.approx(8 / 12)
    assert layer.silent_share == pytest.approx(1 / 3)
    assert layer.saturated_share is None
    assert layer.range == (0.0, 4.0)
    assert sum(layer.histogram) == 12
    assert (layer.histogram[0], layer.histogram[-1]) == (8, 1)
    # The answer is |x|, the loss Σ |x|²/4, ∂loss/∂answer = |x|/2, and ∂loss/∂W₂ = hᵀ |x|/2
    # = ((1 + 4 + 16)/2, 1/2, 0); ∂loss/∂W₁ = Σ x |x|/2 where the neuron is awake.
    assert [norm.name for norm in norms] == ["linear_0.weight", "linear_1.weight"]
    assert norms[1].gradient == pytest.approx((10.5**2 + 0.5**2) ** 0.5)
    assert norms[0].gradient == pytest.approx((10.5**2 + 0.5**2) ** 0.5)
    assert norms[0].weight == pytest.approx(2**0.5)


def test_values_near_the_bounds_of_a_sigmoid_are_saturated():
    network = network_of([[[100.0, 0.0]], [[1.0], [1.0]]], "sigmoid")
    [layer], _ = layer_statistics(network, Examples(ROWS, TARGETS), "squared_error")
    assert layer.saturated_share == 0.5


def test_a_linear_model_has_no_hidden_layer():
    network = network_of([[[1.0]]], "relu")
    layers, norms = layer_statistics(network, Examples(ROWS, TARGETS), "squared_error")
    assert layers == []
    assert len(norms) == 1


def test_a_network_whose_values_are_all_alike_has_a_histogram():
    network = network_of([[[0.0, 0.0]], [[1.0], [1.0]]], "relu")
    [layer], _ = layer_statistics(network, Examples(ROWS, TARGETS), "squared_error")
    assert sum(layer.histogram) == 8
