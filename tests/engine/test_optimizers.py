"""Hand-written optimisers against torch.optim, in float64."""

import pytest
import torch

from multilayer.engine.optimizers import SGD, Adam, make_optimizer
from multilayer.engine.settings import TrainingSettings


@pytest.mark.parametrize("num_members", [1, 3])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (lambda p: SGD(p, 0.1), lambda p: torch.optim.SGD([p], 0.1)),
        (lambda p: SGD(p, 0.1, 0.9), lambda p: torch.optim.SGD([p], 0.1, 0.9)),
        (lambda p: Adam(p, 0.01), lambda p: torch.optim.Adam([p], 0.01)),
        (
            lambda p: Adam(p, 0.01, (0.8, 0.95), 1e-3),
            lambda p: torch.optim.Adam([p], 0.01, (0.8, 0.95), 1e-3),
        ),
    ],
    ids=["sgd", "sgd with momentum", "adam", "adam with other betas and epsilon"],
)
def test_fifty_steps_agree_with_torch(ours, theirs, num_members):
    start = torch.randn(num_members, 20, dtype=torch.float64)
    our_parameters, their_parameters = start.clone(), torch.nn.Parameter(start.clone())
    our_optimizer, their_optimizer = ours(our_parameters), theirs(their_parameters)
    for _ in range(50):
        gradient = torch.randn_like(start)
        kept = gradient.clone()
        our_optimizer.step(gradient)
        assert torch.equal(gradient, kept)
        their_parameters.grad = gradient
        their_optimizer.step()
    assert not torch.equal(start, our_parameters)
    torch.testing.assert_close(our_parameters, their_parameters.data, atol=1e-10, rtol=0)


def test_settings_choose_the_optimizer():
    parameters = torch.zeros(1, 3)
    sgd = make_optimizer(parameters, TrainingSettings(learning_rate=0.2, momentum=0.5))
    assert isinstance(sgd, SGD)
    assert (sgd.learning_rate, sgd.momentum) == (0.2, 0.5)
    adam = make_optimizer(parameters, TrainingSettings(optimizer="adam", learning_rate=0.3))
    assert isinstance(adam, Adam)
    assert adam.learning_rate == 0.3
