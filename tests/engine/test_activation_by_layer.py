"""A function of its own after each hidden layer, trained as one network is."""

import torch
from torch import nn

from multilayer.engine.batches import Examples
from multilayer.engine.compiled.coverage import is_covered
from multilayer.engine.network import Network
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.training import train

SETTINGS = TrainingSettings(
    hidden_widths=(7, 5, 4), activation="relu,tanh,gelu", batch_size=40, max_epochs=3
)


def test_training_is_that_of_torch_with_these_layers():
    source = torch.Generator().manual_seed(0)
    inputs = torch.randn(40, 6, generator=source, dtype=torch.float64)
    rows = Examples(inputs, torch.randint(3, (40,), generator=source))
    spec = SETTINGS.network_spec(6, 3)
    assert not is_covered(spec, [SETTINGS], rows, torch.float64)
    alike = TrainingSettings(hidden_widths=(7, 5, 4), batch_size=40)
    assert is_covered(alike.network_spec(6, 3), [alike], rows, torch.float64)
    network = Network.initialized(spec, [0], "he", torch.float64)
    layers = [nn.Linear(*weight.shape, dtype=torch.float64) for weight, _ in spec.linear_layers]
    with torch.no_grad():
        for layer, weight, bias in zip(layers, network.weights, network.biases, strict=True):
            layer.weight.copy_(weight[0].T)
            layer.bias.copy_(bias[0, 0])
    between = (nn.ReLU(), nn.Tanh(), nn.GELU())
    theirs = nn.Sequential(
        *(part for pair in zip(layers, between, strict=False) for part in pair), layers[-1]
    )
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.1)
    for record in train(network, rows, SETTINGS):
        loss = nn.functional.cross_entropy(theirs(rows.inputs), rows.targets)
        torch.testing.assert_close(record.train_loss[0], loss.item(), atol=1e-12, rtol=0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for layer, weight in zip(layers, network.weights, strict=True):
        torch.testing.assert_close(layer.weight.detach(), weight[0].T, atol=1e-12, rtol=0)
