"""One training step, worked out on paper.

Input x = (1, 2), target 2, squared error, learning rate 0.1, and

    W1 = | 1.0  -1.0 |   b1 = (0, 0)     W2 = | 1 |   b2 = 0.5
         | 0.5  -1.0 |                        | 2 |

    z = x W1 + b1 = (1·1 + 2·0.5, 1·(-1) + 2·(-1)) = (2, -3)      h = relu(z) = (2, 0)
    y = h W2 + b2 = 2·1 + 0·2 + 0.5 = 2.5                         loss = (2.5 - 2)² = 0.25

    ∂y  = 2 (2.5 - 2) = 1
    ∂W2 = hᵀ ∂y = (2, 0)ᵀ     ∂b2 = 1
    ∂h  = ∂y W2ᵀ = (1, 2)     ∂z = (1, 0), as the second neuron is off
    ∂W1 = xᵀ ∂z = | 1  0 |    ∂b1 = (1, 0)
                  | 2  0 |
"""

import math

import pytest
import torch

from multilayer.engine.losses import CrossEntropy
from multilayer.engine.network import Network
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec
from multilayer.engine.step import Step


@pytest.mark.parametrize("num_members", [1, 3])
@pytest.mark.parametrize(
    "changes", [{}, {"max_gradient_norm": 1e9}], ids=["step folded into the product", "apart"]
)
def test_one_step_gives_the_numbers_worked_out_by_hand(num_members, changes):
    network = Network(NetworkSpec(2, 1, (2,)), num_members, dtype=torch.float64)
    first, second = network.weights
    first.copy_(torch.tensor([[1.0, -1.0], [0.5, -1.0]]))
    second.copy_(torch.tensor([[1.0], [2.0]]))
    network.biases[1].fill_(0.5)
    settings = TrainingSettings(loss="squared_error", learning_rate=0.1, **changes)
    step = Step(network, settings)

    inputs = torch.tensor([[[1.0, 2.0]]], dtype=torch.float64)
    loss = step(inputs, torch.tensor([[[2.0]]], dtype=torch.float64))

    # W1, W2, b1, b2: in the flat vector, the weights come before the biases.
    expected_gradient = torch.tensor([1, 0, 2, 0, 2, 0, 1, 0, 1], dtype=torch.float64)
    expected_parameters = torch.tensor(
        [0.9, -1, 0.3, -1, 0.8, 2, -0.1, 0, 0.4], dtype=torch.float64
    )
    for member in range(num_members):
        assert loss[member].item() == pytest.approx(0.25, abs=1e-15)
        if changes:
            torch.testing.assert_close(step.gradient[member], expected_gradient, atol=1e-15, rtol=0)
        torch.testing.assert_close(
            network.parameters[member], expected_parameters, atol=1e-15, rtol=0
        )


def test_cross_entropy_gives_the_numbers_worked_out_by_hand():
    # Logits (0, ln 3) are the probabilities (1/4, 3/4); the target 0 costs ln 4.
    logits = torch.tensor([[[0.0, math.log(3)]]], dtype=torch.float64)
    loss, gradient = CrossEntropy()(logits, torch.tensor([[0]]))
    assert loss.item() == pytest.approx(math.log(4), abs=1e-15)
    assert gradient.flatten().tolist() == pytest.approx([-0.75, 0.75], abs=1e-15)
