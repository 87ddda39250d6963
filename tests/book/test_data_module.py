import pytest
import torch

import multilayer as d2l


def test_synthetic_data_follow_the_line():
    w = torch.tensor([2.0, -3.4])
    data = d2l.SyntheticRegressionData(w, b=4.2, noise=0.1, num_train=3000, num_val=1000)
    assert data.X.shape == (4000, 2)
    assert data.y.shape == (4000, 1)
    noise = data.y - (data.X @ w.reshape(2, 1) + 4.2)
    assert abs(noise.mean()) < 0.01
    assert 0.09 < noise.std() < 0.11


def test_training_rows_come_first_and_validation_rows_in_order():
    data = d2l.SyntheticRegressionData(torch.tensor([1.0]), 0, num_train=50, num_val=30)
    X_train = torch.cat([X for X, _ in data.train_dataloader()])
    X_val = torch.cat([X for X, _ in data.val_dataloader()])
    assert torch.equal(X_train.sort(dim=0).values, data.X[:50].sort(dim=0).values)
    assert not torch.equal(X_train, data.X[:50])
    assert torch.equal(X_val, data.X[50:])


def test_a_seed_repeats_the_data():
    draws = []
    for _ in range(2):
        torch.manual_seed(3)
        draws.append(d2l.SyntheticRegressionData(torch.tensor([1.0, 2.0]), 1.0))
    assert torch.equal(draws[0].X, draws[1].X)
    assert torch.equal(draws[0].y, draws[1].y)


def test_get_tensorloader_needs_only_a_batch_size():
    class Rows(d2l.DataModule):
        def __init__(self, batch_size):  # the book's chapter 3.7 does not call its parent either
            self.save_hyperparameters()
            self.X = torch.arange(10.0)

        def get_dataloader(self, train):
            return self.get_tensorloader([self.X], train, slice(0, 6) if train else slice(6, None))

    data = Rows(4)
    assert sorted(torch.cat([X for (X,) in data.train_dataloader()]).tolist()) == list(range(6))
    assert [X.tolist() for (X,) in data.val_dataloader()] == [[6, 7, 8, 9]]


def test_a_module_without_batches_says_so():
    with pytest.raises(NotImplementedError, match="DataModule does not define get_dataloader"):
        d2l.DataModule().train_dataloader()
