"""Learning rates of kinds of parameters, and the neural tangent parametrisation, against autograd
and torch.optim."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from multilayer.engine.network import Network
from multilayer.engine.rate_groups import RateGroup, rate_groups
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec
from multilayer.engine.step import Step

SPEC = NetworkSpec(6, 4, (9, 7), "tanh", scale_layer=True, learned_activation=True)


class Tangent(nn.Module):
    """The network as its users write it, in the neural tangent parametrisation: V/√d and b."""

    def __init__(self, network: Network, member: int, uses_tangents: bool) -> None:
        super().__init__()
        self.spec, self.uses_tangents = network.spec, uses_tangents
        self.of = nn.ParameterDict()
        for name, view in network.named_parameters():
            value = view[member].clone()
            if name.endswith("weight") and uses_tangents:
                value *= math.sqrt(len(value))
            self.of[name.replace(".", "_")] = nn.Parameter(value)

    def weight(self, number: int) -> Tensor:
        weight = self.of[f"linear_{number}_weight"]
        return weight / math.sqrt(len(weight)) if self.uses_tangents else weight

    def forward(self, inputs: Tensor) -> Tensor:
        values = inputs * self.of["features_scale"]
        for number in range(3):
            values = values @ self.weight(number) + self.of[f"linear_{number}_bias"]
            if number < 2:
                strength = self.of[f"activation_{number}_strength"]
                values = (1 - strength) * values + strength * torch.tanh(values)
        return values

    def groups(self, rate: float, decay: float) -> list[dict]:
        factors = {"scale": 6, "bias": 0.1, "strength": 0.1}
        return [
            {
                "params": [parameter],
                "lr": rate * factors.get(name.split("_")[-1], 1),
                # torch shrinks by its own rate, as we do: weights learn at the rate itself
                "weight_decay": decay if name.endswith("weight") else 0,
            }
            for name, parameter in self.of.items()
        ]


@pytest.mark.parametrize("parametrization", ["standard", "ntk"])
@pytest.mark.parametrize("own_rates", [False, True])
@pytest.mark.parametrize("num_members", [1, 3])
@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "sgd", "weight_decay": 0.0},
        {"optimizer": "sgd", "momentum": 0.9, "weight_decay": 0.0},
        {"optimizer": "adam", "beta_1": 0.8, "beta_2": 0.95, "weight_decay": 0.1},
    ],
    ids=["sgd", "momentum", "adam"],
)
def test_twenty_steps_agree_with_torch(changes, num_members, own_rates, parametrization):
    members = [
        TrainingSettings(
            learning_rate=0.02 * (1 + member * own_rates), scale_rate_factor=6,
            bias_rate_factor=0.1, parametrization=parametrization, **changes,
        )
        for member in range(num_members)
    ]  # fmt: skip
    network = Network.initialized(SPEC, range(num_members), "he", torch.float64)
    modules = [Tangent(network, m, parametrization == "ntk") for m in range(num_members)]
    optimizers = []
    for module, settings in zip(modules, members, strict=True):
        groups = module.groups(settings.learning_rate, settings.weight_decay)
        if settings.optimizer == "adam":
            # ε as large as gradients are, so that it matters which one is used
            optimizers.append(torch.optim.AdamW(groups, betas=(0.8, 0.95), eps=1e-8))
        else:
            optimizers.append(torch.optim.SGD(groups, momentum=settings.momentum))
    step = Step(network, members)
    for _ in range(20):
        inputs = torch.randn(1, 12, 6, dtype=torch.float64)
        targets = torch.randint(4, (1, 12))
        step(inputs, targets)
        for module, optimizer in zip(modules, optimizers, strict=True):
            optimizer.zero_grad()
            functional.cross_entropy(module(inputs[0]), targets[0]).backward()
            optimizer.step()
    for member, module in enumerate(modules):
        for name, view in network.named_parameters():
            theirs = module.of[name.replace(".", "_")].detach()
            if name.endswith("weight"):
                theirs = module.weight(int(name[7])).detach()
            torch.testing.assert_close(view[member], theirs, atol=1e-10, rtol=0)


def test_a_plain_network_is_one_group():
    spec = NetworkSpec(6, 4, (9, 7))
    assert rate_groups(spec, TrainingSettings()) == (RateGroup(0, spec.num_parameters),)


def test_the_groups_of_a_tables_network():
    spec = NetworkSpec(4, 1, (16, 16), "mish", scale_layer=True, batch_norm=True)
    settings = TrainingSettings(
        optimizer="adam", parametrization="ntk", scale_rate_factor=6, bias_rate_factor=0.1
    )
    weights = 4 * 16 + 16 * 16 + 16
    biases = 16 + 16 + 1 + 16 + 16  # of linear layers, and gains
    assert rate_groups(spec, settings) == (
        RateGroup(0, 64, 1 / 2, 2),
        RateGroup(64, weights, 1 / 4, 4),  # both have 16 inputs
        RateGroup(weights, weights + 4, 6),
        RateGroup(weights + 4, weights + 4 + biases, 0.1),
    )
    assert spec.num_parameters == weights + 4 + biases + 4 * 16  # running statistics


@pytest.mark.parametrize("own_rates", [False, True])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_nothing_learns_the_state(optimizer, own_rates):
    spec = NetworkSpec(4, 3, (5,), standardize_inputs=True)
    network = Network.initialized(spec, [0, 1])
    rates = (0.1, 0.2) if own_rates else (0.1, 0.1)
    step = Step(
        network, [TrainingSettings(optimizer=optimizer, learning_rate=rate) for rate in rates]
    )
    before = network.parameters.clone()
    step(torch.randn(1, 8, 4), torch.randint(3, (1, 8)))
    is_state = torch.zeros(spec.num_parameters, dtype=torch.bool)
    for name in ("inputs.shift", "inputs.scale"):
        is_state[spec.slots[name].start : spec.slots[name].stop] = True
    changed = (network.parameters != before).any(0)
    assert not changed[is_state].any()
    assert changed[~is_state].any()
