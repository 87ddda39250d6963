"""A fit on a graphics card gives the network that the processor gives."""

from dataclasses import replace

import pytest
import torch

from multilayer.engine.batches import Examples
from multilayer.engine.network import Network
from multilayer.engine.settings import TrainingSettings
from multilayer.engine.specification import NetworkSpec
from multilayer.engine.step_choice import can_be_recorded
from multilayer.engine.training import train

SETTINGS = TrainingSettings(hidden_widths=(16,), batch_size=32, max_epochs=5)
needs_card = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="there is no NVIDIA card here, or PyTorch cannot use it"
)


@needs_card
@pytest.mark.parametrize(
    "changes",
    [{}, {"optimizer": "adam"}, {"schedule": "cosine", "momentum": 0.9}, {"selection": "loss"}],
    ids=["recorded descent", "recorded adam", "launched one by one", "selection"],
)
@pytest.mark.parametrize("num_members", [1, 3])
def test_a_fit_on_a_card_is_that_on_the_processor(changes, num_members):
    source = torch.Generator().manual_seed(0)
    labels = torch.randint(3, (250,), generator=source)
    centres = 4 * torch.randn(3, 4, generator=source, dtype=torch.float64)
    noise = torch.randn(250, 4, generator=source, dtype=torch.float64)
    rows = Examples(centres[labels] + noise, labels)
    networks = {}
    for device in ("cpu", "cuda"):
        network = networks[device] = Network.initialized(
            NetworkSpec(4, 3, (16,)), range(num_members), dtype=torch.float64
        )
        list(train(network, rows, replace(SETTINGS, device=device, **changes), validation=rows))
        assert network.parameters.device.type == "cpu"
    torch.testing.assert_close(
        networks["cuda"].parameters, networks["cpu"].parameters, atol=1e-8, rtol=0
    )


@needs_card
def test_a_recorded_step_goes_on_from_a_state_as_if_nothing_had_been_between():
    source = torch.Generator().manual_seed(0)
    inputs = torch.randn(250, 4, generator=source, dtype=torch.float64)
    rows = Examples(inputs, inputs[:, :2].abs())
    spec = NetworkSpec(4, 4, (16,), batch_norm=True)
    settings = replace(
        SETTINGS, device="cuda", optimizer="adam", loss="quantile", quantiles=(0.1, 0.9),
        batch_norm=True,
    )  # fmt: skip
    whole = Network.initialized(spec, dtype=torch.float64)
    keeper = Keeper()
    list(train(whole, rows, settings, keeper=keeper))
    resumed = Network.initialized(spec, dtype=torch.float64)
    list(train(resumed, rows, settings, state=keeper.state))
    torch.testing.assert_close(resumed.parameters, whole.parameters, atol=0, rtol=0)
    on_processor = Network.initialized(spec, dtype=torch.float64)
    list(train(on_processor, rows, replace(settings, device="cpu")))
    torch.testing.assert_close(whole.parameters, on_processor.parameters, atol=1e-8, rtol=0)


class Keeper:
    """Keeps the state of the third epoch, once there is a recording."""

    def __init__(self):
        self.num_asked, self.state = 0, None

    def is_due(self, *, is_epoch_over):
        self.num_asked += 1
        return self.num_asked == 22

    def keep(self, state):
        self.state = state


@needs_card
def test_dropout_on_a_card_learns():
    rows = Examples(torch.eye(4).repeat(20, 1), torch.arange(4).repeat(20))
    network = Network.initialized(NetworkSpec(4, 4, (16,)))
    settings = replace(SETTINGS, device="cuda", dropout=0.2, learning_rate=0.5, max_epochs=60)
    *_, last = train(network, rows, settings, validation=rows)
    assert last.validation.accuracy == (1.0,)


@pytest.mark.parametrize(
    ("changes", "is_recorded"),
    [
        ({}, True),
        ({"optimizer": "adam"}, True),
        ({"schedule": "cosine"}, False),
        ({"average_decay": 0.9}, False),
        ({"dropout": 0.1}, False),
        ({"input_dropout": 0.1}, False),
        ({"weight_decay": 0.1, "regularization_schedule": "flat_cosine"}, False),
    ],
)
def test_steps_that_differ_from_one_another_are_not_recorded(changes, is_recorded):
    members = [replace(SETTINGS, **changes)] * 2
    assert can_be_recorded(members, torch.device("cuda"), None) == is_recorded
    assert not can_be_recorded(members, torch.device("cpu"), None)
