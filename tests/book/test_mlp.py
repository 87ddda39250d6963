import pytest
import torch

import multilayer as d2l
from multilayer.errors import SettingsError


def test_relu_is_pytorchs():
    X = torch.randn(4, 5, requires_grad=True)
    assert torch.equal(d2l.relu(X), torch.relu(X))


def test_from_scratch_and_pytorch_are_the_same_network():
    scratch = d2l.MLPScratch(num_inputs=30, num_outputs=10, num_hiddens=8, lr=0.1, sigma=0.5)
    api = d2l.MLP(num_outputs=10, num_hiddens=8, lr=0.1)
    X, y = torch.rand(7, 1, 6, 5), torch.randint(0, 10, (7,))
    api.apply_init([X])
    pairs = [
        (scratch.W1, api.net[1].weight),
        (scratch.b1, api.net[1].bias),
        (scratch.W2, api.net[3].weight),
        (scratch.b2, api.net[3].bias),
    ]
    for ours, theirs in pairs:
        theirs.data = ours.data.T.clone() if ours.ndim == 2 else ours.data.clone()
    assert torch.allclose(scratch(X), api(X), atol=1e-6)
    scratch.loss(scratch(X), y).backward()
    api.loss(api(X), y).backward()
    for ours, theirs in pairs:
        gradient = theirs.grad.T if ours.ndim == 2 else theirs.grad
        assert torch.allclose(ours.grad, gradient, atol=1e-6)


def test_weights_from_scratch_have_the_deviation_asked_for():
    model = d2l.MLPScratch(100, 10, 100, lr=0.1)
    assert model.W1.std().item() == pytest.approx(0.01, rel=0.05)
    assert model.b1.count_nonzero() == model.b2.count_nonzero() == 0


def test_dropout_keeps_the_mean_and_zeroes_the_fraction():
    torch.manual_seed(0)
    X = torch.full((200, 500), 3.0)
    dropped = d2l.dropout_layer(X, 0.3)
    assert dropped.unique().tolist() == [0, pytest.approx(3 / 0.7)]
    assert (dropped == 0).float().mean().item() == pytest.approx(0.3, abs=0.01)
    assert dropped.mean().item() == pytest.approx(3, abs=0.03)


def test_dropout_of_nothing_and_of_everything():
    X = torch.randn(3, 4)
    assert torch.equal(d2l.dropout_layer(X, 0), X)
    assert torch.equal(d2l.dropout_layer(X, 1), torch.zeros(3, 4))


@pytest.mark.parametrize("dropout", [-0.1, 1.1, float("nan")])
def test_an_impossible_dropout_is_named(dropout):
    with pytest.raises(SettingsError, match=r"dropout is .* between 0 and 1"):
        d2l.dropout_layer(torch.zeros(1), dropout)


@pytest.mark.parametrize("Class", [d2l.DropoutMLPScratch, d2l.DropoutMLP])
def test_dropout_is_active_while_training_alone(Class, small_images):
    model = Class(
        num_outputs=10, num_hiddens_1=64, num_hiddens_2=32, dropout_1=0.5, dropout_2=0.5, lr=0.1
    )
    X = torch.rand(4, 1, 6, 5)
    model.apply_init([X])
    assert model(X).shape == (4, 10)
    assert not torch.equal(model(X), model(X))
    model.eval()
    assert torch.equal(model(X), model(X))
    d2l.Trainer(max_epochs=1).fit(model, small_images)
    assert len(model.board.data["val_acc"]) == 1


def test_both_dropout_rates_are_used():
    X = torch.rand(4, 30)
    for rates in ((1, 0), (0, 1)):
        model = d2l.DropoutMLPScratch(10, 64, 32, *rates, lr=0.1)
        trained_once = model(X)
        # With all of a layer dropped the inputs no longer matter.
        assert torch.equal(trained_once[0], trained_once[1])
    model = d2l.DropoutMLP(10, 64, 32, 0.25, 0.75, lr=0.1)
    assert (model.net[3].p, model.net[6].p) == (0.25, 0.75)
