import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader, TensorDataset

import multilayer as d2l
from multilayer.errors import DataError, SettingsError


def passes(train_loader, val_loader, seed):
    """Two epochs with a validation pass after each, from one seed."""
    torch.manual_seed(seed)
    batches = []
    for _ in range(2):
        batches += [*train_loader, *val_loader]
    return batches, torch.rand(1)


@given(
    num_rows=st.integers(1, 40),
    batch_size=st.integers(1, 45),
    seed=st.integers(0, 2**63 - 1),
)
def test_batches_are_those_of_pytorchs_loader(num_rows, batch_size, seed):
    X, y = torch.arange(num_rows * 3.0).reshape(-1, 3), torch.arange(num_rows)
    dataset = TensorDataset(X, y)
    theirs, their_next_draw = passes(
        DataLoader(dataset, batch_size, shuffle=True), DataLoader(dataset, batch_size), seed
    )
    ours, our_next_draw = passes(
        d2l.TensorLoader((X, y), batch_size, shuffle=True),
        d2l.TensorLoader((X, y), batch_size, shuffle=False),
        seed,
    )
    assert len(ours) == len(theirs)
    for our_batch, their_batch in zip(ours, theirs, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(our_batch, their_batch, strict=True))
    assert torch.equal(our_next_draw, their_next_draw)


@given(num_rows=st.integers(0, 40), batch_size=st.integers(1, 45), shuffle=st.booleans())
def test_length_is_the_number_of_batches(num_rows, batch_size, shuffle):
    loader = d2l.TensorLoader((torch.zeros(num_rows, 2),), batch_size, shuffle)
    assert len(list(loader)) == len(loader)


def test_the_size_of_the_last_batch_is_remembered():
    loader = d2l.TensorLoader((torch.zeros(23, 2),), 10, shuffle=False)
    assert [loader.num_examples_in_batch for _ in loader] == [10, 10, 3]


@pytest.mark.parametrize("shuffle", [True, False])
def test_writing_to_a_batch_leaves_the_data_alone(shuffle):
    X = torch.ones(6, 2)
    for (batch,) in d2l.TensorLoader((X,), 4, shuffle):
        batch.zero_()
    assert torch.equal(X, torch.ones(6, 2))


@pytest.mark.parametrize("batch_size", [0, -1, 2.5, "8"])
def test_an_impossible_batch_size_is_named(batch_size):
    with pytest.raises(SettingsError, match=r"batch_size is .* whole number from 1"):
        d2l.TensorLoader((torch.zeros(4),), batch_size, shuffle=False)


def test_tensors_of_different_lengths_are_refused():
    with pytest.raises(DataError, match=r"equally long, not \[4, 5\]"):
        d2l.TensorLoader((torch.zeros(4), torch.zeros(5)), 2, shuffle=False)
