"""The hand-written passes against autograd and finite differences, in float64."""

from typing import get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from multilayer.engine.activations import ACTIVATIONS
from multilayer.engine.backpropagation import Passes
from multilayer.engine.losses import LOSSES
from multilayer.engine.network import Network
from multilayer.engine.specification import ActivationName, NetworkSpec

TORCH_ACTIVATIONS = {
    "relu": functional.relu,
    "leaky_relu": functional.leaky_relu,
    "elu": functional.elu,
    "selu": functional.selu,
    "gelu": functional.gelu,
    "silu": functional.silu,
    "mish": functional.mish,
    "softplus": functional.softplus,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "identity": nn.Identity(),
}
TORCH_LOSSES = {"cross_entropy": functional.cross_entropy, "squared_error": functional.mse_loss}


def random_targets(loss: str, batch_size: int, num_outputs: int) -> Tensor:
    if loss == "cross_entropy":
        return torch.randint(num_outputs, (1, batch_size))
    return torch.randn(1, batch_size, num_outputs, dtype=torch.float64)


def by_autograd(network: Network, inputs: Tensor, targets: Tensor, loss: str):
    """Outputs, losses and gradient of every member, one after the other."""
    outputs, losses, gradients = [], [], []
    for member in range(network.num_members):
        flat = network.parameters[member].clone().requires_grad_()
        values = inputs[member if len(inputs) > 1 else 0] * network.spec.input_scale
        layers = network.spec.linear_layers
        for number, (weight, bias) in enumerate(layers):
            values = values @ weight.view(flat[None])[0] + bias.view(flat[None])[0]
            if number < len(layers) - 1:
                values = TORCH_ACTIVATIONS[network.spec.activations[number]](values)
        value = TORCH_LOSSES[loss](values, targets[0])
        gradients.append(torch.autograd.grad(value, flat)[0])
        outputs.append(values.detach())
        losses.append(value.detach())
    return torch.stack(outputs), torch.stack(losses), torch.stack(gradients)


def by_hand(network: Network, inputs: Tensor, targets: Tensor, loss: str):
    gradient = torch.full_like(network.parameters, torch.nan)  # every value must be written
    passes = Passes(network.spec, network.parameters, gradient)
    outputs = passes.forward(inputs)
    kept = outputs.clone()
    value, outputs_gradient = LOSSES[loss]()(outputs, targets)
    passes.backward(outputs_gradient)
    return kept, value, gradient


def assert_same(ours, theirs):
    for our, their in zip(ours, theirs, strict=True):
        torch.testing.assert_close(our, their, atol=1e-10, rtol=0)


def test_the_activations_of_the_declaration_are_those_of_the_code():
    assert set(get_args(ActivationName)) == set(ACTIVATIONS) == set(TORCH_ACTIVATIONS)


@pytest.mark.parametrize("loss", TORCH_LOSSES)
@pytest.mark.parametrize("activation", TORCH_ACTIVATIONS)
@pytest.mark.parametrize("num_members", [1, 3])
@pytest.mark.parametrize("hidden_widths", [(), (5,), (7, 4, 6)])
def test_passes_agree_with_autograd(activation, loss, num_members, hidden_widths):
    torch.manual_seed(0)
    spec = NetworkSpec(6, 3, hidden_widths, activation, input_scale=0.7)
    network = Network.initialized(spec, range(num_members), "he", torch.float64)
    inputs = 2 * torch.randn(1, 11, 6, dtype=torch.float64)
    targets = random_targets(loss, 11, 3)
    assert_same(
        by_hand(network, inputs, targets, loss), by_autograd(network, inputs, targets, loss)
    )


def test_the_hidden_values_are_those_of_the_last_pass():
    spec = NetworkSpec(5, 2, (4, 3), "tanh")
    network = Network.initialized(spec, [0, 1], dtype=torch.float64)
    inputs = torch.randn(1, 6, 5, dtype=torch.float64)
    passes = Passes(spec, network.parameters)
    passes.forward(inputs)
    first = (inputs @ network.weights[0] + network.biases[0]).tanh()
    second = (first @ network.weights[1] + network.biases[1]).tanh()
    torch.testing.assert_close(passes.hidden_values, [first, second], rtol=0, atol=1e-12)


