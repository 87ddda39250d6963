"""Hand-written optimisers against torch.optim, in float64."""

import pytest
import torch

from multilayer.engine.optimizers import SGD, Adam


@pytest.mark.parametrize("own_rates", [False, True])
@pytest.mark.parametrize("num_members", [1, 3])
@pytest.mark.parametrize(
    ("ours", "rate", "theirs"),
    [
        (lambda p: SGD(p), 0.1, lambda p: torch.optim.SGD([p], 0.1)),
        (lambda p: SGD(p, 0.9), 0.1, lambda p: torch.optim.SGD([p], 0.1, 0.9)),
        (lambda p: Adam(p), 0.01, lambda p: torch.optim.Adam([p], 0.01)),
        (
            lambda p: Adam(p, (0.8, 0.95), 1e-3),
            0.01,
            lambda p: torch.optim.Adam([p], 0.01, (0.8, 0.95), 1e-3),
        ),
    ],
    ids=["sgd", "sgd with momentum", "adam", "adam with other betas and epsilon"],
)
def test_fifty_steps_agree_with_torch(ours, rate, theirs, num_members, own_rates):
    start = torch.randn(num_members, 20, dtype=torch.float64)
    our_parameters, their_parameters = start.clone(), torch.nn.Parameter(start.clone())
    our_optimizer, their_optimizer = ours(our_parameters), theirs(their_parameters)
    for _ in range(50):
        gradient = torch.randn_like(start)
        kept = gradient.clone()
        rates = torch.full((num_members, 1), rate, dtype=torch.float64)
        our_optimizer.step(gradient, rates if own_rates else rate)
        assert torch.equal(gradient, kept)
        their_parameters.grad = gradient
        their_optimizer.step()
    assert not torch.equal(start, our_parameters)
    torch.testing.assert_close(our_parameters, their_parameters.data, atol=1e-10, rtol=0)
