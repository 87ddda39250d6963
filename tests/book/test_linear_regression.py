import pytest
import torch
from torch import nn
from torch.nn import functional

import multilayer as d2l

W, B = torch.tensor([2.0, -3.4]), 4.2


@pytest.fixture
def line():
    torch.manual_seed(0)
    return d2l.SyntheticRegressionData(W, B)


@pytest.mark.parametrize(
    "make",
    [
        lambda: d2l.LinearRegressionScratch(2, lr=0.03),
        lambda: d2l.LinearRegression(lr=0.03),
        lambda: d2l.WeightDecayScratch(2, lambd=0, lr=0.03),
        lambda: d2l.WeightDecay(wd=0, lr=0.03),
    ],
)
def test_the_line_is_found(line, make):
    model = make()
    d2l.Trainer(max_epochs=6).fit(model, line)
    w, b = model.get_w_b()
    assert torch.allclose(w.flatten(), W, atol=0.02)
    assert b.item() == pytest.approx(B, abs=0.02)
    assert not w.requires_grad


def test_losses_are_those_of_the_book():
    y_hat, y = torch.randn(6, 1), torch.randn(6, 1)
    mean_square = functional.mse_loss(y_hat, y)
    assert torch.allclose(d2l.LinearRegressionScratch(2, 0.1).loss(y_hat, y), mean_square / 2)
    assert torch.equal(d2l.LinearRegression(0.1).loss(y_hat, y), mean_square)
    decaying = d2l.WeightDecayScratch(2, lambd=3, lr=0.1)
    decaying.w.data = torch.tensor([[1.0], [2.0]])
    assert torch.allclose(decaying.loss(y_hat, y), mean_square / 2 + 3 * (1 + 4) / 2)


def test_sgd_steps_as_pytorchs_does():
    torch.manual_seed(0)
    ours, theirs = nn.Linear(3, 2), nn.Linear(3, 2)
    theirs.load_state_dict(ours.state_dict())
    unused = torch.ones(2, requires_grad=True)
    ours_optimizer = d2l.SGD([*ours.parameters(), unused], lr=0.3)
    theirs_optimizer = torch.optim.SGD(theirs.parameters(), lr=0.3)
    for _ in range(3):
        X = torch.randn(5, 3)
        for layer, optimizer in ((ours, ours_optimizer), (theirs, theirs_optimizer)):
            optimizer.zero_grad()
            layer(X).square().sum().backward()
            optimizer.step()
    assert torch.allclose(ours.weight, theirs.weight)
    assert torch.allclose(ours.bias, theirs.bias)
    assert unused.tolist() == [1, 1]


def test_sgd_takes_the_parameters_of_a_network():
    optimizer = d2l.SGD(nn.Linear(3, 2).parameters(), lr=0.1)
    assert [p.shape for p in optimizer.params] == [(2, 3), (2,)]


def test_weight_decay_shrinks_the_weights_and_not_the_bias(line):
    model = d2l.WeightDecay(wd=0.5, lr=0.1)
    model.apply_init([line.X])
    w, b = (parameter.clone() for parameter in model.get_w_b())
    optimizer = model.configure_optimizers()
    (model(line.X).sum() * 0).backward()  # no gradient but the decay's
    optimizer.step()
    assert torch.allclose(model.net.weight, w * (1 - 0.1 * 0.5))
    assert torch.equal(model.net.bias, b)


def test_strong_weight_decay_keeps_weights_small(line):
    norms = []
    for model in (d2l.WeightDecayScratch(2, 2, 0.03), d2l.WeightDecay(2, 0.03)):
        d2l.Trainer(max_epochs=3).fit(model, line)
        norms.append(model.get_w_b()[0].norm().item())
    assert max(norms) < 0.6 * W.norm().item()


def test_a_model_with_tensors_of_its_own_trains(line):
    class Scratch(d2l.Module):  # as chapter 3.4 prints it
        def __init__(self, num_inputs, lr, sigma=0.01):
            super().__init__()
            self.save_hyperparameters()
            self.w = torch.normal(0, sigma, (num_inputs, 1), requires_grad=True)
            self.b = torch.zeros(1, requires_grad=True)

        def forward(self, X):
            return torch.matmul(X, self.w) + self.b

        def loss(self, y_hat, y):
            return ((y_hat - y) ** 2 / 2).mean()

        def configure_optimizers(self):
            return d2l.SGD([self.w, self.b], self.lr)

    model = Scratch(2, lr=0.03)
    d2l.Trainer(max_epochs=6).fit(model, line)
    assert torch.allclose(model.w.detach().flatten(), W, atol=0.02)
