import copy

import pytest
import torch
from torch.nn import functional

import multilayer as d2l


def test_softmax_is_pytorchs_even_for_large_logits():
    X = torch.randn(4, 6) * 300
    assert torch.allclose(d2l.softmax(X), torch.softmax(X, dim=1))


def test_cross_entropy_of_probabilities_is_that_of_their_logits():
    logits, y = torch.randn(5, 3), torch.tensor([0, 2, 1, 1, 0])
    expected = functional.cross_entropy(logits, y)
    assert torch.allclose(d2l.cross_entropy(d2l.softmax(logits), y), expected)
    model = d2l.SoftmaxRegressionScratch(4, 3, 0.1)
    each = functional.cross_entropy(logits, y, reduction="none")
    assert torch.allclose(model.loss(d2l.softmax(logits), y), expected)
    assert torch.allclose(model.loss(d2l.softmax(logits), y, averaged=False), each)


def test_from_scratch_and_pytorch_learn_the_same(small_images):
    scratch = d2l.SoftmaxRegressionScratch(num_inputs=30, num_outputs=10, lr=0.5)
    api = d2l.SoftmaxRegression(num_outputs=10, lr=0.5)
    api.apply_init([torch.zeros(1, 1, 6, 5)])
    api.net[1].weight.data = scratch.W.data.T.clone()
    api.net[1].bias.data.zero_()
    start = copy.deepcopy(scratch.W.data)
    for model in (scratch, api):
        torch.manual_seed(4)
        d2l.Trainer(max_epochs=3).fit(model, small_images)
    assert torch.allclose(scratch.W.T, api.net[1].weight, atol=1e-5)
    assert not torch.allclose(scratch.W, start, atol=1e-2)
    ours, theirs = scratch.board.data["val_loss"], api.board.data["val_loss"]
    assert [p.y for p in ours] == pytest.approx([p.y for p in theirs], rel=1e-4)


def test_weights_are_drawn_with_the_deviation_asked_for():
    model = d2l.SoftmaxRegressionScratch(100, 100, lr=0.1, sigma=0.5)
    assert model.W.std().item() == pytest.approx(0.5, rel=0.05)
    assert model.b.count_nonzero() == 0