def test_members_may_have_rows_of_their_own():
    network = Network.initialized(NetworkSpec(4, 3, (5,)), range(3), dtype=torch.float64)
    inputs, targets = torch.randn(3, 8, 4, dtype=torch.float64), torch.randint(3, (1, 8))
    assert_same(
        by_hand(network, inputs, targets, "cross_entropy"),
        by_autograd(network, inputs, targets, "cross_entropy"),
    )


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 9), max_size=3).map(tuple),
    st.lists(st.sampled_from(sorted(TORCH_ACTIVATIONS)), min_size=3, max_size=3),
    *[st.integers(1, 6) for _ in range(4)],
)
def test_any_shape_agrees_with_autograd(
    hidden_widths, activations, num_inputs, num_outputs, num_members, batch_size
):
    activation = ",".join(activations[: len(hidden_widths)]) or "relu"
    spec = NetworkSpec(num_inputs, num_outputs, hidden_widths, activation)
    network = Network.initialized(spec, range(num_members), "he", torch.float64)
    inputs = torch.randn(1, batch_size, num_inputs, dtype=torch.float64)
    targets = torch.randn(1, batch_size, num_outputs, dtype=torch.float64)
    assert_same(
        by_hand(network, inputs, targets, "squared_error"),
        by_autograd(network, inputs, targets, "squared_error"),
    )


@pytest.mark.parametrize("loss", TORCH_LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradient_agrees_with_finite_differences(activation, loss):
    torch.manual_seed(1)
    network = Network.initialized(
        NetworkSpec(4, 3, (5,), activation), range(2), "he", torch.float64
    )
    inputs, targets = torch.randn(1, 7, 4, dtype=torch.float64), random_targets(loss, 7, 3)
    _, _, gradient = by_hand(network, inputs, targets, loss)
    step = 1e-6
    numeric = torch.empty_like(gradient)
    for position in range(network.spec.num_parameters):
        values = []
        for direction in (step, -step):
            network.parameters[:, position] += direction
            values.append(LOSSES[loss]().value(network.logits(inputs[0]), targets))
            network.parameters[:, position] -= direction
        numeric[:, position] = (values[0] - values[1]) / (2 * step)
    torch.testing.assert_close(gradient, numeric, atol=1e-8, rtol=1e-6)


def test_a_ragged_batch_between_whole_ones_changes_nothing():
    network = Network.initialized(NetworkSpec(4, 3, (5, 6)), range(2), dtype=torch.float64)
    gradient = torch.zeros_like(network.parameters)
    passes = Passes(network.spec, network.parameters, gradient)
    for batch_size in (8, 3, 8, 1, 9):
        inputs = torch.randn(1, batch_size, 4, dtype=torch.float64)
        targets = torch.randint(3, (1, batch_size))
        outputs = passes.forward(inputs).clone()
        loss, outputs_gradient = LOSSES["cross_entropy"]()(outputs, targets)
        passes.backward(outputs_gradient)
        assert_same(
            (outputs, loss, gradient), by_autograd(network, inputs, targets, "cross_entropy")
        )


@pytest.mark.parametrize("loss", TORCH_LOSSES)
def test_the_value_of_a_loss_is_the_same_with_and_without_its_gradient(loss):
    logits, targets = torch.randn(2, 9, 4, dtype=torch.float64), random_targets(loss, 9, 4)
    torch.testing.assert_close(
        LOSSES[loss]()(logits, targets)[0], LOSSES[loss]().value(logits, targets)
    )


def test_cross_entropy_of_huge_logits_is_finite():
    logits = torch.tensor([[[1e30, -1e30, 0.0]]])
    loss, gradient = LOSSES["cross_entropy"]()(logits, torch.tensor([[0]]))
    assert loss.item() == 0
    assert gradient.isfinite().all()
