"""Blocks of one-hot columns that are codes in the rows, against the same columns made dense."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from multilayer.encoding.one_hot_block import OneHotBlock, code_places, plain_parts
from multilayer.engine.backpropagation import Passes
from multilayer.engine.network import Network
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec
from multilayer.errors import SettingsError

# A number, a block of 3, two numbers, a block of 2, one of 4 beside it; then a code to embed.
BLOCKS = (
    OneHotBlock(1, (0.25, -1.5, 0.0), (1.75, 0.5, 1.0)),
    OneHotBlock(6, (0.0, -2.0), (0.5, 1.5)),
    OneHotBlock(8, (0.0, 0.0, 0.5, 0.0), (2.0, 1.0, 0.25, -1.0)),
)
CODES = ((1, 2), (0, 1), (3, 4), (2, 0), (1, 0))  # of the first two blocks; the last has one more
ROWS = torch.tensor(
    [[0.5, a, -1.0, 2.0, b, place, 2.0] for place, (a, b) in enumerate(CODES)]
).double()
ROWS[:, 1].clamp_(max=3)
ROWS[:, 4].clamp_(max=2)


def by_hand(rows: torch.Tensor) -> torch.Tensor:
    dense = []
    for first, a, x, y, b, c, code in rows.tolist():
        parts = []
        for block, given in zip(BLOCKS, (a, b, c), strict=True):
            values = list(block.absent)
            if given:
                values[int(given) - 1] = block.present[int(given) - 1]
            parts.append(values)
        dense.append([first, *parts[0], x, y, *parts[1], *parts[2], code])
    return torch.tensor(dense).double()


def spec_with(blocks: tuple[OneHotBlock, ...], **fields) -> NetworkSpec:
    return NetworkSpec(13, 3, (5,), "tanh", one_hot_blocks=blocks, **fields)


SPECS = {
    "plain": {},
    "standardized": {"standardize_inputs": True},
    "embedded": {"embedded_numbers": 1, "category_sizes": (4,), "scale_layer": True},
}


@pytest.mark.parametrize("num_members", [1, 2])
@pytest.mark.parametrize("name", SPECS)
def test_codes_give_what_dense_columns_give(name, num_members) -> None:
    flats, found = [], []
    for blocks, rows in ((BLOCKS, ROWS), ((), by_hand(ROWS))):
        spec = spec_with(blocks, **SPECS[name])
        settings = [
            TrainingSettings(seed=seed, initialization="data") for seed in range(num_members)
        ]
        network = Network.for_training(spec, settings, rows, dtype=torch.float64)
        flats.append(network.parameters)
        gradient = torch.zeros_like(network.parameters)
        passes = Passes(spec, network.parameters, gradient)
        for _ in range(2):  # the second time over buffers that the first has filled
            logits = passes.forward(rows.unsqueeze(0)).clone()
        passes.backward(torch.cos(logits))
        found.append((logits, gradient, network.logits(rows).clone()))
    torch.testing.assert_close(*flats, rtol=0, atol=1e-10)
    for looked_up, dense in zip(*found, strict=True):
        torch.testing.assert_close(looked_up, dense, rtol=0, atol=1e-10)


def test_gradients_are_those_of_autograd() -> None:
    spec = spec_with(BLOCKS)
    network = Network.initialized(spec, [3], dtype=torch.float64)
    gradient = torch.zeros_like(network.parameters)
    passes = Passes(spec, network.parameters, gradient)
    targets = torch.tensor([0, 1, 2, 1, 0])
    probabilities = passes.forward(ROWS.unsqueeze(0))[0].softmax(-1)
    passes.backward(((probabilities - functional.one_hot(targets, 3)) / len(ROWS)).unsqueeze(0))
    views = [
        slot.view(network.parameters)[0].clone().requires_grad_() for slot in spec.parameter_slots
    ]
    by_name = dict(zip((slot.name for slot in spec.parameter_slots), views, strict=True))
    hidden = (by_hand(ROWS) @ by_name["linear_0.weight"] + by_name["linear_0.bias"]).tanh()
    logits = hidden @ by_name["linear_1.weight"] + by_name["linear_1.bias"]
    functional.cross_entropy(logits, targets).backward()
    for slot, view in zip(spec.parameter_slots, views, strict=True):
        torch.testing.assert_close(slot.view(gradient)[0], view.grad, rtol=0, atol=1e-10)


def test_rows_are_narrow() -> None:
    spec = spec_with(BLOCKS)
    assert spec.row_width == ROWS.shape[1] == 7
    assert code_places(BLOCKS) == [1, 4, 5]
    covered = np.zeros(13, int)
    for row_part, part in plain_parts(13, BLOCKS):
        assert part.stop - part.start == row_part.stop - row_part.start
        covered[part] += 1
    assert covered.tolist() == [1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 1]


@pytest.mark.parametrize(
    "blocks",
    [BLOCKS[::-1], (OneHotBlock(12, (0.0, 0.0), (1.0, 1.0)),), (OneHotBlock(0, (), ()),),
     (OneHotBlock(0, (0.0,), (1.0, 1.0)),)],
)  # fmt: skip
def test_blocks_must_lie_apart(blocks) -> None:
    with pytest.raises(SettingsError, match="lie apart"):
        spec_with(blocks)


def test_a_file_says_nothing_of_blocks() -> None:
    spec = spec_with(BLOCKS)
    document = spec.to_json()
    assert "one_hot_blocks" not in document
    assert NetworkSpec.from_json(document) == spec_with(())
    with pytest.raises(TypeError, match="one_hot_blocks"):
        NetworkSpec.from_json({**document, "one_hot_blocks": []})
