"""Whether a machine can do a fit is told before it begins."""

from dataclasses import replace

import pytest
import torch

from multilayer.engine import machine
from multilayer.engine.batches import Examples
from multilayer.engine.machine import choose_device
from multilayer.engine.network import Network
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec
from multilayer.engine.training import train
from multilayer.errors import SettingsError

SETTINGS = TrainingSettings(hidden_widths=(64,), batch_size=8)
ROWS = Examples(torch.zeros(8, 4), torch.zeros(8, dtype=torch.int64))


def test_the_estimate_counts_copies_of_the_parameters_and_what_flows_in_a_batch():
    spec = NetworkSpec(4, 3, (64,))
    flowing = 8 * (4 + 3 * (64 + 3))
    plain = 2 * spec.num_parameters + flowing
    assert machine.fit_bytes(spec, [SETTINGS]) == 4 * plain
    adam = replace(SETTINGS, optimizer="adam", selection="loss", average_decay=0.9)
    assert machine.fit_bytes(spec, [adam] * 5) == 5 * 4 * (plain + 4 * spec.num_parameters)


def test_members_that_do_not_fit_in_memory_are_refused(monkeypatch):
    monkeypatch.setattr(machine, "free_bytes", lambda device: 10_000)
    network = Network.initialized(NetworkSpec(4, 3, (64,)), range(7))
    message = (
        r"training 7 networks of 4-64-3 with batches of 8 takes about 0\.0 GB of memory, and "
        r"0\.0 GB are free; take fewer or smaller ones"
    )
    with pytest.raises(SettingsError, match=message):
        next(train(network, ROWS, SETTINGS))


def test_free_memory_is_less_than_all_of_it():
    free = machine.free_bytes()
    assert free is None or 10**7 < free < 10**14


def test_more_threads_than_cores_are_refused():
    settings = replace(SETTINGS, num_threads=machine.num_usable_cores() + 1)
    with pytest.raises(SettingsError, match=r"num_threads is \d+, and this process may use \d+"):
        next(train(Network.initialized(NetworkSpec(4, 3, (64,))), ROWS, settings))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a graphics card here")
def test_a_card_that_is_not_there_is_refused():
    with pytest.raises(SettingsError, match="device 'cuda' needs an NVIDIA card, and PyTorch"):
        next(train(Network.initialized(NetworkSpec(4, 3)), ROWS, replace(SETTINGS, device="cuda")))
    assert choose_device("cpu") == torch.device("cpu")
