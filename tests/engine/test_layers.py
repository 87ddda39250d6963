"""What a network may have beside plain layers, against autograd and finite differences."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from multilayer.engine.backpropagation import Passes
from multilayer.engine.layers.dropout import DropoutPlan, bits_for, draw_mask
from multilayer.engine.losses import LOSSES
from multilayer.engine.network import Network
from multilayer.engine.randomness import generator
from multilayer.engine.specification import NetworkSpec

FUNCTIONS = {
    "relu": functional.relu, "selu": functional.selu, "mish": functional.mish,
    "gelu": functional.gelu, "tanh": torch.tanh, "identity": lambda values: values,
}  # fmt: skip


def reference(spec: NetworkSpec, flat: Tensor, inputs: Tensor, is_training: bool) -> Tensor:
    """One member's logits for inputs (batch, num_inputs), the way PyTorch's users write it."""
    of = {name: slot.view(flat[None])[0] for name, slot in spec.slots.items()}
    values = inputs.double() * spec.input_scale
    if spec.standardize_inputs:
        values = (values - of["inputs.shift"]) * of["inputs.scale"]
    numbers = values[:, : spec.embedded_numbers]
    features = [values[:, spec.embedded_numbers : spec.embedded_numbers + spec.num_passthrough]]
    if spec.embedded_numbers:
        mixed = []
        for column in range(spec.embedded_numbers):
            x = numbers[:, column : column + 1]
            if spec.number_embedding == "piecewise":
                encoded = piecewise_linear(x[:, 0], of["numbers.edges"][column, 0].detach())
                mixed.append(encoded @ of["numbers.weight"][column])
                continue
            arguments = 2 * math.pi * of["numbers.frequency"][column] * x
            cosines = torch.cos(arguments + of["numbers.phase"][column])
            mixed.append(cosines @ of["numbers.weight"][column] + of["numbers.bias"][column])
        features = [numbers, *mixed, *features]
    start, embedded_start, statistics = 0, 0, []
    for number, size in enumerate(spec.category_sizes):
        codes = values[:, spec.num_inputs - len(spec.category_sizes) + number].long()
        versions, codes = codes // size, codes % size
        if not spec.embedding_limit or size - 1 <= spec.embedding_limit:
            table = of["categories.weight"][embedded_start : embedded_start + size]
            features.append(functional.embedding(codes, table))
            embedded_start += size
        if spec.category_statistics:
            rows = start + codes + versions * sum(spec.category_sizes)
            statistics.append(of["categories.statistics"][rows])
        start += size
    features += statistics
    values = torch.cat(features, dim=1)
    if spec.scale_layer:
        values = values * of["features.scale"]
    for number in range(len(spec.hidden_widths)):
        bias = of[f"linear_{number}.bias"]
        values = values @ of[f"linear_{number}.weight"]
        if spec.batch_norm:
            names = [f"batch_norm_{number}.{name}" for name in ("mean", "variance", "gain")]
            mean, variance, gain = (of[name][0] for name in names)
            mean, variance = mean.detach().clone(), variance.detach().clone()
            values = functional.batch_norm(values, mean, variance, gain, bias[0], is_training)
        else:
            values = values + bias
        activated = FUNCTIONS[spec.activation](values)
        if spec.learned_activation:
            strength = of[f"activation_{number}.strength"]
            activated = (1 - strength) * values + strength * activated
        values = activated
    number = len(spec.hidden_widths)
    return values @ of[f"linear_{number}.weight"] + of[f"linear_{number}.bias"]


def piecewise_linear(x: Tensor, edges: Tensor) -> Tensor:
    """The piecewise linear encoding, case by case as Gorishniy et al. (2022) write it."""
    last, encoded = len(edges) - 2, []
    for place, (low, high) in enumerate(itertools.pairwise(edges)):
        within = (x - low) / (high - low)
        below, above = (x < low) & (place > 0), (x >= high) & (place < last)
        encoded.append(torch.where(below, 0.0, torch.where(above, 1.0, within)))
    return torch.stack(encoded, dim=1)


SPECS = {
    "learned activation, selu": NetworkSpec(6, 3, (5, 4), "selu", learned_activation=True),
    "learned activation, mish": NetworkSpec(6, 3, (5, 4), "mish", learned_activation=True),
    "scale": NetworkSpec(6, 3, (5, 4), "tanh", scale_layer=True),
    "scale of a linear model": NetworkSpec(6, 3, (), scale_layer=True),
    "numbers": NetworkSpec(6, 3, (5, 4), "tanh", embedded_numbers=6),
    "numbers and passed": NetworkSpec(6, 3, (5, 4), "tanh", embedded_numbers=2),
    "bins": NetworkSpec(6, 3, (5, 4), "tanh", embedded_numbers=6, number_embedding="piecewise"),
    "two bins and a single mixture": NetworkSpec(
        6, 3, (5, 4), "tanh", embedded_numbers=2, number_embedding="piecewise", number_width=2,
        number_components=2,
    ),
    "a table with bins": NetworkSpec(
        6, 3, (5, 4), "mish", embedded_numbers=3, category_sizes=(4, 9), scale_layer=True,
        learned_activation=True, number_embedding="piecewise", number_width=8,
    ),
    "more frequencies": NetworkSpec(
        6, 3, (5, 4), "mish", embedded_numbers=3, number_width=6, number_components=5
    ),
    "categories": NetworkSpec(6, 3, (5, 4), "tanh", category_sizes=(3, 9, 1)),
    "only categories": NetworkSpec(3, 3, (5,), "tanh", category_sizes=(3, 9, 2)),
    "categories with statistics": NetworkSpec(
        3, 3, (5,), "tanh", category_sizes=(3, 9), category_statistics=2, statistic_versions=4
    ),
    "categories, some with statistics alone": NetworkSpec(
        4, 3, (5,), "tanh", category_sizes=(9, 4, 5), category_statistics=2, statistic_versions=4,
        embedding_limit=3,
    ),
    "categories of statistics alone": NetworkSpec(
        3, 3, (5,), "tanh", category_sizes=(9, 4), category_statistics=1, embedding_limit=2
    ),
    "batch norm": NetworkSpec(6, 3, (5, 4), "gelu", batch_norm=True),
    "batch norm, in place": NetworkSpec(6, 3, (5, 4), "relu", batch_norm=True),
    "standardized": NetworkSpec(6, 3, (5, 4), "tanh", 0.7, standardize_inputs=True),
    "a table": NetworkSpec(
        6, 3, (5, 4), "mish", embedded_numbers=3, category_sizes=(4, 9), scale_layer=True,
        learned_activation=True,
    ),
    "pictures": NetworkSpec(
        6, 3, (5, 4), "gelu", 1 / 255, standardize_inputs=True, batch_norm=True, scale_layer=True
    ),
    "all but standardized": NetworkSpec(
        6, 3, (5, 4), "selu", embedded_numbers=2, category_sizes=(4, 9), scale_layer=True,
        learned_activation=True, batch_norm=True, category_statistics=1,
    ),
}  # fmt: skip


def varied(spec: NetworkSpec, num_members: int) -> Network:
    """A population whose values all differ from what they begin with."""
    network = Network.initialized(spec, range(num_members), "he", torch.float64)
    noise = torch.rand(network.parameters.shape, generator=generator(3, "noise")).double()
    network.parameters.add_(noise, alpha=0.3)
    return network


def random_rows(spec: NetworkSpec, num_row_sets: int = 1, batch_size: int = 11) -> Tensor:
    source = generator(5, "rows")
    shape = (num_row_sets, batch_size, spec.num_inputs)
    rows = torch.randn(shape, generator=source, dtype=torch.float64)
    for number, size in enumerate(spec.category_sizes):
        codes = torch.randint(size * spec.statistic_versions, shape[:2], generator=source)
        rows[..., spec.num_inputs - len(spec.category_sizes) + number] = codes.double()
    return rows


def learned_part(spec: NetworkSpec, flat: Tensor) -> Tensor:
    """All but the state, which lies at the end."""
    states = [slot.start for slot in spec.parameter_slots if slot.kind == "state"]
    return flat[..., : min(states, default=spec.num_parameters)]


def by_hand(network: Network, inputs: Tensor, targets: Tensor):
    spec, gradient = network.spec, torch.full_like(network.parameters, torch.nan)
    passes = Passes(spec, network.parameters.clone(), gradient)
    outputs = passes.forward(inputs)
    kept = outputs.clone()
    loss, outputs_gradient = LOSSES["squared_error"]()(outputs, targets)
    passes.backward(outputs_gradient)
    return kept, loss, learned_part(spec, gradient)


def by_autograd(network: Network, inputs: Tensor, targets: Tensor):
    outputs, losses, gradients = [], [], []
    for member in range(network.num_members):
        flat = network.parameters[member].clone().requires_grad_()
        rows = inputs[member if len(inputs) > 1 else 0]
        logits = reference(network.spec, flat, rows, is_training=True)
        loss = functional.mse_loss(logits, targets[0])
        gradients.append(learned_part(network.spec, torch.autograd.grad(loss, flat)[0]))
        outputs.append(logits.detach())
        losses.append(loss.detach())
    return torch.stack(outputs), torch.stack(losses), torch.stack(gradients)


def assert_same(ours, theirs, tolerance=1e-10):
    for our, their in zip(ours, theirs, strict=True):
        torch.testing.assert_close(our, their, atol=tolerance, rtol=0)


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize(("num_members", "num_row_sets"), [(1, 1), (3, 1), (3, 3)])
def test_passes_agree_with_autograd(name, num_members, num_row_sets):
    network = varied(SPECS[name], num_members)
    inputs = random_rows(network.spec, num_row_sets)
    targets = torch.randn(1, 11, 3, dtype=torch.float64)
    assert_same(by_hand(network, inputs, targets), by_autograd(network, inputs, targets))


@pytest.mark.parametrize("name", SPECS)
def test_gradients_agree_with_finite_differences(name):
    network = varied(SPECS[name], 2)
    inputs, targets = random_rows(network.spec), torch.randn(1, 11, 3, dtype=torch.float64)
    _, _, gradient = by_hand(network, inputs, targets)
    numeric, step = torch.empty_like(gradient), 1e-6
    for position in range(gradient.shape[1]):
        values = []
        for direction in (step, -step):
            moved = Network.of(network.spec, network.parameters.clone())
            moved.parameters[:, position] += direction
            values.append(by_hand(moved, inputs, targets)[1])
        numeric[:, position] = (values[0] - values[1]) / (2 * step)
    torch.testing.assert_close(gradient, numeric, atol=1e-7, rtol=1e-5)


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("num_members", [1, 3])
def test_predictions_are_the_references(name, num_members):
    network = varied(SPECS[name], num_members)
    inputs = random_rows(network.spec)[0]
    expected = [
        reference(network.spec, flat, inputs, is_training=False) for flat in network.parameters
    ]
    torch.testing.assert_close(network.logits(inputs), torch.stack(expected), atol=1e-10, rtol=0)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 7), max_size=2).map(tuple), st.sampled_from(sorted(FUNCTIONS)),
    st.integers(0, 3), st.integers(0, 3), st.lists(st.integers(1, 4), max_size=3).map(tuple),
    *[st.booleans() for _ in range(2)], *[st.integers(1, 4) for _ in range(2)],
    st.sampled_from(["periodic", "piecewise"]), *[st.integers(2, 9) for _ in range(2)],
)  # fmt: skip
def test_any_table_agrees_with_autograd(
    hidden_widths, activation, num_numbers, num_passed, sizes, scales, learns, members, batch_size,
    embedding, width, components,
):  # fmt: skip
    num_inputs = num_numbers + num_passed + len(sizes)
    if num_inputs == 0:
        return
    spec = NetworkSpec(
        num_inputs, 3, hidden_widths, activation, embedded_numbers=num_numbers,
        category_sizes=sizes, scale_layer=scales, learned_activation=learns,
        number_embedding=embedding, number_width=width, number_components=components,
    )  # fmt: skip
    network = varied(spec, members)
    inputs = random_rows(spec, batch_size=batch_size)
    targets = torch.randn(1, batch_size, 3, dtype=torch.float64)
    assert_same(by_hand(network, inputs, targets), by_autograd(network, inputs, targets))


def test_the_embedding_of_a_number_worked_out_by_hand():
    """w₁ = (¼, ½), b₁ = (0, π/2) and 14 frequencies without weight; W₂ takes both to the first
    of three mixtures with weights 2 and 3, and b₂ = (½, 0, 0). For x = 1 the cosines are
    cos(π/2) = 0 and cos(π + π/2) = 0, so the mixture is ½; for x = 2 they are cos π = −1 and
    cos(2π + π/2) = 0, so it is −2 + ½ = −3/2."""
    spec = NetworkSpec(1, 4, (), embedded_numbers=1)
    network = Network(spec, dtype=torch.float64)
    slots = {name: slot.view(network.parameters)[0] for name, slot in spec.slots.items()}
    slots["numbers.frequency"][0, 0, :2] = torch.tensor([0.25, 0.5])
    slots["numbers.phase"][0, 0, 1] = math.pi / 2
    slots["numbers.weight"][0, :2, 0] = torch.tensor([2.0, 3.0])
    slots["numbers.bias"][0, 0, 0] = 0.5
    slots["linear_0.weight"].copy_(torch.eye(4))
    answers = network.logits(torch.tensor([[1.0], [2.0]], dtype=torch.float64))[0]
    expected = torch.tensor([[1, 0.5, 0, 0], [2, -1.5, 0, 0]], dtype=torch.float64)
    torch.testing.assert_close(answers, expected, atol=1e-12, rtol=0)


def test_the_piecewise_embedding_of_a_number_worked_out_by_hand():
    """Edges 0, 1, 1, 3: the middle bin has no width. x = ½ is half through the first bin, x = 2
    through all of it and half of the last; −1 and 5 are beyond: −1 and 1 + (5 − 1) / 2 = 1 and 2.
    The mixture weighs the bins with 1, 100 and 10."""
    spec = NetworkSpec(
        1, 2, (), embedded_numbers=1, number_embedding="piecewise", number_width=2,
        number_components=3,
    )  # fmt: skip
    network = Network(spec, dtype=torch.float64)
    slots = {name: slot.view(network.parameters)[0] for name, slot in spec.slots.items()}
    slots["numbers.edges"][0, 0] = torch.tensor([0.0, 1.0, 1.0, 3.0])
    slots["numbers.weight"][0, :, 0] = torch.tensor([1.0, 100.0, 10.0])
    slots["linear_0.weight"].copy_(torch.eye(2))
    numbers = torch.tensor([[0.5], [2.0], [-1.0], [5.0]], dtype=torch.float64)
    expected = torch.tensor([[0.5, 0.5], [2, 6], [-1, -1], [5, 21]], dtype=torch.float64)
    torch.testing.assert_close(network.logits(numbers)[0], expected, atol=1e-12, rtol=0)


def test_batch_norm_worked_out_by_hand():
    """One neuron sees z = (1, 3): mean 2, variance 1, so x̂ = (−1, 1) but for ε = 1e-5. With gain 2
    and bias 1 it says (−1, 3). Running: mean 0.1 · 2 = 0.2; variance, unbiased 2, 0.9 + 0.1 · 2."""
    spec = NetworkSpec(1, 1, (1,), "identity", batch_norm=True)
    network = Network.initialized(spec, [0], "he", torch.float64)
    slots = {name: slot.view(network.parameters)[0] for name, slot in spec.slots.items()}
    for name in ("linear_0.weight", "linear_0.bias", "linear_1.weight"):
        slots[name].fill_(1)
    slots["batch_norm_0.gain"].fill_(2)
    passes = Passes(spec, network.parameters, torch.zeros_like(network.parameters))
    answers = passes.forward(torch.tensor([[[1.0], [3.0]]], dtype=torch.float64))
    scale = 2 / math.sqrt(1 + 1e-5)
    expected = torch.tensor([[[1 - scale], [1 + scale]]], dtype=torch.float64)
    torch.testing.assert_close(answers, expected, atol=1e-12, rtol=0)
    assert slots["batch_norm_0.mean"].item() == pytest.approx(0.2)
    assert slots["batch_norm_0.variance"].item() == pytest.approx(1.1)


@pytest.mark.parametrize("num_members", [1, 3])
def test_running_statistics_are_torchs(num_members):
    spec = NetworkSpec(6, 2, (5, 4), "tanh", batch_norm=True)
    network = varied(spec, num_members)
    modules = [torch.nn.BatchNorm1d(5, dtype=torch.float64) for _ in range(num_members)]
    passes = Passes(spec, network.parameters, torch.zeros_like(network.parameters))
    mean, variance = spec.slots["batch_norm_0.mean"], spec.slots["batch_norm_0.variance"]
    for member, module in enumerate(modules):
        module.running_mean.copy_(mean.view(network.parameters)[member, 0])
        module.running_var.copy_(variance.view(network.parameters)[member, 0])
    for _ in range(3):
        inputs = torch.randn(1, 9, 6, dtype=torch.float64)
        passes.forward(inputs)
        for member, module in enumerate(modules):
            module(inputs[0] @ network.weights[0][member])
            running = [slot.view(network.parameters)[member, 0] for slot in (mean, variance)]
            assert_same(running, [module.running_mean, module.running_var])


@pytest.mark.parametrize("name", ["a table", "scale", "standardized"])
def test_dropout_of_inputs_agrees_with_autograd_under_the_same_mask(name):
    spec = SPECS[name]
    network = varied(spec, 2)
    plan = DropoutPlan([0.0, 0.0], [generator(m, "dropout") for m in range(2)], 0.4)
    gradient = torch.zeros_like(network.parameters)
    passes = Passes(spec, network.parameters.clone(), gradient, plan)
    inputs, targets = random_rows(spec), torch.randn(1, 11, 3, dtype=torch.float64)
    outputs = passes.forward(inputs)
    _, outputs_gradient = LOSSES["squared_error"]()(outputs, targets)
    kept = outputs.clone()
    passes.backward(outputs_gradient)
    for member in range(2):
        source = generator(member, "dropout")
        mask = torch.empty(11, spec.num_features, dtype=torch.float64)
        draw_mask(0.4, source, bits_for(mask), mask)
        flat = network.parameters[member].clone().requires_grad_()
        logits = masked_reference(spec, flat, inputs[0], mask)
        loss = functional.mse_loss(logits, targets[0])
        expected = learned_part(spec, torch.autograd.grad(loss, flat)[0])
        assert_same([kept[member]], [logits.detach()])
        assert_same([learned_part(spec, gradient[member])], [expected])


def masked_reference(spec: NetworkSpec, flat: Tensor, inputs: Tensor, mask: Tensor) -> Tensor:
    """The reference with masked features: row by row, a mask can be moved into the weights."""
    slot = spec.slots["linear_0.weight"]
    weight = slot.view(flat[None])[0]
    outputs = []
    for row, of_row in zip(inputs, mask, strict=True):
        masked = flat.clone()
        masked[slot.start : slot.stop] = (weight * of_row[:, None]).flatten()
        outputs.append(reference(spec, masked, row[None], is_training=True)[0])
    return torch.stack(outputs)
