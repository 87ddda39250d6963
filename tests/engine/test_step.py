"""What a step can do beside plain descent, each against PyTorch in float64."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.profiler import ProfilerActivity, profile

from multilayer.engine.backpropagation import Passes
from multilayer.engine.layers.dropout import DropoutPlan, bits_for, draw_mask
from multilayer.engine.losses import LOSSES
from multilayer.engine.network import Network
from multilayer.engine.randomness import generator
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec
from multilayer.engine.step import Step

SPEC = NetworkSpec(6, 4, (9, 7), "tanh")


def random_batch(num_members: int = 1, batch_size: int = 12) -> tuple[Tensor, Tensor]:
    inputs = torch.randn(num_members, batch_size, 6, dtype=torch.float64)
    return inputs, torch.randint(4, (num_members, batch_size))


def as_modules(network: Network) -> list[nn.Sequential]:
    """Each member as a network of torch.nn with the same weights."""
    modules = []
    for member in range(network.num_members):
        layers: list[nn.Module] = []
        for weight, bias in zip(network.weights, network.biases, strict=True):
            linear = nn.Linear(*weight.shape[1:], dtype=torch.float64)
            linear.weight.data.copy_(weight[member].T)
            linear.bias.data.copy_(bias[member, 0])
            layers += [linear, nn.Tanh()]
        modules.append(nn.Sequential(*layers[:-1]))
    return modules


def assert_same_parameters(network: Network, modules: list[nn.Sequential]) -> None:
    for member, module in enumerate(modules):
        for layer, weight, bias in zip(module[::2], network.weights, network.biases, strict=True):
            torch.testing.assert_close(weight[member].T, layer.weight.data, atol=1e-10, rtol=0)
            torch.testing.assert_close(bias[member, 0], layer.bias.data, atol=1e-10, rtol=0)


def groups(module: nn.Module, decay: float) -> list[dict]:
    """Decay on the weights, none on the biases."""
    named = list(module.named_parameters())
    return [
        {"params": [p for name, p in named if "weight" in name], "weight_decay": decay},
        {"params": [p for name, p in named if "bias" in name], "weight_decay": 0},
    ]


@pytest.mark.parametrize("num_members", [1, 3])
@pytest.mark.parametrize("own", [False, True], ids=["shared settings", "own settings"])
@pytest.mark.parametrize(
    ("changes", "make"),
    [
        ({}, lambda m, s: torch.optim.SGD(m.parameters(), s.learning_rate)),
        # For plain descent, decoupled decay is the same as decay in the gradient.
        (
            {"weight_decay": 0.1},
            lambda m, s: torch.optim.SGD(groups(m, s.weight_decay), s.learning_rate),
        ),
        ({"momentum": 0.9}, lambda m, s: torch.optim.SGD(m.parameters(), s.learning_rate, 0.9)),
        (
            {"optimizer": "adam", "weight_decay": 0.1},
            lambda m, s: torch.optim.AdamW(groups(m, s.weight_decay), s.learning_rate),
        ),
        (
            {"max_gradient_norm": 0.05},
            lambda m, s: torch.optim.SGD(m.parameters(), s.learning_rate),
        ),
        (
            {"max_gradient_norm": 0.05, "optimizer": "adam"},
            lambda m, s: torch.optim.Adam(m.parameters(), s.learning_rate),
        ),
    ],
    ids=["sgd", "sgd decay", "momentum", "adamw", "clipped sgd", "clipped adam"],
)
def test_thirty_steps_agree_with_torch(num_members, own, changes, make):
    def of_member(member: int) -> TrainingSettings:
        scale = 1 + member if own else 1
        decay = changes.get("weight_decay", 0) * scale
        rate = 0.02 * scale
        return TrainingSettings(**{**changes, "weight_decay": decay, "learning_rate": rate})

    members = [of_member(member) for member in range(num_members)]
    network = Network.initialized(SPEC, range(num_members), dtype=torch.float64)
    modules = as_modules(network)
    optimizers = [make(m, s) for m, s in zip(modules, members, strict=True)]
    step = Step(network, members if own else members[0])
    for _ in range(30):
        inputs, targets = random_batch()
        step(inputs, targets)
        for module, optimizer in zip(modules, optimizers, strict=True):
            optimizer.zero_grad()
            functional.cross_entropy(module(inputs[0]), targets[0]).backward()
            if "max_gradient_norm" in changes:
                nn.utils.clip_grad_norm_(module.parameters(), changes["max_gradient_norm"])
            optimizer.step()
    assert_same_parameters(network, modules)


def test_the_cosine_schedule_is_torchs():
    network = Network.initialized(SPEC, [0], dtype=torch.float64)
    [module] = as_modules(network)
    optimizer = torch.optim.SGD(module.parameters(), 0.5)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=40)
    step = Step(network, TrainingSettings(learning_rate=0.5, schedule="cosine"), num_steps=40)
    for _ in range(40):
        inputs, targets = random_batch()
        step(inputs, targets)
        optimizer.zero_grad()
        functional.cross_entropy(module(inputs[0]), targets[0]).backward()
        optimizer.step()
        scheduler.step()
    assert_same_parameters(network, [module])


def test_the_average_follows_its_formula():
    network = Network.initialized(SPEC, [0, 1], dtype=torch.float64)
    step = Step(network, TrainingSettings(average_decay=0.8))
    expected = network.parameters.clone()
    for number in range(1, 41):
        step(*random_batch())
        decay = min(0.8, (1 + number) / (10 + number))
        expected = decay * expected + (1 - decay) * network.parameters
        torch.testing.assert_close(step.averaged, expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error"])
@pytest.mark.parametrize("num_members", [1, 3])
@pytest.mark.parametrize("num_row_sets", [1, 3])
def test_weights_of_rows_are_torchs(loss, num_members, num_row_sets):
    num_row_sets = min(num_row_sets, num_members)
    logits = torch.randn(num_members, 8, 4, dtype=torch.float64, requires_grad=True)
    weights = torch.rand(num_row_sets, 8, dtype=torch.float64)
    weights[:, 2] = 0
    targets = (
        torch.randint(4, (num_row_sets, 8))
        if loss == "cross_entropy"
        else torch.randn(num_row_sets, 8, 4, dtype=torch.float64)
    )
    values = []
    for member in range(num_members):
        of_member = member if num_row_sets > 1 else 0
        if loss == "cross_entropy":
            rows = functional.cross_entropy(logits[member], targets[of_member], reduction="none")
        else:
            rows = (logits[member] - targets[of_member]).square().mean(1)
        values.append((rows * weights[of_member]).sum() / weights[of_member].sum())
    (expected_gradient,) = torch.autograd.grad(sum(values), logits)
    value, gradient = LOSSES[loss]()(logits.detach(), targets, weights)
    torch.testing.assert_close(value, torch.stack(values).detach(), atol=1e-12, rtol=0)
    torch.testing.assert_close(gradient, expected_gradient, atol=1e-12, rtol=0)
    torch.testing.assert_close(LOSSES[loss]().value(logits.detach(), targets, weights), value)


@pytest.mark.parametrize("activation", ["relu", "elu", "gelu", "tanh"])
@pytest.mark.parametrize("num_members", [1, 2])
def test_dropout_agrees_with_autograd_under_the_same_masks(activation, num_members):
    spec = NetworkSpec(6, 4, (9, 7), activation)
    network = Network.initialized(spec, range(num_members), "he", torch.float64)
    shares = [0.4, 0.2][:num_members]
    gradient = torch.zeros_like(network.parameters)
    plan = DropoutPlan(shares, [generator(m, "dropout") for m in range(num_members)])
    passes = Passes(spec, network.parameters, gradient, plan)
    inputs, targets = random_batch(batch_size=30)
    outputs = passes.forward(inputs)
    loss, outputs_gradient = LOSSES["cross_entropy"]()(outputs, targets)
    passes.backward(outputs_gradient)
    functions = {
        "relu": torch.relu, "elu": functional.elu, "gelu": functional.gelu, "tanh": torch.tanh,
    }  # fmt: skip
    for member, share in enumerate(shares):
        source = generator(member, "dropout")
        flat = network.parameters[member : member + 1].clone().requires_grad_()
        values = inputs[0]
        for number, (weight, bias) in enumerate(spec.linear_layers):
            values = values @ weight.view(flat)[0] + bias.view(flat)[0]
            if number < 2:
                mask = torch.empty_like(values).detach()
                draw_mask(share, source, bits_for(mask), mask)
                values = functions[activation](values) * mask
        expected = functional.cross_entropy(values, targets[0])
        torch.testing.assert_close(loss[member], expected.detach(), atol=1e-12, rtol=0)
        (expected_gradient,) = torch.autograd.grad(expected, flat)
        torch.testing.assert_close(gradient[member], expected_gradient[0], atol=1e-12, rtol=0)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.15, 0.5, 0.99])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_masks_leave_out_their_share_and_keep_the_mean(share, dtype):
    mask = torch.empty(1000, 1001, dtype=dtype)
    draw_mask(share, generator(0, "dropout"), bits_for(mask), mask)
    kept = mask[mask != 0]
    assert mask.numel() - len(kept) == pytest.approx(
        share * mask.numel(), abs=4 * (share * (1 - share) * mask.numel()) ** 0.5 + 1
    )
    assert (kept == kept[:1]).all()
    if share < 0.999:
        assert kept[0].item() == pytest.approx(1 / (1 - share), rel=1e-3)
    # No pattern between neighbours, of which eight share a number of 64 bits.
    for distance in (1, 2, 4, 8, 1001):
        left, right = mask.flatten()[:-distance] == 0, mask.flatten()[distance:] == 0
        both = (left & right).double().mean().item()
        assert both == pytest.approx(share**2, abs=5e-3)


def test_dropout_keeps_the_mean_and_leaves_predictions_alone():
    torch.manual_seed(0)
    network = Network.initialized(NetworkSpec(6, 4, (2000,)), [0])
    plan = DropoutPlan([0.3], [generator(0, "dropout")])
    gradient = torch.zeros_like(network.parameters)
    inputs = torch.randn(1, 5, 6)
    passes = Passes(network.spec, network.parameters, gradient, plan)
    draws = torch.stack([passes.forward(inputs)[0].clone() for _ in range(200)])
    assert draws.std(0).max() > 0.001
    torch.testing.assert_close(draws.mean(0), network.logits(inputs[0])[0], atol=0.05, rtol=0)


@pytest.mark.parametrize(
    "changes",
    [{}, {"optimizer": "adam"}, {"momentum": 0.9}, {"weight_decay": 0.1, "optimizer": "adam"}],
    ids=["sgd", "adam", "momentum", "adamw"],
)
@pytest.mark.parametrize("num_members", [1, 4])
def test_a_steady_step_allocates_next_to_nothing(changes, num_members, monkeypatch):
    """Every large buffer is there before: what a step still asks for are a few scalars."""
    monkeypatch.setattr("multilayer.engine.products._ONEDNN_IS_FASTER", False)
    spec = NetworkSpec(50, 10, (60, 40))
    network = Network.initialized(spec, range(num_members))
    step = Step(network, TrainingSettings(**changes))
    inputs, targets = torch.randn(1, 64, 50), torch.randint(10, (1, 64))
    for _ in range(3):
        step(inputs, targets)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        step(inputs, targets)
    largest = max(event.cpu_memory_usage for event in profiled.events())
    assert largest < 64 * 10 * 4  # bytes: less than the smallest buffer of one member
