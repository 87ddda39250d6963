import pytest
import torch
from torch import nn
from torch.nn import functional

import multilayer as d2l
from multilayer.errors import SettingsError


@pytest.fixture
def logits():
    torch.manual_seed(0)
    return torch.randn(8, 5, dtype=torch.float64), torch.randint(0, 5, (8,))


def test_loss_is_pytorchs_cross_entropy(logits):
    model, (Y_hat, Y) = d2l.Classifier(), logits
    assert torch.equal(model.loss(Y_hat, Y), functional.cross_entropy(Y_hat, Y))
    each = functional.cross_entropy(Y_hat, Y, reduction="none")
    assert torch.equal(model.loss(Y_hat, Y, averaged=False), each)
    assert torch.equal(model.loss(Y_hat.reshape(2, 4, 5), Y.reshape(2, 4), averaged=False), each)


def test_accuracy_is_the_fraction_of_right_answers():
    Y_hat = torch.tensor([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])
    Y = torch.tensor([1, 1, 1, 0])
    model = d2l.Classifier()
    assert model.accuracy(Y_hat, Y).item() == 0.75
    assert model.accuracy(Y_hat, Y, averaged=False).tolist() == [1, 0, 1, 1]
    assert model.accuracy(Y_hat.reshape(2, 2, 2), Y.reshape(2, 2)).item() == 0.75
    assert model.accuracy(Y_hat, Y).dtype == torch.float32


def test_apply_init_shapes_lazy_layers_and_initialises():
    def constant(layer):
        if isinstance(layer, nn.Linear):
            nn.init.constant_(layer.weight, 0.5)

    model = d2l.MLP(num_outputs=3, num_hiddens=4, lr=0.1)
    model.apply_init([torch.zeros(2, 6)], constant)
    assert model.net[1].weight.tolist() == [[0.5] * 6] * 4
    assert model.net[3].weight.shape == (3, 4)


def test_layer_summary_prints_a_line_for_each_layer(capsys):
    d2l.MLP(num_outputs=10, num_hiddens=256, lr=0.1).layer_summary((2, 1, 28, 28))
    assert capsys.readouterr().out.splitlines() == [
        "Flatten output shape:\ttorch.Size([2, 784])",
        "Linear output shape:\ttorch.Size([2, 256])",
        "ReLU output shape:\ttorch.Size([2, 256])",
        "Linear output shape:\ttorch.Size([2, 10])",
    ]


def test_the_default_optimiser_is_sgd_over_all_parameters():
    model = d2l.MLPScratch(4, 3, 5, lr=0.25)
    optimizer = model.configure_optimizers()
    assert isinstance(optimizer, torch.optim.SGD)
    (group,) = optimizer.param_groups
    assert group["lr"] == 0.25
    assert [id(p) for p in group["params"]] == [id(p) for p in model.parameters()]


def test_what_a_model_lacks_is_named():
    class Empty(d2l.Module):
        pass

    with pytest.raises(NotImplementedError, match="Empty defines neither net nor forward"):
        Empty()(torch.zeros(1))
    with pytest.raises(NotImplementedError, match="Empty does not define loss"):
        Empty().loss(torch.zeros(1), torch.zeros(1))
    with pytest.raises(SettingsError, match=r"call Trainer\.fit\(model, data\) first"):
        Empty().plot("loss", torch.zeros(()), train=True)


@pytest.mark.parametrize(
    ("per_epoch", "num_points", "first_x"), [(1, 3, 0.4), (5, 15, 0), (2, 7, 0.1), (0.5, 1, 0.9)]
)
def test_training_curves_have_as_many_points_as_wanted(
    small_images, per_epoch, num_points, first_x
):
    model = d2l.SoftmaxRegression(num_outputs=10, lr=0.1)
    model.plot_train_per_epoch = per_epoch
    d2l.Trainer(max_epochs=3).fit(model, small_images)
    points = model.board.data["train_loss"]
    assert len(points) == num_points
    assert points[0].x == pytest.approx(first_x)
    assert [point.x for point in model.board.data["val_acc"]] == [1, 2, 3]


def test_a_model_without_a_learning_rate_says_how_to_give_it_one():
    with pytest.raises(SettingsError, match="Classifier has no learning rate: set its attribute"):
        d2l.Classifier().configure_optimizers()
