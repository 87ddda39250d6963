import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from multilayer.engine.batches import BatchSource, Examples
from multilayer.engine.randomness import generator
from multilayer.errors import DataError


def numbered(num_rows: int, dtype: torch.dtype = torch.float32, weighted: bool = False) -> Examples:
    """Row i has inputs i, i, i, the target 2 i and the weight i + 1."""
    rows = torch.arange(num_rows)
    weights = rows + 1.0 if weighted else None
    return Examples(rows.view(-1, 1).repeat(1, 3).to(dtype), rows * 2, weights)


@given(
    st.integers(1, 50), st.integers(1, 60), st.integers(1, 3),
    st.sampled_from([torch.uint8, torch.float32]), st.booleans(),
)  # fmt: skip
def test_every_row_comes_once_with_its_target(num_rows, batch_size, num_sources, dtype, weighted):
    sources = [generator(seed, "shuffle") for seed in range(num_sources)]
    batches = BatchSource(numbered(num_rows, dtype, weighted), batch_size, sources)
    seen: list[list[int]] = [[] for _ in sources]
    count = 0
    for batch in batches.epoch():
        count += 1
        assert batch.inputs.dtype == dtype
        assert batch.inputs.shape == (num_sources, batch.targets.shape[1], 3)
        assert torch.equal(batch.inputs[..., 1].long() * 2, batch.targets)
        assert (batch.weights is not None) == weighted
        if batch.weights is not None:
            assert torch.equal(batch.weights, batch.targets / 2 + 1)
        for each, targets in zip(seen, batch.targets.tolist(), strict=True):
            each += targets
    assert count == len(batches)
    for each in seen:
        assert sorted(each) == list(range(0, 2 * num_rows, 2))


def order(batches: BatchSource, source: int = 0) -> list[int]:
    return [int(target) for batch in batches.epoch() for target in batch.targets[source]]


def test_the_order_is_shuffled_and_differs_between_epochs():
    batches = BatchSource(numbered(100), 7, [generator(0, "shuffle")])
    first, second = order(batches), order(batches)
    assert first != second != sorted(second)
    assert first != sorted(first)


def test_a_source_in_company_gives_the_order_it_gives_alone():
    together = BatchSource(numbered(100), 7, [generator(s, "shuffle") for s in (3, 8)])
    alone = BatchSource(numbered(100), 7, [generator(8, "shuffle")])
    assert order(together, 1) == order(alone)


def test_members_draw_from_their_own_rows():
    rows = [torch.arange(0, 10), torch.arange(10, 20)]
    batches = BatchSource(numbered(20), 4, [generator(0, "shuffle") for _ in rows], rows)
    for member, numbers in enumerate(rows):
        assert sorted(order(batches, member)) == (numbers * 2).tolist()


def test_members_with_more_rows_leave_different_ones_out_each_time():
    rows = [torch.arange(0, 12), torch.arange(12, 22)]
    batches = BatchSource(numbered(22), 4, [generator(0, "shuffle") for _ in rows], rows)
    assert (len(batches), batches.num_rows) == (3, 10)
    epochs = [sorted(order(batches, 0)) for _ in range(5)]
    assert all(len(set(epoch)) == 10 for epoch in epochs)
    assert len(set(map(tuple, epochs))) > 1
    assert sorted(order(batches, 1)) == list(range(24, 44, 2))


@pytest.mark.parametrize(("num_rows", "num_batches"), [(20, 2), (21, 3), (6, 1), (7, 1)])
def test_the_ragged_last_batch_can_be_left_out(num_rows, num_batches):
    batches = BatchSource(numbered(num_rows), 7, [generator(0, "shuffle")], drop_last=True)
    sizes = [batch.targets.shape[1] for batch in batches.epoch()]
    assert sizes == [min(7, num_rows)] * len(batches)
    assert len(batches) == num_batches


def test_generators_are_told_apart_by_seed_and_by_name():
    draws = {
        (seed, name): torch.rand(1, generator=generator(seed, name)).item()
        for seed in (0, 1, 2**40)
        for name in ("init", "shuffle")
    }
    assert len(set(draws.values())) == len(draws)
    assert torch.rand(1, generator=generator(0, "init")).item() == draws[0, "init"]


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (torch.ones(2), "3 rows of inputs have 2 weights"),
        (torch.tensor([1.0, -1, 1]), "finite numbers of at least 0"),
        (torch.tensor([1.0, torch.nan, 1]), "finite numbers of at least 0"),
        (torch.zeros(3), "weights of all rows are 0"),
    ],
)
def test_weights_that_make_no_sense_are_refused(weights, message):
    with pytest.raises(DataError, match=message):
        Examples(torch.zeros(3, 2), torch.zeros(3, dtype=torch.int64), weights)
