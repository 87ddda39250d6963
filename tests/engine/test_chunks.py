"""Rows on the disk, held against the same rows in memory."""

import numpy as np
import pytest
import torch

from multilayer.encoding.encoded_map import EncodedRows, RowFile
from multilayer.engine.batches import BatchSource, Examples
from multilayer.engine.chunks import ChunkedExamples
from multilayer.engine.network import Network
from multilayer.engine.randomness import generator
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.training import train
from multilayer.engine.training_loop import Training
from multilayer.errors import SettingsError

NUM_ROWS, BATCH = 1003, 10
RNG = np.random.default_rng(0)
INPUTS = RNG.normal(size=(NUM_ROWS, 7)).astype(np.float32)
INPUTS[:, 0] = np.arange(NUM_ROWS)
TARGETS = (INPUTS[:, 1] + INPUTS[:, 2] > 0).astype(np.int64)
WEIGHTS = RNG.uniform(0.5, 2, NUM_ROWS).astype(np.float32)
EXAMPLES = Examples(*map(torch.from_numpy, (INPUTS, TARGETS, WEIGHTS)))
ROW_BYTES = 7 * 4 + 8 + 4
SETTINGS = TrainingSettings(
    hidden_widths=(8,), batch_size=BATCH, max_epochs=3, optimizer="adam", learning_rate=0.01
)


@pytest.fixture
def rows(tmp_path) -> EncodedRows:
    files = []
    for name, array in (("i", INPUTS), ("t", TARGETS), ("w", WEIGHTS)):
        path = tmp_path / name
        path.write_bytes(array.tobytes())
        files.append(RowFile(path, str(array.dtype), array.shape[1:]))
    return EncodedRows(NUM_ROWS, *files, "made here")


def source_of(examples, seeds=(0,), **options) -> BatchSource:
    return BatchSource(examples, BATCH, [generator(seed, "shuffle") for seed in seeds], **options)


def epoch_of(source: BatchSource, num_done: int = 0) -> list[list[float]]:
    """The row numbers of each batch."""
    return [batch.inputs[..., 0].flatten().tolist() for batch in source.epoch(num_done)]


def test_a_chunk_that_holds_everything_gives_the_batches_of_memory(rows):
    for options in ({}, {"drop_last": True}, {"part": (1, 3)}, {"seeds": (0, 5)}):
        chunked = source_of(ChunkedExamples(rows, 10**6), **options)
        in_memory = source_of(EXAMPLES, **options)
        assert len(chunked) == len(in_memory)
        for _ in range(2):
            for batch, other in zip(chunked.epoch(), in_memory.epoch(), strict=True):
                assert torch.equal(batch.inputs, other.inputs)
                assert torch.equal(batch.targets, other.targets)
                assert torch.equal(batch.weights, other.weights)
                assert batch.num_rows == other.num_rows
                assert torch.equal(torch.as_tensor(batch.share), torch.as_tensor(other.share))


@pytest.mark.parametrize("chunk_bytes", [1, 40 * ROW_BYTES, 300 * ROW_BYTES])
def test_chunks_give_every_row_once_in_random_order(rows, chunk_bytes):
    examples = ChunkedExamples(rows, chunk_bytes)
    chunks = examples.chunks(generator(0, "shuffle"), BATCH)
    assert len(chunks) > 3
    assert all(len(chunk) * ROW_BYTES <= max(chunk_bytes, BATCH * ROW_BYTES) for chunk in chunks)
    assert all(len(chunk) % BATCH == 0 for chunk in chunks[:-1])
    source = source_of(examples)
    batches = epoch_of(source)
    assert len(batches) == len(source) == 101
    assert sorted(number for batch in batches for number in batch) == list(range(NUM_ROWS))
    order = np.concatenate(batches)
    assert abs(np.corrcoef(np.arange(NUM_ROWS), order)[0, 1]) < 0.3
    assert epoch_of(source) != batches
    assert len(epoch_of(source_of(examples, drop_last=True))) == 100


def test_the_rows_of_a_chunk_are_from_all_over_the_table_and_bring_their_targets(rows):
    examples = ChunkedExamples(rows, 300 * ROW_BYTES)
    for chunk in examples.chunks(generator(1, "shuffle"), BATCH):
        loaded = chunk.loaded()
        numbers = loaded.inputs[:, 0].long()
        assert numbers.float().std() > 150
        assert torch.equal(loaded.targets, EXAMPLES.targets[numbers])
        assert torch.equal(loaded.weights, EXAMPLES.weights[numbers])


def test_an_epoch_goes_on_in_the_middle(rows):
    examples = ChunkedExamples(rows, 200 * ROW_BYTES)
    source = source_of(examples)
    state = source.state()
    whole, following = epoch_of(source), epoch_of(source)
    for num_done in (1, 20, 57, 100, 101):
        source.restore(state)
        assert epoch_of(source, num_done) == whole[num_done:]
        assert epoch_of(source) == following


def trained(examples, seeds=(0,), state=None) -> tuple[list, torch.Tensor]:
    members = [TrainingSettings(**{**vars(SETTINGS), "seed": seed}) for seed in seeds]
    network = Network.initialized(members[0].network_spec(7, 2), seeds)
    records = list(train(network, examples, members, validation=EXAMPLES, state=state))
    return [record.train_loss for record in records], network.parameters


@pytest.mark.parametrize("seeds", [(0,), (0, 1, 2)])
def test_training_from_the_disk_is_training_in_memory_bit_for_bit(rows, seeds):
    losses, parameters = trained(ChunkedExamples(rows, 10**6), seeds)
    expected_losses, expected = trained(EXAMPLES, seeds)
    assert losses == expected_losses
    assert torch.equal(parameters, expected)


def test_training_in_chunks_goes_on_from_its_state_bit_for_bit(rows):
    examples = ChunkedExamples(rows, 200 * ROW_BYTES)
    losses, parameters = trained(examples)
    assert losses[-1][0] < losses[0][0]
    network = Network.initialized(SETTINGS.network_spec(7, 2), (0,))
    training = Training(network, examples, SETTINGS, validation=EXAMPLES)
    epochs = training.epochs()
    next(epochs)
    state = training.state()
    epochs.close()
    assert state.fingerprint["data"]["training rows"] == "8000 bytes at a time of made here"
    rest, resumed = trained(examples, state=state)
    assert rest == losses[1:]
    assert torch.equal(resumed, parameters)


def test_rows_of_members_need_memory(rows):
    network = Network.initialized(SETTINGS.network_spec(7, 2), (0,))
    with pytest.raises(SettingsError, match="rows of their own where all are in memory"):
        Training(network, ChunkedExamples(rows, 100), SETTINGS, rows=[torch.arange(5)])
