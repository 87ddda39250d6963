import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from multilayer.engine.batches import Examples
from multilayer.engine.randomness import generator


@given(st.integers(1, 50), st.integers(1, 60), st.sampled_from([torch.uint8, torch.float32]))
def test_every_row_comes_once_with_its_target(num_rows, batch_size, dtype):
    rows = torch.arange(num_rows)
    examples = Examples(rows.view(-1, 1).repeat(1, 3).to(dtype), rows * 2)
    seen = []
    batches = examples.shuffled_batches(batch_size, generator(0, "shuffle"))
    for inputs, targets in batches:
        assert inputs.dtype == dtype
        assert inputs.shape == (1, len(targets), 3)
        assert torch.equal(inputs[0, :, 1].long() * 2, targets)
        seen += targets.tolist()
    assert sorted(seen) == (rows * 2).tolist()


def test_the_order_is_shuffled_and_differs_between_epochs():
    examples = Examples(torch.zeros(100, 1), torch.arange(100))
    source = generator(0, "shuffle")
    first, second = (
        [int(t) for _, batch in examples.shuffled_batches(7, source) for t in batch]
        for _ in range(2)
    )
    assert first != second != list(range(100))
    assert first != list(range(100))


def test_generators_are_told_apart_by_seed_and_by_name():
    draws = {
        (seed, name): torch.rand(1, generator=generator(seed, name)).item()
        for seed in (0, 1, 2**40)
        for name in ("init", "shuffle")
    }
    assert len(set(draws.values())) == len(draws)
    assert torch.rand(1, generator=generator(0, "init")).item() == pytest.approx(draws[0, "init"])
