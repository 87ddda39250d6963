import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from multilayer.engine.batches import Examples
from multilayer.engine.network import Network
from multilayer.engine.processor import choose_num_threads, processor
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec
from multilayer.engine.training import train
from multilayer.recipes.recipes import recipe


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


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_small_steps_take_one_thread_and_large_ones_all(two_threads):
    small, large = NetworkSpec(64, 10, (64,)), NetworkSpec(784, 10, (256,))
    settings = TrainingSettings(batch_size=32)
    assert choose_num_threads(settings, small, 1) == 1
    assert choose_num_threads(settings, small, 64) == 2
    assert choose_num_threads(settings, large, 1) == 2
    assert choose_num_threads(TrainingSettings(num_threads=3), small, 1) == 3


def test_one_network_of_a_table_takes_one_thread_and_five_take_all(two_threads):
    settings = recipe("default", "classification")
    spec = settings.network_spec(20, 2, num_numeric=20)
    assert choose_num_threads(settings, spec, 1) == 1
    assert choose_num_threads(settings, spec, 5) == 2


def test_a_thread_that_begins_beside_a_training_takes_the_usual_number(two_threads):
    large = NetworkSpec(784, 10, (256,))
    with processor(1, "highest"), ThreadPoolExecutor(1) as pool:
        assert pool.submit(torch.get_num_threads).result() == 1  # what was set last
        assert pool.submit(choose_num_threads, TrainingSettings(), large, 1).result() == 2

        def inside() -> int:
            with processor(1, "highest"):
                return 0

        pool.submit(inside).result()
        assert pool.submit(torch.get_num_threads).result() == 2
    assert torch.get_num_threads() == 2


def test_trainings_of_another_precision_and_predictions_wait():
    network = Network.initialized(NetworkSpec(4, 3, (8,)))
    rows, events = torch.randn(64, 4), []

    def train_beside() -> None:
        with processor(1, "highest"):
            events.append(("training", torch.get_float32_matmul_precision()))

    def predict_beside() -> None:
        network.logits(rows)
        events.append(("prediction", torch.get_float32_matmul_precision()))

    before = state()
    with ThreadPoolExecutor(2) as pool:
        with processor(1, "medium"):
            waiting = [pool.submit(train_beside), pool.submit(predict_beside)]
            network.logits(rows)  # its own scores do not
            time.sleep(0.05)
            assert events == []
        for one in waiting:
            one.result()
    assert sorted(events) == [("prediction", "highest"), ("training", "highest")]
    assert state() == before


def test_trainings_in_several_threads_and_predictions_beside_them_are_as_alone(two_threads):
    examples = Examples(torch.randn(600, 30), torch.randint(3, (600,)))
    asked = Network.initialized(NetworkSpec(30, 3, (64,)), (9,))
    every_settings = [
        TrainingSettings(max_epochs=3, batch_size=100, num_threads=number % 2, seed=number)
        for number in range(4)
    ] + [TrainingSettings(max_epochs=3, batch_size=100, precision="medium", num_threads=1)]

    def trained(settings: TrainingSettings) -> torch.Tensor:
        network = Network.initialized(NetworkSpec(30, 3, (64,)), (settings.seed,))
        for _ in train(network, examples, settings, validation=examples):
            pass
        return network.parameters

    alone = [trained(settings) for settings in every_settings]
    answer = asked.logits(examples.inputs)
    with ThreadPoolExecutor(6) as pool:
        together = [pool.submit(trained, settings) for settings in every_settings]
        answers = [pool.submit(asked.logits, examples.inputs) for _ in range(20)]
        assert all(torch.equal(future.result(), answer) for future in answers)
        for future, expected in zip(together, alone, strict=True):
            assert torch.equal(future.result(), expected)
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("policy", [None, "ACTIVE"])
def test_threads_wait_shortly_unless_the_user_said_how(policy):
    own = {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"}
    environment = {name: value for name, value in os.environ.items() if name not in own}
    if policy is not None:
        environment["OMP_WAIT_POLICY"] = policy
    program = "import os, multilayer; print(os.environ.get('GOMP_SPINCOUNT'))"
    said = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert said.stdout == ("2000\n" if policy is None else "None\n")
