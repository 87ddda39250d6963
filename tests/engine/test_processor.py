import pytest
import torch

from multilayer.engine.batches import Examples
from multilayer.engine.network import Network
from multilayer.engine.processor import choose_num_threads, processor
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec
from multilayer.engine.training import train


def state() -> tuple[int, str, bool]:
    flushes = float(torch.tensor(1e-310, dtype=torch.float64) * 1) == 0
    return torch.get_num_threads(), torch.get_float32_matmul_precision(), flushes


def test_settings_of_the_process_hold_during_an_epoch_only():
    before = state()
    network = Network.initialized(NetworkSpec(4, 3, (8,)))
    rows = Examples(torch.randn(64, 4), torch.randint(3, (64,)))
    settings = TrainingSettings(precision="medium", num_threads=1, max_epochs=2)
    for _ in train(network, rows, settings):
        assert state() == before
    assert state() == before


def test_they_are_put_back_after_an_error():
    before = state()
    with pytest.raises(ZeroDivisionError), processor(1, "medium"):
        assert state() == (1, "medium", True)
        1 / 0  # noqa: B018
    assert state() == before


def test_small_steps_take_one_thread_and_large_ones_all():
    small, large = NetworkSpec(64, 10, (64,)), NetworkSpec(784, 10, (256,))
    settings = TrainingSettings(batch_size=32)
    assert choose_num_threads(settings, small, 1) == 1
    assert choose_num_threads(settings, small, 64) == torch.get_num_threads()
    assert choose_num_threads(settings, large, 1) == torch.get_num_threads()
    assert choose_num_threads(TrainingSettings(num_threads=3), small, 1) == 3
